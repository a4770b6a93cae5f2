//! L1 distance of complex spectrograms.

use super::multi::MultiResolution;
use crate::error::LossError;
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};
use crate::vector::lane_sum;
use afx_core::simd::{Kernel, Simd};

/// How the difference of two complex bins is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ComplexDistance {
    /// `|X - Y|`; blind to a rotation of the error, as the ear is.
    #[default]
    Modulus,
    /// `|Re (X - Y)| + |Im (X - Y)|`
    Parts,
}

/// L1 distance of complex spectrograms: `mean |X - Y|`, unnormalised transforms.
///
/// It sees phase, and its gradient is alive everywhere, silence included. The transform is linear, so one transform of `p - y` does.
#[derive(Clone, Debug)]
pub struct ComplexStftLoss<T: Sample> {
    stft: Stft<T>,
    distance: ComplexDistance,
    columns: usize,
    error: Vec<T>,
    re: Vec<T>,
    im: Vec<T>,
}

/// Bins transformed before they are measured: two arrays of them stay in the second cache.
const BINS_AT_ONCE: usize = 8192;

impl<T: Sample> ComplexStftLoss<T> {
    /// Of the transform given.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes.
    pub fn new(settings: StftSettings, distance: ComplexDistance) -> Result<Self, LossError> {
        let [error, re, im] = [const { Vec::new() }; 3];
        Ok(Self { stft: Stft::new(settings)?, distance, columns: 0, error, re, im })
    }
}

/// Transform sizes of [`MultiResolution::complex`].
pub const COMPLEX_SIZES: [usize; 4] = [2048, 1024, 512, 256];

impl<T: Sample> MultiResolution<ComplexStftLoss<T>> {
    /// Complex multi-scale loss: the *sum* over transforms of 2048, 1024, 512 and 256 frames, 75 % overlap, Hann, within the signal.
    ///
    /// For stereo, [`crate::Stereo::sum`] adds left and right.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn complex() -> Result<Self, LossError> {
        let one = |n| ComplexStftLoss::new(StftSettings::new(n, n / 4).uncentred(), ComplexDistance::Modulus);
        Self::sum(COMPLEX_SIZES.into_iter().map(one).collect::<Result<_, _>>()?)
    }
}

/// Sum of the distances; leaves `k` times the derivative in place of the bins.
struct Measure<'a, T> {
    re: &'a mut [T],
    im: &'a mut [T],
    distance: ComplexDistance,
    k: T,
}

impl<T: Sample> Kernel<T> for Measure<'_, T> {
    type Out = f64;
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) -> f64 {
        let mut block = [T::ZERO; 256];
        let mut total = 0.0;
        for (re, im) in self.re.chunks_mut(256).zip(self.im.chunks_mut(256)) {
            let n = re.len();
            let (im, block) = (&mut im[..n], &mut block[..n]);
            if self.distance == ComplexDistance::Modulus {
                for i in 0..n {
                    let modulus = (re[i] * re[i] + im[i] * im[i]).root();
                    block[i] = modulus;
                    let over = if modulus > T::ZERO { self.k / modulus } else { T::ZERO };
                    re[i] = over * re[i];
                    im[i] = over * im[i];
                }
            } else {
                for i in 0..n {
                    block[i] = afx_core::Scalar::abs(re[i]) + afx_core::Scalar::abs(im[i]);
                    re[i] = self.k * Sample::sign(re[i]);
                    im[i] = self.k * Sample::sign(im[i]);
                }
            }
            total += lane_sum(block);
        }
        total
    }
}

impl<T: Sample> Loss<T> for ComplexStftLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.columns = self.stft.settings().columns(frames)?;
        let bins = self.stft.settings().bins();
        let size = bins * self.columns.min((BINS_AT_ONCE / bins).max(1));
        self.re.resize(size, T::ZERO);
        self.im.resize(size, T::ZERO);
        self.error.resize(frames, T::ZERO);
        Ok(())
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, mut gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("complex STFT loss", prediction, target, gradient.as_deref())?;
        if self.error.len() != frames {
            self.prepare(frames)?;
        }
        for ((e, &p), &y) in self.error.iter_mut().zip(prediction).zip(target) {
            *e = p - y;
        }
        let bins = self.stft.settings().bins();
        let step = (BINS_AT_ONCE / bins).max(1);
        let count = (bins * self.columns) as f64;
        let k = T::of(scale.to_f64() / count);
        let mut sum = 0.0;
        for first in (0..self.columns).step_by(step) {
            let size = bins * (self.columns - first).min(step);
            let (re, im) = (&mut self.re[..size], &mut self.im[..size]);
            self.stft.analyse(&self.error, first, re, im);
            sum += T::dispatch(Measure { re, im, distance: self.distance, k });
            if let Some(gradient) = gradient.as_deref_mut() {
                self.stft.add_adjoint(re, im, first, gradient);
            }
        }
        Ok(T::of(sum / count))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
