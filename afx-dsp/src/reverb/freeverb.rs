//! Freeverb.

use super::{Stereo, play};
use crate::delay::{DelayLine, Interpolation};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, flush};
use afx_core::{Processor, Scalar};

/// Eight combs with a low-pass in their loops side by side, then four allpasses in a row, for each channel; the right one's delays are 23 frames
/// longer. Jezar at Dreampoint's of 2000, in the public domain, with its delays scaled from 44,100 Hz to the sample rate.
///
/// - Two channels, added up on their way in; only the reverberation is heard ([`Mix`](afx_core::Mix) adds the dry signal).
/// - Knobs: room size, damping and width, each 0 to 1.
/// - Real-time: nothing allocates after construction. `reset` clears the lines.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::reverb::Freeverb;
///
/// let mut reverb = Freeverb::<f32>::new(44.1e3)?;
/// reverb.set_room_size(0.8)?;
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// reverb.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Freeverb<T: Scalar> {
    room_size: Knob,
    damping: Knob,
    width: Knob,
    channels: [Channel<T>; 2],
}

const COMBS: [u32; 8] = [1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617];
const ALLPASSES: [u32; 4] = [556, 441, 341, 225];
/// Frames by which the right channel's delays are longer.
const SPREAD: u32 = 23;
/// What enters.
const INPUT: f64 = 0.015;

/// Eight combs, four allpasses.
#[derive(Clone, Debug)]
struct Channel<T: Scalar> {
    combs: [(DelayLine<T>, usize); 8],
    lows: [T; 8],
    allpasses: [(DelayLine<T>, usize); 4],
}

impl<T: Scalar> Channel<T> {
    fn new(spread: u32, sample_rate_hz: f64) -> Result<Self, DspError> {
        let line = |m: u32| {
            let frames = ((sample_rate_hz * f64::from(m + spread) / 44.1e3) as usize).max(1);
            DelayLine::new(frames, Interpolation::Linear).map(|line| (line, frames))
        };
        let [a, b, c, d, e, f, g, h] = COMBS.map(line);
        let [i, j, k, l] = ALLPASSES.map(line);
        Ok(Channel { combs: [a?, b?, c?, d?, e?, f?, g?, h?], lows: [T::ZERO; 8], allpasses: [i?, j?, k?, l?] })
    }

    #[inline(always)]
    fn process(&mut self, x: T, feedback: T, damping: T) -> T {
        let mut y = T::ZERO;
        for ((line, frames), low) in self.combs.iter_mut().zip(&mut self.lows) {
            let end = line.read(*frames);
            *low = flush(end + damping * (*low - end));
            line.write(flush(x + feedback * *low));
            y += end;
        }
        for (line, frames) in &mut self.allpasses {
            let end = line.read(*frames);
            line.write(flush(y + T::from_f64(0.5) * end));
            y = end - y;
        }
        y
    }

    fn reset(&mut self) {
        self.combs.iter_mut().chain(&mut self.allpasses).for_each(|(line, _)| line.reset());
        self.lows = [T::ZERO; 8];
    }
}

impl<T: Scalar> Freeverb<T> {
    /// At rest, with room size and damping 0.5 and the full width.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 10 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let rate = sample_rate(sample_rate_hz)?;
        if rate > 1e7 {
            return Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "1e3 to 1e7", found: rate });
        }
        let knob = |name, value| Knob::new(name, "0 to 1", [0.0, 1.0], false, value, rate);
        Ok(Freeverb {
            room_size: knob("room_size", 0.5),
            damping: knob("damping", 0.5),
            width: knob("width", 1.0),
            channels: [Channel::new(0, rate)?, Channel::new(SPREAD, rate)?],
        })
    }

    /// How long it lasts: feedbacks of 0.7 to 0.98. Glides there in 20 ms, as all settings.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a size that is not 0 to 1; the old one stays.
    pub fn set_room_size(&mut self, size: f64) -> Result<(), DspError> {
        self.room_size.set(size)
    }

    /// How much sooner high frequencies fade: poles of 0 to 0.4.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a number that is not 0 to 1; the old one stays.
    pub fn set_damping(&mut self, damping: f64) -> Result<(), DspError> {
        self.damping.set(damping)
    }

    /// From both outputs alike, 0, to each with its own delays, 1.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a width that is not 0 to 1; the old one stays.
    pub fn set_width(&mut self, width: f64) -> Result<(), DspError> {
        self.width.set(width)
    }
}

impl<T: Scalar> Stereo<T> for Freeverb<T> {
    #[inline(always)]
    fn frame(&mut self, [left, right]: [T; 2]) -> [T; 2] {
        for knob in [&mut self.room_size, &mut self.damping, &mut self.width] {
            knob.advance();
        }
        let x = T::from_f64(INPUT) * (left + right);
        let feedback = T::from_f64(0.7 + 0.28 * self.room_size.value());
        let damping = T::from_f64(0.4 * self.damping.value());
        let [a, b] = &mut self.channels;
        let [a, b] = [a, b].map(|channel| channel.process(x, feedback, damping));
        let (own, other) = (T::from_f64(0.5 + 0.5 * self.width.value()), T::from_f64(0.5 - 0.5 * self.width.value()));
        [a * own + b * other, b * own + a * other].map(audible)
    }
}

impl<T: Scalar> Processor<T> for Freeverb<T> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        play(self, input, output);
    }
    fn set_controls(&mut self, controls: &[T]) {
        for (control, knob) in controls.iter().zip([&mut self.room_size, &mut self.damping, &mut self.width]) {
            knob.turn(control.to_f64());
        }
    }
    fn reset(&mut self) {
        self.channels.iter_mut().for_each(Channel::reset);
        for knob in [&mut self.room_size, &mut self.damping, &mut self.width] {
            knob.arrive();
        }
    }
    fn latency(&self) -> usize {
        0
    }
}
