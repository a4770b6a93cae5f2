//! `afx demo`: the whole path once, without a file.

use super::render::render;
use super::source::play;
use super::train::{Curves, Log, model_file, run};
use super::{Error, keep};
use crate::scores::Scores;
use afx::dsp::circuit::SynthOd;
use afx::dsp::source::GuitarPhrase;
use afx::io::ModelFile;
use afx::io::csv::Automation;
use afx::io::dataset::{Capture, Dataset, Knob};
use afx::io::wav::{self, Audio, Format};
use afx::models::ModelSpec;
use afx::train::{Config, LossKind, Material, Schedule, Trainer};
use rayon::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Optimiser steps that a minute stands for. Fixed, not measured, so that the same command gives the same bytes; two idle cores of a 2023
/// server take forty seconds for them, busy or older ones a minute.
const STEPS_PER_MINUTE: f64 = 2400.0;
/// Positions of each knob.
const POSITIONS: [f32; 5] = [0.0, 1.0, 2.0, 3.0, 4.0];
/// Knob positions (drive, tone) that no model is trained on: five of the 25, inside the grid.
const UNSEEN: [(usize, usize); 5] = [(1, 1), (1, 3), (3, 1), (3, 3), (2, 2)];
/// Seconds of synthesised guitar to learn from, and to test on.
const SECONDS: (usize, usize) = (40, 8);
/// Shortest recording for `--input`, in seconds.
const SHORTEST_S: usize = 8;
/// Peak of the dry audio, whatever it was: -1 dBFS.
const PEAK: f32 = 0.89;
/// The knobs of the device.
const KNOBS: [&str; 2] = ["drive", "tone"];
/// The models compared, the one of interest first.
const MODELS: [&str; 2] = ["static-hyper-gru", "concat-gru"];
/// The dry audio that the models are tested on, in the folder.
const TEST_DRY: &str = "test_dry.wav";
/// What moving knobs make of it.
const SWEEP: &str = "knob_sweep.wav";

/// What a model, or the device, makes of it.
fn test_wet(name: &str) -> String {
    format!("test_{name}_drive2_tone2.wav")
}

/// Arguments of `afx demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder for model, WAV files and report
    #[arg(long, default_value = "afx-demo")]
    out: PathBuf,
    /// Training time of each model on two cores, about
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    minutes: f64,
    /// Dry audio to use instead of the synthesised guitar; its last fifth is kept for testing
    #[arg(long, value_name = "DRY.wav")]
    input: Option<PathBuf>,
    /// Numbers of memory of the recurrent cells
    #[arg(long, default_value_t = 32, allow_negative_numbers = true)]
    hidden: usize,
}

/// A trained model and how it did.
pub(super) struct Trained {
    pub file: ModelFile,
    pub curves: Curves,
    /// One a knob position, drive-major.
    pub cells: Vec<Scores>,
    pub seconds: f64,
}

/// Dry audio and the device's output at every knob position.
pub(super) struct Recordings {
    pub sample_rate: u32,
    /// To learn from.
    pub dry: Vec<f32>,
    pub wet: Vec<Vec<f32>>,
    /// To test on.
    pub test_dry: Vec<f32>,
    pub test_wet: Vec<Vec<f32>>,
}

impl Args {
    /// Synthesises, trains, measures, renders, reports.
    ///
    /// # Errors
    /// When the folder cannot be written or the dry file is no audio to learn from.
    pub fn run(self) -> Result<(), Error> {
        if !(self.minutes > 0.0 && self.minutes <= 1440.0) {
            return Err(Error::new(format_args!("--minutes: expected more than 0, at most 1440, found {}", self.minutes)));
        }
        MODELS.iter().try_for_each(|name| self.spec(name).map(drop))?;
        let wet = MODELS.iter().chain(&["device"]).map(|name| test_wet(name));
        for name in wet.chain([TEST_DRY, SWEEP].map(String::from)) {
            keep(&self.out.join(name), &self.input)?;
        }
        let dry = Dry::new(self.input.as_deref())?;
        std::fs::create_dir_all(&self.out)
            .map_err(|e| Error::new(format_args!("{}: create: expected success, found {e}", self.out.display())))?;
        crate::say!("recording the overdrive at {} knob positions ...", POSITIONS.len().pow(2));
        let recordings = record(dry)?;
        let data = recordings.dataset();
        let mut trained = Vec::new();
        for name in MODELS {
            let model = self.train(name, &data, &recordings)?;
            model.file.write(self.out.join(format!("{name}.safetensors")))?;
            trained.push(model);
        }
        print_table(&trained);
        let metrics = json!({"models": trained.iter().map(Trained::json).collect::<Vec<_>>()});
        afx::io::disk::write_atomic(&self.out.join("metrics.json"), format!("{metrics:#}\n").as_bytes())?;
        let sweep = self.write_audio(&recordings, &trained)?;
        let html = super::demo_report::report(&recordings, &trained, &sweep)?;
        afx::io::disk::write_atomic(&self.out.join("report.html"), html.as_bytes())?;
        crate::say!("wrote {}", self.out.join("report.html").display());
        Ok(())
    }

    fn spec(&self, name: &str) -> Result<ModelSpec, Error> {
        ModelSpec::named(name, self.hidden, KNOBS.len()).map_err(|e| Error::new(format_args!("--hidden: {e}")))
    }

    fn train(&self, name: &str, data: &Dataset, recordings: &Recordings) -> Result<Trained, Error> {
        let began = std::time::Instant::now();
        let spec = self.spec(name)?;
        let config = demo_config(self.minutes);
        let material = Material::new(data, config.frames, config.validation_part)?;
        let mut trainer = Trainer::new(spec.build()?, material, config)?;
        let log = Log::open(&self.out.join(format!("{name}.log.jsonl")), None)?;
        let curves = run(&mut trainer, name, log, |_, _, log| log.settle())?;
        let file = model_file(name, &spec, data.sample_rate, &data.knobs, &trainer);
        let cells = positions().into_par_iter().enumerate().map(|(i, (d, t))| {
            let prediction = play(&file, &recordings.test_dry, &[POSITIONS[d], POSITIONS[t]])?;
            Ok(Scores::of(&prediction, &recordings.test_wet[i], recordings.sample_rate))
        });
        let cells = cells.collect::<Result<Vec<_>, Error>>()?;
        Ok(Trained { file, curves, cells, seconds: began.elapsed().as_secs_f64() })
    }

    /// Renders a knob sweep and the test audio at an unseen position, and writes everything one may want to hear. Returns the sweep.
    fn write_audio(&self, recordings: &Recordings, trained: &[Trained]) -> Result<Sweep, Error> {
        let rate = recordings.sample_rate;
        let save = |name: &str, samples: &[f32]| -> Result<(), Error> {
            wav::write(self.out.join(name), &Audio::mono(rate, samples.to_vec()), Format::Float32)?;
            Ok(())
        };
        let unseen = index(2, 2);
        save(TEST_DRY, &recordings.test_dry)?;
        save(&test_wet("device"), &recordings.test_wet[unseen])?;
        for model in trained {
            let y = play(&model.file, &recordings.test_dry, &[POSITIONS[2], POSITIONS[2]])?;
            save(&test_wet(&model.file.name), &y)?;
        }
        let sweep = Sweep::new(&trained[0].file, recordings)?;
        afx::io::disk::write_atomic(&self.out.join("knob_sweep.csv"), sweep.csv.as_bytes())?;
        save(SWEEP, &sweep.output)?;
        Ok(sweep)
    }
}

/// The settings of the demo's trainings: small batches, many steps, a rate that falls to nothing in the given time.
fn demo_config(minutes: f64) -> Config {
    let steps = ((minutes * STEPS_PER_MINUTE) as u64).max(20);
    Config {
        sequences: 40,
        frames: 2048,
        buffers: 12,
        warm_up: 2048,
        learning_rate: 6e-3,
        loss: LossKind::HybridPlain,
        schedule: Schedule::Cosine { last: 0.01 },
        steps,
        validate_every: (steps / 20).max(10),
        patience: 0,
        validation_part: 0.05,
        ..Config::default()
    }
}

/// All knob positions, drive-major.
pub(super) fn positions() -> Vec<(usize, usize)> {
    (0..POSITIONS.len()).flat_map(|d| (0..POSITIONS.len()).map(move |t| (d, t))).collect()
}

/// Place of a knob position in [`positions`].
pub(super) fn index(drive: usize, tone: usize) -> usize {
    drive * POSITIONS.len() + tone
}

/// Whether training sees the knob position.
pub(super) fn is_seen(position: &(usize, usize)) -> bool {
    !UNSEEN.contains(position)
}

/// What is played into the device.
struct Dry {
    sample_rate: u32,
    /// To learn from.
    train: Vec<f32>,
    /// To test on.
    test: Vec<f32>,
}

impl Dry {
    /// Plays or reads the guitar.
    ///
    /// # Errors
    /// When the file is no audio to learn from and to test on.
    fn new(input: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = input else {
            let rate = 48_000u32;
            let guitar = |seed, seconds: usize| GuitarPhrase::render::<f32>(seed, f64::from(rate), seconds * rate as usize);
            return Ok(Dry { sample_rate: rate, train: guitar(1, SECONDS.0)?, test: guitar(2, SECONDS.1)? });
        };
        let mut audio = wav::read(path)?;
        let seconds = audio.frames() / audio.sample_rate as usize;
        let bad = |expected: &str, found: &dyn std::fmt::Display| {
            Err(Error::new(format_args!("{}: audio: expected {expected}, found {found}", path.display())))
        };
        if seconds < SHORTEST_S {
            return bad("at least 8 s", &format_args!("{seconds} s"));
        }
        if audio.sample_rate < 8000 {
            return bad("a sample rate of at least 8000 Hz", &audio.sample_rate);
        }
        let mut train = audio.channels.swap_remove(0);
        let test = train.split_off(train.len() - train.len() / 5);
        for (part, place) in [(&train, "first four fifths, which it learns from"), (&test, "last fifth, which it is tested on")] {
            if part.iter().all(|v| v.abs() < 1e-3) {
                return bad(&format!("sound above -60 dBFS in the first channel's {place}"), &"silence");
            }
        }
        Ok(Dry { sample_rate: audio.sample_rate, train, test })
    }
}

/// Sends the guitar through the circuit at every knob position.
fn record(dry: Dry) -> Result<Recordings, Error> {
    let Dry { sample_rate, train: mut dry, test: mut test_dry } = dry;
    // A hot signal: an overdrive is there to be driven.
    let peak = dry.iter().chain(&test_dry).fold(0f32, |m, v| m.max(v.abs()));
    dry.iter_mut().chain(&mut test_dry).for_each(|v| *v *= PEAK / peak);
    let knobs: Vec<f64> = POSITIONS.iter().map(|p| f64::from(*p) / 4.0).collect();
    let rate = f64::from(sample_rate);
    // One task a drive position; the clipper is solved once for all tones.
    let grid = |x: &[f32]| -> Result<Vec<Vec<f32>>, Error> {
        let rows = knobs.par_iter().map(|drive| SynthOd::render_grid(x, rate, &[*drive], &knobs)).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().flatten().collect())
    };
    let (wet, test_wet) = (grid(&dry)?, grid(&test_dry)?);
    Ok(Recordings { sample_rate, dry, wet, test_dry, test_wet })
}

impl Recordings {
    /// What the models may learn from: the seen knob positions.
    fn dataset(&self) -> Dataset {
        let knobs = KNOBS.map(|name| Knob::new(name, POSITIONS[0], POSITIONS[4]));
        let shared: std::sync::Arc<[Vec<f32>]> = std::sync::Arc::new([self.dry.clone()]);
        let captures = positions().into_iter().zip(&self.wet).filter(|(p, _)| is_seen(p)).map(|((d, t), wet)| Capture {
            name: format!("drive {} tone {}", POSITIONS[d], POSITIONS[t]),
            split: None,
            controls: vec![POSITIONS[d], POSITIONS[t]],
            dry: shared.clone(),
            wet: vec![wet.clone()],
            lag: None,
            wet_file: None,
        });
        Dataset { sample_rate: self.sample_rate, knobs: knobs.to_vec(), captures: captures.collect() }
    }
}

impl Trained {
    /// Mean scores over the seen or the unseen knob positions.
    pub(super) fn mean(&self, seen: bool) -> Scores {
        let cells: Vec<&Scores> = positions().iter().zip(&self.cells).filter(|(p, _)| is_seen(p) == seen).map(|(_, s)| s).collect();
        Scores::mean(cells)
    }

    fn json(&self) -> serde_json::Value {
        let cells = positions().into_iter().zip(&self.cells);
        let cells = cells.map(|((d, t), s)| json!({"drive": POSITIONS[d], "tone": POSITIONS[t], "seen": is_seen(&(d, t)), "scores": s}));
        json!({
            "model": self.file.name,
            "parameters": self.file.parameters(),
            "seen_knobs": self.mean(true),
            "unseen_knobs": self.mean(false),
            "cells": cells.collect::<Vec<_>>(),
        })
    }
}

/// The metric table, seen and unseen knobs of each model side by side.
fn print_table(trained: &[Trained]) {
    crate::say_part!("{:<28}", "unseen audio");
    for model in trained {
        crate::say_part!("{:>24}{:>10}", model.file.name, "");
    }
    crate::say_part!("\n{:<28}", "");
    for _ in trained {
        crate::say_part!("{:>17}{:>17}", "seen knobs", "unseen knobs");
    }
    crate::say!();
    let columns: Vec<_> = trained.iter().flat_map(|m| [m.mean(true).rows(), m.mean(false).rows()]).collect();
    for (i, (name, _)) in columns[0].iter().enumerate() {
        crate::say_part!("{name:<28}");
        for column in &columns {
            crate::say_part!("{:>17}", column[i].1.map_or("-".into(), |v| format!("{v:.5}")));
        }
        crate::say!();
    }
    for model in trained {
        crate::say!("{}: {} parameters, {:.0} s", model.file.name, model.file.parameters(), model.seconds);
    }
}

/// The test audio while drive rises and tone swings.
pub(super) struct Sweep {
    pub csv: String,
    pub output: Vec<f32>,
}

impl Sweep {
    fn new(model: &ModelFile, recordings: &Recordings) -> Result<Self, Error> {
        let seconds = recordings.test_dry.len() as f64 / f64::from(recordings.sample_rate);
        let mut csv = String::from("time_s,drive,tone\n");
        for i in 0..(seconds * 50.0) as usize {
            let part = i as f64 / (seconds * 50.0);
            let tone = 2.0 - 2.0 * (4.0 * std::f64::consts::PI * part).cos();
            csv += &format!("{:.2},{:.4},{tone:.4}\n", i as f64 / 50.0, 4.0 * part);
        }
        let moves = Automation::parse(csv.as_bytes(), &model.knobs)?;
        let dry = Audio::mono(recordings.sample_rate, recordings.test_dry.clone());
        let mut output = render(model, &mut model.voice(1)?, &dry, &[0.0, 2.0], Some(&moves), 512);
        Ok(Sweep { csv, output: output.channels.swap_remove(0) })
    }
}
