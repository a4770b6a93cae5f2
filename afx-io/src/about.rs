//! What is known about a model beside what it computes.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Who made a model of what, and at which levels. Every field may be missing: an empty string, `None`.
///
/// The names and units are those of the `.nam` format's metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The kind of file that the model was imported from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Who made the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub modeled_by: String,
    /// What kind of device it is: `amp`, `pedal`, `amp_cab` and the like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gear_type: String,
    /// Who made the device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gear_make: String,
    /// What its maker calls it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gear_model: String,
    /// What it sounds like: `clean`, `crunch` and the like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tone_type: String,
    /// When the model was made, `YYYY-MM-DD hh:mm:ss`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// Loudness of the output for the trainer's standard input, in dB, so that players can bring models to one loudness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loudness_db: Option<f64>,
    /// How much it compresses, from 0 to 1, as its trainer estimates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<f64>,
    /// The analog level, in dBu RMS, of a sine that is full scale at the model's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_level_dbu: Option<f64>,
    /// The analog level, in dBu RMS, of a sine that is full scale at the model's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_level_dbu: Option<f64>,
}

impl About {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses levels that JSON cannot hold.
    pub(crate) fn check(&self) -> Result<()> {
        let levels = [
            ("loudness_db", self.loudness_db),
            ("gain", self.gain),
            ("input_level_dbu", self.input_level_dbu),
            ("output_level_dbu", self.output_level_dbu),
        ];
        match levels.iter().find(|(_, level)| level.is_some_and(|v| !v.is_finite())) {
            Some((name, _)) => {
                Err(Error::new(ErrorKind::NonFinite, format_args!("model.about.{name}"), "a finite number", "NaN or infinity"))
            }
            None => Ok(()),
        }
    }
}
