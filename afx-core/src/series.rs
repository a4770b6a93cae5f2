//! Processors one after the other.

use crate::processor::shortest;
use crate::{Processor, Scalar};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Frames that go through all parts at a time.
const BLOCK: usize = 64;

/// A chain of effects as one [`Processor`] of `C` channels: each part hears what the one before it plays, and some of the knobs.
///
/// What is chosen at run time stands here, one virtual call a part and block; layers that are trained together are a [`crate::Chain`].
///
/// Real-time: as its parts. Channels of the output beyond `C`, or without an input, are silent.
///
/// ```
/// use afx_core::{Channels, Mono, Processor, Series};
///
/// #[derive(Clone)]
/// struct Gain(f32);
/// impl Mono<f32> for Gain {
///     fn process_in_place(&mut self, samples: &mut [f32]) {
///         samples.iter_mut().for_each(|s| *s *= self.0);
///     }
///     fn reset(&mut self) {}
///     fn set_controls(&mut self, controls: &[f32]) {
///         if let [level] = controls {
///             self.0 = *level;
///         }
///     }
/// }
///
/// // two knobs: the first turns the first part, the second the last one, none the one between
/// let gain = |by| Channels::new(Gain(by), 1);
/// let mut effects = Series::<f32, 1>::new().then(gain(1.0), 0..1).then(gain(2.0), 0..0).then(gain(1.0), 1..2);
/// let mut y = [0.0; 3];
/// effects.set_controls(&[0.5, 0.25]);
/// effects.process(&[&[1.0, 2.0, 3.0]], &mut [&mut y]);
/// assert_eq!(y, [0.25, 0.5, 0.75]);
/// ```
pub struct Series<T, const C: usize> {
    parts: Vec<(Box<dyn Processor<T>>, Range<usize>)>,
    /// What a part hears, and what it plays.
    blocks: [[[T; BLOCK]; C]; 2],
}

impl<T: Scalar, const C: usize> Series<T, C> {
    /// No effect yet: what comes in goes out.
    pub fn new() -> Self {
        Series { parts: Vec::new(), blocks: [[[T::ZERO; BLOCK]; C]; 2] }
    }

    /// With a part at the end, for `C` channels, that hears the knobs in `controls`: of `set_controls(&[drive, tone, level])` a part with
    /// `1..3` gets tone and level. Only through its knobs can it be moved from here on: a part that has setters instead is wrapped in a
    /// [`crate::Mono`] of your own, whose `set_controls` calls them.
    #[must_use]
    pub fn then(mut self, part: impl Processor<T> + 'static, controls: Range<usize>) -> Self {
        self.parts.push((Box::new(part), controls));
        self
    }
}

impl<T: Scalar, const C: usize> Default for Series<T, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const C: usize> fmt::Debug for Series<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("channels", &C).field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<T: Scalar, const C: usize> Processor<T> for Series<T, C> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let frames = shortest(input, output);
        let heard = input.len().min(C);
        for at in (0..frames).step_by(BLOCK) {
            let n = (frames - at).min(BLOCK);
            let [from, to] = &mut self.blocks;
            let (mut from, mut to) = (from, to);
            for (c, block) in from.iter_mut().enumerate() {
                match input.get(c) {
                    Some(x) => block[..n].copy_from_slice(&x[at..at + n]),
                    None => block[..n].fill(T::ZERO),
                }
            }
            for (part, _) in &mut self.parts {
                part.process(&from.each_ref().map(|x| &x[..n]), &mut to.each_mut().map(|y| &mut y[..n]));
                core::mem::swap(&mut from, &mut to);
            }
            for (c, y) in output.iter_mut().enumerate() {
                match from.get(c).filter(|_| c < heard) {
                    Some(block) => y[at..at + n].copy_from_slice(&block[..n]),
                    None => y[at..at + n].fill(T::ZERO),
                }
            }
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        for (part, range) in &mut self.parts {
            let end = range.end.min(controls.len());
            part.set_controls(controls.get(range.start..end).unwrap_or_default());
        }
    }

    fn reset(&mut self) {
        self.parts.iter_mut().for_each(|(part, _)| part.reset());
    }

    fn latency(&self) -> usize {
        self.parts.iter().map(|(part, _)| part.latency()).sum()
    }
}
