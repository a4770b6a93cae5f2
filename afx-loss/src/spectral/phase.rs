//! Losses on the phase of a spectrogram.

use crate::error::{LossError, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Angle between the bins that are louder than this times the mean of the target.
    Angular { threshold: f64 },
    /// `(∠X - ∠Y)²`, not unwrapped.
    Squared,
}

/// Distance of the phases of two spectrograms.
///
/// [`angular`](PhaseLoss::angular): the mean angle, 0 to π, between the bins of prediction and target, over the bins where
/// `|Re| + |Im|` of *both* exceeds `threshold` times the mean of the target's. Richard et al. 2021, "Neural synthesis of binaural
/// speech"; 0.1 in training, 0.2 in evaluation, and training adds 0.01 of it to the ℓ2 loss of the signals. The choice of bins
/// counts as a constant in the gradient. No bin chosen: loss 0.
///
/// [`squared`](PhaseLoss::squared): `mean (∠X - ∠Y)²` over all bins and without unwrapping, the `w_phs` term of auraloss. A bin of zero
/// has phase zero and no gradient. It jumps where a phase passes ±π, and bins that are real up to rounding, as in the symmetric first
/// column of a centred transform, sit on that jump: a term to reproduce numbers with, not to train on.
#[derive(Clone, Debug)]
pub struct PhaseLoss<T: Sample> {
    stft: Stft<T>,
    kind: Kind,
    frames: usize,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
}

impl<T: Sample> PhaseLoss<T> {
    /// Mean angle between the bins louder than `threshold` times the mean.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes or a threshold that is negative or not finite.
    pub fn angular(settings: StftSettings, threshold: f64) -> Result<Self, LossError> {
        setting(threshold.is_finite() && threshold >= 0.0, "phase threshold", "0 or more", threshold)?;
        Self::of_kind(settings, Kind::Angular { threshold })
    }

    /// Mean squared difference of phases.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes.
    pub fn squared(settings: StftSettings) -> Result<Self, LossError> {
        Self::of_kind(settings, Kind::Squared)
    }

    fn of_kind(settings: StftSettings, kind: Kind) -> Result<Self, LossError> {
        Ok(Self { stft: Stft::new(settings)?, kind, frames: 0, x: Default::default(), y: Default::default() })
    }

    /// Replaces each bin of the prediction by `dloss/dphase · dphase/dX` before division by the count; sum and count.
    fn measure(&mut self) -> (f64, usize) {
        let ([xr, xi], [yr, yi]) = (&mut self.x, &self.y);
        let size = |re: T, im: T| re.to_f64().abs() + im.to_f64().abs();
        let least = match self.kind {
            Kind::Angular { threshold } => threshold * yr.iter().zip(yi).map(|(&re, &im)| size(re, im)).sum::<f64>() / yr.len() as f64,
            Kind::Squared => 0.0,
        };
        let (mut sum, mut count) = (0.0, 0);
        for ((xr, xi), (&yr, &yi)) in xr.iter_mut().zip(xi).zip(yr.iter().zip(yi)) {
            let chosen = self.kind == Kind::Squared || (size(*xr, *xi) > least && size(yr, yi) > least);
            let ([a, b], [c, d]) = ([*xr, *xi].map(T::to_f64), [yr, yi].map(T::to_f64));
            // A bin of NaN compares as not chosen; the sum must know.
            let (value, slope) = match self.kind {
                _ if !chosen => (0.0 * (a + b + c + d), 0.0),
                Kind::Angular { .. } => {
                    let angle = (b * c - a * d).atan2(a * c + b * d); // ∠(X Y*), in ±π
                    (angle.abs(), angle.sign())
                }
                Kind::Squared => {
                    // Negative zero becomes zero: the bins at 0 and Nyquist have phase 0 or π, never -π.
                    let angle = (b + 0.0).atan2(a) - (d + 0.0).atan2(c);
                    (angle * angle, 2.0 * angle)
                }
            };
            sum += value;
            count += usize::from(chosen);
            let power = a * a + b * b;
            let slope = if power > 0.0 { slope / power } else { 0.0 };
            (*xr, *xi) = (T::of(-slope * b), T::of(slope * a));
        }
        (sum, count)
    }
}

impl<T: Sample> Loss<T> for PhaseLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        let settings = self.stft.settings();
        let size = settings.columns(frames)? * settings.bins();
        for part in self.x.iter_mut().chain(&mut self.y) {
            part.resize(size, T::ZERO);
        }
        self.frames = frames;
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("phase loss", prediction, target, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        let ([xr, xi], [yr, yi]) = (&mut self.x, &mut self.y);
        self.stft.analyse(prediction, 0, xr, xi);
        self.stft.analyse(target, 0, yr, yi);
        let (sum, count) = self.measure();
        let per_bin = 1.0 / count.max(1) as f64;
        if let Some(gradient) = gradient {
            let k = T::of(scale.to_f64() * per_bin);
            for part in &mut self.x {
                for g in part {
                    *g *= k;
                }
            }
            self.stft.add_adjoint(&self.x[0], &self.x[1], 0, gradient);
        }
        Ok(T::of(sum * per_bin))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
