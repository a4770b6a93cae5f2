//! [`IdleOutput`]: what a model plays when nothing is played.

use super::MetricError;
use super::input::{amplitude_db, at_least, energy, mean, sample_rate, signal};
use super::level::peak;

/// What a device or model renders from silence, from a cold start: a pop, an offset, a ripple.
///
/// Recurrent models settle somewhere else than at zero, and where depends on the knobs; the published StaticHyper GRU starts with up to -33 dBFS and rests
/// between -90 and -65 dBFS. Render at least 1 s of zeros (2 s is usual).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IdleOutput {
    /// Mean of the second half.
    pub offset: f64,
    /// Greatest magnitude in the first 10 ms.
    pub start_peak: f64,
    /// Root mean square of the second half around its mean.
    pub ripple_rms: f64,
    /// Seconds after which the output stays within 1e-4 (-80 dBFS) of its offset; 0 when it always is.
    pub settling_s: f64,
}

impl IdleOutput {
    /// Measures the rendering of silence.
    ///
    /// # Errors
    /// A signal that is empty, not finite, or shorter than 20 ms; a sample rate that is not positive.
    pub fn measure<T: Copy + Into<f64>>(output: &[T], sample_rate_hz: f64) -> Result<Self, MetricError> {
        sample_rate("idle_output", sample_rate_hz, 0.0)?;
        let y = signal("output", output)?;
        let start = ((0.01 * sample_rate_hz).ceil() as usize).max(1);
        at_least("output of silence", start.saturating_mul(2), y.len())?;
        let rest = &y[y.len() / 2..];
        let offset = mean(rest);
        let around: Vec<f64> = rest.iter().map(|v| v - offset).collect();
        let unsettled = y.iter().rposition(|v| (v - offset).abs() > 1e-4).map_or(0, |last| last + 1);
        Ok(Self {
            offset,
            start_peak: peak(&y[..start]),
            ripple_rms: (energy(&around) / around.len() as f64).sqrt(),
            settling_s: unsettled as f64 / sample_rate_hz,
        })
    }

    /// Offset in dBFS, `20 log10 |offset|`; below -90 is the usual demand.
    #[must_use]
    pub fn offset_dbfs(&self) -> f64 {
        amplitude_db(self.offset.abs())
    }

    /// Start peak in dBFS.
    #[must_use]
    pub fn start_peak_dbfs(&self) -> f64 {
        amplitude_db(self.start_peak)
    }

    /// Ripple in dBFS (rms re 1.0).
    #[must_use]
    pub fn ripple_dbfs(&self) -> f64 {
        amplitude_db(self.ripple_rms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decaying_pop_on_an_offset_is_told_apart() {
        let y: Vec<f64> = (0..96_000).map(|n| 1e-3 + 0.02 * (-f64::from(n) / 480.0).exp()).collect();
        let idle = IdleOutput::measure(&y, 48_000.0).unwrap();
        assert!((idle.offset_dbfs() + 60.0).abs() < 1e-9); // e^-100 of the pop is left
        assert!((idle.start_peak - 0.021).abs() < 1e-15);
        assert!(idle.ripple_rms < 1e-15);
        assert!((idle.settling_s - 0.01 * 200.0_f64.ln()).abs() < 1.1 / 48_000.0, "{}", idle.settling_s); // to the frame
    }

    #[test]
    fn true_silence_measures_as_silence() {
        let idle = IdleOutput::measure(&[0.0_f32; 960], 48_000.0).unwrap();
        assert_eq!(idle.offset_dbfs(), f64::NEG_INFINITY);
        assert_eq!((idle.start_peak, idle.ripple_rms, idle.settling_s), (0.0, 0.0, 0.0));
        assert!(matches!(IdleOutput::measure(&[0.0_f32; 959], 48_000.0), Err(MetricError::TooShort { needed: 960, found: 959, .. })));
    }
}
