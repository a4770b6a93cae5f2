//! What the benches share: noise and untrained models. See `README.md`.
//!
//! Because this crate is never published and so may look into its neighbours' folders, the examples of those READMEs are compiled here that
//! their own crates do not compile.

use afx::core::Voice;
use afx::io::ModelFile;
use afx::io::dataset::Knob;
use afx::models::{AnyAdapter, AnyLayer, ModelSpec};

/// Frames in a block.
pub const BLOCK: usize = 64;

/// One model for each kind of conditioning; `gru` is the one whose knobs do nothing.
pub const NAMES: [&str; 5] = ["gru", "concat-gru", "film-gru", "static-hyper-gru", "low-rank-hyper-gru"];

/// The same for convolutional cells, the two without knobs first.
pub const CONVOLUTIONAL: [&str; 8] =
    ["tcn", "gcn", "concat-tcn", "film-tcn", "static-hyper-tcn", "concat-gcn", "film-gcn", "static-hyper-gcn"];

/// A generator of `[-1, 1)` from a seed.
pub fn uniform(mut seed: u32) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed) / 2f64.powi(31) - 1.0
    }
}

/// White noise at -12 dBFS peak.
pub fn noise(frames: usize, seed: u32) -> Vec<f32> {
    let mut next = uniform(seed);
    (0..frames).map(|_| 0.25 * next() as f32).collect()
}

/// An untrained voice with two knobs in the middle; the numbers do not change what a sample costs, as long as knobs move all that they can.
pub fn voice(name: &str, hidden: usize, channels: usize) -> Voice<f32, AnyLayer, AnyAdapter> {
    let spec = ModelSpec::named(name, hidden, 2).expect("a name and a size that the library knows");
    let mut learnt: Vec<f32> = spec.build().expect("it was checked").initialize(&mut uniform(1));
    // What starts at zero would keep a knob from moving anything.
    let mut next = uniform(2);
    learnt.iter_mut().for_each(|v| *v += 0.01 * next() as f32);
    let knobs = vec![Knob::new("drive", -1.0, 1.0), Knob::new("tone", -1.0, 1.0)];
    let model = ModelFile::new(name, spec, 48_000, knobs, learnt);
    model.voice(channels).expect("the parts were made for each other")
}

#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../afx-core/README.md")]
    struct Core;
    #[doc = include_str!("../../afx-models/README.md")]
    struct Models;
    #[doc = include_str!("../../afx-train/README.md")]
    struct Train;
}
