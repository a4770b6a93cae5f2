//! Orthonormal discrete cosine transform.

use core::f64::consts::PI;

use realfft::num_complex::Complex;

use crate::metrics::spectrum::whole_spectrum;

/// DCT-II with orthonormal scaling, `X_k = s_k Σ x_n cos(π k (2n + 1) / 2N)`, `s_0 = √(1/N)`, `s_k = √(2/N)`, of any length.
///
/// Even frames ascending then odd frames descending, one real transform, one rotation by a quarter sample (Makhoul 1980).
pub(super) fn dct_ii(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    if n == 0 {
        return Vec::new();
    }
    let folded: Vec<f64> = x.iter().step_by(2).chain(x.iter().skip(1).step_by(2).rev()).copied().collect();
    let half = whole_spectrum(&folded);
    (0..n)
        .map(|k| {
            // The upper half of a real signal's spectrum mirrors the lower.
            let z = if k < half.len() { half[k] } else { half[n - k].conj() };
            let scale = if k == 0 { (1.0 / n as f64).sqrt() } else { (2.0 / n as f64).sqrt() };
            scale * (z * Complex::from_polar(1.0, -PI * k as f64 / (2.0 * n as f64))).re
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_equals_the_reference() {
        let x: Vec<f64> = (0..8).map(|n| f64::from(n * n) / 10.0).collect();
        let expected = [4.949747468, -4.509626116, 1.261728812, -0.4714183606, 0.2828427125, -0.1406320326, 0.08966830583, -0.03549162593];
        for (found, expected) in dct_ii(&x).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "expected {expected}, found {found}"); // 10 printed digits
        }
    }

    #[test]
    fn the_transform_keeps_the_energy_at_odd_and_prime_lengths() {
        for n in [1, 2, 3, 45, 97] {
            let x: Vec<f64> = (0..n).map(|n| (f64::from(n) * 1.3).sin() + 0.2).collect();
            let energy = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>();
            assert!((energy(&dct_ii(&x)) - energy(&x)).abs() < 1e-12 * f64::from(n), "length {n}"); // rounding
        }
    }
}
