//! Nonlinear functions without memory.

use afx_core::simd::{Kernel, Simd};
use afx_core::{Differentiable, Layer, Layout, Scalar, activation, places};

/// A function of every frame's numbers, one by one: `y = f(x)`. It makes a waveshaper of dense layers, and a deep head of a cell's.
///
/// - `slope`: `[width]`, of [`Function::PRelu`]; the other functions learn nothing.
/// - Real-time: `process` allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Nonlinear {
    /// Numbers in a frame.
    pub width: usize,
    /// What is done to them.
    pub function: Function,
}

/// The functions of a [`Nonlinear`] layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Function {
    /// Hyperbolic tangent; in `f32` the one of [`afx_core::activation`].
    Tanh,
    /// `1 / (1 + exp(-x))`; in `f32` the one of [`afx_core::activation`].
    Sigmoid,
    /// `x`, or 0 where negative.
    Relu,
    /// `x`, or where negative `a x` with a slope `a` that each place in the frame learns; first 0.25, as in PyTorch. With slopes that stay as they
    /// are this is the leaky rectifier. He et al. 2015, arXiv:1502.01852.
    #[cfg_attr(feature = "serde", serde(rename = "prelu"))]
    PRelu,
    /// `x`, or `exp(x) - 1` where negative. Clevert et al. 2015, arXiv:1511.07289, with `α = 1`.
    Elu,
    /// `exp(x_i) / Σ_j exp(x_j)` over the numbers of a frame, the one function here that mixes them.
    Softmax,
}

impl Nonlinear {
    /// Numbers to learn.
    fn slopes(&self) -> usize {
        if self.function == Function::PRelu { self.width } else { 0 }
    }
}

impl<T: Scalar> Layer<T> for Nonlinear {
    fn inputs(&self) -> usize {
        self.width
    }
    fn outputs(&self) -> usize {
        self.width
    }
    fn layout(&self) -> Layout {
        match self.slopes() {
            0 => Layout::new(),
            slopes => Layout::new().tensor("slope", &[slopes]),
        }
    }
    /// What has no parameters has nothing that could move.
    fn glides(&self) -> bool {
        self.slopes() == 0
    }
    fn params_len(&self) -> usize {
        let [_, len] = places([self.slopes()]);
        if self.slopes() == 0 { 0 } else { len }
    }
    fn initialize(&self, _: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params.fill(T::ZERO);
        params[..self.slopes()].fill(T::from_f64(0.25));
    }
    fn state_len(&self) -> usize {
        0
    }
    fn process(&self, params: &[T], _: &mut [T], x: &[T], y: &mut [T]) {
        let y = &mut y[..x.len()];
        y.copy_from_slice(x);
        match self.function {
            Function::Tanh => activation::tanh_slice(y),
            Function::Sigmoid => T::dispatch(Logistic(y)),
            Function::Relu => y.iter_mut().filter(|v| **v < T::ZERO).for_each(|v| *v = T::ZERO),
            Function::PRelu => {
                for y in y.chunks_exact_mut(self.width) {
                    y.iter_mut().zip(params).filter(|(v, _)| **v < T::ZERO).for_each(|(v, slope)| *v *= *slope);
                }
            }
            Function::Elu => y.iter_mut().filter(|v| **v < T::ZERO).for_each(|v| *v = v.exp() - T::ONE),
            Function::Softmax => y.chunks_exact_mut(self.width).for_each(softmax),
        }
    }
}

/// In place; the largest number is taken off first, lest a power is infinite.
fn softmax<T: Scalar>(frame: &mut [T]) {
    let largest = frame.iter().fold(frame[0], |m, v| if *v > m { *v } else { m });
    let mut sum = T::ZERO;
    for v in frame.iter_mut() {
        *v = (*v - largest).exp();
        sum += *v;
    }
    frame.iter_mut().for_each(|v| *v /= sum);
}

/// The logistic function of every number, in place.
struct Logistic<'a, T>(&'a mut [T]);

impl<T: Scalar> Kernel<T> for Logistic<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let mut chunks = self.0.chunks_exact_mut(S::N);
        for chunk in &mut chunks {
            s.store(s.sigmoid(s.load(chunk)), chunk);
        }
        let rest = chunks.into_remainder();
        s.store_partial(s.sigmoid(s.load_partial(rest)), rest);
    }
}

impl<T: Scalar> Differentiable<T> for Nonlinear {
    fn tape_len(&self, _: usize) -> usize {
        0
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], _: &mut [T]) {
        self.process(params, state, x, y);
    }
    fn backward(&self, params: &[T], x: &[T], y: &[T], _: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        if self.function == Function::PRelu {
            for (x, dy) in x.chunks_exact(self.width).zip(dy.chunks_exact(self.width)) {
                let negative = dparams.iter_mut().zip(x.iter().zip(dy)).filter(|(_, (x, _))| **x < T::ZERO);
                negative.for_each(|(d, (x, dy))| *d += *x * *dy);
            }
        }
        if self.function == Function::Softmax {
            let frames = y.chunks_exact(self.width).zip(dy.chunks_exact(self.width));
            for (dx, (y, dy)) in dx.chunks_exact_mut(self.width).zip(frames) {
                let mean = y.iter().zip(dy).fold(T::ZERO, |sum, (y, dy)| sum + *y * *dy);
                dx.iter_mut().zip(y.iter().zip(dy)).for_each(|(dx, (y, dy))| *dx += *y * (*dy - mean));
            }
            return;
        }
        for (i, (dx, dy)) in dx.iter_mut().zip(dy).enumerate() {
            let slope = match self.function {
                Function::Tanh => T::ONE - y[i] * y[i],
                Function::Sigmoid => y[i] * (T::ONE - y[i]),
                _ if x[i] >= T::ZERO => T::ONE,
                Function::PRelu => params[i % self.width],
                Function::Elu => y[i] + T::ONE,
                Function::Relu | Function::Softmax => T::ZERO,
            };
            *dx += slope * *dy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn play(function: Function, params: &[f64], x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        Nonlinear { width: 3, function }.process(params, &mut [], x, &mut y);
        y
    }

    #[test]
    fn every_function_is_that_of_its_formula() {
        let x = [-2.0, 0.0, 0.5];
        let expected = |f: fn(f64) -> f64| x.map(f).to_vec();
        let close = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-15);
        assert!(close(play(Function::Tanh, &[], &x), expected(f64::tanh)));
        assert!(close(play(Function::Sigmoid, &[], &x), expected(|x| 1.0 / (1.0 + (-x).exp()))));
        assert_eq!(play(Function::Relu, &[], &x), [0.0, 0.0, 0.5]);
        assert_eq!(play(Function::PRelu, &[0.1, 0.2, 0.3], &[-2.0, -1.0, 0.5]), [-0.2, -0.2, 0.5]);
        assert!(close(play(Function::Elu, &[], &x), vec![(-2f64).exp() - 1.0, 0.0, 0.5]));
        let sum: f64 = x.iter().map(|x| x.exp()).sum();
        assert!(close(play(Function::Softmax, &[], &x), x.map(|x| x.exp() / sum).to_vec()));
    }

    #[test]
    fn large_numbers_stay_finite() {
        for function in [Function::Tanh, Function::Sigmoid, Function::Elu, Function::Softmax] {
            let y = play(function, &[], &[1e6, -1e6, 0.0]);
            assert!(y.iter().all(|v| v.is_finite()) && y[0] >= 1.0 - 1e-15, "{function:?}: {y:?}");
        }
    }

    #[test]
    fn slopes_begin_at_a_quarter() {
        let layer = Nonlinear { width: 3, function: Function::PRelu };
        let mut params = vec![1.0f64; Layer::<f64>::params_len(&layer)];
        layer.initialize(&mut || 0.0, &mut params);
        assert_eq!(&params[..4], [0.25, 0.25, 0.25, 0.0]);
    }
}
