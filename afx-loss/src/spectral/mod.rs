//! Losses between spectrograms.

mod bands;
mod bins;
mod complex;
mod filterbank;
mod fitted;
mod magnitude;
mod multi;
mod onset;
mod percussive;
mod phase;
mod random;
mod spectrum;

pub use bands::BandStftLoss;
pub use complex::{COMPLEX_SIZES, ComplexDistance, ComplexStftLoss};
pub use filterbank::Filterbank;
pub use magnitude::{MagnitudeDistance, MagnitudeFloor, StftLoss, StftTerms};
pub use multi::{AURALOSS_SIZES, MultiResolution, MultiResolutionStft};
pub use onset::OnsetLoss;
pub use percussive::Percussive;
pub use phase::PhaseLoss;
pub use random::{RandomRange, RandomResolution};
pub use spectrum::{SpectrumDistance, SpectrumLoss};

pub(crate) use bins::{BinDistance, BinLoss, bin_loss};
pub(crate) use filterbank::a_weighting_taps;
