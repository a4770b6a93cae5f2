//! Transfer curve: output against input for one sine, coloured by time within the period, so that memory shows as a loop.
use super::{
    Figure, PlotError, Trace,
    axis::{self, Axis, extent},
    color::ColorMap,
    error::{check, check_sample_rate},
    item::{Item, Style},
    panel::{ColorBar, Panel},
    signal,
    spectrum::{amplitude_db, rfft},
    trace::{check_traces, non_finite_note},
};

/// The sine that is sent through the effect; its last period is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Frequency.
    pub frequency_hz: f64,
    /// Peak of the sine.
    pub gain: f64,
    /// Length of the signal.
    pub seconds: f64,
    /// Takes out of each output the delay of its fundamental, so that a loop shows memory beyond a plain lag.
    pub align: bool,
}

impl Default for Settings {
    /// 100 Hz at full scale for one second at 48 kHz, as it comes.
    fn default() -> Self {
        Self { sample_rate_hz: 48_000, frequency_hz: 100.0, gain: 1.0, seconds: 1.0, align: false }
    }
}

impl Settings {
    fn period(&self) -> Result<usize, PlotError> {
        check_sample_rate(self.sample_rate_hz)?;
        let period = f64::from(self.sample_rate_hz) / self.frequency_hz;
        check("frequency_hz", "8 samples a period or more, and 4 periods or more", self.frequency_hz, period.is_finite() && period >= 8.0)?;
        let frames = signal::duration(self.seconds, self.sample_rate_hz)?;
        check("seconds", "at least 4 periods", self.seconds, frames as f64 >= 4.0 * period)?;
        Ok(period.round() as usize)
    }
}

/// The analysis signal.
///
/// # Errors
/// Fewer than 8 samples a period or 4 periods in all; an impossible sample rate, duration or gain.
pub fn input(settings: &Settings) -> Result<Vec<f32>, PlotError> {
    settings.period()?;
    let frames = signal::duration(settings.seconds, settings.sample_rate_hz)?;
    signal::sine(settings.frequency_hz, settings.gain, 0.0, frames, settings.sample_rate_hz)
}

/// Delay in frames, 0 or more, at which the fundamental of `output` is in phase with that of `input`: both are the last period of a sine and of its
/// answer. An inverting effect reads half a period.
#[must_use]
pub fn phase_delay(input: &[f64], output: &[f64]) -> usize {
    let (x, y) = (rfft(input), rfft(output));
    let (Some(x), Some(y)) = (x.get(1), y.get(1)) else { return 0 };
    let turns = (x.arg() - y.arg()) / core::f64::consts::TAU;
    (turns.rem_euclid(1.0) * input.len() as f64).round() as usize % input.len().max(1)
}

/// One panel per output: its last period against the input's, with the line `output = input`.
///
/// # Errors
/// As [`input`]; no traces or empty ones; an output shorter than the input.
pub fn figure(outputs: &[Trace<'_>], settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    let x = input(settings)?;
    let period = settings.period()?;
    let start = x.len() - period;
    let x: Vec<f64> = x[start..].iter().map(|&x| f64::from(x)).collect();
    let mut figure = Figure::new("Transfer curve").columns(outputs.len().min(3));
    let ys = outputs.iter().map(|o| o.window(start, period)).collect::<Result<Vec<_>, _>>()?;
    let (low, high) = extent(ys.iter().flatten().copied(), 0.06).unwrap_or((-1.0, 1.0));
    for (output, y) in outputs.iter().zip(&ys) {
        let lag = if settings.align { phase_delay(&x, y) } else { 0 };
        let mut points: Vec<(f64, f64)> = (0..period).map(|n| (x[n], y[(n + lag) % period])).collect();
        points.push(points[0]); // the loop closes
        let range = 1.05 * settings.gain.abs();
        let mut panel = Panel::new(
            output.label,
            Axis::linear("Input (full scale 1)", -range, range, 5),
            Axis::linear("Output (full scale 1)", low, high, 6),
        )
        .height(280.0);
        panel.line("", vec![(-range, -range), (range, range)], Style::reference());
        panel.push(Item::Gradient { points, map: ColorMap::Time });
        let ms = 1000.0 / settings.frequency_hz;
        panel.color_bar = Some(ColorBar { axis: Axis::linear("Time in the period (ms)", 0.0, ms, 5), map: ColorMap::Time });
        figure = figure.panel(panel);
    }
    let delay = if settings.align { ", delay of the fundamental removed" } else { "" };
    let level = axis::format_value((10.0 * amplitude_db(settings.gain)).round() / 10.0);
    let note =
        format!("Last period of {} Hz at {level} dBFS{delay}; dashed: output = input. {}", settings.frequency_hz, non_finite_note(outputs));
    Ok(figure.note(&note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(figure: &Figure) -> Vec<(f64, f64)> {
        figure.panels()[0]
            .items
            .iter()
            .find_map(|i| match i {
                Item::Gradient { points, .. } => Some(points.clone()),
                _ => None,
            })
            .unwrap()
    }

    #[test]
    fn a_memoryless_effect_is_a_function() {
        let settings = Settings::default();
        let y: Vec<f32> = input(&settings).unwrap().iter().map(|x| x.tanh()).collect();
        for (x, y) in curve(&figure(&[Trace::new("tanh", &y)], &settings).unwrap()) {
            assert!((y - x.tanh()).abs() < 1e-6); // f32
        }
    }

    #[test]
    fn a_delay_opens_a_loop_and_alignment_closes_it() {
        let settings = Settings::default();
        let x = input(&settings).unwrap();
        let y: Vec<f32> = (0..x.len()).map(|n| if n < 37 { 0.0 } else { x[n - 37].tanh() }).collect();
        let width = |settings: &Settings| {
            let points = curve(&figure(&[Trace::new("late", &y)], settings).unwrap());
            points.iter().map(|(x, y)| (y - x.tanh()).abs()).fold(0.0, f64::max)
        };
        assert!(width(&settings) > 0.3);
        let closed = width(&Settings { align: true, ..settings });
        assert!(closed < 1e-5, "{closed}"); // 37 frames is a whole number: only f32 remains
    }

    #[test]
    fn impossible_settings_are_errors() {
        let settings = Settings::default();
        for bad in [
            Settings { frequency_hz: 0.0, ..settings },
            Settings { frequency_hz: -5.0, ..settings },
            Settings { frequency_hz: f64::NAN, ..settings },
            Settings { frequency_hz: 20_000.0, ..settings },
            Settings { seconds: 0.01, ..settings },
            Settings { gain: f64::NAN, ..settings },
        ] {
            assert!(input(&bad).is_err(), "{bad:?}");
        }
        assert!(figure(&[Trace::new("short", &[0.0; 10])], &settings).is_err());
    }
}
