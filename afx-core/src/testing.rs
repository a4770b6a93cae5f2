//! The promises common to all layers, adapters and processors, as tests that each joins with one line.
//!
//! Behind the feature `dev`, for a test file of yours: `cargo add --dev afx-core --features dev`, also beside the crate `afx`.
//!
//! ```
//! use afx_core::{Differentiable, Layer, Layout, Scalar, places};
//!
//! /// A number that multiplies the signal.
//! struct Gain;
//!
//! impl<T: Scalar> Layer<T> for Gain {
//!     fn inputs(&self) -> usize {
//!         1
//!     }
//!     fn outputs(&self) -> usize {
//!         1
//!     }
//!     fn layout(&self) -> Layout {
//!         Layout::new().tensor("gain", &[1])
//!     }
//!     fn params_len(&self) -> usize {
//!         let [_gain, len] = places([1]); // tensors begin at cache lines
//!         len
//!     }
//!     fn state_len(&self) -> usize {
//!         0
//!     }
//!     fn process(&self, params: &[T], _: &mut [T], x: &[T], y: &mut [T]) {
//!         for (y, x) in y.iter_mut().zip(x) {
//!             *y = params[0] * *x;
//!         }
//!     }
//! }
//!
//! impl<T: Scalar> Differentiable<T> for Gain {
//!     fn tape_len(&self, _: usize) -> usize {
//!         0
//!     }
//!     fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], _: &mut [T]) {
//!         self.process(params, state, x, y);
//!     }
//!     fn backward(&self, params: &[T], x: &[T], _: &[T], _: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
//!         for (x, dy) in x.iter().zip(dy) {
//!             dparams[0] += *x * *dy;
//!         }
//!         for (dx, dy) in dx.iter_mut().zip(dy) {
//!             *dx += params[0] * *dy;
//!         }
//!     }
//! }
//!
//! afx_core::guard_allocations!(); // once in the test file: counts allocations
//! afx_core::layer_conformance!(gain, Gain); // six tests, in a module of that name
//!
//! fn main() {
//!     // One of them by hand.
//!     afx_core::testing::layer_gradients(&Gain);
//! }
//! ```
//!
//! [`adapter_conformance!`](crate::adapter_conformance) takes a name, an adapter and a layer that it drives;
//! [`processor_conformance!`](crate::processor_conformance) a name, a processor, its channels and its controls.

use crate::{Adapter, Differentiable, Layer, Moving, Processor, Scalar};
pub use assert_no_alloc::AllocDisabler;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Installs the counting allocator that the conformance tests need; once in each test file that uses them.
#[macro_export]
macro_rules! guard_allocations {
    () => {
        #[global_allocator]
        static ALLOCATIONS: $crate::testing::AllocDisabler = $crate::testing::AllocDisabler;
    };
}

/// A module of tests for a layer that is [`Differentiable`] in `f32` and `f64`.
#[macro_export]
macro_rules! layer_conformance {
    ($name:ident, $layer:expr) => {
        mod $name {
            use super::*;
            #[test]
            fn gradients_equal_central_differences() {
                $crate::testing::layer_gradients(&$layer);
            }
            #[test]
            fn any_split_gives_the_same_bits() {
                $crate::testing::layer_splits(&$layer);
            }
            #[test]
            fn forward_gives_what_process_gives() {
                $crate::testing::layer_forward(&$layer);
            }
            #[test]
            fn single_precision_follows_double() {
                $crate::testing::layer_precision(&$layer);
            }
            #[test]
            fn gliding_plays_the_parameters_of_every_frame() {
                $crate::testing::layer_gliding(&$layer);
            }
            #[test]
            fn processing_allocates_nothing() {
                $crate::testing::layer_allocations(&$layer);
            }
        }
    };
}

/// A module of tests for an [`Adapter`] in `f32` and `f64`; the second expression is the layer that it drives.
#[macro_export]
macro_rules! adapter_conformance {
    ($name:ident, $adapter:expr, $layer:expr) => {
        mod $name {
            use super::*;
            #[test]
            fn gradients_equal_central_differences() {
                $crate::testing::adapter_gradients(&$adapter, &$layer);
            }
            #[test]
            fn rescaling_multiplies_one_tensor() {
                $crate::testing::adapter_rescale(&$adapter, &$layer);
            }
            #[test]
            fn realizing_allocates_nothing() {
                $crate::testing::adapter_allocations(&$adapter, &$layer);
            }
        }
    };
}

/// A module of tests for a [`Processor`] of `f32`.
#[macro_export]
macro_rules! processor_conformance {
    ($name:ident, $processor:expr, $channels:expr, $controls:expr) => {
        mod $name {
            use super::*;
            #[test]
            fn any_split_gives_the_same_bits_while_knobs_move() {
                $crate::testing::processor_splits(&mut $processor, $channels, $controls);
            }
            #[test]
            fn reset_restores_the_first_block() {
                $crate::testing::processor_reset(&mut $processor, $channels, $controls);
            }
            #[test]
            fn hostile_input_leaves_it_alive() {
                $crate::testing::processor_hostile(&mut $processor, $channels);
            }
            #[test]
            fn playing_and_moving_knobs_allocate_nothing() {
                $crate::testing::processor_allocations(&mut $processor, $channels, $controls);
            }
        }
    };
}

/// A small generator of test signals: the same numbers for the same seed, everywhere.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// A generator; any seed.
    pub fn new(seed: u64) -> Self {
        Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    /// Uniform in `[-1, 1)`.
    pub fn next_f64(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
    /// `count` numbers within `±amplitude`.
    pub fn take<T: Scalar>(&mut self, count: usize, amplitude: f64) -> Vec<T> {
        (0..count).map(|_| T::from_f64(amplitude * self.next_f64())).collect()
    }
}

/// Runs `body` and panics if it allocated; panics, too, where the counting allocator is not installed.
pub fn without_allocating<R>(body: impl FnOnce() -> R) -> R {
    let planted = assert_no_alloc::violation_count();
    assert_no_alloc::assert_no_alloc(|| drop(core::hint::black_box(vec![0u8; 10])));
    assert!(assert_no_alloc::violation_count() > planted, "the counting allocator is not installed: add `afx_core::guard_allocations!();`");
    let before = assert_no_alloc::violation_count();
    let result = assert_no_alloc::assert_no_alloc(body);
    assert_eq!(assert_no_alloc::violation_count() - before, 0, "allocations or releases in a real-time function");
    result
}

/// A layer with parameters, a memory that has seen some sound, and a segment to play.
struct Segment<T> {
    params: Vec<T>,
    state: Vec<T>,
    x: Vec<T>,
}

fn segment<T: Scalar>(layer: &impl Layer<T>, frames: usize, seed: u64) -> Segment<T> {
    let mut noise = Noise::new(seed);
    let layout = layer.layout();
    assert_eq!(layout.len(), layer.params_len(), "params_len is not the length of the layout");
    let mut params = vec![T::ZERO; layout.len()];
    for tensor in layout.tensors() {
        params[tensor.range()].copy_from_slice(&noise.take::<T>(tensor.len(), 0.6));
    }
    let (mut state, mut fresh) = (noise.clone().take::<T>(layer.state_len(), 1.0), vec![T::ZERO; layer.state_len()]);
    layer.reset(&params, &mut state);
    layer.reset(&params, &mut fresh);
    assert_eq!(state, fresh, "reset leaves something of the past");
    let warm: Vec<T> = noise.take(11 * layer.inputs(), 0.8);
    layer.process(&params, &mut state, &warm, &mut vec![T::ZERO; 11 * layer.outputs()]);
    Segment { params, state, x: noise.take(frames * layer.inputs(), 0.8) }
}

/// Central difference of `f` over one number.
fn difference(values: &mut [f64], index: usize, mut f: impl FnMut(&[f64]) -> f64) -> f64 {
    let (at, step) = (values[index], 1e-5);
    values[index] = at + step;
    let above = f(values);
    values[index] = at - step;
    let below = f(values);
    values[index] = at;
    (above - below) / (2.0 * step)
}

fn assert_gradient(what: &str, analytic: f64, numeric: f64) {
    // A central difference with step 1e-5 is off by about 1e-10 of the third derivative and 1e-11 of rounding.
    let tolerance = 2e-7 * (1.0 + analytic.abs().max(numeric.abs()));
    assert!((analytic - numeric).abs() < tolerance, "{what}: derivative {analytic:e}, central difference {numeric:e}");
}

/// Every parameter's and every input's derivative against central differences, for a random cotangent.
pub fn layer_gradients(layer: &impl Differentiable<f64>) {
    for (frames, seed) in [(1, 1), (5, 2), (37, 3)] {
        let Segment { mut params, state, mut x } = segment(layer, frames, seed);
        if params.len() > 4000 && frames > 5 {
            continue; // a large layer's long segment would take minutes and say nothing new
        }
        let dy: Vec<f64> = Noise::new(seed + 100).take(frames * layer.outputs(), 1.0);
        let value = |params: &[f64], x: &[f64]| {
            let (mut state, mut y) = (state.clone(), vec![0.0; dy.len()]);
            layer.process(params, &mut state, x, &mut y);
            y.iter().zip(&dy).map(|(a, b)| a * b).sum::<f64>()
        };
        let mut tape = vec![f64::NAN; layer.tape_len(frames)];
        let (mut y, mut dx, mut dparams) = (vec![0.0; dy.len()], vec![0.25; x.len()], vec![0.5; params.len()]);
        layer.forward(&params, &mut state.clone(), &x, &mut y, &mut tape);
        let copy = tape.clone();
        layer.backward(&params, &x, &y, &mut tape, &dy, &mut dx, &mut dparams);
        for tensor in layer.layout().tensors() {
            for i in tensor.range() {
                let numeric = difference(&mut params, i, |p| value(p, &x));
                assert_gradient(&format!("{}[{}]", tensor.name, i - tensor.offset), dparams[i] - 0.5, numeric);
            }
        }
        for i in 0..x.len() {
            let numeric = difference(&mut x, i, |x| value(&params, x));
            assert_gradient(&format!("x[{i}]"), dx[i] - 0.25, numeric);
        }
        let mut again = vec![0.5; params.len()];
        layer.backward(&params, &x, &y, &mut copy.clone(), &dy, &mut [], &mut again);
        assert_eq!(again, dparams, "leaving out dx changes the parameters' derivative");
    }
}

/// Two streams, each in one call, in random pieces (some of them empty), and both beside each other: the same bits.
pub fn layer_splits(layer: &impl Layer<f32>) {
    let frames = 1000;
    let Segment { params, state, x } = segment(layer, frames, 7);
    let (inputs, outputs) = (layer.inputs(), layer.outputs());
    let streams = [Noise::new(8).take(x.len(), 0.8), x];
    let silence = || [vec![0.0; frames * outputs], vec![0.0; frames * outputs]];
    let play = |[m0, m1]: [&mut [f32]; 2], [x0, x1]: [&[f32]; 2], [y0, y1]: [&mut [f32]; 2]| {
        layer.process(&params, m0, x0, y0);
        layer.process(&params, m1, x1, y1);
    };
    let mut whole = silence();
    play([&mut state.clone(), &mut state.clone()], [&streams[0], &streams[1]], whole.each_mut().map(|y| &mut y[..]));
    for seed in 0..8 {
        let (mut noise, mut y, mut memories) = (Noise::new(seed), silence(), [state.clone(), state.clone()]);
        let mut at = 0;
        while at < frames {
            let n = ((noise.next_f64().abs() * 90.0) as usize).min(frames - at);
            let memories = memories.each_mut().map(|m| &mut m[..]);
            let from = streams.each_ref().map(|x| &x[at * inputs..(at + n) * inputs]);
            let to = y.each_mut().map(|y| &mut y[at * outputs..(at + n) * outputs]);
            if seed % 2 == 0 {
                play(memories, from, to)
            } else {
                layer.process_pair(&params, memories, from, to)
            }
            at += n;
        }
        assert_eq!(whole, y, "split {seed}");
    }
}

/// `forward` gives the output and the memory of `process`, to the bit and in both precisions; a segment may be empty.
pub fn layer_forward(layer: &(impl Differentiable<f64> + Differentiable<f32>)) {
    forward_bits::<f64, _>(layer);
    forward_bits::<f32, _>(layer);
}

fn forward_bits<T: Scalar, L: Differentiable<T>>(layer: &L) {
    let Segment { params, state, x } = segment(layer, 100, 9);
    let mut tape = vec![T::ZERO; layer.tape_len(100)];
    let (mut s0, mut s1) = (state.clone(), state);
    let mut y0 = vec![T::ZERO; 100 * layer.outputs()];
    let (mut y1, mut dparams) = (y0.clone(), vec![T::ZERO; params.len()]);
    for _ in 0..2 {
        layer.process(&params, &mut s0, &x, &mut y0);
        layer.forward(&params, &mut s1, &x, &mut y1, &mut tape);
        assert_eq!(y0, y1, "output, or the memory after a segment");
        layer.forward(&params, &mut s1, &[], &mut [], &mut tape);
        layer.backward(&params, &[], &[], &mut tape, &[], &mut [], &mut dparams);
        assert!(dparams.iter().all(|d| *d == T::ZERO), "an empty segment has a derivative");
    }
}

/// Output and derivatives in `f32`, on this machine's vector instructions, against `f64` in plain arithmetic.
pub fn layer_precision(layer: &(impl Differentiable<f64> + Differentiable<f32>)) {
    let frames = 64;
    let Segment { params, state, x } = segment::<f64>(layer, frames, 11);
    let single = |v: &[f64]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let dy: Vec<f64> = Noise::new(12).take(frames * Layer::<f64>::outputs(layer), 1.0);
    let (mut y, mut dx, mut dp) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; params.len()]);
    let mut tape = vec![0.0; Differentiable::<f64>::tape_len(layer, frames)];
    layer.forward(&params, &mut state.clone(), &x, &mut y, &mut tape);
    layer.backward(&params, &x, &y, &mut tape, &dy, &mut dx, &mut dp);
    let (params, x32, dy) = (single(&params), single(&x), single(&dy));
    let (mut y32, mut dx32, mut dp32) = (vec![0.0; y.len()], vec![0.0; x.len()], vec![0.0; params.len()]);
    let mut tape = vec![0.0; Differentiable::<f32>::tape_len(layer, frames)];
    layer.forward(&params, &mut single(&state), &x32, &mut y32, &mut tape);
    layer.backward(&params, &x32, &y32, &mut tape, &dy, &mut dx32, &mut dp32);
    for (what, double, single) in [("y", &y, &y32), ("dx", &dx, &dx32), ("dparams", &dp, &dp32)] {
        let scale = double.iter().fold(1e-3, |m: f64, v| m.max(v.abs()));
        for (i, (d, s)) in double.iter().zip(single).enumerate() {
            // 64 frames of a recurrence whose activations are good to 4.5e-7.
            assert!((d - *s as f64).abs() < 3e-5 * scale, "{what}[{i}]: f64 {d}, f32 {s}");
        }
    }
}

/// While parameters move a layer that [`Layer::glides`] plays what it plays frame by frame with those of each frame: all of them moving, and
/// each tensor alone; the same bits however the line is cut into calls, and without allocating.
pub fn layer_gliding(layer: &(impl Layer<f64> + Layer<f32>)) {
    assert_eq!(Layer::<f64>::glides(layer), Layer::<f32>::glides(layer));
    if !Layer::<f64>::glides(layer) {
        return;
    }
    let (frames, passed, outputs) = (150, 9, Layer::<f64>::outputs(layer));
    let Segment { params, state, x } = segment::<f64>(layer, frames, 15);
    let inputs = x.len() / frames;
    let single = |v: &[f64]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
    let (state32, x32) = (single(&state), single(&x));
    let tensors: Vec<_> = Layer::<f64>::layout(layer).tensors().iter().map(|tensor| tensor.range()).collect();
    let whole = core::iter::once(0..params.len());
    for range in tensors.into_iter().chain(whole) {
        let mut slope = vec![0.0; params.len()];
        slope[range.clone()].copy_from_slice(&Noise::new(range.len() as u64).take::<f64>(range.len(), 0.003));
        let (mut expected, mut y, mut memory) = (vec![0.0; frames * outputs], vec![0.0; frames * outputs], state.clone());
        for t in 0..frames {
            let params: Vec<f64> = params.iter().zip(&slope).map(|(p, s)| p + (passed + t) as f64 * s).collect();
            let to = &mut expected[t * outputs..(t + 1) * outputs];
            layer.process(&params, &mut memory, &x[t * inputs..(t + 1) * inputs], to);
        }
        let moving = Moving { start: &params, slope: Some(&slope), first: passed };
        layer.process_gliding(moving, &mut state.clone(), &x, &mut y);
        let scale = expected.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        for (i, (e, y)) in expected.iter().zip(&y).enumerate() {
            assert!((e - y).abs() < 1e-11 * scale, "numbers {range:?} move: output {i} is {y}, expected {e}");
        }
        let (params, slope) = (single(&params), single(&slope));
        let moving = Moving { start: &params, slope: Some(&slope), first: passed };
        let mut y32 = vec![0.0; frames * outputs];
        let mut memory = state32.clone();
        without_allocating(|| layer.process_gliding(moving, &mut memory, &x32, &mut y32));
        for (i, (e, y)) in expected.iter().zip(&y32).enumerate() {
            assert!((e - f64::from(*y)).abs() < 3e-5 * scale, "numbers {range:?} move: output {i} is {y} in f32, expected {e}");
        }
        let (mut cut, mut memory, mut at, mut noise) = (vec![0.0; frames * outputs], state32.clone(), 0, Noise::new(16));
        while at < frames {
            let n = ((noise.next_f64().abs() * 90.0) as usize).min(frames - at);
            let to = &mut cut[at * outputs..(at + n) * outputs];
            layer.process_gliding(moving.later(at), &mut memory, &x32[at * inputs..(at + n) * inputs], to);
            at += n;
        }
        assert_eq!(y32, cut, "numbers {range:?} move, and the calls are cut");
    }
}

/// No allocation in `process`, `process_pair`, `reset`, `settle`, `forward` and `backward`.
pub fn layer_allocations(layer: &impl Differentiable<f32>) {
    let frames = 130;
    let Segment { params, mut state, x } = segment(layer, frames, 13);
    let mut other = state.clone();
    let (mut y, mut z) = (vec![0.0; frames * layer.outputs()], vec![0.0; frames * layer.outputs()]);
    let (mut dx, mut dparams) = (vec![0.0; x.len()], vec![0.0; params.len()]);
    let mut tape = vec![0.0; layer.tape_len(frames)];
    without_allocating(|| {
        layer.reset(&params, &mut state);
        layer.settle(&params, &mut state);
        layer.process(&params, &mut state, &x, &mut y);
        layer.process_pair(&params, [&mut state, &mut other], [&x, &x], [&mut y, &mut z]);
        layer.forward(&params, &mut state, &x, &mut y, &mut tape);
        layer.backward(&params, &x, &y, &mut tape, &z, &mut dx, &mut dparams);
    });
}

/// Every learnt number's and every knob's derivative against central differences, for a random cotangent.
pub fn adapter_gradients(adapter: &impl Adapter<f64>, layer: &impl Layer<f64>) {
    let (mut noise, layout) = (Noise::new(21), adapter.layout());
    let mut params = vec![0.0; layout.len()];
    for tensor in layout.tensors() {
        params[tensor.range()].copy_from_slice(&noise.take::<f64>(tensor.len(), 0.6));
    }
    let mut controls: Vec<f64> = noise.take(adapter.controls(), 0.9);
    let target = layer.layout();
    let mut dout = vec![0.0; target.len()];
    for tensor in target.tensors() {
        dout[tensor.range()].copy_from_slice(&noise.take::<f64>(tensor.len(), 1.0));
    }
    let value = |params: &[f64], controls: &[f64]| {
        let (mut scratch, mut out) = (vec![f64::NAN; adapter.scratch_len()], vec![0.0; target.len()]);
        adapter.realize(params, controls, &mut scratch, &mut out);
        out.iter().zip(&dout).map(|(a, b)| a * b).sum::<f64>()
    };
    let (mut scratch, mut out) = (vec![f64::NAN; adapter.scratch_len()], vec![f64::NAN; target.len()]);
    adapter.realize(&params, &controls, &mut scratch, &mut out);
    assert!(out.iter().all(|v| v.is_finite()), "realize leaves a parameter, or a gap between two, unwritten");
    let (mut dparams, mut dcontrols) = (vec![0.5; params.len()], vec![0.25; controls.len()]);
    adapter.realize_backward(&params, &controls, &mut scratch, &dout, &mut dparams, &mut dcontrols);
    for tensor in layout.tensors() {
        for i in tensor.range() {
            let numeric = difference(&mut params, i, |p| value(p, &controls));
            assert_gradient(&format!("{}[{}]", tensor.name, i - tensor.offset), dparams[i] - 0.5, numeric);
        }
    }
    for i in 0..controls.len() {
        let numeric = difference(&mut controls, i, |c| value(&params, c));
        assert_gradient(&format!("control {i}"), dcontrols[i] - 0.25, numeric);
    }
}

/// Rescaling a tensor multiplies exactly that tensor of the layer, at any knob position.
pub fn adapter_rescale(adapter: &impl Adapter<f64>, layer: &impl Layer<f64>) {
    let mut noise = Noise::new(23);
    let params: Vec<f64> = noise.take(adapter.layout().len(), 0.5);
    let realize = |params: &[f64], controls: &[f64]| {
        let (mut scratch, mut out) = (vec![0.0; adapter.scratch_len()], vec![0.0; layer.params_len()]);
        adapter.realize(params, controls, &mut scratch, &mut out);
        out
    };
    for tensor in layer.layout().tensors() {
        let mut scaled = params.clone();
        adapter.rescale(tensor, 3.0, &mut scaled);
        let controls: Vec<f64> = noise.take(adapter.controls(), 1.0);
        let (before, after) = (realize(&params, &controls), realize(&scaled, &controls));
        for (i, (b, a)) in before.iter().zip(&after).enumerate() {
            let expected = if tensor.range().contains(&i) { 3.0 * b } else { *b };
            assert!((a - expected).abs() < 1e-12, "{}: number {i} is {a}, expected {expected}", tensor.name);
        }
    }
}

/// No allocation in `realize` and `realize_backward`.
pub fn adapter_allocations(adapter: &impl Adapter<f32>, layer: &impl Layer<f32>) {
    let params: Vec<f32> = Noise::new(22).take(adapter.layout().len(), 0.5);
    let (controls, mut scratch) = (vec![0.3; adapter.controls()], vec![0.0; adapter.scratch_len()]);
    let (mut out, mut dparams, mut dcontrols) = (vec![0.0; layer.params_len()], vec![0.0; params.len()], vec![0.0; controls.len()]);
    without_allocating(|| {
        adapter.realize(&params, &controls, &mut scratch, &mut out);
        adapter.realize_backward(&params, &controls, &mut scratch, &out, &mut dparams, &mut dcontrols);
    });
}

/// Plays `x` (channel by channel) in blocks whose sizes `next` gives, moving the knobs at fixed frames.
fn play(p: &mut impl Processor<f32>, x: &[Vec<f32>], controls: usize, mut next: impl FnMut() -> usize) -> Vec<Vec<f32>> {
    let frames = x[0].len();
    let mut y = vec![vec![0.0; frames]; x.len()];
    let moves = [0, 100, 333, 2001];
    let mut at = 0;
    while at < frames {
        if let Some(k) = moves.iter().position(|m| *m == at) {
            p.set_controls(&Noise::new(k as u64 + 1).take::<f32>(controls, 1.0));
        }
        let until = moves.iter().find(|m| **m > at).copied().unwrap_or(frames).min(frames);
        let n = next().min(until - at);
        let input: Vec<&[f32]> = x.iter().map(|c| &c[at..at + n]).collect();
        let mut output: Vec<&mut [f32]> = y.iter_mut().map(|c| &mut c[at..at + n]).collect();
        p.process(&input, &mut output);
        at += n;
    }
    y
}

fn noise_channels(channels: usize, frames: usize) -> Vec<Vec<f32>> {
    (0..channels).map(|c| Noise::new(31 + c as u64).take(frames, 0.5)).collect()
}

/// Any cut of the input into blocks gives the same bits, while knobs move and glide.
pub fn processor_splits(p: &mut impl Processor<f32>, channels: usize, controls: usize) {
    let x = noise_channels(channels, 5000);
    p.set_controls(&vec![0.0; controls]);
    p.reset();
    let whole = play(p, &x, controls, || usize::MAX);
    for seed in 0..6 {
        let mut noise = Noise::new(seed);
        p.set_controls(&vec![0.0; controls]);
        p.reset();
        let cut = play(p, &x, controls, || (noise.next_f64().abs() * 150.0) as usize);
        assert_eq!(whole, cut, "split {seed}");
    }
}

/// After a reset the same sound gives the same bits.
pub fn processor_reset(p: &mut impl Processor<f32>, channels: usize, controls: usize) {
    let x = noise_channels(channels, 3000);
    p.set_controls(&vec![0.0; controls]);
    p.reset();
    let first = play(p, &x, controls, || 64);
    p.set_controls(&vec![0.0; controls]);
    p.reset();
    assert_eq!(first, play(p, &x, controls, || 64));
}

/// The inputs that break careless filters, by name.
pub fn hostile_signals(frames: usize) -> Vec<(String, Vec<f32>)> {
    let make = |name: &str, f: &dyn Fn(usize) -> f32| (String::from(name), (0..frames).map(f).collect());
    vec![
        make("NaN", &|_| f32::NAN),
        make("+inf", &|_| f32::INFINITY),
        make("alternating infinities", &|i| if i % 2 == 0 { f32::INFINITY } else { f32::NEG_INFINITY }),
        make("f32::MAX", &|i| if i % 3 == 0 { f32::MAX } else { f32::MIN }),
        make("subnormals", &|i| if i % 2 == 0 { 1e-40 } else { -1e-41 }),
        make("1e-30 ramp", &|i| i as f32 * 1e-30),
        make("full-scale square", &|i| if i / 50 % 2 == 0 { 1.0 } else { -1.0 }),
        make("Nyquist", &|i| if i % 2 == 0 { 1.0 } else { -1.0 }),
        make("DC", &|_| 1.0),
        make("impulse", &|i| if i == 0 { 1.0 } else { 0.0 }),
        make("silence", &|_| 0.0),
        make("decay into subnormals", &|i| (i as f32 * 0.05).sin() * (-(i as f32) / 40.0).exp()),
    ]
}

/// After each hostile signal: every output finite and no subnormal among them, and a second later the same sound as from a fresh start to -80 dB.
pub fn processor_hostile(p: &mut impl Processor<f32>, channels: usize) {
    let frames = 48_000;
    let probe: Vec<Vec<f32>> =
        (0..channels).map(|_| (0..frames).map(|i| 0.3 * ((i as f32) * 0.05).sin() * (-(i as f32) / 2e4).exp()).collect()).collect();
    p.reset();
    let clean = play_still(p, &probe);
    let peak = clean.iter().flatten().fold(0f32, |m, v| m.max(v.abs()));
    assert!(peak > 0.0, "the processor is silent on a tone: this test would see nothing");
    for (name, signal) in hostile_signals(5000) {
        p.reset();
        let y = play_still(p, &vec![signal; channels]);
        for v in y.iter().flatten() {
            assert!(v.is_finite(), "{name}: output {v}");
            assert!(*v == 0.0 || v.is_normal(), "{name}: subnormal output {v:e}");
        }
        let after = play_still(p, &probe);
        for (a, b) in clean.iter().zip(&after) {
            let late = frames / 2..frames;
            let worst = a[late.clone()].iter().zip(&b[late]).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst < 1e-4 * peak, "{name}: half a second later the output is still off by {worst:e}");
        }
    }
}

/// Plays with the knobs left alone.
fn play_still(p: &mut impl Processor<f32>, x: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut y = vec![vec![0.0; x[0].len()]; x.len()];
    let input: Vec<&[f32]> = x.iter().map(|c| &c[..]).collect();
    p.process(&input, &mut y.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
    y
}

/// No allocation in `process`, `set_controls` and `reset`.
pub fn processor_allocations(p: &mut impl Processor<f32>, channels: usize, controls: usize) {
    let x = noise_channels(channels, 777);
    let mut y = vec![vec![0.0; 777]; channels];
    let knobs = [vec![0.7; controls], vec![-1.0; controls], vec![f32::NAN; controls + 1], Vec::new()];
    let input: Vec<&[f32]> = x.iter().map(|c| &c[..]).collect();
    let mut output: Vec<&mut [f32]> = y.iter_mut().map(|c| &mut c[..]).collect();
    without_allocating(|| {
        for knobs in &knobs {
            p.set_controls(knobs);
            p.process(&input, &mut output);
            p.process(&[], &mut []);
        }
        p.reset();
        p.process(&input, &mut output);
    });
}
