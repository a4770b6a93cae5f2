//! What does one evaluation of a loss cost? Prints milliseconds per batch; minimum of several runs, one thread unless said.
//!
//! `cargo run --release -p afx-loss --example loss_speed`

use afx_loss::pyneuralfx::{HybridLoss, MrStftLoss, SCALES};
use afx_loss::{Esr, Filter, Loss, Mae, MultiResolution, MultiResolutionStft, Prefiltered, batch_mean};
use std::time::Instant;

fn noise(n: usize, mut seed: u32) -> Vec<f32> {
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed as f32 / u32::MAX as f32 - 0.5
        })
        .collect()
}

fn minimum_ms(runs: usize, mut work: impl FnMut()) -> f64 {
    work();
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

fn report(name: &str, items: usize, frames: usize, mut loss: Box<dyn Loss<f32>>) {
    let (p, y) = (noise(items * frames, 1), noise(items * frames, 2));
    let mut g = vec![0.0; items * frames];
    let forward = minimum_ms(10, || {
        batch_mean(&mut loss, frames, &p, &y, None).expect("the lengths agree");
    });
    let both = minimum_ms(10, || {
        batch_mean(&mut loss, frames, &p, &y, Some(&mut g)).expect("the lengths agree");
    });
    println!("{name:<44} {items:>3} x {frames:<7} forward {forward:8.2} ms, with gradient {both:8.2} ms");
}

fn two_threads(name: &str, frames: usize, loss: &MultiResolutionStft<f32>) {
    let (p, y) = (noise(4 * frames, 1), noise(4 * frames, 2));
    let mut state = [(loss.clone(), vec![0.0; 4 * frames]), (loss.clone(), vec![0.0; 4 * frames])];
    for with_gradient in [false, true] {
        let ms = minimum_ms(5, || {
            std::thread::scope(|scope| {
                for (loss, g) in &mut state {
                    let (p, y) = (&p, &y);
                    scope.spawn(move || batch_mean(loss, frames, p, y, with_gradient.then_some(&mut g[..])));
                }
            });
        });
        println!("{name:<44} 8 x {frames}, 2 threads, gradient {with_gradient}: {ms:.2} ms");
    }
}

fn main() -> Result<(), afx_loss::LossError> {
    report("MAE", 80, 2048, Box::new(Mae));
    report("ESR behind DC pre-emphasis", 80, 2048, Box::new(Prefiltered::new(Filter::dc_pre_emphasis(), Esr::default())));
    for scale in SCALES {
        report(&format!("PyNeuralFx power STFT {scale}"), 80, 2048, Box::new(MrStftLoss::power(&[scale])?));
    }
    report("PyNeuralFx HybridLoss, no pre-emphasis", 80, 2048, Box::new(HybridLoss::new(false)?));
    report("PyNeuralFx HybridLoss", 80, 2048, Box::new(HybridLoss::new(true)?));
    report("multi-resolution STFT", 2, 131_072, Box::new(MultiResolutionStft::new()?));
    two_threads("multi-resolution STFT", 131_072, &MultiResolution::new()?);
    two_threads("multi-resolution STFT, auraloss' floor", 131_072, &MultiResolution::auraloss()?);
    Ok(())
}
