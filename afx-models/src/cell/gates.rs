//! Cells whose gates are sums of both affine maps: how they are played.

use super::{Maps, Parts, add_input};
use afx_core::Scalar;
use afx_core::simd::{Kernel, Order, Simd};

/// A cell of `G` gates, each a sum of what comes from the input and from the memory; all else is a function of one unit's numbers. On the
/// tape a frame has `R` rows: those of the gates, where their cotangents come to lie, and what else the derivative needs.
pub(crate) trait Cell<const G: usize, const R: usize>: Copy {
    /// Whether a unit has a number of memory that is not its output; the last row of a frame is then what it became.
    const CARRIES: bool;
    /// The affine maps.
    fn maps(&self) -> Maps;
    /// From the gates' sums and the carried number before to the rows, the carried number and the output.
    fn step<S: Simd>(s: S, sums: [S::V; G], carried: S::V) -> ([S::V; R], S::V, S::V);
    /// From the rows, the carried number before, and the cotangents of the output and of the carried number, to those of the gates' sums and
    /// of the carried number before.
    fn cotangents<S: Simd>(s: S, rows: [S::V; R], carried: S::V, dh: S::V, dc: S::V) -> ([S::V; G], S::V);
    /// [`Play`] for `f32`, compiled with this crate: a function that is not generic, and not inlined.
    fn play_single(job: Play<'_, Self, f32, G, R>);
    /// [`Backward`](super::Backward) for `f32`, compiled with this crate.
    fn backward_single(job: super::Backward<'_, Self, f32, G, R>);
}

/// Numbers of memory for each of the padded units.
pub(crate) fn memories<L: Cell<G, R>, const G: usize, const R: usize>() -> usize {
    if L::CARRIES { 2 } else { 1 }
}

/// Plays one stream, and writes the tape's rows where there is room for them.
pub(crate) struct Play<'a, L, T, const G: usize, const R: usize> {
    pub cell: L,
    pub params: &'a [T],
    /// The output before, then the carried numbers.
    pub memory: &'a mut [T],
    pub x: &'a [T],
    pub y: &'a mut [T],
    pub rows: &'a mut [T],
}

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Play<'_, L, T, G, R> {
    /// With the widest instructions of this machine.
    pub fn run(self) {
        let Self { cell, params, memory, x, y, rows } = self;
        if const { T::SINGLE } {
            let numbers = (T::singles(params), T::singles_mut(memory), T::singles(x), T::singles_mut(y), T::singles_mut(rows));
            if let (Some(params), Some(memory), Some(x), Some(y), Some(rows)) = numbers {
                L::play_single(Play { cell, params, memory, x, y, rows });
            }
        } else {
            T::dispatch_width(cell.maps().hidden, Play { cell, params, memory, x, y, rows });
        }
    }
}

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Kernel<T> for Play<'_, L, T, G, R> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let hidden = self.cell.maps().hidden;
        match (hidden / S::N, hidden.is_multiple_of(S::N)) {
            _ if const { !S::VECTORS } => self.any(s),
            (1, true) => s.vectorize(Whole::<L, T, G, R, 1>(self)),
            (2, true) => s.vectorize(Whole::<L, T, G, R, 2>(self)),
            (4, true) if const { S::N == 8 } => s.vectorize(Whole::<L, T, G, R, 4>(self)),
            _ => s.vectorize(Any(self)),
        }
    }
}

/// The sum of both biases of `C` vectors of units from `at` on, for each gate.
#[inline(always)]
fn biases<S: Simd, const G: usize, const C: usize>(s: S, parts: &Parts<'_, S::T>, at: usize) -> [[S::V; C]; G] {
    let mut b = [[s.splat(S::T::ZERO); C]; G];
    if let (Some(b_ih), Some(b_hh)) = (parts.b_ih, parts.b_hh) {
        for g in 0..G {
            for c in 0..C {
                let at = g * parts.hidden + at + c * S::N;
                b[g][c] = s.add(s.load(&b_ih[at..]), s.load(&b_hh[at..]));
            }
        }
    }
    b
}

/// The output before: as it was stored, or still in a register where a vector is all of it.
enum Memory<'a, S: Simd> {
    Stored(&'a [S::T]),
    Held(S::V),
}

/// `acc += W_hh h` for `C` vectors of units of `G` gates; `w` are the first one's columns.
#[inline(always)]
fn add_memory<S: Simd, const G: usize, const C: usize>(
    s: S,
    acc: &mut [[S::V; C]; G],
    h: &Memory<'_, S>,
    w: &[S::T],
    stride: usize,
    hidden: usize,
) {
    match h {
        Memory::Stored(h) => {
            let mut all = [*acc];
            s.matvec::<1, G, C>(&mut all, [h], w, stride, hidden, Order::Forwards);
            [*acc] = all;
        }
        Memory::Held(h) => s.matvec_held::<G, C>(acc, &[*h; C], w, stride, hidden),
    }
}

/// The gates' sums of `C` vectors of units from `at` on.
#[inline(always)]
fn sums<S: Simd, const G: usize, const C: usize>(
    s: S,
    parts: &Parts<'_, S::T>,
    at: usize,
    b: &[[S::V; C]; G],
    h: &Memory<'_, S>,
    x: &[S::T],
) -> [[S::V; C]; G] {
    let (hidden, stride) = (parts.hidden, G * parts.hidden);
    let (mut acc, w) = ([*b], &parts.w_hh[at..]);
    add_input::<S, 1, G, C>(s, &mut acc, [x], &parts.w_ih[at..], stride, hidden);
    let [mut acc] = acc;
    if G == 1 || G * S::sums_of(C) <= S::SUMS {
        add_memory(s, &mut acc, h, w, stride, hidden);
        return acc;
    }
    // Two gates at a time: more sums would leave the registers.
    let mut g = 0;
    while g + 1 < G {
        let mut pair = [acc[g], acc[g + 1]];
        add_memory(s, &mut pair, h, &w[g * hidden..], stride, hidden);
        [acc[g], acc[g + 1]] = pair;
        g += 2;
    }
    acc
}

/// [`Play`] where `hidden` is `C` vectors; each compiled on its own.
struct Whole<'a, L, T, const G: usize, const R: usize, const C: usize>(Play<'a, L, T, G, R>);

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize, const C: usize> Kernel<T> for Whole<'_, L, T, G, R, C> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        self.0.whole::<S, C>(s);
    }
}

/// [`Play`] of any number of units, compiled on its own.
struct Any<'a, L, T, const G: usize, const R: usize>(Play<'a, L, T, G, R>);

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Kernel<T> for Any<'_, L, T, G, R> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        self.0.any(s);
    }
}

impl<L: Cell<G, R>, T: Scalar, const G: usize, const R: usize> Play<'_, L, T, G, R> {
    /// `C` vectors of units: what is carried stays in registers.
    #[inline(always)]
    fn whole<S: Simd<T = T>, const C: usize>(self, s: S) {
        let maps = self.cell.maps();
        // A number that the compiler knows: whole rows of the product unroll.
        let (inputs, hidden, padded) = (maps.inputs, C * S::N, maps.padded());
        let parts = Parts { hidden, ..maps.parts(self.params) };
        let b = biases::<S, G, C>(s, &parts, 0);
        let (first, carried) = self.memory.split_at_mut(padded);
        let (mut held, mut last) = ([s.splat(T::ZERO); C], s.load(first));
        if L::CARRIES {
            for c in 0..C {
                held[c] = s.load(&carried[c * S::N..]);
            }
        }
        let frames = (self.x.len() / inputs).min(self.y.len() / hidden);
        for t in 0..frames {
            let (before, y) = self.y.split_at_mut(t * hidden);
            let h = if C == 1 {
                Memory::Held(last)
            } else {
                Memory::Stored(if t == 0 { &first[..hidden] } else { &before[(t - 1) * hidden..] })
            };
            let sums = sums(s, &parts, 0, &b, &h, &self.x[t * inputs..(t + 1) * inputs]);
            let mut row = self.rows.get_mut(t * R * padded..(t + 1) * R * padded);
            for c in 0..C {
                let mut gates = [held[c]; G];
                for g in 0..G {
                    gates[g] = sums[g][c];
                }
                let (rows, carried, h) = L::step(s, gates, held[c]);
                (held[c], last) = (carried, h);
                s.store(h, &mut y[c * S::N..]);
                if let Some(row) = &mut row {
                    for r in 0..R {
                        s.store(rows[r], &mut row[r * padded + c * S::N..]);
                    }
                }
            }
        }
        if L::CARRIES {
            for c in 0..C {
                s.store(held[c], &mut carried[c * S::N..]);
            }
        }
        if let Some(last) = frames.checked_sub(1) {
            first[..hidden].copy_from_slice(&self.y[last * hidden..frames * hidden]);
        }
    }

    /// Any number of units.
    #[inline(always)]
    fn any<S: Simd<T = T>>(self, s: S) {
        let maps = self.cell.maps();
        let (inputs, hidden, padded) = (maps.inputs, maps.hidden, maps.padded());
        let parts = maps.parts(self.params);
        let (first, carried) = self.memory.split_at_mut(padded);
        let frames = (self.x.len() / inputs).min(self.y.len() / hidden);
        for t in 0..frames {
            let (before, y) = self.y.split_at_mut(t * hidden);
            let h = if t == 0 { &first[..hidden] } else { &before[(t - 1) * hidden..] };
            let mut frame = Frame {
                h,
                x: &self.x[t * inputs..(t + 1) * inputs],
                y: &mut y[..(frames - t) * hidden],
                carried: &mut *carried,
                row: &mut [],
            };
            if let Some(row) = self.rows.get_mut(t * R * padded..(t + 1) * R * padded) {
                frame.row = row;
            }
            let mut at = 0;
            while const { S::VECTORS } && at + S::N < hidden {
                frame.tile::<S, L, G, R, 2>(s, &parts, at);
                at += 2 * S::N;
            }
            while at < hidden {
                frame.tile::<S, L, G, R, 1>(s, &parts, at);
                at += S::N;
            }
        }
        if let Some(last) = frames.checked_sub(1) {
            first[..hidden].copy_from_slice(&self.y[last * hidden..frames * hidden]);
        }
    }
}

/// A frame of any number of units: the output before, the input, the outputs from this one on, what is carried, and its rows of the tape. Lanes
/// beyond the units compute numbers that nobody reads: in the output the next frame writes over them.
struct Frame<'a, T> {
    h: &'a [T],
    x: &'a [T],
    y: &'a mut [T],
    carried: &'a mut [T],
    row: &'a mut [T],
}

impl<T: Scalar> Frame<'_, T> {
    /// `C` vectors of units from `at` on.
    #[inline(always)]
    fn tile<S: Simd<T = T>, L: Cell<G, R>, const G: usize, const R: usize, const C: usize>(
        &mut self,
        s: S,
        parts: &Parts<'_, T>,
        at: usize,
    ) {
        let b = biases::<S, G, C>(s, parts, at);
        let sums = sums(s, parts, at, &b, &Memory::Stored(self.h), self.x);
        for c in 0..C {
            let at = at + c * S::N;
            let mut gates = [s.splat(T::ZERO); G];
            for g in 0..G {
                gates[g] = sums[g][c];
            }
            let old = if L::CARRIES { s.load(&self.carried[at..]) } else { s.splat(T::ZERO) };
            let (rows, carried, h) = L::step(s, gates, old);
            let y = &mut self.y[at..];
            if y.len() >= S::N {
                s.store(h, y)
            } else {
                s.store_partial(h, y)
            }
            if L::CARRIES {
                s.store(carried, &mut self.carried[at..]);
            }
            if !self.row.is_empty() {
                let padded = self.row.len() / R;
                for r in 0..R {
                    s.store(rows[r], &mut self.row[r * padded + at..]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Backward, tape_len};
    use crate::{Lstm, Rnn};
    use afx_core::simd::{One, Portable};
    use afx_core::testing::Noise;
    use afx_core::{Aligned, Layer};
    use alloc::vec;
    use alloc::vec::Vec;

    /// Outputs, parameter and input cotangents of 70 frames, more than two segments, by the kernels of a set of instructions.
    fn numbers<S: Simd<T = f32>, L: Cell<G, R> + Layer<f32>, const G: usize, const R: usize>(s: S, cell: L) -> [Vec<f32>; 3] {
        let (Maps { inputs, hidden, .. }, frames) = (cell.maps(), 70);
        let mut noise = Noise::new(hidden as u64);
        let mut params = Aligned::<f32>::zeros(cell.params_len());
        cell.initialize(&mut || noise.next_f64(), &mut params);
        let (x, dy): (Vec<f32>, Vec<f32>) = (noise.take(frames * inputs, 1.0), noise.take(frames * hidden, 1.0));
        let own = memories::<L, G, R>() * cell.maps().padded();
        let mut tape = Aligned::<f32>::zeros(tape_len(&cell, frames));
        tape[..hidden].copy_from_slice(&noise.take(hidden, 0.5));
        let (memory, rows) = tape.split_at_mut(own);
        let mut y = vec![0.0; dy.len()];
        s.vectorize(Play { cell, params: &params, memory: &mut memory.to_vec(), x: &x, y: &mut y, rows });
        let (mut dx, mut dparams) = (vec![0.0; x.len()], vec![0.0; params.len()]);
        s.vectorize(Backward::new(&cell, &params, &x, &y, &mut tape, &dy, &mut dx, &mut dparams));
        [y, dx, dparams]
    }

    fn agree(expected: &[Vec<f32>; 3], found: [Vec<f32>; 3], cell: &dyn core::fmt::Debug) {
        for (expected, found) in expected.iter().zip(found) {
            let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            assert!(largest > 0.1, "{cell:?}: numbers too small for a relative tolerance: {largest}");
            for (i, (e, f)) in expected.iter().zip(found).enumerate() {
                assert!((e - f).abs() < 5e-6 * largest, "{cell:?} at {i}: {e} {f}"); // 4.5e-7 of each activation
            }
        }
    }

    fn every_set_of_instructions<L: Cell<G, R> + Layer<f32> + core::fmt::Debug, const G: usize, const R: usize>(cell: L) {
        let expected = numbers(One::new(), cell);
        agree(&expected, numbers(Portable, cell), &cell);
        #[cfg(target_arch = "x86_64")]
        {
            use afx_core::simd::{Avx2, Avx512};
            match Avx2::new() {
                Some(token) => agree(&expected, numbers(token, cell), &cell),
                None => std::println!("skipped: this processor has no AVX2"),
            }
            match Avx512::new() {
                Some(token) => agree(&expected, numbers(token, cell), &cell),
                None => std::println!("skipped: this processor has no AVX-512"),
            }
        }
    }

    #[test]
    fn every_set_of_instructions_plays_and_learns_what_one_lane_does() {
        for (inputs, hidden) in [(1, 5), (1, 8), (2, 16), (1, 20), (3, 32), (1, 40), (1, 64), (2, 90)] {
            let bias = hidden != 20;
            every_set_of_instructions(Lstm { inputs, hidden, bias });
            every_set_of_instructions(Rnn { inputs, hidden, bias });
        }
    }
}
