//! A reader for the mono PCM files that the tests may find beside the workspace.

use std::path::Path;

/// The frames of a mono file of 16 or 24 bits, in ±1: exact in `f64`. `None` where there is no such file.
pub fn read(path: &Path) -> Option<Vec<f64>> {
    let bytes = std::fs::read(path).ok()?;
    assert!(bytes.len() > 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE", "{}: no WAV file", path.display());
    let (mut at, mut width) = (12, 0);
    while at + 8 <= bytes.len() {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let body = &bytes[at + 8..(at + 8 + size).min(bytes.len())];
        match &bytes[at..at + 4] {
            b"fmt " => {
                let channels = u16::from_le_bytes([body[2], body[3]]);
                let bits = u16::from_le_bytes([body[14], body[15]]);
                assert!(channels == 1 && [16, 24].contains(&bits), "{}: {channels} channels, {bits} bits", path.display());
                width = usize::from(bits / 8);
            }
            b"data" => return Some(body.chunks_exact(width).map(sample).collect()),
            _ => {}
        }
        at += 8 + size + size % 2;
    }
    panic!("{}: no data", path.display());
}

/// Little-endian bytes at the top of 32 bits, over 2³¹.
fn sample(bytes: &[u8]) -> f64 {
    let mut word = [0; 4];
    word[4 - bytes.len()..].copy_from_slice(bytes);
    f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0
}
