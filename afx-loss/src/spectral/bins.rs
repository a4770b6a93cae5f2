//! Losses that are sums over the bins of two spectrograms.

use crate::error::LossError;
use crate::loss::check;
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};
use crate::vector::lane_sum;
use afx_core::simd::{Kernel, Simd};

/// Elements whose values are computed before they are summed.
const BLOCK: usize = 256;
/// Bins transformed before they are compared: four arrays of them stay in the second cache.
const BINS_AT_ONCE: usize = 8192;

/// A distance between spectrograms that is a function of `N` sums over bins.
pub(crate) trait BinDistance<T: Sample, const N: usize>: Copy + Send + Sync + 'static {
    /// What the derivative needs besides the bins.
    type Slope: Copy;
    /// The terms of the sums, of one bin: prediction `x` and target `y`, real and imaginary part.
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; N];
    /// The loss from the sums over `bins` bins, and what its derivative times `scale` needs.
    fn finish(self, sums: [f64; N], bins: f64, scale: f64) -> (f64, Self::Slope);
    /// The derivative by real and imaginary part of the prediction's bin.
    fn slope(self, slope: Self::Slope, x: [T; 2], y: [T; 2]) -> [T; 2];
}

struct SumBins<'a, T, D, const N: usize> {
    x: [&'a [T]; 2],
    y: [&'a [T]; 2],
    distance: D,
}

impl<T: Sample, D: BinDistance<T, N>, const N: usize> Kernel<T> for SumBins<'_, T, D, N> {
    type Out = [f64; N];
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) -> [f64; N] {
        let mut totals = [0.0; N];
        let mut block = [[T::ZERO; BLOCK]; N];
        let [xr, xi] = self.x.map(|part| part.chunks(BLOCK));
        let [yr, yi] = self.y.map(|part| part.chunks(BLOCK));
        for ((xr, xi), (yr, yi)) in xr.zip(xi).zip(yr.zip(yi)) {
            let n = xr.len();
            let (xi, yr, yi) = (&xi[..n], &yr[..n], &yi[..n]);
            for i in 0..n {
                let values = self.distance.values([xr[i], xi[i]], [yr[i], yi[i]]);
                for k in 0..N {
                    block[k][i] = values[k];
                }
            }
            for k in 0..N {
                totals[k] += lane_sum(&block[k][..n]);
            }
        }
        totals
    }
}

struct Slopes<'a, T, D, K, const N: usize> {
    x: [&'a mut [T]; 2],
    y: [&'a [T]; 2],
    distance: D,
    slope: K,
}

impl<T: Sample, D: BinDistance<T, N, Slope = K>, K: Copy, const N: usize> Kernel<T> for Slopes<'_, T, D, K, N> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        let [xr, xi] = self.x;
        let n = xr.len();
        let (xi, yr, yi) = (&mut xi[..n], &self.y[0][..n], &self.y[1][..n]);
        for i in 0..n {
            let [r, j] = self.distance.slope(self.slope, [xr[i], xi[i]], [yr[i], yi[i]]);
            xr[i] = r;
            xi[i] = j;
        }
    }
}

/// The spectrograms of prediction and target under one [`BinDistance`], with the way back to the prediction.
#[derive(Clone, Debug)]
pub(crate) struct BinLoss<T: Sample, D, const N: usize> {
    stft: Stft<T>,
    distance: D,
    frames: usize,
    columns: usize,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
}

impl<T: Sample, D: BinDistance<T, N>, const N: usize> BinLoss<T, D, N> {
    pub fn new(settings: StftSettings, distance: D) -> Result<Self, LossError> {
        Ok(Self { stft: Stft::new(settings)?, distance, frames: 0, columns: 0, x: Default::default(), y: Default::default() })
    }

    pub const fn settings(&self) -> &StftSettings {
        self.stft.settings()
    }

    pub fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        self.columns = self.stft.settings().columns(frames)?;
        for part in self.x.iter_mut().chain(&mut self.y) {
            part.resize(self.columns * self.stft.settings().bins(), T::ZERO);
        }
        self.frames = frames;
        Ok(())
    }

    pub fn accumulate(&mut self, p: &[T], y: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("STFT loss", p, y, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        let bins = self.stft.settings().bins();
        let step = (BINS_AT_ONCE / bins).max(1);
        let mut sums = [0.0; N];
        for first in (0..self.columns).step_by(step) {
            let last = (first + step).min(self.columns);
            // Without a gradient each block may overwrite the one before, and stays in the cache.
            let start = if gradient.is_some() { first * bins } else { 0 };
            let range = start..start + (last - first) * bins;
            let ([xr, xi], [yr, yi]) = (&mut self.x, &mut self.y);
            self.stft.analyse(p, first, &mut xr[range.clone()], &mut xi[range.clone()]);
            self.stft.analyse(y, first, &mut yr[range.clone()], &mut yi[range.clone()]);
            let x = [&xr[range.clone()], &xi[range.clone()]];
            let y = [&yr[range.clone()], &yi[range]];
            let block = T::dispatch(SumBins { x, y, distance: self.distance });
            for (sum, part) in sums.iter_mut().zip(block) {
                *sum += part;
            }
        }
        let (value, slope) = self.distance.finish(sums, (self.columns * bins) as f64, scale.to_f64());
        if let Some(gradient) = gradient {
            for first in (0..self.columns).step_by(step) {
                let last = (first + step).min(self.columns);
                let range = first * bins..last * bins;
                let ([xr, xi], [yr, yi]) = (&mut self.x, &self.y);
                let (xr, xi) = (&mut xr[range.clone()], &mut xi[range.clone()]);
                let y = [&yr[range.clone()], &yi[range]];
                T::dispatch(Slopes::<_, _, _, N> { x: [xr, xi], y, distance: self.distance, slope });
                self.stft.add_adjoint(xr, xi, first, gradient);
            }
        }
        Ok(T::of(value))
    }
}

/// Implements [`crate::Loss`] for a struct with a field `bins` that is a [`BinLoss`].
macro_rules! bin_loss {
    ($name:ident) => {
        impl<T: $crate::Sample> $crate::Loss<T> for $name<T> {
            fn prepare(&mut self, frames: usize) -> Result<(), $crate::LossError> {
                self.bins.prepare(frames)
            }
            fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, $crate::LossError> {
                self.bins.accumulate(prediction, target, scale, gradient)
            }
            fn boxed_clone(&self) -> Box<dyn $crate::Loss<T>> {
                Box::new(self.clone())
            }
        }
    };
}
pub(crate) use bin_loss;
