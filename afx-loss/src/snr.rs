//! Signal-to-noise ratios in decibels, negated: SNR, SI-SDR, SD-SDR.

use crate::error::{LossError, at_least};
use crate::loss::{Loss, check};
use crate::sample::Sample;
use crate::vector::{Pair, PairSlope, add_slopes, sum_pairs};

/// Which part of the prediction counts as signal, and which as noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SnrKind {
    /// `Σ y² / Σ (p - y)²`
    #[default]
    Snr,
    /// Scale-invariant signal-to-distortion ratio: with `α = <p, y> / <y, y>`, `Σ (αy)² / Σ (p - αy)²`.
    SiSdr,
    /// Scale-dependent signal-to-distortion ratio: `Σ (αy)² / Σ (p - y)²`.
    SdSdr,
}

/// Negated signal-to-noise ratio in dB: `-10 log10(S / (R + ε) + ε)`, after taking the means off, `ε = 1e-8`.
///
/// SI-SDR and SD-SDR: Le Roux et al. 2019, arXiv:1811.02508; the epsilons are auraloss'. The gradient sums to zero, because of the
/// means. It vanishes for a silent prediction in SI-SDR and SD-SDR, whose signal is then silent as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snr(SnrKind);

const EPSILON: f64 = 1e-8;

impl Snr {
    /// The ratio of the kind given.
    pub const fn new(kind: SnrKind) -> Self {
        Self(kind)
    }
    /// Scale-invariant signal-to-distortion ratio.
    pub const fn si_sdr() -> Self {
        Self(SnrKind::SiSdr)
    }
    /// Scale-dependent signal-to-distortion ratio.
    pub const fn sd_sdr() -> Self {
        Self(SnrKind::SdSdr)
    }
}

#[derive(Clone, Copy)]
struct Means;
impl<T: Sample> Pair<T, 2> for Means {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 2] {
        [p, y]
    }
}
/// Energies of target and error, and their product, all without the means.
#[derive(Clone, Copy)]
struct Moments<T> {
    p: T,
    y: T,
}
impl<T: Sample> Pair<T, 3> for Moments<T> {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 3] {
        let (p, y) = (p - self.p, y - self.y);
        let e = p - y;
        [y * y, e * e, e * y]
    }
}
/// `(p - αy)²` without the means.
#[derive(Clone, Copy)]
struct Residual<T> {
    p: T,
    y: T,
    alpha: T,
}
impl<T: Sample> Pair<T, 1> for Residual<T> {
    #[inline(always)]
    fn values(self, p: T, y: T) -> [T; 1] {
        let e = (p - self.p) - self.alpha * (y - self.y);
        [e * e]
    }
}
/// `a (p - mean p) + b (y - mean y)`.
#[derive(Clone, Copy)]
struct Affine<T> {
    a: T,
    b: T,
    mean_p: T,
    mean_y: T,
}
impl<T: Sample> PairSlope<T> for Affine<T> {
    #[inline(always)]
    fn slope(self, p: T, y: T) -> T {
        self.a * (p - self.mean_p) + self.b * (y - self.mean_y)
    }
}

impl<T: Sample> Loss<T> for Snr {
    fn prepare(&mut self, frames: usize) -> Result<(), LossError> {
        at_least("SNR", 1, frames)
    }
    fn accumulate(&mut self, prediction: &[T], target: &[T], scale: T, gradient: Option<&mut [T]>) -> Result<T, LossError> {
        let frames = check("SNR", prediction, target, gradient.as_deref())? as f64;
        let [mean_p, mean_y] = sum_pairs(prediction, target, Means).map(|sum| T::of(sum / frames));
        let [energy, error, product] = sum_pairs(prediction, target, Moments { p: mean_p, y: mean_y });
        let e = energy + EPSILON;
        let alpha = (product + energy) / e; // <p, y> = <e, y> + <y, y>
        // With p = y + e: signal energy s, noise energy r, and their slopes as p_a p + p_b y.
        let beta = 1.0 - alpha; // p - αy = e + βy
        let (s, ds_y) = match self.0 {
            SnrKind::Snr => (energy, 0.0),
            _ => (alpha * alpha * energy, 2.0 * alpha * energy / e),
        };
        let (r, dr_p, dr_y) = match self.0 {
            SnrKind::SiSdr => {
                let residue = product + beta * energy; // <p - αy, y>
                // Summed from the differences: expanding the square would cancel for a prediction of the right shape and wrong gain.
                let [r] = sum_pairs(prediction, target, Residual { p: mean_p, y: mean_y, alpha: T::of(alpha) });
                (r, 2.0, -2.0 * alpha - 2.0 * residue / e)
            }
            _ => (error, 2.0, -2.0),
        };
        let r = r + EPSILON;
        let ratio = s / r + EPSILON;
        if let Some(gradient) = gradient {
            let k = -10.0 / core::f64::consts::LN_10 / ratio * scale.to_f64();
            let a = T::of(-k * s / (r * r) * dr_p);
            let b = T::of(k * (ds_y / r - s / (r * r) * dr_y));
            add_slopes(prediction, target, gradient, Affine { a, b, mean_p, mean_y });
        }
        Ok(T::of(-10.0 * ratio.log10()))
    }
    fn boxed_clone(&self) -> Box<dyn Loss<T>> {
        Box::new(*self)
    }
}
