//! A training put aside and taken up again.

use crate::identity::{difference, plain, tensors};
use crate::trainer::{Progress, Trainer};
use crate::{Track, TrainError};
use afx_core::{Adapter, Differentiable};
use afx_io::dataset::Knob;
use afx_io::tensors::{Tensor, Tensors};
use afx_io::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// The version of the format: 2 says which model and which audio it is of, 1 did not and had no entry for it.
const VERSION: &str = "2";

/// Most steps and validations in a checkpoint: no training takes as many, and counting on from there overflows nothing.
const MOST: u64 = 1 << 31;

/// What a checkpoint holds beside tensors; floating-point numbers as their bits, so that nothing is rounded.
#[derive(Serialize, Deserialize)]
struct Header {
    /// What [`Trainer::identity`] gave.
    training: Value,
    step: u64,
    adam_step: u64,
    draw: [u64; 2],
    loss: u64,
    best_esr: u64,
    lowered: u64,
    stale: u32,
    plateau: u32,
    sum: [u64; 2],
    /// Recording, frame, buffers left, and whether the memory is yet to be set.
    sequences: Vec<(usize, usize, usize, bool)>,
}

impl<L: Differentiable<f32>, A: Adapter<f32>> Trainer<L, A> {
    /// Writes everything that the rest of the training depends on, as a whole or not at all.
    ///
    /// # Errors
    /// Those of writing; a training whose numbers are not finite is not written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let p = &self.progress;
        let header = Header {
            training: self.identity()?,
            step: p.step,
            adam_step: self.adam.step,
            draw: [self.draw.seed, self.draw.count],
            loss: p.loss.to_bits(),
            best_esr: p.best_esr.to_bits(),
            lowered: p.lowered.to_bits(),
            stale: p.stale,
            plateau: p.plateau,
            sum: [p.sum.0.to_bits(), p.sum.1],
            sequences: self.sequences().map(|s| (s.track, s.at, s.left, s.is_fresh())).collect(),
        };
        let json =
            serde_json::to_string(&header).map_err(|e| Error::new(ErrorKind::Malformed, "progress", "a value that JSON can hold", e))?;
        let states: Vec<f32> = self.sequences().flat_map(|s| s.state.iter().copied()).collect();
        let mut file = Tensors::default();
        file.metadata.insert("format".into(), "afx-checkpoint".into());
        file.metadata.insert("version".into(), VERSION.into());
        file.metadata.insert("progress".into(), json);
        let all = [("learnt", &self.learnt), ("best", &self.best), ("adam.mean", &self.adam.mean), ("adam.square", &self.adam.square)];
        file.tensors.extend(all.into_iter().map(|(name, values)| Tensor::f32(name, &[values.len()], values.clone())));
        file.tensors.push(Tensor::f32("states", &[self.config.sequences, self.model.layer.state_len()], states));
        Ok(file.write(path)?)
    }

    /// Takes up where [`Trainer::save`] left off: what follows is the same to the bit as if nothing had been interrupted.
    ///
    /// Call it on a trainer built from the same model, recordings and settings; `steps`, `validate_every` and `patience` may differ.
    ///
    /// # Errors
    /// When the file is of another training, naming what differs: a setting, the model's tensors or its specification (see
    /// [`Trainer::specified`]), the sample rate, a knob, a recording's name, length, position, parts or audio. The trainer is then as before.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        let file = Tensors::read(path)?;
        self.take_up(&file).map_err(|e| e.in_file(path).into())
    }

    fn take_up(&mut self, file: &Tensors) -> Result<(), Error> {
        let entry = |name: &str| {
            let missing = || Error::new(ErrorKind::WrongFormat, format_args!("__metadata__.{name}"), "an afx checkpoint", "none");
            file.metadata.get(name).ok_or_else(missing)
        };
        if entry("format")? != "afx-checkpoint" {
            return Err(Error::new(ErrorKind::WrongFormat, "__metadata__.format", "afx-checkpoint", entry("format")?));
        }
        match file.metadata.get("version").map(String::as_str) {
            Some(VERSION) => {}
            None => {
                let found = "none, as afx wrote it before a checkpoint told its model and its audio; train anew";
                return Err(Error::new(ErrorKind::Unsupported, "__metadata__.version", VERSION, found));
            }
            Some(other) => return Err(Error::new(ErrorKind::Unsupported, "__metadata__.version", VERSION, other)),
        }
        let header: Header = serde_json::from_str(entry("progress")?)
            .map_err(|e| Error::new(ErrorKind::Malformed, "__metadata__.progress", "the JSON of a checkpoint", e))?;
        if let Some([field, expected, found]) = difference("progress.training", &comparable(self.identity()?), &comparable(header.training))
        {
            return Err(Error::new(ErrorKind::Mismatch, field, expected, found));
        }
        let (len, width) = (self.learnt.len(), self.model.layer.state_len());
        let vector = |name: &str| file.expect(name, &[len])?.to_f32();
        let (learnt, best, mean, square) = (vector("learnt")?, vector("best")?, vector("adam.mean")?, vector("adam.square")?);
        let states = file.expect("states", &[self.config.sequences, width])?.to_f32()?;
        let fits = |&(track, at, left, _): &(usize, usize, usize, bool)| {
            let range = self.material.tracks.get(track).map(|t| t.train.clone()).unwrap_or(0..0);
            let end = left.checked_mul(self.config.frames).and_then(|n| n.checked_add(at));
            at >= range.start && end.is_some_and(|end| end <= range.end)
        };
        if header.sequences.len() != self.config.sequences || !header.sequences.iter().all(fits) {
            return Err(Error::new(ErrorKind::OutOfRange, "progress.sequences", "places inside the recordings", "others"));
        }
        let counts = [("step", header.step), ("adam_step", header.adam_step), ("sum", header.sum[1])];
        let counts = counts.into_iter().chain([("stale", header.stale.into()), ("plateau", header.plateau.into())]);
        for (name, count) in counts {
            if count > MOST {
                return Err(Error::new(ErrorKind::OutOfRange, format_args!("progress.{name}"), format_args!("at most {MOST}"), count));
            }
        }
        let lowered = f64::from_bits(header.lowered);
        if !(lowered > 0.0 && lowered <= 1.0) {
            return Err(Error::new(ErrorKind::OutOfRange, "progress.lowered", "more than 0, at most 1", lowered));
        }
        if f64::from_bits(header.best_esr).is_nan() {
            return Err(Error::new(ErrorKind::NonFinite, "progress.best_esr", "a number", "NaN"));
        }
        for (i, &(track, at, left, fresh)) in header.sequences.iter().enumerate() {
            self.sequence_mut(i).restore(track, at, left, fresh, &states[i * width..(i + 1) * width]);
        }
        (self.learnt, self.best, self.adam.mean, self.adam.square) = (learnt, best, mean, square);
        self.adam.step = header.adam_step;
        (self.draw.seed, self.draw.count) = (header.draw[0], header.draw[1]);
        self.progress = Progress {
            step: header.step,
            loss: f64::from_bits(header.loss),
            best_esr: f64::from_bits(header.best_esr),
            lowered: f64::from_bits(header.lowered),
            stale: header.stale,
            plateau: header.plateau,
            sum: (f64::from_bits(header.sum[0]), header.sum[1]),
        };
        Ok(())
    }

    /// Everything that must be the same for the training to go on as if nothing had been interrupted.
    fn identity(&self) -> Result<Value, Error> {
        let config = serde_json::to_value(&self.config);
        let config = config.map_err(|e| Error::new(ErrorKind::Malformed, "config", "values that JSON can hold", e))?;
        let knob = |k: &Knob| json!({"name": k.name, "min": plain(k.min), "max": plain(k.max)});
        let recording = |t: &Track| {
            json!({
                "name": t.name,
                "frames": t.wet().len(),
                "controls": t.controls.iter().map(|v| plain(*v)).collect::<Vec<_>>(),
                "train": [t.train.start, t.train.end],
                "validation": [t.validation.start, t.validation.end],
                "samples": format!("fnv-1a {:016x}", t.hash().0),
            })
        };
        Ok(json!({
            "config": config,
            "sample_rate": self.material.sample_rate,
            "knobs": self.material.knobs.iter().map(knob).collect::<Vec<_>>(),
            "model": {
                "spec": self.spec,
                "tensors": tensors(&self.model.adapter.layout()),
                "layer_tensors": tensors(&self.model.layer.layout()),
            },
            "recordings": self.material.tracks.iter().map(recording).collect::<Vec<_>>(),
        }))
    }
}

/// Without the settings that may differ.
fn comparable(mut identity: Value) -> Value {
    // `get_mut`: a file may hold anything but an object here, which `identity["config"]` would not take.
    if let Some(config) = identity.get_mut("config").and_then(Value::as_object_mut) {
        config.retain(|name, _| !matches!(name.as_str(), "steps" | "validate_every" | "patience"));
    }
    identity
}
