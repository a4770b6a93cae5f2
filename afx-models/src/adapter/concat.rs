//! Knobs beside the input.

use super::{Kept, append};
use afx_core::{Adapter, Layout, Scalar, Tensor, kernels};

/// Knobs concatenated to the input: with the knobs at rest, exactly a bias `b' = b + W_c c` of the layer's first affine map.
///
/// The simplest and most common conditioning (Damskägg and Välimäki 2019, Wright and Välimäki 2019). A convolution sees the knobs at every
/// tap, so there `W_c` is the sum over the taps.
///
/// - `controls.weight`: `[controls, rows]`, the columns of the input weight that belong to the knobs; `layer.*`: the layer's own.
/// - A first map without a bias takes no knobs: they would have nowhere to act at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Concat {
    controls: usize,
    layout: Layout,
    kept: Kept,
    /// Place of `W_c`, of the bias in the layer's slice, and its length.
    weight: usize,
    bias: usize,
    rows: usize,
}

impl Concat {
    /// For the layer of that layout.
    pub fn new(target: &Layout, controls: usize) -> Self {
        let bias = target.affine_maps().first().and_then(|map| map.bias).map(|b| &target.tensors()[b]);
        let (bias, rows) = bias.map_or((0, 0), |b| (b.offset, b.len()));
        let mut layout = Layout::new();
        let kept = Kept::new(&mut layout, target, |_| true);
        let (layout, weight) = append(layout, "controls.weight", &[controls, rows]);
        Concat { controls, layout, kept, weight, bias, rows }
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
        let bound = layer[self.bias..self.bias + self.rows].iter().fold(0.0, |m: f64, v| m.max(v.abs().to_f64()));
        params[self.weight..self.weight + self.controls * self.rows].fill_with(|| T::from_f64(bound * uniform()));
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        self.kept.rescale(tensor, factor, params);
        if tensor.offset == self.bias {
            params[self.weight..self.weight + self.controls * self.rows].iter_mut().for_each(|v| *v *= factor);
        }
    }
    fn scratch_len(&self) -> usize {
        0
    }
    fn realize(&self, params: &[T], controls: &[T], _: &mut [T], out: &mut [T]) {
        self.kept.realize(params, out);
        for (k, c) in controls[..self.controls].iter().enumerate() {
            let at = self.weight + k * self.rows;
            kernels::add_scaled(&mut out[self.bias..self.bias + self.rows], *c, &params[at..at + self.rows]);
        }
    }
    fn realize_backward(&self, params: &[T], controls: &[T], _: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
        self.kept.realize_backward(dout, dparams, |_| true);
        let db = &dout[self.bias..self.bias + self.rows];
        for (k, c) in controls[..self.controls].iter().enumerate() {
            let at = self.weight + k * self.rows;
            kernels::add_scaled(&mut dparams[at..at + self.rows], *c, db);
            dcontrols[k] += kernels::dot(&params[at..at + self.rows], db);
        }
    }
}
