//! What a second-order filter does, apart from how it is realised.

use super::matched;
use crate::DspError;
use crate::error::sample_rate;
use afx_core::Scalar;

/// The response of a second-order filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum FilterShape {
    /// -12 dB per octave above the frequency.
    #[default]
    LowPass,
    /// -12 dB per octave below the frequency.
    HighPass,
    /// -6 dB per octave on both sides, gain `q` at the centre (the output of an analogue state-variable filter).
    BandPass,
    /// Nothing at the frequency.
    Notch,
    /// Gain 1, phase -180 degrees at the frequency.
    AllPass,
    /// `gain_db` at the frequency, 0 dB far from it.
    Bell,
    /// `gain_db` below the frequency.
    LowShelf,
    /// `gain_db` above the frequency.
    HighShelf,
}

/// A response with its numbers. The constructor checks them, so a filter can take a `FilterSpec` without a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterSpec {
    pub(super) shape: FilterShape,
    /// `pi f / fs`, above 0 and below pi / 2.
    pub(super) half_angle: f64,
    pub(super) q: f64,
    pub(super) gain_db: f64,
    pub(super) matched: bool,
}

/// Below this part of the sample rate, times pi, a matched filter is not told from one by the bilinear transform.
const MATCHED_FROM: f64 = 1e-4 * core::f64::consts::PI;

impl FilterSpec {
    /// `gain_db` matters to the bell and the shelves only.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, a frequency outside `1e-7` to 0.4999 of it, a `q`
    /// outside 0.01 to 1000 or a gain outside -120 to 120 dB.
    pub fn new(shape: FilterShape, sample_rate_hz: f64, frequency_hz: f64, q: f64, gain_db: f64) -> Result<Self, DspError> {
        let half_angle = core::f64::consts::PI * frequency_hz / sample_rate(sample_rate_hz)?;
        let check = |name, ok: bool, expected, found| if ok { Ok(()) } else { Err(DspError::OutOfRange { name, expected, found }) };
        let share = frequency_hz / sample_rate_hz;
        check("frequency_hz", (1e-7..=0.4999).contains(&share), "1e-7 to 0.4999 of the sample rate", frequency_hz)?;
        check("q", (0.01..=1e3).contains(&q), "0.01 to 1000", q)?;
        check("gain_db", gain_db.abs() <= 120.0, "-120 to 120", gain_db)?;
        Ok(FilterSpec { shape, half_angle, q, gain_db, matched: false })
    }

    /// The nearest specification that is in range, for knobs and modulation: it never fails. NaN takes the lower end, for the
    /// gain 0 dB. The sample rate is held to 1 kHz to 100 MHz too.
    ///
    /// ```
    /// use afx_dsp::filter::{FilterShape, FilterSpec, Svf};
    ///
    /// // a cutoff that follows something else: set for every sample, without a failure to handle
    /// let mut filter = Svf::<f32>::new(FilterSpec::nearest(FilterShape::LowPass, 48e3, 1e3, 2.0, 0.0));
    /// let mut block = [0.5; 64];
    /// for (n, sample) in block.iter_mut().enumerate() {
    ///     filter.set(FilterSpec::nearest(FilterShape::LowPass, 48e3, 600.0 * n as f64, 2.0, 0.0)); // from 0 Hz to beyond Nyquist
    ///     *sample = filter.tick(*sample);
    /// }
    /// assert!(block.iter().all(|y| y.is_finite()));
    /// ```
    pub fn nearest(shape: FilterShape, sample_rate_hz: f64, frequency_hz: f64, q: f64, gain_db: f64) -> Self {
        let held = |v: f64, low: f64, high: f64| if v > low { v.min(high) } else { low };
        let share = held(frequency_hz / held(sample_rate_hz, 1e3, 1e8), 1e-7, 0.4999);
        let gain_db = if gain_db.is_nan() { 0.0 } else { gain_db.clamp(-120.0, 120.0) };
        FilterSpec { shape, half_angle: core::f64::consts::PI * share, q: held(q, 0.01, 1e3), gain_db, matched: false }
    }

    /// The same response without the cramping of the bilinear transform, which bends all frequencies so that infinity comes to lie at half the
    /// sample rate: the magnitude follows the analogue filter's up to there.
    ///
    /// Vicanek 2016, "Matched second order digital filters". At 48 kHz, q 0.707, a frequency of 10 kHz and 12 dB, the largest error up to 20 kHz (by the
    /// bilinear transform): low-pass 0.9 dB (15), high-pass 0.05 (2.7), band-pass 0.7 (7.5), notch 0.7 (3.0), bell 0.6 (4.4), shelves 0.2 (1.3). A
    /// notch or a band-pass of low q above 10 kHz is off by some decibels at its far end, as is a shelf of q above 1.
    ///
    /// ```
    /// use afx_dsp::filter::{BiquadCoefficients, FilterShape, FilterSpec};
    ///
    /// let bell = FilterSpec::new(FilterShape::Bell, 48e3, 16e3, 1.0, 12.0)?;
    /// let at_20_khz = |spec| 20.0 * BiquadCoefficients::new(spec).magnitude(20e3, 48e3).log10();
    /// // The analogue one has 9.6 dB there.
    /// assert!((at_20_khz(bell) - 3.4).abs() < 0.1 && (at_20_khz(bell.matched()) - 9.6).abs() < 0.4);
    /// # Ok::<(), afx_dsp::DspError>(())
    /// ```
    #[must_use]
    pub fn matched(self) -> Self {
        FilterSpec { matched: true, ..self }
    }

    /// Whether it is to be [`matched`](Self::matched), and can be.
    pub(super) fn follows_the_analogue(&self) -> bool {
        self.matched && self.half_angle >= MATCHED_FROM
    }

    /// `[g, k]` and `[m_x, m_b, m_l]` of a state-variable filter, whose output is `m_x x + m_b b + m_l l` of its input and its band and low pass:
    /// `g = tan(π f / f_s)` and `k = 1 / q`, for the bell and the shelves of another frequency and `q`, and for what is
    /// [`matched`](Self::matched). [`Svf`](super::Svf) has the equations.
    pub fn state_variable(&self) -> ([f64; 2], [f64; 3]) {
        if self.follows_the_analogue() {
            return matched::state_variable(matched::coefficients(*self));
        }
        let mut g = Scalar::sin(self.half_angle) / Scalar::cos(self.half_angle);
        let mut k = 1.0 / self.q;
        // A = 10^(gain / 40)
        let root = Scalar::exp(self.gain_db * (core::f64::consts::LN_10 / 80.0));
        let a = root * root;
        match self.shape {
            FilterShape::Bell => k /= a,
            FilterShape::LowShelf => g /= root,
            FilterShape::HighShelf => g *= root,
            _ => {}
        }
        let m = match self.shape {
            FilterShape::LowPass => [0.0, 0.0, 1.0],
            FilterShape::BandPass => [0.0, 1.0, 0.0],
            FilterShape::HighPass => [1.0, -k, -1.0],
            FilterShape::Notch => [1.0, -k, 0.0],
            FilterShape::AllPass => [1.0, -2.0 * k, 0.0],
            FilterShape::Bell => [1.0, k * (a * a - 1.0), 0.0],
            FilterShape::LowShelf => [1.0, k * (a - 1.0), a * a - 1.0],
            FilterShape::HighShelf => [a * a, k * (1.0 - a) * a, 1.0 - a * a],
        };
        ([g, k], m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_named_or_held() {
        let new = |fs, f, q, g| FilterSpec::new(FilterShape::Bell, fs, f, q, g);
        assert!(new(48e3, 1e3, 0.7, 6.0).is_ok());
        for (fs, f, q, g, name) in [
            (0.0, 1e3, 0.7, 0.0, "sample_rate_hz"),
            (48e3, 24e3, 0.7, 0.0, "frequency_hz"),
            (48e3, 0.0, 0.7, 0.0, "frequency_hz"),
            (48e3, f64::NAN, 0.7, 0.0, "frequency_hz"),
            (48e3, 1e3, 0.0, 0.0, "q"),
            (48e3, 1e3, 0.7, f64::NAN, "gain_db"),
        ] {
            assert!(matches!(new(fs, f, q, g), Err(DspError::OutOfRange { name: n, .. }) if n == name), "{name}");
        }
        let spec = FilterSpec::nearest(FilterShape::Bell, f64::NAN, f64::INFINITY, f64::NAN, f64::NAN);
        assert!((spec.half_angle - 0.4999 * core::f64::consts::PI).abs() < 1e-15);
        assert_eq!((spec.q, spec.gain_db), (0.01, 0.0));
        assert_eq!(FilterSpec::nearest(FilterShape::Bell, 48e3, 1e3, 0.7, 6.0), new(48e3, 1e3, 0.7, 6.0).unwrap());
    }
}
