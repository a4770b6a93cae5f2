//! State dicts of PyNeuralFx 0.1.2 (pypi.org/project/pyneuralfx): FiLM and StaticHyper around a GRU, an LSTM or a vanilla RNN, and DynamicHyper. Its
//! snapshot and concat models are plain modules.

use super::parts::{CellKind, Stops, finish};
use super::state_dict::{matrix, turned};
use super::{Import, dynamic_hyper};
use crate::about::About;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use crate::tensors::{Tensor, Tensors};
use afx_models::{AnyLayer, Conditioning, Cover, Dense, ModelSpec, Network};

/// What a DynamicHyper model has.
const DYNAMIC: &str = "main_rnn.hyper_rnn.x2h.weight";

/// Whether a network of the knobs is among the tensors.
pub(super) fn has_adapter(file: &Tensors) -> bool {
    ["main_rnn.x2h.weight", "proj_ih.weight", DYNAMIC].iter().any(|name| file.get(name).is_some())
}

/// The tensors of a model as they are gathered.
pub(super) struct Reader<'a> {
    pub file: &'a Tensors,
    pub tensors: Vec<Tensor>,
    /// How many of the file's were used.
    pub read: usize,
}

impl Reader<'_> {
    /// A tensor of the cell.
    pub fn put(&mut self, name: &str, shape: &[usize], values: Vec<f32>) {
        self.tensors.push(Tensor::f32(format!("layer.0.{name}"), shape, values));
    }

    /// A `Linear` under our names `<to>weight`, turned over, and `<to>bias`; its rows and columns.
    fn linear(&mut self, from: &str, to: &str) -> Result<[usize; 2]> {
        let name = format!("{from}.weight");
        let (weight, [rows, columns]) = matrix(self.file, &name)?;
        self.tensors.push(Tensor::f32(format!("{to}weight"), &[columns, rows], turned(weight, columns)?));
        let bias = self.file.expect(&format!("{from}.bias"), &[rows])?.to_f32()?;
        self.tensors.push(Tensor::f32(format!("{to}bias"), &[rows], bias));
        self.read += 2;
        Ok([rows, columns])
    }

    /// The layers of the network; their number, their width, and how many knobs there are if there is any.
    fn network(&mut self, from: &str) -> Result<(usize, usize, Option<usize>)> {
        let (mut depth, mut width, mut knobs) = (0, 0, None);
        while self.file.get(&format!("{from}.{depth}.0.weight")).is_some() {
            let [rows, columns] = self.linear(&format!("{from}.{depth}.0"), &format!("mlp.{depth}."))?;
            knobs.get_or_insert(columns);
            (depth, width) = (depth + 1, rows);
        }
        Ok((depth, width, knobs))
    }
}

pub(super) fn gates(field: &str, rows: usize, hidden: usize) -> Result<CellKind> {
    Some(rows / hidden).filter(|_| rows.is_multiple_of(hidden)).and_then(CellKind::of_gates).ok_or_else(|| {
        let expected = format!("1, 3 or 4 rows for each of the {hidden} units");
        Error::new(ErrorKind::Mismatch, field, expected, rows)
    })
}

/// Reads a state dict.
pub(super) fn read(import: &Import, file: &Tensors) -> Result<ModelFile> {
    let mut reader = Reader { file, tensors: Vec::new(), read: 0 };
    let [outputs, hidden] = reader.linear("linear_out", "layer.1.")?;
    let (cell, conditioning, knobs) = match file {
        _ if file.get(DYNAMIC).is_some() => dynamic_hyper::read(&mut reader, hidden)?,
        _ if file.get("proj_ih.weight").is_some() => static_hyper(&mut reader, hidden)?,
        _ => film(&mut reader, hidden)?,
    };
    let read = reader.read;
    if read != file.tensors.len() {
        return Err(Error::new(ErrorKind::Mismatch, "state dict", format_args!("{read} tensors, those of its model"), file.tensors.len()));
    }
    let layer = AnyLayer::stack(vec![cell, Dense::new(hidden, outputs).into()]);
    let about = About { source: "PyNeuralFx state dict".into(), ..About::default() };
    finish(import, "", None, ModelSpec { layer, conditioning, controls: knobs }, Stops::Symmetric, about, reader.tensors)
}

/// Scale and shift of both maps' rows: `gen`, whose last rows are `a_i`, `b_i`, `a_h`, `b_h`.
fn film(reader: &mut Reader, hidden: usize) -> Result<(AnyLayer, Conditioning, usize)> {
    let [rows, inputs] = reader.linear("main_rnn.x2h", "layer.0.ih_")?;
    let recurrent = reader.linear("main_rnn.h2h", "layer.0.hh_")?;
    if recurrent != [rows, hidden] {
        let expected = format!("{:?}", [rows, hidden]);
        return Err(Error::new(ErrorKind::Mismatch, "main_rnn.h2h.weight", expected, format_args!("{recurrent:?}")));
    }
    for tensor in &mut reader.tensors {
        for (theirs, ours) in [("ih_weight", "w_ih"), ("hh_weight", "w_hh"), ("ih_bias", "b_ih"), ("hh_bias", "b_hh")] {
            if tensor.name == format!("layer.0.{theirs}") {
                tensor.name = format!("layer.0.{ours}");
            }
        }
    }
    let kind = gates("main_rnn.h2h.weight", rows, hidden)?;
    let (depth, width, knobs) = reader.network("gen")?;
    let last = format!("gen.{depth}");
    let (weight, [found, columns]) = matrix(reader.file, &format!("{last}.weight"))?;
    if Some(found) != rows.checked_mul(4) {
        return Err(Error::new(ErrorKind::Mismatch, format!("{last}.weight"), format_args!("{} rows", 4 * rows), found));
    }
    let (weight, bias) = (weight.to_f32()?, reader.file.expect(&format!("{last}.bias"), &[found])?.to_f32()?);
    reader.read += 2;
    for (map, (weight, bias)) in weight.chunks_exact(2 * rows * columns).zip(bias.chunks_exact(2 * rows)).enumerate() {
        let weight = super::parts::transposed(weight, columns);
        reader.tensors.push(Tensor::f32(format!("film.{map}.weight"), &[columns, 2 * rows], weight));
        reader.tensors.push(Tensor::f32(format!("film.{map}.bias"), &[2 * rows], bias.to_vec()));
    }
    let network = Network::leaky(width.max(1), depth);
    Ok((kind.layer(inputs, hidden, true), Conditioning::Film { network, cover: Cover::Cell }, knobs.unwrap_or(columns)))
}

/// Weights and biases from heads behind `cond_mlp`; they are used as `x W`, so a head's rows are in our order.
fn static_hyper(reader: &mut Reader, hidden: usize) -> Result<(AnyLayer, Conditioning, usize)> {
    let mut sizes = [[0; 2]; 4];
    let heads = [("proj_ih", "w_ih"), ("proj_hh", "w_hh"), ("proj_bih", "b_ih"), ("proj_bhh", "b_hh")];
    for ((theirs, ours), size) in heads.into_iter().zip(&mut sizes) {
        *size = reader.linear(theirs, &format!("head.0.{ours}."))?;
    }
    let [[weights, columns], _, [rows, _], _] = sizes;
    let kind = gates("proj_bih.weight", rows, hidden)?;
    if weights % rows != 0 {
        return Err(Error::new(ErrorKind::Mismatch, "proj_ih.weight", format_args!("a multiple of {rows} rows"), weights));
    }
    let (depth, width, knobs) = reader.network("cond_mlp")?;
    let network = Network::leaky(width.max(1), depth);
    let cell = kind.layer(weights / rows, hidden, true);
    Ok((cell, Conditioning::StaticHyper { network, cover: Cover::Cell }, knobs.unwrap_or(columns)))
}
