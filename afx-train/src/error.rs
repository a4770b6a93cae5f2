//! Why training stops before its time.

use core::fmt;

/// What went wrong in preparing or running a training.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// A file, a data set, or a recording that cannot be trained on.
    Io(afx_io::Error),
    /// A setting of [`crate::Config`] is out of range.
    Config {
        /// Its name.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// Nothing to train or to validate on.
    Empty {
        /// Which part of the data.
        what: &'static str,
    },
    /// The loss became NaN or infinite.
    NotFinite {
        /// In this optimiser step.
        step: u64,
        /// At this knob position's recording.
        name: String,
    },
    /// The loss cannot be computed.
    Loss(afx_loss::LossError),
    /// The model cannot be built.
    Model(String),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::Io(e) => write!(f, "{e}"),
            TrainError::Config { field, expected, found } => write!(f, "config: {field}: expected {expected}, found {found}"),
            TrainError::Empty { what } => write!(f, "data: expected {what}, found none"),
            TrainError::NotFinite { step, name } => {
                write!(f, "step {step}: expected a finite loss, found another on recording {name}; a lower learning_rate may help")
            }
            TrainError::Loss(e) => write!(f, "loss: {e}"),
            TrainError::Model(e) => write!(f, "model: {e}"),
        }
    }
}

impl core::error::Error for TrainError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            TrainError::Io(e) => Some(e),
            TrainError::Loss(e) => Some(e),
            _ => None,
        }
    }
}

impl From<afx_io::Error> for TrainError {
    fn from(e: afx_io::Error) -> Self {
        TrainError::Io(e)
    }
}

impl From<afx_loss::LossError> for TrainError {
    fn from(e: afx_loss::LossError) -> Self {
        TrainError::Loss(e)
    }
}
