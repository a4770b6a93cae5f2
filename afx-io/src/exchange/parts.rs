//! Layers and their numbers on the way from another program's file to a model.

use super::numbers::Loose;
use super::{Import, UNNAMED};
use crate::about::About;
use crate::dataset::Knob;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use crate::tensors::{Tensor, Tensors};
use afx_core::Layer;
use afx_models::{AnyLayer, Conditioning, Conv1d, Dense, Function, Gru, Lstm, ModelSpec, Nonlinear, Rnn};

/// Layers in a row, and the tensors of the model that they make, under the names of its layout.
#[derive(Default)]
pub(super) struct Parts {
    pub layers: Vec<AnyLayer>,
    pub tensors: Vec<Tensor>,
    /// Rows of the knobs behind the input's in the first map.
    knobs: usize,
    /// Whether the input is added to the output.
    pub skip: bool,
    /// What is multiplied with all of it, skip included.
    tail: Option<f32>,
}

/// A recurrent cell by its number of gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    Rnn,
    Gru,
    Lstm,
}

impl CellKind {
    pub const fn gates(self) -> usize {
        match self {
            CellKind::Rnn => 1,
            CellKind::Gru => 3,
            CellKind::Lstm => 4,
        }
    }

    pub fn of_gates(gates: usize) -> Option<Self> {
        [CellKind::Rnn, CellKind::Gru, CellKind::Lstm].into_iter().find(|kind| kind.gates() == gates)
    }

    pub fn layer(self, inputs: usize, hidden: usize, bias: bool) -> AnyLayer {
        match self {
            CellKind::Rnn => Rnn { inputs, hidden, bias }.into(),
            CellKind::Gru => Gru { inputs, hidden, bias }.into(),
            CellKind::Lstm => Lstm { inputs, hidden, bias }.into(),
        }
    }
}

/// The numbers of a cell: weights `[inputs, rows]` and `[hidden, rows]`, input-major, and the biases `[rows]` if there are any.
pub(super) struct Cell {
    pub kind: CellKind,
    pub hidden: usize,
    pub w_ih: Vec<f32>,
    pub w_hh: Vec<f32>,
    pub biases: Option<[Vec<f32>; 2]>,
}

/// The stops of knobs that a file does not describe.
#[derive(Clone, Copy)]
pub(super) enum Stops {
    /// From 0 to 1, as they are fed to the network.
    Unit,
    /// From -1 to 1, as ours.
    Symmetric,
}

impl Parts {
    fn tensor(&mut self, name: &str, shape: &[usize], values: Vec<f32>) {
        let layer = self.layers.len() - 1;
        self.tensors.push(Tensor::f32(format!("layer.{layer}.{name}"), shape, values));
    }

    /// Outputs of the last layer.
    pub fn outputs(&self) -> Option<usize> {
        self.layers.last().map(Layer::<f32>::outputs)
    }

    /// Inputs that the next layer must have.
    pub fn expect_inputs(&self, field: impl core::fmt::Display, found: usize) -> Result<()> {
        match self.outputs() {
            Some(expected) if expected != found => {
                let expected = format!("{expected} inputs, the outputs of what stands before");
                Err(Error::new(ErrorKind::Mismatch, field, expected, found))
            }
            _ => Ok(()),
        }
    }

    /// Appends a cell.
    pub fn cell(&mut self, Cell { kind, hidden, w_ih, w_hh, biases }: Cell) {
        let rows = kind.gates() * hidden;
        let inputs = w_ih.len() / rows;
        self.layers.push(kind.layer(inputs, hidden, biases.is_some()));
        self.tensor("w_ih", &[inputs, rows], w_ih);
        self.tensor("w_hh", &[hidden, rows], w_hh);
        if let Some([b_ih, b_hh]) = biases {
            self.tensor("b_ih", &[rows], b_ih);
            self.tensor("b_hh", &[rows], b_hh);
        }
    }

    /// Appends an affine map `[inputs, outputs]`.
    pub fn dense(&mut self, outputs: usize, weight: Vec<f32>, bias: Option<Vec<f32>>) {
        let inputs = weight.len() / outputs;
        self.layers.push(Dense { inputs, outputs, bias: bias.is_some() }.into());
        self.tensor("weight", &[inputs, outputs], weight);
        if let Some(bias) = bias {
            self.tensor("bias", &[outputs], bias);
        }
    }

    /// Appends a convolution; the newest tap comes first.
    pub fn convolution(&mut self, layer: Conv1d, weight: Vec<f32>, bias: Option<Vec<f32>>) {
        self.layers.push(layer.into());
        self.tensor("weight", &[layer.kernel, layer.inputs, layer.outputs], weight);
        if let Some(bias) = bias {
            self.tensor("bias", &[layer.outputs], bias);
        }
    }

    /// Appends a function; `slopes` are those of [`Function::PRelu`].
    pub fn nonlinear(&mut self, width: usize, function: Function, slopes: Option<Vec<f32>>) {
        self.layers.push(Nonlinear { width, function }.into());
        if let Some(slopes) = slopes {
            self.tensor("slope", &[width], slopes);
        }
    }

    /// Appends a layer of one tensor.
    pub fn push(&mut self, layer: AnyLayer, name: &str, values: Vec<f32>) {
        self.layers.push(layer);
        self.tensor(name, &[values.len()], values);
    }

    /// Multiplies the tensors of `layer` by that name.
    fn rescale(&mut self, layer: usize, names: &[&str], factor: f32) {
        let names: Vec<String> = names.iter().map(|name| format!("layer.{layer}.{name}")).collect();
        for tensor in self.tensors.iter_mut().filter(|t| names.contains(&t.name)) {
            if let crate::tensors::Data::F32(values) = &mut tensor.data {
                values.iter_mut().for_each(|v| *v *= factor);
            }
        }
    }

    /// Takes up factors at the input and at the output: `y = output f(input x)`, with the skip `y = output (f(input x) + input x)`.
    pub fn gains(&mut self, input: f32, output: f32) -> Result<()> {
        if input == 1.0 && output == 1.0 {
            return Ok(());
        }
        let affine = |layer: &AnyLayer| matches!(layer, AnyLayer::Dense(_) | AnyLayer::Conv1d(_));
        let cell = |layer: &AnyLayer| matches!(layer, AnyLayer::Gru(_) | AnyLayer::Lstm(_) | AnyLayer::Rnn(_));
        let (first, last) = (self.layers.first().is_some_and(|l| affine(l) || cell(l)), self.layers.last().is_some_and(affine));
        if !(first && last) {
            let expected = "0 for a model that does not begin with a cell, a dense layer or a convolution and end with one of the last two";
            return Err(Error::new(ErrorKind::Unsupported, "in_gain and out_gain", expected, "others"));
        }
        let end = self.layers.len() - 1;
        // A cell has the one, the others have the other.
        self.rescale(0, &["w_ih", "weight"], input);
        if self.skip {
            // What the skip adds is the input as it comes; the rest stands behind the sum.
            self.rescale(end, &["weight", "bias"], 1.0 / input);
            self.tail = Some(input * output).filter(|gain| *gain != 1.0);
        } else {
            self.rescale(end, &["weight", "bias"], output);
        }
        Ok(())
    }

    /// Takes the rows behind the input's from the first map: the knobs, which become [`Conditioning::Concat`].
    pub fn split_knobs(&mut self, stops: Stops) -> Result<()> {
        let Some(first) = self.layers.first_mut() else { return Ok(()) };
        let (inputs, bias) = match first {
            AnyLayer::Gru(Gru { inputs, bias, .. })
            | AnyLayer::Lstm(Lstm { inputs, bias, .. })
            | AnyLayer::Rnn(Rnn { inputs, bias, .. })
            | AnyLayer::Dense(Dense { inputs, bias, .. }) => (inputs, bias),
            other if Layer::<f32>::inputs(other) == 1 => return Ok(()),
            other => {
                let expected = "1, or more for a cell or a dense layer, which take knobs beside the input";
                return Err(Error::new(ErrorKind::Unsupported, "inputs of the first layer", expected, Layer::<f32>::inputs(other)));
            }
        };
        self.knobs = *inputs - 1;
        if self.knobs == 0 {
            return Ok(());
        }
        (*inputs, *bias) = (1, true);
        let names = if matches!(first, AnyLayer::Dense(_)) { ["layer.0.weight", "layer.0.bias"] } else { ["layer.0.w_ih", "layer.0.b_ih"] };
        let weight = self.tensors.iter().position(|t| t.name == names[0]).map(|at| self.tensors.remove(at));
        let all = weight.map(|t| t.to_f32()).transpose()?.unwrap_or_default();
        let rows = all.len() / (self.knobs + 1);
        let (audio, knobs) = all.split_at(rows);
        let mut knobs = knobs.to_vec();
        let zeros = || vec![0.0; rows];
        for (name, needed) in [(names[1], true), ("layer.0.b_hh", names[1] == "layer.0.b_ih")] {
            if needed && !self.tensors.iter().any(|t| t.name == name) {
                self.tensors.push(Tensor::f32(name, &[rows], zeros()));
            }
        }
        if let Stops::Unit = stops {
            // (1 + c) / 2 in the place of c: half of the weights, and as much in the bias.
            knobs.iter_mut().for_each(|w| *w *= 0.5);
            for tensor in self.tensors.iter_mut().filter(|t| t.name == names[1]) {
                if let crate::tensors::Data::F32(bias) = &mut tensor.data {
                    for (r, b) in bias.iter_mut().enumerate() {
                        *b = (f64::from(*b) + knobs.chunks_exact(rows).map(|w| f64::from(w[r])).sum::<f64>()) as f32;
                    }
                }
            }
        }
        self.tensors.push(Tensor::f32(names[0], &[1, rows], audio.to_vec()));
        self.tensors.push(Tensor::f32("controls.weight", &[self.knobs, rows], knobs));
        Ok(())
    }

    /// The model; `named` is what the file calls it, `sample_rate` what it says about that.
    pub fn model(mut self, import: &Import, named: &str, sample_rate: Option<u32>, stops: Stops, about: About) -> Result<ModelFile> {
        let mut layer = AnyLayer::stack(self.layers);
        if self.skip {
            layer = AnyLayer::skip(layer);
        }
        if let Some(gain) = self.tail {
            layer = AnyLayer::stack(vec![layer, Dense { inputs: 1, outputs: 1, bias: false }.into()]);
            for tensor in &mut self.tensors {
                tensor.name = tensor.name.replacen("layer.", "layer.0.", 1);
            }
            self.tensors.push(Tensor::f32("layer.1.weight", &[1, 1], vec![gain]));
        }
        let conditioning = if self.knobs == 0 { Conditioning::Fixed } else { Conditioning::Concat };
        let spec = ModelSpec { layer, conditioning, controls: self.knobs };
        finish(import, named, sample_rate, spec, stops, about, self.tensors)
    }
}

/// A model of that specification from the tensors of its layout.
pub(super) fn finish(
    import: &Import,
    named: &str,
    sample_rate: Option<u32>,
    spec: ModelSpec,
    stops: Stops,
    about: About,
    tensors: Vec<Tensor>,
) -> Result<ModelFile> {
    if !import.knobs.is_empty() && import.knobs.len() != spec.controls {
        return Err(Error::new(
            ErrorKind::Mismatch,
            "knob names",
            format_args!("{}, the model's knobs", spec.controls),
            import.knobs.len(),
        ));
    }
    let name = |i: usize| import.knobs.get(i).cloned().unwrap_or_else(|| format!("knob {}", i + 1));
    let min = if let Stops::Unit = stops { 0.0 } else { -1.0 };
    let knobs: Vec<Knob> = (0..spec.controls.min(crate::dataset::MAX_KNOBS + 1)).map(|i| Knob::new(name(i), min, 1.0)).collect();
    crate::dataset::check_knobs(&knobs)?;
    let name = [import.name.as_str(), named, UNNAMED].into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let mut model = ModelFile::new(name, spec, import.sample_rate.or(sample_rate).unwrap_or(48_000), knobs, Vec::new());
    model.about = about;
    model.take(&Tensors { metadata: Default::default(), tensors })?;
    Ok(model)
}

/// A sample rate as other programs write it; `None` where they do not.
pub(super) fn sample_rate(field: &str, value: &Loose) -> Result<Option<u32>> {
    match value.number() {
        Some(rate) if rate.fract() == 0.0 && (1.0..=1e6).contains(&rate) => Ok(Some(rate as u32)),
        None if value.text().is_empty() => Ok(None),
        _ => Err(Error::new(ErrorKind::OutOfRange, field, "a whole number of hertz", value.text())),
    }
}

/// A matrix `[rows, columns]` turned over.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}
