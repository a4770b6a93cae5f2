//! The blocks as effects of one channel.

use crate::Gain;
use crate::circuit::{DiodeClip, SynthOd, ToneStack};
use crate::filter::{Biquad, BiquadCascade, DcBlocker, GraphicEq, Svf};
use crate::waveshape::{Curve, Waveshaper};
use afx_core::{Mono, Scalar};

macro_rules! without_knobs {
    ($($block:ident<$scalar:ident>),*) => {$(
        impl<T: $scalar> Mono<T> for $block<T> {
            fn process_in_place(&mut self, samples: &mut [T]) {
                self.process_in_place(samples);
            }
            fn reset(&mut self) {
                self.reset();
            }
        }
    )*};
}

without_knobs!(Svf<Scalar>, Biquad<Scalar>, BiquadCascade<Scalar>, DcBlocker<Scalar>);

#[cfg(feature = "std")]
use crate::convolve::{Convolver, FourierScalar};
#[cfg(feature = "std")]
without_knobs!(Convolver<FourierScalar>);

/// Without knobs: how many decibels one would sweep is the pedal's affair, not the circuit's. A `Mono` that holds it may call
/// [`DiodeClip::set_gain_db`] in its `set_controls`.
impl<T: Scalar> Mono<T> for DiodeClip {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
}

/// A knob for each band.
impl<T: Scalar, const N: usize> Mono<T> for GraphicEq<T, N> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        self.set_positions(controls);
    }
}

/// One knob, from one end to the other.
impl<T: Scalar> Mono<T> for Gain {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        if let Some(level) = controls.first() {
            self.set_position(0.5 + 0.5 * level.to_f64());
        }
    }
}

/// Without knobs, as [`DiodeClip`]: a [`Gain`] in front is one. Of the latency, half a frame is 0 frames.
impl<T: Scalar, C: Curve> Mono<T> for Waveshaper<C> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn latency_frames(&self) -> usize {
        self.group_delay_frames() as usize
    }
}

/// Two knobs: drive and tone, from -1 to 1.
impl<T: Scalar> Mono<T> for SynthOd {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        let turned = |position: &T| 0.5 + 0.5 * position.to_f64();
        if let Some(drive) = controls.first() {
            self.set_drive(turned(drive));
        }
        if let Some(tone) = controls.get(1) {
            self.set_tone(turned(tone));
        }
    }
}

/// Three knobs: treble, middle and bass, from -1 to 1.
impl<T: Scalar> Mono<T> for ToneStack {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        for (position, set) in controls.iter().zip([Self::set_treble, Self::set_mid, Self::set_bass]) {
            set(self, 0.5 + 0.5 * position.to_f64());
        }
    }
}
