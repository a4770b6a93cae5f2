//! A level that trembles.

use super::lfo::{Lfo, Wave};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, heard};
use afx_core::{Mono, Scalar};

/// A tremolo: `y = x (1 - depth + depth l)` with `l = (1 + lfo) / 2`, from 0 to 1.
///
/// With a [photocell](Tremolo::with_photocell) it is the louder half of each turn that is short. Two channels whose start phases are half a turn
/// apart send a sound from side to side.
///
/// Knobs: rate, by octaves, and depth, from one end of what their setters take to the other. Both glide over 20 ms, and the phase goes on when the
/// rate changes.
///
/// Real-time: nothing allocates.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::modulation::Tremolo;
///
/// let mut stereo = Channels::new(Tremolo::new(48e3)?, 2);
/// stereo.effects_mut()[1].set_start_phase(0.5)?;
/// Processor::<f32>::reset(&mut stereo);
/// let (x, mut left, mut right) = ([0.5f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tremolo {
    sample_rate_hz: f64,
    photocell: bool,
    lfo: Lfo,
    rate: Knob,
    depth: Knob,
}

/// How many times the photocell's light conductance is that of the resistor before it.
const CELL: f64 = 8.0;

impl Tremolo {
    /// 5 Hz, depth 0.5, a sine.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        let mut tremolo = Tremolo {
            sample_rate_hz,
            photocell: false,
            lfo: Lfo::new(Wave::Sine),
            rate: super::rate(5.0, sample_rate_hz),
            depth: Knob::new("depth", "0 to 1", [0.0, 1.0], false, 0.5, sample_rate_hz),
        };
        tremolo.turn();
        Ok(tremolo)
    }

    /// The same with another oscillator.
    #[must_use]
    pub fn with_wave(mut self, wave: Wave) -> Self {
        self.lfo.set_wave(wave);
        self
    }

    /// The same as amplifiers with a lamp and a photocell have it: the cell shunts the signal, conducts with the lamp's power, and the lamp is at
    /// `1 - l`. So `(1 - p) / (1 + 8 p)` with `p = (1 - l)^2` takes the place of `l`: the same ends, 1/4 half way between them.
    #[must_use]
    pub fn with_photocell(mut self) -> Self {
        self.photocell = true;
        self
    }

    /// Where the oscillator begins after a [`Tremolo::reset`], in turns.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a phase beyond a million turns; the old one stays, here as below.
    pub fn set_start_phase(&mut self, turns: f64) -> Result<(), DspError> {
        self.lfo.set_start_phase(turns)
    }

    /// The oscillator's rate, 0.01 to 20 Hz.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_rate_hz(&mut self, rate_hz: f64) -> Result<(), DspError> {
        self.rate.set(rate_hz)
    }

    /// From steady, 0, to silence once a turn, 1.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_depth(&mut self, depth: f64) -> Result<(), DspError> {
        self.depth.set(depth)
    }

    /// Puts the knobs where they were last set to and the oscillator at its start.
    pub fn reset(&mut self) {
        self.rate.arrive();
        self.depth.arrive();
        self.turn();
        self.lfo.reset();
    }

    /// Levels the samples, in place.
    pub fn process_in_place<T: Scalar>(&mut self, samples: &mut [T]) {
        for sample in samples {
            self.depth.advance();
            if self.rate.advance() {
                self.turn();
            }
            let mut level = 0.5 + 0.5 * self.lfo.value(0.0);
            if self.photocell {
                let power = (1.0 - level) * (1.0 - level);
                level = (1.0 - power) / (1.0 + CELL * power);
            }
            self.lfo.advance();
            let depth = self.depth.value();
            *sample = audible(heard(*sample) * T::from_f64(1.0 - depth + depth * level));
        }
    }

    fn turn(&mut self) {
        self.lfo.set_rate(self.rate.value() / self.sample_rate_hz);
    }
}

/// Two knobs, from -1 to 1: rate and depth.
impl<T: Scalar> Mono<T> for Tremolo {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        for (control, knob) in controls.iter().zip([&mut self.rate, &mut self.depth]) {
            knob.turn(control.to_f64());
        }
    }
}
