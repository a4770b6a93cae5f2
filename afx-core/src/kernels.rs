//! Loops over slices that several layers share.

use crate::Scalar;
use crate::simd::{Kernel, Simd};

/// `current += (target - current) * weight`, element by element.
pub fn approach<T: Scalar>(current: &mut [T], target: &[T], weight: T) {
    struct K<'a, T>(&'a mut [T], &'a [T], T);
    impl<T: Scalar> Kernel<T> for K<'_, T> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = T>>(self, s: S) {
            let weight = s.splat(self.2);
            let mut chunks = self.0.chunks_exact_mut(S::N);
            let mut targets = self.1.chunks_exact(S::N);
            for (c, t) in (&mut chunks).zip(&mut targets) {
                let from = s.load(c);
                s.store(s.mul_add(s.sub(s.load(t), from), weight, from), c);
            }
            let (c, t) = (chunks.into_remainder(), targets.remainder());
            let from = s.load_partial(c);
            s.store_partial(s.mul_add(s.sub(s.load_partial(t), from), weight, from), c);
        }
    }
    T::dispatch(K(current, target, weight));
}

/// `y += a x`, element by element.
pub fn add_scaled<T: Scalar>(y: &mut [T], a: T, x: &[T]) {
    struct K<'a, T>(&'a mut [T], T, &'a [T]);
    impl<T: Scalar> Kernel<T> for K<'_, T> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = T>>(self, s: S) {
            let a = s.splat(self.1);
            let mut chunks = self.0.chunks_exact_mut(S::N);
            let mut xs = self.2.chunks_exact(S::N);
            for (y, x) in (&mut chunks).zip(&mut xs) {
                s.store(s.mul_add(s.load(x), a, s.load(y)), y);
            }
            let (y, x) = (chunks.into_remainder(), xs.remainder());
            s.store_partial(s.mul_add(s.load_partial(x), a, s.load_partial(y)), y);
        }
    }
    T::dispatch(K(y, a, x));
}

/// `Σ a b` in a fixed order.
pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    struct K<'a, T>(&'a [T], &'a [T]);
    impl<T: Scalar> Kernel<T> for K<'_, T> {
        type Out = T;
        #[inline(always)]
        fn call<S: Simd<T = T>>(self, s: S) -> T {
            let mut sums = [s.splat(T::ZERO); 4];
            let (mut a, mut b) = (self.0.chunks_exact(S::N), self.1.chunks_exact(S::N));
            for (i, (a, b)) in (&mut a).zip(&mut b).enumerate() {
                sums[i % 4] = s.mul_add(s.load(a), s.load(b), sums[i % 4]);
            }
            let rest = s.mul(s.load_partial(a.remainder()), s.load_partial(b.remainder()));
            let low = s.add(sums[0], sums[1]);
            let high = s.add(sums[2], sums[3]);
            s.sum(s.add(s.add(low, high), rest))
        }
    }
    T::dispatch(K(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fast_loops_agree_with_plain_arithmetic(pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 0..200), w in 0f32..1.0) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| *a as f64 * *b as f64).sum();
            prop_assert!((dot(&a, &b) as f64 - exact).abs() < 1e-4); // 200 products of f32
            let (mut c, mut d) = (a.clone(), a.clone());
            approach(&mut c, &b, w);
            add_scaled(&mut d, w, &b);
            for i in 0..a.len() {
                prop_assert!((c[i] - (a[i] + (b[i] - a[i]) * w)).abs() < 5e-7);
                prop_assert!((d[i] - (a[i] + w * b[i])).abs() < 5e-7);
            }
        }
    }
}
