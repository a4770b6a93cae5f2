//! The ceiling holds between the samples, too, and what stays below it is left alone.

use afx_core::Processor;
use afx_dsp::oversample::Upsampler;
use afx_dsp::{DspError, Factor, HalfBand, Limiter};
use std::f64::consts::{PI, TAU};

const RATE: f64 = 48e3;

fn limited(limiter: &mut Limiter, x: &[f64]) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    limiter.process(&[x], &mut [&mut y]);
    y
}

/// The largest magnitude at sixteen times the rate, in decibels: an error of 0.005 dB at 20 kHz.
fn true_peak_db(x: &[f64]) -> f64 {
    let mut up = Upsampler::<f64>::new(Factor::X16, HalfBand::LinearPhase);
    let mut high = vec![0.0; 16 * x.len()];
    up.process(x, &mut high);
    20.0 * high.iter().fold(0.0f64, |m, v| m.max(v.abs())).log10()
}

fn tone(frequency_hz: f64, phase: f64, level: f64, frames: usize) -> Vec<f64> {
    (0..frames).map(|n| level * (TAU * frequency_hz * n as f64 / RATE + phase).sin()).collect()
}

/// As the EBU's true-peak signals: tones that a meter of samples reads too low, at many phases, with bursts among them.
#[test]
fn true_peaks_of_tones_and_bursts_stay_below_the_ceiling() {
    for frequency_hz in [40.0, 997.0, 6e3, 12e3, 16e3, 18.3e3, 20e3] {
        for phase in [0.0, PI / 6.0, PI / 4.0, PI / 3.0] {
            for look_ahead_ms in [0.5, 1.5, 5.0] {
                // Windowed bursts of 12 dB too much in a tone of 3.
                let mut x = tone(frequency_hz, phase, 1.4, 9600);
                for (n, x) in x.iter_mut().enumerate() {
                    let fade = (n as f64 / 500.0).min(1.0) * ((9600 - n) as f64 / 500.0).min(1.0);
                    *x *= fade * (1.0 + 2.0 * (0.5 - 0.5 * (TAU * n as f64 / 1600.0).cos()));
                }
                let mut limiter = Limiter::new(RATE, look_ahead_ms, 1).unwrap();
                limiter.set_ceiling_db(-1.0);
                limiter.set_release_ms(30.0).unwrap();
                Processor::<f64>::reset(&mut limiter);
                let found = true_peak_db(&limited(&mut limiter, &x));
                assert!(found < -1.0 + 0.05, "{frequency_hz} Hz at {phase}, {look_ahead_ms} ms: {found} dB");
                assert!(found > -1.4, "{frequency_hz} Hz at {phase}, {look_ahead_ms} ms: {found} dB is more than was asked for");
            }
        }
    }
}

/// Clipped noise, steps and single samples have content up to half the rate, where no filter of so few taps sees everything.
#[test]
fn hard_cases_stay_below_it_sample_for_sample() {
    let mut noise = afx_core::testing::Noise::new(3);
    let mut x: Vec<f64> = noise.take(20_000, 8.0);
    x[5000..6000].fill(0.0);
    x[5500] = 50.0;
    x[7000..9000].fill(3.0);
    for n in (10_000..12_000).step_by(2) {
        (x[n], x[n + 1]) = (4.0, -4.0);
    }
    let mut limiter = Limiter::new(RATE, 1.0, 1).unwrap();
    let y = limited(&mut limiter, &x);
    let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest <= 1.0, "{largest}");
    // The lone peak comes out at the ceiling but for what its interpolation adds.
    let at = 5500 + Processor::<f64>::latency(&limiter);
    assert!(y[at] > 0.9, "{}", y[at]);
}

#[test]
fn what_stays_below_the_ceiling_is_late_and_else_the_same_to_the_bit() {
    let mut limiter = Limiter::new(44.1e3, 2.0, 2).unwrap();
    let (left, right) = (tone(700.0, 0.0, 0.9, 3000), tone(4321.0, 0.0, 0.97, 3000));
    let (mut a, mut b, mut c) = (vec![0.0; 3000], vec![0.0; 3000], vec![1.0; 3000]);
    limiter.process(&[&left, &right], &mut [&mut a, &mut b, &mut c]);
    let lag = Processor::<f64>::latency(&limiter);
    assert_eq!(lag, 88 + 16);
    assert!(a[lag..] == left[..3000 - lag] && b[lag..] == right[..3000 - lag]);
    assert!(a[..lag].iter().chain(&c).all(|y| *y == 0.0));
    assert_eq!(limiter.reduction_db(), 0.0);
}

#[test]
fn a_steady_tone_is_turned_down_without_distortion_and_the_other_channel_with_it() {
    // Eleven periods in 480 frames; the gain is that of the largest sample ever seen, so that nothing modulates.
    let (loud, quiet) = (tone(1100.0, 0.0, 2.0, 14_400), tone(300.0, 0.0, 0.1, 14_400));
    let mut limiter = Limiter::new(RATE, 1.5, 2).unwrap();
    let (mut a, mut b) = (vec![0.0; 14_400], vec![0.0; 14_400]);
    limiter.process(&[&loud, &quiet], &mut [&mut a, &mut b]);
    let lag = Processor::<f64>::latency(&limiter);
    let last = |x: &[f64], lag: usize| x[9600 + lag..9600 + lag + 4320].to_vec();
    let (from, to) = (last(&loud, 0), last(&a, lag));
    let gain = to.iter().zip(&from).map(|(y, x)| x * y).sum::<f64>() / from.iter().map(|x| x * x).sum::<f64>();
    let residual = to.iter().zip(&from).fold(0.0f64, |m, (y, x)| m.max((y - gain * x).abs()));
    assert!((gain - 0.5).abs() < 1e-3, "{gain}");
    assert!(residual < 2e-4, "{residual}"); // the parabola sees the peaks of each half period at other places
    let beside = last(&b, lag).iter().zip(last(&quiet, 0)).fold(0.0f64, |m, (y, x)| m.max((y - gain * x).abs()));
    assert!(beside < 1e-5, "{beside}");
    assert!((limiter.reduction_db() - 6.02).abs() < 0.01);
}

#[test]
fn it_lets_go_with_the_release() {
    let mut limiter = Limiter::new(RATE, 1.0, 1).unwrap();
    limiter.set_release_ms(50.0).unwrap();
    let x: Vec<f64> = (0..9600).map(|n| if n < 4800 { 4.0 } else { 0.1 }).collect();
    let y = limited(&mut limiter, &x);
    let lag = Processor::<f64>::latency(&limiter);
    // From a quarter, or a little below, as a step overshoots by 9 % between its samples: 63 % of the way after 50 ms and half the look-ahead.
    let found = y[lag + 4800 + 2400 + 24] / 0.1;
    let expected = 1.0 - (1.0 - 0.25 / 1.09) / std::f64::consts::E;
    assert!((found - expected).abs() < 5e-3, "{found} {expected}");
}

#[test]
fn a_ceiling_that_moves_does_not_click_and_nonsense_is_refused_by_name() {
    let mut limiter = Limiter::new(RATE, 1.5, 1).unwrap();
    let x = vec![1.0; 9600];
    let mut y = limited(&mut limiter, &x[..4800]);
    limiter.set_ceiling_db(f64::NAN);
    limiter.set_ceiling_db(-20.0);
    y.extend(limited(&mut limiter, &x[4800..]));
    assert!((y[9599] - 0.1).abs() < 1e-9, "{}", y[9599]);
    let steps = y[400..].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
    assert!(steps < 0.01, "{steps}"); // 0.9 in 20 ms: 0.001 a frame, some ten times as steep where decibels fall fastest

    let name = |result: Result<Limiter, DspError>| match result {
        Err(DspError::OutOfRange { name, .. }) => name,
        _ => "nothing",
    };
    assert_eq!(name(Limiter::new(RATE, 0.0, 1)), "look_ahead_ms");
    assert_eq!(name(Limiter::new(RATE, f64::NAN, 1)), "look_ahead_ms");
    assert_eq!(name(Limiter::new(1e8, 100.0, 1)), "look_ahead_ms");
    assert_eq!(name(Limiter::new(RATE, 1.0, 0)), "channels");
    assert_eq!(name(Limiter::new(0.0, 1.0, 1)), "sample_rate_hz");
    assert!(matches!(limiter.set_release_ms(-1.0), Err(DspError::OutOfRange { name: "release_ms", .. })));
}
