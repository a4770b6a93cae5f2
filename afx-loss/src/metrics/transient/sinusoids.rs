//! A sinusoidal model: what of a signal is a sum of slowly moving sines.

use core::f64::consts::{PI, TAU};

use realfft::num_complex::Complex;

use crate::metrics::spectrum::{Stft, Window};

/// Frames between two analyses, and half of the synthesis window.
const HOP: usize = 128;
/// Peaks below this are not sines, dB; a full-scale sine reads -6 dB.
const THRESHOLD_DB: f64 = -90.0;
/// Tracks that may sound at once.
const MAX_TRACKS: usize = 256;
/// How far a track may move in one hop: this, Hz,
const DEVIATION_HZ: f64 = 20.0;
/// plus this share of its frequency.
const DEVIATION_SHARE: f64 = 0.001;

/// One spectral peak.
#[derive(Clone, Copy, Debug)]
struct Peak {
    /// Frequency in Hz.
    hz: f64,
    /// Level in dB; half of the sine's amplitude, because the other half lies at the negative frequency.
    db: f64,
    /// Phase in radians at the middle of the frame.
    phase: f64,
}

/// The sinusoidal part of `x`, `HOP (⌈n / HOP⌉ - 1)` frames long.
///
/// Serra and Smith 1990 with the settings of PyNeuralFx 0.1.2: periodic Hann window of `window` frames centred on every 128th, peaks above -90 dB
/// refined by a parabola in decibels, peaks joined to the nearest track within 20 Hz + 0.1 %, loudest first, at most 256 tracks; a sum of sines with
/// fixed frequency within triangular windows. A least duration of 1 ms is less than a hop below 64 kHz, so none is asked.
pub(super) fn sinusoids(x: &[f64], window: usize, sample_rate_hz: f64) -> Vec<f64> {
    let hops = x.len().div_ceil(HOP);
    let mut out = vec![0.0; (hops + 1) * HOP];
    let mut shape = Window::HannPeriodic.samples(window);
    let sum: f64 = shape.iter().sum();
    shape.iter_mut().for_each(|w| *w /= sum);
    let mut stft = Stft::with_window(shape);
    let mut padded = vec![0.0; window / 2];
    padded.extend_from_slice(x);
    padded.resize(x.len() + 2 * window, 0.0);
    let fade = synthesis_window();
    // As published: a sine within a bin of Nyquist, of the four-hop synthesis frame, is tracked but does not sound.
    let highest_hz = sample_rate_hz * (0.5 - 1.0 / (4.0 * HOP as f64));
    let mut tracks: Vec<Option<Peak>> = Vec::new();
    for hop in 0..hops {
        let found = peaks(stft.spectrum(&padded[hop * HOP..hop * HOP + window]), window, sample_rate_hz);
        tracks = continued(&tracks, found);
        // `out` starts one hop before the signal.
        for peak in tracks.iter().flatten().filter(|peak| peak.hz <= highest_hz) {
            add_sine(&mut out[hop * HOP..(hop + 2) * HOP], &fade, *peak, sample_rate_hz);
        }
    }
    out.drain(..HOP);
    out.truncate(hops.saturating_sub(1) * HOP);
    out
}

/// Local maxima above the threshold, refined between the bins, in order of frequency.
fn peaks(spectrum: &[Complex<f64>], window: usize, sample_rate_hz: f64) -> Vec<Peak> {
    let db: Vec<f64> = spectrum.iter().map(|z| 20.0 * z.norm().max(f64::EPSILON).log10()).collect();
    // The frame's middle is time zero: a turn of half a period a bin.
    let phase = |k: usize| spectrum[k].arg() + if k % 2 == 1 { PI } else { 0.0 };
    (1..spectrum.len().saturating_sub(1))
        .filter(|&k| db[k] > THRESHOLD_DB && db[k] > db[k - 1] && db[k] > db[k + 1])
        .map(|k| {
            let (left, middle, right) = (db[k - 1], db[k], db[k + 1]);
            let shift = 0.5 * (left - right) / (left - 2.0 * middle + right);
            let neighbour = if shift < 0.0 { k - 1 } else { k + 1 };
            let step = wrapped(phase(neighbour) - phase(k));
            Peak {
                hz: sample_rate_hz * (k as f64 + shift) / window as f64,
                db: middle - 0.25 * (left - right) * shift,
                phase: phase(k) + shift.abs() * step,
            }
        })
        .collect()
}

/// An angle brought to -π..π.
fn wrapped(angle: f64) -> f64 {
    angle - TAU * (angle / TAU).round()
}

/// The tracks one hop later: each found peak goes to the nearest free track within reach, the loudest peak first; the others start in empty places.
fn continued(tracks: &[Option<Peak>], mut found: Vec<Peak>) -> Vec<Option<Peak>> {
    found.sort_by(|a, b| b.db.total_cmp(&a.db));
    let mut next: Vec<Option<Peak>> = vec![None; tracks.len()];
    let mut unused = Vec::new();
    for peak in found {
        let nearest = tracks
            .iter()
            .enumerate()
            .filter(|&(i, _)| next[i].is_none())
            .filter_map(|(i, track)| track.map(|track| (i, (track.hz - peak.hz).abs())))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match nearest {
            Some((i, distance)) if distance < DEVIATION_HZ + DEVIATION_SHARE * peak.hz => next[i] = Some(peak),
            _ => unused.push(peak),
        }
    }
    // A track that ends here leaves its place empty until the next hop.
    let mut unused = unused.into_iter();
    for (place, old) in next.iter_mut().zip(tracks) {
        if old.is_none() {
            *place = unused.next();
        }
    }
    next.extend(unused.map(Some));
    next.truncate(MAX_TRACKS);
    next
}

/// Two hops of the triangle under which sines are summed.
///
/// The published synthesis adds Blackman-Harris lobes to a spectrum of four hops (Rodet and Depalle 1992) and divides the frame by the window. The lobes
/// are those of the periodic window and the division is by the symmetric one, which tilts the triangle by up to 1 %: their ratio is kept here.
fn synthesis_window() -> [f64; 2 * HOP] {
    let frame = 4.0 * HOP as f64;
    let blackman_harris = |n: f64, period: f64| {
        let w = TAU * n / period;
        0.35875 - 0.48829 * w.cos() + 0.14128 * (2.0 * w).cos() - 0.01168 * (3.0 * w).cos()
    };
    // Sums over the frame: a0 N for the periodic window, a0 (N - 1) plus the repeated end for the symmetric one.
    let sums = [0.35875 * frame, 0.35875 * (frame - 1.0) + blackman_harris(0.0, 1.0)];
    core::array::from_fn(|n| {
        let t = (n + HOP) as f64;
        let triangle = (n.min(2 * HOP - 1 - n) as f64 + 0.5) / HOP as f64;
        triangle * (blackman_harris(t, frame) / sums[0]) / (blackman_harris(t, frame - 1.0) / sums[1])
    })
}

/// Adds `2 · 10^(db/20) cos` under the window to two hops around the peak's time.
fn add_sine(out: &mut [f64], window: &[f64; 2 * HOP], peak: Peak, sample_rate_hz: f64) {
    let turn = TAU * peak.hz / sample_rate_hz;
    let step = Complex::from_polar(1.0, turn);
    let mut z = Complex::from_polar(2.0 * 10.0_f64.powf(peak.db / 20.0), peak.phase - turn * HOP as f64);
    for (out, w) in out.iter_mut().zip(window) {
        *out += w * z.re;
        z *= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_sine_is_all_sinusoid() {
        let x: Vec<f64> = (0..9600).map(|n| 0.5 * (TAU * 1000.3 * f64::from(n) / 48_000.0 + 0.4).sin()).collect();
        let y = sinusoids(&x, 2048, 48_000.0);
        assert_eq!(y.len(), 74 * HOP);
        let error: f64 = (2048..7000).map(|n| (x[n] - y[n]).powi(2)).sum();
        let energy: f64 = (2048..7000).map(|n| x[n].powi(2)).sum();
        assert!(error / energy < 2e-3, "{}", error / energy); // a parabola in dB misses the top of a Hann lobe by up to 0.32 dB
    }

    #[test]
    fn a_click_leaves_no_steady_sinusoid_behind() {
        let mut x = vec![0.0; 9600];
        x[4800] = 0.5;
        let y = sinusoids(&x, 2048, 48_000.0);
        // A click has a flat spectrum without local maxima but for rounding.
        assert!(y.iter().map(|v| v * v).sum::<f64>() < 0.01);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(sinusoids(&[], 512, 48_000.0).is_empty());
        assert!(sinusoids(&[0.5; 100], 512, 48_000.0).is_empty());
    }
}
