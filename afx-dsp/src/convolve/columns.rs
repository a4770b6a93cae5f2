//! Transforms of columns, as many beside each other as a vector has lanes.

use super::stage::COLUMNS;
use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};
use alloc::vec::Vec;
use core::array;
use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// Columns transformed at a time, and how often that makes all.
pub(super) const GROUP: usize = 16;
pub(super) const GROUPS: usize = COLUMNS / GROUP;
/// A row of the spectrum: 64 real parts, 64 imaginary parts, and as much more as keeps rows that are read one after the other in different
/// sets of the cache.
pub(super) type Row<T> = [T; 2 * COLUMNS + GROUP];
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
    twist: [Turn<T>; ROWS],
    /// `e^(πi n2 / (2 L)) e^(-2πi n2 k1 / L)`: of each row 64 cosines and 64 sines.
    twiddle: Vec<Row<T>>,
    /// `e^(-2πi n / 64)`
    roots: [Turn<T>; ROWS],
}

impl<T: Scalar> Columns<T> {
    pub(super) fn new(rows: usize) -> Self {
        let frames = rows * COLUMNS;
        let twiddle = |row: usize, at: usize| {
            let (sine, column) = (at / COLUMNS % 2, at % COLUMNS);
            // whole turns, of 4 L, are left out while they are whole numbers
            let share = (column + 4 * frames - 4 * row * column % (4 * frames)) as f64 / (2 * frames) as f64;
            turn(share)[sine]
        };
        Columns {
            rows,
            twist: array::from_fn(|n| turn(n as f64 / (2 * rows) as f64)),
            twiddle: (0..rows).map(|row| array::from_fn(|at| twiddle(row, at))).collect(),
            roots: array::from_fn(|n| turn(-(n as f64) / (ROWS / 2) as f64)),
        }
    }

    /// From the input to some columns of the spectrum.
    pub(super) fn forward(&self, group: usize, input: &[[T; COLUMNS]], spectrum: &mut [Row<T>]) {
        let (columns, twiddle, at) = (self, &*self.twiddle, group * GROUP);
        match self.rows {
            1 => T::dispatch(Forward::<T, 1> { columns, twiddle, at, input, spectrum }),
            8 => T::dispatch(Forward::<T, 8> { columns, twiddle, at, input, spectrum }),
            _ => T::dispatch(Forward::<T, ROWS> { columns, twiddle, at, input, spectrum }),
        }
    }

    /// From some columns of the spectrum to the output: the first half of a convolution, added to the last half of the one before.
    pub(super) fn back(&self, group: usize, spectrum: &[Row<T>], overlap: &mut [[T; GROUP]], output: &mut [[T; COLUMNS]]) {
        let (columns, twiddle, at, overlap) = (self, &*self.twiddle, group * GROUP, &mut overlap[group * self.rows..]);
        match self.rows {
            1 => T::dispatch(Back::<T, 1> { columns, twiddle, at, spectrum, overlap, output }),
            8 => T::dispatch(Back::<T, 8> { columns, twiddle, at, spectrum, overlap, output }),
            _ => T::dispatch(Back::<T, ROWS> { columns, twiddle, at, spectrum, overlap, output }),
        }
    }

    /// Transforms a vector of each row, from where it is read to where it is written.
    #[inline(always)]
    fn transform<S: Simd<T = T>, const R: usize>(&self, s: S, ends: &mut impl Ends<S>) {
        let zero = ([s.splat(T::ZERO); 8], [s.splat(T::ZERO); 8]);
        match R {
            1 => {
                let (re, im) = ends.read(s, 0);
                ends.write(s, 0, re, im);
            }
            8 => {
                let (mut re, mut im) = zero;
                for n in 0..8 {
                    (re[n], im[n]) = ends.read(s, n);
                }
                let (re, im) = eight(s, re, im);
                for k in 0..8 {
                    ends.write(s, k, re[k], im[k]);
                }
            }
            _ => {
                // eight transforms of every eighth vector, factors, eight transforms across them
                let mut held = [zero; 8];
                for n in 0..8 {
                    let (mut re, mut im) = zero;
                    for m in 0..8 {
                        (re[m], im[m]) = ends.read(s, 8 * m + n);
                    }
                    let (re, im) = eight(s, re, im);
                    for k in 0..8 {
                        let [cos, sin] = self.roots[n * k];
                        (held[k].0[n], held[k].1[n]) = product(s, re[k], im[k], s.splat(cos), s.splat(sin));
                    }
                }
                for (k, &(re, im)) in held.iter().enumerate() {
                    let (re, im) = eight(s, re, im);
                    for m in 0..8 {
                        ends.write(s, 8 * m + k, re[m], im[m]);
                    }
                }
            }
        }
    }
}

/// Where a transform reads and writes the vectors of its rows.
trait Ends<S: Simd> {
    fn read(&self, s: S, n: usize) -> (S::V, S::V);
    fn write(&mut self, s: S, k: usize, re: S::V, im: S::V);
}

/// The vectors at `at` of 64 real and of 64 imaginary parts.
#[inline(always)]
fn pair<S: Simd>(s: S, row: &Row<S::T>, at: usize) -> (S::V, S::V) {
    (s.load(&row[at..]), s.load(&row[COLUMNS + at..]))
}

/// `(re + i im) (cos + i sin)`
#[inline(always)]
fn product<S: Simd>(s: S, re: S::V, im: S::V, cos: S::V, sin: S::V) -> (S::V, S::V) {
    (s.sub(s.mul(re, cos), s.mul(im, sin)), s.mul_add(re, sin, s.mul(im, cos)))
}

/// Transforms eight vectors of real and of imaginary parts.
#[inline(always)]
fn eight<S: Simd>(s: S, mut re: [S::V; 8], mut im: [S::V; 8]) -> ([S::V; 8], [S::V; 8]) {
    let zero = [s.splat(S::T::ZERO); 4];
    let (mut even, mut odd) = ([zero, zero], [zero, zero]);
    for n in 0..4 {
        (even[0][n], even[1][n]) = (s.add(re[n], re[n + 4]), s.add(im[n], im[n + 4]));
        (odd[0][n], odd[1][n]) = (s.sub(re[n], re[n + 4]), s.sub(im[n], im[n + 4]));
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
        (re[2 * n], im[2 * n]) = (even[0][n], even[1][n]);
        (re[2 * n + 1], im[2 * n + 1]) = (odd[0][n], odd[1][n]);
    }
    (re, im)
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
    twiddle: &'a [Row<T>],
    at: usize,
    input: &'a [[T; COLUMNS]],
    spectrum: &'a mut [Row<T>],
}

impl<T: Scalar, const R: usize> Kernel<T> for Forward<'_, T, R> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        // slices of a length that the compiler knows: it leaves out the checks of indices
        let Forward { columns, twiddle, at, input, spectrum } = self;
        let mut ends = Forward::<T, R> { columns, twiddle: &twiddle[..R], at, input: &input[..R], spectrum: &mut spectrum[..R] };
        while ends.at < at + GROUP {
            columns.transform::<S, R>(s, &mut ends);
            ends.at += S::N;
        }
    }
}

impl<T: Scalar, S: Simd<T = T>, const R: usize> Ends<S> for Forward<'_, T, R> {
    #[inline(always)]
    fn read(&self, s: S, n: usize) -> (S::V, S::V) {
        let ([cos, sin], x) = (self.columns.twist[n], s.load(&self.input[n][self.at..]));
        (s.mul(x, s.splat(cos)), s.mul(x, s.splat(sin)))
    }

    #[inline(always)]
    fn write(&mut self, s: S, k: usize, re: S::V, im: S::V) {
        let (cos, sin) = pair(s, &self.twiddle[k], self.at);
        let (re, im) = product(s, re, im, cos, sin);
        s.store(re, &mut self.spectrum[k][self.at..]);
        s.store(im, &mut self.spectrum[k][COLUMNS + self.at..]);
    }
}

struct Back<'a, T, const R: usize> {
    columns: &'a Columns<T>,
    twiddle: &'a [Row<T>],
    at: usize,
    spectrum: &'a [Row<T>],
    overlap: &'a mut [[T; GROUP]],
    output: &'a mut [[T; COLUMNS]],
}

impl<T: Scalar, const R: usize> Kernel<T> for Back<'_, T, R> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Back { columns, twiddle, at, spectrum, overlap, output } = self;
        let (overlap, output) = (&mut overlap[..R], &mut output[..R]);
        let mut ends = Back::<T, R> { columns, twiddle: &twiddle[..R], at, spectrum: &spectrum[..R], overlap, output };
        while ends.at < at + GROUP {
            columns.transform::<S, R>(s, &mut ends);
            ends.at += S::N;
        }
    }
}

/// The way back is the way there with real and imaginary parts exchanged.
impl<T: Scalar, S: Simd<T = T>, const R: usize> Ends<S> for Back<'_, T, R> {
    #[inline(always)]
    fn read(&self, s: S, n: usize) -> (S::V, S::V) {
        let ((re, im), (cos, sin)) = (pair(s, &self.spectrum[n], self.at), pair(s, &self.twiddle[n], self.at));
        product(s, im, re, cos, sin)
    }

    #[inline(always)]
    fn write(&mut self, s: S, k: usize, re: S::V, im: S::V) {
        let ([cos, sin], overlap) = (self.columns.twist[k], &mut self.overlap[k][self.at % GROUP..]);
        let (last, first) = product(s, re, im, s.splat(cos), s.splat(sin));
        s.store(s.add(first, s.load(overlap)), &mut self.output[k][self.at..]);
        s.store(last, overlap);
    }
}
