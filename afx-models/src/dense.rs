//! Fully connected layer.

use afx_core::simd::{Kernel, Simd, outer_sum, put, take};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Role, Scalar, kernels, places};

/// Affine map of every frame: `y = W x + b`, without memory; `torch.nn.Linear` transposed.
///
/// - `weight`: `[inputs, outputs]`, `bias`: `[outputs]`.
/// - Real-time: `process` allocates nothing. One output is the fast case: a recurrent cell's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dense {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers in an output frame.
    pub outputs: usize,
    /// Whether there is a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

impl Dense {
    /// A layer with a bias.
    pub const fn new(inputs: usize, outputs: usize) -> Self {
        Dense { inputs, outputs, bias: true }
    }

    /// Places of `weight`, `bias` and the length of the slice.
    fn places(&self) -> [usize; 3] {
        places([self.inputs * self.outputs, if self.bias { self.outputs } else { 0 }])
    }
}

impl<T: Scalar> Layer<T> for Dense {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn layout(&self) -> Layout {
        let weight = Layout::new().tensor("weight", &[self.inputs, self.outputs]);
        if !self.bias {
            return weight.affine(Role::Output, "weight", None);
        }
        weight.tensor("bias", &[self.outputs]).affine(Role::Output, "weight", Some("bias"))
    }
    fn params_len(&self) -> usize {
        self.places()[2]
    }
    fn state_len(&self) -> usize {
        0
    }
    /// Of up to 64 outputs.
    fn glides(&self) -> bool {
        self.outputs <= ROOM
    }
    fn process_gliding(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        self.process(params.start, state, x, y);
        let Some(slope) = params.slope else { return };
        if slope[..self.places()[2]].iter().all(|v| *v == T::ZERO) {
            return;
        }
        let (mut room, frames) = ([T::ZERO; ROOM], ROOM / self.outputs);
        for (x, y) in x.chunks(frames * self.inputs).zip(y.chunks_mut(frames * self.outputs)) {
            let room = &mut room[..y.len()];
            self.process(slope, state, x, room);
            params.add(y, room, self.outputs);
            params = params.later(frames);
        }
    }
    fn process(&self, params: &[T], _: &mut [T], x: &[T], y: &mut [T]) {
        let [weight, bias, len] = self.places();
        let bias = self.bias.then_some(&params[bias..len]);
        if self.outputs == 1 {
            let bias = bias.map_or(T::ZERO, |b| b[0]);
            T::dispatch_width(self.inputs, Dots { weight: &params[weight..weight + self.inputs], bias, x, y });
        } else {
            for (x, y) in x.chunks_exact(self.inputs).zip(y.chunks_exact_mut(self.outputs)) {
                kernels::affine(&params[weight..len], bias, x, y);
            }
        }
    }
}

/// Numbers that [`Dense::process_gliding`] has room for, on a stack that may be a microcontroller's.
const ROOM: usize = 64;

/// One output a frame.
struct Dots<'a, T> {
    weight: &'a [T],
    bias: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Dots<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        // Four frames at a time use a weight while it is there, and share the sums over lanes. The last ones are padded with themselves: a
        // frame's sum is the same to the bit wherever it stands.
        let n = self.weight.len();
        let frames = (self.x.len() / n).min(self.y.len());
        // What is no whole vector ends one that begins earlier; the weights of lanes that have been counted are zero there.
        let rest = n % S::N;
        let mut tail = [T::ZERO; ALIGN];
        if n > S::N {
            tail[S::N - rest..S::N].copy_from_slice(&self.weight[n - rest..]);
        }
        let tail = s.load(&tail);
        for first in (0..frames).step_by(4) {
            let last = frames - 1;
            let mut x = [&self.x[first * n..][..n]; 4];
            for (i, x) in x.iter_mut().enumerate().skip(1) {
                *x = &self.x[last.min(first + i) * n..][..n];
            }
            let mut sums = [s.splat(T::ZERO); 4];
            let mut at = 0;
            while at + S::N <= n {
                let w = s.load(&self.weight[at..]);
                for i in 0..4 {
                    sums[i] = s.mul_add(s.load(&x[i][at..]), w, sums[i]);
                }
                at += S::N;
            }
            if at < n && n > S::N {
                for i in 0..4 {
                    sums[i] = s.mul_add(s.load(&x[i][n - S::N..]), tail, sums[i]);
                }
            } else if at < n {
                let w = s.load_partial(&self.weight[at..]);
                for i in 0..4 {
                    sums[i] = s.mul_add(s.load_partial(&x[i][at..]), w, sums[i]);
                }
            }
            for (y, sum) in self.y[first..frames].iter_mut().zip(s.sum4(sums)) {
                *y = self.bias + sum;
            }
        }
    }
}

impl<T: Scalar> Differentiable<T> for Dense {
    fn tape_len(&self, _: usize) -> usize {
        0
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], _: &mut [T]) {
        self.process(params, state, x, y);
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], _: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let [weight, bias, _] = self.places();
        let (dweight, dbias) = dparams.split_at_mut(bias);
        let size = self.inputs * self.outputs;
        if self.outputs == 1 {
            let w = &params[weight..weight + size];
            T::dispatch_width(self.inputs, DotsBackward { weight: w, x, dy, dx, dweight: &mut dweight[..size] });
            if self.bias {
                dy.iter().for_each(|d| dbias[0] += *d);
            }
        } else {
            let dbias = if self.bias { &mut dbias[..self.outputs] } else { &mut [] };
            let (layer, weight, dweight) = (self, &params[weight..], &mut dweight[..size]);
            T::dispatch_width(self.outputs, WideBackward { layer, weight, x, dy, dx, dweight, dbias });
        }
    }
}

/// Several outputs.
struct WideBackward<'a, T> {
    layer: &'a Dense,
    /// With what follows it.
    weight: &'a [T],
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dweight: &'a mut [T],
    /// Empty where there is no bias.
    dbias: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for WideBackward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let WideBackward { layer: &Dense { inputs, outputs, .. }, weight, x, dy, dx, dweight, dbias } = self;
        let frames = dy.len() / outputs;
        // The last frames' vectors would run over the end.
        let last = if outputs.is_multiple_of(S::N) { 0 } else { S::N.div_ceil(outputs).min(frames) };
        let whole = frames - last;
        outer_sum(s, dweight, outputs, x, inputs, dy, outputs, whole, inputs, outputs);
        if !dbias.is_empty() {
            outer_sum(s, dbias, outputs, &[T::ONE], 0, dy, outputs, whole, 1, outputs);
        }
        for (x, dy) in x[whole * inputs..].chunks_exact(inputs).zip(dy[whole * outputs..].chunks_exact(outputs)) {
            for (x, row) in x.iter().zip(dweight.chunks_exact_mut(outputs)) {
                row.iter_mut().zip(dy).for_each(|(d, dy)| *d += *x * *dy);
            }
            dbias.iter_mut().zip(dy).for_each(|(d, dy)| *d += *dy);
        }
        for (dx, dy) in dx.chunks_exact_mut(inputs).zip(dy.chunks_exact(outputs)) {
            // The sums of as many rows as there are lanes at a time.
            for first in (0..inputs).step_by(S::N) {
                let rows = S::N.min(inputs - first);
                let mut sums = [s.splat(T::ZERO); 16];
                for at in (0..outputs).step_by(S::N) {
                    let d = take(s, &dy[at..outputs.min(at + S::N)]);
                    for r in 0..rows {
                        sums[r] = s.mul_add(s.load(&weight[(first + r) * outputs + at..]), d, sums[r]);
                    }
                }
                let to = &mut dx[first..first + rows];
                let sum = s.add(take(s, to), s.sum_each(&sums));
                put(s, sum, to);
            }
        }
    }
}

struct DotsBackward<'a, T> {
    weight: &'a [T],
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dweight: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for DotsBackward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let n = self.weight.len();
        if n.is_multiple_of(S::N) {
            outer_sum(s, self.dweight, n, self.dy, 1, self.x, n, self.dy.len(), 1, n);
        } else {
            for (x, d) in self.x.chunks_exact(n).zip(self.dy) {
                self.dweight.iter_mut().zip(x).for_each(|(w, x)| *w += *x * *d);
            }
        }
        for (dx, d) in self.dx.chunks_exact_mut(n).zip(self.dy) {
            let d = s.splat(*d);
            let (mut dx, mut w) = (dx.chunks_exact_mut(S::N), self.weight.chunks_exact(S::N));
            for (dx, w) in (&mut dx).zip(&mut w) {
                s.store(s.mul_add(s.load(w), d, s.load(dx)), dx);
            }
            let (dx, w) = (dx.into_remainder(), w.remainder());
            s.store_partial(s.mul_add(s.load_partial(w), d, s.load_partial(dx)), dx);
        }
    }
}
