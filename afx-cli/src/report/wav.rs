//! 16-bit WAV files in memory, for players in a page.
use core::fmt;

/// Why samples could not become a WAV file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WavError {
    /// The sample rate is 0 or above 768 kHz.
    SampleRate {
        /// The rate found.
        found: u32,
    },
    /// There are no channels, or more than 8.
    Channels {
        /// The number found.
        found: u16,
    },
    /// The number of samples is not a multiple of the number of channels.
    Ragged {
        /// Channels.
        channels: u16,
        /// Samples found.
        found: usize,
    },
    /// More than 2^28 samples: no page should hold half a gigabyte.
    TooLong {
        /// Samples found.
        found: usize,
    },
}

impl fmt::Display for WavError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleRate { found } => write!(f, "sample_rate_hz: expected 1 to 768000, found {found}"),
            Self::Channels { found } => write!(f, "channels: expected 1 to 8, found {found}"),
            Self::Ragged { channels, found } => write!(f, "samples: expected a multiple of {channels} channels, found {found}"),
            Self::TooLong { found } => write!(f, "samples: expected at most 2^28, found {found}"),
        }
    }
}

impl core::error::Error for WavError {}

/// Refuses what [`encode`] cannot write.
pub(crate) fn check(samples: usize, sample_rate_hz: u32, channels: u16) -> Result<(), WavError> {
    match () {
        () if !(1..=768_000).contains(&sample_rate_hz) => Err(WavError::SampleRate { found: sample_rate_hz }),
        () if !(1..=8).contains(&channels) => Err(WavError::Channels { found: channels }),
        () if !samples.is_multiple_of(usize::from(channels)) => Err(WavError::Ragged { channels, found: samples }),
        () if samples > 1 << 28 => Err(WavError::TooLong { found: samples }),
        () => Ok(()),
    }
}

/// A PCM WAV file of interleaved `samples` times `gain`: rounded to 16 bits, clipped at full scale, samples that are not finite as silence.
///
/// # Errors
/// [`WavError`], for sizes that the file cannot hold.
pub fn encode(samples: &[f32], gain: f32, sample_rate_hz: u32, channels: u16) -> Result<Vec<u8>, WavError> {
    check(samples.len(), sample_rate_hz, channels)?;
    let bytes = 2 * samples.len() as u32; // `check` keeps it below 2^29
    let frame = 2 * channels;
    let mut out = Vec::with_capacity(44 + bytes as usize);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + bytes).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes()); // PCM
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&sample_rate_hz.to_le_bytes());
    out.extend_from_slice(&(sample_rate_hz * u32::from(frame)).to_le_bytes());
    out.extend_from_slice(&frame.to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&bytes.to_le_bytes());
    for x in samples {
        let code = (32_767.0 * gain * x).round(); // a float-to-int `as` saturates and sends NaN to 0
        out.extend_from_slice(&(if code.is_finite() { code as i16 } else { 0 }).to_le_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_states_what_the_data_holds() {
        let wav = encode(&[0.0, 1.0, -1.0, 2.0, f32::NAN, f32::INFINITY], 1.0, 44_100, 2).unwrap();
        let u32_at = |i: usize| u32::from_le_bytes(wav[i..i + 4].try_into().unwrap());
        assert_eq!((wav.len(), u32_at(4) as usize, u32_at(40)), (56, wav.len() - 8, 12));
        assert_eq!((u32_at(24), u32_at(28), wav[22], wav[32]), (44_100, 44_100 * 4, 2, 4));
        let codes: Vec<i16> = wav[44..].chunks(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
        assert_eq!(codes, [0, 32_767, -32_767, 32_767, 0, 0]);
    }

    #[test]
    fn impossible_formats_are_errors() {
        assert_eq!(encode(&[], 1.0, 0, 1), Err(WavError::SampleRate { found: 0 }));
        assert_eq!(encode(&[], 1.0, 48_000, 0), Err(WavError::Channels { found: 0 }));
        assert_eq!(encode(&[0.0; 3], 1.0, 48_000, 2), Err(WavError::Ragged { channels: 2, found: 3 }));
    }
}
