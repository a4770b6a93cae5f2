//! A number to make small, with its gradient.

use crate::error::{LossError, at_least};
use crate::sample::Sample;

/// A differentiable distance between a prediction and a target, one mono sequence at a time.
///
/// One call is one item of a batch. The loss of a batch is the mean over its items, and so is its gradient: pass
/// `1 / items` as `scale` and add the returned values up, or let [`crate::batch_mean`] do it. A loss that a toolkit computes
/// over the whole batch at once (a *global* energy ratio) is that loss on the concatenated items where it has no memory
/// (MAE, MSE, ESR).
///
/// A value owns its transforms, filters and scratch. It allocates in [`prepare`](Loss::prepare), or at the first sequence of
/// another length, and then no more. It is `Clone` behind its box, so that every thread of a trainer can have its own:
///
/// ```
/// use afx_loss::{Loss, Mae};
/// let mut loss: Box<dyn Loss<f32>> = Box::new(Mae);
/// let mut gradient = [0.0; 2];
/// let value = loss.evaluate(&[1.0, 2.0], &[0.0, 2.0], Some(&mut gradient))?;
/// assert_eq!((value, gradient), (0.5, [0.5, 0.0]));
/// let another = loss.clone();
/// # let _ = another;
/// # Ok::<(), afx_loss::LossError>(())
/// ```
pub trait Loss<T: Sample>: Send + Sync {
    /// Makes room for sequences of `frames`, so that [`accumulate`](Loss::accumulate) allocates nothing.
    ///
    /// # Errors
    /// [`LossError::TooShort`] where a window does not fit, [`LossError::NotMultiple`] where channels do not divide.
    fn prepare(&mut self, frames: usize) -> Result<(), LossError>;

    /// The loss; adds `scale · dL/dprediction` to `gradient`.
    ///
    /// The value returned is not scaled. Where the loss is not differentiable (`|e|` at 0, a magnitude at 0, a ratio 0/0) the
    /// gradient is a subgradient, and finite. NaN and infinities in give NaN or infinities out.
    ///
    /// # Errors
    /// [`LossError::LengthMismatch`] where target or gradient differ in length from the prediction, and those of
    /// [`prepare`](Loss::prepare).
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError>;

    /// The loss; adds `dL/dprediction` to `gradient`.
    ///
    /// # Errors
    /// Those of [`accumulate`](Loss::accumulate).
    fn evaluate(&mut self, prediction: &[T], target: &[T], gradient: Option<&mut [T]>) -> Result<T, LossError> {
        self.accumulate(prediction, target, T::ONE, gradient)
    }

    /// A copy with its own scratch; the transforms' tables are shared.
    fn boxed_clone(&self) -> Box<dyn Loss<T>>;
}

impl<T: Sample> Clone for Box<dyn Loss<T>> {
    fn clone(&self) -> Self {
        self.as_ref().boxed_clone()
    }
}

impl<T: Sample> Loss<T> for Box<dyn Loss<T>> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.as_mut().prepare(frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        self.as_mut().accumulate(prediction, target, scale, gradient)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        self.clone()
    }
}

/// The checks that every loss makes first: a sequence that is not empty, and three equal lengths.
pub(crate) fn check<T>(what: &'static str, prediction: &[T], target: &[T], gradient: Option<&[T]>) -> Result<usize, LossError> {
    let frames = prediction.len();
    at_least(what, 1, frames)?;
    if target.len() != frames {
        return Err(LossError::LengthMismatch { what: "target", expected: frames, found: target.len() });
    }
    match gradient {
        Some(gradient) if gradient.len() != frames => {
            Err(LossError::LengthMismatch { what: "gradient", expected: frames, found: gradient.len() })
        }
        _ => Ok(frames),
    }
}
