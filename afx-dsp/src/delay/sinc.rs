//! A windowed sinc at any place between two samples.

use crate::resample::bessel_i0;
use afx_core::{Aligned, Scalar};

/// Samples that are summed.
pub(super) const TAPS: usize = 32;
/// Places between two samples for which there are taps; between places the sums are interpolated, -106 dB off at most.
const PLACES: usize = 512;
/// The Kaiser window's parameter: what is lost up to 5/6 of the Nyquist frequency, 20 kHz at 48, is 85 dB down.
const SHAPE: f64 = 8.3;

/// `h(t) = sinc(t) I0(b sqrt(1 - (t / 16)²)) / I0(b)`, a row of taps for each of 512 places, and one for the next sample's.
#[derive(Clone, Debug)]
pub(super) struct Sinc<T: Scalar> {
    rows: Aligned<T>,
}

impl<T: Scalar> Sinc<T> {
    pub(super) fn new() -> Self {
        let mut rows = Aligned::zeros((PLACES + 1) * TAPS);
        for (place, row) in rows.chunks_exact_mut(TAPS).enumerate() {
            let mut taps = [0.0; TAPS];
            for (i, tap) in taps.iter_mut().enumerate() {
                *tap = kernel((TAPS / 2) as f64 - i as f64 - place as f64 / PLACES as f64);
            }
            // A constant stays one to the last digits.
            let sum: f64 = taps.iter().sum();
            for (to, tap) in row.iter_mut().zip(taps) {
                *to = T::from_f64(tap / sum);
            }
        }
        Sinc { rows }
    }

    /// Between `samples[16]`, oldest first, and the one before it, which `part = 1` would give.
    #[inline(always)]
    pub(super) fn read(&self, samples: &[T], part: f64) -> T {
        let place = PLACES as f64 * part;
        let row = (place as usize).min(PLACES - 1);
        let rows = &self.rows[row * TAPS..][..2 * TAPS];
        let (first, second) = (dot(&rows[..TAPS], samples), dot(&rows[TAPS..], samples));
        first + (second - first) * T::from_f64(place - row as f64)
    }
}

/// `Σ a b` of 32 numbers, in eight sums that the compiler keeps in vectors.
#[inline(always)]
fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

/// `h(t)`, exactly 0 where the sinc is.
fn kernel(t: f64) -> f64 {
    let part = t / (TAPS / 2) as f64;
    if t == 0.0 {
        return 1.0;
    }
    if t == t as i64 as f64 || part.abs() > 1.0 {
        return 0.0;
    }
    let angle = core::f64::consts::PI * t;
    Scalar::sin(angle) / angle * bessel_i0(SHAPE * Scalar::sqrt(1.0 - part * part)) / bessel_i0(SHAPE)
}
