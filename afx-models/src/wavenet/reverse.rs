//! The way back through the sums over planes.

use super::planes::{Curves, Seen};
use afx_core::Scalar;
use afx_core::simd::{Kernel, Simd};

/// The way back through an [`Activate`](super::planes::Activate): from the cotangent of `a`, in the first rows, to those of `z`; and `a` itself.
pub(super) struct Deactivate<'a, T> {
    pub curves: Curves,
    pub kept: &'a [T],
    pub kept_stride: usize,
    pub d: &'a mut [T],
    pub stride: usize,
    pub a: &'a mut [T],
    pub a_stride: usize,
    pub frames: usize,
}

impl<T: Scalar> Kernel<T> for Deactivate<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Curves { activation, gate, rows } = self.curves;
        for r in 0..rows {
            for t in (0..self.frames).step_by(S::N) {
                let kept = s.load(&self.kept[r * self.kept_stride + t..]);
                let mut a = activation.output(s, kept);
                let mut d = s.load(&self.d[r * self.stride + t..]);
                if let Some(gate) = gate {
                    let kept = s.load(&self.kept[(rows + r) * self.kept_stride + t..]);
                    let g = gate.output(s, kept);
                    s.store(s.mul(s.mul(d, a), gate.slope(s, kept)), &mut self.d[(rows + r) * self.stride + t..]);
                    d = s.mul(d, g);
                    a = s.mul(a, g);
                }
                s.store(s.mul(d, activation.slope(s, kept)), &mut self.d[r * self.stride + t..]);
                s.store(a, &mut self.a[r * self.a_stride + t..]);
            }
        }
    }
}

/// The way back through the planes of a [`Sum`](super::planes::Sum): `dx_i[t] = p_i[t] + Σ_k Σ_r w[k, i, r] d_r[t + k dilation]`.
///
/// Behind the frames of `d` zeros follow as far as the taps reach.
#[derive(Clone, Copy)]
pub(super) struct Spread<'a, T> {
    pub weight: &'a [T],
    pub taps: usize,
    pub dilation: usize,
    pub channels: usize,
    pub rows: usize,
    /// Planes and their stride.
    pub d: (&'a [T], usize),
    /// What is added, its first tap.
    pub plus: Option<Seen<'a, T>>,
    pub frames: usize,
}

impl<'a, T: Scalar> Spread<'a, T> {
    /// Of the map whose taps see `seen`.
    pub fn of(seen: Seen<'_, T>, weight: &'a [T], rows: usize, d: (&'a [T], usize), frames: usize) -> Self {
        let Seen { taps, dilation, channels, .. } = seen;
        Spread { weight, taps, dilation, channels, rows, d, plus: None, frames }
    }

    /// Into planes and their stride, or added to them.
    pub fn run(self, (dx, stride): (&mut [T], usize), add: bool) {
        T::dispatch(Columns { spread: self, dx, stride, add });
    }
}

/// A [`Spread`] and where it goes.
struct Columns<'a, 'x, T> {
    spread: Spread<'a, T>,
    dx: &'x mut [T],
    stride: usize,
    add: bool,
}

impl<T: Scalar> Columns<'_, '_, T> {
    /// `R` channels from `i` on, `V` vectors of frames from `t` on.
    #[inline(always)]
    fn tile<S: Simd<T = T>, const R: usize, const V: usize>(&mut self, s: S, i: usize, t: usize) {
        let Spread { weight, taps, dilation, channels, rows, d, plus, .. } = self.spread;
        let mut acc = [[s.splat(T::ZERO); V]; R];
        for k in 0..taps {
            let d_tap = &d.0[k * dilation + t..];
            let mut from = [&weight[..0]; R];
            for r in 0..R {
                from[r] = &weight[(k * channels + i + r) * rows..][..rows];
            }
            for o in 0..rows {
                let d = &d_tap[o * d.1..][..V * S::N];
                let mut frames = [s.splat(T::ZERO); V];
                for v in 0..V {
                    frames[v] = s.load(&d[v * S::N..]);
                }
                for r in 0..R {
                    let weight = s.splat(from[r][o]);
                    for v in 0..V {
                        acc[r][v] = s.mul_add(weight, frames[v], acc[r][v]);
                    }
                }
            }
        }
        for r in 0..R {
            let dx = &mut self.dx[(i + r) * self.stride + t..][..V * S::N];
            for v in 0..V {
                let dx = &mut dx[v * S::N..];
                let mut sum = acc[r][v];
                if let Some(plus) = plus {
                    sum = s.add(s.load(&plus.x[(i + r) * plus.stride + plus.first + t + v * S::N..]), sum);
                }
                if self.add {
                    sum = s.add(s.load(dx), sum);
                }
                s.store(sum, dx);
            }
        }
    }

    /// `R` channels of all frames, `V` vectors at a time.
    #[inline(always)]
    fn band<S: Simd<T = T>, const R: usize, const V: usize>(&mut self, s: S, i: usize) {
        let (mut t, frames) = (0, self.spread.frames);
        while t < frames {
            if (frames - t).div_ceil(S::N) >= V {
                self.tile::<S, R, V>(s, i, t);
                t += V * S::N;
            } else {
                self.tile::<S, R, 1>(s, i, t);
                t += S::N;
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Columns<'_, '_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let mut i = 0;
        while i < self.spread.channels {
            match self.spread.channels - i {
                1 => self.band::<S, 1, 8>(s, i),
                2 => self.band::<S, 2, 4>(s, i),
                3 => self.band::<S, 3, 4>(s, i),
                _ => self.band::<S, 4, 3>(s, i),
            }
            i += 4;
        }
    }
}

/// The cotangents of a [`Sum`](super::planes::Sum)'s weight: `dw[k, i, r] += Σ_t x_i[start(k) + t] d_r[t]`; and of its bias, `db_r += Σ_t d_r[t]`.
///
/// Behind the frames zeros follow in `d`, and finite numbers in `x`, up to a multiple of 16.
pub(super) struct Correlate<'a, T> {
    pub seen: Seen<'a, T>,
    pub d: &'a [T],
    pub stride: usize,
    pub rows: usize,
    pub dweight: &'a mut [T],
    pub dbias: Option<&'a mut [T]>,
    pub frames: usize,
}

/// Frames at a time: so many of the planes of a tile stay in the fastest cache.
const SPAN: usize = 1024;

impl<T: Scalar> Correlate<'_, T> {
    /// `I` channels of tap `k` from `i` on, `R` rows from `r` on, of `frames` frames from `t` on.
    #[inline(always)]
    fn tile<S: Simd<T = T>, const I: usize, const R: usize>(&mut self, s: S, k: usize, i: usize, r: usize, t: usize, frames: usize) {
        let mut acc = [[s.splat(T::ZERO); 4]; I];
        let whole = frames.next_multiple_of(S::N);
        let from = self.seen.start(k) + t;
        let mut x = [&self.seen.x[..0]; I];
        for n in 0..I {
            x[n] = &self.seen.x[(i + n) * self.seen.stride + from..][..whole];
        }
        let mut d = [&self.d[..0]; R];
        for n in 0..R {
            d[n] = &self.d[(r + n) * self.stride + t..][..whole];
        }
        let mut at = 0;
        while at < whole {
            for n in 0..R {
                let d = s.load(&d[n][at..]);
                for m in 0..I {
                    acc[m][n] = s.mul_add(s.load(&x[m][at..]), d, acc[m][n]);
                }
            }
            at += S::N;
        }
        for m in 0..I {
            let sums = s.sum4(acc[m]);
            let to = &mut self.dweight[(k * self.seen.channels + i + m) * self.rows + r..][..R];
            for n in 0..R {
                to[n] += sums[n];
            }
        }
    }

    #[inline(always)]
    fn band<S: Simd<T = T>, const I: usize>(&mut self, s: S, k: usize, i: usize, t: usize, frames: usize) {
        let mut r = 0;
        while r < self.rows {
            match self.rows - r {
                1 => self.tile::<S, I, 1>(s, k, i, r, t, frames),
                2 => self.tile::<S, I, 2>(s, k, i, r, t, frames),
                3 => self.tile::<S, I, 3>(s, k, i, r, t, frames),
                _ => self.tile::<S, I, 4>(s, k, i, r, t, frames),
            }
            r += 4;
        }
    }
}

impl<T: Scalar> Kernel<T> for Correlate<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        for t in (0..self.frames).step_by(SPAN) {
            let frames = SPAN.min(self.frames - t);
            let mut i = 0;
            while i < self.seen.channels {
                let left = self.seen.channels - i;
                for k in 0..self.seen.taps {
                    if left >= 4 && S::SUMS >= 24 {
                        self.band::<S, 4>(s, k, i, t, frames);
                    } else if left >= 2 {
                        self.band::<S, 2>(s, k, i, t, frames);
                    } else {
                        self.band::<S, 1>(s, k, i, t, frames);
                    }
                }
                i += if left >= 4 && S::SUMS >= 24 { 4 } else { 2 };
            }
            let Some(dbias) = &mut self.dbias else { continue };
            for r in 0..self.rows {
                let d = &self.d[r * self.stride + t..][..frames.next_multiple_of(S::N)];
                let mut sum = s.splat(T::ZERO);
                for d in d.chunks_exact(S::N) {
                    sum = s.add(sum, s.load(d));
                }
                dbias[r] += s.sum(sum);
            }
        }
    }
}
