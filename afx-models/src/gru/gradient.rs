//! The unit's derivative.

use super::step::{Wanted, biases, keep, step, step_any};
use super::{Gru, Turns, single};
use crate::cell::{Parts, SEGMENT, Spread, carry, transpose};
use afx_core::simd::{Kernel, Simd, take};
use afx_core::{ALIGN, Differentiable, Scalar};

/// Rows of the gate buffers on the tape: da_r, da_z, d(recurrent n), da_n; forward they hold r, z, n and the recurrent n.
const ROWS: usize = 4;
/// Rows of the cotangents of the gates' sums from the input.
const INPUT: [usize; 3] = [0, 1, 3];

impl<T: Scalar> Differentiable<T> for Gru {
    /// The memory before the segment, the four gate rows of every frame, the cotangent of the memory, and the recurrent weights
    /// transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let h = self.padded();
        h + frames * ROWS * h + h + 3 * self.hidden * h + ALIGN
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        if const { T::SINGLE } {
            let numbers = (T::singles(params), T::singles_mut(state), T::singles(x), T::singles_mut(y), T::singles_mut(tape));
            if let (Some(params), Some(state), Some(x), Some(y), Some(tape)) = numbers {
                single::forward(self, params, state, x, y, tape);
            }
        } else {
            T::dispatch_width(self.hidden, Forward { gru: self, params, state, x, y, tape });
        }
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        if const { T::SINGLE } {
            let (params, x, y, dy) = (T::singles(params), T::singles(x), T::singles(y), T::singles(dy));
            let (tape, dx, dparams) = (T::singles_mut(tape), T::singles_mut(dx), T::singles_mut(dparams));
            if let (Some(params), Some(x), Some(y), Some(tape), Some(dy), Some(dx), Some(dparams)) = (params, x, y, tape, dy, dx, dparams) {
                single::backward(self, params, x, y, tape, dy, dx, dparams);
            }
        } else {
            let to = Spread { maps: self.maps(), params, x, y, dx, dparams };
            T::dispatch_width(self.hidden, Backward { gru: self, tape, dy, to });
        }
    }
}

pub(super) struct Forward<'a, T> {
    pub gru: &'a Gru,
    pub params: &'a [T],
    pub state: &'a mut [T],
    pub x: &'a [T],
    pub y: &'a mut [T],
    pub tape: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let padded = self.gru.padded();
        self.tape[..padded].copy_from_slice(&self.state[..padded]);
        let hidden = self.gru.hidden;
        // The sizes of `Play`: another order of the sums would give other bits.
        match (hidden.div_ceil(S::N), hidden.is_multiple_of(S::N)) {
            _ if const { !S::VECTORS } => self.any(s),
            (1, true) => s.vectorize(Whole::<T, 1, true>(self)),
            (2, true) => s.vectorize(Whole::<T, 2, true>(self)),
            (3, true) => s.vectorize(Whole::<T, 3, true>(self)),
            (4, true) => s.vectorize(Whole::<T, 4, true>(self)),
            (5, true) => s.vectorize(Whole::<T, 5, true>(self)),
            (6, true) => s.vectorize(Whole::<T, 6, true>(self)),
            (7, true) if const { S::N == 16 } => s.vectorize(Whole::<T, 7, true>(self)),
            (8, true) if const { S::N == 16 } => s.vectorize(Whole::<T, 8, true>(self)),
            (1, false) => s.vectorize(Whole::<T, 1, false>(self)),
            (2, false) => s.vectorize(Whole::<T, 2, false>(self)),
            (3, false) => s.vectorize(Whole::<T, 3, false>(self)),
            (4, false) => s.vectorize(Whole::<T, 4, false>(self)),
            (5, false) => s.vectorize(Whole::<T, 5, false>(self)),
            (6, false) if const { S::N == 16 } => s.vectorize(Whole::<T, 6, false>(self)),
            (7, false) if const { S::N == 16 } => s.vectorize(Whole::<T, 7, false>(self)),
            (8, false) if const { S::N == 16 } => s.vectorize(Whole::<T, 8, false>(self)),
            _ => self.any(s),
        }
    }
}

/// [`Forward`] where `hidden` is `C` vectors, or the last of them is not full; each compiled on its own.
struct Whole<'a, T, const C: usize, const FULL: bool>(Forward<'a, T>);

impl<T: Scalar, const C: usize, const FULL: bool> Kernel<T> for Whole<'_, T, C, FULL> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        self.0.run::<S, C, FULL>(s);
    }
}

impl<T: Scalar> Forward<'_, T> {
    /// Any number of units.
    #[inline(always)]
    fn any<S: Simd<T = T>>(self, s: S) {
        let padded = self.gru.padded();
        let rows = self.tape[padded..].chunks_exact_mut(ROWS * padded);
        let frames = self.x.chunks_exact(self.gru.inputs).zip(self.y.chunks_exact_mut(self.gru.hidden));
        let mut turns = Turns::load(self.gru.hidden, self.state);
        for (row, (x, y)) in rows.zip(frames) {
            step_any(s, self.gru, self.params, [self.state], [x], turns.take(), &mut Wanted::Rows(row, padded));
            y.copy_from_slice(&self.state[..self.gru.hidden]);
        }
        turns.store(self.state);
    }

    /// `C` vectors of units in registers.
    #[inline(always)]
    fn run<S: Simd<T = T>, const C: usize, const FULL: bool>(self, s: S) {
        // A number that the compiler knows: whole rows of the product unroll.
        let (inputs, hidden, padded) = (self.gru.inputs, if FULL { C * S::N } else { self.gru.hidden }, self.gru.padded());
        let parts = Parts { hidden, ..self.gru.parts(self.params) };
        let b = biases::<S, C>(s, &parts, 0);
        let rows = self.tape[padded..].chunks_exact_mut(ROWS * padded);
        let mut turns = Turns::load(hidden, self.state);
        for (row, (x, y)) in rows.zip(self.x.chunks_exact(inputs).zip(self.y.chunks_exact_mut(hidden))) {
            let [gates] = step::<S, 1, C>(s, &parts, 0, &b, [self.state], [x], turns.take());
            keep::<S, C, FULL>(s, &gates, self.state, y);
            for c in 0..C {
                let at = c * S::N;
                for (i, gate) in [gates.r[c], gates.z[c], gates.n[c], gates.recurrent[c]].into_iter().enumerate() {
                    s.store(gate, &mut row[i * padded + at..]);
                }
            }
        }
        turns.store(self.state);
    }
}

pub(super) struct Backward<'a, T> {
    pub gru: &'a Gru,
    pub tape: &'a mut [T],
    pub dy: &'a [T],
    pub to: Spread<'a, T>,
}

impl<T: Scalar> Kernel<T> for Backward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        match (self.gru.hidden.div_ceil(S::N), self.gru.hidden.is_multiple_of(S::N)) {
            _ if const { !S::VECTORS } => self.any(s),
            (1, true) => s.vectorize(Held::<T, 1>(self)),
            (2, true) => s.vectorize(Held::<T, 2>(self)),
            (3, true) => s.vectorize(Held::<T, 3>(self)),
            (4, true) => s.vectorize(Held::<T, 4>(self)),
            _ => self.any(s),
        }
    }
}

/// [`Backward`] where `hidden` is `C` vectors; each compiled on its own.
struct Held<'a, T, const C: usize>(Backward<'a, T>);

impl<T: Scalar, const C: usize> Kernel<T> for Held<'_, T, C> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        self.0.held::<S, C>(s);
    }
}

impl<T: Scalar> Backward<'_, T> {
    /// Any number of units.
    #[inline(always)]
    fn any<S: Simd<T = T>>(mut self, s: S) {
        let (hidden, padded) = (self.gru.hidden, self.gru.padded());
        let frames = self.to.x.len() / self.gru.inputs;
        let (first, rest) = core::mem::take(&mut self.tape).split_at_mut(padded);
        let (rows, rest) = rest.split_at_mut(frames * ROWS * padded);
        let (dh, transposed) = rest.split_at_mut(padded);
        transpose(&self.to.maps, self.to.params, transposed);
        dh.fill(T::ZERO);
        let mut end = frames;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let old = if t == 0 { &first[..hidden] } else { &self.to.y[(t - 1) * hidden..t * hidden] };
                let row = &mut rows[t * ROWS * padded..(t + 1) * ROWS * padded];
                gate_cotangents(s, padded, old, &self.dy[t * hidden..(t + 1) * hidden], row, dh);
                carry(s, &self.to.maps, transposed, row, dh);
            }
            let rows = &rows[start * ROWS * padded..end * ROWS * padded];
            self.to.add(s, hidden, first, rows, ROWS * padded, INPUT, start, end);
            end = start;
        }
    }

    /// `C` vectors of units: a frame's cotangents stay in registers, and what goes back through the recurrent weights are dot products with
    /// their rows.
    #[inline(always)]
    fn held<S: Simd<T = T>, const C: usize>(mut self, s: S) {
        // A number that the compiler knows: the rows unroll.
        let (hidden, padded) = (C * S::N, self.gru.padded());
        let w = &self.gru.parts(self.to.params).w_hh[..3 * hidden * hidden];
        let (first, rows) = core::mem::take(&mut self.tape).split_at_mut(padded);
        let zero = s.splat(T::ZERO);
        let mut dh = [zero; C];
        let mut end = self.to.x.len() / self.gru.inputs;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let old = if t == 0 { &first[..hidden] } else { &self.to.y[(t - 1) * hidden..t * hidden] };
                let dy = &self.dy[t * hidden..(t + 1) * hidden];
                let row = &mut rows[t * ROWS * padded..(t + 1) * ROWS * padded];
                let mut da = [[zero; C]; ROWS];
                for c in 0..C {
                    let at = c * S::N;
                    let slopes = slopes(s, padded, row, at, s.load(&old[at..]));
                    let d = s.add(dh[c], s.load(&dy[at..]));
                    dh[c] = s.mul(d, s.load(&row[padded + at..]));
                    for i in 0..ROWS {
                        da[i][c] = s.mul(d, slopes[i]);
                        s.store(da[i][c], &mut row[i * padded + at..]);
                    }
                }
                // A loop whose end the compiler does not know: it would mix all rows, whose sums would leave the registers.
                for (dh, w) in dh.iter_mut().zip(w.chunks_exact(3 * hidden * S::N)).take(self.gru.hidden / S::N) {
                    let mut sums = [zero; 16];
                    for i in 0..S::N {
                        let w = &w[i * 3 * hidden..(i + 1) * 3 * hidden];
                        sums[i] = s.mul(s.load(w), da[0][0]);
                        for j in 1..3 * C {
                            sums[i] = s.mul_add(s.load(&w[j * S::N..]), da[j / C][j % C], sums[i]);
                        }
                    }
                    *dh = s.add(*dh, s.sum_each(&sums));
                }
            }
            let rows = &rows[start * ROWS * padded..end * ROWS * padded];
            self.to.add(s, hidden, first, rows, ROWS * padded, INPUT, start, end);
            end = start;
        }
    }
}

/// da_r, da_z, d(recurrent n), da_n per unit of the memory's cotangent, for a vector of units at `at`, from the row of r, z, n, recurrent n
/// and the memory before. A frame waits for that cotangent, but not for these.
#[inline(always)]
fn slopes<S: Simd>(s: S, padded: usize, row: &[S::T], at: usize, old: S::V) -> [S::V; ROWS] {
    let one = s.splat(S::T::ONE);
    let (r, z) = (s.load(&row[at..]), s.load(&row[padded + at..]));
    let (n, recurrent) = (s.load(&row[2 * padded + at..]), s.load(&row[3 * padded + at..]));
    let shut = s.sub(one, z);
    let da_n = s.mul(shut, s.sub(one, s.mul(n, n)));
    let da_z = s.mul(s.sub(old, n), s.mul(z, shut));
    let da_r = s.mul(s.mul(da_n, recurrent), s.mul(r, s.sub(one, r)));
    [da_r, da_z, s.mul(da_n, r), da_n]
}

/// Turns r, z, n, recurrent n of a frame into da_r, da_z, d(recurrent n), da_n, and `dh` into its part that bypasses the gates.
#[inline(always)]
fn gate_cotangents<S: Simd>(s: S, padded: usize, old: &[S::T], dy: &[S::T], row: &mut [S::T], dh: &mut [S::T]) {
    let mut at = 0;
    while at < old.len() {
        let end = (at + S::N).min(old.len());
        let slopes = slopes(s, padded, row, at, take(s, &old[at..end]));
        let d = s.add(s.load(&dh[at..]), take(s, &dy[at..end]));
        s.store(s.mul(d, s.load(&row[padded + at..])), &mut dh[at..]);
        for i in 0..ROWS {
            s.store(s.mul(d, slopes[i]), &mut row[i * padded + at..]);
        }
        at += S::N;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::simd::{One, Portable};
    use afx_core::testing::Noise;
    use afx_core::{Aligned, Layer};
    use alloc::vec;
    use alloc::vec::Vec;

    /// Parameter and input cotangents of 70 frames, more than two segments, by the kernels of a set of instructions.
    fn cotangents<S: Simd<T = f32>>(s: S, gru: &Gru) -> (Vec<f32>, Vec<f32>) {
        let (inputs, hidden, frames) = (gru.inputs, gru.hidden, 70);
        let mut noise = Noise::new(hidden as u64);
        let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(gru));
        gru.initialize(&mut || noise.next_f64(), &mut params);
        let x: Vec<f32> = noise.take(frames * inputs, 1.0);
        let dy: Vec<f32> = noise.take(frames * hidden, 1.0);
        let mut state = Aligned::<f32>::zeros(Layer::<f32>::state_len(gru));
        state[..hidden].copy_from_slice(&noise.take(hidden, 0.5));
        let mut tape = Aligned::<f32>::zeros(Differentiable::<f32>::tape_len(gru, frames));
        let (mut y, mut dx, mut dparams) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; params.len()]);
        s.vectorize(Forward { gru, params: &params, state: &mut state, x: &x, y: &mut y, tape: &mut tape });
        let to = Spread { maps: gru.maps(), params: &params, x: &x, y: &y, dx: &mut dx, dparams: &mut dparams };
        s.vectorize(Backward { gru, tape: &mut tape, dy: &dy, to });
        (dparams, dx)
    }

    fn agree(expected: &[f32], found: &[f32], gru: &Gru) {
        let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        assert!(largest > 0.1, "{gru:?}: cotangents too small for a relative tolerance: {largest}");
        for (i, (e, f)) in expected.iter().zip(found).enumerate() {
            assert!((e - f).abs() < 2e-6 * largest, "{gru:?} at {i}: {e} {f}"); // 4.5e-7 of each activation; 4.5e-7 found
        }
    }

    #[test]
    fn every_set_of_instructions_takes_the_gradient_that_one_lane_takes() {
        for (inputs, hidden) in [(1, 5), (1, 8), (2, 16), (1, 20), (1, 24), (3, 32), (1, 40), (1, 48), (1, 64), (1, 72), (2, 90), (1, 128)]
        {
            let gru = Gru { inputs, hidden, bias: hidden != 24 };
            let (dparams, dx) = cotangents(One::new(), &gru);
            let check = |found: (Vec<f32>, Vec<f32>)| {
                agree(&dparams, &found.0, &gru);
                agree(&dx, &found.1, &gru);
            };
            check(cotangents(Portable, &gru));
            #[cfg(target_arch = "x86_64")]
            {
                use afx_core::simd::{Avx2, Avx512};
                match Avx2::new() {
                    Some(token) => check(cotangents(token, &gru)),
                    None => std::println!("skipped: this processor has no AVX2"),
                }
                match Avx512::new() {
                    Some(token) => check(cotangents(token, &gru)),
                    None => std::println!("skipped: this processor has no AVX-512"),
                }
            }
        }
    }
}
