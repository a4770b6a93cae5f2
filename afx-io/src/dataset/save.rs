//! A data set into a folder.

use super::manifest::{CaptureEntry, KnobEntry, Manifest};
use super::{Capture, Dataset, Knob, MANIFEST, MAX_CAPTURES, knob};
use crate::disk;
use crate::error::{Error, ErrorKind, Result};
use crate::wav::{self, Audio, Format};
use std::path::Path;
use std::sync::Arc;

impl Dataset {
    /// Writes `dry/*.wav`, `wet/*.wav` and, last, `dataset.toml` into `folder`, which is made if it is not there; shared dry audio is
    /// written once. Returns how many samples were clipped (none with [`Format::Float32`], which [`Dataset::open`] reads back exactly).
    ///
    /// # Errors
    /// [`ErrorKind::Io`], those of [`wav::encode`], and whatever of this data set [`Dataset::open`] would refuse for its form:
    /// [`ErrorKind::OutOfRange`], [`ErrorKind::Mismatch`], [`ErrorKind::Duplicate`], [`ErrorKind::Missing`], [`ErrorKind::TooLarge`].
    pub fn write(&self, folder: impl AsRef<Path>, format: Format) -> Result<usize> {
        let folder = folder.as_ref();
        self.check_form().map_err(|e| e.in_file(folder))?;
        for part in ["dry", "wet"] {
            let path = folder.join(part);
            std::fs::create_dir_all(&path).map_err(|e| Error::io(&path, "make folder", e))?;
        }
        let mut clipped = 0;
        let mut save = |name: &str, channels: Vec<Vec<f32>>| -> Result<()> {
            clipped += wav::write(folder.join(name), &Audio { sample_rate: self.sample_rate, channels }, format)?;
            Ok(())
        };
        let mut written: Vec<&Arc<[Vec<f32>]>> = Vec::new();
        let mut entries = Vec::new();
        for (i, capture) in self.captures.iter().enumerate() {
            let known = written.iter().position(|d| Arc::ptr_eq(d, &capture.dry));
            let dry = format!("dry/{:03}.wav", known.unwrap_or(written.len()));
            if known.is_none() {
                save(&dry, capture.dry.to_vec())?;
                written.push(&capture.dry);
            }
            let wet = format!("wet/{i:03}_{}.wav", file_name(&capture.name));
            save(&wet, capture.wet.clone())?;
            entries.push(entry(capture, &self.knobs, dry, wet));
        }
        let manifest = Manifest { sample_rate: self.sample_rate, knob: self.knobs.iter().map(knob_entry).collect(), capture: entries };
        let text = toml::to_string(&manifest).map_err(|e| Error::new(ErrorKind::Malformed, MANIFEST, "something TOML can hold", e))?;
        disk::write_atomic(&folder.join(MANIFEST), text.as_bytes())?;
        Ok(clipped)
    }

    fn check_form(&self) -> Result<()> {
        knob::check_all(&self.knobs)?;
        if !(1..=MAX_CAPTURES).contains(&self.captures.len()) {
            let kind = if self.captures.is_empty() { ErrorKind::Missing } else { ErrorKind::TooLarge };
            return Err(Error::new(kind, "captures", format_args!("1 to {MAX_CAPTURES}"), self.captures.len()));
        }
        let mut names = std::collections::HashSet::new();
        self.captures.iter().try_for_each(|c| {
            if !names.insert((c.split, &c.name)) {
                return Err(Error::new(ErrorKind::Duplicate, "captures", "different names", format_args!("two called {:?}", c.name)));
            }
            self.check_capture(c)
        })
    }

    fn check_capture(&self, c: &Capture) -> Result<()> {
        let field = |part: &str| format!("capture {:?}: {part}", c.name);
        if c.controls.len() != self.knobs.len() {
            return Err(Error::new(ErrorKind::Mismatch, field("controls"), self.knobs.len(), c.controls.len()));
        }
        if let Some((k, v)) = self.knobs.iter().zip(&c.controls).find(|(k, v)| !k.contains(**v)) {
            return Err(Error::new(ErrorKind::OutOfRange, field(&k.name), format_args!("{} to {}", k.min, k.max), v));
        }
        let (frames, channels) = (c.frames(), (c.dry.len(), c.wet.len()));
        if frames == 0 || c.dry.iter().chain(&c.wet).any(|x| x.len() != frames) {
            return Err(Error::new(ErrorKind::Mismatch, field("length"), "as many frames in all channels, at least 1", frames));
        }
        if channels != (self.inputs(), self.outputs()) {
            let expected = format!("{} dry and {} wet", self.inputs(), self.outputs());
            let found = format!("{} dry and {} wet", channels.0, channels.1);
            return Err(Error::new(ErrorKind::Mismatch, field("channels"), expected, found));
        }
        Ok(())
    }
}

fn knob_entry(knob: &Knob) -> KnobEntry {
    let default = Some(decimal(knob.default));
    KnobEntry { name: knob.name.clone(), min: decimal(knob.min), max: decimal(knob.max), default, unit: knob.unit.clone() }
}

fn entry(capture: &Capture, knobs: &[Knob], dry: String, wet: String) -> CaptureEntry {
    let controls = knobs.iter().zip(&capture.controls).map(|(k, v)| (k.name.clone(), decimal(*v))).collect();
    CaptureEntry { name: Some(capture.name.clone()), dry, wet, split: capture.split, controls }
}

/// The double with the shortest decimal that rounds to `value`: 0.1, not 0.10000000149.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// A name that every file system takes: at most 40 ASCII letters, digits, `-`, `.`, or `_` for anything else.
fn file_name(name: &str) -> String {
    name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect()
}
