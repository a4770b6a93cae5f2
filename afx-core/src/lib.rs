#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Traits, vector kernels and real-time plumbing for knob-conditioned audio effects.
//!
//! A conditioned effect is a plain effect whose parameters are a differentiable function of its knobs. Here are the pieces that sentence
//! needs: [`Layer`] (a plain effect: sizes only), [`Layout`] (its parameters, one slice), [`Adapter`] (knobs to parameters),
//! [`Conditioned`] (the two together) and [`Voice`] (one that plays, behind the object-safe [`Processor`]). [`Differentiable`] adds the
//! derivative for training. A classical effect of one channel is [`Mono`], whose knobs are [`Ramp`]s; [`Channels`] makes a [`Processor`] of it.
//! [`Series`] puts processors in a row, [`Mix`] adds what came in, [`Swap`] changes one for another while it plays. Cells, adapters and filters
//! live in `afx-models` and `afx-dsp`.

#[cfg(not(any(feature = "std", feature = "libm")))]
compile_error!("afx-core needs feature `std` or feature `libm` for its elementary functions");

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod activation;
mod adapter;
mod aligned;
mod chain;
mod channels;
pub mod kernels;
mod layer;
mod layout;
mod mix;
mod mono;
mod moving;
mod processor;
mod ramp;
mod scalar;
mod series;
pub mod simd;
mod swap;
#[cfg(feature = "dev")]
pub mod testing;
mod voice;

pub use adapter::{Adapter, Conditioned};
pub use aligned::Aligned;
pub use chain::Chain;
pub use channels::Channels;
pub use layer::{Differentiable, Layer, SETTLE_FRAMES, play_until_still};
pub use layout::{ALIGN, Affine, Layout, Role, Tensor, places};
pub use mix::Mix;
pub use mono::Mono;
pub use moving::Moving;
pub use processor::Processor;
pub use ramp::Ramp;
pub use scalar::Scalar;
pub use series::Series;
pub use swap::Swap;
pub use voice::{Voice, VoiceError};
