//! A layer or an adapter chosen at run time.

use crate::{
    Concat, Conv1d, Cover, Dense, DynamicHyper, Dynamics, Film, Fir, Fixed, Gcn, Gru, Iir, LowRankHyper, Lstm, Network, Nonlinear, Rnn,
    S4d, Skip, StaticHyper, Tcn, Tfilm, WaveNet,
};
use afx_core::{Adapter, Differentiable, Layer, Layout, Moving, Scalar, Tensor};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// Frames that pass from one layer to the next at a time while playing.
const BLOCK: usize = 64;

/// One enum of layers; the choice is made once a call, not once a sample. A new layer is one more line in the list: its name, its name in a
/// file, and its sizes, if it has any.
macro_rules! any_layer {
    ($($name:ident $word:literal $($size:ident)*;)+) => {
        /// Any layer of this crate, or several in a row; what a model file describes.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(tag = "type", rename_all = "snake_case")
        )]
        #[non_exhaustive]
        pub enum AnyLayer {
            $(#[doc = concat!("A [`", stringify!($name), "`](crate::", stringify!($name), ").")] $name($name),)+
            /// A [`Skip`](crate::Skip) around a layer.
            Skip(Box<Skip<AnyLayer>>),
            /// Layers in a row: parameters concatenated under the prefixes `0.`, `1.` and so on.
            Stack {
                /// From input to output; each one's outputs are the next one's inputs.
                layers: Vec<AnyLayer>,
            },
        }
        $(impl From<$name> for AnyLayer {
            fn from(layer: $name) -> Self {
                AnyLayer::$name(layer)
            }
        })+
        impl AnyLayer {
            /// What it is called in a file: `gru`, `stack` and so on.
            pub fn name(&self) -> &'static str {
                match self {
                    $(AnyLayer::$name(_) => $word,)+
                    AnyLayer::Skip(_) => "skip",
                    AnyLayer::Stack { .. } => "stack",
                }
            }
            /// Every size by name; of a stack how many layers it has.
            #[allow(unused_variables, reason = "a layer may have no sizes")]
            pub(crate) fn sizes(&self) -> Vec<(&'static str, usize)> {
                match self {
                    $(AnyLayer::$name(l) => vec![$((concat!($word, " ", stringify!($size)), l.$size)),*],)+
                    AnyLayer::Skip(_) => Vec::new(),
                    AnyLayer::Stack { layers } => vec![("stack layers", layers.len())],
                }
            }
        }
        impl<T: Scalar> Layer<T> for AnyLayer {
            fn inputs(&self) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::inputs(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::inputs(&**l),
                    AnyLayer::Stack { layers } => layers.first().map_or(1, |l| Layer::<T>::inputs(l)),
                }
            }
            fn outputs(&self) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::outputs(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::outputs(&**l),
                    AnyLayer::Stack { layers } => layers.last().map_or(1, |l| Layer::<T>::outputs(l)),
                }
            }
            fn fits(&self) -> bool {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::fits(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::fits(&**l),
                    AnyLayer::Stack { layers } => stack::fit::<T>(layers),
                }
            }
            fn layout(&self) -> Layout {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::layout(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::layout(&**l),
                    AnyLayer::Stack { layers } => {
                        layers.iter().enumerate().fold(Layout::new(), |all, (i, l)| all.join(&format!("{i}"), &Layer::<T>::layout(l)))
                    }
                }
            }
            fn params_len(&self) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::params_len(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::params_len(&**l),
                    AnyLayer::Stack { layers } => layers.iter().map(|l| Layer::<T>::params_len(l)).sum(),
                }
            }
            fn state_len(&self) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::state_len(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::state_len(&**l),
                    AnyLayer::Stack { layers } => {
                        layers.iter().map(|l| Layer::<T>::state_len(l)).sum::<usize>() + 2 * BLOCK * stack::widest::<T>(layers)
                    }
                }
            }
            fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.initialize(uniform, params),)+
                    AnyLayer::Skip(l) => l.initialize(uniform, params),
                    AnyLayer::Stack { layers } => stack::initialize(layers, uniform, params),
                }
            }
            fn reset(&self, params: &[T], state: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.reset(params, state),)+
                    AnyLayer::Skip(l) => l.reset(params, state),
                    AnyLayer::Stack { layers } => stack::reset(layers, params, state),
                }
            }
            fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.process(params, state, x, y),)+
                    AnyLayer::Skip(l) => l.process(params, state, x, y),
                    AnyLayer::Stack { layers } => stack::process(layers, Moving::still(params), state, x, y),
                }
            }
            fn glides(&self) -> bool {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::glides(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::glides(&**l),
                    AnyLayer::Stack { layers } => layers.iter().all(Layer::<T>::glides),
                }
            }
            fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.process_gliding(params, state, x, y),)+
                    AnyLayer::Skip(l) => l.process_gliding(params, state, x, y),
                    AnyLayer::Stack { layers } => stack::process(layers, params, state, x, y),
                }
            }
            fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
                match self {
                    $(AnyLayer::$name(l) => l.process_pair(params, state, x, y),)+
                    AnyLayer::Skip(l) => l.process_pair(params, state, x, y),
                    AnyLayer::Stack { layers } => stack::process_pair(layers, params, state, x, y),
                }
            }
            fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.rest(params, state, x, y),)+
                    AnyLayer::Skip(l) => l.rest(params, state, x, y),
                    AnyLayer::Stack { layers } => stack::rest(layers, params, state, x, y),
                }
            }
            fn flush(&self, state: &mut [T]) -> bool {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::flush(l, state),)+
                    AnyLayer::Skip(l) => Layer::<T>::flush(&**l, state),
                    AnyLayer::Stack { layers } => stack::flush(layers, state),
                }
            }
            fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::feedback(l, part),)+
                    AnyLayer::Skip(l) => Layer::<T>::feedback(&**l, part),
                    AnyLayer::Stack { layers } => stack::feedback::<T>(layers, part),
                }
            }
            fn latency(&self) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Layer::<T>::latency(l),)+
                    AnyLayer::Skip(l) => Layer::<T>::latency(&**l),
                    AnyLayer::Stack { layers } => layers.iter().map(|l| Layer::<T>::latency(l)).sum(),
                }
            }
        }
        impl<T: Scalar> Differentiable<T> for AnyLayer {
            fn tape_len(&self, frames: usize) -> usize {
                match self {
                    $(AnyLayer::$name(l) => Differentiable::<T>::tape_len(l, frames),)+
                    AnyLayer::Skip(l) => Differentiable::<T>::tape_len(&**l, frames),
                    AnyLayer::Stack { layers } => stack::tape_len::<T>(layers, frames),
                }
            }
            fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.forward(params, state, x, y, tape),)+
                    AnyLayer::Skip(l) => l.forward(params, state, x, y, tape),
                    AnyLayer::Stack { layers } => stack::forward(layers, params, state, x, y, tape),
                }
            }
            fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
                match self {
                    $(AnyLayer::$name(l) => l.backward(params, x, y, tape, dy, dx, dparams),)+
                    AnyLayer::Skip(l) => l.backward(params, x, y, tape, dy, dx, dparams),
                    AnyLayer::Stack { layers } => stack::backward(layers, params, x, y, tape, dy, dx, dparams),
                }
            }
        }
    };
}

any_layer! {
    Gru "gru" inputs hidden;
    Lstm "lstm" inputs hidden;
    Rnn "rnn" inputs hidden;
    DynamicHyper "dynamic_hyper" inputs hidden hyper embedding;
    Dense "dense" inputs outputs;
    Fir "fir" taps;
    Iir "iir" sections;
    Dynamics "dynamics";
    S4d "s4d" channels states;
    Tfilm "tfilm" channels block hidden;
    Conv1d "conv1d" inputs outputs kernel dilation;
    Nonlinear "nonlinear" width;
    Tcn "tcn" inputs channels blocks kernel growth;
    Gcn "gcn" inputs outputs channels blocks kernel growth;
    WaveNet "wavenet" inputs outputs;
}

impl AnyLayer {
    /// Layers in a row.
    pub fn stack(layers: Vec<AnyLayer>) -> Self {
        AnyLayer::Stack { layers }
    }

    /// A layer with its input beside it.
    pub fn skip(layer: AnyLayer) -> Self {
        AnyLayer::Skip(Box::new(Skip { layer }))
    }
}

/// Layers in a row: like `Chain`, but of one type and any number.
mod stack {
    use super::{AnyLayer, BLOCK};
    use afx_core::{Differentiable, Layer, Moving, Scalar};
    use core::ops::Range;

    pub fn fit<T: Scalar>(layers: &[AnyLayer]) -> bool {
        let meet = |pair: &[AnyLayer]| Layer::<T>::outputs(&pair[0]) == Layer::<T>::inputs(&pair[1]);
        layers.iter().all(Layer::<T>::fits) && layers.windows(2).all(meet)
    }

    pub fn widest<T: Scalar>(layers: &[AnyLayer]) -> usize {
        layers.iter().map(|l| Layer::<T>::outputs(l)).max().unwrap_or(1)
    }

    pub fn initialize<T: Scalar>(layers: &[AnyLayer], uniform: &mut dyn FnMut() -> f64, mut params: &mut [T]) {
        for layer in layers {
            let (own, rest) = params.split_at_mut(Layer::<T>::params_len(layer));
            layer.initialize(uniform, own);
            params = rest;
        }
    }

    pub fn reset<T: Scalar>(layers: &[AnyLayer], mut params: &[T], mut state: &mut [T]) {
        for layer in layers {
            let (p, rest) = params.split_at(Layer::<T>::params_len(layer));
            let (s, memory) = state.split_at_mut(Layer::<T>::state_len(layer));
            layer.reset(p, s);
            (params, state) = (rest, memory);
        }
        state.fill(T::ZERO);
    }

    /// The buffers between the layers are written before they are read.
    pub fn flush<T: Scalar>(layers: &[AnyLayer], mut state: &mut [T]) -> bool {
        let mut finite = true;
        for layer in layers {
            let (s, memory) = state.split_at_mut(Layer::<T>::state_len(layer));
            finite &= layer.flush(s);
            state = memory;
        }
        finite
    }

    pub fn feedback<T: Scalar>(layers: &[AnyLayer], part: &mut dyn FnMut(Range<usize>)) -> bool {
        let mut at = 0;
        layers.iter().all(|layer| {
            let first = at;
            at += Layer::<T>::state_len(layer);
            Layer::<T>::feedback(layer, &mut |own| part(first + own.start..first + own.end))
        })
    }

    /// Of layers that do not glide only with parameters at rest.
    pub fn process<T: Scalar>(layers: &[AnyLayer], params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let play = |layer: &AnyLayer, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]| match params.slope {
            None => layer.process(params.start, state, x, y),
            Some(_) => layer.process_gliding(params, state, x, y),
        };
        let (Some(first), Some(last)) = (layers.first(), layers.last()) else { return y.copy_from_slice(x) };
        let (inputs, outputs) = (Layer::<T>::inputs(first), Layer::<T>::outputs(last));
        let split = state.len() - 2 * BLOCK * widest::<T>(layers);
        let (state, buffers) = state.split_at_mut(split);
        let (mut from, mut to) = buffers.split_at_mut(BLOCK * widest::<T>(layers));
        let mut piece = params;
        for (x, y) in x.chunks(BLOCK * inputs).zip(y.chunks_mut(BLOCK * outputs)) {
            let frames = x.len() / inputs;
            let (mut params, mut state) = (piece, &mut *state);
            for (i, layer) in layers.iter().enumerate() {
                let (s, memory) = state.split_at_mut(Layer::<T>::state_len(layer));
                let x = if i == 0 { x } else { &from[..frames * Layer::<T>::inputs(layer)] };
                if i + 1 == layers.len() {
                    play(layer, params, s, x, y);
                } else {
                    play(layer, params, s, x, &mut to[..frames * Layer::<T>::outputs(layer)]);
                    core::mem::swap(&mut from, &mut to);
                }
                (params, state) = (params.at(Layer::<T>::params_len(layer)), memory);
            }
            piece = piece.later(frames);
        }
    }

    pub fn process_pair<T: Scalar>(layers: &[AnyLayer], params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let ([s0, s1], [x0, x1], [y0, y1]) = (state, x, y);
        let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
            y0.copy_from_slice(x0);
            return y1.copy_from_slice(x1);
        };
        let (inputs, outputs) = (BLOCK * Layer::<T>::inputs(first), BLOCK * Layer::<T>::outputs(last));
        let room = BLOCK * widest::<T>(layers);
        let split = s0.len() - 2 * room;
        let ((s0, b0), (s1, b1)) = (s0.split_at_mut(split), s1.split_at_mut(split));
        let ((mut f0, mut t0), (mut f1, mut t1)) = (b0.split_at_mut(room), b1.split_at_mut(room));
        let blocks = x0.chunks(inputs).zip(x1.chunks(inputs)).zip(y0.chunks_mut(outputs).zip(y1.chunks_mut(outputs)));
        for ((x0, x1), (y0, y1)) in blocks {
            let frames = x0.len() * BLOCK / inputs;
            let (mut params, mut s0, mut s1) = (params, &mut *s0, &mut *s1);
            for (i, layer) in layers.iter().enumerate() {
                let (p, rest) = params.split_at(Layer::<T>::params_len(layer));
                let ((a0, m0), (a1, m1)) = (s0.split_at_mut(Layer::<T>::state_len(layer)), s1.split_at_mut(Layer::<T>::state_len(layer)));
                let n = frames * Layer::<T>::inputs(layer);
                let x = if i == 0 { [x0, x1] } else { [&f0[..n], &f1[..n]] };
                if i + 1 == layers.len() {
                    layer.process_pair(p, [a0, a1], x, [y0, y1]);
                } else {
                    let n = frames * Layer::<T>::outputs(layer);
                    layer.process_pair(p, [a0, a1], x, [&mut t0[..n], &mut t1[..n]]);
                    core::mem::swap(&mut f0, &mut t0);
                    core::mem::swap(&mut f1, &mut t1);
                }
                (params, s0, s1) = (rest, m0, m1);
            }
        }
    }

    pub fn rest<T: Scalar>(layers: &[AnyLayer], mut params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let room = BLOCK * widest::<T>(layers);
        let (mut state, buffers) = state.split_at_mut(state.len() - 2 * room);
        let (mut from, mut to) = buffers.split_at_mut(room);
        for (i, layer) in layers.iter().enumerate() {
            let (p, others) = params.split_at(Layer::<T>::params_len(layer));
            let (s, memory) = state.split_at_mut(Layer::<T>::state_len(layer));
            let x = if i == 0 { x } else { &from[..Layer::<T>::inputs(layer)] };
            if i + 1 == layers.len() {
                layer.rest(p, s, x, y);
            } else {
                layer.rest(p, s, x, &mut to[..Layer::<T>::outputs(layer)]);
                core::mem::swap(&mut from, &mut to);
            }
            (params, state) = (others, memory);
        }
    }

    /// For every layer but the last its output and that one's cotangent, and every layer's own tape.
    pub fn tape_len<T: Scalar>(layers: &[AnyLayer], frames: usize) -> usize {
        let between = layers.len().saturating_sub(1);
        let signals: usize = layers[..between].iter().map(|l| 2 * frames * Layer::<T>::outputs(l)).sum();
        signals + layers.iter().map(|l| Differentiable::<T>::tape_len(l, frames)).sum::<usize>()
    }

    pub fn forward<T: Scalar>(layers: &[AnyLayer], mut params: &[T], mut state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let Some((last, rest)) = layers.split_last() else { return y.copy_from_slice(x) };
        let frames = x.len() / Layer::<T>::inputs(&layers[0]);
        let (mut x, mut tape) = (x, tape);
        for layer in rest {
            let (p, others) = params.split_at(Layer::<T>::params_len(layer));
            let (s, memory) = state.split_at_mut(Layer::<T>::state_len(layer));
            let width = frames * Layer::<T>::outputs(layer);
            let (own, after) = tape.split_at_mut(2 * width + Differentiable::<T>::tape_len(layer, frames));
            let (signals, own) = own.split_at_mut(2 * width);
            let out = &mut signals[..width];
            layer.forward(p, s, x, out, own);
            (params, state, x, tape) = (others, memory, out, after);
        }
        let s = &mut state[..Layer::<T>::state_len(last)];
        last.forward(params, s, x, y, tape);
    }

    pub fn backward<T: Scalar>(
        layers: &[AnyLayer],
        params: &[T],
        x: &[T],
        y: &[T],
        tape: &mut [T],
        dy: &[T],
        dx: &mut [T],
        dparams: &mut [T],
    ) {
        let Some((layer, rest)) = layers.split_first() else {
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx += *dy;
            }
            return;
        };
        if rest.is_empty() {
            return layer.backward(params, x, y, tape, dy, dx, dparams);
        }
        let frames = x.len() / Layer::<T>::inputs(layer);
        let width = frames * Layer::<T>::outputs(layer);
        let (own, after) = tape.split_at_mut(2 * width + Differentiable::<T>::tape_len(layer, frames));
        let (out, own) = own.split_at_mut(width);
        let (dout, own) = own.split_at_mut(width);
        let (p, others) = params.split_at(Layer::<T>::params_len(layer));
        let (dp, dothers) = dparams.split_at_mut(Layer::<T>::params_len(layer));
        dout.fill(T::ZERO);
        backward(rest, others, out, y, after, dy, dout, dothers);
        layer.backward(p, x, out, own, dout, dx, dp);
    }
}

/// The sizes of an adapter; with a layer's layout and a number of knobs it becomes an [`AnyAdapter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Conditioning {
    /// [`Fixed`].
    Fixed,
    /// [`Concat`].
    Concat,
    /// [`Film`].
    Film {
        /// Between the knobs and the heads.
        #[cfg_attr(feature = "serde", serde(flatten))]
        network: Network,
        /// Which affine maps.
        #[cfg_attr(feature = "serde", serde(default))]
        cover: Cover,
    },
    /// [`StaticHyper`].
    StaticHyper {
        /// Between the knobs and the heads.
        #[cfg_attr(feature = "serde", serde(flatten))]
        network: Network,
        /// Which affine maps.
        #[cfg_attr(feature = "serde", serde(default))]
        cover: Cover,
    },
    /// [`LowRankHyper`].
    LowRankHyper {
        /// Between the knobs and the heads.
        #[cfg_attr(feature = "serde", serde(flatten))]
        network: Network,
        /// Directions in which each weight moves.
        rank: usize,
        /// Which affine maps.
        #[cfg_attr(feature = "serde", serde(default))]
        cover: Cover,
    },
}

impl Conditioning {
    /// The adapter for a layer of that layout and `controls` knobs.
    pub fn adapter(&self, target: &Layout, controls: usize) -> AnyAdapter {
        match *self {
            Conditioning::Fixed => AnyAdapter::Fixed(Fixed::new(target, controls)),
            Conditioning::Concat => AnyAdapter::Concat(Concat::new(target, controls)),
            Conditioning::Film { network, cover } => AnyAdapter::Film(Film::covering(target, controls, network, cover)),
            Conditioning::StaticHyper { network, cover } => {
                AnyAdapter::StaticHyper(StaticHyper::covering(target, controls, network, cover))
            }
            Conditioning::LowRankHyper { network, rank, cover } => {
                AnyAdapter::LowRankHyper(LowRankHyper::covering(target, controls, network, rank, cover))
            }
        }
    }
}

/// One enum of adapters. A new adapter is one more name in the list and one more [`Conditioning`].
macro_rules! any_adapter {
    ($($name:ident),+) => {
        /// Any adapter of this crate.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AnyAdapter {
            $(#[doc = concat!("A [`", stringify!($name), "`](crate::", stringify!($name), ").")] $name($name),)+
        }
        impl<T: Scalar> Adapter<T> for AnyAdapter {
            fn controls(&self) -> usize {
                match self { $(AnyAdapter::$name(a) => Adapter::<T>::controls(a),)+ }
            }
            fn layout(&self) -> Layout {
                match self { $(AnyAdapter::$name(a) => Adapter::<T>::layout(a),)+ }
            }
            fn layer_len(&self) -> usize {
                match self { $(AnyAdapter::$name(a) => Adapter::<T>::layer_len(a),)+ }
            }
            fn initialize(&self, layer: &[T], uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
                match self { $(AnyAdapter::$name(a) => a.initialize(layer, uniform, params),)+ }
            }
            fn rescale(&self, tensor: &Tensor, factor: T, params: &mut [T]) {
                match self { $(AnyAdapter::$name(a) => a.rescale(tensor, factor, params),)+ }
            }
            fn scratch_len(&self) -> usize {
                match self { $(AnyAdapter::$name(a) => Adapter::<T>::scratch_len(a),)+ }
            }
            fn realize(&self, params: &[T], controls: &[T], scratch: &mut [T], out: &mut [T]) {
                match self { $(AnyAdapter::$name(a) => a.realize(params, controls, scratch, out),)+ }
            }
            fn realize_backward(&self, params: &[T], controls: &[T], scratch: &mut [T], dout: &[T], dparams: &mut [T], dcontrols: &mut [T]) {
                match self { $(AnyAdapter::$name(a) => a.realize_backward(params, controls, scratch, dout, dparams, dcontrols),)+ }
            }
        }
    };
}

any_adapter!(Fixed, Concat, Film, StaticHyper, LowRankHyper);
