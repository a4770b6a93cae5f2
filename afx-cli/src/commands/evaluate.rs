//! `afx evaluate`.

use super::Error;
use crate::scores::{Missing, Scores};
use afx::io::wav::{self, Audio};
use afx::loss::metrics::{self, Summary, segment_scores};
use afx::loss::{Loss, MultiResolutionStft};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Seed of the bootstrap: the same files give the same interval.
const SEED: u64 = 0;
/// Shortest segment that the largest window of MR-STFT, 2048 with reflected ends, can take.
const SHORTEST_SEGMENT: usize = 1025;

/// Arguments of `afx evaluate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it should sound like: a WAV file, or a folder of them
    target: PathBuf,
    /// What the model made: a WAV file, or a folder with files of the same names
    prediction: PathBuf,
    /// Print JSON, one key a metric; of folders `files` and `mean`
    #[arg(long)]
    json: bool,
    /// Cut the audio into segments of so many seconds and give the 95 % confidence interval of the mean ESR, MAE and MR-STFT
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    segments: Option<f64>,
}

impl Args {
    /// Compares.
    ///
    /// # Errors
    /// When a file cannot be read, a pair differs in sample rate, channels or length, a target is silent, or a file has no partner.
    pub fn run(self) -> Result<(), Error> {
        if let Some(seconds) = self.segments.filter(|s| !(*s > 0.0 && s.is_finite())) {
            return Err(Error::new(format_args!("--segments: expected more than 0 s, found {seconds}")));
        }
        match (is_folder(&self.target)?, is_folder(&self.prediction)?) {
            (false, false) => self.pair(),
            (true, true) => self.folders(),
            (folder, _) => {
                let (expected, found) =
                    if folder { ("a folder, as the target is", "a file") } else { ("a file, as the target is", "a folder") };
                Err(Error::new(format_args!("{}: expected {expected}, found {found}", self.prediction.display())))
            }
        }
    }

    fn pair(&self) -> Result<(), Error> {
        let mut segments = Segments::default();
        let (scores, missing) = self.compare(&self.target, &self.prediction, &mut segments)?;
        if self.json {
            let mut object = serde_json::to_value(&scores)?;
            if let (Some(_), Some(object)) = (self.segments, object.as_object_mut()) {
                object.insert("confidence".into(), segments.json());
            }
            crate::say!("{object:#}");
            return Ok(());
        }
        print_poster(&scores);
        for (name, value) in scores.all_rows() {
            crate::say!("{name:<38}{}", number(value));
        }
        self.print_confidence(&segments);
        missing.iter().for_each(crate::warn);
        Ok(())
    }

    fn folders(&self) -> Result<(), Error> {
        let (names, extra) = partners(&self.target, &self.prediction)?;
        for name in extra {
            crate::warn(format_args!("warning: {}: no target of that name, left out", self.prediction.join(name).display()));
        }
        let mut segments = Segments::default();
        let mut all = Vec::new();
        for name in names {
            let (scores, missing) = self.compare(&self.target.join(&name), &self.prediction.join(&name), &mut segments)?;
            let name = name.to_string_lossy().into_owned();
            if !self.json {
                missing.iter().for_each(|m| crate::warn(format_args!("{name}: {m}")));
            }
            all.push((name, scores));
        }
        let mean = Scores::mean(&all.iter().map(|(_, s)| s.clone()).collect::<Vec<_>>());
        if !self.json {
            print_table(&all, &mean);
            crate::say!("\nMeans over {} files", all.len());
            print_poster(&mean);
            self.print_confidence(&segments);
            return Ok(());
        }
        let mut files = Vec::new();
        for (name, scores) in &all {
            let mut file = Map::from_iter([("name".to_owned(), json!(name))]);
            if let Value::Object(scores) = serde_json::to_value(scores)? {
                file.extend(scores);
            }
            files.push(Value::Object(file));
        }
        let mut object = json!({"files": files, "mean": mean});
        if self.segments.is_some() {
            object["confidence"] = segments.json();
        }
        crate::say!("{object:#}");
        Ok(())
    }

    /// Scores of one pair of files; adds its segments.
    fn compare(&self, target: &Path, prediction: &Path, segments: &mut Segments) -> Result<(Scores, Vec<Missing>), Error> {
        let file = prediction.display();
        let target = read(target)?;
        let prediction = read_matching(&target, prediction)?;
        if let Some(seconds) = self.segments {
            let frames = (seconds * f64::from(target.sample_rate)).round();
            if frames < SHORTEST_SEGMENT as f64 || frames > target.frames() as f64 {
                let rate = f64::from(target.sample_rate);
                let (low, high) = (SHORTEST_SEGMENT as f64 / rate, target.frames() as f64 / rate);
                return Err(Error::new(format_args!("--segments: expected {low:.3} to {high:.3} s for {file}, found {seconds} s")));
            }
            for (t, p) in target.channels.iter().zip(&prediction.channels) {
                segments.add(p, t, frames as usize)?;
            }
        }
        Ok(Scores::of_channels(&prediction.channels, &target.channels, target.sample_rate))
    }

    fn print_confidence(&self, segments: &Segments) {
        let Some(seconds) = self.segments else { return };
        crate::say!("\nOver segments of {seconds} s (mean, 95 % interval, worst)");
        for (name, scores) in segments.each() {
            match Summary::of(scores, SEED) {
                Ok(s) => {
                    crate::say!("{name:<8}{:.6}  [{:.6}, {:.6}]  {:.6}  of {}", s.mean, s.interval[0], s.interval[1], s.worst, s.count)
                }
                Err(e) => crate::warn(format_args!("confidence.{name}: {e}")),
            }
        }
    }
}

/// # Errors
/// When nothing is there.
fn is_folder(path: &Path) -> Result<bool, Error> {
    let there = std::fs::metadata(path).map_err(|e| Error::new(format_args!("{}: open: expected success, found {e}", path.display())))?;
    Ok(there.is_dir())
}

/// A target, which must hold sound.
fn read(path: &Path) -> Result<Audio, Error> {
    let audio = wav::read(path)?;
    if audio.frames() == 0 {
        return Err(Error::new(format_args!("{}: frames: expected at least 1, found 0", path.display())));
    }
    if audio.channels.iter().flatten().all(|v| *v == 0.0) {
        return Err(Error::new(format_args!("{}: signal: expected sound to compare with, found silence", path.display())));
    }
    Ok(audio)
}

/// A prediction of the same form as `target`.
fn read_matching(target: &Audio, path: &Path) -> Result<Audio, Error> {
    let audio = wav::read(path)?;
    let parts = [
        ("sample rate", target.sample_rate as usize, audio.sample_rate as usize),
        ("channels", target.channels.len(), audio.channels.len()),
        ("frames", target.frames(), audio.frames()),
    ];
    match parts.into_iter().find(|(_, expected, found)| expected != found) {
        None => Ok(audio),
        Some((what, expected, found)) => {
            Err(Error::new(format_args!("{}: {what}: expected {expected}, the target's, found {found}", path.display())))
        }
    }
}

/// Names of the WAV files in both folders, and of those that only the prediction has.
fn partners(target: &Path, prediction: &Path) -> Result<(Vec<OsString>, Vec<OsString>), Error> {
    let (targets, predictions) = (wav_names(target)?, wav_names(prediction)?);
    if targets.is_empty() {
        return Err(Error::new(format_args!("{}: expected WAV files, found none", target.display())));
    }
    if let Some(name) = targets.difference(&predictions).next() {
        let name = name.display();
        return Err(Error::new(format_args!("{}: expected {name}, as in the target's folder, found no such file", prediction.display())));
    }
    let extra = predictions.difference(&targets).cloned().collect();
    Ok((targets.into_iter().collect(), extra))
}

fn wav_names(folder: &Path) -> Result<BTreeSet<OsString>, Error> {
    let fail = |e: std::io::Error| Error::new(format_args!("{}: list: expected success, found {e}", folder.display()));
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_file() && path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
            names.extend(path.file_name().map(OsStr::to_owned));
        }
    }
    Ok(names)
}

/// Scores of the segments of all files.
#[derive(Default)]
struct Segments {
    esr: Vec<f64>,
    mae: Vec<f64>,
    mrstft: Vec<f64>,
}

impl Segments {
    fn add(&mut self, prediction: &[f32], target: &[f32], frames: usize) -> Result<(), Error> {
        self.esr.extend(segment_scores(prediction, target, frames, metrics::esr)?);
        self.mae.extend(segment_scores(prediction, target, frames, metrics::mae)?);
        let mut loss = MultiResolutionStft::<f64>::auraloss()?;
        let wide = |x: &[f32]| x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        for (p, t) in prediction.chunks_exact(frames).zip(target.chunks_exact(frames)) {
            // As for the ESR: a pause has no spectrum to be near to.
            if t.iter().any(|v| *v != 0.0) {
                self.mrstft.push(loss.evaluate(&wide(p), &wide(t), None)?);
            }
        }
        Ok(())
    }

    fn each(&self) -> [(&'static str, &[f64]); 3] {
        [("esr", &self.esr), ("mae", &self.mae), ("mrstft", &self.mrstft)]
    }

    fn json(&self) -> Value {
        let summary = |scores| {
            let s = Summary::of(scores, SEED).ok()?;
            Some(json!({"mean": s.mean, "median": s.median, "worst": s.worst, "interval_95": s.interval, "segments": s.count}))
        };
        Value::Object(self.each().into_iter().map(|(name, scores)| (name.to_owned(), json!(summary(scores)))).collect())
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| format!("{v:.6}"))
}

/// The columns of the poster, a row each.
fn print_poster(scores: &Scores) {
    crate::say!("{:<11}{:>12}  {:<18}{:>12}", "", "true units", "", "as published");
    for c in scores.poster() {
        crate::say!("{:<11}{:>12}  {:<18}{:>12}  {}", c.name, number(c.value), c.unit, number(c.published), c.published_unit);
    }
    crate::say!();
}

/// A row a file, and the mean.
fn print_table(all: &[(String, Scores)], mean: &Scores) {
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(4) + 2;
    crate::say_part!("{:<width$}{:>12}", "file", "ESR");
    mean.poster().iter().for_each(|c| crate::say_part!("{:>12}", c.name));
    crate::say!();
    let rows = all.iter().map(|(name, s)| (name.as_str(), s)).chain([("mean", mean)]);
    for (name, scores) in rows {
        crate::say_part!("{name:<width$}{:>12}", number(scores.esr));
        scores.poster().iter().for_each(|c| crate::say_part!("{:>12}", number(c.value)));
        crate::say!();
    }
}
