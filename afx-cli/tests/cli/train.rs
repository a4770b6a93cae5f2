//! `afx train`: a model by name or from a file, a training taken up again, settings that are refused.
use super::common::{Folder, afx, afx_err, afx_ok, json, plucks};
use super::plot::dataset;
use afx::io::dataset::{Capture, Dataset, Knob};
use afx::io::wav::Format;
use std::path::Path;

/// Settings of a training of a second, of so many steps.
fn settings(steps: u32) -> String {
    format!("sequences = 4\nframes = 512\nloss = \"mse\"\nsteps = {steps}\nvalidate_every = 4\n[schedule]\ntype = \"constant\"\n")
}

fn train<'a>(data: &'a Path, model: &'a str, out: &'a Path, config: &'a Path) -> Vec<&'a str> {
    let text = |path: &'a Path| path.to_str().unwrap();
    vec!["train", text(data), "--model", model, "--hidden", "8", "--out", text(out), "--config", text(config)]
}

#[test]
fn a_training_leaves_a_model_a_log_and_a_checkpoint_to_go_on_from() {
    let folder = Folder::new("train");
    let (data, config) = (folder.join("data"), folder.join("train.toml"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    std::fs::write(&config, settings(12)).unwrap();
    let whole = folder.join("whole.safetensors");
    afx_ok(train(&data, "static-hyper-gru", &whole, &config));
    let about = json(["inspect", whole.to_str().unwrap(), "--json"]);
    assert_eq!((&about["model"], &about["knobs"][0]["name"]), (&"static-hyper-gru".into(), &"drive".into()));
    // Without what depends on the clock.
    let events = |log: &Path| -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(log).unwrap();
        let event = |line: &str| {
            let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
            event.as_object_mut().unwrap().retain(|name, _| name != "seconds" && name != "times_real_time");
            event
        };
        log.lines().map(event).collect()
    };
    let events_of_whole = events(&folder.join("whole.log.jsonl"));
    let validations: Vec<_> = events_of_whole.iter().filter(|e| e["event"] == "validation").collect();
    assert_eq!((validations.len(), events_of_whole.len()), (3, 4));
    assert!(validations.iter().all(|v| v["validation_esr"].as_f64().is_some_and(f64::is_finite)));

    // Half of it, and the rest: the same numbers as at one go.
    let parts = folder.join("parts.safetensors");
    std::fs::write(&config, settings(4)).unwrap();
    afx_ok(train(&data, "static-hyper-gru", &parts, &config));
    std::fs::write(&config, settings(12)).unwrap();
    // Killed six steps after its last checkpoint, while it wrote a line: the log goes on as if nothing had been interrupted.
    let log = folder.join("parts.log.jsonl");
    let torn = std::fs::read_to_string(&log).unwrap() + "{\"event\":\"step\",\"step\":10}\n{\"event\":\"st";
    std::fs::write(&log, torn).unwrap();
    afx_ok(train(&data, "static-hyper-gru", &parts, &config).into_iter().chain(["--resume"]));
    assert_eq!(events(&log), events(&folder.join("whole.log.jsonl")));
    let learnt = |path: &Path| afx::io::ModelFile::read(path).unwrap().learnt;
    assert!(learnt(&whole) == learnt(&parts), "a training taken up again ended elsewhere");

    // The checkpoint says what it is of.
    let refused = |args: Vec<&str>, words: &str| {
        let message = afx_err(args.into_iter().chain(["--resume"]));
        assert!(message.contains("parts.checkpoint.safetensors: progress.training.") && message.contains(words), "{message}");
    };
    refused(train(&data, "film-gru", &parts, &config), "model.spec.conditioning.type: expected \"film\", found \"static_hyper\"");
    let larger = train(&data, "static-hyper-gru", &parts, &config).into_iter().map(|a| if a == "8" { "16" } else { a }).collect();
    refused(larger, "model.spec.layer.layers[0].hidden: expected 16, found 8");
    let other = folder.join("other");
    dataset(&other, &["drive"], &[0.0, 3.0], false);
    refused(train(&other, "static-hyper-gru", &parts, &config), "recordings \"take 1\".controls[0]: expected 0.5, found 1.0");
    std::fs::write(&config, settings(12).replace("frames = 512", "frames = 256")).unwrap();
    refused(train(&data, "static-hyper-gru", &parts, &config), "config.frames: expected 256, found 512");
}

#[test]
fn an_architecture_can_come_from_a_file() {
    let folder = Folder::new("train-file");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    std::fs::write(&config, settings(2)).unwrap();
    let layers =
        "[layer]\ntype = \"stack\"\nlayers = [{ type = \"gru\", inputs = 1, hidden = 4 }, { type = \"dense\", inputs = 4, outputs = 1 }]\n";
    let network = "[conditioning]\ntype = \"static_hyper\"\nwidth = 3\ndepth = 1\nactivation = \"tanh\"\ncover = \"all\"\n";
    let model = folder.bytes("my-model.toml", format!("{layers}{network}").as_bytes());
    afx_ok(train(&data, model.to_str().unwrap(), &out, &config));
    let about = json(["inspect", out.to_str().unwrap(), "--json"]);
    // The network has 1 x 3 + 3 numbers; its heads four for each of the layer's 12 + 48 + 12 + 12 + 4 + 1.
    assert_eq!((&about["model"], &about["parameters"]), (&"my-model".into(), &(6 + 4 * 89).into()));

    let refused = |text: &str, names: &[&str]| {
        let file = folder.bytes("bad.toml", text.as_bytes());
        let message = afx_err(train(&data, file.to_str().unwrap(), &folder.join("new.safetensors"), &config));
        assert!(names.iter().all(|n| message.contains(n)) && message.contains("bad.toml"), "{message}");
        assert!(!folder.join("new.safetensors").exists());
    };
    refused("", &["model: expected", "layer"]);
    refused(&format!("{layers}[conditioning]\ntype = \"warm\"\n"), &["model: expected", "warm", "line 5"]);
    refused(&format!("{layers}{}", network.replace("activation", "activaton")), &["model: expected", "`activaton`"]);
    let misspelt = layers.replace("hidden = 4 }", "hidden = 4, biass = false }");
    refused(&format!("{misspelt}{network}"), &["model: expected", "`biass`", "line 3"]);
    refused(&format!("{layers}{network}[extra]\nx = 1\n"), &["model: expected", "`extra`", "line 10"]);
    refused(&format!("{layers}[conditioning]\ntype = \"concat\"\nwidth = 3\n"), &["model: expected", "`width`"]);
    refused(&format!("depth = 1\n{layers}{network}"), &["model: expected", "`depth`", "line 1"]);
    refused(&format!("{}{network}", layers.replace("inputs = 4", "inputs = 5")), &["layer 1: expected 4 inputs, found 5"]);
    refused(&format!("{layers}{}", network.replace("width = 3", "width = 100000")), &["width", "found 100000"]);
    refused("[layer]\ntype = \"fir\"\ntaps = 4\n[conditioning]\ntype = \"fixed\"\n", &["model: expected affine maps"]);
}

#[test]
fn settings_are_refused_in_one_line() {
    let folder = Folder::new("train-settings");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    for (text, name) in [
        ("steps = 2\nsteep = 3\n", "line 2"),
        ("steps = 2\n[schedule]\ntype = \"constant\"\nbogus = 3\n", "unknown field `bogus`"),
        ("[schedule]\ntype = \"cosine\"\nlast = 0.1\nlsat = 3\n", "unknown field `lsat`"),
        ("[schedul]\ntype = \"constant\"\n", "line 1"),
        ("frames = 3\n", "frames: expected 16"),
        ("steps = [\n", "train.toml"),
    ] {
        std::fs::write(&config, text).unwrap();
        let message = afx_err(train(&data, "concat-gru", &out, &config));
        assert!(message.contains(name), "{message}");
    }
    for (text, words) in [
        ("learning_rate = 2\n", "config: learning_rate: expected more than 0, at most 1, found 2"),
        ("frames = 64\n", "loss: "), // too few for the hybrid loss
    ] {
        std::fs::write(&config, text).unwrap();
        let message = afx_err(train(&data, "concat-gru", &out, &config));
        assert!(message.starts_with(&format!("afx: {}: {words}", config.display())), "{message}");
    }
    for (text, words) in [
        ("validation_part = 0\n", ": data: expected audio to validate on"),
        ("frames = 65536\n", "/wet/000_take_0.wav: recording take 0: expected at least 131072 frames to train on"),
    ] {
        std::fs::write(&config, text).unwrap();
        let message = last_line(train(&data, "concat-gru", &out, &config));
        assert!(message.starts_with(&format!("afx: {}{words}", data.display())), "{message}");
    }
    // A recording in the place of a text.
    let wav = data.join("wet/000_take_0.wav");
    let settings_from = afx_err(train(&data, "concat-gru", &out, &wav));
    assert!(settings_from.contains("take_0.wav: settings: expected those of a training, found other bytes than UTF-8"), "{settings_from}");
    let data_from = afx_err(train(&wav, "concat-gru", &out, Path::new("none")).into_iter().filter(|a| !["--config", "none"].contains(a)));
    assert!(data_from.contains("take_0.wav: text: expected a data set description, found other bytes than UTF-8"), "{data_from}");
    std::fs::write(&config, settings(2)).unwrap();
    let message = afx_err(train(&data, "no-such-gru", &out, &config));
    assert!(message.contains("static-hyper-gru") && message.contains("no-such-gru"), "{message}");
}

#[test]
fn a_training_that_fails_before_its_first_validation_leaves_the_model_that_was_there_with_its_log() {
    let folder = Folder::new("train-over");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    std::fs::write(&config, settings(4)).unwrap();
    afx_ok(train(&data, "gru", &out, &config));
    let files = || ["m.safetensors", "m.log.jsonl", "m.checkpoint.safetensors"].map(|name| std::fs::read(folder.join(name)).unwrap());
    let before = files();
    // Fails in its first step: finite audio whose square is not.
    let loud = folder.join("loud");
    recordings(&loud, |wet| wet.iter_mut().for_each(|v| *v *= 1e30));
    let message = last_line(train(&loud, "gru", &out, &config).into_iter().chain(["--force"]).collect());
    assert!(message.contains("loud: step 1: expected a finite loss"), "{message}");
    assert!(files() == before, "a training without a validation changed what was there");
    afx_ok(train(&data, "gru", &out, &config));
    assert_eq!(std::fs::read_to_string(folder.join("m.log.jsonl")).unwrap().lines().count(), 1);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused_before_the_training() {
    let folder = Folder::new("train-out");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    std::fs::write(&config, settings(2)).unwrap();
    for name in ["m.safetensors", "m.checkpoint.safetensors", "m.log.jsonl"] {
        std::fs::create_dir(folder.join(name)).unwrap();
        let message = afx_err(train(&data, "gru", &out, &config));
        assert!(message.contains(&format!("{name}: --out: expected the name of a file to write, found a folder")), "{message}");
        std::fs::remove_dir(folder.join(name)).unwrap();
        assert_eq!(folder.names(), ["data", "train.toml"]);
    }
}

/// The last line of what a command says that fails; warnings are above it.
fn last_line(args: Vec<&str>) -> String {
    let out = afx(args);
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{text}");
    text.lines().last().unwrap().to_owned()
}

/// Writes recordings at two positions of a knob, the second one's wet audio after `change`.
fn recordings(folder: &Path, change: impl Fn(&mut [f32])) {
    let dry = plucks(24_000, 48_000);
    let captures = [0.0f32, 4.0].map(|drive| {
        let mut wet: Vec<f32> = dry.iter().map(|x| ((1.0 + drive) * x).tanh()).collect();
        if drive > 0.0 {
            change(&mut wet);
        }
        Capture::mono(format!("drive {drive}"), vec![drive], dry.clone(), wet)
    });
    let data = Dataset { sample_rate: 48_000, knobs: vec![Knob::new("drive", 0.0, 4.0)], captures: captures.to_vec() };
    data.write(folder, Format::Float32).unwrap();
}

#[test]
fn force_is_promised_only_where_it_helps() {
    let folder = Folder::new("train-force");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    std::fs::write(&config, settings(2)).unwrap();
    let force = |with: bool| train(&data, "concat-gru", &out, &config).into_iter().chain(with.then_some("--force")).collect::<Vec<_>>();
    // Silence cannot be trained on: nothing is promised, with the word or without.
    recordings(&data, |wet| wet.fill(0.0));
    let silent = last_line(force(false));
    assert!(silent.contains("drive 4") && silent.contains("sound in the wet file") && !silent.contains("--force"), "{silent}");
    assert_eq!(silent, last_line(force(true)));
    // What is late and what is very soft can.
    recordings(&data, |wet| wet.rotate_right(100));
    let late = last_line(force(false));
    assert!(late.contains(" frames late") && late.contains("--force trains on it all the same"), "{late}");
    afx_ok(force(true));
    recordings(&data, |wet| wet.iter_mut().for_each(|v| *v *= 5e-5));
    assert!(last_line(force(false)).contains("--force trains on it all the same"));
    afx_ok(force(true));
}

/// What is killed between the two goes on with its own log, or not at all.
#[test]
#[cfg(unix)]
fn a_log_is_the_trainings_own_before_its_checkpoint_is_written() {
    let folder = Folder::new("train-log-first");
    let (data, config, out) = (folder.join("data"), folder.join("train.toml"), folder.join("m.safetensors"));
    dataset(&data, &["drive"], &[0.0, 4.0], false);
    std::fs::write(&config, settings(2)).unwrap();
    let log = folder.bytes("m.log.jsonl", b"another's\n");
    // A checkpoint that cannot be written.
    std::os::unix::fs::symlink("no/folder", folder.join("m.checkpoint.safetensors")).unwrap();
    let line = afx_err(train(&data, "gru", &out, &config));
    assert!(line.contains("m.checkpoint.safetensors: write"), "{line}");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("another's") && log.contains("validation"), "{log}");
}
