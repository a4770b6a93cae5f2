//! Layers in a row.

use crate::{Differentiable, Layer, Layout, Moving, Scalar};
use core::ops::Range;

/// Frames that pass from one layer to the next at a time while playing.
const BLOCK: usize = 64;

/// The output of `A` feeds `B`. Parameters are concatenated, names get the prefixes `0.` and `1.`, memories lie side by side.
///
/// Longer rows nest: `Chain(Chain(a, b), c)`, or [`chain!`](crate::chain!)`(a, b, c)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Chain<A, B>(pub A, pub B);

/// Nested [`Chain`]s of any number of layers, the first one innermost.
#[macro_export]
macro_rules! chain {
    ($first:expr) => { $first };
    ($first:expr, $second:expr $(, $rest:expr)*) => { $crate::chain!($crate::Chain($first, $second) $(, $rest)*) };
}

impl<A, B> Chain<A, B> {
    /// Length of the buffer between the two.
    fn middle<T: Scalar>(&self) -> usize
    where
        A: Layer<T>,
    {
        BLOCK * self.0.outputs()
    }
}

/// Cuts the memory of a chain into the first layer's, the second's and the buffer between them.
fn split_state<T>(state: &mut [T], first: usize, second: usize) -> (&mut [T], &mut [T], &mut [T]) {
    let (a, rest) = state.split_at_mut(first);
    let (b, middle) = rest.split_at_mut(second);
    (a, b, middle)
}

impl<T: Scalar, A: Layer<T>, B: Layer<T>> Layer<T> for Chain<A, B> {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.1.outputs()
    }
    fn fits(&self) -> bool {
        self.0.fits() && self.1.fits() && self.0.outputs() == self.1.inputs()
    }
    fn layout(&self) -> Layout {
        Layout::new().join("0", &self.0.layout()).join("1", &self.1.layout())
    }
    fn state_len(&self) -> usize {
        self.0.state_len() + self.1.state_len() + self.middle::<T>()
    }
    fn reset(&self, params: &[T], state: &mut [T]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let (a, b, middle) = split_state(state, self.0.state_len(), self.1.state_len());
        self.0.reset(pa, a);
        self.1.reset(pb, b);
        middle.fill(T::ZERO);
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let (a, b, middle) = split_state(state, self.0.state_len(), self.1.state_len());
        for (x, y) in x.chunks(BLOCK * self.inputs()).zip(y.chunks_mut(BLOCK * self.outputs())) {
            let middle = &mut middle[..x.len() / self.inputs() * self.0.outputs()];
            self.0.process(pa, a, x, middle);
            self.1.process(pb, b, middle, y);
        }
    }
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let [s0, s1] = state;
        let (a0, b0, m0) = split_state(s0, self.0.state_len(), self.1.state_len());
        let (a1, b1, m1) = split_state(s1, self.0.state_len(), self.1.state_len());
        let (inputs, outputs) = (BLOCK * self.inputs(), BLOCK * self.outputs());
        let [y0, y1] = y;
        let blocks = x[0].chunks(inputs).zip(x[1].chunks(inputs)).zip(y0.chunks_mut(outputs).zip(y1.chunks_mut(outputs)));
        for ((x0, x1), (y0, y1)) in blocks {
            let middle = x0.len() / self.inputs() * self.0.outputs();
            self.0.process_pair(pa, [a0, a1], [x0, x1], [&mut m0[..middle], &mut m1[..middle]]);
            self.1.process_pair(pb, [b0, b1], [&m0[..middle], &m1[..middle]], [y0, y1]);
        }
    }
    fn glides(&self) -> bool {
        self.0.glides() && self.1.glides()
    }
    fn process_gliding(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let (a, b, middle) = split_state(state, self.0.state_len(), self.1.state_len());
        for (x, y) in x.chunks(BLOCK * self.inputs()).zip(y.chunks_mut(BLOCK * self.outputs())) {
            let frames = x.len() / self.inputs();
            let middle = &mut middle[..frames * self.0.outputs()];
            self.0.process_gliding(params, a, x, middle);
            self.1.process_gliding(params.at(self.0.params_len()), b, middle, y);
            params = params.later(frames);
        }
    }
    fn flush(&self, state: &mut [T]) -> bool {
        let (a, b, _) = split_state(state, self.0.state_len(), self.1.state_len());
        let (a, b) = (self.0.flush(a), self.1.flush(b));
        a && b
    }
    fn latency(&self) -> usize {
        self.0.latency() + self.1.latency()
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        let at = self.0.state_len();
        self.0.feedback(part) && self.1.feedback(&mut |own| part(at + own.start..at + own.end))
    }
    /// The second rests at what the first one's output is at rest.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let (a, b, middle) = split_state(state, self.0.state_len(), self.1.state_len());
        let middle = &mut middle[..self.0.outputs()];
        self.0.rest(pa, a, x, middle);
        self.1.rest(pb, b, middle, y);
    }
    fn params_len(&self) -> usize {
        self.0.params_len() + self.1.params_len()
    }
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let (a, b) = params.split_at_mut(self.0.params_len());
        self.0.initialize(uniform, a);
        self.1.initialize(uniform, b);
    }
}

impl<T: Scalar, A: Differentiable<T>, B: Differentiable<T>> Differentiable<T> for Chain<A, B> {
    /// What lies between the two, its cotangent, and both tapes.
    fn tape_len(&self, frames: usize) -> usize {
        2 * frames * self.0.outputs() + self.0.tape_len(frames) + self.1.tape_len(frames)
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let (a, b, _) = split_state(state, self.0.state_len(), self.1.state_len());
        let frames = x.len() / self.inputs();
        let (middle, _, ta, tb) = self.split_tape(tape, frames);
        self.0.forward(pa, a, x, middle, ta);
        self.1.forward(pb, b, middle, y, tb);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let (pa, pb) = params.split_at(self.0.params_len());
        let (da, db) = dparams.split_at_mut(self.0.params_len());
        let frames = x.len() / self.inputs();
        let (middle, dmiddle, ta, tb) = self.split_tape(tape, frames);
        dmiddle.fill(T::ZERO);
        self.1.backward(pb, middle, y, tb, dy, dmiddle, db);
        self.0.backward(pa, x, middle, ta, dmiddle, dx, da);
    }
}

impl<A, B> Chain<A, B> {
    /// Cuts the tape into the signal between the layers, its cotangent, and the two layers' tapes.
    fn split_tape<'t, T: Scalar>(&self, tape: &'t mut [T], frames: usize) -> (&'t mut [T], &'t mut [T], &'t mut [T], &'t mut [T])
    where
        A: Differentiable<T>,
        B: Differentiable<T>,
    {
        let width = frames * self.0.outputs();
        let (middle, rest) = tape.split_at_mut(width);
        let (dmiddle, rest) = rest.split_at_mut(width);
        let (ta, rest) = rest.split_at_mut(self.0.tape_len(frames));
        (middle, dmiddle, ta, &mut rest[..self.1.tape_len(frames)])
    }
}
