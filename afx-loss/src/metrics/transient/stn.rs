//! [`SinesTransientsNoise`].

use core::f64::consts::PI;

use realfft::num_complex::Complex;

use crate::metrics::MetricError;
use crate::metrics::input::{at_least, energy, pair, sample_rate, signal};
use crate::metrics::spectrum::{InverseStft, Stft, Window, reflected};
use crate::metrics::waveform::{ratio, squared_error};

/// A signal split into sines, transients and noise that sum to it.
///
/// Fierro and Välimäki 2023 as in PyNeuralFx 0.1.2. A spectrogram's median along time keeps what lasts, its median along frequency keeps what clicks;
/// their ratio `R = h / (h + v + 1e-8)` makes a soft mask `sin²(π/2 (R - β_l)/(β_u - β_l))`, 0 below β_l, 1 above β_u. First the sines are taken
/// out (4096 points, hop 1024, β 0.7 and 0.8), then the transients out of the rest (512, hop 128, β 0.75 and 0.85); medians over 0.2 s and 500 Hz. The toolkit
/// leaves the window rectangular, and so does this.
#[derive(Clone, Debug, PartialEq)]
pub struct SinesTransientsNoise {
    /// What lasts.
    pub sines: Vec<f64>,
    /// What clicks.
    pub transients: Vec<f64>,
    /// What is left.
    pub noise: Vec<f64>,
}

impl SinesTransientsNoise {
    /// Splits a signal; the parts are as long as whole hops of 1024 frames.
    ///
    /// # Errors
    /// A signal that is empty, not finite or too short for the medians (0.1 s of reflection and 2049 frames); a sample rate that is not finite or not
    /// above 1 kHz.
    pub fn separate<T: Copy + Into<f64>>(samples: &[T], sample_rate_hz: f64) -> Result<Self, MetricError> {
        sample_rate("sines_transients_noise", sample_rate_hz, 1000.0)?;
        let x = signal("samples", samples)?;
        let (coarse, fine) = (Stage::new(4096, sample_rate_hz), Stage::new(512, sample_rate_hz));
        let needed = fine.shortest().checked_next_multiple_of(coarse.hop).unwrap_or(usize::MAX).max(coarse.shortest());
        at_least("samples for the medians", needed, x.len())?;
        let (sines, rest) = coarse.split(&x, 0.7, 0.8, |lasting, clicking| lasting / (lasting + clicking + 1e-8));
        let (transients, noise) = fine.split(&rest, 0.75, 0.85, |lasting, clicking| clicking / (lasting + clicking + 1e-8));
        Ok(Self { sines, transients, noise })
    }
}

/// Error-to-signal ratio of the transients of [`SinesTransientsNoise`]; PyNeuralFx's `TransientPreservation_v2`.
///
/// # Errors
/// As [`SinesTransientsNoise::separate`]; signals of different length; a target without transients ([`MetricError::Silent`]).
pub fn transient_error_stn<T: Copy + Into<f64>>(prediction: &[T], target: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    let (p, y) = pair(prediction, target)?;
    let p = SinesTransientsNoise::separate(&p, sample_rate_hz)?.transients;
    let y = SinesTransientsNoise::separate(&y, sample_rate_hz)?.transients;
    ratio(squared_error(&p, &y), energy(&y))
}

/// One resolution of the split.
struct Stage {
    n_fft: usize,
    hop: usize,
    /// Frames of the median along time, odd.
    lasting: usize,
    /// Bins of the median along frequency, odd.
    clicking: usize,
}

/// A spectrogram, `frames` rows of `bins`.
struct Spectrogram {
    bins: usize,
    frames: usize,
    values: Vec<Complex<f64>>,
}

impl Stage {
    fn new(n_fft: usize, sample_rate_hz: f64) -> Self {
        let hop = n_fft / 4;
        let odd = |length: f64| (length.round_ties_even() as usize).max(3) | 1; // at most usize::MAX, which is odd
        Self { n_fft, hop, lasting: odd(0.2 * sample_rate_hz / hop as f64), clicking: odd(500.0 * n_fft as f64 / sample_rate_hz) }
    }

    /// Frames needed for the reflections of the signal and of its spectrogram along time.
    fn shortest(&self) -> usize {
        (self.n_fft / 2 + 1).max(self.hop.saturating_mul(self.lasting / 2 + 1))
    }

    /// The masked part of `x` and the rest of it.
    fn split(&self, x: &[f64], lower: f64, upper: f64, share: impl Fn(f64, f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let mut spectrogram = self.analyse(x);
        let magnitude: Vec<f64> = spectrogram.values.iter().map(|z| z.norm()).collect();
        let (bins, frames) = (spectrogram.bins, spectrogram.frames);
        let lasting = medians(&magnitude, frames, bins, bins, 1, self.lasting);
        let clicking = medians(&magnitude, bins, 1, frames, bins, self.clicking);
        let mut rest = spectrogram.values.clone();
        for (i, (kept, rest)) in spectrogram.values.iter_mut().zip(&mut rest).enumerate() {
            let position = ((share(lasting[i], clicking[i]) - lower) / (upper - lower)).clamp(0.0, 1.0);
            let mask = (PI / 2.0 * position).sin().powi(2);
            *kept *= mask;
            *rest *= 1.0 - mask;
        }
        let kept = self.synthesise(&spectrogram);
        (kept, self.synthesise(&Spectrogram { values: rest, ..spectrogram }))
    }

    fn analyse(&self, x: &[f64]) -> Spectrogram {
        let x = reflected(x, self.n_fft / 2);
        let mut stft = Stft::new(self.n_fft, Window::Rectangular);
        let frames = (x.len() - self.n_fft) / self.hop + 1;
        let frame = |n: usize| &x[n * self.hop..n * self.hop + self.n_fft];
        let values = (0..frames).flat_map(|n| stft.spectrum(frame(n)).to_vec()).collect();
        Spectrogram { bins: self.n_fft / 2 + 1, frames, values }
    }

    /// Least-squares inverse: the mean of the overlapping frames.
    fn synthesise(&self, spectrogram: &Spectrogram) -> Vec<f64> {
        let mut inverse = InverseStft::new(self.n_fft);
        let length = self.n_fft + self.hop * (spectrogram.frames - 1);
        let (mut out, mut count) = (vec![0.0; length], vec![0.0; length]);
        for (z, start) in spectrogram.values.chunks_exact(spectrogram.bins).zip((0..).step_by(self.hop)) {
            for ((out, count), v) in out[start..].iter_mut().zip(&mut count[start..]).zip(inverse.frame(z)) {
                *out += v;
                *count += 1.0;
            }
        }
        let pad = self.n_fft / 2;
        (pad..length - pad).map(|n| out[n] / count[n]).collect()
    }
}

/// Running medians of `width` values (odd, reflected at the ends) along lines of `length` values `stride` apart; line `i` starts at `i * line_stride`.
fn medians(x: &[f64], length: usize, stride: usize, lines: usize, line_stride: usize, width: usize) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    let mut scratch = vec![0.0; width];
    for line in 0..lines {
        let values: Vec<f64> = (0..length).map(|n| x[line * line_stride + n * stride]).collect();
        let padded = reflected(&values, width / 2);
        for n in 0..length {
            scratch.copy_from_slice(&padded[n..n + width]);
            let (_, median, _) = scratch.select_nth_unstable_by(width / 2, f64::total_cmp);
            out[line * line_stride + n * stride] = *median;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_a_line_are_reflected_at_its_ends() {
        assert_eq!(medians(&[5.0, 1.0, 9.0, 2.0], 4, 1, 1, 4, 3), [1.0, 5.0, 2.0, 9.0]);
        // Two interleaved lines.
        assert_eq!(medians(&[1.0, 30.0, 2.0, 10.0, 3.0, 20.0], 3, 2, 2, 1, 3), [2.0, 10.0, 2.0, 20.0, 2.0, 10.0]);
    }

    #[test]
    fn without_a_mask_the_parts_sum_to_the_signal() {
        let x: Vec<f64> = (0..5000).map(|n| (f64::from(n) * 0.37).sin() * (f64::from(n) * 0.001).cos()).collect();
        let stage = Stage::new(512, 48_000.0);
        let (kept, rest) = stage.split(&x, 0.7, 0.8, |_, _| 0.75);
        assert_eq!(kept.len(), 5000 / 128 * 128);
        for (n, (kept, rest)) in kept.iter().zip(&rest).enumerate() {
            assert!((kept + rest - x[n]).abs() < 1e-13); // rounding of two transforms
            assert!((kept - rest).abs() < 1e-13, "the mask is one half in the middle of its edges");
        }
    }
}
