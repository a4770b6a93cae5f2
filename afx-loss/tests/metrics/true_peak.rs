//! True peak on the signals of EBU Tech 3341 and on bursts whose peak is known by an exact interpolation.

use std::f64::consts::TAU;

use afx_loss::metrics::{peak_db, true_peak_db};

use crate::signals::{assert_within, sine};

#[test]
fn tech_3341_cases_15_to_19_are_met_within_a_hundredth_of_a_decibel() {
    // (period in frames, amplitude, phase, the document's dBTP)
    for (period, amplitude, phase_deg) in [(4.0, 0.5, 0.0), (4.0, 0.5, 45.0), (6.0, 0.5, 60.0), (8.0, 0.5, 67.5), (4.0, 1.41, 45.0)] {
        // The documents' signals fade in and out; a hard edge would peak higher than the sine.
        let x: Vec<f64> = sine(48_000, period, amplitude, phase_deg)
            .into_iter()
            .enumerate()
            .map(|(n, v)| v * (n.min(47_999 - n) as f64 / 4800.0).min(1.0))
            .collect();
        let found = true_peak_db(&x).unwrap();
        assert_within(found, 20.0 * amplitude.log10(), 0.01); // goal 0.05; the document allows +0.2 and -0.4
    }
}

#[test]
fn a_peak_midway_between_two_interpolated_points_is_still_met() {
    // A sixteenth of a frame off: the nearest eighth reads cos(π/32), 0.042 dB low.
    let x: Vec<f64> = sine(8000, 4.0, 0.5, 90.0 - 90.0 / 16.0)
        .into_iter()
        .enumerate()
        .map(|(n, v)| v * (n.min(7999 - n) as f64 / 800.0).min(1.0))
        .collect();
    assert_within(true_peak_db(&x).unwrap(), 20.0 * 0.5_f64.log10(), 0.001); // fourth-order rest of the parabola
}

/// 256 frames around a burst, band-limited exactly: 4 times oversampled, all bins from half the base rate's Nyquist band up removed, every fourth
/// point from `offset` taken; and the peak of the band-limited waveform on a grid of 1/64 frame.
fn burst(offset: usize) -> (Vec<f64>, f64) {
    const LONG: usize = 1024;
    let loud = 480..496;
    let x: Vec<f64> = (0..LONG)
        .map(|n| {
            let fade = (n.min(LONG - n) as f64 / 256.0).min(1.0);
            fade * if loud.contains(&n) { 0.95 } else { 0.6 } * (TAU * n as f64 / 16.0).sin()
        })
        .collect();
    let bins: Vec<(f64, f64)> = (0..116)
        .map(|k| {
            let turn = |n: usize| TAU * (k * n % LONG) as f64 / LONG as f64;
            x.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, v)| (re + v * turn(n).cos(), im - v * turn(n).sin()))
        })
        .collect();
    let at = |t: f64| {
        bins.iter().enumerate().fold(0.0, |sum, (k, (re, im))| {
            let (sin, cos) = (TAU * k as f64 * t / LONG as f64).sin_cos();
            sum + if k == 0 { 1.0 } else { 2.0 } / LONG as f64 * (re * cos - im * sin)
        })
    };
    let truth = (0..LONG * 16).map(|m| at(m as f64 / 16.0).abs()).fold(0.0, f64::max);
    ((0..LONG / 4).map(|n| at((4 * n + offset) as f64)).collect(), 20.0 * truth.log10())
}

#[test]
fn tech_3341_cases_20_to_23_do_not_depend_on_the_sampling_instant() {
    let mut sample_peaks = Vec::new();
    for offset in 0..4 {
        let (x, expected_db) = burst(offset);
        assert_within(true_peak_db(&x).unwrap(), expected_db, 0.01);
        sample_peaks.push(peak_db(&x).unwrap());
    }
    let spread = sample_peaks.iter().copied().fold(f64::MIN, f64::max) - sample_peaks.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread > 0.5, "the sample peaks must differ for the test to mean something: {spread} dB");
}

#[test]
fn a_tone_at_0_45_of_the_sample_rate_is_still_met() {
    let x: Vec<f64> = sine(4000, 1.0 / 0.4501, 1.0, 10.0)
        .into_iter()
        .enumerate()
        .map(|(n, v)| v * 0.5 * (1.0 - (TAU * n as f64 / 4000.0).cos()))
        .collect();
    assert_within(true_peak_db(&x).unwrap(), 0.0, 0.01); // the Hann envelope is flat to 1e-5 within one beat of the samples
}

#[test]
fn the_true_peak_is_never_below_the_sample_peak() {
    for period in [2.1, 3.7, 17.3] {
        let x = sine(500, period, 0.7, 33.0);
        assert!(true_peak_db(&x).unwrap() >= peak_db(&x).unwrap());
    }
    assert_eq!(true_peak_db(&[0.5_f32]), Ok(peak_db(&[0.5_f32]).unwrap()), "one sample is the peak of its own sinc");
    assert_eq!(true_peak_db(&[0.0_f32; 100]), Ok(f64::NEG_INFINITY));
}
