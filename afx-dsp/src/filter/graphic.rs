//! Graphic equaliser.

use super::{BiquadCoefficients, FilterShape, FilterSpec, Svf};
use crate::{DspError, audible, heard};
use afx_core::Scalar;
use alloc::vec::Vec;
use core::f64::consts::{LN_10, TAU};

/// A graphic equaliser of `N` bells whose gains are found together, so that the response goes through the sliders.
///
/// A bell reaches over its neighbours: sliders that set each one's gain by itself give 12 dB and more too much where several are up. Here the
/// gains in decibels are the least-squares solution for the sliders at the bands' centres and the means of neighbours between them, refined
/// against the response that they have, after Välimäki and Liski 2017, "Accurate cascade graphic equalizer", IEEE Signal Processing Letters 24(2); the
/// bells are [`matched`](FilterSpec::matched) to analogue ones.
///
/// - `N` knobs, one for each band from low to high, -12 to 12 dB.
/// - For sliders anywhere within that, centres are met to 0.25 dB, means between them to 1.2 dB; far neighbours are worst.
/// - Real-time: nothing allocates after construction. New sliders cost about as much as a hundred samples, at once (35 µs for 31 bands), and are faded
///   in over 20 ms; while a fade lasts later ones wait for its end.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::filter::GraphicEq;
///
/// let mut eq = GraphicEq::<f32, 10>::octaves(48e3)?;
/// eq.set_gains_db(&[6.0, 3.0, 0.0, 0.0, -4.0, -4.0, 0.0, 0.0, 3.0, 6.0]);
/// let mut stereo = Channels::new(eq, 2);
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GraphicEq<T, const N: usize> {
    sample_rate_hz: f64,
    centres_hz: [f64; N],
    q: f64,
    /// `p_0 = cos²(w / 2)`, `p_1 = sin²(w / 2)` at the centres and between them.
    places: Vec<[f64; 2]>,
    /// From decibels at those places to the gains of the bands: a row of `N` for each place.
    solve: Vec<[f64; N]>,
    sliders_db: [f64; N],
    /// Sliders that wait for the end of a fade.
    waiting: bool,
    playing: [Svf<T>; N],
    /// What is faded out.
    before: [Svf<T>; N],
    /// Frames of the fade that are left, and all of them.
    left: u32,
    fade: u32,
}

/// The sliders' range.
const RANGE_DB: f64 = 12.0;
/// Frames that go through the bands together.
const BLOCK: usize = 64;
/// How often the gains are refined.
const ROUNDS: usize = 3;
/// By how much more a centre counts than what lies between two.
const CENTRE: f64 = 2.0;

impl<T: Scalar> GraphicEq<T, 31> {
    /// Third octaves from 19.7 Hz to 20.2 kHz around 1 kHz, all sliders at 0 dB.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 42 kHz to 1 MHz.
    pub fn third_octaves(sample_rate_hz: f64) -> Result<Self, DspError> {
        Self::new(sample_rate_hz, 17.0, 1.0 / 3.0, 3.2, "42e3 to 1e6")
    }
}

impl<T: Scalar> GraphicEq<T, 10> {
    /// Octaves from 31.25 Hz to 16 kHz, all sliders at 0 dB.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 42 kHz to 1 MHz.
    pub fn octaves(sample_rate_hz: f64) -> Result<Self, DspError> {
        Self::new(sample_rate_hz, 5.0, 1.0, 1.05, "42e3 to 1e6")
    }
}

impl<T: Scalar, const N: usize> GraphicEq<T, N> {
    fn new(sample_rate_hz: f64, below: f64, octaves: f64, q: f64, expected: &'static str) -> Result<Self, DspError> {
        if !(42e3..=1e6).contains(&sample_rate_hz) {
            return Err(DspError::OutOfRange { name: "sample_rate_hz", expected, found: sample_rate_hz });
        }
        let at = |band: f64| 1e3 * Scalar::exp((band - below) * octaves * core::f64::consts::LN_2);
        let centres_hz = core::array::from_fn(|band| at(band as f64));
        let place = |i: usize| {
            let sin = Scalar::sin(0.5 * TAU * at(0.5 * i as f64) / sample_rate_hz);
            [1.0 - sin * sin, sin * sin]
        };
        let places: Vec<[f64; 2]> = (0..2 * N - 1).map(place).collect();
        let silent = Svf::new(FilterSpec::nearest(FilterShape::Bell, sample_rate_hz, 1e3, q, 0.0));
        let mut eq = GraphicEq {
            sample_rate_hz,
            centres_hz,
            q,
            places,
            solve: Vec::new(),
            sliders_db: [0.0; N],
            waiting: false,
            playing: [silent; N],
            before: [silent; N],
            left: 0,
            fade: (0.02 * sample_rate_hz) as u32,
        };
        // The response of each band, per decibel, with the weights: its pseudo-inverse by the normal equations.
        let bells: [_; N] = core::array::from_fn(|band| eq.bell(band, RANGE_DB));
        let decibels = |row: usize, band: usize| 10.0 / LN_10 * Scalar::ln(bells[band].at(eq.places[row]));
        let rows = 0..eq.places.len();
        let response: Vec<[f64; N]> = rows.map(|row| core::array::from_fn(|band| weight(row) * decibels(row, band) / RANGE_DB)).collect();
        let normal = core::array::from_fn(|i| core::array::from_fn(|j| response.iter().map(|row| row[i] * row[j]).sum()));
        let inverse = inverse(normal);
        eq.solve = response.iter().map(|row| inverse.map(|column| column.iter().zip(row).map(|(a, b)| a * b).sum())).collect();
        eq.turn();
        eq.before = eq.playing;
        Ok(eq)
    }

    /// The bands' centres.
    pub fn centres_hz(&self) -> &[f64; N] {
        &self.centres_hz
    }

    /// Moves the sliders, each held to -12 to 12 dB; those that are not numbers stay, and so do those beyond the end of the slice.
    pub fn set_gains_db(&mut self, gains_db: &[f64]) {
        self.set_sliders(gains_db.iter().copied());
    }

    /// The same by knobs from -1 to 1.
    pub(crate) fn set_positions(&mut self, positions: &[T]) {
        self.set_sliders(positions.iter().map(|position| RANGE_DB * position.to_f64()));
    }

    fn set_sliders(&mut self, gains_db: impl Iterator<Item = f64>) {
        for (slider, gain_db) in self.sliders_db.iter_mut().zip(gains_db) {
            let held = gain_db.clamp(-RANGE_DB, RANGE_DB);
            if !held.is_nan() && *slider != held {
                (*slider, self.waiting) = (held, true);
            }
        }
    }

    /// Forgets the past; the sliders are where they were last set to.
    pub fn reset(&mut self) {
        (self.left, self.waiting) = (0, false);
        self.turn();
        self.playing.iter_mut().for_each(Svf::reset);
    }

    /// Equalises the samples, in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        samples.iter_mut().for_each(|s| *s = heard(*s));
        let mut rest = samples;
        while !rest.is_empty() {
            if self.waiting && self.left == 0 {
                // The new bands go on with what the old ones remember.
                self.before = self.playing;
                self.turn();
                (self.left, self.waiting) = (self.fade, false);
            }
            let until = if self.left == 0 { BLOCK } else { BLOCK.min(self.left as usize) };
            let (block, later) = rest.split_at_mut(until.min(rest.len()));
            self.block(block);
            rest = later;
        }
    }

    /// At most [`BLOCK`] frames, and no more than are left of a fade.
    fn block(&mut self, samples: &mut [T]) {
        if self.left == 0 {
            through(&mut self.playing, samples);
        } else {
            let mut old = [T::ZERO; BLOCK];
            let old = &mut old[..samples.len()];
            old.copy_from_slice(samples);
            through(&mut self.before, old);
            through(&mut self.playing, samples);
            for (y, old) in samples.iter_mut().zip(old) {
                self.left -= 1;
                let t = f64::from(self.left) / f64::from(self.fade);
                *y += (*old - *y) * T::from_f64(t * t * (3.0 - 2.0 * t));
            }
        }
        samples.iter_mut().for_each(|s| *s = audible(*s));
    }

    fn bell(&self, band: usize, gain_db: f64) -> Power {
        Power::new(BiquadCoefficients::new(self.spec(band, gain_db)))
    }

    fn spec(&self, band: usize, gain_db: f64) -> FilterSpec {
        FilterSpec::nearest(FilterShape::Bell, self.sample_rate_hz, self.centres_hz[band], self.q, gain_db).matched()
    }

    /// Finds the bands' gains for the sliders, and sets them.
    fn turn(&mut self) {
        let mut gains_db = [0.0f64; N];
        for _ in 0..=ROUNDS {
            let bells: [_; N] = core::array::from_fn(|band| self.bell(band, gains_db[band]));
            for (row, place) in self.places.iter().enumerate() {
                let found: f64 = bells.iter().map(|bell| bell.at(*place)).product();
                let wanted_db = 0.5 * (self.sliders_db[row / 2] + self.sliders_db[row.div_ceil(2)]);
                let missing_db = weight(row) * (wanted_db - 10.0 / LN_10 * Scalar::ln(found));
                for (gain_db, share) in gains_db.iter_mut().zip(&self.solve[row]) {
                    *gain_db += share * missing_db;
                }
            }
        }
        for (band, gain_db) in gains_db.into_iter().enumerate() {
            let spec = self.spec(band, gain_db);
            self.playing[band].set(spec);
        }
    }
}

/// All bands in a row, in place: a few at a time, so that a processor goes on with the next sample while the last bands still work on this one.
fn through<T: Scalar>(bands: &mut [Svf<T>], samples: &mut [T]) {
    for bands in bands.chunks_mut(4) {
        for s in samples.iter_mut() {
            *s = bands.iter_mut().fold(*s, |x, band| band.tick(x));
        }
    }
}

/// What a row of the least-squares problem counts.
fn weight(row: usize) -> f64 {
    if row.is_multiple_of(2) { CENTRE } else { 1.0 }
}

/// `|H|²` as a function of the place: `(b_0 p_0 + b_1 p_1 + b_2 p_0 p_1) / (a_0 p_0 + a_1 p_1 + a_2 p_0 p_1)`.
#[derive(Clone, Copy)]
struct Power {
    b: [f64; 3],
    a: [f64; 3],
}

impl Power {
    fn new(coefficients: BiquadCoefficients) -> Self {
        let power = |[c0, c1, c2]: [f64; 3]| {
            let (sum, difference) = (c0 + c1 + c2, c0 - c1 + c2);
            [sum * sum, difference * difference, -16.0 * c0 * c2]
        };
        Power { b: power(coefficients.b), a: power([1.0, coefficients.a[0], coefficients.a[1]]) }
    }

    fn at(&self, [p0, p1]: [f64; 2]) -> f64 {
        let at = |c: [f64; 3]| c[0] * p0 + c[1] * p1 + c[2] * (p0 * p1);
        at(self.b) / at(self.a)
    }
}

/// The inverse of a symmetric matrix whose eigenvalues are positive, so that no element on the diagonal is zero while others are eliminated.
fn inverse<const N: usize>(mut a: [[f64; N]; N]) -> [[f64; N]; N] {
    let mut inverse = core::array::from_fn(|i| core::array::from_fn(|j| if i == j { 1.0 } else { 0.0 }));
    for i in 0..N {
        let pivot = 1.0 / a[i][i];
        let (row, unit) = (a[i].map(|v| v * pivot), inverse[i].map(|v: f64| v * pivot));
        (a[i], inverse[i]) = (row, unit);
        for j in (0..N).filter(|j| *j != i) {
            let factor = a[j][i];
            for k in 0..N {
                a[j][k] -= factor * row[k];
                inverse[j][k] -= factor * unit[k];
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Rng;
    use std::vec::Vec;

    /// The largest distance in decibels from the sliders at the centres, and from the mean of two between them, of the response itself.
    fn errors<const N: usize>(eq: &mut GraphicEq<f64, N>, gains_db: [f64; N]) -> [f64; 2] {
        eq.set_gains_db(&gains_db);
        eq.reset();
        let frames = 1 << 16;
        let mut h = std::vec![0.0; frames];
        h[0] = 1.0;
        eq.process_in_place(&mut h);
        let mut errors = [0.0f64; 2];
        for row in 0..2 * N - 1 {
            let hz = if row % 2 == 0 { eq.centres_hz[row / 2] } else { (eq.centres_hz[row / 2] * eq.centres_hz[row / 2 + 1]).sqrt() };
            let w = TAU * hz / eq.sample_rate_hz;
            let (re, im) =
                h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| (re + h * (w * n as f64).cos(), im + h * (w * n as f64).sin()));
            let wanted = 0.5 * (gains_db[row / 2] + gains_db[row.div_ceil(2)]);
            errors[row % 2] = errors[row % 2].max((20.0 * f64::hypot(re, im).log10() - wanted).abs());
        }
        errors
    }

    fn every_setting<const N: usize>(mut eq: GraphicEq<f64, N>) {
        let mut rng = Rng::new(1);
        let (mut worst, mut common) = ([0.0f64; 2], [0.0f64; 2]);
        for round in 0..12 {
            let gains: [f64; N] = core::array::from_fn(|band| match round {
                0 => 12.0,
                1 => {
                    if band % 2 == 0 {
                        12.0
                    } else {
                        -12.0
                    }
                }
                2 => {
                    if band < N / 2 {
                        12.0
                    } else {
                        -12.0
                    }
                }
                3 => {
                    if band == N / 2 {
                        12.0
                    } else {
                        0.0
                    }
                }
                4..8 => 24.0 * rng.uniform() - 12.0,
                _ => 12.0 * (3.0 * rng.uniform()).floor().min(2.0) - 12.0,
            });
            let found = errors(&mut eq, gains);
            let to = if round < 8 { &mut common } else { &mut worst };
            *to = [to[0].max(found[0]), to[1].max(found[1])];
        }
        assert!(common[0] < 0.2 && common[1] < 0.95, "{common:?}");
        assert!(worst[0] < 0.25 && worst[1] < 1.2, "{worst:?}");
    }

    #[test]
    fn the_response_goes_through_the_sliders() {
        every_setting(GraphicEq::<f64, 31>::third_octaves(48e3).unwrap());
        every_setting(GraphicEq::<f64, 10>::octaves(44.1e3).unwrap());
    }

    #[test]
    fn sliders_at_nothing_are_a_wire_and_centres_those_of_the_standard() {
        let mut eq = GraphicEq::<f64, 31>::third_octaves(96e3).unwrap();
        assert!((eq.centres_hz()[0] - 19.686).abs() < 1e-3 && eq.centres_hz()[17] == 1e3 && (eq.centres_hz()[30] - 20_158.7).abs() < 0.1);
        let mut x: Vec<f64> = (0..500).map(|n| (0.1 * f64::from(n)).sin()).collect();
        let before = x.clone();
        eq.process_in_place(&mut x);
        assert!(x.iter().zip(&before).all(|(x, y)| (x - y).abs() < 1e-12));
        assert!(GraphicEq::<f32, 10>::octaves(32e3).is_err() && GraphicEq::<f32, 31>::third_octaves(f64::NAN).is_err());
    }

    #[test]
    fn moving_sliders_fade() {
        let mut eq = GraphicEq::<f64, 10>::octaves(48e3).unwrap();
        let mut y: Vec<f64> = (0..14_400).map(|n| 0.1 * (TAU * 110.0 * f64::from(n) / 48e3).sin()).collect();
        for (i, block) in y.chunks_mut(64).enumerate().skip(20) {
            // All sliders up and down, faster than a fade, and none that is no number.
            eq.set_gains_db(&[if i / 4 % 2 == 0 { 12.0 } else { -12.0 }; 10]);
            eq.set_gains_db(&[f64::NAN; 10]);
            eq.process_in_place(block);
        }
        let bend = |y: &[f64]| y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f64::max);
        let loudest = 0.1 * 4.0 * (TAU * 110.0 / 48e3f64).powi(2);
        assert!(bend(&y[1280..]) < 1.5 * loudest, "{} {loudest}", bend(&y[1280..]));
    }
}
