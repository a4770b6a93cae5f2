//! The numbers that `afx evaluate`, `afx report` and the demo print.

use afx::loss::metrics::{self, Loudness, published};
use afx::loss::{
    BandStftLoss, Filterbank, LogCosh, Loss, LossError, MagnitudeFloor, MultiResolution, MultiResolutionStft, Snr, StftSettings, StftTerms,
};
use serde::Serialize;
use std::cell::OnceCell;
use std::fmt;

/// Mel bands of [`Scores::mel_stft`], auraloss' default.
const MEL_BANDS: usize = 128;

/// Why a metric has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The metric's key, with a dot before those of [`Published`]: `published.stft`.
    pub metric: &'static str,
    /// What is needed and what was found.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.metric, self.reason)
    }
}

/// One channel of prediction and target.
struct Pair<'a> {
    prediction: &'a [f32],
    target: &'a [f32],
    wide: [Vec<f64>; 2],
    rate: f64,
    /// Whether the transient metrics, which take longer than all others together, are wanted.
    whole: bool,
    /// Computed once for two names.
    transients: OnceCell<Result<f64, String>>,
}

/// Why [`Scores::of`] has no transients.
const LEFT_OUT: &str = "left out of the quick set";

impl Pair<'_> {
    fn tms(&self) -> Result<f64, String> {
        if !self.whole {
            return Err(LEFT_OUT.into());
        }
        let compute = || metrics::transient_error_tms(self.prediction, self.target, self.rate).map_err(|e| e.to_string());
        self.transients.get_or_init(compute).clone()
    }

    fn stn(&self) -> Result<f64, String> {
        if !self.whole {
            return Err(LEFT_OUT.into());
        }
        metrics::transient_error_stn(self.prediction, self.target, self.rate).map_err(|e| e.to_string())
    }

    /// The value of a loss that could be made.
    fn loss(&self, loss: Result<impl Loss<f64>, LossError>) -> Result<f64, LossError> {
        loss?.evaluate(&self.wide[0], &self.wide[1], None)
    }
}

/// What any metric may answer: a number, or why there is none.
struct Answer(Result<f64, String>);

impl<E: fmt::Display> From<Result<f64, E>> for Answer {
    fn from(result: Result<f64, E>) -> Self {
        Answer(match result {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(value) => Err(format!("expected a finite number, found {value}")),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// A struct of metrics, each named once: its key, its name for people, and how it is computed from a [`Pair`].
macro_rules! metrics {
    ($(#[$about:meta])* $type:ident, $prefix:literal, { $($(#[$doc:meta])* $key:ident, $name:literal, $compute:expr;)+ } $($sub:ident: $sub_type:ident)?) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub struct $type {
            $($(#[$doc])* pub $key: Option<f64>,)+
            $(#[doc = concat!("See [`", stringify!($sub_type), "`].")] pub $sub: $sub_type,)?
        }

        impl $type {
            fn compute(pair: &Pair<'_>, missing: &mut Vec<Missing>) -> Self {
                let mut keep = |metric, answer: Answer| answer.0.map_err(|reason| missing.push(Missing { metric, reason })).ok();
                $(let $key = keep(concat!($prefix, stringify!($key)), { let f: fn(&Pair<'_>) -> Answer = $compute; f(pair) });)+
                Self { $($key,)+ $($sub: $sub_type::compute(pair, missing),)? }
            }

            fn fields_mean<'a>(all: impl IntoIterator<Item = &'a Self> + Clone) -> Self {
                let of = |field: fn(&Self) -> Option<f64>| {
                    let (sum, count) = all.clone().into_iter().filter_map(field).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
                    (count > 0.0).then(|| sum / count)
                };
                Self { $($key: of(|s| s.$key),)+ $($sub: $sub_type::fields_mean(all.clone().into_iter().map(|s| &s.$sub).collect::<Vec<_>>()),)? }
            }

            /// Name and value of every metric of this struct's own.
            pub fn all_rows(&self) -> Vec<(&'static str, Option<f64>)> {
                vec![$(($name, self.$key),)+]
            }
        }
    };
}

metrics! {
    /// Metrics as the HyperRNN poster's toolkit computes them: natural logarithms where it prints dB, a power spectrum for `stft`.
    Published, "published.", {
        /// Power STFT distance of one 2048 window.
        stft, "STFT (power, one window)", |p| published::stft(p.prediction, p.target).into();
        /// Difference of pyloudnorm's loudness, played in two channels.
        lufs_error, "LUFS (pyloudnorm)", |p| published::loudness_error(p.prediction, p.target, p.rate).into();
        /// `20 ln` of the ratio of crest factors.
        crest_factor_error, "CF (20 ln)", |p| published::crest_factor_error(p.prediction, p.target).into();
        /// `20 ln` of the ratio of RMS values.
        rms_error, "RMS (20 ln)", |p| published::rms_error(p.prediction, p.target).into();
        /// Transient preservation, the same number as [`Scores::transient_tms`].
        transient, "Transient (TMS)", |p| p.tms().into();
    }
}

metrics! {
    /// Metrics of a prediction against a target; `None` where the signals are too short or too quiet for one.
    Scores, "", {
        /// Mean absolute error.
        mae, "MAE", |p| metrics::mae(p.prediction, p.target).into();
        /// Mean squared error.
        mse, "MSE", |p| metrics::mse(p.prediction, p.target).into();
        /// Error to signal ratio.
        esr, "ESR", |p| metrics::esr(p.prediction, p.target).into();
        /// The same in decibels.
        esr_db, "ESR (dB)", |p| metrics::esr_db(p.prediction, p.target).into();
        /// Squared difference of the means over the target's power.
        dc, "DC", |p| metrics::dc_error(p.prediction, p.target).into();
        /// Mean of `ln cosh e`.
        log_cosh, "Log-cosh", |p| p.loss(LogCosh::new(1.0)).into();
        /// Scale-invariant signal-to-distortion ratio; more is better.
        si_sdr_db, "SI-SDR (dB), more is better", |p| p.loss(Ok(Snr::si_sdr())).map(|v| -v).into();
        /// Scale-dependent signal-to-distortion ratio; more is better.
        sd_sdr_db, "SD-SDR (dB), more is better", |p| p.loss(Ok(Snr::sd_sdr())).map(|v| -v).into();
        /// Multi-resolution STFT distance with auraloss' defaults.
        mrstft, "MR-STFT", |p| p.loss(MultiResolutionStft::auraloss()).into();
        /// Mel STFT distance with auraloss' defaults: 1024 points, 128 bands.
        mel_stft, "Mel STFT", |p| p.loss(mel(p.rate)).into();
        /// Complex STFT distance summed over windows of 2048, 1024, 512 and 256.
        complex_stft, "Complex STFT", |p| p.loss(MultiResolution::complex()).into();
        /// Mean phase error of the loud bins, at most π.
        phase_error_rad, "Phase error (rad)", |p| metrics::phase_error_rad(p.prediction, p.target).into();
        /// Difference of spectral centroid, as a fraction of the Nyquist frequency.
        spectral_centroid_error, "Spectral centroid error (of Nyquist)", |p| metrics::spectral_centroid_error(p.prediction, p.target).into();
        /// Absolute difference of integrated loudness, in LU.
        lufs_error_lu, "Loudness error (LU)", |p| metrics::loudness_error_lu(p.prediction, p.target, p.rate).into();
        /// Absolute difference of crest factor, in dB.
        crest_factor_error_db, "Crest factor error (dB)", |p| metrics::crest_factor_error_db(p.prediction, p.target).into();
        /// Absolute difference of RMS level, in dB.
        rms_error_db, "RMS error (dB)", |p| metrics::rms_error_db(p.prediction, p.target).into();
        /// Difference of transients, sines-plus-transients model.
        transient_tms, "Transients, TMS", |p| p.tms().into();
        /// Difference of transients, sines-transients-noise masks.
        transient_stn, "Transients, STN", |p| p.stn().into();
        /// Difference of the rises of the log spectrum, in decades a hop.
        onset, "Onsets (decades per hop)", |p| metrics::onset_error(p.prediction, p.target).into();
        /// True peak of the prediction, dB re full scale.
        true_peak_dbtp, "True peak of the prediction (dBTP)", |p| metrics::true_peak_db(p.prediction).into();
        /// Loudness range of the prediction, in LU.
        loudness_range_lu, "Loudness range of the prediction (LU)", |p| range(&[p.prediction], p.rate).into();
    }
    published: Published
}

fn mel(rate: f64) -> Result<BandStftLoss<f64>, LossError> {
    let bank = Filterbank::mel(rate, 1024, MEL_BANDS)?;
    BandStftLoss::new(StftSettings::new(1024, 256), &bank, StftTerms::default(), MagnitudeFloor::Clamp)
}

fn range(channels: &[&[f32]], rate: f64) -> Result<f64, metrics::MetricError> {
    Loudness::measure(channels, rate)?.range_lu()
}

impl Scores {
    /// The metrics of two signals of the same length, without the transient ones, which take longer than all others together.
    pub fn of(prediction: &[f32], target: &[f32], sample_rate: u32) -> Self {
        Self::measure(prediction, target, sample_rate, false).0
    }

    /// All metrics of two signals of the same length, and why each one that is `None` has no value.
    pub fn explained(prediction: &[f32], target: &[f32], sample_rate: u32) -> (Self, Vec<Missing>) {
        Self::measure(prediction, target, sample_rate, true)
    }

    fn measure(prediction: &[f32], target: &[f32], sample_rate: u32, whole: bool) -> (Self, Vec<Missing>) {
        let wide = [prediction, target].map(|x| x.iter().map(|v| f64::from(*v)).collect());
        let pair = Pair { prediction, target, wide, rate: f64::from(sample_rate), whole, transients: OnceCell::new() };
        let mut missing = Vec::new();
        let scores = Self::compute(&pair, &mut missing);
        (scores, missing)
    }

    /// Metrics of signals of several channels: the mean over channels, but loudness and its range of all channels together, and the true
    /// peak of the loudest.
    pub fn of_channels(prediction: &[Vec<f32>], target: &[Vec<f32>], sample_rate: u32) -> (Self, Vec<Missing>) {
        let each = prediction.iter().zip(target).map(|(p, t)| Self::explained(p, t, sample_rate));
        let (scores, missing): (Vec<Self>, Vec<Vec<Missing>>) = each.unzip();
        let mut mean = Self::mean(&scores);
        // The mean lacks what every channel lacks.
        let everywhere = |m: &Missing| missing.iter().all(|channel| channel.iter().any(|other| other.metric == m.metric));
        let mut reasons: Vec<Missing> = missing.first().into_iter().flatten().filter(|m| everywhere(m)).cloned().collect();
        if scores.len() > 1 {
            let rate = f64::from(sample_rate);
            let [p, t] = [prediction, target].map(|x| x.iter().map(Vec::as_slice).collect::<Vec<&[f32]>>());
            mean.true_peak_dbtp = scores.iter().filter_map(|s| s.true_peak_dbtp).reduce(f64::max);
            let loudness = |x: &[&[f32]]| Loudness::measure(x, rate).map(|l| l.integrated_lufs());
            let error = loudness(&p).and_then(|p| loudness(&t).map(|t| (p - t).abs()));
            let mut joint = |metric, answer: Answer| {
                reasons.retain(|r| r.metric != metric);
                answer.0.map_err(|reason| reasons.push(Missing { metric, reason })).ok()
            };
            mean.lufs_error_lu = joint("lufs_error_lu", error.into());
            mean.loudness_range_lu = joint("loudness_range_lu", range(&p, rate).into());
        }
        (mean, reasons)
    }

    /// Field by field the mean over those that have it; the decibels of the ESR are those of the mean ESR.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Scores> + Clone) -> Self {
        let mut mean = Self::fields_mean(all);
        mean.esr_db = mean.esr.map(|e| 10.0 * e.log10()).filter(|v| v.is_finite());
        mean
    }

    /// Name and value of the metrics of a short table; less is better in all of them.
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

    /// The columns of the HyperRNN poster: name, value in true units, the unit, value as published, what that is.
    pub fn poster(&self) -> [Column; 6] {
        let column = |name, value, unit, published, published_unit| Column { name, value, unit, published, published_unit };
        let p = &self.published;
        [
            column("L1", self.mae, "", self.mae, "the same"),
            column("STFT", self.mrstft, "auraloss MR-STFT", p.stft, "power, window 2048"),
            column("LUFS", self.lufs_error_lu, "LU", p.lufs_error, "LU by pyloudnorm"),
            column("CF", self.crest_factor_error_db, "dB", p.crest_factor_error, "20 ln"),
            column("RMS", self.rms_error_db, "dB", p.rms_error, "20 ln"),
            column("Transient", self.transient_tms, "TMS", p.transient, "the same"),
        ]
    }
}

/// One column of the poster's table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// The poster's heading.
    pub name: &'static str,
    /// In true units.
    pub value: Option<f64>,
    /// The true unit.
    pub unit: &'static str,
    /// As the poster's toolkit computes it.
    pub published: Option<f64>,
    /// What the toolkit's number is.
    pub published_unit: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frames: usize, gain: f32) -> Vec<f32> {
        (0..frames).map(|n| gain * (0.05 * n as f32).sin()).collect()
    }

    #[test]
    fn a_gain_error_is_measured_in_true_and_in_published_units() {
        let (target, prediction) = (sine(192_000, 0.5), sine(192_000, 0.25));
        let (s, missing) = Scores::explained(&prediction, &target, 48_000);
        // A steady sine has no transients for the masks, everything else has a value.
        assert!(missing.iter().all(|m| m.metric == "transient_stn"), "{missing:?}");
        assert!((s.esr.unwrap() - 0.25).abs() < 1e-6); // f32 samples
        assert!((s.rms_error_db.unwrap() - 6.0206).abs() < 1e-4);
        assert!((s.published.rms_error.unwrap() - 20.0 * 2f64.ln()).abs() < 1e-4);
        assert!((s.lufs_error_lu.unwrap() - 6.0206).abs() < 1e-3);
        assert!((s.sd_sdr_db.unwrap() - 0.0).abs() < 1e-3); // signal 1/4, error 1/4
        assert!(s.si_sdr_db.unwrap() > 60.0);
        assert!((s.true_peak_dbtp.unwrap() + 12.0412).abs() < 0.05); // the meter's promise
        assert!(s.crest_factor_error_db.unwrap() < 1e-4 && s.phase_error_rad.unwrap() < 1e-3 && s.loudness_range_lu.unwrap() < 0.1);
        assert_eq!(s.published.transient, s.transient_tms);
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        let (s, missing) = Scores::explained(&[0.1; 100], &[0.2; 100], 48_000);
        assert!(s.mae.is_some() && s.mrstft.is_none());
        let reason = missing.iter().find(|m| m.metric == "published.stft").unwrap().to_string();
        assert!(reason.contains("expected at least 2048 frames, found 100"), "{reason}");
        let (s, missing) = Scores::explained(&sine(9600, 0.5), &sine(9600, 0.5), 48_000);
        assert_eq!(s.esr, Some(0.0));
        assert!(s.esr_db.is_none() && missing.iter().any(|m| m.metric == "esr_db" && m.reason.contains("-inf")), "{missing:?}");
    }

    #[test]
    fn the_mean_of_several_takes_the_decibels_of_the_mean_ratio() {
        let score = |esr: f64| Scores { esr: Some(esr), esr_db: Some(10.0 * esr.log10()), si_sdr_db: Some(esr), ..Scores::default() };
        let mean = Scores::mean(&[score(0.01), score(0.03), Scores::default()]);
        assert_eq!(mean.esr, Some(0.02));
        assert!((mean.esr_db.unwrap() - 10.0 * 0.02f64.log10()).abs() < 1e-12);
        assert_eq!(mean.mae, None);
    }

    #[test]
    fn channels_share_loudness_and_the_loudest_peak() {
        let loud = sine(96_000, 0.5);
        let (s, _) = Scores::of_channels(&[loud.clone(), vec![0.0; 96_000]], &[loud.clone(), vec![0.0; 96_000]], 48_000);
        assert_eq!(s.lufs_error_lu, Some(0.0)); // the silent channel alone would have none
        assert!(s.true_peak_dbtp.unwrap() > -6.1);
        assert_eq!(s.mae, Some(0.0));
    }
}
