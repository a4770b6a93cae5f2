//! Every reader against thousands of damaged files: a refusal or content, never a panic, and no memory that a header only claims.

use afx_io::csv::Automation;
use afx_io::dataset::{Capture, Dataset, Knob};
use afx_io::exchange::{Export, Import};
use afx_io::tensors::Tensors;
use afx_io::wav::{self, Audio, Format, ReadOptions};
use afx_io::{About, Error, ModelFile};
use afx_models::ModelSpec;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A 64 bit linear congruential generator (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    /// A number below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

/// Sizes and numbers that a reader could trust, as bytes and as text.
const CLAIMS: [u64; 8] = [u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 40, 0xFFFF_FFFF, 0xFFFF_FFF0, 0x7FFF_FFFF, 99_999_999];
const WORDS: [&str; 10] =
    ["1e308", "-1", "nan", "18446744073709551615", "4294967295", "\"\"", "[[[[[[[[", "\u{202e}", "9999999999999999999999", "\0"];

/// One to four damages to `file`; splices come from `other`.
fn damage(file: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..1 + dice.below(4) {
        if bytes.is_empty() {
            break;
        }
        // Headers are where the lengths are: half of the damages fall into the first 128 bytes.
        let reach = if dice.below(2) == 0 { bytes.len() } else { bytes.len().min(128) };
        let at = dice.below(reach);
        let claim = CLAIMS[dice.below(CLAIMS.len())].to_le_bytes();
        match dice.below(8) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes.truncate(at),
            3 => {
                let (from, len) = (dice.below(other.len()), dice.below(256));
                let piece = other[from..].iter().take(len).copied();
                bytes.splice(at..at, piece);
            }
            4 => {
                let end = (at + dice.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 | 6 => {
                let len = [2, 4, 8][dice.below(3)].min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&claim[..len]);
            }
            _ => {
                // In place of the number that stands there, if one does.
                let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                bytes.splice(at..at + digits, WORDS[dice.below(WORDS.len())].bytes());
            }
        }
    }
    bytes
}

/// The most address space that this process has had, in bytes; `None` where the system does not say.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| 1024 * kib)
}

/// Damaged files of one kind through one reader; some are to pass and many to be refused, or the damage is not worth its name.
fn hold(name: &str, rounds: usize, files: &[Vec<u8>], read: impl Fn(&[u8]) -> Result<(), Error>) {
    let largest = files.iter().map(Vec::len).max().unwrap();
    assert!(largest < 64 << 10, "the bound below is for small files");
    files.iter().for_each(|file| read(file).unwrap());
    let before = most_memory();
    let mut dice = Dice(0x00AF_0000 + name.len() as u64);
    let (mut passed, mut refused) = (0, 0);
    for round in 0..rounds {
        let (file, other) = (dice.below(files.len()), dice.below(files.len()));
        let bytes = damage(&files[file], &files[other], &mut dice);
        match catch_unwind(AssertUnwindSafe(|| read(&bytes))) {
            Ok(Ok(())) => passed += 1,
            Ok(Err(e)) => {
                refused += 1;
                assert!(!e.to_string().contains('\n'), "{name}, round {round}: {e:?}");
            }
            Err(_) => panic!("{name}, round {round}: a panic on {}", bytes.escape_ascii()),
        }
    }
    assert!(passed > 0 && refused > rounds / 10, "{name}: {passed} passed, {refused} refused of {rounds}");
    if let (Some(before), Some(after)) = (before, most_memory()) {
        // Sixteen times the largest file, and what an allocator takes at a time; the claims are of 100 MB to 2^64 bytes.
        let allowed = 16 * largest as u64 + (8 << 20);
        assert!(after - before <= allowed, "{name}: {} bytes more for files of at most {largest}", after - before);
    }
}

fn wav_files() -> Vec<Vec<u8>> {
    let audio = |n: usize| Audio { sample_rate: 48_000, channels: vec![(0..300).map(|i| (i as f32 * 0.1).sin() * 0.9).collect(); n] };
    let formats = [Format::Pcm16, Format::Pcm24, Format::Pcm32, Format::Float32];
    formats.into_iter().flat_map(|format| [1, 2, 3].map(|n| wav::encode(&audio(n), format).unwrap().0)).collect()
}

fn model_files() -> Vec<Vec<u8>> {
    let file = |name: &str| {
        let spec = ModelSpec::named(name, 8, 2).unwrap();
        let mut dice = Dice(1);
        let learnt = spec.build().unwrap().initialize(&mut || dice.below(2001) as f64 / 1000.0 - 1.0);
        let knobs = vec![Knob::new("drive", 0.0, 10.0), Knob::new("tone", -1.0, 1.0)];
        let (about, training) = (About { gear_model: "x".into(), gain: Some(0.5), ..About::default() }, serde_json::json!({ "steps": 3 }));
        let model = ModelFile { name: name.into(), spec, sample_rate: 48_000, knobs, about, training, learnt };
        model.to_tensors().unwrap().encode().unwrap()
    };
    ["concat-gru", "film-gru", "static-hyper-gru"].map(file).to_vec()
}

/// Models in the files of other programs: ours, written by this crate, and a state dict.
fn foreign_files() -> Vec<Vec<u8>> {
    let file = |name: &str, hidden: usize, export: Export| {
        let spec = ModelSpec::named(name, hidden, 0).unwrap();
        let mut dice = Dice(2);
        let learnt = spec.build().unwrap().initialize(&mut || dice.below(2001) as f64 / 1000.0 - 1.0);
        export.encode(&ModelFile::new(name, spec, 48_000, Vec::new(), learnt), &[]).unwrap()
    };
    let lists = |rows: usize, columns: usize| vec![vec![0.25; columns]; rows];
    let state = serde_json::json!({
        "rec.weight_ih_l0": lists(12, 2), "rec.weight_hh_l0": lists(12, 4), "rec.bias_ih_l0": vec![0.5; 12],
        "rec.bias_hh_l0": vec![0.5; 12],
        "lin.weight": lists(1, 4), "lin.bias": [0.5],
    });
    let data = serde_json::json!({ "model": "SimpleRNN", "input_size": 2, "hidden_size": 4, "output_size": 1, "skip": 1 });
    let nam = file("lstm", 4, Export::Nam);
    let inner: serde_json::Value = serde_json::from_slice(&nam).unwrap();
    let container = serde_json::json!({
        "version": "0.7.0", "architecture": "SlimmableContainer", "config": { "submodels": [{ "max_value": 1.0, "model": inner }] }, "weights": [],
    });
    let guitarml = serde_json::json!({ "model_data": data, "state_dict": state });
    let texts = [state, guitarml, container].map(|value| value.to_string().into_bytes());
    [nam, file("lstm", 3, Export::RtNeural), file("hyper-gru", 3, Export::RtNeural)].into_iter().chain(texts).collect()
}

// One test: the memory is that of the process, and a neighbour's would be counted in.
#[test]
fn damaged_files_are_refused_or_read_in_the_memory_of_their_size() {
    hold("wav", 6000, &wav_files(), |bytes| {
        let _ = wav::parse_with(bytes, ReadOptions { accept_truncated: true, accept_non_finite: true, ..Default::default() });
        wav::parse(bytes).map(drop)
    });
    hold("tensors", 6000, &model_files(), |bytes| Tensors::parse(bytes).map(drop));
    for file in model_files() {
        // A whole container around a damaged specification.
        let whole = Tensors::parse(&file).unwrap();
        hold("model", 2000, &[whole.metadata["model"].clone().into_bytes()], |json| {
            let mut file = whole.clone();
            file.metadata.insert("model".into(), String::from_utf8_lossy(json).into_owned());
            ModelFile::from_tensors(&file).map(drop)
        });
    }

    hold("exchange", 8000, &foreign_files(), |bytes| Import::default().parse(bytes).map(drop));

    let knobs = [Knob::new("drive", 0.0, 10.0), Knob::new("tone", -1.0, 1.0)];
    let rows: String = (0..100).map(|i| format!("{}.5,{},{}\n", i, i % 10, if i % 3 == 0 { "" } else { "0.25" })).collect();
    let csv = [format!("time_s,drive,tone\n{rows}"), format!("time_s, tone ,drive\r\n{}", "7,1,3\r\n".repeat(50))];
    hold("csv", 6000, &csv.map(String::into_bytes), |bytes| Automation::parse(bytes, &knobs).map(drop));

    // Half a million of the shortest rows; with a position for each of 64 knobs each they would be a hundred times as much.
    let many: Vec<Knob> = (0..64).map(|i| Knob::new(format!("k{i}"), 0.0, 9.0)).collect();
    let text = format!("time_s\n{}", "0\n".repeat(500_000));
    let before = most_memory();
    assert_eq!(Automation::parse(text.as_bytes(), &many).unwrap().changes().len(), 500_000);
    if let (Some(before), Some(after)) = (before, most_memory()) {
        assert!(after - before <= 8 * text.len() as u64, "{} bytes more for {}", after - before, text.len());
    }

    let folder = std::env::temp_dir().join(format!("afx-io-hostile-{}", std::process::id()));
    let dry: Vec<f32> = (0..400).map(|i| (i as f32 * i as f32 * 0.01).sin()).collect();
    let captures =
        [0.0, 3.0, 10.0].map(|d| Capture::mono(format!("drive {d}"), vec![d], dry.clone(), dry.iter().map(|x| 0.5 * x).collect()));
    let data = Dataset { sample_rate: 48_000, knobs: vec![Knob::new("drive", 0.0, 10.0)], captures: captures.to_vec() };
    data.write(&folder, Format::Float32).unwrap();
    let path = folder.join("dataset.toml");
    let described = std::fs::read(&path).unwrap();
    // The recordings are there, so that a description with harmless damage is followed to the end.
    hold("dataset", 2000, &[described], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        Dataset::open(&folder).map(drop)
    });
    std::fs::remove_dir_all(folder).unwrap();
}
