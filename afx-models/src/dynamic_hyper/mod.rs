//! A cell that another cell modulates.

mod frame;
mod gates;
mod gradient;

use afx_core::kernels::flush;
use afx_core::{ALIGN, Differentiable, Layer, Layout, Role, Scalar, places};
use core::ops::Range;
use frame::{Play, Shape};
use gates::{Gates, GruGates, LstmGates};
use gradient::Backward;

/// A recurrent cell whose rows a smaller cell of the same kind scales and shifts in every frame: a dynamic hypernetwork.
///
/// The smaller cell hears the larger one's memory `h`, and makes three embeddings of its own output `u` for every gate, from which come
/// the gate's scales and shift:
///
/// `u' = cell(h, u)`, `z_k = Z_k u' + c_k`, `d_k = D_k z_k + e_k` for `k` = h, x, b, and for each gate
/// `a = d_x (W_ih x) + d_b`, `b = d_h (W_hh h)`, with which the gates of [`Gru`](crate::Gru) or [`Lstm`](crate::Lstm) do what they do there
/// (`σ(a + b)`; the new memory of a GRU `tanh(a + r b)`). There is no `c_b`, `e_h` and `e_x`.
///
/// Ha, Dai and Le 2016, arXiv:1609.09106, section 3.2, without layer normalisation and, as in PyNeuralFx, without the input among what the
/// smaller cell hears. Knobs reach the smaller cell: [`Concat`](crate::Concat) acts on its input's bias.
///
/// - `hyper.w_ih`: `[hidden, gates * hyper]`, `hyper.w_hh`: `[hyper, gates * hyper]`, `hyper.b_ih`, `hyper.b_hh`: the smaller cell;
///   `z_h.weight`, `z_x.weight`, `z_b.weight`: `[hyper, gates * embedding]`, `z_h.bias`, `z_x.bias`; `d_h.weight`, `d_x.weight`,
///   `d_b.weight`: `[gates, embedding, hidden]`, `d_b.bias`: `[gates, hidden]`; `w_ih`: `[inputs, gates * hidden]`, `w_hh`:
///   `[hidden, gates * hidden]`. Gates in the order of the plain cells.
/// - The output is `h'`: `hidden` numbers.
/// - Real-time: `process` allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DynamicHyper {
    /// The kind of both cells.
    pub cell: DynamicCell,
    /// Numbers in an input frame.
    pub inputs: usize,
    /// Units of the larger cell: numbers in an output frame.
    pub hidden: usize,
    /// Units of the smaller cell.
    pub hyper: usize,
    /// Numbers from which a gate's scales, or its shift, are made.
    pub embedding: usize,
}

/// The kind of the cells of a [`DynamicHyper`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DynamicCell {
    /// Gated recurrent units, three gates.
    Gru,
    /// Long short-term memories, four gates.
    Lstm,
}

impl DynamicHyper {
    /// Gated recurrent units, modulated by 8 of them through embeddings of 8 numbers: PyNeuralFx's sizes.
    pub const fn gru(inputs: usize, hidden: usize) -> Self {
        DynamicHyper { cell: DynamicCell::Gru, inputs, hidden, hyper: 8, embedding: 8 }
    }

    /// Long short-term memories, modulated by 8 of them through embeddings of 8 numbers: PyNeuralFx's sizes.
    pub const fn lstm(inputs: usize, hidden: usize) -> Self {
        DynamicHyper { cell: DynamicCell::Lstm, inputs, hidden, hyper: 8, embedding: 8 }
    }

    const fn gates(&self) -> usize {
        match self.cell {
            DynamicCell::Gru => 3,
            DynamicCell::Lstm => 4,
        }
    }

    /// Lengths of the tensors, in the order of the layout.
    const fn lengths(&self) -> [usize; 15] {
        let Self { inputs, hidden, hyper, embedding, .. } = *self;
        let gates = self.gates();
        let (cell, z, d) = (gates * hyper, gates * embedding, gates * embedding * hidden);
        let rows = gates * hidden;
        [hidden * cell, hyper * cell, cell, cell, hyper * z, z, hyper * z, z, hyper * z, d, d, d, rows, inputs * rows, hidden * rows]
    }

    fn places(&self) -> [usize; 16] {
        places(self.lengths())
    }

    fn shape(&self) -> Shape {
        let rows = match self.cell {
            DynamicCell::Gru => GruGates::ROWS,
            DynamicCell::Lstm => LstmGates::ROWS,
        };
        Shape::new(self, rows)
    }
}

impl<T: Scalar> Layer<T> for DynamicHyper {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.hidden
    }
    fn fits(&self) -> bool {
        self.inputs > 0 && self.hidden > 0 && self.hyper > 0 && self.embedding > 0
    }
    fn layout(&self) -> Layout {
        let Self { inputs, hidden, hyper, embedding, .. } = *self;
        let gates = self.gates();
        let (cell, z, d) = (gates * hyper, gates * embedding, [gates, embedding, hidden]);
        Layout::new()
            .tensor("hyper.w_ih", &[hidden, cell])
            .tensor("hyper.w_hh", &[hyper, cell])
            .tensor("hyper.b_ih", &[cell])
            .tensor("hyper.b_hh", &[cell])
            .tensor("z_h.weight", &[hyper, z])
            .tensor("z_h.bias", &[z])
            .tensor("z_x.weight", &[hyper, z])
            .tensor("z_x.bias", &[z])
            .tensor("z_b.weight", &[hyper, z])
            .tensor("d_h.weight", &d)
            .tensor("d_x.weight", &d)
            .tensor("d_b.weight", &d)
            .tensor("d_b.bias", &[gates, hidden])
            .tensor("w_ih", &[inputs, gates * hidden])
            .tensor("w_hh", &[hidden, gates * hidden])
            .affine(Role::Input, "w_ih", None)
            .affine(Role::Control, "hyper.w_ih", Some("hyper.b_ih"))
            .affine(Role::Recurrent, "hyper.w_hh", Some("hyper.b_hh"))
            .affine(Role::Recurrent, "w_hh", None)
    }
    fn params_len(&self) -> usize {
        self.places()[15]
    }
    /// Both cells uniform within `±1 / sqrt(units)`. The scales begin near 1, where nothing is modulated, the shifts near 0: uniform within
    /// `±0.1` around that.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params.fill(T::ZERO);
        for tensor in Layer::<T>::layout(self).tensors() {
            let n = self.embedding as f64;
            let (middle, bound) = match tensor.name.as_str() {
                "w_ih" | "w_hh" => (0.0, 1.0 / (self.hidden as f64).sqrt()),
                "z_h.bias" | "z_x.bias" => (1.0, 0.0),
                "d_h.weight" | "d_x.weight" => (1.0 / n, 0.1 / n),
                "d_b.weight" => (0.0, 1.0 / n.sqrt()),
                "d_b.bias" => (0.0, 0.1),
                name if name.starts_with("z_") => (0.0, 0.1),
                _ => (0.0, 1.0 / (self.hyper as f64).sqrt()),
            };
            params[tensor.range()].fill_with(|| T::from_f64(middle + bound * uniform()));
        }
    }
    /// A frame of memory, and the frame that is being computed.
    fn state_len(&self) -> usize {
        2 * self.shape().len + ALIGN
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        match self.cell {
            DynamicCell::Gru => Play::<GruGates, T>::new(self, params, state, x, y).run(),
            DynamicCell::Lstm => Play::<LstmGates, T>::new(self, params, state, x, y).run(),
        }
    }
    /// What goes from frame to frame.
    fn flush(&self, state: &mut [T]) -> bool {
        flush(&mut state[..self.shape().memory()])
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..self.shape().memory());
        true
    }
}

impl<T: Scalar> Differentiable<T> for DynamicHyper {
    /// What every frame computes, and the memory before them; cotangents of the memory.
    fn tape_len(&self, frames: usize) -> usize {
        let shape = self.shape();
        (frames + 1) * shape.len + shape.memory() + ALIGN
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let shape = self.shape();
        let frames = x.len() / self.inputs;
        tape[..shape.memory()].copy_from_slice(&state[..shape.memory()]);
        match self.cell {
            DynamicCell::Gru => Play::<GruGates, T>::taped(self, params, tape, x, y).run(),
            DynamicCell::Lstm => Play::<LstmGates, T>::taped(self, params, tape, x, y).run(),
        }
        state[..shape.memory()].copy_from_slice(&tape[frames * shape.len..][..shape.memory()]);
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        match self.cell {
            DynamicCell::Gru => Backward::<GruGates, T>::new(self, params, x, tape, dy, dx, dparams).run(),
            DynamicCell::Lstm => Backward::<LstmGates, T>::new(self, params, x, tape, dy, dx, dparams).run(),
        }
    }
}
