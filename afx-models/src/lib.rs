#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Recurrent cells, conditioning adapters and model specifications for neural audio effects.

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod adapter;
mod dense;
mod fir;
mod gru;

pub use adapter::{Concat, Cover, Film, Fixed, StaticHyper};
pub use dense::Dense;
pub use fir::Fir;
pub use gru::Gru;

/// The default of a field that is on unless switched off.
#[cfg(feature = "serde")]
fn yes() -> bool {
    true
}
