//! The magnitude distances that ask for more: squared, or fitted to the level of the prediction.

use super::bins::BinDistance;
use super::magnitude::{FLOOR, Magnitudes};
use crate::sample::Sample;

/// [`Magnitudes`] with squared distances, or with the target scaled by the gain that fits it to the prediction.
///
/// With the gain `α` the bins compared are `x` and `α y`, over a floor of `α` times the floor. `α` depends on the prediction,
/// `dα/dx_i = y_i / Σ y²`, so each slope gets `dL/dα y_i / Σ y²` on top. Of `dL/dα`, the part `Σ (x - αy) y` is zero by the fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fitted<T> {
    pub magnitudes: Magnitudes<T>,
    pub squared: bool,
    pub scaled: bool,
    /// The gain, 1 until it is fitted.
    gain: T,
    /// `1 / Σ y²`, or 0 where the gain does not follow the prediction.
    per_energy: f64,
}

/// Factors of the terms in the derivative by `x`; `gain` is that of the target's magnitude.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factors<T> {
    convergence: T,
    log: T,
    linear: T,
    gain: T,
}

/// The gain of a prediction 80 dB below the target: from there down it counts as it is, or silence would be perfect.
pub(super) const LEAST_GAIN: f64 = 1e-4;

impl<T: Sample> Fitted<T> {
    pub const fn new(magnitudes: Magnitudes<T>) -> Self {
        Self { magnitudes, squared: false, scaled: false, gain: T::ONE, per_energy: 0.0 }
    }

    /// `d|z|/dz`, or that of `z²`.
    #[inline(always)]
    fn steepness(self, z: T) -> T {
        if self.squared { z + z } else { Sample::sign(z) }
    }

    /// Magnitudes of the prediction and of the fitted target, and the floor under both.
    #[inline(always)]
    fn levels(self, x: [T; 2], y: [T; 2]) -> [T; 3] {
        [self.magnitudes.magnitude(x), self.gain * self.magnitudes.magnitude(y), self.gain * self.magnitudes.soft_floor()]
    }
}

impl<T: Sample> BinDistance<T, 6> for Fitted<T> {
    type Slope = Factors<T>;

    fn fits(self) -> bool {
        self.scaled
    }

    #[inline(always)]
    fn overlap(self, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let (x, y) = (self.magnitudes.magnitude(x), self.magnitudes.magnitude(y));
        [x * y, y * y]
    }

    fn fit(self, [cross, energy]: [f64; 2], bins: f64) -> Self {
        if self.magnitudes.clamp {
            return Self { gain: T::of(cross / energy), per_energy: 1.0 / energy, ..self };
        }
        if energy <= FLOOR * FLOOR * bins {
            return self; // a silent target fits at no gain
        }
        let gain = cross / energy;
        if gain < LEAST_GAIN {
            return Self { gain: T::of(LEAST_GAIN), ..self };
        }
        Self { gain: T::of(gain), per_energy: 1.0 / energy, ..self }
    }

    /// Sums of the terms, and of the derivatives by the gain of the logarithmic and of the linear one.
    #[inline(always)]
    fn values(self, x: [T; 2], y: [T; 2]) -> [T; 6] {
        let [x, y, floor] = self.levels(x, y);
        let (e, log) = (x - y, ((x + floor) / (y + floor)).fast_ln());
        let of = |z: T| if self.squared { z * z } else { afx_core::Scalar::abs(z) };
        let by_gain = self.steepness(log) * (floor / (x + floor) - T::ONE);
        [e * e, y * y, of(log), of(e), by_gain, -self.steepness(e) * y]
    }

    fn finish(self, [error, energy, log, linear, log_by_gain, linear_by_gain]: [f64; 6], bins: f64, scale: f64) -> (f64, Factors<T>) {
        let gain = self.gain.to_f64();
        let least = gain * self.magnitudes.soft_floor().to_f64();
        let least = least * least * bins;
        let norm = if energy < least { least.sqrt() } else { energy.sqrt() };
        let root = error.sqrt();
        let t = self.magnitudes.terms;
        let value = t.convergence * (root / norm) + (t.log * log + t.linear * linear) / bins;
        let convergence = if root > 0.0 { t.convergence / (root * norm) } else { 0.0 };
        // The sums hold the gain in `y`: one more division for the gain, one for the target before it.
        let by_gain = (t.log * log_by_gain + t.linear * linear_by_gain) / bins - t.convergence * (root / norm);
        let by_gain = if self.per_energy > 0.0 { by_gain / gain * self.per_energy } else { 0.0 };
        let [convergence, log, linear, gain] = [convergence, t.log / bins, t.linear / bins, by_gain].map(|k| T::of(k * scale));
        (value, Factors { convergence, log, linear, gain })
    }

    #[inline(always)]
    fn slope(self, k: Factors<T>, x: [T; 2], y: [T; 2]) -> [T; 2] {
        let [m, n, floor] = self.levels(x, y);
        let e = m - n;
        let log = ((m + floor) / (n + floor)).fast_ln();
        let bins = k.log * self.steepness(log) / (m + floor) + k.linear * self.steepness(e);
        let slope = k.convergence * e + bins + k.gain * self.magnitudes.magnitude(y);
        self.magnitudes.along(slope, x, y)
    }
}
