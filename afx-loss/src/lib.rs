#![cfg_attr(docsrs, feature(doc_cfg))]
//! Losses with gradients.

mod combined;
mod decay;
mod error;
mod filter;
mod loss;
pub mod metrics;
mod prefiltered;
pub mod pyneuralfx;
mod ratio;
mod sample;
mod snr;
mod spectral;
mod stft;
mod time;
mod vector;

pub use combined::{Combined, Stereo, SumDifference, batch_mean};
pub use decay::DecayLoss;
pub use error::LossError;
pub use filter::Filter;
pub use loss::Loss;
pub use prefiltered::Prefiltered;
pub use ratio::{Dc, Esr};
pub use sample::Sample;
pub use snr::{Snr, SnrKind};
pub use spectral::{
    AURALOSS_SIZES, BandStftLoss, COMPLEX_SIZES, ComplexDistance, ComplexStftLoss, Filterbank, MagnitudeFloor, MultiResolution,
    MultiResolutionStft, OnsetLoss, PhaseLoss, RandomRange, RandomResolution, SpectrumDistance, SpectrumLoss, StftLoss, StftTerms,
};
pub use stft::{Stft, StftSettings, Window};
pub use time::{LogCosh, Mae, Mse};
