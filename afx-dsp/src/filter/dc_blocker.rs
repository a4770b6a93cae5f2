//! Removes direct current.

use crate::DspError;
use crate::error::sample_rate;
use crate::{audible, flush, heard};
use afx_core::Scalar;

/// First-order high-pass, `y = x - l` with the one-pole low-pass `l`, integrated by the trapezoidal rule: exactly 0 at 0 Hz,
/// exactly -3.01 dB at the corner. The state is kept as a sum of two numbers, or the small steps of `l` would be lost beside it in `f32`.
///
/// Real-time: nothing allocates.
///
/// ```
/// let mut blocker = afx_dsp::filter::DcBlocker::<f32>::new(48e3, 10.0)?;
/// let mut second = vec![0.25; 48_000];
/// blocker.process_in_place(&mut second);
/// assert!(second[47_999].abs() < 1e-6); // e^(-2 pi 10 Hz 1 s) is less than f32 can tell
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DcBlocker<T> {
    gain: T,
    /// The state, and what it has been rounded by.
    s: [T; 2],
}

impl<T: Scalar> DcBlocker<T> {
    /// At rest. Usual corners are 5 to 20 Hz.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz or a corner outside `1e-7` to 0.4999 of it.
    pub fn new(sample_rate_hz: f64, corner_hz: f64) -> Result<Self, DspError> {
        let share = corner_hz / sample_rate(sample_rate_hz)?;
        if !(1e-7..=0.4999).contains(&share) {
            return Err(DspError::OutOfRange { name: "corner_hz", expected: "1e-7 to 0.4999 of the sample rate", found: corner_hz });
        }
        let half_angle = core::f64::consts::PI * share;
        let g = Scalar::sin(half_angle) / Scalar::cos(half_angle);
        Ok(DcBlocker { gain: T::from_f64(g / (1.0 + g)), s: [T::ZERO; 2] })
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.s = [T::ZERO; 2];
    }

    per_sample!();

    /// One sample.
    #[inline]
    pub fn tick(&mut self, x: T) -> T {
        let [s, rest] = self.s;
        let high = (heard(x) - s) - rest;
        let d = self.gain * high;
        let step = rest + d + d;
        let next = s + step;
        self.s = [flush(next), flush(step - (next - s))];
        audible(high - d)
    }
}
