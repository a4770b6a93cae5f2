//! How well transients survive: [`transient_error_tms`] (sines plus transients) and [`transient_error_stn`] (sines, transients, noise).

mod dct;
mod sinusoids;
mod stn;
mod tms;

pub use stn::{SinesTransientsNoise, transient_error_stn};
pub use tms::{dct_transients, transient_error_tms};
