//! Data sets: written and opened, named as PyNeuralFx names them, and refused with the right word.

use afx_io::dataset::{Capture, Dataset, Finding, FindingKind, Knob, OpenOptions, Split, estimate_lag};
use afx_io::wav::{self, Audio, Format};
use afx_io::{Error, ErrorKind};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("afx-io-dataset-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn wav(&self, name: &str, samples: &[f32]) {
        self.wav_at(name, 48_000, vec![samples.to_vec()]);
    }

    fn wav_at(&self, name: &str, sample_rate: u32, channels: Vec<Vec<f32>>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        wav::write(path, &Audio { sample_rate, channels }, Format::Float32).unwrap();
    }

    fn text(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn refusal(&self) -> Error {
        Dataset::open(&self.0).map(|_| ()).expect_err("must be refused")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Plucked strings: noise bursts through a comb with a two-point average (Karplus and Strong 1983), peak below 0.9.
fn plucks(frames: usize) -> Vec<f32> {
    let (mut seed, mut line, mut x) = (1_u64, vec![0.0_f32; 200], Vec::with_capacity(frames));
    for n in 0..frames {
        if n % 6000 == 0 {
            line.resize(100 + (n / 6000 * 37) % 150, 0.0);
            for v in &mut line {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *v = ((seed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0) * 0.9;
            }
        }
        let at = n % line.len();
        line[at] = 0.5 * (line[at] + line[(at + 1) % line.len()]);
        x.push(line[at]);
    }
    x
}

fn drive(x: &[f32], gain: f32) -> Vec<f32> {
    x.iter().map(|x| 0.8 * (gain * x).tanh()).collect()
}

fn example() -> Dataset {
    let dry = plucks(20_000);
    let first =
        Capture { split: Some(Split::Train), ..Capture::mono("low \"quoted\" / é", vec![0.1, -3.0], dry.clone(), drive(&dry, 1.0)) };
    let mut second = Capture::mono("high", vec![4.0, 6.0], dry.clone(), drive(&dry, 8.0));
    second.dry = first.dry.clone();
    let third =
        Capture { split: Some(Split::Test), ..Capture::mono("high", vec![4.0, 6.0], dry[..9000].to_vec(), drive(&dry[..9000], 8.0)) };
    let drive = Knob { default: 1.1, ..Knob::new("drive", 0.1, 4.0) };
    let tone = Knob { unit: "dB".into(), ..Knob::new("tone", -3.0, 6.0) };
    Dataset { sample_rate: 48_000, knobs: vec![drive, tone], captures: vec![first, second, third] }
}

#[test]
fn what_is_written_is_opened_again() {
    let folder = Folder::new("round");
    let written = example();
    assert_eq!(written.write(&folder.0, Format::Float32).unwrap(), 0);
    for path in [folder.0.clone(), folder.0.join("dataset.toml")] {
        let (read, findings) = Dataset::open(path).unwrap();
        assert_eq!(findings, []);
        assert_eq!(read, written);
        assert!(Arc::ptr_eq(&read.captures[0].dry, &read.captures[1].dry));
    }
    assert_eq!(std::fs::read_dir(folder.0.join("dry")).unwrap().count(), 2);
    let text = std::fs::read_to_string(folder.0.join("dataset.toml")).unwrap();
    assert!(text.contains("min = 0.1\n") && text.contains("unit = \"dB\""), "{text}");
    // Written again, the description has the same bytes.
    written.write(&folder.0, Format::Float32).unwrap();
    assert_eq!(std::fs::read_to_string(folder.0.join("dataset.toml")).unwrap(), text);
}

#[test]
fn integer_files_come_back_within_half_a_step() {
    let folder = Folder::new("pcm");
    let written = example();
    assert_eq!(written.write(&folder.0, Format::Pcm16).unwrap(), 0);
    let (read, _) = Dataset::open(&folder.0).unwrap();
    for (a, b) in written.captures.iter().zip(&read.captures) {
        let worst = a.wet[0].iter().zip(&b.wet[0]).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(worst > 0.0 && worst <= 0.5 / 32768.0); // rounding to nearest
    }
}

#[test]
fn a_data_set_that_could_not_be_opened_is_not_written() {
    let folder = Folder::new("refused");
    let refused = |change: fn(&mut Dataset)| {
        let mut d = example();
        change(&mut d);
        d.write(&folder.0, Format::Float32).unwrap_err().kind()
    };
    assert_eq!(refused(|d| d.captures.clear()), ErrorKind::Missing);
    assert_eq!(refused(|d| d.captures[0].controls[0] = 5.0), ErrorKind::OutOfRange);
    assert_eq!(refused(|d| d.captures[0].controls[1] = f32::NAN), ErrorKind::OutOfRange);
    assert_eq!(refused(|d| d.captures[0].controls.truncate(1)), ErrorKind::Mismatch);
    assert_eq!(refused(|d| d.captures[0].wet[0].truncate(5)), ErrorKind::Mismatch);
    assert_eq!(refused(|d| d.captures[1].wet.push(vec![0.0; 20_000])), ErrorKind::Mismatch);
    assert_eq!(refused(|d| d.captures[2].split = None), ErrorKind::Duplicate);
    assert_eq!(refused(|d| d.knobs[1].name = "drive".into()), ErrorKind::Duplicate);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn pyneuralfx_names_are_read_in_one_folder_and_in_two() {
    for place in ["", "x/", "train/x/"] {
        let folder = Folder::new(&format!("names{}", place.len()));
        let x = plucks(6000);
        for (d, gain) in [("0", 1.0), ("2", 2.0), ("10", 4.0)] {
            folder.wav(&format!("{place}x_d{d}_t0.5.wav"), &x);
            folder.wav(&format!("{}y_d{d}_t0.5.wav", place.replace('x', "y")), &drive(&x, gain));
        }
        let (data, findings) = Dataset::open(&folder.0).unwrap();
        assert_eq!(data.knobs, [Knob::new("d", 0.0, 10.0), Knob::new("t", 0.5, 0.5)]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].kind, FindingKind::ConstantKnob { knob: "t".into() });
        let names: Vec<_> = data.captures.iter().map(|c| (c.name.as_str(), c.controls.clone())).collect();
        assert_eq!(names, [("d0_t0.5", vec![0.0, 0.5]), ("d10_t0.5", vec![10.0, 0.5]), ("d2_t0.5", vec![2.0, 0.5])]);
        assert_eq!(data.captures[2].wet[0], drive(&x, 2.0));
        let split = place.starts_with("train").then_some(Split::Train);
        assert!(data.captures.iter().all(|c| c.split == split && Arc::ptr_eq(&c.dry, &data.captures[0].dry)));
    }
}

#[test]
fn splits_come_from_folders_and_ranges_from_all_of_them() {
    let folder = Folder::new("splits");
    let x = plucks(6000);
    for (split, d) in [("train", "0"), ("train", "4"), ("valid", "1"), ("test", "8")] {
        folder.wav(&format!("{split}/x_d{d}.wav"), &x);
        folder.wav(&format!("{split}/y_d{d}.wav"), &drive(&x, 2.0));
    }
    let (data, findings) = Dataset::open(&folder.0).unwrap();
    assert_eq!((data.knobs[0].min, data.knobs[0].max, findings), (0.0, 8.0, vec![]));
    let splits: Vec<_> = data.captures.iter().map(|c| c.split.unwrap()).collect();
    assert_eq!(splits, [Split::Train, Split::Train, Split::Valid, Split::Test]);
}

#[test]
fn one_dry_file_without_knobs_serves_all_and_a_pair_without_knobs_is_a_snapshot() {
    let folder = Folder::new("shared");
    let x = plucks(6000);
    folder.wav("x.wav", &x);
    folder.wav("y_d0.wav", &drive(&x, 1.0));
    folder.wav("y_d1.wav", &drive(&x, 2.0));
    assert_eq!(Dataset::open(&folder.0).unwrap().0.captures.len(), 2);

    let folder = Folder::new("snapshot");
    folder.wav("x.wav", &x);
    folder.wav("y.wav", &drive(&x, 1.0));
    folder.wav("notes.wav", &x);
    let (data, findings) = Dataset::open(&folder.0).unwrap();
    assert_eq!((data.knobs.len(), data.captures.len(), data.captures[0].name.as_str()), (0, 1, "snapshot"));
    assert_eq!(findings.iter().map(|f| &f.kind).collect::<Vec<_>>(), [&FindingKind::Ignored]);
}

#[test]
fn names_without_partner_or_with_other_knobs_are_refused() {
    let x = plucks(3000);
    let cases: [(&[&str], ErrorKind, &str); 6] = [
        (&[], ErrorKind::Missing, "captures"),
        (&["x_d0.wav"], ErrorKind::Missing, "captures"),
        (&["y_d0.wav"], ErrorKind::Missing, "dry file"),
        (&["x_d0.wav", "y_d1.wav"], ErrorKind::Missing, "dry file"),
        (&["x_d0.wav", "x_d1.wav", "y_d0.wav"], ErrorKind::Missing, "wet file"),
        (&["x_d0.wav", "y_d0.wav", "x_t0.wav", "y_t0.wav"], ErrorKind::Mismatch, "knobs in the name"),
    ];
    for (i, (files, kind, field)) in cases.into_iter().enumerate() {
        let folder = Folder::new(&format!("partner{i}"));
        files.iter().for_each(|f| folder.wav(f, &x));
        let error = folder.refusal();
        assert_eq!((error.kind(), error.field()), (kind, field), "{files:?}: {error}");
    }
    assert_eq!(Dataset::open("there/is/no/such/folder").unwrap_err().kind(), ErrorKind::Io);
}

const TOML: &str = "sample_rate = 48000\n\n[[knob]]\nname = \"drive\"\nmin = 0\nmax = 10\n\n\
    [[capture]]\ndry = \"x.wav\"\nwet = \"y.wav\"\ncontrols = { drive = 3 }\n";

fn described(name: &str, toml: &str) -> Folder {
    let folder = Folder::new(name);
    let x = plucks(6000);
    folder.wav("x.wav", &x);
    folder.wav("y.wav", &drive(&x, 2.0));
    folder.text("dataset.toml", toml);
    folder
}

#[test]
fn a_description_is_read_with_its_defaults() {
    let (data, findings) = Dataset::open(&described("plain", TOML).0).unwrap();
    assert_eq!(data.knobs, [Knob { default: 5.0, ..Knob::new("drive", 0.0, 10.0) }]);
    assert_eq!((data.captures[0].name.as_str(), &data.captures[0].controls[..]), ("y", &[3.0][..]));
    assert_eq!(findings.len(), 1); // one capture cannot say anything about a knob
}

#[test]
fn labelled_bad_descriptions_are_refused_with_the_right_kind_and_field() {
    let with = |from: &str, to: &str| {
        assert!(TOML.contains(from), "{from}");
        TOML.replacen(from, to, 1)
    };
    let cases: Vec<(String, ErrorKind, &str)> = vec![
        (String::new(), ErrorKind::Malformed, "line 1"),
        (with("sample_rate = 48000", "sample_rate = 48000 48000"), ErrorKind::Malformed, "line 1"),
        (with("max = 10", "maximum = 10"), ErrorKind::Malformed, "line 6"),
        (with("max = 10", "max = \"10\""), ErrorKind::Malformed, "line 6"),
        (with("48000", "-48000"), ErrorKind::Malformed, "line 1"),
        (with("48000", "2147483647"), ErrorKind::OutOfRange, "sample_rate"),
        (with("max = 10", "max = -1"), ErrorKind::OutOfRange, "knob \"drive\": range"),
        (with("max = 10", "max = inf"), ErrorKind::OutOfRange, "knob \"drive\": range"),
        (with("max = 10", "max = 1e300"), ErrorKind::OutOfRange, "knob \"drive\": range"),
        (with("max = 10", "max = 10\ndefault = nan"), ErrorKind::OutOfRange, "knob \"drive\": default"),
        (with("drive = 3", "drive = 10.5"), ErrorKind::OutOfRange, "capture \"y\": drive"),
        (with("drive = 3", "drive = nan"), ErrorKind::OutOfRange, "capture \"y\": drive"),
        (with("drive = 3", "drive = 3, tone = 1"), ErrorKind::Missing, "capture \"y\": controls"),
        (with("drive = 3", ""), ErrorKind::Missing, "capture \"y\": controls"),
        (TOML[..TOML.find("[[capture]]").unwrap()].into(), ErrorKind::Missing, "capture"),
        (format!("{TOML}split = \"training\"\n"), ErrorKind::Malformed, "line 12"),
        (with("x.wav", "../x.wav"), ErrorKind::OutOfRange, "path"),
        (with("x.wav", "/etc/passwd"), ErrorKind::OutOfRange, "path"),
        (with("x.wav", ""), ErrorKind::OutOfRange, "path"),
        (with("x.wav", "none.wav"), ErrorKind::Io, "open"),
        (with("x.wav", "dataset.toml"), ErrorKind::WrongFormat, "header"),
        (with("48000", "44100"), ErrorKind::Mismatch, "sample rate"),
        (format!("{TOML}{}", &TOML[TOML.find("[[capture]]").unwrap()..]), ErrorKind::Duplicate, "wet file"),
    ];
    for (i, (toml, kind, field)) in cases.into_iter().enumerate() {
        let folder = described(&format!("toml{i}"), &toml);
        let error = folder.refusal();
        assert_eq!((error.kind(), error.field()), (kind, field), "{toml}\n{error}");
        assert!(error.file().is_some() && !error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn audio_that_cannot_be_trained_on_is_refused_by_file() {
    let x = plucks(48_000 * 2);
    let nan: Vec<u8> = {
        let (mut bytes, _) = wav::encode(&Audio::mono(48_000, x.clone()), Format::Float32).unwrap();
        bytes[58 + 4 * 110..58 + 4 * 111].copy_from_slice(&f32::NAN.to_le_bytes()); // behind a header of 58 bytes
        bytes
    };
    type Change<'a> = &'a dyn Fn(&Folder);
    let cases: [(Change, ErrorKind, &str, &str); 7] = [
        (&|f| f.wav("x.wav", &vec![0.0; x.len()]), ErrorKind::Silent, "dry audio", "x.wav"),
        (&|f| f.wav("x.wav", &[]), ErrorKind::OutOfRange, "frames", "x.wav"),
        (&|f| f.wav("y.wav", &x[..48_000 - 1]), ErrorKind::Mismatch, "length", "y.wav"),
        (&|f| f.wav_at("y.wav", 44_100, vec![x.clone()]), ErrorKind::Mismatch, "sample rate", "y.wav"),
        (&|f| f.text("y.wav", &nan), ErrorKind::NonFinite, "channel 0, frame 110", "y.wav"),
        (&|f| f.text("y.wav", &nan[..1000]), ErrorKind::Truncated, "data chunk", "y.wav"),
        (&|f| f.text("y.wav", "ID3"), ErrorKind::WrongFormat, "header", "y.wav"),
    ];
    for (i, (change, kind, field, file)) in cases.into_iter().enumerate() {
        let folder = Folder::new(&format!("audio{i}"));
        folder.wav("x.wav", &x);
        folder.wav("y.wav", &drive(&x, 2.0));
        assert!(Dataset::open(&folder.0).is_ok());
        change(&folder);
        let error = folder.refusal();
        assert_eq!((error.kind(), error.field()), (kind, field), "{error}");
        assert_eq!(error.file(), Some(folder.0.join(file).as_path()));
    }
}

/// The kinds that come of this wet recording of plucked strings.
fn findings(name: &str, change: impl Fn(&[f32]) -> Vec<f32>) -> (Dataset, Vec<FindingKind>) {
    let folder = Folder::new(name);
    let x = plucks(48_000);
    folder.wav("x.wav", &x);
    folder.wav("y.wav", &change(&x));
    let (data, findings) = Dataset::open(&folder.0).unwrap();
    for finding in &findings {
        assert!(finding.file.starts_with(&folder.0) && !finding.to_string().contains('\n'), "{finding}");
    }
    (data, findings.into_iter().map(|f| f.kind).collect())
}

fn late(x: &[f32], frames: usize) -> Vec<f32> {
    let zeros = vec![0.0; frames];
    zeros.iter().chain(x).take(x.len()).copied().collect()
}

#[test]
fn a_sound_pair_has_no_findings() {
    let (data, found) = findings("sound", |x| drive(x, 3.0));
    assert_eq!(found, []);
    assert_eq!(data.captures[0].lag.unwrap().frames, 0);
}

#[test]
fn late_early_and_inverted_recordings_are_noticed_to_the_frame() {
    let (data, found) = findings("late", |x| late(&drive(x, 3.0), 531));
    assert!(matches!(found[..], [FindingKind::Misaligned(lag)] if lag.frames == 531 && lag.correlation > 0.5), "{found:?}");
    assert_eq!(data.captures[0].lag.unwrap().frames, 531);
    let (_, found) = findings("early", |x| drive(&[&x[3..], &[0.0; 3]].concat(), 3.0));
    assert!(matches!(found[..], [FindingKind::Misaligned(lag)] if lag.frames == -3), "{found:?}");
    let (_, found) = findings("inverted", |x| drive(x, -3.0));
    assert!(matches!(found[..], [FindingKind::Inverted(lag)] if lag.frames == 0 && lag.correlation < -0.5), "{found:?}");
    // 24 frames are 0.5 ms: within what a tone control does.
    assert_eq!(findings("tone", |x| late(x, 24)).1, []);
}

/// One pole at `cutoff_hz` for 48 kHz: the low-pass, or what it leaves.
fn one_pole(x: &[f32], cutoff_hz: f64, high: bool) -> Vec<f32> {
    let (g, mut low) = (1.0 - (-std::f64::consts::TAU * cutoff_hz / 48e3).exp(), 0.0);
    let step = |x: &f32| {
        low += g * (f64::from(*x) - low);
        if high { (f64::from(*x) - low) as f32 } else { low as f32 }
    };
    x.iter().map(step).collect()
}

/// Low notes, each struck with a little noise: what a bass guitar gives.
fn bass(frames: usize) -> Vec<f32> {
    let strikes = plucks(frames);
    let note = |n: usize| {
        let (hz, at) = ([55.0, 82.0, 61.0][n / 24_000 % 3], (n % 24_000) as f64 / 48e3);
        0.5 * (-3.0 * at).exp() * (std::f64::consts::TAU * hz * at).sin()
    };
    (0..frames).map(|n| note(n) as f32 + 0.02 * strikes[n]).collect()
}

#[test]
fn a_dark_tone_control_is_no_delay_and_a_delay_behind_one_is() {
    let folder = Folder::new("dark");
    let mut moved = 0;
    for frames in [1000, 3000, 72_000] {
        let dark = one_pole(&one_pole(&plucks(frames), 800.0, false), 800.0, false);
        for dry in [plucks(frames), dark, bass(frames)] {
            folder.wav("x.wav", &dry);
            for hz in [150.0, 300.0] {
                // The group delay at DC is 51 and 25 frames, beyond the tolerance of 24.
                let low = |x: &[f32]| one_pole(x, hz, false);
                let filters = [low(&dry), low(&low(&dry)), one_pole(&dry, hz, true), low(&drive(&dry, 5.0))];
                for (i, wet) in filters.iter().enumerate() {
                    for delay in [0, 130] {
                        folder.wav("y.wav", &late(wet, delay));
                        let (data, found) = Dataset::open(&folder.0).unwrap();
                        let lag = data.captures[0].lag.unwrap();
                        let misaligned = found.iter().any(|f| matches!(f.kind, FindingKind::Misaligned(_)));
                        moved += usize::from(delay == 0 && (lag.frames > 24 || lag.frames < -2));
                        assert_eq!(misaligned, delay > 0, "{frames} frames, {hz} Hz, filter {i}, {delay} late: {lag:?}");
                    }
                }
            }
            folder.wav("y.wav", &late(&dry, 25));
            let (_, found) = Dataset::open(&folder.0).unwrap();
            assert!(matches!(found[..], [Finding { kind: FindingKind::Misaligned(lag), .. }] if lag.frames == 25), "{frames}: {found:?}");
        }
    }
    // Of 72 filters without delay; else there would be nothing to tell apart.
    assert!(moved > 10, "{moved} filters moved the correlation beyond the tolerance");
}

#[test]
fn silent_clipped_cut_and_unrelated_recordings_are_noticed() {
    assert_eq!(findings("silent", |x| vec![5e-5; x.len()]).1, [FindingKind::SilentWet]);
    let (_, found) = findings("clipped", |x| x.iter().map(|x| (20.0 * x).clamp(-1.0, 1.0)).collect());
    assert!(matches!(found[..], [FindingKind::Clipped { runs, first_frame }] if runs > 10 && first_frame < 100), "{found:?}");
    let (data, found) = findings("cut", |x| x[..40_000].to_vec());
    assert_eq!(found, [FindingKind::LengthsDiffer { dry_frames: 48_000, wet_frames: 40_000 }]);
    assert_eq!((data.captures[0].dry[0].len(), data.captures[0].wet[0].len()), (40_000, 40_000));
    let (data, found) = findings("long", |x| [x, &[0.0; 100]].concat());
    assert_eq!(found, [FindingKind::LengthsDiffer { dry_frames: 48_000, wet_frames: 48_100 }]);
    assert_eq!((data.captures[0].dry[0].len(), data.captures[0].wet[0].len()), (48_000, 48_000));
    let (_, found) = findings("ring", |x| x.iter().enumerate().map(|(n, x)| x * (n as f32 * 1.7).sin()).collect());
    assert!(matches!(found[..], [FindingKind::Unrelated(lag)] if lag.correlation.abs() < 0.05), "{found:?}");
}

#[test]
fn a_silent_channel_is_told_from_a_silent_file() {
    let folder = Folder::new("one-silent");
    let x = plucks(6000);
    let (quiet, loud) = (vec![5e-5; 6000], drive(&x, 2.0));
    folder.wav("x.wav", &x);
    for (channels, texts) in [
        (vec![quiet.clone(), loud.clone()], &["channel 0 (left) is silent: nothing in it reaches -80 dBFS"][..]),
        (vec![loud.clone(), quiet.clone()], &["channel 1 (right) is silent: nothing in it reaches -80 dBFS"]),
        (vec![quiet.clone(), quiet.clone()], &["silent: nothing reaches -80 dBFS"]),
        (
            vec![loud.clone(), quiet.clone(), quiet],
            &["channel 1 is silent: nothing in it reaches -80 dBFS", "channel 2 is silent: nothing in it reaches -80 dBFS"],
        ),
        (vec![loud.clone(), loud], &[]),
    ] {
        folder.wav_at("y.wav", 48_000, channels);
        let (_, found) = Dataset::open(&folder.0).unwrap();
        let expected: Vec<String> = texts.iter().map(|t| format!("{}: {t}", folder.0.join("y.wav").display())).collect();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_position_taken_twice_is_noticed_within_a_split_only() {
    let folder = Folder::new("twice");
    let x = plucks(6000);
    let capture = |name: &str, split: &str| {
        folder.wav(&format!("{name}.wav"), &drive(&x, 2.0));
        format!("[[capture]]\ndry = \"x.wav\"\nwet = \"{name}.wav\"\ncontrols = {{ drive = 3 }}\nsplit = \"{split}\"\n")
    };
    folder.wav("x.wav", &x);
    let head = &TOML[..TOML.find("[[capture]]").unwrap()];
    folder.text("dataset.toml", format!("{head}{}{}{}", capture("a", "train"), capture("b", "valid"), capture("c", "train")));
    let (_, found) = Dataset::open(&folder.0).unwrap();
    let same: Vec<_> = found.iter().filter(|f| matches!(f.kind, FindingKind::SamePosition { .. })).collect();
    assert_eq!(same.len(), 1);
    assert_eq!(same[0].to_string(), format!("{}: same knob positions as capture a", folder.0.join("c.wav").display()));
}

#[test]
fn lengths_can_be_held_to_the_frame() {
    let folder = Folder::new("strict");
    let x = plucks(6000);
    folder.wav("x.wav", &x);
    folder.wav("y.wav", &x[..5999]);
    assert!(Dataset::open(&folder.0).is_ok());
    let strict = OpenOptions { length_tolerance_s: 0.0, ..Default::default() };
    assert_eq!(Dataset::open_with(&folder.0, strict).unwrap_err().kind(), ErrorKind::Mismatch);
}

#[test]
fn channels_are_kept_and_one_can_be_picked() {
    let folder = Folder::new("stereo");
    let x = plucks(6000);
    let (left, right) = (drive(&x, 1.0), late(&drive(&x, 4.0), 100));
    folder.wav("x.wav", &x);
    folder.wav_at("y_d0.wav", 48_000, vec![left.clone(), right.clone()]);
    folder.wav_at("y_d1.wav", 48_000, vec![left, right.clone()]);
    let (mut data, _) = Dataset::open(&folder.0).unwrap();
    assert_eq!((data.inputs(), data.outputs()), (1, 2));
    let error = data.require_mono().unwrap_err();
    let file = folder.0.join("y_d0.wav");
    let expected = "capture \"d0\": expected one dry and one wet channel, found 1 dry and 2 wet channels";
    assert_eq!(error.to_string(), format!("{}: {expected}", file.display()));
    let error = data.keep_channel(2).unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::OutOfRange, Some(file.as_path())));
    data.keep_channel(1).unwrap();
    assert_eq!((&data.captures[0].wet[0], data.captures[0].lag.unwrap().frames), (&right, 100));
    data.require_mono().unwrap();

    folder.wav("y_d1.wav", &x);
    let error = folder.refusal();
    assert_eq!((error.kind(), error.field(), error.file()), (ErrorKind::Mismatch, "channels", Some(folder.0.join("y_d1.wav").as_path())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_damaged_description_is_never_a_panic(cut in 0_usize..TOML.len(), byte in any::<u8>(), truncate in any::<bool>()) {
        let folder = Folder::new("damaged");
        let mut bytes = TOML.as_bytes().to_vec();
        bytes[cut] = byte;
        if truncate {
            bytes.truncate(cut);
        }
        folder.text("dataset.toml", &bytes);
        // The recordings are not there: reaching for them is as far as a good description gets.
        let error = folder.refusal();
        prop_assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn a_driven_guitar_is_aligned_to_the_frame() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/audio/guitar_di_48k.wav");
    if !path.exists() {
        println!("skipped: the guitar recording is not there");
        return;
    }
    let dry = wav::read(path).unwrap().channels.remove(0);
    for lag in [0, 64, 2000] {
        let wet = late(&drive(&dry, 20.0), lag);
        let found = estimate_lag(&dry, &wet, 4800).unwrap();
        assert!(found.frames == lag as i32 && found.correlation > 0.5, "{found:?}");
        // A dark tone control behind the drive: one pole at 700 Hz, 11 frames of group delay at DC.
        let mut low = 0.0;
        let dark: Vec<f32> = wet
            .iter()
            .map(|x| {
                low += 0.0876 * (x - low);
                low
            })
            .collect();
        let found = estimate_lag(&dry, &dark, 4800).unwrap();
        assert!((lag as i32..=lag as i32 + 11).contains(&found.frames) && found.correlation > 0.2, "{found:?}");
    }
}
