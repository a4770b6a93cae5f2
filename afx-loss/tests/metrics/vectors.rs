//! Against PyNeuralFx and pyloudnorm on plucked notes: `tests/data/metrics.json`, made by `tools/golden/metrics.py`.

use std::f64::consts::TAU;

use afx_loss::metrics::{self, Loudness, SinesTransientsNoise, published};
use serde_json::Value;

use crate::signals::{assert_close, assert_within};

/// Five plucks with three partials each, a click at each start, and noise 60 dB down: as in the script.
fn plucks(rate_hz: f64, damping: f64) -> Vec<f64> {
    let mut state = 7_u64;
    (0..50_000)
        .map(|n| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut x = 1e-3 * ((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0);
            for k in 0..5 {
                let m = f64::from(n - (1000 + 8000 * k));
                if m >= 0.0 {
                    for partial in [1.0, 2.0, 3.0] {
                        let hz = 110.0 * (f64::from(k) + 2.0) * partial;
                        x += 0.3 / partial * (TAU * hz * m / rate_hz).sin() * (-m / damping).exp();
                    }
                    x += 0.2 * (-m / 12.0).exp();
                }
            }
            x
        })
        .collect()
}

/// Calls `check` with the vectors of each sample rate, the rate, the prediction and the target.
fn for_each_rate(check: impl Fn(&Value, f64, &[f64], &[f64])) {
    let vectors: Value = serde_json::from_str(include_str!("../data/metrics.json")).unwrap();
    let rates = vectors.as_array().unwrap();
    assert_eq!(rates.len(), 2);
    for vector in rates {
        let rate_hz = number(vector, "rate_hz");
        let p: Vec<f64> = plucks(rate_hz, 7000.0).iter().map(|v| 0.8 * (1.3 * v).tanh()).collect();
        check(vector, rate_hz, &p, &plucks(rate_hz, 9000.0));
    }
}

fn number(vector: &Value, name: &str) -> f64 {
    vector[name].as_f64().unwrap_or_else(|| panic!("{name} is missing"))
}

fn energy(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

#[test]
fn the_signals_are_those_of_the_script() {
    for_each_rate(|v, _, p, y| {
        assert_close(energy(y), number(v, "sum_y2"), 1e-12); // another library's sine
        assert_close(energy(p), number(v, "sum_p2"), 1e-12);
    });
}

#[test]
fn waveform_and_level_metrics_equal_pyneuralfx() {
    for_each_rate(|v, _, p, y| {
        assert_close(metrics::esr(p, y).unwrap(), number(v, "esr"), 1e-11);
        assert_close(published::crest_factor_error(p, y).unwrap(), number(v, "crest_factor"), 1e-11);
        assert_close(published::rms_error(p, y).unwrap(), number(v, "rms"), 1e-11);
        assert_close(metrics::spectral_centroid(y).unwrap(), number(v, "centroid_y"), 1e-6); // they compute frequencies in f32
        assert_close(published::stft(p, y).unwrap(), number(v, "stft"), 1e-7); // their window is rounded to f32
    });
}

#[test]
fn loudness_equals_pyloudnorm() {
    for_each_rate(|v, rate_hz, p, y| {
        assert_within(Loudness::measure(&[y], rate_hz).unwrap().integrated_lufs(), number(v, "lufs_itu_y"), 1e-9);
        assert_within(published::pyloudnorm_lufs(y, rate_hz).unwrap(), number(v, "lufs_default_y"), 1e-9);
        assert_within(published::pyloudnorm_lufs(p, rate_hz).unwrap(), number(v, "lufs_default_p"), 1e-9);
    });
}

#[test]
fn sines_transients_and_noise_equal_pyneuralfx() {
    for_each_rate(|v, rate_hz, p, y| {
        let parts = SinesTransientsNoise::separate(y, rate_hz).unwrap();
        for (i, part) in [&parts.sines, &parts.transients, &parts.noise].into_iter().enumerate() {
            assert_close(energy(part), v["stn_energy"][i].as_f64().unwrap(), 1e-9); // f64 on both sides
        }
        assert_close(metrics::transient_error_stn(p, y, rate_hz).unwrap(), number(v, "transient_stn"), 1e-8); // they add 1e-12 to the mean power
    });
}

#[test]
fn transient_modelling_synthesis_agrees_with_pyneuralfx() {
    for_each_rate(|v, rate_hz, p, y| {
        // Their sines next to Nyquist lack half of their spectral lobe; found 1e-5 and 4e-5.
        assert_close(energy(&metrics::dct_transients(y, rate_hz).unwrap()), number(v, "dct_transient_energy"), 1e-4);
        assert_close(metrics::transient_error_tms(p, y, rate_hz).unwrap(), number(v, "transient_tms"), 1e-4);
    });
}
