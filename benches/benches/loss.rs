//! What does a batch of losses cost?
//!
//! - auraloss' default multi-resolution STFT loss on 8 x 131072 frames, value alone and with gradient, on two threads.
//! - PyNeuralFx' hybrid loss on 80 x 2048 frames, the batch of its training, value alone and with gradient, on one thread.
//!
//! One iteration is one batch; throughput is frames.

use afx::loss::pyneuralfx::HybridLoss;
use afx::loss::{Loss, MultiResolutionStft, batch_mean};
use afx_benches::noise;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main, measurement::WallTime};
use std::time::Duration;

/// `items` sequences of `frames`, split over `threads` threads with a loss of their own.
fn batch<L: Loss<f32> + Clone>(group: &mut BenchmarkGroup<'_, WallTime>, mut loss: L, items: usize, frames: usize, threads: usize) {
    loss.prepare(frames).expect("sequences that are long enough");
    let (p, y) = (noise(items * frames, 1), noise(items * frames, 2));
    let part = items / threads * frames;
    let mut shares: Vec<(L, Vec<f32>)> = (0..threads).map(|_| (loss.clone(), vec![0.0; part])).collect();
    group.throughput(Throughput::Elements((items * frames) as u64));
    for with_gradient in [false, true] {
        let name = if with_gradient { "with gradient" } else { "value" };
        group.bench_function(name, |b| {
            b.iter(|| {
                std::thread::scope(|scope| {
                    for ((loss, gradient), (p, y)) in shares.iter_mut().zip(p.chunks_exact(part).zip(y.chunks_exact(part))) {
                        let mut work = move || {
                            gradient.fill(0.0);
                            batch_mean(loss, frames, p, y, with_gradient.then_some(&mut gradient[..])).expect("lengths that agree")
                        };
                        if threads == 1 {
                            work();
                        } else {
                            scope.spawn(work);
                        }
                    }
                });
            });
        });
    }
}

fn losses(c: &mut Criterion) {
    let mut group = c.benchmark_group("multi-resolution STFT of auraloss, 8 x 131072, two threads");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    batch(&mut group, MultiResolutionStft::auraloss().expect("settings that are in range"), 8, 131_072, 2);
    group.finish();
    let mut group = c.benchmark_group("hybrid loss of PyNeuralFx, 80 x 2048, one thread");
    group.sample_size(20);
    batch(&mut group, HybridLoss::new(true).expect("settings that are in range"), 80, 2048, 1);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = losses
}
criterion_main!(benches);
