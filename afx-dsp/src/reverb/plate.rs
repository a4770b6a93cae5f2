//! Dattorro's plate.

use super::allpass::Allpass;
use super::{Stereo, play};
use crate::delay::{DelayLine, Interpolation};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::modulation::{Lfo, Wave};
use crate::{DspError, audible, flush};
use afx_core::{Processor, Scalar};

/// A plate: four allpasses in a row, then two halves of a tank that feed one another, each a modulated allpass, a delay, a low-pass, an
/// allpass and a delay; either output is seven taps of them.
///
/// Dattorro 1997, "Effect design, part 1: reverberator and other filters", Journal of the AES 45(9), figure 1 and tables 1 and 2, with its delays
/// scaled from 29,761 Hz to the sample rate. The modulated allpasses are read by Lagrange's cubic in place of a straight line, which would
/// take the high frequencies away at each turn, and a quarter of a period apart.
///
/// - Two channels, added up on their way in; only the reverberation is heard ([`Mix`](afx_core::Mix) adds the dry signal).
/// - Knobs: decay, 0 to 0.99, and damping, 0 to 0.99.
/// - Real-time: nothing allocates after construction. `reset` clears the lines.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::reverb::Plate;
///
/// let mut plate = Plate::<f32>::new(48e3)?;
/// plate.set_decay(0.8)?;
/// plate.set_damping(0.2)?;
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// plate.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plate<T: Scalar> {
    decay: Knob,
    damping: Knob,
    bandwidth: Knob,
    excursion: Knob,
    /// What the bandwidth leaves of the input.
    dull: T,
    diffusers: [Allpass<T>; 4],
    halves: [Half<T>; 2],
    taps: [[usize; 7]; 2],
    lfo: Lfo,
    /// Frames for one of the paper's.
    scale: f64,
}

/// The sample rate of the paper's delays.
const HOME_HZ: f64 = 29_761.0;
const DIFFUSERS: [(f64, f64); 4] = [(142.0, 0.75), (107.0, 0.75), (379.0, 0.625), (277.0, 0.625)];
/// The modulated allpass, the first delay, the second allpass, the second delay of each half.
const HALVES: [[f64; 4]; 2] = [[672.0, 4453.0, 1800.0, 3720.0], [908.0, 4217.0, 2656.0, 3163.0]];
/// Taps of either output: two of the other half's first delay, one of its second allpass and one of its second delay, then one each of its own
/// half. All but the first two and the fourth are taken away.
const TAPS: [[f64; 7]; 2] = [[266.0, 2974.0, 1913.0, 1996.0, 1990.0, 187.0, 1066.0], [353.0, 3627.0, 1228.0, 2673.0, 2111.0, 335.0, 121.0]];
/// Of the modulated allpasses; their sign is the other one.
const DIFFUSION: f64 = 0.7;
/// What a tap is worth.
const LEVEL: f64 = 0.6;
/// Turns of the modulation in a second.
const RATE_HZ: f64 = 1.0;
/// The farthest that the modulation may go, in frames of the paper.
const FARTHEST: f64 = 16.0;

/// Half of the tank.
#[derive(Clone, Debug)]
struct Half<T: Scalar> {
    moving: DelayLine<T>,
    middle: f64,
    first: DelayLine<T>,
    allpass: Allpass<T>,
    second: DelayLine<T>,
    frames: [usize; 2],
    low: T,
}

impl<T: Scalar> Half<T> {
    fn new(home: [f64; 4], scale: f64) -> Result<Self, DspError> {
        let [moving, first, allpass, second] = home.map(|m| frames(m, scale));
        let reach = (FARTHEST * scale) as usize + 2;
        Ok(Half {
            moving: DelayLine::new(moving + reach, Interpolation::Lagrange)?,
            middle: home[0] * scale,
            first: DelayLine::new(first, Interpolation::Linear)?,
            allpass: Allpass::new(allpass)?,
            second: DelayLine::new(second, Interpolation::Linear)?,
            frames: [first, second],
            low: T::ZERO,
        })
    }

    /// What it gives to the other half.
    #[inline(always)]
    fn end(&self) -> T {
        self.second.read(self.frames[1])
    }

    #[inline(always)]
    fn process(&mut self, x: T, decay: T, damping: T, diffusion: T, offset: f64) {
        let g = T::from_f64(DIFFUSION);
        let delayed = self.moving.read_at(self.middle + offset);
        let inner = flush(x + g * delayed);
        self.moving.write(inner);
        let end = self.first.read(self.frames[0]);
        self.first.write(flush(delayed - g * inner));
        self.low = flush(end + damping * (self.low - end));
        let y = self.allpass.process(decay * self.low, diffusion);
        self.second.write(flush(y));
    }

    fn reset(&mut self) {
        self.moving.reset();
        self.first.reset();
        self.allpass.reset();
        self.second.reset();
        self.low = T::ZERO;
    }
}

/// A delay of the paper at another sample rate.
fn frames(home: f64, scale: f64) -> usize {
    ((home * scale + 0.5) as usize).max(1)
}

impl<T: Scalar> Plate<T> {
    /// At rest, with the paper's settings: decay 0.5, damping 0.0005, bandwidth 0.9995, excursion 8.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 8 kHz to 10 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let rate = sample_rate(sample_rate_hz)?;
        if !(8e3..=1e7).contains(&rate) {
            return Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "8e3 to 1e7", found: rate });
        }
        let scale = rate / HOME_HZ;
        let [a, b, c, d] = DIFFUSERS.map(|(m, _)| Allpass::new(frames(m, scale)));
        let [left, right] = HALVES.map(|home| Half::new(home, scale));
        let mut lfo = Lfo::new(Wave::Sine);
        lfo.set_rate(RATE_HZ / rate);
        Ok(Plate {
            decay: Knob::new("decay", "0 to 0.99", [0.0, 0.99], false, 0.5, rate),
            damping: Knob::new("damping", "0 to 0.99", [0.0, 0.99], false, 0.0005, rate),
            bandwidth: Knob::new("bandwidth", "0.01 to 1", [0.01, 1.0], false, 0.9995, rate),
            excursion: Knob::new("excursion", "0 to 16", [0.0, FARTHEST], false, 8.0, rate),
            dull: T::ZERO,
            diffusers: [a?, b?, c?, d?],
            halves: [left?, right?],
            taps: TAPS.map(|taps| taps.map(|m| frames(m, scale))),
            lfo,
            scale,
        })
    }

    /// What each half of the tank keeps; glides there in 20 ms, as all settings.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a factor that is not 0 to 0.99; the old one stays.
    pub fn set_decay(&mut self, factor: f64) -> Result<(), DspError> {
        self.decay.set(factor)
    }

    /// The pole of the low-pass in each half: 0 leaves the high frequencies.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a pole that is not 0 to 0.99; the old one stays.
    pub fn set_damping(&mut self, pole: f64) -> Result<(), DspError> {
        self.damping.set(pole)
    }

    /// How much of the high frequencies enters: 1 is all, and one less the pole of a low-pass before the tank.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a number that is not 0.01 to 1; the old one stays.
    pub fn set_bandwidth(&mut self, bandwidth: f64) -> Result<(), DspError> {
        self.bandwidth.set(bandwidth)
    }

    /// How far the modulated allpasses move to either side, in frames of 1/29,761 s: 8 in the paper, 0 keeps pitches as they are.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a number that is not 0 to 16; the old one stays.
    pub fn set_excursion(&mut self, frames: f64) -> Result<(), DspError> {
        self.excursion.set(frames)
    }

    /// The seven taps of a channel.
    #[inline(always)]
    fn taps(&self, channel: usize) -> T {
        let [a, b, c, d, e, f, g] = self.taps[channel];
        let (own, other) = (&self.halves[channel], &self.halves[1 - channel]);
        let added = other.first.read(a) + other.first.read(b) + other.second.read(d);
        let taken = other.allpass.tap(c) + own.first.read(e) + own.allpass.tap(f) + own.second.read(g);
        T::from_f64(LEVEL) * (added - taken)
    }
}

impl<T: Scalar> Stereo<T> for Plate<T> {
    #[inline(always)]
    fn frame(&mut self, [left, right]: [T; 2]) -> [T; 2] {
        for knob in [&mut self.decay, &mut self.damping, &mut self.bandwidth, &mut self.excursion] {
            knob.advance();
        }
        let x = T::from_f64(0.5) * (left + right);
        self.dull = flush(self.dull + T::from_f64(self.bandwidth.value()) * (x - self.dull));
        let mut x = self.dull;
        for (diffuser, (_, gain)) in self.diffusers.iter_mut().zip(DIFFUSERS) {
            x = diffuser.process(x, T::from_f64(gain));
        }
        let y = [self.taps(0), self.taps(1)];
        let decay = self.decay.value();
        let diffusion = T::from_f64((decay + 0.15).clamp(0.25, 0.5));
        let (decay, damping) = (T::from_f64(decay), T::from_f64(self.damping.value()));
        let ends = [self.halves[1].end(), self.halves[0].end()];
        let excursion = self.excursion.value() * self.scale;
        for ((half, end), ahead) in self.halves.iter_mut().zip(ends).zip([0.0, 0.25]) {
            half.process(x + decay * end, decay, damping, diffusion, excursion * self.lfo.value(ahead));
        }
        self.lfo.advance();
        y.map(audible)
    }
}

impl<T: Scalar> Processor<T> for Plate<T> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        play(self, input, output);
    }
    fn set_controls(&mut self, controls: &[T]) {
        for (control, knob) in controls.iter().zip([&mut self.decay, &mut self.damping]) {
            knob.turn(control.to_f64());
        }
    }
    fn reset(&mut self) {
        self.diffusers.iter_mut().for_each(Allpass::reset);
        self.halves.iter_mut().for_each(Half::reset);
        self.dull = T::ZERO;
        self.lfo.reset();
        for knob in [&mut self.decay, &mut self.damping, &mut self.bandwidth, &mut self.excursion] {
            knob.arrive();
        }
    }
    fn latency(&self) -> usize {
        0
    }
}
