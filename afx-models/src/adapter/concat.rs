//! Knobs beside the input.

use super::{Kept, append};
use afx_core::{Adapter, Layout, Scalar, Tensor, kernels};
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

/// Knobs concatenated to the input: with the knobs at rest, exactly a bias `b' = b + W_c c` of the affine maps that read the layer's input.
///
/// The simplest and most common conditioning (Damskägg and Välimäki 2019, Wright and Välimäki 2019). A convolution sees the knobs at every
/// tap, so there `W_c` is the sum over the taps. A cell has one such map, a convolutional one has the first block's residual beside it, and a
/// [`DynamicHyper`](crate::DynamicHyper) takes knobs where its smaller cell reads the larger one.
///
/// - `controls.weight`: `[controls, rows]`, the columns of the first map's weight that belong to the knobs; `controls.<i>.weight`: those of
///   another map, number `i`; `layer.*`: the layer's own.
/// - A map without a bias takes no knobs: they would have nowhere to act at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Concat {
    controls: usize,
    layout: Layout,
    kept: Kept,
    columns: Vec<Columns>,
}

/// Place of a map's `W_c`, of the bias in the layer's slice, and how many rows both have.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Columns {
    weight: usize,
    bias: usize,
    rows: usize,
}

impl Columns {
    /// The bias in the layer's slice.
    fn bias(&self) -> Range<usize> {
        self.bias..self.bias + self.rows
    }

    /// What knob `k` adds to it.
    fn knob(&self, k: usize) -> Range<usize> {
        self.weight + k * self.rows..self.weight + (k + 1) * self.rows
    }
}

impl Concat {
    /// For the layer of that layout.
    pub fn new(target: &Layout, controls: usize) -> Self {
        let mut layout = Layout::new();
        let kept = Kept::new(&mut layout, target, |_| true);
        let mut columns = Vec::new();
        for (i, bias) in target.knob_biases().enumerate() {
            let name = if i == 0 { "controls.weight".into() } else { format!("controls.{i}.weight") };
            let (grown, weight) = append(layout, &name, &[controls, bias.len()]);
            layout = grown;
            columns.push(Columns { weight, bias: bias.offset, rows: bias.len() });
        }
        Concat { controls, layout, kept, columns }
    }
}

impl<T: Scalar> Adapter<T> for Concat {
    fn controls(&self) -> usize {
        self.controls
    }
    fn layout(&self) -> Layout {
        self.layout.clone()
    }
    fn layer_len(&self) -> usize {
        self.kept.len
    }
    /// The knobs' columns start like the input's: within the bound of the bias.
    fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.kept.initialize(layer, params);
        for map in &self.columns {
            let bound = layer[map.bias()].iter().fold(0.0, |m: f64, v| m.max(v.abs().to_f64()));
            params[map.weight..map.knob(self.controls).start].fill_with(|| T::from_f64(bound * uniform()));
        }
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        self.kept.rescale(tensor, factor, params);
        for map in self.columns.iter().filter(|map| map.bias == tensor.offset) {
            params[map.weight..map.knob(self.controls).start].iter_mut().for_each(|v| *v *= factor);
        }
    }
    fn scratch_len(&self) -> usize {
        0
    }
    fn realize(&self, params: &[T], controls: &[T], _: &mut [T], out: &mut [T]) {
        self.kept.realize(params, out);
        for map in &self.columns {
            for (k, c) in controls[..self.controls].iter().enumerate() {
                kernels::add_scaled(&mut out[map.bias()], *c, &params[map.knob(k)]);
            }
        }
    }
    fn realize_backward(&self, params: &[T], controls: &[T], _: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
        self.kept.realize_backward(dout, dparams, |_| true);
        for map in &self.columns {
            let db = &dout[map.bias()];
            for (k, c) in controls[..self.controls].iter().enumerate() {
                kernels::add_scaled(&mut dparams[map.knob(k)], *c, db);
                dcontrols[k] += kernels::dot(&params[map.knob(k)], db);
            }
        }
    }
}
