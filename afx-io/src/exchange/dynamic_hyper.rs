//! PyNeuralFx' DynamicHyper models of one input: a smaller cell `hyper_rnn`, fed with the larger one's memory and the knobs, and for each gate of the larger
//! one tensors of its own.
//!
//! The toolkit gives the map from the input a column for every knob, all of which see the one signal: their sum is ours.

use super::parts::{CellKind, transposed};
use super::pyneuralfx::{Reader, gates};
use super::state_dict::{matrix, turned};
use crate::error::{Error, ErrorKind, Result};
use crate::tensors::Tensor;
use afx_models::{AnyLayer, Conditioning, DynamicHyper};

/// The cell, its conditioning and the number of knobs.
pub(super) fn read(reader: &mut Reader, hidden: usize) -> Result<(AnyLayer, Conditioning, usize)> {
    let file = reader.file;
    let small = |part: &str| format!("main_rnn.hyper_rnn.{part}");
    let (input, [rows, columns]) = matrix(file, &small("x2h.weight"))?;
    let (recurrent, [found, hyper]) = matrix(file, &small("h2h.weight"))?;
    let kind = gates(&small("h2h.weight"), found, hyper)?;
    let knobs = columns.checked_sub(hidden).filter(|_| rows == found).ok_or_else(|| {
        let expected = format!("{found} rows, at least {hidden} columns");
        Error::new(ErrorKind::Mismatch, small("x2h.weight"), expected, format_args!("[{rows}, {columns}]"))
    })?;
    let layer = match kind {
        CellKind::Gru => DynamicHyper::gru(1, hidden),
        CellKind::Lstm => DynamicHyper::lstm(1, hidden),
        CellKind::Rnn => return Err(Error::new(ErrorKind::Unsupported, small("h2h.weight"), "a GRU or an LSTM", "a vanilla RNN")),
    };
    let mut weight = turned(input, columns)?;
    let controls = weight.split_off(hidden * rows);
    reader.put("hyper.w_ih", &[hidden, rows], weight);
    reader.put("hyper.w_hh", &[hyper, rows], turned(recurrent, hyper)?);
    reader.put("hyper.b_ih", &[rows], file.expect(&small("x2h.bias"), &[rows])?.to_f32()?);
    reader.put("hyper.b_hh", &[rows], file.expect(&small("h2h.bias"), &[rows])?.to_f32()?);
    let gates = kind.gates();
    let embedding = embeddings(reader, gates, hyper)?;
    scales(reader, [gates, embedding, hidden])?;
    let recurrent = maps(reader, "w_h", gates, hidden)?;
    if recurrent.len() != hidden * gates * hidden {
        let expected = format!("[{hidden}, {hidden}]");
        return Err(Error::new(ErrorKind::Mismatch, "main_rnn.w_h.0", expected, format_args!("{} numbers", recurrent.len() / gates)));
    }
    reader.put("w_hh", &[hidden, gates * hidden], recurrent);
    let input = maps(reader, "w_x", gates, hidden)?;
    let mut sum = vec![0.0; gates * hidden];
    for column in input.chunks_exact(sum.len()) {
        sum.iter_mut().zip(column).for_each(|(sum, w)| *sum += w);
    }
    reader.put("w_ih", &[1, sum.len()], sum);
    let conditioning = if knobs == 0 { Conditioning::Fixed } else { Conditioning::Concat };
    if knobs > 0 {
        reader.tensors.push(Tensor::f32("controls.weight", &[knobs, rows], controls));
    }
    // Four of the smaller cell, five of the embeddings, and for each gate four of the scales and shifts and two maps.
    reader.read += 9 + 6 * gates;
    Ok((DynamicHyper { hyper, embedding, ..layer }.into(), conditioning, knobs))
}

/// The maps from the smaller cell's output to the embeddings; how many numbers a gate's has.
fn embeddings(reader: &mut Reader, gates: usize, hyper: usize) -> Result<usize> {
    let mut embedding = 0;
    for (z, bias) in [("z_h", true), ("z_x", true), ("z_b", false)] {
        let name = format!("main_rnn.{z}.weight");
        let (weight, [rows, columns]) = matrix(reader.file, &name)?;
        let fits = columns == hyper && rows.is_multiple_of(gates) && (embedding == 0 || rows == gates * embedding);
        if !fits {
            let expected = format!("as many rows for each of {gates} gates, {hyper} columns");
            return Err(Error::new(ErrorKind::Mismatch, name, expected, format_args!("[{rows}, {columns}]")));
        }
        embedding = rows / gates;
        let weight = turned(weight, columns)?;
        reader.put(&format!("{z}.weight"), &[columns, rows], weight);
        if bias {
            let bias = reader.file.expect(&format!("main_rnn.{z}.bias"), &[rows])?.to_f32()?;
            reader.put(&format!("{z}.bias"), &[rows], bias);
        }
    }
    Ok(embedding)
}

/// The maps from the embeddings to the scales and the shift of each gate's rows.
fn scales(reader: &mut Reader, [gates, embedding, hidden]: [usize; 3]) -> Result<()> {
    for d in ["d_h", "d_x", "d_b"] {
        let mut weights = Vec::new();
        for gate in 0..gates {
            let weight = reader.file.expect(&format!("main_rnn.{d}.{gate}.weight"), &[hidden, embedding])?;
            weights.extend(transposed(&weight.to_f32()?, embedding));
        }
        reader.put(&format!("{d}.weight"), &[gates, embedding, hidden], weights);
    }
    let mut biases = Vec::new();
    for gate in 0..gates {
        biases.extend(reader.file.expect(&format!("main_rnn.d_b.{gate}.bias"), &[hidden])?.to_f32()?);
    }
    reader.put("d_b.bias", &[gates, hidden], biases);
    Ok(())
}

/// A matrix of `hidden` rows for each gate as one, input-major: `[columns, gates * hidden]`.
fn maps(reader: &Reader, name: &str, gates: usize, hidden: usize) -> Result<Vec<f32>> {
    let (_, [_, columns]) = matrix(reader.file, &format!("main_rnn.{name}.0"))?;
    let mut parts = Vec::new();
    for gate in 0..gates {
        let part = reader.file.expect(&format!("main_rnn.{name}.{gate}"), &[hidden, columns])?;
        parts.push(transposed(&part.to_f32()?, columns));
    }
    Ok((0..columns).flat_map(|c| parts.iter().flat_map(move |part| part[c * hidden..(c + 1) * hidden].iter().copied())).collect())
}
