//! Low-latency half-band stages: two all-pass branches at the low rate.

use crate::flush;
use afx_core::Scalar;
use alloc::vec;
use alloc::vec::Vec;

/// The branches `A0`, `A1` of `H(z) = (A0(z^2) + z^-1 A1(z^2)) / 2`; a section is `(a + z^-1) / (1 + a z^-1)` at the low rate.
#[derive(Clone, Debug)]
struct Branches<T> {
    a: Vec<T>,
    /// Input memory of each section, then the output memory of the last section of each branch.
    memory: Vec<T>,
}

impl<T: Scalar> Branches<T> {
    fn new(a: &[f64]) -> Self {
        Branches { a: a.iter().map(|&a| T::from_f64(a)).collect(), memory: vec![T::ZERO; a.len() + 2] }
    }

    fn reset(&mut self) {
        self.memory.fill(T::ZERO);
    }

    /// One step of both branches. Sections of a branch stand two apart, and the input of one is the output of the one before,
    /// so each memory serves two sections.
    #[inline]
    fn step(&mut self, mut even: T, mut odd: T) -> (T, T) {
        for (i, &a) in self.a.iter().enumerate() {
            let x = if i % 2 == 0 { &mut even } else { &mut odd };
            let y = a * (*x - self.memory[i + 2]) + self.memory[i];
            self.memory[i] = flush(*x);
            *x = y;
        }
        let n = self.a.len();
        let (first, second) = if n % 2 == 0 { (even, odd) } else { (odd, even) };
        self.memory[n] = flush(first);
        self.memory[n + 1] = flush(second);
        (even, odd)
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
            (pair[0], pair[1]) = self.0.step(x, x);
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
            let (a, b) = self.0.step(pair[1], pair[0]);
            *y = half * (a + b);
        }
    }
}

/// Group delay at 0 Hz of one such filter, in samples of the high rate.
pub(super) fn group_delay(a: &[f64]) -> f64 {
    0.5 + a.iter().map(|a| (1.0 - a) / (1.0 + a)).sum::<f64>()
}
