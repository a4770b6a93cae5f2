//! [`MetricError`].

use core::fmt;

/// Why a metric has no value for the signals given to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricError {
    /// A signal holds no frames.
    Empty {
        /// Which signal.
        what: &'static str,
    },
    /// Two signals that must be equally long are not.
    LengthMismatch {
        /// Which signal.
        what: &'static str,
        /// Frames it should have.
        expected: usize,
        /// Frames it has.
        found: usize,
    },
    /// A signal holds a NaN, an infinity, or a magnitude above 1e100, whose energy could be infinite.
    NonFinite {
        /// Which signal.
        what: &'static str,
        /// The first frame that is not finite.
        index: usize,
    },
    /// A signal is shorter than the metric's shortest analysis.
    TooShort {
        /// Which signal or analysis.
        what: &'static str,
        /// Frames needed.
        needed: usize,
        /// Frames found.
        found: usize,
    },
    /// A sample rate is not finite, not positive, or too low for the metric.
    SampleRate {
        /// The metric that refuses it.
        what: &'static str,
        /// The lowest rate it accepts, exclusive.
        above_hz: f64,
        /// The rate given.
        found_hz: f64,
    },
    /// The metric divides by (or takes the logarithm of) an energy that is zero.
    Silent {
        /// Which signal.
        what: &'static str,
    },
    /// The number of channels and the number of channel weights differ, or there are none.
    Channels {
        /// Channels needed.
        expected: usize,
        /// Channels found.
        found: usize,
    },
    /// A parameter lies outside its range.
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// Its range, in words.
        expected: &'static str,
        /// The value given.
        found: f64,
    },
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { what } => write!(f, "{what}: expected at least 1 frame, found 0"),
            Self::LengthMismatch { what, expected, found } => write!(f, "{what}: expected {expected} frames, found {found}"),
            Self::NonFinite { what, index } => write!(f, "{what}: expected finite samples up to 1e100, found another at frame {index}"),
            Self::TooShort { what, needed, found } => write!(f, "{what}: expected at least {needed} frames, found {found}"),
            Self::SampleRate { what, above_hz, found_hz } => {
                write!(f, "{what}: expected a finite sample rate above {above_hz} Hz, found {found_hz} Hz")
            }
            Self::Silent { what } => write!(f, "{what}: expected a signal with energy, found silence"),
            Self::Channels { expected, found } => write!(f, "channels: expected {expected}, found {found}"),
            Self::Parameter { what, expected, found } => write!(f, "{what}: expected {expected}, found {found}"),
        }
    }
}

impl core::error::Error for MetricError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_thing_the_expected_and_the_found() {
        let text = MetricError::LengthMismatch { what: "target", expected: 48, found: 16 }.to_string();
        assert_eq!(text, "target: expected 48 frames, found 16");
        let text = MetricError::SampleRate { what: "k_weighting", above_hz: 4000.0, found_hz: 0.0 }.to_string();
        assert_eq!(text, "k_weighting: expected a finite sample rate above 4000 Hz, found 0 Hz");
    }
}
