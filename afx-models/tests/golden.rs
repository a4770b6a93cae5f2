//! Outputs and gradients of every cell under every kind of conditioning against PyTorch and PyNeuralFx, in double precision.

mod pyneuralfx;

use afx_core::{Adapter, Conditioned, Differentiable, Layer};
use afx_models::{
    AnyAdapter, AnyLayer, Conditioning, Conv1d, Cover, Dense, Dynamics, Function, Gru, Iir, Lstm, ModelSpec, Network, Nonlinear, Pointwise,
    Rnn, S4d, StateDelay, Tfilm, WaveNet, WaveNetArray, WaveNetLayer,
};
use pyneuralfx::Reference;

/// The project's own vectors, float64: both sides round at 1e-16, and the worst found is below 1e-15; another libm may differ more.
const DOUBLE: f64 = 1e-13;

fn own(name: &str) -> Reference {
    Reference::open(&format!("{}/tests/golden/{name}.safetensors", env!("CARGO_MANIFEST_DIR"))).expect("committed beside this test")
}

fn shared(name: &str) -> Option<Reference> {
    Reference::open(&format!("{}/../../shared/golden/conditioned/{name}.safetensors", env!("CARGO_MANIFEST_DIR")))
}

/// `[channels, frames]` to frames, and back with the sizes swapped.
fn interleave(planar: &[f64], channels: usize) -> Vec<f64> {
    let frames = planar.len() / channels;
    (0..planar.len()).map(|i| planar[i % channels * frames + i / channels]).collect()
}

fn planar(interleaved: &[f64], channels: usize) -> Vec<f64> {
    interleave(interleaved, interleaved.len() / channels)
}

/// Output, mean squared error and all its gradients of one sequence from state zero, planar.
struct Pass {
    output: Vec<f64>,
    loss: f64,
    dinput: Vec<f64>,
    dlearnt: Vec<f64>,
    dcontrols: Vec<f64>,
}

fn pass(model: &Conditioned<AnyLayer, AnyAdapter>, learnt: &[f64], controls: &[f64], input: &[f64], target: &[f64]) -> Pass {
    let (layer, adapter) = (&model.layer, &model.adapter);
    let (inputs, outputs) = (Layer::<f64>::inputs(layer), Layer::<f64>::outputs(layer));
    let (x, target) = (interleave(input, inputs), interleave(target, outputs));
    let mut params = vec![0.0; Layer::<f64>::params_len(layer)];
    let mut scratch = vec![0.0; Adapter::<f64>::scratch_len(adapter)];
    adapter.realize(learnt, controls, &mut scratch, &mut params);
    let mut state = vec![0.0; Layer::<f64>::state_len(layer)];
    layer.reset(&params, &mut state);
    let mut tape = vec![f64::NAN; Differentiable::<f64>::tape_len(layer, x.len() / inputs)];
    let mut y = vec![0.0; target.len()];
    layer.forward(&params, &mut state, &x, &mut y, &mut tape);
    let n = y.len() as f64;
    let dy: Vec<f64> = y.iter().zip(&target).map(|(y, t)| 2.0 * (y - t) / n).collect();
    let (mut dx, mut dparams) = (vec![0.0; x.len()], vec![0.0; params.len()]);
    layer.backward(&params, &x, &y, &mut tape, &dy, &mut dx, &mut dparams);
    let (mut dlearnt, mut dcontrols) = (vec![0.0; learnt.len()], vec![0.0; controls.len()]);
    adapter.realize_backward(learnt, controls, &mut scratch, &dparams, &mut dlearnt, &mut dcontrols);
    let loss = y.iter().zip(&target).map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / n;
    Pass { output: planar(&y, outputs), loss, dinput: planar(&dx, inputs), dlearnt, dcontrols }
}

/// The largest `|a - b| / max(1, |b|)` times `scale` is at most `tolerance`.
fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}[{i}]: expected {e:e}, found {f:e}");
    }
}

/// Every tensor of the layout one by one, so that a failure names it; the gaps between them stay zero.
fn assert_learnt(model: &Conditioned<AnyLayer, AnyAdapter>, found: &[f64], expected: &[f64], tolerance: f64) {
    let layout = Adapter::<f64>::layout(&model.adapter);
    let mut gap = vec![true; found.len()];
    for tensor in layout.tensors() {
        gap[tensor.range()].fill(false);
        assert_close(&tensor.name, &found[tensor.range()], &expected[tensor.range()], tolerance);
    }
    assert!(found.iter().zip(gap).all(|(g, gap)| !gap || *g == 0.0), "a gap between tensors has a gradient");
}

/// One sequence of 96 frames: output, loss and every gradient.
fn one_sequence(name: &str) {
    let reference = own(name);
    let model = reference.model();
    let controls = if name.starts_with("snapshot") { &[] } else { &reference["controls"] };
    let pass = pass(&model, &reference.learnt(""), controls, &reference["input"], &reference["target"]);
    assert_close("output", &pass.output, &reference["output"], DOUBLE);
    assert_close("loss", &[pass.loss], &reference["loss"], DOUBLE);
    assert_close("grad.input", &pass.dinput, &reference["grad.input"], DOUBLE);
    assert_learnt(&model, &pass.dlearnt, &reference.learnt("grad."), DOUBLE);
    if !controls.is_empty() {
        assert_close("grad.controls", &pass.dcontrols, &reference["grad.controls"], DOUBLE);
        assert!(pass.dcontrols.iter().all(|d| d.abs() > 1e-6), "the knobs do nothing here: this test would see nothing");
    }
}

/// Three sequences at different knob positions; the loss is the mean over all of them.
fn batch(name: &str) {
    let reference = own(name);
    let (model, learnt) = (reference.model(), reference.learnt(""));
    let mut loss = 0.0;
    for i in 0..3 {
        let row = |name: &str| {
            let all = &reference[name];
            &all[i * all.len() / 3..(i + 1) * all.len() / 3]
        };
        let controls = if name.starts_with("snapshot") { &[] } else { row("batch.controls") };
        let pass = pass(&model, &learnt, controls, row("batch.input"), row("batch.target"));
        let third = |values: &[f64]| values.iter().map(|v| v / 3.0).collect::<Vec<_>>();
        assert_close("batch.output", &pass.output, row("batch.output"), DOUBLE);
        assert_close("batch.grad.input", &third(&pass.dinput), row("batch.grad.input"), DOUBLE);
        if !controls.is_empty() {
            assert_close("batch.grad.controls", &third(&pass.dcontrols), row("batch.grad.controls"), DOUBLE);
        }
        loss += pass.loss / 3.0;
    }
    assert_close("adam.losses[0]", &[loss], &reference["adam.losses"][..1], DOUBLE);
}

/// 512 frames that the toolkit ran in float32; we run the same numbers in double precision.
fn published(name: &str) {
    let Some(reference) = shared(name) else { return };
    let model = reference.model();
    let input = &reference["input"];
    let target: Vec<f64> = input.iter().map(|x| 0.5 * (3.0 * x).tanh()).collect();
    let controls = if name.starts_with("snapshot") { &[] } else { &reference["controls"] };
    let pass = pass(&model, &reference.learnt(""), controls, input, &target);
    // float32 rounds at 6e-8 and the recurrence adds a few of those up. A gradient sums 512 such frames: 4e-7 found.
    assert_close("output", &pass.output, &reference["output"], 3e-7);
    assert_learnt(&model, &pass.dlearnt, &reference.learnt("grad."), 1e-6);
    let largest = pass.dlearnt.iter().fold(0f64, |m, v| m.max(v.abs()));
    assert!(largest > 1e-2, "gradients too small for an absolute tolerance: {largest:e}");
}

/// Those put together of torch's convolutions, with the memory of a whole signal: see `tests/convolutional.rs` for the toolkit's.
#[test]
fn convolutional_cells_equal_torchs() {
    for name in ["snapshot-tcn", "concat-tcn-stereo", "film-tcn", "snapshot-gcn-stereo", "concat-gcn", "film-gcn"] {
        one_sequence(name);
        batch(name);
    }
}

/// Every tensor of a layer, the output, and every gradient, with nothing but the layer.
fn alone(name: &str, layer: AnyLayer) {
    by_our_names(name, ModelSpec { layer, conditioning: Conditioning::Fixed, controls: 0 });
}

/// Every tensor under its name in the adapter's layout (without `layer.`), the output, and every gradient.
fn by_our_names(name: &str, spec: ModelSpec) {
    let reference = own(name);
    let model = spec.build().expect("the sizes are sound");
    let controls = if spec.controls > 0 { &reference["controls"] } else { &[] };
    let layout = Adapter::<f64>::layout(&model.adapter);
    let read = |prefix: &str| {
        let mut numbers = vec![0.0; layout.len()];
        for tensor in layout.tensors() {
            let own = tensor.name.strip_prefix("layer.").unwrap_or(&tensor.name);
            numbers[tensor.range()].copy_from_slice(&reference[&format!("{prefix}{own}")]);
        }
        numbers
    };
    let pass = pass(&model, &read(""), controls, &reference["input"], &reference["target"]);
    assert_close("output", &pass.output, &reference["output"], DOUBLE);
    assert_close("loss", &[pass.loss], &reference["loss"], DOUBLE);
    assert_close("grad.input", &pass.dinput, &reference["grad.input"], DOUBLE);
    assert_learnt(&model, &pass.dlearnt, &read("grad."), DOUBLE);
    if spec.controls > 0 {
        assert_close("grad.controls", &pass.dcontrols, &reference["grad.controls"], DOUBLE);
        assert!(pass.dcontrols.iter().all(|d| d.abs() > 1e-6), "the knobs do nothing here: this test would see nothing");
    }
}

/// The reference is the recurrence, and equals the published kernel convolved by FFT.
#[test]
fn a_state_space_layer_equals_torchs() {
    alone("s4d", S4d { channels: 5, states: 3 }.into());
}

/// Four blocks of 20 frames and a part of a fifth.
#[test]
fn a_temporal_modulation_equals_torchs() {
    alone("tfilm", Tfilm { hidden: 4, ..Tfilm::new(3, 20) }.into());
}

/// Every cell at hosts' sample rates above and below its own, with polynomials of every kind of order: those of odd and even order around the ratio,
/// those that the frame before cuts off, and the line.
#[test]
fn cells_at_another_rate_equal_torchs_with_delayed_states() {
    let reference = own("state-delay");
    let layer = AnyLayer::stack(vec![Lstm::new(1, 4).into(), Gru::new(4, 3).into(), Rnn::new(3, 2).into(), Dense::new(2, 1).into()]);
    let mut params = vec![0.0; Layer::<f64>::params_len(&layer)];
    for tensor in Layer::<f64>::layout(&layer).tensors() {
        params[tensor.range()].copy_from_slice(&reference[&tensor.name]);
    }
    let x = &reference["input"];
    let rates = [
        (44100, 48000, 1),
        (44100, 48000, 3),
        (48000, 44100, 4),
        (44100, 88200, 3),
        (44100, 96000, 3),
        (44100, 160000, 2),
        (44100, 160000, 5),
    ];
    for (layer_hz, host_hz, order) in rates {
        let delayed = StateDelay::with_order::<f64>(layer.clone(), layer_hz, host_hz, order).expect("cells and a dense layer");
        let mut state = vec![0.0; Layer::<f64>::state_len(&delayed)];
        let mut y = vec![0.0; x.len()];
        delayed.reset(&params, &mut state);
        delayed.process(&params, &mut state, x, &mut y);
        assert_close("output", &y, &reference[&format!("output.{host_hz}.{order}")], DOUBLE);
    }
    assert_eq!(reference.names().filter(|name| name.starts_with("output.")).count(), rates.len());
}

/// A GRU's weights and a dilated convolution's, moved by knobs in three directions.
#[test]
fn low_rank_hypernetworks_equal_torchs() {
    let convolution =
        vec![Conv1d::new(2, 5, 3, 4).into(), Nonlinear { width: 5, function: Function::Tanh }.into(), Dense::new(5, 2).into()];
    for (name, layers, cover) in
        [("low-rank-gru", vec![Gru::new(1, 5).into(), Dense::new(5, 1).into()], Cover::Cell), ("low-rank-conv1d", convolution, Cover::All)]
    {
        let conditioning = Conditioning::LowRankHyper { network: Network::smooth(4, 2), rank: 3, cover };
        by_our_names(name, ModelSpec { layer: AnyLayer::stack(layers), conditioning, controls: 2 });
    }
}

/// Put together of torch's convolutions; the file of Neural Amp Modeler's own output is in `afx-io`.
#[test]
fn wavenets_equal_torchs() {
    for (name, gate, width) in [("wavenet", None, 1), ("wavenet-gated", Some(Pointwise::Sigmoid), 2)] {
        let layer = |(kernel, dilation)| WaveNetLayer { kernel, dilation, activation: Pointwise::Tanh, gate };
        let layers = |sizes: [(usize, usize); 2]| sizes.map(layer).into();
        let arrays = vec![
            WaveNetArray { channels: 3, bottleneck: 5, layers: layers([(3, 1), (2, 7)]), head_kernel: 1, head_bias: false },
            WaveNetArray { channels: 2, bottleneck: 4, layers: layers([(1, 1), (3, 5)]), head_kernel: 4, head_bias: true },
        ];
        alone(name, WaveNet { inputs: width, outputs: width, arrays, head_scale: 0.75 }.into());
    }
}

/// The reference's filters are difference equations of the transfer functions.
#[test]
fn a_grey_box_equals_torchs() {
    let curve = Nonlinear { width: 4, function: Function::Tanh }.into();
    let layers = vec![Iir { sections: 3 }.into(), Dense::new(1, 4).into(), curve, Dense::new(4, 1).into(), Iir { sections: 2 }.into()];
    alone("grey-box", AnyLayer::stack(layers));
}

/// The reference is in decibels, in the form in which it was published.
#[test]
fn dynamics_equal_torchs() {
    alone("dynamics", Dynamics.into());
}

macro_rules! golden {
    ($($module:ident: $file:literal, $stereo:literal;)+) => {
        $(mod $module {
            #[test]
            fn one_sequence_and_all_its_gradients_equal_the_references() {
                super::one_sequence($file);
            }
            #[test]
            fn two_channels_and_sizes_that_no_vector_divides_equal_the_references() {
                super::one_sequence($stereo);
            }
            #[test]
            fn a_batch_at_three_knob_positions_equals_the_references() {
                super::batch($file);
                super::batch($stereo);
            }
            #[test]
            fn the_published_toolkits_output_and_gradients_are_met() {
                super::published($file);
            }
        })+
    };
}

golden! {
    snapshot: "snapshot-gru", "snapshot-gru-stereo";
    concat: "concat-gru", "concat-gru-stereo";
    film: "film-gru", "film-gru-stereo";
    static_hyper: "statichyper-gru", "statichyper-gru-stereo";
    snapshot_lstm: "snapshot-lstm", "snapshot-lstm-stereo";
    concat_lstm: "concat-lstm", "concat-lstm-stereo";
    film_lstm: "film-lstm", "film-lstm-stereo";
    static_hyper_lstm: "statichyper-lstm", "statichyper-lstm-stereo";
    snapshot_rnn: "snapshot-vanilla_rnn", "snapshot-vanilla_rnn-stereo";
    concat_rnn: "concat-vanilla_rnn", "concat-vanilla_rnn-stereo";
    film_rnn: "film-vanilla_rnn", "film-vanilla_rnn-stereo";
    static_hyper_rnn: "statichyper-vanilla_rnn", "statichyper-vanilla_rnn-stereo";
    dynamic_hyper_gru: "dynamichyper-gru", "dynamichyper-gru-stereo";
    dynamic_hyper_lstm: "dynamichyper-lstm", "dynamichyper-lstm-stereo";
}
