//! Published models with what their own programs make of a signal; the folder is no part of the project, and without it these tests say so.

use super::{double, esr, play, play_single, worst};
use afx_io::exchange::{Export, Import};
use afx_io::tensors::Tensors;
use afx_io::{ErrorKind, ModelFile};
use std::path::PathBuf;

/// Frames of silence that players of `.nam` files warm up with, and then some.
const WARM: usize = 48_000;

fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(format!("{}/../../shared/golden/{name}", env!("CARGO_MANIFEST_DIR")));
    if !path.exists() {
        println!("skipped: shared/golden/{name} is absent");
    }
    path.exists().then_some(path)
}

/// 4096 frames in and what the reference makes of them, exact tanh, warmed up.
fn signals(name: &str) -> Option<(Vec<f32>, Vec<f64>)> {
    let bytes = std::fs::read(shared(name)?).unwrap();
    let samples: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    Some((samples[..4096].to_vec(), double(&samples[4096..])))
}

#[test]
fn a_nam_lstm_plays_as_its_reference() {
    let (Some(path), Some((x, expected))) = (shared("nam/lstm.nam"), signals("nam/lstm.f32")) else { return };
    let model = Import::default().read(path).unwrap();
    assert_eq!((model.name.as_str(), model.sample_rate, model.parameters()), ("Test LSTM", 48_000, 3 * 4 * 4 + 2 * 12 + 4));
    let about = &model.about;
    assert_eq!((about.gear_make.as_str(), about.date.as_str()), ("Darkglass Electronics", "2024-10-09 18:44:41"));
    assert_eq!((about.input_level_dbu, about.output_level_dbu), (Some(18.3), Some(12.3)));
    let found = play(&model, &[], &double(&x), WARM);
    let single = double(&play_single(&model, &x));
    println!("nam/lstm: ESR in double {:e}, in single {:e}", esr(&found, &expected), esr(&single, &expected));
    // the reference's own rounding: a plain rendering in double precision, in another language, is at 3.64e-12 and 8.62e-8, too
    assert!(esr(&found, &expected) < 4e-12 && worst(&found, &expected) < 9e-8);
    assert!(esr(&single, &expected) < 1e-9); // the rational tanh, 1.2e-7 in the mean square, of an output of 0.03
}

#[test]
fn a_nam_lstm_is_written_as_it_was_read() {
    let Some(path) = shared("nam/lstm.nam") else { return };
    let theirs: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let model = Import::default().read(path).unwrap();
    let written = Export::Nam.encode(&model, &[]).unwrap();
    let ours: serde_json::Value = serde_json::from_slice(&written).unwrap();
    for key in ["version", "architecture", "config", "sample_rate"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    for key in ["date", "loudness", "gain", "name", "modeled_by", "gear_type", "gear_make", "tone_type", "input_level_dbu"] {
        assert_eq!(ours["metadata"][key], theirs["metadata"][key], "{key}");
    }
    let numbers = |file: &serde_json::Value| file["weights"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    let (ours, theirs) = (numbers(&ours), numbers(&theirs));
    assert_eq!((ours.len(), theirs.len()), (70, 70));
    // [W, b] and the head to the bit; between them the memory to start from, which the reference played for, and ours is at rest.
    assert_eq!((&ours[..60], &ours[66..]), (&theirs[..60], &theirs[66..]));
    // Theirs was played in single precision.
    assert!(worst(&ours[60..66], &theirs[60..66]) < 5e-6);
    let again = Import::default().parse(&written).unwrap();
    assert_eq!(ModelFile { about: Default::default(), ..again }, ModelFile { about: Default::default(), ..model });
}

#[test]
fn a_nam_wavenet_plays_as_its_reference() {
    // The references' own rounding: a plain rendering in double precision, in another language, is at the same first number. The second is what
    // single precision and the rational tanh make of it.
    for (name, double_esr, single_esr) in [
        ("wavenet", 7e-13, 1e-11),
        ("wavenet_a1_standard", 2.6e-12, 3e-11),
        ("A2", 1.3e-14, 3e-13),
        ("slimmable_container", 2.6e-12, 3e-11),
    ] {
        let (Some(path), Some((x, expected))) = (shared(&format!("nam/{name}.nam")), signals(&format!("nam/{name}.f32"))) else { continue };
        let model = Import::default().read(path).unwrap();
        let found = play(&model, &[], &double(&x), 8192);
        let single = double(&play_single(&model, &x));
        println!("nam/{name}: ESR in double {:e}, in single {:e}", esr(&found, &expected), esr(&single, &expected));
        assert!(esr(&found, &expected) < double_esr && esr(&single, &expected) < single_esr, "{name}");
    }
}

#[test]
fn a_nam_wavenet_is_written_as_it_was_read() {
    for name in ["wavenet", "wavenet_a1_standard", "A2"] {
        let Some(path) = shared(&format!("nam/{name}.nam")) else { continue };
        let mut theirs: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if let Some(models) = theirs["config"]["submodels"].as_array() {
            theirs = models.last().unwrap()["model"].clone();
        }
        let written = Export::Nam.encode(&Import::default().read(path).unwrap(), &[]).unwrap();
        let ours: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert_eq!((&ours["architecture"], &ours["config"]), (&theirs["architecture"], &theirs["config"]), "{name}");
        let numbers =
            |file: &serde_json::Value| file["weights"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect::<Vec<_>>();
        assert!(numbers(&ours) == numbers(&theirs), "{name}: numbers");
    }
}

#[test]
fn the_models_of_a_container_can_be_chosen() {
    let Some(path) = shared("nam/slimmable_container.nam") else { return };
    let (x, expected) = signals("nam/lstm.f32").unwrap();
    let model = Import { submodel: Some(0), ..Import::default() }.read(&path).unwrap();
    assert_eq!(model.name, "Test LSTM");
    assert!(worst(&play(&model, &[], &double(&x), WARM), &expected) < 1e-7);
    let error = Import { submodel: Some(9), ..Import::default() }.read(&path).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Missing, "config.submodels"));
}

/// Columns of numbers.
fn table(path: PathBuf) -> Vec<f64> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().flat_map(|line| line.split(',').map(|v| v.trim().parse().unwrap()).collect::<Vec<f64>>()).collect()
}

fn rtneural(name: &str) -> Option<(ModelFile, Vec<f64>, Vec<f64>)> {
    let model = Import::default().read(shared(&format!("rtneural/{name}.json"))?).unwrap();
    let [x, y] = ["x", "y"].map(|which| table(shared(&format!("rtneural/{name}_{which}_python.csv")).unwrap()));
    Some((model, x, y))
}

#[test]
fn state_dicts_in_json_play_as_pytorch() {
    for name in ["gru_torch", "lstm_torch"] {
        let Some((model, x, expected)) = rtneural(name) else { return };
        let found = play(&model, &[], &x, 0);
        assert!(worst(&found, &expected) < 1e-7, "{name}"); // PyTorch played in single precision, four cells deep
        assert_eq!(model.name, name);
    }
}

#[test]
fn dense_layers_and_functions_play_as_keras() {
    let Some((model, x, expected)) = rtneural("dense") else { return };
    let found = play(&model, &[], &x, 0);
    assert!(worst(&found, &expected) < 1e-7); // Keras played in single precision, inputs up to 500
}

#[test]
fn pyneuralfx_models_play_as_published() {
    let mut played = 0;
    for form in ["snapshot", "concat", "film", "statichyper", "dynamichyper"] {
        for cell in ["gru", "lstm", "vanilla_rnn"] {
            if (form, cell) == ("dynamichyper", "vanilla_rnn") {
                continue; // the toolkit has none
            }
            let name = format!("{form}-{cell}");
            let Some(path) = shared(&format!("conditioned/{name}.safetensors")) else { return };
            let reference = Tensors::read(path).unwrap();
            let take = |name: &str| reference.get(name).map(|t| t.to_f64().unwrap()).unwrap_or_default();
            let of_model = |name: &str| !["controls", "input", "output"].contains(&name) && !name.starts_with("grad.");
            let tensors = reference.tensors.iter().filter(|t| of_model(&t.name)).cloned().collect();
            let file = Tensors { tensors, metadata: Default::default() };
            let model = Import::default().parse(&file.encode().unwrap()).unwrap();
            let controls = if form == "snapshot" { Vec::new() } else { take("controls") };
            assert_eq!(model.knobs.len(), controls.len(), "{name}");
            let (x, expected) = (take("input"), take("output"));
            let found = play(&model, &controls, &x, 0);
            assert!(worst(&found, &expected[expected.len() - found.len()..]) < 3e-7, "{name}"); // played in float32
            played += 1;
        }
    }
    assert_eq!(played, 14);
}

#[test]
fn the_authors_model_is_imported_as_it_was_published() {
    let Some(path) = shared("statichyper_gru_32/weights.safetensors") else { return };
    let knobs = vec!["drive".into(), "tone".into()];
    let model = Import { knobs, ..Import::default() }.read(path).unwrap();
    assert_eq!((model.parameters(), model.knobs[1].name.as_str(), model.name.as_str()), (30_297, "tone", "weights"));
}

#[test]
fn what_is_no_model_for_us_is_refused_by_name() {
    for (name, kind, part) in [
        ("rtneural/conv1d_torch.json", ErrorKind::Mismatch, "[rows, columns], found [12, 1, 5]"),
        ("conditioned/film-gru.safetensors", ErrorKind::Mismatch, " tensors, those of its model, found "),
    ] {
        let Some(path) = shared(name) else { return };
        let error = Import::default().read(&path).unwrap_err();
        assert_eq!((error.kind(), error.file()), (kind, Some(&*path)), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
