//! `.nam`, the files of Neural Amp Modeler (github.com/sdatkinson/neural-amp-modeler): a JSON object with `version`, `architecture`, its `config`,
//! all `weights` in one list, `metadata` and `sample_rate`. A new architecture is one module and one line in [`ARCHITECTURES`].

mod linear;
mod lstm;
mod wavenet;

use super::numbers::{Few, Loose, Numbers};
use super::parts::{Parts, Stops, sample_rate};
use super::{Import, refuse};
use crate::about::About;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format that is written: the first with `sample_rate`, which every player reads.
const VERSION: &str = "0.5.4";

/// The layers of one architecture from its `config` and `weights`.
type ReadParts = fn(&str, &Numbers) -> Result<Parts>;
/// The `config` and `weights` of a model without knobs; `None` where it has other layers.
type WriteContent = fn(&ModelFile) -> Result<Option<Content>>;
/// Every architecture by its name.
const ARCHITECTURES: [(&str, ReadParts, WriteContent); 3] =
    [("LSTM", lstm::read, lstm::write), ("Linear", linear::read, linear::write), ("WaveNet", wavenet::read, wavenet::write)];
const CONTAINER: &str = "SlimmableContainer";

/// A file; `config` is left as text for the architecture.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(default)]
    version: Loose,
    architecture: String,
    #[serde(borrow)]
    config: &'a RawValue,
    #[serde(default)]
    weights: Numbers,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    sample_rate: Loose,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: Loose,
    modeled_by: Loose,
    gear_type: Loose,
    gear_make: Loose,
    gear_model: Loose,
    tone_type: Loose,
    date: Option<Date>,
    loudness: Loose,
    gain: Loose,
    input_level_dbu: Loose,
    output_level_dbu: Loose,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default)]
struct Date {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

/// What a container holds.
#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow)]
    submodels: Few<Submodel<'a>, 256>,
}

#[derive(Deserialize)]
struct Submodel<'a> {
    /// Up to which size setting it is the one to play.
    max_value: f64,
    #[serde(borrow)]
    model: &'a RawValue,
}

/// Reads a file.
pub(super) fn read(import: &Import, text: &[u8]) -> Result<ModelFile> {
    let document: Document = serde_json::from_slice(text).map_err(|e| refuse(&e, "a .nam model"))?;
    if document.architecture != CONTAINER {
        return model(import, document, &expected(Some(CONTAINER)), "");
    }
    let Container { submodels: Few(submodels) } = config(document.config, CONTAINER)?;
    let largest = submodels.iter().enumerate().max_by(|(_, a), (_, b)| a.max_value.total_cmp(&b.max_value)).map(|(i, _)| i);
    let at = import.submodel.or(largest).unwrap_or(0);
    let Some(submodel) = submodels.get(at) else {
        let expected = format!("one of the {} submodels, counted from 0", submodels.len());
        return Err(Error::new(ErrorKind::Missing, "config.submodels", expected, at));
    };
    let inner: Document = serde_json::from_str(submodel.model.get()).map_err(|e| refuse(&e, "a .nam model in a container"))?;
    model(import, inner, &expected(None), &format!(", submodel {at} of {}", submodels.len()))
}

fn expected(more: Option<&str>) -> String {
    let names: Vec<&str> = ARCHITECTURES.iter().map(|(name, ..)| *name).chain(more).collect();
    format!("one of {}", names.join(", "))
}

/// The model of an architecture.
fn model(import: &Import, document: Document, expected: &str, from: &str) -> Result<ModelFile> {
    let Some((name, read, _)) = ARCHITECTURES.iter().find(|(name, ..)| *name == document.architecture) else {
        return Err(Error::new(ErrorKind::Unsupported, "architecture", expected, &document.architecture));
    };
    let parts = read(document.config.get(), &document.weights)?;
    let metadata = document.metadata.unwrap_or_default();
    let source = format!(".nam {}, {name}{from}", document.version.text());
    let rate = sample_rate("sample_rate", &document.sample_rate)?;
    parts.model(import, &metadata.name.text(), rate, Stops::Symmetric, metadata.about(source))
}

/// The settings of an architecture.
fn config<'a, T: Deserialize<'a>>(config: &'a RawValue, architecture: &str) -> Result<T> {
    settings(config.get(), architecture)
}

fn settings<'a, T: Deserialize<'a>>(config: &'a str, architecture: &str) -> Result<T> {
    serde_json::from_str(config).map_err(|e| Error::new(ErrorKind::Malformed, "config", format_args!("the settings of {architecture}"), e))
}

/// The weights, as many as the settings ask for.
fn weights(weights: &Numbers, expected: Option<usize>) -> Result<&[f32]> {
    match expected {
        Some(count) => weights.expect("weights", &[count]),
        None => Err(Error::new(ErrorKind::TooLarge, "config", "sizes of a model", "more numbers than there is memory for")),
    }
}

impl Metadata {
    fn about(&self, source: String) -> About {
        let date = self
            .date
            .map_or(String::new(), |d| format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", d.year, d.month, d.day, d.hour, d.minute, d.second));
        About {
            source,
            modeled_by: self.modeled_by.text(),
            gear_type: self.gear_type.text(),
            gear_make: self.gear_make.text(),
            gear_model: self.gear_model.text(),
            tone_type: self.tone_type.text(),
            date,
            loudness_db: self.loudness.number(),
            gain: self.gain.number(),
            input_level_dbu: self.input_level_dbu.number(),
            output_level_dbu: self.output_level_dbu.number(),
        }
    }
}

/// The metadata of a model, as they are written.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loudness: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gain: Option<f64>,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    modeled_by: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    gear_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    gear_make: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    gear_model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tone_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_level_dbu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_level_dbu: Option<f64>,
}

/// A file as it is written.
#[derive(Serialize)]
struct Output<'a> {
    version: &'a str,
    metadata: Written<'a>,
    architecture: &'a str,
    config: serde_json::Value,
    /// Single precision numbers, written in full.
    weights: Vec<f64>,
    sample_rate: u32,
}

/// An architecture's `config` and `weights`.
struct Content {
    version: &'static str,
    config: serde_json::Value,
    weights: Vec<f32>,
}

/// The text of a file for a model without knobs.
pub(super) fn write(model: &ModelFile) -> Result<Vec<u8>> {
    for (name, _, write) in ARCHITECTURES {
        if let Some(content) = write(model)? {
            return text(model, name, content);
        }
    }
    let expected = "LSTM cells of one size and a dense head, a filter, or a WaveNet: a .nam file holds nothing else that this crate has";
    Err(Error::new(ErrorKind::Unsupported, "layer", expected, super::export::words(&model.spec.layer)))
}

fn text(model: &ModelFile, architecture: &str, content: Content) -> Result<Vec<u8>> {
    let about = &model.about;
    let output = Output {
        version: content.version,
        metadata: Written {
            date: date(&about.date),
            loudness: about.loudness_db,
            gain: about.gain,
            name: &model.name,
            modeled_by: &about.modeled_by,
            gear_type: &about.gear_type,
            gear_make: &about.gear_make,
            gear_model: &about.gear_model,
            tone_type: &about.tone_type,
            input_level_dbu: about.input_level_dbu,
            output_level_dbu: about.output_level_dbu,
        },
        architecture,
        config: content.config,
        weights: content.weights.into_iter().map(f64::from).collect(),
        sample_rate: model.sample_rate,
    };
    serde_json::to_vec(&output).map_err(|e| Error::new(ErrorKind::Malformed, "model", "something JSON can hold", e))
}

/// `YYYY-MM-DD hh:mm:ss`, if it is one.
fn date(text: &str) -> Option<Date> {
    let numbers: Vec<u16> = text.split(['-', ' ', ':']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let small = |i: usize| u8::try_from(numbers[i]).ok();
    let [year, _, _, _, _, _] = numbers[..] else { return None };
    Some(Date { year, month: small(1)?, day: small(2)?, hour: small(3)?, minute: small(4)?, second: small(5)? })
}
