//! Metrics exactly as published toolkits compute them, for comparison with their tables; not for new work.
//!
//! PyNeuralFx (and DeepAFx-ST, from which it took them) computes its level metrics with `20 ln` where `20 log10` is meant: divide by
//! `ln 10 = 2.302585` to get decibels. Facts read in PyNeuralFx 0.1.2, pyloudnorm 0.2.0.

use core::f64::consts::PI;

use super::MetricError;
use super::input::{at_least, energy, pair, sample_rate};
use super::level::peak;
use super::loudness::{KWeighting, Loudness, Section, gated_lufs};
use super::spectrum::{Stft, Window};

/// PyNeuralFx `RMS`: `|20 ln rms p - 20 ln rms y|` with each rms at least 1e-8. Natural logarithm: 2.302585 times the decibels of
/// [`rms_error_db`](super::rms_error_db).
///
/// # Errors
/// Signals of different length, empty, or not finite.
pub fn rms_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    Ok((20.0 * rms(&p).ln() - 20.0 * rms(&y).ln()).abs())
}

/// PyNeuralFx `CrestFactor`: `|20 ln crest p - 20 ln crest y|` with each rms at least 1e-8. Natural logarithm: 2.302585 times the decibels of
/// [`crest_factor_error_db`](super::crest_factor_error_db).
///
/// # Errors
/// Signals of different length, empty, not finite, or silent (where the toolkit returns an infinity or NaN).
pub fn crest_factor_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    let crest = |what, x: &[f64]| match peak(x) {
        0.0 => Err(MetricError::Silent { what }),
        peak => Ok(20.0 * (peak / rms(x)).ln()),
    };
    Ok((crest("prediction", &p)? - crest("target", &y)?).abs())
}

/// PyNeuralFx `MRSTFTLoss` at one window length, the `STFT` column of its tables: `mean |P - Y| + mean |ln(P + 1e-4) - ln(Y + 1e-4)|` of the **power**
/// spectrograms, `window` 2048 in the published evaluation, hop a quarter, symmetric Hann window, no padding at the ends.
///
/// # Errors
/// Signals of different length, empty, not finite, or shorter than the window; a window below 4.
pub fn stft_at<T: Copy + Into<f64>>(prediction: &[T], target: &[T], window: usize) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    stft_of(&p, &y, window)
}

/// [`stft_at`] with a window of 2048.
///
/// # Errors
/// As [`stft_at`].
pub fn stft<T: Copy + Into<f64>>(prediction: &[T], target: &[T]) -> Result<f64, MetricError> {
    stft_at(prediction, target, 2048)
}

/// [`stft_at`] averaged over several windows, on checked signals.
pub(super) fn multi_stft(p: &[f64], y: &[f64], windows: &[usize]) -> Result<f64, MetricError> {
    let sum: f64 = windows.iter().map(|&window| stft_of(p, y, window)).sum::<Result<f64, _>>()?;
    Ok(sum / windows.len() as f64)
}

fn stft_of(p: &[f64], y: &[f64], window: usize) -> Result<f64, MetricError> {
    if window < 4 {
        return Err(MetricError::Parameter { what: "stft window", expected: "at least 4 frames", found: window as f64 });
    }
    at_least("prediction for the stft window", window, p.len())?;
    let mut stft = Stft::new(window, Window::HannSymmetric);
    let (mut linear, mut logarithmic, mut count) = (0.0, 0.0, 0_usize);
    let mut target = Vec::new();
    for start in (0..=p.len() - window).step_by(window / 4) {
        target.clear();
        target.extend(stft.spectrum(&y[start..start + window]).iter().map(|z| z.norm_sqr()));
        for (z, y) in stft.spectrum(&p[start..start + window]).iter().zip(&target) {
            let p = z.norm_sqr();
            linear += (p - y).abs();
            logarithmic += ((p + 1e-4).ln() - (y + 1e-4).ln()).abs();
        }
        count += target.len();
    }
    Ok((linear + logarithmic) / count as f64)
}

/// pyloudnorm's integrated loudness of one channel with its default filters: an RBJ shelf (1500 Hz, +4 dB, Q = 1/√2) and high-pass (38 Hz, Q = 0.5)
/// instead of ITU's, -0.04 LU off on guitar-like signals, and a last block that may run past the end.
///
/// # Errors
/// A signal that is empty, not finite, or shorter than 400 ms; a sample rate not above 4 kHz.
pub fn pyloudnorm_lufs<T: Copy + Into<f64>>(samples: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    sample_rate("pyloudnorm_lufs", sample_rate_hz, 4000.0)?;
    let weighting = KWeighting::from_sections(rbj_shelf(sample_rate_hz), rbj_high_pass(sample_rate_hz), sample_rate_hz);
    Ok(gated_lufs(&Loudness::filtered(&[samples], &[1.0], sample_rate_hz, &weighting)?.overrunning_powers()))
}

/// PyNeuralFx `LUFS`: the difference of [`pyloudnorm_lufs`]. The toolkit plays a mono signal in two channels, which adds 3.0103 LU to both.
///
/// # Errors
/// As [`pyloudnorm_lufs`]; signals of different length; a signal below -70 LUFS throughout.
pub fn loudness_error<T: Copy + Into<f64>>(prediction: &[T], target: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    // Doubling the power before the gates is what two equal channels do.
    let stereo = |what, x: &[f64]| {
        let doubled: Vec<f64> = x.iter().map(|v| v * core::f64::consts::SQRT_2).collect();
        match pyloudnorm_lufs(&doubled, sample_rate_hz)? {
            lufs if lufs.is_finite() => Ok(lufs),
            _ => Err(MetricError::Silent { what }),
        }
    };
    Ok((stereo("prediction", &p)? - stereo("target", &y)?).abs())
}

/// Root mean square, at least 1e-8.
fn rms(x: &[f64]) -> f64 {
    (energy(x) / x.len() as f64).sqrt().max(1e-8)
}

/// Audio EQ Cookbook high shelf, 1500 Hz, +4 dB, Q = 1/√2.
fn rbj_shelf(sample_rate_hz: f64) -> Section {
    let w = 2.0 * PI * 1500.0 / sample_rate_hz;
    let (a, cos) = (10.0_f64.powf(4.0 / 40.0), w.cos());
    let slope = 2.0 * a.sqrt() * w.sin() / core::f64::consts::SQRT_2;
    let a0 = (a + 1.0) - (a - 1.0) * cos + slope;
    Section {
        b: [
            a * ((a + 1.0) + (a - 1.0) * cos + slope) / a0,
            -2.0 * a * ((a - 1.0) + (a + 1.0) * cos) / a0,
            a * ((a + 1.0) + (a - 1.0) * cos - slope) / a0,
        ],
        a: [2.0 * ((a - 1.0) - (a + 1.0) * cos) / a0, ((a + 1.0) - (a - 1.0) * cos - slope) / a0],
    }
}

/// Audio EQ Cookbook high-pass, 38 Hz, Q = 0.5.
fn rbj_high_pass(sample_rate_hz: f64) -> Section {
    let w = 2.0 * PI * 38.0 / sample_rate_hz;
    let (alpha, cos) = (w.sin(), w.cos());
    let a0 = 1.0 + alpha;
    let edge = (1.0 + cos) / 2.0 / a0;
    Section { b: [edge, -2.0 * edge, edge], a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
}
