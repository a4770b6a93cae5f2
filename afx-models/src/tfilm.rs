//! Temporal feature-wise modulation.

use crate::{Dense, Lstm};
use afx_core::kernels::{add_scaled, flush};
use afx_core::simd::{Kernel, Simd, put, take};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Role, Scalar};

/// Temporal feature-wise linear modulation: a slow recurrent cell hears how loud each channel has been, and scales and shifts the channels.
///
/// Of every block of frames `p = max_t x[t]`, `h' = lstm(p, h)`, `m' = W h'`, and in the block behind it `y = (1 + s + b_s) x + (u + b_u)`, where `s`
/// and `u` go in a straight line from the halves of `m` to those of `m'`. So a row of convolutions hears beyond its receptive field, as a
/// compressor or a fuzz does. Birnbaum, Kuleshov, Enam, Koh and Ermon 2019, arXiv:1909.06628; for audio effects Comunità, Steinmetz, Phan and
/// Reiss 2023, arXiv:2211.00497.
///
/// - `lstm.w_ih`, `lstm.w_hh`, `lstm.b_ih`, `lstm.b_hh`: those of an [`Lstm`] of `channels` inputs; knobs act on `lstm.b_ih`. `modulation.weight`:
///   `[hidden, 2 * channels]`, `modulation.bias`: `[2 * channels]`, scales before shifts.
/// - The published ones modulate the block that they have heard, which a player does not know yet, in steps, which are heard; and the cell's
///   `2 * channels` or `channels` units are themselves the modulation. With fewer units than channels it is NablAFx' tiny one.
/// - At first nothing is shifted, and a scale is near 1. Without biases silence gives silence.
/// - Real-time: `process` allocates nothing. The cell's step is taken in the last frame of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tfilm {
    /// Numbers in an input frame, and in an output frame.
    pub channels: usize,
    /// Frames that the cell hears as one.
    pub block: usize,
    /// Units of the cell.
    pub hidden: usize,
    /// Whether the cell and the modulation have biases.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

/// The least that the cell hears, and the negative of the most: what is no number, or infinite, it does not hear at all.
const LEAST: f64 = -1e30;

/// The memory: how many frames of the block have passed; the greatest number of each channel in them; the modulation at both ends of the block; the
/// cell's memory and its output; and the parameters, where they move.
struct Memory<'s, T> {
    passed: &'s mut T,
    peak: &'s mut [T],
    from: &'s mut [T],
    to: &'s mut [T],
    cell: &'s mut [T],
    heard: &'s mut [T],
    params: &'s mut [T],
}

impl Tfilm {
    /// A modulation with biases, by as many units as channels.
    pub const fn new(channels: usize, block: usize) -> Self {
        Tfilm { channels, block, hidden: channels, bias: true }
    }

    fn lstm(&self) -> Lstm {
        Lstm { inputs: self.channels, hidden: self.hidden, bias: self.bias }
    }

    /// From the cell's output to what is added to scales and shifts.
    fn modulation(&self) -> Dense {
        Dense { inputs: self.hidden, outputs: 2 * self.channels, bias: false }
    }

    /// Places of the modulation's weight and bias, and the length of the slice.
    fn places(&self) -> [usize; 3] {
        let weight = Layer::<f32>::params_len(&self.lstm()) - ALIGN;
        let bias = weight + Layer::<f32>::params_len(&self.modulation()) - ALIGN;
        let biases = if self.bias { 2 * self.channels } else { 0 };
        [weight, bias, bias + biases.next_multiple_of(ALIGN) + ALIGN]
    }

    /// Length of what lasts from call to call.
    fn lasting(&self) -> usize {
        ALIGN + 3 * self.wide() + Layer::<f32>::state_len(&self.lstm())
    }

    /// Numbers of a modulation, padded.
    fn wide(&self) -> usize {
        (2 * self.channels).next_multiple_of(ALIGN)
    }

    fn memory<'s, T: Scalar>(&self, state: &'s mut [T]) -> Memory<'s, T> {
        let (passed, rest) = state.split_at_mut(ALIGN);
        let (peak, rest) = rest.split_at_mut(self.wide());
        let (from, rest) = rest.split_at_mut(self.wide());
        let (to, rest) = rest.split_at_mut(self.wide());
        let (cell, rest) = rest.split_at_mut(Layer::<T>::state_len(&self.lstm()));
        let (heard, params) = rest.split_at_mut(self.hidden.next_multiple_of(ALIGN));
        let ([from, to], peak) = ([from, to].map(|row| &mut row[..2 * self.channels]), &mut peak[..self.channels]);
        Memory { passed: &mut passed[0], peak, from, to, cell, heard: &mut heard[..self.hidden], params }
    }

    /// Frames of the block that have passed. A memory that is not ours to trust may hold anything.
    fn passed<T: Scalar>(&self, memory: &Memory<'_, T>) -> usize {
        memory.passed.to_f64() as usize % self.block
    }

    /// The biases, if there are any, of parameters that may move.
    fn biases<'p, T: Scalar>(&self, params: Moving<'p, T>) -> Option<Moving<'p, T>> {
        self.bias.then(|| params.at(self.places()[1]))
    }

    /// Blocks that may end among so many frames.
    fn ends(&self, frames: usize) -> usize {
        frames.div_ceil(self.block)
    }

    /// The tape of `frames` frames.
    fn tape<'t, T: Scalar>(&self, tape: &'t mut [T], frames: usize) -> Tape<'t, T> {
        let (ends, wide) = (self.ends(frames), 2 * self.channels);
        let (passed, rest) = tape.split_at_mut(ALIGN);
        let (rows, rest) = rest.split_at_mut((ends + 2) * wide);
        let (drows, rest) = rest.split_at_mut((ends + 2) * wide);
        let (peaks, rest) = rest.split_at_mut(ends * self.channels);
        let (dpeaks, rest) = rest.split_at_mut(ends * self.channels);
        let (heard, rest) = rest.split_at_mut(ends * self.hidden);
        let (dheard, cell) = rest.split_at_mut(ends * self.hidden);
        Tape { passed: &mut passed[0], rows, drows, peaks, dpeaks, heard, dheard, cell }
    }
}

/// Of a segment: frames of its first block that had passed before it; the modulation at the ends of every block; for every block that ends in it the
/// greatest of each channel and what the cell made of that; cotangents of the three; the cell's tape.
struct Tape<'t, T> {
    passed: &'t mut T,
    rows: &'t mut [T],
    drows: &'t mut [T],
    peaks: &'t mut [T],
    dpeaks: &'t mut [T],
    heard: &'t mut [T],
    dheard: &'t mut [T],
    cell: &'t mut [T],
}

/// The parts of so many frames that lie in one block each: how many frames have passed in the block, and from where to where the part goes.
fn parts(block: usize, passed: usize, frames: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let before = (passed + at) % block;
        let part = (before, at, frames.min(at + block - before));
        at = part.2;
        (part.1 < frames).then_some(part)
    })
}

impl<T: Scalar> Layer<T> for Tfilm {
    fn inputs(&self) -> usize {
        self.channels
    }
    fn outputs(&self) -> usize {
        self.channels
    }
    fn fits(&self) -> bool {
        self.channels > 0 && self.block > 0 && self.hidden > 0
    }
    fn layout(&self) -> Layout {
        let (gates, bias) = (4 * self.hidden, self.bias);
        let mut layout = Layout::new().tensor("lstm.w_ih", &[self.channels, gates]).tensor("lstm.w_hh", &[self.hidden, gates]);
        if bias {
            layout = layout.tensor("lstm.b_ih", &[gates]).tensor("lstm.b_hh", &[gates]);
        }
        layout = layout.tensor("modulation.weight", &[self.hidden, 2 * self.channels]);
        if bias {
            layout = layout.tensor("modulation.bias", &[2 * self.channels]);
        }
        let if_any = |name| bias.then_some(name);
        layout.affine(Role::Control, "lstm.w_ih", if_any("lstm.b_ih")).affine(Role::Recurrent, "lstm.w_hh", if_any("lstm.b_hh")).affine(
            Role::Mix,
            "modulation.weight",
            if_any("modulation.bias"),
        )
    }
    fn params_len(&self) -> usize {
        self.places()[2]
    }
    /// The cell as an [`Lstm`], what it does to the channels within `±0.1 / sqrt(hidden)`, and biases of zero behind it.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params.fill(T::ZERO);
        self.lstm().initialize(uniform, params);
        let ([weight, ..], bound) = (self.places(), 0.1 / (self.hidden as f64).sqrt());
        params[weight..][..2 * self.hidden * self.channels].fill_with(|| T::from_f64(bound * uniform()));
    }
    fn state_len(&self) -> usize {
        self.lasting() + self.hidden.next_multiple_of(ALIGN) + Layer::<T>::params_len(self)
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let Tfilm { channels, block, .. } = *self;
        let [weight, ..] = self.places();
        let memory = self.memory(state);
        for (passed, first, end) in parts(block, self.passed(&memory), x.len() / channels) {
            let (x, y) = (&x[first * channels..end * channels], &mut y[first * channels..end * channels]);
            if passed == 0 {
                memory.peak.fill(T::from_f64(LEAST));
            }
            T::dispatch_width(channels, Pool { channels, x, peak: memory.peak });
            let line = Line::new(self, passed, memory.from, memory.to, self.biases(params.later(first)));
            T::dispatch_width(channels, Modulate { line, x, y });
            let passed = passed + end - first;
            *memory.passed = T::from_usize(passed % block);
            if passed == block {
                let params = match params.slope {
                    None => params.start,
                    Some(slope) => {
                        let (frames, len) = (T::from_usize(params.first + end - 1), memory.params.len());
                        memory.params.copy_from_slice(&params.start[..len]);
                        add_scaled(memory.params, frames, &slope[..len]);
                        &*memory.params
                    }
                };
                self.lstm().process(params, memory.cell, memory.peak, memory.heard);
                memory.from.copy_from_slice(memory.to);
                self.modulation().process(&params[weight..], &mut [], memory.heard, memory.to);
            }
        }
    }
    /// What lasts from call to call.
    fn flush(&self, state: &mut [T]) -> bool {
        flush(&mut state[..self.lasting()])
    }
    /// As [`Lstm`].
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let ([weight, ..], memory) = (self.places(), self.memory(state));
        self.lstm().rest(params, memory.cell, x, memory.heard);
        self.modulation().process(&params[weight..], &mut [], memory.heard, memory.to);
        memory.from.copy_from_slice(memory.to);
        *memory.passed = T::ZERO;
        let line = Line::new(self, 0, memory.from, memory.to, self.biases(Moving::still(params)));
        T::dispatch_width(self.channels, Modulate { line, x, y });
    }
}

impl<T: Scalar> Differentiable<T> for Tfilm {
    fn tape_len(&self, frames: usize) -> usize {
        let ends = self.ends(frames);
        let modulations = 2 * (ends + 2) * 2 * self.channels;
        ALIGN + modulations + 2 * ends * (self.channels + self.hidden) + Differentiable::<T>::tape_len(&self.lstm(), ends)
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let Tfilm { channels, block, hidden, .. } = *self;
        let ([weight, ..], frames, wide) = (self.places(), x.len() / channels, 2 * channels);
        let (memory, tape) = (self.memory(state), self.tape(tape, frames));
        let before = self.passed(&memory);
        *tape.passed = T::from_usize(before);
        let mut ends = 0;
        for (passed, first, end) in parts(block, before, frames) {
            if passed == 0 {
                memory.peak.fill(T::from_f64(LEAST));
            }
            T::dispatch_width(channels, Pool { channels, x: &x[first * channels..end * channels], peak: memory.peak });
            if passed + end - first == block {
                tape.peaks[ends * channels..][..channels].copy_from_slice(memory.peak);
                ends += 1;
            }
        }
        tape.rows[..wide].copy_from_slice(memory.from);
        tape.rows[wide..2 * wide].copy_from_slice(memory.to);
        if ends > 0 {
            let (peaks, heard) = (&tape.peaks[..ends * channels], &mut tape.heard[..ends * hidden]);
            self.lstm().forward(params, memory.cell, peaks, heard, tape.cell);
            self.modulation().process(&params[weight..], &mut [], heard, &mut tape.rows[2 * wide..][..ends * wide]);
        }
        for (n, (passed, first, end)) in parts(block, before, frames).enumerate() {
            let (from, to) = tape.rows[n * wide..][..2 * wide].split_at(wide);
            let line = Line::new(self, passed, from, to, self.biases(Moving::still(params)));
            let (x, y) = (&x[first * channels..end * channels], &mut y[first * channels..end * channels]);
            T::dispatch_width(channels, Modulate { line, x, y });
        }
        *memory.passed = T::from_usize((before + frames) % block);
        let (from, to) = tape.rows[ends * wide..][..2 * wide].split_at(wide);
        memory.from.copy_from_slice(from);
        memory.to.copy_from_slice(to);
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let Tfilm { channels, block, hidden, bias } = *self;
        let ([weight, biases, _], frames, wide) = (self.places(), x.len() / channels, 2 * channels);
        let Tape { passed, rows, drows, peaks, dpeaks, heard, dheard, cell } = self.tape(tape, frames);
        let before = passed.to_f64() as usize;
        let ends = (before + frames) / block;
        [&mut *drows, &mut *dpeaks, &mut *dheard].into_iter().for_each(|zeros| zeros.fill(T::ZERO));
        let dbias = if bias { &mut dparams[biases..biases + wide] } else { &mut [] };
        for (n, (passed, first, end)) in parts(block, before, frames).enumerate() {
            let (from, to) = rows[n * wide..][..2 * wide].split_at(wide);
            let line = Line::new(self, passed, from, to, self.biases(Moving::still(params)));
            let (dfrom, dto) = drows[n * wide..][..2 * wide].split_at_mut(wide);
            let (x, dy) = (&x[first * channels..end * channels], &dy[first * channels..end * channels]);
            let dbias = &mut *dbias;
            let dx = if dx.is_empty() { &mut [] } else { &mut dx[first * channels..end * channels] };
            T::dispatch_width(channels, ModulateBackward { line, x, dy, dx, dfrom, dto, dbias });
        }
        if ends == 0 {
            return;
        }
        let (peaks, dpeaks) = (&peaks[..ends * channels], &mut dpeaks[..ends * channels]);
        let (heard, dheard) = (&heard[..ends * hidden], &mut dheard[..ends * hidden]);
        let drows = &drows[2 * wide..][..ends * wide];
        self.modulation().backward(&params[weight..], heard, &[], &mut [], drows, dheard, &mut dparams[weight..]);
        self.lstm().backward(params, peaks, heard, cell, dheard, dpeaks, dparams);
        if dx.is_empty() {
            return;
        }
        // To the first frame of the block that was as great; it may have come before the segment.
        let whole = parts(block, before, frames).take(ends);
        for ((_, first, end), (peaks, dpeaks)) in whole.zip(peaks.chunks_exact(channels).zip(dpeaks.chunks_exact(channels))) {
            for (channel, (peak, dpeak)) in peaks.iter().zip(dpeaks).enumerate() {
                if let Some(t) = (first..end).find(|t| x[t * channels + channel] == *peak) {
                    dx[t * channels + channel] += *dpeak;
                }
            }
        }
    }
}

/// The greatest number of each channel, with those before.
struct Pool<'a, T> {
    channels: usize,
    x: &'a [T],
    peak: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Pool<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let most = s.splat(T::from_f64(-LEAST));
        for at in (0..self.channels).step_by(S::N) {
            let lanes = at..self.channels.min(at + S::N);
            let mut peak = take(s, &self.peak[lanes.clone()]);
            for x in self.x.chunks_exact(self.channels) {
                let x = take(s, &x[lanes.clone()]);
                peak = s.select(x, peak, s.select(x, most, peak, x), peak);
            }
            put(s, peak, &mut self.peak[lanes]);
        }
    }
}

/// A modulation on its way from one end of a block to the other.
#[derive(Clone, Copy)]
struct Line<'a, T> {
    channels: usize,
    /// One frame's part of the way.
    step: T,
    /// Frames of the block that have passed.
    passed: usize,
    from: &'a [T],
    to: &'a [T],
    biases: Option<Moving<'a, T>>,
}

/// Scales or shifts of a vector of channels: at the start of a block, what they grow by in a frame, and what their biases do.
#[derive(Clone, Copy)]
struct Course<V> {
    start: V,
    slope: V,
    bias: V,
    moves: V,
}

impl<'a, T: Scalar> Line<'a, T> {
    fn new(layer: &Tfilm, passed: usize, from: &'a [T], to: &'a [T], biases: Option<Moving<'a, T>>) -> Self {
        Line { channels: layer.channels, step: T::ONE / T::from_usize(layer.block), passed, from, to, biases }
    }

    /// Of the numbers from `at` on: scales below `channels`, shifts from there on.
    #[inline(always)]
    fn course<S: Simd<T = T>>(&self, s: S, at: usize, width: usize) -> Course<S::V> {
        let (start, end) = (take(s, &self.from[at..at + width]), take(s, &self.to[at..at + width]));
        let (mut bias, mut moves) = (s.splat(if at < self.channels { T::ONE } else { T::ZERO }), s.splat(T::ZERO));
        if let Some(biases) = self.biases {
            bias = s.add(bias, take(s, &biases.start[at..at + width]));
            if let Some(slope) = biases.slope {
                moves = take(s, &slope[at..at + width]);
            }
        }
        Course { start, slope: s.mul(s.sub(end, start), s.splat(self.step)), bias, moves }
    }

    /// In frame `t` of the part. What moves adds nothing at rest, so that the bits are the same.
    #[inline(always)]
    fn at<S: Simd<T = T>>(&self, s: S, course: Course<S::V>, t: usize) -> S::V {
        let first = match self.biases {
            Some(biases) => biases.first,
            None => 0,
        };
        let bias = s.mul_add(s.splat(T::from_usize(first + t)), course.moves, course.bias);
        s.add(s.mul_add(s.splat(T::from_usize(self.passed + t + 1)), course.slope, course.start), bias)
    }
}

/// Frames of one block, scaled and shifted.
struct Modulate<'a, T> {
    line: Line<'a, T>,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Modulate<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let (line, channels) = (self.line, self.line.channels);
        for at in (0..channels).step_by(S::N) {
            let width = S::N.min(channels - at);
            let (scale, shift) = (line.course(s, at, width), line.course(s, channels + at, width));
            for (t, (x, y)) in self.x.chunks_exact(channels).zip(self.y.chunks_exact_mut(channels)).enumerate() {
                let out = s.mul_add(take(s, &x[at..at + width]), line.at(s, scale, t), line.at(s, shift, t));
                put(s, out, &mut y[at..at + width]);
            }
        }
    }
}

/// The cotangents of what [`Modulate`] reads.
struct ModulateBackward<'a, T> {
    line: Line<'a, T>,
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dfrom: &'a mut [T],
    dto: &'a mut [T],
    /// Empty without biases.
    dbias: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for ModulateBackward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Self { line, x, dy, dx, dfrom, dto, dbias } = self;
        let channels = line.channels;
        for at in (0..channels).step_by(S::N) {
            let width = S::N.min(channels - at);
            let course = line.course(s, at, width);
            let mut sums = [s.splat(T::ZERO); 2];
            let mut ends = [s.splat(T::ZERO); 2];
            for (t, (x, dy)) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)).enumerate() {
                let (x, dy) = (take(s, &x[at..at + width]), take(s, &dy[at..at + width]));
                let weight = s.splat(T::from_usize(line.passed + t + 1) * line.step);
                let dscale = s.mul(x, dy);
                sums[0] = s.add(sums[0], dscale);
                sums[1] = s.add(sums[1], dy);
                ends[0] = s.mul_add(weight, dscale, ends[0]);
                ends[1] = s.mul_add(weight, dy, ends[1]);
                if !dx.is_empty() {
                    let to = &mut dx[t * channels + at..][..width];
                    put(s, s.mul_add(line.at(s, course, t), dy, take(s, to)), to);
                }
            }
            for half in 0..2 {
                let lanes = half * channels + at..half * channels + at + width;
                let to = &mut dto[lanes.clone()];
                put(s, s.add(take(s, to), ends[half]), to);
                let to = &mut dfrom[lanes.clone()];
                put(s, s.add(take(s, to), s.sub(sums[half], ends[half])), to);
                if !dbias.is_empty() {
                    let to = &mut dbias[lanes];
                    put(s, s.add(take(s, to), sums[half]), to);
                }
            }
        }
    }
}
