//! Long short-term memory.

use crate::cell::{Backward, Cell, Maps, Play, forward, tape_len};
use afx_core::kernels::flush;
use afx_core::simd::Simd;
use afx_core::{Differentiable, Layer, Layout, Scalar, play_until_still};
use core::ops::Range;

/// Long short-term memory.
///
/// `i = σ(a_i + b_i)`, `f = σ(a_f + b_f)`, `g = tanh(a_g + b_g)`, `o = σ(a_o + b_o)`, `c' = f c + i g`, `h' = o tanh(c')` with
/// `a = W_ih x + b_ih`, `b = W_hh h + b_hh`. Hochreiter and Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers,
/// Schmidhuber and Cummins 2000, as in `torch.nn.LSTM`. The output is `h'`.
///
/// - `w_ih`: `[inputs, 4 * hidden]`, `w_hh`: `[hidden, 4 * hidden]`, gate order i, f, g, o; `b_ih`, `b_hh`: `[4 * hidden]`.
/// - Without biases, silence in and a memory of zeros give silence out.
/// - Real-time: `process` allocates nothing. Fastest where `hidden` is 8, 16 or 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Lstm {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Units: numbers in an output frame, and half the numbers of memory.
    pub hidden: usize,
    /// Whether the two affine maps have a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

impl Lstm {
    /// A cell with biases.
    pub const fn new(inputs: usize, hidden: usize) -> Self {
        Lstm { inputs, hidden, bias: true }
    }

    /// `h` and `c` in a memory, `hidden` numbers each.
    pub fn memory<'s, T>(&self, state: &'s [T]) -> [&'s [T]; 2] {
        [&state[..self.hidden], &state[self.maps().padded()..][..self.hidden]]
    }
}

/// Frames played with a hurried memory.
const HURRIED: usize = 512;
/// How much longer a unit's step gets in a frame while it goes on in one direction.
const GAIN: f64 = 1.05;
/// The most that a unit's step is multiplied by.
const PACE: f64 = 1e5;
/// Where `tanh(c)` is as good as 1: a unit on its way beyond goes its own pace, lest it takes long to come back.
const FAR: f64 = 8.0;
/// Times that the hurried cell is played until it is still.
const PLAYED: usize = 8;

impl Lstm {
    /// Plays on, and takes each unit's step several times, more and more while the unit goes on in one direction. Where it turns, it has
    /// arrived, or others hold it: from there on it goes its own pace.
    fn hurry<T: Scalar>(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let [gain, most, far] = [GAIN, PACE, FAR].map(T::from_f64);
        let padded = self.maps().padded();
        let (memory, own) = state.split_at_mut(2 * padded);
        // A pace has the sign of the direction; zero has turned.
        let (before, paces) = own.split_at_mut(padded);
        for frame in 0..HURRIED {
            before.copy_from_slice(&memory[padded..]);
            self.process(params, memory, x, y);
            for ((c, before), pace) in memory[padded..].iter_mut().zip(&*before).zip(&mut *paces) {
                let step = *c - *before;
                let sign = if step < T::ZERO { -T::ONE } else { T::ONE };
                if frame == 0 {
                    *pace = sign;
                } else if step * *pace <= T::ZERO {
                    *pace = T::ZERO;
                } else if pace.abs() < most {
                    *pace = gain * *pace;
                }
                let hurried = *before + pace.abs() * step;
                if *pace != T::ZERO && c.abs() < far {
                    *c = if hurried.abs() < far { hurried } else { sign * far };
                }
            }
        }
        own.fill(T::ZERO);
    }
}

/// Rows of the tape: the gates i, f, g and o, `tanh(c')` and `c'`.
impl Cell<4, 6> for Lstm {
    const CARRIES: bool = true;
    fn maps(&self) -> Maps {
        Maps { inputs: self.inputs, hidden: self.hidden, gates: 4, bias: self.bias }
    }
    #[inline(always)]
    fn step<S: Simd>(s: S, [i, f, g, o]: [S::V; 4], c: S::V) -> ([S::V; 6], S::V, S::V) {
        let (i, f, g) = (s.sigmoid(i), s.sigmoid(f), s.tanh(g));
        let c = s.mul_add(f, c, s.mul(i, g));
        let (o, out) = (s.sigmoid(o), s.tanh(c));
        ([i, f, g, o, out, c], c, s.mul(o, out))
    }
    #[inline(always)]
    fn cotangents<S: Simd>(s: S, [i, f, g, o, out, _]: [S::V; 6], c: S::V, dh: S::V, dc: S::V) -> ([S::V; 4], S::V) {
        let one = s.splat(S::T::ONE);
        let dc = s.mul_add(s.mul(dh, o), s.sub(one, s.mul(out, out)), dc);
        let di = s.mul(s.mul(dc, g), s.mul(i, s.sub(one, i)));
        let df = s.mul(s.mul(dc, c), s.mul(f, s.sub(one, f)));
        let dg = s.mul(s.mul(dc, i), s.sub(one, s.mul(g, g)));
        let do_ = s.mul(s.mul(dh, out), s.mul(o, s.sub(one, o)));
        ([di, df, dg, do_], s.mul(dc, f))
    }
    /// Four gates of units that fill no vector are worth the longer vectors, unlike three.
    #[inline(never)]
    fn play_single(job: Play<'_, Self, f32, 4, 6>) {
        if job.cell.hidden > 8 {
            f32::dispatch(job);
        } else {
            f32::dispatch_width(job.cell.hidden, job);
        }
    }
    #[inline(never)]
    fn backward_single(job: Backward<'_, Self, f32, 4, 6>) {
        f32::dispatch_width(job.cell.hidden, job);
    }
}

impl<T: Scalar> Layer<T> for Lstm {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.hidden
    }
    fn layout(&self) -> Layout {
        self.maps().layout()
    }
    fn params_len(&self) -> usize {
        self.maps().places()[4]
    }
    /// Uniform within `±1 / sqrt(hidden)`, weights and biases, as PyTorch does.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.maps().initialize(uniform, params);
    }
    /// `h` and `c`, and two numbers of every `c` while the cell is brought to rest.
    fn state_len(&self) -> usize {
        4 * self.maps().padded()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let memory = &mut state[..2 * self.maps().padded()];
        Play { cell: *self, params, memory, x, y, rows: &mut [] }.run();
    }
    /// `h` and `c`.
    fn flush(&self, state: &mut [T]) -> bool {
        flush(&mut state[..2 * self.maps().padded()])
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..2 * self.maps().padded());
        true
    }
    /// Plays until nothing moves, hurries every `c` on, and plays again, for up to 65,536 frames. A forget gate near 1 decides how slowly `c`
    /// gets to rest, not where that is: a unit that nothing holds arrives, though it keeps its memory for seconds. A cell that goes round in
    /// slow circles, or whose units hold one another for longer than that, is left where playing leads.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        play_until_still(self, params, state, x, y);
        self.hurry(params, state, x, y);
        for _ in 0..PLAYED {
            play_until_still(self, params, state, x, y);
        }
    }
}

impl<T: Scalar> Differentiable<T> for Lstm {
    fn tape_len(&self, frames: usize) -> usize {
        tape_len(self, frames)
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        forward(self, params, state, x, y, tape);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        Backward::new(self, params, x, y, tape, dy, dx, dparams).run();
    }
}
