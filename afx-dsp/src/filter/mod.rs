//! Second-order filters and a DC blocker.
//!
//! [`Svf`] and [`Biquad`] realise the same transfer functions. Choose the [`Svf`] wherever a parameter moves, and in `f32`
//! at low frequencies: a biquad whose coefficients move can grow without bound, and its `f32` noise is 45 to 58 dB higher at
//! 20 to 100 Hz. Choose the [`Biquad`] for fixed cascades and for coefficients from elsewhere.

mod biquad;
mod dc_blocker;
mod shape;
mod svf;

pub use biquad::{Biquad, BiquadCascade, BiquadCoefficients};
pub use dc_blocker::DcBlocker;
pub use shape::{FilterShape, FilterSpec};
pub use svf::Svf;
