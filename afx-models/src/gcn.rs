//! Gated convolutional network.

use crate::Conv1d;
use crate::conv::{BLOCK, Block, Blocks, pieces};
use afx_core::simd::{Kernel, Simd, put, take};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Role, Scalar};
use alloc::format;

/// Gated convolutional network: in each block a dilated convolution, a gate, and a residual; the output is a sum over all gates.
///
/// Of block `n`, `a = b + Σ_k W_k x[t - k growth^n]`, `z_n = s tanh(a_t) σ(a_s) + u`, and the next block's input `x' = M z_n + m + R x`; the
/// output `y = Σ_n O_n z_n`. The feed-forward WaveNet: van den Oord et al. 2016, arXiv:1609.03499; for audio effects Damskägg et al.
/// 2019, doi:10.1109/ICASSP.2019.8682805, and Comunità et al. 2023, arXiv:2211.00497.
///
/// - Of block `n`, `<n>.conv.weight`: `[kernel, inputs or channels, 2 * channels]`, the newest frame's first, `tanh` before `σ`;
///   `<n>.conv.bias`: `[2 * channels]`; `<n>.residual.weight`: `[1, inputs or channels, channels]`; `0.residual.bias`: `[channels]`, where knobs
///   beside the input act; `<n>.scale`: `[1, channels]` and `<n>.shift`: `[channels]`, which are 1 and 0 at first and what [`Film`](crate::Film)
///   acts on; `<n>.mix.weight`: `[1, channels, channels]`, `<n>.mix.bias`: `[channels]`. The last block has neither residual nor mix.
/// - `output.weight`: `[blocks * channels, outputs]`.
/// - At rest every frame is the one that comes in. Without biases silence gives silence.
/// - Real-time: `process` allocates nothing. Fastest where `channels` is 8 or a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gcn {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers in an output frame.
    pub outputs: usize,
    /// Numbers that a gate lets through, and between two blocks.
    pub channels: usize,
    /// How many blocks.
    pub blocks: usize,
    /// Frames that a convolution is a sum of.
    pub kernel: usize,
    /// How many times further apart those are in each block than in the one before; in the first they are neighbours.
    pub growth: usize,
    /// Whether the convolutions, the first residual and the mixes have a bias, and the gates a shift.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
    /// Whether each residual comes a frame late, as PyNeuralFx has it (its `causal_crop` cuts a frame too early): for models trained there.
    #[cfg_attr(feature = "serde", serde(default))]
    pub late: bool,
}

impl Gcn {
    /// A network with biases, whose kernels' frames double their distance in every block.
    pub const fn new(inputs: usize, channels: usize, blocks: usize, kernel: usize, outputs: usize) -> Self {
        Gcn { inputs, outputs, channels, blocks, kernel, growth: 2, bias: true, late: false }
    }

    /// Frames that the output depends on, the newest among them.
    pub fn receptive_field(&self) -> usize {
        self.row().receptive_field()
    }

    /// The blocks.
    pub(crate) fn row(&self) -> Blocks {
        let Gcn { inputs, channels, blocks, kernel, growth, bias, late, .. } = *self;
        Blocks { inputs, channels, gates: 2, count: blocks, kernel, growth, bias, late }
    }

    /// Numbers that are learnt; whatever the sizes are, it does not wrap.
    pub(crate) fn count(&self) -> usize {
        let last = self.blocks.saturating_sub(1);
        let mut sum = self.blocks.saturating_mul(self.output().count());
        for (n, block) in self.row().iter().enumerate() {
            sum = sum.saturating_add(block.conv.count()).saturating_add(if self.bias { 2 } else { 1 } * self.channels);
            if n < last {
                sum = sum.saturating_add(block.residual.count()).saturating_add(self.mix().count());
            }
        }
        sum
    }

    /// What mixes the gates for the next block.
    fn mix(&self) -> Conv1d {
        Conv1d { bias: self.bias, ..Conv1d::new(self.channels, self.channels, 1, 1) }
    }

    /// Numbers in the widest frame.
    fn widest(&self) -> usize {
        (2 * self.channels).max(self.outputs)
    }

    /// A block's part of the output.
    fn output(&self) -> Conv1d {
        Conv1d { bias: false, ..Conv1d::new(self.channels, self.outputs, 1, 1) }
    }

    /// Places of block `n`'s numbers behind convolution and residual, from its first.
    fn parts(&self, n: usize, block: &Block) -> Parts {
        let (last, padded) = (n + 1 == self.blocks, self.channels.next_multiple_of(ALIGN));
        let scale = if last { block.conv.stride() } else { block.stride() };
        let mix = scale + if self.bias { 2 } else { 1 } * padded;
        Parts { last, scale, shift: self.bias.then_some(scale + padded), mix, end: if last { mix } else { mix + self.mix().stride() } }
    }

    /// Where the output's weight begins.
    fn output_place(&self) -> usize {
        self.row().iter().enumerate().map(|(n, block)| self.parts(n, &block).end).sum()
    }

    /// A block's line, its `tanh` and `σ`, and what they let through, on the tape.
    fn taped(&self, block: &Block, frames: usize) -> usize {
        block.tape_line(frames) + 3 * frames * self.channels
    }
}

/// Places in a block's slice.
#[derive(Clone, Copy)]
struct Parts {
    /// Whether it has no residual and no mix.
    last: bool,
    scale: usize,
    shift: Option<usize>,
    mix: usize,
    end: usize,
}

impl Parts {
    /// Lets a frame's `gates` through to `z`; where they are kept, they become their `tanh` and `σ`.
    fn gate<T: Scalar, const KEEP: bool>(&self, params: Moving<'_, T>, channels: usize, gates: &mut [T], z: &mut [T]) {
        let (scale, shift) = (params.at(self.scale), self.shift.map(|shift| params.at(shift)));
        if params.slope.is_some() {
            T::dispatch_width(channels, Gate::<T, KEEP, true> { scale, shift, channels, gates, z });
        } else {
            T::dispatch_width(channels, Gate::<T, KEEP, false> { scale, shift, channels, gates, z });
        }
    }
}

impl<T: Scalar> Layer<T> for Gcn {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn fits(&self) -> bool {
        self.row().fit() && self.outputs > 0
    }
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for (n, block) in self.row().iter().enumerate() {
            let last = n + 1 == self.blocks;
            layout = if last { block.declare_conv(layout, n) } else { block.declare(layout, n) };
            let [scale, shift] = ["scale", "shift"].map(|name| format!("{n}.{name}"));
            layout = layout.tensor(&scale, &[1, self.channels]);
            layout = if self.bias {
                layout.tensor(&shift, &[self.channels]).affine(Role::Scale, &scale, Some(&shift))
            } else {
                layout.affine(Role::Scale, &scale, None)
            };
            if !last {
                layout = self.mix().declare(layout, &format!("{n}.mix."), Role::Mix);
            }
        }
        layout.tensor("output.weight", &[self.blocks * self.channels, self.outputs]).affine(Role::Output, "output.weight", None)
    }
    fn params_len(&self) -> usize {
        (self.output_place() + self.blocks * self.channels * self.outputs).next_multiple_of(ALIGN) + ALIGN
    }
    /// The lines, gates, what they let through, what goes from one block to the next, and what any of these moves by.
    fn state_len(&self) -> usize {
        self.row().lines_len() + (4 * self.channels + self.widest()) * BLOCK
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let channels = self.channels;
        let (lines, buffers) = state.split_at_mut(self.row().lines_len());
        let (gates, buffers) = buffers.split_at_mut(2 * BLOCK * channels);
        let (z, buffers) = buffers.split_at_mut(BLOCK * channels);
        let (between, room) = buffers.split_at_mut(BLOCK * channels);
        let mut piece = params;
        for (x, y) in pieces(x, self.inputs, y, self.outputs) {
            let frames = x.len() / self.inputs;
            let numbers = frames * channels;
            let (gates, z, between) = (&mut gates[..2 * numbers], &mut z[..numbers], &mut between[..numbers]);
            let (mut params, mut lines) = (piece, &mut *lines);
            let output = piece.at(self.output_place());
            for (n, block) in self.row().iter().enumerate() {
                let (line, parts) = (block.line(), self.parts(n, &block));
                let (memory, others) = lines.split_at_mut(line.len());
                let (ring, first) = line.push(memory, if n == 0 { x } else { between });
                block.conv.glide(params, ring, first, line.ring(), gates, false, &mut room[..2 * numbers]);
                parts.gate::<T, false>(params, channels, gates, z);
                let output = output.at(n * channels * self.outputs);
                self.output().glide(output, z, 0, 0, y, n > 0, &mut room[..y.len()]);
                if !parts.last {
                    let room = &mut room[..numbers];
                    self.mix().glide(params.at(parts.mix), z, 0, 0, between, false, room);
                    block.pass(params, ring, first, line.ring(), between, room);
                }
                (params, lines) = (params.at(parts.end), others);
            }
            piece = piece.later(frames);
        }
    }
    /// Of each line the frames since it was last asked, if those are 64 at most.
    fn flush(&self, state: &mut [T]) -> bool {
        self.row().flush(state)
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let channels = self.channels;
        let (lines, buffers) = state.split_at_mut(self.row().lines_len());
        let (gates, buffers) = buffers.split_at_mut(2 * channels);
        let (z, between) = buffers.split_at_mut(channels);
        let between = &mut between[..channels];
        let output = &params[self.output_place()..];
        let (mut params, mut lines) = (params, lines);
        for (n, block) in self.row().iter().enumerate() {
            let (line, parts) = (block.line(), self.parts(n, &block));
            let (memory, others) = lines.split_at_mut(line.len());
            line.fill(memory, if n == 0 { x } else { between });
            let ring = &memory[ALIGN..];
            block.conv.convolve(params, ring, 0, line.ring(), gates, false);
            parts.gate::<T, false>(Moving::still(params), channels, gates, z);
            self.output().convolve(&output[n * channels * self.outputs..], z, 0, 0, y, n > 0);
            if !parts.last {
                self.mix().convolve(&params[parts.mix..], z, 0, 0, between, false);
                block.pass(Moving::still(params), ring, 0, line.ring(), between, &mut []);
            }
            (params, lines) = (&params[parts.end..], others);
        }
    }
}

impl<T: Scalar> Differentiable<T> for Gcn {
    /// For each block its line, its `tanh` and `σ`, and what they let through; the cotangents of the output, behind a convolution, of what a gate
    /// lets through, and behind two blocks; a weight transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let row = self.row();
        let taped: usize = row.iter().map(|block| self.taped(&block, frames)).sum();
        let scratch = row.scratch_len().max(self.mix().scratch_len()).max(self.output().scratch_len());
        taped + (frames * self.outputs + ALIGN) + row.after_len(frames) + frames * self.channels + 2 * row.out_len(frames) + scratch
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (row, frames, channels) = (self.row(), x.len() / self.inputs, self.channels);
        let output = &params[self.output_place()..];
        let (mut params, mut lines, mut tape) = (params, state, tape);
        for (n, block) in row.iter().enumerate() {
            let (line, parts) = (block.line(), self.parts(n, &block));
            let (memory, others) = lines.split_at_mut(line.len());
            let (seen, rest) = tape.split_at_mut(block.tape_line(frames));
            let (gates, rest) = rest.split_at_mut(2 * frames * channels);
            let (z, rest) = rest.split_at_mut(frames * channels);
            line.history(memory, seen);
            let entered = block.entered(seen, frames);
            if n == 0 {
                entered.copy_from_slice(x);
            }
            line.extend(memory, entered);
            block.conv.convolve(params, seen, line.span, 0, gates, false);
            parts.gate::<T, true>(Moving::still(params), channels, gates, z);
            self.output().convolve(&output[n * channels * self.outputs..], z, 0, 0, y, n > 0);
            if !parts.last {
                let out = row.get(n + 1).entered(rest, frames);
                self.mix().convolve(&params[parts.mix..], z, 0, 0, out, false);
                block.pass(Moving::still(params), seen, line.span, 0, out, &mut []);
            }
            (params, lines, tape) = (&params[parts.end..], others, rest);
        }
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (row, frames, channels) = (self.row(), x.len() / self.inputs, self.channels);
        let numbers = frames * channels;
        let mut end = row.iter().map(|block| self.taped(&block, frames)).sum();
        let mut place = self.output_place();
        let (tape, rest) = tape.split_at_mut(end);
        let (dout, rest) = rest.split_at_mut(frames * self.outputs + ALIGN);
        let (after, rest) = rest.split_at_mut(row.after_len(frames));
        let (dz, rest) = rest.split_at_mut(numbers);
        let (mut out, rest) = rest.split_at_mut(row.out_len(frames));
        let (mut before, scratch) = rest.split_at_mut(row.out_len(frames));
        [&mut *dout, &mut *after, &mut *out, &mut *before].into_iter().for_each(|zeros| zeros.fill(T::ZERO));
        dout[..dy.len()].copy_from_slice(dy);
        let (params, output) = params.split_at(place);
        let (dparams, doutput) = dparams.split_at_mut(place);
        for (n, block) in row.iter().enumerate().rev() {
            let (first, parts) = (end - self.taped(&block, frames), self.parts(n, &block));
            let (seen, rest) = tape[first..end].split_at(block.tape_line(frames));
            let (gates, z) = rest.split_at(2 * numbers);
            place -= parts.end;
            let (params, dparams) = (&params[place..], &mut dparams[place..]);
            dz.fill(T::ZERO);
            let at = n * channels * self.outputs;
            self.output().gradient(&output[at..], z, dout, (frames, 0), scratch, dz, &mut doutput[at..]);
            if !parts.last {
                self.mix().gradient(&params[parts.mix..], z, out, (frames, 0), scratch, dz, &mut dparams[parts.mix..]);
            }
            let scale = &params[parts.scale..parts.scale + channels];
            let (dscale, dshift) = dparams[parts.scale..parts.mix].split_at_mut(channels.next_multiple_of(ALIGN));
            let dshift = parts.shift.map(|_| dshift);
            T::dispatch_width(channels, GateBackward { scale, gates, dz, dscale, dshift, dgates: &mut after[..2 * numbers] });
            let dx = if n == 0 { &mut *dx } else { &mut before[..numbers] };
            if n > 0 {
                dx.fill(T::ZERO);
            }
            block.gradient(params, seen, after, (!parts.last).then_some(&*out), frames, scratch, dx, dparams);
            core::mem::swap(&mut out, &mut before);
            end = first;
        }
    }
}

/// `z = s tanh(a) σ(b) + u` of frames of `gates`: first every `a`, then every `b`.
struct Gate<'a, T, const KEEP: bool, const MOVES: bool> {
    scale: Moving<'a, T>,
    shift: Option<Moving<'a, T>>,
    channels: usize,
    gates: &'a mut [T],
    z: &'a mut [T],
}

impl<T: Scalar, const KEEP: bool, const MOVES: bool> Kernel<T> for Gate<'_, T, KEEP, MOVES> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Gate { scale, shift, channels, .. } = self;
        for (t, (gates, z)) in self.gates.chunks_exact_mut(2 * channels).zip(self.z.chunks_exact_mut(channels)).enumerate() {
            let (a, b) = gates.split_at_mut(channels);
            let mut at = 0;
            while at < channels {
                let lanes = at..channels.min(at + S::N);
                let (tanh, sigmoid) = (s.tanh(take(s, &a[lanes.clone()])), s.sigmoid(take(s, &b[lanes.clone()])));
                let mut scales = take(s, &scale.start[lanes.clone()]);
                let mut shifts = match shift {
                    Some(shift) => take(s, &shift.start[lanes.clone()]),
                    None => s.splat(T::ZERO),
                };
                if MOVES {
                    let passed = s.splat(T::from_usize(scale.first + t));
                    if let Some(slope) = scale.slope {
                        scales = s.mul_add(passed, take(s, &slope[lanes.clone()]), scales);
                    }
                    if let Some(slope) = shift.and_then(|shift| shift.slope) {
                        shifts = s.mul_add(passed, take(s, &slope[lanes.clone()]), shifts);
                    }
                }
                let through = s.mul_add(s.mul(tanh, sigmoid), scales, shifts);
                put(s, through, &mut z[lanes.clone()]);
                if KEEP {
                    put(s, tanh, &mut a[lanes.clone()]);
                    put(s, sigmoid, &mut b[lanes]);
                }
                at += S::N;
            }
        }
    }
}

/// The derivative of [`Gate`], given what it kept: adds into `dscale` and `dshift`, writes `dgates`.
struct GateBackward<'a, T> {
    scale: &'a [T],
    gates: &'a [T],
    dz: &'a [T],
    dscale: &'a mut [T],
    dshift: Option<&'a mut [T]>,
    dgates: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for GateBackward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let (channels, one) = (self.scale.len(), s.splat(T::ONE));
        let mut at = 0;
        while at < channels {
            let lanes = at..channels.min(at + S::N);
            let scale = take(s, &self.scale[lanes.clone()]);
            let (mut dscale, mut dshift) = (s.splat(T::ZERO), s.splat(T::ZERO));
            let frames = self.gates.chunks_exact(2 * channels).zip(self.dgates.chunks_exact_mut(2 * channels));
            for ((gates, dgates), dz) in frames.zip(self.dz.chunks_exact(channels)) {
                let (a, b) = gates.split_at(channels);
                let (tanh, sigmoid, dz) = (take(s, &a[lanes.clone()]), take(s, &b[lanes.clone()]), take(s, &dz[lanes.clone()]));
                let through = s.mul(tanh, sigmoid);
                dscale = s.mul_add(dz, through, dscale);
                dshift = s.add(dshift, dz);
                let d = s.mul(dz, scale);
                let (da, db) = dgates.split_at_mut(channels);
                // (1 - tanh²) σ, and tanh σ (1 - σ).
                put(s, s.mul(d, s.sub(sigmoid, s.mul(through, tanh))), &mut da[lanes.clone()]);
                put(s, s.mul(d, s.mul(through, s.sub(one, sigmoid))), &mut db[lanes.clone()]);
            }
            let to = &mut self.dscale[lanes.clone()];
            put(s, s.add(take(s, to), dscale), to);
            if let Some(to) = &mut self.dshift {
                let to = &mut to[lanes];
                put(s, s.add(take(s, to), dshift), to);
            }
            at += S::N;
        }
    }
}
