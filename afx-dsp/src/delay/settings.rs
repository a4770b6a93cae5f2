//! What all channels of an echo share.

use super::DelayLine;
use super::head::Head;
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, Interpolation, audible, flush};
use afx_core::{Scalar, activation};

/// The ends of the feedback.
pub(crate) const FEEDBACK: [f64; 2] = [-0.999, 0.999];
/// The ends of both filters.
const CORNER_HZ: [f64; 2] = [20.0, 20e3];
/// The part of a filter's knob on which it goes in and out of the loop: half an octave.
const FADE: f64 = 0.05;

/// The knobs of an echo, its time, and the numbers they come to.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    sample_rate_hz: f64,
    max_frames: usize,
    head: Head,
    pub(super) feedback: Knob,
    pub(super) dry: Knob,
    pub(super) wet: Knob,
    pub(super) low_pass: Knob,
    pub(super) high_pass: Knob,
    /// `a`, `b` and the part of `h` that is taken off.
    weights: [f64; 3],
}

impl Settings {
    pub(super) fn new(sample_rate_hz: f64, max_ms: f64) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        let max_frames = 1e-3 * max_ms * sample_rate_hz;
        if !(2.0..=(1 << 24) as f64).contains(&max_frames) {
            return Err(DspError::OutOfRange { name: "max_ms", expected: "2 to 16777216 frames", found: max_ms });
        }
        let level = |name, value| Knob::new(name, "0 to 1", [0.0, 1.0], false, value, sample_rate_hz);
        let corner = |value| Knob::new("corner_hz", "20 to 20000", CORNER_HZ, true, value, sample_rate_hz);
        let mut settings = Settings {
            sample_rate_hz,
            max_frames: max_frames as usize,
            head: Head::fading((0.25 * max_frames).max(2.0), sample_rate_hz),
            feedback: Knob::new("feedback", "-0.999 to 0.999", FEEDBACK, false, 0.4, sample_rate_hz),
            dry: level("dry", 1.0),
            wet: level("wet", 0.5),
            low_pass: corner(CORNER_HZ[1]),
            high_pass: corner(CORNER_HZ[0]),
            weights: [0.0; 3],
        };
        settings.filter();
        Ok(settings)
    }

    /// A line of the longest time.
    pub(super) fn line<T: Scalar>(&self) -> Result<DelayLine<T>, DspError> {
        DelayLine::new(self.max_frames, Interpolation::Lagrange)
    }

    /// From now on the time glides and the loop saturates.
    pub(super) fn on_tape(&mut self) {
        self.head = Head::gliding((0.25 * self.max_frames as f64).max(2.0), self.sample_rate_hz);
    }

    pub(super) fn set_time_ms(&mut self, time_ms: f64) -> Result<(), DspError> {
        let frames = 1e-3 * time_ms * self.sample_rate_hz;
        // A rounding beyond the longest is the longest.
        if !(2.0..=self.max_frames as f64 + 1.0).contains(&frames) {
            return Err(DspError::OutOfRange { name: "time_ms", expected: "2 frames to the longest", found: time_ms });
        }
        self.head.set(frames.min(self.max_frames as f64));
        Ok(())
    }

    /// Six controls from -1 to 1: time, feedback, dry, wet, low-pass, high-pass.
    pub(super) fn turn<T: Scalar>(&mut self, controls: &[T]) {
        if let Some(time) = controls.first() {
            let part = (0.5 + 0.5 * time.to_f64()).clamp(0.0, 1.0);
            if !part.is_nan() {
                self.head.set((part * part * self.max_frames as f64).max(2.0));
            }
        }
        let knobs = [&mut self.feedback, &mut self.dry, &mut self.wet, &mut self.low_pass, &mut self.high_pass];
        for (control, knob) in controls.iter().skip(1).zip(knobs) {
            knob.turn(control.to_f64());
        }
    }

    /// All knobs and the time where they were last set to.
    pub(super) fn arrive(&mut self) {
        for knob in [&mut self.feedback, &mut self.dry, &mut self.wet, &mut self.low_pass, &mut self.high_pass] {
            knob.arrive();
        }
        self.head.arrive();
        self.filter();
    }

    /// One frame on.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.head.advance();
        self.feedback.advance();
        self.dry.advance();
        self.wet.advance();
        if self.low_pass.advance() | self.high_pass.advance() {
            self.filter();
        }
    }

    fn filter(&mut self) {
        let weight = |corner_hz: f64| 1.0 - Scalar::exp(-core::f64::consts::TAU * corner_hz / self.sample_rate_hz);
        let low = weight(self.low_pass.value());
        let open = 1.0 - ((1.0 - self.low_pass.position()) / FADE).min(1.0);
        let cut = (self.high_pass.position() / FADE).min(1.0);
        self.weights = [low * (1.0 - open) + open, weight(self.high_pass.value()), cut];
    }

    /// `dry x + wet e`
    #[inline(always)]
    pub(super) fn mix<T: Scalar>(&self, x: T, echo: T) -> T {
        audible(T::from_f64(self.dry.value()) * x + T::from_f64(self.wet.value()) * echo)
    }
}

/// One channel's line and the filters behind it.
#[derive(Clone, Debug)]
pub(super) struct Loop<T: Scalar> {
    line: DelayLine<T>,
    /// `l` and `h`
    s: [f64; 2],
}

impl<T: Scalar> Loop<T> {
    pub(super) fn new(settings: &Settings) -> Result<Self, DspError> {
        Ok(Loop { line: settings.line()?, s: [0.0; 2] })
    }

    pub(super) fn reset(&mut self) {
        self.line.reset();
        self.s = [0.0; 2];
    }

    /// The echo, and what the loop gives back of it.
    #[inline(always)]
    pub(super) fn read(&mut self, settings: &Settings) -> (T, T) {
        let echo = settings.head.read(&self.line);
        let ([l, h], [a, b, cut]) = (self.s, settings.weights);
        let l = flush(a * echo.to_f64() + (1.0 - a) * l);
        let h = flush(b * l + (1.0 - b) * h);
        self.s = [l, h];
        (echo, T::from_f64(settings.feedback.value() * (l - cut * h)))
    }

    #[inline(always)]
    pub(super) fn write(&mut self, x: T, settings: &Settings) {
        let written = match settings.head {
            Head::Fade { .. } => x,
            Head::Glide { .. } => saturated(x),
        };
        self.line.write(audible(written));
    }
}

/// `tanh`, in single precision the vector kernels' approximation.
#[inline(always)]
fn saturated<T: Scalar>(x: T) -> T {
    if T::SINGLE { T::from_f64(activation::tanh(x.to_f64() as f32).into()) } else { x.tanh() }
}
