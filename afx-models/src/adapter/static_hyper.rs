//! Weights from a network.

use super::mlp::{Mlp, Network};
use super::{Cover, Kept, append};
use afx_core::{Adapter, Layout, Scalar, Tensor, kernels};
use alloc::format;
use alloc::vec::Vec;

/// Hypernetwork: the weights and biases of the covered affine maps, or all numbers of the layer, are an affine function of a small network
/// of the knobs.
///
/// Ha, Dai and Le 2017, arXiv:1609.09106; for audio effects Yeh, Hsiao and Yang 2024 ("StaticHyper"). The rest of the layer stays as
/// learnt. The toolkit's `N` counts the heads: `N = 3` is a network of depth 2.
///
/// - `mlp.*`: the [`Network`]; for each covered tensor, `head.<name>.weight` `[width, numbers]` and `head.<name>.bias`
///   `[numbers]`; `layer.*`: what is not covered.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticHyper {
    controls: usize,
    layout: Layout,
    kept: Kept,
    mlp: Mlp,
    heads: Vec<Head>,
}

/// Places of a head's weight and bias, of its tensor in the layer's slice, and that one's length.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    weight: usize,
    bias: usize,
    to: usize,
    len: usize,
}

impl StaticHyper {
    /// For the layer of that layout: `controls` knobs, a small network, the cells' maps.
    pub fn new(target: &Layout, controls: usize, network: Network) -> Self {
        Self::covering(target, controls, network, Cover::Cell)
    }

    /// [`StaticHyper::new`] for what `cover` names.
    pub fn covering(target: &Layout, controls: usize, network: Network, cover: Cover) -> Self {
        let covered = cover.generated(target);
        let mut layout = Layout::new();
        let kept = Kept::new(&mut layout, target, |i| !covered.contains(&i));
        let mlp = Mlp::new(&mut layout, controls, network);
        let mut heads = Vec::new();
        for tensor in covered.into_iter().map(|i| &target.tensors()[i]) {
            let (grown, weight) = append(layout, &format!("head.{}.weight", tensor.name), &[mlp.outputs(), tensor.len()]);
            let (grown, bias) = append(grown, &format!("head.{}.bias", tensor.name), &[tensor.len()]);
            layout = grown;
            heads.push(Head { weight, bias, to: tensor.offset, len: tensor.len() });
        }
        StaticHyper { controls, layout, kept, mlp, heads }
    }
}

impl<T: Scalar> Adapter<T> for StaticHyper {
    fn controls(&self) -> usize {
        self.controls
    }
    fn layout(&self) -> Layout {
        self.layout.clone()
    }
    fn layer_len(&self) -> usize {
        self.kept.len
    }
    /// The heads' biases are the layer's own first values and their weights a third of that size, so that an untrained model is close to
    /// the plain layer. The toolkit draws both within `1 / sqrt(width)`.
    fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.kept.initialize(layer, params);
        self.mlp.initialize(uniform, params);
        for head in &self.heads {
            let first = &layer[head.to..head.to + head.len];
            let size = first.iter().fold(0.0, |m: f64, v| m.max(v.abs().to_f64()));
            let bound = size / (3.0 * (self.mlp.outputs().max(1) as f64).sqrt());
            params[head.weight..head.weight + self.mlp.outputs() * head.len].fill_with(|| T::from_f64(bound * uniform()));
            params[head.bias..head.bias + head.len].copy_from_slice(first);
        }
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        self.kept.rescale(tensor, factor, params);
        for head in self.heads.iter().filter(|h| h.to == tensor.offset) {
            for (at, len) in [(head.weight, self.mlp.outputs() * head.len), (head.bias, head.len)] {
                params[at..at + len].iter_mut().for_each(|v| *v *= factor);
            }
        }
    }
    fn scratch_len(&self) -> usize {
        self.mlp.scratch_len()
    }
    fn realize(&self, params: &[T], controls: &[T], scratch: &mut [T], out: &mut [T]) {
        self.mlp.forward(params, controls, scratch);
        self.kept.realize(params, out);
        let z = self.mlp.last(scratch);
        for head in &self.heads {
            kernels::affine(&params[head.weight..], Some(&params[head.bias..]), z, &mut out[head.to..head.to + head.len]);
        }
    }
    fn realize_backward(&self, params: &[T], _: &[T], scratch: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
        self.kept.realize_backward(dout, dparams, |_| true);
        let (z, dz) = self.mlp.split(scratch);
        dz.fill(T::ZERO);
        for head in &self.heads {
            let (dweight, dbias) = dparams.split_at_mut(head.bias);
            let dweight = &mut dweight[head.weight..head.weight + z.len() * head.len];
            kernels::affine_backward(&params[head.weight..], z, &dout[head.to..head.to + head.len], dweight, Some(dbias), dz);
        }
        self.mlp.backward(params, scratch, dparams, dcontrols);
    }
}
