//! A loss between the percussive parts of two signals.

use super::spectrum::{SpectrumDistance, SpectrumLoss};
use crate::error::{LossError, at_least, setting};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::stft::{Stft, StftSettings, Window};

/// A loss behind percussive separation: `L(S p, S y)`, where `S` keeps what clicks and drops what lasts.
///
/// Fitzgerald 2010 with the constants that DrummerNet takes for its comparison of onsets (Choi and Cho 2019, arXiv:1906.03697): of the
/// power `P = |X|²` of a transform of 1024 frames, hop 256, rectangular window, `V` is the median over 31 bins around a bin and `H` the
/// median over 31 columns, mirrored at the edges; `S` multiplies `X` by `(V² + 1e-5) / (V² + H² + 1e-5)` and transforms back with a Hann
/// window. The sum of these windows is divided out, so that a signal without anything lasting comes back whole; DrummerNet divides by
/// two, which leaves its first 256 frames too quiet.
///
/// The gradient goes through the mask: a median has the slope of the bin that is the median. [`onsets`](Percussive::onsets) is the loss
/// to take; DrummerNet compares pseudo-constant-Q spectra at 16 kHz in its place, with a weight of 4.
///
/// ```
/// use afx_loss::{Loss, Percussive};
/// let mut loss = Percussive::<f32, _>::onsets()?;
/// loss.prepare(8192)?; // at least 3840 frames
/// # Ok::<(), afx_loss::LossError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Percussive<T: Sample, L> {
    loss: L,
    analysis: Stft<T>,
    synthesis: Stft<T>,
    reach: usize,
    frames: usize,
    columns: usize,
    /// One over the sum of the windows of the way back, at each frame.
    per_window: Vec<T>,
    prediction: Separated<T>,
    target: Separated<T>,
    gradient: Vec<T>,
    /// Spectrogram of scratch: what is transformed back, or a cotangent.
    re: Vec<T>,
    im: Vec<T>,
    power: Vec<T>,
    neighbours: Vec<(T, u32)>,
}

/// One signal on its way through the mask.
#[derive(Clone, Debug, Default)]
struct Separated<T> {
    re: Vec<T>,
    im: Vec<T>,
    mask: Vec<T>,
    /// The median over bins and the median over columns, and the index of the bin that it is.
    medians: [Vec<T>; 2],
    at: [Vec<u32>; 2],
    percussive: Vec<T>,
}

const EPSILON: f64 = 1e-5;

impl<T: Sample> Percussive<T, SpectrumLoss<T>> {
    /// `mean |log10(|X| + 1e-5) - log10(|Y| + 1e-5)|` of the percussive parts, transforms of 1024 frames, hop 256.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn onsets() -> Result<Self, LossError> {
        Self::new(SpectrumLoss::new(StftSettings::new(1024, 256), SpectrumDistance::Decades)?)
    }
}

impl<T: Sample, L> Percussive<T, L> {
    /// Puts the separation before `loss`: transforms of 1024 frames, hop 256, medians of 31.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn new(loss: L) -> Result<Self, LossError> {
        Self::with_sizes(1024, 256, 31, loss)
    }

    /// With transforms of `fft_frames`, and medians of `median` bins or columns.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes, a hop over half of the transform, or a median that is even or wider than the spectrum.
    pub fn with_sizes(fft_frames: usize, hop_frames: usize, median: usize, loss: L) -> Result<Self, LossError> {
        let settings = StftSettings::new(fft_frames, hop_frames);
        setting(2 * hop_frames <= fft_frames, "hop_frames", "at most half of fft_frames", hop_frames as f64)?;
        let narrow = median % 2 == 1 && median / 2 < settings.bins();
        setting(narrow, "bins of a median", "an odd number less than twice the bins of the transform", median as f64)?;
        Ok(Self {
            loss,
            analysis: Stft::new(settings.window(Window::Rectangular))?,
            synthesis: Stft::new(settings)?.silent_beyond(),
            reach: median / 2,
            frames: 0,
            columns: 0,
            per_window: Vec::new(),
            prediction: Separated::default(),
            target: Separated::default(),
            gradient: Vec::new(),
            re: Vec::new(),
            im: Vec::new(),
            power: Vec::new(),
            neighbours: vec![(T::ZERO, 0); median],
        })
    }

    fn bins(&self) -> usize {
        self.analysis.settings().bins()
    }

    /// The medians of `power` over bins (0) or columns (1).
    fn medians(&mut self, which: usize, separated: &mut Separated<T>) {
        let (bins, columns, width) = (self.bins(), self.columns, 2 * self.reach + 1);
        // Over bins: lines of one column. Over columns: lines of one bin.
        let (lines, line_stride, length, stride) = if which == 0 { (columns, bins, bins, 1) } else { (bins, 1, columns, bins) };
        for line in 0..lines {
            for n in 0..length {
                for (i, neighbour) in self.neighbours.iter_mut().enumerate() {
                    let at = line * line_stride + mirror(n + i, self.reach, length) * stride;
                    *neighbour = (self.power[at], at as u32);
                }
                let (_, &mut (median, at), _) = self.neighbours.select_nth_unstable_by(width / 2, |a, b| order(a.0, b.0));
                let to = line * line_stride + n * stride;
                separated.medians[which][to] = median;
                separated.at[which][to] = at;
            }
        }
    }

    fn separate(&mut self, signal: &[T], separated: &mut Separated<T>) {
        self.analysis.analyse(signal, 0, &mut separated.re, &mut separated.im);
        for ((power, &re), &im) in self.power.iter_mut().zip(&separated.re).zip(&separated.im) {
            *power = re * re + im * im;
        }
        self.medians(0, separated);
        self.medians(1, separated);
        let epsilon = T::of(EPSILON);
        let [v, h] = &separated.medians;
        for ((mask, &v), &h) in separated.mask.iter_mut().zip(v).zip(h) {
            *mask = (v * v + epsilon) / (v * v + h * h + epsilon);
        }
        let (bins, n) = (self.bins(), self.analysis.settings().fft_frames);
        for i in 0..self.re.len() {
            let k = separated.mask[i] * share::<T>(i % bins, n);
            (self.re[i], self.im[i]) = (k * separated.re[i], k * separated.im[i]);
        }
        separated.percussive.fill(T::ZERO);
        self.synthesis.add_adjoint(&self.re, &self.im, 0, &mut separated.percussive);
        for (x, &k) in separated.percussive.iter_mut().zip(&self.per_window) {
            *x *= k;
        }
    }

    /// Takes `self.gradient`, by the percussive part of the prediction, to `gradient`, by the prediction.
    fn back(&mut self, gradient: &mut [T]) {
        for (g, &k) in self.gradient.iter_mut().zip(&self.per_window) {
            *g *= k;
        }
        self.synthesis.analyse(&self.gradient, 0, &mut self.re, &mut self.im);
        let (bins, n) = (self.bins(), self.analysis.settings().fft_frames);
        let dpower = &mut self.power;
        dpower.fill(T::ZERO);
        let Separated { re: xr, im: xi, mask, medians: [v, h], at: [at_v, at_h], .. } = &self.prediction;
        let two = T::ONE + T::ONE;
        for i in 0..mask.len() {
            let share = share::<T>(i % bins, n);
            let (re, im) = (share * self.re[i], share * self.im[i]);
            let dmask = re * xr[i] + im * xi[i];
            // M = N / D: dM/dV = 2V H² / D², dM/dH = -2H N / D²
            let (v, h) = (v[i], h[i]);
            let over = v * v + h * h + T::of(EPSILON);
            let factor = two * dmask / over;
            dpower[at_v[i] as usize] += factor * v * (h * h / over);
            dpower[at_h[i] as usize] += -(factor * h * mask[i]);
            (self.re[i], self.im[i]) = (mask[i] * re, mask[i] * im);
        }
        for i in 0..mask.len() {
            self.re[i] += two * dpower[i] * xr[i];
            self.im[i] += two * dpower[i] * xi[i];
        }
        self.analysis.add_adjoint(&self.re, &self.im, 0, gradient);
    }
}

/// Factor of bin `k` that makes the adjoint of a transform of `n` frames its inverse.
fn share<T: Sample>(k: usize, n: usize) -> T {
    T::of(if k == 0 || 2 * k == n { 1.0 } else { 2.0 } / n as f64)
}

/// The place in a line of `length` that place `at`, counted from `reach` before its start, mirrors.
fn mirror(at: usize, reach: usize, length: usize) -> usize {
    let from_start = at.abs_diff(reach);
    if from_start < length { from_start } else { 2 * (length - 1) - from_start }
}

/// Order of powers; NaN is the largest, so that one NaN in a spectrum, which is NaN everywhere, stays NaN.
fn order<T: Sample>(a: T, b: T) -> core::cmp::Ordering {
    let nan = |x: T| x.to_f64().is_nan();
    a.partial_cmp(&b).unwrap_or_else(|| nan(a).cmp(&nan(b)))
}

impl<T: Sample, L: Loss<T> + Clone + 'static> Loss<T> for Percussive<T, L> {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        let settings = *self.analysis.settings();
        let columns = settings.columns(frames)?;
        at_least("percussive separation", (self.reach * settings.hop_frames).max(1), frames)?;
        self.loss.prepare(frames)?;
        let size = columns * settings.bins();
        (self.columns, self.frames) = (columns, frames);
        for separated in [&mut self.prediction, &mut self.target] {
            let [v, h] = &mut separated.medians;
            for part in [&mut separated.re, &mut separated.im, &mut separated.mask, v, h] {
                part.resize(size, T::ZERO);
            }
            separated.at.iter_mut().for_each(|at| at.resize(size, 0));
            separated.percussive.resize(frames, T::ZERO);
        }
        for part in [&mut self.re, &mut self.im, &mut self.power] {
            part.resize(size, T::ZERO);
        }
        self.gradient.resize(frames, T::ZERO);
        // The way back of an impulse in each column, of spectrum one at 0 Hz, is the window.
        self.per_window.clear();
        self.per_window.resize(frames, T::ZERO);
        self.im.fill(T::ZERO);
        let bins = settings.bins();
        for (i, re) in self.re.iter_mut().enumerate() {
            *re = if i % bins == 0 { T::ONE } else { T::ZERO };
        }
        self.synthesis.add_adjoint(&self.re, &self.im, 0, &mut self.per_window);
        for sum in &mut self.per_window {
            *sum = if *sum > T::ZERO { T::ONE / *sum } else { T::ZERO };
        }
        Ok(())
    }

    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("percussive loss", prediction, target, gradient.as_deref())?;
        if self.frames != frames {
            self.prepare(frames)?;
        }
        // Taken out for the time of the calls, which borrow the rest; an empty one in its place allocates nothing.
        let (mut p, mut y) = (core::mem::take(&mut self.prediction), core::mem::take(&mut self.target));
        self.separate(prediction, &mut p);
        self.separate(target, &mut y);
        (self.prediction, self.target) = (p, y);
        let (p, y) = (&self.prediction.percussive, &self.target.percussive);
        let Some(gradient) = gradient else {
            return self.loss.accumulate(p, y, scale, None);
        };
        self.gradient.fill(T::ZERO);
        let value = self.loss.accumulate(p, y, scale, Some(&mut self.gradient))?;
        self.back(gradient);
        Ok(value)
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mse;

    fn part_of(x: &[f64]) -> Vec<f64> {
        let mut loss = Percussive::new(Mse).unwrap();
        loss.evaluate(x, x, None).unwrap();
        loss.prediction.percussive
    }

    #[test]
    fn a_line_is_mirrored_at_both_ends() {
        let places: Vec<usize> = (0..9).map(|at| mirror(at, 2, 5)).collect();
        assert_eq!(places, [2, 1, 0, 1, 2, 3, 4, 3, 2]);
    }

    #[test]
    fn a_click_passes_whole_and_a_tone_does_not() {
        let mut click = vec![0.0; 16384];
        click[8000] = 1.0;
        for (n, (found, expected)) in part_of(&click).iter().zip(&click).enumerate() {
            assert!((found - expected).abs() < 1e-4, "{n}: {found}"); // the click's columns are all vertical, but for the epsilon
        }
        let tone: Vec<f64> = (0..16384).map(|n| (core::f64::consts::TAU * 32.0 / 1024.0 * f64::from(n)).sin()).collect();
        let energy = |x: &[f64]| x[2048..14000].iter().map(|x| x * x).sum::<f64>();
        assert!(energy(&part_of(&tone)) < 1e-6 * energy(&tone), "{}", energy(&part_of(&tone)));
    }

    #[test]
    fn impossible_sizes_and_short_sequences_are_errors() {
        assert!(Percussive::<f32, _>::with_sizes(64, 16, 30, Mse).is_err(), "an even median");
        assert!(Percussive::<f32, _>::with_sizes(64, 16, 67, Mse).is_err(), "wider than the spectrum");
        assert!(Percussive::<f32, _>::with_sizes(64, 40, 31, Mse).is_err(), "windows that leave gaps");
        let mut loss = Percussive::<f32, _>::onsets().unwrap();
        assert_eq!(loss.prepare(3839), Err(LossError::TooShort { what: "percussive separation", expected: 3840, found: 3839 }));
        assert_eq!(loss.prepare(3840), Ok(()));
    }
}
