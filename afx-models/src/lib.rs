#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Recurrent and convolutional cells, conditioning adapters and model specifications for neural audio effects.
//!
//! A layer ([`Gru`], [`Lstm`], [`Rnn`], [`DynamicHyper`], [`Tcn`], [`Gcn`], [`WaveNet`], [`S4d`], [`Tfilm`], [`Conv1d`], [`Dense`], [`Fir`], [`Iir`],
//! [`Dynamics`], [`Nonlinear`], one with a [`Skip`], or several in a row) is a plain effect; an adapter ([`Fixed`], [`Concat`], [`Film`],
//! [`StaticHyper`], [`LowRankHyper`]) makes its parameters a function of knobs. Any adapter drives any layer. A [`StateDelay`] plays a layer at
//! another sample rate than that of its training. Compose them in types with
//! [`afx_core::Chain`] and [`afx_core::Conditioned`], or at run time with [`ModelSpec`], which is also what a model file holds.
//!
//! ```
//! use afx_core::{Processor, Voice};
//! use afx_models::ModelSpec;
//!
//! let spec = ModelSpec::named("static-hyper-gru", 32, 2)?;
//! let model = spec.build()?;
//! let mut seed = 1u32; // any generator of [-1, 1) will do; a trained model's numbers come from a file
//! let learnt = model.initialize(&mut || {
//!     seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
//!     seed as f64 / 2f64.powi(31) - 1.0
//! });
//! let mut voice = Voice::new(model, &learnt, 48_000.0, 1)?;
//! let (input, mut output) = ([0.1f32; 64], [0f32; 64]);
//! voice.set_controls(&[0.5, -0.2]);
//! voice.process(&[&input], &mut [&mut output]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

extern crate alloc;
#[cfg(test)]
extern crate std;

mod adapter;
mod any;
mod cell;
mod conv;
mod conv1d;
mod dense;
mod dynamic_hyper;
mod dynamics;
mod fir;
mod gcn;
mod gru;
mod iir;
mod lstm;
mod nonlinear;
mod rnn;
mod s4d;
mod skip;
mod spec;
mod state_delay;
mod tcn;
mod tfilm;
mod wavenet;

pub use adapter::{Activation, Concat, Cover, Film, Fixed, LowRankHyper, Network, StaticHyper};
pub use any::{AnyAdapter, AnyLayer, Conditioning};
pub use conv1d::Conv1d;
pub use dense::Dense;
pub use dynamic_hyper::{DynamicCell, DynamicHyper};
pub use dynamics::Dynamics;
pub use fir::Fir;
pub use gcn::Gcn;
pub use gru::Gru;
pub use iir::Iir;
pub use lstm::Lstm;
pub use nonlinear::{Function, Nonlinear};
pub use rnn::Rnn;
pub use s4d::S4d;
pub use skip::Skip;
pub use spec::{ModelSpec, SpecError};
pub use state_delay::{StateDelay, StateDelayError};
pub use tcn::Tcn;
pub use tfilm::Tfilm;
pub use wavenet::{Pointwise, WaveNet, WaveNetArray, WaveNetLayer};

/// The default of a distance between neighbours.
#[cfg(feature = "serde")]
fn one() -> usize {
    1
}

/// The default of a field that is on unless switched off.
#[cfg(feature = "serde")]
fn yes() -> bool {
    true
}
