//! Plain distances of amplitude and power spectra.

use super::bins::{BinDistance, BinLoss, bin_loss};
use super::multi::MultiResolution;
use crate::error::LossError;
use crate::sample::Sample;
use crate::stft::{StftSettings, Window};

/// What is compared in a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpectrumDistance {
    /// `mean | |X| - |Y| |`, the amplitude error of Richard et al. 2021.
    AmplitudeL1,
    /// `mean (|X| - |Y|)²`
    AmplitudeL2,
    /// `mean (|X|² - |Y|²)²`: the ℓ2 distance of power spectra. No gradient at a silent prediction.
    PowerL2,
    /// `mean | |X| - |Y| | + mean | ln max(|X|, 1e-5) - ln max(|Y|, 1e-5) |`, the terms of CoreAudioML's `MultiSpecLoss`.
    AmplitudeAndLog,
    /// `mean | log10(|X| + 1e-5) - log10(|Y| + 1e-5) |`, the distance of DrummerNet (Choi and Cho 2019).
    Decades,
}

/// Distance of spectra; which one is in [`SpectrumDistance`].
///
/// Richard et al. 2021, "Neural synthesis of binaural speech", name an ℓ2 loss on the power spectrum that the released code does not
/// define: both readings are here. [`StftSettings::binaural`] are that paper's sizes.
#[derive(Clone, Debug)]
pub struct SpectrumLoss<T: Sample> {
    bins: BinLoss<T, Compared<T>, 1>,
}
bin_loss!(SpectrumLoss);

impl StftSettings {
    /// Transforms of 2048 frames, window 40 ms and hop 10 ms at 48 kHz, centred; Richard et al. 2021.
    pub const fn binaural() -> Self {
        Self::new(2048, 480).window_frames(1920)
    }
}

impl<T: Sample> SpectrumLoss<T> {
    /// Of the transform given.
    ///
    /// # Errors
    /// [`LossError::Setting`] for impossible sizes.
    pub fn new(settings: StftSettings, distance: SpectrumDistance) -> Result<Self, LossError> {
        Ok(Self { bins: BinLoss::new(settings, Compared { distance, floor: T::of(1e-5) })? })
    }
}

impl<T: Sample> MultiResolution<SpectrumLoss<T>> {
    /// CoreAudioML's `MultiSpecLoss`: transforms of 2048, 1024, 512, 256 and 128 frames, hop a quarter, no window, centred; the mean.
    ///
    /// # Errors
    /// None; the type is that of its siblings.
    pub fn core_audio_ml() -> Result<Self, LossError> {
        let one = |n| SpectrumLoss::new(StftSettings::new(n, n / 4).window(Window::Rectangular), SpectrumDistance::AmplitudeAndLog);
        Self::mean([2048, 1024, 512, 256, 128].into_iter().map(one).collect::<Result<_, _>>()?)
    }
}

#[derive(Clone, Copy, Debug)]
struct Compared<T> {
    distance: SpectrumDistance,
    floor: T,
}

#[inline(always)]
fn magnitude<T: Sample>([re, im]: [T; 2]) -> T {
    (re * re + im * im).root()
}

impl<T: Sample> BinDistance<T, 1> for Compared<T> {
    type Slope = T;

    #[inline(always)]
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; 1] {
        let (m, n) = (magnitude(x), magnitude(y));
        let e = m - n;
        let abs = afx_core::Scalar::abs(e);
        [match self.distance {
            SpectrumDistance::AmplitudeL1 => abs,
            SpectrumDistance::AmplitudeL2 => e * e,
            SpectrumDistance::PowerL2 => {
                let e = e * (m + n);
                e * e
            }
            SpectrumDistance::AmplitudeAndLog => {
                let ratio = m.max(self.floor) / n.max(self.floor);
                abs + afx_core::Scalar::abs(ratio.fast_ln())
            }
            SpectrumDistance::Decades => {
                let ratio = (m + self.floor) / (n + self.floor);
                T::of(core::f64::consts::LOG10_E) * afx_core::Scalar::abs(ratio.fast_ln())
            }
        }]
    }

    fn finish(self, [sum]: [f64; 1], bins: f64, scale: f64) -> (f64, T) {
        (sum / bins, T::of(scale / bins))
    }

    #[inline(always)]
    fn slope(self, k: T, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let (m, n) = (magnitude(x), magnitude(y));
        let e = m - n;
        let two = T::ONE + T::ONE;
        let slope = k * match self.distance {
            SpectrumDistance::AmplitudeL1 => Sample::sign(e),
            SpectrumDistance::AmplitudeL2 => two * e,
            SpectrumDistance::PowerL2 => two * two * e * (m + n) * m,
            SpectrumDistance::AmplitudeAndLog => {
                let log = if m > self.floor { Sample::sign(m - n.max(self.floor)) / m } else { T::ZERO };
                Sample::sign(e) + log
            }
            SpectrumDistance::Decades => T::of(core::f64::consts::LOG10_E) * Sample::sign(e) / (m + self.floor),
        };
        // A silent bin of the prediction is pushed along the target's.
        let silent = m == T::ZERO;
        let over = if silent { n } else { m };
        let slope = if over > T::ZERO { slope / over } else { T::ZERO };
        if silent { [slope * y[0], slope * y[1]] } else { [slope * x[0], slope * x[1]] }
    }
}
