//! A curve as an effect.

use super::Curve;
use crate::{DspError, Gain, audible, flush_or_restart, heard};
use afx_core::Scalar;

/// Antiderivative antialiasing: how a [`Waveshaper`] takes its aliases away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Adaa {
    /// Not at all: the curve, sample by sample.
    Off,
    /// The mean of the curve between two samples, half a sample late.
    First,
    /// The mean of the curve over the triangle of three samples, one sample late.
    #[default]
    Second,
}

/// `y = level f(drive x)` for a static [`Curve`].
///
/// [`Adaa::First`] gives `(F1(u0) - F1(u1)) / (u0 - u1)` with `u = drive x`, `F1' = f`; [`Adaa::Second`] the same with `F2' = F1` a second
/// time; see [`Curve::mean2`] and [`Curve::mean3`] for samples too close to divide by. All of it in `f64`, whatever the signal is.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::waveshape::{Adaa, Tanh, Waveshaper};
/// use afx_dsp::{Factor, HalfBand, Oversampled, Oversampler};
///
/// let mut shaper = Waveshaper::new(Tanh, Adaa::Second, 2.0 * 48e3)?.flattened();
/// shaper.set_drive_db(20.0);
/// shaper.set_level_db(-6.0);
/// shaper.reset(); // the gains are there at once
/// let mut stereo = Channels::new(Oversampled::new(Oversampler::new(Factor::X2, HalfBand::LinearPhase), shaper), 2);
/// let (x, mut left, mut right) = ([0.5f32; 128], [0.0; 128], [0.0; 128]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// assert!((left[127] - 0.501 * 5f32.tanh()).abs() < 1e-3 && left == right);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
///
/// Real-time: nothing allocates. Hostile input is silence, as to the filters: see [the crate](crate).
#[derive(Clone, Debug)]
pub struct Waveshaper<C> {
    curve: C,
    adaa: Adaa,
    drive: Gain,
    level: Gain,
    /// The last two arguments of the curve, and its antiderivative there.
    u: [f64; 2],
    area: [f64; 2],
    /// `(1 + a1 + a2) / (1 + a1 z^-1 + a2 z^-2)` behind the curve, and its last two outputs.
    a: [f64; 2],
    s: [f64; 2],
}

impl<C: Curve> Waveshaper<C> {
    /// At rest, both gains at 0 dB. `sample_rate_hz` is the rate it runs at, oversampling included; the gains glide by it.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(curve: C, adaa: Adaa, sample_rate_hz: f64) -> Result<Self, DspError> {
        let gain = Gain::new(sample_rate_hz, -60.0, 60.0)?;
        let mut shaper =
            Waveshaper { curve, adaa, drive: gain.clone(), level: gain, u: [0.0; 2], area: [0.0; 2], a: [0.0; 2], s: [0.0; 2] };
        shaper.reset();
        Ok(shaper)
    }

    /// Gives back the treble that the means take from small signals, and their delay; see [the tables](super) for what that gives and costs.
    /// At twice the host's rate and more: up to 5/24 of the sample rate, 20 kHz at 96 kHz, small signals are flat to 0.1 dB. Beyond, harmonics
    /// and aliases are raised by up to 32 dB, which is for the oversampler to stop.
    ///
    /// To a small signal a mean of two samples is `(1 + z^-1) / 2` and is followed by `1.95 / (1 + 0.95 z^-1)`, one of three
    /// `(1 + z^-1 + z^-2) / 3` and is followed by `2.71 / (1 + 0.9 z^-1 + 0.81 z^-2)`.
    #[must_use]
    pub fn flattened(mut self) -> Self {
        self.a = match self.adaa {
            Adaa::Off => [0.0; 2],
            Adaa::First => [0.95, 0.0],
            Adaa::Second => [0.9, 0.81],
        };
        self
    }

    /// Moves the gain in front of the curve, held to -60..=60 dB, where it arrives within 20 ms of the last change; NaN is ignored.
    pub fn set_drive_db(&mut self, drive_db: f64) {
        self.drive.set_gain_db(drive_db);
    }

    /// Moves the gain behind the curve, as [`Waveshaper::set_drive_db`] does.
    pub fn set_level_db(&mut self, level_db: f64) {
        self.level.set_gain_db(level_db);
    }

    /// Forgets the past and puts the gains where they were last set to.
    pub fn reset(&mut self) {
        self.drive.reset();
        self.level.reset();
        self.u = [0.0; 2];
        self.area = [self.area(0.0); 2];
        // what silence leaves there
        self.s = [audible(self.curve.f(0.0)); 2];
    }

    /// Delay at 0 Hz in frames: half of one, one, or next to none.
    pub fn group_delay_frames(&self) -> f64 {
        let [a1, a2] = self.a;
        let curve = match self.adaa {
            Adaa::Off => 0.0,
            Adaa::First => 0.5,
            Adaa::Second => 1.0,
        };
        curve - (a1 + 2.0 * a2) / (1.0 + a1 + a2)
    }

    /// Shapes the samples that both `x` and `y` hold.
    pub fn process<T: Scalar>(&mut self, x: &[T], y: &mut [T]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = T::from_f64(self.tick(x.to_f64()));
        }
    }

    /// [`Self::process`] in place.
    pub fn process_in_place<T: Scalar>(&mut self, samples: &mut [T]) {
        for s in samples {
            *s = T::from_f64(self.tick(s.to_f64()));
        }
    }

    /// The antiderivative that the means need.
    #[inline]
    fn area(&self, u: f64) -> f64 {
        match self.adaa {
            Adaa::Off => 0.0,
            Adaa::First => self.curve.f1(u),
            Adaa::Second => self.curve.f2(u),
        }
    }

    #[inline]
    fn tick(&mut self, x: f64) -> f64 {
        let u = self.drive.advance() * heard(x);
        let ([u1, u2], [area1, area2]) = (self.u, self.area);
        let area = self.area(u);
        let mean = match self.adaa {
            Adaa::Off => self.curve.f(u),
            Adaa::First => self.curve.mean2([u1, u], [area1, area]),
            Adaa::Second => self.curve.mean3([u2, u1, u], [area2, area1, area]),
        };
        (self.u, self.area) = ([u, u1], [area, area1]);
        let ([a1, a2], [s1, s2]) = (self.a, self.s);
        let y = (1.0 + a1 + a2) * mean - a1 * s1 - a2 * s2;
        self.s = [flush_or_restart(y), s1];
        audible(self.level.advance() * y)
    }
}
