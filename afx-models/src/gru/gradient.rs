//! The unit's derivative.

use super::step::{Parts, biases, keep, step, step_any};
use super::{Gru, Turns, single};
use afx_core::simd::{Kernel, Order, Simd, outer_sum, take};
use afx_core::{ALIGN, Differentiable, Scalar};

/// Rows of the gate buffers on the tape: da_r, da_z, d(recurrent n), da_n; forward they hold r, z, n and the recurrent n.
const ROWS: usize = 4;
/// Frames whose outer products are summed in registers at a time.
const SEGMENT: usize = 32;

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
            T::dispatch_width(self.hidden, Backward { gru: self, params, x, y, tape, dy, dx, dparams });
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
            (8, true) if const { S::N == 16 } => s.vectorize(Whole::<T, 8, true>(self)),
            (2, false) => s.vectorize(Whole::<T, 2, false>(self)),
            (3, false) => s.vectorize(Whole::<T, 3, false>(self)),
            (4, false) => s.vectorize(Whole::<T, 4, false>(self)),
            (5, false) if const { S::N == 8 } => s.vectorize(Whole::<T, 5, false>(self)),
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
            step_any(s, self.gru, self.params, [self.state], [x], turns.take(), |_, at, gates| {
                for (i, gate) in gates.into_iter().enumerate() {
                    s.store(gate, &mut row[i * padded + at..]);
                }
            });
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
    pub params: &'a [T],
    pub x: &'a [T],
    pub y: &'a [T],
    pub tape: &'a mut [T],
    pub dy: &'a [T],
    pub dx: &'a mut [T],
    pub dparams: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Backward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let (hidden, padded) = (self.gru.hidden, self.gru.padded());
        let frames = self.x.len() / self.gru.inputs;
        let (first, rest) = core::mem::take(&mut self.tape).split_at_mut(padded);
        let (rows, rest) = rest.split_at_mut(frames * ROWS * padded);
        let (dh, transposed) = rest.split_at_mut(padded);
        transpose(self.gru, self.params, transposed);
        dh.fill(T::ZERO);
        let mut end = frames;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let old = if t == 0 { &first[..hidden] } else { &self.y[(t - 1) * hidden..t * hidden] };
                let row = &mut rows[t * ROWS * padded..(t + 1) * ROWS * padded];
                gate_cotangents(s, padded, old, &self.dy[t * hidden..(t + 1) * hidden], row, dh);
                carry(s, hidden, padded, transposed, row, dh);
            }
            self.weights(s, first, &rows[start * ROWS * padded..end * ROWS * padded], start, end);
            end = start;
        }
    }
}

/// The recurrent weights as `[3 * hidden, padded]`: a row for each gate's unit, zeros beyond `hidden`.
#[inline(always)]
fn transpose<T: Scalar>(gru: &Gru, params: &[T], out: &mut [T]) {
    let (hidden, padded) = (gru.hidden, gru.padded());
    let w = gru.parts(params).w_hh;
    for (g, row) in out.chunks_exact_mut(padded).take(3 * hidden).enumerate() {
        for (k, to) in row.iter_mut().enumerate() {
            *to = if k < hidden { w[k * 3 * hidden + g] } else { T::ZERO };
        }
    }
}

/// Turns r, z, n, recurrent n of a frame into da_r, da_z, d(recurrent n), da_n, and `dh` into its part that bypasses the gates.
#[inline(always)]
fn gate_cotangents<S: Simd>(s: S, padded: usize, old: &[S::T], dy: &[S::T], row: &mut [S::T], dh: &mut [S::T]) {
    let one = s.splat(S::T::ONE);
    let (r_row, row) = row.split_at_mut(padded);
    let (z_row, row) = row.split_at_mut(padded);
    let (n_row, recurrent_row) = row.split_at_mut(padded);
    let mut at = 0;
    while at < old.len() {
        let end = (at + S::N).min(old.len());
        let (old, dy) = (take(s, &old[at..end]), take(s, &dy[at..end]));
        let (r, z, n, recurrent) = (s.load(&r_row[at..]), s.load(&z_row[at..]), s.load(&n_row[at..]), s.load(&recurrent_row[at..]));
        let d = s.add(s.load(&dh[at..]), dy);
        let dn = s.mul(d, s.sub(one, z));
        let da_n = s.mul(dn, s.sub(one, s.mul(n, n)));
        let da_z = s.mul(s.mul(d, s.sub(old, n)), s.mul(z, s.sub(one, z)));
        let da_r = s.mul(s.mul(da_n, recurrent), s.mul(r, s.sub(one, r)));
        s.store(da_r, &mut r_row[at..]);
        s.store(da_z, &mut z_row[at..]);
        s.store(s.mul(da_n, r), &mut n_row[at..]);
        s.store(da_n, &mut recurrent_row[at..]);
        s.store(s.mul(d, z), &mut dh[at..]);
        at += S::N;
    }
}

/// Adds what goes back through the recurrent weights into `dh`.
#[inline(always)]
fn carry<S: Simd>(s: S, hidden: usize, padded: usize, transposed: &[S::T], row: &[S::T], dh: &mut [S::T]) {
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(s: S, hidden: usize, padded: usize, w: &[S::T], row: &[S::T], dh: &mut [S::T], at: usize) {
        let mut acc = [[[s.splat(S::T::ZERO); C]]];
        for c in 0..C {
            acc[0][0][c] = s.load(&dh[at + c * S::N..]);
        }
        for gate in 0..3 {
            let g = &row[gate * padded..gate * padded + hidden];
            s.matvec::<1, 1, C>(&mut acc, [g], &w[gate * hidden * padded + at..], padded, 0, Order::Forwards);
        }
        for c in 0..C {
            s.store(acc[0][0][c], &mut dh[at + c * S::N..]);
        }
    }
    let mut at = 0;
    while at + 4 * S::N <= padded {
        columns::<S, 4>(s, hidden, padded, transposed, row, dh, at);
        at += 4 * S::N;
    }
    while at + 2 * S::N <= padded {
        columns::<S, 2>(s, hidden, padded, transposed, row, dh, at);
        at += 2 * S::N;
    }
    while at + S::N <= padded {
        columns::<S, 1>(s, hidden, padded, transposed, row, dh, at);
        at += S::N;
    }
}

impl<T: Scalar> Backward<'_, T> {
    /// Parameter and input cotangents of the frames `start..end`, whose gate rows hold cotangents by now.
    #[inline(always)]
    fn weights<S: Simd<T = T>>(&mut self, s: S, first: &[T], rows: &[T], start: usize, end: usize) {
        let (inputs, hidden, padded) = (self.gru.inputs, self.gru.hidden, self.gru.padded());
        let [_, w_hh, b_ih, b_hh, _] = self.gru.places();
        let (stride, gates, frames) = (ROWS * padded, 3 * hidden, end - start);
        let x = &self.x[start * inputs..end * inputs];
        // The memory before frame `start` is the last output before it, or the tape's first entry.
        let (skip, rest) =
            if start == 0 { (1, &self.y[..(end - 1) * hidden]) } else { (0, &self.y[(start - 1) * hidden..(end - 1) * hidden]) };
        for gate in 0..3 {
            let recurrent = &rows[gate * padded..];
            let input = &rows[if gate == 2 { 3 } else { gate } * padded..];
            let at = gate * hidden;
            if frames > skip {
                let recurrent = &recurrent[skip * stride..];
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, rest, hidden, recurrent, stride, frames - skip, hidden, hidden);
            }
            if skip == 1 {
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, first, padded, recurrent, stride, 1, hidden, hidden);
            }
            outer_sum(s, &mut self.dparams[at..], gates, x, inputs, input, stride, frames, inputs, hidden);
            if self.gru.bias {
                outer_sum(s, &mut self.dparams[b_ih + at..], gates, &[T::ONE; SEGMENT], 1, input, stride, frames, 1, hidden);
                outer_sum(s, &mut self.dparams[b_hh + at..], gates, &[T::ONE; SEGMENT], 1, recurrent, stride, frames, 1, hidden);
            }
        }
        if !self.dx.is_empty() {
            let w = self.gru.parts(self.params).w_ih;
            for (row, dx) in rows.chunks_exact(stride).zip(self.dx[start * inputs..end * inputs].chunks_exact_mut(inputs)) {
                for (j, dx) in dx.iter_mut().enumerate() {
                    for (gate, source) in [0, 1, 3].into_iter().enumerate() {
                        let at = j * gates + gate * hidden;
                        *dx += afx_core::kernels::dot(&w[at..at + hidden], &row[source * padded..source * padded + hidden]);
                    }
                }
            }
        }
    }
}
