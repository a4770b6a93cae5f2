//! Closed-form signals and the comparison used throughout.

use std::f64::consts::TAU;

/// Sample rate of all signals, Hz.
pub const RATE_HZ: f64 = 48_000.0;

/// Fails unless `found` is within `relative` of `expected`.
#[track_caller]
pub fn assert_close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "expected {expected}, found {found}");
}

/// Fails unless `found` is within `absolute` of `expected`.
#[track_caller]
pub fn assert_within(found: f64, expected: f64, absolute: f64) {
    assert!((found - expected).abs() <= absolute, "expected {expected} ± {absolute}, found {found}");
}

/// A decaying 440 Hz sine and an imitation: quieter, 3 frames late, with a 3 kHz tone and an offset. Returned as (prediction, target).
pub fn pair() -> (Vec<f64>, Vec<f64>) {
    (0..16_384)
        .map(|n| {
            let n = f64::from(n);
            let decay = (-n / 8000.0).exp();
            let target = (TAU * 440.0 * n / RATE_HZ).sin() * decay;
            let late = 0.9 * (TAU * 440.0 * (n - 3.0) / RATE_HZ).sin() * decay;
            (late + 0.01 * (TAU * 3000.0 * n / RATE_HZ).sin() + 0.002, target)
        })
        .unzip()
}

/// The signal repeated six times and cut to 2 s.
pub fn tiled(x: &[f64]) -> Vec<f64> {
    x.iter().copied().cycle().take(6 * x.len()).take(96_000).collect()
}

/// Stretches of a 1 kHz sine, each `(peak level in dBFS, seconds)`, with a continuous phase.
pub fn tone(segments: &[(f64, f64)]) -> Vec<f64> {
    let mut out = Vec::new();
    for &(level_db, seconds) in segments {
        let gain = 10.0_f64.powf(level_db / 20.0);
        for _ in 0..(seconds * RATE_HZ).round() as usize {
            out.push(gain * (TAU * 1000.0 * out.len() as f64 / RATE_HZ).sin());
        }
    }
    out
}

/// `amplitude sin(2π n / period + phase)`.
pub fn sine(frames: usize, period: f64, amplitude: f64, phase_deg: f64) -> Vec<f64> {
    (0..frames).map(|n| amplitude * (TAU * n as f64 / period + phase_deg.to_radians()).sin()).collect()
}

/// A decaying sine with four struck tones; in the imitation (the first of the two) they are struck at 0.7 of the strength. 1 s, (prediction, target).
pub fn struck() -> (Vec<f64>, Vec<f64>) {
    let with = |strength: f64| {
        (0..48_000)
            .map(|n| {
                let strikes: f64 = (0..4)
                    .map(|k| f64::from(n - 6000 - 12_000 * k))
                    .filter(|&m| m >= 0.0)
                    .map(|m| strength * (-m / 30.0).exp() * (TAU * 2500.0 * m / RATE_HZ).sin())
                    .sum();
                0.5 * (TAU * 440.0 * f64::from(n) / RATE_HZ).sin() * (-f64::from(n) / 24_000.0).exp() + strikes
            })
            .collect()
    };
    (with(0.7), with(1.0))
}
