//! What does a WaveNet cost?
//!
//! - At rest, in the sizes of Neural Amp Modeler, in blocks of 64 frames?
//! - A model of the largest with two knobs: as a voice at rest, with a new knob position every block, and for one step of the optimiser?
//!
//! Divide the time of a block by 64 for nanoseconds per sample; real time is 48 kelem/s. A step is 80 sequences of 2048 frames.

use afx::core::{Aligned, Layer, Processor};
use afx::io::dataset::{Capture, Dataset, Knob};
use afx::models::{ModelSpec, WaveNet};
use afx::train::{Config, Material, Trainer};
use afx_benches::{BLOCK, noise, uniform, voice};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("wavenet, layer");
    group.throughput(Throughput::Elements(BLOCK as u64));
    let a1 =
        [("A1 standard", 16), ("A1 lite", 12), ("A1 feather", 8), ("A1 nano", 4)].map(|(name, size)| (name, WaveNet::a1(size, size / 2)));
    for (name, layer) in a1.into_iter().chain([("A2 full", WaveNet::a2(8)), ("A2 lite", WaveNet::a2(3))]) {
        let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(&layer));
        layer.initialize(&mut uniform(1), &mut params);
        let mut state = Aligned::zeros(Layer::<f32>::state_len(&layer));
        layer.settle(&params, &mut state);
        let (x, mut y) = (noise(BLOCK, 2), vec![0.0; BLOCK]);
        group.bench_function(name, |b| b.iter(|| layer.process(&params, &mut state, black_box(&x), black_box(&mut y))));
    }
    group.finish();
}

fn voices(c: &mut Criterion) {
    let mut group = c.benchmark_group("concat-wavenet of 16 channels, voice");
    group.throughput(Throughput::Elements(BLOCK as u64));
    let (x, mut y) = (noise(BLOCK, 2), vec![0.0; BLOCK]);
    let mut still = voice("concat-wavenet", 16, 1);
    group.bench_function("at rest", |b| b.iter(|| still.process(&[black_box(&x[..])], &mut [black_box(&mut y[..])])));
    let (mut moving, mut at) = (voice("concat-wavenet", 16, 1), 0.5);
    group.bench_function("a new knob position every block", |b| {
        b.iter(|| {
            at = -at;
            moving.set_controls(&[at, 0.0]);
            moving.process(&[black_box(&x[..])], &mut [black_box(&mut y[..])]);
        });
    });
    group.finish();
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("one training step, 80 x 2048, hybrid loss");
    let config = Config::default();
    group.throughput(Throughput::Elements((config.sequences * config.frames) as u64));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let dry = noise(12 * config.frames, 4);
    let corner = |(drive, tone): (f32, f32)| {
        let wet = dry.iter().map(|x| (x * (1.0 + 9.0 * drive) + tone).tanh());
        Capture::mono(format!("drive {drive} tone {tone}"), vec![drive, tone], dry.clone(), wet.collect())
    };
    let captures = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)].map(corner).to_vec();
    let knobs = vec![Knob::new("drive", 0.0, 1.0), Knob::new("tone", 0.0, 1.0)];
    let data = Dataset { sample_rate: 48_000, knobs, captures };
    let material = Material::new(&data, config.frames, config.validation_part).expect("recordings that are long enough");
    let model = ModelSpec::named("concat-wavenet", 16, 2).and_then(|spec| spec.build()).expect("a name and a size that the library knows");
    let mut trainer = Trainer::new(model, material, config).expect("settings that are in range");
    group.bench_function("concat-wavenet of 16 channels", |b| b.iter(|| trainer.step().expect("a loss that is finite")));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = layers, voices, step
}
criterion_main!(benches);
