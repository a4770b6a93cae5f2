//! Metrics on the answer to a steady sine: harmonics, aliasing, audibility of the aliasing.

mod aliasing;
mod harmonics;
mod nmr;

pub use aliasing::{asnr_db, asr, asr_db, harmonics_only};
pub use harmonics::Harmonics;
pub use nmr::nmr_db;
