//! What does a host at another sample rate cost, there and back?
//!
//! One channel in blocks of 64 frames of the host, around an effect that costs next to nothing; throughput is the host's samples.

use afx::core::{Channels, Processor};
use afx::dsp::{Gain, Resampled};
use afx_benches::noise;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn resample(c: &mut Criterion) {
    let mut group = c.benchmark_group("resampled, 64 frames");
    group.throughput(Throughput::Elements(64));
    let (x, mut y) = (noise(64, 1), noise(64, 1));
    for (outer_hz, inner_hz) in [(48_000, 48_000), (44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 96_000)] {
        let gain = Channels::new(Gain::new(f64::from(inner_hz), -60.0, 0.0).expect("levels in range"), 1);
        let mut effect = Resampled::new(gain, inner_hz, outer_hz, 1).expect("common rates");
        group.bench_function(format!("{outer_hz} Hz to {inner_hz} Hz"), |b| b.iter(|| effect.process(&[black_box(&x[..])], &mut [&mut y])));
    }
    group.finish();
}

criterion_group!(benches, resample);
criterion_main!(benches);
