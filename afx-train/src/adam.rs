//! Adam, and the clipping before it.

use afx_core::Scalar;

/// Adam with bias correction: Kingma and Ba 2015, arXiv:1412.6980, as `torch.optim.Adam`.
///
/// `m = β1 m + (1 - β1) g`, `v = β2 v + (1 - β2) g²`, `p -= rate m̂ / (sqrt(v̂) + ε)` with `m̂ = m / (1 - β1^t)`, `v̂ = v / (1 - β2^t)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam<T = f32> {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root.
    pub epsilon: f64,
    pub(crate) step: u64,
    pub(crate) mean: Vec<T>,
    pub(crate) square: Vec<T>,
}

impl<T: Scalar> Adam<T> {
    /// For `len` numbers, with the usual constants 0.9, 0.999 and 1e-8.
    pub fn new(len: usize) -> Self {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 0, mean: vec![T::ZERO; len], square: vec![T::ZERO; len] }
    }

    /// Forgets the gradients so far, for parameters that jumped.
    pub fn forget(&mut self) {
        self.step = 0;
        self.mean.fill(T::ZERO);
        self.square.fill(T::ZERO);
    }

    /// One step down `gradient`.
    pub fn step(&mut self, rate: f64, params: &mut [T], gradient: &[T]) {
        self.step += 1;
        let t = self.step.min(i32::MAX as u64) as i32;
        let correct1 = T::from_f64(rate / (1.0 - self.beta1.powi(t)));
        let correct2 = T::from_f64(1.0 / (1.0 - self.beta2.powi(t)).sqrt());
        let [b1, b2, c1, c2, epsilon] = [self.beta1, self.beta2, 1.0 - self.beta1, 1.0 - self.beta2, self.epsilon].map(T::from_f64);
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((p, g), (m, v)) in params.iter_mut().zip(gradient).zip(moments) {
            *m = b1 * *m + c1 * *g;
            *v = b2 * *v + c2 * *g * *g;
            *p -= correct1 * *m / (v.sqrt() * correct2 + epsilon);
        }
    }
}

/// Scales `gradient` down to the Euclidean norm `most` where it is longer, and returns the norm it had.
///
/// The factor is `most / (norm + 1e-6)`, as `torch.nn.utils.clip_grad_norm_`.
pub fn clip_norm<T: Scalar>(gradient: &mut [T], most: f64) -> f64 {
    let norm = gradient.iter().map(|g| g.to_f64() * g.to_f64()).sum::<f64>().sqrt();
    let factor = most / (norm + 1e-6);
    if factor < 1.0 {
        gradient.iter_mut().for_each(|g| *g *= T::from_f64(factor));
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_length_of_the_rate() {
        let (mut adam, mut p) = (Adam::new(3), [1f32, 2.0, 3.0]);
        adam.step(0.1, &mut p, &[5.0, -1e-3, 0.0]);
        assert!((p[0] - 0.9).abs() < 1e-6 && (p[1] - 2.1).abs() < 1e-5 && p[2] == 3.0); // epsilon over 1e-3
    }

    #[test]
    fn clipping_keeps_direction_and_short_gradients() {
        let mut g = [3f32, 4.0];
        assert_eq!(clip_norm(&mut g, 10.0), 5.0);
        assert_eq!(g, [3.0, 4.0]);
        clip_norm(&mut g, 1.0);
        assert!((g[0] - 0.6).abs() < 1e-6 && (g[1] - 0.8).abs() < 1e-6);
    }
}
