//! The small network in front of an adapter's heads.

use super::append;
use afx_core::{Layout, Scalar, activation, kernels};
use alloc::format;
use alloc::vec::Vec;

/// Slope of the leaky rectifier for negative numbers, as in PyNeuralFx.
const SLOPE: f64 = 0.1;

/// The small network between the knobs and an adapter's heads: `depth` times an affine map to `width` numbers and an activation. Depth 0 is
/// the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Network {
    /// Numbers in a layer.
    pub width: usize,
    /// Layers.
    pub depth: usize,
    /// What follows each affine map.
    #[cfg_attr(feature = "serde", serde(default))]
    pub activation: Activation,
}

/// What follows the affine maps of a [`Network`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Activation {
    /// `x`, or `0.1 x` where negative: the published toolkit's, and of files that name none. The parameters have kinks between the knob
    /// positions of a training, and long trainings put them to bad use: see `docs/decisions/0005-smooth-hypernetworks.md` of the project.
    #[default]
    LeakyRelu,
    /// Hyperbolic tangent: the parameters are smooth functions of the knobs.
    Tanh,
}

impl Network {
    /// A smooth network: [`Activation::Tanh`].
    pub const fn smooth(width: usize, depth: usize) -> Self {
        Network { width, depth, activation: Activation::Tanh }
    }

    /// The published toolkit's: [`Activation::LeakyRelu`].
    pub const fn leaky(width: usize, depth: usize) -> Self {
        Network { width, depth, activation: Activation::LeakyRelu }
    }
}

impl Activation {
    /// In place.
    fn apply<T: Scalar>(self, values: &mut [T]) {
        match self {
            Activation::Tanh => activation::tanh_slice(values),
            Activation::LeakyRelu => values.iter_mut().filter(|v| **v < T::ZERO).for_each(|v| *v *= T::from_f64(SLOPE)),
        }
    }

    /// The cotangent before the activation from that after it, given what it returned.
    fn backward<T: Scalar>(self, y: &[T], dy: &mut [T]) {
        let pairs = dy.iter_mut().zip(y);
        match self {
            Activation::Tanh => pairs.for_each(|(d, y)| *d *= T::ONE - *y * *y),
            Activation::LeakyRelu => pairs.filter(|(_, y)| **y < T::ZERO).for_each(|(d, _)| *d *= T::from_f64(SLOPE)),
        }
    }
}

/// A [`Network`] with its place in an adapter's slice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mlp {
    inputs: usize,
    width: usize,
    activation: Activation,
    /// Places of weight and bias of each map.
    maps: Vec<(usize, usize)>,
}

impl Mlp {
    /// Appends the maps' tensors, `mlp.<i>.weight` `[from, width]` and `mlp.<i>.bias`, to `layout`.
    pub fn new(layout: &mut Layout, inputs: usize, Network { width, depth, activation }: Network) -> Self {
        let mut maps = Vec::new();
        for i in 0..depth {
            let from = if i == 0 { inputs } else { width };
            let (grown, weight) = append(core::mem::take(layout), &format!("mlp.{i}.weight"), &[from, width]);
            let (grown, bias) = append(grown, &format!("mlp.{i}.bias"), &[width]);
            *layout = grown;
            maps.push((weight, bias));
        }
        Mlp { inputs, width, activation, maps }
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
        scratch[..self.inputs].copy_from_slice(&x[..self.inputs]);
        let mut at = 0;
        for (i, &(weight, bias)) in self.maps.iter().enumerate() {
            let from = if i == 0 { self.inputs } else { self.width };
            let (x, y) = scratch[at..].split_at_mut(from);
            let y = &mut y[..self.width];
            kernels::affine(&params[weight..], Some(&params[bias..]), x, y);
            self.activation.apply(y);
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
            self.activation.backward(y, dy);
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
