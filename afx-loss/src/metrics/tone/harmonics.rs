//! [`Harmonics`].

use super::aliasing::within;
use crate::metrics::MetricError;
use crate::metrics::input::{amplitude_db, signal};
use crate::metrics::spectrum::whole_spectrum;

/// The harmonics of a device's steady answer to a sine, and what is not harmonic.
///
/// ```
/// use afx_loss::metrics::Harmonics;
///
/// // 10 periods in 1000 frames through x + 0.01 x²: half of 0.01 at the second harmonic.
/// let answer: Vec<f64> = (0..1000).map(|n| (std::f64::consts::TAU * n as f64 / 100.0).sin()).map(|x| x + 0.01 * x * x).collect();
/// let harmonics = Harmonics::measure(&answer, 10)?;
/// assert!((harmonics.thd() - 0.005).abs() < 1e-12);
/// # Ok::<(), afx_loss::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Harmonics {
    /// Mean of the signal.
    pub offset: f64,
    /// Peak amplitude of harmonic `m` at index `m - 1`, up to Nyquist.
    pub amplitudes: Vec<f64>,
    /// Root mean square of everything that is neither offset nor harmonic: noise, hum, aliases.
    pub residual_rms: f64,
}

impl Harmonics {
    /// Measures exactly `periods` periods of the fundamental, so that no window is needed; choose the frequency `periods · fs / N`.
    ///
    /// # Errors
    /// A signal that is empty, not finite, or without the fundamental; `periods` 0 or above half of the frames.
    pub fn measure<T: Copy + Into<f64>>(samples: &[T], periods: usize) -> Result<Self, MetricError> {
        let x = signal("samples", samples)?;
        let frames = x.len();
        within(periods, frames / 2)?;
        let mut amplitudes = Vec::with_capacity(frames / 2 / periods);
        let (mut offset, mut residual_power) = (0.0, 0.0);
        for (k, z) in whole_spectrum(&x).iter().enumerate() {
            // DC and Nyquist have no negative twin.
            let alone = k == 0 || 2 * k == frames;
            let amplitude = z.norm() / frames as f64 * if alone { 1.0 } else { 2.0 };
            if k == 0 {
                offset = z.re / frames as f64;
            } else if k % periods == 0 {
                amplitudes.push(amplitude);
            } else {
                residual_power += amplitude * amplitude * if alone { 1.0 } else { 0.5 };
            }
        }
        if amplitudes[0] > 0.0 {
            Ok(Self { offset, amplitudes, residual_rms: residual_power.sqrt() })
        } else {
            Err(MetricError::Silent { what: "samples at the fundamental" })
        }
    }

    /// Total harmonic distortion, `√(Σ_{m≥2} b_m²) / b_1`: a ratio to the fundamental, 0.01 is 1 %.
    #[must_use]
    pub fn thd(&self) -> f64 {
        self.overtone_power().sqrt() / self.amplitudes[0]
    }

    /// Total harmonic distortion plus noise, `√(Σ_{m≥2} b_m² + 2 rms²) / b_1` over the whole band.
    #[must_use]
    pub fn thd_plus_noise(&self) -> f64 {
        (self.overtone_power() + 2.0 * self.residual_rms * self.residual_rms).sqrt() / self.amplitudes[0]
    }

    /// Level of harmonic `m` (from 1) relative to the fundamental in decibels; negative infinity above Nyquist and for `m` = 0.
    #[must_use]
    pub fn level_db(&self, m: usize) -> f64 {
        let amplitude = m.checked_sub(1).and_then(|i| self.amplitudes.get(i)).copied().unwrap_or(0.0);
        amplitude_db(amplitude / self.amplitudes[0])
    }

    fn overtone_power(&self) -> f64 {
        self.amplitudes[1..].iter().map(|b| b * b).sum()
    }
}
