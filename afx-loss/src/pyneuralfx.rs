//! The losses of PyNeuralFx in the toolkit's own forms.
//!
//! Yeh, Hsiao and Yang 2024, arXiv:2408.06053; the forms are those of the released code, with numbers to match its papers. Two
//! properties differ from the other losses of this crate: the multi-resolution loss compares *powers*, whose gradient at a silent bin
//! is zero, and its logarithm has a floor of 1e-4 in power (-40 dB). The absolute error in [`HybridLoss`] keeps its gradient alive.

use crate::error::LossError;
use crate::filter::Filter;
use crate::loss::{Loss, check};
use crate::prefiltered::Prefiltered;
use crate::sample::Sample;
use crate::spectral::{BinDistance, BinLoss, ComplexDistance, ComplexStftLoss, MultiResolution, bin_loss};
use crate::stft::{StftSettings, Window};
use crate::time::Mae;

/// Transform sizes of [`MrStftLoss`] in training.
pub const SCALES: [usize; 4] = [2048, 512, 128, 32];

/// An STFT as the toolkit takes it: symmetric Hann window, within the signal, 75 % overlap.
const fn settings(scale: usize) -> StftSettings {
    StftSettings::new(scale, scale / 4).window(Window::HannSymmetric).uncentred()
}

#[derive(Clone, Copy, Debug)]
struct Powers<T> {
    floor: T,
}

impl<T: Sample> BinDistance<T, 2> for Powers<T> {
    type Slope = T;
    #[inline(always)]
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let p = x[0] * x[0] + x[1] * x[1];
        let q = y[0] * y[0] + y[1] * y[1];
        let ratio = (p + self.floor) / (q + self.floor);
        [afx_core::Scalar::abs(p - q), afx_core::Scalar::abs(ratio.fast_ln())]
    }
    fn finish(self, [linear, log]: [f64; 2], bins: f64, scale: f64) -> (f64, T) {
        ((linear + log) / bins, T::of(2.0 * scale / bins))
    }
    #[inline(always)]
    fn slope(self, k: T, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let p = x[0] * x[0] + x[1] * x[1];
        let q = y[0] * y[0] + y[1] * y[1];
        let slope = k * Sample::sign(p - q) * (T::ONE + T::ONE / (p + self.floor));
        [slope * x[0], slope * x[1]]
    }
}

/// Power STFT loss of one scale: `mean |P - Q| + mean |ln(P + 1e-4) - ln(Q + 1e-4)|` with powers `P = |X|²`, `Q = |Y|²`.
#[derive(Clone, Debug)]
pub struct PowerStftLoss<T: Sample> {
    bins: BinLoss<T, Powers<T>, 2>,
}
bin_loss!(PowerStftLoss);

impl<T: Sample> PowerStftLoss<T> {
    /// Of a transform of `scale` frames, hop a quarter.
    ///
    /// # Errors
    /// [`LossError::Setting`] under 4 frames.
    pub fn new(scale: usize) -> Result<Self, LossError> {
        Ok(Self { bins: BinLoss::new(settings(scale), Powers { floor: T::of(1e-4) })? })
    }
}

/// `MRSTFTLoss`: the mean of [`PowerStftLoss`] over scales.
pub type MrStftLoss<T> = MultiResolution<PowerStftLoss<T>>;

impl<T: Sample> MultiResolution<PowerStftLoss<T>> {
    /// Of the scales given; [`SCALES`] in training, `[2048]` where the toolkit reports "STFT loss" as a metric.
    ///
    /// # Errors
    /// [`LossError::Setting`] without a scale or with one under 4.
    pub fn power(scales: &[usize]) -> Result<Self, LossError> {
        Self::mean(scales.iter().map(|&scale| PowerStftLoss::new(scale)).collect::<Result<_, _>>()?)
    }
}

impl<T: Sample> MultiResolution<ComplexStftLoss<T>> {
    /// `MRSTFTCLoss`: the mean over scales of `mean |X - Y|`, as the toolkit transforms; 8192, 2048, 512 and 128 there, so that a
    /// sequence must have 8192 frames.
    ///
    /// # Errors
    /// [`LossError::Setting`] without a scale or with one under 4.
    pub fn complex_of_pyneuralfx(scales: &[usize]) -> Result<Self, LossError> {
        let one = |&scale| ComplexStftLoss::new(settings(scale), ComplexDistance::Modulus);
        Self::mean(scales.iter().map(one).collect::<Result<_, _>>()?)
    }
}

/// Transform sizes of `MRSTFTCLoss`.
pub const COMPLEX_SCALES: [usize; 4] = [8192, 2048, 512, 128];

/// `HybridLoss`: `MAE + 0.1 · MRSTFT` of [`SCALES`], both after the toolkit's pre-emphasis ([`Filter::dc_pre_emphasis`]) if asked for.
///
/// The toolkit convolves with 2000 taps; the recursion here is exact, and differs by less than 1e-4 of the loss.
///
/// ```
/// use afx_loss::{Loss, pyneuralfx::HybridLoss};
/// let mut loss = HybridLoss::<f32>::new(true)?;
/// loss.prepare(2048)?;
/// let (prediction, target) = (vec![0.0; 2048], vec![0.1; 2048]);
/// let mut gradient = vec![0.0; 2048];
/// let value = loss.evaluate(&prediction, &target, Some(&mut gradient))?;
/// # assert!(value > 0.0);
/// # Ok::<(), afx_loss::LossError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HybridLoss<T: Sample> {
    loss: Prefiltered<T, Hybrid<T>>,
    plain: bool,
}

impl<T: Sample> HybridLoss<T> {
    /// With or without pre-emphasis.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn new(pre_emphasis: bool) -> Result<Self, LossError> {
        Self::with_scales(pre_emphasis, &SCALES)
    }

    /// With other scales.
    ///
    /// # Errors
    /// As [`MultiResolution::power`].
    pub fn with_scales(pre_emphasis: bool, scales: &[usize]) -> Result<Self, LossError> {
        let hybrid = Hybrid { stft: MultiResolution::power(scales)? };
        Ok(Self { loss: Prefiltered::new(Filter::dc_pre_emphasis(), hybrid), plain: !pre_emphasis })
    }
}

impl<T: Sample> Loss<T> for HybridLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        if self.plain { self.loss.inner_mut().prepare(frames) } else { self.loss.prepare(frames) }
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        if self.plain {
            self.loss.inner_mut().accumulate(prediction, target, scale, gradient)
        } else {
            self.loss.accumulate(prediction, target, scale, gradient)
        }
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

/// The sum behind the filter.
#[derive(Clone, Debug)]
struct Hybrid<T: Sample> {
    stft: MrStftLoss<T>,
}

impl<T: Sample> Loss<T> for Hybrid<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.stft.prepare(frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        check("hybrid loss", prediction, target, gradient.as_deref())?;
        let tenth = T::of(0.1);
        let time = Mae.accumulate(prediction, target, scale, gradient.as_deref_mut())?;
        Ok(time + tenth * self.stft.accumulate(prediction, target, scale * tenth, gradient)?)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
