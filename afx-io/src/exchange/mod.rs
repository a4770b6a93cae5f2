//! Model files of other programs, in and out.
//!
//! | file | read | written |
//! |---|---|---|
//! | `.nam` of Neural Amp Modeler: WaveNet, LSTM, Linear; of a `SlimmableContainer` one of its models | yes | yes |
//! | RTNeural's JSON (Keras names and orders): dense, conv1d, gru, lstm, activations; AIDA-X's `in_skip`, `in_gain`, `out_gain`, `samplerate` | yes | yes |
//! | GuitarML's and Proteus' JSON: `model_data` and `state_dict`, with a skip, with knobs | yes | |
//! | PyTorch's state dicts as safetensors or JSON: `GRU`, `LSTM`, `RNN` and `Linear` in a row, as CoreAudioML has them | yes | |
//! | PyNeuralFx' state dicts: snapshot, concat, FiLM and StaticHyper of GRU, LSTM and vanilla RNN, DynamicHyper of GRU and LSTM | yes | |
//!
//! [`Import`] tells the kind by the content, checks every size against the numbers that are there, and gives a [`ModelFile`]. [`Export`] writes a
//! model at one position of its knobs. Not for the audio thread.
//!
//! - What a file does not say, [`Import`] takes from its fields: name, sample rate, names of knobs.
//! - A model that has knobs beside its input gets [`Conditioning::Concat`](afx_models::Conditioning::Concat). Their range is 0 to 1, as GuitarML and
//!   AIDA-X feed them, or -1 to 1 in PyTorch's and PyNeuralFx' state dicts.
//! - A memory learnt as the start, as in `.nam` LSTMs, is superseded: a [`Voice`](afx_core::Voice) starts from the resting state, which is also
//!   what players of `.nam` warm up to, and what is written.
//!
//! ```
//! use afx_io::exchange::{Export, Import};
//!
//! // a cell of one unit and a head, as RTNeural's scripts write them
//! let text = br#"{"in_shape": [null, null, 1], "layers": [
//!     {"type": "lstm", "activation": "", "shape": [null, null, 1], "weights": [[[0.1, 0.2, 0.3, 0.4]], [[0.5, 0.6, 0.7, 0.8]], [0, 1, 0, 0]]},
//!     {"type": "dense", "activation": "", "shape": [null, null, 1], "weights": [[[1.5]], [0.0]]}]}"#;
//! let model = Import { sample_rate: Some(44_100), ..Import::default() }.parse(text)?;
//! assert_eq!((model.parameters(), model.sample_rate), (18, 44_100));
//! let nam = Export::Nam.encode(&model, &[])?;
//! assert!(String::from_utf8_lossy(&nam).contains("\"architecture\":\"LSTM\""));
//! # Ok::<(), afx_io::Error>(())
//! ```

mod dynamic_hyper;
mod export;
mod guitarml;
mod nam;
mod numbers;
mod parts;
mod pyneuralfx;
mod rtneural;
mod state_dict;

use crate::disk;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use crate::tensors::Tensors;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::path::Path;

pub use export::Export;

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// How to read what a file does not say; the default takes the file as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// What the model is to be called; empty: what the file calls it, or the file's name without its ending.
    pub name: String,
    /// Frames per second, in place of what the file says. A file that says nothing has 48000, one of GuitarML's 44100.
    pub sample_rate: Option<u32>,
    /// Names of the knobs, as many as the model has; none: `knob 1`, `knob 2` and so on.
    pub knobs: Vec<String>,
    /// Which of the models of a container, in its order from 0; `None`: the largest.
    pub submodel: Option<usize>,
}

impl Import {
    /// Reads a file of another program.
    ///
    /// # Errors
    /// As [`Import::parse`], and those of reading.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<ModelFile> {
        let path = path.as_ref();
        let bytes = disk::read_bounded(path, MAX_BYTES)?;
        let mut model = self.parse(&bytes).map_err(|e| e.in_file(path))?;
        if model.name == UNNAMED {
            model.name = path.file_stem().map_or(UNNAMED.into(), |stem| stem.to_string_lossy().into_owned());
        }
        Ok(model)
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// Naming the field that is missing or wrong. [`ErrorKind::WrongFormat`] for a file of none of the kinds above, [`ErrorKind::Unsupported`] for
    /// an architecture or a layer that this crate does not have.
    pub fn parse(&self, bytes: &[u8]) -> Result<ModelFile> {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if text.trim_ascii_start().first() != Some(&b'{') {
            return self.parse_tensors(bytes);
        }
        let keys: Keys = json(text, "a JSON object")?;
        match keys {
            Keys { architecture: true, .. } => nam::read(self, text),
            Keys { layers: true, .. } => rtneural::read(self, text),
            Keys { state_dict: true, .. } => guitarml::read(self, text),
            Keys { weights: true, .. } => state_dict::read(self, &state_dict::from_json(text)?),
            _ => {
                let expected = "`architecture` (.nam), `layers` (RTNeural), `state_dict` (GuitarML) or weights by name (PyTorch)";
                Err(Error::new(ErrorKind::WrongFormat, "names of the JSON object", expected, "none of them"))
            }
        }
    }

    fn parse_tensors(&self, bytes: &[u8]) -> Result<ModelFile> {
        let file = Tensors::parse(bytes).map_err(|e| match e.kind() {
            ErrorKind::WrongFormat => Error::new(ErrorKind::WrongFormat, e.field(), "a model as JSON or safetensors", e.found()),
            _ => e,
        })?;
        if file.metadata.get("format").is_some_and(|format| format == "afx") {
            return Err(Error::new(ErrorKind::WrongFormat, "__metadata__.format", "a model of another program", "afx"));
        }
        if file.tensors.len() > state_dict::MOST {
            let expected = format!("at most {} tensors", state_dict::MOST);
            return Err(Error::new(ErrorKind::TooLarge, "state dict", expected, file.tensors.len()));
        }
        if pyneuralfx::has_adapter(&file) { pyneuralfx::read(self, &file) } else { state_dict::read(self, &file) }
    }
}

/// The name of a model that has none.
const UNNAMED: &str = "imported";

/// Which of the telling names a JSON object has; what they name is passed over.
#[derive(Default)]
struct Keys {
    architecture: bool,
    layers: bool,
    state_dict: bool,
    /// A name that ends as PyTorch's do.
    weights: bool,
}

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Keys;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                    match key.as_str() {
                        "architecture" => keys.architecture = true,
                        "layers" => keys.layers = true,
                        "state_dict" => keys.state_dict = true,
                        key => keys.weights |= key.rsplit('.').next().is_some_and(|last| last.starts_with("weight")),
                    }
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// A JSON text as a `T`.
fn json<T: DeserializeOwned>(text: &[u8], expected: &str) -> Result<T> {
    serde_json::from_slice(text).map_err(|e| refuse(&e, expected))
}

/// What is wrong with a JSON text.
fn refuse(error: &serde_json::Error, expected: &str) -> Error {
    let kind = if error.is_eof() { ErrorKind::Truncated } else { ErrorKind::Malformed };
    Error::new(kind, "JSON", expected, error)
}
