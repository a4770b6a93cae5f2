//! Diagonal state-space layer.

use afx_core::simd::{Kernel, Simd, put, take};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Role, Scalar, kernels, places};
use core::f64::consts::{LN_2, LN_10, PI, SQRT_2};
use core::ops::Range;

/// Diagonal state-space layer (S4D): each channel's sum of a few damped, learnt oscillators, channels apart from one another.
///
/// `s_n' = A_n s_n + x` in continuous time with `A_n = -exp(log_decay_n) + i frequency_n`, held for `Δ = exp(log_dt)` a frame:
/// `s_n[t] = Ā_n s_n[t-1] + B̄_n x[t]`, `Ā = exp(Δ A)`, `B̄ = (Ā - 1) / A`, and `y = 2 Re(Σ_n C_n s_n) + D x + b`. Gu, Gupta, Goel and Ré 2022,
/// arXiv:2206.11893 (S4D, `B = 1`), whose kernel is this recurrence's impulse response; the bias is where knobs act.
///
/// - `log_dt`: `[channels]`; `log_decay`, `frequency`: `[states, channels]`; `weight`: `[2 * states + 1, channels]`, rows `Re C_n`, then `Im C_n`,
///   then `D`; `bias`: `[channels]`. `weight` and `bias` are an affine map, so that [`Film`](crate::Film) behind it is what the published blocks have.
/// - A state and its conjugate count as one here; the published `N` counts both.
/// - First values are S4D-Lin's: decay 1/2, frequencies `π n`, `Δ` log-uniform in 0.001 to 0.1, `C` and `D` of the published variances. `b` is zero.
/// - Stable whatever the numbers are: `Δ exp(log_decay)` counts as at least `e^-11` (a memory of a second) and at most `e^2.5`, an angle
///   `Δ frequency` as at most ±π, `log_dt` as ±10 beyond that.
/// - What is far beyond full scale is forgotten as slowly as the slowest oscillator decays: first values reach 2000 frames.
/// - Real-time: `process` allocates nothing. What the parameters come to in discrete time is worked out once a call, and in every frame while
///   `log_dt`, `log_decay` or `frequency` move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct S4d {
    /// Numbers in an input frame, and in an output frame.
    pub channels: usize,
    /// Complex states of a channel.
    pub states: usize,
}

/// `log_dt` counts as this beyond it.
const LOG_DT: f64 = 10.0;
/// The least and the most that counts of `ln(Δ exp(log_decay))`. The least keeps `|Ā|` below 1 by a hundred roundings of `f32`.
const LOG_DECAY: [f64; 2] = [-11.0, 2.5];

/// Bounds of first values: a normal distribution of variance 1 for `C`, half of it in either part, and for `D`, has these uniform ones' spread.
const C_BOUND: f64 = 1.224_744_871_391_589;
const D_BOUND: f64 = C_BOUND * SQRT_2;

/// `1 / k!`, from `k = 1`.
const TERMS: [f64; 18] = {
    let (mut terms, mut k) = ([1.0; 18], 1);
    while k < 18 {
        terms[k] = terms[k - 1] / (k + 1) as f64;
        k += 1;
    }
    terms
};

/// `exp(z) - 1` of complex numbers `|z| < 13`, to the last digits also where it is small: a series of `z / 16`, and
/// `exp(2 z) - 1 = E (E + 2)` four times.
#[inline(always)]
fn exp_minus_one<S: Simd>(s: S, re: S::V, im: S::V) -> (S::V, S::V) {
    let sixteenth = s.splat(S::T::from_f64(1.0 / 16.0));
    let (re, im) = (s.mul(re, sixteenth), s.mul(im, sixteenth));
    // 0.8^10 / 10! is half a digit of f32, 0.8^19 / 19! nothing of f64.
    let terms = if S::T::SINGLE { 9 } else { TERMS.len() };
    let (mut p, mut q) = (s.splat(S::T::from_f64(TERMS[terms - 1])), s.splat(S::T::ZERO));
    for k in (0..terms - 1).rev() {
        let next = s.sub(s.mul_add(p, re, s.splat(S::T::from_f64(TERMS[k]))), s.mul(q, im));
        q = s.mul_add(p, im, s.mul(q, re));
        p = next;
    }
    let (mut e, mut f) = (s.sub(s.mul(p, re), s.mul(q, im)), s.mul_add(p, im, s.mul(q, re)));
    let two = s.splat(S::T::from_f64(2.0));
    for _ in 0..4 {
        let more = s.add(e, two);
        let doubled = s.sub(s.mul(e, more), s.mul(f, f));
        f = s.mul(f, s.add(e, more));
        e = doubled;
    }
    (e, f)
}

#[inline(always)]
fn clamp<S: Simd>(s: S, v: S::V, low: f64, high: f64) -> S::V {
    let (low, high) = (s.splat(S::T::from_f64(low)), s.splat(S::T::from_f64(high)));
    let v = s.select(v, high, high, v);
    s.select(low, v, low, v)
}

/// `exp(v)` of what is clamped.
#[inline(always)]
fn exp<S: Simd>(s: S, v: S::V) -> S::V {
    s.add(exp_minus_one(s, v, s.splat(S::T::ZERO)).0, s.splat(S::T::ONE))
}

/// `Ā` and `B̄`, real and imaginary parts.
#[inline(always)]
fn discretise<S: Simd>(s: S, log_dt: S::V, log_decay: S::V, frequency: S::V) -> [S::V; 4] {
    let (zero, one) = (s.splat(S::T::ZERO), s.splat(S::T::ONE));
    let dt = exp(s, clamp(s, log_dt, -LOG_DT, LOG_DT));
    let decay = exp(s, clamp(s, s.add(log_dt, log_decay), LOG_DECAY[0], LOG_DECAY[1]));
    let angle = clamp(s, s.mul(dt, frequency), -PI, PI);
    let (e, f) = exp_minus_one(s, s.sub(zero, decay), angle);
    // Δ (exp(z) - 1) / z, which is (exp(z) - 1) / A, with z = -decay + i angle.
    let scale = s.div(dt, s.mul_add(decay, decay, s.mul(angle, angle)));
    let b_re = s.mul(scale, s.sub(s.mul(f, angle), s.mul(e, decay)));
    let b_im = s.mul(scale, s.sub(zero, s.mul_add(f, decay, s.mul(e, angle))));
    [s.add(one, e), f, b_re, b_im]
}

impl S4d {
    /// Places of `log_dt`, `log_decay`, `frequency`, `weight`, `bias` and the length of the slice.
    fn places(&self) -> [usize; 6] {
        let each = self.states * self.channels;
        places([self.channels, each, each, 2 * each + self.channels, self.channels])
    }

    /// Numbers of a row of memory: a vector may run over the last channel.
    fn row(&self) -> usize {
        self.channels.next_multiple_of(ALIGN)
    }

    /// One number for every state of every channel.
    fn plane(&self) -> usize {
        self.states * self.row()
    }

    /// `Δ`, `Δ exp(log_decay)` and `Δ frequency` of a state, as they count, and whether each is the number that was asked for.
    fn exponent<T: Scalar>(&self, params: &[T], n: usize, channel: usize) -> ([T; 3], [bool; 3]) {
        let [log_dt, log_decay, frequency, ..] = self.places();
        let (log_dt, i) = (params[log_dt + channel], n * self.channels + channel);
        let (dt, free_dt) = clamped(log_dt, -LOG_DT, LOG_DT);
        let (decay, free_decay) = clamped(log_dt + params[log_decay + i], LOG_DECAY[0], LOG_DECAY[1]);
        let dt = dt.exp();
        let (angle, free_angle) = clamped(dt * params[frequency + i], -PI, PI);
        ([dt, decay.exp(), angle], [free_dt, free_decay, free_angle])
    }
}

fn clamped<T: Scalar>(v: T, low: f64, high: f64) -> (T, bool) {
    let (low, high) = (T::from_f64(low), T::from_f64(high));
    if v > high {
        (high, false)
    } else if low > v {
        (low, false)
    } else {
        (v, true)
    }
}

/// Writes a plane each of `Ā` and `B̄`, real and imaginary parts, in the order of [`discretise`].
#[inline(always)]
fn discretise_all<S: Simd>(s: S, layer: &S4d, params: &[S::T], to: &mut [S::T]) {
    let [log_dt, log_decay, frequency, ..] = layer.places();
    let (row, plane) = (layer.row(), layer.plane());
    for n in 0..layer.states {
        for at in (0..layer.channels).step_by(S::N) {
            let i = n * layer.channels + at;
            let [a, b, c] = [&params[log_dt + at..], &params[log_decay + i..], &params[frequency + i..]];
            let found = discretise(s, s.load(a), s.load(b), s.load(c));
            for k in 0..4 {
                s.store(found[k], &mut to[k * plane + n * row + at..]);
            }
        }
    }
}

struct Play<'a, T> {
    layer: &'a S4d,
    params: &'a [T],
    /// Real parts of the states, imaginary parts.
    memory: &'a mut [T],
    /// `Ā` and `B̄`.
    discrete: &'a mut [T],
    x: &'a [T],
    y: &'a mut [T],
    /// The memory after every frame, if it is wanted.
    tape: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Play<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Play { layer, params, memory, discrete, x, y, tape } = self;
        let S4d { channels, states } = *layer;
        let (row, plane, [.., weight, bias, _]) = (layer.row(), layer.plane(), layer.places());
        discretise_all(s, layer, params, discrete);
        let (a_re, rest) = discrete.split_at(plane);
        let (a_im, rest) = rest.split_at(plane);
        let (b_re, b_im) = rest.split_at(plane);
        let (re, im) = memory.split_at_mut(plane);
        let (c_re, c_im) = (&params[weight..], &params[weight + states * channels..]);
        let two = s.splat(T::from_f64(2.0));
        for at in (0..channels).step_by(S::N) {
            let width = S::N.min(channels - at);
            let (d, b) = (s.load(&params[weight + 2 * states * channels + at..]), s.load(&params[bias + at..]));
            for (t, (x, y)) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)).enumerate() {
                let x = take(s, &x[at..at + width]);
                let mut sum = s.splat(T::ZERO);
                for n in 0..states {
                    let (i, c) = (n * row + at, n * channels + at);
                    let (p, q) = (s.load(&re[i..]), s.load(&im[i..]));
                    let (ar, ai) = (s.load(&a_re[i..]), s.load(&a_im[i..]));
                    let u = s.sub(s.mul_add(ar, p, s.mul(s.load(&b_re[i..]), x)), s.mul(ai, q));
                    let v = s.mul_add(ai, p, s.mul_add(ar, q, s.mul(s.load(&b_im[i..]), x)));
                    s.store(u, &mut re[i..]);
                    s.store(v, &mut im[i..]);
                    sum = s.sub(s.mul_add(s.load(&c_re[c..]), u, sum), s.mul(s.load(&c_im[c..]), v));
                    if !tape.is_empty() {
                        s.store(u, &mut tape[2 * plane * t + i..]);
                        s.store(v, &mut tape[2 * plane * t + plane + i..]);
                    }
                }
                let out = s.mul_add(two, sum, s.mul_add(d, x, b));
                let y = &mut y[at..at + width];
                put(s, out, y);
            }
        }
    }
}

/// [`Play`] with the parameters of every frame; where `STILL`, those of the states are the same in all.
struct Glide<'a, T, const STILL: bool> {
    layer: &'a S4d,
    start: &'a [T],
    slope: &'a [T],
    first: usize,
    memory: &'a mut [T],
    discrete: &'a mut [T],
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar, const STILL: bool> Kernel<T> for Glide<'_, T, STILL> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Glide { layer, start, slope, first, memory, discrete, x, y } = self;
        let S4d { channels, states } = *layer;
        let (row, plane, [log_dt, log_decay, frequency, weight, bias, _]) = (layer.row(), layer.plane(), layer.places());
        let (re, im) = memory.split_at_mut(plane);
        let (two, imaginary) = (s.splat(T::from_f64(2.0)), weight + states * channels);
        if STILL {
            discretise_all(s, layer, start, discrete);
        }
        for at in (0..channels).step_by(S::N) {
            let width = S::N.min(channels - at);
            for (t, (x, y)) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)).enumerate() {
                let passed = s.splat(T::from_usize(first + t));
                let x = take(s, &x[at..at + width]);
                let dt = moved(s, start, slope, passed, log_dt + at);
                let mut sum = s.splat(T::ZERO);
                for n in 0..states {
                    let (i, c) = (n * row + at, n * channels + at);
                    let [ar, ai, br, bi] = if STILL {
                        [
                            s.load(&discrete[i..]),
                            s.load(&discrete[plane + i..]),
                            s.load(&discrete[2 * plane + i..]),
                            s.load(&discrete[3 * plane + i..]),
                        ]
                    } else {
                        let decay = moved(s, start, slope, passed, log_decay + c);
                        discretise(s, dt, decay, moved(s, start, slope, passed, frequency + c))
                    };
                    let (p, q) = (s.load(&re[i..]), s.load(&im[i..]));
                    let u = s.sub(s.mul_add(ar, p, s.mul(br, x)), s.mul(ai, q));
                    let v = s.mul_add(ai, p, s.mul_add(ar, q, s.mul(bi, x)));
                    s.store(u, &mut re[i..]);
                    s.store(v, &mut im[i..]);
                    let readout = s.mul_add(moved(s, start, slope, passed, weight + c), u, sum);
                    sum = s.sub(readout, s.mul(moved(s, start, slope, passed, imaginary + c), v));
                }
                let d = moved(s, start, slope, passed, weight + 2 * states * channels + at);
                let out = s.mul_add(two, sum, s.mul_add(d, x, moved(s, start, slope, passed, bias + at)));
                let y = &mut y[at..at + width];
                put(s, out, y);
            }
        }
    }
}

/// Numbers on their way, from place `at` on.
#[inline(always)]
fn moved<S: Simd>(s: S, start: &[S::T], slope: &[S::T], passed: S::V, at: usize) -> S::V {
    s.mul_add(s.load(&slope[at..]), passed, s.load(&start[at..]))
}

struct Backward<'a, T> {
    layer: &'a S4d,
    params: &'a [T],
    /// The memory before the first frame, and after every frame.
    memories: &'a [T],
    room: &'a mut [T],
    x: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

/// Planes that [`Backward`] works in: `Ā` and `B̄`; cotangents of the memory, of `Ā`, of `B̄` and of `C`. Behind them a row for `D` and one for
/// the bias.
const PLANES: usize = 12;

impl<T: Scalar> Kernel<T> for Backward<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let Backward { layer, params, memories, room, x, dy, dx } = self;
        let S4d { channels, states } = *layer;
        let (row, plane, [.., weight, _, _]) = (layer.row(), layer.plane(), layer.places());
        let (discrete, room) = room.split_at_mut(4 * plane);
        discretise_all(s, layer, params, discrete);
        room.fill(T::ZERO);
        let (cotangents, last) = room.split_at_mut((PLANES - 4) * plane);
        let (c_re, c_im) = (&params[weight..], &params[weight + states * channels..]);
        let two = s.splat(T::from_f64(2.0));
        for at in (0..channels).step_by(S::N) {
            let width = S::N.min(channels - at);
            let d = s.load(&params[weight + 2 * states * channels + at..]);
            let (mut dd, mut db) = (s.splat(T::ZERO), s.splat(T::ZERO));
            for t in (0..x.len() / channels).rev() {
                let frame = t * channels + at;
                let (x, dy) = (take(s, &x[frame..frame + width]), take(s, &dy[frame..frame + width]));
                let (before, after) = memories[2 * plane * t..2 * plane * (t + 2)].split_at(2 * plane);
                (dd, db) = (s.mul_add(x, dy, dd), s.add(db, dy));
                let mut back = s.mul(d, dy);
                let twice = s.mul(two, dy);
                for n in 0..states {
                    let (i, c) = (n * row + at, n * channels + at);
                    let (ar, ai) = (s.load(&discrete[i..]), s.load(&discrete[plane + i..]));
                    let (br, bi) = (s.load(&discrete[2 * plane + i..]), s.load(&discrete[3 * plane + i..]));
                    let (e, f) = (s.load(&cotangents[i..]), s.load(&cotangents[plane + i..]));
                    // conj(Ā) times the cotangent of the memory behind the frame, and what the output adds.
                    let u = s.mul_add(s.load(&c_re[c..]), twice, s.mul_add(ar, e, s.mul(ai, f)));
                    let v = s.sub(s.mul(ar, f), s.mul_add(s.load(&c_im[c..]), twice, s.mul(ai, e)));
                    s.store(u, &mut cotangents[i..]);
                    s.store(v, &mut cotangents[plane + i..]);
                    let (p, q) = (s.load(&before[i..]), s.load(&before[plane + i..]));
                    let minus = s.sub(s.splat(T::ZERO), twice);
                    let sums = [
                        s.mul_add(u, p, s.mul(v, q)),
                        s.sub(s.mul(v, p), s.mul(u, q)),
                        s.mul(u, x),
                        s.mul(v, x),
                        s.mul(twice, s.load(&after[i..])),
                        s.mul(minus, s.load(&after[plane + i..])),
                    ];
                    for k in 0..6 {
                        let to = &mut cotangents[(2 + k) * plane + i..];
                        s.store(s.add(s.load(to), sums[k]), to);
                    }
                    back = s.mul_add(br, u, s.mul_add(bi, v, back));
                }
                if !dx.is_empty() {
                    let to = &mut dx[frame..frame + width];
                    let sum = s.add(take(s, to), back);
                    put(s, sum, to);
                }
            }
            s.store(dd, &mut last[at..]);
            s.store(db, &mut last[row + at..]);
        }
    }
}

impl<T: Scalar> Layer<T> for S4d {
    fn inputs(&self) -> usize {
        self.channels
    }
    fn outputs(&self) -> usize {
        self.channels
    }
    fn fits(&self) -> bool {
        self.channels > 0 && self.states > 0
    }
    fn layout(&self) -> Layout {
        let S4d { channels, states } = *self;
        let layout = Layout::new().tensor("log_dt", &[channels]).tensor("log_decay", &[states, channels]);
        let layout = layout.tensor("frequency", &[states, channels]).tensor("weight", &[2 * states + 1, channels]);
        layout.tensor("bias", &[channels]).affine(Role::Input, "weight", Some("bias"))
    }
    fn params_len(&self) -> usize {
        self.places()[5]
    }
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let [log_dt, log_decay, frequency, weight, ..] = self.places();
        let each = self.states * self.channels;
        params.fill(T::ZERO);
        params[log_dt..][..self.channels].fill_with(|| T::from_f64(LN_10 * (uniform() - 2.0)));
        params[log_decay..][..each].fill(T::from_f64(-LN_2));
        for (i, to) in params[frequency..][..each].iter_mut().enumerate() {
            *to = T::from_f64(PI * (i / self.channels) as f64);
        }
        params[weight..][..2 * each].fill_with(|| T::from_f64(C_BOUND * uniform()));
        params[weight + 2 * each..][..self.channels].fill_with(|| T::from_f64(D_BOUND * uniform()));
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..2 * self.plane());
        true
    }
    /// The states, and room for `Ā` and `B̄`.
    fn state_len(&self) -> usize {
        6 * self.plane()
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let (memory, discrete) = state.split_at_mut(2 * self.plane());
        T::dispatch_width(self.channels, Play { layer: self, params, memory, discrete, x, y, tape: &mut [] });
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let Moving { start, slope: Some(slope), first } = params else { return self.process(params.start, state, x, y) };
        let ([.., weight, _, _], (memory, discrete)) = (self.places(), state.split_at_mut(2 * self.plane()));
        // A FiLM moves what is heard of the states, and knobs beside the input nothing here.
        if slope[..weight].iter().all(|v| *v == T::ZERO) {
            T::dispatch_width(self.channels, Glide::<T, true> { layer: self, start, slope, first, memory, discrete, x, y });
        } else {
            T::dispatch_width(self.channels, Glide::<T, false> { layer: self, start, slope, first, memory, discrete, x, y });
        }
    }
    /// What is beyond 1e5 counts as spoilt, too: no sound leaves as much, and a long memory would take seconds to forget it.
    fn flush(&self, state: &mut [T]) -> bool {
        let (memory, most) = (&mut state[..2 * self.plane()], T::from_f64(1e5));
        kernels::flush(memory) && memory.iter().fold(true, |fine, v| fine & (v.abs() < most))
    }
    /// In closed form: `s = -x / A`.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let (row, plane, [.., weight, bias, _]) = (self.row(), self.plane(), self.places());
        let each = self.states * self.channels;
        let two = T::ONE + T::ONE;
        for (channel, (x, y)) in x.iter().zip(y).enumerate() {
            *y = params[bias + channel] + params[weight + 2 * each + channel] * *x;
            for n in 0..self.states {
                let ([dt, decay, angle], _) = self.exponent(params, n, channel);
                let size = dt * *x / (decay * decay + angle * angle);
                let (re, im, c) = (size * decay, size * angle, weight + n * self.channels + channel);
                (state[n * row + channel], state[plane + n * row + channel]) = (re, im);
                *y += two * (params[c] * re - params[c + each] * im);
            }
        }
    }
}

impl<T: Scalar> Differentiable<T> for S4d {
    /// The memory before the first frame and after every one, and room for the cotangents.
    fn tape_len(&self, frames: usize) -> usize {
        (2 * (frames + 1) + PLANES) * self.plane() + 2 * self.row()
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (memory, discrete) = state.split_at_mut(2 * self.plane());
        let (before, tape) = tape.split_at_mut(2 * self.plane());
        before.copy_from_slice(memory);
        T::dispatch_width(self.channels, Play { layer: self, params, memory, discrete, x, y, tape });
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (row, plane, [log_dt, log_decay, frequency, weight, bias, _]) = (self.row(), self.plane(), self.places());
        let (each, frames) = (self.states * self.channels, x.len() / self.channels);
        let (memories, room) = tape.split_at_mut(2 * (frames + 1) * plane);
        let room = &mut room[..PLANES * plane + 2 * row];
        T::dispatch_width(self.channels, Backward { layer: self, params, memories, room, x, dy, dx });
        for channel in 0..self.channels {
            for n in 0..self.states {
                let (i, own) = (n * row + channel, n * self.channels + channel);
                let at = |k: usize| room[k * plane + i];
                let ([dt, decay, angle], [free_dt, free_decay, free_angle]) = self.exponent(params, n, channel);
                let ([a_re, a_im, b_re, b_im], [ga_re, ga_im, gb_re, gb_im]) = ([0, 1, 2, 3].map(at), [6, 7, 8, 9].map(at));
                // B̄ = Δ φ(z) with φ(z) = (exp(z) - 1) / z, φ' = (Ā - φ) / z and z = -decay + i angle.
                let (phi_re, phi_im) = (b_re / dt, b_im / dt);
                let (e, f, size) = (a_re - phi_re, a_im - phi_im, dt / (decay * decay + angle * angle));
                let (slope_re, slope_im) = (size * (f * angle - e * decay), -size * (f * decay + e * angle));
                // The cotangent of z: conj(Ā) gĀ + conj(Δ φ') gB̄.
                let z_re = a_re * ga_re + a_im * ga_im + slope_re * gb_re + slope_im * gb_im;
                let z_im = a_re * ga_im - a_im * ga_re + slope_re * gb_im - slope_im * gb_re;
                let mut ddt = phi_re * gb_re + phi_im * gb_im;
                if free_decay {
                    dparams[log_decay + own] += -decay * z_re;
                    dparams[log_dt + channel] += -decay * z_re;
                }
                if free_angle {
                    dparams[frequency + own] += dt * z_im;
                    ddt += params[frequency + own] * z_im;
                }
                if free_dt {
                    dparams[log_dt + channel] += dt * ddt;
                }
                dparams[weight + own] += at(10);
                dparams[weight + each + own] += at(11);
            }
            dparams[weight + 2 * each + channel] += room[PLANES * plane + channel];
            dparams[bias + channel] += room[PLANES * plane + row + channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::testing::Noise;
    use alloc::vec;
    use alloc::vec::Vec;

    fn first_values<T: Scalar>(layer: &S4d, seed: u64) -> Vec<T> {
        let (mut noise, mut params) = (Noise::new(seed), vec![T::ZERO; Layer::<T>::params_len(layer)]);
        layer.initialize(&mut || noise.next_f64(), &mut params);
        params
    }

    /// `exp(z)` of the standard library against the series, on a grid of everything that can be asked for.
    #[test]
    fn the_exponential_is_good_to_the_last_digits() {
        fn worst<T: Scalar>() -> f64 {
            let mut worst = 0f64;
            for i in 0..=200 {
                for k in -20..=20 {
                    let (re, im) = (-12.2 * (i as f64 / 200.0).powi(4), PI * k as f64 / 20.0);
                    struct One<T>(T, T);
                    impl<T: Scalar> Kernel<T> for One<T> {
                        type Out = [f64; 2];
                        #[inline(always)]
                        fn call<S: Simd<T = T>>(self, s: S) -> [f64; 2] {
                            let (e, f) = exp_minus_one(s, s.splat(self.0), s.splat(self.1));
                            let mut lanes = [T::ZERO; 16];
                            s.store(e, &mut lanes);
                            let e = lanes[0].to_f64();
                            s.store(f, &mut lanes);
                            [e, lanes[0].to_f64()]
                        }
                    }
                    let (re, im) = (T::from_f64(re), T::from_f64(im));
                    let [e, f] = T::dispatch(One(re, im));
                    let (re, im) = (re.to_f64(), im.to_f64());
                    let expected = [re.exp_m1() * im.cos() - 2.0 * (im / 2.0).sin().powi(2), re.exp() * im.sin()];
                    let size = expected[0].hypot(expected[1]).max(1e-30);
                    worst = worst.max((e - expected[0]).hypot(f - expected[1]) / size);
                }
            }
            worst
        }
        let (double, single) = (worst::<f64>(), worst::<f32>());
        assert!(double < 3e-15 && single < 2e-6, "{double:e} {single:e}"); // a dozen roundings
    }

    /// What the published kernel says: `2 Re(Σ C (exp(Δ A) - 1) / A exp(Δ A)^t)`, and `D` at once.
    #[test]
    fn an_impulse_comes_out_as_the_published_kernel() {
        let layer = S4d { channels: 3, states: 4 };
        let params = first_values::<f64>(&layer, 1);
        let [log_dt, log_decay, frequency, weight, ..] = layer.places();
        let (mut x, mut y) = (vec![0.0; 3 * 300], vec![0.0; 3 * 300]);
        x[..3].fill(1.0);
        layer.process(&params, &mut vec![0.0; Layer::<f64>::state_len(&layer)], &x, &mut y);
        for c in 0..3 {
            for t in 0..300 {
                let mut expected = if t == 0 { params[weight + 24 + c] } else { 0.0 };
                for n in 0..4 {
                    let (dt, i) = (params[log_dt + c].exp(), 3 * n + c);
                    let (a, w) = (-params[log_decay + i].exp(), params[frequency + i]);
                    // (exp((t + 1) Δ A) - exp(t Δ A)) / A
                    let power = |t: f64| ((t * dt * a).exp() * (t * dt * w).cos(), (t * dt * a).exp() * (t * dt * w).sin());
                    let ((p, q), (u, v)) = (power(t as f64 + 1.0), power(t as f64));
                    let (re, im) = (((p - u) * a + (q - v) * w) / (a * a + w * w), ((q - v) * a - (p - u) * w) / (a * a + w * w));
                    expected += 2.0 * (params[weight + i] * re - params[weight + 12 + i] * im);
                }
                assert!((y[3 * t + c] - expected).abs() < 1e-13, "channel {c}, frame {t}: {} {expected}", y[3 * t + c]);
            }
        }
    }

    #[test]
    fn a_memory_that_no_sound_leaves_is_spoilt() {
        let layer = S4d { channels: 3, states: 2 };
        let mut state = vec![9e4f32; Layer::<f32>::state_len(&layer)];
        assert!(Layer::<f32>::flush(&layer, &mut state));
        for bad in [-2e5, f32::NAN, f32::INFINITY] {
            (state[17], state[0]) = (bad, 0.0);
            assert!(!Layer::<f32>::flush(&layer, &mut state), "{bad}");
        }
    }

    #[test]
    fn it_rests_where_playing_leads() {
        let layer = S4d { channels: 5, states: 3 };
        let (params, x) = (first_values::<f64>(&layer, 4), Noise::new(5).take::<f64>(5, 1.0));
        let (mut state, mut memory) = (vec![0.3; Layer::<f64>::state_len(&layer)], vec![0.0; Layer::<f64>::state_len(&layer)]);
        let (mut rest, mut next, mut played) = (vec![0.0; 5], vec![0.0; 5], vec![0.0; 5 * 100_000]);
        layer.rest(&params, &mut state, &x, &mut rest);
        layer.process(&params, &mut state, &x, &mut next);
        // The slowest state has a time constant of 2000 frames.
        layer.process(&params, &mut memory, &x.repeat(100_000), &mut played);
        for (c, rest) in rest.iter().enumerate() {
            let played = played[5 * 99_999 + c];
            assert!((rest - next[c]).abs() < 1e-11 && (rest - played).abs() < 1e-11, "rests at {rest}, goes on at {}, {played}", next[c]);
        }
    }

    /// What a hypernetwork may ask for in the course of training, for ten seconds of a steady tone at the pole.
    #[test]
    fn numbers_of_any_size_give_a_stable_layer() {
        let layer = S4d { channels: 1, states: 1 };
        let [log_dt, log_decay, frequency, ..] = layer.places();
        for (dt, decay, angle) in [(-4.0, -1e30, PI), (1e30, 1e30, 1e30), (-1e30, 0.0, 1e30), (0.0, -1e30, -1e30), (0.0, 1e30, 0.0)] {
            let mut params = first_values::<f32>(&layer, 2);
            (params[log_dt], params[log_decay], params[frequency]) = (dt, decay, angle as f32);
            let angle = (f64::from(dt.clamp(-10.0, 10.0)).exp() * f64::from(params[frequency])).clamp(-PI, PI);
            let x: Vec<f32> = (0..480_000).map(|t| (angle * t as f64).cos() as f32).collect();
            let (mut y, mut state) = (vec![0.0; x.len()], vec![0.0; Layer::<f32>::state_len(&layer)]);
            layer.process(&params, &mut state, &x, &mut y);
            // A memory of e^11 frames adds up as many; a step of e^10 a frame makes more of each.
            let most = 3e5 * f64::from(dt.clamp(-10.0, 10.0)).exp() as f32;
            assert!(y.iter().all(|y| y.abs() < most), "{dt} {decay} {angle}");
            let loudest = |y: &[f32]| y.iter().fold(0f32, |m, y| m.max(y.abs()));
            assert!(loudest(&y[470_000..]) <= 1.01 * loudest(&y[..470_000]), "{dt} {decay} {angle}: grows");
        }
    }
}
