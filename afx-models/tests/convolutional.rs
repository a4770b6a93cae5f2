//! The convolutional cells against PyNeuralFx under four kinds of conditioning: output and every gradient, by the names of its tensors.
//!
//! What our models fold away is unfolded here: the running statistics and the affine map of a batch normalisation are part of our
//! convolutions, a knob's columns are summed over the taps, and of the published networks between knobs and parameters, whose slope is 0.2
//! and which are one for each convolution of a hypernetwork, our adapters take the last maps; the first ones are played here.

#[allow(dead_code, reason = "it maps the recurrent models, too")]
mod pyneuralfx;

use afx_core::{Adapter, Conditioned, Differentiable, Layer};
use afx_models::{AnyAdapter, AnyLayer, Conditioning, Cover, Dense, Gcn, Network, Tcn};
use pyneuralfx::Reference;
use std::collections::{BTreeMap, BTreeSet};

/// A tensor of our adapter by name, and a row of it.
type Learnt = BTreeMap<String, Vec<f64>>;

/// `max(v, 0.2 v)` of every number.
fn leaky(v: &[f64]) -> Vec<f64> {
    v.iter().map(|v| v.max(0.2 * v)).collect()
}

/// A published model.
struct Published {
    file: Reference,
    form: String,
    gated: bool,
    blocks: usize,
    kernel: usize,
    channels: usize,
    knobs: Vec<f64>,
}

/// A block's normalisation: what it subtracts, divides by, multiplies by and adds, by row of the convolution.
struct Norm {
    mean: Vec<f64>,
    deviation: Vec<f64>,
    gain: Vec<f64>,
    offset: Vec<f64>,
}

impl Published {
    fn open(name: &str) -> Option<Self> {
        let file = Reference::open(&format!("{}/../../shared/golden/conditioned/{name}.safetensors", env!("CARGO_MANIFEST_DIR")))?;
        let (form, cell) = name.split_once('-').expect("two words");
        let [blocks, kernel, channels] = ["n_blocks", "kernel_size", "n_channels"].map(|key| file.config(key));
        assert_eq!(file.config("dilation_growth"), 2);
        let knobs = if form == "snapshot" { Vec::new() } else { file["controls"].to_vec() };
        Some(Published { form: form.into(), gated: cell == "gcn", blocks, kernel, channels, knobs, file })
    }

    fn has(&self, name: &str) -> bool {
        self.file.names().any(|found| found == name)
    }

    /// Rows of a block's convolution.
    fn rows(&self) -> usize {
        if self.gated { 2 * self.channels } else { self.channels }
    }

    /// Channels that enter block `n`, knobs not counted.
    fn inputs(&self, n: usize) -> usize {
        if n == 0 { 1 } else { self.channels }
    }

    /// Knobs that enter block `n` beside them.
    fn beside(&self, n: usize) -> usize {
        if n == 0 && self.form == "concat" { self.knobs.len() } else { 0 }
    }

    /// What is behind the convolution of block `n`, or, in a gated one, behind the gate.
    fn norm(&self, n: usize) -> Norm {
        let width = self.channels;
        let (statistics, affine) = match (self.gated, self.form.as_str()) {
            (_, "film") => (format!("blocks.{n}.affine.bn."), None),
            (false, _) => (format!("blocks.{n}.affine."), Some(format!("blocks.{n}.affine."))),
            (true, _) => {
                return Norm { mean: vec![0.0; width], deviation: vec![1.0; width], gain: vec![1.0; width], offset: vec![0.0; width] };
            }
        };
        let of = |part: &str, none: f64| affine.as_ref().map_or(vec![none; width], |affine| self.file[&format!("{affine}{part}")].to_vec());
        Norm {
            mean: self.file[&format!("{statistics}running_mean")].to_vec(),
            deviation: self.file[&format!("{statistics}running_var")].iter().map(|v| (v + 1e-5).sqrt()).collect(),
            gain: of("weight", 1.0),
            offset: of("bias", 0.0),
        }
    }

    /// The same for the rows of the convolution itself: nothing where it is gated.
    fn folded(&self, n: usize) -> Norm {
        if self.gated {
            let rows = self.rows();
            return Norm { mean: vec![0.0; rows], deviation: vec![1.0; rows], gain: vec![1.0; rows], offset: vec![0.0; rows] };
        }
        self.norm(n)
    }

    /// The hidden numbers of every small network of a hypernetwork in a row: of block `n` those of the kernel's and of the bias'.
    fn hyper_widths(&self) -> Vec<(String, usize)> {
        let nets = |n: usize| {
            let net = |part: &str| (format!("blocks.{n}.conv1.{part}_subnet"), self.inputs(n));
            if n == 0 { vec![net("kernel")] } else { vec![net("kernel"), net("bias")] }
        };
        (0..self.blocks).flat_map(nets).collect()
    }

    /// Where the numbers of a network lie among those.
    fn hyper_place(&self, name: &str) -> std::ops::Range<usize> {
        let mut at = 0;
        for (net, width) in self.hyper_widths() {
            if net == name {
                return at..at + width;
            }
            at += width;
        }
        0..0
    }

    /// `W v + b` of a linear map in the file.
    fn linear(&self, name: &str, v: &[f64]) -> Vec<f64> {
        let (weight, bias) = (&self.file[&format!("{name}.weight")], &self.file[&format!("{name}.bias")]);
        weight.chunks(v.len()).zip(bias).map(|(row, b)| b + row.iter().zip(v).map(|(w, v)| w * v).sum::<f64>()).collect()
    }

    /// What our adapter sees as its knobs, and what came before: of FiLM's first two maps the outputs.
    fn controls(&self) -> (Vec<f64>, Vec<Vec<f64>>) {
        match self.form.as_str() {
            "film" => {
                let first = leaky(&self.linear("pre_film.0.0", &self.knobs));
                let second = leaky(&self.linear("pre_film.1.0", &first));
                (self.linear("pre_film.2", &second), vec![first, second])
            }
            "hyper" => {
                let net = |(name, _): (String, usize)| leaky(&self.linear(&format!("{name}.0"), &self.knobs));
                (self.hyper_widths().into_iter().flat_map(net).collect(), Vec::new())
            }
            _ => (self.knobs.clone(), Vec::new()),
        }
    }

    fn model(&self, controls: usize) -> Conditioned<AnyLayer, AnyAdapter> {
        let Published { blocks, kernel, channels, .. } = *self;
        let layer = if self.gated {
            AnyLayer::stack(vec![Gcn { late: true, ..Gcn::new(1, channels, blocks, kernel, 1) }.into()])
        } else {
            AnyLayer::stack(vec![Tcn { late: true, ..Tcn::new(1, channels, blocks, kernel) }.into(), Dense::new(channels, 1).into()])
        };
        let (network, cover) = (Network::leaky(1, 0), Cover::Cell);
        let conditioning = match self.form.as_str() {
            "snapshot" => Conditioning::Fixed,
            "concat" => Conditioning::Concat,
            "film" => Conditioning::Film { network, cover },
            _ => Conditioning::StaticHyper { network, cover },
        };
        let adapter = conditioning.adapter(&Layer::<f64>::layout(&layer), controls);
        Conditioned { layer, adapter }
    }

    /// A published weight `[rows, inputs, kernel]`, oldest frame first, as `[kernel, inputs, rows]`, newest first; the first `inputs` of them.
    fn turned(&self, weight: &[f64], rows: usize, all: usize, inputs: usize, kernel: usize) -> Vec<f64> {
        let at = |i: usize| {
            let (k, i, row) = (i / (inputs * rows), i / rows % inputs, i % rows);
            weight[(row * all + i) * kernel + kernel - 1 - k]
        };
        (0..kernel * inputs * rows).map(at).collect()
    }

    /// The value of our tensor `name`.
    fn source(&self, name: &str) -> Vec<f64> {
        let parts: Vec<&str> = name.split('.').collect();
        let (rows, channels) = (self.rows(), self.channels);
        let number = |n: &str| n.parse::<usize>().expect("a block's number");
        let fold = |n: usize, tap: &dyn Fn(usize) -> f64, len: usize| {
            let norm = self.folded(n);
            (0..len).map(|i| norm.gain[i % rows] / norm.deviation[i % rows] * tap(i)).collect::<Vec<f64>>()
        };
        // A bias takes in what the normalisation subtracts and adds.
        let shifted = |n: usize, mut bias: Vec<f64>| {
            let norm = self.folded(n);
            for (row, bias) in bias.iter_mut().enumerate() {
                *bias += norm.offset[row] - norm.gain[row] / norm.deviation[row] * norm.mean[row];
            }
            bias
        };
        match parts[..] {
            ["layer", "0", n, "conv", "weight"] => {
                let n = number(n);
                let (inputs, all) = (self.inputs(n), self.inputs(n) + self.beside(n));
                let weight = self.turned(&self.file[&format!("blocks.{n}.conv1.weight")], rows, all, inputs, self.kernel);
                fold(n, &|i| weight[i], weight.len())
            }
            ["layer", "0", n, "conv", "bias"] => {
                let n = number(n);
                let name = format!("blocks.{n}.conv1.bias");
                let bias = if self.has(&name) { self.file[&name].to_vec() } else { vec![0.0; rows] };
                shifted(n, fold(n, &|i| bias[i], rows))
            }
            ["layer", "0", n, "residual", "weight"] => {
                let n = number(n);
                self.turned(&self.file[&format!("blocks.{n}.res.weight")], channels, self.inputs(n) + self.beside(n), self.inputs(n), 1)
            }
            ["layer", "0", "0", "residual" | "mix", "bias"] => vec![0.0; channels],
            ["layer", "0", n, "mix", "weight"] => {
                self.turned(&self.file[&format!("blocks.{n}.mix.weight")], channels, channels, channels, 1)
            }
            ["layer", "0", n, "mix", "bias"] => self.file[&format!("blocks.{n}.mix.bias")].to_vec(),
            ["layer", "0", n, "scale"] => self.norm(number(n)).deviation.iter().map(|d| 1.0 / d).collect(),
            ["layer", "0", n, "shift"] => {
                let norm = self.norm(number(n));
                norm.mean.iter().zip(&norm.deviation).map(|(m, d)| -m / d).collect()
            }
            ["layer", "0", "output", "weight"] => self.file["mixing_output.weight"].to_vec(),
            ["layer", "1", part] => self.file[&format!("output.{part}")].to_vec(),
            // A knob reaches every tap.
            ["controls", "weight"] => {
                let (weight, all) = (&self.file["blocks.0.conv1.weight"], 1 + self.knobs.len());
                let sum = |i: usize| weight[(i % rows * all + 1 + i / rows) * self.kernel..][..self.kernel].iter().sum();
                fold(0, &sum, self.knobs.len() * rows)
            }
            ["controls", "1", "weight"] => {
                let (weight, all) = (&self.file["blocks.0.res.weight"], 1 + self.knobs.len());
                (0..self.knobs.len() * channels).map(|i| weight[i % channels * all + 1 + i / channels]).collect()
            }
            ["film", n, part] => {
                let map = &self.file[&format!("blocks.{n}.affine.adaptor.{part}")];
                if part == "bias" {
                    map.to_vec()
                } else {
                    (0..map.len()).map(|i| map[i % (2 * channels) * 16 + i / (2 * channels)]).collect()
                }
            }
            ["head", "0", n, "conv", tensor, part] => {
                let n = number(n);
                let net = format!("blocks.{n}.conv1.{}_subnet", if tensor == "weight" { "kernel" } else { "bias" });
                let own = self.hyper_place(&net);
                let (bias, len) = if own.is_empty() {
                    (vec![0.0; rows], rows)
                } else {
                    let bias = self.file[&format!("{net}.2.bias")].to_vec();
                    let len = bias.len();
                    (bias, len)
                };
                if part == "bias" {
                    let bias = fold(n, &|i| bias[i], len);
                    return if tensor == "bias" { shifted(n, bias) } else { bias };
                }
                let width: usize = self.hyper_widths().iter().map(|(_, width)| width).sum();
                let at = |i: usize| {
                    let (from, to) = (i / len, i % len);
                    if own.contains(&from) { self.file[&format!("{net}.2.weight")][to * own.len() + from - own.start] } else { 0.0 }
                };
                fold(n, &at, width * len)
            }
            _ => panic!("no source for {name}"),
        }
    }

    /// The gradients by the file's names, from those of our tensors and of what our adapter sees as its knobs.
    fn gradients(&self, d: &Learnt, dcontrols: &[f64], before: &[Vec<f64>]) -> Learnt {
        let mut found = Learnt::new();
        let (rows, channels) = (self.rows(), self.channels);
        let turned_back = |d: &[f64], knobs: Option<&[f64]>, inputs: usize, rows: usize, kernel: usize| {
            let beside = knobs.map_or(0, |knobs| knobs.len() / rows);
            let at = |i: usize| {
                let (row, column, k) = (i / ((inputs + beside) * kernel), i / kernel % (inputs + beside), kernel - 1 - i % kernel);
                match knobs {
                    Some(knobs) if column >= inputs => knobs[(column - inputs) * rows + row],
                    _ => d[(k * inputs + column) * rows + row],
                }
            };
            (0..rows * (inputs + beside) * kernel).map(at).collect::<Vec<f64>>()
        };
        // Of a map whose columns are the last index: `[columns, rows]` as `[rows, columns]`.
        let across =
            |d: &[f64], rows: usize| (0..d.len()).map(|i| d[i % (d.len() / rows) * rows + i / (d.len() / rows)]).collect::<Vec<f64>>();
        for n in 0..self.blocks {
            let (norm, inputs) = (self.folded(n), self.inputs(n));
            let factor: Vec<f64> = norm.gain.iter().zip(&norm.deviation).map(|(g, d)| g / d).collect();
            let unfold = |v: &[f64]| v.iter().enumerate().map(|(i, v)| factor[i % rows] * v).collect::<Vec<f64>>();
            let own = format!("layer.0.{n}.");
            let conv = format!("blocks.{n}.conv1");
            // What the realised weight and bias were before the normalisation, and their cotangents.
            let (weight, bias, dweight, dbias) = if self.form == "hyper" {
                let realized = |tensor: &str| {
                    let z = self.controls().0;
                    let [head, bias] = ["weight", "bias"].map(|part| self.source(&format!("head.0.{n}.conv.{tensor}.{part}")));
                    (0..bias.len())
                        .map(|i| bias[i] + z.iter().enumerate().map(|(j, z)| z * head[j * bias.len() + i]).sum::<f64>())
                        .collect::<Vec<f64>>()
                };
                let of = |tensor: &str, part: &str| d[&format!("head.0.{n}.conv.{tensor}.{part}")].clone();
                for (tensor, net) in [("weight", "kernel"), ("bias", "bias")] {
                    let net = format!("{conv}.{net}_subnet");
                    let place = self.hyper_place(&net);
                    if place.is_empty() {
                        continue;
                    }
                    let head = unfold(&of(tensor, "weight"));
                    let len = of(tensor, "bias").len();
                    found.insert(format!("{net}.2.weight"), across(&head[place.start * len..place.end * len], len));
                    found.insert(format!("{net}.2.bias"), unfold(&of(tensor, "bias")));
                    let pre = self.linear(&format!("{net}.0"), &self.knobs);
                    let dpre: Vec<f64> = dcontrols[place].iter().zip(&pre).map(|(d, v)| if *v < 0.0 { 0.2 * d } else { *d }).collect();
                    found.insert(format!("{net}.0.weight"), dpre.iter().flat_map(|d| self.knobs.iter().map(move |c| c * d)).collect());
                    found.insert(format!("{net}.0.bias"), dpre);
                }
                (realized("weight"), realized("bias"), of("weight", "bias"), of("bias", "bias"))
            } else {
                let (weight, bias) = (self.source(&format!("{own}conv.weight")), self.source(&format!("{own}conv.bias")));
                let (dweight, dbias) = (d[&format!("{own}conv.weight")].clone(), d[&format!("{own}conv.bias")].clone());
                let knobs = (self.beside(n) > 0).then(|| unfold(&d["controls.weight"]));
                found.insert(format!("{conv}.weight"), turned_back(&unfold(&dweight), knobs.as_deref(), inputs, rows, self.kernel));
                found.insert(format!("{conv}.bias"), unfold(&dbias));
                (weight, bias, dweight, dbias)
            };
            if !self.gated && self.form != "film" {
                let knobs =
                    if self.beside(n) > 0 { (self.source("controls.weight"), d["controls.weight"].clone()) } else { Default::default() };
                let pairs = |w: &[f64], d: &[f64], row: usize| w.iter().zip(d).skip(row).step_by(rows).map(|(w, d)| w * d).sum::<f64>();
                let gain = |row: usize| {
                    let all = pairs(&weight, &dweight, row) + pairs(&knobs.0, &knobs.1, row) + (bias[row] - norm.offset[row]) * dbias[row];
                    all / norm.gain[row]
                };
                found.insert(format!("blocks.{n}.affine.weight"), (0..rows).map(gain).collect());
                found.insert(format!("blocks.{n}.affine.bias"), dbias.clone());
            }
            if let Some(residual) = d.get(&format!("{own}residual.weight")) {
                let knobs = (self.beside(n) > 0).then(|| &d["controls.1.weight"][..]);
                found.insert(format!("blocks.{n}.res.weight"), turned_back(residual, knobs, inputs, channels, 1));
            }
            if let Some(mix) = d.get(&format!("{own}mix.weight")) {
                found.insert(format!("blocks.{n}.mix.weight"), across(mix, channels));
                found.insert(format!("blocks.{n}.mix.bias"), d[&format!("{own}mix.bias")].clone());
            }
            if self.form == "film" {
                found.insert(format!("blocks.{n}.affine.adaptor.weight"), across(&d[&format!("film.{n}.weight")], 2 * channels));
                found.insert(format!("blocks.{n}.affine.adaptor.bias"), d[&format!("film.{n}.bias")].clone());
            }
        }
        match d.get("layer.0.output.weight") {
            Some(output) => found.insert("mixing_output.weight".into(), output.clone()),
            None => {
                found.insert("output.bias".into(), d["layer.1.bias"].clone());
                found.insert("output.weight".into(), d["layer.1.weight"].clone())
            }
        };
        if self.form == "film" {
            let mut dy = dcontrols.to_vec();
            for (name, x, active) in
                [("pre_film.2", &before[1], true), ("pre_film.1.0", &before[0], true), ("pre_film.0.0", &self.knobs, false)]
            {
                let weight = &self.file[&format!("{name}.weight")];
                found.insert(format!("{name}.weight"), dy.iter().flat_map(|d| x.iter().map(move |x| x * d)).collect());
                found.insert(format!("{name}.bias"), dy.clone());
                let back = |i: usize| dy.iter().enumerate().map(|(o, d)| d * weight[o * x.len() + i]).sum::<f64>();
                dy = (0..x.len()).map(|i| back(i) * if active && x[i] < 0.0 { 0.2 } else { 1.0 }).collect();
            }
        }
        found
    }
}

/// Of 512 frames that the toolkit ran in float32 the last, whose whole past is known; we run the same numbers in double precision.
fn met(name: &str) {
    let Some(published) = Published::open(name) else { return };
    let (controls, before) = published.controls();
    let Conditioned { layer, adapter } = published.model(controls.len());
    let layout = Adapter::<f64>::layout(&adapter);
    let mut learnt = vec![0.0; layout.len()];
    for tensor in layout.tensors() {
        let values = published.source(&tensor.name);
        assert_eq!(values.len(), tensor.len(), "{}", tensor.name);
        learnt[tensor.range()].copy_from_slice(&values);
    }
    let (x, expected) = (&published.file["input"], &published.file["output"]);
    let unknown = x.len() - expected.len();
    let mut scratch = vec![0.0; Adapter::<f64>::scratch_len(&adapter)];
    let mut params = vec![0.0; Layer::<f64>::params_len(&layer)];
    adapter.realize(&learnt, &controls, &mut scratch, &mut params);
    let (mut y, mut tape) = (vec![0.0; x.len()], vec![f64::NAN; Differentiable::<f64>::tape_len(&layer, x.len())]);
    layer.forward(&params, &mut vec![0.0; Layer::<f64>::state_len(&layer)], x, &mut y, &mut tape);
    // float32 rounds at 6e-8, and four blocks of sums and a folded normalisation add some of those up: 6.5e-7 found. A gradient sums 482
    // such frames.
    let close = |what: &str, found: &[f64], expected: &[f64], tolerance: f64| {
        let size = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        assert_eq!(found.len(), expected.len(), "{what}");
        let worst = found.iter().zip(expected).fold(0.0, |m: f64, (f, e)| m.max((f - e).abs())) / size;
        println!("{name} {what}: {worst:.1e}");
        assert!(worst < tolerance, "{name} {what}: off by {worst:e} of {size}");
    };
    close("output", &y[unknown..], expected, 1e-6);
    let dy: Vec<f64> =
        (0..x.len()).map(|t| if t < unknown { 0.0 } else { 2.0 * (y[t] - 0.5 * (3.0 * x[t]).tanh()) / expected.len() as f64 }).collect();
    let (mut dparams, mut dlearnt, mut dcontrols) = (vec![0.0; params.len()], vec![0.0; learnt.len()], vec![0.0; controls.len()]);
    layer.backward(&params, x, &y, &mut tape, &dy, &mut [], &mut dparams);
    adapter.realize_backward(&learnt, &controls, &mut scratch, &dparams, &mut dlearnt, &mut dcontrols);
    let own: Learnt = layout.tensors().iter().map(|tensor| (tensor.name.clone(), dlearnt[tensor.range()].to_vec())).collect();
    let found = published.gradients(&own, &dcontrols, &before);
    let stored: BTreeSet<&str> = published.file.names().filter_map(|name| name.strip_prefix("grad.")).collect();
    assert!(stored.len() >= 4 * published.blocks, "few gradients to compare with: {stored:?}");
    let mut largest = 0f64;
    for tensor in stored {
        let expected = &published.file[&format!("grad.{tensor}")];
        let found = found.get(tensor).unwrap_or_else(|| panic!("no gradient of {tensor}"));
        largest = expected.iter().fold(largest, |m, v| m.max(v.abs()));
        // In float64 the toolkit itself is off by as much from what is stored: up to 2.3e-6 in `hyper-tcn`.
        close(tensor, found, expected, 2.5e-6);
    }
    assert!(largest > 1e-2, "gradients too small for an absolute tolerance: {largest:e}");
}

macro_rules! met {
    ($($name:ident: $file:literal;)+) => {
        $(#[test]
        fn $name() {
            met($file);
        })+
    };
}

met! {
    a_tcn_equals_the_toolkits: "snapshot-tcn";
    a_concat_tcn_equals_the_toolkits: "concat-tcn";
    a_film_tcn_equals_the_toolkits: "film-tcn";
    a_hyper_tcn_equals_the_toolkits: "hyper-tcn";
    a_gcn_equals_the_toolkits: "snapshot-gcn";
    a_concat_gcn_equals_the_toolkits: "concat-gcn";
    a_film_gcn_equals_the_toolkits: "film-gcn";
    a_hyper_gcn_equals_the_toolkits: "hyper-gcn";
}
