//! Feature-wise linear modulation.

use super::mlp::{Mlp, Network};
use super::{Cover, Kept, append};
use afx_core::{Adapter, Layout, Scalar, Tensor, kernels};
use alloc::vec::Vec;
use alloc::{format, vec};

/// Feature-wise linear modulation of affine maps: `W' = diag(s) W`, `b' = s b + t`, with `(s, t)` an affine function of a small
/// network of the knobs.
///
/// Perez et al. 2018, arXiv:1709.07871; for recurrent cells Yeh, Hsiao and Yang 2024. `s` starts at random around 0 in the published
/// toolkit; here it starts at 1 and `t` at 0 plus what the knobs add, so that an untrained model is the plain layer.
///
/// - `mlp.*`: the [`Network`]; for each covered map `i`, `film.<i>.weight` `[width, 2 * rows]` and `film.<i>.bias`, scales
///   first, then shifts; `layer.*`: the layer's own. A map without a bias is scaled only: its shifts have nowhere to act.
#[derive(Clone, Debug, PartialEq)]
pub struct Film {
    controls: usize,
    layout: Layout,
    kept: Kept,
    /// Whether a map scales the tensor of that copy.
    scaled: Vec<bool>,
    mlp: Mlp,
    maps: Vec<Map>,
}

/// One modulated affine map: places in the adapter's slice and in the layer's.
#[derive(Clone, Debug, PartialEq)]
struct Map {
    head: (usize, usize),
    rows: usize,
    columns: usize,
    /// In the layer's slice and, as learnt, in the adapter's.
    weight: (usize, usize),
    bias: Option<(usize, usize)>,
}

impl Film {
    /// For the layer of that layout: `controls` knobs, a small network, the cells' maps.
    pub fn new(target: &Layout, controls: usize, network: Network) -> Self {
        Self::covering(target, controls, network, Cover::Cell)
    }

    /// [`Film::new`] for the maps that `cover` names.
    pub fn covering(target: &Layout, controls: usize, network: Network, cover: Cover) -> Self {
        let mut layout = Layout::new();
        let kept = Kept::new(&mut layout, target, |_| true);
        let mlp = Mlp::new(&mut layout, controls, network);
        let mut scaled = vec![false; kept.copies.len()];
        let mut maps = Vec::new();
        for (i, map) in cover.modulated(target).enumerate() {
            let weight = &target.tensors()[map.weight];
            let rows = weight.shape.last().copied().unwrap_or(1);
            let (grown, head) = append(layout, &format!("film.{i}.weight"), &[mlp.outputs(), 2 * rows]);
            let (grown, bias) = append(grown, &format!("film.{i}.bias"), &[2 * rows]);
            layout = grown;
            for tensor in [Some(map.weight), map.bias].into_iter().flatten() {
                scaled[tensor] = true;
            }
            maps.push(Map {
                head: (head, bias),
                rows,
                columns: weight.len() / rows.max(1),
                weight: (weight.offset, kept.copies[map.weight].from),
                bias: map.bias.map(|b| (target.tensors()[b].offset, kept.copies[b].from)),
            });
        }
        Film { controls, layout, kept, scaled, mlp, maps }
    }

    /// Places of the maps' scales and shifts behind the network's scratch.
    fn modulations(&self) -> impl Iterator<Item = (&Map, usize)> {
        self.maps.iter().scan(self.mlp.scratch_len(), |at, map| {
            let here = *at;
            *at += 2 * map.rows;
            Some((map, here))
        })
    }
}

impl<T: Scalar> Adapter<T> for Film {
    fn controls(&self) -> usize {
        self.controls
    }
    fn layout(&self) -> Layout {
        self.layout.clone()
    }
    fn layer_len(&self) -> usize {
        self.kept.len
    }
    fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.kept.initialize(layer, params);
        self.mlp.initialize(uniform, params);
        let bound = 0.3 / (self.mlp.outputs().max(1) as f64).sqrt();
        for map in &self.maps {
            params[map.head.0..map.head.0 + self.mlp.outputs() * 2 * map.rows].fill_with(|| T::from_f64(bound * uniform()));
            params[map.head.1..map.head.1 + map.rows].fill(T::ONE);
            params[map.head.1 + map.rows..map.head.1 + 2 * map.rows].fill(T::ZERO);
        }
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        self.kept.rescale(tensor, factor, params);
        // A bias has its shift to take along.
        for map in self.maps.iter().filter(|m| m.bias.is_some_and(|(bias, _)| bias == tensor.offset)) {
            let size = 2 * map.rows;
            let weight = &mut params[map.head.0..map.head.0 + self.mlp.outputs() * size];
            weight.chunks_exact_mut(size).for_each(|row| row[map.rows..].iter_mut().for_each(|v| *v *= factor));
            params[map.head.1 + map.rows..map.head.1 + size].iter_mut().for_each(|v| *v *= factor);
        }
    }
    /// The network's, and the scales and shifts of every map; behind them room for the cotangents of the widest.
    fn scratch_len(&self) -> usize {
        let all: usize = self.maps.iter().map(|m| 2 * m.rows).sum();
        let widest = self.maps.iter().map(|m| 2 * m.rows).max().unwrap_or(0);
        self.mlp.scratch_len() + all + widest
    }
    fn realize(&self, params: &[T], controls: &[T], scratch: &mut [T], out: &mut [T]) {
        self.mlp.forward(params, controls, scratch);
        self.kept.realize(params, out);
        for (map, at) in self.modulations() {
            let (network, modulation) = scratch.split_at_mut(at);
            let modulation = &mut modulation[..2 * map.rows];
            kernels::affine(&params[map.head.0..], Some(&params[map.head.1..]), self.mlp.last(network), modulation);
            let (scale, shift) = modulation.split_at(map.rows);
            for row in out[map.weight.0..map.weight.0 + map.columns * map.rows].chunks_exact_mut(map.rows) {
                row.iter_mut().zip(scale).for_each(|(w, s)| *w *= *s);
            }
            if let Some((bias, _)) = map.bias {
                let bias = &mut out[bias..bias + map.rows];
                bias.iter_mut().zip(scale.iter().zip(shift)).for_each(|(b, (s, t))| *b = *s * *b + *t);
            }
        }
    }
    fn realize_backward(&self, params: &[T], _: &[T], scratch: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
        // What no map scales passes through; what a map scales is overwritten below.
        self.kept.realize_backward(dout, dparams, |i| !self.scaled[i]);
        self.mlp.cotangent(scratch).fill(T::ZERO);
        let end = scratch.len() - self.maps.iter().map(|m| 2 * m.rows).max().unwrap_or(0);
        for (map, at) in self.modulations() {
            let (before, dmodulation) = scratch.split_at_mut(end);
            let (network, modulation) = before.split_at_mut(at);
            let scale = &modulation[..map.rows];
            let (dscale, dshift) = dmodulation[..2 * map.rows].split_at_mut(map.rows);
            dscale.fill(T::ZERO);
            dshift.fill(T::ZERO);
            let mut unscale = |(from, learnt): (usize, usize), count: usize| {
                for row in 0..count {
                    let at = row * map.rows;
                    for r in 0..map.rows {
                        let d = dout[from + at + r];
                        dscale[r] += d * params[learnt + at + r];
                        dparams[learnt + at + r] += d * scale[r];
                    }
                }
            };
            unscale(map.weight, map.columns);
            if let Some(bias) = map.bias {
                unscale(bias, 1);
                dshift.copy_from_slice(&dout[bias.0..bias.0 + map.rows]);
            }
            let dmodulation = &dmodulation[..2 * map.rows];
            let (weight, bias) = map.head;
            let size = self.mlp.outputs() * 2 * map.rows;
            let (dweight, dbias) = dparams.split_at_mut(bias);
            let dweight = &mut dweight[weight..weight + size];
            let dz = self.mlp.split(network);
            kernels::affine_backward(&params[weight..], dz.0, dmodulation, dweight, Some(dbias), dz.1);
        }
        self.mlp.backward(params, scratch, dparams, dcontrols);
    }
}
