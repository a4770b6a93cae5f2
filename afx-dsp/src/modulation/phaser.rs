//! Notches that sweep.

use super::lfo::{Lfo, Wave};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, flush, heard};
use afx_core::{Mono, Scalar};
use core::f64::consts::{LN_2, PI};

/// A phaser: first-order allpasses in a row, which a slow oscillator sweeps, beside the signal they came from.
///
/// ```text
/// f = centre 2^(octaves lfo);  c = (t - 1) / (t + 1), t = tan(pi f / fs);  k = sqrt(1 - c^2)
/// u = x + feedback v;  each stage: o = c u + k s, s = k u - c s, u = o;  v = the last o
/// y = (1 - mix) x + mix v
/// ```
///
/// A stage is `(c + z^-1) / (1 + c z^-1)`, and its step a reflection: what goes in and what it held have the energy of what comes out and what it
/// holds. So the row neither gains nor loses however fast it sweeps, and feedback below 1 stays bounded. (The usual forms of that allpass
/// are the same at rest, and can gain while they move.) `n` stages that rest at `f` and half of the mix have notches at
/// `atan(t tan(pi (2 i + 1) / (2 n))) fs / pi`. `f` is held to 10 Hz to 0.45 of the sample rate.
///
/// Knobs: rate, centre, octaves, feedback, mix, from one end of what their setters take to the other; the rate and the centre go by octaves. All
/// glide over 20 ms, and the phase goes on when the rate changes.
///
/// Real-time: nothing allocates.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::modulation::Phaser;
///
/// let mut phaser = Phaser::<f32>::new(48e3, 6)?;
/// phaser.set_feedback(0.5)?;
/// let mut stereo = Channels::new(phaser, 2);
/// stereo.effects_mut()[1].set_start_phase(0.25)?;
/// stereo.reset();
/// let (x, mut left, mut right) = ([0.5f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Phaser<T> {
    sample_rate_hz: f64,
    stages: usize,
    s: [T; STAGES],
    last: T,
    lfo: Lfo,
    rate: Knob,
    centre: Knob,
    octaves: Knob,
    feedback: Knob,
    mix: Knob,
    /// The logarithm of `pi centre / fs`, and what the oscillator adds to it.
    middle: f64,
    swing: f64,
}

/// The most stages.
const STAGES: usize = 12;

impl<T: Scalar> Phaser<T> {
    /// At rest, with so many allpasses: 0.5 Hz around 800 Hz, an octave and a half to both sides, no feedback, half of the mix.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz or a number of stages that is not 1 to 12.
    pub fn new(sample_rate_hz: f64, stages: usize) -> Result<Self, DspError> {
        let fs = sample_rate(sample_rate_hz)?;
        if !(1..=STAGES).contains(&stages) {
            return Err(DspError::OutOfRange { name: "stages", expected: "1 to 12", found: stages as f64 });
        }
        let mut phaser = Phaser {
            sample_rate_hz: fs,
            stages,
            s: [T::ZERO; STAGES],
            last: T::ZERO,
            lfo: Lfo::new(Wave::Sine),
            rate: super::rate(0.5, fs),
            centre: Knob::new("centre_hz", "50 to 5000", [50.0, 5e3], true, 800.0, fs),
            octaves: Knob::new("octaves", "0 to 3", [0.0, 3.0], false, 1.5, fs),
            feedback: Knob::new("feedback", "-0.98 to 0.98", [-0.98, 0.98], false, 0.0, fs),
            mix: Knob::new("mix", "0 to 1", [0.0, 1.0], false, 0.5, fs),
            middle: 0.0,
            swing: 0.0,
        };
        phaser.turn();
        Ok(phaser)
    }

    /// The same with another oscillator.
    #[must_use]
    pub fn with_wave(mut self, wave: Wave) -> Self {
        self.lfo.set_wave(wave);
        self
    }

    /// Where the oscillator begins after a [`Phaser::reset`], in turns.
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

    /// Where an allpass turns the phase by a quarter, in the middle of the sweep: 50 to 5000 Hz.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_centre_hz(&mut self, centre_hz: f64) -> Result<(), DspError> {
        self.centre.set(centre_hz)
    }

    /// How far it sweeps to both sides, 0 to 3 octaves.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_octaves(&mut self, octaves: f64) -> Result<(), DspError> {
        self.octaves.set(octaves)
    }

    /// What is fed back of the last allpass, -0.98 to 0.98.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_feedback(&mut self, feedback: f64) -> Result<(), DspError> {
        self.feedback.set(feedback)
    }

    /// From dry, 0, to the allpasses alone, 1; the notches are deepest half way.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_mix(&mut self, mix: f64) -> Result<(), DspError> {
        self.mix.set(mix)
    }

    /// Forgets all sound, puts the knobs where they were last set to and the oscillator at its start.
    pub fn reset(&mut self) {
        for knob in [&mut self.rate, &mut self.centre, &mut self.octaves, &mut self.feedback, &mut self.mix] {
            knob.arrive();
        }
        self.turn();
        (self.s, self.last) = ([T::ZERO; STAGES], T::ZERO);
        self.lfo.reset();
    }

    /// Phases the samples, in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        for sample in samples {
            let x = heard(*sample);
            self.advance();
            let [c, k] = self.coefficients().map(T::from_f64);
            let mut u = x + T::from_f64(self.feedback.value()) * self.last;
            for s in &mut self.s[..self.stages] {
                let o = c * u + k * *s;
                *s = flush(k * u - c * *s);
                u = o;
            }
            self.last = flush(u);
            let mix = T::from_f64(self.mix.value());
            *sample = audible((T::ONE - mix) * x + mix * u);
        }
    }

    /// `c` and `k` of this frame, from `t = sin / cos`.
    #[inline(always)]
    fn coefficients(&mut self) -> [f64; 2] {
        let angle = Scalar::exp(self.middle + self.swing * self.lfo.value(0.0));
        self.lfo.advance();
        let angle = angle.clamp(10.0 * PI / self.sample_rate_hz, 0.45 * PI);
        let (sin, cos) = (Scalar::sin(angle), Scalar::cos(angle));
        let sum = 1.0 / (sin + cos);
        // (s - c)^2 + 4 s c = (s + c)^2
        [(sin - cos) * sum, 2.0 * Scalar::sqrt(sin * cos) * sum]
    }

    /// The knobs, one frame on.
    #[inline(always)]
    fn advance(&mut self) {
        self.feedback.advance();
        self.mix.advance();
        if self.rate.advance() | self.centre.advance() | self.octaves.advance() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.middle = Scalar::ln(PI * self.centre.value() / self.sample_rate_hz);
        self.swing = LN_2 * self.octaves.value();
        self.lfo.set_rate(self.rate.value() / self.sample_rate_hz);
    }
}

/// Five knobs, from -1 to 1: rate, centre, octaves, feedback, mix.
impl<T: Scalar> Mono<T> for Phaser<T> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        let knobs = [&mut self.rate, &mut self.centre, &mut self.octaves, &mut self.feedback, &mut self.mix];
        for (control, knob) in controls.iter().zip(knobs) {
            knob.turn(control.to_f64());
        }
    }
}
