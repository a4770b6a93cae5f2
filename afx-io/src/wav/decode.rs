//! Reading: find the chunks, check the header, plan the sizes, then decode.

use super::{Audio, MAX_CHANNELS, ReadOptions, SAMPLE_RATES};
use crate::error::{Error, ErrorKind, Result, reserve};

const TAG_PCM: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// Bytes 2..16 of every sub-format identifier that stands for a plain format tag.
const SUBFORMAT_TAIL: [u8; 14] = [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71];
/// "Not known": a writer that could not seek back, or RF64, where the true size is in `ds64`.
const UNKNOWN: u32 = u32::MAX;

/// Decodes a WAV file held in memory, with the default [`ReadOptions`].
///
/// ```
/// use afx_io::wav::{self, Audio, Format};
/// let audio = Audio::mono(48_000, vec![0.0, 0.5, -0.25]);
/// let (bytes, clipped) = wav::encode(&audio, Format::Pcm16)?;
/// assert_eq!(wav::parse(&bytes)?, audio);
/// assert_eq!(clipped, 0);
/// # Ok::<(), afx_io::Error>(())
/// ```
///
/// # Errors
/// As [`parse_with`].
pub fn parse(bytes: &[u8]) -> Result<Audio> {
    parse_with(bytes, ReadOptions::default())
}

/// Decodes a WAV file held in memory.
///
/// Chunks other than `fmt `, `ds64` and `data` are skipped, and so is everything behind the samples. A data size of
/// `0xFFFFFFFF`, or of 0 in a file whose RIFF size was never filled in either, means "to the end": such a file was
/// streamed or its writer was killed, and a last frame that is not whole is dropped.
///
/// # Errors
/// [`ErrorKind::WrongFormat`] (another kind of file), [`ErrorKind::Truncated`], [`ErrorKind::Malformed`],
/// [`ErrorKind::Unsupported`] (coding or bit depth), [`ErrorKind::OutOfRange`] (channels, sample rate),
/// [`ErrorKind::Missing`] (`fmt ` or `data`), [`ErrorKind::NonFinite`] with channel and frame.
pub fn parse_with(bytes: &[u8], options: ReadOptions) -> Result<Audio> {
    let (header, data) = find(bytes, options)?;
    let frame = header.coding.bytes() * usize::from(header.channels);
    let samples = &data[..data.len() - data.len() % frame];
    let mut channels = reserve("channels", usize::from(header.channels))?;
    for channel in 0..usize::from(header.channels) {
        channels.push(decode(samples, &header, channel, options)?);
    }
    Ok(Audio { sample_rate: header.sample_rate, channels })
}

#[derive(Clone, Copy)]
enum Coding {
    Int16,
    Int24,
    Int32,
    Float32,
    Float64,
}

impl Coding {
    fn bytes(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Int32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }
}

struct Header {
    coding: Coding,
    channels: u16,
    sample_rate: u32,
}

/// Walks the chunks up to the samples. Every step moves on by at least the 8 bytes of a chunk header, so it ends.
fn find(bytes: &[u8], options: ReadOptions) -> Result<(Header, &[u8])> {
    let (riff_size, is_rf64) = magic(bytes)?;
    let mut rest = &bytes[12..];
    let mut header = None;
    let mut long_size = None;
    while let Some((chunk, body)) = rest.split_at_checked(8) {
        let (id, size) = (&chunk[..4], u32_at(chunk, 4).unwrap_or(0));
        if id == b"data" {
            let header = header.ok_or_else(|| Error::new(ErrorKind::Missing, "fmt chunk", "before the data chunk", "none"))?;
            let position = bytes.len() - body.len();
            let size = data_size(size, long_size.filter(|_| is_rf64), riff_size, position);
            let data = data(body, size, &header, options)?;
            return Ok((header, data));
        }
        let body_size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(content) = body.get(..body_size) else {
            let name = format!("{} chunk", id.escape_ascii());
            return Err(Error::new(ErrorKind::Truncated, name, format_args!("{size} bytes"), format_args!("{} bytes", body.len())));
        };
        match id {
            b"fmt " if header.is_some() => return Err(Error::new(ErrorKind::Duplicate, "fmt chunk", "one", "two")),
            b"fmt " => header = Some(format(content)?),
            b"ds64" => long_size = u64_at(content, 8),
            _ => {}
        }
        // A chunk of odd size is followed by one byte of padding.
        rest = body.get(body_size + (body_size & 1)..).unwrap_or(&[]);
    }
    Err(Error::new(ErrorKind::Missing, if header.is_some() { "data chunk" } else { "fmt chunk" }, "one", "none"))
}

/// The RIFF size and whether this is RF64.
pub(super) fn magic(bytes: &[u8]) -> Result<(u32, bool)> {
    let wrong = |found: String| Err(Error::new(ErrorKind::WrongFormat, "header", "a RIFF/WAVE header", found));
    if bytes.is_empty() {
        return wrong("an empty file".into());
    }
    let start = &bytes[..bytes.len().min(13)];
    let known = [&b"RIFF"[..], b"RF64", b"BW64"].into_iter().find(|m| start.starts_with(m) || m.starts_with(start));
    let Some(known) = known else {
        return match start {
            [b'R', b'I', b'F', b'X', ..] => Err(Error::new(ErrorKind::Unsupported, "header", "little-endian RIFF", "big-endian RIFX")),
            _ => wrong(format!("\"{}\"", start.escape_ascii())),
        };
    };
    match (u32_at(bytes, 4), bytes.get(8..12)) {
        (Some(size), Some(b"WAVE")) => Ok((size, known != b"RIFF")),
        (_, Some(kind)) => wrong(format!("RIFF/{}", kind.escape_ascii())),
        (_, None) => Err(Error::new(ErrorKind::Truncated, "header", "12 bytes", format_args!("{} bytes", bytes.len()))),
    }
}

fn format(content: &[u8]) -> Result<Header> {
    let short = || Error::new(ErrorKind::Malformed, "fmt chunk", "16, 18 or 40 bytes", format_args!("{} bytes", content.len()));
    let field = |at| u16_at(content, at).ok_or_else(short);
    let (tag, channels, align, bits) = (field(0)?, field(2)?, field(12)?, field(14)?);
    let sample_rate = u32_at(content, 4).ok_or_else(short)?;
    let tag = if tag == TAG_EXTENSIBLE { subformat(content).ok_or_else(short)?? } else { tag };
    let coding = match (tag, bits) {
        (TAG_PCM, 16) => Coding::Int16,
        (TAG_PCM, 24) => Coding::Int24,
        (TAG_PCM, 32) => Coding::Int32,
        (TAG_FLOAT, 32) => Coding::Float32,
        (TAG_FLOAT, 64) => Coding::Float64,
        _ => {
            let expected = "PCM of 16, 24 or 32 bits or float of 32 or 64 bits";
            return Err(Error::new(ErrorKind::Unsupported, "fmt chunk", expected, format_args!("format tag {tag} of {bits} bits")));
        }
    };
    if !(1..=MAX_CHANNELS).contains(&usize::from(channels)) {
        return Err(Error::new(ErrorKind::OutOfRange, "channels", format_args!("1 to {MAX_CHANNELS}"), channels));
    }
    if !SAMPLE_RATES.contains(&sample_rate) {
        let (low, high) = SAMPLE_RATES.into_inner();
        return Err(Error::new(ErrorKind::OutOfRange, "sample rate", format_args!("{low} to {high} Hz"), format_args!("{sample_rate} Hz")));
    }
    let frame = coding.bytes() * usize::from(channels);
    if usize::from(align) != frame {
        return Err(Error::new(ErrorKind::Malformed, "block align", format_args!("{frame} bytes"), format_args!("{align} bytes")));
    }
    Ok(Header { coding, channels, sample_rate })
}

/// The format tag inside a `WAVE_FORMAT_EXTENSIBLE` chunk; `None` when the chunk is too short.
///
/// `wValidBitsPerSample` needs no look: fewer valid bits are the high bits of the container, so the scale is the same.
fn subformat(content: &[u8]) -> Option<Result<u16>> {
    let (tag, tail) = (u16_at(content, 24)?, content.get(26..40)?);
    Some(if tail == SUBFORMAT_TAIL {
        Ok(tag)
    } else {
        Err(Error::new(ErrorKind::Unsupported, "fmt chunk", "a PCM or float sub-format", "another sub-format identifier"))
    })
}

/// The promised number of bytes, `None` for "to the end". `position` is where the samples start.
fn data_size(size: u32, long_size: Option<u64>, riff_size: u32, position: usize) -> Option<u64> {
    let riff_ends_before_data = u64::from(riff_size).saturating_add(8) <= position as u64;
    match (size, long_size) {
        (UNKNOWN, Some(long)) => Some(long),
        (UNKNOWN, None) => None,
        (0, _) if riff_size == UNKNOWN || riff_ends_before_data => None,
        (size, _) => Some(u64::from(size)),
    }
}

fn data<'a>(body: &'a [u8], size: Option<u64>, header: &Header, options: ReadOptions) -> Result<&'a [u8]> {
    let Some(size) = size else { return Ok(body) };
    match usize::try_from(size).ok().and_then(|n| body.get(..n)) {
        Some(data) => {
            let frame = header.coding.bytes() * usize::from(header.channels);
            if data.len() % frame != 0 && !options.accept_truncated {
                let found = format!("{} bytes", data.len());
                return Err(Error::new(ErrorKind::Malformed, "data chunk", format_args!("whole frames of {frame} bytes"), found));
            }
            Ok(data)
        }
        None if options.accept_truncated => Ok(body),
        None => Err(Error::new(ErrorKind::Truncated, "data chunk", format_args!("{size} bytes"), format_args!("{} bytes", body.len()))),
    }
}

fn decode(data: &[u8], header: &Header, channel: usize, options: ReadOptions) -> Result<Vec<f32>> {
    match header.coding {
        Coding::Int16 => {
            let factor = options.scale.factor(16);
            gather(data, header, channel, options, |b: [u8; 2]| (f64::from(i16::from_le_bytes(b)) / factor) as f32)
        }
        Coding::Int24 => {
            let factor = options.scale.factor(24);
            // Placed in the high bytes and shifted down arithmetically, so that the sign spreads.
            gather(data, header, channel, options, |[a, b, c]: [u8; 3]| (f64::from(i32::from_le_bytes([0, a, b, c]) >> 8) / factor) as f32)
        }
        Coding::Int32 => {
            let factor = options.scale.factor(32);
            gather(data, header, channel, options, |b: [u8; 4]| (f64::from(i32::from_le_bytes(b)) / factor) as f32)
        }
        Coding::Float32 => gather(data, header, channel, options, f32::from_le_bytes),
        // A finite double beyond the range of f32 becomes infinite here and is refused as such.
        Coding::Float64 => gather(data, header, channel, options, |b: [u8; 8]| f64::from_le_bytes(b) as f32),
    }
}

/// One channel out of interleaved frames; `N` is the size of a sample in bytes.
fn gather<const N: usize>(
    data: &[u8],
    header: &Header,
    channel: usize,
    options: ReadOptions,
    sample: impl Fn([u8; N]) -> f32,
) -> Result<Vec<f32>> {
    let frame = N * usize::from(header.channels);
    let mut samples = reserve("samples", data.len() / frame)?;
    // `chunks_exact` gives whole frames and `channel < channels`, so the second half of the chain never ends early.
    samples.extend(data.chunks_exact(frame).filter_map(|f| f[N * channel..].first_chunk::<N>()).map(|b| sample(*b)));
    match samples.iter().position(|x| !x.is_finite()) {
        Some(at) if !options.accept_non_finite => {
            let field = format!("channel {channel}, frame {at}");
            Err(Error::new(ErrorKind::NonFinite, field, "a finite sample", samples[at]))
        }
        _ => Ok(samples),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}
