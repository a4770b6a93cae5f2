//! Spectral convergence, log and linear magnitude of one resolution.

use super::bins::{BinDistance, BinLoss, bin_loss};
use crate::error::{LossError, setting};
use crate::sample::Sample;
use crate::stft::StftSettings;

/// What is done about magnitudes near zero.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum MagnitudeFloor {
    /// Ours: `|X|` as it is, `ln(|X| + 1e-4)` in the logarithm, the norm of the target at least 1e-4 per bin in the convergence.
    ///
    /// The gradient never dies: a bin of the prediction that is exactly zero is pushed into the direction of the target's bin, which
    /// is a subgradient, so training starts from silence.
    #[default]
    Soft,
    /// auraloss': `|X| = sqrt(max(|X|², 1e-8))`. Bins below 1e-4 have no gradient; a silent prediction has none at all.
    Clamp,
}

/// Weights of the terms of [`StftLoss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StftTerms {
    /// Spectral convergence `‖ |Y| - |X| ‖_F / ‖ |Y| ‖_F`.
    pub convergence: f64,
    /// Log magnitude `mean | ln |X| - ln |Y| |`.
    pub log: f64,
    /// Linear magnitude `mean | |X| - |Y| |`.
    pub linear: f64,
}

impl StftTerms {
    pub(crate) fn validate(self) -> Result<(), LossError> {
        let finite = |weight: f64| setting(weight.is_finite(), "weight of an STFT term", "a finite number", weight);
        [self.convergence, self.log, self.linear].into_iter().try_for_each(finite)
    }
}

impl Default for StftTerms {
    /// Convergence and log magnitude, weight 1 each.
    fn default() -> Self {
        Self { convergence: 1.0, log: 1.0, linear: 0.0 }
    }
}

/// Magnitude STFT loss: a weighted sum of spectral convergence, log and linear magnitude distance.
///
/// Arık et al. 2018 (arXiv:1808.06719), Yamamoto et al. 2020 (arXiv:1910.11480), as in auraloss. The convergence is the ratio of one
/// item; auraloss takes one ratio over its whole batch.
#[derive(Clone, Debug)]
pub struct StftLoss<T: Sample> {
    bins: BinLoss<T, Magnitudes<T>, 4>,
}

impl<T: Sample> StftLoss<T> {
    /// The terms given, with our floor.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes or a weight that is not finite.
    pub fn new(settings: StftSettings, terms: StftTerms) -> Result<Self, LossError> {
        Self::with_floor(settings, terms, MagnitudeFloor::Soft)
    }

    /// The terms given, with the floor given.
    ///
    /// # Errors
    /// As [`StftLoss::new`].
    pub fn with_floor(settings: StftSettings, terms: StftTerms, floor: MagnitudeFloor) -> Result<Self, LossError> {
        terms.validate()?;
        Ok(Self { bins: BinLoss::new(settings, Magnitudes { terms, clamp: floor == MagnitudeFloor::Clamp, floor: T::of(FLOOR) })? })
    }

    /// The transform's settings.
    pub const fn settings(&self) -> &StftSettings {
        self.bins.settings()
    }

    /// auraloss' `STFTLoss` of these sizes: convergence and log magnitude, clamped.
    ///
    /// # Errors
    /// As [`StftLoss::new`].
    pub fn auraloss(settings: StftSettings) -> Result<Self, LossError> {
        Self::with_floor(settings, StftTerms::default(), MagnitudeFloor::Clamp)
    }
}

bin_loss!(StftLoss);

/// Magnitude below which a bin counts as silent, -80 dB re 1; its square is auraloss' epsilon.
pub(crate) const FLOOR: f64 = 1e-4;

#[derive(Clone, Copy, Debug)]
struct Magnitudes<T> {
    terms: StftTerms,
    clamp: bool,
    floor: T,
}

/// Factors of `|X| - |Y|`, of its sign over `|X|` plus floor, and of its sign.
#[derive(Clone, Copy, Debug)]
struct Factors<T> {
    convergence: T,
    log: T,
    linear: T,
}

impl<T: Sample> Magnitudes<T> {
    #[inline(always)]
    fn magnitude(self, [re, im]: [T; 2]) -> T {
        let power = re * re + im * im;
        (if self.clamp { power.max(self.floor * self.floor) } else { power }).root()
    }
    #[inline(always)]
    fn soft_floor(self) -> T {
        if self.clamp { T::ZERO } else { self.floor }
    }
}

impl<T: Sample> BinDistance<T, 4> for Magnitudes<T> {
    type Slope = Factors<T>;

    #[inline(always)]
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; 4] {
        let (x, y) = (self.magnitude(x), self.magnitude(y));
        let e = x - y;
        let soft = self.soft_floor();
        [e * e, y * y, afx_core::Scalar::abs(((x + soft) / (y + soft)).fast_ln()), afx_core::Scalar::abs(e)]
    }

    fn finish(self, [error, energy, log, linear]: [f64; 4], bins: f64, scale: f64) -> (f64, Factors<T>) {
        let norm = if self.clamp { energy.sqrt() } else { energy.max(FLOOR * FLOOR * bins).sqrt() };
        let root = error.sqrt();
        let t = self.terms;
        let value = t.convergence * (root / norm) + t.log * log / bins + t.linear * linear / bins;
        // At a perfect prediction the convergence is a norm at its origin: subgradient 0.
        let convergence = if root > 0.0 { t.convergence / (root * norm) } else { 0.0 };
        let factors = [convergence, t.log / bins, t.linear / bins].map(|factor| T::of(factor * scale));
        (value, Factors { convergence: factors[0], log: factors[1], linear: factors[2] })
    }

    #[inline(always)]
    fn slope(self, k: Factors<T>, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let (m, n) = (self.magnitude(x), self.magnitude(y));
        let e = m - n;
        let sign = Sample::sign(e);
        let slope = k.convergence * e + sign * (k.log / (m + self.soft_floor()) + k.linear);
        if self.clamp {
            // A clamped magnitude does not move.
            let slope = if x[0] * x[0] + x[1] * x[1] > self.floor * self.floor { slope / m } else { T::ZERO };
            [slope * x[0], slope * x[1]]
        } else {
            let silent = m == T::ZERO;
            let over = if silent { n } else { m };
            let slope = if over > T::ZERO { slope / over } else { T::ZERO };
            if silent { [slope * y[0], slope * y[1]] } else { [slope * x[0], slope * x[1]] }
        }
    }
}
