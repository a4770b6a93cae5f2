//! [`KWeighting`].

use core::f64::consts::PI;

use crate::metrics::MetricError;
use crate::metrics::input::sample_rate;

/// One second-order section with a leading denominator coefficient of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Numerator `[b0, b1, b2]`.
    pub b: [f64; 3],
    /// Denominator `[a1, a2]`.
    pub a: [f64; 2],
}

impl Section {
    /// `|H(e^{jω})|²` at `frequency_hz`.
    fn power(&self, frequency_hz: f64, sample_rate_hz: f64) -> f64 {
        let w = 2.0 * PI * frequency_hz / sample_rate_hz;
        let polynomial = |c: [f64; 3]| {
            let re = c[0] + c[1] * w.cos() + c[2] * (2.0 * w).cos();
            let im = c[1] * w.sin() + c[2] * (2.0 * w).sin();
            re * re + im * im
        };
        polynomial(self.b) / polynomial([1.0, self.a[0], self.a[1]])
    }

    /// Filters in place from a zero state, in transposed direct form II.
    fn filter(&self, x: &mut [f64]) {
        let (mut s1, mut s2) = (0.0, 0.0);
        for v in x {
            let y = self.b[0] * *v + s1;
            s1 = self.b[1] * *v - self.a[0] * y + s2;
            s2 = self.b[2] * *v - self.a[1] * y;
            *v = y;
        }
    }
}

/// The K-weighting of ITU-R BS.1770 at any sample rate: a shelf for the head, then a high-pass (RLB).
///
/// The recommendation tabulates 48 kHz only. The analogue prototype behind its table (Q, corner and gain of a bilinear shelf and high-pass, found by
/// De Man 2014 and libebur128) is transformed here with `K = tan(π f0 / fs)`, `V_h = 10^(G/20)`, `V_b = V_h^0.4996667741545416`, `a0 = 1 + K/Q + K²`:
/// the shelf is `b = [V_h + V_b K/Q + K², 2(K² - V_h), V_h - V_b K/Q + K²] / a0`, `a = [2(K² - 1), 1 - K/Q + K²] / a0` with f0 = 1681.97 Hz,
/// G = 3.99984 dB, Q = 0.70718; the high-pass has `b = [1, -2, 1]` (not divided by a0) and the same denominator with f0 = 38.1355 Hz, Q = 0.50033.
/// At 48 kHz this equals the table to its printed digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KWeighting {
    shelf: Section,
    high_pass: Section,
    sample_rate_hz: f64,
}

/// Lowest accepted sample rate, exclusive: the shelf's corner must lie below Nyquist.
pub(super) const LOWEST_RATE_HZ: f64 = 4000.0;

impl KWeighting {
    /// The weighting for a sample rate.
    ///
    /// # Errors
    /// A rate that is not finite or not above 4 kHz ([`MetricError::SampleRate`]).
    pub fn new(sample_rate_hz: f64) -> Result<Self, MetricError> {
        sample_rate("k_weighting", sample_rate_hz, LOWEST_RATE_HZ)?;
        let (k, a0, a) = denominator(1_681.974_450_955_533, 0.707_175_236_955_419_6, sample_rate_hz);
        let vh = 10.0_f64.powf(3.999_843_853_973_347 / 20.0);
        let vb = vh.powf(0.499_666_774_154_541_6) * k / 0.707_175_236_955_419_6;
        let shelf = Section { b: [(vh + vb + k * k) / a0, 2.0 * (k * k - vh) / a0, (vh - vb + k * k) / a0], a };
        let (_, _, a) = denominator(38.135_470_876_024_44, 0.500_327_037_323_877_3, sample_rate_hz);
        Ok(Self { shelf, high_pass: Section { b: [1.0, -2.0, 1.0], a }, sample_rate_hz })
    }

    /// A weighting from two sections that the caller designed.
    pub(crate) fn from_sections(shelf: Section, high_pass: Section, sample_rate_hz: f64) -> Self {
        Self { shelf, high_pass, sample_rate_hz }
    }

    /// The shelf and the high-pass, in the order in which they are applied.
    #[must_use]
    pub fn sections(&self) -> [Section; 2] {
        [self.shelf, self.high_pass]
    }

    /// Gain at a frequency, in decibels.
    #[must_use]
    pub fn gain_db(&self, frequency_hz: f64) -> f64 {
        10.0 * (self.shelf.power(frequency_hz, self.sample_rate_hz) * self.high_pass.power(frequency_hz, self.sample_rate_hz)).log10()
    }

    /// Filters one channel in place, from a zero state.
    pub fn filter(&self, samples: &mut [f64]) {
        self.shelf.filter(samples);
        self.high_pass.filter(samples);
    }
}

/// `K`, `a0` and the normalised `[a1, a2]` of a bilinear second-order section.
fn denominator(f0_hz: f64, q: f64, sample_rate_hz: f64) -> (f64, f64, [f64; 2]) {
    let k = (PI * f0_hz / sample_rate_hz).tan();
    let a0 = 1.0 + k / q + k * k;
    (k, a0, [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each printed coefficient to its last digits.
    fn assert_sections(rate: f64, shelf_b: [f64; 3], shelf_a: [f64; 2], high_pass_a: [f64; 2]) {
        let weighting = KWeighting::new(rate).unwrap();
        let [shelf, high_pass] = weighting.sections();
        let found = [shelf.b[0], shelf.b[1], shelf.b[2], shelf.a[0], shelf.a[1], high_pass.a[0], high_pass.a[1]];
        let expected = [shelf_b[0], shelf_b[1], shelf_b[2], shelf_a[0], shelf_a[1], high_pass_a[0], high_pass_a[1]];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13, "{rate} Hz: expected {expected}, found {found}"); // 14 printed decimals
        }
        assert_eq!(high_pass.b, [1.0, -2.0, 1.0]);
    }

    #[test]
    fn coefficients_equal_the_table_of_bs_1770_at_48_khz_and_libebur128_elsewhere() {
        assert_sections(
            48_000.0,
            [1.53512485958697, -2.69169618940638, 1.19839281085285],
            [-1.69065929318241, 0.73248077421585],
            [-1.99004745483398, 0.99007225036621],
        );
        assert_sections(
            44_100.0,
            [1.5308412300503478, -2.6509799951547297, 1.169079079921587],
            [-1.6636551132560204, 0.7125954280732254],
            [-1.989169673629796, 0.9891990357870393],
        );
        assert_sections(
            96_000.0,
            [1.5597142289757966, -2.9267415782510824, 1.3782612023158187],
            [-1.8446094698901085, 0.8558433229306412],
            [-1.9950175447247156, 0.9950237590409233],
        );
    }

    #[test]
    fn gain_at_48_khz_equals_the_reference_curve() {
        let weighting = KWeighting::new(48_000.0).unwrap();
        let curve = [(20.0, -13.275368), (100.0, -1.133498), (1000.0, 0.697704), (4000.0, 3.967997), (10_000.0, 4.041882)];
        for (frequency_hz, expected_db) in curve {
            let found_db = weighting.gain_db(frequency_hz);
            assert!((found_db - expected_db).abs() < 1e-6, "{frequency_hz} Hz: {found_db}"); // 6 printed decimals
        }
    }

    #[test]
    fn filtering_a_sine_gives_the_gain_of_the_curve() {
        let weighting = KWeighting::new(44_100.0).unwrap();
        let mut x: Vec<f64> = (0..88_200).map(|n| (2.0 * PI * 100.0 * f64::from(n) / 44_100.0).sin()).collect();
        weighting.filter(&mut x);
        let power = x[44_100..].iter().map(|v| v * v).sum::<f64>() / 44_100.0;
        assert!((10.0 * (2.0 * power).log10() - weighting.gain_db(100.0)).abs() < 1e-9); // e^{-2π 38 · 1 s} has died out
    }

    #[test]
    fn a_rate_that_cannot_carry_the_shelf_is_refused() {
        for rate in [0.0, -48_000.0, 4000.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(KWeighting::new(rate), Err(MetricError::SampleRate { .. })), "{rate}");
        }
    }
}
