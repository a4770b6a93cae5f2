//! Chorus, flanger, vibrato.

use super::lfo::{Lfo, Wave};
use crate::delay::{DelayLine, FEEDBACK, Interpolation};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, flush_or_restart, heard};
use afx_core::{Mono, Scalar};

/// A delay that a slow oscillator moves, beside the signal it came from: chorus, flanger and vibrato.
///
/// ```text
/// d_v = delay + depth lfo(phase + v / voices)        v = 0 .. voices - 1
/// w = mean of the line, d_v ago;  written: x + feedback w;  y = (1 - mix) x + mix w
/// ```
///
/// A sine of which only `w` is heard has its pitch between `1 - 2 pi rate depth` and `1 + 2 pi rate depth`: 54 cents for 5 Hz and 1 ms. The depth
/// is held to what leaves the delay between the shortest the [`Interpolation`] can read and the longest there is, 1.5 times what the delay's knob
/// goes to.
///
/// Knobs: rate, depth, delay, feedback, mix, from one end of what their setters take to the other; the rate and the delay go by octaves. All glide
/// over 20 ms, and the phase goes on when the rate changes.
///
/// Real-time: nothing allocates. Reported latency is 0, because what is heard of the dry signal is not late.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::modulation::ModulatedDelay;
///
/// let mut stereo = Channels::new(ModulatedDelay::chorus(48e3)?.with_voices(3)?, 2);
/// stereo.effects_mut()[1].set_start_phase(0.25)?; // the right side a quarter of a turn ahead
/// stereo.reset();
/// stereo.set_controls(&[0.1, 0.3]); // rate and depth
/// let (x, mut left, mut right) = ([0.5f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModulatedDelay<T: Scalar> {
    sample_rate_hz: f64,
    line: DelayLine<T>,
    lfo: Lfo,
    /// How far each voice is ahead, in 2^-64 turns.
    ahead: u64,
    voices: usize,
    rate: Knob,
    depth: Knob,
    delay: Knob,
    feedback: Knob,
    mix: Knob,
    /// The delay and the depth in frames.
    centre: f64,
    swing: f64,
}

/// The most voices.
const VOICES: usize = 8;
/// The longest delay, of what the knob goes to.
const ROOM: f64 = 1.5;

/// What makes a [`ModulatedDelay`] one or the other: where its knobs end and where they stand.
struct Preset {
    rate_hz: f64,
    depth_ms: [f64; 2],
    depth_expected: &'static str,
    delay_ms: [f64; 3],
    delay_expected: &'static str,
    feedback: f64,
    mix: f64,
}

impl<T: Scalar> ModulatedDelay<T> {
    /// Copies of a voice: 5 to 40 ms late (15), moved by up to 10 ms (3), at 0.8 Hz; no feedback, half of the mix.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn chorus(sample_rate_hz: f64) -> Result<Self, DspError> {
        let preset = Preset {
            rate_hz: 0.8,
            depth_ms: [10.0, 3.0],
            depth_expected: "0 to 10",
            delay_ms: [5.0, 40.0, 15.0],
            delay_expected: "5 to 40",
            feedback: 0.0,
            mix: 0.5,
        };
        Self::new(sample_rate_hz, preset)
    }

    /// A comb that sweeps: 0.1 to 10 ms late (1.45), moved by up to 5 ms (0.45, so from 1 to 1.9 ms), at 0.25 Hz; half of it fed back, half of
    /// the mix.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn flanger(sample_rate_hz: f64) -> Result<Self, DspError> {
        let preset = Preset {
            rate_hz: 0.25,
            depth_ms: [5.0, 0.45],
            depth_expected: "0 to 5",
            delay_ms: [0.1, 10.0, 1.45],
            delay_expected: "0.1 to 10",
            feedback: 0.5,
            mix: 0.5,
        };
        Self::new(sample_rate_hz, preset)
    }

    /// A pitch that trembles: 1 to 20 ms late (3), moved by up to 5 ms (1), at 5 Hz; no feedback, nothing dry.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn vibrato(sample_rate_hz: f64) -> Result<Self, DspError> {
        let preset = Preset {
            rate_hz: 5.0,
            depth_ms: [5.0, 1.0],
            depth_expected: "0 to 5",
            delay_ms: [1.0, 20.0, 3.0],
            delay_expected: "1 to 20",
            feedback: 0.0,
            mix: 1.0,
        };
        Self::new(sample_rate_hz, preset)
    }

    fn new(sample_rate_hz: f64, preset: Preset) -> Result<Self, DspError> {
        let fs = sample_rate(sample_rate_hz)?;
        let ([deepest, depth], [shortest, longest, delay]) = (preset.depth_ms, preset.delay_ms);
        let frames = (1e-3 * ROOM * longest * fs) as usize + Interpolation::Sinc.least_frames();
        let mut effect = ModulatedDelay {
            sample_rate_hz: fs,
            line: DelayLine::new(frames, Interpolation::Lagrange)?,
            lfo: Lfo::new(Wave::Sine),
            ahead: 0,
            voices: 1,
            rate: super::rate(preset.rate_hz, fs),
            depth: Knob::new("depth_ms", preset.depth_expected, [0.0, deepest], false, depth, fs),
            delay: Knob::new("delay_ms", preset.delay_expected, [shortest, longest], true, delay, fs),
            feedback: Knob::new("feedback", "-0.999 to 0.999", FEEDBACK, false, preset.feedback, fs),
            mix: Knob::new("mix", "0 to 1", [0.0, 1.0], false, preset.mix, fs),
            centre: 0.0,
            swing: 0.0,
        };
        effect.turn();
        Ok(effect)
    }

    /// The same with so many voices, evenly apart in phase, instead of one.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a number that is not 1 to 8.
    pub fn with_voices(mut self, voices: usize) -> Result<Self, DspError> {
        if !(1..=VOICES).contains(&voices) {
            return Err(DspError::OutOfRange { name: "voices", expected: "1 to 8", found: voices as f64 });
        }
        (self.voices, self.ahead) = (voices, super::lfo::fraction(1.0 / voices as f64));
        Ok(self)
    }

    /// The same with another oscillator.
    #[must_use]
    pub fn with_wave(mut self, wave: Wave) -> Self {
        self.lfo.set_wave(wave);
        self
    }

    /// The same with a line that is read in another way, silent again. A [`Interpolation::Sinc`] keeps the treble, and is at least 16 frames late.
    #[must_use]
    pub fn with_interpolation(mut self, interpolation: Interpolation) -> Self {
        if let Ok(line) = DelayLine::new(self.line.max_frames(), interpolation) {
            self.line = line; // 16 frames and more are enough for any of them
        }
        self.turn();
        self
    }

    /// Where the oscillator begins after a [`ModulatedDelay::reset`], in turns.
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

    /// By how much the delay moves to both sides: 0 to 10 ms in a chorus, to 5 ms in the others.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_depth_ms(&mut self, depth_ms: f64) -> Result<(), DspError> {
        self.depth.set(depth_ms)
    }

    /// The delay around which it moves: 5 to 40 ms in a chorus, 0.1 to 10 in a flanger, 1 to 20 in a vibrato.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_delay_ms(&mut self, delay_ms: f64) -> Result<(), DspError> {
        self.delay.set(delay_ms)
    }

    /// What is fed back of the delayed signal, -0.999 to 0.999.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_feedback(&mut self, feedback: f64) -> Result<(), DspError> {
        self.feedback.set(feedback)
    }

    /// From dry, 0, to what is delayed alone, 1.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for any other.
    pub fn set_mix(&mut self, mix: f64) -> Result<(), DspError> {
        self.mix.set(mix)
    }

    /// Forgets all sound, puts the knobs where they were last set to and the oscillator at its start.
    pub fn reset(&mut self) {
        for knob in [&mut self.rate, &mut self.depth, &mut self.delay, &mut self.feedback, &mut self.mix] {
            knob.arrive();
        }
        self.turn();
        self.line.reset();
        self.lfo.reset();
    }

    /// Delays the samples, in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        let share = T::from_f64(1.0 / self.voices as f64);
        for sample in samples {
            let x = heard(*sample);
            self.advance();
            let (mut wet, mut ahead) = (T::ZERO, 0u64);
            for _ in 0..self.voices {
                wet += self.line.read_at(self.centre + self.swing * self.lfo.at(ahead));
                ahead = ahead.wrapping_add(self.ahead);
            }
            wet *= share;
            self.lfo.advance();
            self.line.write(audible(flush_or_restart(x + T::from_f64(self.feedback.value()) * wet)));
            let mix = T::from_f64(self.mix.value());
            *sample = audible((T::ONE - mix) * x + mix * wet);
        }
    }

    /// The knobs, one frame on.
    #[inline(always)]
    fn advance(&mut self) {
        self.feedback.advance();
        self.mix.advance();
        if self.rate.advance() | self.depth.advance() | self.delay.advance() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let frames = 1e-3 * self.sample_rate_hz;
        let (least, longest) = (self.line.interpolation().least_frames() as f64, self.line.max_frames() as f64);
        self.centre = (frames * self.delay.value()).max(least).min(longest);
        self.swing = (frames * self.depth.value()).min(self.centre - least).min(longest - self.centre);
        self.lfo.set_rate(self.rate.value() / self.sample_rate_hz);
    }
}

/// Five knobs, from -1 to 1: rate, depth, delay, feedback, mix.
impl<T: Scalar> Mono<T> for ModulatedDelay<T> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        let knobs = [&mut self.rate, &mut self.depth, &mut self.delay, &mut self.feedback, &mut self.mix];
        for (control, knob) in controls.iter().zip(knobs) {
            knob.turn(control.to_f64());
        }
    }
}
