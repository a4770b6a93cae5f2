//! [`nmr_db`]: is the difference masked?

use core::f64::consts::PI;

use crate::metrics::MetricError;
use crate::metrics::input::{at_least, pair, power_db, sample_rate};
use crate::metrics::spectrum::{Stft, Window};

const FRAME: usize = 2048;
/// Width of a band in Bark.
const BAND_BARK: f64 = 0.25;
const LOWEST_HZ: f64 = 80.0;
const HIGHEST_HZ: f64 = 18_000.0;
/// Level of a full-scale sine, dB SPL, and the frequency at which it is set.
const FULL_SCALE_DB: f64 = 92.0;
const CALIBRATION_HZ: f64 = 1019.5;
/// Exponent with which spread excitations add.
const ADDITION: f64 = 0.4;

/// Noise-to-mask ratio in decibels: the difference of two signals, band by band, over the level that the reference would mask.
///
/// The FFT ear of PEAQ's basic version (ITU-R BS.1387; Kabal 2003): symmetric Hann frames of 2048 every 1024, full scale at 92 dB SPL, outer and middle ear,
/// 109 bands of 1/4 Bark from 80 Hz to 18 kHz with analytic edges `z = 7 asinh(f / 650)`, internal noise, level-dependent spreading, mask 3 dB below
/// the excitation up to 12 Bark and `z / 4` dB above; the mean over bands and frames. Spreading over time is left out: meant for steady tones, where the reference is
/// [`harmonics_only`](super::harmonics_only). Below about -10 dB the difference is taken to be inaudible.
///
/// # Errors
/// Signals of different length, empty, not finite, or shorter than 2048 frames; a sample rate that is not above 36 kHz.
pub fn nmr_db<T: Copy + Into<f64>>(samples: &[T], reference: &[T], sample_rate_hz: f64) -> Result<f64, MetricError> {
    sample_rate("nmr_db", sample_rate_hz, 2.0 * HIGHEST_HZ)?;
    let (x, reference) = pair(samples, reference)?;
    at_least("samples for an ear frame", FRAME, x.len())?;
    let ear = Ear::new(sample_rate_hz);
    let mut stft = Stft::new(FRAME, Window::HannSymmetric);
    let (mut sum, mut count) = (0.0, 0_usize);
    for start in (0..=x.len() - FRAME).step_by(FRAME / 2) {
        let wanted = ear.weighted(&mut stft, &reference[start..start + FRAME]);
        let found = ear.weighted(&mut stft, &x[start..start + FRAME]);
        let noise: Vec<f64> = found.iter().zip(&wanted).map(|(x, y)| (x - y) * (x - y)).collect();
        let wanted: Vec<f64> = wanted.iter().map(|v| v * v).collect();
        let mask = ear.mask(&ear.banded(&wanted));
        sum += ear.banded(&noise).iter().zip(&mask).map(|(noise, mask)| noise / mask).sum::<f64>();
        count += mask.len();
    }
    Ok(power_db(sum / count as f64))
}

/// One critical band.
struct Band {
    centre_hz: f64,
    /// First bin that lies partly inside, and the share of each bin from there.
    first: usize,
    shares: Vec<f64>,
    /// Level-independent part of the spreading.
    normalisation: f64,
    internal_noise: f64,
    mask_gain: f64,
}

struct Ear {
    /// Gain of each bin from the transform's amplitude to weighted sound pressure.
    gains: Vec<f64>,
    bands: Vec<Band>,
}

impl Ear {
    fn new(sample_rate_hz: f64) -> Self {
        let bin_hz = sample_rate_hz / FRAME as f64;
        let bark = |hz: f64| 7.0 * (hz / 650.0).asinh();
        let hz = |bark: f64| 650.0 * (bark / 7.0).sinh();
        let (low, high) = (bark(LOWEST_HZ), bark(HIGHEST_HZ));
        let count = ((high - low) / BAND_BARK).ceil() as usize;
        let mut bands: Vec<Band> = (0..count)
            .map(|i| {
                let lower = low + i as f64 * BAND_BARK;
                let upper = (lower + BAND_BARK).min(high);
                let (lower_hz, centre_hz, upper_hz) = (hz(lower), hz((lower + upper) / 2.0), hz(upper));
                let first = (lower_hz / bin_hz).round() as usize;
                let shares = (first..=(upper_hz / bin_hz).round() as usize)
                    .map(|k| (upper_hz / bin_hz).min(k as f64 + 0.5) - (lower_hz / bin_hz).max(k as f64 - 0.5))
                    .map(|share| share.max(0.0))
                    .collect();
                let offset_bark = i as f64 * BAND_BARK;
                let mask_db = if offset_bark <= 12.0 { 3.0 } else { 0.25 * offset_bark };
                Band {
                    centre_hz,
                    first,
                    shares,
                    normalisation: 1.0,
                    internal_noise: 10.0_f64.powf(0.1456 * (centre_hz / 1000.0).powf(-0.8)),
                    mask_gain: 10.0_f64.powf(-mask_db / 10.0),
                }
            })
            .collect();
        let flat = spread(&bands, &vec![1.0; count]);
        for (band, flat) in bands.iter_mut().zip(flat) {
            band.normalisation = 1.0 / flat;
        }
        let scale = 10.0_f64.powf(FULL_SCALE_DB / 20.0) / (peak_share(CALIBRATION_HZ / bin_hz) * (FRAME as f64 - 1.0) / 4.0);
        let gains = (0..=FRAME / 2).map(|k| scale * 10.0_f64.powf(outer_ear_db(k as f64 * bin_hz / 1000.0) / 20.0)).collect();
        Self { gains, bands }
    }

    /// Weighted sound pressure of each bin of a frame.
    fn weighted(&self, stft: &mut Stft, frame: &[f64]) -> Vec<f64> {
        stft.spectrum(frame).iter().zip(&self.gains).map(|(z, gain)| z.norm() * gain).collect()
    }

    /// Powers gathered in bands.
    fn banded(&self, powers: &[f64]) -> Vec<f64> {
        let power = |band: &Band| band.shares.iter().zip(&powers[band.first..]).map(|(share, power)| share * power).sum::<f64>();
        self.bands.iter().map(|band| power(band).max(1e-12)).collect()
    }

    /// Power that each band masks, from the reference's powers.
    fn mask(&self, powers: &[f64]) -> Vec<f64> {
        let heard: Vec<f64> = powers.iter().zip(&self.bands).map(|(power, band)| power + band.internal_noise).collect();
        spread(&self.bands, &heard).iter().zip(&self.bands).map(|(power, band)| power * band.normalisation * band.mask_gain).collect()
    }
}

/// Excitation spread over neighbouring bands: -27 dB per Bark downwards, `-24 - 230 Hz / f + 2 log10 E` dB per Bark upwards, each source with unit sum,
/// added with exponent 0.4.
fn spread(bands: &[Band], powers: &[f64]) -> Vec<f64> {
    let count = bands.len();
    let mut sums = vec![0.0; count];
    let down = 10.0_f64.powf(-2.7 * BAND_BARK);
    for (source, (band, &power)) in bands.iter().zip(powers).enumerate() {
        let up = 10.0_f64.powf((-2.4 - 23.0 / band.centre_hz) * BAND_BARK) * power.powf(0.2 * BAND_BARK);
        let total = geometric(down, source + 1) + geometric(up, count - source) - 1.0;
        let at_source = (power / total).powf(ADDITION);
        let (down, up) = (down.powf(ADDITION), up.powf(ADDITION));
        let mut falling = at_source;
        for sum in sums[..source].iter_mut().rev() {
            falling *= down;
            *sum += falling;
        }
        let mut rising = at_source;
        for sum in &mut sums[source..] {
            *sum += rising;
            rising *= up;
        }
    }
    sums.iter().map(|sum| sum.powf(1.0 / ADDITION)).collect()
}

/// `Σ_{i<count} a^i`.
fn geometric(a: f64, count: usize) -> f64 {
    if (a - 1.0).abs() < 1e-12 { count as f64 } else { (1.0 - a.powi(count as i32)) / (1.0 - a) }
}

/// Outer and middle ear at `khz`; negative infinity at 0.
fn outer_ear_db(khz: f64) -> f64 {
    -2.184 * khz.powf(-0.8) + 6.5 * (-0.6 * (khz - 3.3) * (khz - 3.3)).exp() - 0.001 * khz.powf(3.6)
}

/// What the nearest bin of a symmetric Hann frame shows of a sine's peak at `bins`.
fn peak_share(bins: f64) -> f64 {
    let distance = (bins - bins.round()).abs() * (FRAME as f64 - 1.0) / FRAME as f64;
    if distance < 1e-9 { 1.0 } else { (PI * distance).sin() / (PI * distance * (1.0 - distance * distance)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_are_those_of_the_standard() {
        let ear = Ear::new(48_000.0);
        assert_eq!(ear.bands.len(), 109);
        // Centres printed in BS.1387 with 3 decimals.
        for (i, centre_hz) in [(0, 91.708), (31, 1038.511), (60, 3155.379), (108, 17_690.045)] {
            assert!((ear.bands[i].centre_hz - centre_hz).abs() < 2e-3, "{i}: {}", ear.bands[i].centre_hz);
        }
        // All bins of the band are given away once: 18 kHz - 80 Hz in bins.
        let shares: f64 = ear.bands.iter().flat_map(|band| &band.shares).sum();
        assert!((shares - 17_920.0 / (48_000.0 / 2048.0)).abs() < 1e-9);
    }

    #[test]
    fn a_full_scale_sine_has_its_calibrated_level() {
        let ear = Ear::new(48_000.0);
        let x: Vec<f64> = (0..FRAME).map(|n| (2.0 * PI * CALIBRATION_HZ * n as f64 / 48_000.0).sin()).collect();
        let bins = ear.weighted(&mut Stft::new(FRAME, Window::HannSymmetric), &x);
        let loudest = bins.iter().copied().fold(0.0, f64::max);
        let expected_db = FULL_SCALE_DB + outer_ear_db(CALIBRATION_HZ / 1000.0);
        assert!((20.0 * loudest.log10() - expected_db).abs() < 0.1); // the ear's slope across a bin, and the image of the negative frequency
    }
}
