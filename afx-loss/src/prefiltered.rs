//! A loss behind a filter.

use crate::error::LossError;
use crate::filter::Filter;
use crate::loss::{Loss, check};
use crate::sample::Sample;

/// A loss between filtered signals: `L(Hp, Hy)`, with the gradient `Hᵀ dL/d(Hp)`.
///
/// ```
/// use afx_loss::{Esr, Filter, Loss, Prefiltered};
/// let mut loss = Prefiltered::new(Filter::high_pass(0.85)?, Esr::default());
/// let value = loss.evaluate(&[0.5, 0.5, 0.5], &[0.5, 0.5, 0.4], None)?;
/// assert!(value > 0.02f64);
/// # Ok::<(), afx_loss::LossError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prefiltered<T, L> {
    filter: Filter<T>,
    loss: L,
    prediction: Vec<T>,
    target: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Sample, L: Loss<T>> Prefiltered<T, L> {
    /// Puts `filter` before `loss`.
    pub const fn new(filter: Filter<T>, loss: L) -> Self {
        Self { filter, loss, prediction: Vec::new(), target: Vec::new(), gradient: Vec::new() }
    }

    /// The loss behind the filter.
    pub(crate) const fn inner_mut(&mut self) -> &mut L {
        &mut self.loss
    }
}

impl<T: Sample, L: Loss<T> + Clone + 'static> Loss<T> for Prefiltered<T, L> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        let frames = self.filter.output_frames(frames);
        self.loss.prepare(frames)?;
        for buffer in [&mut self.prediction, &mut self.target, &mut self.gradient] {
            buffer.resize(frames, T::ZERO);
        }
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("prefiltered loss", prediction, target, gradient.as_deref())?;
        if self.gradient.len() != self.filter.output_frames(frames) {
            self.prepare(frames)?;
        }
        self.filter.apply_two([prediction, target], [&mut self.prediction, &mut self.target]);
        let Some(gradient) = gradient else {
            return self.loss.accumulate(&self.prediction, &self.target, scale, None);
        };
        self.gradient.fill(T::ZERO);
        let value = self.loss.accumulate(&self.prediction, &self.target, scale, Some(&mut self.gradient))?;
        self.filter.add_adjoint(&self.gradient, gradient);
        Ok(value)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
