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
//! No input spoils what follows it. To the oversamplers and the filters NaN, infinities and samples beyond 1e10 are silence, so
//! their output stays finite and goes on as if there had been silence; [`circuit`] says what they are to a circuit. States that
//! decay become exactly 0 below 1e-30, and the state of a filter that diverges starts again from 0 where it passes 1e30.
//!
//! Features: `std` (default), `libm` (elementary functions without `std`), `serde` (settings as data).
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod circuit;
mod error;
pub mod filter;
pub mod oversample;
pub mod source;

pub use error::DspError;
pub use oversample::{Factor, HalfBand, Oversampler};

use afx_core::Scalar;

/// Zero for a state too small to hear, so that decaying states never reach the slow subnormal numbers. NaN stays NaN:
/// [`heard`] and the circuits' `volts` keep it out.
#[inline(always)]
pub(crate) fn flush<T: Scalar>(state: T) -> T {
    if state.abs() < T::from_f64(1e-30) { T::ZERO } else { state }
}

/// [`flush`] of a state that may diverge: NaN and what lies beyond 1e30 become zero too, so the filter starts again by itself.
#[inline(always)]
pub(crate) fn flush_or_restart<T: Scalar>(state: T) -> T {
    let size = state.abs();
    if (size >= T::from_f64(1e-30)) & (size <= T::from_f64(1e30)) { state } else { T::ZERO }
}

/// A sample as it enters a filter: zero for NaN and for what lies beyond 1e10, which is no signal (32-bit integers end at 2e9).
#[inline(always)]
pub(crate) fn heard<T: Scalar>(x: T) -> T {
    if x.abs() <= T::from_f64(1e10) { x } else { T::ZERO }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
