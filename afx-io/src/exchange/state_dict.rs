//! State dicts of PyTorch: `torch.nn.GRU`, `LSTM` and `RNN` with `Linear` layers behind them, as CoreAudioML, Neural Amp Modeler's trainer and
//! PyNeuralFx' plain models have them.

use super::numbers::Numbers;
use super::parts::{Cell, CellKind, Parts, Stops, transposed};
use super::{Import, json};
use crate::about::About;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use crate::tensors::{Tensor, Tensors};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// Learnt starts of a memory, which are superseded.
const STARTS: [&str; 2] = ["_initial_hidden", "_initial_cell"];

/// The most tensors that a state dict may have; the modules are looked for by name.
pub(super) const MOST: usize = 1024;

/// A state dict in JSON, in its order.
pub(super) struct Entries(Vec<Tensor>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Entries;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("lists of numbers by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, numbers)) = map.next_entry::<String, Numbers>()? {
                    if entries.len() == MOST {
                        return Err(A::Error::custom(format_args!("more than {MOST} names")));
                    }
                    entries.push(Tensor::f32(name, &numbers.shape, numbers.values));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Entries {
    pub fn tensors(self) -> Tensors {
        Tensors { metadata: Default::default(), tensors: self.0 }
    }
}

/// A JSON text that is a state dict.
pub(super) fn from_json(text: &[u8]) -> Result<Tensors> {
    Ok(json::<Entries>(text, "weights by name")?.tensors())
}

/// Reads a state dict whose modules stand in a row.
pub(super) fn read(import: &Import, file: &Tensors) -> Result<ModelFile> {
    let mut parts = parts(file)?;
    parts.split_knobs(Stops::Symmetric)?;
    let about = About { source: "PyTorch state dict".into(), ..About::default() };
    parts.model(import, "", None, Stops::Symmetric, about)
}

/// The matrix of that name.
pub(super) fn matrix<'a>(file: &'a Tensors, name: &str) -> Result<(&'a Tensor, [usize; 2])> {
    let Some(tensor) = file.get(name) else { return Err(Error::new(ErrorKind::Missing, name, "a matrix", "none")) };
    match tensor.shape[..] {
        [rows, columns] if rows > 0 && columns > 0 => Ok((tensor, [rows, columns])),
        _ => Err(Error::new(ErrorKind::Mismatch, name, "[rows, columns]", format_args!("{:?}", tensor.shape))),
    }
}

/// `torch.nn.Linear`'s matrix turned over: `[inputs, outputs]`.
pub(super) fn turned(tensor: &Tensor, columns: usize) -> Result<Vec<f32>> {
    Ok(transposed(&tensor.to_f32()?, columns))
}

/// The layers: recurrent modules in the order of the file, then linear ones in theirs.
pub(super) fn parts(file: &Tensors) -> Result<Parts> {
    let (mut cells, mut heads) = (Vec::new(), Vec::new());
    for tensor in &file.tensors {
        let (module, name) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
        if name.ends_with("_reverse") {
            return Err(Error::new(ErrorKind::Unsupported, &tensor.name, "cells that look at the past alone", "a bidirectional one"));
        }
        let known = ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"].iter().any(|start| name.starts_with(start));
        let list = match name {
            "weight" | "bias" => &mut heads,
            _ if known => &mut cells,
            _ if STARTS.contains(&name) => continue,
            _ => {
                let expected = "weights of GRU, LSTM, RNN or Linear modules";
                return Err(Error::new(ErrorKind::Unsupported, "state dict", expected, &tensor.name));
            }
        };
        if !list.contains(&module) {
            list.push(module);
        }
    }
    let mut parts = Parts::default();
    let mut read = 0;
    for module in cells {
        let mut layer = 0;
        while layer == 0 || file.get(&join(module, &format!("weight_ih_l{layer}"))).is_some() {
            read += cell(file, module, layer, &mut parts)?;
            layer += 1;
        }
    }
    for module in heads {
        read += linear(file, module, &mut parts)?;
    }
    let all = file.tensors.iter().filter(|t| !STARTS.contains(&t.name.rsplit('.').next().unwrap_or(""))).count();
    if read != all || parts.layers.is_empty() {
        return Err(Error::new(ErrorKind::Mismatch, "state dict", format_args!("{read} tensors, those of its modules"), all));
    }
    Ok(parts)
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.into() } else { format!("{module}.{name}") }
}

/// Appends one layer of a recurrent module; how many tensors it has.
fn cell(file: &Tensors, module: &str, layer: usize, parts: &mut Parts) -> Result<usize> {
    let name = |part: &str| join(module, &format!("{part}_l{layer}"));
    let (recurrent, [rows, hidden]) = matrix(file, &name("weight_hh"))?;
    let Some(kind) = Some(rows / hidden).filter(|_| rows.is_multiple_of(hidden)).and_then(CellKind::of_gates) else {
        let expected = "1 (RNN), 3 (GRU) or 4 (LSTM) rows for each column";
        return Err(Error::new(ErrorKind::Mismatch, name("weight_hh"), expected, format_args!("[{rows}, {hidden}]")));
    };
    let (input, [found, inputs]) = matrix(file, &name("weight_ih"))?;
    if found != rows {
        return Err(Error::new(ErrorKind::Mismatch, name("weight_ih"), format_args!("{rows} rows"), found));
    }
    parts.expect_inputs(name("weight_ih"), inputs)?;
    let biases = match (file.get(&name("bias_ih")), file.get(&name("bias_hh"))) {
        (None, None) => None,
        _ => Some([file.expect(&name("bias_ih"), &[rows])?.to_f32()?, file.expect(&name("bias_hh"), &[rows])?.to_f32()?]),
    };
    let tensors = if biases.is_some() { 4 } else { 2 };
    parts.cell(Cell { kind, hidden, w_ih: turned(input, inputs)?, w_hh: turned(recurrent, hidden)?, biases });
    Ok(tensors)
}

/// Appends a linear module; how many tensors it has.
fn linear(file: &Tensors, module: &str, parts: &mut Parts) -> Result<usize> {
    let (weight, [outputs, inputs]) = matrix(file, &join(module, "weight"))?;
    parts.expect_inputs(join(module, "weight"), inputs)?;
    let name = join(module, "bias");
    let bias = file.get(&name).map(|_| file.expect(&name, &[outputs])).transpose()?.map(Tensor::to_f32).transpose()?;
    let tensors = if bias.is_some() { 2 } else { 1 };
    parts.dense(outputs, turned(weight, inputs)?, bias);
    Ok(tensors)
}
