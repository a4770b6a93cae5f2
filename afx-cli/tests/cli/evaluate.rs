//! `afx evaluate`: its JSON, its table, its folders, what it refuses.
use super::common::{Folder, afx, afx_err, afx_ok, json, plucks};
use serde_json::Value;

const RATE: u32 = 48_000;
const KEYS: [&str; 22] = [
    "complex_stft",
    "crest_factor_error_db",
    "dc",
    "esr",
    "esr_db",
    "log_cosh",
    "loudness_range_lu",
    "lufs_error_lu",
    "mae",
    "mel_stft",
    "mrstft",
    "mse",
    "onset",
    "phase_error_rad",
    "published",
    "rms_error_db",
    "sd_sdr_db",
    "si_sdr_db",
    "spectral_centroid_error",
    "transient_stn",
    "transient_tms",
    "true_peak_dbtp",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn scaled(x: &[f32], gain: f32) -> Vec<f32> {
    x.iter().map(|v| gain * v).collect()
}

#[test]
fn one_pair_gives_one_flat_object_with_right_values() {
    let folder = Folder::new("flat");
    let target = plucks(4 * RATE as usize, RATE);
    let (a, b) = (folder.wav("a.wav", RATE, std::slice::from_ref(&target)), folder.wav("b.wav", RATE, &[scaled(&target, 0.5)]));
    let scores = json(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), "--json".as_ref()]);
    assert_eq!(keys(&scores), KEYS);
    assert_eq!(keys(&scores["published"]), ["crest_factor_error", "lufs_error", "rms_error", "stft", "transient"]);
    let near = |key: &str, expected: f64, tolerance: f64| {
        let found = scores[key].as_f64().unwrap();
        assert!((found - expected).abs() < tolerance, "{key}: {found}");
    };
    // Half the amplitude: exact in f32, so the tolerances are those of f64 sums and, for loudness, of the printed reference.
    let mean = target.iter().map(|v| f64::from(v.abs())).sum::<f64>() / target.len() as f64;
    near("mae", 0.5 * mean, 1e-9);
    near("esr", 0.25, 1e-9);
    near("esr_db", -6.020_599_913, 1e-6);
    near("rms_error_db", 6.020_599_913, 1e-6);
    near("lufs_error_lu", 6.020_599_913, 1e-6);
    near("crest_factor_error_db", 0.0, 1e-9);
    near("sd_sdr_db", 0.0, 1e-6); // after the means: signal 1/4, error 1/4
    near("phase_error_rad", 0.0, 1e-9);
    near("spectral_centroid_error", 0.0, 1e-9);
    assert!((scores["published"]["rms_error"].as_f64().unwrap() - 20.0 * 2f64.ln()).abs() < 1e-6);
    assert!(scores["si_sdr_db"].as_f64().unwrap() > 80.0);
    for key in ["mrstft", "mel_stft", "complex_stft", "transient_tms", "transient_stn", "onset", "log_cosh"] {
        assert!(scores[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert!(scores["loudness_range_lu"].as_f64().is_some() && scores["true_peak_dbtp"].as_f64().unwrap() < 0.0);
}

#[test]
fn a_perfect_prediction_has_no_error_and_says_why_decibels_are_missing() {
    let folder = Folder::new("perfect");
    let target = plucks(RATE as usize, RATE);
    let a = folder.wav("a.wav", RATE, &[target]);
    let scores = json(["evaluate".as_ref(), a.as_os_str(), a.as_os_str(), "--json".as_ref()]);
    for key in ["mae", "mse", "esr", "dc", "mrstft", "mel_stft", "complex_stft", "transient_tms", "onset"] {
        assert_eq!(scores[key].as_f64(), Some(0.0), "{key}");
    }
    assert!(scores["esr_db"].is_null() && scores["loudness_range_lu"].is_null());
    let out = afx(["evaluate".as_ref(), a.as_os_str(), a.as_os_str()]);
    let (text, reasons) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    for column in ["L1", "STFT", "LUFS", "CF", "RMS", "Transient", "as published", "20 ln"] {
        assert!(text.contains(column), "{column}: {text}");
    }
    assert!(reasons.contains("esr_db: expected a finite number, found -inf"), "{reasons}");
    assert!(reasons.contains("loudness_range_lu: ") && reasons.contains("144000 frames, found 48000"), "{reasons}");
}

#[test]
fn a_silent_prediction_is_scored_and_what_it_lacks_is_null() {
    let folder = Folder::new("dead");
    let target = plucks(RATE as usize, RATE);
    let (a, b) = (folder.wav("a.wav", RATE, std::slice::from_ref(&target)), folder.wav("b.wav", RATE, &[scaled(&target, 0.0)]));
    let scores = json(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), "--json".as_ref()]);
    assert_eq!(scores["esr"].as_f64(), Some(1.0));
    for key in ["crest_factor_error_db", "rms_error_db", "lufs_error_lu", "spectral_centroid_error"] {
        assert!(scores[key].is_null(), "{key}");
    }
}

#[test]
fn stereo_is_the_mean_of_its_channels() {
    let folder = Folder::new("stereo");
    let x = plucks(RATE as usize, RATE);
    let a = folder.wav("a.wav", RATE, &[x.clone(), x.clone()]);
    let b = folder.wav("b.wav", RATE, &[scaled(&x, 0.5), x]);
    let scores = json(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), "--json".as_ref()]);
    assert!((scores["esr"].as_f64().unwrap() - 0.125).abs() < 1e-9);
    // Both channels together: powers 1/4 + 1 against 2. The gates drop the same blocks.
    assert!((scores["lufs_error_lu"].as_f64().unwrap() - 10.0 * (2.0 / 1.25f64).log10()).abs() < 1e-6);
}

#[test]
fn folders_give_a_row_a_file_and_the_mean() {
    let folder = Folder::new("folders");
    let x = plucks(RATE as usize, RATE);
    for (side, gains) in [("target", [1.0, 1.0]), ("model", [0.5, 0.9])] {
        std::fs::create_dir(folder.join(side)).unwrap();
        for (name, gain) in ["one", "two"].iter().zip(gains) {
            folder.wav(&format!("{side}/{name}.wav"), RATE, &[scaled(&x, gain)]);
        }
    }
    folder.bytes("target/notes.txt", b"not audio");
    let (t, m) = (folder.join("target"), folder.join("model"));
    let both = json(["evaluate".as_ref(), t.as_os_str(), m.as_os_str(), "--json".as_ref()]);
    assert_eq!(keys(&both), ["files", "mean"]);
    let files = both["files"].as_array().unwrap();
    assert_eq!((files.len(), &files[0]["name"], &files[1]["name"]), (2, &"one.wav".into(), &"two.wav".into()));
    let esr = |v: &Value| v["esr"].as_f64().unwrap();
    // Gains in f32: 0.9 is rounded.
    assert!((esr(&files[0]) - 0.25).abs() < 1e-6 && (esr(&files[1]) - 0.01).abs() < 1e-6 && (esr(&both["mean"]) - 0.13).abs() < 1e-6);
    assert_eq!(keys(&both["mean"]), KEYS);
    let text = afx_ok(["evaluate".as_ref(), t.as_os_str(), m.as_os_str()]);
    assert!(text.contains("one.wav") && text.contains("mean") && text.contains("Means over 2 files"), "{text}");
    // A target without prediction, a file against a folder, an empty folder.
    std::fs::remove_file(folder.join("model/two.wav")).unwrap();
    assert!(afx_err(["evaluate".as_ref(), t.as_os_str(), m.as_os_str()]).contains("expected two.wav"));
    assert!(afx_err(["evaluate".as_ref(), t.as_os_str(), t.join("one.wav").as_os_str()]).contains("expected a folder"));
    assert!(afx_err(["evaluate".as_ref(), t.join("one.wav").as_os_str(), t.as_os_str()]).contains("expected a file"));
    // Nothing at all is neither.
    let absent = folder.join("absent");
    for pair in [[&t, &absent], [&absent, &t], [&absent, &t.join("one.wav")]] {
        let line = afx_err(["evaluate".as_ref(), pair[0].as_os_str(), pair[1].as_os_str()]);
        assert!(line.contains("absent: open: expected success, found"), "{line}");
    }
    std::fs::create_dir(folder.join("none")).unwrap();
    assert!(afx_err(["evaluate".as_ref(), folder.join("none").as_os_str(), m.as_os_str()]).contains("expected WAV files, found none"));
}

/// Not on a Mac, whose file system takes no such name.
#[test]
#[cfg(target_os = "linux")]
fn names_in_folders_may_be_of_another_encoding() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new("latin1");
    for (side, gain) in [("target", 1.0), ("model", 0.5)] {
        std::fs::create_dir(folder.join(side)).unwrap();
        let path = folder.wav(&format!("{side}/plain.wav"), RATE, &[scaled(&plucks(RATE as usize, RATE), gain)]);
        std::fs::rename(&path, path.with_file_name(std::ffi::OsStr::from_bytes(b"caf\xe9.wav"))).unwrap();
    }
    let (t, m) = (folder.join("target"), folder.join("model"));
    let both = json(["evaluate".as_ref(), t.as_os_str(), m.as_os_str(), "--json".as_ref()]);
    assert_eq!((&both["files"][0]["name"], both["files"].as_array().unwrap().len()), (&"caf\u{fffd}.wav".into(), 1));
    assert!((both["mean"]["esr"].as_f64().unwrap() - 0.25).abs() < 1e-6); // 0.5 is exact
}

#[test]
fn segments_give_a_confidence_interval_that_is_the_same_each_time() {
    let folder = Folder::new("segments");
    let x = plucks(2 * RATE as usize, RATE);
    let bad: Vec<f32> = x.iter().enumerate().map(|(n, v)| if n < RATE as usize { 0.5 * v } else { 0.9 * v }).collect();
    let (a, b) = (folder.wav("a.wav", RATE, &[x]), folder.wav("b.wav", RATE, &[bad]));
    let run = || json(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), "--json".as_ref(), "--segments".as_ref(), "0.25".as_ref()]);
    let scores = run();
    assert_eq!(scores, run());
    let esr = &scores["confidence"]["esr"];
    assert_eq!(esr["segments"], 8);
    // Four segments of 0.25 and four of 0.01 (0.9 is rounded to f32).
    assert!((esr["mean"].as_f64().unwrap() - 0.13).abs() < 1e-6 && (esr["worst"].as_f64().unwrap() - 0.25).abs() < 1e-6);
    let [low, high] = [0, 1].map(|i| esr["interval_95"][i].as_f64().unwrap());
    assert!(low < 0.12 && high > 0.14 && low >= 0.01 && high <= 0.25, "{low} {high}");
    assert!(scores["confidence"]["mae"].is_object() && scores["confidence"]["mrstft"]["mean"].as_f64().unwrap() > 0.0);
    let text = afx_ok(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), "--segments".as_ref(), "0.25".as_ref()]);
    assert!(text.contains("95 % interval") && text.contains("of 8"), "{text}");
    for wrong in ["0", "-1", "nan", "2.5", "0.001"] {
        let argument = format!("--segments={wrong}");
        let line = afx_err(["evaluate".as_ref(), a.as_os_str(), b.as_os_str(), argument.as_ref()]);
        assert!(line.contains("--segments: expected"), "{line}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_what_is_needed() {
    let folder = Folder::new("refused");
    let x = plucks(4800, RATE);
    let good = folder.wav("good.wav", RATE, std::slice::from_ref(&x));
    let mut nan = std::fs::read(&good).unwrap();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let header = |change: fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(&good).unwrap();
        change(&mut bytes);
        bytes
    };
    let cases = [
        (folder.wav("short.wav", RATE, &[x[1..].to_vec()]), "frames: expected 4800, the target's, found 4799"),
        (folder.wav("rate.wav", 44_100, std::slice::from_ref(&x)), "sample rate: expected 48000, the target's, found 44100"),
        (folder.wav("stereo.wav", RATE, &[x.clone(), x.clone()]), "channels: expected 1, the target's, found 2"),
        (folder.bytes("nan.wav", &nan), "4799"),
        (folder.bytes("empty.wav", b""), "empty.wav"),
        (folder.bytes("text.wav", b"this is not a WAV file at all"), "text.wav"),
        (folder.bytes("cut.wav", &header(|b| b.truncate(b.len() / 2))), "cut.wav"),
        (folder.bytes("huge.wav", &header(|b| b[40..44].copy_from_slice(&u32::MAX.to_le_bytes()))), "huge.wav"),
        (folder.join("absent.wav"), "absent.wav"),
    ];
    for (file, expected) in cases {
        let line = afx_err(["evaluate".as_ref(), good.as_os_str(), file.as_os_str(), "--json".as_ref()]);
        assert!(line.contains(expected), "{line}");
    }
    let silent = folder.wav("silent.wav", RATE, &[vec![0.0; 4800]]);
    let line = afx_err(["evaluate".as_ref(), silent.as_os_str(), good.as_os_str()]);
    assert!(line.contains("silent.wav: signal: expected sound to compare with, found silence"), "{line}");
    let none = folder.wav("none.wav", RATE, &[vec![]]);
    assert!(afx_err(["evaluate".as_ref(), none.as_os_str(), none.as_os_str()]).contains("frames: expected at least 1, found 0"));
}

#[test]
fn a_file_too_short_for_a_window_names_the_metric_and_the_need() {
    let folder = Folder::new("short");
    let a = folder.wav("a.wav", RATE, &[plucks(500, RATE)]);
    let out = afx(["evaluate".as_ref(), a.as_os_str(), a.as_os_str()]);
    let reasons = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success());
    for (metric, need) in [
        ("published.stft", "2048 frames, found 500"),
        ("lufs_error_lu", "19200 frames, found 500"),
        ("transient_tms", "4096 frames, found 500"),
    ] {
        assert!(reasons.lines().any(|l| l.starts_with(metric) && l.contains(need)), "{metric}: {reasons}");
    }
}
