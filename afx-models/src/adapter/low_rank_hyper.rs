//! Weights that a network moves in a few directions.

use super::mlp::{Mlp, Network};
use super::{Cover, Kept, append};
use afx_core::{Adapter, Layout, Scalar, Tensor, kernels};
use alloc::format;
use alloc::vec::Vec;

/// Hypernetwork of low rank: every covered weight is one that is learnt, plus a few outer products whose sizes a small network of the knobs says.
///
/// `W(c) = W + U diag(g(c)) V` with `g` a linear function of the [`Network`]'s outputs; biases, and weights of one row or one column, are
/// `b(c) = b + G z(c)`. It writes every weight as [`StaticHyper`](crate::StaticHyper) does, with a fraction of its numbers to learn: for each
/// weight `rank * (columns + rows + width)` in place of `width * columns * rows`. The correction is that of low-rank adaptation (Hu et al. 2021,
/// arXiv:2106.09685), here scaled by knobs.
///
/// - `mlp.*`: the network; `layer.*`: the whole layer, `W` and `b` among it; for each covered weight `low_rank.<name>.u` `[columns, rank]` and
///   `low_rank.<name>.v` `[rank, rows]`, of a convolution with its taps and inputs as columns, and `head.<name>.weight` `[width, rank]`; for each
///   covered vector `head.<name>.weight` `[width, numbers]`.
/// - `V` and the vectors' heads start at zero: an untrained model is the plain layer at every knob position.
#[derive(Clone, Debug, PartialEq)]
pub struct LowRankHyper {
    controls: usize,
    rank: usize,
    layout: Layout,
    kept: Kept,
    mlp: Mlp,
    matrices: Vec<Matrix>,
    vectors: Vec<Vector>,
}

/// A weight: place and sizes in the layer's slice; in the adapter's slice places of the learnt one, `U`, `V` and the head.
#[derive(Clone, Debug, PartialEq)]
struct Matrix {
    to: usize,
    columns: usize,
    rows: usize,
    base: usize,
    u: usize,
    v: usize,
    head: usize,
}

/// Places of a vector in the layer's slice and of its head in the adapter's, and its length.
#[derive(Clone, Debug, PartialEq)]
struct Vector {
    to: usize,
    len: usize,
    head: usize,
}

/// Bound of a uniform distribution of variance 1.
///
/// With factors as small as the weights themselves a recurrent weight hardly follows the knobs for the first hundred steps of Adam, the biases do all of
/// it, and what is quiet at one stop of a knob came out upside down after about half of the trainings.
const SPREAD: f64 = 1.732_050_807_568_877_2;

impl LowRankHyper {
    /// For the layer of that layout: `controls` knobs, a small network, the cells' maps.
    pub fn new(target: &Layout, controls: usize, network: Network, rank: usize) -> Self {
        Self::covering(target, controls, network, rank, Cover::Cell)
    }

    /// [`LowRankHyper::new`] for what `cover` names.
    pub fn covering(target: &Layout, controls: usize, network: Network, rank: usize, cover: Cover) -> Self {
        let mut layout = Layout::new();
        let kept = Kept::new(&mut layout, target, |_| true);
        let mlp = Mlp::new(&mut layout, controls, network);
        let (mut matrices, mut vectors) = (Vec::new(), Vec::new());
        for i in cover.generated(target) {
            let tensor = &target.tensors()[i];
            let weight = target.affine_maps().iter().any(|map| map.weight == i);
            let rows = tensor.shape.last().copied().unwrap_or(1);
            let columns = tensor.len() / rows.max(1);
            if weight && columns > 1 && rows > 1 {
                let (grown, u) = append(layout, &format!("low_rank.{}.u", tensor.name), &[columns, rank]);
                let (grown, v) = append(grown, &format!("low_rank.{}.v", tensor.name), &[rank, rows]);
                let (grown, head) = append(grown, &format!("head.{}.weight", tensor.name), &[mlp.outputs(), rank]);
                layout = grown;
                matrices.push(Matrix { to: tensor.offset, columns, rows, base: kept.copies[i].from, u, v, head });
            } else {
                let (grown, head) = append(layout, &format!("head.{}.weight", tensor.name), &[mlp.outputs(), tensor.len()]);
                layout = grown;
                vectors.push(Vector { to: tensor.offset, len: tensor.len(), head });
            }
        }
        LowRankHyper { controls, rank, layout, kept, mlp, matrices, vectors }
    }

    /// Numbers behind the network's scratch that belong to a matrix: `g`, and `U diag(g)`.
    fn taken(&self, matrix: &Matrix) -> usize {
        (1 + matrix.columns) * self.rank
    }

    /// The matrices with the places of those numbers.
    fn placed(&self) -> impl Iterator<Item = (&Matrix, usize)> {
        self.matrices.iter().scan(self.mlp.scratch_len(), |at, matrix| {
            let here = *at;
            *at += self.taken(matrix);
            Some((matrix, here))
        })
    }
}

impl Matrix {
    /// `y = U diag(g)`.
    fn scale<T: Scalar>(&self, params: &[T], g: &[T], y: &mut [T]) {
        let u = params[self.u..][..self.columns * g.len()].chunks_exact(g.len());
        for (y, u) in y.chunks_exact_mut(g.len()).zip(u) {
            y.iter_mut().zip(u.iter().zip(g)).for_each(|(y, (u, g))| *y = *u * *g);
        }
    }
}

impl<T: Scalar> Adapter<T> for LowRankHyper {
    fn controls(&self) -> usize {
        self.controls
    }
    fn layout(&self) -> Layout {
        self.layout.clone()
    }
    fn layer_len(&self) -> usize {
        self.kept.len
    }
    /// The layer's own first values, `U` and the weights' heads of variance 1, everything else zero. One factor of each product is zero, so that its
    /// own gradient is not; the others are large, so that an optimiser whose steps have one size moves weights by knobs as fast as biases.
    fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.kept.initialize(layer, params);
        self.mlp.initialize(uniform, params);
        let width = self.mlp.outputs();
        for matrix in &self.matrices {
            params[matrix.u..][..matrix.columns * self.rank].fill_with(|| T::from_f64(SPREAD * uniform()));
            params[matrix.v..][..self.rank * matrix.rows].fill(T::ZERO);
            params[matrix.head..][..width * self.rank].fill_with(|| T::from_f64(SPREAD * uniform()));
        }
        for vector in &self.vectors {
            params[vector.head..][..width * vector.len].fill(T::ZERO);
        }
    }
    fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
        self.kept.rescale(tensor, factor, params);
        let matrices = self.matrices.iter().filter(|m| m.to == tensor.offset).map(|m| (m.v, self.rank * m.rows));
        let vectors = self.vectors.iter().filter(|v| v.to == tensor.offset).map(|v| (v.head, self.mlp.outputs() * v.len));
        for (at, len) in matrices.chain(vectors) {
            params[at..at + len].iter_mut().for_each(|v| *v *= factor);
        }
    }
    /// The network's, every matrix' `g` and `U diag(g)`; behind them room for the cotangents of `g` and of a column.
    fn scratch_len(&self) -> usize {
        self.mlp.scratch_len() + self.matrices.iter().map(|m| self.taken(m)).sum::<usize>() + 2 * self.rank
    }
    fn realize(&self, params: &[T], controls: &[T], scratch: &mut [T], out: &mut [T]) {
        self.mlp.forward(params, controls, scratch);
        self.kept.realize(params, out);
        for (matrix, at) in self.placed() {
            let (network, own) = scratch.split_at_mut(at);
            let (g, scaled) = own[..self.taken(matrix)].split_at_mut(self.rank);
            kernels::affine(&params[matrix.head..], None, self.mlp.last(network), g);
            matrix.scale(params, g, scaled);
            let to = &mut out[matrix.to..][..matrix.columns * matrix.rows];
            for (k, (to, scaled)) in to.chunks_exact_mut(matrix.rows).zip(scaled.chunks_exact(self.rank)).enumerate() {
                kernels::affine(&params[matrix.v..], Some(&params[matrix.base + k * matrix.rows..]), scaled, to);
            }
        }
        let z = self.mlp.last(scratch);
        for vector in &self.vectors {
            for (k, z) in z.iter().enumerate() {
                kernels::add_scaled(&mut out[vector.to..][..vector.len], *z, &params[vector.head + k * vector.len..]);
            }
        }
    }
    fn realize_backward(&self, params: &[T], _: &[T], scratch: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
        self.kept.realize_backward(dout, dparams, |_| true);
        self.mlp.cotangent(scratch).fill(T::ZERO);
        let end = scratch.len() - 2 * self.rank;
        for (matrix, at) in self.placed() {
            let (before, d) = scratch.split_at_mut(end);
            let (network, own) = before.split_at_mut(at);
            let (g, scaled) = own[..self.taken(matrix)].split_at(self.rank);
            let (dg, dscaled) = d[..2 * self.rank].split_at_mut(self.rank);
            dg.fill(T::ZERO);
            let douts = dout[matrix.to..][..matrix.columns * matrix.rows].chunks_exact(matrix.rows);
            for (k, (dout, scaled)) in douts.zip(scaled.chunks_exact(self.rank)).enumerate() {
                dscaled.fill(T::ZERO);
                kernels::affine_backward(&params[matrix.v..], scaled, dout, &mut dparams[matrix.v..], None, dscaled);
                let u = matrix.u + k * self.rank;
                for (j, d) in dscaled.iter().enumerate() {
                    dparams[u + j] += g[j] * *d;
                    dg[j] += params[u + j] * *d;
                }
            }
            let (z, dz) = self.mlp.split(network);
            kernels::affine_backward(&params[matrix.head..], z, dg, &mut dparams[matrix.head..], None, dz);
        }
        let (z, dz) = self.mlp.split(scratch);
        for vector in &self.vectors {
            let dout = &dout[vector.to..vector.to + vector.len];
            kernels::affine_backward(&params[vector.head..], z, dout, &mut dparams[vector.head..], None, dz);
        }
        self.mlp.backward(params, scratch, dparams, dcontrols);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Gru};
    use afx_core::testing::Noise;
    use afx_core::{Chain, Conditioned, Layer};
    use alloc::vec;

    fn model(rank: usize, cover: Cover) -> Conditioned<Chain<Gru, Dense>, LowRankHyper> {
        let layer = Chain(Gru::new(2, 8), Dense::new(8, 1));
        let adapter = LowRankHyper::covering(&Layer::<f64>::layout(&layer), 3, Network::smooth(5, 2), rank, cover);
        Conditioned { layer, adapter }
    }

    fn realize(adapter: &LowRankHyper, learnt: &[f64], controls: &[f64]) -> Vec<f64> {
        let (mut scratch, mut out) = (vec![f64::NAN; Adapter::<f64>::scratch_len(adapter)], vec![f64::NAN; adapter.kept.len]);
        adapter.realize(learnt, controls, &mut scratch, &mut out);
        out
    }

    #[test]
    fn an_untrained_model_is_the_plain_layer_and_knobs_can_begin_to_learn() {
        let (model, mut noise) = (model(2, Cover::All), Noise::new(1));
        let mut first = vec![0.0; Layer::<f64>::params_len(&model.layer)];
        model.layer.initialize(&mut || noise.next_f64(), &mut first);
        let mut learnt = vec![0.0; Adapter::<f64>::layout(&model.adapter).len()];
        model.adapter.initialize(&first, &mut || noise.next_f64(), &mut learnt);
        for _ in 0..5 {
            assert_eq!(realize(&model.adapter, &learnt, &noise.take(3, 1.0)), first);
        }
        let (mut scratch, mut out) = (vec![0.0; Adapter::<f64>::scratch_len(&model.adapter)], first.clone());
        let (mut dlearnt, mut dcontrols) = (vec![0.0; learnt.len()], [0.0; 3]);
        model.adapter.realize(&learnt, &[0.5, -0.2, 0.9], &mut scratch, &mut out);
        model.adapter.realize_backward(&learnt, &[0.5, -0.2, 0.9], &mut scratch, &first, &mut dlearnt, &mut dcontrols);
        for tensor in Adapter::<f64>::layout(&model.adapter).tensors() {
            let moves = dlearnt[tensor.range()].iter().any(|d| *d != 0.0);
            let vector = ["head.0.b_", "head.1."].iter().any(|name| tensor.name.starts_with(name));
            let expected = tensor.name.starts_with("layer.") || tensor.name.ends_with(".v") || vector;
            assert_eq!(moves, expected, "{}", tensor.name);
        }
    }

    #[test]
    fn a_weight_moves_in_as_many_directions_as_the_rank_says() {
        let (model, mut noise) = (model(2, Cover::Cell), Noise::new(2));
        let learnt: Vec<f64> = noise.take(Adapter::<f64>::layout(&model.adapter).len(), 0.7);
        let w_hh = Layer::<f64>::layout(&model.layer).find("0.w_hh").expect("a GRU has one").clone();
        let [a, b] = [[0.9, -0.3, 0.1], [-0.8, 0.2, 0.5]].map(|c| realize(&model.adapter, &learnt, &c)[w_hh.range()].to_vec());
        let mut rows: Vec<Vec<f64>> = (0..8).map(|k| (0..24).map(|r| a[24 * k + r] - b[24 * k + r]).collect()).collect();
        // Gauss: what is left after two pivots is rounding.
        let largest = |rows: &[Vec<f64>]| {
            let all = rows.iter().enumerate().flat_map(|(k, row)| row.iter().enumerate().map(move |(r, v)| (v.abs(), k, r)));
            all.fold((0.0, 0, 0), |most, at| if at.0 > most.0 { at } else { most })
        };
        for rank in 0..2 {
            let (size, k, r) = largest(&rows);
            assert!(size > 1e-2, "direction {rank}: {size:e}");
            let pivot = rows.swap_remove(k);
            for row in &mut rows {
                let factor = row[r] / pivot[r];
                row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            }
        }
        assert!(largest(&rows).0 < 1e-14, "{:e}", largest(&rows).0);
    }

    #[test]
    fn the_numbers_to_learn_are_those_of_the_formula() {
        let (units, rank, width) = (8, 3, 5);
        let cell = (2 + units) * 3 * units + 2 * 3 * units;
        let network = (3 + 1) * width + (width + 1) * width;
        let low = |columns: usize, rows: usize| rank * (columns + rows + width);
        let expected = cell + units + 1 + network + low(2, 3 * units) + low(units, 3 * units) + 2 * 3 * units * width;
        assert_eq!(Adapter::<f64>::layout(&model(rank, Cover::Cell).adapter).count(), expected);
        // The head behind the cell has one row, and a bias.
        assert_eq!(Adapter::<f64>::layout(&model(rank, Cover::All).adapter).count(), expected + (units + 1) * width);
    }
}
