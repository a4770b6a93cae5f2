//! Peaks held below a ceiling.

use crate::error::sample_rate;
use crate::resample::bessel_i0;
use crate::{DspError, audible, heard};
use afx_core::{Processor, Ramp, Scalar};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use alloc::{boxed::Box, vec};
use core::f64::consts::{LN_10, PI};

/// A look-ahead limiter for true peaks: no sample, and nothing that a converter makes between two samples, passes the ceiling.
///
/// Each channel is interpolated to four times its rate by a windowed sinc of 32 taps, and between those points by a parabola; what that shows
/// of the loudest channel is the peak of a frame. The gain that brings it to the ceiling is the least of those within the look-ahead, rises
/// with the release, and is averaged over the look-ahead by two boxes in a row, so that it is there when its peak is: it bends without
/// a corner, and channels are turned down together. What stays below the ceiling is delayed and not otherwise touched, to the bit.
///
/// - True peaks of tones up to 20 kHz at 48 kHz exceed the ceiling by 0.05 dB at most. Samples beyond 1e10 are silence, as everywhere here.
/// - The first channels, up to as many as it was made for, are played; further outputs are silent. It has no knobs.
/// - Real-time: `process`, [`set_ceiling_db`](Self::set_ceiling_db), [`set_release_ms`](Self::set_release_ms) and `reset` allocate nothing.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::Limiter;
///
/// let mut limiter = Limiter::new(48e3, 1.5, 1)?;
/// limiter.set_ceiling_db(-1.0);
/// Processor::<f32>::reset(&mut limiter);
/// let (x, mut y) = ([2.0f32; 480], [0.0; 480]);
/// limiter.process(&[&x], &mut [&mut y]);
/// assert!(y.iter().all(|y| *y < 0.892)); // -1 dB is 0.891
/// assert_eq!(Processor::<f32>::latency(&limiter), 72 + 16);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Limiter {
    sample_rate_hz: f64,
    channels: Vec<Channel>,
    taps: Box<[[f32; TAPS]; 3]>,
    ceiling: Ramp,
    ceiling_level: f64,
    release: f64,
    least: Least,
    gain: f64,
    boxes: [Average; 2],
    /// Where the next sample comes to lie: among the last ones, and in the lines.
    place: usize,
    at: usize,
}

/// Taps of the interpolation, half of them on either side.
const TAPS: usize = 32;
/// Its Kaiser window: 0.02 dB at a third of the sample rate, 0.05 dB at 20 of 48 kHz.
const SHAPE: f64 = 5.0;
/// The ceiling's range.
const CEILING_DB: f64 = 60.0;
/// A gain of one, as the averages count.
const UNIT: f64 = (1u64 << 40) as f64;

/// What was heard of a channel, as far back as its output lags.
#[derive(Clone, Debug)]
struct Channel {
    /// The last [`TAPS`] samples twice over, so that they always lie in a row somewhere: to seven digits, which a peak has use for.
    recent: Box<[f32; 2 * TAPS]>,
    line: Vec<f64>,
    /// The last two points of the interpolated signal.
    before: [f32; 2],
}

impl Channel {
    fn new(lag: usize) -> Self {
        Channel { recent: Box::new([0.0; 2 * TAPS]), line: vec![0.0; lag], before: [0.0; 2] }
    }

    /// Takes a sample in, and gives the largest magnitude around the middle of the last [`TAPS`]. `place` is where the sample comes to lie.
    fn peak(&mut self, x: f64, place: usize, taps: &[[f32; TAPS]; 3]) -> f32 {
        (self.recent[place], self.recent[place + TAPS]) = (x as f32, x as f32);
        let last = &self.recent[place + 1..place + 1 + TAPS];
        let mut points = [0.0; 4];
        for (point, taps) in points.iter_mut().zip(taps) {
            // Sums that need not wait for one another.
            let mut sums = [0.0; 8];
            for (x, h) in last.chunks_exact(8).zip(taps.chunks_exact(8)) {
                for i in 0..8 {
                    sums[i] += x[i] * h[i];
                }
            }
            let [a, b, c, d, e, f, g, h] = sums;
            *point = ((a + e) + (b + f)) + ((c + g) + (d + h));
        }
        points[3] = last[TAPS / 2];
        let mut largest = 0.0f32;
        let [mut a, mut b] = self.before;
        for c in points {
            let bend = a - 2.0 * b + c;
            let size = b.abs();
            // A local extreme: the vertex of the parabola through the three.
            let top = if size >= a.abs() && size >= c.abs() && bend != 0.0 { b - (a - c) * (a - c) / (8.0 * bend) } else { b };
            largest = largest.max(size).max(top.abs());
            (a, b) = (b, c);
        }
        self.before = [a, b];
        largest.max(b.abs())
    }

    /// The sample in the middle of the last [`TAPS`], the newest of which goes to place `at` of the line.
    fn middle(&self, at: usize) -> f64 {
        let back = TAPS / 2 - 1;
        self.line[if at >= back { at - back } else { at + self.line.len() - back }]
    }
}

/// The least of the last numbers, in a queue of those that can still become it.
#[derive(Clone, Debug)]
struct Least {
    window: usize,
    now: usize,
    queue: VecDeque<(usize, f64)>,
}

impl Least {
    fn new(window: usize) -> Self {
        Least { window, now: 0, queue: VecDeque::with_capacity(window + 1) }
    }

    /// Each number enters and leaves once: over a block, as many steps as it has frames and the window has numbers, at most.
    fn advance(&mut self, value: f64) -> f64 {
        while self.queue.back().is_some_and(|(_, last)| *last >= value) {
            self.queue.pop_back();
        }
        self.queue.push_back((self.now, value));
        if self.queue.front().is_some_and(|(at, _)| self.now.wrapping_sub(*at) >= self.window) {
            self.queue.pop_front();
        }
        self.now = self.now.wrapping_add(1);
        self.queue.front().map_or(value, |(_, least)| *least)
    }

    fn reset(&mut self) {
        self.queue.clear();
    }
}

/// The mean of the last numbers of 0 to 1: whole numbers, whose sum is exact for ever.
#[derive(Clone, Debug)]
struct Average {
    past: Vec<u64>,
    at: usize,
    sum: u64,
    /// The sum of as many gains of one.
    full: u64,
}

impl Average {
    fn new(length: usize) -> Self {
        let one = UNIT as u64;
        let full = one * length as u64;
        Average { past: vec![one; length], at: 0, sum: full, full }
    }

    fn advance(&mut self, value: f64) -> f64 {
        let value = (value * UNIT) as u64;
        self.sum = self.sum + value - self.past[self.at];
        self.past[self.at] = value;
        self.at = if self.at + 1 == self.past.len() { 0 } else { self.at + 1 };
        self.mean()
    }

    fn mean(&self) -> f64 {
        if self.sum == self.full { 1.0 } else { self.sum as f64 / self.full as f64 }
    }

    fn reset(&mut self) {
        self.past.fill(UNIT as u64);
        (self.at, self.sum) = (0, self.full);
    }
}

impl Limiter {
    /// At rest, with a ceiling of 0 dBFS and a release of 100 ms.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, a look-ahead that is not 0.1 to 100 ms or takes more than 65,536 frames,
    /// or no channel.
    pub fn new(sample_rate_hz: f64, look_ahead_ms: f64, channels: usize) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        let refused = |name, expected, found| Err(DspError::OutOfRange { name, expected, found });
        let frames = 1e-3 * look_ahead_ms * sample_rate_hz;
        if !(0.1..=100.0).contains(&look_ahead_ms) || frames > 65_536.0 {
            return refused("look_ahead_ms", "0.1 to 100, and 65536 frames at most", look_ahead_ms);
        }
        if channels == 0 {
            return refused("channels", "1 or more", 0.0);
        }
        let look_ahead = ((frames + 0.5) as usize).max(2);
        let mut taps = Box::new([[0.0; TAPS]; 3]);
        for (phase, taps) in taps.iter_mut().enumerate() {
            for (i, h) in taps.iter_mut().enumerate() {
                let t = i as f64 - (TAPS / 2 - 1) as f64 - 0.25 * (phase + 1) as f64;
                let part = t / (TAPS / 2) as f64;
                let window = bessel_i0(SHAPE * Scalar::sqrt((1.0 - part * part).max(0.0))) / bessel_i0(SHAPE);
                *h = (Scalar::sin(PI * t) / (PI * t) * window) as f32;
            }
        }
        let first = look_ahead / 2;
        let mut limiter = Limiter {
            sample_rate_hz,
            channels: vec![Channel::new(look_ahead + TAPS / 2); channels],
            taps,
            ceiling: Ramp::new(0.5, 20.0, sample_rate_hz),
            ceiling_level: 1.0,
            release: 0.0,
            // A peak between two frames belongs to both, and is known a point later where it is a parabola's.
            least: Least::new(look_ahead + 2),
            gain: 1.0,
            // Together as long as the look-ahead.
            boxes: [Average::new(first + 1), Average::new(look_ahead - first)],
            place: 0,
            at: 0,
        };
        limiter.set_release_ms(100.0)?;
        Ok(limiter)
    }

    /// The ceiling, held to -60 to 60 dBFS, glides there in 20 ms; NaN is ignored.
    pub fn set_ceiling_db(&mut self, ceiling_db: f64) {
        self.ceiling.set(0.5 + 0.5 * ceiling_db / CEILING_DB);
    }

    /// The time in which 63 % of the way back to no reduction is done, in amplitude. Zero is at once, within the look-ahead.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a time that is not 0 to 60,000 ms; the old one stays.
    pub fn set_release_ms(&mut self, release_ms: f64) -> Result<(), DspError> {
        if !(0.0..=60_000.0).contains(&release_ms) {
            return Err(DspError::OutOfRange { name: "release_ms", expected: "0 to 60000", found: release_ms });
        }
        self.release = if release_ms == 0.0 { 0.0 } else { Scalar::exp(-1e3 / (release_ms * self.sample_rate_hz)) };
        Ok(())
    }

    /// By how many decibels the last frame was turned down: what a meter shows.
    pub fn reduction_db(&self) -> f64 {
        let gain = self.boxes[1].mean();
        if gain == 1.0 { 0.0 } else { -20.0 / LN_10 * Scalar::ln(gain.max(1e-12)) }
    }

    /// The gain of the frame that leaves, from the peak of the one that enters.
    fn advance(&mut self, peak: f64) -> f64 {
        if self.ceiling.advance() {
            self.turn();
        }
        let wanted = if peak > self.ceiling_level { self.ceiling_level / peak } else { 1.0 };
        let least = self.least.advance(wanted);
        self.gain = if least <= self.gain { least } else { least - self.release * (least - self.gain) };
        if 1.0 - self.gain < 1e-12 {
            self.gain = 1.0;
        }
        let [first, second] = &mut self.boxes;
        second.advance(first.advance(self.gain))
    }

    fn turn(&mut self) {
        self.ceiling_level = Scalar::exp(LN_10 / 20.0 * CEILING_DB * (2.0 * self.ceiling.value() - 1.0));
    }
}

impl<T: Scalar> Processor<T> for Limiter {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
        let frames = lengths.min().unwrap_or(0);
        for n in 0..frames {
            let sample = |c: usize| input.get(c).map_or(T::ZERO, |x| heard(x[n]));
            let mut peak = 0.0f64;
            for (c, channel) in self.channels.iter_mut().enumerate() {
                let between = channel.peak(sample(c).to_f64(), self.place, &self.taps);
                peak = peak.max(f64::from(between)).max(channel.middle(self.at).abs());
            }
            let gain = self.advance(peak);
            for (c, channel) in self.channels.iter_mut().enumerate() {
                let delayed = core::mem::replace(&mut channel.line[self.at], sample(c).to_f64());
                if let Some(y) = output.get_mut(c) {
                    y[n] = audible(T::from_f64(delayed * gain));
                }
            }
            self.place = (self.place + 1) % TAPS;
            self.at = if self.at + 1 == self.channels[0].line.len() { 0 } else { self.at + 1 };
        }
        for y in output.iter_mut().skip(self.channels.len().min(input.len())) {
            y[..frames].fill(T::ZERO);
        }
    }
    fn set_controls(&mut self, _: &[T]) {}
    fn reset(&mut self) {
        for channel in &mut self.channels {
            channel.recent.fill(0.0);
            channel.line.fill(0.0);
            channel.before = [0.0; 2];
        }
        self.least.reset();
        self.boxes.iter_mut().for_each(Average::reset);
        self.gain = 1.0;
        self.ceiling.arrive();
        self.turn();
    }
    fn latency(&self) -> usize {
        self.channels[0].line.len()
    }
}
