//! Causal convolution over time.

use crate::conv::{BLOCK, Line, Product, Taps, transpose};
use afx_core::simd::{Kernel, Simd, outer_sum};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Role, Scalar, places};

/// Causal convolution over time: `y[t] = b + Σ_k W_k x[t - k dilation]`, where nothing is known before the first frame but zeros.
///
/// `torch.nn.Conv1d` with `dilation`, fed with `(kernel - 1) * dilation` zeros before the signal, the order of its taps reversed. WaveNet's
/// convolution: van den Oord et al. 2016, arXiv:1609.03499. What came before lies in the memory, so that playing in blocks gives
/// what the whole signal gives.
///
/// - `weight`: `[kernel, inputs, outputs]`, the newest frame's first; `bias`: `[outputs]`.
/// - At rest every frame is the one that comes in.
/// - Real-time: `process` allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Conv1d {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers in an output frame.
    pub outputs: usize,
    /// Frames that an output frame is a sum of.
    pub kernel: usize,
    /// Distance between them, 1 where they are neighbours.
    #[cfg_attr(feature = "serde", serde(default = "crate::one"))]
    pub dilation: usize,
    /// Whether there is a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

impl Conv1d {
    /// A convolution with a bias.
    pub const fn new(inputs: usize, outputs: usize, kernel: usize, dilation: usize) -> Self {
        Conv1d { inputs, outputs, kernel, dilation, bias: true }
    }

    /// Frames that the output depends on, the newest among them.
    pub const fn receptive_field(&self) -> usize {
        self.kernel.saturating_sub(1) * self.dilation + 1
    }

    /// Numbers of the weight.
    pub(crate) fn weights(&self) -> usize {
        self.kernel * self.inputs * self.outputs
    }

    /// Places of `weight`, `bias` and the length of the slice.
    fn places(&self) -> [usize; 3] {
        places([self.weights(), if self.bias { self.outputs } else { 0 }])
    }

    /// What came before.
    pub(crate) fn line(&self) -> Line {
        Line { span: self.receptive_field() - 1, width: self.inputs }
    }

    fn taps(&self, first: usize, ring: Option<usize>) -> Taps {
        Taps { count: self.kernel, dilation: self.dilation, first, ring }
    }

    /// `y`, or what is added to `y`, of frames that begin at `first` in a ring of `ring` frames.
    pub(crate) fn convolve<T: Scalar>(&self, params: &[T], x: &[T], first: usize, ring: usize, y: &mut [T], add: bool) {
        let [weight, bias, len] = self.places();
        let bias = self.bias.then(|| &params[bias..len]);
        let taps = self.taps(first, Some(ring));
        Product { weight: &params[weight..len], bias, taps, inputs: self.inputs, outputs: self.outputs, x, y, add }.run();
    }
}

impl<T: Scalar> Layer<T> for Conv1d {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn fits(&self) -> bool {
        self.inputs > 0 && self.outputs > 0 && self.kernel > 0 && self.dilation > 0
    }
    fn layout(&self) -> Layout {
        let weight = Layout::new().tensor("weight", &[self.kernel, self.inputs, self.outputs]);
        if !self.bias {
            return weight.affine(Role::Input, "weight", None);
        }
        weight.tensor("bias", &[self.outputs]).affine(Role::Input, "weight", Some("bias"))
    }
    fn params_len(&self) -> usize {
        self.places()[2]
    }
    fn state_len(&self) -> usize {
        self.line().len()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let line = self.line();
        for (x, y) in x.chunks(BLOCK * self.inputs).zip(y.chunks_mut(BLOCK * self.outputs)) {
            let (ring, first) = line.push(state, x);
            self.convolve(params, ring, first, line.ring(), y, false);
        }
    }
    /// The frames since it was last asked, if those are 64 at most.
    fn flush(&self, state: &mut [T]) -> bool {
        self.line().flush(state)
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let line = self.line();
        line.fill(state, x);
        self.convolve(params, &state[ALIGN..], 0, line.ring(), y, false);
    }
}

impl<T: Scalar> Differentiable<T> for Conv1d {
    /// What came before and the input; the output's cotangent with what would come after; the weight transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let span = self.line().span;
        let rows = |width: usize| (span + frames) * width + ALIGN;
        rows(self.inputs) + rows(self.outputs) + self.weights() + ALIGN
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let line = self.line();
        let before = line.span * self.inputs;
        line.history(state, tape);
        tape[before..before + x.len()].copy_from_slice(x);
        line.extend(state, x);
        // No window wraps where every frame that is asked for is there.
        self.convolve(params, tape, line.span, 0, y, false);
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (span, frames) = (self.line().span, x.len() / self.inputs);
        let (line, rest) = tape.split_at_mut((span + frames) * self.inputs + ALIGN);
        let (after, transposed) = rest.split_at_mut((span + frames) * self.outputs + ALIGN);
        let [weight, bias, _] = self.places();
        after[..dy.len()].copy_from_slice(dy);
        after[dy.len()..].fill(T::ZERO);
        let (dweight, dbias) = dparams.split_at_mut(bias);
        let dweight = &mut dweight[weight..];
        T::dispatch_width(self.outputs, Outer { conv: self, line, dy: after, frames, dweight });
        if self.bias {
            for dy in dy.chunks_exact(self.outputs) {
                dbias.iter_mut().zip(dy).for_each(|(sum, d)| *sum += *d);
            }
        }
        if !dx.is_empty() {
            transpose(&params[weight..], self.kernel, self.inputs, self.outputs, transposed);
            let taps = self.taps(0, None);
            let (inputs, outputs) = (self.outputs, self.inputs);
            Product { weight: transposed, bias: None, taps, inputs, outputs, x: after, y: dx, add: true }.run();
        }
    }
}

/// The cotangents of the weight: what each tap saw, times what came of it.
struct Outer<'a, T> {
    conv: &'a Conv1d,
    line: &'a [T],
    dy: &'a [T],
    frames: usize,
    dweight: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Outer<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Conv1d { inputs, outputs, kernel, dilation, .. } = *self.conv;
        for k in 0..kernel {
            let seen = &self.line[(kernel - 1 - k) * dilation * inputs..];
            let dweight = &mut self.dweight[k * inputs * outputs..];
            outer_sum(s, dweight, outputs, seen, inputs, self.dy, outputs, self.frames, inputs, outputs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::testing::Noise;
    use alloc::vec;
    use alloc::vec::Vec;

    /// The formula, as it stands.
    fn plain(conv: &Conv1d, params: &[f64], x: &[f64]) -> Vec<f64> {
        let Conv1d { inputs, outputs, kernel, dilation, bias } = *conv;
        let [_, at, _] = conv.places();
        let mut y = Vec::new();
        for t in 0..x.len() / inputs {
            for o in 0..outputs {
                let mut sum = if bias { params[at + o] } else { 0.0 };
                for k in 0..kernel {
                    for i in 0..inputs {
                        let seen = t.checked_sub(k * dilation).map_or(0.0, |t| x[t * inputs + i]);
                        sum += params[(k * inputs + i) * outputs + o] * seen;
                    }
                }
                y.push(sum);
            }
        }
        y
    }

    #[test]
    fn every_size_is_the_formula() {
        let mut noise = Noise::new(5);
        for (inputs, outputs, kernel, dilation) in [
            (1, 1, 1, 1),
            (1, 16, 3, 1),
            (16, 16, 3, 64),
            (3, 5, 2, 100),
            (7, 1, 4, 3),
            (20, 1, 2, 1),
            (8, 33, 3, 7),
            (16, 48, 2, 9),
            (2, 24, 1, 5),
        ] {
            let conv = Conv1d { bias: kernel != 2, ..Conv1d::new(inputs, outputs, kernel, dilation) };
            let mut params = vec![0.0f64; Layer::<f64>::params_len(&conv)];
            conv.initialize(&mut || noise.next_f64(), &mut params);
            let x: Vec<f64> = (0..391 * inputs).map(|_| noise.next_f64()).collect();
            let expected = plain(&conv, &params, &x);
            let (single, x32): (Vec<f32>, Vec<f32>) = (params.iter().map(|v| *v as f32).collect(), x.iter().map(|v| *v as f32).collect());
            let (mut y, mut y32) = (vec![0.0; expected.len()], vec![0.0; expected.len()]);
            let (mut state, mut state32) = (vec![0.0; Layer::<f64>::state_len(&conv)], vec![0.0; Layer::<f32>::state_len(&conv)]);
            conv.process(&params, &mut state, &x, &mut y);
            conv.process(&single, &mut state32, &x32, &mut y32);
            for ((e, y), y32) in expected.iter().zip(&y).zip(&y32) {
                assert!((e - y).abs() < 1e-13 && (e - f64::from(*y32)).abs() < 2e-6, "{conv:?}: {e} {y} {y32}"); // at most 48 terms below 1
            }
        }
    }
}
