//! Truncated back-propagation through time, buffer by buffer.

use crate::adam::{Adam, clip_norm};
use crate::draw::Draw;
use crate::{Config, Material, Schedule, TrainError};
use afx_core::{Adapter, Aligned, Conditioned, Differentiable, Layer, Role};
use afx_io::{Error, ErrorKind};
use afx_loss::Loss;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::time::Instant;

/// Sequences that one task handles; fixed, so that sums have the same order on any number of threads.
const GROUP: usize = 5;
/// Numbers of the gradient that one task sums.
const PART: usize = 4096;

/// Least power of a validation part, as a part of its whole recording's: at -30 dB and below it is a fade or a pause, whose error to signal
/// ratio would outweigh those of all other recordings.
const QUIET: f64 = 1e-3;

/// Trains a [`Conditioned`] model on recordings at several knob positions.
///
/// A batch is a number of sequences, each somewhere in some recording, at that recording's knob position. In each step every sequence
/// realises its own parameters, runs one buffer forward and backward, and sends the gradient of its parameters through the adapter; then
/// Adam moves the learnt numbers. The memory of a sequence is carried from buffer to buffer. The result is the same to the bit for the same
/// seed, whatever the number of threads.
///
/// The layer's first affine map must be linear in the input and its last one linear in the output, as in every model of `afx-models`: they
/// take up the recordings' level (see [`Trainer::best`]).
pub struct Trainer<L, A> {
    pub(crate) model: Conditioned<L, A>,
    /// What the caller says that the model is: see [`Trainer::specified`].
    pub(crate) spec: serde_json::Value,
    pub(crate) material: Material,
    pub(crate) config: Config,
    pub(crate) learnt: Vec<f32>,
    gradient: Vec<f32>,
    pub(crate) adam: Adam,
    pub(crate) draw: Draw,
    groups: Vec<Group>,
    pub(crate) progress: Progress,
    pub(crate) best: Vec<f32>,
}

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Optimiser steps done.
    pub step: u64,
    /// Mean loss of the steps since the last validation.
    pub loss: f64,
    /// Lowest validation ESR so far.
    pub best_esr: f64,
    /// Part of the first learning rate that plateaus have left.
    pub lowered: f64,
    /// Validations since the best one.
    pub stale: u32,
    /// Validations since the rate was last lowered or a better result seen.
    pub(crate) plateau: u32,
    /// Losses added up since the last validation, and how many.
    pub(crate) sum: (f64, u64),
}

/// What [`Trainer::run`] reports.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step was taken.
    Step {
        /// Its number, from 1.
        step: u64,
        /// Its loss.
        loss: f64,
        /// Norm of the gradient before clipping.
        gradient_norm: f64,
    },
    /// The model was validated.
    Validation {
        /// After this step.
        step: u64,
        /// Mean training loss since the last validation.
        loss: f64,
        /// Mean error to signal ratio over the recordings.
        esr: f64,
        /// Whether it is the best so far.
        best: bool,
        /// Learning rate of the last step.
        rate: f64,
        /// Seconds since this run began.
        seconds: f64,
        /// Frames of audio learnt from per second of this run.
        frames_per_second: f64,
    },
}

/// A place in a recording.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub track: usize,
    pub at: usize,
    /// Buffers left before it starts elsewhere.
    pub left: usize,
    pub state: Aligned<f32>,
    fresh: bool,
}

/// Some sequences, and room to work on one of them at a time.
struct Group {
    sequences: Vec<Sequence>,
    params: Aligned<f32>,
    dparams: Aligned<f32>,
    scratch: Vec<f32>,
    dlearnt: Vec<f32>,
    dcontrols: Vec<f32>,
    y: Vec<f32>,
    /// The output at the recordings' level.
    level: Vec<f32>,
    dy: Vec<f32>,
    tape: Aligned<f32>,
    loss: Box<dyn Loss<f32>>,
    value: f64,
    /// Scalar product of output and target; negative for a model upside down.
    together: f64,
    failed: Option<usize>,
}

impl<L: Differentiable<f32>, A: Adapter<f32>> Trainer<L, A> {
    /// A trainer at step 0, with first values from the seed.
    ///
    /// # Errors
    /// When a setting is out of range, the model is not mono, its parts do not fit one another, its knobs are not those of the recordings, or
    /// it cannot take up their level and [`Config::normalise`] wants it to.
    pub fn new(model: Conditioned<L, A>, material: Material, config: Config) -> Result<Self, TrainError> {
        config.check()?;
        let loss = config.loss.build(config.frames)?;
        Self::with_loss(model, material, config, loss)
    }

    /// [`Trainer::new`] with a loss of your own in place of [`Config::loss`]; it is evaluated on every sequence, and the batch's loss is the
    /// mean.
    ///
    /// A checkpoint does not know it: resume with the same, or let [`Trainer::specified`] say which it is, beside the model.
    ///
    /// # Errors
    /// As [`Trainer::new`], and when the loss cannot be computed for sequences of that length.
    pub fn with_loss(
        model: Conditioned<L, A>,
        mut material: Material,
        config: Config,
        mut loss: Box<dyn Loss<f32>>,
    ) -> Result<Self, TrainError> {
        config.check()?;
        loss.prepare(config.frames)?;
        if config.normalise {
            material.normalise();
        }
        if !model.layer.fits() {
            return Err(TrainError::Model("expected sizes above zero and parts that fit one another, found others".into()));
        }
        let (expected, found) = (model.layer.params_len(), model.adapter.layer_len());
        if expected != found {
            return Err(TrainError::Model(format!("expected an adapter for a layer of {expected} numbers, found one for {found}")));
        }
        if model.layer.inputs() != 1 || model.layer.outputs() != 1 {
            return Err(TrainError::Model(format!(
                "expected one input and one output, found {} and {}",
                model.layer.inputs(),
                model.layer.outputs()
            )));
        }
        for track in &material.tracks {
            let refuse = |kind, expected: String, found: usize| {
                Err(Error::new(kind, format_args!("recording {}", track.name), expected, found).into())
            };
            if track.controls.len() != model.adapter.controls() {
                return refuse(ErrorKind::Mismatch, format!("{} knobs", model.adapter.controls()), track.controls.len());
            }
            if !track.train.is_empty() && track.train.len() < 2 * config.frames {
                let expected = format!("at least {} frames to train on", 2 * config.frames);
                return refuse(ErrorKind::OutOfRange, expected, track.train.len());
            }
        }
        let mut draw = Draw::new(config.seed);
        let learnt = model.initialize(&mut || draw.uniform());
        let state = Aligned::zeros(model.layer.state_len());
        let sequence = |_| Sequence { track: 0, at: 0, left: 0, state: state.clone(), fresh: true };
        let groups = (0..config.sequences).collect::<Vec<_>>();
        let groups = groups.chunks(GROUP).map(|indices| Group {
            sequences: indices.iter().map(sequence).collect(),
            params: Aligned::zeros(model.layer.params_len()),
            dparams: Aligned::zeros(model.layer.params_len()),
            scratch: vec![0.0; model.adapter.scratch_len()],
            dlearnt: vec![0.0; learnt.len()],
            dcontrols: vec![0.0; model.adapter.controls()],
            y: vec![0.0; config.frames],
            level: vec![0.0; config.frames],
            dy: vec![0.0; config.frames],
            tape: Aligned::zeros(model.layer.tape_len(config.frames)),
            loss: loss.clone(),
            value: 0.0,
            together: 0.0,
            failed: None,
        });
        let groups = groups.collect();
        let progress = Progress { step: 0, loss: f64::NAN, best_esr: f64::INFINITY, lowered: 1.0, stale: 0, plateau: 0, sum: (0.0, 0) };
        let adam = Adam::new(learnt.len());
        let mut trainer = Trainer {
            model,
            spec: serde_json::Value::Null,
            material,
            config,
            gradient: vec![0.0; learnt.len()],
            best: learnt.clone(),
            learnt,
            adam,
            draw,
            groups,
            progress,
        };
        if trainer.config.normalise && !trainer.takes_up_levels() {
            let expected = "affine maps at its input and output, which take up the recordings' level, or `normalise = false`";
            return Err(TrainError::Model(format!("expected {expected}, found other numbers at their level")));
        }
        for i in 0..trainer.config.sequences {
            // Sequences end at different times from the start.
            let buffers = 1 + trainer.draw.below(trainer.config.buffers);
            trainer.place(i, buffers);
        }
        Ok(trainer)
    }

    /// Whether the model plays at the recordings' level what it plays in training, as it does not where its layer declares no affine map
    /// or has something before the first or after the last.
    fn takes_up_levels(&self) -> bool {
        let x = (0..256).map(|n| n as f32).map(|n| (0.01 * n + 0.004 * n * n).sin());
        let play = |learnt: &[f32], x: Vec<f32>| {
            let (mut params, mut scratch) = (Aligned::zeros(self.model.layer.params_len()), vec![0.0; self.model.adapter.scratch_len()]);
            let (mut state, mut y) = (Aligned::zeros(self.model.layer.state_len()), vec![0.0; x.len()]);
            self.model.adapter.realize(learnt, &vec![0.0; self.model.adapter.controls()], &mut scratch, &mut params);
            self.model.layer.reset(&params, &mut state);
            self.model.layer.process(&params, &mut state, &x, &mut y);
            y
        };
        let Material { input_gain, output_gain, .. } = self.material;
        let trained = play(&self.learnt, x.clone().collect());
        let played = play(&self.learnt(), x.map(|x| x / input_gain).collect());
        let largest = trained.iter().fold(0.0_f32, |m, y| m.max((output_gain * y).abs()));
        trained.iter().zip(&played).all(|(t, p)| (output_gain * t - p).abs() <= 1e-3 * largest)
    }

    /// Says what the model is, a `ModelSpec` or whatever describes it in JSON, so that a checkpoint tells it from another with the same
    /// tensors: two networks that differ in nothing but their activation.
    ///
    /// # Errors
    /// When JSON cannot hold it.
    pub fn specified(mut self, spec: &impl serde::Serialize) -> Result<Self, TrainError> {
        self.spec = serde_json::to_value(spec).map_err(|e| TrainError::Model(format!("expected a description for JSON, found {e}")))?;
        Ok(self)
    }

    /// The model being trained.
    pub fn model(&self) -> &Conditioned<L, A> {
        &self.model
    }
    /// The learnt numbers as they are now, for audio at the recordings' own level.
    pub fn learnt(&self) -> Vec<f32> {
        self.at_recorded_level(&self.learnt)
    }
    /// The learnt numbers of the best validation so far, the first values before any; for audio at the recordings' own level.
    pub fn best(&self) -> Vec<f32> {
        self.at_recorded_level(&self.best)
    }

    /// In training the input has an RMS of 1 and the output is multiplied by the recordings' RMS; the affine maps that read the input and the
    /// last one take up the difference.
    fn at_recorded_level(&self, learnt: &[f32]) -> Vec<f32> {
        let mut learnt = learnt.to_vec();
        let layout = self.model.layer.layout();
        for map in layout.input_maps() {
            self.model.adapter.rescale(&layout.tensors()[map.weight], self.material.input_gain, &mut learnt);
        }
        rescale_output(&self.model, self.material.output_gain, &mut learnt);
        learnt
    }
    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
    /// Frames per second of the recordings.
    pub fn sample_rate(&self) -> u32 {
        self.material.sample_rate
    }
    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.groups.iter().flat_map(|g| &g.sequences)
    }
    pub(crate) fn sequence_mut(&mut self, i: usize) -> &mut Sequence {
        &mut self.groups[i / GROUP].sequences[i % GROUP]
    }

    /// Puts sequence `i` somewhere, for at most `buffers` buffers.
    fn place(&mut self, i: usize, buffers: usize) {
        let frames = self.config.frames;
        let candidates = self.material.tracks.iter().filter(|t| !t.train.is_empty()).count();
        let chosen = self.draw.below(candidates);
        let track = self.material.tracks.iter().enumerate().filter(|(_, t)| !t.train.is_empty()).nth(chosen).map_or(0, |(i, _)| i);
        let range = self.material.tracks[track].train.clone();
        let at = range.start + self.draw.below(range.len() - frames + 1);
        let left = buffers.min((range.end - at) / frames);
        let sequence = self.sequence_mut(i);
        (sequence.track, sequence.at, sequence.left, sequence.fresh) = (track, at, left, true);
    }

    /// One optimiser step: every sequence one buffer forward and backward, clip, Adam.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] names the recording at which the loss was not a number; the learnt numbers are as before the step.
    pub fn step(&mut self) -> Result<Event, TrainError> {
        for i in 0..self.config.sequences {
            if self.sequence_mut(i).left == 0 {
                self.place(i, self.config.buffers);
            }
        }
        let (model, material, config, learnt) = (&self.model, &self.material, &self.config, &self.learnt);
        self.groups.par_iter_mut().for_each(|group| group.run(model, material, config, learnt));
        let step = self.progress.step + 1;
        if let Some(track) = self.groups.iter().find_map(|g| g.failed) {
            return Err(TrainError::NotFinite { step, name: self.material.tracks[track].name.clone() });
        }
        let groups = &self.groups;
        self.gradient.par_chunks_mut(PART).enumerate().for_each(|(part, sum)| {
            let range = part * PART..part * PART + sum.len();
            sum.copy_from_slice(&groups[0].dlearnt[range.clone()]);
            for group in &groups[1..] {
                afx_core::kernels::add_scaled(sum, 1.0, &group.dlearnt[range.clone()]);
            }
        });
        let loss = self.groups.iter().map(|g| g.value).sum::<f64>() / self.config.sequences as f64;
        let gradient_norm = clip_norm(&mut self.gradient, self.config.clip_norm);
        if !(loss.is_finite() && gradient_norm.is_finite()) {
            return Err(TrainError::NotFinite { step, name: self.material.tracks[self.groups[0].sequences[0].track].name.clone() });
        }
        let rate = self.rate();
        self.adam.step(rate, &mut self.learnt, &self.gradient);
        if self.config.mind_polarity && step.is_power_of_two() && self.groups.iter().map(|g| g.together).sum::<f64>() < 0.0 {
            rescale_output(&self.model, -1.0, &mut self.learnt);
            self.adam.forget();
        }
        self.progress.step = step;
        self.progress.sum.0 += loss;
        self.progress.sum.1 += 1;
        Ok(Event::Step { step, loss, gradient_norm })
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f64 {
        self.config.schedule.rate(self.config.learning_rate, self.progress.lowered, self.progress.step, self.config.steps)
    }

    /// Error to signal ratio of every recording's validation part as the model is now, by the recording's name. A part more than 30 dB below
    /// its recording counts as 30 dB below.
    pub fn errors(&self) -> Vec<(String, f64)> {
        self.errors_of(&self.learnt)
    }

    /// [`Trainer::errors`] of the model as it was at its best validation so far.
    pub fn best_errors(&self) -> Vec<(String, f64)> {
        self.errors_of(&self.best)
    }

    fn errors_of(&self, learnt: &[f32]) -> Vec<(String, f64)> {
        let tracks: Vec<_> = self.material.tracks.iter().filter(|t| !t.validation.is_empty()).collect();
        tracks.par_iter().map(|track| (track.name.clone(), self.track_error(learnt, track))).collect()
    }

    fn track_error(&self, learnt: &[f32], track: &crate::Track) -> f64 {
        let layer = &self.model.layer;
        let mut params = Aligned::zeros(layer.params_len());
        self.model.adapter.realize(learnt, &track.controls, &mut vec![0.0; self.model.adapter.scratch_len()], &mut params);
        let mut state = Aligned::zeros(layer.state_len());
        let start = track.validation.start.saturating_sub(self.config.warm_up);
        let mut y = vec![0.0; track.validation.end - start];
        layer.reset(&params, &mut state);
        layer.process(&params, &mut state, &track.dry()[start..track.validation.end], &mut y);
        let (prediction, target) = (&y[track.validation.start - start..], &track.wet()[track.validation.clone()]);
        let error: f64 = prediction.iter().zip(target).map(|(p, t)| f64::from(p * self.material.output_gain - t).powi(2)).sum();
        let energy: f64 = target.iter().map(|t| f64::from(*t).powi(2)).sum();
        error / energy.max(f64::max(1e-9, QUIET * track.power()) * target.len() as f64)
    }

    /// Validates, remembers the best numbers, and lowers the learning rate where the schedule says so.
    pub fn validate(&mut self, began: Instant, first_step: u64) -> Event {
        let errors = self.errors();
        let esr = errors.iter().map(|(_, e)| e).sum::<f64>() / errors.len().max(1) as f64;
        let rate = self.config.schedule.rate(
            self.config.learning_rate,
            self.progress.lowered,
            self.progress.step.saturating_sub(1),
            self.config.steps,
        );
        let p = &mut self.progress;
        p.loss = p.sum.0 / p.sum.1.max(1) as f64;
        p.sum = (0.0, 0);
        let best = esr < p.best_esr;
        if best {
            (p.best_esr, p.stale, p.plateau) = (esr, 0, 0);
            self.best.copy_from_slice(&self.learnt);
        } else {
            (p.stale, p.plateau) = (p.stale + 1, p.plateau + 1);
            if let Schedule::Plateau { factor, patience } = self.config.schedule
                && p.plateau > patience
            {
                p.lowered *= factor;
                p.plateau = 0;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let frames = (p.step - first_step) as f64 * (self.config.sequences * self.config.frames) as f64;
        Event::Validation { step: p.step, loss: p.loss, esr, best, rate, seconds, frames_per_second: frames / seconds.max(1e-9) }
    }

    /// Steps and validates until the last step, until patience ends, or until `observe` breaks.
    ///
    /// `observe` sees every event with the trainer as it is after it; what it saves there, [`Trainer::resume`] takes up to the bit.
    ///
    /// # Errors
    /// As [`Trainer::step`], and whatever `observe` returns.
    pub fn run(&mut self, mut observe: impl FnMut(&Self, &Event) -> Result<ControlFlow<()>, TrainError>) -> Result<(), TrainError> {
        let (began, first_step) = (Instant::now(), self.progress.step);
        let exhausted = |p: &Progress, c: &Config| c.patience > 0 && p.stale >= c.patience;
        // From the progress alone, so that a training put aside between a step and its validation begins with the validation.
        let due = |p: &Progress, c: &Config| p.sum.1 > 0 && (p.step.is_multiple_of(c.validate_every) || p.step >= c.steps);
        loop {
            let event = if due(&self.progress, &self.config) {
                self.validate(began, first_step)
            } else if self.progress.step < self.config.steps && !exhausted(&self.progress, &self.config) {
                self.step()?
            } else {
                return Ok(());
            };
            if observe(self, &event)?.is_break() {
                return Ok(());
            }
        }
    }
}

/// Multiplies the model's output by `factor`, in the layer's last affine map.
fn rescale_output<L: Layer<f32>, A: Adapter<f32>>(model: &Conditioned<L, A>, factor: f32, learnt: &mut [f32]) {
    let layout = model.layer.layout();
    if let Some(last) = layout.affine_maps().last().filter(|map| map.role == Role::Output) {
        for tensor in [Some(last.weight), last.bias].into_iter().flatten() {
            model.adapter.rescale(&layout.tensors()[tensor], factor, learnt);
        }
    }
}

impl Group {
    /// Forward, loss and backward of every sequence; leaves their mean gradient of the learnt numbers and the sum of the losses.
    fn run<L: Differentiable<f32>, A: Adapter<f32>>(
        &mut self,
        model: &Conditioned<L, A>,
        material: &Material,
        config: &Config,
        learnt: &[f32],
    ) {
        self.dlearnt.fill(0.0);
        (self.value, self.together, self.failed) = (0.0, 0.0, None);
        let scale = 1.0 / config.sequences as f32;
        for sequence in &mut self.sequences {
            let track = &material.tracks[sequence.track];
            model.adapter.realize(learnt, &track.controls, &mut self.scratch, &mut self.params);
            if sequence.fresh {
                model.layer.reset(&self.params, &mut sequence.state);
                let start = sequence.at.saturating_sub(config.warm_up).max(track.train.start);
                for x in track.dry()[start..sequence.at].chunks(config.frames) {
                    model.layer.process(&self.params, &mut sequence.state, x, &mut self.y[..x.len()]);
                }
                sequence.fresh = false;
            }
            let range = sequence.at..sequence.at + config.frames;
            let (x, target) = (&track.dry()[range.clone()], &track.wet()[range]);
            model.layer.forward(&self.params, &mut sequence.state, x, &mut self.y, &mut self.tape);
            let mean = self.y.iter().sum::<f32>() / self.y.len() as f32;
            self.together += self.y.iter().zip(target).map(|(y, t)| f64::from((y - mean) * t)).sum::<f64>();
            self.dy.fill(0.0);
            self.y.iter().zip(&mut self.level).for_each(|(y, l)| *l = y * material.output_gain);
            match self.loss.accumulate(&self.level, target, scale, Some(&mut self.dy)) {
                Ok(value) if value.is_finite() => self.value += f64::from(value),
                _ => self.failed = Some(sequence.track),
            }
            self.dy.iter_mut().for_each(|d| *d *= material.output_gain);
            self.dparams.fill(0.0);
            model.layer.backward(&self.params, x, &self.y, &mut self.tape, &self.dy, &mut [], &mut self.dparams);
            model.adapter.realize_backward(
                learnt,
                &track.controls,
                &mut self.scratch,
                &self.dparams,
                &mut self.dlearnt,
                &mut self.dcontrols,
            );
            sequence.at += config.frames;
            sequence.left -= 1;
        }
    }
}

impl Sequence {
    /// Takes up a place and a memory as they were saved.
    pub(crate) fn restore(&mut self, track: usize, at: usize, left: usize, fresh: bool, state: &[f32]) {
        (self.track, self.at, self.left, self.fresh) = (track, at, left, fresh);
        self.state.copy_from_slice(state);
    }
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }
}
