//! What a model is, in sizes and names.

use crate::conv::Line;
use crate::{
    AnyAdapter, AnyLayer, Conditioning, Conv1d, Cover, Dense, DynamicHyper, Fir, Function, Gcn, Gru, Iir, Lstm, Network, Nonlinear, Rnn,
    S4d, Tcn, Tfilm, WaveNet,
};
use afx_core::{Conditioned, Layer};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Largest size of anything in a [`ModelSpec`]; keeps a hostile file from asking for the moon.
const LARGEST: usize = 4096;
/// Most numbers a model may learn.
const MOST_PARAMETERS: usize = 100_000_000;

/// Most frames that an output may depend on.
const MOST_FRAMES: usize = 1 << 20;
/// Most numbers of memory.
const MOST_MEMORY: usize = 100_000_000;

/// A cell of so many units or channels, and a head where it has none of its own.
type MakeCell = fn(usize) -> Vec<AnyLayer>;
/// The cells by name; those of convolutions with the HyperRNN poster's ten blocks.
const CELLS: [(&str, MakeCell); 7] = [
    ("gru", |h| vec![Gru::new(1, h).into(), Dense::new(h, 1).into()]),
    ("lstm", |h| vec![Lstm::new(1, h).into(), Dense::new(h, 1).into()]),
    ("rnn", |h| vec![Rnn::new(1, h).into(), Dense::new(h, 1).into()]),
    ("tcn", |h| vec![Tcn::new(1, h, 10, 3).into(), Dense::new(h, 1).into()]),
    ("gcn", |h| vec![Gcn::new(1, h, 10, 3, 1).into()]),
    ("wavenet", |h| vec![WaveNet::a1(h, h.div_ceil(2)).into()]),
    ("s4d", s4d),
];

/// Blocks of the state-space model by name, and complex states of a channel in each.
const S4D_BLOCKS: usize = 4;
const S4D_STATES: usize = 4;

/// A row of state-space layers, each with a function and a map that mixes channels behind it and its input beside it.
fn s4d(channels: usize) -> Vec<AnyLayer> {
    let block = |_| vec![S4d { channels, states: S4D_STATES }.into(), tanh(channels), Dense::new(channels, channels).into()];
    row(channels, S4D_BLOCKS, block)
}

/// [`s4d`] with a temporal modulation before every function.
fn tfilm_s4d(channels: usize) -> Vec<AnyLayer> {
    let state = S4d { channels, states: S4D_STATES };
    let block = |_| vec![state.into(), tfilm(channels), tanh(channels), Dense::new(channels, channels).into()];
    row(channels, S4D_BLOCKS, block)
}

/// A row of dilated convolutions, each with a temporal modulation and a function behind it and its input beside it.
fn tfilm_tcn(channels: usize) -> Vec<AnyLayer> {
    row(channels, 10, |n| vec![Conv1d::new(channels, channels, 3, 1 << n).into(), tfilm(channels), tanh(channels)])
}

fn tanh(width: usize) -> AnyLayer {
    Nonlinear { width, function: Function::Tanh }.into()
}

/// Frames that a temporal modulation of a model by name hears as one.
const TFILM_BLOCK: usize = 128;

fn tfilm(channels: usize) -> AnyLayer {
    Tfilm::new(channels, TFILM_BLOCK).into()
}

/// A map to the channels, `count` blocks each with its input beside it, and a map from the channels.
fn row(channels: usize, count: usize, block: impl Fn(usize) -> Vec<AnyLayer>) -> Vec<AnyLayer> {
    let blocks = (0..count).map(|n| AnyLayer::skip(AnyLayer::stack(block(n))));
    let (first, last) = (Dense::new(1, channels).into(), Dense::new(channels, 1).into());
    core::iter::once(first).chain(blocks).chain([last]).collect()
}

/// Directions in which knobs move a weight, of a model by name.
const RANK: usize = 4;
/// The kinds of conditioning by what stands before a cell's name.
const KINDS: [(&str, Conditioning); 5] = [
    ("", Conditioning::Fixed),
    ("concat-", Conditioning::Concat),
    ("film-", Conditioning::Film { network: Network::smooth(32, 2), cover: Cover::Cell }),
    ("static-hyper-", Conditioning::StaticHyper { network: Network::smooth(8, 2), cover: Cover::Cell }),
    ("low-rank-hyper-", Conditioning::LowRankHyper { network: Network::smooth(8, 2), rank: RANK, cover: Cover::Cell }),
];
/// Cells that bring their own conditioning: the knobs reach the smaller or slower of two.
const DYNAMIC: [(&str, MakeCell); 4] = [
    ("dynamic-hyper-gru", |h| vec![DynamicHyper::gru(1, h).into(), Dense::new(h, 1).into()]),
    ("dynamic-hyper-lstm", |h| vec![DynamicHyper::lstm(1, h).into(), Dense::new(h, 1).into()]),
    ("tfilm-tcn", tfilm_tcn),
    ("tfilm-s4d", tfilm_s4d),
];
/// A model of so many units and knobs.
type MakeModel = fn(usize, usize) -> ModelSpec;
/// Those that are more than a cell and a head.
const WHOLE: [(&str, MakeModel); 2] =
    [("hyper-gru", |hidden, controls| ModelSpec::hyper_gru(32, hidden, controls, false)), ("grey-box", ModelSpec::grey_box)];

/// A layer, how its knobs act on it, and how many there are: everything but the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct ModelSpec {
    /// What runs at audio rate.
    pub layer: AnyLayer,
    /// What turns knobs into its parameters.
    pub conditioning: Conditioning,
    /// Number of knobs.
    pub controls: usize,
}

/// Why a [`ModelSpec`] makes no model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// A size is zero or out of bounds.
    Size {
        /// Which one.
        what: &'static str,
        /// The largest allowed.
        most: usize,
        /// What was found.
        found: usize,
    },
    /// Two neighbours in a stack do not fit.
    Mismatch {
        /// Index of the second one.
        layer: usize,
        /// Outputs of the first.
        expected: usize,
        /// Inputs of the second.
        found: usize,
    },
    /// A layer whose input is added to its output has not as many of both.
    Skip {
        /// Its inputs.
        expected: usize,
        /// Its outputs.
        found: usize,
    },
    /// No model of that name.
    Name {
        /// The name.
        found: String,
    },
    /// The conditioning has nothing to act on: no affine map that it covers, or for `Concat` no bias in the first one.
    NothingToCondition,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecError::Size { what, most, found } => write!(f, "{what}: expected 1 to {most}, found {found}"),
            SpecError::Mismatch { layer, expected, found } => write!(f, "layer {layer}: expected {expected} inputs, found {found}"),
            SpecError::Skip { expected, found } => write!(f, "layer with a skip: expected {expected} outputs, as inputs, found {found}"),
            SpecError::Name { found } => write!(f, "model: expected one of {}, found {found}", ModelSpec::names().join(", ")),
            SpecError::NothingToCondition => {
                write!(f, "conditioning: expected an affine map that it acts on (for concat the first one, with a bias), found none")
            }
        }
    }
}

impl core::error::Error for SpecError {}

impl ModelSpec {
    /// The names that [`ModelSpec::named`] knows.
    pub fn names() -> Vec<String> {
        let cell = |(cell, _): &(&str, _)| KINDS.map(|(kind, _)| format!("{kind}{cell}"));
        let dynamic = DYNAMIC.iter().map(|(name, _)| name.to_string());
        CELLS.iter().flat_map(cell).chain(dynamic).chain(WHOLE.map(|(name, _)| name.to_string())).collect()
    }

    /// A published model by name, mono in and out.
    ///
    /// - A cell, `gru`, `lstm` or `rnn` of `hidden` units, `tcn` or `gcn` of `hidden` channels in ten blocks of kernel 3 and growth 2, and a head:
    ///   a snapshot; knobs are ignored. With `concat-`, `film-` (network 2 x 32) or `static-hyper-` (network 2 x 8) in front: the three of the
    ///   HyperRNN poster with its sizes; their networks are smooth ([`Network::smooth`]), the poster's are leaky, and its `tcn` and `gcn` have
    ///   other networks and a few numbers more. With `low-rank-hyper-`: a [`LowRankHyper`](crate::LowRankHyper) of rank 4, network 2 x 8. A
    ///   specification in JSON or TOML sets blocks, kernel and growth.
    /// - `dynamic-hyper-gru`, `dynamic-hyper-lstm`: a cell that another of 8 units scales and shifts in every frame, with knobs that reach that
    ///   other one ([`DynamicHyper`]), and a dense head.
    /// - `wavenet` of `hidden` channels in its first array and half as many in its second ([`WaveNet::a1`]; Neural Amp Modeler's "standard"
    ///   has 16), with the same words in front as a cell.
    /// - `s4d` of `hidden` channels, with the same words in front: a map to the channels, four blocks of an [`S4d`] of four complex states, `tanh` and
    ///   a map that mixes channels, each block with its input beside it, and a map from the channels. NablAFx' smaller S4 has as many
    ///   blocks and the same activation, and states of 4 real numbers where these are complex.
    /// - `tfilm-tcn` of `hidden` channels: a map to the channels, ten blocks of a convolution of kernel 3 and growth 2, a temporal modulation
    ///   ([`Tfilm`], blocks of 128 frames, as many units as channels) and `tanh`, each with its input beside it, and a map from the channels;
    ///   `tfilm-s4d`: `s4d` with a temporal modulation before every `tanh`. The knobs reach the first map and every modulation.
    /// - `hyper-gru`: the seeds' proposal: a learnable FIR of 32 taps for latency, linear, GRU, linear, all maps without biases, so that
    ///   silence stays silence, from a hypernetwork 2 x 8.
    /// - `grey-box`: four filters, a curve that is a sum of `hidden` hyperbolic tangents, and four filters ([`ModelSpec::grey_box`]).
    ///
    /// # Errors
    /// For an unknown name or a size out of bounds.
    pub fn named(name: &str, hidden: usize, controls: usize) -> Result<Self, SpecError> {
        let model = |cell: MakeCell, conditioning| ModelSpec { layer: AnyLayer::stack(cell(hidden)), conditioning, controls };
        let known = |(kind, conditioning): &(&str, Conditioning)| {
            let cell = name.strip_prefix(kind)?;
            CELLS.iter().find(|(name, _)| *name == cell).map(|(_, cell)| model(*cell, *conditioning))
        };
        let dynamic = || DYNAMIC.iter().find(|(known, _)| *known == name).map(|(_, cell)| model(*cell, Conditioning::Concat));
        let whole = || WHOLE.iter().find(|(known, _)| *known == name).map(|(_, model)| model(hidden, controls));
        let spec =
            KINDS.iter().find_map(known).or_else(dynamic).or_else(whole).ok_or_else(|| SpecError::Name { found: name.to_string() })?;
        spec.check()?;
        Ok(spec)
    }

    /// The seeds' HyperGRU: learnable FIR of `taps`, linear, GRU, linear; every affine map from a hypernetwork 2 x 8. Without biases silence
    /// in gives silence out for every knob position.
    pub fn hyper_gru(taps: usize, hidden: usize, controls: usize, bias: bool) -> Self {
        let layers: Vec<AnyLayer> = vec![
            Fir { taps }.into(),
            Dense { inputs: 1, outputs: 4, bias }.into(),
            Gru { inputs: 4, hidden, bias }.into(),
            Dense { inputs: hidden, outputs: 1, bias }.into(),
        ];
        let conditioning = Conditioning::StaticHyper { network: Network::smooth(8, 2), cover: Cover::All };
        ModelSpec { layer: AnyLayer::stack(layers), conditioning, controls }
    }

    /// Four second-order filters ([`Iir`]), a curve that is a sum of `units` hyperbolic tangents, and four filters again: a distortion between two
    /// equalizers, or a Wiener-Hammerstein model. A hypernetwork 2 x 8 writes every number of them.
    pub fn grey_box(units: usize, controls: usize) -> Self {
        let layers = vec![
            Iir { sections: 4 }.into(),
            Dense::new(1, units).into(),
            tanh(units),
            Dense::new(units, 1).into(),
            Iir { sections: 4 }.into(),
        ];
        let conditioning = Conditioning::StaticHyper { network: Network::smooth(8, 2), cover: Cover::Everything };
        ModelSpec { layer: AnyLayer::stack(layers), conditioning, controls }
    }

    /// Checks every size, and that the parts fit.
    ///
    /// # Errors
    /// Naming the first part that does not.
    pub fn check(&self) -> Result<(), SpecError> {
        check_layer(&self.layer)?;
        let (frames, memory) = memory(&self.layer);
        limit("frames that an output depends on", MOST_FRAMES, frames)?;
        limit("numbers of memory", MOST_MEMORY, memory)?;
        let numbers = numbers(&self.layer);
        limit("numbers to learn", MOST_PARAMETERS, numbers)?;
        if self.controls > LARGEST {
            return Err(SpecError::Size { what: "controls", most: LARGEST, found: self.controls });
        }
        let layout = Layer::<f32>::layout(&self.layer);
        let (network, rank) = match self.conditioning {
            Conditioning::Fixed | Conditioning::Concat => (None, 0),
            Conditioning::Film { network, .. } | Conditioning::StaticHyper { network, .. } => (Some(network), 0),
            Conditioning::LowRankHyper { network, rank, .. } => {
                at_most("conditioning rank", rank)?;
                (Some(network), rank)
            }
        };
        if let Some(Network { width, depth, .. }) = network {
            at_most("conditioning width", width)?;
            if depth > 16 {
                return Err(SpecError::Size { what: "conditioning depth", most: 16, found: depth });
            }
            let width = width.max(self.controls);
            // What a rank adds: two factors of at most the weight's numbers each, and a head for each weight.
            let low = rank.saturating_mul(numbers.saturating_add(layout.affine_maps().len().saturating_mul(width)));
            // Twice: both a scale and a shift for each row, or a gap beside each tensor.
            limit("numbers to learn", MOST_PARAMETERS, width.saturating_mul(numbers).saturating_add(low).saturating_mul(2))?;
        }
        let acts = match self.conditioning {
            Conditioning::Fixed => true,
            Conditioning::Concat => layout.knob_biases().next().is_some(),
            Conditioning::Film { cover, .. } => cover.modulated(&layout).next().is_some(),
            Conditioning::StaticHyper { cover, .. } | Conditioning::LowRankHyper { cover, .. } => !cover.generated(&layout).is_empty(),
        };
        if acts { Ok(()) } else { Err(SpecError::NothingToCondition) }
    }

    /// The model.
    ///
    /// # Errors
    /// As [`ModelSpec::check`].
    pub fn build(&self) -> Result<Conditioned<AnyLayer, AnyAdapter>, SpecError> {
        self.check()?;
        let adapter = self.conditioning.adapter(&Layer::<f32>::layout(&self.layer), self.controls);
        Ok(Conditioned { layer: self.layer.clone(), adapter })
    }
}

/// Numbers of a layer whose sizes are in bounds, gaps between its tensors not counted.
fn numbers(layer: &AnyLayer) -> usize {
    match layer {
        AnyLayer::Stack { layers } => layers.iter().map(numbers).fold(0, usize::saturating_add),
        AnyLayer::Skip(skip) => numbers(&skip.layer),
        // A few of their sizes make more numbers than memory has places for.
        AnyLayer::Conv1d(layer) => layer.count(),
        AnyLayer::Tcn(layer) => layer.count(),
        AnyLayer::Gcn(layer) => layer.count(),
        AnyLayer::WaveNet(layer) => layer.count(),
        layer => Layer::<f32>::layout(layer).count(),
    }
}

/// Frames that an output depends on by convolution, and numbers of memory of those frames; neither wraps.
fn memory(layer: &AnyLayer) -> (usize, usize) {
    let add = |a: (usize, usize), b: (usize, usize)| (a.0.saturating_add(b.0), a.1.saturating_add(b.1));
    let of = |line: Line| (line.span, line.numbers());
    match layer {
        AnyLayer::Stack { layers } => layers.iter().map(memory).fold((0, 0), add),
        AnyLayer::Skip(skip) => memory(&skip.layer),
        AnyLayer::Conv1d(layer) => of(layer.line()),
        AnyLayer::Tcn(layer) => layer.row().iter().map(|block| of(block.line())).fold((0, 0), add),
        AnyLayer::Gcn(layer) => layer.row().iter().map(|block| of(block.line())).fold((0, 0), add),
        AnyLayer::WaveNet(layer) => (layer.receptive_field() - 1, layer.memory()),
        AnyLayer::S4d(layer) => (0, Layer::<f32>::state_len(layer)),
        AnyLayer::Tfilm(layer) => (0, Layer::<f32>::state_len(layer)),
        _ => (0, 0),
    }
}

fn limit(what: &'static str, most: usize, found: usize) -> Result<(), SpecError> {
    if found <= most { Ok(()) } else { Err(SpecError::Size { what, most, found }) }
}

fn at_most(what: &'static str, found: usize) -> Result<(), SpecError> {
    if (1..=LARGEST).contains(&found) { Ok(()) } else { Err(SpecError::Size { what, most: LARGEST, found }) }
}

fn check_layer(layer: &AnyLayer) -> Result<(), SpecError> {
    layer.sizes().into_iter().try_for_each(|(what, size)| at_most(what, size))?;
    if let AnyLayer::Skip(skip) = layer {
        check_layer(&skip.layer)?;
        let (expected, found) = (Layer::<f32>::inputs(&skip.layer), Layer::<f32>::outputs(&skip.layer));
        return if expected == found { Ok(()) } else { Err(SpecError::Skip { expected, found }) };
    }
    if let AnyLayer::WaveNet(net) = layer {
        net.all_sizes().try_for_each(|(what, size)| at_most(what, size))?;
    }
    let AnyLayer::Stack { layers } = layer else { return Ok(()) };
    layers.iter().try_for_each(check_layer)?;
    for (i, pair) in layers.windows(2).enumerate() {
        let (expected, found) = (Layer::<f32>::outputs(&pair[0]), Layer::<f32>::inputs(&pair[1]));
        if expected != found {
            return Err(SpecError::Mismatch { layer: i + 1, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::Adapter;

    fn count(name: &str, hidden: usize, controls: usize) -> usize {
        let model = ModelSpec::named(name, hidden, controls).unwrap().build().unwrap();
        Adapter::<f32>::layout(&model.adapter).count()
    }

    #[test]
    fn parameter_counts_are_the_posters() {
        assert_eq!(count("concat-gru", 32, 2), 3585);
        assert_eq!(count("concat-gru", 32, 1), 3489);
        assert_eq!(count("film-gru", 32, 2), 17217);
        assert_eq!(count("film-gru", 32, 1), 17185);
        assert_eq!(count("static-hyper-gru", 32, 2), 30369);
        assert_eq!(count("static-hyper-gru", 32, 1), 30361);
        assert_eq!(count("concat-lstm", 32, 2), 4769);
        assert_eq!(count("film-lstm", 32, 2), 22561);
        assert_eq!(count("static-hyper-lstm", 32, 2), 40449);
        // The released sizes, less a column of the map from the input: with two knobs theirs sees a mono signal twice.
        assert_eq!(count("dynamic-hyper-gru", 32, 2), 7377 - 96);
        assert_eq!(count("dynamic-hyper-lstm", 16, 2), 4497 - 64);
        // Wright's, as the slides have them.
        assert_eq!([32, 48, 64].map(|hidden| count("lstm", hidden, 0)), [4513, 9841, 17217]);
    }

    #[test]
    fn convolutional_counts_are_the_posters_but_for_what_has_no_use() {
        // Each of ten batch normalisations has two numbers a channel, which are part of the convolution here; the residual of block 0 has a bias;
        // of two knobs at three taps only the sums over the taps are learnt.
        assert_eq!(count("concat-tcn", 24, 2), 21_769 - 10 * 2 * 24 + 24 - 2 * 2 * 24);
        // The last block's residual and mix reach no output, and the biases of the other residuals are those of the mixes again; each gate has a
        // scale and a shift.
        let (unheard, again, scales) = (2 * (16 * 16 + 16), 8 * 16, 10 * 2 * 16);
        assert_eq!(count("concat-gcn", 16, 2), 19_824 - unheard - again + scales - 2 * 2 * 32);
        // The poster's networks for FiLM are three maps of 16 for the TCN and of 32 for the GCN, the last one without an activation; ours have
        // two of 32.
        let heads = |width: usize, channels: usize| 10 * 2 * channels * (width + 1);
        let map = |from: usize, to: usize| (from + 1) * to;
        let (posters, ours) = (map(2, 16) + 2 * map(16, 16) + heads(16, 24), map(2, 32) + map(32, 32) + heads(32, 24));
        // FiLM reads no knobs at the input: of `concat-tcn` three taps and the residual do, here their sums.
        assert_eq!(29_849 - posters, 21_769 - 2 * (3 + 1) * 24 - 10 * 2 * 24);
        assert_eq!(count("film-tcn", 24, 2) - ours, count("concat-tcn", 24, 2) - 2 * 2 * 24);
        let (posters, ours) = (map(2, 32) + 2 * map(32, 32) + heads(32, 16), map(2, 32) + map(32, 32) + heads(32, 16));
        assert_eq!(32_368 - posters, 19_824 - 2 * (3 * 2 + 1) * 16);
        assert_eq!(count("film-gcn", 16, 2) - ours, count("concat-gcn", 16, 2) - 2 * (2 + 1) * 16);
    }

    #[test]
    fn memories_that_are_too_large_are_refused_before_anything_is_allocated() {
        let check = |layer: AnyLayer| ModelSpec { layer, conditioning: Conditioning::Fixed, controls: 0 }.check();
        let refused = |layer: AnyLayer, named: &str| match check(layer) {
            Err(SpecError::Size { what, most, found }) => assert!(what == named && found > most, "{what}: {most} {found}"),
            other => panic!("{other:?}"),
        };
        let (frames, memory, learnt) = ("frames that an output depends on", "numbers of memory", "numbers to learn");
        refused(Conv1d::new(1, 1, 4096, 4096).into(), frames);
        refused(Conv1d::new(4096, 4096, 4096, 4096).into(), frames);
        refused(Conv1d::new(4096, 1, 1024, 1024).into(), memory);
        refused(Conv1d::new(4096, 4096, 4096, 1).into(), learnt);
        refused(Tcn { growth: 4096, ..Tcn::new(4096, 4096, 4096, 4096) }.into(), frames);
        refused(Gcn { growth: 4096, ..Gcn::new(4096, 4096, 4096, 4096, 4096) }.into(), frames);
        refused(Tcn { growth: 1, ..Tcn::new(1, 4096, 4096, 1) }.into(), memory);
        refused(Tcn { growth: 1, ..Tcn::new(1, 1024, 64, 3) }.into(), learnt);
        refused(AnyLayer::stack(vec![Conv1d::new(1, 1, 2, 4000).into(); 300]), frames);
        assert_eq!(check(Tcn::new(1, 8, 18, 3).into()), Ok(()));
        refused(Tcn::new(1, 8, 20, 3).into(), frames);
        assert_eq!(check(Conv1d::new(1, 1, 1025, 1023).into()), Ok(()));
    }

    #[test]
    fn every_name_in_the_list_makes_a_model_of_its_own() {
        let names = ModelSpec::names();
        let specs: Vec<_> = names.iter().map(|name| ModelSpec::named(name, 8, 2).unwrap()).collect();
        assert!(specs.len() == 41 && (1..41).all(|i| !specs[..i].contains(&specs[i])));
        for name in ["", "concat-", "concat-dense", "gru-", "film-film-gru", "hyper-lstm"] {
            assert_eq!(ModelSpec::named(name, 8, 2), Err(SpecError::Name { found: name.into() }));
        }
    }

    #[test]
    fn a_wavenet_of_hostile_sizes_is_refused_before_anything_is_allocated() {
        let check = |change: fn(&mut WaveNet)| {
            let mut net = WaveNet::a1(16, 8);
            change(&mut net);
            ModelSpec { layer: net.into(), conditioning: Conditioning::Fixed, controls: 0 }.check()
        };
        let size = |what, found| Err(SpecError::Size { what, most: LARGEST, found });
        assert_eq!(check(|_| ()), Ok(()));
        assert_eq!(check(|net| net.arrays.clear()), size("wavenet arrays", 0));
        assert_eq!(check(|net| net.arrays[1].layers.clear()), size("wavenet layers", 0));
        assert_eq!(check(|net| net.arrays[0].bottleneck = usize::MAX), size("wavenet bottleneck", usize::MAX));
        assert_eq!(check(|net| net.arrays[1].layers[3].dilation = 4097), size("wavenet dilation", 4097));
        let most = |result| match result {
            Err(SpecError::Size { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            most(check(|net| (net.arrays[0].layers[0].kernel, net.arrays[0].layers[0].dilation) = (4096, 4096))),
            "frames that an output depends on"
        );
        let far = |net: &mut WaveNet| {
            net.arrays[0].channels = 4096;
            net.arrays[0].layers.iter_mut().for_each(|layer| layer.dilation = 4096);
        };
        assert_eq!(most(check(far)), "numbers of memory");
        assert_eq!(most(check(|net| (net.arrays[0].channels, net.arrays[0].bottleneck) = (2048, 2048))), "numbers to learn");
    }

    #[test]
    fn layers_that_learn_too_many_numbers_are_refused() {
        let layers = vec![Gru::new(4096, 4096).into(); 30];
        let spec = ModelSpec { layer: AnyLayer::stack(layers), conditioning: Conditioning::Concat, controls: 1 };
        assert!(matches!(spec.check(), Err(SpecError::Size { what: "numbers to learn", found, .. }) if found > MOST_PARAMETERS));
    }

    #[test]
    fn knobs_without_anything_to_act_on_are_refused() {
        let head = AnyLayer::stack(vec![Dense::new(1, 8).into(), Dense::new(8, 1).into()]);
        let plain = AnyLayer::stack(vec![Gru { inputs: 1, hidden: 8, bias: false }.into(), Dense::new(8, 1).into()]);
        let hyper = |cover| Conditioning::StaticHyper { network: Network::smooth(4, 1), cover };
        for (layer, conditioning, fits) in [
            (&head, hyper(Cover::Cell), false),
            (&head, hyper(Cover::All), true),
            (&plain, Conditioning::Concat, false),
            (&plain, hyper(Cover::Cell), true),
            (&plain, Conditioning::Fixed, true),
        ] {
            let spec = ModelSpec { layer: layer.clone(), conditioning, controls: 1 };
            assert_eq!(spec.check(), if fits { Ok(()) } else { Err(SpecError::NothingToCondition) }, "{spec:?}");
        }
    }

    #[test]
    fn sizes_out_of_bounds_are_refused_before_anything_is_allocated() {
        for hidden in [0, 4097, usize::MAX] {
            assert!(matches!(ModelSpec::named("gru", hidden, 2), Err(SpecError::Size { .. })));
        }
        let error = ModelSpec::named("gruu", 8, 2).unwrap_err();
        let names = "gru, concat-gru, film-gru, static-hyper-gru, low-rank-hyper-gru, lstm, concat-lstm, film-lstm, \
                     static-hyper-lstm, low-rank-hyper-lstm, rnn, concat-rnn, film-rnn, static-hyper-rnn, \
                     low-rank-hyper-rnn, tcn, concat-tcn, film-tcn, static-hyper-tcn, low-rank-hyper-tcn, gcn, \
                     concat-gcn, film-gcn, static-hyper-gcn, low-rank-hyper-gcn, wavenet, concat-wavenet, film-wavenet, \
                     static-hyper-wavenet, low-rank-hyper-wavenet, s4d, concat-s4d, film-s4d, static-hyper-s4d, \
                     low-rank-hyper-s4d, dynamic-hyper-gru, dynamic-hyper-lstm, tfilm-tcn, tfilm-s4d, hyper-gru, grey-box";
        assert_eq!(std::format!("{error}"), format!("model: expected one of {names}, found gruu"));
        let mut spec = ModelSpec::named("gru", 8, 2).unwrap();
        spec.layer = AnyLayer::stack(vec![Gru::new(1, 8).into(), Dense::new(9, 1).into()]);
        assert_eq!(spec.check(), Err(SpecError::Mismatch { layer: 1, expected: 8, found: 9 }));
        spec.layer = AnyLayer::skip(spec.layer);
        assert_eq!(spec.check(), Err(SpecError::Mismatch { layer: 1, expected: 8, found: 9 }));
        spec.layer = AnyLayer::skip(Gru::new(1, 8).into());
        assert_eq!(spec.check(), Err(SpecError::Skip { expected: 1, found: 8 }));
    }
}
