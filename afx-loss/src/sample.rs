//! The number a loss computes with.

use afx_core::Scalar;
use realfft::{ComplexToReal, FftNum, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// A real number with Fourier transforms: `f32` or `f64`.
///
/// The arithmetic is [`Scalar`]'s, so that every loop of this crate runs with the widest vector instructions the machine
/// has ([`Scalar::dispatch`]) without a compiler flag.
pub trait Sample: Scalar + FftNum {
    /// The nearest representable value; [`Scalar::from_f64`] under a name that no supertrait shares.
    #[inline(always)]
    fn of(value: f64) -> Self {
        <Self as Scalar>::from_f64(value)
    }

    /// The larger of the two; `self` where `other` is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// Square root, one instruction.
    fn root(self) -> Self;

    /// Natural logarithm of a positive, normal number, in a form that the compiler can put into vector lanes.
    ///
    /// `f64` calls the system's logarithm. `f32` splits `x = 2^e m` with `m` in `[√½, √2)` and takes a polynomial of degree
    /// 8 in `m - 1`: absolute error at most 3e-7 + 1 ulp of the result, tested over all exponents. Zero, subnormal and
    /// negative numbers are outside of its domain: put a floor under the argument. Infinity and NaN give NaN.
    fn fast_ln(self) -> Self;

    /// Plans the real transforms of `frames`, forward and back; `frames` is at least 1.
    ///
    /// A method of the two types, so that the transforms are compiled in this crate and not again in every crate that uses it.
    fn plan(frames: usize) -> RealTransforms<Self>;

    /// -1, 0 or 1; zero for zero, which is the subgradient that every absolute value of this crate takes.
    #[inline(always)]
    fn sign(self) -> Self {
        if self > Self::ZERO {
            Self::ONE
        } else if self < Self::ZERO {
            -Self::ONE
        } else {
            Self::ZERO
        }
    }
}

/// A forward and an inverse real Fourier transform.
pub type RealTransforms<T> = (Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>);

impl Sample for f64 {
    fn plan(frames: usize) -> RealTransforms<f64> {
        let mut planner = RealFftPlanner::new();
        (planner.plan_fft_forward(frames), planner.plan_fft_inverse(frames))
    }
    #[inline(always)]
    fn root(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn fast_ln(self) -> f64 {
        f64::ln(self)
    }
}

impl Sample for f32 {
    fn plan(frames: usize) -> RealTransforms<f32> {
        let mut planner = RealFftPlanner::new();
        (planner.plan_fft_forward(frames), planner.plan_fft_inverse(frames))
    }

    #[inline(always)]
    fn root(self) -> f32 {
        f32::sqrt(self)
    }

    #[inline(always)]
    fn fast_ln(self) -> f32 {
        /// `ln(1 + t) ≈ t - t²/2 + t³ P(t)`; least-squares fit on `[√½ - 1, √2 - 1]`, highest power first.
        const P: [f32; 9] = [
            6.745086610e-02,
            -1.179129034e-01,
            1.195584387e-01,
            -1.238948405e-01,
            1.420694739e-01,
            -1.666853726e-01,
            2.000286281e-01,
            -2.500000894e-01,
            3.333329856e-01,
        ];
        const HALF_ROOT_BITS: u32 = 0x3F35_04F3; // √½: the mantissa is taken from [√½, √2), so that t is small around x = 1
        let shifted = self.to_bits().wrapping_sub(HALF_ROOT_BITS);
        let exponent = (shifted as i32) >> 23;
        let t = f32::from_bits((shifted & 0x007F_FFFF).wrapping_add(HALF_ROOT_BITS)) - 1.0;
        let mut p = P[0];
        for c in &P[1..] {
            p = p * t + c;
        }
        let e = exponent as f32;
        // ln 2 in two parts: the first has nine trailing zero bits, so e times it is exact.
        let low = t * t * (t * p - 0.5) + e * -2.121_944_4e-4;
        // 0 x is zero for a finite number, NaN otherwise.
        (t + low) + e * 0.693_359_375 + self * 0.0
    }
}

/// Noise within ±0.5 for the tests of this crate: the same for the same seed.
#[cfg(test)]
pub(crate) fn noise(n: usize, mut seed: u32) -> Vec<f64> {
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed) / f64::from(u32::MAX) - 0.5
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn the_logarithm_of_f32_keeps_its_stated_error() {
        let mut worst = 0.0f64;
        for exponent in -126..=127 {
            for step in 0..2000 {
                let x = (1.0 + step as f32 / 2000.0) * 2f32.powi(exponent);
                let exact = f64::from(x).ln();
                let error = (f64::from(x.fast_ln()) - exact).abs() - exact.abs() * f64::from(f32::EPSILON);
                worst = worst.max(error);
            }
        }
        assert!(worst < 3e-7, "{worst}");
    }

    #[test]
    fn the_logarithm_of_one_is_zero() {
        assert_eq!(1.0f32.fast_ln(), 0.0);
        assert_eq!(1.0f64.fast_ln(), 0.0);
    }

    #[test]
    fn the_logarithm_keeps_nan() {
        assert!(f32::NAN.fast_ln().is_nan() && f32::INFINITY.fast_ln().is_nan());
    }

    #[test]
    fn the_sign_of_zero_is_zero() {
        assert_eq!([Sample::sign(-2.0f32), Sample::sign(0.0f32), Sample::sign(-0.0f32), Sample::sign(3.0f32)], [-1.0, 0.0, 0.0, 1.0]);
    }
}
