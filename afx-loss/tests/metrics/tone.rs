//! Aliasing, harmonics and noise-to-mask ratio of waveshapers whose spectrum is known.

use std::f64::consts::TAU;

use afx_loss::metrics::{self, Harmonics, MetricError};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use crate::signals::{RATE_HZ, assert_close, assert_within};

const FRAMES: usize = 65_536;

fn hard(x: f64) -> f64 {
    x.clamp(-1.0, 1.0)
}

fn cubic(x: f64) -> f64 {
    if x.abs() <= 1.0 { 1.5 * (x - x.powi(3) / 3.0) } else { x.signum() }
}

/// `f(drive sin)` of a coherent tone, computed at `factor` times the rate and decimated by an ideal filter.
fn shaped(f: impl Fn(f64) -> f64, drive: f64, bin: usize, factor: usize) -> Vec<f64> {
    let long = FRAMES * factor;
    let mut x: Vec<f64> = (0..long).map(|n| f(drive * (TAU * (bin * n % long) as f64 / long as f64 + 0.3).sin())).collect();
    let mut planner = RealFftPlanner::new();
    let forward = planner.plan_fft_forward(long);
    let mut spectrum = forward.make_output_vec();
    forward.process(&mut x, &mut spectrum).unwrap();
    spectrum.truncate(FRAMES / 2 + 1);
    spectrum[FRAMES / 2] = Complex::new(0.0, 0.0);
    let mut out = vec![0.0; FRAMES];
    planner.plan_fft_inverse(FRAMES).process(&mut spectrum, &mut out).unwrap();
    out.iter().map(|v| v / long as f64).collect()
}

/// First-order antiderivative antialiasing of a periodic tone, in f64.
fn adaa(f: impl Fn(f64) -> f64, antiderivative: impl Fn(f64) -> f64, drive: f64, bin: usize) -> Vec<f64> {
    let x = |n: usize| drive * (TAU * (bin * n % FRAMES) as f64 / FRAMES as f64 + 0.3).sin();
    (0..FRAMES)
        .map(|n| {
            let (now, last) = (x(n + 1), x(n));
            let step = now - last;
            if step.abs() < 1e-5 { f((now + last) / 2.0) } else { (antiderivative(now) - antiderivative(last)) / step }
        })
        .collect()
}

#[test]
fn asnr_reproduces_the_table_of_oversampled_waveshapers() {
    let hard_1244 = |factor| metrics::asnr_db(&shaped(hard, 10.0, 1699, factor), 1699, RATE_HZ).unwrap();
    let hard_4187 = |factor| metrics::asnr_db(&shaped(hard, 10.0, 5717, factor), 5717, RATE_HZ).unwrap();
    let tanh_1244 = |factor| metrics::asnr_db(&shaped(f64::tanh, 10.0, 1699, factor), 1699, RATE_HZ).unwrap();
    let tanh_4187 = |factor| metrics::asnr_db(&shaped(f64::tanh, 10.0, 5717, factor), 5717, RATE_HZ).unwrap();
    let cubic_1244 = |factor| metrics::asnr_db(&shaped(cubic, 10.0, 1699, factor), 1699, RATE_HZ).unwrap();
    // One printed decimal.
    for (factor, expected) in [(1, 33.4), (2, 47.0), (4, 58.3), (8, 70.6)] {
        assert_within(hard_1244(factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 14.5), (2, 28.7), (4, 41.0), (8, 58.7)] {
        assert_within(hard_4187(factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 38.7), (2, 93.1)] {
        assert_within(tanh_1244(factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 16.1), (2, 33.2), (4, 66.0), (8, 125.6)] {
        assert_within(tanh_4187(factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 28.5), (2, 53.9), (4, 73.7), (8, 91.9)] {
        assert_within(cubic_1244(factor), expected, 0.051);
    }
    let driven = metrics::asnr_db(&shaped(f64::tanh, 100.0, 1699, 1), 1699, RATE_HZ).unwrap();
    assert_within(driven, 19.1, 0.051);
}

#[test]
fn asnr_reproduces_the_table_of_antiderivative_antialiasing() {
    let hard_integral = |x: f64| if x.abs() <= 1.0 { x * x / 2.0 } else { x.abs() - 0.5 };
    let tanh_integral = |x: f64| x.abs() + (-2.0 * x.abs()).exp().ln_1p() - std::f64::consts::LN_2;
    for (bin, expected) in [(1699, 41.9), (5717, 23.6)] {
        assert_within(metrics::asnr_db(&adaa(hard, hard_integral, 10.0, bin), bin, RATE_HZ).unwrap(), expected, 0.051);
    }
    for (bin, expected) in [(1699, 45.8), (5717, 24.7)] {
        assert_within(metrics::asnr_db(&adaa(f64::tanh, tanh_integral, 10.0, bin), bin, RATE_HZ).unwrap(), expected, 0.051);
    }
}

#[test]
fn asr_at_a_prime_length_equals_the_reference() {
    let prime = 65_521;
    let tone =
        |f: fn(f64) -> f64| -> Vec<f64> { (0..prime).map(|n| f(10.0 * (TAU * (1698 * n % prime) as f64 / prime as f64).sin())).collect() };
    assert_close(metrics::asr(&tone(f64::tanh), 1698).unwrap(), 2.518642223e-4, 1e-9); // 10 printed digits
    assert_within(metrics::asr_db(&tone(f64::tanh), 1698).unwrap(), -35.988, 5.1e-4);
    assert_close(metrics::asr(&tone(hard), 1698).unwrap(), 7.86264649e-4, 1e-8);
    assert_within(metrics::asr_db(&tone(hard), 1698).unwrap(), -31.044, 5.1e-4);
}

#[test]
fn harmonics_equal_the_exact_fourier_coefficients() {
    // 3 periods in 48 000 frames: the 16 000th harmonic is the first to alias.
    let measure = |f: fn(f64) -> f64, drive: f64| {
        let x: Vec<f64> = (0..48_000).map(|n| f(drive * (TAU * f64::from(3 * n % 48_000) / 48_000.0).sin())).collect();
        Harmonics::measure(&x, 3).unwrap()
    };
    type Case = (fn(f64) -> f64, f64, [f64; 4], f64);
    let cases: [Case; 4] = [
        (f64::tanh, 10.0, [1.267956383645, 0.408935757559, 0.230012364826, 0.149593643404], 1e-12), // 12 printed decimals
        (f64::tanh, 1.0, [0.811675685132, 0.054245810326, 0.004516821993, 0.000382447171], 1e-12),
        (hard, 10.0, [1.271114284305, 0.418062925930, 0.244148748697, 0.167368506153], 1e-7), // corners between frames
        (cubic, 1.0, [1.125, 0.125, 0.0, 0.0], 1e-12),
    ];
    for (f, drive, expected, tolerance) in cases {
        let harmonics = measure(f, drive);
        for (m, expected) in [1, 3, 5, 7].into_iter().zip(expected) {
            assert_within(harmonics.amplitudes[m - 1], expected, tolerance);
        }
        assert!(harmonics.amplitudes[1] < 1e-12, "odd functions have no even harmonics");
        assert!(harmonics.offset.abs() < 1e-12);
    }
    let cubic = measure(cubic, 1.0);
    assert_within(cubic.thd(), 1.0 / 9.0, 1e-12);
    assert_within(cubic.level_db(3), 20.0 * (1.0_f64 / 9.0).log10(), 1e-10);
    assert_eq!(cubic.level_db(0), f64::NEG_INFINITY);
    assert_eq!(cubic.level_db(9000), f64::NEG_INFINITY);
}

#[test]
fn noise_and_offset_are_told_from_harmonics() {
    let x: Vec<f64> = (0..9600)
        .map(|n| {
            let turn = |bin: i32| (TAU * f64::from(bin * n % 9600) / 9600.0).sin();
            0.25 + turn(100) + 0.03 * turn(200) + 0.04 * turn(150)
        })
        .collect();
    let harmonics = Harmonics::measure(&x, 100).unwrap();
    assert_within(harmonics.offset, 0.25, 1e-12);
    assert_within(harmonics.thd(), 0.03, 1e-12);
    assert_within(harmonics.residual_rms, 0.04 / 2.0_f64.sqrt(), 1e-12);
    assert_within(harmonics.thd_plus_noise(), 0.05, 1e-12);
}

#[test]
fn the_noise_to_mask_ratio_reproduces_the_table() {
    let nmr = |f: fn(f64) -> f64, bin, factor| {
        let x = shaped(f, 10.0, bin, factor);
        metrics::nmr_db(&x, &metrics::harmonics_only(&x, bin).unwrap(), RATE_HZ).unwrap()
    };
    // One printed decimal.
    for (factor, expected) in [(1, 26.7), (2, 10.0), (4, -13.1), (8, -13.6)] {
        assert_within(nmr(hard, 1699, factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 57.2), (2, 33.5), (4, 15.2), (8, 4.5)] {
        assert_within(nmr(hard, 5717, factor), expected, 0.051);
    }
    for (factor, expected) in [(1, 55.0), (2, 28.8), (4, -37.2), (8, -70.2)] {
        assert_within(nmr(f64::tanh, 5717, factor), expected, 0.051);
    }
}

#[test]
fn harmonics_only_keeps_offset_and_harmonics() {
    let x: Vec<f64> = shaped(|x| (x + 0.2).tanh(), 10.0, 1699, 1);
    let kept = metrics::harmonics_only(&x, 1699).unwrap();
    assert!(metrics::asnr_db(&kept, 1699, RATE_HZ).unwrap() > 280.0); // rounding of two transforms
    let difference: Vec<f64> = x.iter().zip(&kept).map(|(x, kept)| x - kept).collect();
    let rest = Harmonics::measure(&x, 1699).unwrap().residual_rms;
    assert_within(metrics::rms_db(&difference).unwrap(), 20.0 * rest.log10(), 1e-9);
}

#[test]
fn unusable_tones_are_refused() {
    let x = [0.5_f64, -0.5, 0.5, -0.5];
    assert!(matches!(metrics::asr(&x, 1), Err(MetricError::Parameter { what: "frames of samples", .. })));
    assert!(matches!(metrics::asnr_db(&x, 0, RATE_HZ), Err(MetricError::Parameter { .. })));
    assert!(matches!(metrics::asnr_db(&x, 3, RATE_HZ), Err(MetricError::Parameter { .. })));
    assert!(matches!(metrics::asnr_db(&x, 1, f64::NAN), Err(MetricError::SampleRate { .. })));
    assert!(matches!(Harmonics::measure(&x, 3), Err(MetricError::Parameter { .. })));
    assert!(matches!(Harmonics::measure(&[0.0_f32; 8], 2), Err(MetricError::Silent { .. })));
    assert!(matches!(metrics::asr(&[0.0_f32; 7], 2), Err(MetricError::Silent { .. })));
    assert!(matches!(metrics::nmr_db(&x, &x, RATE_HZ), Err(MetricError::TooShort { needed: 2048, found: 4, .. })));
    assert!(matches!(metrics::nmr_db(&x, &x, 22_050.0), Err(MetricError::SampleRate { .. })));
    assert!(matches!(metrics::harmonics_only(&x, 0), Err(MetricError::Parameter { .. })));
}
