//! Our models in the files of other programs.

use super::{nam, rtneural};
use crate::disk;
use crate::error::Result;
use crate::model::ModelFile;
use afx_models::AnyLayer;
use std::path::Path;

/// A kind of file that models are written to, at one position of their knobs: players that know no knobs then play them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Export {
    /// `.nam`: LSTM cells of one size with a dense head, a filter, or a WaveNet. The format has no GRU.
    Nam,
    /// RTNeural's JSON with AIDA-X's additions: dense and convolutional layers, filters, GRU and LSTM cells and functions, with a skip around all of them
    /// or none.
    RtNeural,
}

impl Export {
    /// The kind by the ending of a file's name: `.nam`, or `.json` and `.aidax` for RTNeural's.
    pub fn of_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "nam" => Some(Export::Nam),
            "json" | "aidax" => Some(Export::RtNeural),
            _ => None,
        }
    }

    /// The content of a file for the model with its knobs at `values`, in their own units.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for layers that the format does not have, [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch)
    /// when there are not as many values as knobs, or the model's parts do not fit each other.
    pub fn encode(self, model: &ModelFile, values: &[f32]) -> Result<Vec<u8>> {
        let model = model.baked(values)?;
        match self {
            Export::Nam => nam::write(&model),
            Export::RtNeural => rtneural::write(&model),
        }
    }

    /// Writes a file, as a whole or not at all.
    ///
    /// # Errors
    /// As [`Export::encode`], and those of writing.
    pub fn write(self, path: impl AsRef<Path>, model: &ModelFile, values: &[f32]) -> Result<()> {
        let path = path.as_ref();
        disk::write_atomic(path, &self.encode(model, values).map_err(|e| e.in_file(path))?)
    }
}

/// What a layer is made of.
pub(super) fn words(layer: &AnyLayer) -> String {
    match layer {
        AnyLayer::Stack { layers } => layers.iter().map(words).collect::<Vec<_>>().join(", "),
        AnyLayer::Skip(skip) => format!("a skip around {}", words(&skip.layer)),
        AnyLayer::Lstm(lstm) => format!("lstm of {} units", lstm.hidden),
        AnyLayer::Dense(dense) => format!("dense to {}", dense.outputs),
        layer => layer.name().into(),
    }
}
