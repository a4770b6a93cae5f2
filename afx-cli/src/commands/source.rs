//! What `afx plot` draws: models, which are played, and WAV files, which are taken as they are.

use super::Error;
use super::knob_pictures::at;
use super::render::{knob_values, render};
use crate::plot::axis::format_value;
use afx::io::ModelFile;
use afx::io::wav::{self, Audio};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A model at fixed knobs, or a recording.
pub(super) struct Source {
    /// The file's name without its ending, for the legend.
    pub label: String,
    /// Where it was read, for messages.
    pub file: PathBuf,
    pub sample_rate: u32,
    kind: Kind,
}

enum Kind {
    /// The model and its knobs, in knob units.
    Model(Box<ModelFile>, Vec<f32>),
    /// The first channel.
    Wav(Vec<f32>),
}

impl Source {
    /// Opens a file; a model gets the knobs `set`.
    ///
    /// # Errors
    /// Those of reading it, and of [`knob_values`].
    pub fn open(path: &Path, set: &[String]) -> Result<Self, Error> {
        let label = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if is_wav(path) {
            let Audio { sample_rate, channels } = wav::read(path)?;
            let samples = channels.into_iter().next().unwrap_or_default();
            if samples.is_empty() {
                return Err(Error::new(format_args!("{}: frames: expected at least 1, found 0", path.display())));
            }
            return Ok(Source { label, file: path.into(), sample_rate, kind: Kind::Wav(samples) });
        }
        let model = super::read_model(path)?;
        let knobs = knob_values(&model, set)?;
        Ok(Source { label, file: path.into(), sample_rate: model.sample_rate, kind: Kind::Model(Box::new(model), knobs) })
    }

    /// The model at `positions` positions of the knob `name` from stop to stop, each named after its position; `several` models keep their names.
    ///
    /// # Errors
    /// A recording, or a model without that knob.
    pub fn varied(self, name: &str, positions: usize, several: bool) -> Result<Vec<Self>, Error> {
        let Source { label, file, sample_rate, kind } = self;
        let Kind::Model(model, knobs) = kind else {
            return Err(Error::new(format_args!(
                "--vary: expected model files, found {}, a WAV file: its knobs cannot be turned",
                file.display()
            )));
        };
        let Some(k) = model.knobs.iter().position(|k| k.name == name) else {
            let expected = model.knobs.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(", ");
            let expected = if expected.is_empty() { "a model with knobs".into() } else { format!("one of the knobs {expected}") };
            return Err(Error::new(format_args!("--vary: {}: expected {expected}, found {name}", file.display())));
        };
        let place = |i| {
            let value = at(&model.knobs[k], i, positions);
            let unit = &model.knobs[k].unit;
            let shown = format_value(f64::from(value));
            let place = if unit.is_empty() { format!("{name} {shown}") } else { format!("{name} {shown} {unit}") };
            let mut knobs = knobs.clone();
            knobs[k] = value;
            let label = if several { format!("{label}, {place}") } else { place };
            Source { label, file: file.clone(), sample_rate, kind: Kind::Model(model.clone(), knobs) }
        };
        Ok((0..positions).map(place).collect())
    }

    /// The model and its knobs, if it is one.
    pub fn model(&self) -> Option<(&ModelFile, &[f32])> {
        match &self.kind {
            Kind::Model(model, knobs) => Some((model, knobs)),
            Kind::Wav(_) => None,
        }
    }

    /// What the model makes of `input`, from rest; a recording as it is.
    ///
    /// # Errors
    /// When the model's parts do not fit.
    pub fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Error> {
        match &self.kind {
            Kind::Model(model, knobs) => play(model, input, knobs),
            Kind::Wav(samples) => Ok(samples.clone()),
        }
    }
}

/// One channel through a model at rest at `knobs`, in knob units.
///
/// # Errors
/// When the model's parts do not fit.
pub(super) fn play(model: &ModelFile, input: &[f32], knobs: &[f32]) -> Result<Vec<f32>, Error> {
    let input = Audio::mono(model.sample_rate, input.to_vec());
    Ok(render(model, &mut model.voice(1)?, &input, knobs, None, 512).channels.swap_remove(0))
}

/// By its ending; without one that says so, by its first bytes.
pub(super) fn is_wav(path: &Path) -> bool {
    let named = |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    let begins = || {
        let mut first = [0; 4];
        let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && matches!(&first, b"RIFF" | b"RF64" | b"RIFX")
    };
    named("wav") || (!named("safetensors") && path.is_file() && begins())
}
