//! Effects that a slow oscillator moves: [`ModulatedDelay`] is chorus, flanger and vibrato.
//!
//! All have an [`Lfo`] of their own, whose rate may change at any time and which begins at its start phase after a `reset`: two channels are put
//! apart by start phases that differ.

mod lfo;
mod modulated_delay;

pub use lfo::{Lfo, Wave};
pub use modulated_delay::ModulatedDelay;

use crate::knob::Knob;

/// The rate of an oscillator.
fn rate(rate_hz: f64, sample_rate_hz: f64) -> Knob {
    Knob::new("rate_hz", "0.01 to 20", [0.01, 20.0], true, rate_hz, sample_rate_hz)
}
