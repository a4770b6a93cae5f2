//! From the cotangents of a recurrent cell's gates to those of its memory, its parameters and its input.

use super::{Cell, Maps, Play, memories};
use afx_core::simd::{Kernel, Order, Simd, outer_sum, take};
use afx_core::{ALIGN, Scalar};

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

/// The tape of a [`Cell`]: the memory before the segment, the rows of every frame, the cotangents of the memory, and the recurrent weights
/// transposed.
pub(crate) fn tape_len<L: Cell<G, R>, const G: usize, const R: usize>(cell: &L, frames: usize) -> usize {
    let maps = cell.maps();
    (memories::<L, G, R>() + frames * R + 2 + G * maps.hidden) * maps.padded() + ALIGN
}

/// [`Play`], leaving on the tape what [`Backward`] needs.
pub(crate) fn forward<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize>(
    cell: &L,
    params: &[T],
    state: &mut [T],
    x: &[T],
    y: &mut [T],
    tape: &mut [T],
) {
    let maps = cell.maps();
    let own = memories::<L, G, R>() * maps.padded();
    let (memory, (first, rows)) = (&mut state[..own], tape.split_at_mut(own));
    first.copy_from_slice(memory);
    let rows = &mut rows[..x.len() / maps.inputs * R * maps.padded()];
    Play { cell: *cell, params, memory, x, y, rows }.run();
}

/// The derivative of a [`Cell`].
pub(crate) struct Backward<'a, L, T, const G: usize, const R: usize> {
    pub cell: L,
    pub tape: &'a mut [T],
    pub dy: &'a [T],
    pub to: Spread<'a, T>,
}

impl<'a, L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Backward<'a, L, T, G, R> {
    /// Rows of the cotangents of the gates' sums from the input: the same.
    const INPUT: [usize; G] = {
        let mut rows = [0; G];
        let mut g = 0;
        while g < G {
            rows[g] = g;
            g += 1;
        }
        rows
    };

    pub fn new(
        cell: &L,
        params: &'a [T],
        x: &'a [T],
        y: &'a [T],
        tape: &'a mut [T],
        dy: &'a [T],
        dx: &'a mut [T],
        dparams: &'a mut [T],
    ) -> Self {
        Backward { cell: *cell, tape, dy, to: Spread { maps: cell.maps(), params, x, y, dx, dparams } }
    }

    /// With the widest instructions of this machine.
    pub fn run(self) {
        let Self { cell, tape, dy, to: Spread { maps, params, x, y, dx, dparams } } = self;
        if const { T::SINGLE } {
            let (params, x, y, dy) = (T::singles(params), T::singles(x), T::singles(y), T::singles(dy));
            let (tape, dx, dparams) = (T::singles_mut(tape), T::singles_mut(dx), T::singles_mut(dparams));
            if let (Some(params), Some(x), Some(y), Some(tape), Some(dy), Some(dx), Some(dparams)) = (params, x, y, tape, dy, dx, dparams) {
                L::backward_single(Backward { cell, tape, dy, to: Spread { maps, params, x, y, dx, dparams } });
            }
        } else {
            T::dispatch_width(maps.hidden, Backward { cell, tape, dy, to: Spread { maps, params, x, y, dx, dparams } });
        }
    }
}

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Kernel<T> for Backward<'_, L, T, G, R> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let maps = Maps { gates: G, ..self.to.maps };
        let (hidden, padded) = (maps.hidden, maps.padded());
        let frames = self.to.x.len() / maps.inputs;
        let (first, rest) = core::mem::take(&mut self.tape).split_at_mut(memories::<L, G, R>() * padded);
        let (rows, rest) = rest.split_at_mut(frames * R * padded);
        let (d, transposed) = rest.split_at_mut(2 * padded);
        let (dh, dc) = d.split_at_mut(padded);
        transpose(&maps, self.to.params, transposed);
        dh.fill(T::ZERO);
        dc.fill(T::ZERO);
        let zero = s.splat(T::ZERO);
        let mut end = frames;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let (before, row) = rows.split_at_mut(t * R * padded);
                let (dy, row) = (&self.dy[t * hidden..(t + 1) * hidden], &mut row[..R * padded]);
                let mut at = 0;
                while at < hidden {
                    let mut values = [zero; R];
                    for r in 0..R {
                        values[r] = s.load(&row[r * padded + at..]);
                    }
                    let carried = match L::CARRIES {
                        false => zero,
                        true if t == 0 => s.load(&first[padded + at..]),
                        true => s.load(&before[(t * R - 1) * padded + at..]),
                    };
                    let d = s.add(s.load(&dh[at..]), take(s, &dy[at..hidden.min(at + S::N)]));
                    let (gates, dcarried) = L::cotangents(s, values, carried, d, s.load(&dc[at..]));
                    for g in 0..G {
                        s.store(gates[g], &mut row[g * padded + at..]);
                    }
                    s.store(zero, &mut dh[at..]);
                    s.store(dcarried, &mut dc[at..]);
                    at += S::N;
                }
                carry(s, &maps, transposed, row, dh);
            }
            self.to.add(s, hidden, first, &rows[start * R * padded..end * R * padded], R * padded, Self::INPUT, start, end);
            end = start;
        }
    }
}
