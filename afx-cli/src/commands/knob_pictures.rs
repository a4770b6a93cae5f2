//! Numbers over knob positions as heat maps and curves.

use super::Error;
use super::measured::Measured;
use super::source::play;
use crate::plot::knob_grid::{self, KnobGrid, ValueScale};
use crate::plot::panel::Panel;
use crate::plot::silence::{self, ColdStart};
use crate::plot::{Figure, Trace, axis};
use afx::io::ModelFile;
use afx::io::dataset::Knob;
use rayon::prelude::*;

/// The most positions of a knob that get a row or column of their own; more are gathered in [`BINS`] ranges.
const POSITIONS: usize = 12;
const BINS: usize = 10;
/// An offset below this is shown as this: far below anything that is audible.
const FLOOR_DBFS: f64 = -200.0;

/// A value at a knob position.
pub(super) struct Value {
    pub controls: Vec<f32>,
    pub value: f64,
    pub seen: bool,
}

/// A heat map over two knobs (one, where both are the same): of positions that fall together the worst, i.e. greatest, value.
///
/// # Errors
/// When no value is finite.
pub(super) fn heat_map(knobs: &[Knob], values: &[Value], (x, y): (usize, usize), label: &str, scale: ValueScale) -> Result<Figure, Error> {
    let columns = Rungs::new(values.iter().map(|v| v.controls[x]));
    let rows = if x == y { Rungs::single() } else { Rungs::new(values.iter().map(|v| v.controls[y])) };
    let (width, height) = (columns.labels.len(), rows.labels.len());
    let mut grid = KnobGrid {
        columns: knob_grid::Knob { name: named(&knobs[x]), positions: columns.labels.clone() },
        rows: knob_grid::Knob { name: if x == y { String::new() } else { named(&knobs[y]) }, positions: rows.labels.clone() },
        values: vec![f64::NAN; width * height],
        seen: vec![true; width * height],
        label: label.into(),
        scale,
    };
    for v in values {
        let cell = rows.index(v.controls[y]) * width + columns.index(v.controls[x]);
        grid.values[cell] = grid.values[cell].max(v.value); // `max` ignores the NaN of a cell that is still empty
        grid.seen[cell] &= v.seen;
    }
    if grid.values.iter().all(|v| v.is_nan() || *v <= 0.0) {
        grid.scale = ValueScale::Linear; // a logarithm of nothing but zeros has no colours
    }
    Ok(knob_grid::figure(&grid)?)
}

fn named(knob: &Knob) -> String {
    if knob.unit.is_empty() { knob.name.clone() } else { format!("{} ({})", knob.name, knob.unit) }
}

/// The rows or columns of a knob.
struct Rungs {
    labels: Vec<String>,
    /// The upper end of each but the last.
    ends: Vec<f32>,
}

impl Rungs {
    fn new(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.collect();
        values.sort_by(f32::total_cmp);
        values.dedup();
        let name = |v: f32| axis::format_value(v.to_string().parse().unwrap_or(f64::from(v)));
        if values.len() <= POSITIONS {
            let ends = values.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
            return Rungs { labels: values.into_iter().map(name).collect(), ends };
        }
        let (low, high) = (values[0], values[values.len() - 1]);
        let edge = |i: usize| low + (high - low) * i as f32 / BINS as f32;
        let range = |i| format!("{}–{}", axis::format_value(short(edge(i))), axis::format_value(short(edge(i + 1))));
        Rungs { labels: (0..BINS).map(range).collect(), ends: (1..BINS).map(edge).collect() }
    }

    fn single() -> Self {
        Rungs { labels: vec![String::new()], ends: Vec::new() }
    }

    fn index(&self, value: f32) -> usize {
        self.ends.partition_point(|end| *end < value)
    }
}

/// Three significant digits.
fn short(value: f32) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(f64::from(value))
}

/// The ESR over every pair of the first knobs (over the one knob there is), worst over the others; at most three maps.
///
/// # Errors
/// When a map cannot be drawn.
pub(super) fn error_grids(measured: &Measured<'_>) -> Result<Vec<(Figure, String)>, Error> {
    let knobs = &measured.data.knobs;
    let value = |c: &super::measured::Cell<'_>| Value {
        controls: c.capture.controls.clone(),
        value: c.scores.esr.unwrap_or(f64::NAN),
        seen: c.seen,
    };
    let values: Vec<Value> = measured.cells.iter().map(value).collect();
    let pairs: Vec<(usize, usize)> = match knobs.len() {
        0 => Vec::new(),
        1 => vec![(0, 0)],
        n => (0..n).flat_map(|y| (y + 1..n).map(move |x| (x, y))).take(3).collect(),
    };
    let draw = |(x, y): (usize, usize)| {
        let others = if knobs.len() > 2 { ", the worst over the other knobs" } else { "" };
        let over = if x == y { knobs[x].name.clone() } else { format!("{} and {}", knobs[x].name, knobs[y].name) };
        let figure = heat_map(knobs, &values, (x, y), "ESR", ValueScale::Log)?;
        Ok((figure, format!("Error to signal ratio over {over}{others}.")))
    };
    pairs.into_iter().map(draw).collect()
}

/// The pop of a cold start and the offset that models make of silence over the knob grid: curves for one knob, maps over the first two of one model; the
/// other knobs stay.
///
/// # Errors
/// Models without knobs or with different ones; more than one model with several knobs.
pub(super) fn offset_grid(models: &[(&str, &ModelFile, &[f32])], positions: usize) -> Result<Figure, Error> {
    let (label, model, knobs) = match models {
        [] => return Err(Error::new("dc-grid: expected a model file, found none")),
        [first, ..] => *first,
    };
    if let Some((label, ..)) = models.iter().find(|(_, m, _)| m.knobs.is_empty()) {
        return Err(Error::new(format_args!("dc-grid: {label}: expected a model with knobs, found none; --kind silence shows its offset")));
    }
    if models.iter().all(|(_, m, _)| m.knobs.len() == 1 && m.knobs[0].name == model.knobs[0].name) {
        return offset_curves(models, positions);
    }
    if models.len() > 1 {
        return Err(Error::new(format_args!("dc-grid: expected one model, as {label} has several knobs, found {}", models.len())));
    }
    let place = |i: usize| {
        let mut controls = knobs.to_vec();
        (controls[0], controls[1]) = (at(&model.knobs[0], i / positions, positions), at(&model.knobs[1], i % positions, positions));
        let start = cold_start(model, &controls)?;
        Ok((controls, start))
    };
    let starts = (0..positions * positions).into_par_iter().map(place).collect::<Result<Vec<_>, Error>>()?;
    let map = |label: &str, of: fn(&ColdStart) -> f64| {
        let value =
            |(controls, start): &(Vec<f32>, ColdStart)| Value { controls: controls.clone(), value: of(start).max(FLOOR_DBFS), seen: true };
        let values: Vec<Value> = starts.iter().map(value).collect();
        heat_map(&model.knobs, &values, (1, 0), label, ValueScale::Linear)
    };
    let maps = [("Offset (dBFS)", map("Offset (dBFS)", ColdStart::offset_db)?), ("Pop (dBFS)", map("Pop (dBFS)", |s| s.pop_db)?)];
    let others: Vec<String> = model.knobs.iter().zip(knobs).skip(2).map(|(k, v)| format!("{} {v}", k.name)).collect();
    let fixed = if others.is_empty() { String::new() } else { format!(" at {}", others.join(", ")) };
    let note = format!("{label}{fixed}: {OFFSET_NOTE}");
    let width = (124.0 * positions as f64 + 260.0).clamp(640.0, 1400.0);
    let figure = Figure::new("Cold start and offset over the knobs").note(&note).columns(2).width(width);
    Ok(maps.iter().fold(figure, |figure, (title, map)| titled(map, title).into_iter().fold(figure, Figure::panel)))
}

/// What the two numbers mean.
const OFFSET_NOTE: &str = "what two seconds of silence leave, and the peak of their first 10 ms; −90 dBFS and less is inaudible.";

/// Position `i` of `positions` from one stop of `knob` to the other.
pub(super) fn at(knob: &Knob, i: usize, positions: usize) -> f32 {
    if i + 1 == positions { knob.max } else { knob.min + (knob.max - knob.min) * i as f32 / (positions.max(2) - 1) as f32 }
}

/// Offset and pop over the one knob of each model.
fn offset_curves(models: &[(&str, &ModelFile, &[f32])], positions: usize) -> Result<Figure, Error> {
    let mut all = Vec::new();
    for (label, model, _) in models {
        let point = |i| {
            let value = at(&model.knobs[0], i, positions);
            Ok((f64::from(value), cold_start(model, &[value])?))
        };
        all.push((*label, (0..positions).into_par_iter().map(point).collect::<Result<Vec<_>, Error>>()?));
    }
    let named_curves = |of: fn(&ColdStart) -> f64| -> Vec<(&str, Vec<(f64, f64)>)> {
        all.iter().map(|(label, starts)| (*label, starts.iter().map(|(x, s)| (*x, of(s))).collect())).collect()
    };
    let draw = |of| {
        let named_points = named_curves(of);
        let curves: Vec<_> = named_points.iter().map(|(label, points)| silence::OffsetCurve { label, points }).collect();
        silence::offset_figure(&curves, &named(&models[0].1.knobs[0]))
    };
    let offset = draw(|s| s.offset)?;
    let mut pop = titled(&draw(|s| 10f64.powf(s.pop_db / 20.0))?, "Pop");
    pop.iter_mut().for_each(|p| p.y.label = "Pop (dBFS)".into());
    let figure = Figure::new("Cold start and offset over the knob").note(&format!("Offset and pop: {OFFSET_NOTE}"));
    Ok(titled(&offset, "Offset").into_iter().chain(pop).fold(figure, |figure, panel| figure.panel(panel.height(180.0))))
}

/// The panels of a figure under another heading.
fn titled(figure: &Figure, title: &str) -> Vec<Panel> {
    figure.panels().iter().map(|p| Panel { title: title.into(), ..p.clone() }).collect()
}

/// Pop and offset of two seconds of silence at these knobs.
fn cold_start(model: &ModelFile, knobs: &[f32]) -> Result<ColdStart, Error> {
    let y = play(model, &silence::input(model.sample_rate)?, knobs)?;
    Ok(silence::analyse(&Trace::new("", &y), model.sample_rate)?)
}
