//! What a training refuses, and in which words.

mod device;

use afx_io::dataset::{Capture, Dataset, Knob, Split};
use afx_io::tensors::Tensors;
use afx_models::{AnyAdapter, AnyLayer, Conditioning, Cover, Dense, Fir, Gru, ModelSpec, Network};
use afx_train::{Config, Event, LossKind, Material, TrainError, Trainer};
use device::{config, recordings, trainer};
use serde_json::json;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("afx-refusals-{}-{name}.safetensors", std::process::id()))
}

/// The words with which recordings are refused, after `change`.
fn refused(change: impl FnOnce(&mut Dataset)) -> String {
    let mut data = recordings(2000);
    change(&mut data);
    match Material::new(&data, 64, 0.1) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

fn replaced(capture: &Capture, dry: Vec<f32>, wet: Vec<f32>) -> Capture {
    Capture::mono(capture.name.clone(), capture.controls.clone(), dry, wet)
}

#[test]
fn silent_short_and_broken_recordings_are_refused_by_name() {
    let silent = |data: &mut Dataset| {
        let [dry, wet] = [vec![0.0; 2000], data.captures[1].wet[0].clone()];
        data.captures[1] = replaced(&data.captures[1], dry, wet);
    };
    assert_eq!(refused(silent), "recording drive 0.5: expected sound in the dry file, found silence");
    let muted = |data: &mut Dataset| data.captures[2].wet[0].fill(1e-6);
    assert_eq!(refused(muted), "recording drive 1: expected sound in the wet file, found silence");
    let short = |data: &mut Dataset| {
        let (dry, wet) = (data.captures[0].dry[0][..127].to_vec(), data.captures[0].wet[0][..127].to_vec());
        data.captures[0] = replaced(&data.captures[0], dry, wet);
    };
    // 127 frames, of which 12 are kept for validation.
    assert_eq!(refused(short), "recording drive 0: expected at least 128 frames to train on, found 115");
    let broken = |data: &mut Dataset| data.captures[1].wet[0][77] = f32::NAN;
    assert_eq!(refused(broken), "recording drive 0.5: expected finite wet samples, found another at frame 77");
    let stereo = |data: &mut Dataset| data.captures[1].wet.push(vec![0.1; 2000]);
    assert!(refused(stereo).contains("drive 0.5"), "a recording with two channels is named");
}

#[test]
fn a_data_set_without_a_part_to_train_or_to_validate_on_is_refused() {
    let marked = |split| move |data: &mut Dataset| data.captures.iter_mut().for_each(|c| c.split = Some(split));
    assert_eq!(refused(marked(Split::Valid)), "data: expected recordings to train on, found none");
    assert_eq!(refused(marked(Split::Test)), "data: expected recordings to train on, found none");
    assert_eq!(refused(|data| data.captures.clear()), "data: expected recordings to train on, found none");
    let error = Material::new(&recordings(2000), 64, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data: expected audio to validate on (validation_part is 0 and no recording is marked valid), found none"
    );
}

#[test]
fn a_silent_end_is_named_and_not_validated_on() {
    let fade = |data: &mut Dataset, i: usize, gain: f32| {
        let (mut dry, mut wet) = (data.captures[i].dry[0].clone(), data.captures[i].wet[0].clone());
        dry[1800..].iter_mut().chain(&mut wet[1800..]).for_each(|v| *v *= gain);
        data.captures[i] = replaced(&data.captures[i], dry, wet);
    };
    let model = ModelSpec::named("gru", 4, 1).and_then(|spec| spec.build()).expect("a known name");
    let errors = |data: &Dataset| {
        let material = Material::new(data, 64, 0.1).expect("recordings with sound at some end");
        let unheard: Vec<String> = material.unheard().into_iter().map(String::from).collect();
        (unheard, Trainer::new(model.clone(), material, config()).expect("the settings are sound").errors())
    };
    let mut data = recordings(2000);
    let (unheard, whole) = errors(&data);
    assert!(unheard.is_empty() && whole.len() == 3);
    fade(&mut data, 1, 0.0);
    let (unheard, heard) = errors(&data);
    let names: Vec<&str> = heard.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((unheard, names), (vec!["drive 0.5".to_string()], vec!["drive 0", "drive 1"]));
    for i in [0, 2] {
        fade(&mut data, i, 1e-6);
    }
    let error = Material::new(&data, 64, 0.1).unwrap_err().to_string();
    assert_eq!(error, "data: expected sound to validate on (the end of every recording, kept for validation, is silent), found none");

    // Nearly silent: an untrained model's bias is some hundred thousand times its energy, and must not decide.
    let mut data = recordings(2000);
    fade(&mut data, 1, 1e-3);
    let (unheard, quiet) = errors(&data);
    assert!(unheard.is_empty() && quiet[1].1 > 0.0 && quiet[1].1 < 1e3 * whole[1].1, "{quiet:?} against {whole:?}");
    fade(&mut data, 0, 0.2); // -14 dB is ordinary: its own energy counts
    let (_, softer) = errors(&data);
    assert!(softer[0].1 > whole[0].1, "{softer:?} against {whole:?}");
}

/// The words with which a trainer refuses to be built.
fn refused_by_trainer(model: &ModelSpec, data: &Dataset, config: Config) -> String {
    let material = Material::new(data, 64, 0.1).expect("the recordings are sound");
    match Trainer::new(model.build().expect("the sizes are sound"), material, config) {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_model_that_does_not_fit_the_recordings_is_refused() {
    let gru = |controls| ModelSpec::named("concat-gru", 4, controls).expect("a known name");
    let data = recordings(2000);
    assert_eq!(refused_by_trainer(&gru(2), &data, config()), "recording drive 0: expected 2 knobs, found 1");
    let mut more = data.clone();
    more.knobs.push(Knob::new("tone", 0.0, 1.0));
    more.captures.iter_mut().for_each(|c| c.controls.push(0.5));
    assert_eq!(refused_by_trainer(&gru(1), &more, config()), "recording drive 0: expected 1 knobs, found 2");
    let longer = Config { frames: 1024, ..config() };
    assert_eq!(refused_by_trainer(&gru(1), &data, longer), "recording drive 0: expected at least 2048 frames to train on, found 1800");
    let stereo = ModelSpec {
        layer: AnyLayer::stack(vec![Gru::new(2, 4).into(), Dense::new(4, 2).into()]),
        conditioning: Conditioning::Concat,
        controls: 1,
    };
    assert_eq!(refused_by_trainer(&stereo, &data, config()), "model: expected one input and one output, found 2 and 2");
}

#[test]
fn a_model_that_cannot_take_up_the_recordings_level_wants_it_as_it_is() {
    let fixed = |layer: AnyLayer| ModelSpec { layer, conditioning: Conditioning::Fixed, controls: 1 };
    for layer in [Gru::new(1, 1).into(), Fir { taps: 8 }.into(), AnyLayer::stack(vec![Dense::new(1, 1).into(), Gru::new(1, 1).into()])] {
        let words = refused_by_trainer(&fixed(layer.clone()), &recordings(2000), config());
        assert!(words.starts_with("model: expected affine maps at its input and output"), "{layer:?}: {words}");
        let as_it_is = Config { normalise: false, ..config() };
        let material = Material::new(&recordings(2000), 64, 0.1).expect("the recordings are sound");
        Trainer::new(fixed(layer).build().expect("the sizes are sound"), material, as_it_is).expect("a model of one in, one out");
    }
}

#[test]
fn a_buffer_too_short_for_the_loss_is_refused() {
    let model = ModelSpec::named("concat-gru", 4, 1).expect("a known name");
    let words = refused_by_trainer(&model, &recordings(2000), Config { loss: LossKind::Hybrid, ..config() });
    assert!(words.starts_with("loss: ") && words.contains("2048") && words.contains("64"), "{words}");
}

#[test]
fn a_loss_that_is_not_finite_stops_the_training_and_names_the_recording() {
    let mut data = recordings(2000);
    data.captures[1].wet[0].iter_mut().for_each(|v| *v = 1e30); // finite, its square is not
    let material = Material::new(&data, 64, 0.1).expect("large numbers are numbers");
    let model = ModelSpec::named("concat-gru", 4, 1).and_then(|spec| spec.build()).expect("a known name");
    let mut training = Trainer::new(model, material, config()).expect("the settings are sound");
    let before = training.learnt();
    let error = training.step().unwrap_err();
    assert!(matches!(&error, TrainError::NotFinite { step: 1, name } if name == "drive 0.5"), "{error}");
    assert_eq!(error.to_string(), "step 1: expected a finite loss, found another on recording drive 0.5; a lower learning_rate may help");
    assert_eq!((training.learnt(), training.progress().step), (before, 0));
}

#[test]
fn every_truncation_of_a_checkpoint_is_a_typed_error_and_changes_nothing() {
    let (path, small) = (file("truncated"), || trainer("gru", 2, Config { sequences: 2, ..config() }));
    let mut saved = small();
    assert!(matches!(saved.step(), Ok(Event::Step { .. })));
    saved.save(&path).expect("a checkpoint");
    let whole = std::fs::read(&path).expect("the file just written");
    let mut training = small();
    let before = training.learnt();
    let cut = std::fs::OpenOptions::new().write(true).open(&path).expect("the file just read");
    for len in (0..whole.len()).rev() {
        cut.set_len(len as u64).expect("a file of this test");
        let error = training.resume(&path).expect_err("a file cut short was taken for a whole one");
        assert!(matches!(error, TrainError::Io(_)), "{len} of {} bytes: {error}", whole.len());
    }
    assert_eq!(training.learnt(), before);
    std::fs::write(&path, &whole).expect("a folder for temporary files");
    training.resume(&path).expect("the whole file");
    assert_eq!(training.learnt(), saved.learnt());
    std::fs::remove_file(&path).expect("the file just read");
    assert!(matches!(training.resume(&path), Err(TrainError::Io(_))), "a file that is not there");
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let path = file("other");
    trainer("concat-gru", 4, config()).save(&path).expect("a checkpoint");
    let refuse = |name: &str, hidden, config: Config, words: &[&str]| {
        let error = trainer(name, hidden, config).resume(&path).expect_err("another training's checkpoint was accepted").to_string();
        assert!(words.iter().all(|w| error.contains(w)), "{error}");
    };
    refuse("concat-gru", 5, config(), &["progress.training.model.layer_tensors"]);
    refuse("film-gru", 4, config(), &["progress.training.model"]);
    let slower = Config { learning_rate: 1e-4, ..config() };
    refuse("concat-gru", 4, slower, &["progress.training.config.learning_rate: expected 0.0001, found 0.005"]);
    refuse("concat-gru", 4, Config { sequences: 16, ..config() }, &["progress.training.config.sequences: expected 16, found 17"]);
    let mut longer = trainer("concat-gru", 4, Config { steps: 99, validate_every: 7, patience: 2, ..config() });
    longer.resume(&path).expect("how long and how often may change");
    std::fs::remove_file(&path).expect("the file just read");
}

/// A trainer of `spec` on recordings after `change`, which knows what it trains.
fn specified(spec: &ModelSpec, change: impl FnOnce(&mut Dataset)) -> Trainer<AnyLayer, AnyAdapter> {
    let mut data = recordings(2000);
    change(&mut data);
    let material = Material::new(&data, 64, 0.1).expect("the recordings are sound");
    let trainer = Trainer::new(spec.build().expect("the sizes are sound"), material, config()).expect("the settings are sound");
    trainer.specified(spec).expect("a specification is JSON")
}

#[test]
fn a_checkpoint_of_another_model_or_other_recordings_is_refused() {
    let path = file("others");
    let film = |network| {
        let layer = AnyLayer::stack(vec![Gru::new(1, 4).into(), Dense::new(4, 1).into()]);
        ModelSpec { layer, conditioning: Conditioning::Film { network, cover: Cover::Cell }, controls: 1 }
    };
    let smooth = film(Network::smooth(3, 1));
    specified(&smooth, |_| ()).save(&path).expect("a checkpoint");
    specified(&smooth, |_| ()).resume(&path).expect("the same training");
    let refuse = |spec: &ModelSpec, change: &dyn Fn(&mut Dataset), words: &str| {
        let mut training = specified(spec, change);
        let before = training.learnt();
        let error = training.resume(&path).expect_err(words).to_string();
        assert!(error.starts_with(&format!("{}: progress.training.{words}", path.display())), "{error}");
        assert!(!error.contains('\n') && training.learnt() == before && training.progress().step == 0);
    };
    let same = |_: &mut Dataset| ();
    // As many numbers of the same names: a hyperbolic tangent or a rectifier, as many layers of other widths, the same device at another rate.
    let leaky = film(Network::leaky(3, 1));
    refuse(&leaky, &same, "model.spec.conditioning.activation: expected \"leaky_relu\", found \"tanh\"");
    refuse(&film(Network::smooth(4, 1)), &same, "model.spec.conditioning.width: expected 4, found 3");
    refuse(&smooth, &|data| data.sample_rate = 44_100, "sample_rate: expected 44100, found 48000");
    refuse(&smooth, &|data| data.knobs[0].name = "gain".into(), "knobs[0].name: expected \"gain\", found \"drive\"");
    refuse(&smooth, &|data| data.knobs[0].max = 1.25, "knobs \"drive\".max: expected 1.25, found 1.0");
    let moved = |data: &mut Dataset| data.captures[1].controls[0] = 0.55;
    refuse(&smooth, &moved, "recordings \"drive 0.5\".controls[0]: expected 0.1");
    let renamed = |data: &mut Dataset| data.captures[2].name = "drive 2".into();
    refuse(&smooth, &renamed, "recordings[2].name: expected \"drive 2\", found \"drive 1\"");
    let marked = |data: &mut Dataset| data.captures[2].split = Some(Split::Valid);
    refuse(&smooth, &marked, "recordings \"drive 0\".train[1]: expected 2000, found 1800");
    let shorter = |data: &mut Dataset| {
        let (dry, wet) = (data.captures[0].dry[0][..1990].to_vec(), data.captures[0].wet[0][..1990].to_vec());
        data.captures[0] = replaced(&data.captures[0], dry, wet);
    };
    refuse(&smooth, &shorter, "recordings \"drive 0\".frames: expected 1990, found 2000");
    // One bit of one sample, wet or dry.
    let wet = |data: &mut Dataset| data.captures[1].wet[0][1234] = f32::from_bits(data.captures[1].wet[0][1234].to_bits() ^ 1);
    refuse(&smooth, &wet, "recordings \"drive 0.5\".samples: expected \"fnv-1a ");
    let dry = |data: &mut Dataset| {
        let mut dry = data.captures[2].dry[0].clone();
        dry[77] = f32::from_bits(dry[77].to_bits() ^ 1);
        data.captures[2] = replaced(&data.captures[2], dry, data.captures[2].wet[0].clone());
    };
    refuse(&smooth, &dry, "recordings \"drive 1\".samples: expected \"fnv-1a ");
    refuse(&smooth, &|data| drop(data.captures.pop()), "recordings: expected 2 of them, found 3");
    std::fs::remove_file(&path).expect("the file just read");
}

#[test]
fn a_checkpoint_of_before_it_told_its_model_is_refused_in_words() {
    let path = file("old");
    let mut training = trainer("gru", 2, config());
    training.save(&path).expect("a checkpoint");
    let mut old = Tensors::read(&path).expect("the checkpoint just written");
    old.metadata.remove("version");
    old.write(&path).expect("a checkpoint");
    let error = training.resume(&path).expect_err("a checkpoint of no version was accepted").to_string();
    assert!(
        error.ends_with(
            "__metadata__.version: expected 2, found none, as afx wrote it before a checkpoint told its model and its audio; train anew"
        ),
        "{error}"
    );
    old.metadata.insert("version".into(), "3".into());
    old.write(&path).expect("a checkpoint");
    let error = training.resume(&path).expect_err("a checkpoint of another version was accepted").to_string();
    assert!(error.ends_with("__metadata__.version: expected 2, found 3"), "{error}");
    std::fs::remove_file(&path).expect("the file just read");
}

/// A checkpoint may come from anywhere: numbers that no training writes must not end in an overflow or in NaN.
#[test]
fn impossible_progress_is_refused() {
    let path = file("impossible");
    let small = || trainer("gru", 2, Config { sequences: 2, ..config() });
    small().save(&path).expect("a checkpoint");
    let sound = Tensors::read(&path).expect("the checkpoint just written");
    let nan = f64::NAN.to_bits();
    for (field, value) in [
        ("training", json!("another")),
        ("training", json!([])),
        ("step", json!(u64::MAX)),
        ("adam_step", json!(u64::MAX)),
        ("stale", json!(u32::MAX)),
        ("plateau", json!(u32::MAX)),
        ("sum", json!([0, u64::MAX])),
        ("lowered", json!(nan)),
        ("lowered", json!(2f64.to_bits())),
        ("best_esr", json!(nan)),
        ("sequences", json!([[0, 0, 1, true]])),
        ("sequences", json!([[0, 0, 1, true], [9, 0, 1, true]])),
        ("sequences", json!([[0, 0, 1, true], [0, u64::MAX, u64::MAX, false]])),
        ("sequences", json!([[0, 0, 1, true], [0, 1790, 1, false]])),
    ] {
        let mut file = sound.clone();
        let mut progress: serde_json::Value = serde_json::from_str(&file.metadata["progress"]).expect("JSON");
        progress[field] = value;
        file.metadata.insert("progress".into(), progress.to_string());
        file.write(&path).expect("a checkpoint");
        let mut training = small();
        let error = training.resume(&path).expect_err(field).to_string();
        assert!(error.contains(&format!("progress.{field}")), "{error}");
        training.step().expect("a trainer as before");
    }
    std::fs::remove_file(&path).expect("the file just read");
}
