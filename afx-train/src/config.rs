//! The settings of a training.

use crate::TrainError;
use afx_loss::{Combined, Dc, Esr, Filter, Loss, Mae, Mse, MultiResolutionStft, Prefiltered, pyneuralfx};
use serde::{Deserialize, Serialize};

/// Settings of a training; every field has a default, so a TOML file names only what differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Sequences in a batch.
    pub sequences: usize,
    /// Frames of a sequence between two optimiser steps: the length of truncated back-propagation through time. With all
    /// sequences at most 2^24.
    pub frames: usize,
    /// Buffers that a sequence runs on, its memory carried along, before it starts elsewhere.
    pub buffers: usize,
    /// Frames before the start of a sequence that set its memory without counting in the loss.
    pub warm_up: usize,
    /// First learning rate of Adam.
    pub learning_rate: f64,
    /// Longest gradient, Euclidean; longer ones are scaled down. Infinity never scales; JSON, which has no infinity, says `"inf"`.
    #[serde(with = "or_infinite")]
    pub clip_norm: f64,
    /// What is made small.
    pub loss: LossKind,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Most optimiser steps.
    pub steps: u64,
    /// Steps from one validation to the next.
    pub validate_every: u64,
    /// Validations without a better result after which training stops; 0 never stops early.
    pub patience: u32,
    /// Part of every recording, at its end, that is kept for validation, where the data set does not say.
    pub validation_part: f64,
    /// Whether the model sees dry audio at an RMS of 1 and its output is brought to the wet audio's RMS; the outer affine maps take that up
    /// when the numbers are read. Off, it learns at the recordings' level.
    pub normalise: bool,
    /// Whether a model whose output opposes the recordings is turned over; looked at after 1, 2, 4, 8 ... steps. Spectral losses do not hear
    /// polarity: they drive a model that begins upside down to full level, into a valley with no way out.
    pub mind_polarity: bool,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sequences: 80,
            frames: 2048,
            buffers: 24,
            warm_up: 2048,
            learning_rate: 4e-3,
            clip_norm: 3.0,
            loss: LossKind::Hybrid,
            schedule: Schedule::Plateau { factor: 0.5, patience: 4 },
            steps: 20_000,
            validate_every: 250,
            patience: 12,
            validation_part: 0.1,
            normalise: true,
            mind_polarity: true,
            seed: 1223,
        }
    }
}

/// A number that may be infinite, in formats that have no infinity as well.
mod or_infinite {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number or \"inf\"")]
    enum Given {
        Number(f64),
        Word(String),
    }

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if *value == f64::INFINITY { serializer.serialize_str("inf") } else { serializer.serialize_f64(*value) }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Given::deserialize(deserializer)? {
            Given::Number(value) => Ok(value),
            Given::Word(word) if word == "inf" => Ok(f64::INFINITY),
            Given::Word(word) => Err(D::Error::custom(format_args!("expected a number or \"inf\", found {word:?}"))),
        }
    }
}

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", from = "GivenSchedule")]
pub enum Schedule {
    /// Stays.
    Constant,
    /// Times `factor` after more than `patience` validations without a better result.
    Plateau {
        /// Below 1.
        factor: f64,
        /// Validations.
        patience: u32,
    },
    /// Half a cosine down to `last` times the first rate at the last step, after a twentieth of the steps of linear rise.
    Cosine {
        /// Part of the first rate that is left.
        last: f64,
    },
}

/// A [`Schedule`] as it is read: serde refuses unknown names beside a tag only where every variant has braces.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum GivenSchedule {
    Constant {},
    Plateau { factor: f64, patience: u32 },
    Cosine { last: f64 },
}

impl From<GivenSchedule> for Schedule {
    fn from(given: GivenSchedule) -> Self {
        match given {
            GivenSchedule::Constant {} => Schedule::Constant,
            GivenSchedule::Plateau { factor, patience } => Schedule::Plateau { factor, patience },
            GivenSchedule::Cosine { last } => Schedule::Cosine { last },
        }
    }
}

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// MAE + 0.1 multi-resolution STFT behind a DC blocker: PyNeuralFx' and the HyperRNN poster's.
    Hybrid,
    /// The same without the filter.
    HybridPlain,
    /// Mean absolute error.
    Mae,
    /// Mean squared error.
    Mse,
    /// Error to signal ratio behind a pre-emphasis of 0.85, and a quarter of the DC loss: Wright's.
    EsrDc,
    /// MAE and auraloss' multi-resolution STFT.
    MaeStft,
}

impl LossKind {
    /// The loss, ready for sequences of `frames`.
    ///
    /// # Errors
    /// When the sequences are too short for it.
    pub fn build(self, frames: usize) -> Result<Box<dyn Loss<f32>>, TrainError> {
        let mut loss: Box<dyn Loss<f32>> = match self {
            LossKind::Hybrid => Box::new(pyneuralfx::HybridLoss::new(true)?),
            LossKind::HybridPlain => Box::new(pyneuralfx::HybridLoss::new(false)?),
            LossKind::Mae => Box::new(Mae),
            LossKind::Mse => Box::new(Mse),
            LossKind::EsrDc => {
                Box::new(Combined::new().with(0.75, Prefiltered::new(Filter::high_pass(0.85)?, Esr::default())).with(0.25, Dc::default()))
            }
            LossKind::MaeStft => Box::new(Combined::new().with(1.0, Mae).with(0.1, MultiResolutionStft::auraloss()?)),
        };
        loss.prepare(frames)?;
        Ok(loss)
    }
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// Naming the first one out of range.
    pub fn check(&self) -> Result<(), TrainError> {
        let refuse =
            |field, expected, found: &dyn core::fmt::Display| Err(TrainError::Config { field, expected, found: found.to_string() });
        if !(1..=4096).contains(&self.sequences) {
            return refuse("sequences", "1 to 4096", &self.sequences);
        }
        if !(16..=1 << 20).contains(&self.frames) {
            return refuse("frames", "16 to 1048576", &self.frames);
        }
        // A hundred times the default: beyond, the tapes of a step take gigabytes.
        if self.sequences * self.frames > 1 << 24 {
            return refuse("sequences * frames", "at most 16777216", &(self.sequences * self.frames));
        }
        if self.buffers == 0 {
            return refuse("buffers", "at least 1", &self.buffers);
        }
        if self.warm_up > 1 << 20 {
            return refuse("warm_up", "at most 1048576", &self.warm_up);
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse("learning_rate", "more than 0, at most 1", &self.learning_rate);
        }
        if self.clip_norm.is_nan() || self.clip_norm <= 0.0 {
            return refuse("clip_norm", "a positive number", &self.clip_norm);
        }
        if self.steps == 0 || self.validate_every == 0 {
            return refuse("steps and validate_every", "at least 1", &self.steps.min(self.validate_every));
        }
        if !(0.0..=0.9).contains(&self.validation_part) {
            return refuse("validation_part", "0 to 0.9", &self.validation_part);
        }
        match self.schedule {
            Schedule::Plateau { factor, .. } if !(factor > 0.0 && factor < 1.0) => refuse("schedule.factor", "between 0 and 1", &factor),
            Schedule::Cosine { last } if !(0.0..=1.0).contains(&last) => refuse("schedule.last", "0 to 1", &last),
            _ => Ok(()),
        }
    }
}

impl Schedule {
    /// The rate of step `step` of `steps`, where plateaus have lowered it to `lowered` times the first.
    pub fn rate(&self, first: f64, lowered: f64, step: u64, steps: u64) -> f64 {
        match *self {
            Schedule::Constant => first,
            Schedule::Plateau { .. } => first * lowered,
            Schedule::Cosine { last } => {
                let rise = (steps as f64 / 20.0).max(1.0);
                let (step, steps) = (step as f64, (steps as f64).max(rise + 1.0));
                if step < rise {
                    return first * (step + 1.0) / rise;
                }
                let part = ((step - rise) / (steps - rise)).min(1.0);
                first * (last + (1.0 - last) * 0.5 * (1.0 + (core::f64::consts::PI * part).cos()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_can_be_built_for_the_default_buffer() {
        for kind in [LossKind::Hybrid, LossKind::HybridPlain, LossKind::Mae, LossKind::Mse, LossKind::EsrDc, LossKind::MaeStft] {
            assert!(kind.build(2048).is_ok(), "{kind:?}");
        }
        assert!(LossKind::Hybrid.build(100).is_err());
    }

    #[test]
    fn the_cosine_rises_and_falls() {
        let schedule = Schedule::Cosine { last: 0.01 };
        let rate = |step| schedule.rate(1.0, 1.0, step, 1000);
        assert!(rate(0) < 0.05 && (rate(50) - 1.0).abs() < 1e-9 && (rate(1000) - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_longest_gradient_may_be_infinite_in_json() {
        let config = Config { clip_norm: f64::INFINITY, ..Config::default() };
        config.check().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains("\"clip_norm\":\"inf\""), "{text}");
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<Config>("{\"clip_norm\": 2}").unwrap().clip_norm, 2.0);
        for refused in ["\"large\"", "null", "[1]"] {
            let error = serde_json::from_str::<Config>(&format!("{{\"clip_norm\": {refused}}}")).unwrap_err().to_string();
            assert!(error.contains("a number or \"inf\""), "{error}");
        }
    }

    #[test]
    fn every_schedule_is_read_as_it_is_written_and_takes_no_other_name() {
        for schedule in [Schedule::Constant, Schedule::Plateau { factor: 0.3, patience: 2 }, Schedule::Cosine { last: 0.01 }] {
            let text = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
            let error = serde_json::from_str::<Schedule>(&text.replace('{', "{\"bogus\":3,")).unwrap_err().to_string();
            assert!(error.contains("unknown field `bogus`"), "{error}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let error = Config { frames: 3, ..Config::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "config: frames: expected 16 to 1048576, found 3");
        let error = Config { sequences: 4096, frames: 4097, ..Config::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "config: sequences * frames: expected at most 16777216, found 16781312");
    }
}
