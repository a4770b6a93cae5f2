//! What can be wrong with the data of a picture.
use core::fmt;

/// Why a figure could not be made or rendered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlotError {
    /// `what` holds no value, or no finite one, to draw.
    Empty {
        /// The thing that is empty.
        what: String,
    },
    /// `what` has another number of elements than its partner.
    Length {
        /// The thing that was measured.
        what: String,
        /// Number of elements that was asked for (at least).
        expected: usize,
        /// Number of elements found.
        found: usize,
    },
    /// A setting lies outside the range in which it means something.
    Range {
        /// Name of the setting.
        what: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// The value found.
        found: f64,
    },
    /// The picture would have too few or too many pixels.
    Size {
        /// Width in pixels.
        width: f64,
        /// Height in pixels.
        height: f64,
    },
    /// The PNG encoder refused; its message.
    Encode(String),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { what } => write!(f, "{what}: expected at least one finite value, found none"),
            Self::Length { what, expected, found } => write!(f, "{what}: expected {expected} elements, found {found}"),
            Self::Range { what, expected, found } => write!(f, "{what}: expected {expected}, found {found}"),
            Self::Size { width, height } => {
                write!(f, "picture: expected 1 to {} pixels a side, found {width} x {height}", super::bitmap::MAX_SIDE)
            }
            Self::Encode(message) => write!(f, "PNG encoder: {message}"),
        }
    }
}

impl core::error::Error for PlotError {}

/// `Ok` when `value` satisfies `ok`, which `expected` says in words.
pub(crate) fn check(what: &'static str, expected: &'static str, found: f64, ok: bool) -> Result<(), PlotError> {
    if ok { Ok(()) } else { Err(PlotError::Range { what, expected, found }) }
}

/// Sample rates from 1 Hz to 100 MHz are accepted: below any use, above any converter, and every product with a frame count stays finite.
pub(crate) fn check_sample_rate(sample_rate_hz: u32) -> Result<(), PlotError> {
    check("sample_rate_hz", "1 to 100000000", f64::from(sample_rate_hz), (1..=100_000_000).contains(&sample_rate_hz))
}
