//! Signals and checks that the test files share.
#![allow(unused)] // each test file uses a part

use afx_loss::{Loss, Sample};

pub const FS: f64 = 48000.0;
pub const N: usize = 16384;

fn sine(f: f64, n: f64) -> f64 {
    (2.0 * core::f64::consts::PI * f * n / FS).sin()
}

/// The reference target `y`.
pub fn target() -> Vec<f64> {
    (0..N).map(|n| n as f64).map(|n| sine(440.0, n) * (-n / 8000.0).exp()).collect()
}

/// The reference prediction `p`: gain, delay, a high tone and an offset.
pub fn prediction() -> Vec<f64> {
    let at = |n: f64| 0.9 * sine(440.0, n - 3.0) * (-n / 8000.0).exp() + 0.01 * sine(3000.0, n) + 0.002;
    (0..N).map(|n| at(n as f64)).collect()
}

pub fn single(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Uniform noise in ±½ from a linear congruential generator.
pub fn noise(n: usize, mut seed: u32) -> Vec<f64> {
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed) / f64::from(u32::MAX) - 0.5
        })
        .collect()
}

/// Value and gradient.
pub fn both<T: Sample>(loss: &mut dyn Loss<T>, p: &[T], y: &[T]) -> (T, Vec<T>) {
    let mut gradient = vec![T::ZERO; p.len()];
    let value = loss.evaluate(p, y, Some(&mut gradient)).unwrap();
    let alone = loss.evaluate(p, y, None).unwrap();
    let difference = afx_core::Scalar::abs(value - alone).to_f64();
    assert!(difference <= 1e-6 * value.to_f64().abs(), "value with gradient {value:?}, without {alone:?}"); // blocks are summed in another order
    (value, gradient)
}

#[track_caller]
pub fn close(what: &str, found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error <= relative, "{what}: expected {expected}, found {found}, relative error {error:.2e}");
}
