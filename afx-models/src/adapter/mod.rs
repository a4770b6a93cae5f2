//! Conditioning adapters: from knobs to the parameters of any layer, through its affine maps.

mod concat;
mod film;
mod fixed;
mod low_rank_hyper;
mod mlp;
mod static_hyper;

pub use concat::Concat;
pub use film::Film;
pub use fixed::Fixed;
pub use low_rank_hyper::LowRankHyper;
pub use mlp::{Activation, Network};
pub use static_hyper::StaticHyper;

use afx_core::{Affine, Layout, Role, Scalar, Tensor, kernels};
use alloc::format;
use alloc::vec::Vec;

/// Which affine maps of a layer an adapter conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Cover {
    /// Those of cells: from the input, from the memory, and the convolutions of later blocks. Residuals, mixes and heads stay as learnt. Of a
    /// layer that declares [`Role::Scale`], [`Film`] conditions that in place of the maps before it, and [`StaticHyper`] leaves it alone.
    #[default]
    Cell,
    /// Every one.
    All,
    /// Every number of the layer, of whatever else it has, too: an [`Iir`](crate::Iir)'s, a [`Dynamics`](crate::Dynamics)', a
    /// [`Fir`](crate::Fir)'s taps. [`Film`] has no more than every map to act on.
    Everything,
}

impl Cover {
    /// The tensors that a network writes: weights first, then biases, by their places in the layout.
    pub(crate) fn generated(self, target: &Layout) -> Vec<usize> {
        if self == Cover::Everything {
            return (0..target.tensors().len()).collect();
        }
        let maps = || target.affine_maps().iter().filter(|map| self == Cover::All || of_cell(map));
        maps().map(|map| map.weight).chain(maps().filter_map(|map| map.bias)).collect()
    }

    /// The maps whose rows are scaled and shifted.
    pub(crate) fn modulated(self, target: &Layout) -> impl Iterator<Item = &Affine> {
        let scales = target.affine_maps().iter().any(|map| map.role == Role::Scale);
        target.affine_maps().iter().filter(move |map| match self {
            Cover::All | Cover::Everything => true,
            Cover::Cell if scales => map.role == Role::Scale,
            Cover::Cell => of_cell(map),
        })
    }
}

/// Whether a cell has that map, and not what stands beside or behind it.
fn of_cell(map: &Affine) -> bool {
    matches!(map.role, Role::Input | Role::Recurrent | Role::Control | Role::Hidden)
}

/// The tensors of a layer that an adapter keeps as learnt, under the prefix `layer.`.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    /// Length of the layer's slice.
    len: usize,
    copies: Vec<Copied>,
}

/// One tensor: its place in the adapter's slice, in the layer's, and its length.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Copied {
    from: usize,
    to: usize,
    len: usize,
}

impl Kept {
    /// Appends each tensor of `target` that `keep` holds to `layout`.
    fn new(layout: &mut Layout, target: &Layout, keep: impl Fn(usize) -> bool) -> Self {
        let mut copies = Vec::new();
        for (_, tensor) in target.tensors().iter().enumerate().filter(|(i, _)| keep(*i)) {
            let (grown, from) = append(core::mem::take(layout), &format!("layer.{}", tensor.name), &tensor.shape);
            *layout = grown;
            copies.push(Copied { from, to: tensor.offset, len: tensor.len() });
        }
        Kept { len: target.len(), copies }
    }

    /// The first values of the layer into an adapter's slice.
    fn initialize<T: Scalar>(&self, layer: &[T], params: &mut [T]) {
        for &Copied { from, to, len } in &self.copies {
            params[from..from + len].copy_from_slice(&layer[to..to + len]);
        }
    }

    /// Zeros and what is kept into the layer's slice.
    fn realize<T: Scalar>(&self, params: &[T], out: &mut [T]) {
        let out = &mut out[..self.len];
        out.fill(T::ZERO);
        for &Copied { from, to, len } in &self.copies {
            out[to..to + len].copy_from_slice(&params[from..from + len]);
        }
    }

    /// Adds the cotangents of what is kept as it is: of tensor `i` where `plain` holds.
    fn realize_backward<T: Scalar>(&self, dout: &[T], dparams: &mut [T], plain: impl Fn(usize) -> bool) {
        for (_, &Copied { from, to, len }) in self.copies.iter().enumerate().filter(|(i, _)| plain(*i)) {
            kernels::add_scaled(&mut dparams[from..from + len], T::ONE, &dout[to..to + len]);
        }
    }

    /// Multiplies `tensor`, if it is among them.
    fn rescale<T: Scalar>(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        for copied in self.copies.iter().filter(|copied| copied.to == tensor.offset) {
            params[copied.from..copied.from + copied.len].iter_mut().for_each(|v| *v *= factor);
        }
    }
}

/// `layout` with one more tensor, and where that begins.
fn append(layout: Layout, name: &str, shape: &[usize]) -> (Layout, usize) {
    let layout = layout.tensor(name, shape);
    let at = layout.tensors().last().map_or(0, |t| t.offset);
    (layout, at)
}
