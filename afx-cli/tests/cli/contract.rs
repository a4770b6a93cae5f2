//! What scripts rely on: `render` for any block size, the JSON of `inspect`, and one line and code 2 for every bad file.
use super::common::{Folder, afx, afx_err, afx_ok, binary, json, model, plucks};
use super::plot::dataset;
use afx::io::wav;
use afx::models::{AnyLayer, Dense, Gru};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const RATE: u32 = 48_000;

fn args(parts: &[&dyn AsRef<std::ffi::OsStr>]) -> Vec<OsString> {
    parts.iter().map(|p| p.as_ref().to_owned()).collect()
}

#[test]
fn render_gives_the_same_samples_for_any_block_while_knobs_move() {
    let folder = Folder::new("render-blocks");
    let stereo = [plucks(9601, RATE), plucks(9601, RATE).into_iter().map(|v| -0.5 * v).collect()];
    let dry = folder.wav("dry.wav", RATE, &stereo);
    // Changes at frames that are no multiples of any block, two of them within one block of 1000.
    let moves = folder.bytes("moves.csv", b"time_s,drive,tone\n0,0,4\n0.0201,4,1\n0.0250,1,1\n0.1234,3,0\n");
    for name in ["static-hyper-gru", "concat-gru", "film-gru", "hyper-gru", "static-hyper-lstm", "film-rnn", "film-tcn", "static-hyper-gcn"]
    {
        let path = folder.join("m.safetensors");
        model(name, 8, &["drive", "tone"], RATE).write(&path).unwrap();
        let results = ["1", "64", "1000"].map(|block| {
            let out = folder.join("out.wav");
            afx_ok(args(&[&"render", &path, &dry, &out, &"--automate", &moves, &"--block", &block]));
            wav::read(out).unwrap()
        });
        assert_eq!(results[0].channels.len(), 2);
        assert_eq!((results[0].frames(), results[0].sample_rate), (9601, RATE));
        assert!(results[0].channels[0].iter().any(|v| *v != 0.0));
        assert!(results[0].channels == results[1].channels && results[1].channels == results[2].channels, "{name}");
        // The moves are heard.
        let still = folder.join("still.wav");
        afx_ok(args(&[&"render", &path, &dry, &still, &"--set", &"drive=0", &"--set", &"tone=4"]));
        assert!(results[0].channels != wav::read(still).unwrap().channels, "{name}");
    }
}

/// Frames at the same times, every 147 and 160, are the same; away from the ends, where a resampler hears what is not there.
#[test]
fn render_plays_a_file_of_another_sample_rate_at_that_rate() {
    let folder = Folder::new("render-rates");
    let path = folder.join("m.safetensors");
    model("static-hyper-gru", 8, &["drive", "tone"], RATE).write(&path).unwrap();
    let out = folder.join("out.wav");
    let render = |hz: u32, block: &str, how: &[&str]| {
        let sine = |n: u32| (0.5 * (f64::from(n) / f64::from(hz) * 437.0 * std::f64::consts::TAU).sin()) as f32;
        let dry = folder.wav("dry.wav", hz, &[(0..hz / 4).map(sine).collect(), vec![0.0; hz as usize / 4]]);
        let mut command = args(&[&"render", &path, &dry, &out, &"--set", &"drive=4", &"--block", &block]);
        command.extend(how.iter().map(OsString::from));
        afx_ok(command);
        let audio = wav::read(&out).unwrap();
        assert_eq!((audio.frames(), audio.channels.len(), audio.sample_rate), (hz as usize / 4, 2, hz));
        audio.channels
    };
    let own = render(RATE, "512", &[]);
    let resample = &["--resample"];
    let other = render(44_100, "512", resample);
    assert!(other == render(44_100, "1", resample) && other == render(44_100, "1000", resample));
    assert!(own == render(RATE, "512", resample));
    let twice = render(44_100, "512", &["--resample", "--oversample", "2"]);
    let four = render(RATE, "512", &["--oversample", "4"]);
    let direct = render(44_100, "512", &["--without-latency"]);
    for (found, every) in [(&other, 147), (&twice, 147), (&four, 160), (&direct, 147)] {
        assert!(*found != own);
        for (own, found) in own.iter().zip(found) {
            for (t, (a, b)) in own.iter().step_by(160).zip(found.iter().step_by(every)).enumerate().take(70).skip(5) {
                assert!((a - b).abs() < 1e-4, "{t}: {a} and {b}");
            }
        }
    }
    // A rate that nothing converts to, by name, and one for which nobody asked.
    for (hz, how, expected) in [
        (44_101, "--resample", "found taps for inner_hz and outer_hz: expected at most 1048576, found 3840000"),
        (32_000, "--without-latency", "expected 0.9 to 64 times the 48000 Hz of the layer, found 32000 Hz"),
        (44_100, "--block=64", "sample rate: expected 48000 Hz, the model's, found 44100 Hz"),
    ] {
        let dry = folder.wav("odd.wav", hz, &[plucks(480, hz)]);
        let line = afx_err(args(&[&"render", &path, &dry, &out, &how]));
        assert!(line.contains("odd.wav") && line.contains(expected), "{line}");
    }
}

#[test]
fn inspect_prints_the_keys_that_scripts_read() {
    let folder = Folder::new("inspect");
    let path = folder.join("m.safetensors");
    let file = model("static-hyper-gru", 8, &["drive", "tone"], 44_100);
    file.write(&path).unwrap();
    let found = json(args(&[&"inspect", &path, &"--json"]));
    assert_eq!((&found["sample_rate"], &found["model"]), (&44_100.into(), &"static-hyper-gru".into()));
    assert_eq!(found["parameters"].as_u64().unwrap() as usize, file.parameters());
    let knobs = found["knobs"].as_array().unwrap();
    assert_eq!(knobs.len(), 2);
    assert_eq!(
        (&knobs[0]["name"], &knobs[0]["min"], &knobs[0]["max"], &knobs[0]["default"]),
        (&"drive".into(), &0.0.into(), &4.0.into(), &2.0.into())
    );
    assert!(afx_ok(args(&[&"inspect", &path])).contains("knob drive: 0 to 4"));
}

#[test]
fn inspect_prints_no_control_characters_of_a_file() {
    let folder = Folder::new("inspect-control");
    let path = folder.join("m.safetensors");
    let mut file = model("gru", 8, &["drive"], RATE);
    (file.name, file.training) = ("a\nb\u{1b}[31m".into(), serde_json::json!({"steps\u{7}": "\r"}));
    file.knobs[0].unit = "\tdB".into();
    file.write(&path).unwrap();
    let text = afx_ok(args(&[&"inspect", &path]));
    assert!(text.starts_with("a b [31m: ") && text.contains("0 to 4  dB, ") && text.contains("  steps : \"\\r\""), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

/// Files that are no model, and what the message must name.
fn bad_models(folder: &Folder) -> Vec<PathBuf> {
    let good = folder.join("good.safetensors");
    model("gru", 4, &["drive"], RATE).write(&good).unwrap();
    let bytes = std::fs::read(&good).unwrap();
    let mut huge = bytes.clone();
    huge[..8].copy_from_slice(&(u64::MAX >> 1).to_le_bytes());
    let mut nan = bytes.clone();
    let end = nan.len();
    nan[end - 64..].iter_mut().for_each(|b| *b = 0xff); // as f32 a NaN; the last tensor ends the file
    vec![
        folder.bytes("empty.safetensors", b""),
        folder.bytes("cut.safetensors", &bytes[..bytes.len() - 5]),
        folder.bytes("header.safetensors", &bytes[..20]),
        folder.bytes("huge.safetensors", &huge),
        folder.bytes("nan.safetensors", &nan),
        folder.bytes("text.safetensors", b"this is not a model, not at all"),
        folder.join("absent.safetensors"),
        folder.path().to_path_buf(),
    ]
}

/// Files that are no audio for a model at 48 kHz.
fn bad_wavs(folder: &Folder) -> Vec<PathBuf> {
    let good = std::fs::read(folder.wav("good.wav", RATE, &[plucks(4800, RATE)])).unwrap();
    let mut nan = good.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut huge = good.clone();
    huge[16..20].copy_from_slice(&u32::MAX.to_le_bytes()); // the fmt chunk
    vec![
        folder.bytes("empty.wav", b""),
        folder.bytes("cut.wav", &good[..good.len() / 2]),
        folder.bytes("header.wav", &good[..20]),
        folder.bytes("huge.wav", &huge),
        folder.bytes("nan.wav", &nan),
        folder.bytes("text.wav", b"this is not a WAV file, not at all"),
        folder.wav("rate.wav", 44_100, &[plucks(4410, 44_100)]),
        folder.join("absent.wav"),
        folder.path().to_path_buf(),
    ]
}

/// One line that names the file, code 2, and no file more than before.
fn refuses(folder: &Folder, file: &Path, command: Vec<OsString>) {
    let before = folder.names();
    let line = afx_err(command);
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(line.contains(&name), "expected {name} in {line}");
    assert_eq!(folder.names(), before, "{line}");
}

#[test]
fn a_bad_model_file_is_refused_by_every_command_that_reads_one() {
    let folder = Folder::new("bad-models");
    let dry = folder.wav("dry.wav", RATE, &[plucks(4800, RATE)]);
    dataset(&folder.join("data"), &["drive"], &[0.0, 4.0], false);
    let (data, out, picture) = (folder.join("data"), folder.join("out"), folder.join("out.png"));
    for file in bad_models(&folder) {
        refuses(&folder, &file, args(&[&"inspect", &file, &"--json"]));
        refuses(&folder, &file, args(&[&"render", &file, &dry, &folder.join("out.wav")]));
        refuses(&folder, &file, args(&[&"plot", &file, &"--kind", &"silence", &"--out", &picture]));
        refuses(&folder, &file, args(&[&"report", &file, &"--data", &data, &"--out", &out]));
    }
}

#[test]
fn a_bad_wav_file_is_refused_by_every_command_that_reads_one() {
    let folder = Folder::new("bad-wavs");
    let gru = folder.join("m.safetensors");
    model("gru", 4, &["drive"], RATE).write(&gru).unwrap();
    let good = folder.wav("right.wav", RATE, &[plucks(4800, RATE)]);
    let picture = folder.join("out.svg");
    for file in bad_wavs(&folder) {
        if file.is_file() || !file.exists() {
            refuses(&folder, &file, args(&[&"evaluate", &good, &file]));
        }
        refuses(&folder, &file, args(&[&"render", &gru, &file, &folder.join("out.wav")]));
        refuses(&folder, &file, args(&[&"plot", &good, &file, &"--kind", &"spectrum", &"--out", &picture]));
        refuses(&folder, &file, args(&[&"plot", &gru, &"--kind", &"spectrum", &"--input", &file, &"--out", &picture]));
    }
    // In a folder, as a data set.
    for file in bad_wavs(&folder).into_iter().filter(|f| f.is_file()) {
        let set = folder.join("set");
        std::fs::create_dir_all(set.join("wet")).unwrap();
        let name = file.file_name().unwrap();
        std::fs::copy(&good, set.join("dry.wav")).unwrap();
        std::fs::copy(&file, set.join("wet").join(name)).unwrap();
        let entry = format!(
            "sample_rate = 48000\n[[knob]]\nname = \"drive\"\nmin = 0\nmax = 4\n[[capture]]\ndry = \"dry.wav\"\nwet = \"wet/{}\"\ncontrols = {{ drive = 1 }}\n",
            name.to_string_lossy()
        );
        std::fs::write(set.join("dataset.toml"), entry).unwrap();
        refuses(&folder, &file, args(&[&"train", &set, &"--out", &folder.join("new.safetensors")]));
        refuses(&folder, &file, args(&[&"report", &gru, &"--data", &set, &"--out", &folder.join("page")]));
        std::fs::remove_dir_all(&set).unwrap();
    }
}

#[test]
fn bad_automation_settings_and_data_sets_are_refused() {
    let folder = Folder::new("bad-text");
    let gru = folder.join("m.safetensors");
    model("gru", 4, &["drive"], RATE).write(&gru).unwrap();
    let dry = folder.wav("dry.wav", RATE, &[plucks(4800, RATE)]);
    let out = folder.join("out.wav");
    let tables: [&[u8]; 6] =
        [b"", b"drive\n1\n", b"time_s,drive\n0,nan\n", b"time_s,drive\n0,9\n", b"time_s,volume\n0,1\n", b"\xff\xfe\x00"];
    for table in tables {
        let file = folder.bytes("moves.csv", table);
        refuses(&folder, &file, args(&[&"render", &gru, &dry, &out, &"--automate", &file]));
    }
    for setting in ["drive", "drive=", "drive=nan", "drive=5", "volume=1"] {
        refuses(&folder, Path::new("--set"), args(&[&"render", &gru, &dry, &out, &"--set", &setting]));
    }
    for text in [&b""[..], b"sample_rate = 48000\n", b"not toml [", b"\xff\xfe"] {
        let set = folder.join("set");
        std::fs::create_dir_all(&set).unwrap();
        std::fs::write(set.join("dataset.toml"), text).unwrap();
        refuses(&folder, Path::new("dataset.toml"), args(&[&"train", &set, &"--out", &folder.join("new.safetensors")]));
        refuses(&folder, Path::new("dataset.toml"), args(&[&"report", &gru, &"--data", &set, &"--out", &folder.join("page")]));
        std::fs::remove_dir_all(&set).unwrap();
    }
    let flat = b"{\"event\":\"validation\",\"step\":1,\"loss\":0,\"validation_esr\":0}\n";
    let step = b"{\"event\":\"step\",\"step\":1,\"loss\":1}\n";
    for log in [&b""[..], b"nonsense\nnonsense\n", step, b"{\"event\":\"validation\"}\n{}\n", flat] {
        let file = folder.bytes("bad.log.jsonl", log);
        refuses(&folder, &file, args(&[&"plot", &file, &"--kind", &"training", &"--out", &folder.join("out.svg")]));
    }
}

#[test]
fn an_output_that_is_one_of_the_inputs_is_refused_unless_it_is_the_audio() {
    let folder = Folder::new("same");
    let gru = folder.join("m.safetensors");
    model("gru", 4, &["drive"], RATE).write(&gru).unwrap();
    let dry = folder.wav("dry.wav", RATE, &[plucks(4800, RATE)]);
    let moves = folder.bytes("moves.csv", b"time_s,drive\n0,1\n");
    let kept = [&gru, &moves, &dry].map(|file| std::fs::read(file).unwrap());
    let roundabout = folder.join("../").join(folder.path().file_name().unwrap()).join("m.safetensors");
    for (output, more) in [(&gru, None), (&roundabout, None), (&moves, Some(&moves))] {
        let mut command = args(&[&"render", &gru, &dry, output]);
        command.extend(more.iter().flat_map(|file| args(&[&"--automate", file])));
        refuses(&folder, output, command);
    }
    refuses(&folder, &dry, args(&[&"plot", &dry, &"--kind", &"spectrum", &"--out", &folder.join("p.svg"), &"--write-input", &dry]));
    let wave = args(&[&"plot", &gru, &"--kind", &"waveform", &"--out", &folder.join("p.svg"), &"--input", &dry, &"--write-input", &dry]);
    refuses(&folder, &dry, wave);
    assert!([&gru, &moves, &dry].map(|file| std::fs::read(file).unwrap()) == kept);
    // In place.
    afx_ok(args(&[&"render", &gru, &dry, &dry]));
    assert_eq!(wav::read(&dry).unwrap().frames(), 4800);
    assert!(std::fs::read(&dry).unwrap() != kept[2]);
}

#[test]
fn a_model_of_several_inputs_or_outputs_is_shown_and_not_played() {
    let folder = Folder::new("wide");
    let dry = folder.wav("dry.wav", RATE, &[plucks(4800, RATE)]);
    dataset(&folder.join("data"), &[], &[], false);
    let (data, picture) = (folder.join("data"), folder.join("out.svg"));
    for (inputs, outputs) in [(2, 1), (1, 2), (2, 2)] {
        let mut file = model("gru", 4, &[], RATE);
        file.spec.layer = AnyLayer::stack(vec![Gru::new(inputs, 4).into(), Dense::new(4, outputs).into()]);
        file.learnt = vec![0.0; file.layout().unwrap().len()];
        let path = folder.join("m.safetensors");
        file.write(&path).unwrap();
        afx_ok(args(&[&"inspect", &path]));
        for command in [
            args(&[&"render", &path, &dry, &folder.join("out.wav")]),
            args(&[&"plot", &path, &"--kind", &"silence", &"--out", &picture]),
            args(&[&"report", &path, &"--data", &data, &"--out", &folder.join("out")]),
        ] {
            let line = afx_err(command);
            assert!(line.contains(&format!("m.safetensors: model: expected 1 input and 1 output, found {inputs} and {outputs}")), "{line}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_refused_in_one_line_that_says_what_would_be_right() {
    let cases: [(&[&str], &str); 9] = [
        (&["evaluate"], "the following required arguments were not provided: <TARGET> <PREDICTION>"),
        (
            &["plot", "x.wav", "--kind", "no-such-kind", "--out", "x.png"],
            "'no-such-kind' for '--kind <KIND>' [possible values: harmonic-response, ",
        ),
        (&["report", "m", "--dat", "x"], "unexpected argument '--dat' found; a similar argument exists: '--data'"),
        (&["train", "x", "--out", "m", "--hidden", "many"], "invalid value 'many' for '--hidden <HIDDEN>': invalid digit found in string"),
        (&["demo", "--minutes", "-1"], "--minutes: expected more than 0, at most 1440, found -1"),
        (&["train", "x", "--out", "train.toml"], "--out: expected a name that ends in .safetensors, found train.toml"),
        (&["train", "x", "--out", "m"], "--out: expected a name that ends in .safetensors, found m"),
        (&["no-such-command"], "unrecognized subcommand 'no-such-command'"),
        (&["trian\nx"], "unrecognized subcommand 'trian x'"),
    ];
    for (case, words) in cases {
        let line = afx_err(case);
        assert!(line.contains(words) && !line.contains("Usage") && !line.contains("--help"), "{line}");
    }
    // Nothing asked: everything there is.
    let help = afx([""; 0]);
    assert_eq!(help.status.code(), Some(2));
    assert!(help.stdout.is_empty() && help.stderr.len() > 500);
}

/// A pipe that nobody reads.
fn left() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_who_has_left_is_no_failure() {
    let folder = Folder::new("left");
    let a = folder.wav("a.wav", RATE, &[plucks(4800, RATE)]);
    let code = |command: Vec<OsString>, out: Stdio, err: Stdio| binary(command).stdout(out).stderr(err).status().unwrap().code();
    // A perfect prediction has reasons to print on standard error.
    assert_eq!(code(args(&[&"evaluate", &a, &a]), left(), left()), Some(0));
    assert_eq!(code(args(&[&"evaluate", &a, &a]), Stdio::null(), left()), Some(0));
    assert_eq!(code(args(&[&"evaluate", &a, &a, &"--json"]), left(), Stdio::null()), Some(0));
    assert_eq!(code(args(&[&"inspect", &folder.join("nope")]), left(), left()), Some(2));
    assert_eq!(code(args(&[&"--help"]), left(), left()), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_a_failure_and_a_full_standard_error_is_none() {
    let folder = Folder::new("full");
    let a = folder.wav("a.wav", RATE, &[plucks(4800, RATE)]);
    let full = || -> Stdio { std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into() };
    for command in [args(&[&"evaluate", &a, &a, &"--json"]), args(&[&"--version"])] {
        let out = binary(command).stdout(full()).output().unwrap();
        let text = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{text}");
        assert!(text.starts_with("afx: standard output: write: expected success, found") && text.matches('\n').count() == 1, "{text}");
    }
    let code = |command: Vec<OsString>| binary(command).stdout(Stdio::null()).stderr(full()).status().unwrap().code();
    assert_eq!(code(args(&[&"evaluate", &a, &a])), Some(0));
    assert_eq!(code(args(&[&"inspect", &folder.join("nope")])), Some(2));
    assert_eq!(code(args(&[&"no-such-command"])), Some(2));
}
