//! Conditioning adapters: from knobs to the parameters of any layer, through its affine maps.

mod concat;
mod film;
mod fixed;
mod mlp;
mod static_hyper;

pub use concat::Concat;
pub use film::Film;
pub use fixed::Fixed;
pub use mlp::{Activation, Network};
pub use static_hyper::StaticHyper;

use afx_core::{Affine, Layout, Role};

/// Which affine maps of a layer an adapter conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Cover {
    /// Those of cells: from the input and from the memory. Heads stay as learnt.
    #[default]
    Cell,
    /// Every one.
    All,
}

impl Cover {
    /// Whether `map` is among them.
    fn holds(self, map: &Affine) -> bool {
        self == Cover::All || map.role != Role::Output
    }
}

/// The numbers of the layer that an adapter leaves as learnt: each tensor of `target` that `keep` holds, under the prefix `layer.`, as
/// `(place in the adapter's slice, place in the layer's, length)`.
fn kept(layout: &mut Layout, target: &Layout, keep: impl Fn(usize) -> bool) -> alloc::vec::Vec<(usize, usize, usize)> {
    let mut copies = alloc::vec::Vec::new();
    for (i, tensor) in target.tensors().iter().enumerate().filter(|(i, _)| keep(*i)) {
        let (grown, at) = append(core::mem::take(layout), &alloc::format!("layer.{}", tensor.name), &tensor.shape);
        *layout = grown;
        copies.push((at, target.tensors()[i].offset, tensor.len()));
    }
    copies
}

/// Multiplies the learnt tensor that belongs at `offset` of the layer's slice, if it is among `copies`.
fn rescale_kept<T: afx_core::Scalar>(copies: &[(usize, usize, usize)], offset: usize, factor: T, params: &mut [T]) {
    for &(from, _, len) in copies.iter().filter(|(_, to, _)| *to == offset) {
        params[from..from + len].iter_mut().for_each(|v| *v *= factor);
    }
}

/// `layout` with one more tensor, and where that begins.
fn append(layout: Layout, name: &str, shape: &[usize]) -> (Layout, usize) {
    let layout = layout.tensor(name, shape);
    let at = layout.tensors().last().map_or(0, |t| t.offset);
    (layout, at)
}
