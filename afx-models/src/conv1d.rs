//! Causal convolution over time.

use crate::conv::{BLOCK, Line, Product, Taps, pieces, transpose};
use afx_core::simd::{Kernel, Simd, outer_sum};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Role, Scalar, places};
use alloc::format;

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
        self.kernel.saturating_sub(1).saturating_mul(self.dilation).saturating_add(1)
    }

    /// Numbers of the weight.
    pub(crate) fn weights(&self) -> usize {
        self.kernel.saturating_mul(self.inputs).saturating_mul(self.outputs)
    }

    /// Numbers that are learnt; whatever the sizes are, it does not wrap.
    pub(crate) fn count(&self) -> usize {
        self.weights().saturating_add(if self.bias { self.outputs } else { 0 })
    }

    /// How far the numbers of a convolution that begins where this one ends lie behind this one's.
    pub(crate) fn stride(&self) -> usize {
        self.places()[2] - ALIGN
    }

    /// Appends the tensors under `prefix`, as an affine map of that role.
    pub(crate) fn declare(&self, layout: Layout, prefix: &str, role: Role) -> Layout {
        let [weight, bias] = ["weight", "bias"].map(|tensor| format!("{prefix}{tensor}"));
        let layout = layout.tensor(&weight, &[self.kernel, self.inputs, self.outputs]);
        if !self.bias {
            return layout.affine(role, &weight, None);
        }
        layout.tensor(&bias, &[self.outputs]).affine(role, &weight, Some(&bias))
    }

    /// Places of `weight`, `bias` and the length of the slice.
    fn places(&self) -> [usize; 3] {
        places([self.weights(), if self.bias { self.outputs } else { 0 }])
    }

    /// What came before.
    pub(crate) fn line(&self) -> Line {
        Line { span: self.receptive_field() - 1, width: self.inputs }
    }

    /// `y`, or what is added to `y`, of frames that begin at `first` in a ring of `ring` frames.
    pub(crate) fn convolve<T: Scalar>(&self, params: &[T], x: &[T], first: usize, ring: usize, y: &mut [T], add: bool) {
        let [weight, bias, _] = self.places();
        let bias = self.bias.then(|| &params[bias..]);
        let taps = Taps { count: self.kernel, dilation: self.dilation, first, ring: Some(ring) };
        Product { weight: &params[weight..], bias, taps, inputs: self.inputs, outputs: self.outputs, x, y, add }.run();
    }

    /// [`Conv1d::convolve`] of parameters that may move; `room` is as long as `y`.
    pub(crate) fn glide<T: Scalar>(
        &self,
        params: Moving<'_, T>,
        x: &[T],
        first: usize,
        ring: usize,
        y: &mut [T],
        add: bool,
        room: &mut [T],
    ) {
        self.convolve(params.start, x, first, ring, y, add);
        let Some(slope) = params.slope else { return };
        let [weight, bias, _] = self.places();
        let [weights_move, bias_moves] = [(weight, self.weights()), (bias, if self.bias { self.outputs } else { 0 })]
            .map(|(place, len)| slope[place..place + len].iter().any(|v| *v != T::ZERO));
        if weights_move {
            self.convolve(slope, x, first, ring, room, false);
        } else if bias_moves {
            room.chunks_exact_mut(self.outputs).for_each(|frame| frame.copy_from_slice(&slope[bias..bias + self.outputs]));
        } else {
            return;
        }
        params.add(y, room, self.outputs);
    }

    /// Numbers that [`Conv1d::gradient`] wants for itself.
    pub(crate) fn scratch_len(&self) -> usize {
        self.weights() + ALIGN
    }

    /// Adds into `dparams` and `dx`, which may be empty. `line` begins with the oldest frame that the first output saw, whose newest was the one
    /// `late` frames before; behind the outputs' cotangents in `dy` stand zeros for as many frames as a frame is remembered, and [`ALIGN`]
    /// numbers more.
    pub(crate) fn gradient<T: Scalar>(
        &self,
        params: &[T],
        line: &[T],
        dy: &[T],
        (frames, late): (usize, usize),
        scratch: &mut [T],
        dx: &mut [T],
        dparams: &mut [T],
    ) {
        let [weight, bias, _] = self.places();
        let (dweight, dbias) = dparams.split_at_mut(bias);
        let dbias = self.bias.then(|| &mut dbias[..self.outputs]);
        Outer { conv: self, line, dy, frames, dweight: &mut dweight[weight..], dbias }.run();
        if !dx.is_empty() {
            transpose(&params[weight..], self.kernel, self.inputs, self.outputs, scratch);
            let taps = Taps { count: self.kernel, dilation: self.dilation, first: late, ring: None };
            let (inputs, outputs) = (self.outputs, self.inputs);
            Product { weight: scratch, bias: None, taps, inputs, outputs, x: dy, y: dx, add: true }.run();
        }
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
        self.declare(Layout::new(), "", Role::Input)
    }
    fn params_len(&self) -> usize {
        self.places()[2]
    }
    /// The line, and room for what a block moves by.
    fn state_len(&self) -> usize {
        self.line().len() + BLOCK * self.outputs
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let line = self.line();
        let (memory, room) = state.split_at_mut(line.len());
        for (x, y) in pieces(x, self.inputs, y, self.outputs) {
            let (ring, first) = line.push(memory, x);
            self.glide(params, ring, first, line.ring(), y, false, &mut room[..y.len()]);
            params = params.later(x.len() / self.inputs);
        }
    }
    /// The frames since it was last asked, if those are 64 at most.
    fn flush(&self, state: &mut [T]) -> bool {
        self.line().flush(state)
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let line = self.line();
        line.fill(&mut state[..line.len()], x);
        self.convolve(params, &state[ALIGN..], 0, line.ring(), y, false);
    }
}

impl<T: Scalar> Differentiable<T> for Conv1d {
    /// What came before and the input; the output's cotangent with what would come after; the weight transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let span = self.line().span;
        let rows = |width: usize| (span + frames) * width + ALIGN;
        rows(self.inputs) + rows(self.outputs) + self.scratch_len()
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
        let (after, scratch) = rest.split_at_mut((span + frames) * self.outputs + ALIGN);
        after[..dy.len()].copy_from_slice(dy);
        after[dy.len()..].fill(T::ZERO);
        self.gradient(params, line, after, (frames, 0), scratch, dx, dparams);
    }
}

/// Frames that a tile of the weight's cotangents sees at a time: what every tile reads again stays in the fastest cache.
const PIECE: usize = 64;

/// The cotangents of the weight, what each tap saw times what came of it, and of the bias.
struct Outer<'a, T> {
    conv: &'a Conv1d,
    line: &'a [T],
    dy: &'a [T],
    frames: usize,
    dweight: &'a mut [T],
    dbias: Option<&'a mut [T]>,
}

impl<T: Scalar> Outer<'_, T> {
    /// With the widest instructions of this machine.
    fn run(self) {
        let Outer { conv, line, dy, frames, dweight, dbias } = self;
        if const { T::SINGLE } {
            let dbias = dbias.map_or(Some(None), |dbias| T::singles_mut(dbias).map(Some));
            if let (Some(line), Some(dy), Some(dweight), Some(dbias)) = (T::singles(line), T::singles(dy), T::singles_mut(dweight), dbias) {
                outer_single(Outer { conv, line, dy, frames, dweight, dbias });
            }
        } else {
            T::dispatch_width(conv.outputs, Outer { conv, line, dy, frames, dweight, dbias });
        }
    }
}

/// [`Outer`] of `f32`, compiled with this crate and not again with every crate that calls it.
#[inline(never)]
fn outer_single(job: Outer<'_, f32>) {
    f32::dispatch_width(job.conv.outputs, job);
}

impl<T: Scalar> Kernel<T> for Outer<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let Conv1d { inputs, outputs, kernel, dilation, .. } = *self.conv;
        let mut first = 0;
        while first < self.frames {
            let frames = PIECE.min(self.frames - first);
            let dy = &self.dy[first * outputs..];
            for k in 0..kernel {
                let seen = &self.line[(first + (kernel - 1 - k) * dilation) * inputs..];
                let dweight = &mut self.dweight[k * inputs * outputs..];
                outer_sum(s, dweight, outputs, seen, inputs, dy, outputs, frames, inputs, outputs);
            }
            if let Some(dbias) = &mut self.dbias {
                outer_sum(s, dbias, outputs, &[T::ONE], 0, dy, outputs, frames, 1, outputs);
            }
            first += frames;
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
