//! Gated recurrent unit.

mod gradient;
mod single;
mod step;

use crate::cell::{Maps, Parts};
use afx_core::kernels::flush;
use afx_core::simd::{Kernel, Order, Simd};
use afx_core::{ALIGN, Layer, Layout, Scalar, play_until_still};
use core::ops::Range;
use step::{Input, Wanted, activate, biases, keep, products, step, step_any, step_held};

/// Gated recurrent unit; the reset gate is applied after the recurrent product.
///
/// `r = σ(a_r + b_r)`, `z = σ(a_z + b_z)`, `n = tanh(a_n + r b_n)`, `h' = n + z (h - n)` with `a = W_ih x + b_ih`, `b = W_hh h + b_hh`.
/// Cho et al. 2014, arXiv:1406.1078v1, as in `torch.nn.GRU`; `reset_after=False` in Keras differs. The output is `h'`.
///
/// - `w_ih`: `[inputs, 3 * hidden]`, `w_hh`: `[hidden, 3 * hidden]`, gate order r, z, n; `b_ih`, `b_hh`: `[3 * hidden]`.
/// - Without biases, silence in and a memory of zeros give silence out.
/// - Real-time: `process` allocates nothing. Fastest where `hidden` is 8 or a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gru {
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Numbers of memory, and in an output frame.
    pub hidden: usize,
    /// Whether the two affine maps have a bias.
    #[cfg_attr(feature = "serde", serde(default = "crate::yes"))]
    pub bias: bool,
}

impl Gru {
    /// A unit with biases.
    pub const fn new(inputs: usize, hidden: usize) -> Self {
        Gru { inputs, hidden, bias: true }
    }

    /// The two affine maps.
    fn maps(&self) -> Maps {
        Maps { inputs: self.inputs, hidden: self.hidden, gates: 3, bias: self.bias }
    }

    /// Memory, gates and the like take a whole number of the widest vectors.
    fn padded(&self) -> usize {
        self.maps().padded()
    }

    /// The parameters, cut up.
    fn parts<'p, T>(&self, params: &'p [T]) -> Parts<'p, T> {
        self.maps().parts(params)
    }
}

impl<T: Scalar> Layer<T> for Gru {
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
    /// `h`, room for the next one, and room for the one before, where a large cell also keeps from which end it reads next.
    fn state_len(&self) -> usize {
        3 * self.padded()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        if const { T::SINGLE } {
            if let (Some(params), Some(state), Some(x), Some(y)) =
                (T::singles(params), T::singles_mut(state), T::singles(x), T::singles_mut(y))
            {
                single::play(self, params, state, x, y);
            }
        } else {
            T::dispatch_width(self.hidden, Play { gru: self, params, streams: [(state, x, y)] });
        }
    }
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        if const { T::SINGLE } {
            let (state, x, y) = (state.map(T::singles_mut), x.map(T::singles), y.map(T::singles_mut));
            if let (Some(params), [Some(s0), Some(s1)], [Some(x0), Some(x1)], [Some(y0), Some(y1)]) = (T::singles(params), state, x, y) {
                single::play_pair(self, params, [s0, s1], [x0, x1], [y0, y1]);
            }
        } else {
            let ([s0, s1], [x0, x1], [y0, y1]) = (state, x, y);
            T::dispatch_width(self.hidden, Play { gru: self, params, streams: [(s0, x0, y0), (s1, x1, y1)] });
        }
    }
    /// The memory itself; the next one is written before it is read, and the turn is sound.
    fn flush(&self, state: &mut [T]) -> bool {
        flush(&mut state[..self.padded()])
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..self.padded());
        true
    }
    /// Plays until nothing moves, then hurries the slow units on: the update gate decides how slowly the memory gets to rest, not where that
    /// is, so a memory of seconds comes to rest, too.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        play_until_still(self, params, state, x, y);
        if const { T::SINGLE } {
            let numbers = (T::singles(params), T::singles_mut(state), T::singles(x), T::singles_mut(y));
            if let (Some(params), Some(state), Some(x), Some(y)) = numbers {
                single::hurry(self, params, state, x, y);
            }
        } else {
            T::dispatch_width(self.hidden, Hurry { gru: self, params, state: &mut *state, x, y: &mut *y });
        }
        self.process(params, state, x, y);
    }
}

/// From so many units on the recurrent weights do not stay in the fastest cache while a frame uses them once.
const LARGE: usize = 64;

/// From which end the next frame reads the recurrent weights: from either in turn where the cell is large. The turn is part of the memory,
/// so that a signal gives the same numbers however it is cut into blocks.
#[derive(Clone, Copy)]
struct Turns {
    hidden: usize,
    next: Order,
}

impl Turns {
    /// Its place in the memory, where `h` before the last frame is while the cell is brought to rest.
    fn place(hidden: usize) -> usize {
        2 * hidden.next_multiple_of(ALIGN)
    }

    #[inline(always)]
    fn load<T: Scalar>(hidden: usize, state: &[T]) -> Self {
        let next = if hidden < LARGE || state[Self::place(hidden)] == T::ZERO { Order::Forwards } else { Order::Backwards };
        Turns { hidden, next }
    }

    #[inline(always)]
    fn take(&mut self) -> Order {
        let order = self.next;
        if self.hidden >= LARGE {
            self.next = if order == Order::Forwards { Order::Backwards } else { Order::Forwards };
        }
        order
    }

    #[inline(always)]
    fn store<T: Scalar>(self, state: &mut [T]) {
        if self.hidden >= LARGE {
            state[Self::place(self.hidden)] = if self.next == Order::Forwards { T::ZERO } else { T::ONE };
        }
    }
}

/// Most frames played with a hurried memory.
const HURRIED: usize = 4096;
/// Part of the way to its goal that a hurried unit goes in a frame, at least.
const PACE: f64 = 0.02;

/// The cell with its update gates open by [`PACE`] at least, until it stands still. Resting states are those of the cell, and units that
/// are faster move as they do there.
struct Hurry<'a, T> {
    gru: &'a Gru,
    params: &'a [T],
    state: &'a mut [T],
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Hurry<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let (pace, shut, small) = (T::from_f64(PACE), T::from_f64(1e-6), T::from_f64(1e-7));
        let padded = self.gru.padded();
        let (state, old) = self.state.split_at_mut(2 * padded);
        let z = self.y;
        for _ in 0..HURRIED {
            old.copy_from_slice(&state[..padded]);
            step_any(s, self.gru, self.params, [state], [self.x], Order::Forwards, &mut Wanted::Update(z));
            let mut still = true;
            for ((h, old), z) in state.iter_mut().zip(old.iter()).zip(z.iter()) {
                let open = T::ONE - *z;
                if open < pace {
                    *h = *old + (*h - *old) * pace / if open > shut { open } else { shut };
                }
                still &= (*h - *old).abs() < small;
            }
            if still {
                break;
            }
        }
        old.fill(T::ZERO);
    }
}

/// Whether two streams gain from one another: large cells share what they read, a cell of one vector leaves room for another's frame unless
/// it is smaller still, and others want vectors that units fill and that go [`by_turns`].
#[inline(always)]
fn together<S: Simd>(hidden: usize) -> bool {
    hidden >= LARGE || (8..=S::N).contains(&hidden) || by_turns::<S>(hidden / S::N) && hidden.is_multiple_of(S::N)
}

/// Whether one stream's activations fit beside the sums of another whose memory is `vectors`: on the widest vectors, which have the most
/// registers, always; of eight lanes three and four leave some, while two have sums in parts.
#[inline(always)]
const fn by_turns<S: Simd>(vectors: usize) -> bool {
    S::N == 16 || S::N == 8 && (vectors == 3 || vectors == 4)
}

/// Plays one stream, or two that share the parameters.
struct Play<'a, T, const M: usize> {
    gru: &'a Gru,
    params: &'a [T],
    /// Memory, input and output of each.
    streams: [(&'a mut [T], &'a [T], &'a mut [T]); M],
}

impl<T: Scalar, const M: usize> Kernel<T> for Play<'_, T, M> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let hidden = self.gru.hidden;
        let in_step = self.streams.iter().all(|(state, _, _)| Turns::load(hidden, state).next == self.turns(hidden).next);
        if const { S::STREAMS == 2 } {
            self.run_beside(s);
        } else if M == 1 || const { S::VECTORS } && in_step && together::<S>(hidden) {
            self.play(s);
        } else {
            for stream in self.streams {
                s.vectorize(Play { gru: self.gru, params: self.params, streams: [stream] });
            }
        }
    }
}

impl<T: Scalar, const M: usize> Play<'_, T, M> {
    #[inline(always)]
    fn play<S: Simd<T = T>>(self, s: S) {
        let hidden = self.gru.hidden;
        match (hidden.div_ceil(S::N), hidden.is_multiple_of(S::N)) {
            // What is not met is not compiled: one lane is the reference, and two streams come here only if they gain from it.
            (1, true) if const { S::N > 1 } => s.vectorize(Whole::<T, M, 1, true>(self)),
            _ if const { !S::VECTORS } => s.vectorize(Any(self)),
            (2, true) if const { M == 1 || S::N == 16 } => s.vectorize(Whole::<T, M, 2, true>(self)),
            (3, true) if const { M == 1 || by_turns::<S>(3) } => s.vectorize(Whole::<T, M, 3, true>(self)),
            (4, true) if const { M == 1 || by_turns::<S>(4) } => s.vectorize(Whole::<T, M, 4, true>(self)),
            (5, true) if const { M == 1 || S::N == 16 } => s.vectorize(Whole::<T, M, 5, true>(self)),
            (6, true) if const { M == 1 || S::N == 16 } => s.vectorize(Whole::<T, M, 6, true>(self)),
            (7, true) if const { M == 1 && S::N == 16 } => s.vectorize(Whole::<T, M, 7, true>(self)),
            (8, true) if const { S::N == 16 } => s.vectorize(Whole::<T, M, 8, true>(self)),
            (1, false) if const { M == 1 } => s.vectorize(Whole::<T, M, 1, false>(self)),
            (2, false) if const { M == 1 } => s.vectorize(Whole::<T, M, 2, false>(self)),
            (3, false) if const { M == 1 } => s.vectorize(Whole::<T, M, 3, false>(self)),
            (4, false) if const { M == 1 } => s.vectorize(Whole::<T, M, 4, false>(self)),
            (5, false) if const { M == 1 || S::N == 16 } => s.vectorize(Whole::<T, M, 5, false>(self)),
            (6, false) if const { S::N == 16 } => s.vectorize(Whole::<T, M, 6, false>(self)),
            (7, false) if const { M == 1 && S::N == 16 } => s.vectorize(Whole::<T, M, 7, false>(self)),
            (8, false) if const { M == 1 && S::N == 16 } => s.vectorize(Whole::<T, M, 8, false>(self)),
            _ => s.vectorize(Any(self)),
        }
    }

    /// The turns of the first stream.
    #[inline(always)]
    fn turns(&self, hidden: usize) -> Turns {
        Turns::load(hidden, self.streams[0].0)
    }

    /// Whole frames that every stream has.
    fn frames(&self) -> usize {
        self.streams.iter().map(|(_, x, y)| (x.len() / self.gru.inputs).min(y.len() / self.gru.hidden)).min().unwrap_or(0)
    }
}

/// [`Play`] of any number of units, compiled on its own.
struct Any<'a, T, const M: usize>(Play<'a, T, M>);

impl<T: Scalar, const M: usize> Kernel<T> for Any<'_, T, M> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let mut turns = self.0.turns(self.0.gru.hidden);
        if self.0.gru.hidden < LARGE {
            // An order that the compiler knows.
            for t in 0..self.0.frames() {
                self.0.frame(s, t, Order::Forwards);
            }
            return;
        }
        for t in 0..self.0.frames() {
            self.0.frame(s, t, turns.take());
        }
        for (state, _, _) in &mut self.0.streams {
            turns.store(state);
        }
    }
}

impl<T: Scalar, const M: usize> Play<'_, T, M> {
    /// A frame of any number of units.
    #[inline(always)]
    fn frame<S: Simd<T = T>>(&mut self, s: S, t: usize, order: Order) {
        let (inputs, hidden) = (self.gru.inputs, self.gru.hidden);
        let x = self.streams.each_ref().map(|(_, x, _)| &x[t * inputs..(t + 1) * inputs]);
        let states = self.streams.each_mut().map(|(state, _, _)| &mut **state);
        step_any(s, self.gru, self.params, states, x, order, &mut Wanted::Nowhere);
        for (state, _, y) in &mut self.streams {
            y[t * hidden..(t + 1) * hidden].copy_from_slice(&state[..hidden]);
        }
    }
}

/// [`Play`] where `hidden` is `C` vectors, or the last of them is not full; each compiled on its own.
struct Whole<'a, T, const M: usize, const C: usize, const FULL: bool>(Play<'a, T, M>);

impl<T: Scalar, const M: usize, const C: usize, const FULL: bool> Kernel<T> for Whole<'_, T, M, C, FULL> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        self.0.run::<S, C, FULL>(s);
    }
}

impl<T: Scalar, const M: usize> Play<'_, T, M> {
    /// `hidden` is `C` vectors: everything stays in registers.
    #[inline(always)]
    fn run<S: Simd<T = T>, const C: usize, const FULL: bool>(&mut self, s: S) {
        // A number that the compiler knows: whole rows of the product unroll.
        let (inputs, hidden) = (self.gru.inputs, if FULL { C * S::N } else { self.gru.hidden });
        let parts = Parts { hidden, ..self.gru.parts(self.params) };
        let b = biases::<S, C>(s, &parts, 0);
        let frames = self.frames();
        if const { C == 1 && FULL } {
            return self.run_held(s, &parts);
        }
        if const { M == 2 && FULL && by_turns::<S>(C) } && hidden < LARGE {
            return self.run_by_turns::<S, C>(s, &parts, &b);
        }
        let mut turns = self.turns(hidden);
        for t in 0..frames {
            // A large one waits for its weights: both use them while they are there.
            let (mut x, mut h) = ([&[][..]; M], [&[][..]; M]);
            for m in 0..M {
                x[m] = &self.streams[m].1[t * inputs..(t + 1) * inputs];
                h[m] = &*self.streams[m].0;
            }
            let gates = step::<S, M, C>(s, &parts, 0, &b, h, x, turns.take());
            for m in 0..M {
                let (h, _, y) = &mut self.streams[m];
                let y = if FULL { &mut y[t * hidden..] } else { &mut y[t * hidden..frames * hidden] };
                keep::<S, C, FULL>(s, &gates[m], h, y);
            }
        }
        for (state, _, _) in &mut self.streams {
            turns.store(state);
        }
    }

    /// `hidden` is one vector: the memories stay in registers.
    #[inline(always)]
    fn run_held<S: Simd<T = T>>(&mut self, s: S, parts: &Parts<'_, T>) {
        let (inputs, hidden) = (self.gru.inputs, S::N);
        let b = biases::<S, 1>(s, parts, 0);
        let mut held = [s.splat(T::ZERO); M];
        for m in 0..M {
            held[m] = s.load(self.streams[m].0);
        }
        // A small cell waits for its own last frame: another one's frame fits in between. One loop, lest the compiler mixes the two.
        for i in 0..self.frames() * M {
            let (t, m) = (i / M, i % M);
            let (_, x, y) = &mut self.streams[m];
            held[m] = step_held(s, parts, &b, held[m], Input::Frame(&x[t * inputs..(t + 1) * inputs]));
            s.store(held[m], &mut y[t * hidden..]);
        }
        for m in 0..M {
            s.store(held[m], self.streams[m].0);
        }
    }

    /// Two mono streams, both in one vector.
    #[inline(always)]
    fn run_beside<S: Simd<T = T>>(&mut self, s: S) {
        let (hidden, frames) = (S::N, self.frames());
        let parts = Parts { hidden, ..self.gru.parts(self.params) };
        let b = biases::<S, 1>(s, &parts, 0);
        let [(h, x, y), (other_h, other_x, other_y)] = &mut self.streams[..] else { return };
        let mut held = s.join(s.load(h), s.load(other_h));
        for t in 0..frames {
            held = step_held(s, &parts, &b, held, Input::Mono(s.join(s.splat(x[t]), s.splat(other_x[t]))));
            s.store(held, &mut y[t * hidden..]);
            s.store(s.second(held), &mut other_y[t * hidden..]);
        }
        s.store(held, h);
        s.store(s.second(held), other_h);
    }

    /// Two streams, half a frame apart: while one's products run, so do the other's activations.
    #[inline(always)]
    fn run_by_turns<S: Simd<T = T>, const C: usize>(&mut self, s: S, parts: &Parts<'_, T>, b: &[[S::V; C]; 4]) {
        let (inputs, hidden, frames) = (self.gru.inputs, C * S::N, self.frames());
        let [(h, x, y), (other_h, other_x, other_y)] = &mut self.streams[..] else { return };
        if frames == 0 {
            return;
        }
        let mut sums = products(s, parts, b, h, &x[..inputs], None);
        for t in 0..frames {
            let (now, next) = (t * inputs, (t + 1) * inputs);
            let (y, other_y) = (&mut y[t * hidden..], &mut other_y[t * hidden..]);
            let mut other = products(s, parts, b, other_h, &other_x[now..next], Some((&mut sums, h, y)));
            let mut waiting = (&mut other, &mut **other_h, other_y);
            if t + 1 < frames {
                sums = products(s, parts, b, h, &x[next..next + inputs], Some(waiting));
            } else {
                for i in 0..3 * C {
                    activate(s, i, &mut waiting);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::Aligned;
    use afx_core::simd::{One, Portable};
    use afx_core::testing::Noise;
    use alloc::vec;
    use alloc::vec::Vec;

    /// 40 frames of one stream and of two, by the kernels of a set of instructions.
    fn play<S: Simd<T = f32>>(s: S, gru: &Gru) -> Vec<f32> {
        let mut noise = Noise::new(gru.hidden as u64);
        let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(gru));
        gru.initialize(&mut || noise.next_f64(), &mut params);
        let x: Vec<f32> = noise.take(40 * gru.inputs, 1.0);
        let louder: Vec<f32> = x.iter().map(|v| 2.0 * v).collect();
        let state = || Aligned::<f32>::zeros(Layer::<f32>::state_len(gru));
        let [mut alone, mut one, mut other] = [(); 3].map(|()| vec![0.0; 40 * gru.hidden]);
        s.vectorize(Play { gru, params: &params, streams: [(&mut state(), &x, &mut alone)] });
        let (mut first, mut second) = (state(), state());
        s.vectorize(Play { gru, params: &params, streams: [(&mut first, &x, &mut one), (&mut second, &louder, &mut other)] });
        assert_eq!(alone, one, "{gru:?}: the first of two streams differs from the same alone");
        one.extend(other);
        one
    }

    #[test]
    fn two_streams_play_what_each_plays_alone() {
        // From 64 units on they read from different ends after the first frame.
        let mono = [5, 8, 12, 16, 20, 24, 48, 64, 72, 90, 100, 112, 120].map(|hidden| (1, hidden));
        for (inputs, hidden) in mono.into_iter().chain([(2, 8), (3, 32)]) {
            let gru = Gru::new(inputs, hidden);
            let mut noise = Noise::new(7);
            let mut params = Aligned::<f32>::zeros(Layer::<f32>::params_len(&gru));
            gru.initialize(&mut || noise.next_f64(), &mut params);
            let x: Vec<f32> = noise.take(31 * inputs, 1.0);
            let state = || Aligned::<f32>::zeros(Layer::<f32>::state_len(&gru));
            let mut alone = vec![0.0; 31 * hidden];
            gru.process(&params, &mut state(), &x, &mut alone);
            let (mut first, mut second) = (state(), state());
            let (mut one, mut other) = (vec![0.0; 31 * hidden], vec![0.0; 30 * hidden]);
            gru.process(&params, &mut first, &x[..inputs], &mut one[..hidden]);
            for (from, to) in [(0, 1), (1, 1), (1, 30)] {
                let (ahead, behind) = (&x[(1 + from) * inputs..(1 + to) * inputs], &x[from * inputs..to * inputs]);
                let (one, other) = (&mut one[(1 + from) * hidden..(1 + to) * hidden], &mut other[from * hidden..to * hidden]);
                gru.process_pair(&params, [&mut first, &mut second], [ahead, behind], [one, other]);
            }
            assert!(one == alone, "{gru:?}: the stream ahead");
            assert!(other == alone[..30 * hidden], "{gru:?}: the stream behind");
        }
    }

    fn agree(expected: &[f32], found: &[f32], gru: &Gru) {
        for (e, f) in expected.iter().zip(found) {
            assert!((e - f).abs() < 5e-6, "{gru:?}: {e} {f}"); // 4.5e-7 of each activation, and sums in another order
        }
    }

    #[test]
    fn every_set_of_instructions_plays_what_one_lane_plays() {
        let mono = [1, 8, 12, 16, 20, 24, 32, 40, 48, 64, 72, 90, 100].map(|hidden| (1, hidden));
        for (inputs, hidden) in mono.into_iter().chain([(2, 8), (3, 32), (2, 128)]) {
            let gru = Gru { inputs, hidden, bias: hidden != 20 };
            let expected = play(One::new(), &gru);
            assert!(expected.iter().any(|v| v.abs() > 0.05));
            agree(&expected, &play(Portable, &gru), &gru);
            #[cfg(target_arch = "x86_64")]
            {
                use afx_core::simd::{Avx2, Avx512};
                match Avx2::new() {
                    Some(token) => agree(&expected, &play(token, &gru), &gru),
                    None => std::println!("skipped: this processor has no AVX2"),
                }
                match Avx512::new() {
                    Some(token) => agree(&expected, &play(token, &gru), &gru),
                    None => std::println!("skipped: this processor has no AVX-512"),
                }
            }
        }
    }
}
