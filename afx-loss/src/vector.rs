//! The loops: sums and gradients of pointwise functions, with the widest instructions the machine has.
//!
//! The body of a loop is a method marked `#[inline(always)]` of a small `Copy` value; [`Scalar::dispatch`] puts it into a
//! function compiled for the vector instructions found at run time, and the compiler's loop vectoriser does the rest.

use crate::sample::Sample;
use afx_core::simd::{Kernel, Simd};

/// Elements summed in the number's own type before the sum goes to `f64`.
const BLOCK: usize = 256;
const LANES: usize = 16;

/// `N` numbers of one pair (prediction, target), to be summed; and the derivative of the loss by the prediction.
pub(crate) trait Pair<T: Sample, const N: usize>: Copy {
    fn values(self, p: T, y: T) -> [T; N];
}

/// The derivative of the loss by one prediction.
pub(crate) trait PairSlope<T: Sample>: Copy {
    fn slope(self, p: T, y: T) -> T;
}

/// Sums over a block that stays in the first cache, lane by lane.
#[inline(always)]
pub(crate) fn lane_sum<T: Sample>(values: &[T]) -> f64 {
    let mut lanes = [T::ZERO; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] += chunk[l];
        }
    }
    let mut total = T::ZERO;
    for lane in lanes {
        total += lane;
    }
    for &value in rest {
        total += value;
    }
    total.to_f64()
}

struct SumPairs<'a, T, F, const N: usize> {
    p: &'a [T],
    y: &'a [T],
    f: F,
}

impl<T: Sample, F: Pair<T, N>, const N: usize> Kernel<T> for SumPairs<'_, T, F, N> {
    type Out = [f64; N];
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) -> [f64; N] {
        let mut totals = [0.0; N];
        let mut block = [[T::ZERO; BLOCK]; N];
        for (p, y) in self.p.chunks(BLOCK).zip(self.y.chunks(BLOCK)) {
            let n = p.len().min(y.len());
            for i in 0..n {
                let values = self.f.values(p[i], y[i]);
                for k in 0..N {
                    block[k][i] = values[k];
                }
            }
            for k in 0..N {
                totals[k] += lane_sum(&block[k][..n]);
            }
        }
        totals
    }
}

/// `Σ f(p, y)` for each of the `N` numbers of `f`.
pub(crate) fn sum_pairs<T: Sample, F: Pair<T, N>, const N: usize>(p: &[T], y: &[T], f: F) -> [f64; N] {
    T::dispatch(SumPairs { p, y, f })
}

struct AddSlopes<'a, T, F> {
    p: &'a [T],
    y: &'a [T],
    f: F,
    gradient: &'a mut [T],
}

impl<T: Sample, F: PairSlope<T>> Kernel<T> for AddSlopes<'_, T, F> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        for ((g, &p), &y) in self.gradient.iter_mut().zip(self.p).zip(self.y) {
            *g += self.f.slope(p, y);
        }
    }
}

/// `gradient += slope(p, y)`.
pub(crate) fn add_slopes<T: Sample, F: PairSlope<T>>(p: &[T], y: &[T], gradient: &mut [T], f: F) {
    T::dispatch(AddSlopes { p, y, f, gradient });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Both;
    impl<T: Sample> Pair<T, 2> for Both {
        #[inline(always)]
        fn values(self, p: T, y: T) -> [T; 2] {
            [p, p * y]
        }
    }

    #[test]
    fn sums_of_any_length_include_every_element() {
        for n in [0, 1, 15, 16, 17, 255, 256, 257, 1000] {
            let p: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let y = vec![2.0; n];
            let expected = (n * n.saturating_sub(1) / 2) as f64;
            assert_eq!(sum_pairs(&p, &y, Both), [expected, 2.0 * expected]);
        }
    }
}
