//! Partitions of one length, and the work of a block in equal shares.

use super::BLOCK;
use super::columns::{Columns, GROUP, GROUPS, Row};
use super::fourier::{FourierScalar, Transforms};
use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use rustfft::num_complex::Complex;

/// Length of a row of a transform, and the real numbers that one takes.
pub(super) const COLUMNS: usize = 64;
const ROW: usize = 2 * COLUMNS;

/// A transform of `L = rows * 64` real numbers in pieces.
///
/// The numbers are the coefficients of a polynomial, whose values are taken at the `L` roots of `z^L = i`. The product of two such
/// polynomials modulo `z^L - i` holds the first `L` samples of their convolution as its real part and the last `L` as its imaginary
/// part. With `n = 64 n1 + n2` and `k = k1 + rows k2`,
///
/// `X[k] = Σ_n2 e^(-2πi n2 k2 / 64) twiddle[k1][n2] Σ_n1 e^(-2πi n1 k1 / rows) twist[n1] x[n]`:
///
/// transforms of columns, factors, transforms of rows. A row needs no other row, and its inverse follows its products at once.
struct Transform<T> {
    columns: Columns<T>,
    row: Arc<dyn Transforms<T>>,
}

impl<T: FourierScalar> Transform<T> {
    fn new(rows: usize) -> Self {
        Transform { columns: Columns::new(rows), row: T::plan(COLUMNS) }
    }

    /// A row of the spectrum.
    fn row_of_input(&self, k: usize, work: &mut Work<T>, to: &mut [T]) {
        interleave(&work.spectrum[k][..ROW], &mut work.row);
        self.row.forward(&mut work.row, &mut work.scratch);
        part(&work.row, to);
    }

    /// A row of the output's spectrum, on its way back.
    fn row_of_output(&self, k: usize, work: &mut Work<T>) {
        interleave(&work.sums, &mut work.row);
        self.row.inverse(&mut work.row, &mut work.scratch);
        part(&work.row, &mut work.spectrum[k][..ROW]);
    }

    /// The spectra of an impulse response, divided by `L`: of each row, of each partition, 64 real and 64 imaginary parts.
    fn spectra(&self, taps: &[T]) -> Vec<T> {
        let rows = self.columns.rows;
        let frames = rows * COLUMNS;
        let partitions = taps.len().div_ceil(frames);
        let mut spectra = vec![T::ZERO; 2 * frames * partitions];
        let mut work = Work::new(self);
        let share = T::ONE / T::from_usize(frames);
        for (p, taps) in taps.chunks(frames).enumerate() {
            let input = work.input.as_flattened_mut();
            input.fill(T::ZERO);
            for (input, &tap) in input.iter_mut().zip(taps) {
                *input = tap * share;
            }
            (0..GROUPS).for_each(|group| self.columns.forward(group, &work.input, &mut work.spectrum));
            for k in 0..rows {
                self.row_of_input(k, &mut work, &mut spectra[(k * partitions + p) * ROW..][..ROW]);
            }
        }
        spectra
    }
}

/// Complex numbers of 64 real and 64 imaginary parts.
fn interleave<T: FourierScalar>(from: &[T], to: &mut [Complex<T>]) {
    let (re, im) = from.split_at(COLUMNS);
    for ((z, &re), &im) in to.iter_mut().zip(re).zip(im) {
        *z = Complex::new(re, im);
    }
}

/// Their real parts, then their imaginary parts.
fn part<T: FourierScalar>(from: &[Complex<T>], to: &mut [T]) {
    let (re, im) = to.split_at_mut(COLUMNS);
    for ((re, im), z) in re.iter_mut().zip(im).zip(from) {
        (*re, *im) = (z.re, z.im);
    }
}

/// What a transform works in.
#[derive(Clone)]
struct Work<T> {
    input: Vec<[T; COLUMNS]>,
    spectrum: Vec<Row<T>>,
    row: Vec<Complex<T>>,
    /// Of a row of the output's spectrum, 64 real and 64 imaginary parts.
    sums: [T; ROW],
    scratch: Vec<Complex<T>>,
    /// Of each group of columns, of each row.
    overlap: Vec<[T; GROUP]>,
    output: Vec<[T; COLUMNS]>,
}

impl<T: FourierScalar> Work<T> {
    fn new(transform: &Transform<T>) -> Self {
        let (zero, rows) = (Complex::new(T::ZERO, T::ZERO), transform.columns.rows);
        Work {
            input: vec![[T::ZERO; COLUMNS]; rows],
            spectrum: vec![[T::ZERO; ROW + GROUP]; rows],
            row: vec![zero; COLUMNS],
            sums: [T::ZERO; ROW],
            scratch: vec![zero; transform.row.scratch_len()],
            overlap: vec![[T::ZERO; GROUP]; GROUPS * rows],
            output: vec![[T::ZERO; COLUMNS]; rows],
        }
    }
}

/// The partitions of one length, as far as clones may share them.
struct Plan<T> {
    transform: Transform<T>,
    partitions: usize,
    /// As [`Transform::spectra`] makes them.
    response: Vec<T>,
}

/// The partitions of one length: hears a block while it works on the last one and plays the one before.
#[derive(Clone)]
pub(super) struct Stage<T> {
    plan: Arc<Plan<T>>,
    work: Work<T>,
    filling: Vec<[T; COLUMNS]>,
    playing: Vec<[T; COLUMNS]>,
    /// Spectra of the last blocks: of each row, of each block, 64 real and 64 imaginary parts.
    past: Vec<T>,
    /// Which block of `past` is the newest, and how many there are since the beginning.
    newest: usize,
    known: usize,
    /// Samples heard of the block that fills.
    at: usize,
    /// The next piece of work, and the costs of those of this block that are done.
    piece: usize,
    spent: usize,
}

impl<T: FourierScalar> Stage<T> {
    /// At rest; the first tap is `2 * frames` samples late. `frames` is a multiple of 64.
    pub(super) fn new(frames: usize, taps: &[T]) -> Self {
        let rows = frames / COLUMNS;
        // In double precision: what is rounded here would be heard as often as the response is.
        let exact: Vec<f64> = taps.iter().map(|&tap| tap.to_f64()).collect();
        let response = Transform::new(rows).spectra(&exact).iter().map(|&part| T::from_f64(part)).collect();
        let plan = Arc::new(Plan { transform: Transform::new(rows), partitions: taps.len().div_ceil(frames), response });
        let mut stage = Stage {
            work: Work::new(&plan.transform),
            filling: vec![[T::ZERO; COLUMNS]; rows],
            playing: vec![[T::ZERO; COLUMNS]; rows],
            // a copy, not zeros: the system may find the memory of those when they are first touched, in the audio callback
            past: plan.response.clone(),
            newest: 0,
            known: 0,
            at: 0,
            piece: 0,
            spent: 0,
            plan,
        };
        stage.reset();
        stage
    }

    /// Forgets the past, of which the spectra may stay: nobody looks at them.
    pub(super) fn reset(&mut self) {
        self.work.overlap.as_flattened_mut().fill(T::ZERO);
        for samples in [&mut self.playing, &mut self.work.output] {
            samples.as_flattened_mut().fill(T::ZERO);
        }
        (self.newest, self.known, self.at) = (0, 0, 0);
        (self.piece, self.spent) = (self.pieces(), self.total());
    }

    /// Hears some samples and adds as many to `y`.
    pub(super) fn exchange(&mut self, x: &[T], y: &mut [T]) {
        self.filling.as_flattened_mut()[self.at..self.at + x.len()].copy_from_slice(x);
        for (y, &own) in y.iter_mut().zip(&self.playing.as_flattened()[self.at..]) {
            *y += own;
        }
        self.at += x.len();
    }

    /// The share of the work that is due, and what it cost; called after every 64 samples.
    pub(super) fn advance(&mut self) -> usize {
        let frames = COLUMNS * self.filling.len();
        if self.at == frames {
            core::mem::swap(&mut self.filling, &mut self.work.input);
            core::mem::swap(&mut self.playing, &mut self.work.output);
            self.newest = self.newest.checked_sub(1).unwrap_or(self.plan.partitions - 1);
            self.known = (self.known + 1).min(self.plan.partitions);
            (self.at, self.piece, self.spent) = (0, 0, 0);
        }
        let (before, due) = (self.spent, self.total() * (self.at / BLOCK + 1) / (frames / BLOCK));
        while self.spent < due {
            self.spent += self.cost(self.piece);
            self.do_piece();
        }
        self.spent - before
    }

    /// Columns forward; rows forward and back, in two halves each; columns back.
    fn pieces(&self) -> usize {
        2 * GROUPS + 2 * self.plan.transform.columns.rows
    }

    /// What a piece costs, in nanoseconds of a Zen 4 in single precision: only ratios matter.
    fn cost(&self, piece: usize) -> usize {
        let rows = self.plan.transform.columns.rows;
        if (GROUPS..GROUPS + 2 * rows).contains(&piece) { 75 + 9 * self.plan.partitions } else { 18 * rows }
    }

    fn total(&self) -> usize {
        2 * (GROUPS * self.cost(0) + self.plan.transform.columns.rows * self.cost(GROUPS))
    }

    fn do_piece(&mut self) {
        let (plan, transform, work) = (&*self.plan, &self.plan.transform, &mut self.work);
        let rows = transform.columns.rows;
        match self.piece.checked_sub(GROUPS) {
            None => transform.columns.forward(self.piece, &work.input, &mut work.spectrum),
            Some(half) if half < 2 * rows => {
                let (k, row, last) = (half / 2, ROW * plan.partitions, half % 2 == 1);
                let (past, response) = (&mut self.past[k * row..][..row], &plan.response[k * row..][..row]);
                if !last {
                    transform.row_of_input(k, work, &mut past[self.newest * ROW..][..ROW]);
                }
                let columns = if last { COLUMNS / 2..COLUMNS } else { 0..COLUMNS / 2 };
                T::dispatch(Products { past, newest: self.newest, known: self.known, response, columns, sums: &mut work.sums });
                if last {
                    transform.row_of_output(k, work);
                }
            }
            Some(half) => transform.columns.back(half - 2 * rows, &work.spectrum, &mut work.overlap, &mut work.output),
        }
        self.piece += 1;
    }
}

/// The sum of the products of the last blocks' spectra with the partitions', in some columns of one row.
struct Products<'a, T> {
    past: &'a [T],
    newest: usize,
    known: usize,
    response: &'a [T],
    columns: Range<usize>,
    sums: &'a mut [T; ROW],
}

impl<T: Scalar> Kernel<T> for Products<'_, T> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        const WIDE: usize = 2;
        let (older, newer) = self.past.split_at(self.newest * ROW);
        let (near, far) = self.response.split_at(newer.len());
        // The first partition belongs to the newest block, and so on round the ring.
        let near = &near[..near.len().min(self.known * ROW)];
        let far = &far[..far.len().min((self.known * ROW).saturating_sub(newer.len()))];
        let mut at = self.columns.start;
        while at < self.columns.end {
            let zero = [s.splat(T::ZERO); WIDE];
            let (mut re, mut less, mut im) = (zero, zero, zero);
            for (past, response) in [(newer, near), (older, far)] {
                for (x, h) in past.chunks_exact(ROW).zip(response.chunks_exact(ROW)) {
                    for w in 0..WIDE {
                        let at = at + w * S::N;
                        let (xr, xi) = (s.load(&x[at..]), s.load(&x[COLUMNS + at..]));
                        let (hr, hi) = (s.load(&h[at..]), s.load(&h[COLUMNS + at..]));
                        re[w] = s.mul_add(xr, hr, re[w]);
                        less[w] = s.mul_add(xi, hi, less[w]);
                        im[w] = s.mul_add(xr, hi, s.mul_add(xi, hr, im[w]));
                    }
                }
            }
            for w in 0..WIDE {
                let at = at + w * S::N;
                s.store(s.sub(re[w], less[w]), &mut self.sums[at..]);
                s.store(im[w], &mut self.sums[COLUMNS + at..]);
            }
            at += WIDE * S::N;
        }
    }
}
