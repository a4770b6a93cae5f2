//! Loudness after ITU-R BS.1770 and EBU R 128: [`Loudness`], [`true_peak_db`].

mod k_weighting;
mod meter;
mod true_peak;

pub use k_weighting::{KWeighting, Section};
pub(super) use meter::gated_lufs;
pub use meter::{Loudness, loudness_error_lu};
pub use true_peak::true_peak_db;
