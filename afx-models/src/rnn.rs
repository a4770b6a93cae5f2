//! Plain recurrent network.

use crate::cell::{Backward, Cell, Maps, Play, forward, tape_len};
use afx_core::kernels::flush;
use afx_core::simd::Simd;
use afx_core::{Differentiable, Layer, Layout, Scalar};
use core::ops::Range;

/// Plain recurrent network of one layer, with a hyperbolic tangent.
///
/// `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`. Elman 1990, Cognitive Science 14(2), as in `torch.nn.RNN`. The output is `h'`.
///
/// - `w_ih`: `[inputs, hidden]`, `w_hh`: `[hidden, hidden]`, `b_ih`, `b_hh`: `[hidden]`.
/// - Without biases, silence in and a memory of zeros give silence out.
/// - Real-time: `process` allocates nothing. Fastest where `hidden` is 8, 16 or 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rnn {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers of memory, and in an output frame.
    pub hidden: usize,
    /// Whether the two affine maps have a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

impl Rnn {
    /// A network with biases.
    pub const fn new(inputs: usize, hidden: usize) -> Self {
        Rnn { inputs, hidden, bias: true }
    }
}

/// The row of the tape: the output.
impl Cell<1, 1> for Rnn {
    const CARRIES: bool = false;
    fn maps(&self) -> Maps {
        Maps { inputs: self.inputs, hidden: self.hidden, gates: 1, bias: self.bias }
    }
    #[inline(always)]
    fn step<S: Simd>(s: S, [sum]: [S::V; 1], carried: S::V) -> ([S::V; 1], S::V, S::V) {
        let h = s.tanh(sum);
        ([h], carried, h)
    }
    #[inline(always)]
    fn cotangents<S: Simd>(s: S, [h]: [S::V; 1], _: S::V, dh: S::V, dc: S::V) -> ([S::V; 1], S::V) {
        ([s.mul(dh, s.sub(s.splat(S::T::ONE), s.mul(h, h)))], dc)
    }
    #[inline(never)]
    fn play_single(job: Play<'_, Self, f32, 1, 1>) {
        f32::dispatch_width(job.cell.hidden, job);
    }
    #[inline(never)]
    fn backward_single(job: Backward<'_, Self, f32, 1, 1>) {
        f32::dispatch_width(job.cell.hidden, job);
    }
}

impl<T: Scalar> Layer<T> for Rnn {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.hidden
    }
    fn layout(&self) -> Layout {
        self.maps().layout()
    }
    fn params_len(&self) -> usize {
        self.maps().places()[4]
    }
    /// Uniform within `±1 / sqrt(hidden)`, weights and biases, as PyTorch does.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.maps().initialize(uniform, params);
    }
    fn state_len(&self) -> usize {
        self.maps().padded()
    }
    fn process(&self, params: &[T], memory: &mut [T], x: &[T], y: &mut [T]) {
        Play { cell: *self, params, memory, x, y, rows: &mut [] }.run();
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..self.maps().padded());
        true
    }
    fn flush(&self, memory: &mut [T]) -> bool {
        flush(memory)
    }
}

impl<T: Scalar> Differentiable<T> for Rnn {
    fn tape_len(&self, frames: usize) -> usize {
        tape_len(self, frames)
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        forward(self, params, state, x, y, tape);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        Backward::new(self, params, x, y, tape, dy, dx, dparams).run();
    }
}
