//! Values and gradients of the published losses on closed-form signals, against `data/losses.json`; nothing is read but that file.

mod common;
#[path = "common/published.rs"]
mod published;

use core::f64::consts::TAU;
use published::*;
use serde_json::Value;

const FS: f64 = 48000.0;

fn vectors() -> Value {
    serde_json::from_str(include_str!("data/losses.json")).unwrap()
}

/// Target and prediction, channels or items in a row.
fn pair(name: &str) -> (Vec<f64>, Vec<f64>) {
    let (y, p) = (common::target(), common::prediction());
    let scaled = |x: &[f64], gain: f64| -> Vec<f64> { x.iter().map(|x| gain * x).collect() };
    let rolled = |x: &[f64], by: usize| -> Vec<f64> { x[x.len() - by..].iter().chain(&x[..x.len() - by]).map(|x| 0.5 * x).collect() };
    match name {
        "sines" => (y, p),
        "half" => (y.clone(), scaled(&y, 0.5)),
        "silent_prediction" => (y.clone(), vec![0.0; y.len()]),
        "batch" => ([y.clone(), scaled(&y, 0.1)].concat(), [p, scaled(&y, 0.11)].concat()),
        "stereo" => ([y.clone(), rolled(&y, 7)].concat(), [p.clone(), rolled(&p, 5)].concat()),
        "strings" => strings(),
        "knocks" => knocks(),
        other => panic!("{other}: no such signals"),
    }
}

/// Four plucked strings through a drive, with a noise floor.
fn strings() -> (Vec<f64>, Vec<f64>) {
    let mut x = vec![0.0; 48000];
    for (start, f) in [(0, 82.41), (9600, 123.47), (19200, 196.0), (30000, 329.63)] {
        for k in 1..=12 {
            let k = f64::from(k);
            let hz = f * k * (1.0 + 5e-5 * k * k).sqrt();
            let level = 0.35 * (0.18 * core::f64::consts::PI * k).sin() / k;
            for (m, x) in x[start..].iter_mut().enumerate() {
                let m = m as f64;
                *x += level * (-m * (0.6 + 0.4 * k) / 24000.0).exp() * (TAU * hz * m / FS).sin();
            }
        }
    }
    let y = x.iter().map(|x| 0.6 * (4.0 * x).tanh()).collect();
    let noise = sequence(48000);
    let p = |n: usize| 0.58 * (3.6 * x[n] + 0.05).tanh() + 0.001 * (TAU * 5000.0 * n as f64 / FS).cos() + 0.002 * noise[n];
    (y, (0..48000).map(p).collect())
}

/// A decaying tone, struck four times.
fn knocks() -> (Vec<f64>, Vec<f64>) {
    let with = |strength: f64| -> Vec<f64> {
        let at = |n: usize| {
            let tone = 0.5 * (TAU * 440.0 * n as f64 / FS).sin() * (-(n as f64) / 24000.0).exp();
            let hits = (0..4).filter_map(|k| n.checked_sub(6000 + 12000 * k)).map(|m| m as f64);
            tone + strength * hits.map(|m| (-m / 30.0).exp() * (TAU * 2500.0 * m / FS).sin()).sum::<f64>()
        };
        (0..48000).map(at).collect()
    };
    (with(1.0), with(0.7))
}

#[test]
fn the_signals_are_those_of_the_script() {
    let vectors = vectors();
    for (name, described) in vectors["signals"].as_object().unwrap() {
        let (y, p) = pair(name);
        for (x, sum, squared) in [(&y, "target", "target_squared"), (&p, "prediction", "prediction_squared")] {
            let sums = &described["sums"];
            // another library's sine, times the count
            assert!((x.iter().sum::<f64>() - number(sums, sum)).abs() < 1e-10, "{name} {sum}");
            assert!((x.iter().map(|x| x * x).sum::<f64>() - number(sums, squared)).abs() < 1e-10, "{name} {squared}");
        }
    }
}

fn each(mut compare: impl FnMut(&mut Findings, &Value, usize, &[f64], &[f64])) {
    let vectors = vectors();
    let mut findings = Findings::default();
    let mut compared = 0;
    for row in vectors["losses"].as_array().unwrap() {
        let signals = row["signals"].as_str().unwrap();
        let items = if ["batch", "stereo"].contains(&signals) { 2 } else { 1 };
        let (y, p) = pair(signals);
        if published::<f64>(row["loss"].as_str().unwrap(), row["by"].as_str().unwrap(), items).is_some() {
            compare(&mut findings, row, items, &p, &y);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} rows");
    findings.none();
}

fn ours<T: afx_loss::Sample>(row: &Value, items: usize) -> Box<dyn afx_loss::Loss<T>> {
    published(row["loss"].as_str().unwrap(), row["by"].as_str().unwrap(), items).unwrap()
}

#[test]
fn values_and_gradients_equal_the_references_in_f64() {
    each(|findings, row, items, p, y| {
        // Most bins of the sines hold nothing but rounding, where the sign of a difference is chance; the strings have a noise floor.
        let gradient = if row["signals"] == "strings" { 1e-9 } else { 1e-6 };
        findings.compare(row, &mut *ours(row, items), p, y, gradient);
    });
}

#[test]
fn values_and_gradients_on_plucked_strings_equal_the_references_in_f32() {
    each(|findings, row, items, p, y| {
        if row["signals"] == "strings" {
            let (_, g) = common::both(&mut *ours::<f64>(row, items), p, y);
            findings.compare_single(row, &mut *ours(row, items), p, y, &g);
        }
    });
}
