//! What does a turning knob cost?
//!
//! - What does a voice of a GRU-32, or of ten blocks of 16 channels, cost while a knob ramps, for each kind of conditioning? Against the voice at rest this is the price of
//!   realising new parameters once a block and moving them every few frames. `gru`, `tcn` and `gcn` have no knobs that act and stand for rest.
//! - What does one evaluation of the adapter cost on its own?
//!
//! Ramp: one iteration is `set_controls` and one block of 64 frames, mono, at 48 kHz. The knob runs up and down in 200 blocks (a quarter of a
//! second), so the glide of 30 ms never ends.

use afx::core::{Adapter, Aligned, Layer, Processor};
use afx::models::ModelSpec;
use afx_benches::{BLOCK, CONVOLUTIONAL, NAMES, noise, uniform, voice};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn ramp(c: &mut Criterion) {
    ramps(c, "gru 32, voice, a knob ramps", &NAMES, 32);
    ramps(c, "ten blocks of 16, voice, a knob ramps", &CONVOLUTIONAL, 16);
}

fn ramps(c: &mut Criterion, group: &str, names: &[&str], hidden: usize) {
    let mut group = c.benchmark_group(group);
    group.throughput(Throughput::Elements(BLOCK as u64));
    for name in names {
        let (mut voice, x, mut y) = (voice(name, hidden, 1), noise(BLOCK, 2), vec![0.0; BLOCK]);
        let mut block = 0u32;
        group.bench_function(*name, |b| {
            b.iter(|| {
                block = (block + 1) % 200;
                let triangle = (block as f32 - 100.0).abs() / 50.0 - 1.0;
                voice.set_controls(&[triangle, 0.3]);
                voice.process(&[black_box(&x[..])], &mut [black_box(&mut y[..])]);
            });
        });
    }
    group.finish();
}

fn realize(c: &mut Criterion) {
    let mut group = c.benchmark_group("gru 32, one knob position to parameters");
    for name in &NAMES[1..] {
        let model = ModelSpec::named(name, 32, 2).and_then(|spec| spec.build()).expect("a name and a size that the library knows");
        let learnt: Vec<f32> = model.initialize(&mut uniform(1));
        let mut scratch = vec![0.0; Adapter::<f32>::scratch_len(&model.adapter)];
        let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(&model.layer));
        let controls = [0.2, -0.7];
        group.bench_function(*name, |b| {
            b.iter(|| model.adapter.realize(&learnt, black_box(&controls), &mut scratch, black_box(&mut params)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = ramp, realize
}
criterion_main!(benches);
