//! An electric guitar, played by a seed.

use super::exact::{cos_turns, sin_turns};
use super::rng::Rng;
use super::score::{Action, Event, Score, TUNING};
use super::string::PluckedString;
use crate::{DspError, flush};
use afx_core::Scalar;
use alloc::vec;
use alloc::vec::Vec;

/// Peak of [`GuitarPhrase::render`]: -12 dBFS.
const PEAK: f64 = 0.251_188_643_150_958;
/// Brings the loudest strums of most seeds near that peak when streaming.
const GAIN: f64 = 0.14;

/// A dry electric guitar as an interface records it: riffs, palm mutes, power chords, strums, arpeggios, bent and slid leads,
/// quiet single notes and rests, over 30 dB of dynamics. Any length, the same to the bit for the same seed and rate on every
/// machine.
///
/// It trains and tests effect models where no recording is at hand; it is a source, not a real-time part: it allocates when it
/// makes up the next bar.
///
/// ```
/// use afx_dsp::source::GuitarPhrase;
///
/// let dry: Vec<f32> = GuitarPhrase::render(1, 48e3, 4800)?;
/// assert_eq!(dry.len(), 4800);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GuitarPhrase {
    rate_hz: f64,
    score: Score,
    /// Noise of the strokes, apart from the choices of the score.
    noise: Rng,
    strings: Vec<PluckedString>,
    /// In the order of time, from `done`.
    events: Vec<Event>,
    done: usize,
    bar_s: f64,
    frame: u64,
    pickup: Pickup,
}

impl GuitarPhrase {
    /// The phrase that belongs to `seed`.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 8 kHz to 768 kHz.
    pub fn new(seed: u64, sample_rate_hz: f64) -> Result<Self, DspError> {
        let mut rng = Rng::new(seed);
        let noise = Rng::new(rng.next_u64());
        // bridge to neck, and a cable of its own: a seed is also an instrument
        let place = rng.range(0.07, 0.24);
        let (resonance_hz, q) = (rng.range(3.0e3, 5.5e3), rng.range(0.9, 2.0));
        let strings = TUNING.iter().map(|_| PluckedString::new(sample_rate_hz, place)).collect::<Result<Vec<_>, _>>()?;
        Ok(GuitarPhrase {
            rate_hz: sample_rate_hz,
            score: Score::new(rng),
            noise,
            strings,
            events: Vec::new(),
            done: 0,
            bar_s: 0.05,
            frame: 0,
            pickup: Pickup::new(sample_rate_hz, resonance_hz, q),
        })
    }

    /// The next samples. How the signal is cut into calls does not change it. Peaks lie near -12 dBFS.
    pub fn fill<T: Scalar>(&mut self, samples: &mut [T]) {
        for s in samples {
            let now_s = self.frame as f64 / self.rate_hz;
            // the next bar may start with an event a hair before its time
            while now_s + 0.1 >= self.bar_s {
                self.bar_s = self.score.bar(self.bar_s, &mut self.events);
                self.events.drain(..self.done);
                self.done = 0;
                self.events.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
            }
            while let Some(&event) = self.events.get(self.done).filter(|e| e.at_s <= now_s) {
                self.done += 1;
                self.apply(event);
            }
            self.frame += 1;
            let sum: f64 = self.strings.iter_mut().map(PluckedString::tick).sum();
            *s = T::from_f64(GAIN * self.pickup.tick(sum));
        }
    }

    fn apply(&mut self, event: Event) {
        if let Some(string) = self.strings.get_mut(event.string) {
            match event.action {
                Action::Pluck(pluck) => string.pluck(pluck, &mut self.noise),
                Action::Refret(pitch) => string.refret(pitch),
                Action::Damp => string.damp(),
            }
        }
    }

    /// The first `frames` samples of the phrase, scaled to a peak of exactly -12 dBFS (0.2512).
    ///
    /// # Errors
    /// As [`GuitarPhrase::new`].
    pub fn render<T: Scalar>(seed: u64, sample_rate_hz: f64, frames: usize) -> Result<Vec<T>, DspError> {
        let mut y = vec![0.0_f64; frames];
        GuitarPhrase::new(seed, sample_rate_hz)?.fill(&mut y);
        let peak = y.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let scale = if peak > 0.0 { PEAK / peak } else { 0.0 };
        Ok(y.into_iter().map(|v| T::from_f64(v * scale)).collect())
    }
}

/// Coil and cable: a resonant low-pass of second order (state-variable form).
#[derive(Clone, Debug)]
struct Pickup {
    a1: f64,
    a2: f64,
    a3: f64,
    s: [f64; 2],
}

impl Pickup {
    fn new(rate_hz: f64, resonance_hz: f64, q: f64) -> Self {
        let turns = 0.5 * (resonance_hz / rate_hz).min(0.4);
        let g = sin_turns(turns) / cos_turns(turns);
        let a1 = 1.0 / (1.0 + g * (g + 1.0 / q));
        Pickup { a1, a2: g * a1, a3: g * g * a1, s: [0.0; 2] }
    }

    #[inline(always)]
    fn tick(&mut self, x: f64) -> f64 {
        let v3 = x - self.s[1];
        let v1 = self.a1 * self.s[0] + self.a2 * v3;
        let v2 = self.s[1] + self.a2 * self.s[0] + self.a3 * v3;
        self.s = [flush(2.0 * v1 - self.s[0]), flush(2.0 * v2 - self.s[1])];
        v2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a of the bits of every sample.
    fn fingerprint(y: &[f32]) -> u64 {
        y.iter()
            .flat_map(|v| v.to_bits().to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    }

    #[test]
    fn a_seed_is_a_phrase_to_the_bit_however_it_is_cut() {
        let mut whole = vec![0.0_f32; 96_000];
        GuitarPhrase::new(42, 48e3).unwrap().fill(&mut whole);
        let (mut phrase, mut cut) = (GuitarPhrase::new(42, 48e3).unwrap(), vec![0.0_f32; 96_000]);
        for piece in cut.chunks_mut(977) {
            phrase.fill(&mut piece[..0]);
            phrase.fill(piece);
        }
        assert_eq!(whole, cut);
        // only additions, multiplications, divisions and integer arithmetic stand behind this number
        assert_eq!(fingerprint(&whole), 0xd6e1_a9df_583d_0ea1, "{:#x}", fingerprint(&whole));
        let mut other = vec![0.0_f32; 96_000];
        GuitarPhrase::new(43, 48e3).unwrap().fill(&mut other);
        assert_ne!(whole, other);
    }

    #[test]
    fn the_level_is_that_of_a_direct_input_with_wide_dynamics() {
        for seed in 0..6 {
            let fs = 48e3;
            let mut y = vec![0.0_f64; 40 * 48_000];
            GuitarPhrase::new(seed, fs).unwrap().fill(&mut y);
            let peak = 20.0 * y.iter().fold(0.0_f64, |m, v| m.max(v.abs())).log10();
            let mut levels: Vec<f64> =
                y.chunks(4800).map(|c| 10.0 * (c.iter().map(|v| v * v).sum::<f64>() / 4800.0).max(1e-20).log10()).collect();
            levels.sort_by(f64::total_cmp);
            let at = |share: f64| levels[(share * (levels.len() - 1) as f64) as usize];
            assert!((-18.0..-6.0).contains(&peak), "seed {seed}: peak {peak:.1} dBFS");
            // loud playing, half of the time above what the ear calls quiet, and a tenth of near silence
            assert!(at(0.99) > -30.0 && (-52.0..-33.0).contains(&at(0.5)) && at(0.1) < -55.0, "seed {seed}: {levels:?}");
            let mean = y.iter().sum::<f64>() / y.len() as f64;
            assert!(mean.abs() < 1e-4, "seed {seed}: direct current {mean}"); // -80 dBFS
        }
    }

    #[test]
    fn a_rendered_phrase_peaks_at_minus_12_dbfs_at_any_rate() {
        for rate in [8e3, 44.1e3, 96e3, 192e3] {
            let y: Vec<f64> = GuitarPhrase::render(5, rate, (4.0 * rate) as usize).unwrap();
            let peak = y.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            assert!((peak - PEAK).abs() < 1e-15 && y.iter().all(|v| v.is_finite()), "{rate}");
        }
        assert!(GuitarPhrase::render::<f32>(1, 48e3, 0).unwrap().is_empty());
        assert!(GuitarPhrase::new(1, 0.0).is_err());
    }
}
