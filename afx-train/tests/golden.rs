//! Adam and truncated back-propagation through time against PyTorch, first in double precision, then by the trainer itself.

#[path = "../../afx-models/tests/pyneuralfx/mod.rs"]
mod pyneuralfx;

use afx_core::{ALIGN, Adapter, Conditioned, Differentiable, Layer};
use afx_io::dataset::{Capture, Dataset, Knob, Split};
use afx_io::tensors::{Data, Tensors};
use afx_models::{AnyAdapter, AnyLayer};
use afx_train::{Adam, Config, Event, LossKind, Material, Schedule, Trainer, clip_norm};
use pyneuralfx::Reference;

/// Both sides round at 1e-16 and the worst found after ten steps is below 1e-14; another libm may differ more.
const DOUBLE: f64 = 1e-13;

fn own(name: &str) -> Reference {
    let path = format!("{}/../afx-models/tests/golden/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
    Reference::open(&path).expect("committed beside the tests of afx-models")
}

fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}[{i}]: expected {e:e}, found {f:e}");
    }
}

/// A batch of three sequences in double precision, put together from the parts that the trainer uses.
struct Batch {
    reference: Reference,
    model: Conditioned<AnyLayer, AnyAdapter>,
    learnt: Vec<f64>,
    states: Vec<Vec<f64>>,
    channels: usize,
}

impl Batch {
    fn new(name: &str) -> Self {
        let reference = own(name);
        let (model, learnt) = (reference.model(), reference.learnt(""));
        let states = vec![vec![0.0; Layer::<f64>::state_len(&model.layer)]; 3];
        let channels = Layer::<f64>::inputs(&model.layer);
        assert_eq!(channels, Layer::<f64>::outputs(&model.layer), "the files have as many outputs as inputs");
        Batch { reference, model, learnt, states, channels }
    }

    fn controls(&self, sequence: usize) -> &[f64] {
        match Adapter::<f64>::controls(&self.model.adapter) {
            0 => &[],
            n => &self.reference["batch.controls"][sequence * n..(sequence + 1) * n],
        }
    }

    /// Frames `start..start + frames` of a sequence of `[3, channels, frames]`, interleaved.
    fn piece(&self, name: &str, sequence: usize, start: usize, frames: usize) -> Vec<f64> {
        let all = &self.reference[name];
        let total = all.len() / (3 * self.channels);
        let at = |i: usize| (sequence * self.channels + i % self.channels) * total + start + i / self.channels;
        (0..frames * self.channels).map(|i| all[at(i)]).collect()
    }

    /// The mean squared error over the batch and its gradient; the states move on.
    fn gradient(&mut self, start: usize, frames: usize) -> (f64, Vec<f64>) {
        let (mut loss, mut gradient) = (0.0, vec![0.0; self.learnt.len()]);
        for i in 0..3 {
            let (x, target) = (self.piece("batch.input", i, start, frames), self.piece("batch.target", i, start, frames));
            let controls = self.controls(i).to_vec();
            let Conditioned { layer, adapter } = &self.model;
            let mut params = vec![0.0; Layer::<f64>::params_len(layer)];
            let mut scratch = vec![0.0; Adapter::<f64>::scratch_len(adapter)];
            adapter.realize(&self.learnt, &controls, &mut scratch, &mut params);
            let (mut y, mut tape) = (vec![0.0; target.len()], vec![0.0; Differentiable::<f64>::tape_len(layer, frames)]);
            layer.forward(&params, &mut self.states[i], &x, &mut y, &mut tape);
            let count = 3.0 * y.len() as f64;
            let dy: Vec<f64> = y.iter().zip(&target).map(|(y, t)| 2.0 * (y - t) / count).collect();
            loss += y.iter().zip(&target).map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / count;
            let mut dparams = vec![0.0; params.len()];
            layer.backward(&params, &x, &y, &mut tape, &dy, &mut [], &mut dparams);
            adapter.realize_backward(&self.learnt, &controls, &mut scratch, &dparams, &mut gradient, &mut vec![0.0; controls.len()]);
        }
        (loss, gradient)
    }
}

/// Ten steps on the same batch from state zero: eleven losses, and every parameter afterwards.
fn ten_steps(name: &str) {
    let mut batch = Batch::new(name);
    let mut adam = Adam::new(batch.learnt.len());
    let mut losses = Vec::new();
    for step in 0..=10 {
        batch.states.iter_mut().for_each(|s| s.fill(0.0));
        let (loss, gradient) = batch.gradient(0, 96);
        losses.push(loss);
        if step < 10 {
            adam.step(1e-3, &mut batch.learnt, &gradient);
        }
    }
    assert_close("adam.losses", &losses, &batch.reference["adam.losses"], DOUBLE);
    assert!(losses[10] < 0.99 * losses[0], "the steps did nothing");
    // An element whose gradient is rounding noise moves by the noise's sign: none of these files has one.
    assert_close("adam parameters", &batch.learnt, &batch.reference.learnt("adam."), DOUBLE);
}

#[test]
fn ten_adam_steps_of_every_model_equal_pytorchs() {
    for cell in ["gru", "lstm", "vanilla_rnn"] {
        for conditioning in ["snapshot", "concat", "film", "statichyper"] {
            ten_steps(&format!("{conditioning}-{cell}"));
            ten_steps(&format!("{conditioning}-{cell}-stereo"));
        }
    }
    for cell in ["gru", "lstm"] {
        ten_steps(&format!("dynamichyper-{cell}"));
        ten_steps(&format!("dynamichyper-{cell}-stereo"));
    }
    for name in ["snapshot-tcn", "concat-tcn-stereo", "film-tcn", "snapshot-gcn-stereo", "concat-gcn", "film-gcn"] {
        ten_steps(name);
    }
}

/// One step a buffer, with the memory carried.
const BUFFERED: [&str; 5] = ["concat-gru-tbptt", "statichyper-gru-tbptt", "concat-lstm-tbptt", "concat-tcn-tbptt", "film-gcn-tbptt"];

#[test]
fn four_buffers_with_carried_memory_and_clipping_equal_pytorchs() {
    for name in BUFFERED {
        let mut batch = Batch::new(name);
        let mut adam = Adam::new(batch.learnt.len());
        // The memory of convolutions is what went in, and the losses are those of its frames.
        let recurrent = !name.contains("cn-");
        let (mut losses, mut norms, mut states) = (Vec::new(), Vec::new(), Vec::new());
        for buffer in 0..4 {
            let (loss, mut gradient) = batch.gradient(96 * buffer, 96);
            losses.push(loss);
            norms.push(clip_norm(&mut gradient, 3.0));
            if recurrent {
                // Eight units of each row of the memory: h, and c where the reference has one.
                let rows = batch.reference["tbptt.states"].len() / (4 * 3 * 8);
                states.extend(batch.states.iter().flat_map(|s| s.chunks(ALIGN).take(rows).flat_map(|row| row[..8].to_vec())));
            }
            adam.step(1e-3, &mut batch.learnt, &gradient);
        }
        assert!(norms.iter().any(|n| *n > 3.0), "nothing was clipped: this test would see nothing");
        assert_close("tbptt.losses", &losses, &batch.reference["tbptt.losses"], DOUBLE);
        assert_close("tbptt.norms", &norms, &batch.reference["tbptt.norms"], DOUBLE);
        if recurrent {
            assert_close("tbptt.states", &states, &batch.reference["tbptt.states"], DOUBLE);
        }
        assert_close("tbptt parameters", &batch.learnt, &batch.reference.learnt("tbptt."), DOUBLE);
    }
}

/// The trainer as users run it, started from the reference's numbers by way of a checkpoint, follows PyTorch for four buffers.
#[test]
fn the_trainer_itself_follows_pytorch() {
    for name in BUFFERED {
        let batch = Batch::new(name);
        let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let mut captures: Vec<Capture> = (0..3)
            .map(|i| {
                let (dry, wet) = (batch.piece("batch.input", i, 0, 384), batch.piece("batch.target", i, 0, 384));
                Capture::mono(format!("sequence {i}"), single(batch.controls(i)), single(&dry), single(&wet))
            })
            .collect();
        captures.push(Capture { name: "validation".into(), split: Some(Split::Valid), ..captures[0].clone() });
        let knobs = vec![Knob::new("a", -1.0, 1.0), Knob::new("b", -1.0, 1.0)];
        let data = Dataset { sample_rate: 48_000, knobs, captures };
        let config = Config {
            sequences: 3,
            frames: 96,
            buffers: 4,
            warm_up: 0,
            learning_rate: 1e-3,
            clip_norm: 3.0,
            loss: LossKind::Mse,
            schedule: Schedule::Constant,
            normalise: false, // PyTorch saw the numbers as they are
            mind_polarity: false,
            ..Config::default()
        };
        let material = Material::new(&data, config.frames, 0.0).expect("the recordings are sound");
        let mut trainer = Trainer::new(batch.reference.model(), material, config).expect("the settings are sound");

        let path = std::env::temp_dir().join(format!("afx-{}-{name}.safetensors", std::process::id()));
        trainer.save(&path).expect("a checkpoint");
        let mut file = Tensors::read(&path).expect("the checkpoint just written");
        let mut progress: serde_json::Value = serde_json::from_str(&file.metadata["progress"]).expect("JSON");
        progress["sequences"] = serde_json::json!([[0, 0, 4, true], [1, 0, 4, true], [2, 0, 4, true]]);
        file.metadata.insert("progress".into(), progress.to_string());
        let learnt = file.tensors.iter_mut().find(|t| t.name == "learnt").expect("the learnt numbers");
        learnt.data = Data::F32(single(&batch.learnt));
        file.write(&path).expect("a checkpoint");
        trainer.resume(&path).expect("the checkpoint fits");
        std::fs::remove_file(&path).expect("the file just read");

        for buffer in 0..4 {
            let Ok(Event::Step { loss, gradient_norm, .. }) = trainer.step() else { panic!("a step failed") };
            let expected = |what: &str| &batch.reference[what][buffer..=buffer];
            // Single precision and tanh to 3e-7, 96 recurrent frames; a forgotten state shows as 5e-3.
            assert_close("tbptt.losses", &[loss], expected("tbptt.losses"), 1e-6);
            assert_close("tbptt.norms", &[gradient_norm], expected("tbptt.norms"), 5e-6);
        }
        let found: Vec<f64> = trainer.learnt().iter().map(|v| f64::from(*v)).collect();
        // Adam divides by the gradient's size: an element with a tiny gradient keeps none of its relative accuracy. A forgotten clip
        // shows as 6e-4.
        assert_close("tbptt parameters", &found, &batch.reference.learnt("tbptt."), 5e-6);
    }
}
