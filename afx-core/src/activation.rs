//! Activations with a stated error.

use crate::simd::{Kernel, Simd};

/// Rational tanh of degree 7/8 for `f32`: absolute error below 4.5e-7 everywhere (1.2e-7 in the mean square), slope at zero exact to 7e-7,
/// odd, saturates, keeps NaN.
///
/// `k x (x² + a1) (x² + a2) (x² + a3) / ((x² + b1) (x² + b2) (x² + b3) (x² + b4))` with `|x|` clamped at 8. All zeros and poles of tanh lie
/// on the imaginary axis, and so do those of its minimax approximation (fitted by iteratively reweighted least squares, then rounded to
/// `f32` with the least error found): so every factor is positive, nothing cancels, and the factors need sums, which processors have free
/// while they multiply. No multiply-add is in it, so the same `x` gives the same bits on every instruction set.
///
/// This is what the vector kernels evaluate in inference and in training, and `1 - y²` is its derivative to the same order.
///
/// ```
/// assert!((afx_core::activation::tanh(0.5) - 0.5f32.tanh()).abs() < 4.5e-7);
/// ```
#[inline]
pub fn tanh(x: f32) -> f32 {
    rational::tanh(Plain, if x.is_nan() { x } else { x.clamp(-rational::LIMIT, rational::LIMIT) })
}

/// Logistic function from [`tanh`]: `0.5 + 0.5 tanh(x / 2)`, absolute error below 2.5e-7.
///
/// ```
/// assert!((afx_core::activation::sigmoid(1.0) - 0.7310586).abs() < 2.5e-7);
/// ```
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// The arithmetic of `f32` in the shape the rationals want; not a token, so that [`tanh`] needs no dispatch.
#[derive(Clone, Copy)]
struct Plain;

/// What a rational needs; implemented by every `f32` token.
pub(crate) trait Lanes: Copy {
    type V: Copy;
    fn constant(self, value: f32) -> Self::V;
    fn product(self, a: Self::V, b: Self::V) -> Self::V;
    fn quotient(self, a: Self::V, b: Self::V) -> Self::V;
    fn sum(self, a: Self::V, b: Self::V) -> Self::V;
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
    fn sum(self, a: f32, b: f32) -> f32 {
        a + b
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
    fn sum(self, a: S::V, b: S::V) -> S::V {
        self.add(a, b)
    }
}

/// The rational behind [`tanh`], over any lanes; the caller clamps. `tools/golden/tanh.py` makes the constants.
pub(crate) mod rational {
    use super::Lanes;

    /// Beyond this, `tanh` is 1 to `f32`.
    pub const LIMIT: f32 = 8.0;
    /// Zeros, squared and turned round; the middle one goes with `k x`.
    const A: [f32; 3] = [43.297_153, 206.659_9, 9.881_287];
    /// Poles, squared and turned round, in the pairs that are multiplied first.
    const B: [f32; 4] = [867.405_5, 2.467_491_9, 85.482_33, 22.549_778];
    const K: f32 = 46.662_415;

    /// `k x (t + s a1) (t + s a2) (t + s a3) / ((t + s b1) ...)` with `t = x²` and `s = scale`, a power of two, so that the constants stay exact.
    #[inline(always)]
    fn ratio<L: Lanes>(l: L, x: L::V, scale: f32) -> L::V {
        let t = l.product(x, x);
        let (a0, a1, a2) = (l.sum(t, l.constant(scale * A[0])), l.sum(t, l.constant(scale * A[1])), l.sum(t, l.constant(scale * A[2])));
        let (b0, b1) = (l.sum(t, l.constant(scale * B[0])), l.sum(t, l.constant(scale * B[1])));
        let (b2, b3) = (l.sum(t, l.constant(scale * B[2])), l.sum(t, l.constant(scale * B[3])));
        let above = l.product(l.product(l.product(x, l.constant(K)), a1), l.product(a0, a2));
        l.quotient(above, l.product(l.product(b0, b1), l.product(b2, b3)))
    }

    /// `tanh(x)` for `|x| <= LIMIT`.
    #[inline(always)]
    pub fn tanh<L: Lanes>(l: L, x: L::V) -> L::V {
        ratio(l, x, 1.0)
    }

    /// `0.5 tanh(x / 2)` for `|x| <= 2 LIMIT`: the fourth pole's 4 and the halves of argument and result cancel.
    #[inline(always)]
    pub fn half_tanh<L: Lanes>(l: L, x: L::V) -> L::V {
        ratio(l, x, 4.0)
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
        assert!(worst < 4.5e-7, "{worst:e}");
        assert!((tanh(1e-6) - 1e-6).abs() < 7e-13);
        assert_eq!((tanh(f32::INFINITY), tanh(-1e30), tanh(0.0)), (tanh(8.0), -tanh(8.0), 0.0));
    }

    #[test]
    fn sigmoid_keeps_its_stated_error() {
        let worst = grid().map(|x| (sigmoid(x) as f64 - 1.0 / (1.0 + (-x as f64).exp())).abs()).fold(0.0, f64::max);
        assert!(worst < 2.5e-7, "{worst:e}");
    }

    #[test]
    fn nan_stays_nan() {
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
