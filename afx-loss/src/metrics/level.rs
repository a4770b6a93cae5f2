//! Levels of one signal in decibels, and their differences between two.

use super::MetricError;
use super::input::{amplitude_db, energy, pair, power_db, signal};

/// Root mean square in decibels re 1.0, `10 log10 mean x²`; negative infinity for silence.
///
/// # Errors
/// An empty signal, or one that is not finite.
pub fn rms_db<T: Copy + Into<f64>>(samples: &[T]) -> Result<f64, MetricError> {
    Ok(rms_db_of(&signal("samples", samples)?))
}

/// Sample peak in decibels re 1.0, `20 log10 max |x|`; negative infinity for silence. [`true_peak_db`](super::true_peak_db) looks between the samples.
///
/// # Errors
/// An empty signal, or one that is not finite.
pub fn peak_db<T: Copy + Into<f64>>(samples: &[T]) -> Result<f64, MetricError> {
    Ok(amplitude_db(peak(&signal("samples", samples)?)))
}

/// Crest factor in decibels, `20 log10 (max |x| / rms x)`; 3.01 dB for a sine.
///
/// # Errors
/// An empty signal, one that is not finite, or a silent one.
pub fn crest_factor_db<T: Copy + Into<f64>>(samples: &[T]) -> Result<f64, MetricError> {
    crest_db_of(&signal("samples", samples)?, "samples")
}

/// Difference of level in decibels, `|20 log10 (rms p / rms y)|`.
///
/// [`published::rms_error`](super::published::rms_error) is the natural-logarithm number that PyNeuralFx and DeepAFx-ST print.
///
/// # Errors
/// Signals of different length, empty, not finite, or silent.
pub fn rms_error_db<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    let (p, y) = (audible_rms_db(&p, "prediction")?, audible_rms_db(&y, "target")?);
    Ok((p - y).abs())
}

/// Difference of crest factor in decibels, `|20 log10 (crest p / crest y)|`.
///
/// [`published::crest_factor_error`](super::published::crest_factor_error) is the natural-logarithm number that PyNeuralFx and DeepAFx-ST print.
///
/// # Errors
/// Signals of different length, empty, not finite, or silent.
pub fn crest_factor_error_db<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    Ok((crest_db_of(&p, "prediction")? - crest_db_of(&y, "target")?).abs())
}

/// `max |x|`.
pub(super) fn peak(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |peak, v| v.abs().max(peak))
}

/// Root mean square in decibels of checked samples.
pub(super) fn rms_db_of(x: &[f64]) -> f64 {
    power_db(energy(x) / x.len() as f64)
}

fn audible_rms_db(x: &[f64], what: &'static str) -> Result<f64, MetricError> {
    let level = rms_db_of(x);
    if level > f64::NEG_INFINITY { Ok(level) } else { Err(MetricError::Silent { what }) }
}

fn crest_db_of(x: &[f64], what: &'static str) -> Result<f64, MetricError> {
    Ok(amplitude_db(peak(x)) - audible_rms_db(x, what)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_a_crest_factor_of_3_decibels() {
        let x: Vec<f64> = (0..48_000).map(|n| (core::f64::consts::TAU * 1000.0 * f64::from(n) / 48_000.0).sin()).collect();
        // 1e-12: whole periods with a sample on the crest, rounding only.
        assert!((crest_factor_db(&x).unwrap() - 20.0 * 2.0_f64.sqrt().log10()).abs() < 1e-12);
        assert!(peak_db(&x).unwrap().abs() < 1e-12);
    }

    #[test]
    fn silence_has_no_crest_factor_and_an_infinitely_low_level() {
        assert_eq!(crest_factor_db(&[0.0_f32; 8]), Err(MetricError::Silent { what: "samples" }));
        assert_eq!(rms_db(&[0.0_f32; 8]), Ok(f64::NEG_INFINITY));
        assert_eq!(rms_error_db(&[0.0_f32; 8], &[1.0; 8]), Err(MetricError::Silent { what: "prediction" }));
    }
}
