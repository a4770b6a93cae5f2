//! Fourier analysis for pictures, in `f64`: spectra, short-time spectra, averaged power, fractional-octave smoothing.
use super::{PlotError, error::check};
use core::f64::consts::TAU;
use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};
use std::sync::Arc;

/// Levels below this are drawn as this, in dB: under the resolution of any signal that we measure.
pub const FLOOR_DB: f64 = -300.0;

/// `10 log10(power)`, not below [`FLOOR_DB`].
#[must_use]
pub fn power_db(power: f64) -> f64 {
    if power > 0.0 { (10.0 * power.log10()).max(FLOOR_DB) } else { FLOOR_DB }
}

/// `20 log10 |amplitude|`, not below [`FLOOR_DB`].
#[must_use]
pub fn amplitude_db(amplitude: f64) -> f64 {
    power_db(amplitude * amplitude)
}

/// Periodic Hann window `0.5 - 0.5 cos(2π n / N)`, as `torch.hann_window`.
#[must_use]
pub fn hann(frames: usize) -> Vec<f64> {
    (0..frames).map(|n| 0.5 - 0.5 * (TAU * n as f64 / frames as f64).cos()).collect()
}

/// A planned transform and its buffers.
pub(crate) struct Fft {
    plan: Arc<dyn RealToComplex<f64>>,
    time: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Fft {
    /// A transform of `size >= 1` frames.
    pub(crate) fn new(size: usize) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(size.max(1));
        Self { time: plan.make_input_vec(), bins: plan.make_output_vec(), scratch: plan.make_scratch_vec(), plan }
    }

    /// Bins 0 to N/2 of `frame * window`; a short frame is padded with zeros.
    pub(crate) fn transform(&mut self, frame: &[f64], window: Option<&[f64]>) -> &[Complex<f64>] {
        self.time.fill(0.0);
        for (n, (t, x)) in self.time.iter_mut().zip(frame).enumerate() {
            *t = x * window.and_then(|w| w.get(n)).copied().unwrap_or(1.0);
        }
        let done = self.plan.process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch);
        done.expect("the plan made all three buffers, so their sizes fit");
        &self.bins
    }
}

/// Bins 0 to N/2 of the unnormalised transform of the whole of `x`; empty for an empty `x`.
#[must_use]
pub fn rfft(x: &[f64]) -> Vec<Complex<f64>> {
    if x.is_empty() { Vec::new() } else { Fft::new(x.len()).transform(x, None).to_vec() }
}

/// Short-time power spectrum `|X|²`, frame by frame: `visit(i, power)` gets the `n_fft / 2 + 1` bins of the frame centred at sample `i * hop`,
/// for `i` in `0..=x.len() / hop`. Periodic Hann window, zeros beyond the ends, unnormalised: `librosa.stft`'s defaults. Nothing is kept, so that an
/// hour takes no more memory than a second. Returns the number of frames.
///
/// # Errors
/// `n_fft` outside 16..=65536, `hop` outside 1..=`n_fft`.
pub fn stft(x: &[f64], n_fft: usize, hop: usize, mut visit: impl FnMut(usize, &[f64])) -> Result<usize, PlotError> {
    check("n_fft", "16 to 65536", n_fft as f64, (16..=65_536).contains(&n_fft))?;
    check("hop", "1 to n_fft", hop as f64, (1..=n_fft).contains(&hop))?;
    let (window, frames) = (hann(n_fft), x.len() / hop + 1);
    let mut fft = Fft::new(n_fft);
    let mut frame = vec![0.0; n_fft];
    let mut power = Vec::with_capacity(n_fft / 2 + 1);
    for i in 0..frames {
        let start = (i * hop) as isize - (n_fft / 2) as isize;
        for (n, f) in frame.iter_mut().enumerate() {
            *f = usize::try_from(start + n as isize).ok().and_then(|at| x.get(at)).copied().unwrap_or(0.0);
        }
        power.clear();
        power.extend(fft.transform(&frame, Some(&window)).iter().map(Complex::norm_sqr));
        visit(i, &power);
    }
    Ok(frames)
}

/// Mean power per bin (Welch 1967): Hann frames of `n_fft`, 75 % overlap, no padding; scaled so that a full-scale sine on a bin reads 1
/// (0 dB) there. A signal shorter than `n_fft` is one zero-padded frame.
///
/// # Errors
/// `n_fft` outside 16..=65536; [`PlotError::Empty`] for an empty signal.
pub fn welch(x: &[f64], n_fft: usize) -> Result<Vec<f64>, PlotError> {
    check("n_fft", "16 to 65536", n_fft as f64, (16..=65_536).contains(&n_fft))?;
    if x.is_empty() {
        return Err(PlotError::Empty { what: "signal".into() });
    }
    let window = hann(n_fft);
    let scale = (2.0 / window.iter().sum::<f64>()).powi(2);
    let mut fft = Fft::new(n_fft);
    let mut mean = vec![0.0; n_fft / 2 + 1];
    let frames = x.len().saturating_sub(n_fft) / (n_fft / 4) + 1;
    for i in 0..frames {
        let start = i * (n_fft / 4);
        let frame = &x[start..x.len().min(start + n_fft)];
        let bins = fft.transform(frame, Some(&window));
        mean.iter_mut().zip(bins).for_each(|(m, b)| *m += scale * b.norm_sqr() / frames as f64);
    }
    Ok(mean)
}

/// Mean of `power` (bins from 0 to Nyquist) over `1/fraction` octave around each of `centres_hz`; each bin counts for its width. Bands
/// narrower than a bin lean on the straight line, in decibels, between the middles of bins, so that low frequencies do not fall into steps.
#[must_use]
pub fn smooth(power: &[f64], nyquist_hz: f64, fraction: f64, centres_hz: &[f64]) -> Vec<f64> {
    let last = power.len().saturating_sub(1);
    let bin_hz = nyquist_hz / last.max(1) as f64;
    let mut sums = Vec::with_capacity(power.len() + 1);
    sums.push(0.0);
    for p in power {
        sums.push(sums[sums.len() - 1] + p);
    }
    // Bin k covers k - 1/2 to k + 1/2; the integral up to `at` bins is linear in between.
    let integral = |at: f64| {
        let u = (at + 0.5).clamp(0.0, power.len() as f64);
        let k = (u as usize).min(last);
        if power.is_empty() { 0.0 } else { sums[k] + (u - k as f64) * power[k] }
    };
    let half = 2f64.powf(0.5 / fraction);
    let band = |f: &f64| {
        let (low, high) = (f / half / bin_hz, (f * half / bin_hz).min(last as f64 + 0.5));
        if high <= low {
            return 0.0;
        }
        let mean = (integral(high) - integral(low)) / (high - low);
        let wide = (high - low).min(1.0);
        if wide == 1.0 { mean } else { wide * mean + (1.0 - wide) * between(power, f / bin_hz) }
    };
    centres_hz.iter().map(band).collect()
}

/// The power at a place between two bins, linear in decibels; linear in power beside a bin that holds nothing.
fn between(power: &[f64], at: f64) -> f64 {
    let k = (at as usize).min(power.len().saturating_sub(1));
    let (Some(a), Some(b)) = (power.get(k), power.get(k + 1).or(power.get(k))) else { return 0.0 };
    let t = (at - k as f64).clamp(0.0, 1.0);
    if *a > 0.0 && *b > 0.0 { a * (b / a).powf(t) } else { a + t * (b - a) }
}

/// Log-spaced frequencies from `from_hz`, `per_octave` in an octave, and `to_hz` at the end; empty for an empty range.
#[must_use]
pub fn log_frequencies(from_hz: f64, to_hz: f64, per_octave: usize) -> Vec<f64> {
    let octaves = (to_hz / from_hz).log2();
    if !(octaves.is_finite() && octaves >= 0.0) {
        return Vec::new();
    }
    let count = (octaves.min(64.0) * per_octave as f64 - 1e-9).ceil().max(0.0) as usize;
    let step = |i: usize| from_hz * 2f64.powf(i as f64 / per_octave.max(1) as f64);
    (0..count).map(step).chain([to_hz]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(k: f64, n: usize) -> Vec<f64> {
        (0..n).map(|i| (TAU * k * i as f64 / n as f64).sin()).collect()
    }

    #[test]
    fn hann_is_the_periodic_one() {
        let expected = [0.0, 0.146447, 0.5, 0.853553, 1.0]; // the reference page's digits
        hann(8).iter().zip(expected).for_each(|(w, e)| assert!((w - e).abs() < 5e-7, "{w} {e}"));
    }

    #[test]
    fn a_full_scale_sine_reads_0_db_in_the_average() {
        let x: Vec<f64> = sine(64.0, 4096).repeat(4);
        let power = welch(&x, 4096).unwrap();
        assert!(power_db(power[64]).abs() < 1e-9, "{}", power_db(power[64])); // coherent: only f64 rounding
        assert!(power_db(power[200]) < -250.0);
    }

    #[test]
    fn an_stft_of_a_stationary_sine_peaks_in_its_bin() {
        let mut column = Vec::new();
        let keep = |i: usize, power: &[f64]| {
            if i == 16 {
                column = power.to_vec();
            }
        };
        let frames = stft(&sine(100.0 * 8.0, 2048 * 8), 2048, 512, keep).unwrap();
        assert_eq!((column.len(), frames), (1025, 33));
        let peak = (0..column.len()).max_by(|a, b| column[*a].total_cmp(&column[*b])).unwrap();
        assert_eq!(peak, 100);
        assert!((column[100] - (2048.0f64 / 4.0).powi(2)).abs() < 1e-6); // (Σw / 2)² with Σw = N/2
    }

    #[test]
    fn smoothing_keeps_flat_spectra_flat_and_the_mean_of_a_band() {
        let f = log_frequencies(20.0, 20_000.0, 24);
        assert!(smooth(&vec![3.0; 2049], 24_000.0, 24.0, &f).iter().all(|p| (p - 3.0).abs() < 1e-9));
        let mut spike = vec![0.0; 2401];
        spike[100] = 1.0; // 1 kHz, bins of 10 Hz
        // 2 Hz a bin, 20 dB from bin 10 to bin 11. Half way the band is 0.3033 bins wide: so much of its mean, 50.84, and the rest of 10 dB: 22.39.
        let step: Vec<f64> = (0..1001).map(|k| if k < 11 { 1.0 } else { 100.0 }).collect();
        let levels: Vec<f64> = smooth(&step, 2000.0, 24.0, &[20.0, 21.0, 22.0]).into_iter().map(|p| 10.0 * p.log10()).collect();
        assert!(levels[0] < 1e-9 && (levels[1] - 13.50).abs() < 0.01 && (levels[2] - 20.0).abs() < 1e-9, "{levels:?}");
        let third = smooth(&spike, 24_000.0, 3.0, &[1000.0])[0];
        let width = 1000.0 * (2f64.powf(1.0 / 6.0) - 2f64.powf(-1.0 / 6.0)) / 10.0;
        assert!((third - 1.0 / width).abs() < 1e-12);
    }

    #[test]
    fn log_frequencies_end_where_they_should() {
        assert_eq!(log_frequencies(100.0, 400.0, 1), [100.0, 200.0, 400.0]);
        assert_eq!(log_frequencies(100.0, 300.0, 1), [100.0, 200.0, 300.0]);
        assert_eq!(log_frequencies(100.0, 100.0, 24), [100.0]);
        assert!(
            log_frequencies(100.0, 50.0, 24).is_empty()
                && log_frequencies(0.0, 50.0, 24).is_empty()
                && log_frequencies(f64::NAN, 1.0, 1).is_empty()
        );
    }

    #[test]
    fn odd_sizes_are_errors_not_panics() {
        let run = |x: &[f64], n_fft, hop| stft(x, n_fft, hop, |_, _| {});
        assert!(run(&[1.0], 0, 1).is_err() && run(&[1.0], 64, 0).is_err() && run(&[], 64, 16) == Ok(1));
        assert!(welch(&[], 64).is_err() && welch(&[1.0], 64).is_ok());
        assert!(rfft(&[]).is_empty() && smooth(&[], 24_000.0, 3.0, &[100.0]) == [0.0]);
    }
}
