//! Tonal balance: average spectra smoothed over 1/24 octave, and how far each lies from the first one in dB.
//!
//! DeepAFx-ST's `get_smoothed_spectrum_diff` takes the root twice and so shows half of the decibels; these are whole ones.
use super::{
    Figure, PlotError, Trace,
    axis::Axis,
    error::check_sample_rate,
    item::Style,
    panel::Panel,
    spectrum::{log_frequencies, power_db, smooth, welch},
    trace::{check_traces, non_finite_note},
};

/// Frames of the transform: a shorter signal is padded with silence.
pub const N_FFT: usize = 4096;
const FRACTION: f64 = 24.0;

/// `(frequency, level in dB)` of `trace` from 20 Hz to 20 kHz or Nyquist, 24 points an octave: Welch's average of 4096-point Hann frames with 75 % overlap,
/// power smoothed over 1/24 octave. A full-scale sine reads 0 dB at its bin before smoothing.
///
/// # Errors
/// An impossible sample rate, or one of 40 Hz and less, which leaves nothing between 20 Hz and Nyquist; an empty trace.
pub fn analyse(trace: &Trace<'_>, sample_rate_hz: u32) -> Result<Vec<(f64, f64)>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    let nyquist = f64::from(sample_rate_hz) / 2.0;
    super::error::check("sample_rate_hz", "above 40", f64::from(sample_rate_hz), nyquist > 20.0)?;
    let power = welch(&trace.window(0, trace.samples.len())?, N_FFT)?;
    let frequencies = log_frequencies(20.0, nyquist.min(20_000.0), 24);
    let levels = smooth(&power, nyquist, FRACTION, &frequencies);
    Ok(frequencies.into_iter().zip(levels.into_iter().map(power_db)).collect())
}

/// Spectra of all traces above, differences from the first one (the target) below.
///
/// # Errors
/// As [`analyse`]; no traces or empty ones.
pub fn figure(traces: &[Trace<'_>], sample_rate_hz: u32) -> Result<Figure, PlotError> {
    check_traces(traces)?;
    let spectra = traces.iter().map(|t| analyse(t, sample_rate_hz)).collect::<Result<Vec<_>, _>>()?;
    let top = spectra.iter().flatten().map(|p| p.1).fold(-200.0, f64::max);
    let high = f64::from(sample_rate_hz) / 2.0;
    let x = || Axis::frequency(20.0, high.min(20_000.0));
    let mut panel = Panel::new("Spectra", x(), Axis::linear("Level (dB)", top - 85.0, top + 5.0, 6));
    for (n, (trace, spectrum)) in traces.iter().zip(&spectra).enumerate() {
        let style = if n == 0 { Style::series(n).width(2.4) } else { Style::series(n) };
        panel.line(trace.label, spectrum.clone(), style);
    }
    let figure = Figure::new("Spectra and their difference");
    let note = format!("Average of the whole signal, smoothed over 1/24 octave. {}", non_finite_note(traces));
    if traces.len() < 2 {
        return Ok(figure.note(&note).panel(panel));
    }
    panel.x.label.clear();
    let differences: Vec<Vec<(f64, f64)>> =
        spectra[1..].iter().map(|s| s.iter().zip(&spectra[0]).map(|(p, y)| (p.0, p.1 - y.1)).collect()).collect();
    // Where the target holds next to nothing a difference says next to nothing: the range follows what is within 70 dB of its peak.
    let loudest = spectra[0].iter().map(|p| p.1).fold(-300.0, f64::max);
    let heard = differences.iter().flat_map(|d| d.iter().zip(&spectra[0]).filter(|(_, y)| y.1 > loudest - 70.0).map(|(d, _)| d.1.abs()));
    let range = (1.15 * heard.fold(1.0, f64::max)).min(30.0);
    let mut difference =
        Panel::new(&format!("Difference from {}", traces[0].label), x(), Axis::linear("Difference (dB)", -range, range, 4)).height(150.0);
    difference.line("", vec![(20.0, 0.0), (high, 0.0)], Style::reference());
    for (n, (trace, points)) in traces[1..].iter().zip(differences).enumerate() {
        difference.line(trace.label, points, Style::series(n + 1));
    }
    Ok(figure.note(&note).panel(panel).panel(difference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::item::Item;

    fn noise(frames: usize) -> Vec<f32> {
        let mut seed = 7u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 16_777_216.0 - 0.5
        };
        (0..frames).map(|_| next()).collect()
    }

    fn difference(a: &[f32], b: &[f32]) -> Vec<(f64, f64)> {
        let figure = figure(&[Trace::new("a", a), Trace::new("b", b)], 48_000).unwrap();
        match &figure.panels()[1].items[1] {
            Item::Line { points, .. } => points.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_gain_shows_its_whole_decibels_at_every_frequency() {
        let x = noise(48_000);
        let half: Vec<f32> = x.iter().map(|x| 0.5 * x).collect();
        let points = difference(&x, &half);
        assert!(points.len() > 230 && points.iter().all(|p| (p.1 + 6.020_599_913).abs() < 1e-5)); // halving is exact in f32
    }

    #[test]
    fn a_filter_shows_its_response() {
        let x = noise(192_000);
        let y: Vec<f32> = (0..x.len()).map(|n| 0.5 * (x[n] + if n > 0 { x[n - 1] } else { 0.0 })).collect();
        for (f, db) in difference(&x, &y) {
            let expected = 20.0 * (core::f64::consts::PI * f / 48_000.0).cos().log10(); // |1 + z⁻¹| / 2
            assert!((db - expected).abs() < 0.15, "{f}: {db} for {expected}"); // the same noise in both; smoothing over 3 % of f at a slope up to 30 dB an octave
        }
    }
}
