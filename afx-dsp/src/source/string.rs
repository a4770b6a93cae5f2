//! One plucked string as a digital waveguide.

use super::exact::{cos_turns, exp2, sin_turns};
use super::rng::Rng;
use crate::{DspError, flush};
use alloc::vec;
use alloc::vec::Vec;

/// Samples between two looks at the pitch; the delay moves linearly in between.
const CONTROL: u32 = 32;
/// The lowest pitch a string can take, MIDI: the low B of a seven-string guitar.
const LOWEST: f64 = 35.0;
/// The highest, MIDI: beyond the 24th fret, with a bend.
const HIGHEST: f64 = 93.0;

/// How a note moves after the pluck.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gesture {
    /// Bend or slide, in semitones.
    pub bend: f64,
    /// When the bend starts, in seconds after the pluck.
    pub start_s: f64,
    /// How long it takes.
    pub bend_s: f64,
    /// Seconds held before it is taken back; 0 keeps it.
    pub hold_s: f64,
    /// Depth of the vibrato, which sets in after the bend.
    pub vibrato_cents: f64,
    /// Speed of the vibrato.
    pub vibrato_hz: f64,
}

/// One stroke of the pick.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pluck {
    /// Pitch as a MIDI note number, 69 for A 440 Hz, held to 35..=93.
    pub pitch: f64,
    /// Strength, 0 to 1; a strong stroke is also brighter.
    pub velocity: f64,
    /// How much the palm damps the string at the bridge, 0 to 1.
    pub mute: f64,
    /// Where the pick strikes, as a fraction of the string, 0 to 0.5 from the bridge.
    pub position: f64,
    /// What happens to the pitch.
    pub gesture: Gesture,
}

/// A string: a delay line of one period with a one-pole loss in the loop, excited by a pulse of the pick and its reflection
/// from the bridge, heard by a pickup as the difference between two places.
///
/// Karplus and Strong 1983 and Jaffe and Smith 1983 (Computer Music Journal 7(2)); pick and pickup combs after Karjalainen,
/// Välimäki and Tolonen 1998. The fractional part of the delay is a cubic Lagrange interpolator.
#[derive(Clone, Debug)]
pub struct PluckedString {
    rate_hz: f64,
    ring: Vec<f64>,
    at: usize,
    excitation: Vec<f64>,
    excitation_at: usize,
    pluck: Pluck,
    /// Seconds to -60 dB at the fundamental.
    decay_s: f64,
    pole: f64,
    gain: f64,
    low: f64,
    delay: f64,
    delay_step: f64,
    pickup: f64,
    age: u64,
    countdown: u32,
}

impl PluckedString {
    /// Silent, heard at `pickup` of its length (0 to 0.5 from the bridge).
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 8 kHz to 768 kHz.
    pub fn new(sample_rate_hz: f64, pickup: f64) -> Result<Self, DspError> {
        if !(8e3..=768e3).contains(&sample_rate_hz) {
            return Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "8e3 to 768e3", found: sample_rate_hz });
        }
        // one period of the lowest pitch an octave down leaves room for every gesture
        let longest = (sample_rate_hz / hertz(LOWEST - 12.0)) as usize + 8;
        let pluck = Pluck { pitch: 40.0, velocity: 0.0, mute: 0.0, position: 0.2, gesture: Gesture::default() };
        Ok(PluckedString {
            rate_hz: sample_rate_hz,
            ring: vec![0.0; longest.next_power_of_two()],
            at: 0,
            excitation: vec![0.0; longest],
            excitation_at: longest,
            pluck,
            decay_s: 0.05,
            pole: 0.5,
            gain: 0.0,
            low: 0.0,
            delay: 64.0,
            delay_step: 0.0,
            pickup: if pickup > 0.0 { pickup.min(0.5) } else { 0.1 },
            age: 0,
            countdown: 0,
        })
    }

    /// Strikes the string; what still rings is damped by the pick. `rng` gives the noise of the stroke.
    pub fn pluck(&mut self, mut pluck: Pluck, rng: &mut Rng) {
        let held = |v: f64, low: f64, high: f64| if v.is_nan() { low } else { v.clamp(low, high) };
        pluck.pitch = held(pluck.pitch, LOWEST, HIGHEST);
        pluck.velocity = held(pluck.velocity, 0.0, 1.0);
        pluck.mute = held(pluck.mute, 0.0, 1.0);
        pluck.position = held(pluck.position, 0.02, 0.5);
        let gesture = &mut pluck.gesture;
        for v in [&mut gesture.start_s, &mut gesture.bend_s, &mut gesture.hold_s, &mut gesture.vibrato_cents, &mut gesture.vibrato_hz] {
            *v = held(*v, 0.0, 200.0);
        }
        gesture.bend = held(gesture.bend, -12.0, 12.0);
        self.pluck = pluck;
        for s in &mut self.ring {
            *s *= 0.3;
        }
        self.low *= 0.3;
        // higher strings ring shorter and lose more; the palm takes most of both
        let open = 5.5 * exp2((40.0 - pluck.pitch) / 24.0);
        let muted = 1.0 - pluck.mute;
        self.decay_s = 0.12 + (open - 0.12) * muted * muted;
        self.pole = 0.1 + 0.45 * pluck.mute - 0.05 * pluck.velocity * muted;
        (self.age, self.countdown) = (0, 0);
        self.delay = self.period(0.0);
        self.excite(rng);
    }

    /// Moves to another pitch without a new stroke: a hammer-on or pull-off.
    pub fn refret(&mut self, pitch: f64) {
        if !pitch.is_nan() {
            self.pluck.pitch = pitch.clamp(LOWEST, HIGHEST);
            self.pluck.gesture = Gesture::default();
        }
    }

    /// Lays a hand on the string: silent within about 100 ms.
    pub fn damp(&mut self) {
        self.decay_s = 0.07;
        self.pole = 0.45;
        self.countdown = 0;
    }

    /// The velocity wave of a string let go from a corner: a step, softened to a raised cosine and rough from the pick, that
    /// ends when its reflection from the bridge arrives.
    fn excite(&mut self, rng: &mut Rng) {
        let Pluck { velocity, mute, position, .. } = self.pluck;
        let width = ((0.4e-3 - 0.28e-3 * velocity + 0.3e-3 * mute) * self.rate_hz) as usize + 2;
        let echo = (position * self.delay) as usize + 1;
        self.excitation.fill(0.0);
        let (room, noise) = (self.excitation.len(), 0.3 + 0.5 * mute);
        for n in 0..width {
            let shape = 1.0 - cos_turns((n as f64 + 0.5) / width as f64);
            let e = velocity * shape * (1.0 + noise * rng.range(-1.0, 1.0)) / width as f64;
            for (place, sign) in [(n, 1.0), (n + echo, -1.0)] {
                if place < room {
                    self.excitation[place] += sign * e;
                }
            }
        }
        let mut step = 0.0;
        for e in &mut self.excitation[..(width + echo).min(room)] {
            step += *e;
            *e = step;
        }
        // the pick scrapes for some milliseconds before it lets go of the winding
        let scrape = ((0.006 * self.rate_hz) as usize).min(room);
        for (n, e) in self.excitation[..scrape].iter_mut().enumerate() {
            *e += 0.16 * velocity * (1.0 - n as f64 / scrape as f64) * rng.range(-1.0, 1.0);
        }
        self.excitation_at = 0;
    }

    /// Loop delay in samples `t` seconds after the pluck.
    fn period(&self, t: f64) -> f64 {
        let Gesture { bend, start_s, bend_s, hold_s, vibrato_cents, vibrato_hz } = self.pluck.gesture;
        let way = |from: f64| {
            let x = ((t - from) / bend_s.max(1e-3)).clamp(0.0, 1.0);
            x * x * (3.0 - 2.0 * x)
        };
        let mut pitch = self.pluck.pitch + bend * way(start_s);
        if hold_s > 0.0 {
            pitch -= bend * way(start_s + bend_s + hold_s);
        }
        let settled = ((t - start_s - bend_s) / 0.25).clamp(0.0, 1.0);
        pitch += 0.01 * vibrato_cents * settled * sin_turns(vibrato_hz * t);
        // a hard stroke stretches the string: up to 15 cents that vanish in a tenth of a second
        pitch += 0.15 * self.pluck.velocity * self.pluck.velocity * exp2(-t * 40.0);
        // the phase delay of the one-pole at low frequencies belongs to the period
        (self.rate_hz / hertz(pitch) - self.pole / (1.0 - self.pole)).clamp(3.0, (self.ring.len() - 4) as f64)
    }

    fn control(&mut self) {
        let t = self.age as f64 / self.rate_hz;
        let next = self.period(t + f64::from(CONTROL) / self.rate_hz);
        // at most 1 % per look, so that a hammer-on glides for a few milliseconds instead of clicking
        let step = (next - self.delay).clamp(-0.01 * self.delay, 0.01 * self.delay);
        self.delay_step = step / f64::from(CONTROL);
        // -60 dB is 2^-9.966
        self.gain = exp2(-9.965_784_284_662_087 * self.delay / (self.rate_hz * self.decay_s));
        self.countdown = CONTROL;
    }

    /// The next sample.
    #[inline]
    pub fn tick(&mut self) -> f64 {
        if self.countdown == 0 {
            self.control();
        }
        self.countdown -= 1;
        self.age += 1;
        self.delay += self.delay_step;
        let mut s = 0.0;
        if let Some(&e) = self.excitation.get(self.excitation_at) {
            self.excitation_at += 1;
            s = e;
        }
        let back = self.read_cubic(self.delay);
        self.low = flush(self.low + (1.0 - self.pole) * (back - self.low));
        s = flush(s + self.gain * self.low);
        let mask = self.ring.len() - 1;
        self.at = (self.at + 1) & mask;
        self.ring[self.at] = s;
        s - self.read_linear(self.pickup * self.delay)
    }

    /// The ring `delay` samples before the one that is written next.
    #[inline(always)]
    fn read_cubic(&self, delay: f64) -> f64 {
        let whole = delay as usize;
        let f = delay - whole as f64;
        let mask = self.ring.len() - 1;
        let tap = |back: usize| self.ring[self.at.wrapping_add(1).wrapping_sub(back) & mask];
        let (f0, f1, f2) = (f + 1.0, f - 1.0, f - 2.0);
        let outer = tap(whole + 2) * f0 * f * f1 - tap(whole - 1) * f * f1 * f2;
        let inner = tap(whole) * f0 * f1 * f2 - tap(whole + 1) * f0 * f * f2;
        outer * (1.0 / 6.0) + inner * 0.5
    }

    /// The ring `delay` samples before the newest.
    #[inline(always)]
    fn read_linear(&self, delay: f64) -> f64 {
        let whole = delay as usize;
        let mask = self.ring.len() - 1;
        let tap = |back: usize| self.ring[self.at.wrapping_sub(back) & mask];
        tap(whole) + (delay - whole as f64) * (tap(whole + 1) - tap(whole))
    }
}

/// Frequency of a MIDI note number.
fn hertz(pitch: f64) -> f64 {
    440.0 * exp2((pitch - 69.0) / 12.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(pluck: Pluck, frames: usize) -> Vec<f64> {
        let mut string = PluckedString::new(48e3, 0.13).unwrap();
        string.pluck(pluck, &mut Rng::new(3));
        (0..frames).map(|_| string.tick()).collect()
    }

    fn note(pitch: f64) -> Pluck {
        Pluck { pitch, velocity: 0.3, mute: 0.0, position: 0.2, gesture: Gesture::default() }
    }

    fn rms(x: &[f64]) -> f64 {
        (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt()
    }

    /// Fundamental from the lag of the strongest correlation near the expected period, refined by a parabola.
    fn found_hz(x: &[f64], about_hz: f64) -> f64 {
        let near = (48e3 / about_hz) as usize;
        let half = x.len() / 2;
        let r = |lag: usize| (0..half).map(|n| x[n] * x[n + lag]).sum::<f64>();
        let lag = (near * 9 / 10..=near * 11 / 10 + 1).max_by(|&a, &b| r(a).total_cmp(&r(b))).unwrap();
        let (a, b, c) = (r(lag - 1), r(lag), r(lag + 1));
        48e3 / (lag as f64 + 0.5 * (a - c) / (a - 2.0 * b + c))
    }

    #[test]
    fn a_string_sounds_at_its_pitch() {
        for pitch in [40.0, 45.0, 50.0, 57.0, 64.0, 72.0] {
            let y = played(note(pitch), 48000);
            let cents = 1200.0 * (found_hz(&y[24000..36000], hertz(pitch)) / hertz(pitch)).log2();
            // the one-pole's delay falls a little at higher partials, which sharpens them
            assert!(cents.abs() < 6.0, "pitch {pitch}: {cents} cents");
        }
    }

    #[test]
    fn a_bend_arrives_and_is_taken_back() {
        let gesture = Gesture { bend: 2.0, start_s: 0.1, bend_s: 0.2, hold_s: 0.5, ..Gesture::default() };
        let y = played(Pluck { gesture, ..note(62.0) }, 72000);
        for (range, pitch) in [(0..4800, 62.0), (20000..34000, 64.0), (56000..70000, 62.0)] {
            let cents = 1200.0 * (found_hz(&y[range], hertz(pitch)) / hertz(pitch)).log2();
            assert!(cents.abs() < 8.0, "{cents} cents from {pitch}"); // the stroke adds 1.4 at the start
        }
    }

    #[test]
    fn a_palm_mute_dies_soon_and_a_damped_string_at_once() {
        let (open, muted) = (played(note(40.0), 48000), played(Pluck { mute: 1.0, ..note(40.0) }, 48000));
        let fall = |y: &[f64]| 20.0 * (rms(&y[12000..16000]) / rms(&y[..4000])).log10();
        assert!(fall(&open) > -10.0 && fall(&muted) < -50.0, "{} {}", fall(&open), fall(&muted));
        let mut string = PluckedString::new(48e3, 0.13).unwrap();
        string.pluck(note(40.0), &mut Rng::new(3));
        (0..12000).for_each(|_| {
            string.tick();
        });
        string.damp();
        let y: Vec<f64> = (0..96000).map(|_| string.tick()).collect();
        assert!(rms(&y[7200..9600]) < 1e-3 * rms(&y[..480]));
        assert!(y[95000..].iter().all(|v| v.abs() < 1e-29), "silence ends at zero, not in subnormal numbers");
        string.pluck(Pluck { mute: 1.0, ..note(40.0) }, &mut Rng::new(3));
        let last = (0..144_000).map(|_| string.tick()).last();
        assert_eq!((last, string.low), (Some(0.0), 0.0), "the loss in the loop of a muted string halves too slowly to end by itself");
    }

    #[test]
    fn a_strong_stroke_is_louder_and_brighter() {
        let (soft, hard) = (played(Pluck { velocity: 0.1, ..note(45.0) }, 9600), played(Pluck { velocity: 1.0, ..note(45.0) }, 9600));
        let brightness = |y: &[f64]| rms(&y.windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>()) / rms(y);
        // after the scrape of the pick, which both have; velocities are 10 apart, and brightness adds to that
        let (soft, hard) = (&soft[960..], &hard[960..]);
        let (louder, brighter) = (rms(hard) / rms(soft), brightness(hard) / brightness(soft));
        assert!((9.0..15.0).contains(&louder) && brighter > 1.15, "{louder} {brighter}");
    }

    #[test]
    fn nonsense_is_held_to_what_a_string_can_do() {
        for v in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300] {
            let gesture = Gesture { bend: v, start_s: v, bend_s: v, hold_s: v, vibrato_cents: v, vibrato_hz: v };
            for rate in [8e3, 48e3, 768e3] {
                let mut string = PluckedString::new(rate, v).unwrap();
                string.pluck(Pluck { pitch: v, velocity: v, mute: v, position: v, gesture }, &mut Rng::new(1));
                assert!((0..20000).all(|_| string.tick().abs() < 10.0), "{v} at {rate}");
                string.refret(v);
                assert!((0..20000).all(|_| string.tick().abs() < 10.0), "{v} at {rate}, refretted");
            }
        }
        assert!(PluckedString::new(1e3, 0.1).is_err());
    }
}
