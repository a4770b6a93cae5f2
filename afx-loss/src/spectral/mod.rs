//! Losses between spectrograms.

mod bins;
mod magnitude;
mod multi;

pub use magnitude::{MagnitudeFloor, StftLoss, StftTerms};
pub use multi::{AURALOSS_SIZES, MultiResolution, MultiResolutionStft};

pub(crate) use bins::{BinDistance, BinLoss, bin_loss};
