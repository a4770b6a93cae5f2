//! Delay lines and echoes.
//!
//! [`DelayLine`] remembers a signal, to be read any number of frames later, and between frames by one of these:
//!
//! | [`Interpolation`] | frames read | magnitude half way between two frames, dB at 1, 5, 10, 15, 20 kHz of 48 | ns a read |
//! |---|---|---|---|
//! | `Linear` | 2 | -0.019, -0.474, -2.01, -5.11, -11.7 | 7 |
//! | `Lagrange` | 4 | 0.000, -0.036, -0.534, -2.53, -8.41 | 11 |
//! | `Sinc` | 32 | less than 0.001 lost or gained, anywhere between | 39 |
//!
//! The times are those of `f32` on one core of a 2-core AMD EPYC of the Zen 4 kind.
//!
//! [`Delay`] is an echo of one channel, [`PingPong`] one that goes from side to side. Both are loops:
//!
//! ```text
//! e = what was written `time` frames ago;  y = dry x + wet e
//! l += a (e - l);  h += b (l - h);  written: x + feedback (l - h)
//! ```
//!
//! with `a` and `b` of `1 - exp(-2 pi f / fs)`, a low-pass and a high-pass of 6 dB per octave that each echo passes once more than the one
//! before; at the ends of their range they are out of the loop, and the echoes are copies to the bit, times powers of the feedback. None of it
//! raises any frequency, so that the loop decays at any feedback it can be given.
//!
//! NaN, infinities and samples beyond 1e10 count as silence on their way in; what is below 1e-20 (-400 dBFS) is not written.

/// The setters that both echoes have.
macro_rules! echo_settings {
    () => {
        /// The time between two echoes, from 2 frames to the longest, in whole frames unless on tape.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other; the old one stays, here as below.
        pub fn set_time_ms(&mut self, time_ms: f64) -> Result<(), DspError> {
            self.echo.set_time_ms(time_ms)
        }

        /// What an echo has of the one before, from -0.999 to 0.999.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other.
        pub fn set_feedback(&mut self, feedback: f64) -> Result<(), DspError> {
            self.echo.feedback.set(feedback)
        }

        /// The level of what came in, from 0 to 1.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other.
        pub fn set_dry(&mut self, level: f64) -> Result<(), DspError> {
            self.echo.dry.set(level)
        }

        /// The level of the echoes, from 0 to 1.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other.
        pub fn set_wet(&mut self, level: f64) -> Result<(), DspError> {
            self.echo.wet.set(level)
        }

        /// The corner of the low-pass in the loop, 20 Hz to 20 kHz. Over the last half octave it fades out of the loop.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other.
        pub fn set_low_pass_hz(&mut self, corner_hz: f64) -> Result<(), DspError> {
            self.echo.low_pass.set(corner_hz)
        }

        /// The corner of the high-pass in the loop, 20 Hz to 20 kHz. Over the first half octave it fades into the loop.
        ///
        /// # Errors
        /// [`DspError::OutOfRange`] for any other.
        pub fn set_high_pass_hz(&mut self, corner_hz: f64) -> Result<(), DspError> {
            self.echo.high_pass.set(corner_hz)
        }
    };
}

mod echo;
mod head;
mod line;
mod ping_pong;
mod settings;
mod sinc;

pub use echo::Delay;
pub use line::{DelayLine, Interpolation};
pub use ping_pong::PingPong;

pub(crate) use settings::FEEDBACK;
