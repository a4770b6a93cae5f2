//! Values and gradients of the published losses and metrics on recordings, against `data/recordings.json`.
//!
//! The recordings are not part of the project: where they are missing, the tests say so and pass. `closed_forms.rs` needs nothing.

mod common;
#[path = "common/published.rs"]
mod published;
#[path = "common/wav.rs"]
mod wav;

use afx_loss::metrics::{self, Loudness, SinesTransientsNoise};
use core::f64::consts::TAU;
use published::*;
use serde_json::Value;
use std::path::Path;

const FS: f64 = 48000.0;

fn vectors() -> Value {
    serde_json::from_str(include_str!("data/recordings.json")).unwrap()
}

/// The excerpt that `place` describes, or `None`, with a word about it.
fn excerpt(place: &Value) -> Option<Vec<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/audio").join(place["file"].as_str().unwrap());
    let Some(x) = wav::read(&path) else {
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let (first, frames) = (number(place, "first") as usize, number(place, "frames") as usize);
    Some(x[first..first + frames].to_vec())
}

/// `tanh(3 x[n - 2]) / 3 + 0.003 sin(2π 3000 n / fs) + 0.001`
fn predicted(x: &[f64]) -> Vec<f64> {
    let at = |n: usize| {
        let late = if n < 2 { 0.0 } else { x[n - 2] };
        (3.0 * late).tanh() / 3.0 + 0.003 * (TAU * 3000.0 * n as f64 / FS).sin() + 0.001
    };
    (0..x.len()).map(at).collect()
}

/// Target and prediction of a take, or of two as left and right.
fn pair(vectors: &Value, name: &str) -> Option<(Vec<f64>, Vec<f64>)> {
    if name == "stereo" {
        let sides = vectors["stereo"].as_array().unwrap().iter().map(|side| pair(vectors, side.as_str().unwrap()));
        let (y, p): (Vec<_>, Vec<_>) = sides.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        return Some((y.concat(), p.concat()));
    }
    let y = excerpt(&vectors["takes"][name])?;
    let p = predicted(&y);
    Some((y, p))
}

fn losses(name: &str) {
    let vectors = vectors();
    let Some((y, p)) = pair(&vectors, name) else { return };
    let items = if name == "stereo" { 2 } else { 1 };
    let mut findings = Findings::default();
    let rows = vectors["losses"].as_array().unwrap().iter().filter(|row| row["signals"] == name);
    let mut compared = 0;
    for row in rows {
        let (loss, by) = (row["loss"].as_str().unwrap(), row["by"].as_str().unwrap());
        let g = findings.compare(row, &mut *published::<f64>(loss, by, items).unwrap(), &p, &y, 1e-9);
        findings.compare_single(row, &mut *published::<f32>(loss, by, items).unwrap(), &p, &y, &g);
        compared += 1;
    }
    assert!(compared >= if items == 2 { 5 } else { 50 }, "{compared} rows");
    findings.none();
}

#[test]
fn losses_of_a_bass_equal_the_references() {
    losses("bass");
}

#[test]
fn losses_of_fifths_equal_the_references() {
    losses("fifths");
}

#[test]
fn losses_of_a_chord_equal_the_references() {
    losses("em9");
}

#[test]
fn losses_of_a_dry_guitar_equal_the_references() {
    losses("di");
}

#[test]
fn losses_of_two_takes_as_stereo_equal_the_references() {
    losses("stereo");
}

#[test]
fn the_excerpts_are_those_of_the_script() {
    let vectors = vectors();
    for (name, place) in vectors["takes"].as_object().unwrap() {
        let Some((y, p)) = pair(&vectors, name) else { return };
        let sums = &place["sums"];
        for (found, expected) in [
            (y.iter().sum::<f64>(), "target"),
            (y.iter().map(|y| y * y).sum::<f64>(), "target_squared"),
            (p.iter().sum(), "prediction"),
            (p.iter().map(|p| p * p).sum(), "prediction_squared"),
        ] {
            assert!((found - number(sums, expected)).abs() < 1e-10, "{name} {expected}"); // another library's tanh, order of the sum
        }
    }
}

fn energy(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

#[track_caller]
fn within(what: &str, found: f64, expected: f64, room: f64) {
    assert!((found - expected).abs() <= room, "{what}: expected {expected} ± {room:.1e}, found {found}");
}

#[test]
fn metrics_of_recordings_equal_the_references() {
    let vectors = vectors();
    for row in vectors["metrics"].as_array().unwrap() {
        let name = row["signal"].as_str().unwrap();
        let Some((y, p)) = pair(&vectors, name) else { return };
        for (x, side) in [(&y, "target"), (&p, "prediction")] {
            let levels = &row[side];
            let what = |part: &str| format!("{name} {side} {part}");
            let check = |part: &str, found, room| within(&what(part), found, number(levels, part), room);
            check("lufs_itu", Loudness::measure(&[x], FS).unwrap().integrated_lufs(), 1e-9);
            check("lufs_default", metrics::published::pyloudnorm_lufs(x, FS).unwrap(), 1e-9);
            check("true_peak_db", metrics::true_peak_db(x).unwrap(), 0.05); // the goal for an oversampler of finite length
            check("crest_factor_db", metrics::crest_factor_db(x).unwrap(), 1e-9);
            check("rms_db", metrics::rms_db(x).unwrap(), 1e-9);
            check("centroid", metrics::spectral_centroid(x).unwrap(), 1e-11);
        }
        let check = |part: &str, found: f64, relative: f64| {
            let expected = number(row, part);
            within(&format!("{name} {part}"), found, expected, relative * expected.abs());
        };
        check("crest_factor", metrics::published::crest_factor_error(&p, &y).unwrap(), 1e-9);
        check("rms", metrics::published::rms_error(&p, &y).unwrap(), 1e-9);
        check("stft", metrics::published::stft(&p, &y).unwrap(), 1e-6); // their window is rounded to f32
        let parts = SinesTransientsNoise::separate(&y, FS).unwrap();
        for (i, part) in [&parts.sines, &parts.transients, &parts.noise].into_iter().enumerate() {
            let expected = row["stn_energy"][i].as_f64().unwrap();
            within(&format!("{name} stn_energy {i}"), energy(part), expected, 1e-9 * expected); // f64 on both sides
        }
        check("transient_stn", metrics::transient_error_stn(&p, &y, FS).unwrap(), 1e-6); // they add 1e-12 to the mean power
        check("transient_tms", metrics::transient_error_tms(&p, &y, FS).unwrap(), 2e-3); // sines next to Nyquist, see the metric; found 1.1e-3 on the dry guitar
    }
}

#[test]
fn loudness_of_whole_recordings_equals_the_reference() {
    for row in vectors()["loudness"].as_array().unwrap() {
        let Some(x) = excerpt(row) else { return };
        let loudness = Loudness::measure(&[&x], FS).unwrap();
        within("integrated", loudness.integrated_lufs(), number(row, "lufs_itu"), 1e-9);
        within("range", loudness.range_lu().unwrap(), number(row, "range_lu"), 1e-9);
        // pyloudnorm lets 1.5 s of silence follow, takes 3 % of a window as its step and interpolates between ranks.
        let followed = [x, vec![0.0; 72000]].concat();
        let range = Loudness::measure(&[&followed], FS).unwrap().range_lu().unwrap();
        within("range with silence behind", range, number(row, "range_lu_pyloudnorm"), 0.5);
    }
}
