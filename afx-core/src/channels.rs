//! As many effects of one channel as there are channels.

use crate::processor::shortest;
use crate::{Mono, Processor, Scalar};
use alloc::vec::Vec;

/// A [`Processor`] of one [`Mono`] effect for each channel; all hear the same knobs.
#[derive(Clone, Debug)]
pub struct Channels<M> {
    effects: Vec<M>,
}

impl<M: Clone> Channels<M> {
    /// `effect` and copies of it.
    pub fn new(effect: M, channels: usize) -> Self {
        Channels { effects: alloc::vec![effect; channels] }
    }
}

impl<M> Channels<M> {
    /// The effects, a channel each: what has setters of its own is set here.
    pub fn effects_mut(&mut self) -> &mut [M] {
        &mut self.effects
    }
}

impl<T: Scalar, M: Mono<T>> Processor<T> for Channels<M> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let frames = shortest(input, output);
        let mut effects = self.effects.iter_mut().zip(input);
        for to in output {
            let to = &mut to[..frames];
            match effects.next() {
                Some((effect, from)) => {
                    to.copy_from_slice(&from[..frames]);
                    effect.process_in_place(to);
                }
                None => to.fill(T::ZERO),
            }
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        self.effects.iter_mut().for_each(|effect| effect.set_controls(controls));
    }

    fn reset(&mut self) {
        self.effects.iter_mut().for_each(Mono::reset);
    }

    fn latency(&self) -> usize {
        self.effects.first().map_or(0, Mono::latency_frames)
    }
}
