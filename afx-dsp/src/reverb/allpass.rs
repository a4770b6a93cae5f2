//! Schroeder's allpass.

use crate::delay::{DelayLine, Interpolation};
use crate::{DspError, flush};
use afx_core::Scalar;

/// `w = x - g d`, `y = d + g w`, where `d` is `w` some frames ago: all frequencies pass alike, an impulse becomes a decaying train of them.
///
/// Schroeder 1962, "Natural sounding artificial reverberation", Journal of the AES 10(3).
#[derive(Clone, Debug)]
pub(super) struct Allpass<T: Scalar> {
    line: DelayLine<T>,
    frames: usize,
}

impl<T: Scalar> Allpass<T> {
    pub(super) fn new(frames: usize) -> Result<Self, DspError> {
        Ok(Allpass { line: DelayLine::new(frames, Interpolation::Linear)?, frames })
    }

    #[inline(always)]
    pub(super) fn process(&mut self, x: T, gain: T) -> T {
        let delayed = self.line.read(self.frames);
        let inner = flush(x - gain * delayed);
        self.line.write(inner);
        delayed + gain * inner
    }

    /// The inner signal so many frames ago.
    #[inline(always)]
    pub(super) fn tap(&self, frames: usize) -> T {
        self.line.read(frames)
    }

    pub(super) fn reset(&mut self) {
        self.line.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;
    use std::vec::Vec;

    #[test]
    fn every_frequency_passes_alike() {
        for gain in [0.5, 0.75, -0.7] {
            let mut allpass = Allpass::<f64>::new(7).unwrap();
            let h: Vec<f64> = (0..1200).map(|n| allpass.process(if n == 0 { 1.0 } else { 0.0 }, gain)).collect();
            for k in 0..=50 {
                let w = TAU * f64::from(k) / 100.0;
                let (re, im) = h
                    .iter()
                    .enumerate()
                    .fold((0.0, 0.0), |(re, im), (n, h)| (re + h * (w * n as f64).cos(), im + h * (w * n as f64).sin()));
                assert!((re.hypot(im) - 1.0).abs() < 1e-12, "gain {gain}, {k}: {}", re.hypot(im)); // 0.75^171 is 4e-22
            }
        }
    }
}
