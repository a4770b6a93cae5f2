//! An effect made for one sample rate, in a host at another.

use super::low_pass::LowPass;
use super::polyphase::Polyphase;
use crate::{DspError, heard};
use afx_core::{Processor, Scalar};
use alloc::vec;
use alloc::vec::Vec;

/// Frames of the faster rate that are handled at once; longer blocks go through in pieces.
const BLOCK: usize = 64;
/// The most channels.
const CHANNELS: usize = 64;

/// A processor that runs at a sample rate of its own, whatever the host's. Equal rates cost nothing and change no bit.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::{Resampled, circuit::SynthOd};
///
/// let overdrive = Channels::new(SynthOd::new(48e3)?, 2);
/// let mut stereo = Resampled::new(overdrive, 48_000, 44_100, 2)?;
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.set_controls(&[0.4, -0.2]); // drive and tone
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// assert_eq!((stereo.latency(), left), (74, right)); // 1.7 ms
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
///
/// Real-time: everything but `new` and `clone` is as the effect. Channels of the output that the effect leaves silent, for want of an input,
/// are silent.
#[derive(Clone, Debug)]
pub struct Resampled<T: Scalar, P> {
    effect: P,
    /// Nothing where the rates are equal.
    bridge: Option<Bridge<T>>,
}

impl<T: Scalar, P: Processor<T>> Resampled<T, P> {
    /// `effect` is made for `inner_hz`, at rest, and has at most `channels` inputs and outputs; the host runs at `outer_hz`.
    ///
    /// # Errors
    /// When a rate lies outside 1000 to 1,000,000 Hz, `channels` outside 1 to 64, or the rates have so little in common that a table of more
    /// than a million numbers would have to be made.
    pub fn new(mut effect: P, inner_hz: u32, outer_hz: u32, channels: usize) -> Result<Self, DspError> {
        for (name, rate) in [("inner_hz", inner_hz), ("outer_hz", outer_hz)] {
            if !(1000..=1_000_000).contains(&rate) {
                return Err(DspError::OutOfRange { name, expected: "1000 to 1000000", found: rate.into() });
            }
        }
        if !(1..=CHANNELS).contains(&channels) {
            return Err(DspError::OutOfRange { name: "channels", expected: "1 to 64", found: channels as f64 });
        }
        if inner_hz == outer_hz {
            return Ok(Resampled { effect, bridge: None });
        }
        let mut bridge = Bridge::new(effect.latency(), inner_hz, outer_hz, channels)?;
        bridge.rest(&mut effect);
        Ok(Resampled { effect, bridge: Some(bridge) })
    }

    /// The effect, for setters of its own.
    pub fn effect_mut(&mut self) -> &mut P {
        &mut self.effect
    }
}

impl<T: Scalar, P: Processor<T>> Processor<T> for Resampled<T, P> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        match &mut self.bridge {
            Some(bridge) => bridge.process(&mut self.effect, input, output),
            None => self.effect.process(input, output),
        }
    }

    fn set_controls(&mut self, controls: &[T]) {
        self.effect.set_controls(controls);
    }

    fn reset(&mut self) {
        self.effect.reset();
        if let Some(bridge) = &mut self.bridge {
            bridge.rest(&mut self.effect);
        }
    }

    fn latency(&self) -> usize {
        self.bridge.as_ref().map_or(self.effect.latency(), |bridge| bridge.latency_frames)
    }
}

/// Past samples of a channel and the new ones behind them.
#[derive(Clone, Debug)]
struct Channel<T> {
    /// At the host's rate, into the inner one.
    outer: Vec<T>,
    /// What the effect hears.
    heard: Vec<T>,
    /// At the inner rate, what the effect plays.
    inner: Vec<T>,
}

/// Both conversions.
#[derive(Clone, Debug)]
struct Bridge<T: Scalar> {
    inward: Polyphase<T>,
    outward: Polyphase<T>,
    channels: Vec<Channel<T>>,
    /// Ticks of a host's frame and of one of the effect, in lowest terms.
    outer_ticks: usize,
    inner_ticks: usize,
    /// Frames of the host that are handled at once.
    block: usize,
    /// Ticks from the next frame of the host to the effect's next one, which comes with the first frame that is not before it.
    ahead: isize,
    latency_frames: usize,
}

impl<T: Scalar> Bridge<T> {
    fn new(effect_latency: usize, inner_hz: u32, outer_hz: u32, channels: usize) -> Result<Self, DspError> {
        let divisor = greatest_common_divisor(inner_hz, outer_hz);
        let (outer_ticks, inner_ticks) = ((inner_hz / divisor) as usize, (outer_hz / divisor) as usize);
        let (inner_hz, outer_hz) = (f64::from(inner_hz), f64::from(outer_hz));
        let lower_hz = inner_hz.min(outer_hz);
        // The filters' reaches and the effect's own latency make a whole number of frames: the reaches become as long as that takes.
        let effect_s = effect_latency as f64 / inner_hz;
        let least = (2.0 * LowPass::least_reach_s(lower_hz) + effect_s) * outer_hz;
        let latency_frames = (least as usize).saturating_add(1);
        let filter = LowPass::new(lower_hz, 0.5 * (latency_frames as f64 / outer_hz - effect_s));

        let inward = Polyphase::new(outer_ticks, inner_ticks, outer_hz, &filter)?;
        let outward = Polyphase::new(inner_ticks, outer_ticks, inner_hz, &filter)?;
        let block = (BLOCK * inner_ticks / outer_ticks).clamp(1, BLOCK);
        let room = (block * outer_ticks).div_ceil(inner_ticks);
        let channel = Channel {
            outer: vec![T::ZERO; inward.past() + block],
            heard: vec![T::ZERO; room],
            inner: vec![T::ZERO; outward.past() + room],
        };
        Ok(Bridge { inward, outward, channels: vec![channel; channels], outer_ticks, inner_ticks, block, ahead: 0, latency_frames })
    }

    /// Nothing but silence was heard, and what the effect makes of it: a model with an offset has always had it.
    fn rest(&mut self, effect: &mut impl Processor<T>) {
        self.ahead = 0;
        for channel in &mut self.channels {
            channel.outer.fill(T::ZERO);
            channel.inner.fill(T::ZERO);
        }
        let (mut left, block) = (self.outward.past(), self.block * self.outer_ticks / self.inner_ticks);
        while left > 0 {
            let n = left.min(block.max(1));
            self.channels.iter_mut().for_each(|channel| channel.heard[..n].fill(T::ZERO));
            self.play(effect, self.channels.len(), n);
            self.give_out(&mut [], 0, 0, n);
            left -= n;
        }
    }

    fn process(&mut self, effect: &mut impl Processor<T>, input: &[&[T]], output: &mut [&mut [T]]) {
        let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
        let frames = lengths.min().unwrap_or(0);
        for at in (0..frames).step_by(self.block) {
            let n = (frames - at).min(self.block);
            let inner = self.inner_frames(n);
            self.take_in(input, at, n, inner);
            self.play(effect, input.len(), inner);
            self.give_out(output, at, n, inner);
            self.ahead += (inner * self.inner_ticks) as isize - (n * self.outer_ticks) as isize;
        }
    }

    /// Frames that the effect plays until the last of the host's next `frames` frames.
    fn inner_frames(&self, frames: usize) -> usize {
        let last = ((frames - 1) * self.outer_ticks) as isize - self.ahead;
        if last < 0 { 0 } else { last as usize / self.inner_ticks + 1 }
    }

    /// The host's frames into what the effect hears.
    fn take_in(&mut self, input: &[&[T]], at: usize, frames: usize, inner: usize) {
        let past = self.inward.past();
        for (c, channel) in self.channels.iter_mut().enumerate() {
            let new = &mut channel.outer[past..past + frames];
            match input.get(c) {
                Some(x) => {
                    new.iter_mut().zip(&x[at..]).for_each(|(new, x)| *new = heard(*x));
                    self.inward.process(&channel.outer[..past + frames], self.ahead, &mut channel.heard[..inner]);
                }
                None => new.fill(T::ZERO),
            }
            channel.outer.copy_within(frames..frames + past, 0);
        }
    }

    /// Runs the effect, which hears as many channels as the host gave.
    fn play(&mut self, effect: &mut impl Processor<T>, inputs: usize, inner: usize) {
        let (mut x, mut y) = ([&[][..]; CHANNELS], core::array::from_fn::<&mut [T], CHANNELS, _>(|_| Default::default()));
        let (past, channels) = (self.outward.past(), self.channels.len());
        for ((x, y), channel) in x.iter_mut().zip(&mut y).zip(&mut self.channels) {
            *x = &channel.heard[..inner];
            *y = &mut channel.inner[past..past + inner];
        }
        effect.process(&x[..inputs.min(channels)], &mut y[..channels]);
    }

    /// What the effect played into the host's frames.
    fn give_out(&mut self, output: &mut [&mut [T]], at: usize, frames: usize, inner: usize) {
        let past = self.outward.past();
        for (c, channel) in self.channels.iter_mut().enumerate() {
            channel.inner[past..past + inner].iter_mut().for_each(|y| *y = heard(*y));
            if let Some(y) = output.get_mut(c) {
                self.outward.process(&channel.inner[..past + inner], -self.ahead, &mut y[at..at + frames]);
            }
            channel.inner.copy_within(inner..inner + past, 0);
        }
        output.iter_mut().skip(self.channels.len()).for_each(|y| y[at..at + frames].fill(T::ZERO));
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
