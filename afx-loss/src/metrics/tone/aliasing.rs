//! Aliasing ratios on coherent tones.

use realfft::num_complex::Complex;

use crate::metrics::MetricError;
use crate::metrics::input::{power_db, sample_rate, signal};
use crate::metrics::spectrum::{InverseStft, whole_spectrum};

/// Upper edge of the band in which [`asnr_db`] counts, Hz.
const AUDIBLE_HZ: f64 = 20_000.0;

/// Signal-to-aliasing-noise ratio in decibels: `10 log10` of the power in the harmonics of a sine over the power in all other bins, from bin 1 to 20 kHz.
///
/// `samples` is the steady answer to `sin(2π bin n / N + φ)` over exactly its N frames: no window is needed. With N a power of two choose an odd
/// `bin`, so that aliases fall between the harmonics; the usual figures are N = 65536 with bins 1699 (1244 Hz at 48 kHz) and 5717 (4187 Hz). Infinite when nothing
/// but harmonics is found; rounding limits it to about 300 dB.
///
/// # Errors
/// A signal that is empty, not finite, or silent at the harmonics; a bin that is 0 or above 20 kHz or N/2; a sample rate that is not positive.
pub fn asnr_db<T: Copy + Into<f64>>(samples: &[T], bin: usize, sample_rate_hz: f64) -> Result<f64, MetricError> {
    sample_rate("asnr_db", sample_rate_hz, 0.0)?;
    let x = signal("samples", samples)?;
    let last = ((AUDIBLE_HZ * x.len() as f64 / sample_rate_hz) as usize).min(x.len() / 2);
    within(bin, last)?;
    let (harmonic, other) = powers(&whole_spectrum(&x), bin, 1, last);
    if harmonic > 0.0 { Ok(power_db(harmonic / other)) } else { Err(MetricError::Silent { what: "samples at the harmonics" }) }
}

/// Aliasing-to-signal ratio of a coherent tone over a **prime** number of frames: `(E_Y - E_H) / E_H` with `E_H = Σ_{m≥1} |Y(m bin)|²` and
/// `E_Y` the power of all bins 0 to (N-1)/2 (arXiv:2505.04082).
///
/// At a prime length no alias can fall on a harmonic, whatever the bin: 65521 is the largest prime below 65536. An offset counts as aliasing.
///
/// # Errors
/// A signal that is empty, not finite, or silent at the harmonics; a length that is not an odd prime; a bin that is 0 or above (N-1)/2.
pub fn asr<T: Copy + Into<f64>>(samples: &[T], bin: usize) -> Result<f64, MetricError> {
    let x = signal("samples", samples)?;
    if !is_odd_prime(x.len()) {
        return Err(MetricError::Parameter { what: "frames of samples", expected: "an odd prime", found: x.len() as f64 });
    }
    within(bin, x.len() / 2)?;
    let (harmonic, other) = powers(&whole_spectrum(&x), bin, 0, x.len() / 2);
    if harmonic > 0.0 { Ok(other / harmonic) } else { Err(MetricError::Silent { what: "samples at the harmonics" }) }
}

/// [`asr`] in decibels, `10 log10`.
///
/// # Errors
/// As [`asr`].
pub fn asr_db<T: Copy + Into<f64>>(samples: &[T], bin: usize) -> Result<f64, MetricError> {
    asr(samples, bin).map(power_db)
}

/// The answer to a coherent tone with everything but the offset and the harmonics below Nyquist taken out.
///
/// It is the alias-free reference of [`nmr_db`](super::nmr_db).
///
/// # Errors
/// A signal that is empty or not finite; a bin that is 0 or above N/2.
pub fn harmonics_only<T: Copy + Into<f64>>(samples: &[T], bin: usize) -> Result<Vec<f64>, MetricError> {
    let x = signal("samples", samples)?;
    within(bin, x.len() / 2)?;
    let mut spectrum = whole_spectrum(&x);
    for (k, z) in spectrum.iter_mut().enumerate() {
        if k % bin != 0 {
            *z = Complex::new(0.0, 0.0);
        }
    }
    Ok(InverseStft::new(x.len()).frame(&spectrum).to_vec())
}

/// Refuses a fundamental outside of bins 1 to `last`.
pub(super) fn within(bin: usize, last: usize) -> Result<(), MetricError> {
    if (1..=last).contains(&bin) {
        Ok(())
    } else {
        Err(MetricError::Parameter { what: "bin of the fundamental", expected: "at least 1 and inside the band", found: bin as f64 })
    }
}

/// Power at the multiples of `bin` (from 1) and at all other bins, both within `first..=last`.
fn powers(spectrum: &[Complex<f64>], bin: usize, first: usize, last: usize) -> (f64, f64) {
    spectrum.iter().enumerate().take(last + 1).skip(first).fold((0.0, 0.0), |(harmonic, other), (k, z)| {
        if k > 0 && k % bin == 0 { (harmonic + z.norm_sqr(), other) } else { (harmonic, other + z.norm_sqr()) }
    })
}

fn is_odd_prime(n: usize) -> bool {
    n > 2 && !n.is_multiple_of(2) && (3..).step_by(2).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_composites() {
        let primes: Vec<usize> = (0..50).filter(|&n| is_odd_prime(n)).collect();
        assert_eq!(primes, [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]);
        assert!(is_odd_prime(65_521) && !is_odd_prime(65_523) && !is_odd_prime(251 * 251));
    }
}
