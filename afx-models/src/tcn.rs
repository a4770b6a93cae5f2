//! Temporal convolutional network.

use crate::conv::{BLOCK, Block, Blocks, pieces};
use afx_core::simd::{Kernel, Simd};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Scalar};

/// Slope of the activation below zero.
const SLOPE: f64 = 0.2;

/// Temporal convolutional network: in each block a dilated convolution, a leaky rectifier, and a residual.
///
/// Block `n` is `y[t] = f(b + Σ_k W_k x[t - k growth^n]) + R x[t]` with `f(v) = v`, or `0.2 v` where negative; the output is the last block's,
/// and a [`Dense`](crate::Dense) head behind it makes a signal of that. Bai, Kolter and Koltun 2018, arXiv:1803.01271; for audio effects
/// Steinmetz and Reiss 2022, arXiv:2102.06200. PyNeuralFx has a batch normalisation behind each convolution: what that is at rest is part of
/// `W` and `b` here, and training goes without.
///
/// - Of block `n`, `<n>.conv.weight`: `[kernel, inputs or channels, channels]`, the newest frame's first; `<n>.conv.bias`: `[channels]`;
///   `<n>.residual.weight`: `[1, inputs or channels, channels]`; `0.residual.bias`: `[channels]`, where knobs beside the input act.
/// - At rest every frame is the one that comes in. Without biases silence gives silence.
/// - Real-time: `process` allocates nothing. Fastest where `channels` is 8 or a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tcn {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers in an output frame, and between two blocks.
    pub channels: usize,
    /// How many blocks.
    pub blocks: usize,
    /// Frames that a convolution is a sum of.
    pub kernel: usize,
    /// How many times further apart those are in each block than in the one before; in the first they are neighbours.
    pub growth: usize,
    /// Whether the convolutions and the first residual have a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
    /// Whether each residual comes a frame late, as PyNeuralFx has it (its `causal_crop` cuts a frame too early): for models trained there.
    #[cfg_attr(feature = "serde", serde(default))]
    pub late: bool,
}

impl Tcn {
    /// A network with biases, whose kernels' frames double their distance in every block.
    pub const fn new(inputs: usize, channels: usize, blocks: usize, kernel: usize) -> Self {
        Tcn { inputs, channels, blocks, kernel, growth: 2, bias: true, late: false }
    }

    /// Frames that the output depends on, the newest among them.
    pub fn receptive_field(&self) -> usize {
        self.row().receptive_field()
    }

    /// The blocks.
    pub(crate) fn row(&self) -> Blocks {
        let Tcn { inputs, channels, blocks, kernel, growth, bias, late } = *self;
        Blocks { inputs, channels, gates: 1, count: blocks, kernel, growth, bias, late }
    }

    /// Numbers that are learnt; whatever the sizes are, it does not wrap.
    pub(crate) fn count(&self) -> usize {
        self.row().iter().fold(0, |sum, block| sum.saturating_add(block.conv.count()).saturating_add(block.residual.count()))
    }

    /// A block's line and what came out of its activation, on the tape.
    fn taped(&self, block: &Block, frames: usize) -> usize {
        block.tape_line(frames) + frames * self.channels
    }
}

impl<T: Scalar> Layer<T> for Tcn {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.channels
    }
    fn fits(&self) -> bool {
        self.row().fit()
    }
    fn layout(&self) -> Layout {
        self.row().iter().enumerate().fold(Layout::new(), |layout, (n, block)| block.declare(layout, n))
    }
    fn params_len(&self) -> usize {
        self.row().iter().map(|block| block.stride()).sum::<usize>() + ALIGN
    }
    /// The lines, what goes from one block to the next, and what that moves by.
    fn state_len(&self) -> usize {
        self.row().lines_len() + 2 * BLOCK * self.channels
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let (lines, buffers) = state.split_at_mut(self.row().lines_len());
        let (between, room) = buffers.split_at_mut(BLOCK * self.channels);
        let mut piece = params;
        for (x, y) in pieces(x, self.inputs, y, self.channels) {
            let (between, room) = (&mut between[..y.len()], &mut room[..y.len()]);
            let (mut params, mut lines) = (piece, &mut *lines);
            for (n, block) in self.row().iter().enumerate() {
                let line = block.line();
                let (memory, others) = lines.split_at_mut(line.len());
                let (ring, first) = line.push(memory, if n == 0 { x } else { between });
                let out = if n + 1 == self.blocks { &mut *y } else { &mut *between };
                block.conv.glide(params, ring, first, line.ring(), out, false, room);
                T::dispatch_width(self.channels, Leaky(out));
                block.pass(params, ring, first, line.ring(), out, room);
                (params, lines) = (params.at(block.stride()), others);
            }
            piece = piece.later(x.len() / self.inputs);
        }
    }
    /// Of each line the frames since it was last asked, if those are 64 at most.
    fn flush(&self, state: &mut [T]) -> bool {
        self.row().flush(state)
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let (lines, between) = state.split_at_mut(self.row().lines_len());
        let between = &mut between[..self.channels];
        let (mut params, mut lines) = (params, lines);
        for (n, block) in self.row().iter().enumerate() {
            let line = block.line();
            let (memory, others) = lines.split_at_mut(line.len());
            line.fill(memory, if n == 0 { x } else { between });
            let ring = &memory[ALIGN..];
            block.conv.convolve(params, ring, 0, line.ring(), between, false);
            T::dispatch_width(self.channels, Leaky(between));
            block.pass(Moving::still(params), ring, 0, line.ring(), between, &mut []);
            (params, lines) = (&params[block.stride()..], others);
        }
        y.copy_from_slice(between);
    }
}

impl<T: Scalar> Differentiable<T> for Tcn {
    /// For each block its line and what came out of its activation; the cotangents behind a convolution, and behind two blocks; a weight
    /// transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let row = self.row();
        let taped: usize = row.iter().map(|block| self.taped(&block, frames)).sum();
        taped + row.after_len(frames) + 2 * row.out_len(frames) + row.scratch_len()
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (row, frames) = (self.row(), x.len() / self.inputs);
        let (mut params, mut lines, mut tape) = (params, state, tape);
        for (n, block) in row.iter().enumerate() {
            let line = block.line();
            let (memory, others) = lines.split_at_mut(line.len());
            let (seen, rest) = tape.split_at_mut(block.tape_line(frames));
            let (active, rest) = rest.split_at_mut(frames * self.channels);
            line.history(memory, seen);
            let entered = block.entered(seen, frames);
            if n == 0 {
                entered.copy_from_slice(x);
            }
            line.extend(memory, entered);
            block.conv.convolve(params, seen, line.span, 0, active, false);
            T::dispatch_width(self.channels, Leaky(active));
            let out = if n + 1 == self.blocks { &mut *y } else { row.get(n + 1).entered(rest, frames) };
            out.copy_from_slice(active);
            block.pass(Moving::still(params), seen, line.span, 0, out, &mut []);
            (params, lines, tape) = (&params[block.stride()..], others, rest);
        }
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (row, frames) = (self.row(), x.len() / self.inputs);
        let numbers = frames * self.channels;
        let mut end = row.iter().map(|block| self.taped(&block, frames)).sum();
        let mut place = Layer::<T>::params_len(self) - ALIGN;
        let (tape, rest) = tape.split_at_mut(end);
        let (after, rest) = rest.split_at_mut(row.after_len(frames));
        let (mut out, rest) = rest.split_at_mut(row.out_len(frames));
        let (mut before, scratch) = rest.split_at_mut(row.out_len(frames));
        [&mut *after, &mut *out, &mut *before].into_iter().for_each(|zeros| zeros.fill(T::ZERO));
        out[..numbers].copy_from_slice(dy);
        for (n, block) in row.iter().enumerate().rev() {
            let first = end - self.taped(&block, frames);
            let (seen, active) = tape[first..end].split_at(block.tape_line(frames));
            T::dispatch_width(self.channels, LeakyBackward(active, &out[..numbers], &mut after[..numbers]));
            place -= block.stride();
            let dx = if n == 0 { &mut *dx } else { &mut before[..numbers] };
            if n > 0 {
                dx.fill(T::ZERO);
            }
            block.gradient(&params[place..], seen, after, Some(out), frames, scratch, dx, &mut dparams[place..]);
            core::mem::swap(&mut out, &mut before);
            end = first;
        }
    }
}

/// The activation, in place.
struct Leaky<'a, T>(&'a mut [T]);

impl<T: Scalar> Kernel<T> for Leaky<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        let slope = T::from_f64(SLOPE);
        for v in self.0 {
            *v = if *v < T::ZERO { slope * *v } else { *v };
        }
    }
}

/// The cotangent before the activation, the last one, from what it returned and the cotangent of that.
struct LeakyBackward<'a, T>(&'a [T], &'a [T], &'a mut [T]);

impl<T: Scalar> Kernel<T> for LeakyBackward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        let slope = T::from_f64(SLOPE);
        for ((v, d), to) in self.0.iter().zip(self.1).zip(self.2) {
            *to = if *v < T::ZERO { slope * *d } else { *d };
        }
    }
}
