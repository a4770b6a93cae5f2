//! Analogue circuits: their differential equations, integrated with the trapezoidal rule and solved to convergence.
//!
//! A circuit runs at the rate it is given; run it inside an [`crate::Oversampler`] to keep aliases and the error of the
//! trapezoidal rule down, or use its `render`, which does so at 8x and removes the latency. States are `f64` whatever the
//! signal is. Input that is not finite counts as 0 V and input beyond 1000 V as 1000 V, so a circuit cannot be blown.
//! In silence its states become exactly 0, never subnormal.

/// The block forms of a circuit whose `tick` makes one sample of another, in `f64`.
macro_rules! per_sample {
    () => {
        /// Runs the circuit on the samples that both `x` and `y` hold.
        pub fn process<T: Scalar>(&mut self, x: &[T], y: &mut [T]) {
            for (y, x) in y.iter_mut().zip(x) {
                *y = T::from_f64(self.tick(x.to_f64()));
            }
        }

        /// [`Self::process`] in place.
        pub fn process_in_place<T: Scalar>(&mut self, samples: &mut [T]) {
            for s in samples {
                *s = T::from_f64(self.tick(s.to_f64()));
            }
        }
    };
}

mod diode;
mod diode_clip;
mod synth_od;
mod tone_stack;

pub use diode_clip::DiodeClip;
pub use synth_od::SynthOd;
pub use tone_stack::{Taper, ToneStack, ToneStackParts};

pub(crate) use diode::{DiodePair, sinh_cosh};

use crate::oversample::Factor;
use crate::{DspError, audible};

/// The rate of the offline reference renderers.
const REFERENCE: Factor = Factor::X8;

/// The rate at which a reference is computed for a signal at this one.
fn reference_rate(sample_rate_hz: f64) -> Result<f64, DspError> {
    if (1.0e3..=1.25e7).contains(&sample_rate_hz) {
        Ok(sample_rate_hz * REFERENCE.get() as f64)
    } else {
        Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "1e3 to 1.25e7", found: sample_rate_hz })
    }
}

/// Volts that a circuit can work with.
#[inline(always)]
fn volts(u: f64) -> f64 {
    if u.is_finite() { audible(u).clamp(-1e3, 1e3) } else { 0.0 }
}
