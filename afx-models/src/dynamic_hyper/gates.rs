//! What a unit of either cell does with its gates' sums.

use super::frame::Play;
use super::gradient::Backward;
use crate::Lstm;
use crate::cell::Cell;
use afx_core::Scalar;
use afx_core::simd::Simd;

/// A unit of a cell: from the gates' sums of what comes from the input (`a`) and from the memory (`b`) to its output. `before` is the number that
/// goes from frame to frame: the carried one of a cell that [carries](Gates::CARRIES), else the output.
pub(super) trait Gates: Copy {
    /// How many gates.
    const GATES: usize;
    /// Numbers that the derivative needs.
    const ROWS: usize;
    /// Whether a unit has a number of memory that is not its output.
    const CARRIES: bool;
    /// The gates' rows (of `[V; 6]` the first [`Gates::ROWS`]), the carried number and the output.
    fn step<S: Simd>(s: S, a: [S::V; 4], b: [S::V; 4], before: S::V) -> ([S::V; 6], S::V, S::V);
    /// The cotangents of `a`, `b` and `before` from those of the output and the carried number.
    fn cotangents<S: Simd>(s: S, rows: [S::V; 6], before: S::V, dh: S::V, dc: S::V) -> ([S::V; 4], [S::V; 4], S::V);
    /// [`Play`] for `f32`, compiled with this crate.
    fn play_single(job: Play<'_, Self, f32>);
    /// [`Backward`] for `f32`, compiled with this crate.
    fn backward_single(job: Backward<'_, Self, f32>);
}

/// Three gates r, z, n: `h' = n + z (h - n)`, `n = tanh(a_n + r b_n)`. Rows: r, z, n, `b_n`.
#[derive(Clone, Copy)]
pub(super) struct GruGates;

impl Gates for GruGates {
    const GATES: usize = 3;
    const ROWS: usize = 4;
    const CARRIES: bool = false;
    #[inline(always)]
    fn step<S: Simd>(s: S, a: [S::V; 4], b: [S::V; 4], before: S::V) -> ([S::V; 6], S::V, S::V) {
        let r = s.sigmoid(s.add(a[0], b[0]));
        let z = s.sigmoid(s.add(a[1], b[1]));
        let n = s.tanh(s.mul_add(r, b[2], a[2]));
        let h = s.mul_add(z, s.sub(before, n), n);
        ([r, z, n, b[2], n, n], h, h)
    }
    #[inline(always)]
    fn cotangents<S: Simd>(s: S, [r, z, n, b, ..]: [S::V; 6], before: S::V, dh: S::V, _: S::V) -> ([S::V; 4], [S::V; 4], S::V) {
        let one = s.splat(S::T::ONE);
        let dn = s.mul(s.mul(dh, s.sub(one, z)), s.sub(one, s.mul(n, n)));
        let dz = s.mul(s.mul(dh, s.sub(before, n)), s.mul(z, s.sub(one, z)));
        let dr = s.mul(s.mul(dn, b), s.mul(r, s.sub(one, r)));
        ([dr, dz, dn, dn], [dr, dz, s.mul(dn, r), dn], s.mul(dh, z))
    }
    #[inline(never)]
    fn play_single(job: Play<'_, Self, f32>) {
        job.dispatch();
    }
    #[inline(never)]
    fn backward_single(job: Backward<'_, Self, f32>) {
        job.dispatch();
    }
}

/// Four gates i, f, g, o, as in [`Lstm`].
#[derive(Clone, Copy)]
pub(super) struct LstmGates;

impl Gates for LstmGates {
    const GATES: usize = 4;
    const ROWS: usize = 6;
    const CARRIES: bool = true;
    #[inline(always)]
    fn step<S: Simd>(s: S, a: [S::V; 4], b: [S::V; 4], before: S::V) -> ([S::V; 6], S::V, S::V) {
        let sums = [s.add(a[0], b[0]), s.add(a[1], b[1]), s.add(a[2], b[2]), s.add(a[3], b[3])];
        Lstm::step(s, sums, before)
    }
    #[inline(always)]
    fn cotangents<S: Simd>(s: S, rows: [S::V; 6], before: S::V, dh: S::V, dc: S::V) -> ([S::V; 4], [S::V; 4], S::V) {
        let (gates, dc) = Lstm::cotangents(s, rows, before, dh, dc);
        (gates, gates, dc)
    }
    #[inline(never)]
    fn play_single(job: Play<'_, Self, f32>) {
        job.dispatch();
    }
    #[inline(never)]
    fn backward_single(job: Backward<'_, Self, f32>) {
        job.dispatch();
    }
}
