//! What holds for every signal: a number or a refusal, never a panic or a NaN.

use afx_loss::metrics::{self, Harmonics, IdleOutput, Loudness, MetricError, RepeatedTakes, SinesTransientsNoise, published};
use proptest::prelude::*;

/// Samples of every size that `f64` has, and some that are not numbers.
fn sample() -> impl Strategy<Value = f64> {
    prop_oneof![6 => -1.0..1.0, 1 => Just(0.0), 1 => any::<f64>(), 1 => -1e100..1e100, 1 => -1e-300..1e-300]
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![4 => Just(48_000.0), 2 => 1.0..400_000.0, 1 => any::<f64>()]
}

fn is_a_number(value: Result<f64, MetricError>) -> bool {
    !value.is_ok_and(f64::is_nan)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn short_signals_of_any_values_give_a_number_or_a_refusal(
        p in prop::collection::vec(sample(), 0..40),
        y in prop::collection::vec(sample(), 0..40),
        rate_hz in rate(),
        bin in any::<usize>(),
    ) {
        for metric in [
            metrics::mae, metrics::mse, metrics::esr, metrics::esr_db, metrics::dc_error, metrics::rms_error_db, metrics::crest_factor_error_db,
            metrics::spectral_centroid_error, metrics::phase_error_rad, metrics::onset_error, published::rms_error,
            published::crest_factor_error, published::stft,
        ] {
            prop_assert!(is_a_number(metric(&p, &y)));
            prop_assert!(is_a_number(metric(&y, &y)));
        }
        for metric in [
            metrics::loudness_error_lu, metrics::transient_error_stn, metrics::transient_error_tms, metrics::nmr_db, published::loudness_error,
        ] {
            prop_assert!(is_a_number(metric(&p, &y, rate_hz)));
        }
        prop_assert!(is_a_number(metrics::true_peak_db(&y)));
        prop_assert!(is_a_number(metrics::asr(&y, bin % 64)));
        prop_assert!(is_a_number(metrics::asnr_db(&y, bin, rate_hz)));
        prop_assert!(is_a_number(Harmonics::measure(&y, bin % 64).map(|h| h.thd_plus_noise())));
        prop_assert!(is_a_number(IdleOutput::measure(&y, rate_hz).map(|idle| idle.settling_s)));
        prop_assert!(is_a_number(RepeatedTakes::measure(&[&p, &y]).map(|takes| takes.attainable_esr())));
        let _ = metrics::harmonics_only(&y, bin);
        let _ = published::stft_at(&y, &y, bin);
    }

    #[test]
    fn the_error_ratio_does_not_depend_on_the_level(
        y in prop::collection::vec(-1.0..1.0_f64, 1..50),
        gain in 1e-3..1e3_f64,
    ) {
        prop_assume!(y.iter().any(|v| v.abs() > 1e-3));
        let p: Vec<f64> = y.iter().map(|v| 0.8 * v + 0.01).collect();
        let louder = |x: &[f64]| -> Vec<f64> { x.iter().map(|v| gain * v).collect() };
        let (before, after) = (metrics::esr(&p, &y).unwrap(), metrics::esr(&louder(&p), &louder(&y)).unwrap());
        prop_assert!((before - after).abs() <= 1e-12 * before); // rounding of 50 terms
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn long_signals_of_any_values_give_a_number_or_a_refusal(
        pattern in prop::collection::vec(sample().prop_filter("finite", |v| v.abs() <= 1e100), 1..200),
        frames in 4000..24_000_usize,
        rate_hz in rate(),
    ) {
        let y: Vec<f64> = pattern.iter().copied().cycle().take(frames).collect();
        let p: Vec<f64> = y.iter().map(|v| 0.9 * v).collect();
        for metric in [
            metrics::loudness_error_lu, metrics::transient_error_stn, metrics::transient_error_tms, metrics::nmr_db, published::loudness_error,
        ] {
            prop_assert!(is_a_number(metric(&p, &y, rate_hz)));
        }
        for metric in [metrics::phase_error_rad, metrics::onset_error, published::stft] {
            prop_assert!(is_a_number(metric(&p, &y)));
        }
        prop_assert!(is_a_number(metrics::true_peak_db(&y[..frames.min(2000)])));
        if let Ok(loudness) = Loudness::measure(&[&y, &p], rate_hz) {
            prop_assert!(!loudness.integrated_lufs().is_nan());
            prop_assert!(!loudness.max_momentary_lufs().is_nan());
            prop_assert!(is_a_number(loudness.range_lu()));
            prop_assert!(loudness.momentary_lufs().len() + 1 > loudness.short_term_lufs().len());
        }
        if let Ok(parts) = SinesTransientsNoise::separate(&y, rate_hz) {
            prop_assert!(parts.noise.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn louder_by_6_decibels_is_louder_by_6_units(scale in 0.05..0.4_f64, hz in 50.0..15_000.0_f64) {
        let x: Vec<f64> = (0..24_000).map(|n| scale * (std::f64::consts::TAU * hz * f64::from(n) / 48_000.0).sin()).collect();
        let double: Vec<f64> = x.iter().map(|v| 2.0 * v).collect();
        let difference = metrics::loudness_error_lu(&double, &x, 48_000.0).unwrap();
        prop_assert!((difference - 20.0 * 2.0_f64.log10()).abs() < 1e-9); // the same blocks pass the gates
        let peaks = metrics::true_peak_db(&double).unwrap() - metrics::true_peak_db(&x).unwrap();
        prop_assert!((peaks - 20.0 * 2.0_f64.log10()).abs() < 1e-9);
    }
}
