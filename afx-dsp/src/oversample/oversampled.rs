//! An effect at a multiple of the sample rate.

use super::Oversampler;
use afx_core::{Mono, Scalar};

/// An effect of one channel between the halves of an oversampler.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::{Factor, HalfBand, Oversampled, Oversampler, circuit::SynthOd};
///
/// let overdrive = SynthOd::new(4.0 * 48e3)?;
/// let mut stereo = Channels::new(Oversampled::new(Oversampler::new(Factor::X4, HalfBand::LinearPhase), overdrive), 2);
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.set_controls(&[0.4, -0.2]); // drive and tone
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// assert_eq!((Processor::<f32>::latency(&stereo), left), (51, right));
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Oversampled<T, M> {
    oversampler: Oversampler<T>,
    effect: M,
}

impl<T: Scalar, M> Oversampled<T, M> {
    /// `effect` is made for the raised sample rate.
    pub fn new(oversampler: Oversampler<T>, effect: M) -> Self {
        Oversampled { oversampler, effect }
    }

    /// The effect, for setters of its own.
    pub fn effect_mut(&mut self) -> &mut M {
        &mut self.effect
    }
}

impl<T: Scalar, M: Mono<T>> Mono<T> for Oversampled<T, M> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.oversampler.process_in_place(samples, |high| self.effect.process_in_place(high));
    }

    fn reset(&mut self) {
        self.oversampler.reset();
        self.effect.reset();
    }

    fn set_controls(&mut self, controls: &[T]) {
        self.effect.set_controls(controls);
    }

    fn latency_frames(&self) -> usize {
        let own = self.effect.latency_frames() as f64 / self.oversampler.factor().get() as f64;
        (self.oversampler.group_delay_frames() + own + 0.5) as usize
    }
}
