//! What does an impulse response cost, from a short cabinet to a reverberation of five seconds?
//!
//! One channel at 48 kHz in blocks of 64 frames; throughput is samples.

use afx::dsp::Convolver;
use afx_benches::noise;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn convolve(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolver, 64 frames");
    group.throughput(Throughput::Elements(64));
    let mut block = noise(64, 1);
    for taps in [128, 1024, 8192, 48_000, 240_000] {
        let response: Vec<f32> = noise(taps, 2).iter().enumerate().map(|(n, h)| h * (-7.0 * n as f32 / taps as f32).exp()).collect();
        let mut convolver = Convolver::new(&response).expect("taps that are numbers");
        let x = block.clone();
        group.bench_function(format!("{taps} taps"), |b| b.iter(|| convolver.process(black_box(&x), &mut block)));
    }
    group.finish();
}

criterion_group!(benches, convolve);
criterion_main!(benches);
