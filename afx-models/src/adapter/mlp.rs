//! The small network in front of an adapter's heads.

use super::append;
use afx_core::{Layout, Scalar, kernels};
use alloc::format;
use alloc::vec::Vec;

/// Slope of the leaky rectifier for negative numbers, as in PyNeuralFx.
const SLOPE: f64 = 0.1;

/// `depth` times an affine map to `width` numbers and a leaky rectifier of slope 0.1. Depth 0 is the identity.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mlp {
    inputs: usize,
    width: usize,
    /// Places of weight and bias of each map.
    maps: Vec<(usize, usize)>,
}

impl Mlp {
    /// Appends the maps' tensors, `mlp.<i>.weight` `[from, width]` and `mlp.<i>.bias`, to `layout`.
    pub fn new(layout: &mut Layout, inputs: usize, width: usize, depth: usize) -> Self {
        let mut maps = Vec::new();
        for i in 0..depth {
            let from = if i == 0 { inputs } else { width };
            let (grown, weight) = append(core::mem::take(layout), &format!("mlp.{i}.weight"), &[from, width]);
            let (grown, bias) = append(grown, &format!("mlp.{i}.bias"), &[width]);
            *layout = grown;
            maps.push((weight, bias));
        }
        Mlp { inputs, width, maps }
    }

    /// Numbers of the last layer.
    pub fn outputs(&self) -> usize {
        if self.maps.is_empty() { self.inputs } else { self.width }
    }

    /// The outputs of every layer, and a cotangent for each of two neighbours.
    pub fn scratch_len(&self) -> usize {
        self.inputs + self.maps.len() * self.width + 2 * self.width.max(self.inputs)
    }

    /// Uniform within `±1 / sqrt(columns)`, as `torch.nn.Linear`.
    pub fn initialize<T: Scalar>(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        for (i, &(weight, bias)) in self.maps.iter().enumerate() {
            let from = if i == 0 { self.inputs } else { self.width };
            let bound = 1.0 / (from.max(1) as f64).sqrt();
            params[weight..weight + from * self.width].fill_with(|| T::from_f64(bound * uniform()));
            params[bias..bias + self.width].fill_with(|| T::from_f64(bound * uniform()));
        }
    }

    /// Leaves the outputs of every layer at the start of `scratch`.
    pub fn forward<T: Scalar>(&self, params: &[T], x: &[T], scratch: &mut [T]) {
        for (slot, value) in scratch[..self.inputs].iter_mut().zip(x) {
            *slot = *value;
        }
        let mut at = 0;
        for (i, &(weight, bias)) in self.maps.iter().enumerate() {
            let from = if i == 0 { self.inputs } else { self.width };
            let (x, y) = scratch[at..].split_at_mut(from);
            let y = &mut y[..self.width];
            kernels::affine(&params[weight..], Some(&params[bias..]), x, y);
            for v in y.iter_mut().filter(|v| **v < T::ZERO) {
                *v *= T::from_f64(SLOPE);
            }
            at += from;
        }
    }

    /// The last layer's outputs in a `scratch` that `forward` filled.
    pub fn last<'s, T>(&self, scratch: &'s [T]) -> &'s [T] {
        let end = self.inputs + self.maps.len() * self.width;
        &scratch[end - self.outputs()..end]
    }

    /// [`Mlp::last`] and [`Mlp::cotangent`] together.
    pub fn split<'s, T>(&self, scratch: &'s mut [T]) -> (&'s [T], &'s mut [T]) {
        let end = self.inputs + self.maps.len() * self.width;
        let (outputs, cotangents) = scratch.split_at_mut(end);
        (&outputs[end - self.outputs()..], &mut cotangents[..self.outputs()])
    }

    /// Where the caller puts the cotangent of the last layer's outputs.
    pub fn cotangent<'s, T>(&self, scratch: &'s mut [T]) -> &'s mut [T] {
        let end = self.inputs + self.maps.len() * self.width;
        &mut scratch[end..end + self.outputs()]
    }

    /// Adds into `dparams` and `dx`, given the cotangent in its place.
    pub fn backward<T: Scalar>(&self, params: &[T], scratch: &mut [T], dparams: &mut [T], dx: &mut [T]) {
        let mut end = self.inputs + self.maps.len() * self.width;
        let (outputs, cotangents) = scratch.split_at_mut(end);
        let (mut dy, mut dprevious) = cotangents.split_at_mut(self.width.max(self.inputs));
        for (i, &(weight, bias)) in self.maps.iter().enumerate().rev() {
            let from = if i == 0 { self.inputs } else { self.width };
            let y = &outputs[end - self.width..end];
            for (d, _) in dy.iter_mut().zip(y).filter(|(_, y)| **y < T::ZERO) {
                *d *= T::from_f64(SLOPE);
            }
            end -= self.width;
            let x = &outputs[end - from..end];
            let dx = &mut dprevious[..from];
            dx.fill(T::ZERO);
            let size = from * self.width;
            let (dw, db) = dparams.split_at_mut(bias);
            kernels::affine_backward(&params[weight..], x, &dy[..self.width], &mut dw[weight..weight + size], Some(db), dx);
            core::mem::swap(&mut dy, &mut dprevious);
        }
        for (dx, d) in dx.iter_mut().zip(dy.iter()).take(self.inputs) {
            *dx += *d;
        }
    }
}
