//! Energy decay curve loss.

use crate::error::{LossError, at_least};
use crate::loss::{Loss, check};
use crate::sample::Sample;

/// Mean squared distance of energy decay curves in dB.
///
/// Schroeder 1965: `E[n] = Σ_{m >= n} x[m]²`, `D[n] = max(-80, 10 log10(E[n] / E[0]))`; the loss is `mean (D_p - D_y)²`. For
/// reverberation tails and releases; blind to the level, since each curve starts at 0 dB. Where a curve rests on the floor it has no
/// gradient, and a silent prediction is all floor: combine it with a loss of the signal. Sums run in `f64`.
#[derive(Clone, Debug, Default)]
pub struct DecayLoss {
    prediction: Curve,
    target: Curve,
}

/// Lowest level of a curve.
const FLOOR_DB: f64 = -80.0;

#[derive(Clone, Debug, Default)]
struct Curve {
    energy: Vec<f64>,
}

impl Curve {
    fn fill<T: Sample>(&mut self, x: &[T]) {
        let mut sum = 0.0;
        for (energy, &x) in self.energy.iter_mut().zip(x).rev() {
            let x = x.to_f64();
            sum += x * x;
            *energy = sum;
        }
    }

    /// Level in dB, and whether it is above the floor; NaN stays NaN.
    fn level(&self, n: usize) -> (f64, bool) {
        let total = self.energy[0];
        if total == 0.0 {
            return (FLOOR_DB, false);
        }
        let level = 10.0 * (self.energy[n] / total).log10();
        if level <= FLOOR_DB { (FLOOR_DB, false) } else { (level, true) }
    }
}

impl<T: Sample> Loss<T> for DecayLoss {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("decay loss", 1, frames)?;
        self.prediction.energy.resize(frames, 0.0);
        self.target.energy.resize(frames, 0.0);
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("decay loss", prediction, target, gradient.as_deref())?;
        if self.target.energy.len() != frames {
            Loss::<T>::prepare(self, frames)?;
        }
        self.prediction.fill(prediction);
        self.target.fill(target);
        let mut sum = 0.0;
        // Σ_n c[n] with c = dL/dD[n] · 10/ln 10 where the curve is above its floor.
        let k = 2.0 * scale.to_f64() / frames as f64 * 10.0 / core::f64::consts::LN_10;
        let mut all = 0.0;
        for n in 0..frames {
            let (level, alive) = self.prediction.level(n);
            let e = level - self.target.level(n).0;
            sum += e * e;
            all += if alive { k * e } else { 0.0 };
        }
        if let Some(gradient) = gradient {
            let total = self.prediction.energy[0];
            let everywhere = if total > 0.0 { all / total } else { 0.0 };
            let mut so_far = 0.0; // Σ_{n <= m} c[n] / E[n]
            for (m, (g, &p)) in gradient.iter_mut().zip(prediction).enumerate() {
                let (level, alive) = self.prediction.level(m);
                if alive {
                    so_far += k * (level - self.target.level(m).0) / self.prediction.energy[m];
                }
                *g += T::of(2.0 * p.to_f64() * (so_far - everywhere));
            }
        }
        Ok(T::of(sum / frames as f64))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_decays_differ_by_the_ratio_of_their_slopes() {
        // Long decays a^n and b^n: D[n] = 20 n log10 a, so the mean of the squared difference is (20 log10(a/b))² (N-1)(2N-1)/6.
        let frames = 50;
        let decay = |a: f64| -> Vec<f64> { (0..4000).map(|n| a.powi(n)).collect() };
        let (p, y) = (decay(0.99), decay(0.98));
        let mut curves = [Curve { energy: vec![0.0; 4000] }, Curve { energy: vec![0.0; 4000] }];
        curves[0].fill(&p);
        curves[1].fill(&y);
        for n in 0..frames {
            let expected = 20.0 * n as f64 * (0.99f64 / 0.98).log10();
            let found = curves[0].level(n).0 - curves[1].level(n).0;
            assert!((found - expected).abs() < 1e-9, "{n}: {found} {expected}"); // the tails beyond 4000 frames are under 1e-16
        }
    }

    #[test]
    fn the_level_does_not_count() {
        let y: Vec<f64> = (0..100).map(|n| 0.9f64.powi(n)).collect();
        let p: Vec<f64> = y.iter().map(|y| 0.3 * y).collect();
        assert!(DecayLoss::default().evaluate(&p, &y, None).unwrap() < 1e-20); // rounding of f64 squared
    }

    #[test]
    fn silence_is_all_floor() {
        let mut gradient = [0.0f32; 4];
        let value = DecayLoss::default().evaluate(&[0.0f32; 4], &[1.0, 0.0, 0.0, 0.0], Some(&mut gradient)).unwrap();
        assert_eq!((value, gradient), (1600.0, [0.0; 4])); // the target drops to the floor after its first frame: one 80² in four
    }
}
