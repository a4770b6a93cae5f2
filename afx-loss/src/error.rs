//! What can be wrong with a loss or with what it is given.

use core::fmt;

/// Why a loss could not be built, prepared or evaluated.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LossError {
    /// Two sequences that must be equally long are not.
    LengthMismatch {
        /// The sequence.
        what: &'static str,
        /// Frames it should have: those of the prediction.
        expected: usize,
        /// Frames it has.
        found: usize,
    },
    /// A sequence is too short for this loss.
    TooShort {
        /// The loss, or the part of it, that needs more.
        what: &'static str,
        /// Fewest frames.
        expected: usize,
        /// Frames found.
        found: usize,
    },
    /// A length that is not a multiple of what it is made of, such as a stereo sequence with an odd number of samples.
    NotMultiple {
        /// The sequence.
        what: &'static str,
        /// It should be a multiple of this.
        expected: usize,
        /// Samples found.
        found: usize,
    },
    /// A setting outside of its range.
    Setting {
        /// The setting.
        what: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value found.
        found: f64,
    },
}

impl fmt::Display for LossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMismatch { what, expected, found } => write!(f, "{what}: expected {expected} frames, found {found}"),
            Self::TooShort { what, expected, found } => write!(f, "{what}: expected at least {expected} frames, found {found}"),
            Self::NotMultiple { what, expected, found } => write!(f, "{what}: expected a multiple of {expected} samples, found {found}"),
            Self::Setting { what, expected, found } => write!(f, "{what}: expected {expected}, found {found}"),
        }
    }
}

impl core::error::Error for LossError {}

/// `Err(Setting)` unless `ok`.
pub(crate) fn setting(ok: bool, what: &'static str, expected: &'static str, found: f64) -> Result<(), LossError> {
    if ok { Ok(()) } else { Err(LossError::Setting { what, expected, found }) }
}

/// `Err(TooShort)` where `found < expected`.
pub(crate) fn at_least(what: &'static str, expected: usize, found: usize) -> Result<(), LossError> {
    if found >= expected { Ok(()) } else { Err(LossError::TooShort { what, expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_thing_the_expected_and_the_found() {
        let error = LossError::TooShort { what: "STFT", expected: 2048, found: 100 };
        assert_eq!(error.to_string(), "STFT: expected at least 2048 frames, found 100");
    }
}
