//! Writing: check, plan the sizes, then lay the bytes out.

use super::{Audio, Format, MAX_CHANNELS, SAMPLE_RATES, Scale};
use crate::error::{Error, ErrorKind, Result, reserve};

/// Lays a WAV file out in memory with [`Scale::PowerOfTwo`]; returns it with the number of clipped samples.
///
/// # Errors
/// As [`encode_scaled`].
pub fn encode(audio: &Audio, format: Format) -> Result<(Vec<u8>, usize)> {
    encode_scaled(audio, format, Scale::default())
}

/// Lays a WAV file out in memory; returns it with the number of clipped samples.
///
/// Integers are rounded to nearest, ties to even; what lies outside the range (infinities included) is clipped and counted.
/// Note that +1.0 itself is one step out of range under [`Scale::PowerOfTwo`]. There is no dither. One or two
/// channels get the plain header that every tool reads, more channels `WAVE_FORMAT_EXTENSIBLE` without speaker positions. What does
/// not fit 4 GiB becomes RF64, with the sizes in `ds64` (EBU Tech 3306).
///
/// # Errors
/// [`ErrorKind::OutOfRange`] (channels, sample rate), [`ErrorKind::Mismatch`] (channels of different lengths),
/// [`ErrorKind::NonFinite`] (NaN; for [`Format::Float32`] also infinities), [`ErrorKind::TooLarge`] (more than the memory at hand).
pub fn encode_scaled(audio: &Audio, format: Format, scale: Scale) -> Result<(Vec<u8>, usize)> {
    encode_within(audio, format, scale, RIFF_LIMIT)
}

/// The largest size that a RIFF header is given: the next one, 2^32 - 1, stands for "not known".
const RIFF_LIMIT: u64 = 0xFFFF_FFFE;

/// RF64 where the RIFF size would exceed `riff_limit`.
fn encode_within(audio: &Audio, format: Format, scale: Scale, riff_limit: u64) -> Result<(Vec<u8>, usize)> {
    let plan = plan(audio, format, riff_limit)?;
    refuse_non_finite(audio, format)?;
    let mut bytes = reserve("file", plan.file_bytes)?;
    header(&mut bytes, audio, format, &plan);
    let clipped = match format {
        Format::Pcm16 => integers::<2>(&mut bytes, audio, scale),
        Format::Pcm24 => integers::<3>(&mut bytes, audio, scale),
        Format::Pcm32 => integers::<4>(&mut bytes, audio, scale),
        Format::Float32 => floats(&mut bytes, audio),
    };
    if plan.data_bytes % 2 == 1 {
        bytes.push(0);
    }
    Ok((bytes, clipped))
}

struct Plan {
    rf64: bool,
    /// Size of the file without its first 8 bytes.
    riff_bytes: u64,
    data_bytes: u64,
    frames: u64,
    frame_bytes: u16,
    file_bytes: usize,
}

impl Plan {
    /// What a field of 32 bits says: RF64 leaves the number to `ds64`.
    fn short(&self, size: u64) -> [u8; 4] {
        // Without RF64 all sizes are below RIFF_LIMIT.
        if self.rf64 { u32::MAX.to_le_bytes() } else { (size as u32).to_le_bytes() }
    }
}

fn plan(audio: &Audio, format: Format, riff_limit: u64) -> Result<Plan> {
    let channels = audio.channels.len();
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(Error::new(ErrorKind::OutOfRange, "channels", format_args!("1 to {MAX_CHANNELS}"), channels));
    }
    if !SAMPLE_RATES.contains(&audio.sample_rate) {
        let (low, high) = SAMPLE_RATES.into_inner();
        let found = format!("{} Hz", audio.sample_rate);
        return Err(Error::new(ErrorKind::OutOfRange, "sample rate", format_args!("{low} to {high} Hz"), found));
    }
    let frames = audio.frames();
    if let Some((i, other)) = audio.channels.iter().enumerate().find(|(_, c)| c.len() != frames) {
        let found = format!("{} frames", other.len());
        return Err(Error::new(ErrorKind::Mismatch, format_args!("channel {i}"), format_args!("{frames} frames"), found));
    }
    let frame = format.bytes() * channels; // at most 256
    let too_large = || Error::new(ErrorKind::TooLarge, "file", "memory at hand", format_args!("{frames} frames of {frame} bytes"));
    let data = frames.checked_mul(frame).ok_or_else(too_large)?;
    let plain = data.checked_add(header_bytes(format, channels) + data % 2).ok_or_else(too_large)?;
    let rf64 = plain as u64 - 8 > riff_limit;
    let file_bytes = plain.checked_add(if rf64 { DS64_BYTES } else { 0 }).ok_or_else(too_large)?;
    // The casts hold: usize has at most 64 bits, frame <= 256.
    Ok(Plan {
        rf64,
        riff_bytes: file_bytes as u64 - 8,
        data_bytes: data as u64,
        frames: frames as u64,
        frame_bytes: frame as u16,
        file_bytes,
    })
}

impl Format {
    fn bytes(self) -> usize {
        match self {
            Self::Pcm16 => 2,
            Self::Pcm24 => 3,
            Self::Pcm32 | Self::Float32 => 4,
        }
    }
}

/// The chunk `ds64` with its header: three sizes of 64 bits and a table without entries.
const DS64_BYTES: usize = 8 + 3 * 8 + 4;

/// RIFF and WAVE, `fmt ` (16, 18 or 40 bytes), `fact` where the coding is not plain PCM, and the header of `data`.
fn header_bytes(format: Format, channels: usize) -> usize {
    12 + 8 + fmt_bytes(format, channels) as usize + if format == Format::Float32 { 12 } else { 0 } + 8
}

fn fmt_bytes(format: Format, channels: usize) -> u32 {
    match (channels > 2, format == Format::Float32) {
        (true, _) => 40,
        (false, true) => 18,
        (false, false) => 16,
    }
}

fn header(bytes: &mut Vec<u8>, audio: &Audio, format: Format, plan: &Plan) {
    let channels = audio.channels.len();
    let bits = 8 * format.bytes() as u16;
    let tag: u16 = if format == Format::Float32 { 3 } else { 1 };
    let extensible = channels > 2;
    bytes.extend(if plan.rf64 { b"RF64" } else { b"RIFF" });
    bytes.extend(plan.short(plan.riff_bytes));
    bytes.extend(b"WAVE");
    if plan.rf64 {
        bytes.extend(b"ds64");
        bytes.extend((DS64_BYTES as u32 - 8).to_le_bytes());
        bytes.extend([plan.riff_bytes, plan.data_bytes, plan.frames].map(u64::to_le_bytes).as_flattened());
        bytes.extend(0_u32.to_le_bytes()); // no other chunk is that long
    }
    bytes.extend(b"fmt ");
    bytes.extend(fmt_bytes(format, channels).to_le_bytes());
    bytes.extend(if extensible { 0xFFFE } else { tag }.to_le_bytes());
    bytes.extend((channels as u16).to_le_bytes());
    bytes.extend(audio.sample_rate.to_le_bytes());
    // 768 kHz x 256 bytes is far below 2^32.
    bytes.extend((audio.sample_rate * u32::from(plan.frame_bytes)).to_le_bytes());
    bytes.extend(plan.frame_bytes.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    if extensible {
        bytes.extend(22_u16.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes()); // no speaker positions
        bytes.extend(tag.to_le_bytes());
        bytes.extend([0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71]);
    } else if format == Format::Float32 {
        bytes.extend(0_u16.to_le_bytes());
    }
    if format == Format::Float32 {
        bytes.extend(b"fact");
        bytes.extend(4_u32.to_le_bytes());
        bytes.extend(plan.short(plan.frames));
    }
    bytes.extend(b"data");
    bytes.extend(plan.short(plan.data_bytes));
}

fn refuse_non_finite(audio: &Audio, format: Format) -> Result<()> {
    for (channel, samples) in audio.channels.iter().enumerate() {
        let bad = |x: &f32| if format == Format::Float32 { !x.is_finite() } else { x.is_nan() };
        if let Some(frame) = samples.iter().position(bad) {
            let field = format!("channel {channel}, frame {frame}");
            return Err(Error::new(ErrorKind::NonFinite, field, "a finite sample", samples[frame]));
        }
    }
    Ok(())
}

/// Interleaves integers of `N` bytes; returns the count of clipped samples.
fn integers<const N: usize>(bytes: &mut Vec<u8>, audio: &Audio, scale: Scale) -> usize {
    let factor = scale.factor(8 * N as u32);
    let high = Scale::Symmetric.factor(8 * N as u32);
    let mut clipped = 0;
    for frame in 0..audio.frames() {
        for channel in &audio.channels {
            let wanted = (f64::from(channel[frame]) * factor).round_ties_even();
            let value = wanted.clamp(-high - 1.0, high);
            clipped += usize::from(value != wanted);
            bytes.extend(&(value as i32).to_le_bytes()[..N]);
        }
    }
    clipped
}

fn floats(bytes: &mut Vec<u8>, audio: &Audio) -> usize {
    for frame in 0..audio.frames() {
        for channel in &audio.channels {
            bytes.extend(channel[frame].to_le_bytes());
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wav::parse;

    const FORMATS: [Format; 4] = [Format::Pcm16, Format::Pcm24, Format::Pcm32, Format::Float32];

    #[test]
    fn one_byte_beyond_the_limit_makes_rf64() {
        for (format, channels) in FORMATS.into_iter().flat_map(|f| [(f, 1), (f, 3)]) {
            let audio = Audio { sample_rate: 48_000, channels: vec![vec![0.5, -0.25, 0.125]; channels] };
            let plain = encode(&audio, format).unwrap().0;
            let riff = plain.len() as u64 - 8;
            assert_eq!(encode_within(&audio, format, Scale::default(), riff).unwrap().0, plain);
            let long = encode_within(&audio, format, Scale::default(), riff - 1).unwrap().0;
            assert_eq!((long.len(), long.capacity()), (plain.len() + 36, plain.len() + 36), "the plan is the size");
            assert_eq!((&long[..8], &long[8..20]), (&b"RF64\xFF\xFF\xFF\xFF"[..], &b"WAVEds64\x1C\0\0\0"[..]));
            let size = |at: usize| u64::from_le_bytes(*long[at..].first_chunk().unwrap());
            let data = (3 * channels * format.bytes()) as u64;
            assert_eq!((size(20), size(28), size(36)), (long.len() as u64 - 8, data, 3));
            let at = long.windows(4).position(|w| w == b"data").unwrap();
            assert_eq!(long[at + 4..at + 8], [0xFF; 4]);
            assert_eq!(parse(&long).unwrap(), audio);
            if let Some(fact) = long.windows(4).position(|w| w == b"fact") {
                assert_eq!(long[fact + 8..fact + 12], [0xFF; 4]);
            }
        }
    }
}
