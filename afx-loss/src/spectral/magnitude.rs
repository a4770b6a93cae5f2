//! Spectral convergence, log and linear magnitude of one resolution.

use super::bins::{BinDistance, BinLoss};
use super::fitted::Fitted;
use crate::error::{LossError, setting};
use crate::loss::Loss;
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

/// How two magnitudes, or their logarithms, are compared; auraloss' `mag_distance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MagnitudeDistance {
    /// `mean |a - b|`
    #[default]
    L1,
    /// `mean (a - b)²`
    L2,
}

/// Magnitude STFT loss: a weighted sum of spectral convergence, log and linear magnitude distance.
///
/// Arık et al. 2018 (arXiv:1808.06719), Yamamoto et al. 2020 (arXiv:1910.11480), as in auraloss. The convergence is the ratio of one
/// item; auraloss takes one ratio over its whole batch, which [`over_batch`](StftLoss::over_batch) does.
///
/// ```
/// use afx_loss::{Loss, MagnitudeDistance, StftLoss, StftSettings, StftTerms};
/// let plain = StftLoss::<f32>::new(StftSettings::new(512, 128), StftTerms::default())?;
/// let mut loss = plain.distance(MagnitudeDistance::L2).scale_invariant();
/// loss.prepare(4096)?;
/// # Ok::<(), afx_loss::LossError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StftLoss<T: Sample> {
    kind: Kind<T>,
}

/// The plain distance has its own loops: it is what most trainings run.
#[derive(Clone, Debug)]
enum Kind<T: Sample> {
    Plain(BinLoss<T, Magnitudes<T>, 4>),
    Fitted(BinLoss<T, Fitted<T>, 6>),
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
        let magnitudes = Magnitudes { terms, clamp: floor == MagnitudeFloor::Clamp, floor: T::of(FLOOR) };
        Ok(Self { kind: Kind::Plain(BinLoss::new(settings, magnitudes)?) })
    }

    /// The transform's settings.
    pub const fn settings(&self) -> &StftSettings {
        match &self.kind {
            Kind::Plain(bins) => bins.settings(),
            Kind::Fitted(bins) => bins.settings(),
        }
    }

    /// auraloss' `STFTLoss` of these sizes: convergence and log magnitude, clamped.
    ///
    /// # Errors
    /// As [`StftLoss::new`].
    pub fn auraloss(settings: StftSettings) -> Result<Self, LossError> {
        Self::with_floor(settings, StftTerms::default(), MagnitudeFloor::Clamp)
    }

    /// With the distance given in the log and linear terms.
    pub fn distance(self, distance: MagnitudeDistance) -> Self {
        self.change(|fitted| fitted.squared = distance == MagnitudeDistance::L2)
    }

    /// Blind to the level: the target's magnitudes are first scaled by `α = Σ |X| |Y| / Σ |Y|²`, auraloss' `scale_invariance`.
    ///
    /// `α` follows the prediction, and the gradient knows. With [`MagnitudeFloor::Soft`] the floors scale with the target, and a
    /// prediction more than 80 dB below the target is compared with the target at -80 dB, so that silence has a loss and a way out;
    /// with [`MagnitudeFloor::Clamp`] it is auraloss' form, dead at silence. The linear term still grows with the prediction's level.
    pub fn scale_invariant(self) -> Self {
        self.change(|fitted| fitted.scaled = true)
    }

    /// For `items` sequences in a row, each transformed on its own, with one ratio and one mean over the bins of all: torch's
    /// semantics for a batch, where the convergence of a quiet item hides behind that of a loud one.
    ///
    /// Also what auraloss does with the channels of a stereo signal. A scale-invariant loss has one gain for all items; auraloss' own
    /// code fails there for more than one.
    ///
    /// # Errors
    /// [`LossError::Setting`] for no items.
    pub fn over_batch(self, items: usize) -> Result<Self, LossError> {
        setting(items > 0, "items of a batch", "1 or more", 0.0)?;
        let kind = match self.kind {
            Kind::Plain(bins) => Kind::Plain(bins.with_items(items)),
            Kind::Fitted(bins) => Kind::Fitted(bins.with_items(items)),
        };
        Ok(Self { kind })
    }

    fn change(self, change: impl FnOnce(&mut Fitted<T>)) -> Self {
        let kind = match self.kind {
            Kind::Plain(bins) => {
                let mut fitted = Fitted::new(bins.distance());
                change(&mut fitted);
                if fitted.squared || fitted.scaled { Kind::Fitted(bins.with_distance(fitted)) } else { Kind::Plain(bins) }
            }
            Kind::Fitted(bins) => {
                let mut fitted = bins.distance();
                change(&mut fitted);
                Kind::Fitted(bins.with_distance(fitted))
            }
        };
        Self { kind }
    }
}

impl<T: Sample> Loss<T> for StftLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        match &mut self.kind {
            Kind::Plain(bins) => bins.prepare(frames),
            Kind::Fitted(bins) => bins.prepare(frames),
        }
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        match &mut self.kind {
            Kind::Plain(bins) => bins.accumulate(prediction, target, scale, gradient),
            Kind::Fitted(bins) => bins.accumulate(prediction, target, scale, gradient),
        }
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

/// Magnitude below which a bin counts as silent, -80 dB re 1; its square is auraloss' epsilon.
pub(crate) const FLOOR: f64 = 1e-4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Magnitudes<T> {
    pub terms: StftTerms,
    pub clamp: bool,
    floor: T,
}

/// Factors of `|X| - |Y|`, of its sign over `|X|` plus floor, and of its sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factors<T> {
    convergence: T,
    log: T,
    linear: T,
}

impl<T: Sample> Magnitudes<T> {
    #[inline(always)]
    pub fn magnitude(self, [re, im]: [T; 2]) -> T {
        let power = re * re + im * im;
        (if self.clamp { power.max(self.floor * self.floor) } else { power }).root()
    }
    #[inline(always)]
    pub fn soft_floor(self) -> T {
        if self.clamp { T::ZERO } else { self.floor }
    }
    /// The derivative by the prediction's bin of something with this derivative by its magnitude.
    #[inline(always)]
    pub fn along(self, slope: T, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let m = self.magnitude(x);
        if self.clamp {
            // A clamped magnitude does not move.
            let slope = if x[0] * x[0] + x[1] * x[1] > self.floor * self.floor { slope / m } else { T::ZERO };
            [slope * x[0], slope * x[1]]
        } else {
            // A silent bin of the prediction is pushed along the target's.
            let silent = m == T::ZERO;
            let over = if silent { self.magnitude(y) } else { m };
            let slope = if over > T::ZERO { slope / over } else { T::ZERO };
            if silent { [slope * y[0], slope * y[1]] } else { [slope * x[0], slope * x[1]] }
        }
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
        self.along(slope, x, y)
    }
}
