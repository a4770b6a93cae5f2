//! Feedback delay network.

use super::{Stereo, play};
use crate::delay::{DelayLine, Interpolation};
use crate::error::sample_rate;
use crate::knob::Knob;
use crate::{DspError, audible, flush};
use afx_core::{Processor, Scalar};
use alloc::vec::Vec;

/// `N` delay lines whose ends go back to all of their beginnings through an orthogonal matrix, with the decay set in seconds.
///
/// `s_i` is what line `i` gives, `v_i = k b_i x + Σ_j A_ij h_j s_j` what it takes, with Householder's `A = I - (2 / N) 1 1^T`. `h_i` loses what the line's
/// length is to lose for the signal to fall by 60 dB within the decay time: `10^(-3 m_i / (T fs))` for a line of `m_i` frames. A one-pole
/// low-pass in it makes that time shorter at 8 kHz (or a third of the sample rate, if that is less). Even lines take the left
/// channel and give it, odd ones the right; `k` makes lasting noise about as loud as it came. Jot and Chaigne 1991, "Digital delay networks
/// for designing artificial reverberators", 90th AES Convention.
///
/// - Two channels; only the reverberation is heard ([`Mix`](afx_core::Mix) adds the dry signal). The first reflection comes after the shortest line.
/// - Knobs: decay, 0.1 to 60 s, and the part of it that the high frequencies have, 0.05 to 1, both on a logarithmic scale.
/// - Real-time: nothing allocates after construction. `reset` clears the lines.
///
/// ```
/// use afx_core::{Mix, Processor};
/// use afx_dsp::reverb::FeedbackDelayNetwork;
///
/// let mut hall = FeedbackDelayNetwork::<f32, 16>::new(48e3, 20.0, 60.0)?;
/// hall.set_decay_s(3.2)?;
/// hall.set_damping(0.3)?; // 1 s at 8 kHz
/// let mut hall = Mix::<f32, _, 2>::new(hall, 20.0, 48e3);
/// hall.set_controls(&[-0.5]);
/// let (x, mut left, mut right) = ([0.1f32; 64], [0.0; 64], [0.0; 64]);
/// hall.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeedbackDelayNetwork<T: Scalar, const N: usize> {
    sample_rate_hz: f64,
    lines: Vec<DelayLine<T>>,
    frames: [usize; N],
    decay_s: Knob,
    damping: Knob,
    /// `h_i`: `low = gain s + pole low`.
    gains: [T; N],
    poles: [T; N],
    lows: [T; N],
    input: T,
}

/// Where the damping is set.
const HIGH_HZ: f64 = 8e3;

impl<T: Scalar, const N: usize> FeedbackDelayNetwork<T, N> {
    /// At rest, of lines from `shortest_ms` to `longest_ms`: prime numbers of frames, spread evenly on a logarithmic scale. It decays within
    /// 2 s, within 0.8 at high frequencies.
    ///
    /// A room of so many metres across has them at about 3 ms a metre.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 10 MHz, times that are not 1 to 1000 ms in that order, or an `N` that is odd or not
    /// 2 to 64.
    pub fn new(sample_rate_hz: f64, shortest_ms: f64, longest_ms: f64) -> Result<Self, DspError> {
        let refused = |name, expected, found| Err(DspError::OutOfRange { name, expected, found });
        if !(1.0..=1000.0).contains(&shortest_ms) {
            return refused("shortest_ms", "1 to 1000", shortest_ms);
        }
        if !(shortest_ms..=1000.0).contains(&longest_ms) {
            return refused("longest_ms", "shortest_ms to 1000", longest_ms);
        }
        let mut frames = [0; N];
        let mut least = 2;
        for (i, frames) in frames.iter_mut().enumerate() {
            let place = if N > 1 { i as f64 / (N - 1) as f64 } else { 0.0 };
            let ms = shortest_ms * Scalar::exp(place * Scalar::ln(longest_ms / shortest_ms));
            *frames = prime((1e-3 * ms * sample_rate(sample_rate_hz)?.min(1e7)) as usize).max(prime(least));
            least = *frames + 1;
        }
        Self::with_frames(sample_rate_hz, frames)
    }

    /// At rest, of lines of so many frames each; those without a common divisor sound best.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 10 MHz, a line of no frames or more than 2^24, or an `N` that is odd or not 2 to 64.
    pub fn with_frames(sample_rate_hz: f64, frames: [usize; N]) -> Result<Self, DspError> {
        let sample_rate_hz = sample_rate(sample_rate_hz)?;
        if sample_rate_hz > 1e7 {
            return Err(DspError::OutOfRange { name: "sample_rate_hz", expected: "1e3 to 1e7", found: sample_rate_hz });
        }
        if !(2..=64).contains(&N) || N % 2 == 1 {
            return Err(DspError::OutOfRange { name: "N", expected: "2, 4, .. 64", found: N as f64 });
        }
        let mut lines = Vec::with_capacity(N);
        for m in frames {
            lines.push(DelayLine::new(m, Interpolation::Linear)?);
        }
        let mut network = FeedbackDelayNetwork {
            sample_rate_hz,
            lines,
            frames,
            decay_s: Knob::new("decay_s", "0.1 to 60", [0.1, 60.0], true, 2.0, sample_rate_hz),
            damping: Knob::new("damping", "0.05 to 1", [0.05, 1.0], true, 0.4, sample_rate_hz),
            gains: [T::ZERO; N],
            poles: [T::ZERO; N],
            lows: [T::ZERO; N],
            input: T::ONE,
        };
        network.tune();
        Ok(network)
    }

    /// The time in which low frequencies fall by 60 dB; glides there in 20 ms.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a time that is not 0.1 to 60 s; the old one stays.
    pub fn set_decay_s(&mut self, decay_s: f64) -> Result<(), DspError> {
        self.decay_s.set(decay_s)
    }

    /// The part of the decay time that is left at high frequencies; glides there in 20 ms.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a part that is not 0.05 to 1; the old one stays.
    pub fn set_damping(&mut self, part: f64) -> Result<(), DspError> {
        self.damping.set(part)
    }

    fn tune(&mut self) {
        let high_hz = HIGH_HZ.min(self.sample_rate_hz / 3.0);
        let cos = Scalar::cos(core::f64::consts::TAU * high_hz / self.sample_rate_hz);
        let nepers = -3.0 * core::f64::consts::LN_10 / (self.decay_s.value() * self.sample_rate_hz);
        let (mut kept, more) = (0.0, 1.0 / self.damping.value() - 1.0);
        for (i, m) in self.frames.iter().enumerate() {
            let nepers = nepers * *m as f64;
            let gain: f64 = Scalar::exp(nepers);
            kept += gain * gain / N as f64;
            // |(1 - p) / (1 - p e^-jw)| = q where the high frequencies are.
            let q = Scalar::exp(2.0 * more * nepers);
            let (a, b) = (1.0 - q, 1.0 - q * cos);
            let pole = if a > 1e-9 { (b - Scalar::sqrt((b * b - a * a).max(0.0))) / a } else { 0.0 };
            (self.gains[i], self.poles[i]) = (T::from_f64(gain * (1.0 - pole)), T::from_f64(pole));
        }
        self.input = T::from_f64(Scalar::sqrt(2.0 / N as f64 * (1.0 - kept)));
    }
}

/// The least prime number that is not less than `n`.
fn prime(n: usize) -> usize {
    let divides = |d: usize, n: usize| n.is_multiple_of(d);
    (n.max(2)..).find(|n| (2..).take_while(|d| d * d <= *n).all(|d| !divides(d, *n))).unwrap_or(n)
}

impl<T: Scalar, const N: usize> Stereo<T> for FeedbackDelayNetwork<T, N> {
    #[inline(always)]
    fn frame(&mut self, x: [T; 2]) -> [T; 2] {
        let (decays, damps) = (self.decay_s.advance(), self.damping.advance());
        if decays || damps {
            self.tune();
        }
        let (mut y, mut sum) = ([T::ZERO; 2], T::ZERO);
        for (i, line) in self.lines.iter().enumerate() {
            let s = line.read(self.frames[i]);
            let low = flush(self.gains[i] * s + self.poles[i] * self.lows[i]);
            self.lows[i] = low;
            sum += low;
            // Pairs of lines by turns upside down, so that nothing adds up to a tone.
            y[i % 2] += if i % 4 < 2 { s } else { -s };
        }
        let back = sum * T::from_f64(2.0 / N as f64);
        let x = x.map(|x| x * self.input);
        for (i, line) in self.lines.iter_mut().enumerate() {
            line.write(flush(x[i % 2] + self.lows[i] - back));
        }
        y.map(audible)
    }
}

impl<T: Scalar, const N: usize> Processor<T> for FeedbackDelayNetwork<T, N> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        play(self, input, output);
    }
    fn set_controls(&mut self, controls: &[T]) {
        for (control, knob) in controls.iter().zip([&mut self.decay_s, &mut self.damping]) {
            knob.turn(control.to_f64());
        }
    }
    fn reset(&mut self) {
        self.lines.iter_mut().for_each(DelayLine::reset);
        self.lows = [T::ZERO; N];
        self.decay_s.arrive();
        self.damping.arrive();
        self.tune();
    }
    fn latency(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    const FRAMES: [usize; 8] = [1009, 1171, 1327, 1489, 1627, 1783, 1931, 2087];

    /// The network that the reference has its numbers of: one input to all lines, which are added up. Its output, `seconds` long, at 48 kHz.
    fn impulse_response(gain: impl Fn(usize) -> f64, seconds: usize) -> Vec<f64> {
        let mut network = FeedbackDelayNetwork::<f64, 8>::with_frames(48e3, FRAMES).unwrap();
        network.input = 1.0;
        for i in 0..8 {
            (network.gains[i], network.poles[i]) = (gain(FRAMES[i]), 0.0);
        }
        let mut y = vec![0.0; 48_000 * seconds];
        for (n, y) in y.iter_mut().enumerate() {
            *y = (0..8).map(|i| network.lines[i].read(FRAMES[i])).sum();
            let x = if n == 0 { 1.0 } else { 0.0 };
            network.frame([x, x]);
        }
        y
    }

    #[test]
    fn the_published_network_gives_the_published_numbers() {
        let y = impulse_response(|m| 10f64.powf(-3.0 * m as f64 / (2.0 * 48e3)), 3);
        assert_eq!([1009, 1171, 1327, 1489].map(|n| y[n]), [1.0; 4]);
        assert!(y[..1009].iter().all(|y| *y == 0.0));
        let energy: f64 = y.iter().map(|y| y * y).sum();
        assert!((energy - 85.206_650_800_8).abs() < 1e-9, "{energy}");
    }

    #[test]
    fn without_loss_no_energy_is_lost() {
        let mut network = FeedbackDelayNetwork::<f64, 8>::with_frames(48e3, FRAMES).unwrap();
        (network.gains, network.poles, network.input) = ([1.0; 8], [0.0; 8], 1.0);
        network.frame([1.0, 1.0]);
        for _ in 0..100_000 {
            network.frame([0.0, 0.0]);
        }
        let energy: f64 = (0..8).flat_map(|i| (1..=FRAMES[i]).map(move |m| (i, m))).map(|(i, m)| network.lines[i].read(m).powi(2)).sum();
        assert!((energy - 8.0).abs() < 8e-12, "{energy}");
    }

    #[test]
    fn lines_are_different_primes_in_the_range_that_was_asked_for() {
        let network = FeedbackDelayNetwork::<f32, 16>::new(48e3, 20.0, 60.0).unwrap();
        assert_eq!((network.frames[0], network.frames[15]), (967, 2887));
        assert!(network.frames.windows(2).all(|w| w[0] < w[1]) && network.frames.iter().all(|m| prime(*m) == *m));
        let crowded = FeedbackDelayNetwork::<f32, 4>::new(1e3, 1.0, 1.0).unwrap();
        assert_eq!(crowded.frames, [2, 3, 5, 7]);
    }
}
