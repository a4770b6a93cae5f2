//! Losses that are sums over the bins of two spectrograms.

use crate::error::LossError;
use crate::loss::check;
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};
use crate::vector::lane_sum;
use afx_core::simd::{Kernel, Simd};
use core::ops::Range;

/// Elements whose values are computed before they are summed.
const BLOCK: usize = 256;
/// Bins transformed before they are compared: four arrays of them stay in the second cache.
const BINS_AT_ONCE: usize = 8192;

/// A distance between spectrograms that is a function of `N` sums over bins.
pub(crate) trait BinDistance<T: Sample, const N: usize>: Copy + Send + Sync + 'static {
    /// What the derivative needs besides the bins.
    type Slope: Copy;
    /// Whether [`fit`](BinDistance::fit) wants to be asked.
    fn fits(self) -> bool {
        false
    }
    /// The product of the magnitudes of prediction and target, and the square of the target's, of one bin.
    fn overlap(self, _x: [T; 2], _y: [T; 2]) -> [T; 2] {
        [T::ZERO; 2]
    }
    /// The distance for spectrograms with these sums of [`overlap`](BinDistance::overlap).
    fn fit(self, _sums: [f64; 2], _bins: f64) -> Self {
        self
    }
    /// The terms of the sums, of one bin: prediction `x` and target `y`, real and imaginary part.
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; N];
    /// The loss from the sums over `bins` bins, and what its derivative times `scale` needs.
    fn finish(self, sums: [f64; N], bins: f64, scale: f64) -> (f64, Self::Slope);
    /// The derivative by real and imaginary part of the prediction's bin.
    fn slope(self, slope: Self::Slope, x: [T; 2], y: [T; 2]) -> [T; 2];
}

/// Numbers of one bin to be summed.
trait BinTerms<T, const N: usize>: Copy {
    fn terms(self, x: [T; 2], y: [T; 2]) -> [T; N];
}
/// [`BinDistance::values`].
#[derive(Clone, Copy)]
struct Values<D>(D);
impl<T: Sample, D: BinDistance<T, N>, const N: usize> BinTerms<T, N> for Values<D> {
    #[inline(always)]
    fn terms(self, x: [T; 2], y: [T; 2]) -> [T; N] {
        self.0.values(x, y)
    }
}
/// [`BinDistance::overlap`] of a distance of `M` sums.
#[derive(Clone, Copy)]
struct Overlap<D, const M: usize>(D);
impl<T: Sample, D: BinDistance<T, M>, const M: usize> BinTerms<T, 2> for Overlap<D, M> {
    #[inline(always)]
    fn terms(self, x: [T; 2], y: [T; 2]) -> [T; 2] {
        self.0.overlap(x, y)
    }
}

struct SumBins<'a, T, F, const N: usize> {
    x: [&'a [T]; 2],
    y: [&'a [T]; 2],
    terms: F,
}

impl<T: Sample, F: BinTerms<T, N>, const N: usize> Kernel<T> for SumBins<'_, T, F, N> {
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
                let values = self.terms.terms([xr[i], xi[i]], [yr[i], yi[i]]);
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
    /// Sequences in a row, transformed one by one and measured together.
    items: usize,
    /// Frames of all items, and the columns of one.
    frames: usize,
    columns: usize,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
}

impl<T: Sample, D: BinDistance<T, N>, const N: usize> BinLoss<T, D, N> {
    pub fn new(settings: StftSettings, distance: D) -> Result<Self, LossError> {
        Ok(Self { stft: Stft::new(settings)?, distance, items: 1, frames: 0, columns: 0, x: Default::default(), y: Default::default() })
    }

    /// The same for `items` sequences in a row.
    pub fn with_items(self, items: usize) -> Self {
        Self { items, frames: 0, ..self }
    }

    /// The same transforms under another distance.
    pub fn with_distance<E: BinDistance<T, M>, const M: usize>(self, distance: E) -> BinLoss<T, E, M> {
        let Self { stft, items, x, y, .. } = self;
        BinLoss { stft, distance, items, frames: 0, columns: 0, x, y }
    }

    pub const fn distance(&self) -> D {
        self.distance
    }

    pub const fn settings(&self) -> &StftSettings {
        self.stft.settings()
    }

    pub fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        if !frames.is_multiple_of(self.items) {
            return Err(LossError::NotMultiple { what: "batch", expected: self.items, found: frames });
        }
        self.columns = self.stft.settings().columns(frames / self.items)?;
        for part in self.x.iter_mut().chain(&mut self.y) {
            part.resize(self.items * self.columns * self.stft.settings().bins(), T::ZERO);
        }
        self.frames = frames;
        Ok(())
    }

    /// Columns of all items in blocks of a few columns of one: the item, the first column in it, and its bins in the arrays.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize, Range<usize>)> + use<T, D, N> {
        let (bins, columns) = (self.stft.settings().bins(), self.columns);
        let step = (BINS_AT_ONCE / bins).max(1);
        (0..self.items).flat_map(move |item| {
            let of = move |first: usize| {
                let last = (first + step).min(columns);
                (item, first, (item * columns + first) * bins..(item * columns + last) * bins)
            };
            (0..columns).step_by(step).map(of)
        })
    }

    /// Transforms a block of both signals into `range`.
    fn analyse(&mut self, p: &[T], y: &[T], (item, first): (usize, usize), range: Range<usize>) {
        let frames = self.frames / self.items;
        let signal = item * frames..(item + 1) * frames;
        let ([xr, xi], [yr, yi]) = (&mut self.x, &mut self.y);
        self.stft.analyse(&p[signal.clone()], first, &mut xr[range.clone()], &mut xi[range.clone()]);
        self.stft.analyse(&y[signal], first, &mut yr[range.clone()], &mut yi[range]);
    }

    fn sum<F: BinTerms<T, M>, const M: usize>(&self, range: Range<usize>, terms: F) -> [f64; M] {
        let x = [&self.x[0][range.clone()], &self.x[1][range.clone()]];
        let y = [&self.y[0][range.clone()], &self.y[1][range]];
        T::dispatch(SumBins { x, y, terms })
    }

    /// The distance, fitted to the spectrograms of `p` and `y` if it wants that; they are then all in the arrays.
    fn fitted(&mut self, p: &[T], y: &[T]) -> D {
        let mut sums = [0.0; 2];
        for (item, first, range) in self.blocks() {
            self.analyse(p, y, (item, first), range.clone());
            add(&mut sums, self.sum(range, Overlap(self.distance)));
        }
        self.distance.fit(sums, self.x[0].len() as f64)
    }

    pub fn accumulate(&mut self, p: &[T], y: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("STFT loss", p, y, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        let fits = self.distance.fits();
        let distance = if fits { self.fitted(p, y) } else { self.distance };
        let mut sums = [0.0; N];
        for (item, first, mut range) in self.blocks() {
            if gradient.is_none() && !fits {
                // Each block may overwrite the one before, and stays in the cache.
                range = 0..range.len();
            }
            if !fits {
                self.analyse(p, y, (item, first), range.clone());
            }
            add(&mut sums, self.sum(range, Values(distance)));
        }
        let (value, slope) = distance.finish(sums, self.x[0].len() as f64, scale.to_f64());
        if let Some(gradient) = gradient {
            let frames = frames / self.items;
            for (item, first, range) in self.blocks() {
                let ([xr, xi], [yr, yi]) = (&mut self.x, &self.y);
                let (xr, xi) = (&mut xr[range.clone()], &mut xi[range.clone()]);
                let y = [&yr[range.clone()], &yi[range]];
                T::dispatch(Slopes::<_, _, _, N> { x: [xr, xi], y, distance, slope });
                self.stft.add_adjoint(xr, xi, first, &mut gradient[item * frames..(item + 1) * frames]);
            }
        }
        Ok(T::of(value))
    }
}

fn add<const N: usize>(sums: &mut [f64; N], part: [f64; N]) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum += part;
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
