//! Classical audio effect blocks, real-time safe and `no_std`.
//!
//! - [`oversample`]: half-band oversamplers, 2x to 16x, with latency known before the first block.
//! - [`circuit`]: analogue circuits as differential equations, and the offline renderer of their reference output.
//! - [`filter`]: state-variable filter, biquads, DC blocker.
//! - [`source`]: seeded random numbers and a dry electric guitar to feed the circuits with.
//!
//! Everything named `process*`, `set_*` or `reset` neither allocates, locks nor panics, takes blocks of any length including
//! none, and gives the same bits for any split of the signal into blocks. Constructors allocate and return errors.
//!
//! Features: `std` (default), `libm` (elementary functions without `std`), `serde` (settings as data).
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod circuit;
mod error;
pub mod filter;
pub mod oversample;
pub mod source;

pub use error::DspError;
pub use oversample::{Factor, HalfBand, Oversampler};

use afx_core::Scalar;

/// Zero for a state too small to hear, so that decaying states never reach the slow subnormal numbers. NaN stays NaN.
#[inline(always)]
pub(crate) fn flush<T: Scalar>(state: T) -> T {
    if state.abs() < T::from_f64(1e-30) { T::ZERO } else { state }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
