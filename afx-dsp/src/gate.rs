//! What is quiet made quieter.

use crate::DspError;
use crate::compressor::turn_down;
use crate::error::sample_rate;
use afx_core::{Processor, Scalar};
use core::f64::consts::LN_10;

/// From a level to what is to be done about it: nothing above the threshold, `ratio - 1` times what is missing below, in decibels, with a
/// parabola between and no more than a range.
///
/// The downward expander of Giannoulis, Massberg and Reiss 2012: a level `x` below the threshold `T` becomes `T + ratio (x - T)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Expander {
    /// Where it ends, in decibels below full scale.
    pub threshold_db: f64,
    /// Decibels out for one decibel in, at least 1; 10 and more is a gate, infinity a switch.
    pub ratio: f64,
    /// Width of the bend around the threshold; 0 is a corner.
    pub knee_db: f64,
    /// The most that it turns down.
    pub range_db: f64,
}

impl Expander {
    /// By how many decibels a steady level of that many is to be turned down: 0 to the range.
    pub fn reduction_db(&self, level_db: f64) -> f64 {
        let (under, slope) = (self.threshold_db - level_db, self.ratio - 1.0);
        let reduction_db = if 2.0 * under <= -self.knee_db || slope == 0.0 {
            0.0
        } else if 2.0 * under < self.knee_db {
            let into = under + 0.5 * self.knee_db;
            slope * into * into / (2.0 * self.knee_db)
        } else {
            slope * under
        };
        reduction_db.min(self.range_db)
    }

    fn check(self) -> Result<Self, DspError> {
        let refused = |name, expected, found| Err(DspError::OutOfRange { name, expected, found });
        match self {
            Self { threshold_db: found, .. } if !(-200.0..=200.0).contains(&found) => refused("threshold_db", "-200 to 200", found),
            Self { ratio: found, .. } if !(1.0..=f64::INFINITY).contains(&found) => refused("ratio", "1 or more", found),
            Self { knee_db: found, .. } if !(0.0..=200.0).contains(&found) => refused("knee_db", "0 to 200", found),
            Self { range_db: found, .. } if !(0.0..=200.0).contains(&found) => refused("range_db", "0 to 200", found),
            sound => Ok(sound),
        }
    }
}

/// A noise gate or expander whose channels are turned down together, from the loudest one's peaks.
///
/// It opens with the attack, stays open for the hold time after the level last asked for it, and closes with the release, in decibels. A hold
/// time of half a period of the lowest tone keeps it open between the peaks of that tone.
///
/// - The first channels, up to as many as it was made for, are heard and played; further outputs are silent. It has no knobs.
/// - Real-time: `process`, [`set`](Self::set), [`set_times_ms`](Self::set_times_ms) and `reset` allocate nothing. It has no latency.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::{Expander, Gate};
///
/// let mut gate = Gate::new(48e3, Expander { threshold_db: -50.0, ratio: 10.0, knee_db: 6.0, range_db: 80.0 }, 1)?;
/// gate.set_times_ms(1.0, 30.0, 100.0)?;
/// let (hum, mut y) = ([1e-3f32; 64], [0.0; 64]);
/// gate.process(&[&hum], &mut [&mut y]);
/// assert!(y.iter().all(|y| *y < 1e-6)); // closed from the start
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    sample_rate_hz: f64,
    expander: Expander,
    attack: f64,
    release: f64,
    hold: u64,
    /// Frames for which it still stays as open as it is.
    held: u64,
    reduction_db: f64,
    channels: usize,
}

/// Peaks below this count as silence.
const FLOOR: f64 = 1e-10;

impl Gate {
    /// Closed; attack 1 ms, hold 20 ms, release 100 ms.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, settings that make no sense, or no channel.
    pub fn new(sample_rate_hz: f64, expander: Expander, channels: usize) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        if channels == 0 {
            return Err(DspError::OutOfRange { name: "channels", expected: "1 or more", found: 0.0 });
        }
        let expander = expander.check()?;
        let mut gate = Gate { sample_rate_hz, expander, attack: 0.0, release: 0.0, hold: 0, held: 0, reduction_db: 0.0, channels };
        gate.set_times_ms(1.0, 20.0, 100.0)?;
        gate.close();
        Ok(gate)
    }

    /// Other settings; the reduction goes there with attack, hold and release.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a threshold, knee or range that is no number of decibels up to 200, or a ratio below 1; the old ones stay.
    pub fn set(&mut self, expander: Expander) -> Result<(), DspError> {
        self.expander = expander.check()?;
        Ok(())
    }

    /// The times in which 63 % of a step is done on the way open and on the way shut, and between them the time for which it waits.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a time that is not 0 to 60,000 ms; the old ones stay.
    pub fn set_times_ms(&mut self, attack_ms: f64, hold_ms: f64, release_ms: f64) -> Result<(), DspError> {
        for (name, found) in [("attack_ms", attack_ms), ("hold_ms", hold_ms), ("release_ms", release_ms)] {
            if !(0.0..=60_000.0).contains(&found) {
                return Err(DspError::OutOfRange { name, expected: "0 to 60000", found });
            }
        }
        let pole = |ms: f64| if ms == 0.0 { 0.0 } else { Scalar::exp(-1e3 / (ms * self.sample_rate_hz)) };
        (self.attack, self.release) = (pole(attack_ms), pole(release_ms));
        self.hold = (1e-3 * hold_ms * self.sample_rate_hz + 0.5) as u64;
        self.held = self.held.min(self.hold);
        Ok(())
    }

    /// By how many decibels the last frame was turned down: what a meter shows.
    pub fn reduction_db(&self) -> f64 {
        self.reduction_db
    }

    fn close(&mut self) {
        (self.reduction_db, self.held) = (self.expander.reduction_db(-200.0), 0);
    }

    /// The factor for a frame whose loudest sample is `peak`.
    fn factor(&mut self, peak: f64) -> f64 {
        let level_db = if peak > FLOOR { 20.0 / LN_10 * Scalar::ln(peak) } else { -200.0 };
        let wanted = self.expander.reduction_db(level_db);
        let way = self.reduction_db - wanted;
        if way >= 0.0 {
            self.held = self.hold;
            self.reduction_db = wanted + self.attack * way;
        } else if self.held > 0 {
            self.held -= 1;
        } else {
            self.reduction_db = wanted + self.release * way;
        }
        // A trillionth of a decibel is nothing; it would fade for minutes, and end in subnormal numbers.
        if self.reduction_db < 1e-12 {
            self.reduction_db = 0.0;
            return 1.0;
        }
        Scalar::exp(-LN_10 / 20.0 * self.reduction_db)
    }
}

impl<T: Scalar> Processor<T> for Gate {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        turn_down(self.channels, input, output, |peak| self.factor(peak));
    }
    fn set_controls(&mut self, _: &[T]) {}
    fn reset(&mut self) {
        self.close();
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

    const SOFT: Expander = Expander { threshold_db: -40.0, ratio: 3.0, knee_db: 6.0, range_db: 50.0 };

    #[test]
    fn the_static_curve_is_a_line_below_the_threshold_a_parabola_around_it_and_level_at_its_range() {
        // T + R (x - T) is x less these; in the knee, of width 6, (R - 1) into² / 12.
        for (level_db, expected) in
            [(0.0, 0.0), (-37.0, 0.0), (-39.0, 2.0 * 4.0 / 12.0), (-40.0, 1.5), (-43.0, 6.0), (-50.0, 20.0), (-65.0, 50.0), (-200.0, 50.0)]
        {
            assert!((SOFT.reduction_db(level_db) - expected).abs() < 1e-12, "{level_db}: {}", SOFT.reduction_db(level_db));
        }
        let switch = Expander { ratio: f64::INFINITY, knee_db: 0.0, ..SOFT };
        assert_eq!([-39.9, -40.0, -40.1].map(|level| switch.reduction_db(level)), [0.0, 0.0, 50.0]);
        let nothing = Expander { ratio: 1.0, ..SOFT };
        assert_eq!([0.0, -40.0, -200.0].map(|level| nothing.reduction_db(level)), [0.0; 3]);
    }

    /// Full scale for a tenth of a second, then -60 dB.
    #[test]
    fn it_opens_with_the_attack_waits_for_the_hold_and_closes_with_the_release() {
        let mut gate = Gate::new(48e3, SOFT, 1).unwrap();
        gate.set_times_ms(10.0, 50.0, 100.0).unwrap();
        let reductions: Vec<f64> = (0..14_400)
            .map(|n| {
                gate.factor(if n < 4800 { 1.0 } else { 1e-3 });
                gate.reduction_db()
            })
            .collect();
        let e = core::f64::consts::E;
        assert!((reductions[479] - 50.0 / e).abs() < 1e-9, "after one attack time: {}", reductions[479]);
        let open = reductions[4799];
        assert!(reductions[4800..7200].iter().all(|r| *r == open), "held");
        let closing = 40.0 + (open - 40.0) / e;
        assert!((reductions[7200 + 4799] - closing).abs() < 1e-9, "after one release time: {} {closing}", reductions[11_999]);
    }

    #[test]
    fn a_low_tone_passes_whole_and_noise_below_the_threshold_does_not() {
        let tone: Vec<f64> = (0..48_000).map(|n| 0.1 * (2.0 * core::f64::consts::PI * 41.2 * f64::from(n) / 48e3).sin()).collect();
        let mut gate = Gate::new(48e3, Expander { ratio: 10.0, ..SOFT }, 2).unwrap();
        let (mut left, mut right, mut none) = (vec![0.0; 48_000], vec![0.0; 48_000], vec![1.0; 48_000]);
        let quiet: Vec<f64> = tone.iter().map(|x| 1e-3 * x).collect();
        gate.process(&[&tone, &quiet], &mut [&mut left, &mut right, &mut none]);
        assert!(left[4800..] == tone[4800..] && right[4800..] == quiet[4800..], "once open, nothing is changed");
        assert!(none.iter().all(|y| *y == 0.0));
        Processor::<f64>::reset(&mut gate);
        gate.process(&[&quiet], &mut [&mut left]);
        let loudest = left.iter().fold(0.0f64, |m, y| m.max(y.abs()));
        assert!((loudest / 1e-4 - 10f64.powf(-50.0 / 20.0)).abs() < 1e-9, "{loudest}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |expander| match Gate::new(48e3, expander, 1) {
            Err(DspError::OutOfRange { name, .. }) => name,
            Ok(_) => "nothing",
        };
        assert_eq!(refused(Expander { threshold_db: f64::NAN, ..SOFT }), "threshold_db");
        assert_eq!(refused(Expander { ratio: 0.9, ..SOFT }), "ratio");
        assert_eq!(refused(Expander { knee_db: -1.0, ..SOFT }), "knee_db");
        assert_eq!(refused(Expander { range_db: 201.0, ..SOFT }), "range_db");
        let mut gate = Gate::new(48e3, SOFT, 1).unwrap();
        assert!(matches!(gate.set_times_ms(1.0, -1.0, 1.0), Err(DspError::OutOfRange { name: "hold_ms", .. })));
        assert!(matches!(gate.set(Expander { ratio: f64::NAN, ..SOFT }), Err(DspError::OutOfRange { name: "ratio", .. })));
        assert!(Gate::new(48e3, SOFT, 0).is_err() && Gate::new(1.0, SOFT, 1).is_err());
    }
}
