//! The one object-safe door.

use crate::Scalar;

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
