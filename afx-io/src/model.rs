//! The model file: a specification and its numbers in one safetensors file.
//!
//! The numbers are `f32` tensors under the names of the adapter's layout, in the order in which the kernels read them. `__metadata__` has
//! `format` (`afx`), `version` (`1`) and `model`, a JSON object with the specification, the knobs, the sample rate and whatever the trainer
//! wants to remember.

use crate::about::About;
use crate::dataset::{Knob, MAX_KNOBS};
use crate::error::{Error, ErrorKind, Result};
use crate::tensors::{Tensor, Tensors};
use afx_core::{Adapter, Layout, Processor};
use afx_models::{Conditioning, ModelSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The version of the format that this crate writes, and the newest it reads.
pub const VERSION: &str = "1";

/// The longest JSON of a model, in bytes: in memory, JSON takes up to ninety times its text.
const MAX_JSON_BYTES: usize = 1 << 20;

/// A conditioned model with everything a player needs to know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// What it is called; the name of the architecture where nobody gave another.
    pub name: String,
    /// Layer, conditioning and number of knobs.
    pub spec: ModelSpec,
    /// Frames per second that it was trained at, in hertz.
    pub sample_rate: u32,
    /// The knobs, in the order of the adapter's controls.
    pub knobs: Vec<Knob>,
    /// Who made it of what, and at which levels.
    pub about: About,
    /// How it was made: free JSON, `null` where nothing is known.
    pub training: Value,
    /// The learnt numbers, in the order of the adapter's layout.
    pub learnt: Vec<f32>,
}

/// What `model` holds in the metadata.
#[derive(Serialize, Deserialize)]
struct Header<S> {
    name: String,
    sample_rate: u32,
    knobs: Vec<KnobEntry>,
    spec: S,
    #[serde(default, skip_serializing_if = "About::is_empty")]
    about: About,
    #[serde(default)]
    training: Value,
}

#[derive(Serialize, Deserialize)]
struct KnobEntry {
    name: String,
    min: f32,
    max: f32,
    default: f32,
    #[serde(default)]
    unit: String,
}

impl ModelFile {
    /// A model of which nothing else is known yet.
    pub fn new(name: impl Into<String>, spec: ModelSpec, sample_rate: u32, knobs: Vec<Knob>, learnt: Vec<f32>) -> Self {
        ModelFile { name: name.into(), spec, sample_rate, knobs, about: About::default(), training: Value::Null, learnt }
    }

    /// The layout of [`ModelFile::learnt`].
    ///
    /// # Errors
    /// When the specification makes no model.
    pub fn layout(&self) -> Result<Layout> {
        let model = self.spec.build().map_err(|e| Error::new(ErrorKind::OutOfRange, "model.spec", "a model that can be built", e))?;
        Ok(Adapter::<f32>::layout(&model.adapter))
    }

    /// How many numbers were learnt.
    pub fn parameters(&self) -> usize {
        self.layout().map_or(0, |layout| layout.count())
    }

    /// The knobs' positions in `[-1, 1]` for values in their own units; values beyond the stops are clamped.
    pub fn normalise(&self, values: &[f32]) -> Vec<f32> {
        self.knobs.iter().zip(values).map(|(knob, value)| knob.normalise(*value).clamp(-1.0, 1.0)).collect()
    }

    /// The content of the file.
    ///
    /// # Errors
    /// When a part contradicts another, or a number is not finite.
    pub fn to_tensors(&self) -> Result<Tensors> {
        self.check()?;
        let layout = self.layout()?;
        if self.learnt.len() != layout.len() {
            return Err(Error::new(ErrorKind::Mismatch, "learnt numbers", layout.len(), self.learnt.len()));
        }
        let knobs =
            self.knobs.iter().map(|k| KnobEntry { name: k.name.clone(), min: k.min, max: k.max, default: k.default, unit: k.unit.clone() });
        let header = Header {
            name: self.name.clone(),
            sample_rate: self.sample_rate,
            knobs: knobs.collect(),
            spec: &self.spec,
            about: self.about.clone(),
            training: self.training.clone(),
        };
        let json =
            serde_json::to_string(&header).map_err(|e| Error::new(ErrorKind::Malformed, "model", "a value that JSON can hold", e))?;
        check_json(&json)?;
        let mut file = Tensors::default();
        file.metadata.insert("format".into(), "afx".into());
        file.metadata.insert("version".into(), VERSION.into());
        file.metadata.insert("model".into(), json);
        file.tensors.extend(layout.tensors().iter().map(|t| Tensor::f32(&t.name, &t.shape, self.learnt[t.range()].to_vec())));
        Ok(file)
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// Naming the field that is missing or wrong; sizes are checked against the tensors present before anything is allocated for them.
    pub fn from_tensors(file: &Tensors) -> Result<Self> {
        let entry = |name: &str| {
            file.metadata
                .get(name)
                .ok_or_else(|| Error::new(ErrorKind::WrongFormat, format_args!("__metadata__.{name}"), "an afx model", "none"))
        };
        if entry("format")? != "afx" {
            return Err(Error::new(ErrorKind::WrongFormat, "__metadata__.format", "afx", entry("format")?));
        }
        if entry("version")? != VERSION {
            return Err(Error::new(ErrorKind::Unsupported, "__metadata__.version", VERSION, entry("version")?));
        }
        let malformed = |e: &dyn core::fmt::Display| Error::new(ErrorKind::Malformed, "__metadata__.model", "the JSON of a model", e);
        check_json(entry("model")?)?;
        let header: Header<Value> = serde_json::from_str(entry("model")?).map_err(|e| malformed(&e))?;
        let spec = ModelSpec::deserialize(&header.spec).map_err(|e| malformed(&e))?;
        let read = serde_json::to_value(&spec).map_err(|e| malformed(&e))?;
        if let Some(name) = unknown(&header.spec, &read) {
            return Err(malformed(&format_args!("unknown field `{name}`")));
        }
        let mut model = ModelFile {
            name: header.name,
            spec,
            sample_rate: header.sample_rate,
            knobs: header
                .knobs
                .into_iter()
                .map(|k| Knob { name: k.name, min: k.min, max: k.max, default: k.default, unit: k.unit })
                .collect(),
            about: header.about,
            training: header.training,
            learnt: Vec::new(),
        };
        model.take(file)?;
        Ok(model)
    }

    /// Takes the learnt numbers from the tensors of `file`, which are exactly those of the layout.
    pub(crate) fn take(&mut self, file: &Tensors) -> Result<()> {
        self.check()?;
        let layout = self.layout()?;
        let present: usize = file.tensors.iter().map(|t| t.data.len()).sum();
        if present != layout.count() {
            return Err(Error::new(
                ErrorKind::Mismatch,
                "tensors",
                format_args!("{} numbers", layout.count()),
                format_args!("{present} numbers"),
            ));
        }
        let (expected, found) = (layout.tensors().len(), file.tensors.len());
        if expected != found {
            return Err(Error::new(ErrorKind::Mismatch, "tensors", format_args!("{expected} of them"), found));
        }
        let mut learnt = vec![0.0; layout.len()];
        for tensor in layout.tensors() {
            learnt[tensor.range()].copy_from_slice(&file.expect(&tensor.name, &tensor.shape)?.to_f32()?);
        }
        self.learnt = learnt;
        Ok(())
    }

    /// The model at one position of its knobs, without knobs: the same layer, its parameters as numbers. `values` are in the knobs' own units;
    /// those beyond the stops are clamped.
    ///
    /// # Errors
    /// When there are not as many values as knobs, or the parts do not fit each other.
    pub fn baked(&self, values: &[f32]) -> Result<Self> {
        if values.len() != self.knobs.len() {
            return Err(Error::new(ErrorKind::Mismatch, "knob values", self.knobs.len(), values.len()));
        }
        let mut voice = self.voice(1)?;
        voice.set_controls(&self.normalise(values));
        voice.reset();
        let spec = ModelSpec { layer: self.spec.layer.clone(), conditioning: Conditioning::Fixed, controls: 0 };
        Ok(ModelFile { spec, knobs: Vec::new(), learnt: voice.parameters().to_vec(), ..self.clone() })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`ModelFile::from_tensors`], and those of reading.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let tensors = Tensors::read(path).map_err(|e| match e.kind() {
            ErrorKind::WrongFormat if e.field() == "header" => {
                Error::new(ErrorKind::WrongFormat, "header", "an afx model file (safetensors)", e.found()).in_file(path)
            }
            _ => e,
        })?;
        Self::from_tensors(&tensors).map_err(|e| e.in_file(path))
    }

    /// Writes a file, as a whole or not at all.
    ///
    /// # Errors
    /// As [`ModelFile::to_tensors`], and those of writing.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.to_tensors().map_err(|e| e.in_file(path))?.write(path)
    }

    /// The checks that reading and writing share.
    fn check(&self) -> Result<()> {
        if !(1000..=1_000_000).contains(&self.sample_rate) {
            return Err(Error::new(ErrorKind::OutOfRange, "model.sample_rate", "1000 to 1000000", self.sample_rate));
        }
        if self.knobs.len() > MAX_KNOBS {
            return Err(Error::new(ErrorKind::TooLarge, "model.knobs", format_args!("at most {MAX_KNOBS}"), self.knobs.len()));
        }
        if self.knobs.len() != self.spec.controls {
            return Err(Error::new(ErrorKind::Mismatch, "model.knobs", self.spec.controls, self.knobs.len()));
        }
        self.about.check()?;
        self.knobs.iter().try_for_each(Knob::check)
    }
}

fn check_json(json: &str) -> Result<()> {
    if json.len() <= MAX_JSON_BYTES {
        return Ok(());
    }
    let (expected, found) = (format!("at most {MAX_JSON_BYTES} bytes"), format!("{} bytes", json.len()));
    Err(Error::new(ErrorKind::TooLarge, "__metadata__.model", expected, found))
}

/// The first name in a specification that is not in what was read from it, which has every name, defaults included: serde lets unknown
/// names pass beside the tag of an enum and beside what is flattened.
fn unknown<'a>(given: &'a Value, read: &Value) -> Option<&'a str> {
    match given {
        Value::Object(fields) => {
            fields.iter().find_map(|(name, value)| read.get(name).map_or(Some(name.as_str()), |read| unknown(value, read)))
        }
        Value::Array(values) => values.iter().enumerate().find_map(|(i, value)| unknown(value, read.get(i)?)),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use afx_models::Dynamics;

    pub(crate) fn model() -> ModelFile {
        let spec = ModelSpec::named("static-hyper-gru", 8, 2).unwrap();
        let built = spec.build().unwrap();
        let mut x = 0.1f64;
        let learnt = built.initialize(&mut || {
            x = (x * 75.7).fract();
            2.0 * x - 1.0
        });
        let knobs = vec![Knob::new("drive", 0.0, 4.0), Knob::new("tone", -1.0, 1.0)];
        let about = About { gear_make: "a maker".into(), input_level_dbu: Some(12.3), ..About::default() };
        ModelFile { name: "test".into(), spec, sample_rate: 48000, knobs, about, training: serde_json::json!({"steps": 3}), learnt }
    }

    #[test]
    fn writing_and_reading_is_the_identity() {
        let file = model().to_tensors().unwrap();
        let bytes = file.encode().unwrap();
        assert_eq!(ModelFile::from_tensors(&Tensors::parse(&bytes).unwrap()).unwrap(), model());
        assert!(model().voice(2).is_ok());
    }

    #[test]
    fn a_layer_without_sizes_is_its_name() {
        let spec = ModelSpec { layer: Dynamics.into(), conditioning: Conditioning::Fixed, controls: 0 };
        let learnt = spec.build().unwrap().initialize(&mut || 0.0);
        let dynamics = ModelFile { spec, knobs: Vec::new(), learnt, ..model() };
        let mut file = dynamics.to_tensors().unwrap();
        assert_eq!(ModelFile::from_tensors(&file).unwrap(), dynamics);
        let spec = file.metadata.get_mut("model").unwrap();
        assert!(spec.contains(r#"{"type":"dynamics"}"#), "{spec}");
        *spec = spec.replace(r#"{"type":"dynamics"}"#, r#"{"type":"dynamics","bands":2}"#);
        assert!(ModelFile::from_tensors(&file).is_err(), "a name that is none of its own is taken");
    }

    #[test]
    fn a_baked_model_plays_what_the_model_plays_at_those_knobs() {
        let x: Vec<f32> = (0..500).map(|n| 0.3 * (0.05 * n as f32).sin()).collect();
        let (mut voice, mut expected, mut y) = (model().voice(1).unwrap(), vec![0.0; 500], vec![0.0; 500]);
        voice.set_controls(&[-0.5, 1.0]);
        voice.reset();
        voice.process(&[&x], &mut [&mut expected]);
        let baked = model().baked(&[1.0, 7.0]).unwrap();
        assert!(baked.knobs.is_empty() && baked.spec.conditioning == Conditioning::Fixed);
        let written = baked.to_tensors().unwrap();
        ModelFile::from_tensors(&written).unwrap().voice(1).unwrap().process(&[&x], &mut [&mut y]);
        assert_eq!(y, expected);
        assert_eq!(model().baked(&[1.0]).unwrap_err().to_string(), "knob values: expected 2, found 1");
    }

    #[test]
    fn a_level_that_is_no_number_is_refused() {
        let about = About { gain: Some(f64::NAN), ..About::default() };
        let error = ModelFile { about, ..model() }.to_tensors().unwrap_err();
        assert_eq!(error.to_string(), "model.about.gain: expected a finite number, found NaN or infinity");
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let path = std::env::temp_dir().join(format!("afx-io-model-kind-{}", std::process::id()));
        for (bytes, found) in [
            (&b"RIFF\x24\0\0\0WAVEfmt "[..], "a WAV file"),
            (b"{\"architecture\": \"WaveNet\"}", "a JSON text"),
            (b"sample_rate = 48000\n", "a TOML text"),
            (b"", "an empty file"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = ModelFile::read(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongFormat);
            assert_eq!(error.to_string(), format!("{}: header: expected an afx model file (safetensors), found {found}", path.display()));
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn every_contradiction_is_named() {
        let refuse = |change: &dyn Fn(&mut Tensors), part: &str| {
            let mut file = model().to_tensors().unwrap();
            change(&mut file);
            let error = ModelFile::from_tensors(&file).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let edit = |from: &'static str, to: &'static str| {
            move |file: &mut Tensors| {
                let json = file.metadata["model"].replacen(from, to, 1);
                file.metadata.insert("model".into(), json);
            }
        };
        refuse(&|f| f.metadata.clear(), "__metadata__.format");
        refuse(&|f| drop(f.metadata.insert("version".into(), "9".into())), "__metadata__.version");
        refuse(&|f| drop(f.metadata.insert("model".into(), "{".into())), "__metadata__.model");
        let long = " ".repeat(MAX_JSON_BYTES);
        refuse(&|f| f.metadata.get_mut("model").unwrap().push_str(&long), "__metadata__.model: expected at most 1048576 bytes");
        let remembered = ModelFile { training: long.clone().into(), ..model() };
        assert_eq!(remembered.to_tensors().unwrap_err().kind(), ErrorKind::TooLarge, "what is written can be read");
        refuse(&edit("\"hidden\":8", "\"hidden\":4000"), "spec");
        refuse(&edit("\"width\":8", "\"width\":4000"), "tensors");
        refuse(&edit("\"hidden\":8", "\"hidden\":99999999"), "spec");
        refuse(&edit("\"hidden\":8", "\"hidden\":18446744073709551615"), "spec");
        refuse(
            &edit("\"hidden\"", "\"biass\":false,\"hidden\""),
            "__metadata__.model: expected the JSON of a model, found unknown field `biass`",
        );
        refuse(&edit("\"width\"", "\"activaton\":\"tanh\",\"width\""), "unknown field `activaton`");
        refuse(&edit("\"spec\":{", "\"spec\":{\"control\":2,"), "unknown field `control`");
        refuse(&edit("\"layers\":", "\"layer\":[],\"layers\":"), "unknown field `layer`");
        refuse(&edit("48000", "2147483647"), "sample_rate");
        refuse(&edit("\"controls\":2", "\"controls\":3"), "knobs");
        refuse(&edit("\"max\":4.0", "\"max\":-4.0"), "knob");
        refuse(&|f| drop(f.tensors.pop()), "tensors");
        refuse(&|f| f.tensors.push(Tensor::f32("other", &[0], Vec::new())), "tensors: expected 14 of them, found 15");
        refuse(&|f| f.tensors[0].shape = vec![1, 8], "layer.1.weight");
    }
}
