//! `afx train`.

use super::Error;
use super::training_log::MAX_BYTES;
use crate::warn;
use afx::core::{Adapter, Differentiable};
use afx::io::dataset::{Dataset, Finding, FindingKind, Knob};
use afx::io::{About, ModelFile};
use afx::models::{AnyAdapter, AnyLayer, Conditioning, ModelSpec};
use afx::train::{Config, Event, Material, TrainError, Trainer};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use toml::de::{DeString, DeTable, DeValue};

/// Arguments of `afx train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder of dry and wet WAV files with a dataset.toml, or with PyNeuralFx names
    dataset: PathBuf,
    /// The architecture: gru, lstm, rnn, tcn, gcn, wavenet or s4d, bare or behind concat-, film-, static-hyper- or
    /// low-rank-hyper-; dynamic-hyper-gru or -lstm; tfilm-tcn or -s4d; hyper-gru; grey-box; or a TOML file that describes one
    #[arg(long, default_value = "static-hyper-gru", value_name = "NAME|FILE.toml")]
    model: String,
    /// Units of the recurrent cell, or channels of the convolutional one, of a model by name
    #[arg(long, default_value_t = 32, allow_negative_numbers = true)]
    hidden: usize,
    /// Where the model goes; checkpoint and log are written beside it
    #[arg(long, value_name = "MODEL.safetensors")]
    out: PathBuf,
    /// Settings in TOML; what is not named keeps its default
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Go on from the checkpoint beside the model
    #[arg(long)]
    resume: bool,
    /// Train although a recording is clipped, misaligned, silent, or unrelated to its dry file
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Trains, and writes the best model.
    ///
    /// # Errors
    /// When the data, the settings or the model make no training, or the loss is not finite.
    pub fn run(self) -> Result<(), Error> {
        let checkpoint = self.out.with_extension("checkpoint.safetensors");
        let log = self.out.with_extension("log.jsonl");
        // Now: the first of them is written after minutes of training.
        if let Some(path) = [&self.out, &checkpoint, &log].into_iter().find(|path| path.is_dir() || path.file_name().is_none()) {
            return Err(Error::new(format_args!("{}: --out: expected the name of a file to write, found a folder", path.display())));
        }
        // Anything else is a file that somebody still needs, such as the settings: `--out train.toml --config train.toml`.
        if self.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("safetensors")) {
            return Err(Error::new(format_args!("--out: expected a name that ends in .safetensors, found {}", self.out.display())));
        }
        let config = match &self.config {
            None => Config::default(),
            Some(path) => read_config(path)?,
        };
        let (data, odd) = open(&self.dataset)?;
        let (name, spec) = self.spec(data.knobs.len())?;
        let named = |e| self.named(e);
        let material = Material::new(&data, config.frames, config.validation_part).map_err(named)?;
        // After the material, which refuses what nothing can be trained on: what is left to refuse, `--force` does not.
        if let (false, Some(odd)) = (self.force, odd) {
            return Err(Error::new(format_args!("{odd}; --force trains on it all the same")));
        }
        for name in material.unheard() {
            warn(format_args!(
                "warning: {}: recording {name}: silent in the part kept for validation, left out of it",
                self.dataset.display()
            ));
        }
        if let (false, Some(name)) = (self.force, material.clipped().first()) {
            let folder = self.dataset.display();
            let found = "expected headroom, found clipping; --force trains on it all the same";
            return Err(Error::new(format_args!("{folder}: recording {name}: {found}")));
        }
        let mut trainer = Trainer::new(spec.build()?, material, config).map_err(named)?.specified(&spec)?;
        if self.resume {
            trainer.resume(&checkpoint)?;
        }
        let log = Log::open(&log, self.resume.then(|| trainer.progress().step))?;
        let file = |t: &Trainer<AnyLayer, AnyAdapter>| model_file(&name, &spec, data.sample_rate, &data.knobs, t);
        run(&mut trainer, &name, log, |t, best, log| {
            if best {
                file(t).write(&self.out)?;
            }
            // Before the checkpoint: whoever goes on from there goes on with its log.
            log.settle()?;
            t.save(&checkpoint)
        })
        .map_err(named)?;
        file(&trainer).write(&self.out)?;
        let p = trainer.progress();
        crate::say!("{}: {} steps, validation ESR {:.6}", self.out.display(), p.step, p.best_esr);
        Ok(())
    }
}

impl Args {
    /// The error with the file that it is about: the settings, or the data set.
    fn named(&self, error: TrainError) -> Error {
        match (error, &self.config) {
            (TrainError::Io(e), _) => Error::new(e.in_file(&self.dataset)),
            (e @ (TrainError::Empty { .. } | TrainError::NotFinite { .. }), _) => {
                Error::new(format_args!("{}: {e}", self.dataset.display()))
            }
            (e @ (TrainError::Config { .. } | TrainError::Loss(_)), Some(path)) => Error::new(format_args!("{}: {e}", path.display())),
            (e @ TrainError::Model(_), _) => Error::new(format_args!("{}: {e}", self.model)),
            (e, _) => e.into(),
        }
    }

    /// The model's name and what it is, for so many knobs.
    fn spec(&self, controls: usize) -> Result<(String, ModelSpec), Error> {
        let path = Path::new(&self.model);
        if path.extension().is_none_or(|e| e != "toml") {
            return Ok((self.model.clone(), ModelSpec::named(&self.model, self.hidden, controls)?));
        }
        let Architecture { layer, conditioning } = read_toml(path, "model", "a layer and its conditioning")?;
        let spec = ModelSpec { layer, conditioning, controls };
        spec.check().map_err(|e| Error::new(format_args!("{}: {e}", path.display())))?;
        let name = path.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy().into_owned());
        Ok((name, spec))
    }
}

/// A [`ModelSpec`] as a file describes it; the data set knows how many knobs there are.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Architecture {
    layer: AnyLayer,
    conditioning: Conditioning,
}

/// Settings from a TOML file.
fn read_config(path: &Path) -> Result<Config, Error> {
    let config: Config = read_toml(path, "settings", "those of a training")?;
    // The loss too, before minutes of audio are read.
    let checked = config.check().and_then(|()| config.loss.build(config.frames).map(drop));
    checked.map_err(|e| Error::new(format_args!("{}: {e}", path.display())))?;
    Ok(config)
}

/// What a TOML file holds; an error says in a line which `field` of it was to be what. A name that nothing was read from is an error.
fn read_toml<D: serde::Serialize + serde::de::DeserializeOwned>(path: &Path, field: &str, expected: &str) -> Result<D, Error> {
    let text = afx::io::disk::read_bounded(path, 1 << 20)?;
    let text = String::from_utf8(text)
        .map_err(|_| Error::new(format_args!("{}: {field}: expected {expected}, found other bytes than UTF-8", path.display())))?;
    let refuse = |message: &str, at: Option<Range<usize>>| {
        let line = at.map_or(String::new(), |at| format!(" in line {}", 1 + text[..at.start].matches('\n').count()));
        Error::new(format_args!("{}: {field}: expected {expected}, found {message}{line}", path.display()))
    };
    let bad = |e: toml::de::Error| refuse(e.message().trim(), e.span());
    let value: D = toml::from_str(&text).map_err(bad)?;
    let given = DeValue::Table(DeTable::parse(&text).map_err(bad)?.into_inner());
    match unknown(&given, &serde_json::to_value(&value)?) {
        Some(name) => Err(refuse(&format!("unknown field `{}`", name.get_ref()), Some(name.span()))),
        None => Ok(value),
    }
}

/// The first name in a file that is not in what was read from it, which has every name, defaults included. serde itself lets unknown names
/// pass in structs that do not refuse them, as those inside a tagged enum may be.
fn unknown<'a, 'i>(given: &'a DeValue<'i>, read: &serde_json::Value) -> Option<&'a toml::Spanned<DeString<'i>>> {
    match given {
        DeValue::Table(table) => table.iter().find_map(|(name, value)| match read.get(&**name.get_ref()) {
            Some(read) => unknown(value.get_ref(), read),
            None => Some(name),
        }),
        DeValue::Array(values) => values.iter().enumerate().find_map(|(i, value)| unknown(value.get_ref(), read.get(i)?)),
        _ => None,
    }
}

/// Opens a data set, shows what is odd about it, and tells the first thing that nobody would want to train on.
fn open(path: &Path) -> Result<(Dataset, Option<Finding>), Error> {
    let (data, findings) = Dataset::open(path)?;
    for finding in &findings {
        warn(format_args!("warning: {finding}"));
    }
    let fatal = |kind: &FindingKind| {
        matches!(
            kind,
            FindingKind::SilentWet
                | FindingKind::SilentChannel { .. }
                | FindingKind::Clipped { .. }
                | FindingKind::Misaligned { .. }
                | FindingKind::Unrelated { .. }
        )
    };
    Ok((data, findings.into_iter().find(|f| fatal(&f.kind))))
}

/// The model file of a trainer's best numbers.
pub fn model_file<L: Differentiable<f32>, A: Adapter<f32>>(
    name: &str,
    spec: &ModelSpec,
    sample_rate: u32,
    knobs: &[Knob],
    trainer: &Trainer<L, A>,
) -> ModelFile {
    let p = trainer.progress();
    let esr = p.best_esr.is_finite().then_some(p.best_esr);
    ModelFile {
        name: name.into(),
        spec: spec.clone(),
        sample_rate,
        knobs: knobs.to_vec(),
        about: About::default(),
        training: json!({"steps": p.step, "validation_esr": esr, "config": serde_json::to_value(trainer.config()).unwrap_or_default()}),
        learnt: trainer.best(),
    }
}

/// A JSON object a line.
pub struct Log {
    path: PathBuf,
    /// Where the lines go, if anywhere. Its lock is held.
    file: Option<File>,
    /// Kept until the training has a model of its own: the file there is of another one, which may be all that is left if this one is stopped.
    waiting: Option<String>,
}

impl Log {
    /// A log at `path`. A training that goes on `from` a step appends to the one that is there, of which the lines of later steps are cut,
    /// as they will come again, and half a last line, left by a training that was killed. One that does not leaves what is there as it is
    /// until the first validation.
    ///
    /// # Errors
    /// When the file cannot be opened, or read, or another training writes it.
    pub fn open(path: &Path, from: Option<u64>) -> Result<Self, Error> {
        let there = path.exists();
        let kept = match from {
            Some(step) if there => whole_lines(&afx::io::disk::read_bounded(path, MAX_BYTES)?, step),
            _ => 0,
        };
        let waiting = (there && from.is_none()).then(String::new);
        let open = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            lock(&file)?;
            if waiting.is_none() {
                file.set_len(kept as u64)?;
                file.seek(SeekFrom::End(0))?;
            }
            Ok(file)
        };
        let file = open().map_err(|e| afx::io::Error::io(path, "open", e))?;
        Ok(Log { path: path.to_path_buf(), file: Some(file), waiting })
    }

    /// A log that goes nowhere.
    pub fn none() -> Self {
        Log { path: PathBuf::new(), file: None, waiting: None }
    }

    fn line(&mut self, value: &serde_json::Value) -> Result<(), TrainError> {
        // In one piece: formatted into the file, a line would be dozens of writes, and a training killed between them leave a part of it.
        let line = format!("{value}\n");
        match (&mut self.waiting, &mut self.file) {
            (Some(lines), _) => lines.push_str(&line),
            (None, Some(file)) => file.write_all(line.as_bytes()).map_err(|e| afx::io::Error::io(&self.path, "write", e))?,
            (None, None) => {}
        }
        Ok(())
    }

    /// Takes the place of the log that is there, if it has not yet.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn settle(&mut self) -> Result<(), TrainError> {
        if let Some(lines) = &self.waiting {
            afx::io::disk::write_atomic(&self.path, lines.as_bytes())?;
            let file = OpenOptions::new().append(true).open(&self.path).and_then(|file| lock(&file).map(|()| file));
            self.file = Some(file.map_err(|e| afx::io::Error::io(&self.path, "open", e))?);
            self.waiting = None;
        }
        Ok(())
    }
}

/// Keeps a second training with the same `--out` away for as long as the file is open. On Unix only: elsewhere a lock keeps readers away too.
fn lock(file: &File) -> std::io::Result<()> {
    match cfg!(unix).then(|| file.try_lock()) {
        Some(Err(TryLockError::WouldBlock)) => Err(std::io::Error::other("another training that writes here")),
        _ => Ok(()), // and where the file system has no locks
    }
}

/// Bytes of the whole lines before the first one of a step beyond `step`.
fn whole_lines(log: &[u8], step: u64) -> usize {
    let stays = |line: &&[u8]| {
        let beyond = |value: serde_json::Value| value["step"].as_u64().is_some_and(|s| s > step);
        line.ends_with(b"\n") && !serde_json::from_slice(line).is_ok_and(beyond)
    };
    log.split_inclusive(|b| *b == b'\n').take_while(stays).map(<[u8]>::len).sum()
}

/// Training loss and validation ESR by step.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    /// Mean training loss between validations.
    pub loss: Vec<(f64, f64)>,
    /// Validation ESR.
    pub esr: Vec<(f64, f64)>,
}

/// Runs a trainer to its end with a progress bar and a log; `keep` is called after every validation, with whether it was the best and the
/// log, which it settles.
///
/// # Errors
/// Those of training and of `keep`.
pub fn run<L: Differentiable<f32>, A: Adapter<f32>>(
    trainer: &mut Trainer<L, A>,
    name: &str,
    mut log: Log,
    mut keep: impl FnMut(&Trainer<L, A>, bool, &mut Log) -> Result<(), TrainError>,
) -> Result<Curves, TrainError> {
    let bar = ProgressBar::new(trainer.config().steps);
    let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {msg} {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(name.to_owned());
    bar.set_position(trainer.progress().step);
    bar.reset_eta();
    let mut curves = Curves::default();
    let (mut shown, mut smooth) = (String::new(), f64::NAN);
    let result = trainer.run(|trainer, event| {
        match event {
            Event::Step { step, loss, gradient_norm } => {
                smooth = if smooth.is_nan() { *loss } else { 0.95 * smooth + 0.05 * loss };
                bar.set_position(*step);
                bar.set_message(format!("loss {smooth:.4} {shown}"));
                if step % 10 == 0 {
                    log.line(&json!({"event": "step", "step": step, "loss": loss, "gradient_norm": gradient_norm}))?;
                }
            }
            Event::Validation { step, loss, esr, best, rate, seconds, frames_per_second } => {
                let speed = frames_per_second / f64::from(trainer.sample_rate());
                shown = format!("ESR {:.5} ({speed:.0}x real time)", trainer.progress().best_esr);
                curves.loss.push((*step as f64, *loss));
                curves.esr.push((*step as f64, *esr));
                log.line(&json!({
                    "event": "validation", "step": step, "loss": loss, "validation_esr": esr, "best": best,
                    "learning_rate": rate, "seconds": seconds, "times_real_time": speed,
                }))?;
                keep(trainer, *best, &mut log)?;
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    });
    bar.finish_and_clear();
    result?;
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the test's own name.
    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("afx-cli-log-{name}-{}.jsonl", std::process::id()))
    }

    /// A second training is refused, and does nothing to the log.
    fn locked(path: &Path) {
        let before = std::fs::read(path).unwrap();
        for from in [None, Some(0)].into_iter().filter(|_| cfg!(unix)) {
            let error = Log::open(path, from).err().unwrap().to_string();
            assert_eq!(error, format!("{}: open: expected success, found another training that writes here", path.display()));
        }
        assert_eq!(std::fs::read(path).unwrap(), before);
    }

    #[test]
    fn a_torn_last_line_and_those_of_later_steps_are_cut_before_a_log_goes_on() {
        let path = file("torn");
        let line = json!({"event": "step", "step": 20});
        for (before, kept) in [
            ("", ""),
            ("{\"ev", ""),
            ("{\"step\":1}\n", "{\"step\":1}\n"),
            ("{\"step\":1}\n{\"step\":", "{\"step\":1}\n"),
            ("{\"step\":10}\nnote\n{\"step\":11}\n{\"step\":12}\n", "{\"step\":10}\nnote\n"),
        ] {
            std::fs::write(&path, before).unwrap();
            Log::open(&path, Some(10)).unwrap().line(&line).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{kept}{line}\n"));
        }
        std::fs::remove_file(&path).unwrap();
        Log::open(&path, Some(10)).unwrap().line(&line).unwrap(); // none to go on from
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{line}\n"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_specification_is_read_as_it_was_ever_written() {
        let stack = r#"{"type":"stack","layers":[{"type":"gru","inputs":1,"hidden":4},{"type":"dense","inputs":4,"outputs":1}]}"#;
        let read = |conditioning: &str| {
            let text = format!(r#"{{"layer":{stack},"conditioning":{conditioning},"controls":1}}"#);
            serde_json::from_str::<ModelSpec>(&text).map_err(|e| e.to_string())
        };
        // Before activations and covers had names: the leaky rectifier, and the cell.
        let old = read(r#"{"type":"film","width":3,"depth":1}"#).unwrap();
        let full = read(r#"{"type":"film","width":3,"depth":1,"activation":"leaky_relu","cover":"cell"}"#).unwrap();
        assert_eq!(old, full);
        for conditioning in [r#"{"type":"fixed"}"#, r#"{"type":"concat"}"#, r#"{"type":"static_hyper","width":3,"depth":1,"cover":"all"}"#]
        {
            let spec = read(conditioning).unwrap();
            assert_eq!(serde_json::from_value::<ModelSpec>(serde_json::to_value(&spec).unwrap()).unwrap(), spec);
        }
        for name in ModelSpec::names() {
            let spec = ModelSpec::named(&name, 8, 2).unwrap();
            assert_eq!(serde_json::from_value::<ModelSpec>(serde_json::to_value(&spec).unwrap()).unwrap(), spec);
        }
    }

    #[test]
    fn another_models_log_stays_until_there_is_a_validation() {
        let path = file("settled");
        let [step, validation] = ["step", "validation"].map(|event| json!({"event": event, "step": 1}));
        std::fs::write(&path, "another's\n").unwrap();
        let mut log = Log::open(&path, None).unwrap();
        locked(&path);
        log.line(&step).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another's\n");
        log.line(&validation).unwrap();
        log.settle().unwrap();
        locked(&path);
        log.line(&step).unwrap();
        log.settle().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{step}\n{validation}\n{step}\n"));
        drop(log);
        std::fs::remove_file(&path).unwrap();
        Log::open(&path, None).unwrap().line(&step).unwrap(); // nothing to keep
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{step}\n"));
        std::fs::remove_file(path).unwrap();
    }
}
