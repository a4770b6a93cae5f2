//! An effect of one channel.

use crate::Scalar;

/// An effect of one channel, in place: what the blocks of `afx-dsp` are. [`crate::Channels`] makes a [`crate::Processor`] of it. The page of
/// [`crate::Series`] shows one of your own.
///
/// Real-time: nothing allocates, locks or panics, and any split of a signal into calls gives the same bits.
pub trait Mono<T: Scalar>: Send {
    /// Processes the samples in place.
    fn process_in_place(&mut self, samples: &mut [T]);
    /// Forgets all sound, and arrives at the knobs' last positions.
    fn reset(&mut self);
    /// Moves the knobs, if it has any, as [`crate::Processor::set_controls`] does: values beyond `[-1, 1]` are clamped, values that are not
    /// numbers leave their knob where it is.
    fn set_controls(&mut self, _controls: &[T]) {}
    /// Frames by which the output lags the input.
    fn latency_frames(&self) -> usize {
        0
    }
}
