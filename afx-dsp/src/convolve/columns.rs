//! Transforms of columns, as many beside each other as a vector has lanes.

use super::stage::COLUMNS;
use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};
use alloc::vec::Vec;
use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// Columns transformed at a time, and how often that makes all.
const GROUP: usize = 16;
pub(super) const GROUPS: usize = COLUMNS / GROUP;
/// The most rows, which are 1, 8 or 64: each number has a kernel of its own, which sets out no more vectors than it needs.
const ROWS: usize = 64;

/// A cosine and a sine.
type Turn<T> = [T; 2];

/// `e^(πi share)`
fn turn<T: Scalar>(share: f64) -> Turn<T> {
    [T::from_f64((PI * share).cos()), T::from_f64((PI * share).sin())]
}

/// The first step of a transform of `L = rows * 64` real numbers, and the last one of the way back.
pub(super) struct Columns<T> {
    pub(super) rows: usize,
    /// `e^(πi n1 / (2 rows))`
    twist: Vec<Turn<T>>,
    /// `e^(πi n2 / (2 L)) e^(-2πi n2 k1 / L)`: of each row 64 cosines and 64 sines.
    twiddle: Vec<T>,
    /// `e^(-2πi n / 64)`
    roots: Vec<Turn<T>>,
}

impl<T: Scalar> Columns<T> {
    pub(super) fn new(rows: usize) -> Self {
        let frames = rows * COLUMNS;
        let twiddle = (0..2 * frames).map(|at| {
            let (row, sine, column) = (at / COLUMNS / 2, at / COLUMNS % 2, at % COLUMNS);
            // whole turns, of 4 L, are left out while they are whole numbers
            let share = (column + 4 * frames - 4 * row * column % (4 * frames)) as f64 / (2 * frames) as f64;
            turn(share)[sine]
        });
        Columns {
            rows,
            twist: (0..rows).map(|n| turn(n as f64 / (2 * rows) as f64)).collect(),
            twiddle: twiddle.collect(),
            roots: (0..ROWS).map(|n| turn(-(n as f64) / (ROWS / 2) as f64)).collect(),
        }
    }

    /// From the input to some columns of the spectrum: of each row, 64 real and 64 imaginary parts.
    pub(super) fn forward(&self, group: usize, input: &[T], spectrum: &mut [T]) {
        let from = group * GROUP;
        match self.rows {
            1 => T::dispatch(Forward::<T, 1> { columns: self, from, input, spectrum }),
            8 => T::dispatch(Forward::<T, 8> { columns: self, from, input, spectrum }),
            _ => T::dispatch(Forward::<T, ROWS> { columns: self, from, input, spectrum }),
        }
    }

    /// From some columns of the spectrum to the output: the first half of a convolution, added to the last half of the one before.
    pub(super) fn back(&self, group: usize, spectrum: &[T], overlap: &mut [T], output: &mut [T]) {
        let from = group * GROUP;
        match self.rows {
            1 => T::dispatch(Back::<T, 1> { columns: self, from, spectrum, overlap, output }),
            8 => T::dispatch(Back::<T, 8> { columns: self, from, spectrum, overlap, output }),
            _ => T::dispatch(Back::<T, ROWS> { columns: self, from, spectrum, overlap, output }),
        }
    }

    /// Transforms a vector of each row; the `k`th number comes out where [`place`] says.
    #[inline(always)]
    fn transform<S: Simd<T = T>, const R: usize>(&self, s: S, re: &mut [S::V; R], im: &mut [S::V; R]) {
        match R {
            1 => {}
            8 => eight(s, re, im, 0, 1),
            _ => {
                for b in 0..8 {
                    eight(s, re, im, b, 8);
                    for k in 1..8 {
                        let [cos, sin] = self.roots[b * k];
                        let (at, cos, sin) = (8 * k + b, s.splat(cos), s.splat(sin));
                        (re[at], im[at]) = product(s, re[at], im[at], cos, sin);
                    }
                }
                for k in 0..8 {
                    eight(s, re, im, 8 * k, 1);
                }
            }
        }
    }
}

/// Where a transform of `rows` numbers leaves the `k`th.
#[inline(always)]
fn place(rows: usize, k: usize) -> usize {
    if rows == ROWS { 8 * (k % 8) + k / 8 } else { k }
}

/// `(re + i im) (cos + i sin)`
#[inline(always)]
fn product<S: Simd>(s: S, re: S::V, im: S::V, cos: S::V, sin: S::V) -> (S::V, S::V) {
    (s.sub(s.mul(re, cos), s.mul(im, sin)), s.mul_add(re, sin, s.mul(im, cos)))
}

/// Transforms the eight vectors at `from + step n`, in place and in order.
#[inline(always)]
fn eight<S: Simd, const R: usize>(s: S, re: &mut [S::V; R], im: &mut [S::V; R], from: usize, step: usize) {
    let zero = [s.splat(S::T::ZERO); 4];
    let (mut even, mut odd) = ([zero, zero], [zero, zero]);
    for n in 0..4 {
        let (a, b) = (from + n * step, from + (n + 4) * step);
        (even[0][n], even[1][n]) = (s.add(re[a], re[b]), s.add(im[a], im[b]));
        (odd[0][n], odd[1][n]) = (s.sub(re[a], re[b]), s.sub(im[a], im[b]));
    }
    // the odd ones turn by 45 degrees each
    let (half, none) = (s.splat(S::T::from_f64(FRAC_1_SQRT_2)), s.splat(S::T::ZERO));
    let (re1, im1, re3, im3) = (odd[0][1], odd[1][1], odd[0][3], odd[1][3]);
    (odd[0][1], odd[1][1]) = (s.mul(s.add(im1, re1), half), s.mul(s.sub(im1, re1), half));
    (odd[0][2], odd[1][2]) = (odd[1][2], s.sub(none, odd[0][2]));
    (odd[0][3], odd[1][3]) = (s.mul(s.sub(im3, re3), half), s.mul(s.sub(none, s.add(re3, im3)), half));
    four(s, &mut even);
    four(s, &mut odd);
    for n in 0..4 {
        (re[from + 2 * n * step], im[from + 2 * n * step]) = (even[0][n], even[1][n]);
        (re[from + (2 * n + 1) * step], im[from + (2 * n + 1) * step]) = (odd[0][n], odd[1][n]);
    }
}

/// Transforms four vectors of real and of imaginary parts.
#[inline(always)]
fn four<S: Simd>(s: S, [re, im]: &mut [[S::V; 4]; 2]) {
    let (sum_re, sum_im) = ([s.add(re[0], re[2]), s.add(re[1], re[3])], [s.add(im[0], im[2]), s.add(im[1], im[3])]);
    let (less_re, less_im) = ([s.sub(re[0], re[2]), s.sub(re[1], re[3])], [s.sub(im[0], im[2]), s.sub(im[1], im[3])]);
    (re[0], im[0]) = (s.add(sum_re[0], sum_re[1]), s.add(sum_im[0], sum_im[1]));
    (re[2], im[2]) = (s.sub(sum_re[0], sum_re[1]), s.sub(sum_im[0], sum_im[1]));
    (re[1], im[1]) = (s.add(less_re[0], less_im[1]), s.sub(less_im[0], less_re[1]));
    (re[3], im[3]) = (s.sub(less_re[0], less_im[1]), s.add(less_im[0], less_re[1]));
}

struct Forward<'a, T, const R: usize> {
    columns: &'a Columns<T>,
    from: usize,
    input: &'a [T],
    spectrum: &'a mut [T],
}

impl<T: Scalar, const R: usize> Kernel<T> for Forward<'_, T, R> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Forward { columns, from, input, spectrum } = self;
        let (mut re, mut im) = ([s.splat(T::ZERO); R], [s.splat(T::ZERO); R]);
        let mut at = from;
        while at < from + GROUP {
            for (n, &[cos, sin]) in columns.twist.iter().enumerate() {
                let x = s.load(&input[n * COLUMNS + at..]);
                (re[n], im[n]) = (s.mul(x, s.splat(cos)), s.mul(x, s.splat(sin)));
            }
            columns.transform(s, &mut re, &mut im);
            for k in 0..R {
                let (from, to) = (place(R, k), 2 * k * COLUMNS + at);
                let (cos, sin) = (s.load(&columns.twiddle[to..]), s.load(&columns.twiddle[to + COLUMNS..]));
                let (re, im) = product(s, re[from], im[from], cos, sin);
                s.store(re, &mut spectrum[to..]);
                s.store(im, &mut spectrum[to + COLUMNS..]);
            }
            at += S::N;
        }
    }
}

struct Back<'a, T, const R: usize> {
    columns: &'a Columns<T>,
    from: usize,
    spectrum: &'a [T],
    overlap: &'a mut [T],
    output: &'a mut [T],
}

impl<T: Scalar, const R: usize> Kernel<T> for Back<'_, T, R> {
    type Out = ();

    /// The way back is the way there with real and imaginary parts exchanged.
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Back { columns, from, spectrum, overlap, output } = self;
        let (mut re, mut im) = ([s.splat(T::ZERO); R], [s.splat(T::ZERO); R]);
        let mut at = from;
        while at < from + GROUP {
            for k in 0..R {
                let from = 2 * k * COLUMNS + at;
                let (cos, sin) = (s.load(&columns.twiddle[from..]), s.load(&columns.twiddle[from + COLUMNS..]));
                (re[k], im[k]) = product(s, s.load(&spectrum[from + COLUMNS..]), s.load(&spectrum[from..]), cos, sin);
            }
            columns.transform(s, &mut re, &mut im);
            for (n, &[cos, sin]) in columns.twist.iter().enumerate() {
                let (from, at) = (place(R, n), n * COLUMNS + at);
                let (last, first) = product(s, re[from], im[from], s.splat(cos), s.splat(sin));
                s.store(s.add(first, s.load(&overlap[at..])), &mut output[at..]);
                s.store(last, &mut overlap[at..]);
            }
            at += S::N;
        }
    }
}
