//! WAV files: PCM 16, 24 and 32 bit, IEEE float 32 and 64 bit, plain, `WAVE_FORMAT_EXTENSIBLE` and RF64 headers.
//!
//! RIFF 1.0 (Microsoft and IBM, 1991), "Multiple channel audio data and WAVE files" (Microsoft, 2001) and EBU Tech 3306 (RF64).
//!
//! # Scale of integer samples
//! An integer of `b` bits becomes `v / 2^(b-1)` ([`Scale::PowerOfTwo`], the default, as libsndfile and PyTorch do it): the range is
//! `[-1, 1)`, and up to 24 bits reading and writing are each other's inverse. Some tools divide and multiply by `2^(b-1) - 1` instead
//! ([`Scale::Symmetric`]): `[-1, 1]`. The two differ by a factor of 1.00003 at 16 bit, which a null test below -90 dB sees.

mod decode;
mod encode;

use crate::disk;
use crate::error::Result;
use std::path::Path;

pub use decode::{parse, parse_with};
pub use encode::{encode, encode_scaled};

/// The most channels that are read or written.
pub const MAX_CHANNELS: usize = 64;

/// Sample rates that are read or written, in hertz. Everything that scales with the rate (filters, prewarming, delay lines) relies on it.
pub const SAMPLE_RATES: core::ops::RangeInclusive<u32> = 8_000..=768_000;

/// Decoded audio: `channels[channel][frame]`, full scale at ±1. All channels have the same number of frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Frames per second, in hertz.
    pub sample_rate: u32,
    /// One vector of samples per channel.
    pub channels: Vec<Vec<f32>>,
}

impl Audio {
    /// One channel.
    pub fn mono(sample_rate: u32, samples: Vec<f32>) -> Self {
        Self { sample_rate, channels: vec![samples] }
    }

    /// Length of the first channel.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }
}

/// How samples are stored in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 16 bit signed integers.
    Pcm16,
    /// 24 bit signed integers.
    Pcm24,
    /// 32 bit signed integers. An `f32` holds 24 of the bits.
    Pcm32,
    /// 32 bit IEEE floating point: lossless for [`Audio`], and not limited to ±1.
    Float32,
}

/// What an integer sample is divided by on reading and multiplied by on writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// `2^(b-1)`, 32768 at 16 bit.
    #[default]
    PowerOfTwo,
    /// `2^(b-1) - 1`, 32767 at 16 bit.
    Symmetric,
}

impl Scale {
    /// The factor for integers of `bits` bits.
    fn factor(self, bits: u32) -> f64 {
        let power = (1_u64 << (bits - 1)) as f64;
        match self {
            Self::PowerOfTwo => power,
            Self::Symmetric => power - 1.0,
        }
    }
}

/// What [`parse_with`] and [`read_with`] accept. The default is strict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Scale of integer samples; floating-point samples are taken as they are.
    pub scale: Scale,
    /// Keep NaN and infinite samples instead of refusing the file.
    pub accept_non_finite: bool,
    /// Take the whole frames that are there when the data chunk promises more, or ends within a frame.
    pub accept_truncated: bool,
}

/// Reads a WAV file with the default [`ReadOptions`].
///
/// # Errors
/// As [`parse`], and [`crate::ErrorKind::Io`].
pub fn read(path: impl AsRef<Path>) -> Result<Audio> {
    read_with(path, ReadOptions::default())
}

/// Reads a WAV file.
///
/// # Errors
/// As [`parse_with`], and [`crate::ErrorKind::Io`].
pub fn read_with(path: impl AsRef<Path>, options: ReadOptions) -> Result<Audio> {
    let path = path.as_ref();
    let bytes = disk::read_of_kind(path, u64::MAX, |start| decode::magic(start).map(drop))?;
    parse_with(&bytes, options).map_err(|e| e.in_file(path))
}

/// Writes a WAV file as a whole or not at all (see [`disk::write_atomic`]); returns how many samples were clipped.
///
/// # Errors
/// As [`encode`], and [`crate::ErrorKind::Io`].
pub fn write(path: impl AsRef<Path>, audio: &Audio, format: Format) -> Result<usize> {
    let path = path.as_ref();
    let (bytes, clipped) = encode(audio, format).map_err(|e| e.in_file(path))?;
    disk::write_atomic(path, &bytes)?;
    Ok(clipped)
}
