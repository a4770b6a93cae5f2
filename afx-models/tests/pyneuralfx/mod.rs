//! State dicts of PyNeuralFx (and of `torch.nn`) as the numbers of our models.

use afx_core::{Adapter, Conditioned};
use afx_models::{AnyAdapter, AnyLayer, Conditioning, Cover, Dense, DynamicHyper, Gcn, Gru, Lstm, ModelSpec, Network, Rnn, Tcn};
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::HashMap;
use std::ops::Index;

/// A reference file: tensors as `f64`, whatever they are stored as, and its table of strings.
pub struct Reference {
    tensors: HashMap<String, (Vec<usize>, Vec<f64>)>,
    metadata: HashMap<String, String>,
}

/// The numbers of one tensor, row by row.
impl Index<&str> for Reference {
    type Output = [f64];
    fn index(&self, name: &str) -> &[f64] {
        &self.tensor(name).1
    }
}

impl Reference {
    /// Reads `path`; says so and gives nothing where there is no such file.
    pub fn open(path: &str) -> Option<Self> {
        let Ok(bytes) = std::fs::read(path) else {
            println!("skipped: {} is absent", path.rsplit("/../").next().unwrap_or(path));
            return None;
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("the header is sound");
        let file = SafeTensors::deserialize(&bytes).expect("the file is sound");
        let number = |dtype: Dtype, bytes: &[u8]| match dtype {
            Dtype::F64 => f64::from_le_bytes(bytes.try_into().expect("eight bytes")),
            Dtype::F32 => f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes"))),
            other => panic!("expected F32 or F64, found {other:?}"),
        };
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let size = view.dtype().bitsize() / 8;
            let values = view.data().chunks_exact(size).map(|b| number(view.dtype(), b)).collect();
            (name, (view.shape().to_vec(), values))
        });
        Some(Reference { tensors: tensors.collect(), metadata: header.metadata().clone().unwrap_or_default() })
    }

    fn tensor(&self, name: &str) -> &(Vec<usize>, Vec<f64>) {
        self.tensors.get(name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    /// The names of the tensors.
    #[allow(dead_code, reason = "not every test that shares this asks")]
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// An argument of the constructor, 0 where it has none.
    pub fn config(&self, key: &str) -> usize {
        let config: serde_json::Value = serde_json::from_str(&self.metadata["config"]).expect("the constructor's arguments are JSON");
        config[key].as_u64().unwrap_or(0) as usize
    }

    /// The kind of conditioning, and the cell.
    fn kind(&self) -> (&str, &str) {
        self.metadata["model"].split_once('-').expect("two words")
    }

    /// Our model of the same structure.
    pub fn model(&self) -> Conditioned<AnyLayer, AnyAdapter> {
        let (inputs, outputs, hidden) = (self.config("inp_channel"), self.config("out_channel"), self.config("rnn_size"));
        let (blocks, width) = (self.config("n_mlp_blocks"), self.config("mlp_size"));
        let (form, cell) = self.kind();
        let conditioning = match form {
            "snapshot" => Conditioning::Fixed,
            "concat" | "dynamichyper" => Conditioning::Concat,
            "film" => Conditioning::Film { network: Network::leaky(width, blocks), cover: Cover::Cell },
            // The toolkit counts the heads as a block.
            "statichyper" => Conditioning::StaticHyper { network: Network::leaky(width, blocks - 1), cover: Cover::Cell },
            other => panic!("expected one of four kinds of conditioning, found {other}"),
        };
        let (hyper, embedding) = (self.config("hyper_rnn_size"), self.config("n_z_size"));
        let [channels, row, kernel, growth] = ["channels", "blocks", "kernel", "growth"].map(|key| self.config(key));
        let late = self.config("late") == 1;
        let head = |inputs| Dense::new(inputs, outputs).into();
        let layers = match cell {
            "gru" if form == "dynamichyper" => {
                vec![DynamicHyper { hyper, embedding, ..DynamicHyper::gru(inputs, hidden) }.into(), head(hidden)]
            }
            "lstm" if form == "dynamichyper" => {
                vec![DynamicHyper { hyper, embedding, ..DynamicHyper::lstm(inputs, hidden) }.into(), head(hidden)]
            }
            "gru" => vec![Gru::new(inputs, hidden).into(), head(hidden)],
            "lstm" => vec![Lstm::new(inputs, hidden).into(), head(hidden)],
            "vanilla_rnn" => vec![Rnn::new(inputs, hidden).into(), head(hidden)],
            "tcn" => vec![Tcn { growth, late, ..Tcn::new(inputs, channels, row, kernel) }.into(), head(channels)],
            "gcn" => vec![Gcn { growth, late, ..Gcn::new(inputs, channels, row, kernel, outputs) }.into()],
            other => panic!("expected one of five cells, found {other}"),
        };
        let layer = AnyLayer::stack(layers);
        let model = ModelSpec { layer, conditioning, controls: self.config("num_conds") }.build().expect("the sizes are sound");
        if let Some(count) = self.metadata.get("parameters") {
            let found = Adapter::<f64>::layout(&model.adapter).count() + self.repeated_columns() * self.gates();
            assert_eq!(found.to_string(), *count, "parameters of {}", self.metadata["model"]);
        }
        model
    }

    /// Rows of the maps: gates times units.
    fn gates(&self) -> usize {
        let gates = match self.kind().1 {
            "gru" => 3,
            "lstm" => 4,
            _ => 1,
        };
        gates * self.config("rnn_size")
    }

    /// DynamicHyper's map from the input has a column for every knob: those of a mono signal all see that signal, and act as their sum.
    fn repeated_columns(&self) -> usize {
        if self.kind().0 == "dynamichyper" { self.config("num_conds") - self.config("inp_channel") } else { 0 }
    }

    /// Numbers of DynamicHyper's larger cell, whose gates are tensors of their own: `[columns, gates * rows]` from as many `[rows, columns]`.
    fn beside(&self, name: &str, columns: core::ops::Range<usize>) -> Vec<f64> {
        let gates = self.gates() / self.config("rnn_size");
        columns
            .flat_map(|c| (0..gates).flat_map(move |g| self.transposed(&format!("{name}.{g}"), 0..self.config("rnn_size"), c..c + 1)))
            .collect()
    }

    /// What the toolkit has for a tensor of a DynamicHyper.
    fn dynamic(&self, prefix: &str, parts: &[&str]) -> Vec<f64> {
        let main = |name: &str| format!("{prefix}main_rnn.{name}");
        let (units, rows) = (self.config("rnn_size"), self.gates() / self.config("rnn_size") * self.config("hyper_rnn_size"));
        let inputs = self.config("inp_channel");
        match *parts {
            ["hyper", "w_ih"] => self.transposed(&main("hyper_rnn.x2h.weight"), 0..rows, 0..units),
            ["controls"] => self.transposed(&main("hyper_rnn.x2h.weight"), 0..rows, units..units + self.config("num_conds")),
            ["hyper", "w_hh"] => self.whole(&main("hyper_rnn.h2h.weight")),
            ["hyper", "b_ih"] => self.whole(&main("hyper_rnn.x2h.bias")),
            ["hyper", "b_hh"] => self.whole(&main("hyper_rnn.h2h.bias")),
            [z @ ("z_h" | "z_x" | "z_b"), part] => self.whole(&main(&format!("{z}.{part}"))),
            // A tensor for each gate, one after the other.
            [d, part] => (0..self.gates() / units).flat_map(|g| self.whole(&main(&format!("{d}.{g}.{part}")))).collect(),
            ["w_hh"] => self.beside(&main("w_h"), 0..units),
            // Columns that see the same signal: their weights add up, and each has the sum's gradient.
            ["w_ih"] if prefix.is_empty() && self.repeated_columns() > 0 => {
                let columns = (0..=self.repeated_columns()).map(|c| self.beside(&main("w_x"), c..c + 1));
                columns.reduce(|sum, column| sum.iter().zip(&column).map(|(a, b)| a + b).collect()).expect("at least one")
            }
            ["w_ih"] => self.beside(&main("w_x"), 0..inputs),
            _ => panic!("no source for {parts:?}"),
        }
    }

    /// The numbers of [`Reference::model`] in the order of its layout, from the tensors whose names begin with `prefix`: `""` for the
    /// parameters, `"grad."` for their gradients, and so on. The gaps between tensors are zeros.
    pub fn learnt(&self, prefix: &str) -> Vec<f64> {
        let layout = Adapter::<f64>::layout(&self.model().adapter);
        let mut learnt = vec![0.0; layout.len()];
        for tensor in layout.tensors() {
            let values = self.source(prefix, &tensor.name);
            assert_eq!(values.len(), tensor.len(), "{prefix}{}", tensor.name);
            learnt[tensor.range()].copy_from_slice(&values);
        }
        learnt
    }

    /// Columns `columns` of the rows `rows` of a matrix, transposed: `[columns, rows]`. A vector is one column.
    fn transposed(&self, name: &str, rows: core::ops::Range<usize>, columns: core::ops::Range<usize>) -> Vec<f64> {
        let (shape, values) = self.tensor(name);
        let width = shape.get(1).copied().unwrap_or(1);
        columns.flat_map(|c| rows.clone().map(move |r| values[r * width + c])).collect()
    }

    /// A whole matrix transposed; a vector as it is.
    fn whole(&self, name: &str) -> Vec<f64> {
        let shape = &self.tensor(name).0;
        self.transposed(name, 0..shape[0], 0..shape.get(1).copied().unwrap_or(1))
    }

    /// A whole matrix transposed, a vector as it is, a convolution `[rows, inputs, kernel]` as `[kernel, inputs, rows]` with the newest frame's
    /// weights first.
    fn turned(&self, name: &str) -> Vec<f64> {
        let (shape, values) = self.tensor(name);
        let [rows, inputs, kernel] = shape[..] else { return self.whole(name) };
        let at = |i: usize| values[(i % rows * inputs + i / rows % inputs) * kernel + kernel - 1 - i / (rows * inputs)];
        (0..values.len()).map(at).collect()
    }

    /// What the toolkit has for our tensor `name`.
    fn source(&self, prefix: &str, name: &str) -> Vec<f64> {
        if matches!(self.kind().1, "tcn" | "gcn") {
            return self.turned(&format!("{prefix}{name}"));
        }
        let (inputs, gates, film) = (self.config("inp_channel"), self.gates(), self.kind().0 == "film");
        let cell = |torch: &str, own: &str| format!("{prefix}main_rnn.{}", if film { own } else { torch });
        let parts: Vec<&str> = name.split('.').collect();
        match parts[..] {
            ["layer", "0", ref parts @ ..] if self.kind().0 == "dynamichyper" => self.dynamic(prefix, parts),
            ["controls", _] if self.kind().0 == "dynamichyper" => self.dynamic(prefix, &["controls"]),
            ["layer", "0", "w_ih"] => self.transposed(&cell("weight_ih_l0", "x2h.weight"), 0..gates, 0..inputs),
            ["layer", "0", "w_hh"] => self.whole(&cell("weight_hh_l0", "h2h.weight")),
            ["layer", "0", "b_ih"] => self.whole(&cell("bias_ih_l0", "x2h.bias")),
            ["layer", "0", "b_hh"] => self.whole(&cell("bias_hh_l0", "h2h.bias")),
            ["layer", "1", part] => self.whole(&format!("{prefix}linear_out.{part}")),
            // The knobs' columns lie behind the input's.
            ["controls", "weight"] => self.transposed(&cell("weight_ih_l0", ""), 0..gates, inputs..inputs + self.config("num_conds")),
            ["mlp", i, part] => self.whole(&format!("{prefix}{}.{i}.0.{part}", if film { "gen" } else { "cond_mlp" })),
            // The generator's rows are a_i, b_i, a_h, b_h: scale and shift of the map from the input, then of the recurrent one.
            ["film", i, part] => {
                let first = 2 * gates * i.parse::<usize>().expect("a map's number");
                let last = format!("{prefix}gen.{}.{part}", self.config("n_mlp_blocks"));
                let columns = if part == "weight" { self.config("mlp_size") } else { 1 };
                self.transposed(&last, first..first + 2 * gates, 0..columns)
            }
            // Generated weights are used as x W, so a head's rows are already in our order.
            ["head", "0", tensor, part] => {
                let head = match tensor {
                    "w_ih" => "proj_ih",
                    "w_hh" => "proj_hh",
                    "b_ih" => "proj_bih",
                    _ => "proj_bhh",
                };
                self.whole(&format!("{prefix}{head}.{part}"))
            }
            _ => panic!("no source for {name}"),
        }
    }
}
