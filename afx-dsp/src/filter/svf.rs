//! State-variable filter.

use super::FilterSpec;
use crate::{audible, flush_or_restart, heard};
use afx_core::Scalar;

/// Second-order filter with the states of an analogue state-variable filter, integrated by the trapezoidal rule.
///
/// With `g = tan(pi f / fs)`, `k = 1 / q`, `a = 1 / (1 + g (g + k))`, per sample:
///
/// ```text
/// v3 = x - s2;  d1 = g a v3 - g (g + k) a s1;  d2 = g a s1 + g^2 a v3
/// v1 = s1 + d1;  v2 = s2 + d2;  s1 = v1 + d1;  s2 = v2 + d2
/// y = m0 x + m1 v1 + m2 v2
/// ```
///
/// which is the usual form with the small increments kept apart, so that `f32` keeps their digits at low frequencies.
///
/// Zavalishin 2012, "The art of VA filter design"; Simper 2013, "Solving the continuous SVF equations using trapezoidal
/// integration and equivalent currents". Its states are energies of a circuit, so it stays stable while the frequency moves at
/// audio rate. Transfer functions equal those of [`super::Biquad`] (the band-pass of constant skirt gain).
///
/// Real-time: nothing allocates; [`Svf::set`] costs a sine and a cosine and may be called per sample.
///
/// ```
/// use afx_dsp::filter::{FilterShape, FilterSpec, Svf};
///
/// let mut filter = Svf::<f32>::new(FilterSpec::new(FilterShape::LowPass, 48e3, 1e3, 0.707, 0.0)?);
/// let mut block = [1.0; 64];
/// filter.process_in_place(&mut block);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Svf<T> {
    /// `g a`, `g (g + k) a`, `g^2 a`
    c: [T; 3],
    m: [T; 3],
    s: [T; 2],
}

impl<T: Scalar> Svf<T> {
    /// At rest.
    pub fn new(spec: FilterSpec) -> Self {
        let mut filter = Svf { c: [T::ZERO; 3], m: [T::ZERO; 3], s: [T::ZERO; 2] };
        filter.set(spec);
        filter
    }

    /// Changes the response and keeps the states.
    pub fn set(&mut self, spec: FilterSpec) {
        let ([g, k], m) = spec.state_variable();
        let a1 = 1.0 / (1.0 + g * (g + k));
        self.c = [g * a1, g * (g + k) * a1, g * g * a1].map(T::from_f64);
        self.m = m.map(T::from_f64);
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.s = [T::ZERO; 2];
    }

    per_sample!();

    /// One sample.
    #[inline]
    pub fn tick(&mut self, x: T) -> T {
        let ([c1, c2, c3], [m0, m1, m2], [s1, s2]) = (self.c, self.m, self.s);
        let x = heard(x);
        let v3 = x - s2;
        let (d1, d2) = (c1 * v3 - c2 * s1, c1 * s1 + c3 * v3);
        let (v1, v2) = (s1 + d1, s2 + d2);
        self.s = [flush_or_restart(v1 + d1), flush_or_restart(v2 + d2)];
        audible(m0 * x + m1 * v1 + m2 * v2)
    }
}
