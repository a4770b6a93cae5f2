//! Half-band oversamplers: 2x, 4x, 8x and 16x, linear phase or low latency.
//!
//! Each factor is a chain of 2x stages. Every stage passes 0 to `5/12` of the base rate (20 kHz at 48 kHz, 18.4 kHz at
//! 44.1 kHz) and stops what would alias into that band by 120 dB or more. What lies between the edge and half the base rate
//! is in the transition band: it aliases only onto the same narrow band, as with every half-band design.
//!
//! | up and down, in base-rate frames | 2x | 4x | 8x | 16x |
//! |---|---|---|---|---|
//! | [`HalfBand::LinearPhase`] (exact) | 45 | 51 | 53 | 53 |
//! | [`HalfBand::LowLatency`] (group delay at 0 Hz) | 3.66 | 4.80 | 5.23 | 5.37 |
//!
//! The stages of the linear-phase chains sum to 50.5, 52.25 and 52.875 frames at 4x, 8x and 16x; a delay at the oversampled
//! rate makes them whole, so a host can compensate them to the sample.
//!
//! NaN, infinities and samples beyond 1e10 count as silence on the way up and on the way down, so the output is always finite.

mod fir;
mod iir;
mod offline;
mod oversampled;
mod taps;

use crate::{audible, heard};
use afx_core::Scalar;
use alloc::vec;
use alloc::vec::Vec;
use fir::{FirDown, FirUp};
use iir::{IirDown, IirUp, group_delay};
pub use offline::{decimate, interpolate, render_at};
pub use oversampled::Oversampled;

/// Base-rate frames handled at once; longer blocks go through in pieces.
const BLOCK: usize = 64;

/// How many times the base rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Factor {
    /// No oversampling: samples pass as they are, without delay.
    X1,
    /// 2x
    #[default]
    X2,
    /// 4x
    X4,
    /// 8x
    X8,
    /// 16x
    X16,
}

impl Factor {
    /// All factors, in order.
    pub const ALL: [Factor; 5] = [Factor::X1, Factor::X2, Factor::X4, Factor::X8, Factor::X16];

    /// 1, 2, 4, 8 or 16.
    pub const fn get(self) -> usize {
        1 << self.stages()
    }

    const fn stages(self) -> usize {
        self as usize
    }
}

/// Which half-band filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HalfBand {
    /// Symmetric FIR (91, 23, 15 and 11 taps): stop band -122.7 dB, ripple 6.4e-6 dB, latency whole frames.
    #[default]
    LinearPhase,
    /// Elliptic all-pass pairs (8, 4, 3 and 2 coefficients): stop band -127.9 dB, no ripple, about 5 frames, phase not linear.
    LowLatency,
}

const FIR: [&[f64]; 4] = [&taps::STAGE_0, &taps::STAGE_1, &taps::STAGE_2, &taps::STAGE_3];
const IIR: [&[f64]; 4] = [&taps::ALLPASS_0, &taps::ALLPASS_1, &taps::ALLPASS_2, &taps::ALLPASS_3];

/// Delay of the filters of one direction, in samples at the oversampled rate.
fn filter_delay(factor: Factor, half_band: HalfBand, down: bool) -> f64 {
    (0..factor.stages())
        .map(|s| {
            let own = match half_band {
                HalfBand::LinearPhase => (2 * FIR[s].len() - 1) as f64,
                HalfBand::LowLatency => group_delay(IIR[s]) - if down { 1.0 } else { 0.0 },
            };
            own * (factor.get() >> (s + 1)) as f64
        })
        .sum()
}

/// Samples at the oversampled rate that make the linear-phase round trip a whole number of frames.
fn compensation(factor: Factor, half_band: HalfBand) -> usize {
    match half_band {
        HalfBand::LinearPhase => {
            let round_trip = 2 * filter_delay(factor, half_band, false) as usize;
            round_trip.next_multiple_of(factor.get()) - round_trip
        }
        HalfBand::LowLatency => 0,
    }
}

/// Copies `x` to `line` as it enters the filters.
fn take_in<T: Scalar>(x: &[T], line: &mut [T]) {
    for (line, &x) in line.iter_mut().zip(x) {
        *line = heard(x);
    }
}

#[derive(Clone, Debug)]
enum Up<T> {
    Fir(FirUp<T>),
    Iir(IirUp<T>),
}

#[derive(Clone, Debug)]
enum Down<T> {
    Fir(FirDown<T>),
    Iir(IirDown<T>),
}

/// Raises the sample rate.
///
/// Real-time: everything but `new` and `clone` allocates nothing.
#[derive(Clone, Debug)]
pub struct Upsampler<T> {
    factor: Factor,
    half_band: HalfBand,
    stages: Vec<Up<T>>,
    scratch: [Vec<T>; 2],
}

impl<T: Scalar> Upsampler<T> {
    /// At rest.
    pub fn new(factor: Factor, half_band: HalfBand) -> Self {
        let stages = (0..factor.stages())
            .map(|s| match half_band {
                HalfBand::LinearPhase => Up::Fir(FirUp::new(FIR[s], BLOCK << s)),
                HalfBand::LowLatency => Up::Iir(IirUp::new(IIR[s])),
            })
            .collect();
        let scratch = [vec![T::ZERO; BLOCK * factor.get()], vec![T::ZERO; BLOCK * factor.get()]];
        Upsampler { factor, half_band, stages, scratch }
    }

    /// Group delay at 0 Hz in samples of the raised rate; exact at all frequencies for linear phase.
    pub fn group_delay_samples(&self) -> f64 {
        filter_delay(self.factor, self.half_band, false)
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        for stage in &mut self.stages {
            match stage {
                Up::Fir(stage) => stage.reset(),
                Up::Iir(stage) => stage.reset(),
            }
        }
    }

    /// Turns `x` into `factor * x.len()` samples of `y`. Works on as many frames as both hold; the rest of `y` stays.
    pub fn process(&mut self, x: &[T], y: &mut [T]) {
        for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK * self.factor.get())) {
            let frames = x.len().min(y.len() / self.factor.get());
            let len = self.chunk(&x[..frames]);
            y[..len].copy_from_slice(&self.scratch[0][..len]);
        }
    }

    /// At most `BLOCK` frames into the start of `scratch[0]`; returns how many samples that makes.
    fn chunk(&mut self, x: &[T]) -> usize {
        let mut len = x.len();
        let [a, b] = &mut self.scratch;
        take_in(x, &mut a[..len]);
        for stage in &mut self.stages {
            match stage {
                Up::Fir(stage) => stage.process(&a[..len], &mut b[..2 * len]),
                Up::Iir(stage) => stage.process(&a[..len], &mut b[..2 * len]),
            }
            core::mem::swap(a, b);
            len *= 2;
        }
        len
    }
}

/// Lowers the sample rate.
///
/// Real-time: everything but `new` and `clone` allocates nothing.
#[derive(Clone, Debug)]
pub struct Downsampler<T> {
    factor: Factor,
    half_band: HalfBand,
    stages: Vec<Down<T>>,
    held: Vec<T>,
    scratch: [Vec<T>; 2],
}

impl<T: Scalar> Downsampler<T> {
    /// At rest.
    pub fn new(factor: Factor, half_band: HalfBand) -> Self {
        let stages = (0..factor.stages())
            .map(|s| match half_band {
                HalfBand::LinearPhase => Down::Fir(FirDown::new(FIR[s], BLOCK << s)),
                HalfBand::LowLatency => Down::Iir(IirDown::new(IIR[s])),
            })
            .collect();
        let held = vec![T::ZERO; compensation(factor, half_band)];
        let room = BLOCK * factor.get() + held.len();
        Downsampler { factor, half_band, stages, held, scratch: [vec![T::ZERO; room], vec![T::ZERO; room]] }
    }

    /// Group delay at 0 Hz in samples of the high rate, with the delay that makes the round trip whole; exact at all
    /// frequencies for linear phase.
    pub fn group_delay_samples(&self) -> f64 {
        filter_delay(self.factor, self.half_band, true) + self.held.len() as f64
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.held.fill(T::ZERO);
        for stage in &mut self.stages {
            match stage {
                Down::Fir(stage) => stage.reset(),
                Down::Iir(stage) => stage.reset(),
            }
        }
    }

    /// Turns `factor * y.len()` samples of `x` into `y`. Works on as many whole frames as both hold; the rest of `y` stays.
    pub fn process(&mut self, x: &[T], y: &mut [T]) {
        for (x, y) in x.chunks(BLOCK * self.factor.get()).zip(y.chunks_mut(BLOCK)) {
            let frames = y.len().min(x.len() / self.factor.get());
            self.chunk(&x[..frames * self.factor.get()], &mut y[..frames]);
        }
    }

    /// At most `BLOCK` frames, `x.len() == factor * y.len()`.
    fn chunk(&mut self, x: &[T], y: &mut [T]) {
        let (held, mut len) = (self.held.len(), x.len());
        let [a, b] = &mut self.scratch;
        a[..held].copy_from_slice(&self.held);
        take_in(x, &mut a[held..held + len]);
        self.held.copy_from_slice(&a[len..len + held]);
        for stage in self.stages.iter_mut().rev() {
            match stage {
                Down::Fir(stage) => stage.process(&a[..len], &mut b[..len / 2]),
                Down::Iir(stage) => stage.process(&a[..len], &mut b[..len / 2]),
            }
            core::mem::swap(a, b);
            len /= 2;
        }
        for (y, &a) in y.iter_mut().zip(&a[..len]) {
            *y = audible(a);
        }
    }
}

/// Runs a nonlinear process at a multiple of the sample rate.
///
/// ```
/// use afx_dsp::{Factor, HalfBand, Oversampler};
///
/// let mut oversampler = Oversampler::<f32>::new(Factor::X4, HalfBand::LinearPhase);
/// let x = [0.5; 100];
/// let mut y = [0.0; 100];
/// oversampler.process(&x, &mut y, |samples| samples.iter_mut().for_each(|s| *s = s.tanh()));
/// assert_eq!(oversampler.latency_frames(), 51);
/// ```
///
/// Real-time: everything but `new` and `clone` allocates nothing.
#[derive(Clone, Debug)]
pub struct Oversampler<T> {
    up: Upsampler<T>,
    down: Downsampler<T>,
}

impl<T: Scalar> Oversampler<T> {
    /// At rest.
    pub fn new(factor: Factor, half_band: HalfBand) -> Self {
        Oversampler { up: Upsampler::new(factor, half_band), down: Downsampler::new(factor, half_band) }
    }

    /// How many times the base rate.
    pub fn factor(&self) -> Factor {
        self.up.factor
    }

    /// Delay from input to output in frames at 0 Hz; a whole number, and exact at all frequencies, for linear phase.
    pub fn group_delay_frames(&self) -> f64 {
        (self.up.group_delay_samples() + self.down.group_delay_samples()) / self.factor().get() as f64
    }

    /// What to report to a host: [`Oversampler::group_delay_frames`], rounded for [`HalfBand::LowLatency`].
    pub fn latency_frames(&self) -> usize {
        (self.group_delay_frames() + 0.5) as usize
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.up.reset();
        self.down.reset();
    }

    /// Calls `f` on consecutive pieces of the oversampled signal, at most `64 * factor` samples long and always a multiple of
    /// the factor, and brings what `f` leaves there back to the base rate. Works on the frames that both `x` and `y` hold.
    pub fn process(&mut self, x: &[T], y: &mut [T], mut f: impl FnMut(&mut [T])) {
        for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
            let frames = x.len().min(y.len());
            y[..frames].copy_from_slice(&x[..frames]);
            self.chunk(&mut y[..frames], &mut f);
        }
    }

    /// [`Oversampler::process`] in place.
    pub fn process_in_place(&mut self, samples: &mut [T], mut f: impl FnMut(&mut [T])) {
        for piece in samples.chunks_mut(BLOCK) {
            self.chunk(piece, &mut f);
        }
    }

    fn chunk(&mut self, samples: &mut [T], f: &mut impl FnMut(&mut [T])) {
        let len = self.up.chunk(samples);
        let high = &mut self.up.scratch[0][..len];
        f(high);
        self.down.chunk(high, samples);
    }
}
