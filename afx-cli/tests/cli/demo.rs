//! `afx demo`: what it refuses before it has done anything.
use super::common::{Folder, afx_err, plucks};

const RATE: u32 = 8000;

#[test]
fn what_it_cannot_use_is_refused_before_the_folder_is_made() {
    let folder = Folder::new("demo");
    let out = folder.join("out");
    let sound = plucks(10 * RATE as usize, RATE);
    let silent = |from: usize, to: usize| -> Vec<f32> {
        let seconds = |n: usize| n / RATE as usize;
        sound.iter().enumerate().map(|(n, v)| if (from..to).contains(&seconds(n)) { 0.0 } else { *v }).collect()
    };
    let cases = [
        (folder.wav("last.wav", RATE, &[silent(8, 10)]), "sound above -60 dBFS in the first channel's last fifth"),
        (folder.wav("first.wav", RATE, &[silent(0, 8)]), "sound above -60 dBFS in the first channel's first four fifths"),
        (folder.wav("short.wav", RATE, &[sound[..RATE as usize].to_vec()]), "at least 8 s, found 1 s"),
        (folder.join("absent.wav"), "open: expected success"),
    ];
    for (file, expected) in cases {
        let line = afx_err(["demo".as_ref(), "--out".as_ref(), out.as_os_str(), "--input".as_ref(), file.as_os_str()]);
        assert!(line.contains(expected) && line.contains(file.to_str().unwrap()), "{line}");
        assert!(!out.exists());
    }
    // What an earlier demo wrote and this one would write over.
    for name in ["test_dry.wav", "test_device_drive2_tone2.wav", "test_concat-gru_drive2_tone2.wav", "knob_sweep.wav"] {
        let earlier = folder.wav(name, RATE, std::slice::from_ref(&sound));
        let line =
            afx_err(["demo".as_ref(), "--out".as_ref(), earlier.parent().unwrap().as_os_str(), "--input".as_ref(), earlier.as_os_str()]);
        assert!(line.contains(&format!("{name}: output: expected another file")), "{line}");
    }
    let line = afx_err(["demo".as_ref(), "--out".as_ref(), out.as_os_str(), "--hidden=0".as_ref()]);
    assert!(line.contains("--hidden: ") && line.contains("found 0") && !out.exists(), "{line}");
}
