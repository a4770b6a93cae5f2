//! Dynamics.

use crate::error::sample_rate;
use crate::{DspError, audible, heard};
use afx_core::{Processor, Ramp, Scalar};
use core::f64::consts::LN_10;

/// From a level to what is to be done about it: nothing below the threshold, `1 - 1 / ratio` of what is above, in decibels, with a parabola
/// between.
///
/// Giannoulis, Massberg and Reiss 2012, "Digital dynamic range compressor design", Journal of the AES 60(6), equation 4.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GainComputer {
    /// Where it begins, in decibels below full scale.
    pub threshold_db: f64,
    /// Decibels in for one decibel out, at least 1; infinity limits.
    pub ratio: f64,
    /// Width of the bend around the threshold; 0 is a corner.
    pub knee_db: f64,
}

impl GainComputer {
    /// By how many decibels a steady level of that many is to be turned down: 0 or more.
    pub fn reduction_db(&self, level_db: f64) -> f64 {
        let (over, slope) = (level_db - self.threshold_db, 1.0 - 1.0 / self.ratio);
        if 2.0 * over <= -self.knee_db {
            0.0
        } else if 2.0 * over < self.knee_db {
            let into = over + 0.5 * self.knee_db;
            slope * into * into / (2.0 * self.knee_db)
        } else {
            slope * over
        }
    }

    fn check(self) -> Result<Self, DspError> {
        let refused = |name, expected, found| Err(DspError::OutOfRange { name, expected, found });
        match self {
            Self { threshold_db: found, .. } if !(-200.0..=200.0).contains(&found) => refused("threshold_db", "-200 to 200", found),
            Self { ratio: found, .. } if !(1.0..=f64::INFINITY).contains(&found) => refused("ratio", "1 or more", found),
            Self { knee_db: found, .. } if !(0.0..=200.0).contains(&found) => refused("knee_db", "0 to 200", found),
            sound => Ok(sound),
        }
    }
}

/// A number of decibels to be turned down that rises with the attack and falls with the release: the smooth decoupled peak detector of
/// Giannoulis, Massberg and Reiss 2012, equation 17, behind the gain computer.
///
/// `y1 = max(x, a_R y1 + (1 - a_R) x)`, `y = a_A y + (1 - a_A) y1` with `a = exp(-1 / (time rate))`: after one attack time 63 % of a step.
#[derive(Clone, Copy, Debug)]
struct Ballistics {
    attack: f64,
    release: f64,
    peak: f64,
    smooth: f64,
}

impl Ballistics {
    fn advance(&mut self, reduction_db: f64) -> f64 {
        self.peak = reduction_db.max(self.release * self.peak + (1.0 - self.release) * reduction_db);
        self.smooth = self.attack * self.smooth + (1.0 - self.attack) * self.peak;
        // A trillionth of a decibel is nothing; it would fade for minutes, and end in subnormal numbers.
        if self.peak < 1e-12 {
            self.peak = 0.0;
        }
        if self.smooth < 1e-12 && self.peak == 0.0 {
            self.smooth = 0.0;
        }
        self.smooth
    }
}

/// A compressor whose channels are turned down together: feed-forward, from the louder one's peaks, in decibels.
///
/// Settings may change while it plays: the reduction follows with attack and release, the make-up gain glides over 20 ms.
///
/// Real-time: nothing allocates. Without knobs: which settings one would sweep, and how far, is the pedal's affair.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::{Compressor, GainComputer};
///
/// let four_to_one = GainComputer { threshold_db: -20.0, ratio: 4.0, knee_db: 6.0 };
/// let mut stereo = Compressor::new(48e3, four_to_one, 2)?;
/// stereo.set_times_ms(5.0, 80.0)?;
/// stereo.set_make_up_db(6.0);
/// let (x, mut left, mut right) = ([0.5f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compressor {
    sample_rate_hz: f64,
    computer: GainComputer,
    ballistics: Ballistics,
    make_up: Ramp,
    make_up_factor: f64,
    channels: usize,
}

/// Peaks below this count as silence to the detector.
const FLOOR: f64 = 1e-10;
/// The make-up gain's range.
const MAKE_UP_DB: f64 = 60.0;

impl Compressor {
    /// At rest; attack 10 ms, release 100 ms, no make-up gain.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, settings that make no sense, or no channel.
    pub fn new(sample_rate_hz: f64, computer: GainComputer, channels: usize) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        if channels == 0 {
            return Err(DspError::OutOfRange { name: "channels", expected: "1 or more", found: 0.0 });
        }
        let ballistics = Ballistics { attack: 0.0, release: 0.0, peak: 0.0, smooth: 0.0 };
        let make_up = Ramp::new(0.5, 20.0, sample_rate_hz);
        let computer = computer.check()?;
        let mut compressor = Compressor { sample_rate_hz, computer, ballistics, make_up, make_up_factor: 1.0, channels };
        compressor.set_times_ms(10.0, 100.0)?;
        Ok(compressor)
    }

    /// Other settings; the reduction goes there with attack and release.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a threshold or a knee that is no number of decibels up to 200, or a ratio below 1; the old ones stay.
    pub fn set(&mut self, computer: GainComputer) -> Result<(), DspError> {
        self.computer = computer.check()?;
        Ok(())
    }

    /// The times in which 63 % of a step is done. Zero is at once.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a time that is not 0 to 60,000 ms; the old ones stay.
    pub fn set_times_ms(&mut self, attack_ms: f64, release_ms: f64) -> Result<(), DspError> {
        for (name, found) in [("attack_ms", attack_ms), ("release_ms", release_ms)] {
            if !(0.0..=60_000.0).contains(&found) {
                return Err(DspError::OutOfRange { name, expected: "0 to 60000", found });
            }
        }
        let pole = |ms: f64| if ms == 0.0 { 0.0 } else { Scalar::exp(-1e3 / (ms * self.sample_rate_hz)) };
        (self.ballistics.attack, self.ballistics.release) = (pole(attack_ms), pole(release_ms));
        Ok(())
    }

    /// A gain behind the compressor, held to -60 to 60 dB; NaN is ignored.
    pub fn set_make_up_db(&mut self, gain_db: f64) {
        self.make_up.set(0.5 + 0.5 * gain_db / MAKE_UP_DB);
    }

    /// By how many decibels the last frame was turned down: what a meter shows.
    pub fn reduction_db(&self) -> f64 {
        self.ballistics.smooth
    }

    /// The factor for a frame whose loudest sample is `peak`.
    fn factor(&mut self, peak: f64) -> f64 {
        let level_db = if peak > FLOOR { 20.0 / LN_10 * Scalar::ln(peak) } else { -200.0 };
        let reduction_db = self.ballistics.advance(self.computer.reduction_db(level_db));
        if self.make_up.advance() {
            self.turn();
        }
        if reduction_db == 0.0 { self.make_up_factor } else { self.make_up_factor * Scalar::exp(-LN_10 / 20.0 * reduction_db) }
    }

    fn turn(&mut self) {
        let gain_db = MAKE_UP_DB * (2.0 * self.make_up.value() - 1.0);
        self.make_up_factor = Scalar::exp(LN_10 / 20.0 * gain_db);
    }
}

/// Every frame times the factor for its loudest sample, in the first `channels`; what else there is of the output is silent.
pub(crate) fn turn_down<T: Scalar>(channels: usize, input: &[&[T]], output: &mut [&mut [T]], mut factor: impl FnMut(f64) -> f64) {
    let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
    let frames = lengths.min().unwrap_or(0);
    let heard_channels = channels.min(input.len());
    for n in 0..frames {
        let peak = input[..heard_channels].iter().fold(0.0, |peak: f64, x| peak.max(heard(x[n]).abs().to_f64()));
        let factor = T::from_f64(factor(peak));
        for (c, y) in output.iter_mut().enumerate() {
            y[n] = if c < heard_channels { audible(heard(input[c][n]) * factor) } else { T::ZERO };
        }
    }
}

impl<T: Scalar> Processor<T> for Compressor {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        turn_down(self.channels, input, output, |peak| self.factor(peak));
    }
    fn set_controls(&mut self, _: &[T]) {}
    fn reset(&mut self) {
        (self.ballistics.peak, self.ballistics.smooth) = (0.0, 0.0);
        self.make_up.arrive();
        self.turn();
    }
    fn latency(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    const SOFT: GainComputer = GainComputer { threshold_db: -20.0, ratio: 4.0, knee_db: 6.0 };

    #[test]
    fn the_static_curve_is_the_published_one() {
        let anchors = [(-23.0, 0.0), (-21.0, 0.25), (-20.0, 0.5625), (-18.0, 1.5625), (-17.0, 2.25), (-10.0, 7.5), (0.0, 15.0)];
        for (level_db, expected) in anchors {
            assert!((SOFT.reduction_db(level_db) - expected).abs() < 1e-12, "{level_db}: {}", SOFT.reduction_db(level_db));
        }
        let limiter = GainComputer { threshold_db: -6.0, ratio: f64::INFINITY, knee_db: 0.0 };
        assert_eq!([-7.0, -6.0, 4.0].map(|level| limiter.reduction_db(level)), [0.0, 0.0, 10.0]);
    }

    /// What its meter shows, frame by frame.
    fn reductions(compressor: &mut Compressor, levels: &[f64]) -> Vec<f64> {
        let reduction = |level: &f64| {
            compressor.factor(*level);
            compressor.reduction_db()
        };
        levels.iter().map(reduction).collect()
    }

    /// A step from -40 dB to full scale and back, as the reference has it.
    #[test]
    fn attack_and_release_are_those_of_the_decoupled_detector() {
        let mut compressor = Compressor::new(48e3, SOFT, 1).unwrap();
        let levels: Vec<f64> = (0..24_000).map(|n| if (4800..14_400).contains(&n) { 1.0 } else { 0.01 }).collect();
        let found = reductions(&mut compressor, &levels);
        for (n, expected) in
            [(4800, 0.0312174705), (5279, 9.4818083824), (9600, 14.9993204183), (14_400, 14.9999934662), (19_200, 6.1293330603)]
        {
            assert!((found[n] - expected).abs() < 1e-9, "{n}: {} {expected}", found[n]);
        }
    }

    #[test]
    fn the_louder_channel_turns_both_down_and_a_missing_one_is_silent() {
        let mut stereo = Compressor::new(48e3, SOFT, 2).unwrap();
        let (loud, quiet) = ([1.0f64; 4800], [0.01f64; 4800]);
        let mut y = [[0.0; 4800], [0.0; 4800], [9.0; 4800]];
        let [a, b, c] = &mut y;
        stereo.process(&[&loud, &quiet], &mut [a, b, c]);
        let last = 4799;
        assert!((20.0 * y[0][last].log10() + 15.0).abs() < 0.01 && (y[1][last] - 0.01 * y[0][last]).abs() < 1e-15);
        assert!(y[2].iter().all(|y| *y == 0.0));
        let mut alone = vec![0.0; 4800];
        Processor::<f64>::reset(&mut stereo);
        stereo.process(&[&quiet], &mut [&mut alone]);
        assert!(alone.iter().all(|y| *y == 0.01), "a level below the threshold is left alone");
    }

    #[test]
    fn make_up_gain_glides_and_what_makes_no_sense_is_refused_by_name() {
        let mut compressor = Compressor::new(48e3, SOFT, 1).unwrap();
        compressor.set_make_up_db(20.0);
        let (x, mut y) = ([1e-3f64; 2000], [0.0; 2000]);
        compressor.process(&[&x], &mut [&mut y]);
        assert!((y[1999] - 1e-2).abs() < 1e-15 && y.windows(2).all(|w| (1.0..1.02).contains(&(w[1] / w[0]))));

        let refused = |computer| Compressor::new(48e3, computer, 1).map(|_| ()).unwrap_err();
        let softer = GainComputer { ratio: 0.5, ..SOFT };
        assert_eq!(refused(softer), DspError::OutOfRange { name: "ratio", expected: "1 or more", found: 0.5 });
        assert!(matches!(refused(GainComputer { ratio: f64::NAN, ..SOFT }), DspError::OutOfRange { name: "ratio", .. }));
        assert!(matches!(refused(GainComputer { knee_db: -1.0, ..SOFT }), DspError::OutOfRange { name: "knee_db", .. }));
        assert!(matches!(refused(GainComputer { threshold_db: f64::NAN, ..SOFT }), DspError::OutOfRange { name: "threshold_db", .. }));
        assert!(matches!(compressor.set_times_ms(-1.0, 5.0), Err(DspError::OutOfRange { name: "attack_ms", .. })));
        assert!(Compressor::new(48e3, SOFT, 0).is_err());
    }
}
