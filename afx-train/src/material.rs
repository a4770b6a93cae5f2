//! The audio that a training draws from.

use crate::TrainError;
use crate::identity::Fnv;
use afx_io::dataset::{Dataset, Knob, Split};
use afx_io::{Error, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

/// Share of samples at full scale from which a recording counts as clipped.
const CLIPPED: f64 = 1e-3;

/// A signal that nowhere reaches -100 dBFS is silent.
const SILENT: f32 = 1e-5;

/// One recording with its knob position.
#[derive(Clone, Debug)]
pub struct Track {
    /// A name for messages.
    pub name: String,
    /// Knobs in `[-1, 1]`.
    pub controls: Vec<f32>,
    dry: Arc<[Vec<f32>]>,
    wet: Vec<f32>,
    /// Frames to train on.
    pub train: Range<usize>,
    /// Frames to validate on.
    pub validation: Range<usize>,
    hash: Fnv,
    /// Mean square of the wet audio, all of it.
    power: f64,
    /// Whether it would be validated on, if there were sound.
    mute: bool,
}

impl Track {
    /// The input, times [`Material::input_gain`].
    pub fn dry(&self) -> &[f32] {
        &self.dry[0]
    }
    /// What the device made of it, as recorded.
    pub fn wet(&self) -> &[f32] {
        &self.wet
    }
    /// Of the dry and the wet audio as recorded.
    pub(crate) fn hash(&self) -> Fnv {
        self.hash
    }
    /// Mean square of the whole wet audio.
    pub(crate) fn power(&self) -> f64 {
        self.power
    }
}

/// All recordings of a training.
#[derive(Clone, Debug)]
pub struct Material {
    /// Frames per second.
    pub sample_rate: u32,
    /// The knobs, in the order of [`Track::controls`].
    pub knobs: Vec<Knob>,
    /// At least one to train on and one to validate on.
    pub tracks: Vec<Track>,
    /// What the dry audio was multiplied by: 1, until a trainer brings its RMS to 1.
    pub input_gain: f32,
    /// What a model's output is multiplied by before it is compared with the wet audio, which stays as recorded: 1, or the wet audio's RMS.
    pub output_gain: f32,
}

impl Material {
    /// The mono recordings of a data set; `validation_part` of each is kept for validation, unless the data set splits by recording.
    ///
    /// # Errors
    /// When a recording is not mono, too short for a buffer of `frames`, silent, or not finite, or when nothing is left to train or to
    /// validate on. A silent or clipped recording is named, never trained on in silence: clipped ones are left to the caller to refuse (see
    /// [`Material::clipped`]). A recording of which only the validation part is silent is trained on and not validated on (see
    /// [`Material::unheard`]).
    pub fn new(data: &Dataset, frames: usize, validation_part: f64) -> Result<Self, TrainError> {
        data.require_mono()?;
        let explicit = data.captures.iter().any(|c| c.split == Some(Split::Valid));
        let mut tracks = Vec::new();
        for capture in data.captures.iter().filter(|c| c.split != Some(Split::Test)) {
            let refuse = |kind, expected: String, found: String| {
                Err(capture.in_wet_file(Error::new(kind, format_args!("recording {}", capture.name), expected, found)).into())
            };
            let n = capture.frames();
            let held = if explicit { 0 } else { (n as f64 * validation_part) as usize };
            let (train, mut validation) = match capture.split {
                Some(Split::Valid) => (0..0, 0..n),
                _ => (0..n - held, n - held..n),
            };
            if !train.is_empty() && train.len() < 2 * frames {
                return refuse(ErrorKind::OutOfRange, format!("at least {} frames to train on", 2 * frames), train.len().to_string());
            }
            for (what, signal) in [("dry", &capture.dry[0]), ("wet", &capture.wet[0])] {
                if let Some(at) = signal.iter().position(|v| !v.is_finite()) {
                    return refuse(ErrorKind::NonFinite, format!("finite {what} samples"), format!("another at frame {at}"));
                }
                if is_silent(signal) {
                    return refuse(ErrorKind::Silent, format!("sound in the {what} file"), "silence".into());
                }
            }
            let wet = &capture.wet[0];
            let mute = !validation.is_empty() && is_silent(&wet[validation.clone()]);
            if mute {
                validation = n..n;
            }
            tracks.push(Track {
                name: capture.name.clone(),
                controls: data.knobs.iter().zip(&capture.controls).map(|(k, v)| k.normalise(*v)).collect(),
                dry: capture.dry.clone(),
                wet: wet.clone(),
                train,
                validation,
                hash: Fnv::of(&[&capture.dry[0], wet]),
                power: wet.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / wet.len().max(1) as f64,
                mute,
            });
        }
        if tracks.iter().all(|t| t.train.is_empty()) {
            return Err(TrainError::Empty { what: "recordings to train on" });
        }
        if tracks.iter().all(|t| t.validation.is_empty()) && tracks.iter().any(|t| t.mute) {
            return Err(TrainError::Empty { what: "sound to validate on (the end of every recording, kept for validation, is silent)" });
        }
        if tracks.iter().all(|t| t.validation.is_empty()) {
            return Err(TrainError::Empty { what: "audio to validate on (validation_part is 0 and no recording is marked valid)" });
        }
        Ok(Material { sample_rate: data.sample_rate, knobs: data.knobs.clone(), tracks, input_gain: 1.0, output_gain: 1.0 })
    }

    /// Brings the dry audio to an RMS of 1 over all recordings and measures the wet audio's, so that a model starts at the right level
    /// whatever the recordings'.
    pub(crate) fn normalise(&mut self) {
        let rms = |signal: fn(&Track) -> &[f32], tracks: &[Track]| {
            let power: f64 = tracks.iter().flat_map(signal).map(|v| f64::from(*v).powi(2)).sum();
            let frames: usize = tracks.iter().map(|t| signal(t).len()).sum();
            (power.max(1e-12) / frames.max(1) as f64).sqrt() as f32
        };
        (self.input_gain, self.output_gain) = (1.0 / rms(Track::dry, &self.tracks), rms(Track::wet, &self.tracks));
        // Dry audio that several recordings share is multiplied, and stored, once.
        let mut shared: Vec<[Arc<[Vec<f32>]>; 2]> = Vec::new();
        for track in &mut self.tracks {
            let louder = match shared.iter().find(|[from, _]| Arc::ptr_eq(from, &track.dry)) {
                Some([_, louder]) => louder.clone(),
                None => {
                    let louder: Arc<[Vec<f32>]> = Arc::new([track.dry[0].iter().map(|v| v * self.input_gain).collect()]);
                    shared.push([track.dry.clone(), louder.clone()]);
                    louder
                }
            };
            track.dry = louder;
        }
    }

    /// Names of recordings whose validation part is silent and left out: an error to signal ratio says nothing where there is no signal.
    pub fn unheard(&self) -> Vec<&str> {
        self.tracks.iter().filter(|t| t.mute).map(|t| t.name.as_str()).collect()
    }

    /// Names of recordings of which more than a thousandth of the samples sit at their own peak, near full scale: clipped by the recorder.
    pub fn clipped(&self) -> Vec<&str> {
        let clipped = |x: &[f32], gain: f32| {
            let peak = x.iter().fold(0f32, |m, v| m.max(v.abs()));
            peak > 0.97 * gain && x.iter().filter(|v| v.abs() >= 0.9999 * peak).count() as f64 > CLIPPED * x.len() as f64
        };
        self.tracks.iter().filter(|t| clipped(t.dry(), self.input_gain) || clipped(t.wet(), 1.0)).map(|t| t.name.as_str()).collect()
    }
}

/// Whether nothing in it reaches -100 dBFS.
fn is_silent(signal: &[f32]) -> bool {
    signal.iter().all(|v| v.abs() < SILENT)
}
