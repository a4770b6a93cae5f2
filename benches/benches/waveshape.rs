//! What does antiderivative antialiasing cost over the plain curve?
//!
//! One channel in blocks of 64 frames, noise that the curve limits; throughput is samples.

use afx::dsp::waveshape::{Adaa, Cubic, Curve, Diodes, HardClip, Tanh, Waveshaper};
use afx_benches::noise;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn bench(c: &mut Criterion, name: &str, curve: impl Curve + Copy) {
    let mut group = c.benchmark_group(format!("waveshaper {name}, 64 frames"));
    group.throughput(Throughput::Elements(64));
    let (x, mut block) = (noise(64, 1), noise(64, 1));
    for adaa in [Adaa::Off, Adaa::First, Adaa::Second] {
        let mut shaper = Waveshaper::new(curve, adaa, 48e3).expect("a sample rate in range");
        shaper.set_drive_db(20.0);
        shaper.reset();
        group.bench_function(format!("{adaa:?}"), |b| b.iter(|| shaper.process(black_box(&x), &mut block)));
    }
    group.finish();
}

fn waveshape(c: &mut Criterion) {
    bench(c, "hard", HardClip);
    bench(c, "tanh", Tanh);
    bench(c, "cubic", Cubic);
    bench(c, "diodes", Diodes);
}

criterion_group!(benches, waveshape);
criterion_main!(benches);
