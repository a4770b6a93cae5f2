#![no_std]
//! Two effects, a signal with moving knobs, and what must come out: the part of the program that a desktop can run as well.

extern crate alloc;

use afx_core::{Adapter, Chain, Conditioned, Layer, Processor, Scalar, Voice};
use afx_models::{Concat, Dense, Gru, Network, StaticHyper};
use alloc::vec::Vec;

/// Sample rate of both effects.
pub const RATE_HZ: f64 = 48e3;
/// How long they play: a tenth of a second.
pub const FRAMES: usize = 4800;
/// One number of so many is compared.
pub const EVERY: usize = 50;
/// How far a number may lie from the same effect's in double precision: not quite twice the 1.1e-6 found on a desktop, for the rounding of
/// `f32` with and without fused multiply-add and for the 4.5e-7 of the rational tanh, both carried on by the memory.
pub const TOLERANCE: f32 = 2e-6;

/// The overdrive's output in double precision; `cargo run` on a desktop prints it.
pub static OVERDRIVE: [f32; FRAMES / EVERY] = include!("overdrive.in");
/// The hypernetwork's.
pub static HYPER: [f32; FRAMES / EVERY] = include!("hyper.in");

/// The model of `afx-no-std` in any precision.
pub fn overdrive<T: Scalar>() -> Voice<T, Chain<Gru, Dense>, Concat> {
    let model = afx_no_std::effect(&afx_no_std::LEARNT, RATE_HZ).expect("its own test says that the numbers fit").model().clone();
    let learnt: Vec<T> = afx_no_std::LEARNT.iter().map(|v| T::from_f64(f64::from(*v))).collect();
    Voice::new(model, &learnt, RATE_HZ, 1).expect("the same numbers, rounded to themselves")
}

/// Two knobs that make every weight of a small recurrent network; the numbers are random, half as large again as first values are.
pub fn hyper<T: Scalar>() -> Voice<T, Chain<Gru, Dense>, StaticHyper> {
    let layer = Chain(Gru::new(1, 8), Dense::new(8, 1));
    let adapter = StaticHyper::new(&Layer::<T>::layout(&layer), 2, Network::smooth(4, 2));
    let model = Conditioned { layer, adapter };
    let mut seed = 1u32;
    let learnt: Vec<T> = model.initialize(&mut || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1.5 * (f64::from(seed >> 8) / f64::from(1u32 << 23) - 1.0)
    });
    Voice::new(model, &learnt, RATE_HZ, 1).expect("the numbers are the model's own")
}

/// Plays a loud triangle of 220 Hz in blocks of 64 while two knobs move, and gives every so many samples to `each`.
pub fn play<T: Scalar, A: Adapter<T>>(effect: &mut Voice<T, Chain<Gru, Dense>, A>, mut each: impl FnMut(usize, T)) {
    let (mut x, mut y) = ([T::ZERO; 64], [T::ZERO; 64]);
    for (block, start) in (0..FRAMES).step_by(64).enumerate() {
        for (n, x) in x.iter_mut().enumerate() {
            // 24 000 steps up, as many down: exact in any precision that holds a sample.
            let phase = ((start + n) * 220 % 48_000) as i32;
            *x = T::from_f64(0.25 * f64::from((phase - 24_000).abs() - 12_000) / 12_000.0);
        }
        let knobs = [(block * 7) % 16, (block * 5) % 16].map(|v| T::from_f64(v as f64 / 8.0 - 1.0));
        effect.set_controls(&knobs[..effect.controls().len()]);
        effect.process(&[&x], &mut [&mut y]);
        for (n, y) in y.iter().enumerate().take(FRAMES - start) {
            if (start + n).is_multiple_of(EVERY) {
                each((start + n) / EVERY, *y);
            }
        }
    }
}

/// How far the output lies from the numbers expected; NaN where any is.
pub fn deviation<A: Adapter<f32>>(effect: &mut Voice<f32, Chain<Gru, Dense>, A>, expected: &[f32; FRAMES / EVERY]) -> f32 {
    let mut worst = 0f32;
    play(effect, |n, y| {
        let error = (y - expected[n]).abs();
        // `max` would lose a NaN; once here, it stays, since nothing is larger.
        if error > worst || error.is_nan() {
            worst = error;
        }
    });
    worst
}

/// Whether the vector kernel keeps NaN, as the voice's own guard needs it.
pub fn nan_stays_nan() -> bool {
    let mut values = [0.0, f32::NAN, 100.0];
    afx_core::activation::tanh_slice(&mut values);
    values[0] == 0.0 && values[1].is_nan() && values[2] > 0.999
}
