//! Second-order filters, a graphic equaliser of such, and a DC blocker.
//!
//! [`Svf`] and [`Biquad`] realise the same transfer functions. Choose the [`Svf`] wherever a parameter moves, and in `f32`
//! at low frequencies: a biquad whose coefficients move can grow without bound, and its `f32` noise is 45 to 58 dB higher at
//! 20 to 100 Hz; below 1e-4 of the sample rate its coefficients round to another filter (a high-pass of 5 Hz at 192 kHz leaves a
//! tenth of an offset, one at 768 kHz all of it). Choose the [`Biquad`] for fixed cascades and for coefficients from elsewhere.
//!
//! NaN, infinities and samples beyond 1e10 count as silence: what follows is, to the bit, what follows silence. The state of a
//! biquad with unstable coefficients starts again from 0 where it passes 1e30, and with stable ones it decays from there.

/// The block forms of a filter whose `tick` makes one sample of another.
macro_rules! per_sample {
    () => {
        /// Filters the samples that both `x` and `y` hold.
        pub fn process(&mut self, x: &[T], y: &mut [T]) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = self.tick(x);
            }
        }

        /// [`Self::process`] in place.
        pub fn process_in_place(&mut self, samples: &mut [T]) {
            for s in samples {
                *s = self.tick(*s);
            }
        }
    };
}

mod biquad;
mod dc_blocker;
mod graphic;
mod matched;
mod shape;
mod svf;

pub use biquad::{Biquad, BiquadCascade, BiquadCoefficients};
pub use dc_blocker::DcBlocker;
pub use graphic::GraphicEq;
pub use shape::{FilterShape, FilterSpec};
pub use svf::Svf;
