//! An effect beside the signal it was given.

use crate::processor::{audible, frames_of, frames_of_mut, shortest};
use crate::{Processor, Ramp, Scalar};
use alloc::vec::Vec;

/// An effect of `C` channels with a knob between dry and wet: a mix, and a bypass that does not click.
///
/// The first knob is the mix, from -1 (dry: what came in) to 1 (wet: what the effect plays), a straight line between the two; the others are
/// the effect's. The dry signal waits as long as the effect takes, so that nothing is heard twice, and the effect goes on playing while it is
/// not heard. Starts wet.
///
/// Real-time: as the effect. Fully dry or fully wet the output is the one or the other to the bit; NaN, infinities and what lies below
/// -400 dBFS count as silence. Channels of the output beyond `C`, or without an input, are silent.
///
/// ```
/// use afx_core::{Channels, Mix, Mono, Processor};
///
/// #[derive(Clone)]
/// struct Inverter;
/// impl Mono<f32> for Inverter {
///     fn process_in_place(&mut self, samples: &mut [f32]) {
///         samples.iter_mut().for_each(|s| *s = -*s);
///     }
///     fn reset(&mut self) {}
/// }
///
/// let mut mix = Mix::<f32, _, 1>::new(Channels::new(Inverter, 1), 20.0, 48e3);
/// let mut y = [0.0; 3];
/// for (knob, expected) in [(1.0, -0.5), (-1.0, 0.5), (0.0, 0.0), (-0.5, 0.25)] {
///     mix.set_controls(&[knob]);
///     mix.reset(); // there at once; while it plays it takes 20 ms
///     mix.process(&[&[0.5; 3]], &mut [&mut y]);
///     assert_eq!(y, [expected; 3]);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Mix<T, P, const C: usize> {
    effect: P,
    wet: Ramp,
    /// The last frames that came in, as many as the effect is late.
    delay: Vec<[T; C]>,
    position: usize,
}

impl<T: Scalar, P: Processor<T>, const C: usize> Mix<T, P, C> {
    /// `effect`, whose latency has to stay what it is now; the mix takes `glide_ms` to move.
    pub fn new(effect: P, glide_ms: f64, sample_rate_hz: f64) -> Self {
        let delay = alloc::vec![[T::ZERO; C]; effect.latency()];
        Mix { effect, wet: Ramp::new(1.0, glide_ms, sample_rate_hz), delay, position: 0 }
    }

    /// The effect.
    pub fn effect_mut(&mut self) -> &mut P {
        &mut self.effect
    }
}

impl<T: Scalar, P: Processor<T>, const C: usize> Processor<T> for Mix<T, P, C> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let frames = shortest(input, output);
        let (x, heard) = frames_of::<T, C>(input, 0..frames);
        output.iter_mut().skip(C).for_each(|y| y[..frames].fill(T::ZERO));
        let (mut y, count) = frames_of_mut::<T, C>(output, 0..frames);
        self.effect.process(&x[..heard], &mut y[..count]);
        for t in 0..frames {
            self.wet.advance();
            let wet = T::from_f64(self.wet.value());
            let mut dry = [T::ZERO; C];
            for (dry, x) in dry.iter_mut().zip(&x[..heard]) {
                *dry = if audible(x[t]) { x[t] } else { T::ZERO };
            }
            if let Some(late) = self.delay.get_mut(self.position) {
                core::mem::swap(&mut dry, late);
                self.position = if self.position + 1 < self.delay.len() { self.position + 1 } else { 0 };
            }
            for (y, dry) in y[..count.min(heard)].iter_mut().zip(dry) {
                let mixed = y[t] * wet + dry * (T::ONE - wet);
                y[t] = if audible(mixed) { mixed } else { T::ZERO };
            }
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        if let [mix, effect @ ..] = controls {
            self.wet.set(0.5 + 0.5 * mix.to_f64());
            self.effect.set_controls(effect);
        }
    }

    fn reset(&mut self) {
        self.wet.arrive();
        self.delay.fill([T::ZERO; C]);
        self.position = 0;
        self.effect.reset();
    }

    fn latency(&self) -> usize {
        self.effect.latency()
    }
}
