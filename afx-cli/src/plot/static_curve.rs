//! Static curve of a dynamics processor: output level against input level once the gain has settled.
use super::{
    Figure, PlotError, Trace,
    axis::{Axis, extent},
    color::Paint,
    error::check,
    item::{Item, Style},
    panel::Panel,
    signal,
    spectrum::power_db,
    trace::{check_traces, non_finite_note},
};

/// A staircase of levels of one sine.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Sample rate.
    pub sample_rate_hz: u32,
    /// Frequency of the sine.
    pub frequency_hz: f64,
    /// Peak levels in dBFS, ascending, so that a slow release does not leak into the next level.
    pub levels_db: Vec<f64>,
    /// Time at each level; its last quarter is measured.
    pub seconds: f64,
}

impl Default for Settings {
    /// 1 kHz from −60 to 0 dBFS in steps of 2 dB, half a second each, 48 kHz.
    fn default() -> Self {
        Self {
            sample_rate_hz: 48_000,
            frequency_hz: 1000.0,
            levels_db: (0..=30).map(|i| -60.0 + 2.0 * f64::from(i)).collect(),
            seconds: 0.5,
        }
    }
}

/// The analysis signal.
///
/// # Errors
/// No levels, a level above 200 dB, an impossible frequency, duration or sample rate.
pub fn input(settings: &Settings) -> Result<Vec<f32>, PlotError> {
    signal::level_steps(settings.frequency_hz, &settings.levels_db, settings.seconds, settings.sample_rate_hz)
}

/// `(input level, output level)` in dBFS of a sine with the measured root mean square (a full-scale sine is 0), one per level of `settings`.
///
/// # Errors
/// As [`input`]; an output shorter than the input.
pub fn analyse(output: &Trace<'_>, settings: &Settings) -> Result<Vec<(f64, f64)>, PlotError> {
    let step = signal::duration(settings.seconds, settings.sample_rate_hz)?;
    check("seconds", "at least 4 frames", settings.seconds, step >= 4)?;
    let measured = step / 4;
    let level = |(i, level): (usize, &f64)| {
        let y = output.window((i + 1) * step - measured, measured)?;
        let power = y.iter().map(|y| y * y).sum::<f64>() / measured as f64;
        Ok((*level, power_db(2.0 * power)))
    };
    settings.levels_db.iter().enumerate().map(level).collect()
}

/// Output level against input level with the line of unity gain, and the gain against input level.
///
/// # Errors
/// As [`analyse`]; no traces or empty ones.
pub fn figure(outputs: &[Trace<'_>], settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(outputs)?;
    let curves = outputs.iter().map(|o| analyse(o, settings)).collect::<Result<Vec<_>, _>>()?;
    let empty = || PlotError::Empty { what: "levels_db".into() };
    let (x0, x1) = extent(settings.levels_db.iter().copied(), 0.02).ok_or_else(empty)?;
    let (y0, y1) = extent(curves.iter().flatten().map(|p| p.1).filter(|y| *y > -150.0).chain([x0, x1]), 0.02).ok_or_else(empty)?;
    let x = || Axis::linear("Input (dBFS)", x0, x1, 6);
    let mut levels = Panel::new("Level", x(), Axis::linear("Output (dBFS)", y0, y1, 6)).height(290.0);
    levels.line("", vec![(x0, x0), (x1, x1)], Style::reference());
    let gain = |curve: &[(f64, f64)]| curve.iter().map(|(x, y)| (*x, y - x)).collect::<Vec<_>>();
    let gains = curves.iter().flat_map(|c| gain(c)).map(|p| p.1).filter(|g| *g > -150.0);
    let (g0, g1) = extent(gains.chain([-1.0, 1.0]), 0.06).ok_or_else(empty)?;
    let mut change = Panel::new("Gain", x(), Axis::linear("Gain (dB)", g0, g1, 6)).height(290.0);
    for (n, (output, curve)) in outputs.iter().zip(&curves).enumerate() {
        levels.line(output.label, curve.clone(), Style::series(n));
        levels.push(Item::Dots { label: String::new(), points: curve.clone(), paint: Paint::Series(n), radius: 2.4 });
        change.line(output.label, gain(curve), Style::series(n));
    }
    let note = format!("{} Hz, settled level; dashed: output = input. {}", settings.frequency_hz, non_finite_note(outputs));
    Ok(Figure::new("Static curve").note(&note).columns(2).panel(levels).panel(change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_four_to_one_compressor_reads_as_drawn_in_its_manual() {
        let settings = Settings::default();
        let mut y = input(&settings).unwrap();
        let law = |x: f64| if x > -20.0 { -20.0 + (x + 20.0) / 4.0 } else { x };
        for (block, level) in y.chunks_mut(24_000).zip(&settings.levels_db) {
            let gain = 10f32.powf((law(*level) - level) as f32 / 20.0);
            block.iter_mut().enumerate().for_each(|(n, y)| *y *= if n < 18_000 { 1.7 } else { gain }); // settles late, but before the last quarter
        }
        for (x, level) in analyse(&Trace::new("y", &y), &settings).unwrap() {
            assert!((level - law(x)).abs() < 1e-4, "{x}: {level}"); // 125 whole periods; f32 gain
        }
    }

    #[test]
    fn impossible_settings_are_errors() {
        let none = Settings { levels_db: vec![], ..Settings::default() };
        assert!(input(&none).is_err());
        let short = Settings { seconds: 1e-5, ..Settings::default() };
        assert!(analyse(&Trace::new("y", &[0.0; 99]), &short).is_err());
        assert!(figure(&[Trace::new("y", &[0.0; 99])], &Settings::default()).is_err());
    }
}
