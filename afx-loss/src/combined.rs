//! Weighted sums, batches and stereo.

use crate::error::{LossError, at_least};
use crate::loss::{Loss, check};
use crate::sample::Sample;

/// Weighted sum of losses: `Σ w_i L_i`.
///
/// ```
/// use afx_loss::{Combined, Dc, Esr, Filter, Loss, Prefiltered};
/// // Wright's mix
/// let mut loss = Combined::new().with(0.75, Prefiltered::new(Filter::high_pass(0.85)?, Esr::default())).with(0.25, Dc::default());
/// loss.prepare(2048)?;
/// # let _: f32 = loss.evaluate(&[0.0; 2048], &[0.1; 2048], None)?;
/// # Ok::<(), afx_loss::LossError>(())
/// ```
#[derive(Clone, Default)]
pub struct Combined<T: Sample> {
    terms: Vec<(T, Box<dyn Loss<T>>)>,
}

impl<T: Sample> core::fmt::Debug for Combined<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.terms.iter().map(|(weight, _)| weight)).finish()
    }
}

impl<T: Sample> Combined<T> {
    /// The empty sum, zero.
    pub const fn new() -> Self {
        Self { terms: Vec::new() }
    }
    /// Adds `weight · loss`.
    pub fn with(mut self, weight: f64, loss: impl Loss<T> + 'static) -> Self {
        self.terms.push((T::of(weight), Box::new(loss)));
        self
    }
}

impl<T: Sample> Loss<T> for Combined<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.terms.iter_mut().try_for_each(|(_, loss)| loss.prepare(frames))
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        check("combined loss", prediction, target, gradient.as_deref())?;
        let mut total = T::ZERO;
        for (weight, loss) in &mut self.terms {
            total += *weight * loss.accumulate(prediction, target, scale * *weight, gradient.as_deref_mut())?;
        }
        Ok(total)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

/// Mean loss of a batch stored item after item, `frames` each; adds `d mean / d predictions` to `gradients`.
///
/// # Errors
/// [`LossError::NotMultiple`] where the batch is not a whole number of items, and those of [`Loss::accumulate`].
pub fn batch_mean<T: Sample>(
    loss: &mut impl Loss<T>,
    frames: usize,
    predictions: &[T],
    targets: &[T],
    mut gradients: Option<&mut [T]>,
) -> Result<T, LossError> {
    check("batch", predictions, targets, gradients.as_deref())?;
    at_least("item of a batch", 1, frames)?;
    if !predictions.len().is_multiple_of(frames) {
        return Err(LossError::NotMultiple { what: "batch", expected: frames, found: predictions.len() });
    }
    let scale = T::of(1.0 / (predictions.len() / frames) as f64);
    let mut total = T::ZERO;
    for (i, (p, y)) in predictions.chunks_exact(frames).zip(targets.chunks_exact(frames)).enumerate() {
        let gradient = gradients.as_deref_mut().map(|g| &mut g[i * frames..(i + 1) * frames]);
        total += loss.accumulate(p, y, scale, gradient)?;
    }
    Ok(total * scale)
}

/// Splits a stereo sequence (left frames, then right frames) in the middle.
fn frames_of_stereo(samples: usize) -> Result<usize, LossError> {
    if samples.is_multiple_of(2) {
        Ok(samples / 2)
    } else {
        Err(LossError::NotMultiple { what: "stereo sequence", expected: 2, found: samples })
    }
}

/// A mono loss on both channels: `weight · (L(left) + L(right))`.
///
/// A stereo sequence is planar: all frames of the left channel, then all of the right.
#[derive(Clone, Debug)]
pub struct Stereo<L> {
    loss: L,
    weight: f64,
}

impl<L> Stereo<L> {
    /// `L(left) + L(right)`.
    pub const fn sum(loss: L) -> Self {
        Self { loss, weight: 1.0 }
    }
    /// `½ (L(left) + L(right))`.
    pub const fn mean(loss: L) -> Self {
        Self { loss, weight: 0.5 }
    }
}

impl<T: Sample, L: Loss<T> + Clone + 'static> Loss<T> for Stereo<L> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.loss.prepare(frames_of_stereo(frames)?)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = frames_of_stereo(check("stereo loss", prediction, target, gradient.as_deref())?)?;
        let weight = T::of(self.weight);
        let mut total = T::ZERO;
        for range in [0..frames, frames..2 * frames] {
            let gradient = gradient.as_deref_mut().map(|g| &mut g[range.clone()]);
            total += self.loss.accumulate(&prediction[range.clone()], &target[range], scale * weight, gradient)?;
        }
        Ok(total * weight)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

/// A mono loss on sum and difference: `½ (w_s L(left + right) + w_d L(left - right))`, planar as in [`Stereo`].
///
/// Steinmetz et al. 2020, arXiv:2010.10291 (stereo image without a preference for left or right).
#[derive(Clone, Debug)]
pub struct SumDifference<T, L> {
    loss: L,
    weights: [f64; 2],
    prediction: Vec<T>,
    target: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Sample, L: Loss<T>> SumDifference<T, L> {
    /// Both weights 1.
    pub const fn new(loss: L) -> Self {
        Self::with_weights(loss, 1.0, 1.0)
    }
    /// Weights of the loss of the sum and of the loss of the difference.
    pub const fn with_weights(loss: L, sum: f64, difference: f64) -> Self {
        Self { loss, weights: [sum, difference], prediction: Vec::new(), target: Vec::new(), gradient: Vec::new() }
    }
}

fn mix<T: Sample>(stereo: &[T], sign: T, mono: &mut [T]) {
    let (left, right) = stereo.split_at(mono.len());
    for ((m, &l), &r) in mono.iter_mut().zip(left).zip(right) {
        *m = l + sign * r;
    }
}

impl<T: Sample, L: Loss<T> + Clone + 'static> Loss<T> for SumDifference<T, L> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        let frames = frames_of_stereo(frames)?;
        self.loss.prepare(frames)?;
        for buffer in [&mut self.prediction, &mut self.target, &mut self.gradient] {
            buffer.resize(frames, T::ZERO);
        }
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let samples = check("sum and difference loss", prediction, target, gradient.as_deref())?;
        let frames = frames_of_stereo(samples)?;
        if self.gradient.len() != frames {
            self.prepare(samples)?;
        }
        let mut total = T::ZERO;
        for (sign, weight) in [T::ONE, -T::ONE].into_iter().zip(self.weights) {
            let weight = T::of(0.5 * weight);
            mix(prediction, sign, &mut self.prediction);
            mix(target, sign, &mut self.target);
            let Some(gradient) = gradient.as_deref_mut() else {
                total += weight * self.loss.accumulate(&self.prediction, &self.target, scale, None)?;
                continue;
            };
            self.gradient.fill(T::ZERO);
            total += weight * self.loss.accumulate(&self.prediction, &self.target, scale * weight, Some(&mut self.gradient))?;
            let (left, right) = gradient.split_at_mut(frames);
            for ((l, r), &g) in left.iter_mut().zip(right).zip(&self.gradient) {
                *l += g;
                *r += sign * g;
            }
        }
        Ok(total)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mae, Mse};

    #[test]
    fn a_batch_is_the_mean_of_its_items() {
        let mut gradient = [0.0f64; 4];
        let value = batch_mean(&mut Mae, 2, &[1.0, 0.0, 3.0, 0.0], &[0.0; 4], Some(&mut gradient)).unwrap();
        assert_eq!((value, gradient), (1.0, [0.25, 0.0, 0.25, 0.0]));
    }

    #[test]
    fn a_batch_that_is_not_whole_is_an_error() {
        let found = batch_mean(&mut Mae, 2, &[0.0f32; 3], &[0.0; 3], None);
        assert_eq!(found, Err(LossError::NotMultiple { what: "batch", expected: 2, found: 3 }));
        assert!(batch_mean(&mut Mae, 0, &[0.0f32; 3], &[0.0; 3], None).is_err());
    }

    #[test]
    fn stereo_adds_or_averages_its_channels() {
        let (p, y) = ([1.0, 1.0, 3.0, 3.0], [0.0; 4]);
        assert_eq!(Stereo::sum(Mae).evaluate(&p, &y, None), Ok(4.0f64));
        let mut gradient = [0.0f64; 4];
        assert_eq!(Stereo::mean(Mse).evaluate(&p, &y, Some(&mut gradient)), Ok(5.0));
        assert_eq!(gradient, [0.5, 0.5, 1.5, 1.5]);
        assert!(Stereo::sum(Mae).evaluate(&p[..3], &y[..3], None).is_err());
    }

    #[test]
    fn sum_and_difference_reach_both_channels() {
        let mut gradient = [0.0f64; 2];
        let value = SumDifference::with_weights(Mse, 1.0, 2.0).evaluate(&[1.0, 0.0], &[0.0, 0.0], Some(&mut gradient)).unwrap();
        // ½ ((l + r)² + 2 (l - r)²): d/dl = (l + r) + 2 (l - r) = 3, d/dr = (l + r) - 2 (l - r) = -1
        assert_eq!((value, gradient), (1.5, [3.0, -1.0]));
    }

    #[test]
    fn weights_scale_value_and_gradient() {
        let mut loss = Combined::new().with(2.0, Mae).with(0.5, Mse);
        let mut gradient = [0.0f32; 1];
        assert_eq!(loss.evaluate(&[3.0], &[1.0], Some(&mut gradient)), Ok(6.0));
        assert_eq!(gradient, [4.0]);
    }
}
