//! Low-latency half-band stages: two all-pass branches at the low rate.

use crate::flush;
use afx_core::Scalar;
use alloc::vec;
use alloc::vec::Vec;

/// The branches `A0`, `A1` of `H(z) = (A0(z^2) + z^-1 A1(z^2)) / 2`; a section is `(a + z^-1) / (1 + a z^-1)` at the low rate.
#[derive(Clone, Debug)]
struct Branches<T> {
    /// A section of each branch.
    pairs: Vec<[T; 2]>,
    /// The last section of the first branch, where the number of sections is odd.
    last: Option<T>,
    /// Input memory of each pair, which is the output memory of the one before; then the output memory of the last pair.
    memory: Vec<[T; 2]>,
    /// Output memory of `last`.
    last_memory: T,
}

impl<T: Scalar> Branches<T> {
    fn new(a: &[f64]) -> Self {
        let pairs: Vec<[T; 2]> = a.chunks_exact(2).map(|a| [T::from_f64(a[0]), T::from_f64(a[1])]).collect();
        let last = a.chunks_exact(2).remainder().first().map(|&a| T::from_f64(a));
        let memory = vec![[T::ZERO; 2]; pairs.len() + 1];
        Branches { pairs, last, memory, last_memory: T::ZERO }
    }

    fn reset(&mut self) {
        self.memory.fill([T::ZERO; 2]);
        self.last_memory = T::ZERO;
    }

    /// One step of both branches.
    #[inline(always)]
    fn step(&mut self, mut x: [T; 2]) -> [T; 2] {
        let Some((mut memory, rest)) = self.memory.split_first_mut() else { return x };
        for (a, next) in self.pairs.iter().zip(rest) {
            let y = [a[0] * (x[0] - next[0]) + memory[0], a[1] * (x[1] - next[1]) + memory[1]];
            *memory = [flush(x[0]), flush(x[1])];
            (x, memory) = (y, next);
        }
        let before = memory[0];
        *memory = [flush(x[0]), flush(x[1])];
        if let Some(a) = self.last {
            x[0] = a * (x[0] - self.last_memory) + before;
            self.last_memory = flush(x[0]);
        }
        x
    }
}

/// One 2x interpolator.
#[derive(Clone, Debug)]
pub(super) struct IirUp<T>(Branches<T>);

impl<T: Scalar> IirUp<T> {
    pub(super) fn new(a: &[f64]) -> Self {
        IirUp(Branches::new(a))
    }

    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    /// `y.len() == 2 * x.len()`
    pub(super) fn process(&mut self, x: &[T], y: &mut [T]) {
        for (&x, pair) in x.iter().zip(y.chunks_exact_mut(2)) {
            pair.copy_from_slice(&self.0.step([x, x]));
        }
    }
}

/// One 2x decimator, sampling at the odd instants, which saves one sample of delay.
#[derive(Clone, Debug)]
pub(super) struct IirDown<T>(Branches<T>);

impl<T: Scalar> IirDown<T> {
    pub(super) fn new(a: &[f64]) -> Self {
        IirDown(Branches::new(a))
    }

    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    /// `x.len() == 2 * y.len()`
    pub(super) fn process(&mut self, x: &[T], y: &mut [T]) {
        let half = T::from_f64(0.5);
        for (pair, y) in x.chunks_exact(2).zip(y.iter_mut()) {
            let [a, b] = self.0.step([pair[1], pair[0]]);
            *y = half * (a + b);
        }
    }
}

/// Group delay at 0 Hz of one such filter, in samples of the high rate.
pub(super) fn group_delay(a: &[f64]) -> f64 {
    0.5 + a.iter().map(|a| (1.0 - a) / (1.0 + a)).sum::<f64>()
}
