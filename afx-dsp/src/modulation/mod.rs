//! Effects that a slow oscillator moves: [`ModulatedDelay`] is chorus, flanger and vibrato; [`Phaser`], [`Tremolo`].
//!
//! All have an [`Lfo`] of their own, whose rate may change at any time and which begins at its start phase after a `reset`: two channels are put
//! apart by start phases that differ.

mod lfo;
mod modulated_delay;
mod phaser;
mod tremolo;

pub use lfo::{Lfo, Wave};
pub use modulated_delay::ModulatedDelay;
pub use phaser::Phaser;
pub use tremolo::Tremolo;

use crate::knob::Knob;

/// The rate of an oscillator.
fn rate(rate_hz: f64, sample_rate_hz: f64) -> Knob {
    Knob::new("rate_hz", "0.01 to 20", [0.01, 20.0], true, rate_hz, sample_rate_hz)
}
