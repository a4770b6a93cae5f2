//! Data sets: recordings of an effect at several knob positions.
//!
//! A data set is a folder of dry and wet WAV files. Either a `dataset.toml` describes it:
//!
//! ```toml
//! sample_rate = 48000
//!
//! [[knob]]
//! name = "drive"
//! min = 0
//! max = 10
//! default = 5        # optional: the middle
//! unit = ""          # optional
//!
//! [[capture]]
//! dry = "dry.wav"    # relative to the folder; may be shared
//! wet = "wet/drive_3.wav"
//! controls = { drive = 3 }
//! split = "train"    # optional: train, valid or test
//! name = "drive_3"   # optional: the name of the wet file
//! ```
//!
//! or the file names do, as in PyNeuralFx (docs/dataset.md there): `x_d0_t0.wav` is dry and `y_d0_t0.wav` wet with knob
//! `d` at 0 and knob `t` at 0, in one folder or in sub-folders `x` and `y`, these in turn in `train`, `valid` and `test` if there
//! are any; ranges are the smallest and largest values seen. One dry file without knobs (`x.wav`) serves all wet ones.
//!
//! Channels are kept as they are. All captures must agree in how many there are, dry and wet may differ (a mono-to-stereo
//! effect). A consumer that handles one channel asks for it with [`Dataset::require_mono`] or picks one with [`Dataset::keep_channel`].

mod finding;
mod knob;
mod lag;
mod load;
mod manifest;
mod names;
mod save;

use crate::error::{Error, ErrorKind, Result};
use crate::wav;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use finding::{Finding, FindingKind};
pub use knob::Knob;
pub(crate) use knob::check_all as check_knobs;
pub use lag::{Lag, estimate_lag};

/// The most knobs of a data set.
pub const MAX_KNOBS: usize = 64;

/// The most captures of a data set.
pub const MAX_CAPTURES: usize = 65_536;

/// The name of the file that describes a data set.
pub const MANIFEST: &str = "dataset.toml";

/// Recordings of an effect at several knob positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Frames per second of all recordings, in hertz.
    pub sample_rate: u32,
    /// The knobs, in the order of [`Capture::controls`].
    pub knobs: Vec<Knob>,
    /// The recordings.
    pub captures: Vec<Capture>,
}

/// One recording: the same performance before and after the effect.
#[derive(Clone, Debug)]
pub struct Capture {
    /// A name to show.
    pub name: String,
    /// What it is meant for, where the data set says so.
    pub split: Option<Split>,
    /// The knob positions, in knob units (see [`Knob::normalise`]).
    pub controls: Vec<f32>,
    /// `dry[channel][frame]`; captures with equal dry audio share it.
    pub dry: Arc<[Vec<f32>]>,
    /// `wet[channel][frame]`, as long as `dry`.
    pub wet: Vec<Vec<f32>>,
    /// How the first wet channel sits against the first dry one; `None` where one of them is silent.
    pub lag: Option<Lag>,
    /// Where `wet` was read, for messages; `None` for what never was in a file.
    pub wet_file: Option<PathBuf>,
}

/// By what was recorded; where it was read does not count.
impl PartialEq for Capture {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, split, controls, dry, wet, lag, wet_file: _ } = self;
        (name, split, controls, dry, wet, lag) == (&other.name, &other.split, &other.controls, &other.dry, &other.wet, &other.lag)
    }
}

impl Capture {
    /// A mono capture; measures the lag, up to 100 ms at 48 kHz.
    pub fn mono(name: impl Into<String>, controls: Vec<f32>, dry: Vec<f32>, wet: Vec<f32>) -> Self {
        let lag = estimate_lag(&dry, &wet, 4800);
        Self { name: name.into(), split: None, controls, dry: Arc::new([dry]), wet: vec![wet], lag, wet_file: None }
    }

    /// A refusal because of its channels.
    fn channels_error(&self, kind: ErrorKind, expected: &str) -> Error {
        let found = format!("{} dry and {} wet channels", self.dry.len(), self.wet.len());
        self.in_wet_file(Error::new(kind, format_args!("capture {:?}", self.name), expected, found))
    }

    /// An error about it with its wet file, if it has one and no other file is named yet.
    #[must_use]
    pub fn in_wet_file(&self, error: Error) -> Error {
        if let Some(file) = &self.wet_file { error.in_file(file) } else { error }
    }

    /// Frames that dry and wet have in common: all of them, unless the capture was put together by hand.
    pub fn frames(&self) -> usize {
        self.dry.iter().chain(&self.wet).map(Vec::len).min().unwrap_or(0)
    }
}

/// What a capture is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Gradients are taken on it.
    Train,
    /// Decides when to stop.
    Valid,
    /// Touched once, at the end.
    Test,
}

/// How strictly a data set is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenOptions {
    /// How WAV files are read.
    pub wav: wav::ReadOptions,
    /// Dry and wet may differ by this many seconds, and are then cut to the shorter with a finding; beyond it they are refused.
    pub length_tolerance_s: f32,
    /// How far a lag is looked for, in seconds.
    pub max_lag_s: f32,
    /// A wet file later than this is a finding, in seconds; earlier than 2 frames always is.
    pub lag_tolerance_s: f32,
}

impl Default for OpenOptions {
    /// 1 s of difference in length, lags up to 100 ms, of which 0.5 ms (the group delay of a dark tone control) pass.
    fn default() -> Self {
        Self { wav: wav::ReadOptions::default(), length_tolerance_s: 1.0, max_lag_s: 0.1, lag_tolerance_s: 0.0005 }
    }
}

/// What is to be loaded, before any audio is read.
struct Plan {
    folder: PathBuf,
    /// What the manifest says; otherwise the first file decides.
    sample_rate: Option<u32>,
    knobs: Vec<Knob>,
    pairs: Vec<Pair>,
    findings: Vec<Finding>,
}

struct Pair {
    name: String,
    split: Option<Split>,
    controls: Vec<f32>,
    dry: PathBuf,
    wet: PathBuf,
}

impl Dataset {
    /// Opens a folder, or its `dataset.toml`, with the default [`OpenOptions`].
    ///
    /// # Errors
    /// As [`Dataset::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, Vec<Finding>)> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens a folder, or its `dataset.toml`, and loads everything. What is merely odd comes back as findings.
    ///
    /// # Errors
    /// Those of [`wav::parse`] for each file; [`ErrorKind::Missing`] (file, partner, knob value), [`ErrorKind::Malformed`] (TOML, with its
    /// line), [`ErrorKind::Mismatch`] (sample rates, lengths, channel counts), [`ErrorKind::OutOfRange`] (knob value, empty
    /// audio), [`ErrorKind::Duplicate`] (knob or capture names), [`ErrorKind::Silent`] (a dry file below -80 dBFS), [`ErrorKind::TooLarge`].
    pub fn open_with(path: impl AsRef<Path>, options: OpenOptions) -> Result<(Self, Vec<Finding>)> {
        let path = path.as_ref();
        let manifest = if path.is_dir() { path.join(MANIFEST) } else { path.to_path_buf() };
        let plan = if manifest.exists() { manifest::plan(&manifest)? } else { names::plan(path)? };
        load::load(plan, options)
    }

    /// Channels of the dry side, the effect's inputs.
    pub fn inputs(&self) -> usize {
        self.captures.first().map_or(0, |c| c.dry.len())
    }

    /// Channels of the wet side, the effect's outputs.
    pub fn outputs(&self) -> usize {
        self.captures.first().map_or(0, |c| c.wet.len())
    }

    /// Refuses anything but one channel in and one out.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`].
    pub fn require_mono(&self) -> Result<()> {
        match self.captures.iter().find(|c| c.dry.len() != 1 || c.wet.len() != 1) {
            None => Ok(()),
            Some(c) => Err(c.channels_error(ErrorKind::Unsupported, "one dry and one wet channel")),
        }
    }

    /// Keeps one channel, counted from 0, of every recording; a recording with a single channel keeps that one.
    /// The lag is measured again, up to 100 ms.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`]; the data set is unchanged then.
    pub fn keep_channel(&mut self, channel: usize) -> Result<()> {
        let lacks = |n: usize| n != 1 && channel >= n;
        if let Some(c) = self.captures.iter().find(|c| lacks(c.dry.len()) || lacks(c.wet.len())) {
            return Err(c.channels_error(ErrorKind::OutOfRange, &format!("more than {channel} channels")));
        }
        let mut shared = load::Shared::default();
        for capture in &mut self.captures {
            let one = |channels: &[Vec<f32>]| vec![channels[if channels.len() == 1 { 0 } else { channel }].clone()];
            if capture.dry.len() != 1 {
                capture.dry = shared.share(one(&capture.dry));
            }
            capture.wet = one(&capture.wet);
            capture.lag = estimate_lag(&capture.dry[0], &capture.wet[0], self.sample_rate as usize / 10);
        }
        Ok(())
    }
}
