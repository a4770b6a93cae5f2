//! Evaluation metrics: numbers for tables, without gradients.
//!
//! Every function takes `f32` or `f64` slices, computes in `f64`, takes the prediction before the target, and returns a [`MetricError`] (never a
//! panic, never a silent NaN) for signals that are empty, not finite, of different length, too short, or silent where it must divide by them.
//!
//! | question | functions |
//! |---|---|
//! | How far is the waveform? | [`mae`], [`mse`], [`esr`], [`esr_db`], [`dc_error`] |
//! | Is the level right? | [`rms_error_db`], [`crest_factor_error_db`], [`peak_db`], [`true_peak_db`] |
//! | Is it as loud? | [`Loudness`], [`loudness_error_lu`] |
//! | Is the spectrum right? | [`spectral_centroid_error`], [`phase_error_rad`], [`onset_error`] |
//! | Do the attacks survive? | [`transient_error_tms`], [`transient_error_stn`] |
//! | Does it distort and alias alike? | [`Harmonics`], [`asnr_db`], [`asr`], [`nmr_db`] |
//! | Is it quiet when nothing is played? | [`IdleOutput`] |
//! | How good could any model be? | [`RepeatedTakes`] |
//! | Over all segments and knobs? | [`segment_scores`], [`Summary`], [`KnobScores`] |
//! | What did the paper's table mean? | [`published`] |

mod error;
mod idle;
mod input;
mod knobs;
mod level;
mod loudness;
pub mod published;
mod spectral;
mod spectrum;
mod summary;
mod takes;
mod tone;
mod transient;
mod waveform;

pub use error::MetricError;
pub use idle::IdleOutput;
pub use knobs::KnobScores;
pub use level::{crest_factor_db, crest_factor_error_db, peak_db, rms_db, rms_error_db};
pub use loudness::{KWeighting, Loudness, Section, loudness_error_lu, true_peak_db};
pub use spectral::{onset_error, phase_error_above, phase_error_rad, spectral_centroid, spectral_centroid_error, spectral_centroid_hz};
pub use summary::{Summary, segment_scores};
pub use takes::RepeatedTakes;
pub use tone::{Harmonics, asnr_db, asr, asr_db, harmonics_only, nmr_db};
pub use transient::{SinesTransientsNoise, dct_transients, transient_error_stn, transient_error_tms};
pub use waveform::{dc_error, esr, esr_db, mae, mse};
