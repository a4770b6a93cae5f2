//! `afx plot`: every kind of a model and of recordings, both formats, what it refuses.
use super::common::{Folder, afx_err, afx_ok, model, plucks};
use afx::io::dataset::{Capture, Dataset, Knob, Split};
use afx::io::wav::Format;
use std::ffi::OsString;
use std::path::Path;

const RATE: u32 = 48_000;

/// The size of a PNG that decodes whole; panics on any other file.
fn png_size(path: &Path) -> (u32, u32) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let first = &pixels[..4];
    assert!(pixels.chunks_exact(4).any(|p| p != first), "{}: one colour throughout", path.display());
    (info.width, info.height)
}

fn plot(files: &[&Path], kind: &str, out: &Path, more: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["plot".into()];
    args.extend(files.iter().map(|f| f.as_os_str().to_owned()));
    args.extend(["--kind".into(), kind.into(), "--out".into(), out.into()]);
    args.extend(more.iter().map(OsString::from));
    args
}

#[test]
fn a_model_gives_every_kind_of_picture() {
    let folder = Folder::new("plot-kinds");
    let path = folder.join("m.safetensors");
    model("hyper-gru", 8, &["drive", "tone"], RATE).write(&path).unwrap();
    let log = r#"{"event":"step","step":10,"loss":0.5}
{"event":"validation","step":20,"loss":0.4,"validation_esr":0.3}
{"event":"validation","step":40,"loss":0.2,"validation_esr":0.1}
{"event":"valid"#;
    folder.bytes("m.log.jsonl", log.as_bytes());
    let kinds = [
        ("harmonic-response", "THD"),
        ("sweep", "Sine sweep"),
        ("aliasing", "ASNR"),
        ("aliasing-curve", "Aliases over mask (NMR)"),
        ("transfer-density", "Samples"),
        ("level-curve", "Gain, median"),
        ("transfer-curve", "Output"),
        ("silence", "Cold start"),
        ("decay", "Hidden state"),
        ("dc-grid", "Pop (dBFS)"),
        ("training", "best 0.1 at 40"),
        ("spectrum", "Average of the whole signal"),
        ("spectrogram", "Frequency"),
        ("waveform", "Amplitude"),
        ("static-curve", "Output (dBFS)"),
        ("step-response", "Gain (dB)"),
        ("response", "m, 0.taps"),
    ];
    for (kind, text) in kinds {
        let out = folder.join(&format!("{kind}.svg"));
        afx_ok(plot(&[&path], kind, &out, if kind == "waveform" { &["--seconds", "0.1"] } else { &[] }));
        let svg = std::fs::read_to_string(&out).unwrap();
        assert!(svg.contains(text), "{kind}: no {text:?}");
        roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{kind}: {e}"));
    }
}

#[test]
fn png_follows_theme_and_scale() {
    let folder = Folder::new("plot-png");
    let path = folder.join("m.safetensors");
    model("gru", 4, &[], RATE).write(&path).unwrap();
    let (light, dark, small) = (folder.join("light.png"), folder.join("dark.PNG"), folder.join("small.png"));
    afx_ok(plot(&[&path], "transfer-curve", &light, &[]));
    afx_ok(plot(&[&path], "transfer-curve", &dark, &["--dark"]));
    afx_ok(plot(&[&path], "transfer-curve", &small, &["--scale", "1"]));
    let (l, d, s) = (png_size(&light), png_size(&dark), png_size(&small));
    assert_eq!(l, d);
    assert_eq!(l, (2 * s.0, 2 * s.1));
    assert_ne!(std::fs::read(&light).unwrap(), std::fs::read(&dark).unwrap());
}

#[test]
fn knobs_change_the_picture_and_equal_commands_give_equal_bytes() {
    let folder = Folder::new("plot-set");
    let path = folder.join("m.safetensors");
    model("concat-gru", 8, &["drive"], RATE).write(&path).unwrap();
    let draw = |name: &str, set: &str| {
        let out = folder.join(name);
        afx_ok(plot(&[&path], "transfer-curve", &out, &["--set", set]));
        std::fs::read(out).unwrap()
    };
    assert_eq!(draw("a.svg", "drive=1"), draw("b.svg", "drive=1"));
    assert_ne!(draw("a.svg", "drive=1"), draw("c.svg", "drive=4"));
}

#[test]
fn a_knob_is_varied_from_stop_to_stop_in_one_picture() {
    let folder = Folder::new("plot-vary");
    let path = folder.join("m.safetensors");
    model("concat-gru", 4, &["drive", "tone"], RATE).write(&path).unwrap();
    let out = folder.join("out.svg");
    afx_ok(plot(&[&path], "static-curve", &out, &["--vary", "drive", "--positions", "3"]));
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(["drive 0", "drive 2", "drive 4"].iter().all(|l| svg.contains(&format!(">{l}<"))) && !svg.contains("drive 1"));
    afx_ok(plot(&[&path, &path], "transfer-curve", &out, &["--vary", "tone", "--positions", "2", "--align"]));
    assert!(std::fs::read_to_string(&out).unwrap().contains("delay of the fundamental removed"));
    // The filter in front of this model does not depend on the knobs: it is drawn once.
    let filtered = folder.join("f.safetensors");
    model("hyper-gru", 4, &["drive"], RATE).write(&filtered).unwrap();
    afx_ok(plot(&[&filtered], "response", &out, &["--vary", "drive"]));
    assert_eq!(std::fs::read_to_string(&out).unwrap().matches("0.taps").count(), 1);
    let wav = folder.wav("a.wav", RATE, &[plucks(4800, RATE)]);
    for (file, kind, knob, expected) in [
        (&path, "silence", "gain", "expected one of the knobs drive, tone, found gain"),
        (&path, "dc-grid", "drive", "--vary: expected a kind that draws one knob position"),
        (&wav, "spectrum", "drive", "a.wav, a WAV file"),
    ] {
        let line = afx_err(plot(&[file], kind, &folder.join("no.svg"), &["--vary", knob]));
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn a_recording_is_compared_with_what_was_played_into_the_device() {
    let folder = Folder::new("plot-recorded");
    let dry = plucks(RATE as usize, RATE);
    let late: Vec<f32> = std::iter::repeat_n(0.0, 30).chain(dry.iter().map(|x| (3.0 * x).tanh())).take(dry.len()).collect();
    let (x, y) = (folder.wav("dry.wav", RATE, &[dry]), folder.wav("device.wav", RATE, &[late]));
    let gru = folder.join("m.safetensors");
    model("gru", 4, &[], RATE).write(&gru).unwrap();
    let out = folder.join("out.svg");
    for (kind, text) in [("transfer-density", "taken 30 frames later"), ("level-curve", "through the medians")] {
        afx_ok(plot(&[&y, &gru], kind, &out, &["--input", x.to_str().unwrap()]));
        let svg = std::fs::read_to_string(&out).unwrap();
        assert!(svg.contains(text) && svg.contains("device") && svg.contains(">m<"), "{kind}");
        let line = afx_err(plot(&[&y, &gru], kind, &out, &[]));
        assert!(line.contains("device.wav: expected --input DRY.wav"), "{line}");
    }
}

#[test]
fn recordings_are_drawn_as_they_are_and_a_devices_answer_beside_a_model() {
    let folder = Folder::new("plot-wav");
    let x = plucks(RATE as usize, RATE);
    let a = folder.wav("device.wav", RATE, std::slice::from_ref(&x));
    let b = folder.wav("model.wav", RATE, &[x.iter().map(|v| 0.5 * v).collect()]);
    for kind in ["spectrum", "spectrum-difference", "waveform", "spectrogram", "sweep", "silence", "response"] {
        let out = folder.join(&format!("{kind}.svg"));
        afx_ok(plot(&[&a, &b], kind, &out, &[]));
        let svg = std::fs::read_to_string(&out).unwrap();
        assert!(svg.contains("device") && svg.contains("model"), "{kind}");
    }
    assert!(std::fs::read_to_string(folder.join("waveform.svg")).unwrap().contains("ESR 0.25"));
    // Two files of one name.
    std::fs::create_dir(folder.join("other")).unwrap();
    let (c, out) = (folder.wav("other/device.wav", RATE, &[x]), folder.join("two.svg"));
    afx_ok(plot(&[&a, &c], "spectrum", &out, &[]));
    assert!(std::fs::read_to_string(&out).unwrap().contains("other/device"));
    // The device's answer to the analysis signal: here the signal itself, as through a wire.
    let gru = folder.join("m.safetensors");
    model("gru", 4, &[], RATE).write(&gru).unwrap();
    let (wire, out) = (folder.join("wire.wav"), folder.join("both.svg"));
    afx_ok(plot(&[&gru], "harmonic-response", &out, &["--write-input", wire.to_str().unwrap()]));
    afx_ok(plot(&[&wire, &gru], "harmonic-response", &out, &[]));
    let svg = std::fs::read_to_string(&out).unwrap();
    let thd = svg.split("wire, THD ").nth(1).unwrap().split(" %").next().unwrap();
    let exponent: i32 = thd.split("×10").nth(1).or(thd.split('e').nth(1)).unwrap().replace('−', "-").parse().unwrap();
    assert!(exponent < -4, "{thd}"); // a sine rounded to f32: 24 bits
    // Any other recording is not that answer.
    let line = afx_err(plot(&[&a], "harmonic-response", &folder.join("no.svg"), &[]));
    assert!(line.contains("expected 72000") && line.contains("--write-input") && line.contains("found 48000"), "{line}");
    // Music through a model, beside the device.
    afx_ok(plot(&[&a, &gru], "waveform", &out, &["--input", a.to_str().unwrap(), "--seconds", "0.05"]));
}

/// A data set of `knobs` knobs at `positions` positions each, its wet side half of the dry one.
pub fn dataset(folder: &Path, names: &[&str], positions: &[f32], splits: bool) -> Dataset {
    let knobs: Vec<Knob> = names.iter().map(|n| Knob::new(*n, 0.0, 4.0)).collect();
    let mut controls: Vec<Vec<f32>> = vec![Vec::new()];
    for _ in names {
        controls = controls.into_iter().flat_map(|c| positions.iter().map(move |p| [c.clone(), vec![*p]].concat())).collect();
    }
    let dry = plucks(RATE as usize, RATE);
    let capture = |(i, c): (usize, Vec<f32>)| {
        let gain = 0.2 + 0.1 * c.iter().sum::<f32>();
        let mut capture = Capture::mono(format!("take {i}"), c, dry.clone(), dry.iter().map(|v| gain * v).collect());
        capture.split = splits.then_some(if i % 2 == 0 { Split::Train } else { Split::Test });
        capture
    };
    let captures = controls.into_iter().enumerate().map(capture).collect();
    let data = Dataset { sample_rate: RATE, knobs, captures };
    data.write(folder, Format::Float32).unwrap();
    data
}

#[test]
fn the_error_grid_compares_with_a_data_set() {
    let folder = Folder::new("plot-grid");
    dataset(&folder.join("data"), &["drive", "tone"], &[0.0, 2.0, 4.0], false);
    let path = folder.join("m.safetensors");
    model("static-hyper-gru", 4, &["drive", "tone"], RATE).write(&path).unwrap();
    let out = folder.join("grid.svg");
    let data = folder.join("data");
    afx_ok(plot(&[&path], "error-grid", &out, &["--data", data.to_str().unwrap()]));
    let svg = std::fs::read_to_string(&out).unwrap();
    assert!(svg.contains("ESR over the knobs") && svg.contains("drive") && svg.contains("tone"));
    assert!(afx_err(plot(&[&path], "error-grid", &out, &[])).contains("expected --data DATASET"));
}

#[test]
fn what_cannot_be_drawn_is_refused_and_leaves_no_file() {
    let folder = Folder::new("plot-refused");
    let gru = folder.join("m.safetensors");
    model("gru", 4, &[], RATE).write(&gru).unwrap();
    let wav = folder.wav("a.wav", RATE, &[plucks(4800, RATE)]);
    let other = folder.wav("b.wav", 44_100, &[plucks(4800, 44_100)]);
    let none = folder.wav("none.wav", RATE, &[vec![]]);
    let (short, mute) = (folder.wav("short.wav", RATE, &[plucks(100, RATE)]), folder.wav("mute.wav", RATE, &[vec![0.0; 4800]]));
    let nan = {
        // The writer refuses NaN: its bytes are put in place of sample 7.
        let mut bytes = std::fs::read(folder.wav("nan.wav", RATE, &[plucks(100, RATE)])).unwrap();
        let data = bytes.len() - 400;
        bytes[data + 28..data + 32].copy_from_slice(&f32::NAN.to_le_bytes());
        folder.bytes("nan.wav", &bytes)
    };
    let (out, before) = (folder.join("out.png"), folder.names());
    let cases: [(&[&Path], &str, &[&str], &str); 32] = [
        (&[&wav, &other], "spectrum", &[], "sample rate: expected 48000 Hz"),
        (&[&gru, &other], "waveform", &[], "sample rate: expected 48000 Hz"),
        (&[&wav], "dc-grid", &[], "expected model files"),
        (&[&gru], "dc-grid", &[], "expected a model with knobs"),
        (&[&wav], "error-grid", &["--data", "nowhere"], "expected model files"),
        (&[&gru], "error-grid", &["--data", "nowhere"], "nowhere"),
        (&[&gru], "training", &[], "m.log.jsonl"),
        (&[&wav], "spectrum-difference", &[], "expected two files"),
        (&[&wav], "spectrum", &["--set", "drive=1"], "--set: expected a model"),
        (&[&gru], "silence", &["--set", "drive=1"], "--set"),
        (&[&gru], "waveform", &["--start", "9"], "--start: expected at least 0, less than the 4.000 s of"),
        // All of it, to the frame; a part that reaches beyond the end; less than a frame.
        (&[&wav], "waveform", &["--start", "0.1"], "a.wav, found 0.1"),
        (&[&wav], "waveform", &["--start", "0.05", "--seconds", "0.1"], "--seconds: expected a frame or more, at most the remaining"),
        (&[&wav], "waveform", &["--seconds", "0"], "--seconds: expected a frame or more"),
        (&[&gru], "harmonic-response", &["--frequency-hz", "30000"], "frequency_hz"),
        (&[&gru], "silence", &["--scale", "1e9"], "picture: expected"),
        (&[&none], "waveform", &[], "frames: expected at least 1"),
        (&[&nan], "spectrum", &[], "nan.wav: channel 0, frame 7: expected a finite sample, found NaN"),
        (&[&short], "spectrum", &[], "short.wav: frames: expected at least 4096"),
        (&[&short], "spectrogram", &[], "short.wav: frames: expected at least 2048"),
        (&[&short], "sweep", &[], "short.wav: frames: expected at least 2048"),
        (&[&short], "silence", &[], "short.wav: frames: expected at least 2400"),
        (&[&short], "aliasing-curve", &[], "short.wav: frames: expected 1226212"),
        (&[&gru], "level-curve", &["--input", short.to_str().unwrap()], "short.wav: frames: expected at least 1920"),
        (&[&gru], "level-curve", &["--input", mute.to_str().unwrap()], "mute.wav: input"),
        (&[&gru], "transfer-density", &["--input", mute.to_str().unwrap()], "mute.wav: input"),
        (&[&wav], "training", &[], "a.wav: expected a model or its .log.jsonl"),
        (&[&gru], "aliasing", &["--level-db", "nan"], "--level-db: expected -200 to 60 dBFS, found NaN"),
        (&[&gru], "sweep", &["--level-db", "1e9"], "--level-db: expected"),
        (&[&gru], "transfer-curve", &["--frequency-hz", "0"], "--frequency-hz: expected above 0 and below half the sample rate, found 0"),
        (
            &[&gru],
            "harmonic-response",
            &["--frequency-hz", "nan"],
            "--frequency-hz: expected above 0 and below half the sample rate, found NaN",
        ),
        (&[&wav], "waveform", &["--start", "-1"], "--start: expected at least 0, less than the"),
    ];
    for (files, kind, more, expected) in cases {
        let line = afx_err(plot(files, kind, &out, more));
        assert!(line.contains(expected), "{line}");
    }
    let line = afx_err(plot(&[&gru], "silence", &folder.join("out.jpg"), &[]));
    assert!(line.contains(".png or .svg"), "{line}");
    assert_eq!(folder.names(), before);
}
