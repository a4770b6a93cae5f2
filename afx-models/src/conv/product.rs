//! The sums of a convolution.

use afx_core::simd::{Kernel, Simd};
use afx_core::{ALIGN, Scalar};

/// Which frames of a line each tap of a convolution sees.
#[derive(Clone, Copy)]
pub(crate) struct Taps {
    /// How many.
    pub count: usize,
    /// Frames from one to the next.
    pub dilation: usize,
    /// The first frame that the first tap sees.
    pub first: usize,
    /// Each tap sees earlier frames than the one before, in a ring of so many; or, where there is no ring, later ones.
    pub ring: Option<usize>,
}

impl Taps {
    /// The first frame that tap `k` sees.
    #[inline(always)]
    fn start(&self, k: usize) -> usize {
        let away = k * self.dilation;
        match self.ring {
            None => self.first + away,
            Some(_) if away <= self.first => self.first - away,
            Some(ring) => self.first + ring - away,
        }
    }
}

/// `y[t] = b + Σ_k W_k x[start(k) + t]`, or that added to `y`.
pub(crate) struct Product<'a, T> {
    /// `[taps, inputs, outputs]`, with [`ALIGN`] numbers after it.
    pub weight: &'a [T],
    /// As many numbers as outputs, with [`ALIGN`] after them.
    pub bias: Option<&'a [T]>,
    pub taps: Taps,
    pub inputs: usize,
    pub outputs: usize,
    /// Frames of `inputs` numbers.
    pub x: &'a [T],
    pub y: &'a mut [T],
    pub add: bool,
}

impl<T: Scalar> Product<'_, T> {
    /// Computes `y`.
    pub fn run(self) {
        if const { T::SINGLE } {
            let Product { weight, bias, taps, inputs, outputs, x, y, add } = self;
            let bias = bias.map_or(Some(None), |bias| T::singles(bias).map(Some));
            if let (Some(weight), Some(bias), Some(x), Some(y)) = (T::singles(weight), bias, T::singles(x), T::singles_mut(y)) {
                run_single(Product { weight, bias, taps, inputs, outputs, x, y, add });
            }
        } else {
            self.dispatch();
        }
    }

    #[inline(always)]
    fn dispatch(self) {
        if self.outputs == 1 {
            T::dispatch_width(self.inputs, Dots(self));
        } else {
            T::dispatch_width(self.outputs, self);
        }
    }

    /// Frames from `t` on, and at most `C` vectors of outputs from `at` on.
    #[inline(always)]
    fn tile<S: Simd<T = T>, const M: usize, const C: usize>(&mut self, s: S, t: usize, at: usize) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut acc = [[s.splat(T::ZERO); C]; M];
        if let Some(bias) = self.bias {
            for c in 0..C {
                let bias = s.load(&bias[at + c * S::N..]);
                for m in 0..M {
                    acc[m][c] = bias;
                }
            }
        }
        for k in 0..self.taps.count {
            let x = &self.x[(self.taps.start(k) + t) * inputs..];
            s.product::<M, C>(&mut acc, x, inputs, &self.weight[k * inputs * outputs + at..], outputs, inputs);
        }
        for m in 0..M {
            for c in 0..C {
                let first = (t + m) * outputs + at + c * S::N;
                let y = &mut self.y[first..first + S::N.min(outputs - at - c * S::N)];
                if y.len() == S::N {
                    let sum = if self.add { s.add(s.load(y), acc[m][c]) } else { acc[m][c] };
                    s.store(sum, y);
                } else {
                    let sum = if self.add { s.add(s.load_partial(y), acc[m][c]) } else { acc[m][c] };
                    s.store_partial(sum, y);
                }
            }
        }
    }

    /// All frames, at most `C` vectors of outputs from `at` on. A frame's sums are the same to the bit in whichever tile it falls.
    #[inline(always)]
    fn columns<S: Simd<T = T>, const C: usize>(&mut self, s: S, at: usize) {
        let frames = self.y.len() / self.outputs;
        let mut t = 0;
        while t < frames {
            if C == 1 && t + 8 <= frames {
                self.tile::<S, 8, C>(s, t, at);
                t += 8;
            } else if t + 4 <= frames {
                self.tile::<S, 4, C>(s, t, at);
                t += 4;
            } else {
                self.tile::<S, 1, C>(s, t, at);
                t += 1;
            }
        }
    }
}

impl<T: Scalar> Kernel<T> for Product<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let mut at = 0;
        while at < self.outputs {
            if at + S::N < self.outputs {
                self.columns::<S, 2>(s, at);
                at += 2 * S::N;
            } else {
                self.columns::<S, 1>(s, at);
                at += S::N;
            }
        }
    }
}

/// [`Product`] of one output: the lanes are inputs.
struct Dots<'a, T>(Product<'a, T>);

impl<T: Scalar> Kernel<T> for Dots<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Product { weight, bias, taps, inputs, x, y, add, .. } = self.0;
        let bias = bias.map_or(T::ZERO, |b| b[0]);
        let frames = y.len();
        for first in (0..frames).step_by(4) {
            // The last ones are padded with themselves: a frame's sum is the same to the bit wherever it stands.
            let mut at = [first; 4];
            for (i, at) in at.iter_mut().enumerate() {
                *at = (first + i).min(frames - 1);
            }
            let mut sums = [s.splat(T::ZERO); 4];
            for k in 0..taps.count {
                let start = taps.start(k);
                let weight = &weight[k * inputs..(k + 1) * inputs];
                let mut i = 0;
                while i < inputs {
                    let end = inputs.min(i + S::N);
                    for m in 0..4 {
                        let x = &x[(start + at[m]) * inputs + i..][..end - i];
                        sums[m] = if end - i == S::N {
                            s.mul_add(s.load(x), s.load(&weight[i..]), sums[m])
                        } else {
                            s.mul_add(s.load_partial(x), s.load_partial(&weight[i..end]), sums[m])
                        };
                    }
                    i = end;
                }
            }
            for (y, sum) in y[first..].iter_mut().zip(s.sum4(sums)) {
                *y = if add { *y + bias + sum } else { bias + sum };
            }
        }
    }
}

/// [`Product`] of `f32`, compiled with this crate and not again with every crate that calls it.
#[inline(never)]
fn run_single(job: Product<'_, f32>) {
    job.dispatch();
}

/// `[taps, inputs, outputs]` as `[taps, outputs, inputs]`, for the way back. `to` has [`ALIGN`] numbers more, which become zero.
pub(crate) fn transpose<T: Scalar>(weight: &[T], taps: usize, inputs: usize, outputs: usize, to: &mut [T]) {
    let size = inputs * outputs;
    for k in 0..taps {
        let (from, to) = (&weight[k * size..], &mut to[k * size..(k + 1) * size]);
        for (o, to) in to.chunks_exact_mut(inputs).enumerate() {
            for (i, to) in to.iter_mut().enumerate() {
                *to = from[i * outputs + o];
            }
        }
    }
    to[taps * size..taps * size + ALIGN].fill(T::ZERO);
}
