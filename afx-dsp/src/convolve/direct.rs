//! The first taps, one product each.

use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};

/// `y[n] = Σ_k taps[k] line[n + taps.len() - 1 - k]`; the line has `taps.len() - 1` samples more than `y`, and a vector more than that.
///
/// Every fourth tap has a sum of its own, from the last taps, usually the smallest, to the first: less is lost by rounding. Each output is
/// made so whatever `y.len()` is, and any split of a signal gives the same bits.
pub(super) struct Direct<'a, T> {
    pub(super) taps: &'a [T],
    pub(super) line: &'a [T],
    pub(super) y: &'a mut [T],
}

impl<T: Scalar> Direct<'_, T> {
    /// `W` vectors of outputs, the first of them at `at`.
    #[inline(always)]
    fn tile<S: Simd<T = T>, const W: usize>(&self, s: S, at: usize) -> [S::V; W] {
        let mut sums = [[s.splat(T::ZERO); W]; 4];
        let fours = self.taps.rchunks_exact(4);
        let (first, mut line) = (fours.remainder(), &self.line[at..]);
        for taps in fours {
            let here = &line[..W * S::N + 3];
            for k in 0..4 {
                for w in 0..W {
                    sums[k][w] = s.mul_add(s.load(&here[k + w * S::N..]), s.splat(taps[3 - k]), sums[k][w]);
                }
            }
            line = &line[4..];
        }
        for (k, &tap) in first.iter().rev().enumerate() {
            for w in 0..W {
                sums[k][w] = s.mul_add(s.load(&line[k + w * S::N..]), s.splat(tap), sums[k][w]);
            }
        }
        let mut all = sums[0];
        for w in 0..W {
            all[w] = s.add(s.add(sums[0][w], sums[1][w]), s.add(sums[2][w], sums[3][w]));
        }
        all
    }
}

impl<T: Scalar> Kernel<T> for Direct<'_, T> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        const WIDE: usize = 2;
        let mut at = 0;
        while at + WIDE * S::N <= self.y.len() {
            let sums = self.tile::<S, WIDE>(s, at);
            for w in 0..WIDE {
                s.store(sums[w], &mut self.y[at + w * S::N..]);
            }
            at += WIDE * S::N;
        }
        while at < self.y.len() {
            let end = (at + S::N).min(self.y.len());
            let [sum] = self.tile::<S, 1>(s, at);
            s.store_partial(sum, &mut self.y[at..end]);
            at = end;
        }
    }
}
