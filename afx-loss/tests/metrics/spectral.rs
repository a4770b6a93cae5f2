//! Centroid, phase and onsets.

use std::f64::consts::PI;

use afx_loss::metrics::{self, MetricError};

use crate::signals::{RATE_HZ, assert_close, assert_within, pair, sine, struck};

#[test]
fn the_centroid_equals_the_reference() {
    let (p, y) = pair();
    assert_close(metrics::spectral_centroid(&y).unwrap(), 0.0404057942291, 1e-11); // 12 printed digits
    assert_close(metrics::spectral_centroid(&p).unwrap(), 0.0599471460693, 1e-11);
    assert_within(metrics::spectral_centroid_error(&p, &y).unwrap(), 0.0599471460693 - 0.0404057942291, 1e-12);
}

#[test]
fn the_centroid_of_a_sine_is_its_frequency() {
    let x = sine(48_000, 48.0, 0.3, 20.0);
    assert_within(metrics::spectral_centroid_hz(&x, RATE_HZ).unwrap(), 1000.0, 1e-6); // whole periods: rounding only
    assert_eq!(metrics::spectral_centroid(&[0.0_f32; 16]), Err(MetricError::Silent { what: "samples" }));
}

#[test]
fn the_phase_error_equals_the_reference() {
    let (p, y) = pair();
    assert_close(metrics::phase_error_rad(&p, &y).unwrap(), 0.0979212245169, 1e-10); // 12 printed digits
    assert_close(metrics::phase_error_above(&p, &y, 0.1).unwrap(), 0.115238791119, 1e-10);
}

#[test]
fn the_phase_error_of_an_inverted_signal_is_pi() {
    let (_, y) = pair();
    let inverted: Vec<f64> = y.iter().map(|v| -v).collect();
    assert_within(metrics::phase_error_rad(&inverted, &y).unwrap(), PI, 1e-12);
    assert_eq!(metrics::phase_error_rad(&y, &y), Ok(0.0));
}

#[test]
fn the_onset_error_equals_the_reference() {
    let (p, y) = struck();
    assert_close(metrics::onset_error(&p, &y).unwrap(), 0.00342581675659, 1e-10); // 12 printed digits
}

#[test]
fn the_onset_error_does_not_hear_a_softer_decay() {
    // A burst that stops at once and one that fades: same attack.
    let burst = |fade: f64| -> Vec<f64> {
        (0..16_384).map(|n| if n < 8000 { 1.0 } else { (f64::from(8000 - n) / fade).exp() } * (f64::from(n) * 0.3).sin()).collect()
    };
    let same = metrics::onset_error(&burst(400.0), &burst(2000.0)).unwrap();
    let late: Vec<f64> = std::iter::repeat_n(0.0, 2000).chain(burst(2000.0)).take(16_384).collect();
    let moved = metrics::onset_error(&late, &burst(2000.0)).unwrap();
    assert!(moved > 5.0 * same, "late {moved}, softer {same}");
}

#[test]
fn short_or_silent_signals_are_refused() {
    let x = [0.5_f64; 1000];
    assert!(matches!(metrics::phase_error_rad(&x, &x), Err(MetricError::TooShort { needed: 1025, found: 1000, .. })));
    assert!(matches!(metrics::onset_error(&x, &x), Err(MetricError::TooShort { needed: 1280, found: 1000, .. })));
    assert!(matches!(metrics::phase_error_rad(&[0.0; 2000], &[0.5; 2000]), Err(MetricError::Silent { .. })));
    assert!(matches!(metrics::phase_error_above(&x, &x, f64::NAN), Err(MetricError::Parameter { .. })));
}
