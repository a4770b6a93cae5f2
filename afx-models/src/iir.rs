//! Learnable recursive filters.

use afx_core::{Differentiable, Layer, Layout, Moving, Scalar, places};
use afx_dsp::filter::FilterSpec;
use core::ops::Range;

/// Second-order filters in a row whose frequencies, dampings and mixes are learnt: an equalizer, one channel.
///
/// The linear part of a grey box, with [`Nonlinear`](crate::Nonlinear) and [`Dense`](crate::Dense) layers between two of them, in a few numbers
/// that mean something. Each section is a state-variable filter by the trapezoidal rule, stable whatever its numbers are and while they move:
/// with `g = tan(π f / f_s)` and `k = 1 / Q` its high, band and low pass `h`, `b`, `l` obey `h = x - k b - l`, `b = ∫g h`, `l = ∫g b`, and it
/// returns `m_h h + m_b b + m_l l`: any pass, notch, bell or shelf. Simper 2013, "Linear trapezoidal integrated SVF"; learnt: Kuznetsov, Parker
/// and Esqueda 2020, "Differentiable IIR filters for machine learning applications" (DAFx-20).
///
/// - `frequency`: `[sections]`, `ln g`; `damping`: `[sections]`, `ln k`; both count as ±12 beyond that. `mix`: `[sections, 3]`, `m_h`, `m_b`, `m_l`.
/// - First values are frequencies from 80 Hz to 10 kHz, were the rate 48 kHz, `k = √2`, and mixes that return the input. No two sections begin at
///   the same place.
/// - Knobs act on it by [`StaticHyper`](crate::StaticHyper) with [`Cover::Everything`](crate::Cover), which writes every number; the other kinds of
///   conditioning find no affine map here.
/// - Real-time: `process` allocates nothing. Exponentials are taken once a call, and of parameters that move in every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Iir {
    /// How many, at least 1.
    pub sections: usize,
}

/// Beyond this a logarithm counts as this: 0.1 Hz, and where no tangent goes.
pub(crate) const LIMIT: f64 = 12.0;

/// A section's numbers in use.
#[derive(Clone, Copy)]
struct Section<T> {
    g: T,
    k: T,
    mix: [T; 3],
}

/// What a frame is computed with: `g a`, `g (g + k) a`, `g² a` with `a = 1 / (1 + g (g + k))`; shares of the input, the band and the low pass.
#[derive(Clone, Copy)]
struct Coefficients<T> {
    c: [T; 3],
    m: [T; 3],
}

/// A number as it counts, within `±LIMIT`.
pub(crate) fn limited<T: Scalar>(v: T) -> T {
    let limit = T::from_f64(LIMIT);
    if v > limit {
        limit
    } else if v < -limit {
        -limit
    } else {
        v
    }
}

fn exp<T: Scalar>(v: T) -> T {
    limited(v).exp()
}

impl<T: Scalar> Section<T> {
    fn coefficients(self) -> Coefficients<T> {
        let Section { g, k, mix: [high, band, low] } = self;
        let a = self.a();
        Coefficients { c: [g * a, g * (g + k) * a, g * g * a], m: [high, band - k * high, low - high] }
    }

    fn a(self) -> T {
        T::ONE / (T::ONE + self.g * (self.g + self.k))
    }
}

impl<T: Scalar> Coefficients<T> {
    /// One frame from a memory of two numbers: what the input is above the second, and what the band and the low pass grow by in half a frame.
    /// Kept apart from what they were, so that `f32` keeps their digits at low frequencies.
    #[inline(always)]
    fn frame(&self, [i1, i2]: [T; 2], x: T) -> [T; 3] {
        let ([c1, c2, c3], above) = (self.c, x - i2);
        [above, c1 * above - c2 * i1, c1 * i1 + c3 * above]
    }

    /// In place, and the memory on.
    #[inline(always)]
    fn play(&self, memory: &mut [T; 2], x: &mut T) {
        let ([i1, i2], [_, d1, d2]) = (*memory, self.frame(*memory, *x));
        let (band, low) = (i1 + d1, i2 + d2);
        *memory = [band + d1, low + d2];
        *x = self.m[0] * *x + self.m[1] * band + self.m[2] * low;
    }
}

impl Iir {
    /// Makes section `n` of `params` a known filter.
    ///
    /// ```
    /// use afx_core::Layer;
    /// use afx_dsp::filter::{FilterShape, FilterSpec};
    /// use afx_models::Iir;
    ///
    /// let equalizer = Iir { sections: 2 };
    /// let mut params = vec![0.0f32; Layer::<f32>::params_len(&equalizer)];
    /// equalizer.initialize(&mut || 0.0, &mut params);
    /// equalizer.set(0, &FilterSpec::new(FilterShape::LowShelf, 48e3, 120.0, 0.7, -6.0)?, &mut params);
    /// let mut y = [0.0; 3];
    /// equalizer.process(&params, &mut [0.0; 4], &[1.0, 0.0, 0.0], &mut y);
    /// # Ok::<(), afx_dsp::DspError>(())
    /// ```
    ///
    /// # Panics
    /// When there is no section `n`, or `params` is too short.
    pub fn set<T: Scalar>(&self, n: usize, spec: &FilterSpec, params: &mut [T]) {
        assert!(n < self.sections, "section {n} of {}", self.sections);
        let [frequency, damping, mix, _] = self.places();
        let ([g, k], [input, band, low]) = spec.state_variable();
        params[frequency + n] = T::from_f64(Scalar::ln(g));
        params[damping + n] = T::from_f64(Scalar::ln(k));
        params[mix + 3 * n..][..3].copy_from_slice(&[input, band + k * input, low + input].map(T::from_f64));
    }

    /// `[g, k]` and `[m_h, m_b, m_l]` of section `n` of `params`: its frequency is `f_s / π * atan(g)`, its `Q` is `1 / k`.
    ///
    /// # Panics
    /// When there is no section `n`, or `params` is too short.
    pub fn get<T: Scalar>(&self, n: usize, params: &[T]) -> ([f64; 2], [f64; 3]) {
        assert!(n < self.sections, "section {n} of {}", self.sections);
        let Section { g, k, mix } = self.section(n, |i| params[i].to_f64());
        ([g, k], mix)
    }

    /// Places of `frequency`, `damping`, `mix` and the length of the slice.
    fn places(&self) -> [usize; 4] {
        places([self.sections, self.sections, 3 * self.sections])
    }

    /// Section `n` of the numbers that `at` says.
    fn section<T: Scalar>(&self, n: usize, at: impl Fn(usize) -> T) -> Section<T> {
        let [frequency, damping, mix, _] = self.places();
        let mix = mix + 3 * n;
        Section { g: exp(at(frequency + n)), k: exp(at(damping + n)), mix: [at(mix), at(mix + 1), at(mix + 2)] }
    }

    /// What a section leaves on the tape: its input, and its memory before every frame.
    fn taped(frames: usize) -> usize {
        3 * frames
    }
}

impl<T: Scalar> Layer<T> for Iir {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn fits(&self) -> bool {
        self.sections > 0
    }
    fn layout(&self) -> Layout {
        Layout::new().tensor("frequency", &[self.sections]).tensor("damping", &[self.sections]).tensor("mix", &[self.sections, 3])
    }
    fn params_len(&self) -> usize {
        self.places()[3]
    }
    fn initialize(&self, _: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let [frequency, damping, mix, _] = self.places();
        params.fill(T::ZERO);
        for n in 0..self.sections {
            let k = core::f64::consts::SQRT_2;
            params[frequency + n] = T::from_f64(-5.25 + 5.0 * (n as f64 + 0.5) / self.sections as f64);
            params[damping + n] = T::from_f64(0.5 * core::f64::consts::LN_2);
            let to = &mut params[mix + 3 * n..][..3];
            to.copy_from_slice(&[1.0, k, 1.0].map(T::from_f64));
        }
    }
    /// Two numbers a section.
    fn state_len(&self) -> usize {
        2 * self.sections
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        part(0..2 * self.sections);
        true
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        y.copy_from_slice(x);
        for (n, state) in state.chunks_exact_mut(2).enumerate() {
            let mut memory = [state[0], state[1]];
            match params.slope {
                None => {
                    let section = self.section(n, |i| params.start[i]).coefficients();
                    y.iter_mut().for_each(|y| section.play(&mut memory, y));
                }
                Some(slope) => {
                    for (t, y) in y.iter_mut().enumerate() {
                        let passed = T::from_usize(params.first + t);
                        self.section(n, |i| params.start[i] + passed * slope[i]).coefficients().play(&mut memory, y);
                    }
                }
            }
            state.copy_from_slice(&memory);
        }
    }
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        y[0] = x[0];
        for (n, state) in state.chunks_exact_mut(2).enumerate() {
            state.copy_from_slice(&[T::ZERO, y[0]]);
            y[0] *= self.section(n, |i| params[i]).mix[2];
        }
    }
}

impl<T: Scalar> Differentiable<T> for Iir {
    /// Of every section its input and its memory before every frame; the cotangent between two sections.
    fn tape_len(&self, frames: usize) -> usize {
        self.sections * Iir::taped(frames) + frames
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let frames = x.len();
        y.copy_from_slice(x);
        for (n, state) in state.chunks_exact_mut(2).enumerate() {
            let (input, memories) = tape[n * Iir::taped(frames)..][..Iir::taped(frames)].split_at_mut(frames);
            input.copy_from_slice(y);
            let section = self.section(n, |i| params[i]).coefficients();
            let mut memory = [state[0], state[1]];
            for (y, before) in y.iter_mut().zip(memories.chunks_exact_mut(2)) {
                before.copy_from_slice(&memory);
                section.play(&mut memory, y);
            }
            state.copy_from_slice(&memory);
        }
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let frames = x.len();
        let [frequency, damping, mix, _] = self.places();
        let (tape, d) = tape.split_at_mut(self.sections * Iir::taped(frames));
        let d = &mut d[..frames];
        d.copy_from_slice(dy);
        let two = T::ONE + T::ONE;
        for n in (0..self.sections).rev() {
            let (input, memories) = tape[n * Iir::taped(frames)..][..Iir::taped(frames)].split_at(frames);
            let section = self.section(n, |i| params[i]);
            let coefficients = section.coefficients();
            let ([a2, c2, a3], m) = (coefficients.c, coefficients.m);
            let a1 = T::ONE - c2;
            let ([mut da1, mut da2, mut da3], mut dm) = ([T::ZERO; 3], [T::ZERO; 3]);
            let (mut e1, mut e2) = (T::ZERO, T::ZERO); // of the memory behind the frame
            for t in (0..frames).rev() {
                let (x, dy, i1, i2) = (input[t], d[t], memories[2 * t], memories[2 * t + 1]);
                let [above, d1, d2] = coefficients.frame([i1, i2], x);
                for (dm, v) in dm.iter_mut().zip([x, i1 + d1, i2 + d2]) {
                    *dm += v * dy;
                }
                let (dband, dlow) = (m[1] * dy + two * e1, m[2] * dy + two * e2);
                da1 += i1 * dband;
                da2 += above * dband + i1 * dlow;
                da3 += above * dlow;
                let dabove = a2 * dband + a3 * dlow;
                (e1, e2) = (a1 * dband + a2 * dlow - e1, dlow - dabove - e2);
                d[t] = m[0] * dy + dabove;
            }
            let Section { g, k, mix: [high, ..] } = section;
            // Of band = a i1 + g a above and low = i2 + g a i1 + g² a above.
            let a = section.a();
            let da = -(da1 + g * da2 + g * g * da3) * a * a;
            let dg = da * (two * g + k) + (da2 + two * g * da3) * a;
            let dk = da * g - high * dm[1];
            for (place, derivative) in [(frequency + n, dg * g), (damping + n, dk * k)] {
                if params[place].abs() <= T::from_f64(LIMIT) {
                    dparams[place] += derivative;
                }
            }
            for (j, derivative) in [dm[0] - k * dm[1] - dm[2], dm[1], dm[2]].into_iter().enumerate() {
                dparams[mix + 3 * n + j] += derivative;
            }
        }
        dx.iter_mut().zip(&*d).for_each(|(dx, d)| *dx += *d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use afx_core::testing::Noise;
    use afx_dsp::filter::{Biquad, BiquadCoefficients, FilterShape};
    use alloc::vec;
    use alloc::vec::Vec;

    fn first_values<T: Scalar>(iir: &Iir) -> Vec<T> {
        let mut params = vec![T::ZERO; Layer::<T>::params_len(iir)];
        iir.initialize(&mut || 0.0, &mut params);
        params
    }

    #[test]
    fn first_values_return_the_input() {
        let (iir, x) = (Iir { sections: 5 }, Noise::new(1).take::<f64>(500, 1.0));
        let (params, mut y) = (first_values(&iir), vec![0.0; 500]);
        iir.process(&params, &mut [0.0; 10], &x, &mut y);
        assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-13));
        let mut lowest = 0.0;
        for n in 0..5 {
            let ([g, _], _) = iir.get(n, &params);
            assert!(g > 2.0 * lowest);
            lowest = g;
        }
    }

    /// The filters of `afx-dsp` are held against published numbers; these are other equations for the same responses.
    #[test]
    fn every_shape_is_that_of_a_biquad() {
        use FilterShape::*;
        for shape in [LowPass, HighPass, BandPass, Notch, AllPass, Bell, LowShelf, HighShelf] {
            for (frequency_hz, q, gain_db) in [(30.0, 0.5, -12.0), (1000.0, 2.0, 9.0), (15_000.0, 0.7, 3.0)] {
                let spec = FilterSpec::new(shape, 48e3, frequency_hz, q, gain_db).unwrap();
                let (iir, x) = (Iir { sections: 3 }, Noise::new(2).take::<f64>(4000, 1.0));
                let mut params = first_values(&iir);
                iir.set(1, &spec, &mut params);
                let mut biquad = Biquad::<f64>::new(BiquadCoefficients::new(spec));
                let (mut expected, mut y) = (vec![0.0; 4000], vec![0.0; 4000]);
                biquad.process(&x, &mut expected);
                iir.process(&params, &mut [0.0; 6], &x, &mut y);
                let single = |v: &[f64]| v.iter().map(|v| *v as f32).collect::<Vec<f32>>();
                let mut y32 = vec![0.0; 4000];
                iir.process(&single(&params), &mut [0.0; 6], &single(&x), &mut y32);
                for ((e, y), y32) in expected.iter().zip(&y).zip(&y32) {
                    assert!((e - y).abs() < 1e-10, "{spec:?}: {e} {y}"); // a biquad at 30 Hz loses four digits
                    assert!((e - f64::from(*y32)).abs() < 1e-5, "{spec:?}: {e} {y32}");
                }
            }
        }
    }

    /// What a knob of a hypernetwork may ask for in the course of training.
    #[test]
    fn logarithms_of_any_size_give_a_stable_filter() {
        for (frequency, damping) in [(1e30, 0.0), (-1e30, 0.0), (0.0, 1e30), (0.0, -1e30), (1e30, -1e30)] {
            let iir = Iir { sections: 1 };
            let mut params = first_values::<f32>(&iir);
            let [f, d, ..] = iir.places();
            (params[f], params[d]) = (frequency, damping);
            let mut y = vec![0.0; 48_000];
            iir.process(&params, &mut [0.0; 2], &Noise::new(3).take(48_000, 1.0), &mut y);
            assert!(y.iter().all(|y| y.abs() < 1e3), "{frequency} {damping}");
        }
    }
}
