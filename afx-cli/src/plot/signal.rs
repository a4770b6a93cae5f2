//! Analysis signals: what a caller sends through the device and the models before drawing their outputs.
use super::{
    PlotError,
    error::{check, check_sample_rate},
};
use core::f64::consts::{PI, TAU};

/// Longest signal that these functions make.
pub const MAX_FRAMES: usize = 1 << 28;

/// `gain * sin(2π f n / fs + phase)`, `n = 0..frames`; computed in `f64`.
///
/// # Errors
/// A frequency or gain that is not finite, an impossible sample rate, more than [`MAX_FRAMES`] frames.
pub fn sine(frequency_hz: f64, gain: f64, phase: f64, frames: usize, sample_rate_hz: u32) -> Result<Vec<f32>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    check_frames(frames)?;
    check("frequency_hz", "a finite number", frequency_hz, frequency_hz.is_finite())?;
    check("gain", "a finite number", gain, gain.is_finite())?;
    let turns = frequency_hz / f64::from(sample_rate_hz);
    Ok((0..frames).map(|n| (gain * (TAU * (turns * n as f64).fract() + phase).sin()) as f32).collect())
}

/// Exponential sweep from `from_hz` to `to_hz` at full scale, as in PyNeuralFx's `plot_sine_sweep_response_spec`:
/// `x = cos((phase + π/180) / fs)`, `phase = 2π β f0 ((f1/f0)^(n/N) - 1)`, `β = N / ln(f1/f0)`, `N = round(seconds fs)`.
///
/// # Errors
/// Frequencies that are not `0 < from_hz < to_hz`, a duration that is not positive or too long, an impossible sample rate.
pub fn sweep(from_hz: f64, to_hz: f64, seconds: f64, sample_rate_hz: u32) -> Result<Vec<f32>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    check("from_hz", "above 0 and below to_hz", from_hz, from_hz > 0.0 && from_hz < to_hz && to_hz.is_finite())?;
    let sample_rate = f64::from(sample_rate_hz);
    let frames = duration(seconds, sample_rate_hz)?;
    let ratio = to_hz / from_hz;
    let beta = frames as f64 / ratio.ln();
    let phase = |n: usize| TAU * beta * from_hz * (ratio.powf(n as f64 / frames as f64) - 1.0);
    Ok((0..frames).map(|n| ((phase(n) + PI / 180.0) / sample_rate).cos() as f32).collect())
}

/// `frames` zeros.
///
/// # Errors
/// More than [`MAX_FRAMES`] frames.
pub fn silence(frames: usize) -> Result<Vec<f32>, PlotError> {
    check_frames(frames)?;
    Ok(vec![0.0; frames])
}

/// 1 followed by zeros: the input whose output is an impulse response.
///
/// # Errors
/// 0 or more than [`MAX_FRAMES`] frames.
pub fn impulse(frames: usize) -> Result<Vec<f32>, PlotError> {
    check_frames(frames)?;
    check("frames", "at least 1", 0.0, frames > 0)?;
    let mut x = vec![0.0; frames];
    x[0] = 1.0;
    Ok(x)
}

/// A sine whose peak level steps through `levels_db` (dBFS), `seconds` each, its phase unbroken. Minus infinity is silence.
///
/// # Errors
/// As [`sine`]; NaN or above 200 dB in `levels_db`; an empty list.
pub fn level_steps(frequency_hz: f64, levels_db: &[f64], seconds: f64, sample_rate_hz: u32) -> Result<Vec<f32>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    let step = duration(seconds, sample_rate_hz)?;
    if levels_db.is_empty() {
        return Err(PlotError::Empty { what: "levels_db".into() });
    }
    for &level in levels_db {
        check("levels_db", "at most 200 dB", level, level <= 200.0)?;
    }
    check_frames(step.saturating_mul(levels_db.len()))?;
    let mut x = sine(frequency_hz, 1.0, 0.0, step * levels_db.len(), sample_rate_hz)?;
    for (block, level) in x.chunks_exact_mut(step).zip(levels_db) {
        let gain = 10f64.powf(level / 20.0);
        block.iter_mut().for_each(|x| *x = (gain * f64::from(*x)) as f32);
    }
    Ok(x)
}

/// `seconds` in frames, at least 1.
pub(crate) fn duration(seconds: f64, sample_rate_hz: u32) -> Result<usize, PlotError> {
    let frames = (seconds * f64::from(sample_rate_hz)).round();
    check("seconds", "above 0 and at most 2^28 frames", seconds, frames >= 1.0 && frames <= MAX_FRAMES as f64)?;
    Ok(frames as usize)
}

fn check_frames(frames: usize) -> Result<(), PlotError> {
    check("frames", "at most 2^28", frames as f64, frames <= MAX_FRAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sweep_follows_the_formula_of_the_reference() {
        let x = sweep(20.0, 20_000.0, 5.0, 48_000).unwrap();
        assert_eq!(x.len(), 240_000);
        // numpy, float64: N=240000; b=N/log(1000); p=2*pi*b*20*(1000**(n/N)-1); cos((p+pi/180)/48000)
        let expected = [(0, 0.9999999999999339), (1, 0.9999965720053396), (1000, -0.8844144951995688), (120_000, -0.3686892858863572)];
        for (n, value) in expected.into_iter().chain([(239_999, -0.8457163133245463)]) {
            assert!((f64::from(x[n]) - value).abs() < 1e-7, "{n}: {}", x[n]); // f32 rounding; phases up to 9e8 / 48000 rad in f64
        }
    }

    #[test]
    fn the_sweep_starts_and_ends_at_its_frequencies() {
        let x = sweep(20.0, 20_000.0, 5.0, 48_000).unwrap();
        // Up to the first zero crossing a quarter period of about 20 Hz passes: 48000 / 20 / 4 = 600 frames, a little fewer as it rises.
        let quarter = x.iter().position(|x| *x < 0.0).unwrap();
        assert!((590..=600).contains(&quarter), "{quarter}");
        let crossings = x[235_200..].windows(2).filter(|w| (w[0] < 0.0) != (w[1] < 0.0)).count() as f64;
        // Last 0.1 s: ∫ f dt = β' (f1 - f(4.9 s)), β' = 5 / ln 1000; two crossings a period.
        let periods = 5.0 / 1000f64.ln() * 20_000.0 * (1.0 - 1000f64.powf(-0.02));
        assert!((crossings - 2.0 * periods).abs() < 3.0, "{crossings} {}", 2.0 * periods);
    }

    #[test]
    fn level_steps_reach_their_peaks() {
        let x = level_steps(1000.0, &[-40.0, 0.0, f64::NEG_INFINITY], 0.1, 48_000).unwrap();
        let peak = |a: &[f32]| a.iter().fold(0.0f32, |m, x| m.max(x.abs()));
        assert!((peak(&x[..4800]) - 0.01).abs() < 1e-8 && (peak(&x[4800..9600]) - 1.0).abs() < 1e-6 && peak(&x[9600..]) == 0.0);
    }

    #[test]
    fn impossible_settings_are_errors() {
        assert!(sine(f64::NAN, 1.0, 0.0, 10, 48_000).is_err());
        assert!(sine(100.0, 1.0, 0.0, 10, 0).is_err());
        assert!(silence(usize::MAX).is_err());
        assert!(sweep(0.0, 100.0, 1.0, 48_000).is_err() && sweep(200.0, 100.0, 1.0, 48_000).is_err());
        assert!(sweep(20.0, 100.0, f64::INFINITY, 48_000).is_err() && sweep(20.0, 100.0, -1.0, 48_000).is_err());
        assert!(impulse(0).is_err() && level_steps(1000.0, &[], 0.1, 48_000).is_err());
    }
}
