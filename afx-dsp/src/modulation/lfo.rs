//! A slow oscillator.

use crate::DspError;

/// The shape of an [`Lfo`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Wave {
    /// `sin(2 pi phase)`, within 1e-9.
    #[default]
    Sine,
    /// Straight from 0 to 1, to -1, and to 0.
    Triangle,
}

/// A slow oscillator from -1 to 1.
///
/// Its phase is a whole number of 2^-64 turns: it never loses amplitude, drifts by less than 1e-9 turns in a day's frames at 192 kHz, and goes on from where
/// it is when the rate changes.
///
/// ```
/// use afx_dsp::modulation::{Lfo, Wave};
///
/// let mut lfo = Lfo::new(Wave::Triangle);
/// lfo.set_rate(1.0 / 8.0); // turns a frame
/// let mut values = [0.0; 9];
/// for value in &mut values {
///     *value = lfo.value(0.0);
///     lfo.advance();
/// }
/// assert_eq!(values, [0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0, -0.5, 0.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lfo {
    wave: Wave,
    phase: u64,
    start: u64,
    /// Phase from frame to frame.
    step: u64,
}

/// 2^64 of them are a turn.
const TURN: f64 = 18_446_744_073_709_551_616.0;

impl Lfo {
    /// Standing still at phase 0.
    pub fn new(wave: Wave) -> Self {
        Lfo { wave, phase: 0, start: 0, step: 0 }
    }

    /// Another shape.
    pub fn set_wave(&mut self, wave: Wave) {
        self.wave = wave;
    }

    /// The rate in turns a frame, held to 0 to 1/2; NaN stands still.
    pub fn set_rate(&mut self, turns: f64) {
        self.step = (turns.clamp(0.0, 0.5) * TURN) as u64; // NaN stays NaN, which the cast makes 0
    }

    /// Where [`Lfo::reset`] begins, in turns, of which the whole ones do not matter.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a phase beyond a million turns; the old one stays.
    pub fn set_start_phase(&mut self, turns: f64) -> Result<(), DspError> {
        if !(-1e6..=1e6).contains(&turns) {
            return Err(DspError::OutOfRange { name: "turns", expected: "-1e6 to 1e6", found: turns });
        }
        self.start = fraction(turns);
        Ok(())
    }

    /// Back to the start.
    pub fn reset(&mut self) {
        self.phase = self.start;
    }

    /// One frame on.
    #[inline(always)]
    pub fn advance(&mut self) {
        self.phase = self.phase.wrapping_add(self.step);
    }

    /// The present value, of an oscillator that is `ahead` turns ahead, -1e6 to 1e6.
    #[inline(always)]
    pub fn value(&self, ahead: f64) -> f64 {
        self.at(fraction(ahead))
    }

    /// [`Lfo::value`] with the phase in 2^-64 turns.
    #[inline(always)]
    pub(super) fn at(&self, ahead: u64) -> f64 {
        // Quarter turns from -2 to 2, and their way to the nearest of -2, 0 and 2 with the sine's sign.
        let quarters = (self.phase.wrapping_add(ahead) as i64) as f64 * (4.0 / TURN);
        let near = if quarters > 1.0 {
            2.0 - quarters
        } else if quarters < -1.0 {
            -2.0 - quarters
        } else {
            quarters
        };
        match self.wave {
            Wave::Sine => quarter_sine(near),
            Wave::Triangle => near,
        }
    }
}

/// What is beyond whole turns, in 2^-64 of one; `turns` within ±1e6.
#[inline(always)]
pub(super) fn fraction(turns: f64) -> u64 {
    let part = turns - (turns as i64) as f64; // within ±1
    ((part * (0.5 * TURN)) as i64 as u64) << 1
}

/// `sin(x pi / 2)` for `|x| <= 1`: its Taylor polynomial of degree 13, whose next term is 6.7e-10.
#[inline(always)]
fn quarter_sine(x: f64) -> f64 {
    let angle = core::f64::consts::FRAC_PI_2 * x;
    let s = angle * angle;
    let tail = -1.0 / 39_916_800.0 + s * (1.0 / 6_227_020_800.0);
    let tail = -1.0 / 5040.0 + s * (1.0 / 362_880.0 + s * tail);
    angle * (1.0 + s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * tail)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn the_sine_is_one_and_stays_one_for_a_billion_frames() {
        for frames in [0u64, 1_000_000_000, 1 << 40] {
            let mut lfo = Lfo::new(Wave::Sine);
            let rate = 0.37 / 48e3;
            lfo.set_rate(rate);
            // As many frames on at once: the phase is a whole number.
            lfo.phase = lfo.step.wrapping_mul(frames);
            let (mut worst, mut largest) = (0.0f64, 0.0f64);
            for n in 0..200_000u64 {
                let turns = (rate * n as f64 + (rate * frames as f64).fract()).fract();
                worst = worst.max((lfo.value(0.0) - (TAU * turns).sin()).abs());
                largest = largest.max(lfo.value(0.0).abs());
                lfo.advance();
            }
            // The polynomial, the step's last digit for each frame, and what f64 makes of the frames' product with the rate.
            let drift = TAU * frames as f64 / TURN;
            assert!(worst < 1e-9 + drift + 1e-15 * frames as f64 * rate, "{worst} after {frames} frames");
            assert!((1.0 - largest).abs() < 1e-9, "{largest}");
        }
    }

    #[test]
    fn steps_one_by_one_add_up_to_the_bit() {
        let mut lfo = Lfo::new(Wave::Triangle);
        lfo.set_rate(1.0 / 48e3);
        let one = lfo.step;
        for _ in 0..1_000_000 {
            lfo.advance();
        }
        assert_eq!(lfo.phase, one.wrapping_mul(1_000_000));
    }

    #[test]
    fn phases_are_turns_and_a_rate_changes_where_it_is() {
        let mut lfo = Lfo::new(Wave::Sine);
        for (turns, expected) in [(0.25, 1.0), (-0.25, -1.0), (0.0, 0.0), (7.25, 1.0), (-3.5, 0.0), (1.0 / 12.0, 0.5), (0.75, -1.0)] {
            lfo.set_start_phase(turns).unwrap();
            lfo.reset();
            assert!((lfo.value(0.0) - expected).abs() < 1e-9, "{turns}: {}", lfo.value(0.0));
            assert!((lfo.value(0.5) + expected).abs() < 1e-9 && (lfo.value(-0.5) + expected).abs() < 1e-9);
        }
        assert!(matches!(lfo.set_start_phase(f64::NAN), Err(DspError::OutOfRange { name: "turns", .. })));
        let mut before = lfo.value(0.0);
        for n in 0..10_000 {
            lfo.set_rate(if n % 3 == 0 { 1e-3 } else { 1e-4 });
            lfo.advance();
            assert!((lfo.value(0.0) - before).abs() < 1.01e-3 * TAU, "a jump at {n}");
            before = lfo.value(0.0);
        }
        lfo.set_rate(f64::NAN);
        assert_eq!(lfo.step, 0);
        lfo.set_rate(9.0);
        assert_eq!(lfo.step, 1 << 63);
    }
}
