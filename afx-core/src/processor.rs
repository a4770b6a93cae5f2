//! The one object-safe door.

use crate::Scalar;
use core::array::from_fn;
use core::ops::Range;

/// What a plugin, an application or firmware holds: audio in planar channels, knobs, and nothing else.
///
/// Real-time: `process`, `set_controls` and `reset` never allocate, lock, call the system or panic, whatever the values in the
/// buffers and however many frames there are; a block of any size gives the same bits as the same frames in other blocks. How long a
/// `reset` takes, each processor says: bringing a model to rest takes longer than a block.
pub trait Processor<T: Scalar>: Send {
    /// Processes as many frames as the shortest buffer has; channels of `output` without an input channel are filled with silence.
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]);
    /// Moves the knobs; values beyond `[-1, 1]` are clamped, values that are not numbers leave their knob where it is.
    fn set_controls(&mut self, controls: &[T]);
    /// Forgets all sound, arrives at the knobs' last positions at once, and rests.
    fn reset(&mut self);
    /// Frames by which the output lags the input.
    fn latency(&self) -> usize;
}

/// Frames of the shortest buffer.
pub(crate) fn shortest<T>(input: &[&[T]], output: &[&mut [T]]) -> usize {
    input.iter().map(|c| c.len()).chain(output.iter().map(|c| c.len())).min().unwrap_or(0)
}

/// The same frames of as many channels as there are, of `C` at most: the channels, and how many they are.
pub(crate) fn frames_of<'a, T, const C: usize>(input: &[&'a [T]], frames: Range<usize>) -> ([&'a [T]; C], usize) {
    (from_fn(|c| input.get(c).map_or(&[][..], |x| &x[frames.clone()])), input.len().min(C))
}

/// [`frames_of`] an output; what is beyond `C` channels stays as it is.
pub(crate) fn frames_of_mut<'a, T, const C: usize>(output: &'a mut [&mut [T]], frames: Range<usize>) -> ([&'a mut [T]; C], usize) {
    let (count, mut channels) = (output.len().min(C), output.iter_mut());
    (from_fn(|_| channels.next().map_or(&mut [][..], |y| &mut y[frames.clone()])), count)
}

/// Input and output below this are silence: -400 dBFS, far above the subnormal numbers.
const SILENCE: f64 = 1e-20;

/// Whether `x` is finite, and large enough to matter.
#[inline(always)]
pub(crate) fn audible<T: Scalar>(x: T) -> bool {
    let size = x.abs();
    (size >= T::from_f64(SILENCE)) & (size < T::from_f64(f64::INFINITY))
}
