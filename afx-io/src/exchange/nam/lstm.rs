//! LSTM cells in a row and a dense head.
//!
//! For each cell its weights `[4 hidden, inputs + hidden]` row by row with the gates i, f, g, o, the sum of both biases, and the memory to start from,
//! h and then c; last the head's weight and bias.

use super::super::numbers::Numbers;
use super::super::parts::{Cell, CellKind, Parts};
use super::{Content, settings, weights};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelFile;
use afx_core::Layer;
use afx_models::{AnyLayer, Dense, Lstm};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    #[serde(default = "one")]
    input_size: usize,
    hidden_size: usize,
    #[serde(default = "one")]
    num_layers: usize,
}

fn one() -> usize {
    1
}

/// Numbers of cells of those sizes and their head, if that is a number.
fn count(hidden: usize, layers: usize) -> Option<usize> {
    let gates = hidden.checked_mul(4)?;
    let cell = |inputs: usize| gates.checked_mul(inputs.checked_add(hidden)?.checked_add(1)?)?.checked_add(2 * hidden);
    let others = layers.checked_sub(1)?.checked_mul(cell(hidden)?)?;
    cell(1)?.checked_add(others)?.checked_add(hidden)?.checked_add(1)
}

/// Reads `config` and `weights`.
pub(super) fn read(config: &str, numbers: &Numbers) -> Result<Parts> {
    let Config { input_size, hidden_size: hidden, num_layers } = settings(config, "an LSTM")?;
    for (field, expected, found) in
        [("input_size", 1..=1, input_size), ("hidden_size", 1..=4096, hidden), ("num_layers", 1..=64, num_layers)]
    {
        if !expected.contains(&found) {
            let expected = format!("{} to {}", expected.start(), expected.end());
            return Err(Error::new(ErrorKind::OutOfRange, format_args!("config.{field}"), expected, found));
        }
    }
    let mut rest = weights(numbers, count(hidden, num_layers))?;
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken
    };
    let mut parts = Parts::default();
    for layer in 0..num_layers {
        let inputs = if layer == 0 { 1 } else { hidden };
        let matrix = take(4 * hidden * (inputs + hidden));
        let columns = |from: usize, to: usize| {
            let row = |c: usize| matrix.chunks_exact(inputs + hidden).map(move |row| row[c]);
            (from..to).flat_map(row).collect::<Vec<f32>>()
        };
        let (w_ih, w_hh) = (columns(0, inputs), columns(inputs, inputs + hidden));
        let bias = take(4 * hidden).to_vec();
        // A voice starts at rest, whatever memory was learnt for the start.
        take(2 * hidden);
        parts.cell(Cell { kind: CellKind::Lstm, hidden, w_ih, w_hh, biases: Some([bias, vec![0.0; 4 * hidden]]) });
    }
    let weight = take(hidden).to_vec();
    parts.dense(1, weight, Some(take(1).to_vec()));
    Ok(parts)
}

/// The cells and the head of a model that is made of them.
fn cells(layer: &AnyLayer) -> Option<(Vec<Lstm>, Dense)> {
    let AnyLayer::Stack { layers } = layer else { return None };
    let (AnyLayer::Dense(head), cells) = layers.split_last()? else { return None };
    let cells: Vec<Lstm> =
        cells.iter().map(|cell| if let AnyLayer::Lstm(cell) = cell { Some(*cell) } else { None }).collect::<Option<_>>()?;
    let first = cells.first()?;
    let fit = first.inputs == 1 && head.outputs == 1 && cells.iter().all(|cell| cell.hidden == first.hidden);
    fit.then_some((cells, *head))
}

/// `config` and `weights` of a model without knobs; `None` where it has other layers.
pub(super) fn write(model: &ModelFile) -> Result<Option<Content>> {
    let Some((cells, head)) = cells(&model.spec.layer) else { return Ok(None) };
    let layout = model.layout()?;
    let tensor = |layer: usize, name: &str| {
        let tensor = layout.find(&format!("layer.{layer}.{name}"));
        tensor.map_or(&[][..], |tensor| &model.learnt[tensor.range()])
    };
    let hidden = cells[0].hidden;
    let mut weights = Vec::new();
    let mut x = vec![0.0f64];
    for (i, cell) in cells.iter().enumerate() {
        let (w_ih, w_hh) = (tensor(i, "w_ih"), tensor(i, "w_hh"));
        for row in 0..4 * hidden {
            let column = |w: &[f32]| w.iter().skip(row).step_by(4 * hidden).copied().collect::<Vec<f32>>();
            weights.extend(column(w_ih));
            weights.extend(column(w_hh));
        }
        let at = |bias: &[f32], row: usize| bias.get(row).copied().unwrap_or(0.0);
        weights.extend((0..4 * hidden).map(|row| at(tensor(i, "b_ih"), row) + at(tensor(i, "b_hh"), row)));
        let ([h, c], y) = rest(cell, &model.learnt, layout.find(&format!("layer.{i}.w_ih")).map_or(0, |t| t.offset), &x);
        weights.extend(h.iter().chain(&c).map(|v| *v as f32));
        x = y;
    }
    let last = cells.len();
    weights.extend(tensor(last, "weight"));
    weights.push(if head.bias { tensor(last, "bias")[0] } else { 0.0 });
    let config = serde_json::json!({ "input_size": 1, "hidden_size": hidden, "num_layers": cells.len() });
    Ok(Some(Content { version: super::VERSION, config, weights }))
}

/// Frames played beyond the point where hardly anything moves: the second that the format's trainer plays.
const SETTLED: usize = 48_000;

/// Where the memory of a cell comes to rest while its input stays at `x`, and the output there; its parameters begin at `offset`.
fn rest(cell: &Lstm, learnt: &[f32], offset: usize, x: &[f64]) -> ([Vec<f64>; 2], Vec<f64>) {
    let params: Vec<f64> = learnt[offset..offset + Layer::<f64>::params_len(cell)].iter().map(|v| f64::from(*v)).collect();
    let (mut state, mut y) = (vec![0.0; Layer::<f64>::state_len(cell)], vec![0.0; cell.hidden]);
    cell.rest(&params, &mut state, x, &mut y);
    for _ in 0..SETTLED {
        cell.process(&params, &mut state, x, &mut y);
    }
    (cell.memory(&state).map(<[f64]>::to_vec), y)
}
