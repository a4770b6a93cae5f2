//! Level.

use crate::error::sample_rate;
use crate::{DspError, audible, heard};
use afx_core::{Ramp, Scalar};

/// A level control with one knob, in decibels from one end to the other.
///
/// The knob glides over 20 ms, in decibels.
///
/// Real-time: nothing allocates.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::Gain;
///
/// let mut stereo = Channels::new(Gain::new(48e3, -60.0, 12.0)?, 2);
/// stereo.set_controls(&[1.0]);
/// let (x, mut left, mut right) = ([0.1f32; 1000], [0.0; 1000], [0.0; 1000]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// assert!((left[999] - 0.1 * 10f32.powf(12.0 / 20.0)).abs() < 1e-6 && left == right);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gain {
    position: Ramp,
    from_db: f64,
    to_db: f64,
    factor: f64,
}

impl Gain {
    /// The knob's ends, from left to right; it stands at 0 dB, or at the end that is nearest to that.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz or an end outside -200 to 200 dB.
    pub fn new(sample_rate_hz: f64, from_db: f64, to_db: f64) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        for (name, found) in [("from_db", from_db), ("to_db", to_db)] {
            if !(-200.0..=200.0).contains(&found) {
                return Err(DspError::OutOfRange { name, expected: "-200 to 200", found });
            }
        }
        let mut gain = Gain { position: Ramp::new(0.0, 20.0, sample_rate_hz), from_db, to_db, factor: 1.0 };
        gain.set_gain_db(0.0);
        gain.reset();
        Ok(gain)
    }

    /// Moves the knob to a level, or to the end that is nearest to it; NaN is ignored.
    pub fn set_gain_db(&mut self, gain_db: f64) {
        let range_db = self.to_db - self.from_db;
        self.set_position(if range_db == 0.0 { 0.0 } else { (gain_db - self.from_db) / range_db });
    }

    /// Moves the knob, from 0 to 1.
    pub(crate) fn set_position(&mut self, position: f64) {
        self.position.set(position);
    }

    /// Puts the knob where it was last set to.
    pub fn reset(&mut self) {
        self.position.arrive();
        self.turn();
    }

    /// Levels the samples, in place.
    pub fn process_in_place<T: Scalar>(&mut self, samples: &mut [T]) {
        for s in samples {
            *s = audible(heard(*s) * T::from_f64(self.advance()));
        }
    }

    /// The factor for the next sample.
    #[inline(always)]
    pub(crate) fn advance(&mut self) -> f64 {
        if self.position.advance() {
            self.turn();
        }
        self.factor
    }

    fn turn(&mut self) {
        let gain_db = self.from_db + (self.to_db - self.from_db) * self.position.value();
        self.factor = Scalar::exp(gain_db * core::f64::consts::LN_10 / 20.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_are_those_of_amplitudes_and_the_ends_hold() {
        let mut gain = Gain::new(48e3, -60.0, 12.0).unwrap();
        for (gain_db, expected) in [(0.0, 1.0), (-20.0, 0.1), (6.0, 1.995262314968880), (-99.0, 1e-3), (99.0, 3.981071705534973)] {
            gain.set_gain_db(gain_db);
            gain.set_gain_db(f64::NAN);
            gain.reset();
            let mut y = [1.0f64];
            gain.process_in_place(&mut y);
            assert!((y[0] / expected - 1.0).abs() < 1e-14, "{gain_db} dB: {}", y[0]); // three roundings in the exponent
        }
    }

    #[test]
    fn a_knob_starts_at_no_gain_or_at_the_end_that_is_nearest_to_it() {
        for (from_db, to_db, expected) in
            [(-60.0, 12.0, 1.0), (12.0, -60.0, 1.0), (-40.0, -20.0, 0.1), (20.0, 40.0, 10.0), (20.0, 20.0, 10.0)]
        {
            let mut y = [1.0f32];
            Gain::new(48e3, from_db, to_db).unwrap().process_in_place(&mut y);
            assert!((y[0] - expected).abs() < 1e-6 * expected, "{from_db} to {to_db} dB: {}", y[0]);
        }
        let refused = |from_db, to_db| Gain::new(48e3, from_db, to_db).map(|_| ()).unwrap_err();
        let expected = "-200 to 200";
        assert_eq!(refused(-201.0, 0.0), DspError::OutOfRange { name: "from_db", expected, found: -201.0 });
        assert_eq!(refused(0.0, f64::INFINITY), DspError::OutOfRange { name: "to_db", expected, found: f64::INFINITY });
    }

    #[test]
    fn a_turn_glides() {
        let mut gain = Gain::new(48e3, -60.0, 0.0).unwrap();
        let mut y = [1.0f64; 1000];
        gain.set_gain_db(-60.0);
        gain.process_in_place(&mut y);
        assert!((y[999] - 1e-3).abs() < 1e-15);
        assert!(y[0] < 1.0 && y.windows(2).all(|w| (0.9..=1.0).contains(&(w[1] / w[0])))); // 60 dB in 961 samples, half as steep again
    }
}
