//! A layer at a sample rate that it was not trained for.

use afx_core::{ALIGN, Layer, Layout, Moving, Scalar, kernels};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// A layer that plays at another sample rate than that of its training, without latency: its memory is read after as much time, not after as many
/// frames.
///
/// At `M` times the rate a frame meets the memory of `M` frames before. Of a whole `M` that is any layer played `M` times in turn, each with a
/// memory of its own; of any other, the memory of a recurrence is interpolated between frames by a Lagrange polynomial, and below the layer's rate
/// extrapolated. Parameters, and so whatever knobs write them, are the layer's own. Chowdhury 2020 (RTNeural); Carson, Wright, Chowdhury,
/// Välimäki and Bilbao, DAFx 2024 (arXiv:2406.06293); Carson, Wright and Bilbao, ICASSP 2025 (arXiv:2409.15884).
///
/// How near that comes, measured on 18 published LSTMs of 40 units for guitar pedals and amplifiers at 44.1 kHz, by the ratio of the output at
/// their own rate, resampled, to the error, each with the best order with which it comes to rest: 49 dB in the middle and 25 at worst at 48 kHz; 41
/// and 25 dB at 1.45 and 1.84 times the rate; 72 and 26 dB at 88.2 and 96 kHz, where what is left is the aliases of the lower rate; 37 and 23 dB
/// at 40.5 kHz, as it is from 48 to 44.1. At 48 kHz third order leaves 38 dB in the middle, a line, first order, 24 dB, and ignoring the rate 6.
/// Below 0.9 times the rate nothing good comes of it. [`afx_dsp::Resampled`] is 110 dB good at any rate, and 1.7 ms late.
///
/// What a layer does is the same up to half its own sample rate; above, its response goes on as its mirror image. At two and more times the rate a
/// model aliases less, which is a reason to play it there between an upsampler and a downsampler: of a sine of 1249 Hz those LSTMs have their
/// aliases at -80 dB in the middle and -30 dB at worst, at twice the rate -112 and -62 dB, at four times below -108 dB.
///
/// - Time: of a frame at a whole `M` as much as at the layer's rate; at any other the layer plays frame by frame, which takes twice as much for a
///   GRU of 32 units and four times for one of 8.
/// - Real-time: `process` allocates nothing.
/// - A memory that holds its value does so at every rate. Another layer that is stable at its own rate need not be where its memory is extrapolated,
///   or interpolated by a high order: one of those 18 is not at 48 kHz with the fourth and fifth, and not at 40.5 with the first to third.
#[derive(Clone, Debug, PartialEq)]
pub struct StateDelay<L> {
    layer: L,
    delay: Delay,
}

/// How long ago the memory was that a frame meets.
#[derive(Clone, Debug, PartialEq)]
enum Delay {
    /// So many frames.
    Whole(usize),
    Between(Between),
}

/// Between frames: parts of the layer's memory, and weights of what they were `first` frames ago, the frame before, and so on.
#[derive(Clone, Debug, PartialEq)]
struct Between {
    /// Host frames in a frame of the layer.
    ratio: f64,
    first: usize,
    weights: Vec<f64>,
    parts: Vec<Range<usize>>,
}

/// Why a [`StateDelay`] cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateDelayError {
    /// A sample rate is zero, or they lie too far apart.
    Rates {
        /// That of the layer.
        layer_hz: u32,
        /// That of the host.
        host_hz: u32,
    },
    /// The polynomial's order is zero, or so high that a memory which holds its value would not.
    Order {
        /// The highest order at these rates.
        most: usize,
        /// The order.
        found: usize,
    },
    /// The rates have no whole ratio, and the layer's memory is no recurrence that could be read between two frames.
    Memory,
}

impl fmt::Display for StateDelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateDelayError::Rates { layer_hz, host_hz } => {
                write!(f, "host_hz: expected {LOWEST} to {HIGHEST} times the {layer_hz} Hz of the layer, found {host_hz} Hz")
            }
            StateDelayError::Order { most, found } => write!(f, "order: expected 1 to {most}, found {found}"),
            StateDelayError::Memory => write!(
                f,
                "layer: expected cells, recursive filters and what has no memory, for rates without a whole ratio; found a line of past frames"
            ),
        }
    }
}

impl core::error::Error for StateDelayError {}

/// The lowest rate in units of the layer's.
const LOWEST: f64 = 0.9;
/// The highest.
const HIGHEST: u32 = 64;
/// The highest order of a polynomial.
const ORDERS: usize = 5;
/// Frames that a layer plays at a time.
const BLOCK: usize = 64;

impl<L> StateDelay<L> {
    /// `layer`, trained at `layer_hz`, for a host at `host_hz`: with a polynomial of fourth order below the layer's rate, of third above, but of
    /// second from one and a half times to twice that.
    ///
    /// # Errors
    /// When a rate is zero, the host's is less than 0.9 times the layer's or more than 64 times; or when their ratio is no whole number and
    /// the layer's memory is a line of past frames, as that of a convolution or of a [`Fir`](crate::Fir).
    pub fn new<T: Scalar>(layer: L, layer_hz: u32, host_hz: u32) -> Result<Self, StateDelayError>
    where
        L: Layer<T>,
    {
        let ratio = f64::from(host_hz) / f64::from(layer_hz.max(1));
        Self::with_order(layer, layer_hz, host_hz, if host_hz < layer_hz { 4 } else { most(ratio).min(3) })
    }

    /// With a polynomial of that order, 1 to 5, where the ratio of the rates is no whole number.
    ///
    /// # Errors
    /// As [`StateDelay::new`], and when the order is zero or above 5, or so high for the ratio that a memory which holds its value would grow: from
    /// 1.15 times the layer's rate on 4 is the highest, from 1.27 on 3, from 1.5 to 2 times 2, and between 2.57 and 3 times 4.
    pub fn with_order<T: Scalar>(layer: L, layer_hz: u32, host_hz: u32, order: usize) -> Result<Self, StateDelayError>
    where
        L: Layer<T>,
    {
        let ratio = f64::from(host_hz) / f64::from(layer_hz);
        if layer_hz == 0 || !(LOWEST..=f64::from(HIGHEST)).contains(&ratio) {
            return Err(StateDelayError::Rates { layer_hz, host_hz });
        }
        if !(1..=most(ratio)).contains(&order) {
            return Err(StateDelayError::Order { most: most(ratio), found: order });
        }
        if host_hz.is_multiple_of(layer_hz) {
            return Ok(StateDelay { layer, delay: Delay::Whole((host_hz / layer_hz) as usize) });
        }
        let mut parts = Vec::new();
        if !layer.feedback(&mut |part| parts.push(part)) {
            return Err(StateDelayError::Memory);
        }
        let weights = (0..=order).map(|k| weight(ratio, order, k)).collect();
        Ok(StateDelay { layer, delay: Delay::Between(Between { ratio, first: first(ratio, order), weights, parts }) })
    }
}

/// Frames ago of the first point of a polynomial: they lie around the ratio, as far as the frame before.
fn first(ratio: f64, order: usize) -> usize {
    (ratio as usize).saturating_sub((order - 1) / 2).max(1)
}

/// What the polynomial makes of point `k`: Lagrange's.
fn weight(ratio: f64, order: usize, k: usize) -> f64 {
    let others = (0..=order).filter(|j| *j != k);
    others.map(|j| (ratio - (first(ratio, order) + j) as f64) / (k as f64 - j as f64)).product()
}

/// The highest order with which a memory that holds its value goes on to do so: nowhere but at rest does what comes round have a part of one or
/// more in phase, so that no frequency grows (Nyquist's criterion). The first order always does.
fn most(ratio: f64) -> usize {
    let holds = |order: &usize| {
        (1..=1024).all(|step| {
            // The cosine of a frequency, and those of its multiples by Chebyshev's recurrence.
            let cosine = 1.0 - 2.0 * f64::from(step) / 1024.0;
            let (mut before, mut now, mut in_phase) = (1.0, cosine, 0.0);
            for ago in 1..first(ratio, *order) + order + 1 {
                if ago >= first(ratio, *order) {
                    in_phase += now * weight(ratio, *order, ago - first(ratio, *order));
                }
                (before, now) = (now, 2.0 * cosine * now - before);
            }
            in_phase < 1.0 + 1e-9
        })
    };
    (2..=ORDERS).take_while(holds).last().unwrap_or(1)
}

impl Between {
    /// Frames that are remembered.
    fn slots(&self) -> usize {
        self.first + self.weights.len() - 1
    }

    /// Numbers of a frame of memory.
    fn width(&self) -> usize {
        self.parts.iter().map(Range::len).sum()
    }

    /// What the frame at `place` meets, into the layer's memory.
    fn recall<T: Scalar>(&self, line: &[T], place: usize, memory: &mut [T]) {
        let (slots, width) = (self.slots(), self.width());
        let mut at = 0;
        for part in &self.parts {
            let memory = &mut memory[part.clone()];
            memory.fill(T::ZERO);
            for (k, weight) in self.weights.iter().enumerate() {
                let slot = (place + slots - self.first - k) % slots;
                kernels::add_scaled(memory, T::from_f64(*weight), &line[slot * width + at..][..part.len()]);
            }
            at += part.len();
        }
    }

    /// What the frame leaves, into a slot.
    fn store<T: Scalar>(&self, slot: &mut [T], memory: &[T]) {
        let mut at = 0;
        for part in &self.parts {
            slot[at..at + part.len()].copy_from_slice(&memory[part.clone()]);
            at += part.len();
        }
    }
}

/// The place where the next frame goes, or whose turn it is, and what follows it. A memory that is not ours to trust may hold anything.
fn split<T: Scalar>(state: &mut [T], places: usize) -> (usize, &mut [T], &mut [T]) {
    let (place, rest) = state.split_at_mut(ALIGN);
    (place[0].to_f64() as usize % places, place, rest)
}

impl<L> StateDelay<L> {
    /// Length of the layer's memory, with room up to the next one.
    fn memory<T: Scalar>(&self) -> usize
    where
        L: Layer<T>,
    {
        self.layer.state_len().next_multiple_of(ALIGN)
    }

    /// Frames one after the other while parameters move, each by the memory whose turn it is.
    fn one_by_one<T: Scalar>(&self, turns: usize, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T])
    where
        L: Layer<T>,
    {
        let (mut turn, place, memories) = split(state, turns);
        let frames = x.chunks_exact(self.layer.inputs()).zip(y.chunks_exact_mut(self.layer.outputs()));
        for (t, (x, y)) in frames.enumerate() {
            let memory = &mut memories[turn * self.memory::<T>()..][..self.layer.state_len()];
            self.layer.process_gliding(params.later(t), memory, x, y);
            turn = if turn + 1 == turns { 0 } else { turn + 1 };
        }
        place[0] = T::from_usize(turn);
    }

    /// Blocks of frames: those of one memory are gathered, and two memories play at a time.
    fn in_turn<T: Scalar>(&self, turns: usize, params: &[T], state: &mut [T], x: &[T], y: &mut [T])
    where
        L: Layer<T>,
    {
        let (inputs, outputs, memory) = (self.layer.inputs(), self.layer.outputs(), self.memory::<T>());
        let (first, place, rest) = split(state, turns);
        let (memories, room) = rest.split_at_mut(turns * memory);
        let most = BLOCK.div_ceil(turns);
        let (xs, ys) = room.split_at_mut(2 * most * inputs);
        let ([x0, x1], [y0, y1]) = (halves(xs, most * inputs), halves(ys, most * outputs));
        let mut turn = first;
        for (x, y) in x.chunks(BLOCK * inputs).zip(y.chunks_mut(BLOCK * outputs)) {
            let frames = x.len() / inputs;
            let mut j = 0;
            while j < turns.min(frames) {
                let own = (turn + j) % turns;
                let count = |j: usize| (frames - j).div_ceil(turns);
                let n = count(j);
                let (x0, x1, y0, y1) = (&mut x0[..n * inputs], &mut x1[..n * inputs], &mut y0[..n * outputs], &mut y1[..n * outputs]);
                let (m0, m1) = memories[own * memory..].split_at_mut(memory);
                let m0 = &mut m0[..self.layer.state_len()];
                gather(x, inputs, j, turns, x0);
                // Two neighbours in memory that have as many frames to play.
                let pair = own + 1 < turns && j + 1 < turns.min(frames) && count(j + 1) == n;
                if pair {
                    let m1 = &mut m1[..self.layer.state_len()];
                    gather(x, inputs, j + 1, turns, x1);
                    self.layer.process_pair(params, [m0, m1], [&*x0, &*x1], [&mut *y0, &mut *y1]);
                    scatter(y1, outputs, j + 1, turns, y);
                } else {
                    self.layer.process(params, m0, x0, y0);
                }
                scatter(y0, outputs, j, turns, y);
                j += if pair { 2 } else { 1 };
            }
            turn = (turn + frames) % turns;
        }
        place[0] = T::from_usize(turn);
    }

    /// Frames one after the other, each with the memory of some time ago.
    fn between<T: Scalar>(&self, between: &Between, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T])
    where
        L: Layer<T>,
    {
        let (slots, width) = (between.slots(), between.width());
        let (mut at, place, rest) = split(state, slots);
        let (memory, line) = rest.split_at_mut(self.memory::<T>());
        let memory = &mut memory[..self.layer.state_len()];
        let frames = x.chunks_exact(self.layer.inputs()).zip(y.chunks_exact_mut(self.layer.outputs()));
        for (t, (x, y)) in frames.enumerate() {
            between.recall(line, at, memory);
            match params.slope {
                Some(_) => self.layer.process_gliding(params.later(t), memory, x, y),
                None => self.layer.process(params.start, memory, x, y),
            }
            between.store(&mut line[at * width..][..width], memory);
            at = if at + 1 == slots { 0 } else { at + 1 };
        }
        place[0] = T::from_usize(at);
    }

    /// What the layer's memory is, every memory becomes.
    fn spread<T: Scalar>(&self, state: &mut [T], settle: impl FnOnce(&mut [T]))
    where
        L: Layer<T>,
    {
        let memory = self.memory::<T>();
        let (place, rest) = state.split_at_mut(ALIGN);
        place.fill(T::ZERO);
        settle(&mut rest[..self.layer.state_len()]);
        match &self.delay {
            Delay::Whole(turns) => (1..*turns).for_each(|turn| rest.copy_within(..memory, turn * memory)),
            Delay::Between(between) => {
                let (memory, line) = rest.split_at_mut(memory);
                line[..between.slots() * between.width()]
                    .chunks_exact_mut(between.width().max(1))
                    .for_each(|slot| between.store(slot, memory));
            }
        }
    }
}

/// Two pieces of that length.
fn halves<T>(room: &mut [T], len: usize) -> [&mut [T]; 2] {
    let (a, b) = room.split_at_mut(len);
    [a, &mut b[..len]]
}

/// Every `step`th frame of `x` from frame `first` on.
fn gather<T: Scalar>(x: &[T], width: usize, first: usize, step: usize, to: &mut [T]) {
    for (to, x) in to.chunks_exact_mut(width).zip(x.chunks_exact(width).skip(first).step_by(step)) {
        to.copy_from_slice(x);
    }
}

/// Into every `step`th frame of `y` from frame `first` on.
fn scatter<T: Scalar>(from: &[T], width: usize, first: usize, step: usize, y: &mut [T]) {
    for (y, from) in y.chunks_exact_mut(width).skip(first).step_by(step).zip(from.chunks_exact(width)) {
        y.copy_from_slice(from);
    }
}

impl<T: Scalar, L: Layer<T>> Layer<T> for StateDelay<L> {
    fn inputs(&self) -> usize {
        self.layer.inputs()
    }
    fn outputs(&self) -> usize {
        self.layer.outputs()
    }
    fn fits(&self) -> bool {
        self.layer.fits()
    }
    fn layout(&self) -> Layout {
        self.layer.layout()
    }
    fn params_len(&self) -> usize {
        self.layer.params_len()
    }
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        self.layer.initialize(uniform, params);
    }
    /// Whose turn it is, then every memory, and room for two of them to play a block; or the place in the line of memories, the layer's, and the
    /// line.
    fn state_len(&self) -> usize {
        let memory = self.memory::<T>();
        ALIGN
            + match &self.delay {
                Delay::Whole(turns) => turns * memory + 2 * BLOCK.div_ceil(*turns) * (self.layer.inputs() + self.layer.outputs()),
                Delay::Between(between) => memory + between.slots() * between.width(),
            }
    }
    fn reset(&self, params: &[T], state: &mut [T]) {
        state.fill(T::ZERO);
        self.spread(state, |memory| self.layer.reset(params, memory));
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        match &self.delay {
            Delay::Whole(1) => self.layer.process(params, &mut state[ALIGN..][..self.layer.state_len()], x, y),
            Delay::Whole(turns) => self.in_turn(*turns, params, state, x, y),
            Delay::Between(between) => self.between(between, Moving::still(params), state, x, y),
        }
    }
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let ([s0, s1], [y0, y1]) = (state, y);
        if let Delay::Whole(1) = self.delay {
            let len = self.layer.state_len();
            self.layer.process_pair(params, [&mut s0[ALIGN..][..len], &mut s1[ALIGN..][..len]], x, [y0, y1]);
        } else {
            self.process(params, s0, x[0], y0);
            self.process(params, s1, x[1], y1);
        }
    }
    fn glides(&self) -> bool {
        self.layer.glides()
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        match &self.delay {
            Delay::Whole(1) => self.layer.process_gliding(params, &mut state[ALIGN..][..self.layer.state_len()], x, y),
            Delay::Whole(turns) => self.one_by_one(*turns, params, state, x, y),
            Delay::Between(between) => self.between(between, params, state, x, y),
        }
    }
    /// Every memory; the room is written before it is read.
    fn flush(&self, state: &mut [T]) -> bool {
        let memory = self.memory::<T>();
        match &self.delay {
            Delay::Whole(turns) => {
                let mut finite = true;
                for memory in state[ALIGN..][..turns * memory].chunks_exact_mut(memory.max(1)) {
                    finite &= self.layer.flush(&mut memory[..self.layer.state_len()]);
                }
                finite
            }
            Delay::Between(_) => {
                let (memory, line) = state[ALIGN..].split_at_mut(memory);
                let own = self.layer.flush(&mut memory[..self.layer.state_len()]);
                kernels::flush(line) && own
            }
        }
    }
    /// The layer's, in the host's frames.
    fn latency(&self) -> usize {
        match &self.delay {
            Delay::Whole(turns) => turns * self.layer.latency(),
            Delay::Between(between) => (between.ratio * self.layer.latency() as f64 + 0.5) as usize,
        }
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.spread(state, |memory| self.layer.rest(params, memory, x, y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Fir, Gru, Lstm, Tcn};
    use afx_core::Chain;
    use alloc::string::ToString;
    use alloc::vec;

    fn noise(count: usize) -> Vec<f64> {
        let mut seed = 7u32;
        let mut draw = || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            f64::from(seed) / 2f64.powi(31) - 1.0
        };
        (0..count).map(|_| draw()).collect()
    }

    fn params(layer: &impl Layer<f64>) -> Vec<f64> {
        let mut numbers = noise(10_000).into_iter();
        let mut params = vec![0.0; layer.params_len()];
        layer.initialize(&mut || numbers.next().expect("enough of them"), &mut params);
        params
    }

    fn play(layer: &impl Layer<f64>, params: &[f64], x: &[f64]) -> Vec<f64> {
        let (mut state, mut y) = (vec![f64::NAN; layer.state_len()], vec![0.0; x.len()]);
        layer.reset(params, &mut state);
        layer.process(params, &mut state, x, &mut y);
        y
    }

    #[test]
    fn at_three_times_the_rate_every_third_frame_is_the_layers_own() {
        fn check(layer: impl Layer<f64> + Clone) {
            let (params, x) = (params(&layer), noise(300));
            let y = play(&StateDelay::new::<f64>(layer.clone(), 16_000, 48_000).expect("a whole ratio"), &params, &x);
            for turn in 0..3 {
                let third = |signal: &[f64]| signal.iter().skip(turn).step_by(3).copied().collect::<Vec<_>>();
                assert_eq!(third(&y), play(&layer, &params, &third(&x)));
            }
        }
        check(Chain(Gru::new(1, 8), Dense::new(8, 1)));
        check(Chain(Lstm::new(1, 3), Dense::new(3, 1)));
        check(Chain(Tcn::new(1, 4, 3, 3), Dense::new(4, 1)));
        check(Fir { taps: 20 });
    }

    /// A slow signal through a cell is the same at every rate, where the host's frames of a cell of the host's own rate are not.
    #[test]
    fn a_slow_signal_sounds_alike_at_any_rate() {
        let layer = Chain(Gru::new(1, 8), Dense::new(8, 1));
        let params = params(&layer);
        let sine = |hz: f64| (0..hz as usize / 4).map(|n| (2.0 * core::f64::consts::PI * 437.0 * n as f64 / hz).sin()).collect::<Vec<_>>();
        let reference = play(&layer, &params, &sine(48_000.0));
        // Both have frames at the same times, every so often.
        let error = |y: &[f64], every: usize, own: usize| {
            let pairs = y.iter().step_by(every).zip(reference.iter().step_by(own)).skip(10);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        for (host_hz, every, own) in [(44_100, 147, 160), (64_000, 4, 3), (96_000, 2, 1), (176_400, 147, 40)] {
            let delayed = StateDelay::new::<f64>(layer, 48_000, host_hz).expect("a cell and a dense layer");
            let x = sine(f64::from(host_hz));
            let (at_rate, naive) = (error(&play(&delayed, &params, &x), every, own), error(&play(&layer, &params, &x), every, own));
            assert!(naive > 1e-5 && at_rate < 1e-3 * naive, "{host_hz} Hz: {at_rate:e} with the delay, {naive:e} without");
        }
    }

    /// Gates that never open: the memory is held for ever, whatever lies in it. At 88.2 kHz that of a model of 48 kHz grew with the third order.
    #[test]
    fn a_held_memory_neither_grows_nor_is_lost() {
        let layer = Gru { inputs: 1, hidden: 1, bias: true };
        let mut params = vec![0.0; Layer::<f64>::params_len(&layer)];
        let update = Layer::<f64>::layout(&layer).tensors().iter().find(|t| t.name == "b_ih").expect("a bias").offset + 1;
        for host_hz in [44_100, 48_500, 53_000, 60_000, 70_000, 75_000, 88_200, 95_000, 100_000, 130_000, 176_400] {
            for order in 1..=most(f64::from(host_hz) / 48_000.0) {
                let delayed = StateDelay::with_order::<f64>(layer, 48_000, host_hz, order).expect("an order that holds");
                let (mut state, mut y) = (vec![0.0; Layer::<f64>::state_len(&delayed)], vec![0.0; 20_000]);
                delayed.reset(&params, &mut state);
                // Something of every frequency comes in while the gate is open.
                params[update] = 0.0;
                delayed.process(&params, &mut state, &noise(30), &mut y[..30]);
                params[update] = 40.0;
                delayed.process(&params, &mut state, &[0.0; 20_000], &mut y);
                let largest = |y: &[f64]| y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                assert!(largest(&y[10_000..]) <= 1.0 + 1e-9, "{host_hz} Hz, order {order}: {}", largest(&y[10_000..]));
            }
        }
        assert_eq!([1.01, 1.088, 1.333, 1.8375, 2.177, 2.5].map(most), [5, 5, 3, 2, 5, 5]);
    }

    #[test]
    fn every_memory_starts_at_rest() {
        let layer = Chain(Gru::new(1, 8), Dense::new(8, 1));
        let params = params(&layer);
        for host_hz in [44_100, 48_000, 50_000, 96_000, 144_000] {
            let delayed = StateDelay::new::<f64>(layer, 48_000, host_hz).expect("a cell and a dense layer");
            let (mut state, mut y) = (vec![0.0; Layer::<f64>::state_len(&delayed)], [0.0; 200]);
            delayed.settle(&params, &mut state);
            delayed.process(&params, &mut state, &[0.0; 200], &mut y);
            assert!(y.iter().all(|v| (v - y[0]).abs() < 1e-9) && y[0] != 0.0, "{host_hz} Hz: {y:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refusal = |layer_hz, host_hz, order| {
            StateDelay::with_order::<f32>(Gru::new(1, 8), layer_hz, host_hz, order).map(drop).unwrap_err().to_string()
        };
        assert_eq!(refusal(48_000, 20_000, 3), "host_hz: expected 0.9 to 64 times the 48000 Hz of the layer, found 20000 Hz");
        assert_eq!(refusal(48_000, 0, 3), "host_hz: expected 0.9 to 64 times the 48000 Hz of the layer, found 0 Hz");
        assert_eq!(refusal(1, u32::MAX, 3), "host_hz: expected 0.9 to 64 times the 1 Hz of the layer, found 4294967295 Hz");
        assert!(matches!(StateDelay::new::<f32>(Gru::new(1, 8), 0, 0), Err(StateDelayError::Rates { layer_hz: 0, host_hz: 0 })));
        assert_eq!(refusal(48_000, 44_100, 0), "order: expected 1 to 5, found 0");
        assert_eq!(refusal(44_100, 48_000, 6), "order: expected 1 to 5, found 6");
        assert_eq!(refusal(48_000, 88_200, 3), "order: expected 1 to 2, found 3");
        let memory = StateDelay::new::<f32>(Chain(Fir { taps: 3 }, Gru::new(1, 8)), 44_100, 48_000).unwrap_err();
        assert!(memory == StateDelayError::Memory && memory.to_string().contains("a line of past frames"));
    }
}
