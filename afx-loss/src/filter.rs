//! Filters that weigh a signal before a loss, and their adjoints.

use crate::error::{LossError, setting};
use crate::sample::Sample;
use crate::spectral::a_weighting_taps;
use core::f64::consts::PI;

/// A linear filter with zero initial state, and an output as long as its input but for [`Filter::Padded`].
///
/// The adjoint of a causal filter is the same filter run backwards in time: with `y = Hx`, `dx = Hᵀ dy`. Errors at the start of a
/// training buffer are those of the zero state: the published toolkits restart their pre-emphasis in each buffer as well.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter<T> {
    /// `y[n] = Σ_k taps[k] x[n - k]`.
    Fir(Vec<T>),
    /// `y[n] = Σ_k taps[k] x[n + k - taps.len() / 2]`, zeros outside: a filter of odd length with its delay removed.
    CentredFir(Vec<T>),
    /// `y[n] = Σ_k taps[k] x[n + k - padding]`, zeros outside, for `frames + 2 padding + 1 - taps.len()` frames: a convolution layer of
    /// PyTorch, which does not turn its taps around.
    Padded {
        /// The taps.
        taps: Vec<T>,
        /// Zeros on each side of the signal.
        padding: usize,
    },
    /// `y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]`.
    Recursive {
        /// `[b0, b1, b2]`
        b: [T; 3],
        /// `[a1, a2]`
        a: [T; 2],
    },
}

fn coefficient(what: &'static str, value: f64) -> Result<(), LossError> {
    setting((0.0..=1.0).contains(&value), what, "a number from 0 to 1", value)
}

impl<T: Sample> Filter<T> {
    /// First-order pre-emphasis `1 - a z⁻¹` (high-pass); 0.85 or 0.95 at 44.1 kHz. Wright and Välimäki 2019.
    ///
    /// # Errors
    /// [`LossError::Setting`] unless `0 <= a <= 1`.
    pub fn high_pass(a: f64) -> Result<Self, LossError> {
        coefficient("pre-emphasis coefficient", a)?;
        Ok(Filter::Fir(vec![T::ONE, T::of(-a)]))
    }

    /// High-pass and low-pass, `(1 - a z⁻¹)(1 + a z⁻¹) = 1 - a² z⁻²`; Wright and Välimäki's second choice.
    ///
    /// # Errors
    /// As [`Filter::high_pass`].
    pub fn high_pass_low_pass(a: f64) -> Result<Self, LossError> {
        coefficient("pre-emphasis coefficient", a)?;
        Ok(Filter::Fir(vec![T::ONE, T::ZERO, T::of(-a * a)]))
    }

    /// Folded differentiator `1 - a z⁻²`.
    ///
    /// # Errors
    /// As [`Filter::high_pass`].
    pub fn folded_differentiator(a: f64) -> Result<Self, LossError> {
        coefficient("pre-emphasis coefficient", a)?;
        Ok(Filter::Fir(vec![T::ONE, T::ZERO, T::of(-a)]))
    }

    /// auraloss' `FIRFilter("hp")` as published; [`Filter::high_pass`] is what it is meant to be.
    ///
    /// The published layer correlates, so that it takes the *next* frame, `y[n] = x[n] - a x[n + 1]`: the high-pass backwards in time, of
    /// the same magnitude response but another phase and another edge. It also pads for 101 taps while it has three, so that its
    /// output is 98 frames longer than the signal: 97 zeros and an edge of `-a x[0]`. A ratio of sums, such as the ESR, sees the edge
    /// only; a mean counts all of them. For numbers to match, not to train with.
    ///
    /// # Errors
    /// As [`Filter::high_pass`].
    pub fn auraloss_high_pass(a: f64) -> Result<Self, LossError> {
        coefficient("pre-emphasis coefficient", a)?;
        Ok(Filter::Padded { taps: [1.0, -a, 0.0].map(T::of).to_vec(), padding: AURALOSS_PADDING })
    }

    /// auraloss' `FIRFilter("fd")` as published: `y[n] = x[n] - a x[n + 2]`, with the oddities of [`Filter::auraloss_high_pass`].
    ///
    /// # Errors
    /// As [`Filter::high_pass`].
    pub fn auraloss_folded_differentiator(a: f64) -> Result<Self, LossError> {
        coefficient("pre-emphasis coefficient", a)?;
        Ok(Filter::Padded { taps: [1.0, 0.0, -a].map(T::of).to_vec(), padding: AURALOSS_PADDING })
    }

    /// PyNeuralFx' pre-emphasis `(1 - z⁻¹) / (1 - 0.995 z⁻¹)`, a DC blocker at 38 Hz (48 kHz), as the exact recursion.
    ///
    /// The toolkit truncates the response to 2000 taps, 4.4e-5 of which lie beyond, and convolves.
    pub fn dc_pre_emphasis() -> Self {
        Filter::Recursive { b: [T::ONE, -T::ONE, T::ZERO], a: [T::of(-0.995), T::ZERO] }
    }

    /// One-pole low-pass `g / (1 - (1 - g) z⁻¹)`, `g = 1 - exp(-2π f / fs)`.
    ///
    /// # Errors
    /// [`LossError::Setting`] unless `0 < cutoff_hz < sample_rate_hz / 2`.
    pub fn one_pole_low_pass(cutoff_hz: f64, sample_rate_hz: f64) -> Result<Self, LossError> {
        let ratio = cutoff_hz / sample_rate_hz;
        setting(cutoff_hz > 0.0 && ratio > 0.0 && ratio < 0.5, "cutoff_hz", "a frequency between 0 and half the sample rate", cutoff_hz)?;
        let g = -(-2.0 * PI * ratio).exp_m1();
        Ok(Filter::Recursive { b: [T::of(g), T::ZERO, T::ZERO], a: [T::of(g - 1.0), T::ZERO] })
    }

    /// Second-order Butterworth low-pass (bilinear transform).
    ///
    /// # Errors
    /// [`LossError::Setting`] unless `0 < cutoff_hz < sample_rate_hz / 2`.
    pub fn low_pass(cutoff_hz: f64, sample_rate_hz: f64) -> Result<Self, LossError> {
        let ratio = cutoff_hz / sample_rate_hz;
        setting(cutoff_hz > 0.0 && ratio > 0.0 && ratio < 0.5, "cutoff_hz", "a frequency between 0 and half the sample rate", cutoff_hz)?;
        let k = (PI * ratio).tan();
        let a0 = 1.0 + core::f64::consts::SQRT_2 * k + k * k;
        let b = k * k / a0;
        let a = [2.0 * (k * k - 1.0) / a0, (1.0 - core::f64::consts::SQRT_2 * k + k * k) / a0];
        Ok(Filter::Recursive { b: [b, 2.0 * b, b].map(T::of), a: a.map(T::of) })
    }

    /// A-weighting, IEC 61672, as 101 taps without delay: the perceptual filter of auraloss (Wright and Välimäki 2019).
    ///
    /// ```
    /// use afx_loss::{Filter, Loss, MultiResolutionStft, Prefiltered};
    /// let mut perceptual = Prefiltered::new(Filter::a_weighting(48000.0)?, MultiResolutionStft::new()?);
    /// perceptual.prepare(16384)?;
    /// # let _: Box<dyn Loss<f32>> = Box::new(perceptual);
    /// # Ok::<(), afx_loss::LossError>(())
    /// ```
    ///
    /// # Errors
    /// [`LossError::Setting`] unless the sample rate is positive and finite.
    pub fn a_weighting(sample_rate_hz: f64) -> Result<Self, LossError> {
        setting(sample_rate_hz > 0.0 && sample_rate_hz.is_finite(), "sample_rate_hz", "a positive number", sample_rate_hz)?;
        Ok(Filter::CentredFir(a_weighting_taps(sample_rate_hz, 101).into_iter().map(T::of).collect()))
    }

    /// Frames of the output for `frames` of input.
    pub fn output_frames(&self, frames: usize) -> usize {
        match self {
            Filter::Padded { taps, padding } => (frames + 2 * padding + 1).saturating_sub(taps.len()),
            _ => frames,
        }
    }

    /// Filters `x` into `y`; the shorter of the two sets the length, or `y` alone for [`Filter::Padded`].
    pub fn apply(&self, x: &[T], y: &mut [T]) {
        match self {
            Filter::Fir(taps) => {
                let n = x.len().min(y.len());
                y[..n].fill(T::ZERO);
                add_filtered(taps, &x[..n], &mut y[..n], |k| -k);
            }
            Filter::CentredFir(taps) => {
                let n = x.len().min(y.len());
                y[..n].fill(T::ZERO);
                add_filtered(taps, &x[..n], &mut y[..n], |k| k - signed(taps.len() / 2));
            }
            Filter::Padded { taps, padding } => {
                y.fill(T::ZERO);
                add_filtered(taps, x, y, |k| k - signed(*padding));
            }
            Filter::Recursive { b, a } => {
                let mut s = [T::ZERO; 2];
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = step(b, a, &mut s, x);
                }
            }
        }
    }

    /// Filters two signals at once: a recursion waits for itself, so the second is almost free.
    pub fn apply_two(&self, x: [&[T]; 2], y: [&mut [T]; 2]) {
        let [y0, y1] = y;
        if let Filter::Recursive { b, a } = self {
            let (mut s0, mut s1) = ([T::ZERO; 2], [T::ZERO; 2]);
            for (((y0, y1), &x0), &x1) in y0.iter_mut().zip(y1.iter_mut()).zip(x[0]).zip(x[1]) {
                *y0 = step(b, a, &mut s0, x0);
                *y1 = step(b, a, &mut s1, x1);
            }
        } else {
            self.apply(x[0], y0);
            self.apply(x[1], y1);
        }
    }

    /// `dx += Hᵀ dy`; the shorter of the two sets the length, both count for [`Filter::Padded`].
    pub fn add_adjoint(&self, dy: &[T], dx: &mut [T]) {
        if let Filter::Padded { taps, padding } = self {
            return add_filtered(taps, dy, dx, |k| signed(*padding) - k);
        }
        let n = dy.len().min(dx.len());
        let (dy, dx) = (&dy[..n], &mut dx[..n]);
        match self {
            Filter::Fir(taps) => add_filtered(taps, dy, dx, |k| k),
            Filter::CentredFir(taps) => add_filtered(taps, dy, dx, |k| signed(taps.len() / 2) - k),
            // Has returned above.
            Filter::Padded { .. } => {}
            Filter::Recursive { b, a } => {
                let mut s = [T::ZERO; 2];
                for (dx, &dy) in dx.iter_mut().zip(dy).rev() {
                    *dx += step(b, a, &mut s, dy);
                }
            }
        }
    }
}

/// What auraloss pads on each side: half of the 101 taps of its A-weighting.
const AURALOSS_PADDING: usize = 50;

/// Transposed direct form II.
#[inline(always)]
fn step<T: Sample>(b: &[T; 3], a: &[T; 2], s: &mut [T; 2], x: T) -> T {
    let y = b[0] * x + s[0];
    s[0] = b[1] * x - a[0] * y + s[1];
    s[1] = b[2] * x - a[1] * y;
    y
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX)
}

/// `y[n] += Σ_k taps[k] x[n + shift(k)]`, zeros outside of `x`.
///
/// A long filter is summed in runs of taps whose sums are added up in turn: in single precision 2000 products are then rounded as by
/// 32 + 63 additions. Which additions, and in which order, is for the taps alone to say.
fn add_filtered<T: Sample>(taps: &[T], x: &[T], y: &mut [T], shift: impl Fn(isize) -> isize) {
    const RUN: usize = 32;
    const FRAMES: usize = 512;
    if taps.len() <= RUN {
        return add_run(taps, x, y, shift);
    }
    for (block, y) in y.chunks_mut(FRAMES).enumerate() {
        for (run, taps) in taps.chunks(RUN).enumerate() {
            let mut sums = [T::ZERO; FRAMES];
            add_run(taps, x, &mut sums[..y.len()], |k| shift(k + signed(run * RUN)).saturating_add(signed(block * FRAMES)));
            for (y, &sum) in y.iter_mut().zip(&sums) {
                *y += sum;
            }
        }
    }
}

/// [`add_filtered`] tap by tap, so that the loop over `n` has no dependence.
fn add_run<T: Sample>(taps: &[T], x: &[T], y: &mut [T], shift: impl Fn(isize) -> isize) {
    for (k, &tap) in taps.iter().enumerate() {
        let shift = shift(signed(k));
        let (to, from) = if shift < 0 { (shift.unsigned_abs(), 0) } else { (0, shift.unsigned_abs()) };
        for (y, &x) in y.iter_mut().skip(to).zip(x.iter().skip(from)) {
            *y += tap * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::noise;
    use crate::{Loss, Mae, Prefiltered};

    fn all() -> Vec<Filter<f64>> {
        vec![
            Filter::high_pass(0.85).unwrap(),
            Filter::high_pass_low_pass(0.85).unwrap(),
            Filter::folded_differentiator(0.85).unwrap(),
            Filter::dc_pre_emphasis(),
            Filter::one_pole_low_pass(1000.0, 48000.0).unwrap(),
            Filter::low_pass(1000.0, 48000.0).unwrap(),
            Filter::CentredFir(noise(7, 9)),
            Filter::auraloss_high_pass(0.85).unwrap(),
            Filter::auraloss_folded_differentiator(0.85).unwrap(),
            Filter::Padded { taps: noise(7, 9), padding: 2 },
        ]
    }

    #[test]
    fn the_adjoint_passes_the_dot_product_test() {
        for n in [1, 2, 3, 50] {
            for filter in all() {
                let (x, dy) = (noise(n, 1), noise(filter.output_frames(n), 2));
                let mut y = vec![0.0; filter.output_frames(n)];
                let mut dx = vec![0.0; n];
                filter.apply(&x, &mut y);
                filter.add_adjoint(&dy, &mut dx);
                let left: f64 = y.iter().zip(&dy).map(|(a, b)| a * b).sum();
                let right: f64 = x.iter().zip(&dx).map(|(a, b)| a * b).sum();
                assert!((left - right).abs() < 1e-14, "{filter:?} {n}: {left} {right}"); // f64, 50 terms below 1
            }
        }
    }

    #[test]
    fn two_signals_at_once_equal_one_at_a_time() {
        for filter in all() {
            let x = [noise(40, 3), noise(40, 4)];
            let frames = filter.output_frames(40);
            let mut two = [vec![0.0; frames], vec![0.0; frames]];
            let [a, b] = &mut two;
            filter.apply_two([&x[0], &x[1]], [a, b]);
            for (x, y) in x.iter().zip(&two) {
                let mut one = vec![0.0; frames];
                filter.apply(x, &mut one);
                assert_eq!(&one, y);
            }
        }
    }

    #[test]
    fn a_long_sum_in_single_precision_is_rounded_in_runs() {
        let (taps, x) = (noise(2000, 5), noise(4000, 6));
        let narrow = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (taps32, x32) = (narrow(&taps), narrow(&x));
        let (single, double) = (Filter::Fir(taps32.clone()), Filter::Fir(wide(&taps32)));
        let (mut y, mut expected) = (vec![0.0f32; 4000], vec![0.0; 4000]);
        let (mut dx, mut dx_expected) = (vec![0.0f32; 4000], vec![0.0; 4000]);
        single.apply(&x32, &mut y);
        double.apply(&wide(&x32), &mut expected);
        single.add_adjoint(&x32, &mut dx);
        double.add_adjoint(&wide(&x32), &mut dx_expected);
        let rms = |v: &mut dyn Iterator<Item = f64>| (v.map(|v| v * v).sum::<f64>() / 2000.0).sqrt();
        for (found, expected) in [(&y[2000..], &expected[2000..]), (&dx[..2000], &dx_expected[..2000])] {
            let error = rms(&mut found.iter().zip(expected).map(|(&a, &b)| f64::from(a) - b)) / rms(&mut expected.iter().copied());
            assert!(error < 3e-7, "{error}"); // 1.8e-7 in runs of 32, 7.7e-7 one by one
        }
    }

    #[test]
    fn low_passes_pass_dc_and_halve_the_power_at_the_cutoff() {
        let filter = Filter::<f64>::low_pass(1000.0, 48000.0).unwrap();
        let mut h = vec![0.0; 4800];
        let mut impulse = vec![0.0; 4800];
        impulse[0] = 1.0;
        filter.apply(&impulse, &mut h);
        let dc: f64 = h.iter().sum();
        let (mut re, mut im) = (0.0, 0.0);
        for (n, h) in h.iter().enumerate() {
            let angle = 2.0 * PI * 1000.0 / 48000.0 * n as f64;
            re += h * angle.cos();
            im -= h * angle.sin();
        }
        assert!((dc - 1.0).abs() < 1e-12 && (re * re + im * im - 0.5).abs() < 1e-12, "{dc} {re} {im}"); // exact design, f64
    }

    #[test]
    fn the_high_pass_of_auraloss_runs_backwards_and_is_too_long() {
        let filter = Filter::<f64>::auraloss_high_pass(0.5).unwrap();
        let mut y = vec![1.0; filter.output_frames(3)];
        filter.apply(&[2.0, 4.0, 6.0], &mut y);
        assert_eq!(y.len(), 101);
        assert_eq!(y[49..53], [-1.0, 0.0, 1.0, 6.0]); // -a x[0], then x[n] - a x[n + 1]
        assert!(y[..49].iter().chain(&y[53..]).all(|&y| y == 0.0));
    }

    #[test]
    fn more_taps_than_frames_leave_nothing() {
        let filter = Filter::Padded { taps: vec![1.0f32; 9], padding: 1 };
        assert_eq!(filter.output_frames(4), 0);
        assert_eq!(Prefiltered::new(filter, Mae).prepare(4), Err(LossError::TooShort { what: "MAE", expected: 1, found: 0 }));
    }

    #[test]
    fn a_coefficient_beyond_one_is_refused() {
        assert!(Filter::<f32>::high_pass(1.5).is_err() && Filter::<f32>::low_pass(30000.0, 48000.0).is_err());
    }
}
