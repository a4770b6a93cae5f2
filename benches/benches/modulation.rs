//! What do echoes, moving delays, a phaser and a tremolo cost?
//!
//! One channel in blocks of 64 frames, but for the ping-pong, which has two; noise; the oscillators move. Throughput is frames.

use afx::core::{Mono, Processor};
use afx::dsp::modulation::{ModulatedDelay, Phaser, Tremolo};
use afx::dsp::{Delay, DelayLine, Interpolation, PingPong};
use afx_benches::{BLOCK, noise};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn modulation(c: &mut Criterion) {
    let mut group = c.benchmark_group("modulation, 64 frames");
    group.throughput(Throughput::Elements(BLOCK as u64));
    let x = noise(BLOCK, 1);

    for interpolation in [Interpolation::Linear, Interpolation::Lagrange, Interpolation::Sinc] {
        let mut line = DelayLine::new(4800, interpolation).expect("a length in range");
        let (mut block, mut frames) = (x.clone(), 100.0);
        group.bench_function(format!("a line read at {interpolation:?}"), |b| {
            b.iter(|| {
                for (y, x) in block.iter_mut().zip(black_box(&x)) {
                    frames = if frames < 4000.0 { frames + 0.01 } else { 100.0 };
                    *y = line.read_at(frames);
                    line.write(*x);
                }
            });
        });
    }

    let rate = "a sample rate in range";
    let chorus = || ModulatedDelay::chorus(48e3).expect(rate);
    let delay = || Delay::new(48e3, 1000.0).expect("a time in range");
    let effects: [(&str, Box<dyn Mono<f32>>); 8] = [
        ("delay", Box::new(delay())),
        ("delay on tape", Box::new(delay().on_tape())),
        ("chorus", Box::new(chorus())),
        ("chorus of three voices", Box::new(chorus().with_voices(3).expect("voices in range"))),
        ("flanger with a sinc", Box::new(ModulatedDelay::flanger(48e3).expect(rate).with_interpolation(Interpolation::Sinc))),
        ("phaser of six stages", Box::new(Phaser::new(48e3, 6).expect(rate))),
        ("tremolo", Box::new(Tremolo::new(48e3).expect(rate))),
        ("tremolo with a photocell", Box::new(Tremolo::new(48e3).expect(rate).with_photocell())),
    ];
    for (name, mut effect) in effects {
        let mut block = x.clone();
        group.bench_function(name, |b| {
            b.iter(|| {
                block.copy_from_slice(black_box(&x));
                effect.process_in_place(&mut block);
            });
        });
    }

    let mut ping_pong = PingPong::new(48e3, 1000.0).expect("a time in range");
    let (mut left, mut right) = (x.clone(), x.clone());
    group.bench_function("ping-pong", |b| b.iter(|| ping_pong.process(&[black_box(&x), &x], &mut [&mut left, &mut right])));
    group.finish();
}

criterion_group!(benches, modulation);
criterion_main!(benches);
