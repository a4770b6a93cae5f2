//! The hyperbolic tangent.

use super::{Curve, odd};
use afx_core::Scalar;
use core::f64::consts::{LN_2, PI};

/// `f = tanh`, `f1 = ln cosh`, and with `a = |x|`, `Li2` the dilogarithm: `f2 = ±(a^2 / 2 - a ln 2 + (pi^2 / 12 + Li2(-e^(-2 a))) / 2)`.
///
/// Written so that nothing overflows; `f1` and `f2` are good to 4e-16 (1 + themselves).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

/// `ln(1 + e^(-2 a))`
#[inline(always)]
fn excess(a: f64) -> f64 {
    num_traits::Float::ln_1p(Scalar::exp(-2.0 * a))
}

impl Curve for Tanh {
    #[inline]
    fn f(&self, x: f64) -> f64 {
        Scalar::tanh(x)
    }
    #[inline]
    fn f1(&self, x: f64) -> f64 {
        let a = x.abs();
        a - LN_2 + excess(a)
    }
    #[inline]
    fn f2(&self, x: f64) -> f64 {
        let a = x.abs();
        odd(a * (0.5 * a - LN_2) + 0.5 * (PI * PI / 12.0 + dilogarithm(excess(a))), x)
    }
}

/// `Li2(1 - e^l)` for `0 <= l <= ln 2`: Debye's series `-l - l^2 / 4 - sum B_2k l^(2k+1) / (2k+1)!` with Bernoulli's numbers.
///
/// Each term is at most `(l / 2 pi)^2 <= 1/82` of the one before it, and the first that is left out below 5e-19.
#[inline(always)]
fn dilogarithm(l: f64) -> f64 {
    /// `B_2k / (2k+1)!`
    const TERMS: [f64; 8] = [
        1.0 / 36.0,
        -1.0 / 3_600.0,
        1.0 / 211_680.0,
        -1.0 / 10_886_400.0,
        1.0 / 526_901_760.0,
        -691.0 / 16_999_766_784_000.0,
        1.0 / 1_120_863_744_000.0,
        -3_617.0 / 181_400_588_328_960_000.0,
    ];
    let q = l * l;
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| sum * q + term);
    -l - q * (0.25 + l * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dilogarithm_is_its_power_series() {
        for n in 0..=100 {
            let z = -f64::from(n) / 101.0;
            // the small terms first
            let sum = (1..4000).rev().fold(0.0, |sum, k| sum + z.powi(k) / f64::from(k * k));
            let found = dilogarithm((-z).ln_1p());
            assert!((found - sum).abs() < 4e-16, "{z}: {found} for {sum}"); // two roundings of numbers below 1
        }
        assert!((dilogarithm(LN_2) + PI * PI / 12.0).abs() < 2e-16);
    }

    #[test]
    fn the_second_antiderivative_has_its_published_values_and_is_odd() {
        let anchors = [
            (0.1, 0.000166500316712),
            (0.5, 0.02033592823035785),
            (1.0, 0.1525800937948993),
            (2.0, 1.015822931107174),
            (5.0, 9.445474914205088),
            (10.0, 43.47976171008203),
        ];
        for (x, expected) in anchors {
            let found = Tanh.f2(x);
            // what is promised, and half of the last digit of the first
            assert!((found - expected).abs() < 4e-16 * (1.0 + expected) + 5e-16, "{x}: {found} for {expected}");
            assert_eq!(Tanh.f2(-x), -found);
        }
        assert_eq!((Tanh.f1(1e13), Tanh.f2(-1e26)), (1e13 - LN_2, -0.5 * 1e26 * 1e26));
    }
}
