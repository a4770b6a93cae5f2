//! Waveforms over each other, and the error below.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    error::check_sample_rate,
    item::Style,
    panel::Panel,
    trace::{check_traces, non_finite_note},
};

/// What part is drawn and against what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// First sample.
    pub start: usize,
    /// Number of samples; 0 means to the end.
    pub frames: usize,
    /// Adds a panel of each further trace minus the first one (the target) with its ESR, `Σ(y-p)² / Σy²`.
    pub error: bool,
}

/// Beyond so many samples a line fills its area, and what lies below must shine through.
const DENSE: usize = 8000;

/// Traces over time in seconds (or milliseconds below 0.2 s); the first one is the target.
///
/// # Errors
/// No traces or empty ones; a sample rate of 0; a part outside the first trace.
pub fn figure(traces: &[Trace<'_>], sample_rate_hz: u32, settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(traces)?;
    check_sample_rate(sample_rate_hz)?;
    let total = traces[0].samples.len();
    let frames = if settings.frames == 0 { total.saturating_sub(settings.start) } else { settings.frames };
    if frames == 0 || settings.start.saturating_add(frames) > total {
        let expected = settings.start.saturating_add(frames.max(1));
        return Err(PlotError::Length { what: format!("trace {:?}", traces[0].label), expected, found: total });
    }
    let seconds = frames as f64 / f64::from(sample_rate_hz);
    let (unit, label) = if seconds < 0.2 { (1000.0, "Time (ms)") } else { (1.0, "Time (s)") };
    let time = |n: usize| unit * (settings.start + n) as f64 / f64::from(sample_rate_hz);
    let axis = || Axis::linear(label, time(0), time(frames), 10);
    let part = |t: &Trace<'_>| t.samples.iter().skip(settings.start).take(frames).map(|&x| f64::from(x)).collect::<Vec<_>>();
    let signals: Vec<Vec<f64>> = traces.iter().map(part).collect();
    let points = |x: &[f64]| x.iter().enumerate().map(|(n, &x)| (time(n), x)).collect::<Vec<_>>();

    let (min, max) = extent(signals.iter().flatten().copied(), 0.05).unwrap_or((-1.0, 1.0));
    let mut panel = Panel::new("", axis(), Axis::linear("Amplitude (full scale 1)", min, max, 5));
    for (n, (trace, signal)) in traces.iter().zip(&signals).enumerate() {
        let mut style = if n == 0 && traces.len() > 1 { Style::series(n).width(2.6) } else { Style::series(n).width(1.2) };
        if n > 0 && frames > DENSE {
            style.opacity = 0.6;
        }
        panel.line(trace.label, points(signal), style);
    }
    let mut figure = Figure::new("Waveform").note(&non_finite_note(traces));
    if settings.error && traces.len() > 1 {
        panel.x.label.clear();
        figure = figure.panel(panel).panel(error_panel(traces, &signals, axis(), points));
    } else {
        figure = figure.panel(panel.height(260.0));
    }
    Ok(figure)
}

fn error_panel(traces: &[Trace<'_>], signals: &[Vec<f64>], x: Axis, points: impl Fn(&[f64]) -> Vec<(f64, f64)>) -> Panel {
    let target = &signals[0];
    let difference = |p: &Vec<f64>| p.iter().zip(target).map(|(p, y)| p - y).collect::<Vec<f64>>();
    let errors: Vec<Vec<f64>> = signals.iter().skip(1).map(difference).collect();
    let (min, max) = extent(errors.iter().flatten().copied(), 0.05).unwrap_or((-1.0, 1.0));
    let mut panel = Panel::new("Error", x, Axis::linear("Error", min, max, 3)).height(110.0);
    for (n, (trace, error)) in traces[1..].iter().zip(&errors).enumerate() {
        let label = format!("{}, ESR {}", trace.label, super::axis::format_value(esr(target, error)));
        panel.line(&label, points(error), Style::series(n + 1).width(1.0));
    }
    panel
}

/// `Σ e² / Σ y²` over the samples where both are finite; infinite for a silent target with an error.
fn esr(target: &[f64], error: &[f64]) -> f64 {
    let finite = target.iter().zip(error).filter(|(y, e)| y.is_finite() && e.is_finite());
    let (y2, e2) = finite.fold((0.0, 0.0), |(a, b), (y, e)| (a + y * y, b + e * e));
    if e2 == 0.0 { 0.0 } else { e2 / y2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Theme;

    #[test]
    fn the_error_panel_states_the_esr() {
        let y: Vec<f32> = (0..4800).map(|n| (0.01 * n as f32).sin()).collect();
        let p: Vec<f32> = y.iter().map(|y| 0.9 * y).collect();
        let traces = [Trace::new("device", &y), Trace::new("model", &p)];
        let svg = figure(&traces, 48_000, &Settings { error: true, ..Settings::default() }).unwrap().to_svg(Theme::Light);
        assert!(svg.contains("model, ESR 0.01<"), "0.1² of the energy");
    }

    #[test]
    fn a_part_outside_the_signal_is_an_error_and_nan_is_a_note() {
        let y = [0.5f32, f32::NAN, 0.25, 0.0];
        let traces = [Trace::new("a", &y)];
        assert!(figure(&traces, 48_000, &Settings { start: 3, frames: 2, error: false }).is_err());
        assert!(figure(&traces, 48_000, &Settings { start: usize::MAX, frames: 0, error: false }).is_err());
        assert!(figure(&traces, 0, &Settings::default()).is_err());
        let svg = figure(&traces, 48_000, &Settings { error: true, ..Settings::default() }).unwrap().to_svg(Theme::Light);
        assert!(svg.contains("1 of 4 samples are not finite"));
    }
}
