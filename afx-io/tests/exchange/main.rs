//! Models of other programs: what they play here is what they play there, and what is written is what was read.

mod files;
mod golden;
mod refusals;

use afx_core::{Adapter, Layer};
use afx_io::ModelFile;

/// What a model plays in double precision with its knobs at `controls`, in `[-1, 1]`, after so many frames of silence.
fn play(model: &ModelFile, controls: &[f64], x: &[f64], silence: usize) -> Vec<f64> {
    let built = model.spec.build().unwrap();
    let learnt: Vec<f64> = model.learnt.iter().map(|v| f64::from(*v)).collect();
    let mut params = vec![0.0; Layer::<f64>::params_len(&built.layer)];
    let mut scratch = vec![0.0; Adapter::<f64>::scratch_len(&built.adapter)];
    built.adapter.realize(&learnt, controls, &mut scratch, &mut params);
    let mut state = vec![0.0; Layer::<f64>::state_len(&built.layer)];
    let x = [&vec![0.0; silence], x].concat();
    let mut y = vec![0.0; x.len()];
    built.layer.process(&params, &mut state, &x, &mut y);
    y.split_off(silence)
}

/// What a plugin plays, in single precision from rest.
fn play_single(model: &ModelFile, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    afx_core::Processor::process(&mut model.voice(1).unwrap(), &[x], &mut [&mut y]);
    y
}

/// Energy of the difference relative to that of `expected`.
fn esr(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let energy: f64 = expected.iter().map(|v| v * v).sum();
    found.iter().zip(expected).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / energy
}

fn worst(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}
