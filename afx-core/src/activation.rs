//! Activations with a stated error.

use crate::simd::{Kernel, Simd};

/// Rational tanh of degree 9/8 for `f32`: absolute error below 3e-7 everywhere, slope at zero exact to `f32`, odd, saturates, keeps NaN.
///
/// `x P(x²) / Q(x²)` with `|x|` clamped at 8; minimax coefficients fitted by iteratively reweighted least squares. This is what the
/// vector kernels evaluate in inference and in training, and `1 - y²` is its derivative to the same order.
///
/// ```
/// assert!((afx_core::activation::tanh(0.5) - 0.5f32.tanh()).abs() < 3e-7);
/// ```
#[inline]
pub fn tanh(x: f32) -> f32 {
    rational::tanh(Plain, if x.is_nan() { x } else { x.clamp(-rational::LIMIT, rational::LIMIT) })
}

/// Logistic function from [`tanh`]: `0.5 + 0.5 tanh(x / 2)`, absolute error below 2e-7.
///
/// ```
/// assert!((afx_core::activation::sigmoid(1.0) - 0.7310586).abs() < 2e-7);
/// ```
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// The arithmetic of `f32` in the shape the rationals want; not a token, so that [`tanh`] needs no dispatch.
#[derive(Clone, Copy)]
struct Plain;

/// What a polynomial needs; implemented by every `f32` token.
pub(crate) trait Lanes: Copy {
    type V: Copy;
    fn constant(self, value: f32) -> Self::V;
    fn product(self, a: Self::V, b: Self::V) -> Self::V;
    fn quotient(self, a: Self::V, b: Self::V) -> Self::V;
    fn multiply_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
}

impl Lanes for Plain {
    type V = f32;
    fn constant(self, value: f32) -> f32 {
        value
    }
    fn product(self, a: f32, b: f32) -> f32 {
        a * b
    }
    fn quotient(self, a: f32, b: f32) -> f32 {
        a / b
    }
    fn multiply_add(self, a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

impl<S: Simd<T = f32>> Lanes for S {
    type V = S::V;
    #[inline(always)]
    fn constant(self, value: f32) -> S::V {
        self.splat(value)
    }
    #[inline(always)]
    fn product(self, a: S::V, b: S::V) -> S::V {
        self.mul(a, b)
    }
    #[inline(always)]
    fn quotient(self, a: S::V, b: S::V) -> S::V {
        self.div(a, b)
    }
    #[inline(always)]
    fn multiply_add(self, a: S::V, b: S::V, c: S::V) -> S::V {
        self.mul_add(a, b, c)
    }
}

/// The rational behind [`tanh`], over any lanes; the caller clamps.
pub(crate) mod rational {
    use super::Lanes;

    /// Beyond this, `tanh` is 1 to `f32`.
    pub const LIMIT: f32 = 8.0;
    const P: [f32; 5] = [0.9999999404, 0.1343820244, 3.564170096e-3, 2.177347778e-5, 1.506213287e-8];
    const Q: [f32; 5] = [1.0, 0.4677152336, 0.02613606863, 3.399202542e-4, 8.453793612e-7];

    /// Coefficients of `c(x² / 4)` where `scale` is 1/4, and `c` itself where it is 1; the products are exact powers of two.
    const fn scaled(c: [f32; 5], scale: f32) -> [f32; 5] {
        let s2 = scale * scale;
        [c[0], c[1] * scale, c[2] * s2, c[3] * s2 * scale, c[4] * s2 * s2]
    }

    /// Estrin's scheme: three dependent multiply-adds instead of four. The low and the high half.
    #[inline(always)]
    fn halves<L: Lanes>(l: L, c: [f32; 5], t: L::V, t2: L::V) -> (L::V, L::V) {
        let low = l.multiply_add(l.constant(c[1]), t, l.constant(c[0]));
        let high = l.multiply_add(l.constant(c[3]), t, l.constant(c[2]));
        (low, l.multiply_add(l.constant(c[4]), t2, high))
    }

    /// `x P(x²) / Q(x²)`; `x` goes into the halves of `P`, so that both sides of the fraction are there at the same time.
    #[inline(always)]
    fn ratio<L: Lanes>(l: L, x: L::V, p: [f32; 5], q: [f32; 5]) -> L::V {
        let t = l.product(x, x);
        let t2 = l.product(t, t);
        let ((p0, p1), (q0, q1)) = (halves(l, p, t, t2), halves(l, q, t, t2));
        l.quotient(l.multiply_add(p1, l.product(x, t2), l.product(x, p0)), l.multiply_add(q1, t2, q0))
    }

    /// `tanh(x)` for `|x| <= LIMIT`.
    #[inline(always)]
    pub fn tanh<L: Lanes>(l: L, x: L::V) -> L::V {
        ratio(l, x, P, Q)
    }

    /// `0.5 tanh(x / 2)` for `|x| <= 2 LIMIT`; the halves are folded into the coefficients.
    #[inline(always)]
    pub fn half_tanh<L: Lanes>(l: L, x: L::V) -> L::V {
        const HALF: [f32; 5] = {
            let p = scaled(P, 0.25);
            [0.25 * p[0], 0.25 * p[1], 0.25 * p[2], 0.25 * p[3], 0.25 * p[4]]
        };
        ratio(l, x, HALF, scaled(Q, 0.25))
    }
}

/// `tanh` of every element, in place.
pub fn tanh_slice<T: crate::Scalar>(values: &mut [T]) {
    struct K<'a, T>(&'a mut [T]);
    impl<T: crate::Scalar> Kernel<T> for K<'_, T> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = T>>(self, s: S) {
            let mut chunks = self.0.chunks_exact_mut(S::N);
            for chunk in &mut chunks {
                s.store(s.tanh(s.load(chunk)), chunk);
            }
            let rest = chunks.into_remainder();
            s.store_partial(s.tanh(s.load_partial(rest)), rest);
        }
    }
    T::dispatch(K(values));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sixteenth `f32` of the interesting range.
    fn grid() -> impl Iterator<Item = f32> {
        (-200_000..=200_000).map(|i| i as f32 * 1e-4)
    }

    #[test]
    fn tanh_keeps_its_stated_error() {
        let worst = grid().map(|x| (tanh(x) as f64 - (x as f64).tanh()).abs()).fold(0.0, f64::max);
        assert!(worst < 3e-7, "{worst:e}");
        assert!((tanh(1e-6) - 1e-6).abs() < 1e-12);
        assert_eq!((tanh(f32::INFINITY), tanh(-1e30), tanh(0.0)), (tanh(8.0), -tanh(8.0), 0.0));
    }

    #[test]
    fn sigmoid_keeps_its_stated_error() {
        let worst = grid().map(|x| (sigmoid(x) as f64 - 1.0 / (1.0 + (-x as f64).exp())).abs()).fold(0.0, f64::max);
        assert!(worst < 2e-7, "{worst:e}");
    }

    #[test]
    fn nan_stays_nan() {
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
