//! Energy ratios: error-to-signal ratio and the DC loss.

use crate::error::{LossError, at_least, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::time::{Difference, Energies};
use crate::vector::{Pair, PairSlope, add_slopes, sum_pairs};

/// How the energy in a denominator is kept away from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Guard {
    /// `mean y² + ε`
    AddMean(f64),
    /// `Σ y² + ε`
    AddSum(f64),
    /// `max(mean y², floor)`
    Floor(f64),
}

impl Guard {
    /// The mean energy to divide by; 0/0 is left to the caller.
    fn mean_energy(self, energy: f64, frames: f64) -> f64 {
        match self {
            Guard::AddMean(epsilon) => energy / frames + epsilon,
            Guard::AddSum(epsilon) => (energy + epsilon) / frames,
            Guard::Floor(floor) => (energy / frames).max(floor),
        }
    }

    fn floor_dbfs(dbfs: f64) -> Result<Self, LossError> {
        setting(dbfs.is_finite() && dbfs < 0.0, "floor_dbfs", "a level below 0 dB", dbfs)?;
        Ok(Guard::Floor(10f64.powf(dbfs / 10.0)))
    }
}

/// The level, -60 dB, below which the default forms stop dividing by the target's energy.
const FLOOR: f64 = 1e-6;

fn inverse(x: f64) -> f64 {
    if x > 0.0 { 1.0 / x } else { 0.0 }
}

/// Error-to-signal ratio: `Σ (p - y)² / Σ y²`.
///
/// Wright, Damskägg and Välimäki 2019 (arXiv:1911.08922). The ratio of a silent or almost silent target says nothing and its gradient
/// explodes, so the toolkits add an epsilon, and do not agree on where:
///
/// | constructor | ratio |
/// |---|---|
/// | [`Esr::default`] | `mean e² / max(mean y², 1e-6)`: a target under -60 dBFS counts as one of -60 dBFS |
/// | [`Esr::auraloss`] | `Σ e² / (Σ y² + 1e-8)` |
/// | [`Esr::core_audio_ml`] | `mean e² / (mean y² + 1e-5)` |
/// | [`Esr::pyneuralfx`] | `mean e² / (mean y² + 1e-12)` |
/// | [`Esr::nam`] | `mean e² / mean y²`; 0 for a silent target |
///
/// CoreAudioML and PyNeuralFx take the ratio over the whole batch: evaluate the concatenated items for their number.
/// Wright's training mix is `0.75 · ESR + 0.25 · DC`, the first after a pre-emphasis ([`crate::Prefiltered`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Esr(Guard);

impl Default for Esr {
    fn default() -> Self {
        Self(Guard::Floor(FLOOR))
    }
}

impl Esr {
    /// `mean e² / max(mean y², 10^(floor_dbfs / 10))`.
    ///
    /// # Errors
    /// [`LossError::Setting`] unless the level is below 0.
    pub fn with_floor(floor_dbfs: f64) -> Result<Self, LossError> {
        Ok(Self(Guard::floor_dbfs(floor_dbfs)?))
    }
    /// auraloss' form.
    pub const fn auraloss() -> Self {
        Self(Guard::AddSum(1e-8))
    }
    /// CoreAudioML's form (A. Wright).
    pub const fn core_audio_ml() -> Self {
        Self(Guard::AddMean(1e-5))
    }
    /// PyNeuralFx' form.
    pub const fn pyneuralfx() -> Self {
        Self(Guard::AddMean(1e-12))
    }
    /// Neural Amp Modeler's form: no epsilon.
    pub const fn nam() -> Self {
        Self(Guard::AddMean(0.0))
    }
}

impl<T: Sample> Loss<T> for Esr {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("ESR", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("ESR", prediction, target, gradient.as_deref())? as f64;
        let [error, energy] = sum_pairs(prediction, target, Energies);
        let k = inverse(self.0.mean_energy(energy, frames)) / frames;
        if let Some(gradient) = gradient {
            add_slopes(prediction, target, gradient, Difference(T::of(2.0 * scale.to_f64() * k)));
        }
        Ok(T::of(error * k))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}

/// DC loss: `(mean y - mean p)² / mean y²`.
///
/// Wright and Välimäki 2019. The guards are those of [`Esr`]; PyNeuralFx' class takes its means over the batch in place of time and
/// has no counterpart here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dc(Guard);

impl Default for Dc {
    fn default() -> Self {
        Self(Guard::Floor(FLOOR))
    }
}

impl Dc {
    /// `(mean y - mean p)² / max(mean y², 10^(floor_dbfs / 10))`.
    ///
    /// # Errors
    /// [`LossError::Setting`] unless the level is below 0.
    pub fn with_floor(floor_dbfs: f64) -> Result<Self, LossError> {
        Ok(Self(Guard::floor_dbfs(floor_dbfs)?))
    }
    /// auraloss' form, `mean y² + 1e-8`.
    pub const fn auraloss() -> Self {
        Self(Guard::AddMean(1e-8))
    }
    /// CoreAudioML's form, `mean y² + 1e-5`.
    pub const fn core_audio_ml() -> Self {
        Self(Guard::AddMean(1e-5))
    }
}

#[derive(Clone, Copy)]
struct Offset;
impl<T: Sample> Pair<T, 2> for Offset {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 2] {
        [p - y, y * y]
    }
}
#[derive(Clone, Copy)]
pub(crate) struct Constant<T>(pub T);
impl<T: Sample> PairSlope<T> for Constant<T> {
    #[inline(always)]
    fn slope(self, _: T, _: T) -> T {
        self.0
    }
}

impl<T: Sample> Loss<T> for Dc {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("DC", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("DC", prediction, target, gradient.as_deref())? as f64;
        let [offset, energy] = sum_pairs(prediction, target, Offset);
        let mean = offset / frames;
        let k = inverse(self.0.mean_energy(energy, frames));
        if let Some(gradient) = gradient {
            add_slopes(prediction, target, gradient, Constant(T::of(2.0 * scale.to_f64() * k * mean / frames)));
        }
        Ok(T::of(mean * mean * k))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_target_gives_a_bounded_gradient_by_default() {
        let p = [0.1f32; 10];
        let mut gradient = [0.0f32; 10];
        let value = Esr::default().evaluate(&p, &[0.0; 10], Some(&mut gradient)).unwrap();
        assert!((value - 1e4).abs() < 1.0 && (gradient[0] - 2e4).abs() < 1.0, "{value} {gradient:?}");
    }

    #[test]
    fn zero_over_zero_is_zero() {
        let mut gradient = [0.0f64; 4];
        let value = Esr::nam().evaluate(&[0.0; 4], &[0.0; 4], Some(&mut gradient)).unwrap();
        assert_eq!((value, gradient), (0.0, [0.0; 4]));
    }

    #[test]
    fn a_floor_above_full_scale_is_refused() {
        assert!(Esr::with_floor(3.0).is_err() && Dc::with_floor(f64::NAN).is_err());
    }
}
