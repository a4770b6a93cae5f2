//! The passive tone control of guitar amplifiers.

use super::volts;
use crate::error::sample_rate;
use crate::{DspError, audible, flush};
use afx_core::{Ramp, Scalar};

/// Resistances in ohms and capacitances in farads of a [`ToneStack`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ToneStackParts {
    /// The treble potentiometer, R1.
    pub treble_ohm: f64,
    /// The bass potentiometer, R2.
    pub bass_ohm: f64,
    /// The middle potentiometer, R3.
    pub mid_ohm: f64,
    /// The slope resistor, R4.
    pub slope_ohm: f64,
    /// The treble capacitor, C1.
    pub treble_farad: f64,
    /// The bass capacitor, C2.
    pub bass_farad: f64,
    /// The middle capacitor, C3.
    pub mid_farad: f64,
}

impl ToneStackParts {
    /// Fender Bassman 5F6-A.
    pub const BASSMAN: Self = Self::new([250e3, 1e6, 25e3, 56e3], [250e-12, 20e-9, 20e-9]);
    /// Fender Twin Reverb AA270.
    pub const TWIN: Self = Self::new([250e3, 250e3, 10e3, 100e3], [120e-12, 100e-9, 47e-9]);
    /// Marshall JTM45.
    pub const JTM45: Self = Self::new([250e3, 1e6, 25e3, 33e3], [270e-12, 22e-9, 22e-9]);
    /// Marshall JCM800 2203.
    pub const JCM800: Self = Self::new([220e3, 1e6, 22e3, 33e3], [470e-12, 22e-9, 22e-9]);
    /// Mesa Boogie Mark series.
    pub const MESA_MARK: Self = Self::new([250e3, 250e3, 25e3, 100e3], [250e-12, 100e-9, 47e-9]);

    const fn new([treble_ohm, bass_ohm, mid_ohm, slope_ohm]: [f64; 4], [treble_farad, bass_farad, mid_farad]: [f64; 3]) -> Self {
        ToneStackParts { treble_ohm, bass_ohm, mid_ohm, slope_ohm, treble_farad, bass_farad, mid_farad }
    }

    fn check(self) -> Result<Self, DspError> {
        let ohms = [("treble_ohm", self.treble_ohm), ("bass_ohm", self.bass_ohm), ("mid_ohm", self.mid_ohm), ("slope_ohm", self.slope_ohm)];
        let farads = [("treble_farad", self.treble_farad), ("bass_farad", self.bass_farad), ("mid_farad", self.mid_farad)];
        let outside = |parts: &[(&'static str, f64)], least, most, expected| {
            let odd = parts.iter().find(|(_, found)| !(least..=most).contains(found));
            odd.map_or(Ok(()), |(name, found)| Err(DspError::OutOfRange { name, expected, found: *found }))
        };
        outside(&ohms, 1.0, 1e9, "1 to 1e9")?;
        outside(&farads, 1e-15, 1e-3, "1e-15 to 1e-3")?;
        Ok(self)
    }
}

/// How far the wiper of a potentiometer is when its knob is half way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Taper {
    /// Half way.
    Linear,
    /// `e^(3.4 (p - 1))` of the way at position `p`, from 0.03 over 0.18 to 1: an audio taper as Yeh and Smith 2006 have it for the bass.
    Audio,
}

/// The treble, middle and bass control of Fender, Marshall, Vox and their descendants, as a circuit without load.
///
/// Third order; its analogue transfer function is that of Yeh and Smith, "Discretization of the '59 Fender Bassman tone stack", DAFx 2006, and what is
/// played is that function's bilinear transform. It is computed as the circuit, not from the coefficients: currents through the three
/// capacitors from their voltages by the trapezoidal rule. What the capacitors hold can only become less, whatever the knobs do meanwhile, so
/// no movement makes it ring.
///
/// Knobs: treble, middle, bass, from 0 to 1; each glides over 20 ms. They begin in the middle. The bass has an audio taper unless
/// [`ToneStack::with_bass_taper`] says otherwise, the others are linear.
///
/// Real-time: nothing allocates. The states are `f64` whatever the samples are.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::circuit::{ToneStack, ToneStackParts};
///
/// let mut stack = Channels::new(ToneStack::new(48e3, ToneStackParts::JCM800)?, 1);
/// stack.set_controls(&[0.4, -1.0, 0.8]); // treble, middle and bass, from -1 to 1 as every processor's knobs
/// let (x, mut y) = ([0.1f32; 64], [0.0; 64]);
/// stack.process(&[&x], &mut [&mut y]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ToneStack {
    parts: ToneStackParts,
    bass_taper: Taper,
    /// Treble, middle, bass.
    knobs: [Ramp; 3],
    /// What the trapezoidal rule makes of the capacitors: resistances ...
    resistances: [f64; 3],
    /// ... and the voltages behind them.
    voltages: [f64; 3],
    /// The capacitors' currents for one volt across each row's loop.
    conductances: [[f64; 3]; 3],
    /// The output voltage for one ampere through each capacitor.
    output: [f64; 3],
}

impl ToneStack {
    /// At rest, all knobs in the middle.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, a resistance outside 1 ohm to 1 gigaohm, or a capacitance outside
    /// 1 femtofarad to 1 millifarad.
    pub fn new(sample_rate_hz: f64, parts: ToneStackParts) -> Result<Self, DspError> {
        let (sample_rate_hz, parts) = (sample_rate(sample_rate_hz)?, parts.check()?);
        let capacitances = [parts.treble_farad, parts.bass_farad, parts.mid_farad];
        let mut stack = ToneStack {
            parts,
            bass_taper: Taper::Audio,
            knobs: [Ramp::new(0.5, 20.0, sample_rate_hz); 3],
            resistances: capacitances.map(|farad| 0.5 / (sample_rate_hz * farad)),
            voltages: [0.0; 3],
            conductances: [[0.0; 3]; 3],
            output: [0.0; 3],
        };
        stack.turn();
        Ok(stack)
    }

    /// The same with another potentiometer for the bass.
    #[must_use]
    pub fn with_bass_taper(mut self, taper: Taper) -> Self {
        self.bass_taper = taper;
        self.turn();
        self
    }

    /// Turns the treble, from 0 to 1; NaN is ignored, here as below.
    pub fn set_treble(&mut self, position: f64) {
        self.knobs[0].set(position);
    }

    /// Turns the middle, from 0 to 1.
    pub fn set_mid(&mut self, position: f64) {
        self.knobs[1].set(position);
    }

    /// Turns the bass, from 0 to 1.
    pub fn set_bass(&mut self, position: f64) {
        self.knobs[2].set(position);
    }

    /// Empties the capacitors, and puts the knobs where they were last set to.
    pub fn reset(&mut self) {
        self.voltages = [0.0; 3];
        self.knobs.iter_mut().for_each(Ramp::arrive);
        self.turn();
    }

    per_sample!();

    /// One sample, in volts.
    fn tick(&mut self, input: f64) -> f64 {
        let input = volts(input);
        let mut moved = false;
        for knob in &mut self.knobs {
            moved |= knob.advance();
        }
        if moved {
            self.turn();
        }
        let [r1, r2, r3] = self.conductances;
        let across = self.voltages.map(|held| input - held);
        let current = |row: [f64; 3]| row[0] * across[0] + row[1] * across[1] + row[2] * across[2];
        let currents = [current(r1), current(r2), current(r3)];
        for ((voltage, resistance), current) in self.voltages.iter_mut().zip(self.resistances).zip(currents) {
            *voltage = flush(*voltage + 2.0 * resistance * current);
        }
        audible(self.output[0] * currents[0] + self.output[1] * currents[1] + self.output[2] * currents[2])
    }

    /// The circuit for the knobs' positions. Three loops lead from the input to ground: through C1, through R4 and C2, and through R4 and C3. All
    /// go through the lower part of the middle potentiometer, the first two through its upper part and the bass as well. With `r` of the
    /// trapezoidal rule in each the matrix is symmetric and positive definite, even where a potentiometer has no resistance left.
    fn turn(&mut self) {
        let [treble, mid, bass] = self.knobs.map(|knob| knob.value());
        let bass = match self.bass_taper {
            Taper::Linear => bass,
            Taper::Audio => Scalar::exp(3.4 * (bass - 1.0)),
        };
        let ToneStackParts { treble_ohm, bass_ohm, mid_ohm, slope_ohm, .. } = self.parts;
        let [r1, r2, r3] = self.resistances;
        let lower = mid * mid_ohm;
        let both = lower + (1.0 - mid) * mid_ohm + bass * bass_ohm;
        let [a, b, c] = [r1 + treble_ohm + both, r2 + slope_ohm + both, r3 + slope_ohm + lower];
        let [d, e, f] = [both, lower, slope_ohm + lower]; // between loops 1 and 2, 1 and 3, 2 and 3
        let (aa, bb, cc) = (b * c - f * f, a * c - e * e, a * b - d * d);
        let (dd, ee, ff) = (e * f - d * c, d * f - e * b, d * e - a * f);
        let scale = 1.0 / (a * aa + d * dd + e * ee);
        self.conductances = [[aa, dd, ee], [dd, bb, ff], [ee, ff, cc]].map(|row| row.map(|v| scale * v));
        self.output = [treble * treble_ohm + both, both, lower];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn turn(stack: &mut ToneStack, [treble, mid, bass]: [f64; 3]) {
        stack.set_treble(treble);
        stack.set_mid(mid);
        stack.set_bass(bass);
    }

    /// `|H|` in decibels at the reference's frequencies, of a stack at wiper positions that are not those of knobs.
    fn response(parts: ToneStackParts, [t, m, l]: [f64; 3], sample_rate_hz: f64) -> Vec<f64> {
        let mut stack = ToneStack::new(sample_rate_hz, parts).unwrap().with_bass_taper(Taper::Linear);
        turn(&mut stack, [t, m, l]);
        stack.reset();
        let mut h = vec![0.0f64; sample_rate_hz as usize];
        h[0] = 1.0;
        stack.process_in_place(&mut h);
        let magnitude = |frequency_hz: f64| {
            // Where the bilinear transform puts that frequency.
            let w = 2.0 * (core::f64::consts::PI * frequency_hz / sample_rate_hz).atan();
            let (re, im) = h.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, h)| {
                let (sin, cos) = (w * n as f64).sin_cos();
                (re + h * cos, im - h * sin)
            });
            20.0 * (re * re + im * im).sqrt().log10()
        };
        [20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 20e3].map(magnitude).to_vec()
    }

    /// Magnitudes of the analogue transfer function, computed with another program.
    #[test]
    fn the_magnitudes_are_those_of_the_analogue_circuits() {
        let cases = [
            (
                ToneStackParts::BASSMAN,
                [0.5; 3],
                [-2.4638, -1.6420, -2.7957, -5.8924, -11.5125, -11.7494, -8.2759, -5.2866, -4.5920, -4.3985],
            ),
            (
                ToneStackParts::BASSMAN,
                [0.0; 3],
                [-24.3463, -18.1015, -15.4767, -14.6672, -15.6521, -18.2434, -22.0817, -28.3399, -33.9092, -39.7988],
            ),
            (ToneStackParts::BASSMAN, [1.0; 3], [-0.9483, -1.1817, -2.8530, -6.0363, -9.0530, -7.0907, -3.6143, -0.8685, -0.2360, -0.0603]),
            (ToneStackParts::JCM800, [0.5; 3], [-1.8822, -0.9595, -1.6247, -3.9037, -8.6122, -8.3552, -5.8198, -4.2792, -3.9954, -3.9211]),
        ];
        for (parts, knobs, expected) in cases {
            for (found, expected) in response(parts, knobs, 96e3).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{knobs:?}: {found} {expected}"); // four decimals
            }
        }
    }

    /// The bilinear transform at 48 kHz, computed with another program.
    #[test]
    fn at_48_khz_the_impulse_response_is_that_of_the_published_coefficients() {
        let bassman = (
            [0.553337445502398, -1.58511681855969, 1.5146350205029, -0.482855647445605],
            [-2.69994435072756, 2.40523370107535, -0.705280924002063],
        );
        let jcm800 = (
            [0.609517085401878, -1.75370804500352, 1.68287660050789, -0.538685640906254],
            [-2.79272727743706, 2.58997849331972, -0.797244264356836],
        );
        for (parts, (b, a)) in [(ToneStackParts::BASSMAN, bassman), (ToneStackParts::JCM800, jcm800)] {
            let mut stack = ToneStack::new(48e3, parts).unwrap().with_bass_taper(Taper::Linear);
            let mut expected = vec![0.0f64; 300];
            for n in 0..expected.len() {
                let past = |k: usize| if n >= k { expected[n - k] } else { 0.0 };
                expected[n] = b.get(n).unwrap_or(&0.0) - a[0] * past(1) - a[1] * past(2) - a[2] * past(3);
            }
            let mut found = vec![0.0f64; 300];
            found[0] = 1.0;
            stack.process_in_place(&mut found);
            for (n, (f, e)) in found.iter().zip(&expected).enumerate() {
                assert!((f - e).abs() < 1e-10, "{n}: {f} {e}"); // fifteen digits of each coefficient, and three poles near 1
            }
        }
    }

    /// The transfer function of the reference, term by term, and its bilinear transform: `(b, a)` of `z^0 .. z^-3`.
    fn published(parts: ToneStackParts, [t, m, l]: [f64; 3], sample_rate_hz: f64) -> ([f64; 4], [f64; 4]) {
        let ToneStackParts { treble_ohm: r1, bass_ohm: r2, mid_ohm: r3, slope_ohm: r4, .. } = parts;
        let ToneStackParts { treble_farad: c1, bass_farad: c2, mid_farad: c3, .. } = parts;
        let all = c1 * c2 * c3;
        let lm3 = l * m * (all * r1 * r2 * r3 + all * r2 * r3 * r4);
        let mm3 = m * m * (all * r1 * r3 * r3 + all * r3 * r3 * r4);
        let b = [
            0.0,
            t * c1 * r1 + m * c3 * r3 + l * (c1 * r2 + c2 * r2) + c1 * r3 + c2 * r3,
            t * (c1 * c2 * r1 * r4 + c1 * c3 * r1 * r4) - m * m * (c1 * c3 * r3 * r3 + c2 * c3 * r3 * r3)
                + m * (c1 * c3 * r1 * r3 + c1 * c3 * r3 * r3 + c2 * c3 * r3 * r3)
                + l * (c1 * c2 * r1 * r2 + c1 * c2 * r2 * r4 + c1 * c3 * r2 * r4)
                + l * m * (c1 * c3 * r2 * r3 + c2 * c3 * r2 * r3)
                + (c1 * c2 * r1 * r3 + c1 * c2 * r3 * r4 + c1 * c3 * r3 * r4),
            lm3 - mm3 + m * (all * r1 * r3 * r3 + all * r3 * r3 * r4) + t * all * r1 * r3 * r4 - t * m * all * r1 * r3 * r4
                + t * l * all * r1 * r2 * r4,
        ];
        let a = [
            1.0,
            c1 * r1 + c1 * r3 + c2 * r3 + c2 * r4 + c3 * r4 + m * c3 * r3 + l * (c1 * r2 + c2 * r2),
            m * (c1 * c3 * r1 * r3 - c2 * c3 * r3 * r4 + c1 * c3 * r3 * r3 + c2 * c3 * r3 * r3)
                + l * m * (c1 * c3 * r2 * r3 + c2 * c3 * r2 * r3)
                - m * m * (c1 * c3 * r3 * r3 + c2 * c3 * r3 * r3)
                + l * (c1 * c2 * r2 * r4 + c1 * c2 * r1 * r2 + c1 * c3 * r2 * r4 + c2 * c3 * r2 * r4)
                + (c1 * c2 * r1 * r4 + c1 * c3 * r1 * r4 + c1 * c2 * r3 * r4 + c1 * c2 * r1 * r3 + c1 * c3 * r3 * r4 + c2 * c3 * r3 * r4),
            lm3 - mm3 + m * (all * r3 * r3 * r4 + all * r1 * r3 * r3 - all * r1 * r3 * r4) + l * all * r1 * r2 * r4 + all * r1 * r3 * r4,
        ];
        // c^k (1 - z)^k (1 + z)^(3 - k)
        let powers = [[1.0, 3.0, 3.0, 1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0], [1.0, -3.0, 3.0, -1.0]];
        let transform = |p: [f64; 4]| {
            let mut sums = [0.0; 4];
            for (k, p) in p.into_iter().enumerate() {
                let scale = p * (2.0 * sample_rate_hz).powi(k as i32);
                sums.iter_mut().zip(powers[k]).for_each(|(sum, power)| *sum += scale * power);
            }
            sums
        };
        let (b, a) = (transform(b), transform(a));
        (b.map(|v| v / a[0]), a.map(|v| v / a[0]))
    }

    #[test]
    fn every_position_of_every_stack_is_the_published_transfer_function() {
        let stacks =
            [ToneStackParts::BASSMAN, ToneStackParts::TWIN, ToneStackParts::JTM45, ToneStackParts::JCM800, ToneStackParts::MESA_MARK];
        for parts in stacks {
            for n in 0..125 {
                let knobs = [n % 5, n / 5 % 5, n / 25].map(|k| 0.25 * f64::from(k));
                let mut stack = ToneStack::new(48e3, parts).unwrap().with_bass_taper(Taper::Linear);
                turn(&mut stack, knobs);
                stack.reset();
                let (b, a) = published(parts, knobs, 48e3);
                let x: Vec<f64> = (0..400).map(|n| (0.37 * f64::from(n)).sin() + (0.05 * f64::from(n)).cos()).collect();
                let (mut y, mut expected) = (x.clone(), vec![0.0f64; x.len()]);
                stack.process_in_place(&mut y);
                for n in 0..x.len() {
                    let past = |v: &[f64], k: usize| if n >= k { v[n - k] } else { 0.0 };
                    expected[n] = (0..4).map(|k| b[k] * past(&x, k)).sum::<f64>() - (1..4).map(|k| a[k] * past(&expected, k)).sum::<f64>();
                    assert!((y[n] - expected[n]).abs() < 1e-10, "{parts:?} at {knobs:?}, {n}: {} {}", y[n], expected[n]);
                }
            }
        }
    }

    #[test]
    fn a_passive_circuit_gives_no_more_than_it_gets_whatever_the_knobs_do() {
        let mut stack = ToneStack::new(48e3, ToneStackParts::BASSMAN).unwrap();
        let (mut given, mut got) = (0.0f64, 0.0f64);
        for n in 0..96_000 {
            if n % 37 == 0 {
                let far = f64::from(n / 37 % 2);
                turn(&mut stack, [far, 1.0 - far, far]);
            }
            let x = if (n / 100) % 2 == 0 { 1.0f64 } else { -1.0 };
            let mut y = [x];
            stack.process_in_place(&mut y);
            (given, got) = (given.max(x.abs()), got.max(y[0].abs()));
        }
        // A step may leave a capacitor's charge on top of the next one: at most twice the input.
        assert!(got <= 2.0 * given, "{got}");
    }

    #[test]
    fn a_turn_of_a_knob_glides() {
        let mut stack = ToneStack::new(48e3, ToneStackParts::TWIN).unwrap();
        let mut y: Vec<f64> = (0..48_000).map(|n| (0.0144 * f64::from(n)).sin()).collect();
        stack.process_in_place(&mut y[..24_000]);
        turn(&mut stack, [1.0, 0.0, 1.0]);
        stack.process_in_place(&mut y[24_000..]);
        let roughness = |y: &[f64]| y.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f64::max);
        let (before, moving, after) = (roughness(&y[12_000..23_000]), roughness(&y[23_900..26_000]), roughness(&y[36_000..]));
        assert!(moving <= 1.1 * before.max(after), "{before} {moving} {after}");
    }

    #[test]
    fn parts_that_no_shop_sells_are_refused_by_name() {
        let refused = |parts| ToneStack::new(48e3, parts).map(|_| ()).unwrap_err();
        let shorted = ToneStackParts { slope_ohm: 0.0, ..ToneStackParts::TWIN };
        assert_eq!(refused(shorted), DspError::OutOfRange { name: "slope_ohm", expected: "1 to 1e9", found: 0.0 });
        let huge = ToneStackParts { mid_farad: 1.0, ..ToneStackParts::TWIN };
        assert_eq!(refused(huge), DspError::OutOfRange { name: "mid_farad", expected: "1e-15 to 1e-3", found: 1.0 });
        assert!(ToneStack::new(f64::NAN, ToneStackParts::TWIN).is_err());
    }
}
