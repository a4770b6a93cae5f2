#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Traits, vector kernels and real-time plumbing for knob-conditioned audio effects.

#[cfg(not(any(feature = "std", feature = "libm")))]
compile_error!("afx-core needs feature `std` or feature `libm` for its elementary functions");

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod activation;
mod scalar;
pub mod simd;

pub use scalar::Scalar;
