//! Another effect in the place of one.

use crate::processor::{frames_of, frames_of_mut, shortest};
use crate::{Processor, Ramp, Scalar};
use alloc::vec::Vec;
use core::fmt;

/// Frames that are faded at a time.
const BLOCK: usize = 64;

/// An effect of `C` channels that can be changed for another one while it plays. The new one first hears as much as the fade will take, so that
/// what it does at an onset is over (a cabinet's ringing, a model's memory finding its place); then both are heard, the one fading into the
/// other.
///
/// A model is loaded, moved to the knobs' positions and `reset` outside the audio thread, which is where the time goes; it reaches the audio
/// thread through a queue without locks of your choice, and [`Swap::change`] takes it from there. What it replaces is given back by
/// [`Swap::retired`], to be dropped outside the audio thread too, because dropping releases memory.
///
/// Real-time: as its effects; `change` and `retired` move a value. During a change it costs what both effects cost, else what the one does.
/// Channels of the output beyond `C`, or without an input, are silent.
///
/// ```
/// use afx_core::{Channels, Mono, Processor, Swap};
///
/// #[derive(Clone)]
/// struct Gain(f32);
/// impl Mono<f32> for Gain {
///     fn process_in_place(&mut self, samples: &mut [f32]) {
///         samples.iter_mut().for_each(|s| *s *= self.0);
///     }
///     fn reset(&mut self) {}
/// }
///
/// let effect = |gain| -> Box<dyn Processor<f32>> { Box::new(Channels::new(Gain(gain), 1)) };
/// let mut playing = Swap::<f32, _, 1>::new(effect(1.0), 0, 20.0, 48e3);
/// assert!(playing.change(effect(0.5)).is_ok());
///
/// let mut y = [0.0; 2000];
/// playing.process(&[&[1.0; 2000]], &mut [&mut y]);
/// assert!(y.windows(2).all(|w| (0.0..2e-3).contains(&(w[0] - w[1]))));
/// assert_eq!(y[1999], 0.5);
/// assert!(playing.retired().is_some()); // to the thread that drops it
/// ```
pub struct Swap<T, P, const C: usize> {
    playing: P,
    /// Fading out, or done and not yet taken.
    leaving: Option<P>,
    /// How much of `playing` is heard.
    fade: Ramp,
    /// Frames until it is.
    unheard: usize,
    /// As last set; NaN for knobs that never were, which leaves them where they are.
    controls: Vec<T>,
    /// What the effect that leaves plays.
    blocks: [[T; BLOCK]; C],
}

impl<T: Scalar, P: Processor<T>, const C: usize> Swap<T, P, C> {
    /// `effect`, the first to play, with up to `controls` knobs; a change takes twice `fade_ms`, of which 20 are enough for most.
    pub fn new(effect: P, controls: usize, fade_ms: f64, sample_rate_hz: f64) -> Self {
        Swap {
            playing: effect,
            leaving: None,
            fade: Ramp::new(1.0, fade_ms, sample_rate_hz),
            unheard: 0,
            controls: alloc::vec![T::from_f64(f64::NAN); controls],
            blocks: [[T::ZERO; BLOCK]; C],
        }
    }

    /// Begins to change to `next`, which hears the knobs as they were last set here. Its latency should be that of the one before: with another
    /// one the two are heard side by side for a moment, and the host has to be told.
    ///
    /// # Errors
    /// `next` itself, while a change is under way or the effect of the last one has not been taken by [`Swap::retired`].
    pub fn change(&mut self, mut next: P) -> Result<(), P> {
        if self.leaving.is_some() {
            return Err(next);
        }
        next.set_controls(&self.controls);
        self.leaving = Some(core::mem::replace(&mut self.playing, next));
        self.fade.set(0.0);
        self.fade.arrive();
        self.fade.set(1.0);
        self.unheard = self.fade.frames();
        Ok(())
    }

    /// The effect that has faded out, once.
    pub fn retired(&mut self) -> Option<P> {
        if self.fading().is_some() { None } else { self.leaving.take() }
    }

    /// The effect that plays, or fades in.
    pub fn effect_mut(&mut self) -> &mut P {
        &mut self.playing
    }

    /// The effect that fades out.
    fn fading(&mut self) -> Option<&mut P> {
        self.leaving.as_mut().filter(|_| self.fade.value() < 1.0)
    }
}

impl<T: Scalar, P: fmt::Debug, const C: usize> fmt::Debug for Swap<T, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap")
            .field("playing", &self.playing)
            .field("leaving", &self.leaving)
            .field("heard", &self.fade.value())
            .finish_non_exhaustive()
    }
}

impl<T: Scalar, P: Processor<T>, const C: usize> Processor<T> for Swap<T, P, C> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let frames = shortest(input, output);
        output.iter_mut().skip(C).for_each(|y| y[..frames].fill(T::ZERO));
        let mut done = 0;
        while done < frames {
            let fading = self.leaving.as_mut().filter(|_| self.fade.value() < 1.0);
            let end = if fading.is_some() { frames.min(done + BLOCK) } else { frames };
            let (x, heard) = frames_of::<T, C>(input, done..end);
            let (mut y, count) = frames_of_mut::<T, C>(output, done..end);
            self.playing.process(&x[..heard], &mut y[..count]);
            if let Some(leaving) = fading {
                let mut others = self.blocks.each_mut().map(|block| &mut block[..end - done]);
                leaving.process(&x[..heard], &mut others[..count]);
                for frame in 0..end - done {
                    if self.unheard > 0 {
                        self.unheard -= 1;
                    } else {
                        self.fade.advance();
                    }
                    let weight = T::from_f64(self.fade.value());
                    for (y, other) in y[..count].iter_mut().zip(&others) {
                        // all of the one and none of the other, in the end to the bit
                        y[frame] = y[frame] * weight + other[frame] * (T::ONE - weight);
                    }
                }
            }
            done = end;
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        for (own, new) in self.controls.iter_mut().zip(controls) {
            if new.is_finite() {
                *own = *new;
            }
        }
        self.playing.set_controls(controls);
        if let Some(leaving) = self.fading() {
            leaving.set_controls(controls);
        }
    }

    fn reset(&mut self) {
        self.fade.arrive();
        self.playing.reset();
    }

    fn latency(&self) -> usize {
        self.playing.latency()
    }
}
