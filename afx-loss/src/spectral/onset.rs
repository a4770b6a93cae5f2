//! Onset-enhanced loss.

use crate::error::{LossError, at_least};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings};
use afx_core::simd::{Kernel, Simd};

/// Distance of the rises of two log spectrograms: `mean |O_p - O_y|` with `O[t, k] = max(0, l[t, k] - l[t-1, k])`, `l = log10(|X| + 1e-5)`.
///
/// Rises of the level from one column to the next are the onsets that a listener hears; decays and steady parts do not count. It is a
/// differentiable relative of the comparison after percussive separation in DrummerNet (Choi and Cho 2019), without the medians.
#[derive(Clone, Debug)]
pub struct OnsetLoss<T: Sample> {
    stft: Stft<T>,
    columns: usize,
    frames: usize,
    x: [Vec<T>; 2],
    y: [Vec<T>; 2],
    levels: [Vec<T>; 2],
    slopes: Vec<T>,
}

const FLOOR: f64 = 1e-5;

impl<T: Sample> OnsetLoss<T> {
    /// Transforms of 1024 frames, hop 256, Hann, within the signal.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn new() -> Result<Self, LossError> {
        Self::with_settings(StftSettings::new(1024, 256).uncentred())
    }

    /// Of the transform given.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes.
    pub fn with_settings(settings: StftSettings) -> Result<Self, LossError> {
        let stft = Stft::new(settings)?;
        Ok(Self {
            stft,
            columns: 0,
            frames: 0,
            x: Default::default(),
            y: Default::default(),
            levels: Default::default(),
            slopes: Vec::new(),
        })
    }
}

struct Levels<'a, T> {
    re: &'a [T],
    im: &'a [T],
    levels: &'a mut [T],
}
impl<T: Sample> Kernel<T> for Levels<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        let (floor, decade) = (T::of(FLOOR), T::of(core::f64::consts::LOG10_E));
        for ((level, &re), &im) in self.levels.iter_mut().zip(self.re).zip(self.im) {
            *level = decade * ((re * re + im * im).root() + floor).fast_ln();
        }
    }
}

fn rise<T: Sample>(now: T, before: T) -> T {
    // In this order NaN comes out of NaN.
    let difference = now - before;
    if difference < T::ZERO { T::ZERO } else { difference }
}

impl<T: Sample> Loss<T> for OnsetLoss<T> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        let settings = self.stft.settings();
        let columns = settings.columns(frames)?;
        if columns < 2 {
            at_least("onset loss", frames + settings.hop_frames, frames)?;
        }
        let size = columns * settings.bins();
        let parts = self.x.iter_mut().chain(&mut self.y).chain(&mut self.levels);
        for part in parts.chain([&mut self.slopes]) {
            part.resize(size, T::ZERO);
        }
        (self.columns, self.frames) = (columns, frames);
        Ok(())
    }

    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("onset loss", prediction, target, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        let ([xr, xi], [yr, yi], [lx, ly]) = (&mut self.x, &mut self.y, &mut self.levels);
        self.stft.analyse(prediction, 0, xr, xi);
        self.stft.analyse(target, 0, yr, yi);
        T::dispatch(Levels { re: xr, im: xi, levels: lx });
        T::dispatch(Levels { re: yr, im: yi, levels: ly });

        let bins = self.stft.settings().bins();
        let count = ((self.columns - 1) * bins) as f64;
        let k = T::of(scale.to_f64() / count);
        let mut sum = 0.0;
        self.slopes.fill(T::ZERO);
        for i in bins..lx.len() {
            let e = rise(lx[i], lx[i - bins]) - rise(ly[i], ly[i - bins]);
            sum += afx_core::Scalar::abs(e).to_f64();
            // Where the prediction is level and the target rises, the subgradient 1 lets it rise.
            if lx[i] > lx[i - bins] || (lx[i] == lx[i - bins] && e < T::ZERO) {
                let slope = k * Sample::sign(e);
                self.slopes[i] += slope;
                self.slopes[i - bins] += -slope;
            }
        }
        if let Some(gradient) = gradient {
            let (floor, decade) = (T::of(FLOOR), T::of(core::f64::consts::LOG10_E));
            for i in 0..xr.len() {
                let m = (xr[i] * xr[i] + xi[i] * xi[i]).root();
                let slope = self.slopes[i] * decade / (m + floor);
                // A silent bin of the prediction is pushed along the target's.
                let (re, im) = if m > T::ZERO { (xr[i], xi[i]) } else { (yr[i], yi[i]) };
                let length = (re * re + im * im).root();
                let slope = if length > T::ZERO { slope / length } else { T::ZERO };
                (xr[i], xi[i]) = (slope * re, slope * im);
            }
            self.stft.add_adjoint(xr, xi, 0, gradient);
        }
        Ok(T::of(sum / count))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}
