//! A conditioned model that plays.

use crate::processor::{audible, shortest};
use crate::{Adapter, Aligned, Conditioned, Layer, Moving, Processor, Scalar};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Every so many frames the memory is checked: numbers too small to matter become zero, a memory that is not finite restarts at rest.
const CHECK: usize = 64;
/// While knobs move, the parameters of a layer that does not glide by itself take one step every so many frames.
const STEP: usize = 4;
/// Numbers of a layer that are compared at a time.
const CHUNK: usize = 64;
/// Input beyond this is clipped: +120 dBFS.
const LIMIT: f64 = 1e6;

/// A [`Conditioned`] model with its knobs, its memory and the parameters in use: a [`Processor`]. The first page of `afx-models` plays one.
///
/// - Knob moves glide: the layer's parameters go in a straight line from those in use to those of the new position over
///   [`Voice::set_glide_ms`]: frame by frame in a layer that [`Layer::glides`], else by a small step every four frames. At rest nothing is
///   computed beyond the layer itself.
/// - Playing starts from the model's own resting state for its knobs, so silence gives no pop.
/// - NaN, infinities and what lies below -400 dBFS in the input count as silence, and no input leaves the memory stuck. No output is a
///   subnormal number, and whether a host has the processor flush those does not matter.
/// - A layer with one input and one output serves any number of channels, all with the same parameters, two at a time.
/// - [`Voice::reset`](Processor::reset) plays silence until the model rests, up to 12,288 frames of it for a GRU and 74,240 for an LSTM with
///   a slow memory, unless the knobs are where they were the last time: for a moment in which nobody listens.
/// - Beside the learnt numbers it keeps the parameters in use and those that the knobs aim at; for a layer that glides the way between, too.
#[derive(Clone)]
pub struct Voice<T: Scalar, L, A> {
    model: Conditioned<L, A>,
    learnt: Cow<'static, [T]>,
    controls: Vec<T>,
    scratch: Vec<T>,
    glide: Glide<T>,
    glide_frames: usize,
    sample_rate_hz: f64,
    states: Vec<Aligned<T>>,
    rest: Aligned<T>,
    /// The knobs that `rest` belongs to, once it is known.
    rested: bool,
    rested_at: Vec<T>,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
    position: usize,
}

/// Why a [`Voice`] cannot be built.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum VoiceError {
    /// The layer has a size of zero, or parts that do not fit one another.
    Layer,
    /// The adapter was made for another layer.
    Adapter {
        /// Numbers that the layer takes.
        expected: usize,
        /// Numbers that the adapter writes.
        found: usize,
    },
    /// The learnt numbers do not fit the model.
    Parameters {
        /// Length of the slice that the adapter's layout describes.
        expected: usize,
        /// Length of the slice given.
        found: usize,
    },
    /// A learnt number is NaN or infinite.
    NotFinite {
        /// Its index in the slice.
        index: usize,
    },
    /// The sample rate is not a positive number.
    SampleRate {
        /// What was given.
        found: f64,
    },
    /// No channel, or several for a layer that is not one in, one out.
    Channels {
        /// What was asked for.
        found: usize,
    },
}

impl fmt::Display for VoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer => write!(f, "layer: expected sizes above zero and parts that fit one another, found others"),
            Self::Adapter { expected, found } => {
                write!(f, "adapter: expected one for a layer of {expected} numbers, found one for {found}")
            }
            Self::Parameters { expected, found } => write!(f, "parameters: expected a slice of {expected} numbers, found {found}"),
            Self::NotFinite { index } => write!(f, "parameters: expected finite numbers, found another at index {index}"),
            Self::SampleRate { found } => write!(f, "sample_rate_hz: expected a positive number, found {found}"),
            Self::Channels { found } => {
                write!(f, "channels: expected 1, or more for a layer with one input and one output, found {found}")
            }
        }
    }
}

impl core::error::Error for VoiceError {}

/// The parameters in use and where they are going.
#[derive(Clone)]
struct Glide<T: Scalar> {
    current: Aligned<T>,
    target: Aligned<T>,
    /// The part that differs.
    from: usize,
    to: usize,
    /// Steps left; at zero nothing moves.
    steps: usize,
    /// For a layer that glides, whose steps are frames: what the parameters move by in each.
    slope: Aligned<T>,
    /// And the frames it has played since the parameters were those in `current`.
    passed: usize,
}

impl<T: Scalar> Glide<T> {
    /// Turns towards `target`, in `steps` steps.
    fn start(&mut self, steps: usize) {
        // Whole chunks at a time, each without a branch: most adapters move little of a layer, and some nothing.
        let differ = |(a, b): (&[T], &[T])| a.iter().zip(b).fold(false, |differ, (a, b)| differ | (a != b));
        let mut chunks = self.current.chunks(CHUNK).zip(self.target.chunks(CHUNK));
        let Some(first) = chunks.position(differ) else {
            self.steps = 0;
            return;
        };
        let last = first + 1 + chunks.map(differ).rposition(|d| d).map_or(0, |n| n + 1);
        (self.from, self.to, self.steps) = (first * CHUNK, self.current.len().min(last * CHUNK), steps.max(1));
        if !self.slope.is_empty() {
            self.slope.fill(T::ZERO);
            let weight = T::ONE / T::from_usize(self.steps);
            let lines = self.current.iter().zip(&self.target[..]).zip(&mut self.slope[..]);
            lines.skip(self.from).take(self.to - self.from).for_each(|((from, to), slope)| *slope = (*to - *from) * weight);
        }
    }

    fn arrive(&mut self) {
        self.current.copy_from_slice(&self.target);
        (self.steps, self.passed) = (0, 0);
    }

    /// The frames that were played are taken up in `current`.
    fn catch_up(&mut self) {
        if self.passed >= self.steps {
            if self.passed > 0 {
                self.arrive();
            }
        } else if self.passed > 0 {
            let weight = T::from_usize(self.passed) / T::from_usize(self.steps);
            crate::kernels::approach(&mut self.current[self.from..self.to], &self.target[self.from..self.to], weight);
            (self.steps, self.passed) = (self.steps - self.passed, 0);
        }
    }

    /// One step of a straight line: `1 / steps` of what is left.
    fn step(&mut self) {
        if self.steps <= 1 {
            return self.arrive();
        }
        let weight = T::ONE / T::from_usize(self.steps);
        crate::kernels::approach(&mut self.current[self.from..self.to], &self.target[self.from..self.to], weight);
        self.steps -= 1;
    }
}

impl<T: Scalar, L: Layer<T>, A: Adapter<T>> Voice<T, L, A> {
    /// A voice of `channels` channels at `sample_rate_hz`, knobs in the middle, glide 30 ms.
    ///
    /// `learnt` are the model's numbers in the order of the adapter's layout; they are copied. Allocates everything that it will ever need.
    ///
    /// # Errors
    /// When layer, adapter and numbers do not fit one another, a number is not finite, or the rate or the number of channels makes no sense.
    pub fn new(model: Conditioned<L, A>, learnt: &[T], sample_rate_hz: f64, channels: usize) -> Result<Self, VoiceError> {
        Self::check_parts(&model, learnt, sample_rate_hz, channels)?;
        Ok(Self::build(model, Cow::Owned(learnt.to_vec()), sample_rate_hz, channels))
    }

    /// [`Voice::new`] for numbers that stay where they are, in flash for one.
    ///
    /// # Errors
    /// As [`Voice::new`].
    pub fn new_static(model: Conditioned<L, A>, learnt: &'static [T], sample_rate_hz: f64, channels: usize) -> Result<Self, VoiceError> {
        Self::check_parts(&model, learnt, sample_rate_hz, channels)?;
        Ok(Self::build(model, Cow::Borrowed(learnt), sample_rate_hz, channels))
    }

    fn check_parts(model: &Conditioned<L, A>, learnt: &[T], sample_rate_hz: f64, channels: usize) -> Result<(), VoiceError> {
        if !model.layer.fits() {
            return Err(VoiceError::Layer);
        }
        let (expected, found) = (model.layer.params_len(), model.adapter.layer_len());
        if found != expected {
            return Err(VoiceError::Adapter { expected, found });
        }
        let expected = model.adapter.layout().len();
        if learnt.len() != expected {
            return Err(VoiceError::Parameters { expected, found: learnt.len() });
        }
        if let Some(index) = learnt.iter().position(|v| !v.is_finite()) {
            return Err(VoiceError::NotFinite { index });
        }
        if !(sample_rate_hz.is_finite() && sample_rate_hz > 0.0) {
            return Err(VoiceError::SampleRate { found: sample_rate_hz });
        }
        let mono = model.layer.inputs() == 1 && model.layer.outputs() == 1;
        if channels == 0 || (channels > 1 && !mono) {
            return Err(VoiceError::Channels { found: channels });
        }
        Ok(())
    }

    fn build(model: Conditioned<L, A>, learnt: Cow<'static, [T]>, sample_rate_hz: f64, channels: usize) -> Self {
        let layer = &model.layer;
        let buffer = |width: usize| [vec![T::ZERO; CHECK * width], vec![T::ZERO; CHECK * width]];
        let zeros = || Aligned::zeros(layer.params_len());
        let slope = if layer.glides() { zeros() } else { Aligned::zeros(0) };
        let mut voice = Voice {
            learnt,
            controls: vec![T::ZERO; model.adapter.controls()],
            scratch: vec![T::ZERO; model.adapter.scratch_len()],
            glide: Glide { current: zeros(), target: zeros(), from: 0, to: 0, steps: 0, slope, passed: 0 },
            glide_frames: 0,
            sample_rate_hz,
            states: vec![Aligned::zeros(layer.state_len()); channels],
            rest: Aligned::zeros(layer.state_len()),
            rested: false,
            rested_at: vec![T::ZERO; model.adapter.controls()],
            x: buffer(layer.inputs()),
            y: buffer(layer.outputs()),
            position: 0,
            model,
        };
        voice.set_glide_ms(30.0);
        voice.realize();
        voice.reset();
        voice
    }

    /// Time that a knob move takes; 20 to 50 ms are inaudible. Zero is allowed and clicks.
    pub fn set_glide_ms(&mut self, glide_ms: f64) {
        let frames = glide_ms * 1e-3 * self.sample_rate_hz;
        self.glide_frames = if frames > 0.0 { frames.min(1e9) as usize } else { 0 };
    }

    /// The model.
    pub fn model(&self) -> &Conditioned<L, A> {
        &self.model
    }

    /// The knobs as last set, in `[-1, 1]`.
    pub fn controls(&self) -> &[T] {
        &self.controls
    }

    /// The layer's parameters in use now; while one that [`Layer::glides`] follows a knob, those of up to 64 frames ago.
    pub fn parameters(&self) -> &[T] {
        &self.glide.current
    }

    /// The parameters of the knobs' positions into `glide.target`.
    fn realize(&mut self) {
        self.model.adapter.realize(&self.learnt, &self.controls, &mut self.scratch, &mut self.glide.target);
    }

    /// Runs `frames` frames of one or two channels from `x` to `y`, in pieces that end where the parameters or the memory are due.
    fn run(&mut self, first: usize, pair: bool, frames: usize) {
        let (i, o) = (self.model.layer.inputs(), self.model.layer.outputs());
        let params = &self.glide.current;
        if self.glide.steps > 0 && !self.glide.slope.is_empty() {
            let params = Moving { start: params, slope: Some(&self.glide.slope), first: self.glide.passed };
            let channels = self.states[first..].iter_mut().zip(self.x.iter().zip(&mut self.y));
            for (state, (x, y)) in channels.take(1 + usize::from(pair)) {
                self.model.layer.process_gliding(params, state, &x[..frames * i], &mut y[..frames * o]);
            }
            return;
        }
        let ([x0, x1], [y0, y1]) = (&self.x, &mut self.y);
        match &mut self.states[first..] {
            [a, b, ..] if pair => self.model.layer.process_pair(
                params,
                [a, b],
                [&x0[..frames * i], &x1[..frames * i]],
                [&mut y0[..frames * o], &mut y1[..frames * o]],
            ),
            [a, ..] => self.model.layer.process(params, a, &x0[..frames * i], &mut y0[..frames * o]),
            [] => {}
        }
    }

    /// Zeros for numbers too small to matter, the resting state for a memory that is not finite.
    fn check(&mut self) {
        for state in &mut self.states {
            if !self.model.layer.flush(state) {
                state.copy_from_slice(&self.rest);
            }
        }
    }
}

impl<T: Scalar, L, A> fmt::Debug for Voice<T, L, A> {
    /// Sizes and knobs; the numbers themselves would fill pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice")
            .field("learnt", &self.learnt.len())
            .field("parameters", &self.glide.current.len())
            .field("controls", &self.controls)
            .field("channels", &self.states.len())
            .field("sample_rate_hz", &self.sample_rate_hz)
            .finish_non_exhaustive()
    }
}

/// `x` as a number the model can bear.
fn tame<T: Scalar>(x: T) -> T {
    let limit = T::from_f64(LIMIT);
    if !audible(x) {
        T::ZERO
    } else if x > limit {
        limit
    } else if x < -limit {
        -limit
    } else {
        x
    }
}

/// A channel into place `j` of frames of `width`, tamed; silence where there is no channel.
fn gather<T: Scalar>(from: &[T], frames: &mut [T], width: usize, j: usize) {
    if from.is_empty() {
        frames.iter_mut().skip(j).step_by(width).for_each(|v| *v = T::ZERO);
    } else if width == 1 {
        frames.iter_mut().zip(from).for_each(|(v, s)| *v = tame(*s));
    } else {
        frames.iter_mut().skip(j).step_by(width).zip(from).for_each(|(v, s)| *v = tame(*s));
    }
}

/// Place `j` of frames of `width` into a channel; zero for what is not finite or too small to matter.
fn scatter<T: Scalar>(frames: &[T], to: &mut [T], width: usize, j: usize) {
    let sound = |s: T| if audible(s) { s } else { T::ZERO };
    if width == 1 {
        to.iter_mut().zip(frames).for_each(|(v, s)| *v = sound(*s));
    } else {
        to.iter_mut().zip(frames.iter().skip(j).step_by(width)).for_each(|(v, s)| *v = sound(*s));
    }
}

impl<T: Scalar, L: Layer<T>, A: Adapter<T>> Processor<T> for Voice<T, L, A> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let frames = shortest(input, output);
        let (i, o) = (self.model.layer.inputs(), self.model.layer.outputs());
        let mut done = 0;
        while done < frames {
            let glides = !self.glide.slope.is_empty();
            let until_step = match self.glide.steps {
                0 => CHECK,
                left if glides => left - self.glide.passed,
                _ => STEP - self.position % STEP,
            };
            let n = (frames - done).min(CHECK - self.position).min(until_step);
            let mut channel = 0;
            while channel < self.states.len() {
                let pair = channel + 1 < self.states.len();
                for (k, x) in self.x.iter_mut().enumerate().take(1 + usize::from(pair)) {
                    for j in 0..i {
                        let from = input.get((channel + k) * i + j).map_or(&[][..], |c| &c[done..done + n]);
                        gather(from, &mut x[..n * i], i, j);
                    }
                }
                self.run(channel, pair, n);
                for (k, y) in self.y.iter().enumerate().take(1 + usize::from(pair)) {
                    for j in 0..o {
                        match output.get_mut((channel + k) * o + j) {
                            Some(to) if (channel + k) * i < input.len() => scatter(&y[..n * o], &mut to[done..done + n], o, j),
                            Some(to) => to[done..done + n].fill(T::ZERO),
                            None => {}
                        }
                    }
                }
                channel += 1 + usize::from(pair);
            }
            for extra in output.iter_mut().skip(self.states.len() * o) {
                extra[done..done + n].fill(T::ZERO);
            }
            done += n;
            self.position += n;
            if self.glide.steps > 0 && glides {
                self.glide.passed += n;
                if self.position == CHECK || self.glide.passed == self.glide.steps {
                    self.glide.catch_up();
                }
            } else if self.glide.steps > 0 && self.position.is_multiple_of(STEP) {
                self.glide.step();
            }
            if self.position == CHECK {
                self.check();
                self.position = 0;
            }
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        let mut moved = false;
        for (knob, value) in self.controls.iter_mut().zip(controls) {
            let value = if *value > T::ONE {
                T::ONE
            } else if *value < -T::ONE {
                -T::ONE
            } else if value.is_finite() {
                *value
            } else {
                continue; // not a number
            };
            moved |= value != *knob;
            *knob = value;
        }
        if moved {
            self.glide.catch_up();
            self.realize();
            let steps = if self.glide.slope.is_empty() { self.glide_frames / STEP } else { self.glide_frames };
            self.glide.start(steps);
            if steps == 0 {
                self.glide.arrive();
            }
        }
    }

    fn reset(&mut self) {
        self.glide.arrive();
        if !self.rested || self.rested_at != self.controls {
            let layer = &self.model.layer;
            layer.settle(&self.glide.current, &mut self.rest);
            // Parameters that are too large for this type have no rest; those of another position may.
            if !layer.flush(&mut self.rest) {
                layer.reset(&self.glide.current, &mut self.rest);
            }
            self.rested_at.copy_from_slice(&self.controls);
            self.rested = true;
        }
        for state in &mut self.states {
            state.copy_from_slice(&self.rest);
        }
        self.position = 0;
    }

    fn latency(&self) -> usize {
        self.model.layer.latency()
    }
}

/// A processor behind a pointer, for hosts that choose the model at run time.
impl<T: Scalar> Processor<T> for Box<dyn Processor<T>> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        (**self).process(input, output);
    }
    fn set_controls(&mut self, controls: &[T]) {
        (**self).set_controls(controls);
    }
    fn reset(&mut self) {
        (**self).reset();
    }
    fn latency(&self) -> usize {
        (**self).latency()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glide_moves_every_number_that_differs_wherever_they_lie() {
        for len in [1, 63, 64, 65, 200] {
            for (i, j) in [(0, 0), (0, len - 1), (len / 2, len / 2), (len - 1, len - 1), (len / 3, len / 2)] {
                let zeros = || Aligned::<f32>::zeros(len);
                let still = Glide { current: zeros(), target: zeros(), from: 0, to: 0, steps: 0, slope: Aligned::zeros(0), passed: 0 };
                let mut glide = still.clone();
                (glide.target[i], glide.target[j]) = (8.0, 8.0);
                glide.start(4);
                for expected in [2.0, 4.0, 6.0, 8.0] {
                    glide.step();
                    let moved = |n: usize| if n == i || n == j { expected } else { 0.0 };
                    assert!((0..len).all(|n| glide.current[n] == moved(n)), "{i} and {j} of {len}: {:?}", &glide.current[..]);
                }
                assert_eq!(glide.steps, 0);
                glide.start(4);
                assert_eq!(glide.steps, 0, "nothing differs any more");

                // A layer that glides by itself: two frames, another one, and the last.
                let mut glide = Glide { slope: zeros(), ..still };
                (glide.target[i], glide.target[j]) = (8.0, 8.0);
                glide.start(4);
                for (frames, at, left) in [(2, 4.0, 2), (1, 6.0, 1), (1, 8.0, 0)] {
                    let moved = |n: usize, to: f32| if n == i || n == j { to } else { 0.0 };
                    assert!((0..len).all(|n| glide.slope[n] == moved(n, 2.0)));
                    glide.passed += frames;
                    glide.catch_up();
                    assert!((0..len).all(|n| glide.current[n] == moved(n, at)), "{i} and {j} of {len}: {:?}", &glide.current[..]);
                    assert_eq!((glide.steps, glide.passed), (left, 0));
                }
            }
        }
    }
}
