//! Biquads: coefficients, one section, a cascade.

use super::{FilterShape, FilterSpec, matched};
use crate::{audible, flush, flush_or_restart, heard};
use afx_core::Scalar;
use alloc::vec::Vec;

/// `H(z) = (b0 + b1 z^-1 + b2 z^-2) / (1 + a1 z^-1 + a2 z^-2)`
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BiquadCoefficients {
    /// Numerator.
    pub b: [f64; 3],
    /// Denominator without its leading 1.
    pub a: [f64; 2],
}

impl BiquadCoefficients {
    /// The bilinear transforms of Bristow-Johnson's "Cookbook formulae for audio equalizer biquad filter coefficients", with
    /// `A = 10^(gain / 40)`, `w = 2 pi f / fs`, `alpha = sin(w) / (2 q)`, or for what is [`matched`](FilterSpec::matched) Vicanek's. The band-pass has
    /// the gain `q` at its centre.
    pub fn new(spec: FilterSpec) -> Self {
        if spec.follows_the_analogue() {
            return matched::coefficients(spec);
        }
        let w = 2.0 * spec.half_angle;
        // sin^2 of the half angle keeps the digits that 1 - cos w loses at low frequencies
        let (sin, half_sin, half_cos) = (Scalar::sin(w), Scalar::sin(spec.half_angle), Scalar::cos(spec.half_angle));
        let (low, high) = (2.0 * half_sin * half_sin, 2.0 * half_cos * half_cos);
        let cos = 1.0 - low;
        let alpha = sin / (2.0 * spec.q);
        let root = Scalar::exp(spec.gain_db * (core::f64::consts::LN_10 / 80.0));
        let a = root * root;
        let shared = [1.0 + alpha, -2.0 * cos, 1.0 - alpha];
        let (b, a) = match spec.shape {
            FilterShape::LowPass => ([0.5 * low, low, 0.5 * low], shared),
            FilterShape::HighPass => ([0.5 * high, -high, 0.5 * high], shared),
            FilterShape::BandPass => ([0.5 * sin, 0.0, -0.5 * sin], shared),
            FilterShape::Notch => ([1.0, -2.0 * cos, 1.0], shared),
            FilterShape::AllPass => ([1.0 - alpha, -2.0 * cos, 1.0 + alpha], shared),
            FilterShape::Bell => ([1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a], [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a]),
            FilterShape::LowShelf | FilterShape::HighShelf => {
                // the two shelves mirror each other in the sign of the cosine
                let side = if spec.shape == FilterShape::LowShelf { 1.0 } else { -1.0 };
                let (up, down, slope, c) = (a + 1.0, a - 1.0, 2.0 * root * alpha, side * cos);
                let b = [a * (up - down * c + slope), side * 2.0 * a * (down - up * c), a * (up - down * c - slope)];
                (b, [up + down * c + slope, -side * 2.0 * (down + up * c), up + down * c - slope])
            }
        };
        BiquadCoefficients { b: b.map(|v| v / a[0]), a: [a[1] / a[0], a[2] / a[0]] }
    }

    /// Both poles inside the unit circle.
    pub fn is_stable(&self) -> bool {
        self.a[1].abs() < 1.0 && self.a[0].abs() < 1.0 + self.a[1]
    }

    /// `|H|` at a frequency.
    pub fn magnitude(&self, frequency_hz: f64, sample_rate_hz: f64) -> f64 {
        let w = core::f64::consts::TAU * frequency_hz / sample_rate_hz;
        let (s1, c1, s2, c2) = (Scalar::sin(w), Scalar::cos(w), Scalar::sin(2.0 * w), Scalar::cos(2.0 * w));
        let power = |p: [f64; 3]| {
            let (re, im) = (p[0] + p[1] * c1 + p[2] * c2, p[1] * s1 + p[2] * s2);
            re * re + im * im
        };
        Scalar::sqrt(power(self.b) / power([1.0, self.a[0], self.a[1]]))
    }
}

/// One section in the transposed direct form II: `y = b0 x + s1`, `s1 = b1 x - a1 y + s2`, `s2 = b2 x - a2 y`.
///
/// Real-time: nothing allocates. Do not modulate it at audio rate; see [`super::Svf`].
#[derive(Clone, Copy, Debug)]
pub struct Biquad<T> {
    b: [T; 3],
    a: [T; 2],
    s: [T; 2],
}

impl<T: Scalar> Biquad<T> {
    /// At rest.
    pub fn new(coefficients: BiquadCoefficients) -> Self {
        Biquad { b: coefficients.b.map(T::from_f64), a: coefficients.a.map(T::from_f64), s: [T::ZERO; 2] }
    }

    /// Changes the coefficients and keeps the states.
    pub fn set(&mut self, coefficients: BiquadCoefficients) {
        (self.b, self.a) = (coefficients.b.map(T::from_f64), coefficients.a.map(T::from_f64));
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.s = [T::ZERO; 2];
    }

    per_sample!();

    /// One sample.
    #[inline]
    pub fn tick(&mut self, x: T) -> T {
        self.step(heard(x))
    }

    /// [`Biquad::tick`] of a sample that may lie anywhere, as it leaves another section.
    #[inline(always)]
    fn step(&mut self, x: T) -> T {
        let ([b0, b1, b2], [a1, a2], [s1, s2]) = (self.b, self.a, self.s);
        let y = b0 * x + s1;
        // the other state is made anew from this one at every sample
        self.s = [flush_or_restart(b1 * x - a1 * y + s2), flush(b2 * x - a2 * y)];
        audible(y)
    }
}

/// Sections in series.
///
/// Real-time: everything but `new` and `clone` allocates nothing.
///
/// ```
/// use afx_dsp::filter::{BiquadCascade, BiquadCoefficients, FilterShape, FilterSpec};
///
/// // a Butterworth low-pass of fourth order: half the power at its corner
/// let spec = |q| FilterSpec::new(FilterShape::LowPass, 48e3, 5e3, q, 0.0);
/// let sections = [BiquadCoefficients::new(spec(0.541196)?), BiquadCoefficients::new(spec(1.306563)?)];
/// let gain: f64 = sections.iter().map(|section| section.magnitude(5e3, 48e3)).product();
/// assert!((gain * gain - 0.5).abs() < 1e-5);
///
/// let mut filter = BiquadCascade::<f32>::new(&sections);
/// let mut block = [1.0; 64];
/// filter.process_in_place(&mut block);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BiquadCascade<T> {
    sections: Vec<Biquad<T>>,
}

impl<T: Scalar> BiquadCascade<T> {
    /// At rest, one section for each item; none is a wire.
    pub fn new(coefficients: &[BiquadCoefficients]) -> Self {
        BiquadCascade { sections: coefficients.iter().map(|&c| Biquad::new(c)).collect() }
    }

    /// The sections, to change them.
    pub fn sections_mut(&mut self) -> &mut [Biquad<T>] {
        &mut self.sections
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.sections.iter_mut().for_each(Biquad::reset);
    }

    /// Filters the samples that both `x` and `y` hold.
    pub fn process(&mut self, x: &[T], y: &mut [T]) {
        let frames = x.len().min(y.len());
        y[..frames].copy_from_slice(&x[..frames]);
        self.process_in_place(&mut y[..frames]);
    }

    /// [`BiquadCascade::process`] in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        let Some((first, rest)) = self.sections.split_first_mut() else { return };
        first.process_in_place(samples);
        for section in rest {
            samples.iter_mut().for_each(|s| *s = section.step(*s));
        }
    }
}
