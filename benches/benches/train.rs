//! What does one optimiser step cost, for each kind of conditioning? For an LSTM, a plain RNN, a TCN, a GCN?
//!
//! 32 units with a dense head, or 16 channels in ten blocks, two knobs, a batch of 80 sequences of 2048 frames at 48 kHz, PyNeuralFx' hybrid loss: everything that
//! `Trainer::step` does, on as many threads as there are cores. Throughput is frames of audio learnt from; 163,840 frames are 3.41 s.

use afx::io::dataset::{Capture, Dataset, Knob};
use afx::models::ModelSpec;
use afx::train::{Config, Material, Trainer};
use afx_benches::{CONVOLUTIONAL, NAMES, noise};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::time::Duration;

/// Four corners of two knobs; half a second, or a little more than the batch's buffers need, each.
fn material(config: &Config) -> Material {
    let dry = noise(12 * config.frames, 4);
    let corner = |(drive, tone): (f32, f32)| {
        let mut last = 0.0;
        let wet = dry.iter().map(|x| {
            last += (0.3 + 0.6 * tone) * ((x * (1.0 + 9.0 * drive)).tanh() - last);
            last
        });
        Capture::mono(format!("drive {drive} tone {tone}"), vec![drive, tone], dry.clone(), wet.collect())
    };
    let captures = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)].map(corner).to_vec();
    let knobs = vec![Knob::new("drive", 0.0, 1.0), Knob::new("tone", 0.0, 1.0)];
    let data = Dataset { sample_rate: 48_000, knobs, captures };
    Material::new(&data, config.frames, config.validation_part).expect("recordings that are long enough")
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("one training step, 32 units or 16 channels, 80 x 2048, hybrid loss");
    let config = Config::default();
    group.throughput(Throughput::Elements((config.sequences * config.frames) as u64));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let material = material(&config);
    for name in NAMES.into_iter().chain(["static-hyper-lstm", "static-hyper-rnn", "dynamic-hyper-gru"]).chain(CONVOLUTIONAL) {
        let hidden = if name.ends_with("cn") { 16 } else { 32 };
        let model = ModelSpec::named(name, hidden, 2).and_then(|spec| spec.build()).expect("a name and a size that the library knows");
        let mut trainer = Trainer::new(model, material.clone(), config.clone()).expect("settings that are in range");
        group.bench_function(name, |b| b.iter(|| trainer.step().expect("a loss that is finite")));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = step
}
criterion_main!(benches);
