//! Checked conversion of the caller's slices to `f64`.

use super::MetricError;

/// Greatest magnitude of a sample: energies of longer signals than fit in memory stay finite.
const GREATEST: f64 = 1e100;

/// The samples of one signal as `f64`; not empty, all finite and at most 1e100.
pub(super) fn signal<T: Copy + Into<f64>>(what: &'static str, samples: &[T]) -> Result<Vec<f64>, MetricError> {
    if samples.is_empty() {
        return Err(MetricError::Empty { what });
    }
    let samples: Vec<f64> = samples.iter().map(|&v| v.into()).collect();
    match samples.iter().position(|v| v.is_nan() || v.abs() > GREATEST) {
        Some(index) => Err(MetricError::NonFinite { what, index }),
        None => Ok(samples),
    }
}

/// Prediction and target as `f64`; equally long, not empty, all finite.
pub(super) fn pair<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<(Vec<f64>, Vec<f64>), MetricError> {
    let target = signal("target", target)?;
    let prediction = signal("prediction", prediction)?;
    if prediction.len() != target.len() {
        return Err(MetricError::LengthMismatch { what: "prediction", expected: target.len(), found: prediction.len() });
    }
    Ok((prediction, target))
}

/// Refuses a sample rate that is not finite or not above `above_hz`.
pub(super) fn sample_rate(what: &'static str, found_hz: f64, above_hz: f64) -> Result<(), MetricError> {
    if found_hz.is_finite() && found_hz > above_hz { Ok(()) } else { Err(MetricError::SampleRate { what, above_hz, found_hz }) }
}

/// Refuses a signal shorter than `needed` frames.
pub(super) fn at_least(what: &'static str, needed: usize, found: usize) -> Result<(), MetricError> {
    if found < needed { Err(MetricError::TooShort { what, needed, found }) } else { Ok(()) }
}

/// `mean(x)`.
pub(super) fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// `Σ x²`.
pub(super) fn energy(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

/// `20 log10(x)` of an amplitude.
pub(super) fn amplitude_db(x: f64) -> f64 {
    20.0 * x.log10()
}

/// `10 log10(x)` of a power.
pub(super) fn power_db(x: f64) -> f64 {
    10.0 * x.log10()
}
