//! What recurrent cells share.

mod gates;
mod gradient;

pub(crate) use gates::{Cell, Play, memories};
pub(crate) use gradient::{Backward, SEGMENT, Spread, carry, forward, tape_len, transpose};

use afx_core::simd::{Order, Simd};
use afx_core::{ALIGN, Layout, Role, Scalar, places};

/// The affine maps of a recurrent cell: from its input and from its memory to `gates` numbers for each unit.
#[derive(Clone, Copy)]
pub(crate) struct Maps {
    pub inputs: usize,
    pub hidden: usize,
    pub gates: usize,
    pub bias: bool,
}

/// The parameters; every slice keeps what follows it, for loads that run over the end of a row.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'p, T> {
    pub hidden: usize,
    pub w_ih: &'p [T],
    pub w_hh: &'p [T],
    pub b_ih: Option<&'p [T]>,
    pub b_hh: Option<&'p [T]>,
}

impl Maps {
    /// Memory, gates and the like take a whole number of the widest vectors.
    pub fn padded(&self) -> usize {
        self.hidden.next_multiple_of(ALIGN)
    }

    /// Gates of all units, and numbers of a bias.
    fn rows(&self) -> [usize; 2] {
        let rows = self.gates * self.hidden;
        [rows, if self.bias { rows } else { 0 }]
    }

    /// Places of `w_ih`, `w_hh`, `b_ih`, `b_hh` and the length of the slice.
    pub fn places(&self) -> [usize; 5] {
        let [rows, bias] = self.rows();
        places([self.inputs * rows, self.hidden * rows, bias, bias])
    }

    /// The parameters, cut up.
    pub fn parts<'p, T>(&self, params: &'p [T]) -> Parts<'p, T> {
        let [w_ih, w_hh, b_ih, b_hh, len] = self.places();
        let bias = |at: usize| self.bias.then_some(&params[at..len]);
        Parts { hidden: self.hidden, w_ih: &params[w_ih..len], w_hh: &params[w_hh..len], b_ih: bias(b_ih), b_hh: bias(b_hh) }
    }

    /// `w_ih`, `w_hh`, `b_ih`, `b_hh`: one map from the input, one from the memory.
    pub fn layout(&self) -> Layout {
        let [rows, bias] = self.rows();
        let weights = Layout::new().tensor("w_ih", &[self.inputs, rows]).tensor("w_hh", &[self.hidden, rows]);
        if bias == 0 {
            return weights.affine(Role::Input, "w_ih", None).affine(Role::Recurrent, "w_hh", None);
        }
        weights.tensor("b_ih", &[bias]).tensor("b_hh", &[bias]).affine(Role::Input, "w_ih", Some("b_ih")).affine(
            Role::Recurrent,
            "w_hh",
            Some("b_hh"),
        )
    }

    /// Uniform within `±1 / sqrt(hidden)`, weights and biases, as PyTorch does.
    pub fn initialize<T: Scalar>(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let bound = 1.0 / (self.hidden as f64).sqrt();
        for tensor in self.layout().tensors() {
            params[tensor.range()].fill_with(|| T::from_f64(bound * uniform()));
        }
    }
}

/// [`add_input`] of one number for each stream, spread over a vector.
#[inline(always)]
pub(crate) fn add_mono<S: Simd, const M: usize, const G: usize, const C: usize>(
    s: S,
    acc: &mut [[[S::V; C]; G]; M],
    x: [S::V; M],
    w: &[S::T],
    hidden: usize,
) {
    for g in 0..G {
        for c in 0..C {
            let w = s.load(&w[g * hidden + c * S::N..]);
            for m in 0..M {
                acc[m][g][c] = s.mul_add(w, x[m], acc[m][g][c]);
            }
        }
    }
}

/// Adds what each gate gets from an input frame, for `C` vectors of units of each of `G` gates; `w` are the first one's columns, of rows of
/// `stride` numbers.
#[inline(always)]
pub(crate) fn add_input<S: Simd, const M: usize, const G: usize, const C: usize>(
    s: S,
    acc: &mut [[[S::V; C]; G]; M],
    x: [&[S::T]; M],
    w: &[S::T],
    stride: usize,
    hidden: usize,
) {
    if x[0].len() == 1 {
        // A mono effect, the usual case: no loop.
        let mut spread = [s.splat(S::T::ZERO); M];
        for m in 0..M {
            spread[m] = s.splat(x[m][0]);
        }
        add_mono(s, acc, spread, w, hidden);
    } else {
        s.matvec::<M, G, C>(acc, x, w, stride, hidden, Order::Forwards);
    }
}
