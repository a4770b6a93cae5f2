//! [`RepeatedTakes`]: how well could any model do?

use super::MetricError;
use super::input::{energy, power_db, signal};

/// Noise of a recording chain, from aligned takes of the same input through the same device.
///
/// A take is `s + n_i`; with R takes and their mean m, the noise power is `σ² = Σ_i mean (x_i - m)² / (R - 1)` and the power of what repeats is
/// `S = mean m² - σ² / R`, both without bias. A model that predicted what repeats exactly would still score `ESR = σ² / (S + σ²)` against one take:
/// no model can be asked for less. Slow drift of the device counts as noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RepeatedTakes {
    /// Noise power of one take, `σ²`.
    pub noise_power: f64,
    /// Power of what repeats, `S`.
    pub signal_power: f64,
}

impl RepeatedTakes {
    /// Compares two or more takes.
    ///
    /// # Errors
    /// Fewer than two takes; takes that are empty, not finite, or of different length; nothing that repeats ([`MetricError::Silent`]).
    pub fn measure<T: Copy + Into<f64>>(takes: &[&[T]]) -> Result<Self, MetricError> {
        if takes.len() < 2 {
            return Err(MetricError::Parameter { what: "number of takes", expected: "at least 2", found: takes.len() as f64 });
        }
        let takes = takes.iter().map(|take| signal("take", take)).collect::<Result<Vec<_>, _>>()?;
        let (frames, count) = (takes[0].len(), takes.len() as f64);
        if let Some(take) = takes.iter().find(|take| take.len() != frames) {
            return Err(MetricError::LengthMismatch { what: "take", expected: frames, found: take.len() });
        }
        let mean: Vec<f64> = (0..frames).map(|n| takes.iter().map(|take| take[n]).sum::<f64>() / count).collect();
        let around: f64 = takes.iter().map(|take| take.iter().zip(&mean).map(|(x, m)| (x - m) * (x - m)).sum::<f64>()).sum();
        let noise_power = around / frames as f64 / (count - 1.0);
        let signal_power = energy(&mean) / frames as f64 - noise_power / count;
        if signal_power > 0.0 { Ok(Self { noise_power, signal_power }) } else { Err(MetricError::Silent { what: "what repeats" }) }
    }

    /// Noise floor of one take in dBFS (rms re 1.0).
    #[must_use]
    pub fn noise_floor_dbfs(&self) -> f64 {
        power_db(self.noise_power)
    }

    /// Least error-to-signal ratio that a model can be expected to reach against one take.
    #[must_use]
    pub fn attainable_esr(&self) -> f64 {
        self.noise_power / (self.signal_power + self.noise_power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attainable_esr_is_what_the_true_signal_scores() {
        // In the second case the noise is nearly as loud as the signal and much of the mean's power is noise.
        for amplitude in [0.3, 0.01] {
            check_the_attainable_esr(amplitude);
        }
    }

    fn check_the_attainable_esr(amplitude: f64) {
        let mut state = 3_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            0.01 * ((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
        };
        let clean: Vec<f64> = (0..100_000).map(|n| amplitude * (f64::from(n) * 0.05).sin()).collect();
        let takes: Vec<Vec<f64>> = (0..3).map(|_| clean.iter().map(|v| v + noise()).collect()).collect();
        let takes: Vec<&[f64]> = takes.iter().map(Vec::as_slice).collect();
        let measured = RepeatedTakes::measure(&takes).unwrap();
        let scored = crate::metrics::esr(&clean, takes[0]).unwrap();
        assert!((measured.attainable_esr() / scored - 1.0).abs() < 0.02); // 100 000 frames of noise power: 0.3 % each
        assert!((measured.signal_power / (amplitude * amplitude / 2.0) - 1.0).abs() < 0.02);
        assert!((measured.noise_floor_dbfs() - 10.0 * (1e-4_f64 / 3.0).log10()).abs() < 0.05);
    }

    #[test]
    fn equal_takes_have_no_noise() {
        let x = [0.5_f32, -0.5, 0.25];
        let measured = RepeatedTakes::measure(&[&x[..], &x, &x]).unwrap();
        assert!(measured.attainable_esr() < 1e-30); // rounding of the mean of three
        assert!(matches!(RepeatedTakes::measure(&[&x[..]]), Err(MetricError::Parameter { .. })));
        assert!(matches!(RepeatedTakes::measure(&[&x[..], &x[..2]]), Err(MetricError::LengthMismatch { expected: 3, found: 2, .. })));
        assert!(matches!(RepeatedTakes::measure(&[&[0.0_f32; 4][..], &[0.0; 4]]), Err(MetricError::Silent { .. })));
    }
}
