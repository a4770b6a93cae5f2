//! Loops over slices that several layers share. Of two slices that go element by element the shorter one sets the length.

use crate::Scalar;
use crate::simd::{Kernel, Order, Simd, put};

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
    let n = current.len().min(target.len());
    T::dispatch(K(&mut current[..n], &target[..n], weight));
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
    let n = y.len().min(x.len());
    T::dispatch(K(&mut y[..n], a, &x[..n]));
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
    let n = a.len().min(b.len());
    T::dispatch(K(&a[..n], &b[..n]))
}

/// Sets numbers below about 1e-30 to zero, whatever else they are, and tells whether all are finite.
///
/// `(v + c) - c` with `c = 1e-23` rounds to multiples of about 1e-30 in `f32` what is so small, and leaves the rest alone: no subnormal
/// number survives, without a branch.
pub fn flush<T: Scalar>(values: &mut [T]) -> bool {
    struct K<'a, T>(&'a mut [T]);
    impl<T: Scalar> Kernel<T> for K<'_, T> {
        type Out = bool;
        #[inline(always)]
        fn call<S: Simd<T = T>>(self, s: S) -> bool {
            let (zero, c) = (s.splat(T::ZERO), s.splat(T::from_f64(1e-23)));
            // Zero times a number is zero, unless it is not finite.
            let mut odd = zero;
            let mut chunks = self.0.chunks_exact_mut(S::N);
            for chunk in &mut chunks {
                let v = s.load(chunk);
                odd = s.mul_add(v, zero, odd);
                s.store(s.sub(s.add(v, c), c), chunk);
            }
            let rest = chunks.into_remainder();
            let v = s.load_partial(rest);
            odd = s.mul_add(v, zero, odd);
            s.store_partial(s.sub(s.add(v, c), c), rest);
            s.sum(odd) == T::ZERO
        }
    }
    T::dispatch(K(values))
}

/// `y = b + W^T x` for a weight `[x.len(), y.len()]` stored row by row; `bias` has `y.len()` numbers.
///
/// Rows are read in whole vectors: [`crate::ALIGN`] numbers must follow in `weight` and in `bias`, as they do in a slice that a
/// [`crate::Layout`] describes.
pub fn affine<T: Scalar>(weight: &[T], bias: Option<&[T]>, x: &[T], y: &mut [T]) {
    struct K<'a, T> {
        weight: &'a [T],
        bias: Option<&'a [T]>,
        x: &'a [T],
        y: &'a mut [T],
    }
    impl<T: Scalar> K<'_, T> {
        #[inline(always)]
        fn columns<S: Simd<T = T>, const C: usize>(&mut self, s: S, at: usize) {
            let mut acc = [[[s.splat(T::ZERO); C]]];
            if let Some(bias) = self.bias {
                for c in 0..C {
                    acc[0][0][c] = s.load(&bias[at + c * S::N..]);
                }
            }
            s.matvec::<1, 1, C>(&mut acc, [self.x], &self.weight[at..], self.y.len(), 0, Order::Forwards);
            for c in 0..C {
                let at = at + c * S::N;
                let end = (at + S::N).min(self.y.len());
                let to = &mut self.y[at..end];
                put(s, acc[0][0][c], to);
            }
        }
    }
    impl<T: Scalar> Kernel<T> for K<'_, T> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = T>>(mut self, s: S) {
            let mut at = 0;
            while at + 8 * S::N <= self.y.len() {
                self.columns::<S, 8>(s, at);
                at += 8 * S::N;
            }
            while at < self.y.len() {
                self.columns::<S, 1>(s, at);
                at += S::N;
            }
        }
    }
    T::dispatch(K { weight, bias, x, y });
}

/// The derivative of [`affine`]: adds into `dweight`, `dbias` and `dx` (which may be empty) for the cotangent `dy`.
pub fn affine_backward<T: Scalar>(weight: &[T], x: &[T], dy: &[T], dweight: &mut [T], dbias: Option<&mut [T]>, dx: &mut [T]) {
    let n = dy.len();
    for (k, x) in x.iter().enumerate() {
        add_scaled(&mut dweight[k * n..(k + 1) * n], *x, dy);
    }
    if let Some(dbias) = dbias {
        add_scaled(&mut dbias[..n], T::ONE, dy);
    }
    for (k, dx) in dx.iter_mut().enumerate() {
        *dx += dot(&weight[k * n..(k + 1) * n], dy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn flushing_takes_what_is_too_small_and_reports_what_is_not_finite() {
        let numbers = [1e-40f32, -1e-38, 3e-31, 0.0, 1e-10, -1.0, 7e20, 1e-29];
        let mut values: Vec<f32> = numbers.iter().cycle().take(45).copied().collect();
        assert!(flush(&mut values));
        for (v, n) in values.iter().zip(numbers.iter().cycle()) {
            assert!(*v == 0.0 || v.is_normal());
            assert!((v - n).abs() <= 1e-30, "{n:e} became {v:e}");
        }
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 20, 44] {
                let mut values = values.clone();
                values[at] = bad;
                assert!(!flush(&mut values));
            }
        }
    }

    #[test]
    fn the_shorter_of_two_slices_sets_the_length() {
        let numbers: Vec<f32> = (1..=40).map(|n| n as f32).collect();
        for (long, short) in [(20, 4), (20, 0), (17, 16), (40, 33), (8, 7)] {
            let expected: Vec<f32> = (0..long).map(|i| if i < short { 2.0 * numbers[i] } else { numbers[i] }).collect();
            let (mut scaled, mut moved) = (numbers[..long].to_vec(), numbers[..long].to_vec());
            add_scaled(&mut scaled, 1.0, &numbers[..short]);
            approach(&mut moved, &expected[..short], 1.0);
            assert_eq!((&scaled, &moved), (&expected, &expected), "{short} numbers for {long}");
            let (mut scaled, mut moved) = (numbers[..short].to_vec(), numbers[..short].to_vec());
            add_scaled(&mut scaled, 1.0, &numbers[..long]);
            approach(&mut moved, &expected, 1.0);
            assert_eq!((&scaled[..], &moved[..]), (&expected[..short], &expected[..short]), "{long} numbers for {short}");
            let sum: f32 = numbers[..short].iter().map(|v| v * v).sum();
            assert_eq!([dot(&numbers[..long], &numbers[..short]), dot(&numbers[..short], &numbers[..long])], [sum; 2]);
        }
    }

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
