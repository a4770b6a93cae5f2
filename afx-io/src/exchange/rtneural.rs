//! RTNeural's JSON (github.com/jatinchowdhury18/RTNeural): `in_shape` and `layers`, each with `type`, `activation`, `shape` and `weights` in the orders of
//! Keras: kernels `[inputs, outputs]`, of a convolution `[taps, inputs, outputs]` with the oldest tap first, the gates of an LSTM i, f, c, o, of a GRU
//! z, r, h with one bias for each of its two maps (`reset_after`).
//!
//! AIDA-X adds `in_skip` (1: the input is added to the output), `in_gain` and `out_gain` in dB, `samplerate` and `metadata`.

use super::numbers::{Few, Loose, Numbers};
use super::parts::{Cell, CellKind, Parts, Stops, sample_rate};
use super::{Import, json};
use crate::about::About;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use afx_core::Layout;
use afx_models::{AnyLayer, Conv1d, Function};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};

/// Most sizes in a shape, and most layers.
const RANK: usize = 8;
const MOST_LAYERS: usize = 1024;

#[derive(Deserialize)]
struct Document {
    in_shape: Few<Option<u64>, RANK>,
    layers: Few<Entry, MOST_LAYERS>,
    #[serde(default)]
    in_skip: Loose,
    #[serde(default)]
    in_gain: Loose,
    #[serde(default)]
    out_gain: Loose,
    #[serde(default)]
    samplerate: Loose,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    activation: Option<String>,
    #[serde(default)]
    shape: Option<Few<Option<u64>, RANK>>,
    weights: Few<Numbers, 8>,
    /// Of a convolution, as are the next two: a number, or a list that ends with it.
    #[serde(default)]
    kernel_size: Numbers,
    #[serde(default)]
    dilation: Numbers,
    #[serde(default)]
    groups: Loose,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: Loose,
    author: Loose,
    samplerate: Loose,
}

/// The layers that are read.
const KINDS: &str = "dense, time-distributed-dense, conv1d, gru, lstm, activation or prelu";
/// The functions by name.
const FUNCTIONS: [(&str, Function); 6] = [
    ("tanh", Function::Tanh),
    ("sigmoid", Function::Sigmoid),
    ("relu", Function::Relu),
    ("elu", Function::Elu),
    ("softmax", Function::Softmax),
    (PRELU, Function::PRelu),
];
const PRELU: &str = "prelu";

/// Reads a file.
pub(super) fn read(import: &Import, text: &[u8]) -> Result<ModelFile> {
    let document: Document = json(text, "a model of RTNeural")?;
    let inputs = document.in_shape.0.last().copied().flatten().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let inputs = inputs.ok_or_else(|| Error::new(ErrorKind::OutOfRange, "in_shape", "a last size of at least 1", "none"))?;
    let mut parts = Parts::default();
    parts.skip = document.in_skip.number().is_some_and(|skip| skip != 0.0);
    for (i, entry) in document.layers.0.iter().enumerate() {
        let width = parts.outputs().unwrap_or(inputs);
        entry.read(&format!("layers[{i}]"), width, &mut parts)?;
    }
    if parts.layers.is_empty() {
        return Err(Error::new(ErrorKind::Missing, "layers", "at least one", "none"));
    }
    let metadata = document.metadata.unwrap_or_default();
    let rate = sample_rate("samplerate", &document.samplerate)?.or(sample_rate("metadata.samplerate", &metadata.samplerate)?);
    let about = About { source: "RTNeural JSON".into(), modeled_by: metadata.author.text(), ..About::default() };
    if inputs > 1 {
        parts.split_knobs(Stops::Unit)?;
    }
    parts.gains(linear("in_gain", &document.in_gain)?, linear("out_gain", &document.out_gain)?)?;
    parts.model(import, &metadata.name.text(), rate, Stops::Unit, about)
}

/// A factor that is written in dB.
fn linear(field: &str, decibel: &Loose) -> Result<f32> {
    match decibel.number() {
        None => Ok(1.0),
        Some(decibel) if decibel.abs() <= 120.0 => Ok(10f64.powf(decibel / 20.0) as f32),
        Some(found) => Err(Error::new(ErrorKind::OutOfRange, field, "-120 to 120 dB", found)),
    }
}

impl Entry {
    /// Appends the layer; `width` numbers come in.
    fn read(&self, field: &str, width: usize, parts: &mut Parts) -> Result<()> {
        let activation = self.activation.as_deref().unwrap_or("");
        match self.kind.as_str() {
            "dense" | "time-distributed-dense" => {
                self.dense(field, width, parts)?;
                self.activation(field, activation, parts)?;
            }
            "conv1d" => {
                self.convolution(field, width, parts)?;
                self.activation(field, activation, parts)?;
            }
            "gru" | "lstm" if !matches!(activation, "" | "tanh" | "linear") => {
                let expected = "tanh, that of the cell, or none";
                return Err(Error::new(ErrorKind::Unsupported, format_args!("{field}.activation"), expected, activation));
            }
            "gru" => self.cell(field, width, CellKind::Gru, parts)?,
            "lstm" => self.cell(field, width, CellKind::Lstm, parts)?,
            "activation" => self.function(field, width, activation, parts)?,
            PRELU => self.function(field, width, PRELU, parts)?,
            other => return Err(Error::new(ErrorKind::Unsupported, format_args!("{field}.type"), KINDS, other)),
        }
        let outputs = parts.outputs().unwrap_or(width);
        match self.shape.as_ref().and_then(|shape| shape.0.last().copied().flatten()) {
            Some(found) if found != outputs as u64 => {
                let expected = format!("{outputs} at its end, as the weights have it");
                Err(Error::new(ErrorKind::Mismatch, format_args!("{field}.shape"), expected, found))
            }
            _ => Ok(()),
        }
    }

    fn refuse_weights<T>(&self, field: &str, expected: &str) -> Result<T> {
        let found = format!("{} lists", self.weights.0.len());
        Err(Error::new(ErrorKind::Mismatch, format_args!("{field}.weights"), expected, found))
    }

    fn dense(&self, field: &str, width: usize, parts: &mut Parts) -> Result<()> {
        let (kernel, bias) = match &self.weights.0[..] {
            [kernel] => (kernel, None),
            [kernel, bias] => (kernel, Some(bias)),
            _ => return self.refuse_weights(field, "a kernel, and a bias if there is one"),
        };
        let name = format!("{field}.weights[0]");
        let [_, outputs] = kernel.matrix(&name)?;
        let kernel = kernel.expect(&name, &[width, outputs])?.to_vec();
        let bias = bias.map(|bias| bias.expect(format_args!("{field}.weights[1]"), &[outputs])).transpose()?;
        parts.dense(outputs, kernel, bias.map(<[f32]>::to_vec));
        Ok(())
    }

    fn convolution(&self, field: &str, width: usize, parts: &mut Parts) -> Result<()> {
        let (kernel, bias) = match &self.weights.0[..] {
            [kernel] => (kernel, None),
            [kernel, bias] => (kernel, Some(bias)),
            _ => return self.refuse_weights(field, "a kernel, and a bias if there is one"),
        };
        if self.groups.number().is_some_and(|groups| groups != 1.0) {
            return Err(Error::new(ErrorKind::Unsupported, format_args!("{field}.groups"), "1", self.groups.text()));
        }
        let size = |name: &str, numbers: &Numbers| match numbers.values.last() {
            Some(size) if size.fract() == 0.0 && (1.0..=4096.0).contains(size) => Ok(*size as usize),
            found => {
                let found = found.map_or("nothing".into(), f32::to_string);
                Err(Error::new(ErrorKind::OutOfRange, format_args!("{field}.{name}"), "1 to 4096", found))
            }
        };
        let (taps, dilation) = (size("kernel_size", &self.kernel_size)?, size("dilation", &self.dilation)?);
        let outputs = kernel.shape.last().copied().unwrap_or(0);
        if outputs == 0 {
            let name = format_args!("{field}.weights[0]");
            return Err(Error::new(ErrorKind::Mismatch, name, "taps, inputs and outputs", format_args!("{:?}", kernel.shape)));
        }
        let kernel = kernel.expect(format_args!("{field}.weights[0]"), &[taps, width, outputs])?;
        let bias = bias.map(|bias| bias.expect(format_args!("{field}.weights[1]"), &[outputs])).transpose()?;
        let weight = reversed(kernel, width * outputs);
        parts.convolution(
            Conv1d { inputs: width, outputs, kernel: taps, dilation, bias: bias.is_some() },
            weight,
            bias.map(<[f32]>::to_vec),
        );
        Ok(())
    }

    fn cell(&self, field: &str, width: usize, kind: CellKind, parts: &mut Parts) -> Result<()> {
        let (kernel, recurrent, bias) = match &self.weights.0[..] {
            [kernel, recurrent] => (kernel, recurrent, None),
            [kernel, recurrent, bias] => (kernel, recurrent, Some(bias)),
            _ => return self.refuse_weights(field, "a kernel, a recurrent kernel, and a bias if there is one"),
        };
        let name = |i: usize| format!("{field}.weights[{i}]");
        let [hidden, rows] = recurrent.matrix(name(1))?;
        if hidden.checked_mul(kind.gates()) != Some(rows) {
            let expected = format!("{} columns for each row", kind.gates());
            return Err(Error::new(ErrorKind::Mismatch, name(1), expected, format_args!("{:?}", recurrent.shape)));
        }
        let ours = |numbers: &[f32]| match kind {
            CellKind::Gru => update_second(numbers, hidden),
            _ => numbers.to_vec(),
        };
        let w_ih = ours(kernel.expect(name(0), &[width, rows])?);
        let w_hh = ours(recurrent.finite(name(1))?);
        let biases = match (kind, bias) {
            (_, None) => None,
            (CellKind::Gru, Some(bias)) => {
                let (input, own) = bias.expect(name(2), &[2, rows])?.split_at(rows);
                Some([ours(input), ours(own)])
            }
            (_, Some(bias)) => Some([bias.expect(name(2), &[rows])?.to_vec(), vec![0.0; rows]]),
        };
        parts.cell(Cell { kind, hidden, w_ih, w_hh, biases });
        Ok(())
    }

    /// What follows a dense layer.
    fn activation(&self, field: &str, name: &str, parts: &mut Parts) -> Result<()> {
        let width = parts.outputs().unwrap_or(1);
        match name {
            "" | "linear" => Ok(()),
            PRELU => Err(Error::new(ErrorKind::Unsupported, format_args!("{field}.activation"), "prelu as a layer of its own", "prelu")),
            name => {
                parts.nonlinear(width, function(field, name)?, None);
                Ok(())
            }
        }
    }

    /// A layer that is nothing but a function.
    fn function(&self, field: &str, width: usize, name: &str, parts: &mut Parts) -> Result<()> {
        if matches!(name, "" | "linear") {
            return Ok(());
        }
        let function = function(field, name)?;
        let slopes = match (function, &self.weights.0[..]) {
            (Function::PRelu, [slopes]) if slopes.values.len() == width => {
                Some(slopes.finite(format_args!("{field}.weights[0]"))?.to_vec())
            }
            (Function::PRelu, _) => return self.refuse_weights(field, &format!("{width} slopes")),
            (_, []) => None,
            _ => return self.refuse_weights(field, "none"),
        };
        parts.nonlinear(width, function, slopes);
        Ok(())
    }
}

fn function(field: &str, name: &str) -> Result<Function> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function).ok_or_else(|| {
        let expected = FUNCTIONS.map(|(name, _)| name).join(", ");
        Error::new(ErrorKind::Unsupported, format_args!("{field}.activation"), format_args!("one of {expected}"), name)
    })
}

/// Taps of `size` numbers, the last one first.
fn reversed(taps: &[f32], size: usize) -> Vec<f32> {
    taps.chunks_exact(size).rev().flatten().copied().collect()
}

/// Rows of gates r, z, n from rows of z, r, n, or the other way round.
fn update_second(rows: &[f32], hidden: usize) -> Vec<f32> {
    let turned = |row: &[f32]| [&row[hidden..2 * hidden], &row[..hidden], &row[2 * hidden..]].concat();
    rows.chunks_exact(3 * hidden).flat_map(turned).collect()
}

/// A file as it is written.
#[derive(Serialize)]
struct Output<'a> {
    in_shape: [Option<usize>; 3],
    in_skip: u8,
    in_gain: f32,
    out_gain: f32,
    samplerate: u32,
    metadata: Value,
    layers: Vec<Written<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    activation: &'a str,
    shape: [Option<usize>; 3],
    weights: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_size: Option<[usize; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dilation: Option<[usize; 1]>,
}

impl<'a> Written<'a> {
    fn new(kind: &'a str, outputs: usize, weights: Vec<Value>) -> Self {
        Written { kind, activation: "", shape: [None, None, Some(outputs)], weights, kernel_size: None, dilation: None }
    }
}

/// Single precision numbers, written in full.
fn vector(numbers: &[f32]) -> Value {
    numbers.iter().map(|v| f64::from(*v)).collect()
}

fn rows(numbers: &[f32], columns: usize) -> Value {
    numbers.chunks_exact(columns).map(vector).collect()
}

/// The text of a file for a model without knobs.
pub(super) fn write(model: &ModelFile) -> Result<Vec<u8>> {
    let refuse = |found: &AnyLayer| {
        let expected = "dense and convolutional layers, GRU and LSTM cells and functions in a row, with a skip around all of them or none";
        Error::new(ErrorKind::Unsupported, "layer", expected, super::export::words(found))
    };
    let (skip, inner) = match &model.spec.layer {
        AnyLayer::Skip(skip) => (true, &skip.layer),
        layer => (false, layer),
    };
    let single = [inner.clone()];
    let (layers, names) = match inner {
        AnyLayer::Stack { layers } => (&layers[..], true),
        _ => (&single[..], false),
    };
    let layout = model.layout()?;
    let mut written = Vec::new();
    for (i, layer) in layers.iter().enumerate() {
        let prefix = if names { format!("layer.{i}.") } else { "layer.".into() };
        written.push(entry(layer, &layout, &model.learnt, &prefix).ok_or_else(|| refuse(layer))?);
    }
    let output = Output {
        in_shape: [None, None, Some(afx_core::Layer::<f32>::inputs(&model.spec.layer))],
        in_skip: u8::from(skip),
        in_gain: 0.0,
        out_gain: 0.0,
        samplerate: model.sample_rate,
        metadata: value!({ "name": model.name, "author": model.about.modeled_by, "samplerate": model.sample_rate }),
        layers: written,
    };
    serde_json::to_vec(&output).map_err(|e| Error::new(ErrorKind::Malformed, "model", "something JSON can hold", e))
}

/// One layer; `None` for one that the format does not have.
fn entry(layer: &AnyLayer, layout: &Layout, learnt: &[f32], prefix: &str) -> Option<Written<'static>> {
    let tensor = |name: &str| layout.find(&format!("{prefix}{name}")).map_or(&[][..], |t| &learnt[t.range()]);
    let cell = |kind: &'static str, hidden: usize, bias: Option<Value>, ours: &dyn Fn(&[f32]) -> Vec<f32>| {
        let columns = tensor("w_hh").len() / hidden;
        let kernels = ["w_ih", "w_hh"].map(|name| rows(&ours(tensor(name)), columns));
        Written::new(kind, hidden, kernels.into_iter().chain(bias).collect())
    };
    let convolution = |weight: &[f32], conv: Conv1d, bias: Option<Value>| {
        let taps = reversed(weight, conv.inputs * conv.outputs);
        let kernel: Value = taps.chunks_exact(conv.inputs * conv.outputs).map(|tap| rows(tap, conv.outputs)).collect();
        let weights = [kernel].into_iter().chain(bias).collect();
        Written { kernel_size: Some([conv.kernel]), dilation: Some([conv.dilation]), ..Written::new("conv1d", conv.outputs, weights) }
    };
    Some(match layer {
        AnyLayer::Dense(dense) => {
            let bias = dense.bias.then(|| vector(tensor("bias")));
            let weights = [rows(tensor("weight"), dense.outputs)].into_iter().chain(bias).collect();
            Written::new("dense", dense.outputs, weights)
        }
        AnyLayer::Conv1d(conv) => convolution(tensor("weight"), *conv, conv.bias.then(|| vector(tensor("bias")))),
        AnyLayer::Fir(fir) => {
            convolution(tensor("taps"), Conv1d { inputs: 1, outputs: 1, kernel: fir.taps, dilation: 1, bias: false }, None)
        }
        AnyLayer::Gru(gru) => {
            let ours = |numbers: &[f32]| update_second(numbers, gru.hidden);
            let zeros = vec![0.0; 3 * gru.hidden];
            let bias = |name| if gru.bias { vector(&ours(tensor(name))) } else { vector(&zeros) };
            cell("gru", gru.hidden, Some(Value::Array(vec![bias("b_ih"), bias("b_hh")])), &ours)
        }
        AnyLayer::Lstm(lstm) => {
            let sum: Vec<f32> = tensor("b_ih").iter().zip(tensor("b_hh")).map(|(a, b)| a + b).collect();
            let bias = if lstm.bias { sum } else { vec![0.0; 4 * lstm.hidden] };
            cell("lstm", lstm.hidden, Some(vector(&bias)), &<[f32]>::to_vec)
        }
        AnyLayer::Nonlinear(nonlinear) => {
            let (name, _) = FUNCTIONS.iter().find(|(_, function)| *function == nonlinear.function)?;
            let weights = if nonlinear.function == Function::PRelu { vec![rows(tensor("slope"), nonlinear.width)] } else { Vec::new() };
            let kind = if *name == PRELU { PRELU } else { "activation" };
            Written { activation: name, ..Written::new(kind, nonlinear.width, weights) }
        }
        _ => return None,
    })
}
