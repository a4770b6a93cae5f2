//! Classical audio effect blocks, real-time safe and `no_std`.
//!
//! - [`oversample`]: half-band oversamplers, 2x to 16x, with latency known before the first block.
//! - [`resample`]: effects and models made for one sample rate, in hosts at another.
//! - [`circuit`]: analogue circuits as differential equations, among them a tone stack, and the offline renderer of their reference output.
//! - [`filter`]: state-variable filter, biquads, graphic equaliser, DC blocker. [`Gain`]: a level in decibels. [`Width`]: of two channels.
//! - [`Compressor`], [`Limiter`], [`Gate`]: dynamics of linked channels. [`OptoCompressor`]: of one, with a memory.
//! - [`delay`]: delay lines read between their samples, echoes on tape and without, ping-pong.
//! - [`reverb`]: a feedback delay network, Dattorro's plate, Freeverb.
//! - [`modulation`]: chorus, flanger, vibrato, phaser and tremolo.
//! - [`waveshape`]: clippers and curves of your own, with antiderivative antialiasing.
//! - `convolve` (with `std`): impulse responses of any length without latency, in blocks that cost about the same.
//! - [`source`]: seeded random numbers and a dry electric guitar to feed the circuits with.
//!
//! Everything named `process*`, `set_*` or `reset` neither allocates, locks nor panics, takes blocks of any length including
//! none, and gives the same bits for any split of the signal into blocks. Constructors allocate and return errors.
//!
//! No input spoils what follows it. To filters, oversamplers, waveshapers, delays, modulation and converters of the sample rate, NaN, infinities and
//! samples beyond 1e10 are silence, so their output stays finite and goes on as if there had been silence; [`circuit`] says what they are to a
//! circuit. States that decay become exactly 0 below 1e-30, and the state of a filter that diverges starts again from 0 where it passes
//! 1e30. Samples below 1e-20 (-400 dBFS) are 0 on their way in and out: no output is a subnormal number, and whether a host has the
//! processor flush those does not matter.
//!
//! Filters, [`Gain`], circuits, waveshapers, [`Delay`], [`OptoCompressor`], the effects of [`modulation`], the convolver and [`Oversampled`] are
//! [`Mono`](afx_core::Mono) effects, of which [`Channels`](afx_core::Channels) makes a processor and [`Series`](afx_core::Series) a chain.
//! Written out, an effect is its blocks in a row; a plugin holds one for each channel:
//!
//! ```
//! use afx_dsp::filter::{DcBlocker, FilterShape, FilterSpec, Svf};
//! use afx_dsp::{DspError, Factor, HalfBand, Oversampler, circuit::SynthOd};
//!
//! /// A low cut, an overdrive at four times the host's rate, no direct current.
//! struct Pedal {
//!     low_cut: Svf<f32>,
//!     oversampler: Oversampler<f32>,
//!     overdrive: SynthOd,
//!     blocker: DcBlocker<f32>,
//! }
//!
//! impl Pedal {
//!     /// Allocates; another sample rate is another pedal.
//!     fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
//!         let oversampler = Oversampler::new(Factor::X4, HalfBand::LinearPhase);
//!         Ok(Pedal {
//!             low_cut: Svf::new(FilterSpec::new(FilterShape::HighPass, sample_rate_hz, 80.0, 0.707, 0.0)?),
//!             overdrive: SynthOd::new(oversampler.factor().get() as f64 * sample_rate_hz)?,
//!             oversampler,
//!             blocker: DcBlocker::new(sample_rate_hz, 10.0)?,
//!         })
//!     }
//!     /// The audio callback, a block of any length; the knobs go from 0 to 1 and glide by themselves.
//!     fn process(&mut self, drive: f64, tone: f64, samples: &mut [f32]) {
//!         self.overdrive.set_drive(drive);
//!         self.overdrive.set_tone(tone);
//!         self.low_cut.process_in_place(samples);
//!         self.oversampler.process_in_place(samples, |high| self.overdrive.process_in_place(high));
//!         self.blocker.process_in_place(samples);
//!     }
//!     /// After a stop of the transport.
//!     fn reset(&mut self) {
//!         self.low_cut.reset();
//!         self.oversampler.reset();
//!         self.overdrive.reset();
//!         self.blocker.reset();
//!     }
//!     /// What the host should compensate: of these blocks only the oversampler is late on purpose.
//!     fn latency_frames(&self) -> usize {
//!         self.oversampler.latency_frames()
//!     }
//! }
//!
//! let mut pedal = Pedal::new(48e3)?;
//! let mut first = [0.1; 64];
//! pedal.process(0.7, 0.4, &mut first);
//! pedal.reset();
//! let mut again = [0.1; 64];
//! pedal.process(0.7, 0.4, &mut again);
//! assert_eq!((pedal.latency_frames(), again.map(f32::is_finite)), (51, [true; 64]));
//! # Ok::<(), DspError>(())
//! ```
//!
//! Features: `std` (default), `libm` (elementary functions without `std`), `serde` (settings as data).
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod circuit;
mod compressor;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod convolve;
pub mod delay;
mod error;
pub mod filter;
mod gain;
mod gate;
mod knob;
mod limiter;
pub mod modulation;
mod mono;
mod opto;
pub mod oversample;
pub mod resample;
pub mod reverb;
pub mod source;
pub mod waveshape;
mod width;

pub use compressor::{Compressor, GainComputer};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use convolve::Convolver;
pub use delay::{Delay, DelayLine, Interpolation, PingPong};
pub use error::DspError;
pub use gain::Gain;
pub use gate::{Expander, Gate};
pub use limiter::Limiter;
pub use opto::OptoCompressor;
pub use oversample::{Factor, HalfBand, Oversampled, Oversampler};
pub use resample::Resampled;
pub use width::Width;

use afx_core::Scalar;

/// Zero for a state too small to hear, so that decaying states never reach the slow subnormal numbers. NaN stays NaN:
/// [`heard`] and the circuits' `volts` keep it out.
#[inline(always)]
pub(crate) fn flush<T: Scalar>(state: T) -> T {
    if state.abs() < T::from_f64(1e-30) { T::ZERO } else { state }
}

/// [`flush`] of a state that may diverge: NaN and what lies beyond 1e30 become zero too, so the filter starts again by itself.
#[inline(always)]
pub(crate) fn flush_or_restart<T: Scalar>(state: T) -> T {
    let size = state.abs();
    if (size >= T::from_f64(1e-30)) & (size <= T::from_f64(1e30)) { state } else { T::ZERO }
}

/// Samples below this are silence: -400 dBFS.
const SILENCE: f64 = 1e-20;

/// A sample as it enters a filter: zero for NaN, for silence and for what lies beyond 1e10, which is no signal (32-bit integers end at 2e9).
#[inline(always)]
pub(crate) fn heard<T: Scalar>(x: T) -> T {
    let size = x.abs();
    if (size >= T::from_f64(SILENCE)) & (size <= T::from_f64(1e10)) { x } else { T::ZERO }
}

/// A sample as it leaves: zero for silence, of which a state above 1e-30 can still make subnormal numbers.
#[inline(always)]
pub(crate) fn audible<T: Scalar>(y: T) -> T {
    if y.abs() < T::from_f64(SILENCE) { T::ZERO } else { y }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
