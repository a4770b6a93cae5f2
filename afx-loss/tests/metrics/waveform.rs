//! Waveform and level metrics and their published variants.

use afx_loss::metrics::{self, MetricError, published};

use crate::signals::{RATE_HZ, assert_close, assert_within, pair, tiled};

#[test]
fn the_test_pair_is_the_one_the_numbers_were_computed_from() {
    let (p, y) = pair();
    assert_close(y.iter().sum(), 16.4258947485201, 1e-11); // rounding of 16384 terms
    assert_close(y.iter().map(|v| v * v).sum(), 1966.6536573762, 1e-12);
    assert_close(p.iter().sum(), 46.9327488938261, 1e-11);
    assert_close(p.iter().map(|v| v * v).sum(), 1592.73028317294, 1e-12);
}

#[test]
fn waveform_metrics_equal_the_reference_in_f64() {
    let (p, y) = pair();
    assert_close(metrics::mae(&p, &y).unwrap(), 0.0522835136666, 1e-11); // 12 printed digits
    assert_close(metrics::mse(&p, &y).unwrap(), 0.00448100976455, 1e-11);
    assert_close(metrics::esr(&p, &y).unwrap(), 0.0373308557442, 1e-11);
    assert_within(metrics::esr_db(&p, &y).unwrap(), -14.2793, 5e-5); // 4 printed decimals
    // The reference adds 1e-8 to the mean power of the target.
    let power = y.iter().map(|v| v * v).sum::<f64>() / y.len() as f64;
    assert_close(metrics::dc_error(&p, &y).unwrap() * power / (power + 1e-8), 2.88833120144e-5, 1e-10); // two means near 0 are subtracted
}

#[test]
fn waveform_metrics_of_f32_signals_agree_to_their_precision() {
    let (p, y) = pair();
    let (p, y): (Vec<f32>, Vec<f32>) = (p.iter().map(|&v| v as f32).collect(), y.iter().map(|&v| v as f32).collect());
    assert_close(metrics::esr(&p, &y).unwrap(), 0.0373308557442, 1e-6); // samples rounded to 24 bits
    assert_close(metrics::mae(&p, &y).unwrap(), 0.0522835136666, 1e-6);
}

#[test]
fn level_metrics_equal_the_reference() {
    let (p, y) = pair();
    assert_within(metrics::crest_factor_db(&y).unwrap(), 9.17653405166, 1e-10); // 12 printed digits
    assert_within(metrics::crest_factor_db(&p).unwrap(), 9.14928418291, 1e-10);
    assert_within(metrics::crest_factor_error_db(&p, &y).unwrap(), 0.0272498687518, 1e-11);
    assert_within(metrics::rms_error_db(&p, &y).unwrap(), 0.915856465595, 1e-11);
}

#[test]
fn published_variants_equal_pyneuralfx() {
    let (p, y) = pair();
    assert_within(published::crest_factor_error(&p, &y).unwrap(), 0.0627451415739, 1e-11);
    assert_within(published::rms_error(&p, &y).unwrap(), 2.108837445, 1e-9); // 10 printed digits
    assert_close(published::stft(&p, &y).unwrap(), 15.9366007039, 1e-9); // sums of 600 000 terms
    assert_close(
        published::rms_error(&p, &y).unwrap(),
        metrics::rms_error_db(&p, &y).unwrap() * std::f64::consts::LN_10,
        1e-12, // the same number in another unit
    );
}

#[test]
fn published_loudness_equals_pyloudnorm_with_its_default_filters() {
    let (p, y) = pair();
    let (p, y) = (tiled(&p), tiled(&y));
    let (lufs_p, lufs_y) = (published::pyloudnorm_lufs(&p, RATE_HZ).unwrap(), published::pyloudnorm_lufs(&y, RATE_HZ).unwrap());
    assert_within(lufs_y, -9.92541731269, 1e-9); // 12 printed digits
    assert_within(lufs_p, -10.8380022411, 1e-9);
    assert_within(published::loudness_error(&p, &y, RATE_HZ).unwrap(), lufs_y - lufs_p, 1e-9); // gates at the same blocks
}

#[test]
fn a_perfect_prediction_scores_nothing() {
    let (_, y) = pair();
    for metric in [metrics::mae, metrics::mse, metrics::esr, metrics::dc_error, metrics::rms_error_db, metrics::crest_factor_error_db] {
        assert_eq!(metric(&y, &y), Ok(0.0));
    }
    assert_eq!(metrics::esr_db(&y, &y), Ok(f64::NEG_INFINITY));
    assert_eq!(published::stft(&y, &y), Ok(0.0));
}

#[test]
fn a_silent_prediction_has_an_esr_of_one() {
    let (_, y) = pair();
    assert_eq!(metrics::esr(&vec![0.0; y.len()], &y), Ok(1.0));
}

#[test]
fn unusable_signals_are_refused_by_name() {
    let ok = [0.5_f32; 4];
    assert_eq!(metrics::esr(&ok[..3], &ok), Err(MetricError::LengthMismatch { what: "prediction", expected: 4, found: 3 }));
    assert_eq!(metrics::mae::<f64>(&[], &[]), Err(MetricError::Empty { what: "target" }));
    assert_eq!(metrics::mse(&[0.0, f32::NAN, 0.0, 0.0], &ok), Err(MetricError::NonFinite { what: "prediction", index: 1 }));
    assert_eq!(metrics::mse(&ok, &[0.0, 0.0, 0.0, f32::INFINITY]), Err(MetricError::NonFinite { what: "target", index: 3 }));
    assert_eq!(metrics::esr(&ok, &[0.0; 4]), Err(MetricError::Silent { what: "target" }));
    assert_eq!(published::stft(&ok, &ok), Err(MetricError::TooShort { what: "prediction for the stft window", needed: 2048, found: 4 }));
}
