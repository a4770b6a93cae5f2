//! The metrics on signals that can be written down, against numbers computed by others.

mod loudness;
mod properties;
mod signals;
mod spectral;
mod tone;
mod transient;
mod true_peak;
mod vectors;
mod waveform;
