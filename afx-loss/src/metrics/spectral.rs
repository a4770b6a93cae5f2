//! Metrics on spectra: centroid, phase, onsets.

use core::f64::consts::PI;

use realfft::num_complex::Complex;

use super::MetricError;
use super::input::{at_least, pair, sample_rate, signal};
use super::spectrum::{Stft, Window, reflected, whole_spectrum};

/// Spectral centroid of the whole signal as a fraction of the Nyquist frequency, `Σ f_k |X_k| / Σ |X_k|` with `f_k = 2k / N`; no window.
///
/// PyNeuralFx and DeepAFx-ST; for an odd number of frames they put the last bin at 1 instead of 1 - 1/N.
///
/// # Errors
/// A signal that is empty, not finite, or silent.
pub fn spectral_centroid<T: Copy + Into<f64>>(samples: &[T]) -> Result<f64, MetricError> {
    centroid("samples", &signal("samples", samples)?)
}

/// [`spectral_centroid`] in Hz.
///
/// # Errors
/// As [`spectral_centroid`]; a sample rate that is not positive.
pub fn spectral_centroid_hz<T: Copy + Into<f64>>(samples: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    sample_rate("spectral_centroid_hz", sample_rate_hz, 0.0)?;
    Ok(spectral_centroid(samples)? * sample_rate_hz / 2.0)
}

/// Difference of [`spectral_centroid`], as a fraction of the Nyquist frequency.
///
/// # Errors
/// Signals of different length, empty, not finite, or silent.
pub fn spectral_centroid_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    Ok((centroid("prediction", &p)? - centroid("target", &y)?).abs())
}

fn centroid(what: &'static str, x: &[f64]) -> Result<f64, MetricError> {
    let (mut moment, mut sum) = (0.0, 0.0);
    for (k, z) in whole_spectrum(x).iter().enumerate() {
        moment += 2.0 * k as f64 / x.len() as f64 * z.norm();
        sum += z.norm();
    }
    if sum > 0.0 { Ok(moment / sum) } else { Err(MetricError::Silent { what }) }
}

/// Mean absolute phase error in radians over the bins that are loud in both signals, as Richard et al. evaluate binaural rendering (ICLR 2021).
///
/// Spectrogram of 2048 points, periodic Hann window of 1920, hop 480, reflected at the ends. A bin counts where `|Re| + |Im|` of both signals exceeds
/// 0.2 of the target's mean (0.1 in their loss: [`phase_error_above`]). The error is `π - ||∠P - ∠Y| - π|`, at most π.
///
/// # Errors
/// Signals of different length, empty, not finite, or shorter than 1025 frames; no bin loud in both ([`MetricError::Silent`]).
pub fn phase_error_rad<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    phase_error_above(prediction, target, 0.2)
}

/// [`phase_error_rad`] with the caller's share of the target's mean.
///
/// # Errors
/// As [`phase_error_rad`]; a share that is negative or not finite.
pub fn phase_error_above<T: Copy + Into<f64>>(prediction: &[T], target: &[T], share: f64) -> Result<f64, MetricError> {
    if !(share.is_finite() && share >= 0.0) {
        return Err(MetricError::Parameter { what: "share", expected: "a finite number, not negative", found: share });
    }
    let (p, y) = pair(prediction, target)?;
    at_least("target for the phase spectrogram", 1025, y.len())?;
    let (p, y) = (phase_spectrogram(&p), phase_spectrogram(&y));
    let size = |z: &Complex<f64>| z.re.abs() + z.im.abs();
    let threshold = share * y.iter().map(size).sum::<f64>() / y.len() as f64;
    let (mut sum, mut count) = (0.0, 0_usize);
    for (p, y) in p.iter().zip(&y).filter(|(p, y)| size(p) > threshold && size(y) > threshold) {
        sum += PI - ((p.arg() - y.arg()).abs() - PI).abs();
        count += 1;
    }
    if count > 0 { Ok(sum / count as f64) } else { Err(MetricError::Silent { what: "prediction or target in every bin" }) }
}

fn phase_spectrogram(x: &[f64]) -> Vec<Complex<f64>> {
    let mut window = vec![0.0; 64];
    window.extend(Window::HannPeriodic.samples(1920));
    window.resize(2048, 0.0);
    let x = reflected(x, 1024);
    let mut stft = Stft::with_window(window);
    (0..=x.len() - 2048).step_by(480).flat_map(|start| stft.spectrum(&x[start..start + 2048]).to_vec()).collect()
}

/// Onset error: the mean difference of how fast the spectrum rises, `mean |O_p - O_y|` with `O = max(0, Δ_t log10(|X| + 1e-5))`.
///
/// Periodic Hann window of 1024, hop 256, no padding. It hears attacks that come late or soft and ignores decays; compare like with like, its unit is
/// decades per hop.
///
/// # Errors
/// Signals of different length, empty, not finite, or shorter than 1280 frames (two hops).
pub fn onset_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    at_least("target for two onset frames", 1280, y.len())?;
    let (p, y) = (onsets(&p), onsets(&y));
    Ok(p.iter().zip(&y).map(|(p, y)| (p - y).abs()).sum::<f64>() / y.len() as f64)
}

fn onsets(x: &[f64]) -> Vec<f64> {
    let mut stft = Stft::new(1024, Window::HannPeriodic);
    let mut last: Vec<f64> = Vec::new();
    let mut rises = Vec::new();
    for start in (0..=x.len() - 1024).step_by(256) {
        let now: Vec<f64> = stft.spectrum(&x[start..start + 1024]).iter().map(|z| (z.norm() + 1e-5).log10()).collect();
        rises.extend(now.iter().zip(&last).map(|(now, last)| (now - last).max(0.0)));
        last = now;
    }
    rises
}
