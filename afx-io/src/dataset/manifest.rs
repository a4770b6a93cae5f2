//! `dataset.toml` into a plan.

use super::{Knob, MAX_CAPTURES, Pair, Plan, Split, knob};
use crate::disk;
use crate::error::{Error, ErrorKind, Result};
use crate::wav::SAMPLE_RATES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// 65,536 captures of a few hundred bytes fit.
const MAX_BYTES: u64 = 32 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub sample_rate: u32,
    #[serde(default)]
    pub knob: Vec<KnobEntry>,
    #[serde(default)]
    pub capture: Vec<CaptureEntry>,
}

/// Numbers are `f64` here, so that 0.1 is written as 0.1 and a value is rounded to `f32` once.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnobEntry {
    pub name: String,
    pub min: f64,
    pub max: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub dry: String,
    pub wet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    #[serde(default)]
    pub controls: BTreeMap<String, f64>,
}

pub(super) fn plan(path: &Path) -> Result<Plan> {
    let bytes = disk::read_bounded(path, MAX_BYTES)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&bytes, folder).map_err(|e| e.in_file(path))
}

fn parse(bytes: &[u8], folder: &Path) -> Result<Plan> {
    let text = core::str::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorKind::Malformed, "text", "a data set description", "other bytes than UTF-8"))?;
    let manifest: Manifest = toml::from_str(text).map_err(|e| refuse(text, &e))?;
    if !SAMPLE_RATES.contains(&manifest.sample_rate) {
        let (low, high) = SAMPLE_RATES.into_inner();
        return Err(Error::new(ErrorKind::OutOfRange, "sample_rate", format_args!("{low} to {high} Hz"), manifest.sample_rate));
    }
    if !(1..=MAX_CAPTURES).contains(&manifest.capture.len()) {
        let kind = if manifest.capture.is_empty() { ErrorKind::Missing } else { ErrorKind::TooLarge };
        return Err(Error::new(kind, "capture", format_args!("1 to {MAX_CAPTURES}"), manifest.capture.len()));
    }
    let knobs: Vec<Knob> = manifest.knob.into_iter().map(KnobEntry::into_knob).collect();
    knob::check_all(&knobs)?;
    let pairs = manifest.capture.into_iter().map(|c| c.into_pair(folder, &knobs)).collect::<Result<_>>()?;
    Ok(Plan { folder: folder.to_path_buf(), sample_rate: Some(manifest.sample_rate), knobs, pairs, findings: Vec::new() })
}

fn refuse(text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
    Error::new(ErrorKind::Malformed, format_args!("line {line}"), "a data set description", error.message())
}

impl KnobEntry {
    fn into_knob(self) -> Knob {
        let knob = Knob::new(self.name, self.min as f32, self.max as f32);
        Knob { default: self.default.map_or(knob.default, |d| d as f32), unit: self.unit, ..knob }
    }
}

impl CaptureEntry {
    fn into_pair(self, folder: &Path, knobs: &[Knob]) -> Result<Pair> {
        let (dry, wet) = (inside(folder, &self.dry)?, inside(folder, &self.wet)?);
        let name = self.name.unwrap_or_else(|| wet.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        if let Some(unknown) = self.controls.keys().find(|key| knobs.iter().all(|k| k.name != **key)) {
            let known: Vec<&str> = knobs.iter().map(|k| k.name.as_str()).collect();
            let field = format!("capture {name:?}: controls");
            return Err(Error::new(ErrorKind::Missing, field, format_args!("knobs of {known:?}"), format_args!("{unknown:?}")));
        }
        let value = |knob: &Knob| match self.controls.get(&knob.name) {
            Some(value) => Ok(*value as f32),
            None => {
                Err(Error::new(ErrorKind::Missing, format_args!("capture {name:?}: controls"), format_args!("{:?}", knob.name), "none"))
            }
        };
        let controls = knobs.iter().map(value).collect::<Result<_>>()?;
        Ok(Pair { name, split: self.split, controls, dry, wet })
    }
}

/// A data set stays in its folder: a description from somebody else must not read files elsewhere, and the folder can be moved.
fn inside(folder: &Path, file: &str) -> Result<PathBuf> {
    let path = Path::new(file);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if !plain || path.file_name().is_none() {
        return Err(Error::new(ErrorKind::OutOfRange, "path", "a file inside the folder", format_args!("{file:?}")));
    }
    Ok(folder.join(path))
}
