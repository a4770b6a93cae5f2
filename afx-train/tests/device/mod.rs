//! A device with one knob, and recordings of it.

use afx_core::Conditioned;
use afx_io::dataset::{Capture, Dataset, Knob};
use afx_models::{AnyAdapter, AnyLayer, ModelSpec};
use afx_train::{Config, Draw, LossKind, Material, Schedule, Trainer};

/// `y = 0.5 tanh((1 + 4 k) x)` behind a one-pole low-pass, at knob positions 0, 0.5 and 1.
pub fn recordings(frames: usize) -> Dataset {
    let captures = [0.0f32, 0.5, 1.0].map(|knob| {
        let mut draw = Draw::new(u64::from(knob.to_bits()));
        let (mut noise, mut low) = (0.0, 0.0);
        let dry: Vec<f32> = (0..frames)
            .map(|i| {
                noise = 0.9 * noise + 0.1 * draw.uniform() as f32;
                noise + 0.4 * (i as f32 * 0.03).sin() * (i as f32 * 0.0011).sin()
            })
            .collect();
        let wet = dry.iter().map(|x| {
            low += 0.4 * (0.5 * ((1.0 + 4.0 * knob) * x).tanh() - low);
            low
        });
        Capture::mono(format!("drive {knob}"), vec![knob], dry.clone(), wet.collect())
    });
    Dataset { sample_rate: 48_000, knobs: vec![Knob::new("drive", 0.0, 1.0)], captures: captures.to_vec() }
}

/// Small enough for a test, with sequences that end and start elsewhere every few steps.
pub fn config() -> Config {
    Config {
        sequences: 17,
        frames: 64,
        buffers: 3,
        warm_up: 32,
        learning_rate: 5e-3,
        loss: LossKind::Mse,
        schedule: Schedule::Plateau { factor: 0.5, patience: 0 },
        steps: 12,
        validate_every: 4,
        patience: 0,
        ..Config::default()
    }
}

/// A trainer of a named model on 2,000 frames a recording.
pub fn trainer(name: &str, hidden: usize, config: Config) -> Trainer<AnyLayer, AnyAdapter> {
    let model: Conditioned<_, _> = ModelSpec::named(name, hidden, 1).and_then(|spec| spec.build()).expect("a known name");
    let material = Material::new(&recordings(2000), config.frames, config.validation_part).expect("the recordings are sound");
    Trainer::new(model, material, config).expect("the settings are sound")
}
