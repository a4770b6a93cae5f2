//! Bands of a spectrum: mel and chroma.

use crate::error::{LossError, setting};
use core::f64::consts::PI;
use nalgebra::{DMatrix, DVector};

/// Weights that sum the bins of a spectrum into bands.
#[derive(Clone, Debug, PartialEq)]
pub struct Filterbank {
    pub(crate) fft_frames: usize,
    pub(crate) bands: Vec<Band>,
}

/// The bins of one band that are not zero.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Band {
    pub first: usize,
    pub weights: Vec<f64>,
}

impl Filterbank {
    /// Triangles on the mel scale of Slaney's Auditory Toolbox, each of area 1 Hz⁻¹ Hz, from 0 to Nyquist: `librosa.filters.mel`.
    ///
    /// A triangle between two bins has no weight at all, and its logarithm is NaN in auraloss; such bands are left out here.
    ///
    /// # Errors
    /// [`LossError::Setting`] for a sample rate that is not positive, no band, or a transform under 2 frames.
    pub fn mel(sample_rate_hz: f64, fft_frames: usize, bands: usize) -> Result<Self, LossError> {
        validate(sample_rate_hz, fft_frames, bands)?;
        let top = hz_to_mel(sample_rate_hz / 2.0);
        let edge = |i: usize| mel_to_hz(top * i as f64 / (bands + 1) as f64);
        let rows = (0..bands).map(|i| {
            let [low, centre, high] = [edge(i), edge(i + 1), edge(i + 2)];
            let weight = |k: usize| {
                let f = k as f64 * sample_rate_hz / fft_frames as f64;
                ((f - low) / (centre - low)).min((high - f) / (high - centre)).max(0.0) * 2.0 / (high - low)
            };
            Band::new((0..=fft_frames / 2).map(weight).collect())
        });
        Ok(Self { fft_frames, bands: rows.filter(|band| !band.weights.is_empty()).collect() })
    }

    /// Pitch classes, the first of them C, around octave 5 (A4 = 440 Hz) with a width of 2 octaves: `librosa.filters.chroma`.
    ///
    /// Every bin is spread over the classes by a Gaussian as wide as the bin, normalised to length 1, then weighted by the octave.
    ///
    /// # Errors
    /// As [`Filterbank::mel`].
    pub fn chroma(sample_rate_hz: f64, fft_frames: usize, classes: usize) -> Result<Self, LossError> {
        validate(sample_rate_hz, fft_frames, classes)?;
        let n = classes as f64;
        // Position of a bin in pitch classes from A0; bin 0 counts as one and a half octaves below bin 1.
        let position = |k: usize| match k {
            0 => n * (sample_rate_hz / fft_frames as f64 / 27.5).log2() - 1.5 * n,
            _ => n * (k as f64 * sample_rate_hz / fft_frames as f64 / 27.5).log2(),
        };
        let half = (n / 2.0).round_ties_even();
        let mut rows = vec![vec![0.0; fft_frames / 2 + 1]; classes];
        for k in 0..=fft_frames / 2 {
            let at = position(k);
            let width = if k + 1 < fft_frames { (position(k + 1) - at).max(1.0) } else { 1.0 };
            let gaussian = |class: usize| {
                let distance = (at - class as f64 + half + 10.0 * n).rem_euclid(n) - half;
                (-0.5 * (2.0 * distance / width).powi(2)).exp()
            };
            let column: Vec<f64> = (0..classes).map(gaussian).collect();
            let length = column.iter().map(|w| w * w).sum::<f64>().sqrt();
            let octave = (-0.5 * ((at / n - 5.0) / 2.0).powi(2)).exp();
            for (class, w) in column.into_iter().enumerate() {
                // Three semitones from A to C.
                let row = (class + classes - 3 * (classes / 12) % classes) % classes;
                rows[row][k] = if length > 0.0 { w / length * octave } else { 0.0 };
            }
        }
        Ok(Self { fft_frames, bands: rows.into_iter().map(Band::new).filter(|band| !band.weights.is_empty()).collect() })
    }

    /// Bands with any weight.
    pub fn len(&self) -> usize {
        self.bands.len()
    }

    /// True where no band has any weight.
    pub fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// The weight of `bin` in `band`; zero outside.
    pub fn weight(&self, band: usize, bin: usize) -> f64 {
        let find = |band: &Band| band.weights.get(bin.checked_sub(band.first)?).copied();
        self.bands.get(band).and_then(find).unwrap_or(0.0)
    }
}

impl Band {
    fn new(row: Vec<f64>) -> Self {
        let first = row.iter().position(|&w| w > 0.0).unwrap_or(row.len());
        let end = row.iter().rposition(|&w| w > 0.0).map_or(first, |last| last + 1);
        Self { first, weights: row[first..end].to_vec() }
    }
}

fn validate(sample_rate_hz: f64, fft_frames: usize, bands: usize) -> Result<(), LossError> {
    setting(sample_rate_hz > 0.0 && sample_rate_hz.is_finite(), "sample_rate_hz", "a positive number", sample_rate_hz)?;
    setting(fft_frames >= 2, "fft_frames", "2 or more", fft_frames as f64)?;
    setting((1..=fft_frames).contains(&bands), "bands", "1 to fft_frames", bands as f64)
}

/// Slaney's mel scale: linear below 1 kHz (200/3 Hz each), then 27 steps for a factor of 6.4.
fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + 27.0 * (hz / 1000.0).ln() / 6.4f64.ln() }
}
fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp() }
}

/// Taps of the 101-tap A-weighting filter in front of auraloss' perceptual losses, least squares over 256 bands.
///
/// The aim is the magnitude of the bilinear transform of the analogue weighting (IEC 61672, poles at 20.598997, 107.65265, 737.86223 and
/// 12194.217 Hz, +1.9997 dB), linear within bands between every other pair of 512 frequencies; the normal equations are solved
/// here, so any sample rate will do.
pub(crate) fn a_weighting_taps(sample_rate_hz: f64, taps: usize) -> Vec<f64> {
    let aim = |k: usize| {
        let omega = 2.0 * sample_rate_hz * (PI * k as f64 / 1024.0).tan();
        let pole = |hz: f64| omega.hypot(2.0 * PI * hz);
        let gain = (2.0 * PI * 12194.217f64).powi(2) * 10f64.powf(1.9997 / 20.0);
        gain * omega.powi(4) / (pole(12194.217) * pole(20.598997)).powi(2) / (pole(737.86223) * pole(107.65265))
    };
    let size = taps / 2 + 1;
    // q[n] = ∫ cos(πnf) df and b[n] = ∫ D(f) cos(πnf) df over the bands, f in units of Nyquist.
    let mut q = vec![0.0; 2 * size];
    let mut b = vec![0.0; size];
    for band in 0..256 {
        let (f0, f1) = (2.0 * band as f64 / 512.0, (2.0 * band as f64 + 1.0) / 512.0);
        let (d0, d1) = (aim(2 * band), aim(2 * band + 1));
        let m = (d1 - d0) / (f1 - f0);
        for (n, q) in q.iter_mut().enumerate() {
            let k = PI * n as f64;
            *q += if n == 0 { f1 - f0 } else { ((k * f1).sin() - (k * f0).sin()) / k };
        }
        for (n, b) in b.iter_mut().enumerate() {
            let k = PI * n as f64;
            *b += if n == 0 {
                0.5 * (d0 + d1) * (f1 - f0)
            } else {
                (d1 * (k * f1).sin() - d0 * (k * f0).sin()) / k + m * ((k * f1).cos() - (k * f0).cos()) / (k * k)
            };
        }
    }
    let matrix = DMatrix::from_fn(size, size, |i, j| 0.5 * (q[i.abs_diff(j)] + q[i + j]));
    // The Gram matrix of linearly independent cosines is positive definite; it knows the number of taps only, which is 101 in all calls.
    let a = matrix.cholesky().expect("a Gram matrix of cosines").solve(&DVector::from_vec(b));
    (0..2 * size - 1).map(|i| if i == size - 1 { a[0] } else { 0.5 * a[i.abs_diff(size - 1)] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() < relative * expected.abs(), "{found} {expected}");
    }

    fn sum_and_max(bank: &Filterbank) -> (f64, f64) {
        let all = || bank.bands.iter().flat_map(|band| &band.weights);
        (all().sum(), all().fold(0.0, |a, &b| f64::max(a, b)))
    }

    #[test]
    fn mel_banks_equal_librosa() {
        // dtype=float64, and the eight digits of the f32 banks that auraloss takes
        let double = [(44100.0, 2.9676661159883597, 0.03215132285782104), (48000.0, 2.7255523032917313, 0.030433507321089952)];
        let single = [(2.9676661, 0.032151323), (2.7255526, 0.030433508)];
        for ((rate, sum, max), (sum32, max32)) in double.into_iter().zip(single) {
            let bank = Filterbank::mel(rate, 1024, 128).unwrap();
            let found = sum_and_max(&bank);
            close(found.0, sum, 1e-12);
            close(found.1, max, 1e-12);
            close(found.0, sum32, 2e-7); // 1024 roundings to f32
            close(found.1, max32, 2e-7);
            assert_eq!(bank.len(), 128);
        }
        let bank = Filterbank::mel(48000.0, 1024, 128).unwrap();
        let argmax = (0..513).max_by(|&a, &b| bank.weight(64, a).total_cmp(&bank.weight(64, b)));
        assert_eq!(argmax, Some(63));
    }

    #[test]
    fn empty_mel_bands_are_left_out() {
        assert_eq!(Filterbank::mel(48000.0, 512, 128).unwrap().len(), 115); // 13 of 128 lie between two bins
    }

    #[test]
    fn a_chroma_bank_equals_librosa() {
        let bank = Filterbank::chroma(48000.0, 1024, 12).unwrap();
        for (class, bin, expected) in [
            (0, 0, 5.102530809280e-03),
            (0, 10, 5.193075065995e-02),
            (9, 9, 4.968144357952e-01),
            (5, 300, 2.379315667472e-15),
            (11, 1, 2.600427137865e-02),
            (3, 512, 5.136461112715e-11),
        ] {
            close(bank.weight(class, bin), expected, 1e-9);
        }
        let (sum, max) = sum_and_max(&bank);
        close(sum, 197.643181839687, 1e-9);
        close(max, 0.976973637248, 1e-9);
    }

    #[test]
    fn the_weighting_filter_has_the_published_taps() {
        let taps = a_weighting_taps(48000.0, 101);
        assert_eq!(taps.len(), 101);
        close(taps[50], 0.52109343, 1e-7); // eight digits are given, from f32
        close(taps[49], 0.27400675, 1e-7);
        close(taps[51], 0.27400675, 1e-7);
    }

    #[test]
    fn impossible_banks_are_refused() {
        assert!(Filterbank::mel(0.0, 1024, 128).is_err() && Filterbank::mel(48000.0, 1024, 0).is_err());
        assert!(Filterbank::chroma(f64::NAN, 1024, 12).is_err() && Filterbank::chroma(48000.0, 1, 1).is_err());
    }
}
