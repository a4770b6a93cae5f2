//! One frame of both cells.

use super::DynamicHyper;
use super::gates::Gates;
use afx_core::simd::{Kernel, Order, Simd};
use afx_core::{ALIGN, Scalar};

/// Sizes, and places in the row of numbers that a frame computes. A row begins with the memory: the larger cell's `h` and `c`, the smaller
/// one's `u` and `v`.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub inputs: usize,
    pub hidden: usize,
    pub hyper: usize,
    pub embedding: usize,
    /// Places of the parameters' tensors, in the order of the layout.
    pub places: [usize; 16],
    /// `hidden` and `hyper` in whole numbers of the widest vectors.
    pub h: usize,
    pub u: usize,
    /// Numbers that all gates' sums in the smaller cell, embeddings of a kind, and numbers of a kind in the larger cell take.
    pub sums: usize,
    pub z: usize,
    pub m: usize,
    rows: usize,
    /// Numbers in a row.
    pub len: usize,
}

/// A row, cut up. One gate's numbers follow the other's without a gap, and behind the last one there is room for a whole vector.
pub(super) struct Row<'a, T> {
    /// The larger cell's output and carried numbers, the smaller one's.
    pub h: &'a mut [T],
    pub c: &'a mut [T],
    pub u: &'a mut [T],
    pub v: &'a mut [T],
    /// The smaller cell's gates: sums from its input and from its memory, and what its derivative needs. On the way back the cotangents
    /// of the sums.
    pub a: &'a mut [T],
    pub b: &'a mut [T],
    pub hyper_rows: &'a mut [T],
    /// Embeddings for h, x and b, and their cotangents.
    pub z: &'a mut [T],
    pub dz: &'a mut [T],
    /// Scales for h and for x, and shifts; their cotangents on the way back.
    pub d: &'a mut [T],
    /// `W_hh h` and `W_ih x`; their cotangents on the way back.
    pub m: &'a mut [T],
    /// What the larger cell's derivative needs.
    pub rows: &'a mut [T],
}

impl Shape {
    pub fn new(layer: &DynamicHyper, rows: usize) -> Self {
        let DynamicHyper { inputs, hidden, hyper, embedding, .. } = *layer;
        let [h, u] = [hidden, hyper].map(|n| n.next_multiple_of(ALIGN));
        let [sums, z, m] =
            [hyper, embedding, hidden].map(|n| ((layer.gates() - 1) * n + n.next_multiple_of(ALIGN)).next_multiple_of(ALIGN));
        let len = (2 + rows) * (h + u) + 2 * sums + 6 * z + 5 * m;
        Shape { inputs, hidden, hyper, embedding, places: layer.places(), h, u, sums, z, m, rows, len }
    }

    /// Numbers of a row that go from frame to frame.
    pub fn memory(&self) -> usize {
        2 * (self.h + self.u)
    }

    /// A row's parts.
    #[inline(always)]
    pub fn cut<'a, T>(&self, row: &'a mut [T]) -> Row<'a, T> {
        let (h, row) = row.split_at_mut(self.h);
        let (c, row) = row.split_at_mut(self.h);
        let (u, row) = row.split_at_mut(self.u);
        let (v, row) = row.split_at_mut(self.u);
        let (a, row) = row.split_at_mut(self.sums);
        let (b, row) = row.split_at_mut(self.sums);
        let (hyper_rows, row) = row.split_at_mut(self.rows * self.u);
        let (z, row) = row.split_at_mut(3 * self.z);
        let (dz, row) = row.split_at_mut(3 * self.z);
        let (d, row) = row.split_at_mut(3 * self.m);
        let (m, row) = row.split_at_mut(2 * self.m);
        let rows = &mut row[..self.rows * self.h];
        Row { h, c, u, v, a, b, hyper_rows, z, dz, d, m, rows }
    }

    /// `h`, `c`, `u` and `v` of a row.
    #[inline(always)]
    pub fn before<'a, T>(&self, row: &'a [T]) -> [&'a [T]; 4] {
        let (h, row) = row.split_at(self.h);
        let (c, row) = row.split_at(self.h);
        let (u, row) = row.split_at(self.u);
        [h, c, u, &row[..self.u]]
    }

    /// The parameters from tensor `i` on.
    #[inline(always)]
    pub fn tensor<'p, T>(&self, params: &'p [T], i: usize) -> &'p [T] {
        &params[self.places[i]..self.places[15]]
    }
}

/// `out = b + W^T x` for a matrix of rows of `columns` numbers. Whole vectors are written.
#[inline(always)]
fn map<S: Simd>(s: S, out: &mut [S::T], weight: &[S::T], bias: Option<&[S::T]>, x: &[S::T], columns: usize) {
    let mut at = 0;
    while at < columns {
        if at + 3 * S::N < columns {
            tile::<S, 4>(s, out, weight, columns, bias, x, at);
            at += 4 * S::N;
        } else if at + S::N < columns {
            tile::<S, 2>(s, out, weight, columns, bias, x, at);
            at += 2 * S::N;
        } else {
            tile::<S, 1>(s, out, weight, columns, bias, x, at);
            at += S::N;
        }
    }
}

/// `C` vectors of columns of [`map`].
#[inline(always)]
fn tile<S: Simd, const C: usize>(s: S, out: &mut [S::T], weight: &[S::T], stride: usize, bias: Option<&[S::T]>, x: &[S::T], at: usize) {
    let mut acc = [[[s.splat(S::T::ZERO); C]]];
    if let Some(bias) = bias {
        for c in 0..C {
            acc[0][0][c] = s.load(&bias[at + c * S::N..]);
        }
    }
    s.matvec::<1, 1, C>(&mut acc, [x], &weight[at..], stride, 0, Order::Forwards);
    for c in 0..C {
        s.store(acc[0][0][c], &mut out[at + c * S::N..]);
    }
}

/// Computes `row` from the row before and an input frame.
#[inline(always)]
pub(super) fn frame<S: Simd, C: Gates>(s: S, shape: &Shape, params: &[S::T], before: &[S::T], row: &mut [S::T], x: &[S::T]) {
    let Shape { hidden, hyper, embedding, .. } = *shape;
    let row = shape.cut(row);
    let [h, c, u, v] = shape.before(before);
    map(s, row.a, shape.tensor(params, 0), Some(shape.tensor(params, 2)), &h[..hidden], C::GATES * hyper);
    map(s, row.b, shape.tensor(params, 1), Some(shape.tensor(params, 3)), &u[..hyper], C::GATES * hyper);
    map(s, row.m, shape.tensor(params, 14), None, &h[..hidden], C::GATES * hidden);
    map(s, &mut row.m[shape.m..], shape.tensor(params, 13), None, x, C::GATES * hidden);
    let zero = s.splat(S::T::ZERO);
    let mut at = 0;
    while at < hyper {
        let (mut a, mut b) = ([zero; 4], [zero; 4]);
        for g in 0..C::GATES {
            a[g] = s.load(&row.a[g * hyper + at..]);
            b[g] = s.load(&row.b[g * hyper + at..]);
        }
        let old = s.load(if C::CARRIES { &v[at..] } else { &u[at..] });
        let (rows, carried, out) = C::step(s, a, b, old);
        for r in 0..C::ROWS {
            s.store(rows[r], &mut row.hyper_rows[r * shape.u + at..]);
        }
        s.store(carried, &mut row.v[at..]);
        s.store(out, &mut row.u[at..]);
        at += S::N;
    }
    for kind in 0..3 {
        let bias = if kind < 2 { Some(shape.tensor(params, 5 + 2 * kind)) } else { None };
        let embedded = &mut row.z[kind * shape.z..];
        map(s, embedded, shape.tensor(params, 4 + 2 * kind), bias, &row.u[..hyper], C::GATES * embedding);
        let scales = shape.tensor(params, 9 + kind);
        for g in 0..C::GATES {
            // What runs over into the next gate's numbers goes before they come.
            let bias = if kind == 2 { Some(&shape.tensor(params, 12)[g * hidden..]) } else { None };
            let z = &embedded[g * embedding..][..embedding];
            map(s, &mut row.d[kind * shape.m + g * hidden..], &scales[g * embedding * hidden..], bias, z, hidden);
        }
    }
    let mut at = 0;
    while at < hidden {
        let (mut a, mut b) = ([zero; 4], [zero; 4]);
        for g in 0..C::GATES {
            let at = g * hidden + at;
            b[g] = s.mul(s.load(&row.d[at..]), s.load(&row.m[at..]));
            let from_input = s.load(&row.m[shape.m + at..]);
            a[g] = s.mul_add(s.load(&row.d[shape.m + at..]), from_input, s.load(&row.d[2 * shape.m + at..]));
        }
        let old = s.load(if C::CARRIES { &c[at..] } else { &h[at..] });
        let (rows, carried, out) = C::step(s, a, b, old);
        for r in 0..C::ROWS {
            s.store(rows[r], &mut row.rows[r * shape.h + at..]);
        }
        s.store(carried, &mut row.c[at..]);
        s.store(out, &mut row.h[at..]);
        at += S::N;
    }
}

/// Plays a stream.
pub(super) struct Play<'a, C, T> {
    gates: core::marker::PhantomData<C>,
    shape: Shape,
    params: &'a [T],
    /// The row before; then as many rows as there are frames, or one for all of them.
    rows: &'a mut [T],
    taped: bool,
    x: &'a [T],
    y: &'a mut [T],
}

impl<'a, C: Gates, T: Scalar> Play<'a, C, T> {
    /// Keeps the memory alone: two rows.
    pub fn new(layer: &DynamicHyper, params: &'a [T], rows: &'a mut [T], x: &'a [T], y: &'a mut [T]) -> Self {
        Play { gates: core::marker::PhantomData, shape: Shape::new(layer, C::ROWS), params, rows, taped: false, x, y }
    }

    /// Keeps every row.
    pub fn taped(layer: &DynamicHyper, params: &'a [T], rows: &'a mut [T], x: &'a [T], y: &'a mut [T]) -> Self {
        Play { taped: true, ..Self::new(layer, params, rows, x, y) }
    }

    /// With the widest instructions of this machine.
    pub fn run(self) {
        let Self { gates, shape, params, rows, taped, x, y } = self;
        if const { T::SINGLE } {
            let numbers = (T::singles(params), T::singles_mut(rows), T::singles(x), T::singles_mut(y));
            if let (Some(params), Some(rows), Some(x), Some(y)) = numbers {
                C::play_single(Play { gates, shape, params, rows, taped, x, y });
            }
        } else {
            Play { gates, shape, params, rows, taped, x, y }.dispatch();
        }
    }

    #[inline(always)]
    pub fn dispatch(self) {
        T::dispatch_width(self.shape.hidden, self);
    }
}

impl<C: Gates, T: Scalar> Kernel<T> for Play<'_, C, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let shape = self.shape;
        let frames = self.x.chunks_exact(shape.inputs).zip(self.y.chunks_exact_mut(shape.hidden));
        for (t, (x, y)) in frames.enumerate() {
            let first = if self.taped { t } else { 0 } * shape.len;
            let (before, row) = self.rows[first..].split_at_mut(shape.len);
            frame::<S, C>(s, &shape, self.params, before, row, x);
            y.copy_from_slice(&row[..shape.hidden]);
            if !self.taped {
                before[..shape.memory()].copy_from_slice(&row[..shape.memory()]);
            }
        }
    }
}
