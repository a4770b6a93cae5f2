//! What can be wrong with a construction.

use core::fmt;

/// A block could not be built; nothing in this crate fails once it runs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DspError {
    /// A number lies outside its range.
    OutOfRange {
        /// The parameter, as it is called in the signature.
        name: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// What was given.
        found: f64,
    },
}

impl fmt::Display for DspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DspError::OutOfRange { name, expected, found } => write!(f, "{name}: expected {expected}, found {found}"),
        }
    }
}

impl core::error::Error for DspError {}

/// `Ok(sample_rate_hz)` if a filter or circuit can run at it.
pub(crate) fn sample_rate(sample_rate_hz: f64) -> Result<f64, DspError> {
    if (1.0e3..=1.0e8).contains(&sample_rate_hz) {
        Ok(sample_rate_hz)
    } else {
        Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "1e3 to 1e8", found: sample_rate_hz })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_bad_sample_rate_is_named_with_the_range_and_the_value() {
        assert_eq!(sample_rate(0.5).unwrap_err().to_string(), "sample_rate_hz: expected 1e3 to 1e8, found 0.5");
        assert!(sample_rate(f64::NAN).is_err());
        assert_eq!(sample_rate(48e3), Ok(48e3));
    }
}
