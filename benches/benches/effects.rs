//! What do echoes, modulation, dynamics, reverberation and a graphic equaliser cost?
//!
//! Noise in blocks of 64 frames, in one channel or in two where the name says so; the oscillators move. Throughput is frames.

use afx::core::{Mono, Processor};
use afx::dsp::filter::GraphicEq;
use afx::dsp::modulation::{ModulatedDelay, Phaser, Tremolo};
use afx::dsp::reverb::{FeedbackDelayNetwork, Freeverb, Plate};
use afx::dsp::{Compressor, Delay, DelayLine, Expander, GainComputer, Gate, Interpolation, Limiter, OptoCompressor, PingPong};
use afx_benches::{BLOCK, noise};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn effects(c: &mut Criterion) {
    let mut group = c.benchmark_group("effects, 64 frames");
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
    let effects: [(&str, Box<dyn Mono<f32>>); 10] = [
        ("delay", Box::new(delay())),
        ("delay on tape", Box::new(delay().on_tape())),
        ("chorus", Box::new(chorus())),
        ("chorus of three voices", Box::new(chorus().with_voices(3).expect("voices in range"))),
        ("flanger with a sinc", Box::new(ModulatedDelay::flanger(48e3).expect(rate).with_interpolation(Interpolation::Sinc))),
        ("phaser of six stages", Box::new(Phaser::new(48e3, 6).expect(rate))),
        ("tremolo", Box::new(Tremolo::new(48e3).expect(rate))),
        ("optical compressor", Box::new(OptoCompressor::new(48e3).expect(rate))),
        ("graphic equaliser of 31 bands", Box::new(GraphicEq::third_octaves(48e3).expect(rate))),
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

    let settings = "settings in range";
    let compressor = GainComputer { threshold_db: -20.0, ratio: 4.0, knee_db: 6.0 };
    let expander = Expander { threshold_db: -50.0, ratio: 10.0, knee_db: 6.0, range_db: 80.0 };
    let pairs: [(&str, Box<dyn Processor<f32>>); 8] = [
        ("ping-pong, two channels", Box::new(PingPong::new(48e3, 1000.0).expect("a time in range"))),
        ("compressor, two channels", Box::new(Compressor::new(48e3, compressor, 2).expect(settings))),
        ("gate, two channels", Box::new(Gate::new(48e3, expander, 2).expect(settings))),
        ("limiter, two channels", Box::new(Limiter::new(48e3, 1.5, 2).expect(settings))),
        ("network of 8 lines, two channels", Box::new(FeedbackDelayNetwork::<f32, 8>::new(48e3, 15.0, 50.0).expect(settings))),
        ("network of 16 lines, two channels", Box::new(FeedbackDelayNetwork::<f32, 16>::new(48e3, 15.0, 50.0).expect(settings))),
        ("plate, two channels", Box::new(Plate::new(48e3).expect(rate))),
        ("freeverb, two channels", Box::new(Freeverb::new(48e3).expect(rate))),
    ];
    let (mut left, mut right) = (x.clone(), x.clone());
    for (name, mut effect) in pairs {
        group.bench_function(name, |b| b.iter(|| effect.process(&[black_box(&x), &x], &mut [&mut left, &mut right])));
    }
    group.finish();
}

criterion_group!(benches, effects);
criterion_main!(benches);
