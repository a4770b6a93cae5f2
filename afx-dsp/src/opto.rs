//! A compressor of light.

use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, flush, heard};
use afx_core::{Mono, Scalar};
use core::f64::consts::LN_10;

/// An optical compressor in the manner of a tube leveller: a lamp that the output lights, and a cell whose release is fast at first and then the
/// slower the longer it has been lit.
///
/// Of every sample, with `G = 10^((PR / 2 - 30) / 20)` of the peak reduction `PR`, 0 where that is 0, and `a(τ) = 1 - exp(-1 / (τ f_s))`:
///
/// - light `L = max(0, G |y[n-1]| - 0.05)`, or of `|x[n]|` when it [limits](OptoCompressor::set_limiting);
/// - half of the cell is up in 10 ms and down in 60: `e_f += a (L - e_f)`; the other half is up in 10 ms and down in `0.5 + 4.5 m` seconds, `e_s`
///   alike;
/// - what it remembers, `m`, goes to `min(1, 7.5 e_s)`, up in 2 s and down in 5;
/// - `y = x / (1 + 15 (e_f + e_s))`.
///
/// The project's own definition of a reference device. Its numbers at 44.1 kHz are met to the digits known; at other rates the times stay, and the
/// output is one sample late in the loop, whatever a sample is. Light beyond 100, what 20 dB over full scale is to a limiter at full
/// reduction, counts as 100, so that an accident is over within a minute; it takes seconds to forget any loud sound.
///
/// One knob: the peak reduction, from 0 to 100, which glides over 20 ms and acts through the cell. Whether it limits may change while it plays.
///
/// Real-time: nothing allocates.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::OptoCompressor;
///
/// let mut opto = OptoCompressor::new(48e3)?;
/// opto.set_peak_reduction(60.0)?;
/// opto.set_limiting(true);
/// let mut stereo = Channels::new(opto, 2);
/// let (x, mut left, mut right) = ([0.5f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OptoCompressor {
    frames_per_second: f64,
    peak_reduction: Knob,
    sensitivity: f64,
    limits: bool,
    times: Times,
    fast: f64,
    slow: f64,
    memory: f64,
    output: f64,
    gain: f64,
}

/// What each falls short by is divided by, in a sample: `a(τ)`.
#[derive(Clone, Copy, Debug)]
struct Times {
    attack: f64,
    release: f64,
    remember: f64,
    forget: f64,
}

/// What of the signal gives no light.
const DARK: f64 = 0.05;
/// The most light that counts.
const BRIGHT: f64 = 100.0;
/// What either half of the cell takes of the signal.
const DEPTH: f64 = 15.0;

/// `1 - exp(-1 / frames)` of 500 frames or more, to the last digit: the series' sixth term is 1e-17 of the first.
#[inline(always)]
fn slow_share(frames: f64) -> f64 {
    let u = 1.0 / frames;
    let (first, second) = (1.0 - u * (1.0 / 2.0), 1.0 / 6.0 - u * (1.0 / 24.0));
    u * (first + u * u * (second + u * u * (1.0 / 120.0)))
}

impl OptoCompressor {
    /// In the dark, at a peak reduction of 50; it compresses.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let frames_per_second = sample_rate(sample_rate_hz)?;
        let share = |seconds: f64| 1.0 - Scalar::exp(-1.0 / (seconds * frames_per_second));
        let mut opto = OptoCompressor {
            frames_per_second,
            peak_reduction: Knob::new("peak_reduction", "0 to 100", [0.0, 100.0], false, 50.0, sample_rate_hz),
            sensitivity: 0.0,
            limits: false,
            times: Times { attack: share(0.010), release: share(0.060), remember: share(2.0), forget: share(5.0) },
            fast: 0.0,
            slow: 0.0,
            memory: 0.0,
            output: 0.0,
            gain: 1.0,
        };
        opto.turn();
        Ok(opto)
    }

    /// How much light there is: to 20 it leaves full scale alone, at 60 it takes 11 dB from a tone at half of that, at 100 it takes 21.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for anything but 0 to 100; the old one stays.
    pub fn set_peak_reduction(&mut self, peak_reduction: f64) -> Result<(), DspError> {
        self.peak_reduction.set(peak_reduction)
    }

    /// Whether the input lights the lamp, in place of the output: it then turns down about as much as the input is louder, not half of it.
    pub fn set_limiting(&mut self, limits: bool) {
        self.limits = limits;
    }

    /// By how many decibels the last sample was turned down: what a meter shows.
    pub fn reduction_db(&self) -> f64 {
        -20.0 / LN_10 * Scalar::ln(self.gain)
    }

    /// Darkens the cell, and puts the knob where it was last set to.
    pub fn reset(&mut self) {
        (self.fast, self.slow, self.memory, self.output, self.gain) = (0.0, 0.0, 0.0, 0.0, 1.0);
        self.peak_reduction.arrive();
        self.turn();
    }

    /// Compresses the samples, in place.
    pub fn process_in_place<T: Scalar>(&mut self, samples: &mut [T]) {
        for sample in samples {
            let x = heard(*sample).to_f64();
            if self.peak_reduction.advance() {
                self.turn();
            }
            let level = if self.limits { x.abs() } else { self.output };
            self.advance((self.sensitivity * level - DARK).clamp(0.0, BRIGHT));
            let y = self.gain * x;
            self.output = y.abs();
            *sample = audible(T::from_f64(y));
        }
    }

    /// The gain after a sample of that much light.
    fn advance(&mut self, light: f64) {
        let Times { attack, release, remember, forget } = self.times;
        let toward = |from: f64, to: f64, up: f64, down: f64| flush(from + if to > from { up } else { down } * (to - from));
        self.fast = toward(self.fast, light, attack, release);
        self.slow = toward(self.slow, light, attack, slow_share(self.frames_per_second * (0.5 + 4.5 * self.memory)));
        self.memory = toward(self.memory, (7.5 * self.slow).min(1.0), remember, forget);
        self.gain = 1.0 / (1.0 + DEPTH * (self.fast + self.slow));
    }

    fn turn(&mut self) {
        let peak_reduction = self.peak_reduction.value();
        self.sensitivity = if peak_reduction == 0.0 { 0.0 } else { Scalar::exp(LN_10 / 20.0 * (0.5 * peak_reduction - 30.0)) };
    }
}

/// One knob, from -1 to 1: the peak reduction.
impl<T: Scalar> Mono<T> for OptoCompressor {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        if let Some(peak_reduction) = controls.first() {
            self.peak_reduction.turn(peak_reduction.to_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;
    use std::vec::Vec;

    /// A sine of 1 kHz, at -6 dB from 0.5 to 2 s and else at -26; what comes out, and the gain reduction at every sample.
    fn steps(opto: &mut OptoCompressor, sample_rate_hz: f64) -> [Vec<f64>; 3] {
        let [mut x, mut y, mut reduction] = [const { Vec::new() }; 3];
        for n in 0..(4.0 * sample_rate_hz) as u32 {
            let t = f64::from(n) / sample_rate_hz;
            let amplitude = if (0.5..2.0).contains(&t) { 0.5 } else { 0.05 };
            let mut sample = [amplitude * (TAU * 1e3 * t).sin()];
            x.push(sample[0]);
            opto.process_in_place(&mut sample);
            y.push(sample[0]);
            reduction.push(opto.reduction_db());
        }
        [x, y, reduction]
    }

    fn at(sample_rate_hz: f64, peak_reduction: f64) -> OptoCompressor {
        let mut opto = OptoCompressor::new(sample_rate_hz).unwrap();
        opto.set_peak_reduction(peak_reduction).unwrap();
        opto.reset();
        opto
    }

    /// The mean of the 200 samples before 2 s, then the samples 60 ms and 1 s later and the last one.
    fn reductions(opto: &mut OptoCompressor, sample_rate_hz: f64) -> [f64; 4] {
        let [_, _, trace] = steps(opto, sample_rate_hz);
        let loud = (2.0 * sample_rate_hz) as usize;
        let mean = trace[loud - 200..loud].iter().sum::<f64>() / 200.0;
        [mean, trace[loud + (0.06 * sample_rate_hz) as usize], trace[loud + sample_rate_hz as usize], trace[trace.len() - 1]]
    }

    #[test]
    fn the_reference_device_s_reductions_are_met() {
        let anchors = [
            (40.0, [5.402, 4.098, 1.615, 0.694]),
            (60.0, [10.795, 8.749, 5.555, 4.046]),
            (80.0, [16.035, 13.554, 10.069, 8.831]),
            (100.0, [21.173, 18.436, 15.175, 14.004]),
        ];
        for (peak_reduction, expected) in anchors {
            let found = reductions(&mut at(44.1e3, peak_reduction), 44.1e3);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 5.1e-4, "{peak_reduction}: {found} {expected}"); // the digits known
            }
        }
        for peak_reduction in [0.0, 10.0, 20.0] {
            let [x, y, _] = steps(&mut at(44.1e3, peak_reduction), 44.1e3);
            assert!(x == y, "{peak_reduction}");
        }
    }

    #[test]
    fn the_reference_device_s_samples_are_met() {
        for (peak_reduction, expected) in
            [(60.0, [0.145526261331, 0.144320075240, 0.019862244781]), (100.0, [0.043968444288, 0.043691305468, 0.006704929306])]
        {
            let [_, y, _] = steps(&mut at(44.1e3, peak_reduction), 44.1e3);
            for (n, expected) in [26_471, 83_801, 92_621].into_iter().zip(expected) {
                assert!((y[n] - expected).abs() < 1e-12, "{peak_reduction}, {n}: {} {expected}", y[n]); // the digits known
            }
        }
    }

    #[test]
    fn its_times_are_those_of_seconds_at_any_sample_rate() {
        let expected = [10.795, 8.749, 5.555, 4.046];
        for (sample_rate_hz, tolerance_db) in [(48e3, 0.01), (96e3, 0.02), (192e3, 0.02)] {
            let found = reductions(&mut at(sample_rate_hz, 60.0), sample_rate_hz);
            for (found, expected) in found.iter().zip(expected) {
                // 200 samples are another part of a period, and the loop is another time late.
                assert!((found - expected).abs() < tolerance_db, "{sample_rate_hz}: {found} {expected}");
            }
        }
    }

    /// In the long run `y = x / (1 + 30 (G |x| - 0.05))` of a steady level, which stays where it is; 12 dB more at the input of a compressor are
    /// about 6 at its output.
    #[test]
    fn it_limits_by_the_input_and_compresses_by_the_output() {
        let settled = |limits: bool, level: f64| {
            let mut opto = at(48e3, 70.0);
            opto.set_limiting(limits);
            let mut y = std::vec![level; 48_000];
            opto.process_in_place(&mut y);
            y[47_999]
        };
        let gain = 10f64.powf(0.25);
        for level in [0.5, 2.0] {
            let expected = level / (1.0 + 30.0 * (gain * level - 0.05));
            assert!((settled(true, level) / expected - 1.0).abs() < 1e-9, "{level}: {} {expected}", settled(true, level));
            let y = settled(false, level);
            assert!((y * (1.0 + 30.0 * (gain * y - 0.05)) / level - 1.0).abs() < 1e-9, "{level}: {y}");
        }
    }

    /// A peak reduction that goes all its way under a steady level: no step of the gain is larger than what the attack itself takes.
    #[test]
    fn its_knob_does_not_click() {
        let mut opto = at(48e3, 0.0);
        let mut y = [0.5f64; 4800];
        opto.process_in_place(&mut y[..100]);
        opto.set_peak_reduction(100.0).unwrap();
        opto.process_in_place(&mut y[100..]);
        let steepest = y.windows(2).fold(0.0f64, |m, w| m.max((w[0] - w[1]).abs()));
        let mut still = [0.5f64; 4800];
        at(48e3, 100.0).process_in_place(&mut still);
        let attack = still.windows(2).fold(0.0f64, |m, w| m.max((w[0] - w[1]).abs()));
        assert!(y[..100] == [0.5; 100] && y[4799] < 0.06 && steepest < 0.2 * attack, "{steepest} {attack}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let mut opto = at(48e3, 60.0);
        for found in [-1.0, 100.1, f64::INFINITY] {
            assert_eq!(opto.set_peak_reduction(found), Err(DspError::OutOfRange { name: "peak_reduction", expected: "0 to 100", found }));
        }
        assert!(opto.set_peak_reduction(f64::NAN).is_err() && OptoCompressor::new(1.0).is_err());
    }

    #[test]
    fn an_accident_is_over_within_a_minute() {
        let mut opto = at(8e3, 100.0);
        opto.set_limiting(true);
        opto.process_in_place(&mut [9e9f64; 8000]);
        opto.process_in_place(&mut std::vec![0.0f64; 60 * 8000]);
        assert!(opto.reduction_db() < 0.05, "{}", opto.reduction_db());
    }
}
