//! The derivative of both cells.

use super::DynamicHyper;
use super::frame::{Row, Shape};
use super::gates::Gates;
use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd, outer_sum, take};

/// Frames whose outer products are summed in registers at a time.
const SEGMENT: usize = 32;

/// The cotangents of parameters and input from those of the output.
pub(super) struct Backward<'a, C, T> {
    gates: core::marker::PhantomData<C>,
    shape: Shape,
    params: &'a [T],
    x: &'a [T],
    /// The row before, the rows of all frames, and the cotangents of the memory.
    tape: &'a mut [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dparams: &'a mut [T],
}

/// `out[i] += Σ_j weight[i][j] d[j]`.
#[inline(always)]
fn back<S: Simd>(s: S, out: &mut [S::T], weight: &[S::T], d: &[S::T]) {
    for (out, row) in out.iter_mut().zip(weight.chunks_exact(d.len())) {
        let mut sum = s.splat(S::T::ZERO);
        for (w, d) in row.chunks(S::N).zip(d.chunks(S::N)) {
            sum = s.mul_add(take(s, w), take(s, d), sum);
        }
        *out += s.sum(sum);
    }
}

/// A vector into as much room as there is.
#[inline(always)]
fn put<S: Simd>(s: S, v: S::V, to: &mut [S::T], at: usize, end: usize) {
    if at + S::N <= end { s.store(v, &mut to[at..]) } else { s.store_partial(v, &mut to[at..end]) }
}

impl<'a, C: Gates, T: Scalar> Backward<'a, C, T> {
    pub fn new(
        layer: &DynamicHyper,
        params: &'a [T],
        x: &'a [T],
        tape: &'a mut [T],
        dy: &'a [T],
        dx: &'a mut [T],
        dparams: &'a mut [T],
    ) -> Self {
        Backward { gates: core::marker::PhantomData, shape: Shape::new(layer, C::ROWS), params, x, tape, dy, dx, dparams }
    }

    /// With the widest instructions of this machine.
    pub fn run(self) {
        let Self { gates, shape, params, x, tape, dy, dx, dparams } = self;
        if const { T::SINGLE } {
            let (params, x, dy) = (T::singles(params), T::singles(x), T::singles(dy));
            let (tape, dx, dparams) = (T::singles_mut(tape), T::singles_mut(dx), T::singles_mut(dparams));
            if let (Some(params), Some(x), Some(tape), Some(dy), Some(dx), Some(dparams)) = (params, x, tape, dy, dx, dparams) {
                C::backward_single(Backward { gates, shape, params, x, tape, dy, dx, dparams });
            }
        } else {
            Backward { gates, shape, params, x, tape, dy, dx, dparams }.dispatch();
        }
    }

    #[inline(always)]
    pub fn dispatch(self) {
        T::dispatch_width(self.shape.hidden, self);
    }

    /// From the cotangents of the larger cell's memory to those of what its gates are made of, and of its memory before.
    #[inline(always)]
    fn larger<S: Simd<T = T>>(&self, s: S, row: &mut Row<'_, T>, [h, c]: [&[T]; 2], dh: &mut [T], dc: &mut [T]) {
        let shape = &self.shape;
        let mut at = 0;
        while at < shape.hidden {
            let mut rows = [s.splat(T::ZERO); 6];
            for r in 0..C::ROWS {
                rows[r] = s.load(&row.rows[r * shape.h + at..]);
            }
            let before = s.load(if C::CARRIES { &c[at..] } else { &h[at..] });
            let (da, db, dbefore) = C::cotangents(s, rows, before, s.load(&dh[at..]), s.load(&dc[at..]));
            for g in 0..C::GATES {
                // What a scale was multiplied with takes the scale's cotangent, and the other way round.
                let (place, end) = (g * shape.hidden + at, (g + 1) * shape.hidden);
                for (first, d) in [(0, db[g]), (shape.m, da[g])] {
                    let (place, end) = (first + place, first + end);
                    let (scale, product) = (s.load(&row.d[place..]), s.load(&row.m[place..]));
                    put(s, s.mul(d, product), row.d, place, end);
                    put(s, s.mul(d, scale), row.m, place, end);
                }
                put(s, da[g], row.d, 2 * shape.m + place, 2 * shape.m + end);
            }
            s.store(if C::CARRIES { s.splat(T::ZERO) } else { dbefore }, &mut dh[at..]);
            s.store(if C::CARRIES { dbefore } else { s.splat(T::ZERO) }, &mut dc[at..]);
            at += S::N;
        }
        back(s, &mut dh[..shape.hidden], shape.tensor(self.params, 14), &row.m[..C::GATES * shape.hidden]);
    }

    /// From the cotangents of scales and shifts to those of the smaller cell's output.
    #[inline(always)]
    fn embeddings<S: Simd<T = T>>(&self, s: S, row: &mut Row<'_, T>, du: &mut [T]) {
        let Shape { hidden, hyper, embedding, .. } = self.shape;
        let shape = &self.shape;
        row.dz.fill(T::ZERO);
        for kind in 0..3 {
            let dz = &mut row.dz[kind * shape.z..][..C::GATES * embedding];
            for (g, dz) in dz.chunks_exact_mut(embedding).enumerate() {
                let scales = &shape.tensor(self.params, 9 + kind)[g * embedding * hidden..];
                back(s, dz, scales, &row.d[kind * shape.m + g * hidden..][..hidden]);
            }
            back(s, &mut du[..hyper], shape.tensor(self.params, 4 + 2 * kind), dz);
        }
    }

    /// From the cotangents of the smaller cell's memory to those of its gates' sums, and of both memories before.
    #[inline(always)]
    fn smaller<S: Simd<T = T>>(&self, s: S, row: &mut Row<'_, T>, [u, v]: [&[T]; 2], du: &mut [T], dv: &mut [T], dh: &mut [T]) {
        let Shape { hidden, hyper, .. } = self.shape;
        let shape = &self.shape;
        let mut at = 0;
        while at < hyper {
            let mut rows = [s.splat(T::ZERO); 6];
            for r in 0..C::ROWS {
                rows[r] = s.load(&row.hyper_rows[r * shape.u + at..]);
            }
            let before = s.load(if C::CARRIES { &v[at..] } else { &u[at..] });
            let (da, db, dbefore) = C::cotangents(s, rows, before, s.load(&du[at..]), s.load(&dv[at..]));
            for g in 0..C::GATES {
                put(s, da[g], row.a, g * hyper + at, (g + 1) * hyper);
                put(s, db[g], row.b, g * hyper + at, (g + 1) * hyper);
            }
            s.store(if C::CARRIES { s.splat(T::ZERO) } else { dbefore }, &mut du[at..]);
            s.store(if C::CARRIES { dbefore } else { s.splat(T::ZERO) }, &mut dv[at..]);
            at += S::N;
        }
        back(s, &mut dh[..hidden], shape.tensor(self.params, 0), &row.a[..C::GATES * hyper]);
        back(s, &mut du[..hyper], shape.tensor(self.params, 1), &row.b[..C::GATES * hyper]);
    }

    /// Adds what the frames `start..end` give to the cotangents of the parameters. Row `t` is the one before frame `t`.
    #[inline(always)]
    fn spread<S: Simd<T = T>>(&mut self, s: S, tape: &[T], start: usize, end: usize) {
        let Shape { inputs, hidden, hyper, embedding, len, places, .. } = self.shape;
        let shape = &self.shape;
        let frames = end - start;
        // Where the parts of a row begin.
        let (u, a) = (2 * shape.h, 2 * shape.h + 2 * shape.u);
        let b = a + shape.sums;
        let z = b + shape.sums + C::ROWS * shape.u;
        let dz = z + 3 * shape.z;
        let d = dz + 3 * shape.z;
        let m = d + 3 * shape.m;
        let (before, now) = (&tape[start * len..], &tape[(start + 1) * len..]);
        let (to, ones) = (&mut *self.dparams, [T::ONE; SEGMENT]);
        let wide = C::GATES * hyper;
        outer_sum(s, &mut to[places[0]..], wide, before, len, &now[a..], len, frames, hidden, wide);
        outer_sum(s, &mut to[places[1]..], wide, &before[u..], len, &now[b..], len, frames, hyper, wide);
        outer_sum(s, &mut to[places[2]..], wide, &ones, 1, &now[a..], len, frames, 1, wide);
        outer_sum(s, &mut to[places[3]..], wide, &ones, 1, &now[b..], len, frames, 1, wide);
        for kind in 0..3 {
            let (wide, from) = (C::GATES * embedding, &now[dz + kind * shape.z..]);
            outer_sum(s, &mut to[places[4 + 2 * kind]..], wide, &now[u..], len, from, len, frames, hyper, wide);
            if kind < 2 {
                outer_sum(s, &mut to[places[5 + 2 * kind]..], wide, &ones, 1, from, len, frames, 1, wide);
            }
            for g in 0..C::GATES {
                let (embedded, from) = (&now[z + kind * shape.z + g * embedding..], &now[d + kind * shape.m + g * hidden..]);
                let weight = &mut to[places[9 + kind] + g * embedding * hidden..];
                outer_sum(s, weight, hidden, embedded, len, from, len, frames, embedding, hidden);
            }
        }
        let wide = C::GATES * hidden;
        outer_sum(s, &mut to[places[12]..], wide, &ones, 1, &now[d + 2 * shape.m..], len, frames, 1, wide);
        outer_sum(s, &mut to[places[13]..], wide, &self.x[start * inputs..], inputs, &now[m + shape.m..], len, frames, inputs, wide);
        outer_sum(s, &mut to[places[14]..], wide, before, len, &now[m..], len, frames, hidden, wide);
    }
}

impl<C: Gates, T: Scalar> Kernel<T> for Backward<'_, C, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let shape = self.shape;
        let Shape { inputs, hidden, len, .. } = shape;
        let frames = self.x.len() / inputs;
        let (rows, rest) = core::mem::take(&mut self.tape).split_at_mut((frames + 1) * len);
        let d = &mut rest[..shape.memory()];
        d.fill(T::ZERO);
        let (dh, d) = d.split_at_mut(shape.h);
        let (dc, d) = d.split_at_mut(shape.h);
        let (du, dv) = d.split_at_mut(shape.u);
        let mut end = frames;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let (before, row) = rows.split_at_mut((t + 1) * len);
                let [h, c, u, v] = shape.before(&before[t * len..]);
                let mut row = shape.cut(row);
                for (dh, dy) in dh.iter_mut().zip(&self.dy[t * hidden..(t + 1) * hidden]) {
                    *dh += *dy;
                }
                self.larger(s, &mut row, [h, c], dh, dc);
                self.embeddings(s, &mut row, du);
                self.smaller(s, &mut row, [u, v], du, dv, dh);
                if let Some(dx) = self.dx.get_mut(t * inputs..(t + 1) * inputs) {
                    back(s, dx, shape.tensor(self.params, 13), &row.m[shape.m..][..C::GATES * hidden]);
                }
            }
            self.spread(s, rows, start, end);
            end = start;
        }
    }
}
