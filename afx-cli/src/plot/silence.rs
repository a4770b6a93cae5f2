//! Silence in: the pop of a cold start and the constant offset that remains. Both should be nothing; recurrent models with biases make them.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent, format_value},
    color::Paint,
    error::check_sample_rate,
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::amplitude_db,
    trace::{check_traces, non_finite_note},
};

/// An offset above this is called audible trouble by the reference line: −90 dBFS.
pub const DC_LIMIT_DB: f64 = -90.0;

/// What comes out of a freshly reset effect when nothing goes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColdStart {
    /// Largest magnitude in the first 10 ms, dBFS.
    pub pop_db: f64,
    /// Mean of the last quarter, full scale 1, signed.
    pub offset: f64,
    /// Time after which the output stays within −60 dBFS of that mean, or `None` if it still moves at the end.
    pub settled_s: Option<f64>,
}

impl ColdStart {
    /// `20 log10 |offset|`.
    #[must_use]
    pub fn offset_db(&self) -> f64 {
        amplitude_db(self.offset)
    }
}

/// Two seconds of zeros.
///
/// # Errors
/// An impossible sample rate.
pub fn input(sample_rate_hz: u32) -> Result<Vec<f32>, PlotError> {
    check_sample_rate(sample_rate_hz)?;
    signal::silence(2 * sample_rate_hz as usize)
}

/// Pop, offset and settling time of `output`, the answer to [`input`] after a reset.
///
/// # Errors
/// An impossible sample rate; an empty output.
pub fn analyse(output: &Trace<'_>, sample_rate_hz: u32) -> Result<ColdStart, PlotError> {
    check_traces(core::slice::from_ref(output))?;
    check_sample_rate(sample_rate_hz)?;
    let y = output.window(0, output.samples.len())?;
    let start = (sample_rate_hz as usize / 100).clamp(1, y.len());
    let pop = y[..start].iter().fold(0.0f64, |m, y| m.max(y.abs()));
    let tail = &y[y.len() - y.len().div_ceil(4)..];
    let offset = tail.iter().sum::<f64>() / tail.len() as f64;
    let moving = y.iter().rposition(|y| (y - offset).abs() > 1e-3).map_or(0, |n| n + 1);
    let settled_s = (moving < y.len()).then(|| moving as f64 / f64::from(sample_rate_hz));
    Ok(ColdStart { pop_db: amplitude_db(pop), offset, settled_s })
}

/// The first 50 ms, and the level of the whole output on a dB scale.
///
/// # Errors
/// As [`analyse`]; no traces.
pub fn figure(outputs: &[Trace<'_>], sample_rate_hz: u32) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    check_sample_rate(sample_rate_hz)?;
    let rate = f64::from(sample_rate_hz);
    let longest = outputs.iter().map(|t| t.samples.len()).max().unwrap_or(1);
    let first = (sample_rate_hz as usize / 20).clamp(1, longest);
    let opening = |t: &Trace<'_>| t.samples.iter().take(first).map(|&y| f64::from(y)).collect::<Vec<_>>();
    let (low, high) = extent(outputs.iter().flat_map(opening).chain([-1e-4, 1e-4]), 0.08).unwrap_or((-1.0, 1.0));
    let mut start = Panel::new(
        "First 50 ms",
        Axis::linear("Time (ms)", 0.0, 1000.0 * first as f64 / rate, 10),
        Axis::linear("Output (full scale 1)", low, high, 5),
    );
    let mut level =
        Panel::new("Level", Axis::linear("Time (s)", 0.0, longest as f64 / rate, 8), Axis::linear("Level (dBFS)", -140.0, 0.0, 7));
    (start.height, level.height) = (170.0, 190.0);
    level.line("", vec![(0.0, DC_LIMIT_DB), (longest as f64 / rate, DC_LIMIT_DB)], Style::reference());
    for (n, output) in outputs.iter().enumerate() {
        let a = analyse(output, sample_rate_hz)?;
        let points = opening(output).into_iter().enumerate().map(|(i, y)| (1000.0 * i as f64 / rate, y)).collect();
        start.line(output.label, points, Style::series(n));
        let tenth = |db: f64| if db < -200.0 { "−∞".into() } else { format_value((10.0 * db).round() / 10.0) };
        let label = format!("{}: pop {}, offset {} dBFS", output.label, tenth(a.pop_db), tenth(a.offset_db()));
        let points = output.samples.iter().enumerate().map(|(i, y)| (i as f64 / rate, amplitude_db(f64::from(*y)))).collect();
        level.line(&label, points, Style::series(n).width(1.3));
    }
    let note = format!("Output for silence after a reset; dashed: −90 dBFS. {}", non_finite_note(outputs));
    Ok(Figure::new("Cold start").note(&note).panel(start).panel(level))
}

/// Offset for silence at several positions of one knob.
#[derive(Clone, Copy, Debug)]
pub struct OffsetCurve<'a> {
    /// Name in the legend.
    pub label: &'a str,
    /// `(knob, mean output)`, full scale 1.
    pub points: &'a [(f64, f64)],
}

/// Magnitude of the offset in dBFS against the knob `knob`, with the line at −90 dBFS. For two knobs use [`super::knob_grid`].
///
/// # Errors
/// [`PlotError::Empty`] without a finite point.
pub fn offset_figure(curves: &[OffsetCurve<'_>], knob: &str) -> Result<Figure, PlotError> {
    let points = || curves.iter().flat_map(|c| c.points);
    let empty = || PlotError::Empty { what: "offset curves".into() };
    let (x0, x1) = extent(points().map(|p| p.0), 0.02).ok_or_else(empty)?;
    let (_, top) = extent(points().map(|p| amplitude_db(p.1)), 0.05).ok_or_else(empty)?;
    let mut panel = Panel::new("", Axis::linear(knob, x0, x1, 8), Axis::linear("Offset (dBFS)", -140.0, top.max(-80.0) + 6.0, 7));
    panel.line("", vec![(x0, DC_LIMIT_DB), (x1, DC_LIMIT_DB)], Style::reference());
    for (n, curve) in curves.iter().enumerate() {
        let levels: Vec<(f64, f64)> = curve.points.iter().map(|&(x, y)| (x, amplitude_db(y))).collect();
        panel.line(curve.label, levels.clone(), Style::series(n));
        panel.push(Item::Dots { label: String::new(), points: levels, paint: Paint::Series(n), radius: 3.2 });
    }
    Ok(Figure::new("Offset for silence").note("Dashed: −90 dBFS.").panel(panel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decaying_pop_and_its_offset_are_measured() {
        let y: Vec<f32> = (0..96_000).map(|n| (0.25 * (-f64::from(n) / 4800.0).exp() - 1e-4) as f32).collect();
        let a = analyse(&Trace::new("y", &y), 48_000).unwrap();
        assert!((a.pop_db - amplitude_db(0.2499)).abs() < 1e-5, "{}", a.pop_db); // f32
        assert!((a.offset_db() + 80.0).abs() < 2e-3, "{}", a.offset_db()); // the pop leaves .25 e^-15 / 5 = 1.5e-8 on average: 1.3e-3 dB
        let expected = 0.1 * 250f64.ln(); // .25 e^(-10 t) = .001
        assert!((a.settled_s.unwrap() - expected).abs() < 1e-4, "{a:?}"); // a frame is 2e-5 s
    }

    #[test]
    fn an_oscillation_never_settles_and_silence_is_settled_at_once() {
        let y = signal::sine(5.0, 0.1, 0.0, 96_000, 48_000).unwrap();
        assert_eq!(analyse(&Trace::new("y", &y), 48_000).unwrap().settled_s, None);
        let silent = analyse(&Trace::new("y", &input(48_000).unwrap()), 48_000).unwrap();
        assert_eq!((silent.offset, silent.settled_s), (0.0, Some(0.0)));
        assert!(analyse(&Trace::new("y", &[0.5]), 48_000).is_ok() && analyse(&Trace::new("y", &[]), 48_000).is_err());
    }
}
