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
/// One of your own, a set of parameters for each stop of a knob and a straight line between them:
///
/// ```
/// use afx_core::{Adapter, Layout, Scalar, Tensor};
///
/// struct Blend {
///     layer: Layout,
/// }
///
/// impl<T: Scalar> Adapter<T> for Blend {
///     fn controls(&self) -> usize {
///         1
///     }
///     fn layout(&self) -> Layout {
///         Layout::new().join("low", &self.layer).join("high", &self.layer)
///     }
///     fn layer_len(&self) -> usize {
///         self.layer.len()
///     }
///     fn initialize(&self, layer: &[T], _: &mut dyn FnMut() -> f64, params: &mut [T]) {
///         params.chunks_exact_mut(layer.len()).for_each(|stop| stop.copy_from_slice(layer));
///     }
///     fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
///         for stop in params.chunks_exact_mut(self.layer.len()) {
///             stop[tensor.range()].iter_mut().for_each(|v| *v *= factor);
///         }
///     }
///     fn scratch_len(&self) -> usize {
///         0
///     }
///     fn realize(&self, params: &[T], controls: &[T], _: &mut [T], out: &mut [T]) {
///         let (low, high) = params.split_at(self.layer.len());
///         let weight = T::from_f64(0.5) * (T::ONE + controls[0]);
///         for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
///             *out = *low + weight * (*high - *low);
///         }
///     }
///     fn realize_backward(&self, params: &[T], controls: &[T], _: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
///         let (low, high) = params.split_at(self.layer.len());
///         let (dlow, dhigh) = dparams.split_at_mut(self.layer.len());
///         let half = T::from_f64(0.5);
///         let weight = half * (T::ONE + controls[0]);
///         for (i, d) in dout[..low.len()].iter().enumerate() {
///             dlow[i] += (T::ONE - weight) * *d;
///             dhigh[i] += weight * *d;
///             dcontrols[0] += half * (high[i] - low[i]) * *d;
///         }
///     }
/// }
///
/// let blend = Blend { layer: Layout::new().tensor("gain", &[1]) };
/// let (mut learnt, mut out) = (vec![0.0; Adapter::<f64>::layout(&blend).len()], vec![0.0; blend.layer.len()]);
/// (learnt[0], learnt[blend.layer.len()]) = (1.0, 3.0);
/// blend.realize(&learnt, &[0.5], &mut [], &mut out);
/// assert_eq!(out[0], 2.5);
/// ```
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
