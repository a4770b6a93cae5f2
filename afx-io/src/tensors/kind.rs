//! What a file is that is no safetensors file, for the error to say so.

/// As much of a text as is looked at.
const LOOK: usize = 4096;

/// The kind of a file that certainly is no safetensors file: these begin with a length below 2^27, whose last bytes are zero, and a brace.
pub(super) fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [] => "an empty file",
        // A header of this length may spell any of the names below.
        [_, _, _, _, 0, 0, 0, 0, b'{', ..] => return None,
        [b'R', b'I' | b'F', b'F' | b'6', b'F' | b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "a WAV file",
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', ..] => "an AIFF file",
        [b'f', b'L', b'a', b'C', ..] => "a FLAC file",
        [b'O', b'g', b'g', b'S', ..] => "an Ogg file",
        [b'P', b'K', 3, 4, ..] => "a zip archive, as PyTorch and NumPy write",
        [0x80, 2..=5, b'}' | b']' | b'c' | 0x8a | 0x95, ..] => "a Python pickle",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file",
        [0x1f, 0x8b, ..] => "a gzip archive",
        _ => return text(bytes),
    })
}

/// The kind of a text; `None` for what is not UTF-8 or holds control characters.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let text = match core::str::from_utf8(&bytes[..bytes.len().min(LOOK)]) {
        Ok(text) => text,
        // A character that is cut in two by the end of the look is no error.
        Err(e) if e.error_len().is_none() && bytes.len() > LOOK => core::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let lines = || text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let table = |line: &str| line.starts_with('[') && line.ends_with(']') && !line.contains([',', '{']);
    let first = lines().next().unwrap_or("");
    Some(match first.chars().next() {
        Some('{') => "a JSON text",
        _ if table(first) || first.split_once('=').is_some_and(|(key, _)| is_key(key.trim())) => "a TOML text",
        Some('[') => "a JSON text",
        _ => "a text",
    })
}

fn is_key(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_-.\"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_called_by_its_name() {
        let cases: [(&[u8], Option<&str>); 20] = [
            (b"", Some("an empty file")),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some("a WAV file")),
            (b"RF64\xFF\xFF\xFF\xFFWAVEds64", Some("a WAV file")),
            (b"FORM\0\0\0\x20AIFFCOMM", Some("an AIFF file")),
            (b"PK\x03\x04\0\0\x08\x08", Some("a zip archive, as PyTorch and NumPy write")),
            (b"\x80\x02}q\0", Some("a Python pickle")),
            (b"{\"version\": \"0.5.0\", \"architecture\": \"WaveNet\"}", Some("a JSON text")),
            (b"\n [1, 2]", Some("a JSON text")),
            (b"[{\"a\": 1}]", Some("a JSON text")),
            (b"# knobs\nsample_rate = 48000\n", Some("a TOML text")),
            (b"[[knob]]\nname = \"drive\"\n", Some("a TOML text")),
            (b"\xEF\xBB\xBFsteps = 3", Some("a TOML text")),
            (b"time_s,drive\n0,1\n", Some("a text")),
            (b"dear reader, a = b is no key here", Some("a text")),
            (b"caf\xC3", None),
            (b"\x01\x02\x03", None),
            (b"RIFF\x24\0\0\0AVI LIST", None),
            (b"\x10\0\0\0\0\0\0\0{\"__metadata__\":{}}", None),
            (b"PK\x03\x04\0\0\0\0{", None),
            (&[0xFF; 9], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(other_kind(bytes), expected, "{}", bytes.escape_ascii());
        }
        let long = ["x = \"".as_bytes(), "é".repeat(LOOK).as_bytes()].concat();
        assert_eq!(other_kind(&long), Some("a TOML text"), "cut within a character");
    }
}
