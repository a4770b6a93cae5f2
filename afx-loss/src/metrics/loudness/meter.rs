//! [`Loudness`].

use super::KWeighting;
use super::k_weighting::LOWEST_RATE_HZ;
use crate::metrics::MetricError;
use crate::metrics::input::{at_least, sample_rate, signal};

/// Seconds of a momentary (and gating) block.
const MOMENTARY_S: f64 = 0.4;
/// Seconds of a short-term window.
const SHORT_TERM_S: f64 = 3.0;
/// Seconds between blocks: 75 % overlap of the momentary block, ten windows a second for the loudness range.
const STEP_S: f64 = 0.1;
/// Absolute gate, LUFS.
const ABSOLUTE_GATE_LUFS: f64 = -70.0;

/// Loudness of a recording: ITU-R BS.1770-5 (the algorithm of BS.1770-4), EBU Tech 3341 and Tech 3342.
///
/// Each channel is K-weighted ([`KWeighting`]); the power of a window is `Σ_i G_i mean z_i²` and its loudness `-0.691 + 10 log10` of that, in LUFS.
/// Integrated loudness takes 400 ms blocks every 100 ms, drops those at or below -70 LUFS, then those at or below 10 LU under the mean of the rest.
/// Blocks that the recording does not fill are not counted (pyloudnorm 0.2.0 counts the last one from half a step on). A full-scale 997 Hz
/// sine in one channel measures -3.01 LUFS.
///
/// Of EBU Tech 3341's signals, 1 to 6, 9, 10, 12 and 13 are synthesised in the tests and met, as are 15 to 23 by
/// [`true_peak_db`](crate::metrics::true_peak_db), and the four tones of Tech 3342. Not tested: 7 and 8, which are recorded programmes, and 11 and
/// 14, which are about the display of a live meter; this one measures files.
///
/// ```
/// use afx_loss::metrics::Loudness;
///
/// let sine: Vec<f32> = (0..96_000).map(|n| (std::f32::consts::TAU * 997.0 * n as f32 / 48_000.0).sin()).collect();
/// let loudness = Loudness::measure(&[&sine], 48_000.0)?;
/// assert!((loudness.integrated_lufs() + 3.01).abs() < 0.01);
/// # Ok::<(), afx_loss::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loudness {
    /// `cumulative[n]` is the weighted energy of the first `n` frames.
    cumulative: Vec<f64>,
    sample_rate_hz: f64,
}

impl Loudness {
    /// Measures channels with the weights of BS.1770: 1 for up to three channels (left, right, centre); for five (L, R, C, Ls, Rs) 1.41 for the
    /// surrounds; for six (L, R, C, LFE, Ls, Rs) the low-frequency channel counts 0. A mono file is one channel: a player that sends it to
    /// two loudspeakers, and PyNeuralFx, add 3.01 LU.
    ///
    /// # Errors
    /// No channels, four, or more than six (give the weights to [`measure_weighted`](Self::measure_weighted)); channels that are empty, not finite, of
    /// different length or shorter than 400 ms; a sample rate not above 4 kHz.
    pub fn measure<T: Copy + Into<f64>>(channels: &[&[T]], sample_rate_hz: f64) -> Result<Self, MetricError> {
        const FIVE: [f64; 5] = [1.0, 1.0, 1.0, 1.41, 1.41];
        const SIX: [f64; 6] = [1.0, 1.0, 1.0, 0.0, 1.41, 1.41];
        let weights: &[f64] = match channels.len() {
            0 => return Err(MetricError::Channels { expected: 1, found: 0 }),
            count @ 1..=3 => &FIVE[..count],
            5 => &FIVE,
            6 => &SIX,
            found => return Err(MetricError::Channels { expected: 6, found }),
        };
        Self::measure_weighted(channels, weights, sample_rate_hz)
    }

    /// Measures channels with the caller's channel weights `G_i`.
    ///
    /// # Errors
    /// As [`measure`](Self::measure), and weights that are not as many as the channels, negative, or not finite.
    pub fn measure_weighted<T: Copy + Into<f64>>(channels: &[&[T]], weights: &[f64], sample_rate_hz: f64) -> Result<Self, MetricError> {
        let weighting = KWeighting::new(sample_rate_hz)?;
        Self::filtered(channels, weights, sample_rate_hz, &weighting)
    }

    /// Measures with a frequency weighting that may not be ITU's.
    pub(crate) fn filtered<T: Copy + Into<f64>>(
        channels: &[&[T]],
        weights: &[f64],
        sample_rate_hz: f64,
        weighting: &KWeighting,
    ) -> Result<Self, MetricError> {
        sample_rate("loudness", sample_rate_hz, LOWEST_RATE_HZ)?;
        if channels.is_empty() || weights.len() != channels.len() {
            return Err(MetricError::Channels { expected: weights.len().max(1), found: channels.len() });
        }
        if let Some(&found) = weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            return Err(MetricError::Parameter { what: "channel weight", expected: "a finite number, not negative", found });
        }
        let frames = channels[0].len();
        let mut cumulative = vec![0.0; frames + 1];
        for (channel, weight) in channels.iter().zip(weights) {
            let mut z = signal("channel", channel)?;
            if z.len() != frames {
                return Err(MetricError::LengthMismatch { what: "channel", expected: frames, found: z.len() });
            }
            weighting.filter(&mut z);
            for (sum, z) in cumulative[1..].iter_mut().zip(z) {
                *sum += weight * z * z;
            }
        }
        for n in 1..=frames {
            cumulative[n] += cumulative[n - 1];
        }
        let meter = Self { cumulative, sample_rate_hz };
        at_least("loudness block of 400 ms", meter.frames_of(MOMENTARY_S), frames)?;
        Ok(meter)
    }

    /// Integrated (programme) loudness in LUFS; negative infinity when every block lies at or below -70 LUFS.
    #[must_use]
    pub fn integrated_lufs(&self) -> f64 {
        gated_lufs(&self.powers(MOMENTARY_S))
    }

    /// Momentary loudness (400 ms) every 100 ms in LUFS; the first value ends at 0.4 s.
    #[must_use]
    pub fn momentary_lufs(&self) -> Vec<f64> {
        self.powers(MOMENTARY_S).into_iter().map(lufs).collect()
    }

    /// Short-term loudness (3 s) every 100 ms in LUFS; the first value ends at 3 s. Empty for a shorter recording.
    #[must_use]
    pub fn short_term_lufs(&self) -> Vec<f64> {
        self.powers(SHORT_TERM_S).into_iter().map(lufs).collect()
    }

    /// Greatest momentary loudness in LUFS, over windows that start at every frame: a short sound is not missed between two steps.
    #[must_use]
    pub fn max_momentary_lufs(&self) -> f64 {
        self.max_lufs(MOMENTARY_S)
    }

    /// Greatest short-term loudness in LUFS, over windows that start at every frame.
    ///
    /// # Errors
    /// A recording shorter than 3 s.
    pub fn max_short_term_lufs(&self) -> Result<f64, MetricError> {
        self.needs_short_term()?;
        Ok(self.max_lufs(SHORT_TERM_S))
    }

    /// Loudness range in LU (EBU Tech 3342): the 95th minus the 10th percentile of the short-term loudness, after gates at -70 LUFS and at 20 LU
    /// under the mean power of what is left. 0 when no window passes the gate.
    ///
    /// Windows lie within the recording. pyloudnorm 0.2.0 lets 1.5 s of silence follow, and finds 16.5 LU where this finds 8.9 in a guitar chord that is
    /// cut while it fades.
    ///
    /// # Errors
    /// A recording shorter than 3 s.
    pub fn range_lu(&self) -> Result<f64, MetricError> {
        self.needs_short_term()?;
        let mut kept: Vec<f64> = self.powers(SHORT_TERM_S).into_iter().filter(|&p| lufs(p) > ABSOLUTE_GATE_LUFS).collect();
        let Some(mean) = mean_power(&kept) else { return Ok(0.0) };
        let gate = lufs(mean) - 20.0;
        kept.retain(|&p| lufs(p) > gate);
        kept.sort_by(f64::total_cmp);
        // Not empty: the mean is above its own gate, so the greatest power is. Nearest rank, as in the document's reference implementation.
        let percentile = |share: f64| kept.get((share * (kept.len() as f64 - 1.0)).round() as usize).map_or(0.0, |&p| lufs(p));
        Ok(percentile(0.95) - percentile(0.10))
    }

    /// pyloudnorm's gating blocks: as many as the duration rounds to, the last one cut off at the end but still divided by 400 ms.
    pub(crate) fn overrunning_powers(&self) -> Vec<f64> {
        let frames = self.cumulative.len() - 1;
        let blocks = ((frames as f64 / self.sample_rate_hz - MOMENTARY_S) / STEP_S).round().max(0.0) as usize + 1;
        let edge = |blocks: f64| ((MOMENTARY_S * blocks * self.sample_rate_hz) as usize).min(frames);
        (0..blocks)
            .map(|j| self.cumulative[edge(j as f64 * 0.25 + 1.0)] - self.cumulative[edge(j as f64 * 0.25)])
            .map(|energy| energy.max(0.0) / (MOMENTARY_S * self.sample_rate_hz))
            .collect()
    }

    fn needs_short_term(&self) -> Result<(), MetricError> {
        at_least("loudness window of 3 s", self.frames_of(SHORT_TERM_S), self.cumulative.len() - 1)
    }

    fn frames_of(&self, seconds: f64) -> usize {
        (seconds * self.sample_rate_hz).round() as usize
    }

    /// Mean weighted power of the `frames` frames from `start`; rounding never makes it negative.
    fn power(&self, start: usize, frames: usize) -> f64 {
        ((self.cumulative[start + frames] - self.cumulative[start]) / frames as f64).max(0.0)
    }

    /// Powers of all whole windows, every 100 ms.
    fn powers(&self, seconds: f64) -> Vec<f64> {
        let frames = self.frames_of(seconds);
        (0..)
            .map(|step| self.frames_of(f64::from(step) * STEP_S))
            .take_while(|start| start + frames < self.cumulative.len())
            .map(|start| self.power(start, frames))
            .collect()
    }

    fn max_lufs(&self, seconds: f64) -> f64 {
        let frames = self.frames_of(seconds);
        lufs((0..self.cumulative.len() - frames).map(|start| self.power(start, frames)).fold(0.0, f64::max))
    }
}

/// Difference of integrated loudness in LU, `|L(p) - L(y)|`, for mono signals.
///
/// # Errors
/// As [`Loudness::measure`]; signals of different length; a signal that never rises above -70 LUFS ([`MetricError::Silent`]).
pub fn loudness_error_lu<T: Copy + Into<f64>>(prediction: &[T], target: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    if prediction.len() != target.len() {
        return Err(MetricError::LengthMismatch { what: "prediction", expected: target.len(), found: prediction.len() });
    }
    let integrated = |what, samples: &[T]| match Loudness::measure(&[samples], sample_rate_hz)?.integrated_lufs() {
        loudness if loudness.is_finite() => Ok(loudness),
        _ => Err(MetricError::Silent { what }),
    };
    Ok((integrated("prediction", prediction)? - integrated("target", target)?).abs())
}

/// Loudness of a weighted power.
fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.log10()
}

fn mean_power(powers: &[f64]) -> Option<f64> {
    if powers.is_empty() { None } else { Some(powers.iter().sum::<f64>() / powers.len() as f64) }
}

/// Loudness of the blocks that pass both gates.
pub(crate) fn gated_lufs(powers: &[f64]) -> f64 {
    let mut kept: Vec<f64> = powers.iter().copied().filter(|&p| lufs(p) > ABSOLUTE_GATE_LUFS).collect();
    let Some(mean) = mean_power(&kept) else { return f64::NEG_INFINITY };
    let gate = lufs(mean) - 10.0;
    kept.retain(|&p| lufs(p) > gate);
    mean_power(&kept).map_or(f64::NEG_INFINITY, lufs)
}
