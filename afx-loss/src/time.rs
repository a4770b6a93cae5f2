//! Pointwise losses: mean absolute error, mean squared error, log-cosh.

use crate::error::{LossError, at_least, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::vector::{Pair, PairSlope, add_slopes, sum_pairs};

/// Mean absolute error (L1): `mean |p - y|`; its gradient is `sign(p - y) / N`, and 0 where `p = y`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mae;

/// Mean squared error: `mean (p - y)²`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mse;

#[derive(Clone, Copy)]
struct Absolute;
impl<T: Sample> Pair<T, 1> for Absolute {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 1] {
        [afx_core::Scalar::abs(p - y)]
    }
}
#[derive(Clone, Copy)]
struct Sign<T>(T);
impl<T: Sample> PairSlope<T> for Sign<T> {
    #[inline(always)]
    fn slope(self, p: T, y: T) -> T {
        self.0 * Sample::sign(p - y)
    }
}

impl<T: Sample> Loss<T> for Mae {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("MAE", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("MAE", prediction, target, gradient.as_deref())? as f64;
        let [sum] = sum_pairs(prediction, target, Absolute);
        if let Some(gradient) = gradient {
            add_slopes(prediction, target, gradient, Sign(T::of(scale.to_f64() / frames)));
        }
        Ok(T::of(sum / frames))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}

/// `(p - y)²`, and the energy of the target.
#[derive(Clone, Copy)]
pub(crate) struct Energies;
impl<T: Sample> Pair<T, 2> for Energies {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 2] {
        let e = p - y;
        [e * e, y * y]
    }
}
/// `k (p - y)`.
#[derive(Clone, Copy)]
pub(crate) struct Difference<T>(pub T);
impl<T: Sample> PairSlope<T> for Difference<T> {
    #[inline(always)]
    fn slope(self, p: T, y: T) -> T {
        self.0 * (p - y)
    }
}

impl<T: Sample> Loss<T> for Mse {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("MSE", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("MSE", prediction, target, gradient.as_deref())? as f64;
        let [sum, _] = sum_pairs(prediction, target, Energies);
        if let Some(gradient) = gradient {
            add_slopes(prediction, target, gradient, Difference(T::of(2.0 * scale.to_f64() / frames)));
        }
        Ok(T::of(sum / frames))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}

/// Logarithm of the hyperbolic cosine: `mean ln(cosh(a e) + ε) / a` with `e = p - y`; quadratic for small errors, linear for large.
///
/// Chen et al. 2019, "Log hyperbolic cosine loss improves variational auto-encoder". Evaluated as
/// `|z| + ln(1 + e^(-2|z|)) - ln 2` in `f64`, which neither overflows (plain `cosh` does at 89 in `f32`) nor cancels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogCosh {
    a: f64,
    epsilon: f64,
}

impl LogCosh {
    /// `a` sets where quadratic turns into linear, `e = 1 / a`; no epsilon.
    ///
    /// # Errors
    /// [`LossError::Setting`] unless `a` is positive and finite.
    pub fn new(a: f64) -> Result<Self, LossError> {
        setting(a.is_finite() && a > 0.0, "log-cosh a", "a positive number", a)?;
        Ok(Self { a, epsilon: 0.0 })
    }

    /// auraloss' form, `ε = 1e-8` inside the logarithm; the loss of a perfect prediction is then 1e-8.
    ///
    /// # Errors
    /// As [`LogCosh::new`].
    pub fn auraloss(a: f64) -> Result<Self, LossError> {
        Ok(Self { epsilon: 1e-8, ..Self::new(a)? })
    }

    fn value(&self, z: f64) -> f64 {
        let m = z.abs();
        // Under 1e-2 the series is exact to 1e-17; above, the difference of logarithms has lost at most four digits of sixteen.
        let ln_cosh = if m < 1e-2 {
            let q = z * z;
            q * (0.5 - q * (1.0 / 12.0 - q * (1.0 / 45.0)))
        } else {
            m + (-2.0 * m).exp().ln_1p() - core::f64::consts::LN_2
        };
        if self.epsilon > 0.0 { ln_cosh + (self.epsilon * (-ln_cosh).exp()).ln_1p() } else { ln_cosh }
    }

    fn slope(&self, z: f64) -> f64 {
        z.tanh() / (1.0 + self.epsilon / z.cosh())
    }
}

impl<T: Sample> Loss<T> for LogCosh {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("log-cosh", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("log-cosh", prediction, target, gradient.as_deref())? as f64;
        let z = |p: T, y: T| self.a * (p.to_f64() - y.to_f64());
        let sum: f64 = prediction.iter().zip(target).map(|(&p, &y)| self.value(z(p, y))).sum();
        if let Some(gradient) = gradient {
            let k = scale.to_f64() / frames;
            for ((g, &p), &y) in gradient.iter_mut().zip(prediction).zip(target) {
                *g += T::of(k * self.slope(z(p, y)));
            }
        }
        Ok(T::of(sum / frames / self.a))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_cosh_is_finite_where_cosh_overflows() {
        let mut loss = LogCosh::auraloss(1.0).unwrap();
        let mut gradient = [0.0f32];
        let value = loss.evaluate(&[1e4f32], &[0.0], Some(&mut gradient)).unwrap();
        assert_eq!((value, gradient), (1e4 - core::f32::consts::LN_2, [1.0]));
    }

    #[test]
    fn log_cosh_is_continuous_where_its_series_ends() {
        let loss = LogCosh::new(1.0).unwrap();
        let below = loss.value(1e-2 - 1e-12);
        let above = loss.value(1e-2);
        assert!((above - below - 1e-14).abs() < 5e-16, "{below} {above}"); // slope 1e-2 times 1e-12; f64 rounding of ln 2
    }

    #[test]
    fn a_length_mismatch_is_an_error() {
        let found = Mae.evaluate(&[0.0f64; 3], &[0.0; 2], None);
        assert_eq!(found, Err(LossError::LengthMismatch { what: "target", expected: 3, found: 2 }));
        let found = Mse.evaluate(&[0.0f64; 3], &[0.0; 3], Some(&mut [0.0; 4]));
        assert_eq!(found, Err(LossError::LengthMismatch { what: "gradient", expected: 3, found: 4 }));
    }

    #[test]
    fn an_empty_sequence_is_an_error() {
        assert_eq!(Mae.evaluate(&[] as &[f32], &[], None), Err(LossError::TooShort { what: "MAE", expected: 1, found: 0 }));
    }

    #[test]
    fn equal_samples_give_no_gradient() {
        let mut gradient = [0.0f64; 2];
        Mae.evaluate(&[1.0, 2.0], &[1.0, 3.0], Some(&mut gradient)).unwrap();
        assert_eq!(gradient, [0.0, -0.5]);
    }
}
