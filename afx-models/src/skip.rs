//! A layer with its input beside it.

use afx_core::{Differentiable, Layer, Layout, Moving, Scalar, kernels};
use core::ops::Range;

/// A layer that learns what an effect adds to its input: `y = layer(x) + x`.
///
/// Wright and Välimäki 2019 put it around their recurrent models, He et al. 2015 (arXiv:1512.03385) around the blocks of deep ones. The layer has as
/// many outputs as inputs, and no latency: what is added is the input as it comes. Names of parameters are the layer's own.
///
/// - Real-time: `process` allocates nothing.
/// - Level: a change of level at the input or the output is nothing that the layer alone can take up. A trainer that wants to is told
///   `normalise = false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Skip<L> {
    /// What the input goes around.
    pub layer: L,
}

impl<T: Scalar, L: Layer<T>> Layer<T> for Skip<L> {
    fn inputs(&self) -> usize {
        self.layer.inputs()
    }
    fn outputs(&self) -> usize {
        self.layer.outputs()
    }
    fn fits(&self) -> bool {
        self.layer.fits() && self.layer.inputs() == self.layer.outputs()
    }
    fn layout(&self) -> Layout {
        self.layer.layout()
    }
    fn params_len(&self) -> usize {
        self.layer.params_len()
    }
    fn state_len(&self) -> usize {
        self.layer.state_len()
    }
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.layer.initialize(uniform, params);
    }
    fn reset(&self, params: &[T], state: &mut [T]) {
        self.layer.reset(params, state);
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.layer.process(params, state, x, y);
        kernels::add_scaled(y, T::ONE, x);
    }
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let [y0, y1] = y;
        self.layer.process_pair(params, state, x, [&mut *y0, &mut *y1]);
        kernels::add_scaled(y0, T::ONE, x[0]);
        kernels::add_scaled(y1, T::ONE, x[1]);
    }
    fn glides(&self) -> bool {
        self.layer.glides()
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        self.layer.process_gliding(params, state, x, y);
        kernels::add_scaled(y, T::ONE, x);
    }
    fn flush(&self, state: &mut [T]) -> bool {
        self.layer.flush(state)
    }
    fn latency(&self) -> usize {
        self.layer.latency()
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        self.layer.feedback(part)
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.layer.rest(params, state, x, y);
        kernels::add_scaled(y, T::ONE, x);
    }
}

impl<T: Scalar, L: Differentiable<T>> Differentiable<T> for Skip<L> {
    /// The layer's output and its tape.
    fn tape_len(&self, frames: usize) -> usize {
        frames * self.layer.outputs() + self.layer.tape_len(frames)
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (inner, tape) = tape.split_at_mut(y.len());
        self.layer.forward(params, state, x, inner, tape);
        y.copy_from_slice(inner);
        kernels::add_scaled(y, T::ONE, x);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (inner, tape) = tape.split_at_mut(y.len());
        self.layer.backward(params, x, inner, tape, dy, dx, dparams);
        kernels::add_scaled(dx, T::ONE, dy);
    }
}
