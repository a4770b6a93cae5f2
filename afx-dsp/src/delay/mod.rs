//! Delay lines.
//!
//! [`DelayLine`] remembers a signal, to be read any number of frames later, and between frames by one of these:
//!
//! | [`Interpolation`] | frames read | magnitude half way between two frames, dB at 1, 5, 10, 15, 20 kHz of 48 |
//! |---|---|---|
//! | `Linear` | 2 | -0.019, -0.474, -2.01, -5.11, -11.7 |
//! | `Lagrange` | 4 | 0.000, -0.036, -0.534, -2.53, -8.41 |
//! | `Sinc` | 32 | less than 0.001 lost or gained, anywhere between |

mod line;
mod sinc;

pub use line::{DelayLine, Interpolation};
