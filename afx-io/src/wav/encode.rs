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
/// channels get the plain header that every tool reads, more channels `WAVE_FORMAT_EXTENSIBLE` without speaker positions.
///
/// # Errors
/// [`ErrorKind::OutOfRange`] (channels, sample rate), [`ErrorKind::Mismatch`] (channels of different lengths),
/// [`ErrorKind::NonFinite`] (NaN; for [`Format::Float32`] also infinities), [`ErrorKind::TooLarge`] (a RIFF file ends at 4 GiB).
pub fn encode_scaled(audio: &Audio, format: Format, scale: Scale) -> Result<(Vec<u8>, usize)> {
    let plan = plan(audio, format)?;
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
    /// Size of the file without its first 8 bytes.
    riff_bytes: u32,
    data_bytes: u32,
    frames: u32,
    frame_bytes: u16,
    file_bytes: usize,
}

fn plan(audio: &Audio, format: Format) -> Result<Plan> {
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
    let too_large = || Error::new(ErrorKind::TooLarge, "file", "less than 4 GiB", format_args!("{frames} frames of {frame} bytes"));
    let data = frames.checked_mul(frame).and_then(|n| u32::try_from(n).ok()).ok_or_else(too_large)?;
    let header = header_bytes(format, channels);
    let riff = data.checked_add(header - 8 + data % 2).ok_or_else(too_large)?;
    // The casts hold: frames <= data fits u32, frame <= 256, and riff + 8 fits 33 bits.
    let file_bytes = usize::try_from(u64::from(riff) + 8).map_err(|_| too_large())?;
    Ok(Plan { riff_bytes: riff, data_bytes: data, frames: frames as u32, frame_bytes: frame as u16, file_bytes })
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

/// RIFF and WAVE, `fmt ` (16, 18 or 40 bytes), `fact` where the coding is not plain PCM, and the header of `data`.
fn header_bytes(format: Format, channels: usize) -> u32 {
    12 + 8 + fmt_bytes(format, channels) + if format == Format::Float32 { 12 } else { 0 } + 8
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
    bytes.extend(b"RIFF");
    bytes.extend(plan.riff_bytes.to_le_bytes());
    bytes.extend(b"WAVEfmt ");
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
        bytes.extend(plan.frames.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(plan.data_bytes.to_le_bytes());
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
