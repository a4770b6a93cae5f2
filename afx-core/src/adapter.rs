//! From knobs to the parameters of a layer.

use crate::{Layer, Layout, Scalar, Tensor};
use alloc::vec;
use alloc::vec::Vec;

/// A differentiable function from knobs to the parameters of one layer, with learnt numbers of its own.
///
/// Knobs come normalised to `[-1, 1]`. An adapter knows the [`Layout`] of the layer that it drives, never its type.
///
/// Real-time: `realize` allocates nothing; it runs once for a knob move.
///
/// # Panics
/// When a slice is shorter than the sizes say, `controls` among them.
pub trait Adapter<T: Scalar>: Send + Sync {
    /// Number of knobs.
    fn controls(&self) -> usize;
    /// The adapter's own learnt numbers, the learnt part of the layer's parameters among them.
    fn layout(&self) -> Layout;
    /// Length of the layer's parameters: of what [`Adapter::realize`] writes.
    fn layer_len(&self) -> usize;
    /// First values of the learnt numbers before training, given first values `layer` of the layer's parameters; `uniform` draws from
    /// `[-1, 1)`. Allocates.
    fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]);
    /// Multiplies a tensor of the layer by `factor` at every knob position. `tensor` comes from the layer's layout.
    ///
    /// A linear map in front of a cell or behind one can so take up a change of level.
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]);
    /// Numbers that `realize` leaves for `realize_backward`.
    fn scratch_len(&self) -> usize;
    /// Writes all parameters of the layer, gaps included, into `out`.
    fn realize(&self, params: &[T], controls: &[T], scratch: &mut [T], out: &mut [T]);
    /// Adds `dout^T ∂out/∂params` into `dparams` and `dout^T ∂out/∂controls` into `dcontrols`, after `realize` with the same `params`,
    /// `controls` and `scratch`.
    fn realize_backward(&self, params: &[T], controls: &[T], scratch: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]);
}

/// A layer and the adapter that writes its parameters: an effect with knobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditioned<L, A> {
    /// What runs at audio rate.
    pub layer: L,
    /// What turns knobs into the layer's parameters.
    pub adapter: A,
}

impl<L, A> Conditioned<L, A> {
    /// The layout of everything that is learnt: the adapter's.
    pub fn layout<T: Scalar>(&self) -> Layout
    where
        L: Layer<T>,
        A: Adapter<T>,
    {
        self.adapter.layout()
    }

    /// First values of everything that is learnt; `uniform` draws from `[-1, 1)`. The length of the result is that of the layout.
    pub fn initialize<T: Scalar>(&self, uniform: &mut dyn FnMut() -> f64) -> Vec<T>
    where
        L: Layer<T>,
        A: Adapter<T>,
    {
        let mut layer = vec![T::ZERO; self.layer.params_len()];
        self.layer.initialize(uniform, &mut layer);
        let mut learnt = vec![T::ZERO; self.adapter.layout().len()];
        self.adapter.initialize(&layer, uniform, &mut learnt);
        learnt
    }
}
