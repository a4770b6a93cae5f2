//! Waveshapers: static curves, with their aliases taken away by antiderivatives.
//!
//! A curve bends a signal into harmonics, and those beyond half the sample rate come back as aliases. Antiderivative antialiasing takes the
//! mean of the curve over what lies between the samples: a [`Curve`] brings its first two antiderivatives, [`Adaa`] says how many are used,
//! and [`Waveshaper`] plays it.
//!
//! Parker, Zavalishin and Le Bivic 2016, "Reducing the aliasing of nonlinear waveshaping using continuous-time convolution" (DAFx-16);
//! Bilbao, Esqueda, Parker and Välimäki 2017, "Antiderivative antialiasing for memoryless nonlinearities", IEEE Signal Processing Letters
//! 24(7).
//!
//! Harmonics over aliases up to 20 kHz in dB, for a sine with 20 dB of drive at 48 kHz and in an [`Oversampler`](crate::Oversampler) of linear
//! phase:
//!
//! | curve, sine | [`Adaa`] | 1x | 2x | 4x | 2x flattened | 4x flattened |
//! |---|---|---|---|---|---|---|
//! | [`HardClip`], 1244 Hz | `Off` | 33.4 | 47.0 | 58.3 | | |
//! | | `First` | 41.9 | 69.6 | 80.8 | 69.0 | 80.5 |
//! | | `Second` | 48.6 | 88.3 | 101.9 | 86.0 | 101.0 |
//! | [`HardClip`], 4187 Hz | `Off` | 14.5 | 28.7 | 41.0 | | |
//! | | `First` | 23.6 | 45.8 | 67.4 | 44.7 | 67.3 |
//! | | `Second` | 31.3 | 62.0 | 92.6 | 58.8 | 92.2 |
//! | [`Tanh`], 4187 Hz | `Off` | 16.1 | 33.2 | 66.0 | | |
//! | | `First` | 24.7 | 50.1 | 92.1 | 49.0 | 92.0 |
//! | | `Second` | 32.5 | 66.4 | 118.1 | 63.1 | 117.7 |
//!
//! What it takes from the treble depends on the level. A signal too small to bend loses most, and [`Waveshaper::flattened`] is an equaliser
//! for that one, which makes too much of a signal that is bent. Gain at 10 and 20 kHz in dB, at 48 kHz:
//!
//! | signal | [`Adaa`] | 1x | 2x | 4x | 2x flattened | 4x flattened |
//! |---|---|---|---|---|---|---|
//! | small | `First` | -2.0, -11.7 | -0.5, -2.0 | -0.1, -0.5 | 0.0, 0.0 | 0.0, 0.0 |
//! | | `Second` | -5.9, -12.3 | -1.3, -5.9 | -0.3, -1.3 | 0.0, -0.1 | 0.0, 0.0 |
//! | the fundamental of a sine, [`HardClip`], 20 dB of drive | `First` | -0.7, -5.4 | -0.2, -0.7 | 0.0, -0.2 | 0.3, 1.3 | 0.1, 0.3 |
//! | | `Second` | -2.0, -8.8 | -0.3, -2.0 | -0.1, -0.3 | 0.9, 3.8 | 0.2, 0.9 |
//!
//! (To take the aliases of `f(x) - x` alone and add `x` keeps small signals, too, but adds the drive times the treble of `x` to large ones: at 2x,
//! `Second` and 20 dB, 6.2 and 13.4 dB too much.)
//!
//! `Second` at 2x, or at 4x where it must be clean, is what to start from.

mod cubic;
mod curve;
mod diodes;
mod hard_clip;
mod tanh;
mod waveshaper;

pub use cubic::Cubic;
pub use curve::Curve;
pub use diodes::Diodes;
pub use hard_clip::HardClip;
pub use tanh::Tanh;
pub use waveshaper::{Adaa, Waveshaper};

/// `size` with the sign of `x`.
#[inline(always)]
fn odd(size: f64, x: f64) -> f64 {
    if x < 0.0 { -size } else { size }
}
