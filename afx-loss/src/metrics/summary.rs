//! [`Summary`]: one number for many segments, and how sure it is.

use super::MetricError;

/// Mean, median and worst of a metric over segments, with a confidence interval of the mean.
///
/// The interval is the percentile bootstrap (Efron 1979) with a seeded generator: error ratios of segments are skewed and bounded below, so a symmetric Student
/// interval would reach below zero and miss the tail. It is reproducible to the bit. Segments of one recording are not independent: take them long
/// (seconds) and read the interval as a lower limit of the doubt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of segments.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median; of an even number, the mean of the middle two.
    pub median: f64,
    /// Greatest value: metrics here are errors, so the worst.
    pub worst: f64,
    /// 95 % confidence interval of the mean.
    pub interval: [f64; 2],
}

/// Number of bootstrap means: the ends of the interval vary by about a twentieth of its width with the seed.
const RESAMPLES: usize = 2000;

impl Summary {
    /// Summarises scores. One score gives an interval of no width.
    ///
    /// # Errors
    /// No scores, or a score that is not finite.
    pub fn of(scores: &[f64], seed: u64) -> Result<Self, MetricError> {
        let mut sorted = super::input::signal("scores", scores)?;
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let mean = super::input::mean(&sorted);
        let median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0;
        let mut generator = SplitMix64(seed);
        let mut means: Vec<f64> =
            (0..RESAMPLES).map(|_| (0..count).map(|_| sorted[generator.below(count)]).sum::<f64>() / count as f64).collect();
        means.sort_by(f64::total_cmp);
        let at = |share: f64| means[(share * (RESAMPLES as f64 - 1.0)).round() as usize];
        Ok(Self { count, mean, median, worst: sorted[count - 1], interval: [at(0.025), at(0.975)] })
    }
}

/// Scores of consecutive segments of `frames` frames; the tail that does not fill one is left out, and so are segments in which the metric
/// refuses silence ([`MetricError::Silent`]): a pause in the playing has no error-to-signal ratio.
///
/// ```
/// use afx_loss::metrics::{Summary, esr, segment_scores};
///
/// let target: Vec<f32> = (0..4000).map(|n| (n as f32 * 0.1).sin()).collect();
/// let prediction: Vec<f32> = target.iter().map(|y| 0.9 * y).collect();
/// let scores = segment_scores(&prediction, &target, 1000, esr)?;
/// let summary = Summary::of(&scores, 0)?;
/// assert_eq!(summary.count, 4);
/// assert!((summary.mean - 0.01).abs() < 1e-6);
/// # Ok::<(), afx_loss::metrics::MetricError>(())
/// ```
///
/// # Errors
/// Signals of different length; 0 frames; no whole segment; any other error of the metric.
pub fn segment_scores<T>(
    prediction: &[T],
    target: &[T],
    frames: usize,
    metric: impl Fn(&[T], &[T]) -> Result<f64, MetricError>,
) -> Result<Vec<f64>, MetricError> {
    if prediction.len() != target.len() {
        return Err(MetricError::LengthMismatch { what: "prediction", expected: target.len(), found: prediction.len() });
    }
    if frames == 0 {
        return Err(MetricError::Parameter { what: "frames of a segment", expected: "at least 1", found: 0.0 });
    }
    super::input::at_least("target for one segment", frames, target.len())?;
    prediction
        .chunks_exact(frames)
        .zip(target.chunks_exact(frames))
        .map(|(p, y)| metric(p, y))
        .filter(|score| !matches!(score, Err(MetricError::Silent { .. })))
        .collect()
}

/// Steele, Lea and Flood 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `count`, uniform to 2^-64 of the range; `count` is not 0.
    fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        let mut generator = SplitMix64(1_234_567);
        assert_eq!(
            [generator.next(), generator.next(), generator.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_summary_names_middle_and_worst() {
        let summary = Summary::of(&[4.0, 1.0, 2.0, 9.0], 0).unwrap();
        assert_eq!((summary.count, summary.mean, summary.median, summary.worst), (4, 4.0, 3.0, 9.0));
        assert!(summary.interval[0] >= 1.0 && summary.interval[0] < 4.0 && summary.interval[1] > 4.0 && summary.interval[1] <= 9.0);
        assert_eq!(Summary::of(&[0.5], 0).unwrap().interval, [0.5, 0.5]);
        assert!(Summary::of(&[], 0).is_err() && Summary::of(&[f64::NAN], 0).is_err());
    }

    #[test]
    fn the_interval_covers_the_true_mean_about_95_times_in_100() {
        let mut generator = SplitMix64(5);
        let trials = 400;
        let covered = (0..trials)
            .filter(|&seed| {
                // Squares of uniform numbers: skewed as error ratios are; mean 1/3.
                let scores: Vec<f64> = (0..60).map(|_| (generator.next() as f64 / 2.0_f64.powi(64)).powi(2)).collect();
                let [low, high] = Summary::of(&scores, seed).unwrap().interval;
                low <= 1.0 / 3.0 && 1.0 / 3.0 <= high
            })
            .count();
        let share = covered as f64 / trials as f64;
        assert!((0.91..=0.985).contains(&share), "{share}"); // 400 trials: ±3 standard errors of 1.1 %, and the percentile method's known shortfall
    }

    #[test]
    fn pauses_are_left_out_and_other_errors_are_not() {
        let target = [1.0, -1.0, 0.0, 0.0, 2.0, 2.0, 1.0];
        let prediction = [1.0, -0.5, 0.1, 0.0, 2.0, 1.0, 9.0];
        assert_eq!(segment_scores(&prediction, &target, 2, crate::metrics::esr), Ok(vec![0.125, 0.125]));
        assert!(matches!(segment_scores(&prediction, &target, 0, |_, _| Ok(0.0)), Err(MetricError::Parameter { .. })));
        assert!(matches!(segment_scores(&prediction, &target, 8, |_, _| Ok(0.0)), Err(MetricError::TooShort { needed: 8, found: 7, .. })));
        let broken = [f64::NAN; 7];
        assert!(matches!(
            segment_scores(&broken, &target, 2, crate::metrics::esr),
            Err(MetricError::NonFinite { what: "prediction", index: 0 })
        ));
    }
}
