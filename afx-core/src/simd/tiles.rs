//! Loops over tiles of registers that several kernels share.

use super::Simd;
use crate::Scalar;

/// A whole vector, or as much of one as there is.
#[inline(always)]
pub fn take<S: Simd>(s: S, from: &[S::T]) -> S::V {
    if from.len() == S::N { s.load(from) } else { s.load_partial(from) }
}

/// Writes a vector, or the lanes of it that there is room for.
#[inline(always)]
pub fn put<S: Simd>(s: S, v: S::V, to: &mut [S::T]) {
    if to.len() == S::N { s.store(v, to) } else { s.store_partial(v, to) }
}

/// `out[r * out_stride + c] += Σ_t a[t * a_stride + r] b[t * b_stride + c]` for `r < rows`, `c < columns`, `t < steps`.
///
/// Rows of `b` are loaded in whole vectors: after the last one as many numbers must follow as a vector has lanes.
#[inline(always)]
pub fn outer_sum<S: Simd>(
    s: S,
    out: &mut [S::T],
    out_stride: usize,
    a: &[S::T],
    a_stride: usize,
    b: &[S::T],
    b_stride: usize,
    steps: usize,
    rows: usize,
    columns: usize,
) {
    if steps == 0 {
        return;
    }
    let mut r = 0;
    while r < rows {
        let tall = r + 4 <= rows;
        let mut c = 0;
        while c < columns {
            let wide = c + 2 * S::N <= columns;
            let (out, a, b) = (&mut out[r * out_stride + c..], &a[r..], &b[c..]);
            match (tall, wide) {
                (true, true) => outer_tile::<S, 4, 2>(s, out, out_stride, a, a_stride, b, b_stride, steps, 2 * S::N),
                (true, false) => outer_tile::<S, 4, 1>(s, out, out_stride, a, a_stride, b, b_stride, steps, columns - c),
                (false, true) => outer_tile::<S, 1, 2>(s, out, out_stride, a, a_stride, b, b_stride, steps, 2 * S::N),
                (false, false) => outer_tile::<S, 1, 1>(s, out, out_stride, a, a_stride, b, b_stride, steps, columns - c),
            }
            c += if wide { 2 * S::N } else { S::N };
        }
        r += if tall { 4 } else { 1 };
    }
}

/// `R` rows and at most `C` vectors of [`outer_sum`].
#[inline(always)]
fn outer_tile<S: Simd, const R: usize, const C: usize>(
    s: S,
    out: &mut [S::T],
    out_stride: usize,
    a: &[S::T],
    a_stride: usize,
    b: &[S::T],
    b_stride: usize,
    steps: usize,
    columns: usize,
) {
    let mut acc = [[s.splat(S::T::ZERO); C]; R];
    s.outer::<R, C>(&mut acc, a, a_stride, b, b_stride, steps);
    for r in 0..R {
        for c in 0..C {
            let at = r * out_stride + c * S::N;
            let to = &mut out[at..at + S::N.min(columns - c * S::N)];
            let sum = s.add(take(s, to), acc[r][c]);
            put(s, sum, to);
        }
    }
}
