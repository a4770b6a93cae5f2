//! Differences of two waveforms, sample by sample.

use super::MetricError;
use super::input::{energy, mean, pair, power_db};

/// Mean absolute error, `mean |p - y|`; PyNeuralFx's `L1`.
///
/// # Errors
/// Signals of different length, empty, or not finite.
pub fn mae<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    Ok(p.iter().zip(&y).map(|(p, y)| (p - y).abs()).sum::<f64>() / y.len() as f64)
}

/// Mean squared error, `mean (p - y)²`.
///
/// # Errors
/// Signals of different length, empty, or not finite.
pub fn mse<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    Ok(squared_error(&p, &y) / y.len() as f64)
}

/// Error-to-signal ratio, `Σ (p - y)² / Σ y²`, with nothing added to the denominator.
///
/// The published forms add 1e-12 (PyNeuralFx), 1e-8 (auraloss) or 1e-5 of the mean (CoreAudioML, Wright et al. 2019): the loss module has those.
/// 0 is a perfect prediction, 1 is what silence scores.
///
/// ```
/// let target = [1.0_f32, -1.0, 1.0, -1.0];
/// let prediction = [0.9_f32, -0.9, 0.9, -0.9];
/// let esr = afx_loss::metrics::esr(&prediction, &target)?;
/// assert!((esr - 0.01).abs() < 1e-7);
/// # Ok::<(), afx_loss::metrics::MetricError>(())
/// ```
///
/// # Errors
/// Signals of different length, empty, or not finite; a silent target ([`MetricError::Silent`]).
pub fn esr<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    ratio(squared_error(&p, &y), energy(&y))
}

/// [`esr`] in decibels, `10 log10 ESR`; negative infinity for a perfect prediction.
///
/// # Errors
/// As [`esr`].
pub fn esr_db<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    esr(prediction, target).map(power_db)
}

/// DC error, `(mean y - mean p)² / mean y²`: Wright and Välimäki 2020 (arXiv:1911.08922), with nothing added to the denominator.
///
/// # Errors
/// Signals of different length, empty, or not finite; a silent target ([`MetricError::Silent`]).
pub fn dc_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    let offset = mean(&y) - mean(&p);
    ratio(offset * offset * y.len() as f64, energy(&y))
}

/// `Σ (p - y)²`.
pub(super) fn squared_error(p: &[f64], y: &[f64]) -> f64 {
    p.iter().zip(y).map(|(p, y)| (p - y) * (p - y)).sum()
}

/// An error energy over the target's; refuses a silent target.
pub(super) fn ratio(error: f64, target_energy: f64) -> Result<f64, MetricError> {
    if target_energy > 0.0 { Ok(error / target_energy) } else { Err(MetricError::Silent { what: "target" }) }
}
