//! What the tests of the binary share.
use afx::io::ModelFile;
use afx::io::dataset::Knob;
use afx::io::wav::{self, Audio, Format};
use afx::models::ModelSpec;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of the test's own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("afx-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // of an earlier run that was stopped
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn wav(&self, name: &str, sample_rate: u32, channels: &[Vec<f32>]) -> PathBuf {
        let path = self.join(name);
        wav::write(&path, &Audio { sample_rate, channels: channels.to_vec() }, Format::Float32).unwrap();
        path
    }

    pub fn bytes(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command, to be run.
pub fn binary<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_afx"));
    command.args(args);
    command
}

/// Runs the command.
pub fn afx<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    binary(args).output().unwrap()
}

/// Runs the command, which must succeed, and returns what it printed.
pub fn afx_ok<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let out = afx(args);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Runs the command, which must fail with code 2 and one line, and returns the line.
pub fn afx_err<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let out = afx(args);
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{text}");
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "expected one line, found {text:?}");
    assert!(text.starts_with("afx: ") && out.stdout.is_empty(), "{text}");
    text
}

pub fn json<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> serde_json::Value {
    serde_json::from_str(&afx_ok(args)).unwrap()
}

/// Decaying notes: loud enough for every metric, with attacks.
pub fn plucks(frames: usize, sample_rate: u32) -> Vec<f32> {
    let rate = sample_rate as f32;
    let note = |n: usize| {
        let (k, t) = (n / 12_000, (n % 12_000) as f32 / rate);
        let hz = 110.0 * 2f32.powf(k as f32 * 5.0 % 12.0 / 12.0);
        let phase = std::f32::consts::TAU * hz * t;
        0.6 * (-6.0 * t).exp() * (phase.sin() + 0.4 * (2.0 * phase).sin() + 0.2 * (5.0 * phase).sin())
    };
    (0..frames).map(note).collect()
}

/// An untrained model with initialised weights.
pub fn model(name: &str, hidden: usize, knobs: &[&str], sample_rate: u32) -> ModelFile {
    let spec = ModelSpec::named(name, hidden, knobs.len()).unwrap();
    let mut seed = 1u32;
    let learnt = spec.build().unwrap().initialize(&mut || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed) / 2f64.powi(31) - 1.0
    });
    let knobs = knobs.iter().map(|name| Knob::new(*name, 0.0, 4.0)).collect();
    ModelFile::new(name, spec, sample_rate, knobs, learnt)
}
