//! Models of other programs: in, played, and out again.
use super::common::{Folder, afx_err, afx_ok, json, model, plucks};
use afx::io::wav;
use std::ffi::{OsStr, OsString};
use std::path::Path;

const RATE: u32 = 48_000;

fn args(parts: &[&dyn AsRef<OsStr>]) -> Vec<OsString> {
    parts.iter().map(|p| p.as_ref().to_owned()).collect()
}

/// A cell of two units fed with the sample and one knob, and a head with a skip, as GuitarML writes them.
const GUITARML: &str = r#"{"model_data": {"model": "SimpleRNN", "input_size": 2, "skip": 1, "output_size": 1, "unit_type": "GRU", "num_layers": 1,
    "hidden_size": 2, "bias_fl": true}, "state_dict": {
    "rec.weight_ih_l0": [[0.5, 1], [-0.5, 1], [0.25, -1], [1, 0.5], [-1, 0.5], [2, 1]],
    "rec.weight_hh_l0": [[0.5, 0.1], [-0.5, 0.2], [0.25, 0.3], [1, 0.4], [-1, 0.5], [0.5, 0.6]],
    "rec.bias_ih_l0": [0, 0.1, 0.2, 0.3, 0.4, 0.5], "rec.bias_hh_l0": [0, 0, 0, 0, 0, 0],
    "lin.weight": [[1.5, -0.5]], "lin.bias": [0.1]}}"#;

/// What `afx render` makes of plucks.
fn rendered(folder: &Folder, model: &Path, more: &[&str]) -> Vec<f32> {
    let (dry, out) = (folder.wav("dry.wav", RATE, &[plucks(4800, RATE)]), folder.join("out.wav"));
    let mut command = args(&[&"render", &model, &dry, &out]);
    command.extend(more.iter().map(OsString::from));
    afx_ok(command);
    wav::read(out).unwrap().channels.swap_remove(0)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert!(a.len() == b.len() && a.iter().any(|v| v.abs() > 0.01), "nothing to compare");
    a.iter().zip(b).fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

#[test]
fn a_model_at_a_knob_position_goes_out_and_comes_back() {
    let folder = Folder::new("exchange");
    let ours = folder.join("ours.safetensors");
    for (name, endings) in [("film-lstm", &["nam", "json"][..]), ("static-hyper-gru", &["json", "aidax"])] {
        model(name, 8, &["drive", "tone"], RATE).write(&ours).unwrap();
        let expected = rendered(&folder, &ours, &["--set", "drive=3.5"]);
        assert!(largest_difference(&rendered(&folder, &ours, &[]), &expected) > 1e-3, "{name}: the knob does nothing");
        for ending in endings {
            let (there, back) = (folder.join(&format!("there.{ending}")), folder.join("back.safetensors"));
            afx_ok(args(&[&"export", &ours, &there, &"--set", &"drive=3.5"]));
            let said = afx_ok(args(&[&"import", &there, &back]));
            assert!(said.starts_with(&format!("{name}: ")) && said.contains("48000 Hz"), "{said}");
            // two biases that became one are rounded, and the resting states are found to 1e-6
            assert!(largest_difference(&rendered(&folder, &back, &[]), &expected) < 1e-5, "{name}.{ending}");
        }
    }
}

#[test]
fn an_imported_model_has_knobs_and_is_known_by_its_content() {
    let folder = Folder::new("import");
    let back = folder.join("back.safetensors");
    // whatever it is called
    let there = folder.bytes("capture.txt", GUITARML.as_bytes());
    let said = afx_ok(args(&[&"import", &there, &back, &"--knob", &"drive"]));
    assert_eq!(said, "capture: GuitarML JSON, GRU, 39 parameters, 44100 Hz\n  knob drive: 0 to 1, default 0.5\n");
    afx_ok(args(&[&"import", &there, &back, &"--knob", &"drive", &"--sample-rate", &"48000", &"--name", &"mine"]));
    let found = json(args(&[&"inspect", &back, &"--json"]));
    assert_eq!((&found["model"], &found["sample_rate"]), (&"mine".into(), &48_000.into()));
    assert_eq!((&found["knobs"][0]["name"], &found["about"]["source"]), (&"drive".into(), &"GuitarML JSON, GRU".into()));
    assert!(afx_ok(args(&[&"inspect", &back])).contains("  source: GuitarML JSON, GRU\n"));
    let (low, high) = (rendered(&folder, &back, &["--set", "drive=0"]), rendered(&folder, &back, &["--set", "drive=1"]));
    assert!(largest_difference(&low, &high) > 1e-2);
    // the skip goes out, too
    let again = folder.join("again.json");
    afx_ok(args(&[&"export", &back, &again, &"--set", &"drive=1"]));
    afx_ok(args(&[&"import", &again, &back]));
    assert!(largest_difference(&rendered(&folder, &back, &[]), &high) < 1e-5); // as above
}

#[test]
fn what_cannot_be_imported_or_exported_is_refused_and_nothing_is_written() {
    let folder = Folder::new("exchange-bad");
    let (gru, out) = (folder.join("gru.safetensors"), folder.join("out.safetensors"));
    model("concat-gru", 4, &["drive"], RATE).write(&gru).unwrap();
    let good = folder.bytes("good.json", GUITARML.as_bytes());
    let wavenet = folder.bytes("wavenet.nam", br#"{"version": "0.5.4", "architecture": "ConvNet", "config": {}, "weights": [1, 2]}"#);
    let cut = folder.bytes("cut.nam", br#"{"version": "0.5.4", "architecture": "LSTM", "config": {"hidden_size": 3"#);
    let empty = folder.bytes("empty.nam", b"");
    let (absent, elsewhere) = (folder.join("absent.nam"), folder.join("no/such/folder.safetensors"));
    let before = folder.names();
    for (command, part) in [
        (args(&[&"import", &wavenet, &out]), "wavenet.nam: architecture: expected one of "),
        (args(&[&"import", &cut, &out]), "cut.nam: JSON: expected a JSON object, found EOF while parsing"),
        (args(&[&"import", &empty, &out]), "empty.nam: header: expected a model as JSON or safetensors, found an empty file"),
        (args(&[&"import", &absent, &out]), "absent.nam: open"),
        (args(&[&"import", &folder.path(), &out]), "expected a regular file"),
        (args(&[&"import", &gru, &out]), "gru.safetensors: __metadata__.format: expected a model of another program, found afx"),
        (args(&[&"import", &good, &folder.join("out.nam")]), "output: expected a name that ends in .safetensors"),
        (args(&[&"import", &good, &elsewhere]), "folder.safetensors: write"),
        (args(&[&"import", &good, &good]), "output: expected another file"),
        (
            args(&[&"import", &good, &out, &"--knob", &"a", &"--knob", &"b"]),
            "good.json: knob names: expected 1, the model's knobs, found 2",
        ),
        (args(&[&"import", &good, &out, &"--sample-rate", &"1"]), "good.json: model.sample_rate: expected 1000 to 1000000, found 1"),
        (args(&[&"export", &gru, &folder.join("x.nam")]), "x.nam: layer: expected LSTM cells of one size"),
        (args(&[&"export", &gru, &folder.join("x.wav")]), "output: expected a name that ends in .nam, .json or .aidax"),
        (args(&[&"export", &gru, &folder.join("x.json"), &"--set", &"tone=1"]), "--set: expected one of the knobs drive, found tone"),
        (
            args(&[&"export", &good, &folder.join("x.json")]),
            "good.json: header: expected an afx model file (safetensors), found a JSON text",
        ),
    ] {
        let line = afx_err(command);
        assert!(line.contains(part), "expected {part} in {line}");
        assert_eq!(folder.names(), before, "{line}");
    }
}
