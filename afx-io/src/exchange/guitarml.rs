//! GuitarML's JSON, which is also Proteus': `model_data` with the sizes of CoreAudioML's `SimpleRNN`, and its state dict in `state_dict`.

use super::numbers::Loose;
use super::parts::Stops;
use super::state_dict::{self, Entries};
use super::{Import, json};
use crate::about::About;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use afx_core::Layer;
use serde::Deserialize;

/// The rate of GuitarML's captures, which their files do not name.
const SAMPLE_RATE: u32 = 44_100;

#[derive(Deserialize)]
struct Document {
    model_data: Data,
    state_dict: Entries,
}

/// What is not named goes unchecked: the weights say it.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    model: Loose,
    #[serde(default)]
    unit_type: Loose,
    #[serde(default)]
    input_size: Loose,
    #[serde(default)]
    hidden_size: Loose,
    #[serde(default)]
    output_size: Loose,
    #[serde(default)]
    skip: Loose,
}

/// Reads a file.
pub(super) fn read(import: &Import, text: &[u8]) -> Result<ModelFile> {
    let Document { model_data: data, state_dict } = json(text, "a model of GuitarML")?;
    if !matches!(data.model.text().as_str(), "" | "SimpleRNN") {
        return Err(Error::new(ErrorKind::Unsupported, "model_data.model", "SimpleRNN", data.model.text()));
    }
    let mut parts = state_dict::parts(&state_dict.tensors())?;
    let first = &parts.layers[0];
    let found = [Layer::<f32>::inputs(first), Layer::<f32>::outputs(first), parts.outputs().unwrap_or(1)];
    for ((field, said), found) in
        [("input_size", &data.input_size), ("hidden_size", &data.hidden_size), ("output_size", &data.output_size)].into_iter().zip(found)
    {
        if said.number().is_some_and(|said| said != found as f64) {
            let expected = format!("{found}, as in state_dict");
            return Err(Error::new(ErrorKind::Mismatch, format_args!("model_data.{field}"), expected, said.text()));
        }
    }
    parts.skip = match data.skip.number() {
        None | Some(0.0) => false,
        Some(1.0) => true,
        Some(found) => return Err(Error::new(ErrorKind::Unsupported, "model_data.skip", "0 or 1", found)),
    };
    parts.split_knobs(Stops::Unit)?;
    let source = format!("GuitarML JSON, {}", data.unit_type.text());
    parts.model(import, "", Some(SAMPLE_RATE), Stops::Unit, About { source, ..About::default() })
}
