//! From the cotangents of a recurrent cell's gates to those of its memory, its parameters and its input.

use super::Maps;
use afx_core::Scalar;
use afx_core::simd::{Order, Simd, outer_sum};

/// Frames whose outer products are summed in registers at a time.
pub(crate) const SEGMENT: usize = 32;

/// The recurrent weights as `[gates * hidden, padded]`: a row for each gate's unit, zeros beyond `hidden`.
#[inline(always)]
pub(crate) fn transpose<T: Scalar>(maps: &Maps, params: &[T], out: &mut [T]) {
    let (hidden, rows, w) = (maps.hidden, maps.gates * maps.hidden, maps.parts(params).w_hh);
    for (g, row) in out.chunks_exact_mut(maps.padded()).take(rows).enumerate() {
        for (k, to) in row.iter_mut().enumerate() {
            *to = if k < hidden { w[k * rows + g] } else { T::ZERO };
        }
    }
}

/// Adds what goes back through the recurrent weights, [transposed](transpose), into `dh`.
#[inline(always)]
pub(crate) fn carry<S: Simd>(s: S, maps: &Maps, transposed: &[S::T], row: &[S::T], dh: &mut [S::T]) {
    /// `C` vectors of columns, each with partial sums.
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(s: S, maps: &Maps, w: &[S::T], row: &[S::T], dh: &mut [S::T], at: usize) {
        let (hidden, padded) = (maps.hidden, maps.padded());
        let zero = [[s.splat(S::T::ZERO); 1]; C];
        let (mut acc, mut part) = ([zero], [[zero]; 3]);
        for c in 0..C {
            acc[0][c][0] = s.load(&dh[at + c * S::N..]);
        }
        for gate in 0..maps.gates {
            let g = [&row[gate * padded..gate * padded + hidden]];
            s.add_rows::<1, C, 1>(&mut acc, &mut part, g, &w[gate * hidden * padded + at..], padded, S::N, Order::Forwards);
        }
        s.fold(&mut acc, &part);
        for c in 0..C {
            s.store(acc[0][c][0], &mut dh[at + c * S::N..]);
        }
    }
    let (padded, mut at) = (maps.padded(), 0);
    while at + 2 * S::N <= padded {
        columns::<S, 2>(s, maps, transposed, row, dh, at);
        at += 2 * S::N;
    }
    while at + S::N <= padded {
        columns::<S, 1>(s, maps, transposed, row, dh, at);
        at += S::N;
    }
}

/// The cotangents of a cell's parameters and input, and what those of its gates are multiplied with.
pub(crate) struct Spread<'a, T> {
    pub maps: Maps,
    pub params: &'a [T],
    pub x: &'a [T],
    pub y: &'a [T],
    pub dx: &'a mut [T],
    pub dparams: &'a mut [T],
}

impl<T: Scalar> Spread<'_, T> {
    /// Adds what the frames `start..end` give, whose `rows` of `stride` numbers begin with the cotangents of the gates' recurrent sums; those
    /// of the sums from the input lie in rows `input` of a frame. `first` is the memory before frame 0.
    #[inline(always)]
    pub fn add<S: Simd<T = T>, const G: usize>(
        &mut self,
        s: S,
        hidden: usize,
        first: &[T],
        rows: &[T],
        stride: usize,
        input: [usize; G],
        start: usize,
        end: usize,
    ) {
        let maps = self.maps;
        let (inputs, padded, gates, frames) = (maps.inputs, maps.padded(), G * hidden, end - start);
        let [_, w_hh, b_ih, b_hh, _] = maps.places();
        let x = &self.x[start * inputs..end * inputs];
        // The memory before frame `start` is the last output before it, or the tape's first entry.
        let (skip, rest) =
            if start == 0 { (1, &self.y[..(end - 1) * hidden]) } else { (0, &self.y[(start - 1) * hidden..(end - 1) * hidden]) };
        for gate in 0..G {
            let recurrent = &rows[gate * padded..];
            let from_input = &rows[input[gate] * padded..];
            let at = gate * hidden;
            if frames > skip {
                let recurrent = &recurrent[skip * stride..];
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, rest, hidden, recurrent, stride, frames - skip, hidden, hidden);
            }
            if skip == 1 {
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, first, padded, recurrent, stride, 1, hidden, hidden);
            }
            outer_sum(s, &mut self.dparams[at..], gates, x, inputs, from_input, stride, frames, inputs, hidden);
            if maps.bias {
                outer_sum(s, &mut self.dparams[b_ih + at..], gates, &[T::ONE; SEGMENT], 1, from_input, stride, frames, 1, hidden);
                outer_sum(s, &mut self.dparams[b_hh + at..], gates, &[T::ONE; SEGMENT], 1, recurrent, stride, frames, 1, hidden);
            }
        }
        if !self.dx.is_empty() {
            let w = maps.parts(self.params).w_ih;
            for (row, dx) in rows.chunks_exact(stride).zip(self.dx[start * inputs..end * inputs].chunks_exact_mut(inputs)) {
                for (j, dx) in dx.iter_mut().enumerate() {
                    for (gate, source) in input.into_iter().enumerate() {
                        let at = j * gates + gate * hidden;
                        *dx += afx_core::kernels::dot(&w[at..at + hidden], &row[source * padded..source * padded + hidden]);
                    }
                }
            }
        }
    }
}
