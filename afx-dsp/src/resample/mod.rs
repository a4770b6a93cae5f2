//! Effects made for one sample rate in hosts at another: a model trained at 48 kHz in a session at 44.1.
//!
//! [`Resampled`] converts what the host plays to the effect's rate and what the effect plays back to the host's. Both conversions are
//! `y(t) = Σ x[k] h(t - k / rate - r) / rate`, `rate` being that of `x`, with one filter:
//!
//! `h(t) = 2 f sinc(2 f t) I0(b sqrt(1 - (t / r)²)) / I0(b)` for `|t| <= r`, Kaiser's window with `b = 11.5`.
//!
//! The rates are in a ratio of whole numbers, 147 to 160 for 44.1 to 48 kHz, so that `t` falls on as many places between two samples; the taps
//! for each are computed when the effect is made (Crochiere and Rabiner 1983, *Multirate Digital Signal Processing*).
//!
//! - **Pass band:** flat to 0.008 dB up to 20 kHz there and back; where the lower rate is below 44.1 kHz, up to 0.4535 of it.
//! - **Stop band:** begins at the lower rate less that edge, 24.1 kHz for 44.1: images and aliases that would lie in the pass band are 110 dB
//!   down or more. What lies between the two edges comes back between them only, as in [`oversample`](crate::oversample). A nonlinear effect
//!   can hear there what the host plays above 20 kHz.
//! - **Latency:** `2 r` and the effect's own, the same at all frequencies. `r` is made as long as it takes for a whole number of the host's
//!   frames.
//!
//! | host, effect (kHz) | latency (frames, ms) | taps a sample, in and out | largest image or alias | sine at 0.8 of the edge against the exact one, `f32` |
//! |---|---|---|---|---|
//! | 44.1, 48 | 74, 1.68 | 80, 96 | -116 dB | -111 dB |
//! | 48, 44.1 | 80, 1.67 | 96, 80 | -116 dB | -111 dB |
//! | 96, 44.1 | 160, 1.67 | 176, 80 | -117 dB | -112 dB |
//! | 96, 48 | 82, 0.85 | 96, 48 | -115 dB | -114 dB |
//! | 48, 96 | 41, 0.85 | 48, 96 | -115 dB | -122 dB |
//! | 192, 96 | 24, 0.13 | 32, 16 | -111 dB | -102 dB |
//!
//! With AVX-512 a host's sample takes 17 ns there and back from 44.1 to 48 kHz, and 9 ns from 96 to 48; of two channels 32 and 16 (one core of
//! an AMD EPYC of the Zen 4 kind, blocks of 64). In blocks of one sample it takes 130 and 110 ns.
//!
//! NaN, infinities and samples beyond 1e10 count as silence on both ways, so the output is always finite.

mod low_pass;
mod polyphase;
mod resampled;

pub(crate) use low_pass::bessel_i0;
pub use resampled::Resampled;
