//! Overdrive with a diode pair in the feedback of an amplifier, and a tone control that fades low-pass into high-pass.

use super::diode::DiodePair;
use super::{REFERENCE, reference_rate, volts};
use crate::error::sample_rate;
use crate::oversample::{Downsampler, HalfBand, Upsampler};
use crate::{DspError, flush};
use afx_core::{Ramp, Scalar};
use alloc::vec;
use alloc::vec::Vec;

/// Volts at the circuit for a sample of 1.
const INPUT_GAIN: f64 = 0.1;
const R1: f64 = 4.7e3;
const C1: f64 = 47e-9;
const C2: f64 = 51e-12;
const IS: f64 = 2.52e-9;
const N_VT: f64 = 45.3e-3;
const LOW_HZ: f64 = 320.0;
const HIGH_HZ: f64 = 1160.0;

/// A synthetic overdrive pedal whose exact output is known: the differential equation of a clipping amplifier of the
/// Tube Screamer topology, followed by a tone control.
///
/// With the input `u = 0.1 x` volts:
///
/// ```text
/// i = (u - v1) / R1            C1 v1' = i
/// C2 v2' = i - v2 / R2 - 2 Is sinh(v2 / nVt)
/// vo = u + v2
/// l' = wl (vo - l)             h' = wh (vo - h)
/// y = (1 - tone) l + tone (vo - h)
/// ```
///
/// `R1` = 4.7 kOhm, `C1` = 47 nF, `C2` = 51 pF, `R2` = 5.1 kOhm + 500 kOhm (81^drive - 1) / 80, `Is` = 2.52 nA,
/// `nVt` = 45.3 mV, `wl` = 2 pi 320 Hz, `wh` = 2 pi 1160 Hz. The output `y` is in volts. Topology and parts: Yeh, Abel and
/// Smith 2007, "Simplified, physically-informed models of distortion and overdrive guitar effects pedals" (DAFx-07); `R2`
/// and the corners are chosen so that both knobs matter everywhere.
///
/// Integrated with the trapezoidal rule; relative squared error against the exact solution of a decaying 440 Hz sine at
/// 48 kHz and 1, 2, 4, 8, 16 times that: 5e-7, 2e-8, 5e-10, 3e-11, 2e-12. Run it in an [`crate::Oversampler`].
///
/// ```
/// use afx_dsp::{Factor, HalfBand, Oversampler, circuit::SynthOd};
///
/// let mut oversampler = Oversampler::<f32>::new(Factor::X4, HalfBand::LinearPhase);
/// let mut overdrive = SynthOd::new(4.0 * 48e3)?;
/// overdrive.set_drive(0.7);
/// let mut block = [0.1; 64];
/// oversampler.process_in_place(&mut block, |samples| overdrive.process_in_place(samples));
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
///
/// Real-time: everything but `render` and `render_grid` allocates nothing. Stable for any input: see [`crate::circuit`].
#[derive(Clone, Debug)]
pub struct SynthOd {
    drive: Ramp,
    tone: Ramp,
    clip: Clip,
    tilt: Tilt,
}

impl SynthOd {
    /// At rest, both knobs at 0.5. `sample_rate_hz` is the rate it runs at, oversampling included.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        let fs = sample_rate(sample_rate_hz)?;
        let knob = Ramp::new(0.5, 20.0, fs);
        Ok(SynthOd { drive: knob, tone: knob, clip: Clip::new(fs, 0.5), tilt: Tilt::new(fs) })
    }

    /// Moves the drive knob to 0..=1, where it arrives within 20 ms of the last change; values beyond are held to the ends, NaN is
    /// ignored. It may be called for every block or sample: the same value again changes nothing, another one is turned to at the
    /// speed the knob has.
    pub fn set_drive(&mut self, drive: f64) {
        self.drive.set(drive);
    }

    /// Moves the tone knob, as [`SynthOd::set_drive`] does.
    pub fn set_tone(&mut self, tone: f64) {
        self.tone.set(tone);
    }

    /// Discharges the capacitors and puts the knobs where they were last set to.
    pub fn reset(&mut self) {
        self.drive.arrive();
        self.tone.arrive();
        self.clip.set_drive(self.drive.value());
        self.clip.reset();
        self.tilt.reset();
    }

    per_sample!();

    #[inline]
    fn tick(&mut self, x: f64) -> f64 {
        if self.drive.advance() {
            self.clip.set_drive(self.drive.value());
        }
        self.tone.advance();
        let (low, high) = self.tilt.tick(self.clip.tick(volts(INPUT_GAIN * x)));
        low + self.tone.value() * (high - low)
    }

    /// The reference output for one setting: 8x oversampled with linear-phase half-bands of more than 120 dB, solved to
    /// 1e-13, latency removed. As long as `dry`.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 12.5 MHz or a knob outside 0..=1.
    pub fn render<T: Scalar>(dry: &[T], sample_rate_hz: f64, drive: f64, tone: f64) -> Result<Vec<T>, DspError> {
        let mut cells = Self::render_grid(dry, sample_rate_hz, &[drive], &[tone])?;
        Ok(cells.swap_remove(0))
    }

    /// [`SynthOd::render`] for every pair of a drive and a tone, in the order drive-major; much faster than one by one, because
    /// the clipper runs once per drive.
    ///
    /// # Errors
    /// As [`SynthOd::render`].
    pub fn render_grid<T: Scalar>(dry: &[T], sample_rate_hz: f64, drives: &[f64], tones: &[f64]) -> Result<Vec<Vec<T>>, DspError> {
        let fs = reference_rate(sample_rate_hz)?;
        for (name, knobs) in [("drive", drives), ("tone", tones)] {
            if let Some(&found) = knobs.iter().find(|k| !(0.0..=1.0).contains(*k)) {
                return Err(DspError::OutOfRange { name, expected: "0 to 1", found });
            }
        }
        let (low, high) = render_branches(dry, fs, drives);
        let mut cells = Vec::with_capacity(drives.len() * tones.len());
        for (low, high) in low.iter().zip(&high) {
            for &tone in tones {
                cells.push(low.iter().zip(high).map(|(l, h)| T::from_f64(l + tone * (h - l))).collect());
            }
        }
        Ok(cells)
    }
}

/// The low-passed and the high-passed output for each drive, at the rate of `dry`; `fs` is the high rate.
fn render_branches<T: Scalar>(dry: &[T], fs: f64, drives: &[f64]) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    const FRAMES: usize = 64;
    let step = REFERENCE.get();
    let mut up = Upsampler::<f64>::new(REFERENCE, HalfBand::LinearPhase);
    let down = Downsampler::<f64>::new(REFERENCE, HalfBand::LinearPhase);
    // whole frames: the compensating delay of the decimator sees to that
    let latency = (up.group_delay_samples() + down.group_delay_samples()) as usize / step;
    let mut clips: Vec<Clip> = drives.iter().map(|&drive| Clip::new(fs, drive)).collect();
    let mut tilts = vec![Tilt::new(fs); drives.len()];
    let mut downs = vec![[down.clone(), down]; drives.len()];
    let mut outs = (vec![vec![0.0; dry.len()]; drives.len()], vec![vec![0.0; dry.len()]; drives.len()]);

    let (mut base, mut high) = ([0.0; FRAMES], vec![0.0; FRAMES * step]);
    let mut clipped = vec![0.0; FRAMES * step * drives.len()];
    let mut branches = [vec![0.0; FRAMES * step], vec![0.0; FRAMES * step]];
    let total = dry.len() + latency;
    for start in (0..total).step_by(FRAMES) {
        let frames = FRAMES.min(total - start);
        for (n, b) in base[..frames].iter_mut().enumerate() {
            *b = dry.get(start + n).map_or(0.0, |x| x.to_f64());
        }
        up.process(&base[..frames], &mut high);
        // sample by sample over all drives: their solvers do not wait for each other
        for (n, &x) in high[..frames * step].iter().enumerate() {
            let u = volts(INPUT_GAIN * x);
            for (d, clip) in clips.iter_mut().enumerate() {
                clipped[d * FRAMES * step + n] = clip.tick(u);
            }
        }
        for d in 0..drives.len() {
            let clipped = &clipped[d * FRAMES * step..][..frames * step];
            for (n, &vo) in clipped.iter().enumerate() {
                (branches[0][n], branches[1][n]) = tilts[d].tick(vo);
            }
            let outs = [&mut outs.0[d], &mut outs.1[d]];
            for ((down, branch), out) in downs[d].iter_mut().zip(&branches).zip(outs) {
                down.process(&branch[..frames * step], &mut base[..frames]);
                let skipped = latency.saturating_sub(start).min(frames);
                let at = (start + skipped).saturating_sub(latency);
                out[at..at + frames - skipped].copy_from_slice(&base[skipped..frames]);
            }
        }
    }
    outs
}

/// The clipping amplifier. The trapezoidal rule is kept in the form `v = w + g f`, `w' = 2 v - w` with `g = h / (2 C)`, where
/// `f` is the current into the capacitor: `w` holds all memory and no function of the past need be evaluated again.
#[derive(Clone, Debug)]
struct Clip {
    /// `h / (2 R1 C1)` as the gain of a one-pole: `k / (1 + k)`.
    couple: f64,
    /// `g / (R1 nVt)`
    drive_gain: f64,
    /// `g = h / (2 C2)`
    g: f64,
    pair: DiodePair,
    /// Memory of `v1`, volts.
    s1: f64,
    /// Memory of `v2`, units of `nVt`.
    w: f64,
    /// The last three roots, units of `nVt`; their parabola guesses the next.
    x: [f64; 3],
}

impl Clip {
    fn new(fs: f64, drive: f64) -> Self {
        let (k, g) = (0.5 / (fs * R1 * C1), 0.5 / (fs * C2));
        let pair = DiodePair { a: 1.0, b: 2.0 * g * IS / N_VT };
        let mut clip = Clip { couple: k / (1.0 + k), drive_gain: g / (R1 * N_VT), g, pair, s1: 0.0, w: 0.0, x: [0.0; 3] };
        clip.set_drive(drive);
        clip
    }

    fn set_drive(&mut self, drive: f64) {
        /// ln 81
        const LN_TAPER: f64 = 4.394_449_154_672_439;
        let r2 = 5.1e3 + 500e3 * (Scalar::exp(LN_TAPER * drive) - 1.0) / 80.0;
        self.pair.a = 1.0 + self.g / r2;
    }

    fn reset(&mut self) {
        (self.s1, self.w, self.x) = (0.0, 0.0, [0.0; 3]);
    }

    /// Where the parabola through the last three roots goes.
    #[inline]
    fn guess(&self) -> f64 {
        3.0 * (self.x[0] - self.x[1]) + self.x[2]
    }

    /// `vo` for `u`, both in volts.
    #[inline]
    fn tick(&mut self, u: f64) -> f64 {
        let dv = (u - self.s1) * self.couple;
        let v1 = self.s1 + dv;
        self.s1 = flush(v1 + dv);
        let x = flush(self.pair.solve(self.w + self.drive_gain * (u - v1), self.guess()));
        self.x = [x, self.x[0], self.x[1]];
        self.w = flush(2.0 * x - self.w);
        u + N_VT * x
    }
}

/// The two one-poles of the tone control.
#[derive(Clone, Debug)]
struct Tilt {
    low: f64,
    high: f64,
    s: [f64; 2],
}

impl Tilt {
    fn new(fs: f64) -> Self {
        let gain = |corner_hz: f64| {
            let k = core::f64::consts::PI * corner_hz / fs;
            k / (1.0 + k)
        };
        Tilt { low: gain(LOW_HZ), high: gain(HIGH_HZ), s: [0.0; 2] }
    }

    fn reset(&mut self) {
        self.s = [0.0; 2];
    }

    /// `(l, vo - h)`
    #[inline(always)]
    fn tick(&mut self, vo: f64) -> (f64, f64) {
        let dl = (vo - self.s[0]) * self.low;
        let dh = (vo - self.s[1]) * self.high;
        let (l, h) = (self.s[0] + dl, self.s[1] + dh);
        self.s = [flush(l + dl), flush(h + dh)];
        (l, vo - h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guess_is_off_by_the_third_difference_of_a_sine() {
        use core::f64::consts::PI;
        let mut clip = Clip::new(48e3, 0.7);
        let (mut off, mut peak) = (0f64, 0f64);
        for n in 0..4000 {
            let guess = clip.guess();
            clip.tick(1e-6 * (2.0 * PI * 1e3 / 48e3 * f64::from(n)).sin()); // too small to bend
            if n > 2000 {
                (off, peak) = (off.max((guess - clip.x[0]).abs()), peak.max(clip.x[0].abs()));
            }
        }
        // the samples miss the peaks by up to 0.2 %
        assert!((off / peak / (2.0 * (PI / 48.0).sin()).powi(3) - 1.0).abs() < 0.005, "{off} of {peak}");
    }
}
