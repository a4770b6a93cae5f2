//! WAV: what is written is read, in every format; what is not right is refused with the right word.

use afx_io::wav::{self, Audio, Format, MAX_CHANNELS, ReadOptions, SAMPLE_RATES, Scale};
use afx_io::{Error, ErrorKind};
use proptest::prelude::*;

const FORMATS: [Format; 4] = [Format::Pcm16, Format::Pcm24, Format::Pcm32, Format::Float32];

/// A RIFF file of these chunks, padded, with true sizes.
fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, content) in chunks {
        body.extend(*id);
        body.extend((content.len() as u32).to_le_bytes());
        body.extend(*content);
        if content.len() % 2 == 1 {
            body.push(0);
        }
    }
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

fn fmt(tag: u16, channels: u16, sample_rate: u32, bits: u16) -> Vec<u8> {
    let align = (u32::from(channels) * u32::from(bits) / 8) as u16;
    let mut f = Vec::new();
    f.extend(tag.to_le_bytes());
    f.extend(channels.to_le_bytes());
    f.extend(sample_rate.to_le_bytes());
    f.extend(sample_rate.wrapping_mul(u32::from(align)).to_le_bytes());
    f.extend(align.to_le_bytes());
    f.extend(bits.to_le_bytes());
    f
}

fn mono16(data: &[u8]) -> Vec<u8> {
    riff(&[(b"fmt ", &fmt(1, 1, 48_000, 16)), (b"data", data)])
}

fn refusal(bytes: &[u8]) -> Error {
    wav::parse(bytes).expect_err("must be refused")
}

/// One step of the coarser of the file's grid and f32's own; half of it is the most that rounding can cost.
fn step(format: Format) -> f32 {
    match format {
        Format::Pcm16 => 2.0_f32.powi(-15),
        Format::Pcm24 => 2.0_f32.powi(-23),
        Format::Pcm32 => 2.0_f32.powi(-31),
        Format::Float32 => 0.0,
    }
}

fn signal() -> impl Strategy<Value = Audio> {
    let rates = prop_oneof![Just(8_000_u32), Just(44_100), Just(48_000), Just(768_000)];
    (rates, 1_usize..=6, 0_usize..40).prop_flat_map(|(sample_rate, channels, frames)| {
        prop::collection::vec(prop::collection::vec(-1.0_f32..0.9999, frames), channels)
            .prop_map(move |channels| Audio { sample_rate, channels })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_within_half_a_step(audio in signal(), which in 0_usize..4) {
        let format = FORMATS[which];
        let (bytes, clipped) = wav::encode(&audio, format).unwrap();
        prop_assert_eq!(clipped, 0);
        let read = wav::parse(&bytes).unwrap();
        prop_assert_eq!(read.sample_rate, audio.sample_rate);
        prop_assert_eq!(read.channels.len(), audio.channels.len());
        for (a, b) in audio.channels.iter().flatten().zip(read.channels.iter().flatten()) {
            prop_assert!((a - b).abs() <= 0.5 * step(format), "{} became {}", a, b); // rounding to nearest
        }
        // A second trip changes nothing at all.
        prop_assert_eq!(&wav::encode(&read, format).unwrap().0, &bytes);
        prop_assert_eq!(bytes.len() % 2, 0);
    }

    #[test]
    fn every_16_bit_integer_survives_both_scales(values in prop::collection::vec(any::<i16>(), 1..200)) {
        let file = mono16(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
        for scale in [Scale::PowerOfTwo, Scale::Symmetric] {
            let audio = wav::parse_with(&file, ReadOptions { scale, ..Default::default() }).unwrap();
            let (bytes, clipped) = wav::encode_scaled(&audio, Format::Pcm16, scale).unwrap();
            prop_assert_eq!(clipped, 0);
            prop_assert_eq!(&bytes, &file);
        }
    }

    #[test]
    fn arbitrary_bytes_are_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), keep_magic in any::<bool>()) {
        let mut bytes = bytes;
        if keep_magic && bytes.len() >= 16 {
            bytes[..4].copy_from_slice(b"RIFF");
            bytes[8..16].copy_from_slice(b"WAVEfmt ");
        }
        let _ = wav::parse_with(&bytes, ReadOptions { accept_truncated: true, ..Default::default() });
        if let Err(e) = wav::parse(&bytes) {
            prop_assert!(!e.to_string().contains('\n'));
        }
    }
}

#[test]
fn every_truncation_is_refused_or_as_good_as_whole() {
    for format in FORMATS {
        for channels in [1, 3] {
            let audio = Audio { sample_rate: 44_100, channels: vec![vec![0.25, -0.5, 0.125]; channels] };
            let (bytes, _) = wav::encode(&audio, format).unwrap();
            let padding = bytes.len() - 1;
            for cut in 0..bytes.len() {
                match wav::parse(&bytes[..cut]) {
                    // 9 bytes of 24 bit samples end in a byte of padding that nobody needs.
                    Ok(read) => assert!(cut == padding && format == Format::Pcm24 && read == audio, "{format:?} cut at {cut}"),
                    Err(e) => assert!(
                        matches!(e.kind(), ErrorKind::WrongFormat | ErrorKind::Truncated | ErrorKind::Missing),
                        "{format:?} cut at {cut}: {e}"
                    ),
                }
                let lenient = wav::parse_with(&bytes[..cut], ReadOptions { accept_truncated: true, ..Default::default() });
                if let Ok(read) = lenient {
                    let frames = read.frames();
                    assert!(frames <= 3 && read.channels.iter().all(|c| c[..] == [0.25, -0.5, 0.125][..frames]));
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_gives_audio_no_larger_than_the_file() {
    for format in FORMATS {
        let audio = Audio { sample_rate: 48_000, channels: vec![vec![0.25; 9]; 3] };
        let (bytes, _) = wav::encode(&audio, format).unwrap();
        let mut accepted = 0;
        for bit in 0..8 * bytes.len() {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = wav::parse(&bad) {
                accepted += 1;
                let total: usize = read.channels.iter().map(Vec::len).sum();
                assert!(2 * total <= bytes.len(), "{format:?}, bit {bit}: {total} samples");
                assert!(read.channels.iter().flatten().all(|x| x.is_finite()));
            }
        }
        assert!(accepted > 0 && accepted < 8 * bytes.len());
    }
}

#[test]
fn each_integer_format_has_its_full_scale_where_the_docs_say() {
    let cases: [(Format, u16, Vec<u8>); 3] = [
        (Format::Pcm16, 16, vec![0x00, 0x80, 0xFF, 0x7F]),
        (Format::Pcm24, 24, vec![0x00, 0x00, 0x80, 0xFF, 0xFF, 0x7F]),
        (Format::Pcm32, 32, vec![0x00, 0x00, 0x00, 0x80, 0xFF, 0xFF, 0xFF, 0x7F]),
    ];
    for (format, bits, data) in cases {
        let file = riff(&[(b"fmt ", &fmt(1, 1, 48_000, bits)), (b"data", &data)]);
        let power = wav::parse(&file).unwrap();
        let top = ((1_u64 << (bits - 1)) - 1) as f64 / (1_u64 << (bits - 1)) as f64;
        assert_eq!(power.channels[0], [-1.0, top as f32], "{format:?}");
        let symmetric = wav::parse_with(&file, ReadOptions { scale: Scale::Symmetric, ..Default::default() }).unwrap();
        assert_eq!(symmetric.channels[0][1], 1.0, "{format:?}");
        assert_eq!(wav::encode(&power, format).unwrap().0[44..44 + data.len()], data);
    }
}

#[test]
fn what_does_not_fit_is_clipped_and_counted_on_integers_and_kept_on_floats() {
    let audio = Audio::mono(48_000, vec![1.0, -1.0, 2.0, -3.0, f32::INFINITY, 0.5]);
    let (bytes, clipped) = wav::encode(&audio, Format::Pcm16).unwrap();
    assert_eq!(clipped, 4); // +1 is one step too far, -1 is not
    assert_eq!(wav::parse(&bytes).unwrap().channels[0], [32767.0 / 32768.0, -1.0, 32767.0 / 32768.0, -1.0, 32767.0 / 32768.0, 0.5]);
    assert_eq!(wav::encode_scaled(&Audio::mono(48_000, vec![1.0, -1.0]), Format::Pcm16, Scale::Symmetric).unwrap().1, 0);
    let loud = Audio::mono(48_000, vec![1.5, -1e30]);
    let (bytes, clipped) = wav::encode(&loud, Format::Float32).unwrap();
    assert_eq!((wav::parse(&bytes).unwrap(), clipped), (loud, 0));
}

#[test]
fn the_plain_header_is_the_canonical_one() {
    let (bytes, _) = wav::encode(&Audio::mono(48_000, vec![0.5, -0.5]), Format::Pcm16).unwrap();
    let mut expected = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xBB\0\0\0\x77\x01\0\x02\0\x10\0data\x04\0\0\0".to_vec();
    expected.extend([0x00, 0x40, 0x00, 0xC0]);
    assert_eq!(bytes, expected);
}

#[test]
fn other_chunks_and_padding_are_skipped() {
    let file = riff(&[
        (b"bext", &[7; 602]),
        (b"odd ", &[1, 2, 3]),
        (b"fmt ", &fmt(1, 2, 44_100, 16)),
        (b"LIST", b"INFOsome"),
        (b"data", &[0, 64, 0, 192]),
        (b"id3 ", &[9; 5]),
    ]);
    assert_eq!(wav::parse(&file).unwrap(), Audio { sample_rate: 44_100, channels: vec![vec![0.5], vec![-0.5]] });
}

#[test]
fn doubles_are_read_and_rounded_once() {
    let data: Vec<u8> = [0.1_f64, -2.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = riff(&[(b"fmt ", &fmt(3, 1, 96_000, 64)), (b"data", &data)]);
    assert_eq!(wav::parse(&file).unwrap().channels[0], [0.1_f32, -2.5]);
}

#[test]
fn a_streamed_file_ends_where_the_bytes_end() {
    let header = fmt(1, 1, 48_000, 16);
    let start = |riff_size: u32, data_size: u32| {
        let mut f = b"RIFF".to_vec();
        f.extend(riff_size.to_le_bytes());
        f.extend(b"WAVEfmt \x10\0\0\0");
        f.extend(&header);
        f.extend(b"data");
        f.extend(data_size.to_le_bytes());
        f.extend([0, 64, 0, 192, 7]); // two frames and half of a third
        f
    };
    for (riff_size, data_size) in [(u32::MAX, u32::MAX), (0, 0), (36, 0), (u32::MAX, 0), (0, u32::MAX)] {
        assert_eq!(wav::parse(&start(riff_size, data_size)).unwrap().channels[0], [0.5, -0.5], "{riff_size} {data_size}");
    }
    // A true RIFF size means that the empty data chunk is meant.
    let empty = riff(&[(b"fmt ", &header), (b"data", &[]), (b"LIST", b"INFO")]);
    assert_eq!(wav::parse(&empty).unwrap().frames(), 0);
}

#[test]
fn rf64_takes_its_size_from_ds64() {
    let mut ds64 = Vec::new();
    for value in [0_u64, 4, 2] {
        ds64.extend(value.to_le_bytes());
    }
    ds64.extend(0_u32.to_le_bytes());
    let mut file = riff(&[(b"ds64", &ds64), (b"fmt ", &fmt(1, 1, 48_000, 16)), (b"data", &[0, 64, 0, 192]), (b"LIST", b"INFO")]);
    file[..4].copy_from_slice(b"RF64");
    file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let at = file.windows(4).position(|w| w == b"data").unwrap() + 4;
    file[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(wav::parse(&file).unwrap().channels[0], [0.5, -0.5]);
    // 2^63 bytes claimed: refused, not allocated.
    file[20 + 8..20 + 16].copy_from_slice(&(1_u64 << 63).to_le_bytes());
    assert_eq!(refusal(&file).kind(), ErrorKind::Truncated);
}

#[test]
fn extensible_headers_are_read_and_unknown_sub_formats_refused() {
    let audio = Audio { sample_rate: 48_000, channels: (0..MAX_CHANNELS).map(|i| vec![i as f32 / 128.0]).collect() };
    for format in FORMATS {
        let (mut bytes, _) = wav::encode(&audio, format).unwrap();
        assert_eq!(&bytes[20..22], &[0xFE, 0xFF]);
        assert_eq!(wav::parse(&bytes).unwrap(), audio);
        bytes[44 + 5] ^= 0x40; // inside the identifier
        assert_eq!(refusal(&bytes).kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn labelled_bad_files_are_refused_with_the_right_kind_and_field() {
    let good = fmt(1, 1, 48_000, 16);
    let with = |at: usize, bytes: &[u8]| {
        let mut f = good.clone();
        f[at..at + bytes.len()].copy_from_slice(bytes);
        riff(&[(b"fmt ", &f), (b"data", &[0, 0])])
    };
    let mut huge = mono16(&[0; 4]);
    huge[40..44].copy_from_slice(&0x7FFF_FFFE_u32.to_le_bytes());
    let mut huge_chunk = riff(&[(b"LIST", &[0; 4]), (b"fmt ", &good), (b"data", &[0; 2])]);
    huge_chunk[16..20].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
    let float = |x: f32| riff(&[(b"fmt ", &fmt(3, 2, 48_000, 32)), (b"data", &[0.0, 0.0, 0.0, x].map(f32::to_le_bytes).concat())]);
    let cases: Vec<(&str, Vec<u8>, ErrorKind, &str)> = vec![
        ("empty", vec![], ErrorKind::WrongFormat, "header"),
        ("text", b"once upon a time there was a wave".to_vec(), ErrorKind::WrongFormat, "header"),
        ("AIFF", b"FORM\0\0\0\x20AIFFCOMM".to_vec(), ErrorKind::WrongFormat, "header"),
        ("AVI", b"RIFF\x20\0\0\0AVI LIST".to_vec(), ErrorKind::WrongFormat, "header"),
        ("big-endian", b"RIFX\0\0\0\x20WAVEfmt ".to_vec(), ErrorKind::Unsupported, "header"),
        ("magic only", b"RIFF".to_vec(), ErrorKind::Truncated, "header"),
        ("no chunks", riff(&[]), ErrorKind::Missing, "fmt chunk"),
        ("no data", riff(&[(b"fmt ", &good)]), ErrorKind::Missing, "data chunk"),
        ("no fmt", riff(&[(b"data", &[0, 0])]), ErrorKind::Missing, "fmt chunk"),
        ("two fmt", riff(&[(b"fmt ", &good), (b"fmt ", &good), (b"data", &[0, 0])]), ErrorKind::Duplicate, "fmt chunk"),
        ("short fmt", riff(&[(b"fmt ", &good[..14]), (b"data", &[0, 0])]), ErrorKind::Malformed, "fmt chunk"),
        ("short extensible", with(0, &[0xFE, 0xFF]), ErrorKind::Malformed, "fmt chunk"),
        ("ADPCM", with(0, &[2, 0]), ErrorKind::Unsupported, "fmt chunk"),
        ("8 bit", with(14, &[8, 0]), ErrorKind::Unsupported, "fmt chunk"),
        ("0 bit", with(14, &[0, 0]), ErrorKind::Unsupported, "fmt chunk"),
        ("no channels", with(2, &[0, 0]), ErrorKind::OutOfRange, "channels"),
        ("65535 channels", with(2, &[0xFF, 0xFF]), ErrorKind::OutOfRange, "channels"),
        ("65 channels", riff(&[(b"fmt ", &fmt(1, 65, 48_000, 16)), (b"data", &[0; 130])]), ErrorKind::OutOfRange, "channels"),
        ("rate 0", with(4, &[0; 4]), ErrorKind::OutOfRange, "sample rate"),
        ("rate 2^31 - 1", with(4, &[0xFF, 0xFF, 0xFF, 0x7F]), ErrorKind::OutOfRange, "sample rate"),
        ("align 0", with(12, &[0, 0]), ErrorKind::Malformed, "block align"),
        ("half a frame", mono16(&[0; 3]), ErrorKind::Malformed, "data chunk"),
        ("2 GiB claimed", huge, ErrorKind::Truncated, "data chunk"),
        ("4 GiB chunk", huge_chunk, ErrorKind::Truncated, "LIST chunk"),
        ("NaN", float(f32::NAN), ErrorKind::NonFinite, "channel 1, frame 1"),
        ("infinity", float(f32::NEG_INFINITY), ErrorKind::NonFinite, "channel 1, frame 1"),
    ];
    for (name, bytes, kind, field) in cases {
        let error = refusal(&bytes);
        assert_eq!((error.kind(), error.field()), (kind, field), "{name}: {error}");
    }
}

#[test]
fn non_finite_samples_can_be_asked_for() {
    let data = [1.0, f32::INFINITY].map(f32::to_le_bytes).concat();
    let file = riff(&[(b"fmt ", &fmt(3, 1, 48_000, 32)), (b"data", &data)]);
    let options = ReadOptions { accept_non_finite: true, ..Default::default() };
    assert_eq!(wav::parse_with(&file, options).unwrap().channels[0], [1.0, f32::INFINITY]);
}

#[test]
fn audio_that_no_file_can_hold_is_refused() {
    let refused = |audio: Audio, format| wav::encode(&audio, format).unwrap_err().kind();
    assert_eq!(refused(Audio { sample_rate: 48_000, channels: vec![] }, Format::Pcm16), ErrorKind::OutOfRange);
    assert_eq!(refused(Audio { sample_rate: 48_000, channels: vec![vec![]; 65] }, Format::Pcm16), ErrorKind::OutOfRange);
    assert_eq!(refused(Audio::mono(SAMPLE_RATES.end() + 1, vec![]), Format::Pcm16), ErrorKind::OutOfRange);
    assert_eq!(refused(Audio { sample_rate: 48_000, channels: vec![vec![0.0], vec![]] }, Format::Pcm16), ErrorKind::Mismatch);
    assert_eq!(refused(Audio::mono(48_000, vec![f32::NAN]), Format::Pcm16), ErrorKind::NonFinite);
    assert_eq!(refused(Audio::mono(48_000, vec![f32::INFINITY]), Format::Float32), ErrorKind::NonFinite);
}

#[test]
fn files_are_written_whole_and_errors_name_them() {
    let dir = std::env::temp_dir().join(format!("afx-io-wav-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("a.wav");
    let audio = Audio::mono(48_000, vec![0.5; 100]);
    assert_eq!(wav::write(&path, &audio, Format::Pcm24).unwrap(), 0);
    assert_eq!(wav::read(&path).unwrap(), audio);
    let error = wav::write(&path, &Audio::mono(48_000, vec![f32::NAN]), Format::Float32).unwrap_err();
    assert_eq!(error.file(), Some(path.as_path()));
    assert_eq!(wav::read(&path).unwrap(), audio); // a refused write leaves the old file
    std::fs::write(&path, b"RIFF").unwrap();
    assert_eq!(wav::read(&path).unwrap_err().file(), Some(path.as_path()));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    std::fs::remove_dir_all(dir).unwrap();
}

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/");

#[test]
fn real_recordings_are_read() {
    // File, rate, frames: (file size - header) / bytes per frame, and a sample read off a hex dump.
    let files = [
        ("audio/bass_woodsy_c.wav", 48_000, 156_109, Some((1, -3.0 / 32768.0))),
        ("audio/guit_e_fifths.wav", 48_000, 286_646, Some((3, 2.0 / 32768.0))),
        ("audio/guit_em9.wav", 48_000, 478_659, Some((2, -2.0 / 32768.0))),
        ("audio/guitar_di_48k.wav", 48_000, 768_000, None),
    ];
    for (name, sample_rate, frames, sample) in files {
        let path = format!("{SHARED}{name}");
        if !std::path::Path::new(&path).exists() {
            println!("skipped: {name} is not there");
            return;
        }
        let audio = wav::read(&path).unwrap();
        assert_eq!((audio.sample_rate, audio.channels.len(), audio.frames()), (sample_rate, 1, frames), "{name}");
        if let Some((at, value)) = sample {
            assert_eq!(audio.channels[0][at], value, "{name}");
        }
        let peak = audio.channels[0].iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(peak > 0.05 && peak <= 1.0, "{name}: {peak}");
    }
}

#[test]
fn the_pair_scaled_by_32767_is_read_at_its_scale() {
    for name in ["input", "output"] {
        let path = format!("{SHARED}golden/statichyper_gru_32/{name}.wav");
        if !std::path::Path::new(&path).exists() {
            println!("skipped: {name}.wav is not there");
            return;
        }
        let options = ReadOptions { scale: Scale::Symmetric, ..Default::default() };
        let (symmetric, power) = (wav::read_with(&path, options).unwrap(), wav::read(&path).unwrap());
        assert_eq!(symmetric.frames(), 240_001);
        for (a, b) in symmetric.channels[0].iter().zip(&power.channels[0]) {
            let integer = (b * 32768.0) as f64;
            assert_eq!(*a, (integer / 32767.0) as f32);
        }
    }
}
