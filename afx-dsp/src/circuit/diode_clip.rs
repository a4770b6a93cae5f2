//! A resistor, a capacitor and two antiparallel diodes to ground.

use super::diode::DiodePair;
use super::{REFERENCE, reference_rate, volts};
use crate::error::sample_rate;
use crate::oversample::render_at;
use crate::{DspError, flush};
use afx_core::Scalar;
use alloc::vec::Vec;

/// First-order diode clipper: `v' = (u - v) / (R C) - (2 Is / C) sinh(v / nVt)`, `u = gain x`.
///
/// `R` = 2.2 kOhm, `C` = 10 nF, `Is` = 2.52 nA, `nVt` = 45.3 mV (Yeh, Abel, Vladimirescu and Smith 2008, "Numerical methods for
/// simulation of guitar distortion circuits", Computer Music Journal 32(2)). Samples are volts. Integrated with the trapezoidal
/// rule; relative squared error of a 1 kHz sine of 4.5 V at 48 kHz and 1, 2, 4, 8 times that: 1.4e-4, 1.1e-5, 6.5e-8, 1e-8.
///
/// Real-time: everything but `render` allocates nothing. Stable for any input: see [`crate::circuit`].
#[derive(Clone, Debug)]
pub struct DiodeClip {
    gain: f64,
    /// `g / (R nVt)`, `g = h / (2 C)`
    drive: f64,
    pair: DiodePair,
    w: f64,
    x: [f64; 2],
}

impl DiodeClip {
    pub(crate) const R: f64 = 2.2e3;
    const C: f64 = 10e-9;
    pub(crate) const IS: f64 = 2.52e-9;
    pub(crate) const N_VT: f64 = 45.3e-3;

    /// Discharged, with a gain of 0 dB. `sample_rate_hz` is the rate it runs at, oversampling included.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let g = 0.5 / (sample_rate(sample_rate_hz)? * Self::C);
        let pair = DiodePair { a: 1.0 + g / Self::R, b: 2.0 * g * Self::IS / Self::N_VT };
        Ok(DiodeClip { gain: 1.0, drive: g / (Self::R * Self::N_VT), pair, w: 0.0, x: [0.0; 2] })
    }

    /// Gain in front of the clipper, held to -120..=60 dB; NaN is ignored. It acts at once: the capacitor smooths the step.
    pub fn set_gain_db(&mut self, gain_db: f64) {
        if !gain_db.is_nan() {
            self.gain = Scalar::exp(gain_db.clamp(-120.0, 60.0) * (core::f64::consts::LN_10 / 20.0));
        }
    }

    /// Discharges the capacitor.
    pub fn reset(&mut self) {
        (self.w, self.x) = (0.0, [0.0; 2]);
    }

    per_sample!();

    /// Where the straight line through the last two roots goes.
    #[inline]
    fn guess(&self) -> f64 {
        2.0 * self.x[0] - self.x[1]
    }

    #[inline]
    fn tick(&mut self, x: f64) -> f64 {
        let c = self.w + self.drive * volts(self.gain * x);
        let root = flush(self.pair.solve(c, self.guess()));
        self.x = [root, self.x[0]];
        self.w = flush(2.0 * root - self.w);
        Self::N_VT * root
    }

    /// The reference output: 8x oversampled, latency removed; as long as `dry`.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 12.5 MHz or a gain outside -120 to 60 dB.
    pub fn render<T: Scalar>(dry: &[T], sample_rate_hz: f64, gain_db: f64) -> Result<Vec<T>, DspError> {
        if !(-120.0..=60.0).contains(&gain_db) {
            return Err(DspError::OutOfRange { name: "gain_db", expected: "-120 to 60", found: gain_db });
        }
        let mut circuit = DiodeClip::new(reference_rate(sample_rate_hz)?)?;
        circuit.set_gain_db(gain_db);
        let dry: Vec<f64> = dry.iter().map(|x| x.to_f64()).collect();
        let wet = render_at(&dry, REFERENCE, |samples| circuit.process_in_place(samples));
        Ok(wet.into_iter().map(T::from_f64).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most steps of the solver over a signal.
    fn worst_steps(sample_rate_hz: f64, frames: usize, signal: impl Fn(f64) -> f64) -> usize {
        let mut clip = DiodeClip::new(sample_rate_hz).unwrap();
        let mut worst = 0;
        for n in 0..frames {
            let u = signal(n as f64 / sample_rate_hz);
            worst = worst.max(clip.pair.solve_counted(clip.w + clip.drive * volts(u), clip.guess()).1);
            clip.tick(u);
        }
        worst
    }

    #[test]
    fn the_solver_needs_at_most_five_steps_up_to_1000_volts() {
        for times in [1.0, 2.0, 4.0, 8.0] {
            for (gain, hz) in [(1.0, 1e3), (4.5, 1e3), (10.0, 5e3), (1e3, 1e3), (1e3, 15e3)] {
                let steps = worst_steps(48e3 * times, 4000, |t| gain * (core::f64::consts::TAU * hz * t).sin());
                assert!((1..=5).contains(&steps), "{steps} steps at {times}x, {gain} V, {hz} Hz");
            }
            let steps = worst_steps(48e3 * times, 4000, |t| 1e3 * (t * 1e9).sin().signum());
            assert!((1..=5).contains(&steps), "{steps} steps at {times}x between 1000 V and -1000 V");
        }
    }

    #[test]
    fn the_guess_is_off_by_the_second_difference_of_a_sine() {
        use core::f64::consts::PI;
        let mut clip = DiodeClip::new(48e3).unwrap();
        let (mut off, mut peak) = (0f64, 0f64);
        for n in 0..4000 {
            let guess = clip.guess();
            clip.tick(1e-6 * (2.0 * PI * 1e3 / 48e3 * f64::from(n)).sin()); // too small to bend
            if n > 2000 {
                (off, peak) = (off.max((guess - clip.x[0]).abs()), peak.max(clip.x[0].abs()));
            }
        }
        // the samples miss the peaks by up to 0.2 %
        assert!((off / peak / (2.0 * (PI / 48.0).sin()).powi(2) - 1.0).abs() < 0.005, "{off} of {peak}");
    }
}
