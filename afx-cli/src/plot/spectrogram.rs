//! Spectrograms side by side, and how two of them differ. With the sweep of [`super::signal::sweep`] as input, lines that bend down from Nyquist
//! are aliases and lines that stay level are constant offsets and their mixing products.
use super::{
    Figure, PlotError, Trace,
    axis::Axis,
    bitmap::Bitmap,
    color::ColorMap,
    error::{check, check_sample_rate},
    item::Item,
    panel::{ColorBar, Panel},
    spectrum::{power_db, stft},
    trace::{check_traces, non_finite_note},
};

/// Analysis and look. The default is the field's: 2048-point Hann frames every 512 samples, 80 dB below the loudest bin, linear frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Frame size.
    pub n_fft: usize,
    /// Step between frames.
    pub hop: usize,
    /// Range of levels shown, in dB below the loudest bin of the first trace.
    pub range_db: f64,
    /// Logarithmic frequency from 20 Hz instead of linear from 0.
    pub log_frequency: bool,
    /// Adds, for each trace after the first, its level minus the first one's.
    pub difference: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { n_fft: 2048, hop: 512, range_db: 80.0, log_frequency: false, difference: false }
    }
}

/// Differences are shown up to this many dB either way.
const DIFFERENCE_DB: f64 = 20.0;
const COLUMNS: usize = 480;
const ROWS: usize = 300;

/// A panel per trace, all against the loudest bin of the first one.
///
/// # Errors
/// No traces or empty ones; an impossible sample rate, frame size, hop or range.
pub fn figure(traces: &[Trace<'_>], sample_rate_hz: u32, settings: &Settings) -> Result<Figure, PlotError> {
    check_traces(traces)?;
    check_sample_rate(sample_rate_hz)?;
    check("range_db", "above 0 and at most 300", settings.range_db, settings.range_db > 0.0 && settings.range_db <= 300.0)?;
    let nyquist = f64::from(sample_rate_hz) / 2.0;
    let low = if settings.log_frequency { 20f64.min(nyquist / 4.0) } else { 0.0 };
    let mut grids = Vec::with_capacity(traces.len());
    for trace in traces {
        grids.push(grid(&trace.window(0, trace.samples.len())?, nyquist, low, settings)?);
    }
    let loudest = grids[0].levels_db.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let panels = grids.iter().filter(|_| settings.difference).count().saturating_sub(1) + grids.len();
    let mut figure = Figure::new("Spectrogram").note(&non_finite_note(traces)).columns(if panels > 1 { 2 } else { 1 });
    let axes = |t: &Trace<'_>| {
        let seconds = t.samples.len() as f64 / f64::from(sample_rate_hz);
        let y = if settings.log_frequency { Axis::frequency(low, nyquist) } else { Axis::frequency_linear(nyquist) };
        (Axis::linear("Time (s)", 0.0, seconds, 6), y)
    };
    for (trace, grid) in traces.iter().zip(&grids) {
        let level = |db: f64| (db - loudest) / settings.range_db + 1.0;
        let bar = ColorBar { axis: Axis::linear("Level (dB re max)", -settings.range_db, 0.0, 5), map: ColorMap::Heat };
        figure = figure.panel(panel(trace.label, axes(trace), grid, level, bar)?);
    }
    for (trace, grid) in traces.iter().zip(&grids).skip(1).filter(|_| settings.difference) {
        let difference = grid.minus(&grids[0], loudest - settings.range_db);
        let bar = ColorBar { axis: Axis::linear("Difference (dB)", -DIFFERENCE_DB, DIFFERENCE_DB, 5), map: ColorMap::Diverging };
        let level = |db: f64| 0.5 + 0.5 * db / DIFFERENCE_DB;
        figure = figure.panel(panel(&format!("{} − {}", trace.label, traces[0].label), axes(trace), &difference, level, bar)?);
    }
    Ok(figure)
}

fn panel(title: &str, (x, y): (Axis, Axis), grid: &Grid, level: impl Fn(f64) -> f64, bar: ColorBar) -> Result<Panel, PlotError> {
    let pixels = grid.levels_db.iter().map(|&db| (255.0 * level(db).clamp(0.0, 1.0)).round() as u8).collect();
    let bitmap = Bitmap::new(grid.columns as u32, ROWS as u32, bar.map.palette(256), pixels)?;
    let mut panel = Panel::new(title, x, y).height(230.0);
    (panel.x.grid, panel.y.grid) = (false, false);
    panel.push(Item::Image { x: (panel.x.min, panel.x.max), y: (panel.y.min, panel.y.max), bitmap });
    panel.color_bar = Some(bar);
    Ok(panel)
}

/// Levels in dB on a grid of pixels, top row first.
struct Grid {
    columns: usize,
    levels_db: Vec<f64>,
}

impl Grid {
    /// Difference in dB where either is above `floor_db`; 0 elsewhere. Columns past the end of either count as silent.
    fn minus(&self, other: &Self, floor_db: f64) -> Self {
        let at = |g: &Self, row: usize, column: usize| {
            if column < g.columns { g.levels_db[row * g.columns + column].max(floor_db) } else { floor_db }
        };
        let columns = self.columns;
        let levels_db = (0..ROWS * columns).map(|i| at(self, i / columns, i % columns) - at(other, i / columns, i % columns)).collect();
        Self { columns, levels_db }
    }
}

/// A short-time spectrum resampled to pixels: the loudest bin that falls on each, the nearest one where none does.
fn grid(x: &[f64], nyquist: f64, low: f64, settings: &Settings) -> Result<Grid, PlotError> {
    check("n_fft", "16 to 65536", settings.n_fft as f64, (16..=65_536).contains(&settings.n_fft))?;
    check("hop", "1 to n_fft", settings.hop as f64, settings.hop > 0)?;
    let frames = x.len() / settings.hop + 1;
    let (columns, bins) = (frames.min(COLUMNS), settings.n_fft / 2 + 1);
    let edge = |row: usize| {
        let t = 1.0 - row as f64 / ROWS as f64;
        let f = if settings.log_frequency { low * (nyquist / low).powf(t) } else { nyquist * t };
        f / nyquist * (bins - 1) as f64
    };
    let rows = (0..ROWS).map(|row| {
        let (top, bottom) = (edge(row), edge(row + 1));
        let within = |bin: f64| (bin as usize).min(bins - 1);
        let (first, last) = (within(bottom.ceil()), within(top.floor()));
        let nearest = within((0.5 * (top + bottom)).round());
        if first <= last { first..=last } else { nearest..=nearest }
    });
    let rows: Vec<_> = rows.collect();
    let mut peaks = vec![0.0; ROWS * columns];
    stft(x, settings.n_fft, settings.hop, |i, power| {
        let column = i * columns / frames; // `i < frames`
        for (row, bins) in rows.iter().enumerate() {
            let peak: &mut f64 = &mut peaks[row * columns + column];
            *peak = power[bins.clone()].iter().copied().fold(*peak, f64::max);
        }
    })?;
    Ok(Grid { columns, levels_db: peaks.into_iter().map(power_db).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::signal;

    fn image(figure: &Figure, panel: usize) -> &Bitmap {
        match &figure.panels()[panel].items[0] {
            Item::Image { bitmap, .. } => bitmap,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_sine_is_a_line_at_its_frequency() {
        let x = signal::sine(6000.0, 0.5, 0.0, 48_000, 48_000).unwrap();
        let figure = figure(&[Trace::new("x", &x)], 48_000, &Settings::default()).unwrap();
        let bitmap = image(&figure, 0);
        let column: Vec<u8> = (0..bitmap.height()).map(|y| bitmap.index(bitmap.width() / 2, y)).collect();
        let bright = column.iter().position(|p| *p == 255).unwrap();
        assert!((i64::try_from(bright).unwrap() - 225).abs() <= 1, "{bright}"); // 6 of 24 kHz: 3/4 down 300 rows
        assert_eq!(column[50], 0);
    }

    #[test]
    fn equal_traces_differ_nowhere_and_a_gain_shows_its_decibels() {
        let x = signal::sweep(20.0, 20_000.0, 1.0, 48_000).unwrap();
        let half: Vec<f32> = x.iter().map(|x| 0.5 * x).collect();
        let settings = Settings { difference: true, log_frequency: true, ..Settings::default() };
        let same = figure(&[Trace::new("a", &x), Trace::new("b", &x)], 48_000, &settings).unwrap();
        let bitmap = image(&same, 2);
        assert!((0..bitmap.width()).all(|c| bitmap.index(c, 100) == 128)); // 127.5 rounds up
        let quieter = figure(&[Trace::new("a", &x), Trace::new("b", &half)], 48_000, &settings).unwrap();
        let bitmap = image(&quieter, 2);
        let least = (0..bitmap.width()).flat_map(|c| (0..bitmap.height()).map(move |r| (c, r))).map(|(c, r)| bitmap.index(c, r)).min();
        assert_eq!(least, Some((255.0 * (0.5 - 0.5 * 6.0206 / DIFFERENCE_DB)).round() as u8));
    }
}
