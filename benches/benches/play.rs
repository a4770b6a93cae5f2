//! What does playing cost while no knob moves?
//!
//! - What does a GRU of 8 to 64 with a dense head cost, as a layer? (20 and 40 fill no whole number of the widest vectors.) An LSTM, a plain RNN?
//!   One that a smaller one modulates?
//!   A TCN or GCN of ten blocks of 8 to 32 channels? A learnt compressor?
//! - What does a voice add to that, and does the kind of conditioning matter at rest? (It must not.)
//! - What does a second channel with the same weights cost?
//! - What does a cell cost at another sample rate than its own, frame by frame and by turns?
//!
//! One iteration is one block of 64 frames, mono, at 48 kHz: criterion prints the time per block and, as throughput, frames per second.
//! Divide the time by 64 for nanoseconds per sample; real time is 48 kelem/s.

use afx::core::{Aligned, Chain, Layer, Processor};
use afx::models::{Dense, DynamicHyper, Dynamics, Gcn, Gru, Lstm, Rnn, StateDelay, Tcn};
use afx_benches::{BLOCK, NAMES, noise, uniform, voice};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn layers(c: &mut Criterion) {
    layer(c, "gru", &[8, 16, 20, 32, 40, 64], |hidden| headed(Gru::new(1, hidden)));
    layer(c, "lstm", &[8, 16, 20, 32], |hidden| headed(Lstm::new(1, hidden)));
    layer(c, "rnn", &[8, 16, 20, 32], |hidden| headed(Rnn::new(1, hidden)));
    layer(c, "dynamic-hyper-gru", &[16, 32], |hidden| headed(DynamicHyper::gru(1, hidden)));
    layer(c, "dynamic-hyper-lstm", &[16, 32], |hidden| headed(DynamicHyper::lstm(1, hidden)));
    layer(c, "dynamics", &[1], |_| Dynamics);
    for (layer_hz, host_hz) in [(44_100, 48_000), (48_000, 96_000)] {
        let delayed = |hidden| StateDelay::new::<f32>(headed(Gru::new(1, hidden)), layer_hz, host_hz).expect("a cell and its head");
        layer(c, &format!("gru of {layer_hz} Hz at {host_hz} Hz"), &[8, 32], delayed);
    }
    layer(c, "tcn", &[8, 16, 24, 32], |channels| headed(Tcn::new(1, channels, 10, 3)));
    layer(c, "gcn", &[8, 16, 24, 32], |channels| Gcn::new(1, channels, 10, 3, 1));
}

/// A cell and a dense head.
fn headed<L: Layer<f32>>(cell: L) -> Chain<L, Dense> {
    let hidden = cell.outputs();
    Chain(cell, Dense::new(hidden, 1))
}

fn layer<L: Layer<f32>>(c: &mut Criterion, name: &str, sizes: &[usize], make: impl Fn(usize) -> L) {
    let mut group = c.benchmark_group(format!("{name} with its head, layer"));
    group.throughput(Throughput::Elements(BLOCK as u64));
    for &hidden in sizes {
        let layer = make(hidden);
        let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(&layer));
        layer.initialize(&mut uniform(1), &mut params);
        let mut state = Aligned::zeros(Layer::<f32>::state_len(&layer));
        layer.reset(&params, &mut state);
        let (x, mut y) = (noise(BLOCK, 2), vec![0.0; BLOCK]);
        group.bench_function(hidden.to_string(), |b| b.iter(|| layer.process(&params, &mut state, black_box(&x), black_box(&mut y))));
    }
    group.finish();
}

fn voices_at_rest(c: &mut Criterion) {
    let mut group = c.benchmark_group("gru 32, voice at rest");
    group.throughput(Throughput::Elements(BLOCK as u64));
    for name in NAMES {
        let (mut voice, x, mut y) = (voice(name, 32, 1), noise(BLOCK, 2), vec![0.0; BLOCK]);
        group.bench_function(name, |b| b.iter(|| voice.process(&[black_box(&x[..])], &mut [black_box(&mut y[..])])));
    }
    group.finish();
}

fn channels(c: &mut Criterion) {
    let mut group = c.benchmark_group("static-hyper-gru, voice at rest, channels");
    for hidden in [8, 16, 32, 64] {
        let (x0, x1, mut y0, mut y1) = (noise(BLOCK, 2), noise(BLOCK, 3), vec![0.0; BLOCK], vec![0.0; BLOCK]);
        group.throughput(Throughput::Elements(BLOCK as u64));
        let mut one = voice("static-hyper-gru", hidden, 1);
        group.bench_function(format!("{hidden}, one"), |b| b.iter(|| one.process(&[black_box(&x0[..])], &mut [black_box(&mut y0[..])])));
        let mut two = voice("static-hyper-gru", hidden, 2);
        group.bench_function(format!("{hidden}, two"), |b| {
            b.iter(|| two.process(&[black_box(&x0[..]), black_box(&x1[..])], &mut [black_box(&mut y0[..]), black_box(&mut y1[..])]));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = layers, voices_at_rest, channels
}
criterion_main!(benches);
