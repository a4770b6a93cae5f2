//! What a model holds at fixed knobs: its learnt filters, and its hidden state while it plays.

use super::Error;
use afx::core::{Adapter, Layer, Role};
use afx::io::ModelFile;
use afx::models::AnyLayer;

/// The hidden state is looked at so many times a second.
const LOOKS: usize = 200;

/// The layer, and its parameters at these knobs.
fn realized(model: &ModelFile, knobs: &[f32]) -> Result<(AnyLayer, Vec<f32>), Error> {
    let parts = model.spec.build()?;
    let mut params = vec![0.0; Layer::<f32>::params_len(&parts.layer)];
    let mut scratch = vec![0.0; Adapter::<f32>::scratch_len(&parts.adapter)];
    parts.adapter.realize(&model.learnt, &model.normalise(knobs), &mut scratch, &mut params);
    Ok((parts.layer, params))
}

/// The FIR filters among a model's layers, as they are at these knobs.
///
/// # Errors
/// When the model's parts do not fit.
pub(super) fn learnt_filters(model: &ModelFile, knobs: &[f32]) -> Result<Vec<(String, Vec<f32>)>, Error> {
    let (layer, params) = realized(model, knobs)?;
    let layout = Layer::<f32>::layout(&layer);
    let filters = layout.tensors().iter().filter(|t| t.name == "taps" || t.name.ends_with(".taps"));
    Ok(filters.map(|t| (t.name.clone(), params[t.range()].to_vec())).collect())
}

/// `(seconds, norm)` every 5 ms: the norm of the hidden state, the outputs of the model's recurrent cells, while it plays `input` from rest. Nothing for
/// a model of several inputs or without such a cell.
///
/// # Errors
/// When the model's parts do not fit.
pub(super) fn hidden_norm(model: &ModelFile, knobs: &[f32], input: &[f32]) -> Result<Vec<(f64, f64)>, Error> {
    let (layer, params) = realized(model, knobs)?;
    let mut stages = Vec::new();
    stages_of(&layer, &params, &mut stages);
    if Layer::<f32>::inputs(&layer) != 1 || !stages.iter().any(Stage::remembers) {
        return Ok(Vec::new());
    }
    settle(&mut stages, vec![0.0]);
    let block = (model.sample_rate as usize / LOOKS).max(1);
    let look = |(i, x): (usize, &[f32])| {
        let mut sum = 0.0;
        play(&mut stages, x.to_vec(), &mut sum);
        ((i * block + x.len()) as f64 / f64::from(model.sample_rate), sum.sqrt())
    };
    Ok(input.chunks(block).enumerate().map(look).collect())
}

/// One layer of a chain with its parameters and its memory.
struct Stage<'a> {
    layer: &'a AnyLayer,
    params: &'a [f32],
    state: Vec<f32>,
    /// Whether its output is a memory: one of its affine maps reads that.
    recurrent: bool,
    /// What a skip goes around; empty for other layers.
    around: Vec<Stage<'a>>,
}

impl Stage<'_> {
    fn remembers(&self) -> bool {
        self.recurrent || self.around.iter().any(Stage::remembers)
    }
}

/// The layers of a stack in order, or the layer itself.
fn stages_of<'a>(layer: &'a AnyLayer, params: &'a [f32], stages: &mut Vec<Stage<'a>>) {
    let AnyLayer::Stack { layers } = layer else {
        let mut around = Vec::new();
        if let AnyLayer::Skip(skip) = layer {
            stages_of(&skip.layer, params, &mut around);
        }
        let recurrent = around.is_empty() && Layer::<f32>::layout(layer).affine_maps().iter().any(|map| map.role == Role::Recurrent);
        stages.push(Stage { layer, params, state: vec![0.0; Layer::<f32>::state_len(layer)], recurrent, around });
        return;
    };
    let mut rest = params;
    for layer in layers {
        let (own, others) = rest.split_at(Layer::<f32>::params_len(layer)); // a stack's parameters are those of its layers in order
        stages_of(layer, own, stages);
        rest = others;
    }
}

/// Brings the stages to rest while the frame `x` comes in; the frame that goes out.
fn settle(stages: &mut [Stage], mut x: Vec<f32>) -> Vec<f32> {
    for stage in stages {
        let mut y = vec![0.0; Layer::<f32>::outputs(stage.layer)];
        stage.layer.reset(stage.params, &mut stage.state);
        if stage.around.is_empty() {
            stage.layer.rest(stage.params, &mut stage.state, &x, &mut y);
        } else {
            y = sum(settle(&mut stage.around, x.clone()), &x);
        }
        x = y;
    }
    x
}

/// Plays `x`, and adds the last squares of every memory to `squares`.
fn play(stages: &mut [Stage], mut x: Vec<f32>, squares: &mut f64) -> Vec<f32> {
    for stage in stages {
        let (inputs, outputs) = (Layer::<f32>::inputs(stage.layer), Layer::<f32>::outputs(stage.layer));
        let mut y = vec![0.0; x.len() / inputs * outputs];
        if stage.around.is_empty() {
            stage.layer.process(stage.params, &mut stage.state, &x, &mut y);
        } else {
            y = sum(play(&mut stage.around, x.clone(), squares), &x);
        }
        if stage.recurrent {
            *squares += y[y.len() - outputs..].iter().map(|h| f64::from(*h).powi(2)).sum::<f64>();
        }
        x = y;
    }
    x
}

fn sum(mut y: Vec<f32>, x: &[f32]) -> Vec<f32> {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx::models::ModelSpec;

    /// An untrained model.
    fn model(name: &str) -> ModelFile {
        let spec = ModelSpec::named(name, 8, 1).unwrap();
        let mut seed = 1u32;
        let learnt = spec.build().unwrap().initialize(&mut || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed) / 2f64.powi(31) - 1.0
        });
        let knobs = vec![afx::io::dataset::Knob::new("drive", 0.0, 1.0)];
        ModelFile::new(name, spec, 48_000, knobs, learnt)
    }

    #[test]
    fn the_hidden_state_rests_moves_with_a_tone_and_rests_again() {
        for name in ["concat-gru", "static-hyper-gru", "hyper-gru", "film-lstm", "rnn"] {
            let model = model(name);
            let mut input = vec![0.0; 2400];
            input.extend((0..4800).map(|n| 0.5 * (0.13 * n as f32).sin()));
            input.resize(96_000, 0.0);
            let norms = hidden_norm(&model, &[0.3], &input).unwrap();
            assert_eq!(norms.len(), 400);
            let (first, last) = (norms[0].1, norms[399].1);
            // The rest found is within 1e-5 of where the cell stays, and is where it returns to.
            assert!((norms[9].1 - first).abs() < 1e-5 && (last - first).abs() < 1e-4, "{name}: {first} {} {last}", norms[9].1);
            assert!(norms[10..30].iter().any(|n| (n.1 - first).abs() > 1e-3), "{name}");
            assert!(norms.iter().all(|n| n.1 < 8f64.sqrt()), "{name}"); // 8 numbers below 1
        }
    }

    #[test]
    fn a_skip_leaves_the_hidden_state_as_it_is() {
        let plain = model("concat-gru");
        let layer = AnyLayer::skip(plain.spec.layer.clone());
        let skipped = ModelFile { spec: ModelSpec { layer, ..plain.spec.clone() }, ..plain.clone() };
        let input: Vec<f32> = (0..2400).map(|n| 0.5 * (0.13 * n as f32).sin()).collect();
        let norms = hidden_norm(&plain, &[0.3], &input).unwrap();
        assert!(norms.iter().any(|n| n.1 > 1e-2));
        assert_eq!(hidden_norm(&skipped, &[0.3], &input).unwrap(), norms);
    }
}
