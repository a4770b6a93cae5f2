//! Gated recurrent unit.

use afx_core::simd::{Kernel, Simd, outer_sum, take};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Role, Scalar, places, play_until_still};

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

/// Rows of the gate buffers on the tape: da_r, da_z, d(recurrent n), da_n; forward they hold r, z, n and the recurrent n.
const ROWS: usize = 4;
/// Frames whose outer products are summed in registers at a time.
const SEGMENT: usize = 32;

impl Gru {
    /// A unit with biases.
    pub const fn new(inputs: usize, hidden: usize) -> Self {
        Gru { inputs, hidden, bias: true }
    }

    /// Memory, gates and the like take a whole number of the widest vectors.
    fn padded(&self) -> usize {
        self.hidden.next_multiple_of(ALIGN)
    }

    /// Places of `w_ih`, `w_hh`, `b_ih`, `b_hh` and the length of the slice.
    fn places(&self) -> [usize; 5] {
        let (gates, bias) = (3 * self.hidden, if self.bias { 3 * self.hidden } else { 0 });
        places([self.inputs * gates, self.hidden * gates, bias, bias])
    }

    /// The parameters, cut up.
    fn parts<'p, T>(&self, params: &'p [T]) -> Parts<'p, T> {
        let [w_ih, w_hh, b_ih, b_hh, len] = self.places();
        let bias = |at: usize| self.bias.then_some(&params[at..len]);
        Parts { hidden: self.hidden, w_ih: &params[w_ih..len], w_hh: &params[w_hh..len], b_ih: bias(b_ih), b_hh: bias(b_hh) }
    }
}

/// The parameters; every slice keeps what follows it, for loads that run over the end of a row.
#[derive(Clone, Copy)]
struct Parts<'p, T> {
    hidden: usize,
    w_ih: &'p [T],
    w_hh: &'p [T],
    b_ih: Option<&'p [T]>,
    b_hh: Option<&'p [T]>,
}

impl<T: Scalar> Layer<T> for Gru {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.hidden
    }
    fn layout(&self) -> Layout {
        let (gates, bias) = (3 * self.hidden, if self.bias { 3 * self.hidden } else { 0 });
        let weights = Layout::new().tensor("w_ih", &[self.inputs, gates]).tensor("w_hh", &[self.hidden, gates]);
        if bias == 0 {
            return weights.affine(Role::Input, "w_ih", None).affine(Role::Recurrent, "w_hh", None);
        }
        weights.tensor("b_ih", &[bias]).tensor("b_hh", &[bias]).affine(Role::Input, "w_ih", Some("b_ih")).affine(
            Role::Recurrent,
            "w_hh",
            Some("b_hh"),
        )
    }
    fn params_len(&self) -> usize {
        self.places()[4]
    }
    /// Uniform within `±1 / sqrt(hidden)`, weights and biases, as PyTorch does.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let bound = 1.0 / (self.hidden as f64).sqrt();
        for tensor in Layer::<T>::layout(self).tensors() {
            params[tensor.range()].fill_with(|| T::from_f64(bound * uniform()));
        }
    }
    /// `h`, and room for the next one and the one before.
    fn state_len(&self) -> usize {
        3 * self.padded()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        T::dispatch_width(self.hidden, Play { gru: self, params, streams: [(state, x, y)] });
    }
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let ([s0, s1], [x0, x1], [y0, y1]) = (state, x, y);
        T::dispatch_width(self.hidden, Play { gru: self, params, streams: [(s0, x0, y0), (s1, x1, y1)] });
    }
    /// Plays until nothing moves, then hurries the slow units on: the update gate decides how slowly the memory gets to rest, not where that
    /// is, so a memory of seconds comes to rest, too.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        play_until_still(self, params, state, x, y);
        T::dispatch_width(self.hidden, Hurry { gru: self, params, state, x, y });
        self.process(params, state, x, y);
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
            step_any(s, self.gru, self.params, [state], [self.x], Order::Whole, |_, at, gates| {
                let end = (at + S::N).min(z.len());
                s.store_partial(gates[1], &mut z[at..end]);
            });
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
    fn call<S: Simd<T = T>>(self, s: S) {
        if M > 1 && S::N < 16 && self.gru.hidden > 2 * S::N {
            // The sums of several large streams do not fit 16 registers.
            for stream in self.streams {
                Play { gru: self.gru, params: self.params, streams: [stream] }.play(s);
            }
        } else {
            self.play(s);
        }
    }
}

impl<T: Scalar, const M: usize> Play<'_, T, M> {
    #[inline(always)]
    fn play<S: Simd<T = T>>(mut self, s: S) {
        let (inputs, hidden) = (self.gru.inputs, self.gru.hidden);
        if hidden.is_multiple_of(S::N) {
            match hidden / S::N {
                1 => return self.run::<S, 1>(s),
                2 => return self.run::<S, 2>(s),
                3 => return self.run::<S, 3>(s),
                4 => return self.run::<S, 4>(s),
                5 => return self.run::<S, 5>(s),
                6 => return self.run::<S, 6>(s),
                8 if S::N == 16 => return self.run::<S, 8>(s),
                _ => {}
            }
        }
        for t in 0..self.frames() {
            let x = self.streams.each_ref().map(|(_, x, _)| &x[t * inputs..(t + 1) * inputs]);
            let states = self.streams.each_mut().map(|(state, _, _)| &mut **state);
            step_any(s, self.gru, self.params, states, x, Order::of(hidden, t), |_, _, _| {});
            for (state, _, y) in &mut self.streams {
                y[t * hidden..(t + 1) * hidden].copy_from_slice(&state[..hidden]);
            }
        }
    }

    /// Whole frames that every stream has.
    fn frames(&self) -> usize {
        self.streams.iter().map(|(_, x, y)| (x.len() / self.gru.inputs).min(y.len() / self.gru.hidden)).min().unwrap_or(0)
    }
}

/// The four biases of `C` vectors of units from `at` on: r and z summed, n of the input and of the memory.
#[inline(always)]
fn biases<S: Simd, const C: usize>(s: S, parts: &Parts<'_, S::T>, at: usize) -> [[S::V; C]; 4] {
    let mut b = [[s.splat(S::T::ZERO); C]; 4];
    if let (Some(b_ih), Some(b_hh)) = (parts.b_ih, parts.b_hh) {
        for c in 0..C {
            let (b_ih, b_hh) = (&b_ih[at + c * S::N..], &b_hh[at + c * S::N..]);
            b[0][c] = s.add(s.load(b_ih), s.load(b_hh));
            b[1][c] = s.add(s.load(&b_ih[parts.hidden..]), s.load(&b_hh[parts.hidden..]));
            b[2][c] = s.load(&b_ih[2 * parts.hidden..]);
            b[3][c] = s.load(&b_hh[2 * parts.hidden..]);
        }
    }
    b
}

/// What a step computes for `C` vectors of units: the gates, the recurrent part of n, and the new memory.
#[derive(Clone, Copy)]
struct Gates<V, const C: usize> {
    r: [V; C],
    z: [V; C],
    n: [V; C],
    recurrent: [V; C],
    h: [V; C],
}

/// Adds what each gate gets from an input frame, for `C` vectors of units of each of `G` gates; `w` are the first one's columns.
#[inline(always)]
fn add_input<S: Simd, const M: usize, const G: usize, const C: usize>(
    s: S,
    acc: &mut [[[S::V; C]; G]; M],
    x: [&[S::T]; M],
    w: &[S::T],
    hidden: usize,
) {
    if x[0].len() == 1 {
        // A mono effect, the usual case: no loop.
        for g in 0..G {
            for c in 0..C {
                let w = s.load(&w[g * hidden + c * S::N..]);
                for m in 0..M {
                    acc[m][g][c] = s.mul_add(w, s.splat(x[m][0]), acc[m][g][c]);
                }
            }
        }
    } else {
        s.matvec::<M, G, C>(acc, x, w, 3 * hidden, hidden);
    }
}

/// From r less a half, the sums of z and of both parts of n, and the old memory to the gates and the new memory.
#[inline(always)]
fn finish<S: Simd, const C: usize>(
    s: S,
    r: [S::V; C],
    az: [S::V; C],
    recurrent: [S::V; C],
    an: [S::V; C],
    old: [S::V; C],
) -> Gates<S::V, C> {
    let half = s.splat(S::T::from_f64(0.5));
    let mut gates = Gates { r, z: az, n: an, recurrent, h: old };
    for c in 0..C {
        // The half that `r` lacks is added where nobody waits for it.
        let an = s.mul_add(half, recurrent[c], an[c]);
        gates.n[c] = s.tanh(s.mul_add(r[c], recurrent[c], an));
        gates.r[c] = s.add(r[c], half);
        let z = s.half_tanh(az[c]);
        gates.z[c] = s.add(half, z);
        gates.h[c] = s.mul_add(s.sub(half, z), gates.n[c], s.mul(gates.z[c], old[c]));
    }
    gates
}

/// One frame of a stream whose `C` vectors of memory are all of it and stay in registers.
#[inline(always)]
fn step_held<S: Simd, const C: usize>(s: S, parts: &Parts<'_, S::T>, b: &[[S::V; C]; 4], h: &[S::V; C], x: &[S::T]) -> Gates<S::V, C> {
    let hidden = C * S::N;
    let mut r = [b[0]];
    let mut zn = [b[1], b[2]];
    add_input::<S, 1, 1, C>(s, core::array::from_mut(&mut r), [x], parts.w_ih, hidden);
    s.matvec_held::<1, C>(&mut r, h, parts.w_hh, 3 * hidden, hidden);
    add_input::<S, 1, 2, C>(s, core::array::from_mut(&mut zn), [x], &parts.w_ih[hidden..], hidden);
    let an = zn[1];
    zn[1] = b[3];
    s.matvec_held::<2, C>(&mut zn, h, &parts.w_hh[hidden..], 3 * hidden, hidden);
    for c in 0..C {
        r[0][c] = s.half_tanh(r[0][c]);
    }
    finish(s, r[0], zn[0], zn[1], an, *h)
}

/// Adds what each gate gets from the memory.
#[inline(always)]
fn add_memory<S: Simd, const M: usize, const G: usize, const C: usize>(
    s: S,
    acc: &mut [[[S::V; C]; G]; M],
    h: [&[S::T]; M],
    w: &[S::T],
    hidden: usize,
    order: Order,
) {
    let stride = 3 * hidden;
    if order == Order::Whole {
        return s.matvec::<M, G, C>(acc, h, w, stride, hidden);
    }
    // Each half of the memory's products on its own; their sum is the same whichever came first.
    let zero = [[[s.splat(S::T::ZERO); C]; G]; M];
    let (mut one, mut two) = (zero, zero);
    let (mut first, mut second) = (h, h);
    let (mut from, mut then) = (0, hidden / 2);
    for m in 0..M {
        (first[m], second[m]) = h[m].split_at(hidden / 2);
    }
    if order == Order::Backwards {
        ((first, second), (from, then)) = ((second, first), (then, from));
    }
    s.matvec::<M, G, C>(&mut one, first, &w[from * stride..], stride, hidden);
    s.matvec::<M, G, C>(&mut two, second, &w[then * stride..], stride, hidden);
    for m in 0..M {
        for g in 0..G {
            for c in 0..C {
                acc[m][g][c] = s.add(acc[m][g][c], s.add(one[m][g][c], two[m][g][c]));
            }
        }
    }
}

/// In which order a step reads the recurrent weights.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// All rows at once.
    Whole,
    /// The first half of the rows, then the second.
    Forwards,
    /// The other way round, to the same bits: what the last frame read last is still close by.
    Backwards,
}

/// One frame of `M` streams, the `C` vectors of units from `at` on; `h` are the memories before it.
#[inline(always)]
fn step<S: Simd, const M: usize, const C: usize>(
    s: S,
    parts: &Parts<'_, S::T>,
    at: usize,
    b: &[[S::V; C]; 4],
    h: [&[S::T]; M],
    x: [&[S::T]; M],
    order: Order,
) -> [Gates<S::V, C>; M] {
    let hidden = parts.hidden;
    let mut all = h;
    for h in &mut all {
        *h = &h[..hidden];
    }
    let zero = [s.splat(S::T::ZERO); C];
    let mut gates = [Gates { r: zero, z: zero, n: zero, recurrent: zero, h: zero }; M];
    let mut r = [b[0]; M];
    let mut an = [b[2]; M];
    let mut zn = [[b[1], b[2]]; M];
    if C == 1 || M * C > 4 {
        // The reset gate first: its sigmoid runs while the other two products do.
        let mut ar = [[b[0]; 1]; M];
        add_input::<S, M, 1, C>(s, &mut ar, x, &parts.w_ih[at..], hidden);
        add_memory::<S, M, 1, C>(s, &mut ar, all, &parts.w_hh[at..], hidden, order);
        add_input::<S, M, 2, C>(s, &mut zn, x, &parts.w_ih[hidden + at..], hidden);
        for m in 0..M {
            for c in 0..C {
                r[m][c] = s.half_tanh(ar[m][0][c]);
            }
            (an[m], zn[m][1]) = (zn[m][1], b[3]);
        }
        add_memory::<S, M, 2, C>(s, &mut zn, all, &parts.w_hh[hidden + at..], hidden, order);
    } else {
        // All three in one pass: each number of the memory is spread over a vector once.
        let mut sums = [[b[0], b[1], b[2]]; M];
        add_input::<S, M, 3, C>(s, &mut sums, x, &parts.w_ih[at..], hidden);
        for m in 0..M {
            (an[m], sums[m][2]) = (sums[m][2], b[3]);
        }
        add_memory::<S, M, 3, C>(s, &mut sums, all, &parts.w_hh[at..], hidden, order);
        for m in 0..M {
            zn[m] = [sums[m][1], sums[m][2]];
            for c in 0..C {
                r[m][c] = s.half_tanh(sums[m][0][c]);
            }
        }
    }
    for m in 0..M {
        let mut old = zero;
        for c in 0..C {
            old[c] = s.load(&h[m][at + c * S::N..]);
        }
        gates[m] = finish(s, r[m], zn[m][0], zn[m][1], an[m], old);
    }
    gates
}

impl<T: Scalar, const M: usize> Play<'_, T, M> {
    /// `hidden` is `C` vectors: everything stays in registers.
    #[inline(always)]
    fn run<S: Simd<T = T>, const C: usize>(&mut self, s: S) {
        let (inputs, hidden) = (self.gru.inputs, C * S::N);
        // A number that the compiler knows: whole rows of the product unroll.
        let parts = Parts { hidden, ..self.gru.parts(self.params) };
        let b = biases::<S, C>(s, &parts, 0);
        let frames = self.frames();
        if C == 1 {
            let mut held = [[s.splat(T::ZERO); C]; M];
            for m in 0..M {
                for c in 0..C {
                    held[m][c] = s.load(&self.streams[m].0[c * S::N..]);
                }
            }
            for t in 0..frames {
                // A small cell waits for its own last frame: another one's frame fits in between.
                for m in 0..M {
                    let (_, x, y) = &mut self.streams[m];
                    held[m] = step_held(s, &parts, &b, &held[m], &x[t * inputs..(t + 1) * inputs]).h;
                    for c in 0..C {
                        s.store(held[m][c], &mut y[t * hidden + c * S::N..]);
                    }
                }
            }
            for m in 0..M {
                for c in 0..C {
                    s.store(held[m][c], &mut self.streams[m].0[c * S::N..]);
                }
            }
            return;
        }
        for t in 0..frames {
            // A large one waits for its weights: both use them while they are there.
            let (mut x, mut h) = ([&[][..]; M], [&[][..]; M]);
            for m in 0..M {
                x[m] = &self.streams[m].1[t * inputs..(t + 1) * inputs];
                h[m] = &*self.streams[m].0;
            }
            let gates = step::<S, M, C>(s, &parts, 0, &b, h, x, Order::of(hidden, t));
            for m in 0..M {
                let (h, _, y) = &mut self.streams[m];
                keep(s, &gates[m], h, &mut y[t * hidden..]);
            }
        }
    }
}

/// The new memory, to where it stays and to the output.
#[inline(always)]
fn keep<S: Simd, const C: usize>(s: S, gates: &Gates<S::V, C>, h: &mut [S::T], y: &mut [S::T]) {
    for c in 0..C {
        s.store(gates.h[c], &mut h[c * S::N..]);
        s.store(gates.h[c], &mut y[c * S::N..]);
    }
}

/// From so many units on the recurrent weights do not stay in the fastest cache while a frame uses them once.
const TILED: usize = 64;

impl Order {
    /// For frame `t` of a block.
    fn of(hidden: usize, t: usize) -> Self {
        match t % 2 {
            _ if hidden < TILED => Order::Whole,
            0 => Order::Forwards,
            _ => Order::Backwards,
        }
    }
}

/// One frame of `M` streams of any number of units; lanes beyond `hidden` compute numbers that nobody reads. `leave` gets the stream, the
/// place of a vector of units, and its r, z, n and recurrent n.
///
/// The units are independent within a frame. Whoever alternates `backwards` from frame to frame finds the weights that the last frame used
/// last still close by.
#[inline(always)]
fn step_any<S: Simd, const M: usize>(
    s: S,
    gru: &Gru,
    params: &[S::T],
    states: [&mut [S::T]; M],
    x: [&[S::T]; M],
    order: Order,
    mut leave: impl FnMut(usize, usize, [S::V; 4]),
) {
    let parts = gru.parts(params);
    let mut memories = states.map(|state| state.split_at_mut(gru.padded()));
    let wides = gru.hidden / (4 * S::N);
    let narrow = (gru.hidden - wides * 4 * S::N).div_ceil(S::N);
    for i in 0..wides + narrow {
        let i = if order == Order::Backwards { wides + narrow - 1 - i } else { i };
        if i < wides {
            tile::<S, M, 4>(s, &parts, i * 4 * S::N, &mut memories, x, order, &mut leave);
        } else {
            tile::<S, M, 1>(s, &parts, (wides * 4 + i - wides) * S::N, &mut memories, x, order, &mut leave);
        }
    }
    for (h, next) in memories {
        h.copy_from_slice(&next[..h.len()]);
    }
}

/// A memory, and where the next one goes.
type Memory<'a, T> = (&'a mut [T], &'a mut [T]);

/// `C` vectors of units of [`step_any`].
#[inline(always)]
fn tile<S: Simd, const M: usize, const C: usize>(
    s: S,
    parts: &Parts<'_, S::T>,
    at: usize,
    memories: &mut [Memory<'_, S::T>; M],
    x: [&[S::T]; M],
    order: Order,
    leave: &mut impl FnMut(usize, usize, [S::V; 4]),
) {
    let gates = step::<S, M, C>(s, parts, at, &biases(s, parts, at), memories.each_ref().map(|(h, _)| &**h), x, order);
    for m in 0..M {
        for c in 0..C {
            s.store(gates[m].h[c], &mut memories[m].1[at + c * S::N..]);
            leave(m, at + c * S::N, [gates[m].r[c], gates[m].z[c], gates[m].n[c], gates[m].recurrent[c]]);
        }
    }
}

impl<T: Scalar> Differentiable<T> for Gru {
    /// The memory before the segment, the four gate rows of every frame, the cotangent of the memory, and the recurrent weights
    /// transposed.
    fn tape_len(&self, frames: usize) -> usize {
        let h = self.padded();
        h + frames * ROWS * h + h + 3 * self.hidden * h + ALIGN
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        T::dispatch_width(self.hidden, Forward { gru: self, params, state, x, y, tape });
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        T::dispatch_width(self.hidden, Backward { gru: self, params, x, y, tape, dy, dx, dparams });
    }
}

struct Forward<'a, T> {
    gru: &'a Gru,
    params: &'a [T],
    state: &'a mut [T],
    x: &'a [T],
    y: &'a mut [T],
    tape: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Forward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let padded = self.gru.padded();
        self.tape[..padded].copy_from_slice(&self.state[..padded]);
        if self.gru.hidden.is_multiple_of(S::N) {
            match self.gru.hidden / S::N {
                1 => return self.run::<S, 1>(s),
                2 => return self.run::<S, 2>(s),
                4 => return self.run::<S, 4>(s),
                _ => {}
            }
        }
        let rows = self.tape[padded..].chunks_exact_mut(ROWS * padded);
        let frames = self.x.chunks_exact(self.gru.inputs).zip(self.y.chunks_exact_mut(self.gru.hidden));
        for (t, (row, (x, y))) in rows.zip(frames).enumerate() {
            step_any(s, self.gru, self.params, [self.state], [x], Order::of(self.gru.hidden, t), |_, at, gates| {
                for (i, gate) in gates.into_iter().enumerate() {
                    s.store(gate, &mut row[i * padded + at..]);
                }
            });
            y.copy_from_slice(&self.state[..self.gru.hidden]);
        }
    }
}

impl<T: Scalar> Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd<T = T>, const C: usize>(self, s: S) {
        let (inputs, hidden, padded) = (self.gru.inputs, C * S::N, self.gru.padded());
        let parts = Parts { hidden, ..self.gru.parts(self.params) };
        let b = biases::<S, C>(s, &parts, 0);
        let rows = self.tape[padded..].chunks_exact_mut(ROWS * padded);
        for (t, (row, (x, y))) in rows.zip(self.x.chunks_exact(inputs).zip(self.y.chunks_exact_mut(hidden))).enumerate() {
            let [gates] = step::<S, 1, C>(s, &parts, 0, &b, [self.state], [x], Order::of(hidden, t));
            keep(s, &gates, self.state, y);
            for c in 0..C {
                let at = c * S::N;
                for (i, gate) in [gates.r[c], gates.z[c], gates.n[c], gates.recurrent[c]].into_iter().enumerate() {
                    s.store(gate, &mut row[i * padded + at..]);
                }
            }
        }
    }
}

struct Backward<'a, T> {
    gru: &'a Gru,
    params: &'a [T],
    x: &'a [T],
    y: &'a [T],
    tape: &'a mut [T],
    dy: &'a [T],
    dx: &'a mut [T],
    dparams: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Backward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, s: S) {
        let (hidden, padded) = (self.gru.hidden, self.gru.padded());
        let frames = self.x.len() / self.gru.inputs;
        let (first, rest) = core::mem::take(&mut self.tape).split_at_mut(padded);
        let (rows, rest) = rest.split_at_mut(frames * ROWS * padded);
        let (dh, transposed) = rest.split_at_mut(padded);
        transpose(self.gru, self.params, transposed);
        dh.fill(T::ZERO);
        let mut end = frames;
        while end > 0 {
            let start = end.saturating_sub(SEGMENT);
            for t in (start..end).rev() {
                let old = if t == 0 { &first[..hidden] } else { &self.y[(t - 1) * hidden..t * hidden] };
                let row = &mut rows[t * ROWS * padded..(t + 1) * ROWS * padded];
                gate_cotangents(s, padded, old, &self.dy[t * hidden..(t + 1) * hidden], row, dh);
                carry(s, hidden, padded, transposed, row, dh);
            }
            self.weights(s, first, &rows[start * ROWS * padded..end * ROWS * padded], start, end);
            end = start;
        }
    }
}

/// The recurrent weights as `[3 * hidden, padded]`: a row for each gate's unit, zeros beyond `hidden`.
#[inline(always)]
fn transpose<T: Scalar>(gru: &Gru, params: &[T], out: &mut [T]) {
    let (hidden, padded) = (gru.hidden, gru.padded());
    let w = gru.parts(params).w_hh;
    for (g, row) in out.chunks_exact_mut(padded).take(3 * hidden).enumerate() {
        for (k, to) in row.iter_mut().enumerate() {
            *to = if k < hidden { w[k * 3 * hidden + g] } else { T::ZERO };
        }
    }
}

/// Turns r, z, n, recurrent n of a frame into da_r, da_z, d(recurrent n), da_n, and `dh` into its part that bypasses the gates.
#[inline(always)]
fn gate_cotangents<S: Simd>(s: S, padded: usize, old: &[S::T], dy: &[S::T], row: &mut [S::T], dh: &mut [S::T]) {
    let one = s.splat(S::T::ONE);
    let (r_row, row) = row.split_at_mut(padded);
    let (z_row, row) = row.split_at_mut(padded);
    let (n_row, recurrent_row) = row.split_at_mut(padded);
    let mut at = 0;
    while at < old.len() {
        let end = (at + S::N).min(old.len());
        let (old, dy) = (take(s, &old[at..end]), take(s, &dy[at..end]));
        let (r, z, n, recurrent) = (s.load(&r_row[at..]), s.load(&z_row[at..]), s.load(&n_row[at..]), s.load(&recurrent_row[at..]));
        let d = s.add(s.load(&dh[at..]), dy);
        let dn = s.mul(d, s.sub(one, z));
        let da_n = s.mul(dn, s.sub(one, s.mul(n, n)));
        let da_z = s.mul(s.mul(d, s.sub(old, n)), s.mul(z, s.sub(one, z)));
        let da_r = s.mul(s.mul(da_n, recurrent), s.mul(r, s.sub(one, r)));
        s.store(da_r, &mut r_row[at..]);
        s.store(da_z, &mut z_row[at..]);
        s.store(s.mul(da_n, r), &mut n_row[at..]);
        s.store(da_n, &mut recurrent_row[at..]);
        s.store(s.mul(d, z), &mut dh[at..]);
        at += S::N;
    }
}

/// Adds what goes back through the recurrent weights into `dh`.
#[inline(always)]
fn carry<S: Simd>(s: S, hidden: usize, padded: usize, transposed: &[S::T], row: &[S::T], dh: &mut [S::T]) {
    #[inline(always)]
    fn columns<S: Simd, const C: usize>(s: S, hidden: usize, padded: usize, w: &[S::T], row: &[S::T], dh: &mut [S::T], at: usize) {
        let mut acc = [[[s.splat(S::T::ZERO); C]]];
        for c in 0..C {
            acc[0][0][c] = s.load(&dh[at + c * S::N..]);
        }
        for gate in 0..3 {
            let g = &row[gate * padded..gate * padded + hidden];
            s.matvec::<1, 1, C>(&mut acc, [g], &w[gate * hidden * padded + at..], padded, 0);
        }
        for c in 0..C {
            s.store(acc[0][0][c], &mut dh[at + c * S::N..]);
        }
    }
    let mut at = 0;
    while at + 4 * S::N <= padded {
        columns::<S, 4>(s, hidden, padded, transposed, row, dh, at);
        at += 4 * S::N;
    }
    while at + 2 * S::N <= padded {
        columns::<S, 2>(s, hidden, padded, transposed, row, dh, at);
        at += 2 * S::N;
    }
    while at + S::N <= padded {
        columns::<S, 1>(s, hidden, padded, transposed, row, dh, at);
        at += S::N;
    }
}

impl<T: Scalar> Backward<'_, T> {
    /// Parameter and input cotangents of the frames `start..end`, whose gate rows hold cotangents by now.
    #[inline(always)]
    fn weights<S: Simd<T = T>>(&mut self, s: S, first: &[T], rows: &[T], start: usize, end: usize) {
        let (inputs, hidden, padded) = (self.gru.inputs, self.gru.hidden, self.gru.padded());
        let [_, w_hh, b_ih, b_hh, _] = self.gru.places();
        let (stride, gates, frames) = (ROWS * padded, 3 * hidden, end - start);
        let x = &self.x[start * inputs..end * inputs];
        // The memory before frame `start` is the last output before it, or the tape's first entry.
        let (skip, rest) =
            if start == 0 { (1, &self.y[..(end - 1) * hidden]) } else { (0, &self.y[(start - 1) * hidden..(end - 1) * hidden]) };
        for gate in 0..3 {
            let recurrent = &rows[gate * padded..];
            let input = &rows[if gate == 2 { 3 } else { gate } * padded..];
            let at = gate * hidden;
            if frames > skip {
                let recurrent = &recurrent[skip * stride..];
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, rest, hidden, recurrent, stride, frames - skip, hidden, hidden);
            }
            if skip == 1 {
                outer_sum(s, &mut self.dparams[w_hh + at..], gates, first, padded, recurrent, stride, 1, hidden, hidden);
            }
            outer_sum(s, &mut self.dparams[at..], gates, x, inputs, input, stride, frames, inputs, hidden);
            if self.gru.bias {
                outer_sum(s, &mut self.dparams[b_ih + at..], gates, &[T::ONE; SEGMENT], 1, input, stride, frames, 1, hidden);
                outer_sum(s, &mut self.dparams[b_hh + at..], gates, &[T::ONE; SEGMENT], 1, recurrent, stride, frames, 1, hidden);
            }
        }
        if !self.dx.is_empty() {
            let w = self.gru.parts(self.params).w_ih;
            for (row, dx) in rows.chunks_exact(stride).zip(self.dx[start * inputs..end * inputs].chunks_exact_mut(inputs)) {
                for (j, dx) in dx.iter_mut().enumerate() {
                    for (gate, source) in [0, 1, 3].into_iter().enumerate() {
                        let at = j * gates + gate * hidden;
                        *dx += afx_core::kernels::dot(&w[at..at + hidden], &row[source * padded..source * padded + hidden]);
                    }
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

    fn agree(expected: &[f32], found: &[f32], gru: &Gru) {
        for (e, f) in expected.iter().zip(found) {
            assert!((e - f).abs() < 5e-6, "{gru:?}: {e} {f}"); // 3e-7 of each activation, and sums in another order
        }
    }

    #[test]
    fn every_set_of_instructions_plays_what_one_lane_plays() {
        for (inputs, hidden) in
            [(1, 1), (1, 8), (2, 8), (1, 16), (1, 20), (1, 24), (3, 32), (1, 32), (1, 40), (1, 48), (1, 64), (1, 72), (2, 128)]
        {
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
