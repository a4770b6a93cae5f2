//! One frame of a gated recurrent unit, over vectors of units.

use super::Gru;
use crate::cell::{Parts, add_input, add_mono};
use afx_core::Scalar;
use afx_core::simd::{Kernel, Order, Simd};

/// The four biases of `C` vectors of units from `at` on: r and z summed, n of the input and of the memory.
#[inline(always)]
pub(super) fn biases<S: Simd, const C: usize>(s: S, parts: &Parts<'_, S::T>, at: usize) -> [[S::V; C]; 4] {
    let mut b = [[s.splat(S::T::ZERO); C]; 4];
    if let (Some(b_ih), Some(b_hh)) = (parts.b_ih, parts.b_hh) {
        for c in 0..C {
            let (b_ih, b_hh) = (&b_ih[at + c * S::N..], &b_hh[at + c * S::N..]);
            b[0][c] = s.add(s.load(b_ih), s.load(b_hh));
            b[1][c] = s.add(s.load(&b_ih[parts.hidden..]), s.load(&b_hh[parts.hidden..]));
            b[2][c] = s.load(&b_ih[2 * parts.hidden..]);
            b[3][c] = s.load(&b_hh[2 * parts.hidden..]);
        }
    }
    b
}

/// What a step computes for `C` vectors of units: the gates, the recurrent part of n, and the new memory.
#[derive(Clone, Copy)]
pub(super) struct Gates<V, const C: usize> {
    pub r: [V; C],
    pub z: [V; C],
    pub n: [V; C],
    pub recurrent: [V; C],
    pub h: [V; C],
}

/// The new part of the memory, from r less a half and the two sums of n.
#[inline(always)]
fn fresh<S: Simd>(s: S, r: S::V, recurrent: S::V, an: S::V) -> S::V {
    // The half that `r` lacks is added where nobody waits for it.
    let an = s.mul_add(s.splat(S::T::from_f64(0.5)), recurrent, an);
    s.tanh(s.mul_add(r, recurrent, an))
}

/// The new memory, from z less a half, its new part and the old one.
#[inline(always)]
fn blend<S: Simd>(s: S, z: S::V, n: S::V, old: S::V) -> S::V {
    let half = s.splat(S::T::from_f64(0.5));
    s.mul_add(s.sub(half, z), n, s.mul(s.add(half, z), old))
}

/// From r less a half, the sums of z and of both parts of n, and the old memory to the gates and the new memory.
#[inline(always)]
fn finish<S: Simd, const C: usize>(
    s: S,
    r: [S::V; C],
    az: [S::V; C],
    recurrent: [S::V; C],
    an: [S::V; C],
    old: [S::V; C],
) -> Gates<S::V, C> {
    let half = s.splat(S::T::from_f64(0.5));
    let mut gates = Gates { r, z: az, n: an, recurrent, h: old };
    for c in 0..C {
        let z = s.half_tanh(az[c]);
        gates.n[c] = fresh(s, r[c], recurrent[c], an[c]);
        gates.r[c] = s.add(r[c], half);
        gates.z[c] = s.add(half, z);
        gates.h[c] = blend(s, z, gates.n[c], old[c]);
    }
    gates
}

/// An input frame: as it came, or one number already spread over a vector.
#[derive(Clone, Copy)]
pub(super) enum Input<'x, S: Simd> {
    Frame(&'x [S::T]),
    Mono(S::V),
}

/// One frame of a stream whose vector of memory is all of it and stays in a register; of two, where they lie beside each other.
#[inline(always)]
pub(super) fn step_held<S: Simd>(s: S, parts: &Parts<'_, S::T>, b: &[[S::V; 1]; 4], h: S::V, x: Input<'_, S>) -> S::V {
    let hidden = S::N;
    let mut r = [[b[0]]];
    let mut zn = [[b[1], b[2]]];
    match x {
        Input::Frame(x) => add_input::<S, 1, 1, 1>(s, &mut r, [x], parts.w_ih, 3 * hidden, hidden),
        Input::Mono(x) => add_mono::<S, 1, 1, 1>(s, &mut r, [x], parts.w_ih, hidden),
    }
    s.matvec_held::<1, 1>(&mut r[0], &[h], parts.w_hh, 3 * hidden, hidden);
    // The processor takes what is first in the program first: this sigmoid, on which the frame waits, before the products below.
    let r = s.half_tanh(r[0][0][0]);
    match x {
        Input::Frame(x) => add_input::<S, 1, 2, 1>(s, &mut zn, [x], &parts.w_ih[hidden..], 3 * hidden, hidden),
        Input::Mono(x) => add_mono::<S, 1, 2, 1>(s, &mut zn, [x], &parts.w_ih[hidden..], hidden),
    }
    let an = zn[0][1][0];
    zn[0][1] = b[3];
    s.matvec_held::<2, 1>(&mut zn[0], &[h], &parts.w_hh[hidden..], 3 * hidden, hidden);
    let n = fresh(s, r, zn[0][1][0], an);
    blend(s, s.half_tanh(zn[0][0][0]), n, h)
}

/// One frame of `M` streams, the `C` vectors of units from `at` on; `h` are the memories before it.
#[inline(always)]
pub(super) fn step<S: Simd, const M: usize, const C: usize>(
    s: S,
    parts: &Parts<'_, S::T>,
    at: usize,
    b: &[[S::V; C]; 4],
    h: [&[S::T]; M],
    x: [&[S::T]; M],
    order: Order,
) -> [Gates<S::V, C>; M] {
    let hidden = parts.hidden;
    let mut all = h;
    for h in &mut all {
        *h = &h[..hidden];
    }
    let zero = [s.splat(S::T::ZERO); C];
    let mut gates = [Gates { r: zero, z: zero, n: zero, recurrent: zero, h: zero }; M];
    let mut r = [b[0]; M];
    let mut an = [b[2]; M];
    let mut zn = [[b[1], b[2]]; M];
    let sums = M * S::sums_of(C);
    if C > 1 && 3 * sums <= S::SUMS {
        // All three in one pass: each number of the memory is spread over a vector once.
        let mut sums = [[b[0], b[1], b[2]]; M];
        add_input::<S, M, 3, C>(s, &mut sums, x, &parts.w_ih[at..], 3 * hidden, hidden);
        for m in 0..M {
            (an[m], sums[m][2]) = (sums[m][2], b[3]);
        }
        s.matvec::<M, 3, C>(&mut sums, all, &parts.w_hh[at..], 3 * hidden, hidden, order);
        for m in 0..M {
            zn[m] = [sums[m][1], sums[m][2]];
            for c in 0..C {
                r[m][c] = s.half_tanh(sums[m][0][c]);
            }
        }
    } else {
        // The reset gate first: its sigmoid runs while the other products do.
        let mut ar = [[b[0]; 1]; M];
        add_input::<S, M, 1, C>(s, &mut ar, x, &parts.w_ih[at..], 3 * hidden, hidden);
        s.matvec::<M, 1, C>(&mut ar, all, &parts.w_hh[at..], 3 * hidden, hidden, order);
        add_input::<S, M, 2, C>(s, &mut zn, x, &parts.w_ih[hidden + at..], 3 * hidden, hidden);
        for m in 0..M {
            for c in 0..C {
                r[m][c] = s.half_tanh(ar[m][0][c]);
            }
            (an[m], zn[m][1]) = (zn[m][1], b[3]);
        }
        if 2 * sums <= S::SUMS {
            s.matvec::<M, 2, C>(&mut zn, all, &parts.w_hh[hidden + at..], 3 * hidden, hidden, order);
        } else {
            for g in 0..2 {
                let mut sums = [[b[0]; 1]; M];
                for m in 0..M {
                    sums[m][0] = zn[m][g];
                }
                s.matvec::<M, 1, C>(&mut sums, all, &parts.w_hh[(1 + g) * hidden + at..], 3 * hidden, hidden, order);
                for m in 0..M {
                    zn[m][g] = sums[m][0];
                }
            }
        }
    }
    for m in 0..M {
        let mut old = zero;
        for c in 0..C {
            old[c] = s.load(&h[m][at + c * S::N..]);
        }
        gates[m] = finish(s, r[m], zn[m][0], zn[m][1], an[m], old);
    }
    gates
}

/// The sums of a frame whose activations are still to come.
#[derive(Clone, Copy)]
pub(super) struct Sums<V, const C: usize> {
    r: [V; C],
    z: [V; C],
    recurrent: [V; C],
    n: [V; C],
}

/// A stream whose frame's activations are still to come: its sums, its memory, where its output goes.
pub(super) type Waiting<'a, T, V, const C: usize> = (&'a mut Sums<V, C>, &'a mut [T], &'a mut [T]);

/// One of the `3 C` activations of a frame, in their order: of r, of z, and those of n, each of which is followed by its new memory.
#[inline(always)]
pub(super) fn activate<S: Simd, const C: usize>(s: S, i: usize, waiting: &mut Waiting<'_, S::T, S::V, C>) {
    let (sums, h, y) = waiting;
    let c = i % C;
    match i / C {
        0 => sums.r[c] = s.half_tanh(sums.r[c]),
        1 => sums.z[c] = s.half_tanh(sums.z[c]),
        _ => {
            let at = c * S::N;
            let new = blend(s, sums.z[c], fresh(s, sums.r[c], sums.recurrent[c], sums.n[c]), s.load(&h[at..]));
            s.store(new, &mut h[at..]);
            s.store(new, &mut y[at..]);
        }
    }
}

/// The products of a stream's frame; between their rows the activations of another stream's frame, which would else wait for one another
/// while nothing is multiplied. For vectors of eight or sixteen units, and two of them at least.
#[inline(always)]
pub(super) fn products<S: Simd, const C: usize>(
    s: S,
    parts: &Parts<'_, S::T>,
    b: &[[S::V; C]; 4],
    h: &[S::T],
    x: &[S::T],
    mut other: Option<Waiting<'_, S::T, S::V, C>>,
) -> Sums<S::V, C> {
    /// Rows between two activations.
    const ROWS: usize = 4;
    let hidden = C * S::N;
    let mut acc = [[b[0], b[1], b[2]]];
    add_input::<S, 1, 3, C>(s, &mut acc, [x], parts.w_ih, 3 * hidden, hidden);
    let n = acc[0][2];
    acc[0][2] = b[3];
    let mut part = [[[[s.splat(S::T::ZERO); C]; 3]; 1]; 3];
    let h = &h[..hidden];
    for tile in 0..hidden / ROWS {
        // None before the first rows, whose own memory is still on its way; two where there are few rows.
        if let Some(other) = &mut other
            && tile > 0
        {
            for i in (tile - 1) * 16 / S::N..(tile * 16 / S::N).min(3 * C) {
                activate(s, i, other);
            }
        }
        let k = tile * ROWS;
        let some = [&h[k..k + ROWS]];
        s.add_rows::<1, 3, C>(&mut acc, &mut part, some, &parts.w_hh[k * 3 * hidden..], 3 * hidden, hidden, Order::Forwards);
    }
    s.fold(&mut acc, &part);
    let [[r, z, recurrent]] = acc;
    Sums { r, z, recurrent, n }
}

/// The new memory, to where it stays and to the output. Unless the `C` vectors are `FULL` of units, lanes without one are written over by
/// the next frame, or do not go beyond the end of the last one.
#[inline(always)]
pub(super) fn keep<S: Simd, const C: usize, const FULL: bool>(s: S, gates: &Gates<S::V, C>, h: &mut [S::T], y: &mut [S::T]) {
    for c in 0..C {
        let at = c * S::N;
        s.store(gates.h[c], &mut h[at..]);
        let y = &mut y[at..];
        if FULL || y.len() >= S::N { s.store(gates.h[c], y) } else { s.store_partial(gates.h[c], y) }
    }
}

/// Where a frame's gates are wanted.
pub(super) enum Wanted<'a, T> {
    Nowhere,
    /// The update gates, one for each unit.
    Update(&'a mut [T]),
    /// r, z, n and recurrent n, in rows of so many numbers.
    Rows(&'a mut [T], usize),
}

/// One frame of `M` streams of any number of units; lanes beyond `hidden` compute numbers that nobody reads. Gates are those of the last stream.
///
/// The units are independent within a frame, so that their order may be turned round, too.
#[inline(always)]
pub(super) fn step_any<S: Simd, const M: usize>(
    s: S,
    gru: &Gru,
    params: &[S::T],
    states: [&mut [S::T]; M],
    x: [&[S::T]; M],
    order: Order,
    gates: &mut Wanted<'_, S::T>,
) {
    let parts = gru.parts(params);
    let mut memories = states.map(|state| state.split_at_mut(gru.padded()));
    let vectors = gru.hidden.div_ceil(S::N);
    let (most, tiles) = if const { S::VECTORS } { (4, vectors.div_ceil(4)) } else { (1, vectors) };
    for i in 0..tiles {
        let i = if order == Order::Backwards { tiles - 1 - i } else { i };
        let (at, memories) = (i * most * S::N, &mut memories);
        // Each compiled once, for whoever wants it; without vectors a body is a unit's, and short.
        match vectors - i * most {
            _ if const { !S::VECTORS } => Tile::<_, M, 1> { parts, at, memories, x, order, gates }.call(s),
            1 => s.vectorize(Tile::<_, M, 1> { parts, at, memories, x, order, gates }),
            2 => s.vectorize(Tile::<_, M, 2> { parts, at, memories, x, order, gates }),
            3 => s.vectorize(Tile::<_, M, 3> { parts, at, memories, x, order, gates }),
            _ => s.vectorize(Tile::<_, M, 4> { parts, at, memories, x, order, gates }),
        }
    }
    for (h, next) in memories {
        h.copy_from_slice(&next[..h.len()]);
    }
}

/// A memory, and where the next one goes.
type Memory<'a, T> = (&'a mut [T], &'a mut [T]);

/// `C` vectors of units of [`step_any`], from `at` on.
struct Tile<'a, 'm, 'w, T, const M: usize, const C: usize> {
    parts: Parts<'a, T>,
    at: usize,
    memories: &'a mut [Memory<'m, T>; M],
    x: [&'a [T]; M],
    order: Order,
    gates: &'a mut Wanted<'w, T>,
}

impl<T: Scalar, const M: usize, const C: usize> Kernel<T> for Tile<'_, '_, '_, T, M, C> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let mut h = [&[][..]; M];
        for m in 0..M {
            h[m] = &*self.memories[m].0;
        }
        let all = step::<S, M, C>(s, &self.parts, self.at, &biases(s, &self.parts, self.at), h, self.x, self.order);
        for m in 0..M {
            for c in 0..C {
                s.store(all[m].h[c], &mut self.memories[m].1[self.at + c * S::N..]);
            }
        }
        let Gates { r, z, n, recurrent, .. } = all[M - 1];
        for c in 0..C {
            let at = self.at + c * S::N;
            match self.gates {
                Wanted::Nowhere => {}
                Wanted::Update(to) => {
                    let end = (at + S::N).min(to.len());
                    s.store_partial(z[c], &mut to[at..end]);
                }
                Wanted::Rows(row, padded) => {
                    s.store(r[c], &mut row[at..]);
                    s.store(z[c], &mut row[*padded + at..]);
                    s.store(n[c], &mut row[2 * *padded + at..]);
                    s.store(recurrent[c], &mut row[3 * *padded + at..]);
                }
            }
        }
    }
}
