//! No conditioning.

use afx_core::{Adapter, Layout, Scalar, Tensor};

/// The layer's parameters as they are learnt, whatever the knobs: a snapshot of one setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixed {
    controls: usize,
    layout: Layout,
}

impl Fixed {
    /// For the layer of that layout; `controls` knobs, usually none, are accepted and ignored.
    pub fn new(target: &Layout, controls: usize) -> Self {
        Fixed { controls, layout: Layout::new().join("layer", target) }
    }
}

impl<T: Scalar> Adapter<T> for Fixed {
    fn controls(&self) -> usize {
        self.controls
    }
    fn layout(&self) -> Layout {
        self.layout.clone()
    }
    fn layer_len(&self) -> usize {
        self.layout.len()
    }
    fn initialize(&self, layer: &[T], _: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let len = self.layout.len();
        params[..len].copy_from_slice(&layer[..len]);
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        params[tensor.range()].iter_mut().for_each(|v| *v *= factor);
    }
    fn scratch_len(&self) -> usize {
        0
    }
    fn realize(&self, params: &[T], _: &[T], _: &mut [T], out: &mut [T]) {
        let len = self.layout.len();
        out[..len].copy_from_slice(&params[..len]);
    }
    fn realize_backward(&self, _: &[T], _: &[T], _: &mut [T], dout: &[T], dparams: &mut [T], _: &mut [T]) {
        let len = self.layout.len();
        afx_core::kernels::add_scaled(&mut dparams[..len], T::ONE, &dout[..len]);
    }
}
