//! Linear-phase half-band stages: polyphase, symmetric, one block at a time.

use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};
use alloc::vec;
use alloc::vec::Vec;

/// Half of a symmetric FIR over a line that starts with `2 * half.len() - 1` past samples:
/// `out[n] = sum_i half[i] (line[n + i] + line[n + L - 1 - i])`, `L = 2 * half.len()`.
///
/// The order of the additions is the same for every `n` and every instruction set width, so any split of a signal into
/// blocks gives the same bits.
struct Symmetric<'a, T> {
    half: &'a [T],
    line: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Symmetric<'_, T> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(self, simd: S) {
        const WIDE: usize = 4;
        let (half, line, frames) = (self.half, self.line, self.out.len());
        let last = 2 * half.len() - 1;
        let mut n = 0;
        while n + WIDE * S::N <= frames {
            let mut sum = [simd.splat(T::ZERO); WIDE];
            for (i, &h) in half.iter().enumerate() {
                let h = simd.splat(h);
                let left = &line[n + i..n + i + WIDE * S::N];
                let right = &line[n + last - i..n + last - i + WIDE * S::N];
                for (w, sum) in sum.iter_mut().enumerate() {
                    let pair = simd.add(simd.load(&left[w * S::N..]), simd.load(&right[w * S::N..]));
                    *sum = simd.mul_add(h, pair, *sum);
                }
            }
            for (w, &sum) in sum.iter().enumerate() {
                simd.store(sum, &mut self.out[n + w * S::N..]);
            }
            n += WIDE * S::N;
        }
        while n < frames {
            let m = S::N.min(frames - n);
            let mut sum = simd.splat(T::ZERO);
            for (i, &h) in half.iter().enumerate() {
                let left = simd.load_partial(&line[n + i..n + i + m]);
                let right = simd.load_partial(&line[n + last - i..n + last - i + m]);
                sum = simd.mul_add(simd.splat(h), simd.add(left, right), sum);
            }
            simd.store_partial(sum, &mut self.out[n..n + m]);
            n += m;
        }
    }
}

/// One 2x interpolator: even outputs are filtered, odd outputs are delayed inputs.
#[derive(Clone, Debug)]
pub(super) struct FirUp<T> {
    half: Vec<T>,
    line: Vec<T>,
    even: Vec<T>,
}

impl<T: Scalar> FirUp<T> {
    /// `half` as in `taps.rs`; at most `block` input samples per call.
    pub(super) fn new(half: &[f64], block: usize) -> Self {
        FirUp {
            half: half.iter().map(|&h| T::from_f64(2.0 * h)).collect(),
            line: vec![T::ZERO; 2 * half.len() - 1 + block],
            even: vec![T::ZERO; block],
        }
    }

    pub(super) fn reset(&mut self) {
        self.line.fill(T::ZERO);
    }

    /// `y.len() == 2 * x.len()`, and `x.len()` at most the block given to `new`.
    pub(super) fn process(&mut self, x: &[T], y: &mut [T]) {
        let past = 2 * self.half.len() - 1;
        self.line[past..past + x.len()].copy_from_slice(x);
        let even = &mut self.even[..x.len()];
        T::dispatch(Symmetric { half: &self.half, line: &self.line[..past + x.len()], out: even });
        // the centre tap, at 2 half - 1 of the output rate, is half.len() - 1 input samples before the odd instant
        let centre = &self.line[past + 1 - self.half.len()..];
        for ((pair, &e), &c) in y.chunks_exact_mut(2).zip(even.iter()).zip(centre) {
            pair[0] = e;
            pair[1] = c;
        }
        self.line.copy_within(x.len()..x.len() + past, 0);
    }
}

/// One 2x decimator: even inputs are filtered, odd inputs are delayed and halved.
#[derive(Clone, Debug)]
pub(super) struct FirDown<T> {
    half: Vec<T>,
    line: Vec<T>,
    odd: Vec<T>,
}

impl<T: Scalar> FirDown<T> {
    /// `half` as in `taps.rs`; at most `block` output samples per call.
    pub(super) fn new(half: &[f64], block: usize) -> Self {
        FirDown {
            half: half.iter().map(|&h| T::from_f64(h)).collect(),
            line: vec![T::ZERO; 2 * half.len() - 1 + block],
            odd: vec![T::ZERO; half.len() + block],
        }
    }

    pub(super) fn reset(&mut self) {
        self.line.fill(T::ZERO);
        self.odd.fill(T::ZERO);
    }

    /// `x.len() == 2 * y.len()`, and `y.len()` at most the block given to `new`.
    pub(super) fn process(&mut self, x: &[T], y: &mut [T]) {
        let (past, delay) = (2 * self.half.len() - 1, self.half.len());
        for (n, pair) in x.chunks_exact(2).enumerate() {
            self.line[past + n] = pair[0];
            self.odd[delay + n] = pair[1];
        }
        T::dispatch(Symmetric { half: &self.half, line: &self.line[..past + y.len()], out: y });
        let centre = T::from_f64(0.5);
        for (y, &odd) in y.iter_mut().zip(&self.odd) {
            *y += centre * odd;
        }
        self.line.copy_within(y.len()..y.len() + past, 0);
        self.odd.copy_within(y.len()..y.len() + delay, 0);
    }
}
