//! A tone and then silence: how the output, and if one likes the hidden state, goes back to rest. What climbs or wanders here is a model that
//! lives on by itself.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    color::Paint,
    error::check_sample_rate,
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::power_db,
    trace::{check_traces, non_finite_note},
};

/// Seconds of tone, then of silence.
pub const SECONDS: (f64, f64) = (0.5, 2.0);

/// Half a second of 1 kHz at −6 dBFS, then two seconds of silence.
///
/// # Errors
/// A sample rate that is impossible or below 4 kHz.
pub fn input(sample_rate_hz: u32) -> Result<Vec<f32>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    super::error::check("sample_rate_hz", "at least 4000", f64::from(sample_rate_hz), sample_rate_hz >= 4000)?;
    let tone = signal::duration(SECONDS.0, sample_rate_hz)?;
    let mut x = signal::sine(1000.0, 0.5, 0.0, tone, sample_rate_hz)?;
    x.resize(tone + signal::duration(SECONDS.1, sample_rate_hz)?, 0.0);
    Ok(x)
}

/// Root mean square level of each 5 ms of `samples`, `(time at the middle in s, dBFS re a full-scale square)`.
#[must_use]
pub fn levels(samples: &[f32], sample_rate_hz: u32) -> Vec<(f64, f64)> {
    let block = (sample_rate_hz as usize / 200).max(1);
    let rate = f64::from(sample_rate_hz.max(1));
    let level = |(i, x): (usize, &[f32])| {
        let power = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64;
        ((i * block) as f64 / rate + 0.5 * x.len() as f64 / rate, power_db(power))
    };
    samples.chunks(block).enumerate().map(level).collect()
}

/// Levels of the outputs over time, and below them the curves of `state_norms` (`(seconds, norm)`; pass an empty list to leave the panel out).
///
/// # Errors
/// No traces or empty ones; an impossible sample rate.
pub fn figure(outputs: &[Trace<'_>], state_norms: &[(&str, &[(f64, f64)])], sample_rate_hz: u32) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    check_sample_rate(sample_rate_hz)?;
    let longest = outputs.iter().map(|t| t.samples.len()).max().unwrap_or(1) as f64 / f64::from(sample_rate_hz);
    let x = || Axis::linear("Time (s)", 0.0, longest, 8);
    let tone = Item::Band { from: 0.0, to: SECONDS.0, paint: Paint::MinorGrid, opacity: 0.9 };
    let mut panel = Panel::new("Output", x(), Axis::linear("Level (dBFS)", -140.0, 6.0, 7));
    panel.push(tone.clone());
    for (n, output) in outputs.iter().enumerate() {
        panel.line(output.label, levels(output.samples, sample_rate_hz), Style::series(n));
    }
    let note = format!("Shaded: a 1 kHz tone; then silence. {}", non_finite_note(outputs));
    let figure = Figure::new("After the tone").note(&note).panel(panel);
    let norms = state_norms.iter().flat_map(|(_, points)| points.iter().map(|p| p.1));
    let Some((_, top)) = extent(norms, 0.08) else { return Ok(figure) };
    let mut state = Panel::new("Hidden state", x(), Axis::linear("Norm", 0.0, top, 4)).height(130.0);
    state.push(tone);
    for (n, (label, points)) in state_norms.iter().enumerate() {
        let same = outputs.iter().position(|o| o.label == *label); // one colour for one model in both panels
        state.line(label, points.to_vec(), Style::series(same.unwrap_or(outputs.len() + n)));
    }
    Ok(figure.panel(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_reads_its_level_and_the_silence_the_floor() {
        let levels = levels(&input(48_000).unwrap(), 48_000);
        assert_eq!(levels.len(), 500);
        let expected = power_db(0.125); // a sine of .5 has a mean square of 1/8
        assert!(levels[..100].iter().all(|l| (l.1 - expected).abs() < 1e-4)); // 5 ms hold 5 periods; f32
        assert!(levels[100..].iter().all(|l| l.1 == super::super::spectrum::FLOOR_DB));
    }

    #[test]
    fn the_state_panel_is_optional() {
        let y = input(48_000).unwrap();
        let norms: Vec<(f64, f64)> = (0..25).map(|i| (0.1 * f64::from(i), 1.0 / f64::from(1 + i))).collect();
        let panels = |norms: &[(&str, &[(f64, f64)])]| figure(&[Trace::new("y", &y)], norms, 48_000).unwrap().panels().len();
        assert_eq!((panels(&[]), panels(&[("h", &norms)])), (1, 2));
        assert!(input(0).is_err() && figure(&[], &[], 48_000).is_err());
    }
}
