//! The numbers that `afx evaluate` and the demo print.

use afx::loss::metrics::{self, published};
use afx::loss::{Loss, MultiResolutionStft};
use serde::Serialize;

/// Metrics of a prediction against a target, one channel; `None` where the signals are too short or too quiet for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Mean squared error.
    pub mse: Option<f64>,
    /// Error to signal ratio.
    pub esr: Option<f64>,
    /// The same in decibels.
    pub esr_db: Option<f64>,
    /// Squared difference of the means over the target's power.
    pub dc: Option<f64>,
    /// Multi-resolution STFT distance with auraloss' defaults.
    pub mrstft: Option<f64>,
    /// Absolute difference of integrated loudness, in LU.
    pub lufs_error_lu: Option<f64>,
    /// Absolute difference of crest factor, in dB.
    pub crest_factor_error_db: Option<f64>,
    /// Absolute difference of RMS level, in dB.
    pub rms_error_db: Option<f64>,
    /// The published toolkit's own forms.
    pub published: Published,
}

/// Metrics as the HyperRNN poster's toolkit computes them: natural logarithms where it prints dB, a power spectrum for `stft`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Published {
    /// Power STFT distance of one 2048 window.
    pub stft: Option<f64>,
    /// `20 ln` of the ratio of crest factors.
    pub crest_factor_error: Option<f64>,
    /// `20 ln` of the ratio of RMS values.
    pub rms_error: Option<f64>,
}

impl Scores {
    /// All metrics of two signals of the same length.
    pub fn of(prediction: &[f32], target: &[f32], sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        let mrstft = || {
            let mut loss = MultiResolutionStft::<f64>::auraloss().ok()?;
            let wide = |x: &[f32]| x.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            loss.evaluate(&wide(prediction), &wide(target), None).ok().filter(|v| v.is_finite())
        };
        Scores {
            mae: metrics::mae(prediction, target).ok(),
            mse: metrics::mse(prediction, target).ok(),
            esr: metrics::esr(prediction, target).ok(),
            esr_db: metrics::esr_db(prediction, target).ok().filter(|v| v.is_finite()),
            dc: metrics::dc_error(prediction, target).ok(),
            mrstft: mrstft(),
            lufs_error_lu: metrics::loudness_error_lu(prediction, target, rate).ok().filter(|v| v.is_finite()),
            crest_factor_error_db: metrics::crest_factor_error_db(prediction, target).ok(),
            rms_error_db: metrics::rms_error_db(prediction, target).ok().filter(|v| v.is_finite()),
            published: Published {
                stft: published::stft(prediction, target).ok(),
                crest_factor_error: published::crest_factor_error(prediction, target).ok(),
                rms_error: published::rms_error(prediction, target).ok().filter(|v| v.is_finite()),
            },
        }
    }

    /// Field by field the mean over those that have it; the decibels of the ESR are those of the mean ESR.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Scores> + Clone) -> Self {
        let of = |field: fn(&Scores) -> Option<f64>| {
            let (sum, count) = all.clone().into_iter().filter_map(field).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
            (count > 0.0).then(|| sum / count)
        };
        let esr = of(|s| s.esr);
        Scores {
            mae: of(|s| s.mae),
            mse: of(|s| s.mse),
            esr,
            esr_db: esr.map(|e| 10.0 * e.log10()).filter(|v| v.is_finite()),
            dc: of(|s| s.dc),
            mrstft: of(|s| s.mrstft),
            lufs_error_lu: of(|s| s.lufs_error_lu),
            crest_factor_error_db: of(|s| s.crest_factor_error_db),
            rms_error_db: of(|s| s.rms_error_db),
            published: Published {
                stft: of(|s| s.published.stft),
                crest_factor_error: of(|s| s.published.crest_factor_error),
                rms_error: of(|s| s.published.rms_error),
            },
        }
    }

    /// Name, value and unit of each metric, for a table.
    pub fn rows(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("ESR", self.esr),
            ("ESR (dB)", self.esr_db),
            ("MAE", self.mae),
            ("MSE", self.mse),
            ("DC", self.dc),
            ("MR-STFT", self.mrstft),
            ("Loudness error (LU)", self.lufs_error_lu),
            ("Crest factor error (dB)", self.crest_factor_error_db),
            ("RMS error (dB)", self.rms_error_db),
            ("STFT, as published", self.published.stft),
            ("CF, as published (20 ln)", self.published.crest_factor_error),
            ("RMS, as published (20 ln)", self.published.rms_error),
        ]
    }
}
