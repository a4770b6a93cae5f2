//! Sums over planes: the lanes of a vector are frames, so that any number of channels fills them.

use super::Pointwise;
use crate::conv::BLOCK;
use afx_core::simd::{Kernel, Simd};
use afx_core::{Moving, Scalar};

/// What the taps of a map see: planes of frames, one a channel, `stride` numbers apart.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a, T> {
    pub x: &'a [T],
    pub stride: usize,
    pub channels: usize,
    pub taps: usize,
    /// Frames from a tap to the next, earlier one.
    pub dilation: usize,
    /// The first frame that the first tap sees.
    pub first: usize,
    /// Frames in the ring that the planes are; none where no tap begins before the first frame.
    pub ring: usize,
}

impl<'a, T> Seen<'a, T> {
    /// One tap, from frame `first` on.
    pub fn now(x: &'a [T], stride: usize, channels: usize, first: usize) -> Self {
        Seen { x, stride, channels, taps: 1, dilation: 0, first, ring: 0 }
    }

    /// The first frame that tap `k` sees.
    #[inline(always)]
    pub fn start(&self, k: usize) -> usize {
        let away = k * self.dilation;
        if away <= self.first { self.first - away } else { self.first + self.ring - away }
    }
}

/// `y_r = b_r + p_r + Σ_k Σ_i w[k, i, r] x_i[start(k)] + Σ_i w'[i, r] x'_i`, plane by plane.
///
/// Of the last frames whole vectors are read and written: behind a plane's frames others must follow up to a multiple of 16.
#[derive(Clone, Copy)]
pub(super) struct Sum<'a, T> {
    /// The planes and their weight `[taps, channels, rows]`, with at least as many numbers behind it as there are rows in a tile.
    pub seen: Seen<'a, T>,
    pub weight: &'a [T],
    /// Others, and their weight.
    pub beside: Option<(Seen<'a, T>, &'a [T])>,
    pub bias: Option<&'a [T]>,
    /// What is added: the first tap of these.
    pub plus: Option<Seen<'a, T>>,
    pub frames: usize,
}

impl<'a, T: Scalar> Sum<'a, T> {
    /// Nothing but the first map.
    pub fn of(seen: Seen<'a, T>, weight: &'a [T], frames: usize) -> Self {
        Sum { seen, weight, beside: None, bias: None, plus: None, frames }
    }

    /// Into planes and their stride.
    pub fn run(self, rows: usize, (y, stride): (&mut [T], usize)) {
        T::dispatch_width(self.frames, Rows { sum: self, rows, y, stride });
    }
}

/// The sum that `make` makes of parameters, into planes and their stride; where the parameters move with `room` for as many planes of [`BLOCK`].
#[inline(always)]
pub(super) fn glide<'p, T: Scalar>(
    params: Moving<'p, T>,
    make: impl Fn(&'p [T]) -> Sum<'p, T>,
    rows: usize,
    (y, stride): (&mut [T], usize),
    room: &mut [T],
) {
    make(params.start).run(rows, (&mut *y, stride));
    if let Some(slope) = params.slope {
        add_moved(params, make(slope), rows, (y, stride), room);
    }
}

/// Adds the sum of the slopes, as many times as frames have passed.
#[inline(never)]
fn add_moved<T: Scalar>(params: Moving<'_, T>, slopes: Sum<'_, T>, rows: usize, to: (&mut [T], usize), room: &mut [T]) {
    let mut sum = Sum { plus: None, ..slopes };
    let moves = |weight: &[T], len: usize| weight[..len].iter().any(|v| *v != T::ZERO);
    // Most conditioning moves some of these and not the others.
    if !moves(sum.weight, sum.seen.taps * sum.seen.channels * rows) {
        sum.seen.taps = 0;
    }
    sum.beside = sum.beside.filter(|(seen, weight)| moves(weight, seen.channels * rows));
    if sum.seen.taps > 0 || sum.beside.is_some() || sum.bias.is_some_and(|bias| moves(bias, rows)) {
        sum.run(rows, (&mut *room, BLOCK));
        params.add_planes(sum.frames, to, (&room[..rows * BLOCK], BLOCK));
    }
}

/// A [`Sum`] and where it goes.
struct Rows<'a, 'y, T> {
    sum: Sum<'a, T>,
    rows: usize,
    y: &'y mut [T],
    stride: usize,
}

impl<T: Scalar> Rows<'_, '_, T> {
    /// `R` rows from `r` on, `V` vectors of frames from `t` on.
    #[inline(always)]
    fn tile<S: Simd<T = T>, const R: usize, const V: usize>(&mut self, s: S, r: usize, t: usize) {
        let Sum { seen, weight, beside, bias, plus, .. } = self.sum;
        let mut acc = [[s.splat(T::ZERO); V]; R];
        if let Some(bias) = bias {
            for i in 0..R {
                acc[i] = [s.splat(bias[r + i]); V];
            }
        }
        for k in 0..seen.taps {
            add_tap(s, &mut acc, &weight[k * seen.channels * self.rows + r..], self.rows, &seen.x[seen.start(k) + t..], seen);
        }
        if let Some((seen, weight)) = beside {
            add_tap(s, &mut acc, &weight[r..], self.rows, &seen.x[seen.first + t..], seen);
        }
        for i in 0..R {
            let y = &mut self.y[(r + i) * self.stride + t..][..V * S::N];
            for v in 0..V {
                let mut sum = acc[i][v];
                if let Some(plus) = plus {
                    sum = s.add(s.load(&plus.x[(r + i) * plus.stride + plus.first + t + v * S::N..]), sum);
                }
                s.store(sum, &mut y[v * S::N..]);
            }
        }
    }

    /// `R` rows of all frames, `V` vectors at a time. A frame's sums are the same to the bit in whichever tile it falls.
    #[inline(always)]
    fn band<S: Simd<T = T>, const R: usize, const V: usize>(&mut self, s: S, r: usize) {
        let (mut t, frames) = (0, self.sum.frames);
        while t < frames {
            let left = (frames - t).div_ceil(S::N);
            if left >= V {
                self.tile::<S, R, V>(s, r, t);
                t += V * S::N;
            } else if left >= 2 {
                self.tile::<S, R, 2>(s, r, t);
                t += 2 * S::N;
            } else {
                self.tile::<S, R, 1>(s, r, t);
                t += S::N;
            }
        }
    }
}

/// `acc[r][v] += Σ_i w[i, r] x_i`, one tap of a tile.
#[inline(always)]
fn add_tap<S: Simd, const R: usize, const V: usize>(
    s: S,
    acc: &mut [[S::V; V]; R],
    weight: &[S::T],
    rows: usize,
    x: &[S::T],
    seen: Seen<'_, S::T>,
) {
    // Of one vector no weight is used twice, and nothing but the count of the instructions matters.
    if V == 1 {
        return s.outer::<R, V>(acc, weight, rows, x, seen.stride, seen.channels);
    }
    for i in 0..seen.channels {
        let (x, weight) = (&x[i * seen.stride..][..V * S::N], &weight[i * rows..][..R]);
        let mut frames = [s.splat(S::T::ZERO); V];
        for v in 0..V {
            frames[v] = s.load(&x[v * S::N..]);
        }
        for r in 0..R {
            let weight = s.splat(weight[r]);
            for v in 0..V {
                acc[r][v] = s.mul_add(weight, frames[v], acc[r][v]);
            }
        }
    }
}

/// The most rows in a tile, and in one of a single vector.
const TALL: usize = 6;
const TALLER: usize = 8;

/// Rows of the next tile where so many are left: tiles are of the same size, or nearly.
#[inline(always)]
fn height(left: usize) -> usize {
    left.div_ceil(left.div_ceil(TALL))
}

impl<T: Scalar> Kernel<T> for Rows<'_, '_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let mut r = 0;
        while r < self.rows {
            if self.sum.frames <= S::N && self.rows - r >= TALLER {
                self.band::<S, TALLER, 1>(s, r);
                r += TALLER;
                continue;
            }
            let rows = height(self.rows - r);
            // As many sums as hide the latency of a multiply-add, and no more than there are registers.
            match (rows, S::SUMS >= 24) {
                (1, _) => self.band::<S, 1, 8>(s, r),
                (2, _) => self.band::<S, 2, 4>(s, r),
                (3, _) => self.band::<S, 3, 4>(s, r),
                (4, false) => self.band::<S, 4, 3>(s, r),
                (4, true) => self.band::<S, 4, 4>(s, r),
                (5, false) => self.band::<S, 5, 2>(s, r),
                (5, true) => self.band::<S, 5, 4>(s, r),
                (_, false) => self.band::<S, TALL, 2>(s, r),
                (_, true) => self.band::<S, TALL, 4>(s, r),
            }
            r += rows;
        }
    }
}

/// What follows the first sum of a layer: `a = f(z)`, or `f(z) g(z')` where there is a gate, whose rows follow the others.
#[derive(Clone, Copy)]
pub(super) struct Curves {
    pub activation: Pointwise,
    pub gate: Option<Pointwise>,
    /// Rows of `a`.
    pub rows: usize,
}

/// `a` in place of the first rows of `z`; added to the head's sum, or that begun with it.
pub(super) struct Activate<'a, T> {
    pub curves: Curves,
    pub z: &'a mut [T],
    pub stride: usize,
    pub begin: bool,
    /// Where what the derivative needs is left, and the stride there.
    pub kept: Option<(&'a mut [T], usize)>,
    pub frames: usize,
}

impl<T: Scalar> Activate<'_, T> {
    /// Adds to the head's planes.
    pub fn run(self, (head, stride): (&mut [T], usize)) {
        T::dispatch_width(self.frames, Added { curve: self, head, stride });
    }
}

/// [`Activate`] and the head's planes.
struct Added<'a, 'h, T> {
    curve: Activate<'a, T>,
    head: &'h mut [T],
    stride: usize,
}

impl<T: Scalar> Added<'_, '_, T> {
    #[inline(always)]
    fn each<S: Simd<T = T>>(self, s: S, activation: Pointwise, gate: Option<Pointwise>) {
        let Activate { curves: Curves { rows, .. }, z: planes, stride, begin, mut kept, frames } = self.curve;
        for r in 0..rows {
            for t in (0..frames).step_by(S::N) {
                let z = s.load(&planes[r * stride + t..]);
                let mut a = activation.apply(s, z);
                if let Some((kept, stride)) = &mut kept {
                    s.store(activation.kept::<S>(z, a), &mut kept[r * *stride + t..]);
                }
                if let Some(gate) = gate {
                    let z = s.load(&planes[(rows + r) * stride + t..]);
                    let g = gate.apply(s, z);
                    if let Some((kept, stride)) = &mut kept {
                        s.store(gate.kept::<S>(z, g), &mut kept[(rows + r) * *stride + t..]);
                    }
                    a = s.mul(a, g);
                }
                s.store(a, &mut planes[r * stride + t..]);
                let head = &mut self.head[r * self.stride + t..];
                let sum = if begin { a } else { s.add(s.load(head), a) };
                s.store(sum, head);
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Added<'_, '_, T> {
    type Out = ();
    /// The common curves have loops of their own, which keep their constants in registers.
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        use Pointwise::{LeakyRelu, Sigmoid, Tanh};
        let Curves { activation, gate, .. } = self.curve.curves;
        match (activation, gate) {
            (Tanh, None) => self.each(s, Tanh, None),
            (Tanh, Some(Sigmoid)) => self.each(s, Tanh, Some(Sigmoid)),
            (LeakyRelu { slope }, None) => self.each(s, LeakyRelu { slope }, None),
            _ => self.each(s, activation, gate),
        }
    }
}
