//! A model against the recordings of a data set: what `afx report` and the error grid of `afx plot` show.

use super::Error;
use super::source::play;
use crate::scores::Scores;
use afx::io::dataset::{Capture, Dataset, Knob, Split};
use afx::io::{self, ErrorKind, ModelFile};
use afx::loss::metrics::KnobScores;
use rayon::prelude::*;
use std::path::Path;

/// Which recordings were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Those marked test.
    Test,
    /// Those marked valid; none is marked test.
    Valid,
    /// All: none is marked.
    All,
}

impl Part {
    /// For the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Part::Test => "test",
            Part::Valid => "valid",
            Part::All => "all",
        }
    }

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Part::Test => "Measured on the recordings that the data set keeps for testing.",
            Part::Valid => "Measured on the recordings that the data set keeps for validation.",
            Part::All => {
                "Measured over all the audio of the data set, which marks no part for testing: \
                 where the model was trained on it, the numbers flatter it."
            }
        }
    }
}

/// A recording and how near the model comes to it.
pub(super) struct Cell<'a> {
    pub capture: &'a Capture,
    /// The model's knobs, in knob units.
    pub knobs: Vec<f32>,
    /// Whether a recording at the same knob position is meant for training.
    pub seen: bool,
    pub scores: Scores,
}

/// All recordings of a part.
pub(super) struct Measured<'a> {
    pub model: &'a ModelFile,
    pub data: &'a Dataset,
    pub part: Part,
    pub cells: Vec<Cell<'a>>,
}

impl<'a> Measured<'a> {
    /// Plays every recording of the data set's test part (without one, of its validation part; without that, all) through the model. The data
    /// set was read at `place`.
    ///
    /// # Errors
    /// Another sample rate than the model's, a knob of the model that the data set lacks or moves beyond the model's stops, several dry channels for
    /// another number of wet ones.
    pub fn new(model: &'a ModelFile, data: &'a Dataset, place: &Path) -> Result<Self, Error> {
        if data.sample_rate != model.sample_rate {
            let (expected, found) = (format!("{} Hz, the model's", model.sample_rate), format!("{} Hz", data.sample_rate));
            return Err(io::Error::new(ErrorKind::Mismatch, "sample rate", expected, found).in_file(place).into());
        }
        if let Some(c) = data.captures.iter().find(|c| c.wet.is_empty() || (c.dry.len() != 1 && c.dry.len() != c.wet.len())) {
            let found = format!("{} dry and {} wet", c.dry.len(), c.wet.len());
            let field = format!("recording {}: channels", c.name);
            let expected = "one dry channel or one for each wet channel";
            return Err(c.in_wet_file(io::Error::new(ErrorKind::Mismatch, field, expected, found)).into());
        }
        let marked = |split| data.captures.iter().any(|c| c.split == Some(split));
        let part = if marked(Split::Test) {
            Part::Test
        } else if marked(Split::Valid) {
            Part::Valid
        } else {
            Part::All
        };
        let chosen = |c: &&Capture| match part {
            Part::Test => c.split == Some(Split::Test),
            Part::Valid => c.split == Some(Split::Valid),
            Part::All => true,
        };
        let trained = |c: &&Capture| matches!(c.split, None | Some(Split::Train));
        let seen = |c: &Capture| data.captures.iter().filter(trained).any(|t| t.controls == c.controls);
        let captures: Vec<&Capture> = data.captures.iter().filter(chosen).collect();
        let cells = captures.into_par_iter().map(|capture| {
            let knobs = model_knobs(model, data, capture).map_err(|e| e.in_file(place))?;
            let (scores, _) = Scores::of_channels(&play_channels(model, capture, &knobs)?, &capture.wet, data.sample_rate);
            Ok(Cell { capture, knobs, seen: seen(capture), scores })
        });
        let cells = cells.collect::<Result<Vec<_>, Error>>()?;
        if cells.iter().all(|c| c.scores.esr.is_none()) {
            return Err(Error::new(format_args!("{}: expected sound in a wet file, found silence in all", place.display())));
        }
        Ok(Measured { model, data, part, cells })
    }

    /// Channels of a recording.
    pub fn channels(&self) -> usize {
        self.data.outputs()
    }

    /// What a reader must know about several channels; nothing for one.
    pub fn about_channels(&self) -> Option<String> {
        let n = self.channels();
        let dry = if self.data.inputs() == n { "The model plays each channel by itself" } else { "The model plays the one dry channel" };
        (n > 1).then(|| {
            format!("{n} channels. {dry}; tables are means over the channels, pictures show the first channel that is not silent.")
        })
    }

    /// Mean over the recordings.
    pub fn mean(&self) -> Scores {
        Scores::mean(&self.cells.iter().map(|c| c.scores.clone()).collect::<Vec<_>>())
    }

    /// ESR at every knob position of the data set's knobs that has one.
    pub fn esr(&self) -> KnobScores {
        let mut table = KnobScores::new(self.data.knobs.len());
        for cell in &self.cells {
            let position: Vec<f64> = cell.capture.controls.iter().map(|v| f64::from(*v)).collect();
            // A wet file that is silent has no ratio, and knob values of a data set are finite and as many as its knobs.
            if let Some(esr) = cell.scores.esr {
                let _ = table.push(&position, esr);
            }
        }
        table
    }

    /// The cells that have an ESR, the best one first.
    pub fn ranked(&self) -> Vec<&Cell<'a>> {
        let mut cells: Vec<_> = self.cells.iter().filter(|c| c.scores.esr.is_some()).collect();
        cells.sort_by(|a, b| a.scores.esr.unwrap_or(f64::INFINITY).total_cmp(&b.scores.esr.unwrap_or(f64::INFINITY)));
        cells
    }

    /// `drive 2, tone 0.5`, or the recording's name where there are no knobs.
    pub fn place(&self, cell: &Cell<'_>) -> String {
        if self.data.knobs.is_empty() {
            return cell.capture.name.clone();
        }
        let parts = self.data.knobs.iter().zip(&cell.capture.controls).map(|(k, v)| format!("{} {v}", k.name));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// What the model makes of a recording: of each dry channel by itself; of one dry channel the same in every channel of the wet side.
///
/// # Errors
/// When the model's parts do not fit.
pub(super) fn play_channels(model: &ModelFile, capture: &Capture, knobs: &[f32]) -> Result<Vec<Vec<f32>>, Error> {
    let mut outputs = capture.dry.iter().map(|x| play(model, x, knobs)).collect::<Result<Vec<_>, _>>()?;
    if let [one] = &outputs[..] {
        outputs = vec![one.clone(); capture.wet.len()];
    }
    Ok(outputs)
}

/// The knob values of a recording in the order of the model's knobs.
fn model_knobs(model: &ModelFile, data: &Dataset, capture: &Capture) -> io::Result<Vec<f32>> {
    let value = |knob: &Knob| {
        let Some(i) = data.knobs.iter().position(|k| k.name == knob.name) else {
            let found = data.knobs.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(io::Error::new(ErrorKind::Missing, "knobs", format_args!("{}, one of the model's", knob.name), found));
        };
        let value = capture.controls[i];
        if knob.contains(value) {
            return Ok(value);
        }
        let field = format!("recording {}: {}", capture.name, knob.name);
        let expected = format!("{} to {}, the model's stops", knob.min, knob.max);
        Err(capture.in_wet_file(io::Error::new(ErrorKind::OutOfRange, field, expected, value)))
    };
    model.knobs.iter().map(value).collect()
}
