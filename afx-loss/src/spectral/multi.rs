//! Several resolutions at once.

use super::magnitude::{MagnitudeDistance, MagnitudeFloor, StftLoss, StftTerms};
use crate::error::{LossError, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::StftSettings;

/// Mean of one loss over several resolutions, `1/R Σ_r L_r`.
#[derive(Clone, Debug)]
pub struct MultiResolution<L> {
    resolutions: Vec<L>,
    /// 1/R, or 1 for a sum.
    weight: f64,
}

impl<L> MultiResolution<L> {
    /// The mean of the losses given.
    ///
    /// # Errors
    /// [`LossError::Setting`] without a resolution.
    pub fn mean(resolutions: Vec<L>) -> Result<Self, LossError> {
        setting(!resolutions.is_empty(), "resolutions", "1 or more", 0.0)?;
        let weight = 1.0 / resolutions.len() as f64;
        Ok(Self { resolutions, weight })
    }

    /// The sum of the losses given.
    ///
    /// # Errors
    /// As [`MultiResolution::mean`].
    pub fn sum(resolutions: Vec<L>) -> Result<Self, LossError> {
        Ok(Self { weight: 1.0, ..Self::mean(resolutions)? })
    }
}

/// Multi-resolution magnitude STFT loss.
pub type MultiResolutionStft<T> = MultiResolution<StftLoss<T>>;

/// Sizes of auraloss' `MultiResolutionSTFTLoss`: transform, hop and window frames.
pub const AURALOSS_SIZES: [[usize; 3]; 3] = [[1024, 120, 600], [2048, 240, 1200], [512, 50, 240]];

impl<T: Sample> MultiResolution<StftLoss<T>> {
    /// auraloss' sizes, the terms and the floor given.
    ///
    /// # Errors
    /// [`LossError::Setting`] for a weight that is not finite.
    pub fn with_terms(terms: StftTerms, floor: MagnitudeFloor) -> Result<Self, LossError> {
        let one = |[fft, hop, window]: [usize; 3]| StftLoss::with_floor(StftSettings::new(fft, hop).window_frames(window), terms, floor);
        Self::mean(AURALOSS_SIZES.into_iter().map(one).collect::<Result<_, _>>()?)
    }

    /// auraloss' sizes and terms with our floor: what to take when in doubt.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn new() -> Result<Self, LossError> {
        Self::with_terms(StftTerms::default(), MagnitudeFloor::Soft)
    }

    /// Each resolution with [`StftLoss::distance`].
    pub fn distance(self, distance: MagnitudeDistance) -> Self {
        self.map(|loss| loss.distance(distance))
    }

    /// Each resolution with [`StftLoss::scale_invariant`].
    pub fn scale_invariant(self) -> Self {
        self.map(StftLoss::scale_invariant)
    }

    /// Each resolution with [`StftLoss::over_batch`].
    ///
    /// # Errors
    /// [`LossError::Setting`] for no items.
    pub fn over_batch(self, items: usize) -> Result<Self, LossError> {
        let resolutions = self.resolutions.into_iter().map(|loss| loss.over_batch(items)).collect::<Result<_, _>>()?;
        Ok(Self { resolutions, ..self })
    }

    fn map(self, change: impl Fn(StftLoss<T>) -> StftLoss<T>) -> Self {
        Self { resolutions: self.resolutions.into_iter().map(change).collect(), ..self }
    }

    /// auraloss' default `MultiResolutionSTFTLoss`.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn auraloss() -> Result<Self, LossError> {
        Self::with_terms(StftTerms::default(), MagnitudeFloor::Clamp)
    }
}

impl<T: Sample, L: Loss<T> + Clone + 'static> Loss<T> for MultiResolution<L> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.resolutions.iter_mut().try_for_each(|loss| loss.prepare(frames))
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        check("multi-resolution loss", prediction, target, gradient.as_deref())?;
        let weight = T::of(self.weight);
        let mut total = T::ZERO;
        for loss in &mut self.resolutions {
            total += loss.accumulate(prediction, target, scale * weight, gradient.as_deref_mut())?;
        }
        Ok(total * weight)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
