//! The low-pass filter of both directions, as a function of time.

use afx_core::Scalar;

/// What passes at 44.1 kHz, and at rates above it.
const PASS_HZ: f64 = 20e3;
/// The Kaiser window's parameter.
const SHAPE: f64 = 11.5;
/// From the cutoff down to where 0.005 dB are lost, and up to where 110 dB are; in inverse lengths of that window.
const BELOW: f64 = 3.15;
const ABOVE: f64 = 3.67;

/// `h(t) = 2 f sinc(2 f t) I0(b sqrt(1 - (t / r)²)) / I0(b)` with the cutoff `f`, the reach `r` on both sides, and Kaiser's `b`; in 1/s.
///
/// The stop band begins where the image of the pass band does, at the lower rate less the pass band's edge. The cutoff lies nearer to the pass
/// band than to the stop band: 0.005 dB are enough in the one, the other needs 110 dB.
pub(super) struct LowPass {
    cutoff_hz: f64,
    /// How far it reaches to both sides.
    pub(super) reach_s: f64,
}

impl LowPass {
    /// The shortest reach for the lower of two rates.
    pub(super) fn least_reach_s(lower_hz: f64) -> f64 {
        0.5 * (BELOW + ABOVE) / (lower_hz - 2.0 * pass_hz(lower_hz))
    }

    /// With that reach or a longer one.
    pub(super) fn new(lower_hz: f64, reach_s: f64) -> Self {
        LowPass { cutoff_hz: lower_hz - pass_hz(lower_hz) - 0.5 * ABOVE / reach_s, reach_s }
    }

    /// `h(t)`
    pub(super) fn at(&self, t_s: f64) -> f64 {
        let part = t_s / self.reach_s;
        if part.abs() > 1.0 {
            return 0.0;
        }
        let angle = core::f64::consts::TAU * self.cutoff_hz * t_s;
        let sinc = if angle.abs() < 1e-6 { 1.0 } else { Scalar::sin(angle) / angle };
        2.0 * self.cutoff_hz * sinc * bessel_i0(SHAPE * Scalar::sqrt(1.0 - part * part)) / bessel_i0(SHAPE)
    }
}

/// Where the pass band ends: at 20 kHz, or as near to half the lower rate as 20 kHz is to 22.05.
fn pass_hz(lower_hz: f64) -> f64 {
    PASS_HZ.min(lower_hz * (PASS_HZ / 44.1e3))
}

/// Modified Bessel function of the first kind, order 0: `Σ ((x / 2)^k / k!)²`.
pub(crate) fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        k += 1.0;
        term *= (0.5 * x / k) * (0.5 * x / k);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bessel_function_has_its_tabulated_values() {
        // Abramowitz and Stegun, table 9.8: e^-x I0(x) at 2, 5 and 10
        for (x, scaled) in [(0.0_f64, 1.0), (2.0, 0.3085083225), (5.0, 0.1835408126), (10.0, 0.1278333372)] {
            assert!((bessel_i0(x) * (-x).exp() - scaled).abs() < 1e-10, "{x}"); // ten digits were written
        }
    }

    /// By the trapezoidal rule, which is exact for what is limited in frequency as this is.
    fn magnitude_db(taps: &[f64], dt: f64, f_hz: f64) -> f64 {
        let middle = (taps.len() / 2) as f64;
        let waves = taps.iter().enumerate().map(|(n, h)| h * (core::f64::consts::TAU * f_hz * dt * (n as f64 - middle)).cos());
        20.0 * ((dt * waves.sum::<f64>()).abs() + 1e-30).log10()
    }

    #[test]
    fn the_shortest_filter_keeps_the_pass_band_and_stops_its_images() {
        for lower_hz in [8e3, 44.1e3, 48e3, 88.2e3, 96e3, 192e3, 1e6] {
            let filter = LowPass::new(lower_hz, LowPass::least_reach_s(lower_hz));
            let (pass, dt) = (pass_hz(lower_hz), filter.reach_s / 1e3);
            let taps: std::vec::Vec<f64> = (-1000..=1000).map(|n| filter.at(f64::from(n) * dt)).collect();
            for n in 0..=200 {
                let part = f64::from(n) / 200.0;
                let ripple = magnitude_db(&taps, dt, part * pass);
                assert!(ripple.abs() <= 0.005, "{lower_hz} Hz: {ripple} dB at {part} of the pass band");
                let stop = magnitude_db(&taps, dt, lower_hz - pass + 4.0 * part / filter.reach_s);
                assert!(stop <= -110.0, "{lower_hz} Hz: {stop} dB");
            }
        }
    }
}
