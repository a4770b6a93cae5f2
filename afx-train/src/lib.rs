#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! Truncated back-propagation through time for knob-conditioned audio effect models.
//!
//! [`Material`] holds recordings at several knob positions, [`Config`] the settings, [`Trainer`] the rest: a batch of sequences at
//! different knob positions, memory carried from buffer to buffer, gradients by the hand-written derivatives of `afx-core`'s
//! [`Differentiable`](afx_core::Differentiable), Adam, validation, checkpoints that resume to the bit.
//!
//! ```
//! use afx_io::dataset::{Capture, Dataset, Knob};
//! use afx_models::ModelSpec;
//! use afx_train::{Config, Event, Material, Trainer};
//!
//! // An effect with one knob: gain 0.5 to 1.5. Real data comes from `Dataset::open`.
//! let dry: Vec<f32> = (0..20_000).map(|i| 0.5 * (i as f32 * 0.05).sin()).collect();
//! let captures = [0.0, 1.0].map(|k| Capture::mono(format!("gain {k}"), vec![k], dry.clone(), dry.iter().map(|x| x * (0.5 + k)).collect()));
//! let data = Dataset { sample_rate: 48_000, knobs: vec![Knob::new("gain", 0.0, 1.0)], captures: captures.to_vec() };
//!
//! let config = Config { sequences: 4, frames: 2048, steps: 4, validate_every: 2, ..Config::default() };
//! let material = Material::new(&data, config.frames, config.validation_part)?;
//! let model = ModelSpec::named("static-hyper-gru", 8, 1)?.build()?;
//! let mut trainer = Trainer::new(model, material, config)?;
//! trainer.run(|_, event| {
//!     if let Event::Validation { step, esr, .. } = event {
//!         println!("step {step}: ESR {esr:.4}");
//!     }
//!     Ok(std::ops::ControlFlow::Continue(()))
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod checkpoint;
mod config;
mod draw;
mod error;
mod identity;
mod material;
mod trainer;

pub use adam::{Adam, clip_norm};
pub use config::{Config, LossKind, Schedule};
pub use draw::Draw;
pub use error::TrainError;
pub use material::{Material, Track};
pub use trainer::{Event, Progress, Trainer};
