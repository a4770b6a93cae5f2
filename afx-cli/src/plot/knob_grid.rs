//! A heat map over one or two knobs: an error, a level or an offset at each position, with the positions that training did not see marked.
use super::{
    Figure, PlotError,
    axis::{self, Axis, extent},
    color::ColorMap,
    item::Item,
    panel::{ColorBar, Panel},
};

/// One knob of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Name on the axis.
    pub name: String,
    /// Positions, named as they should read.
    pub positions: Vec<String>,
}

impl Knob {
    /// A knob at numeric `positions`.
    #[must_use]
    pub fn new(name: &str, positions: &[f64]) -> Self {
        Self { name: name.into(), positions: positions.iter().map(|p| axis::format_value(*p)).collect() }
    }
}

/// How values become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueScale {
    /// Equal steps.
    Linear,
    /// Equal ratios; for errors that span decades. Values of 0 or less take the colour of the smallest positive one.
    Log,
}

/// Values over the positions of two knobs (one position of `rows` for a single knob).
#[derive(Clone, Debug, PartialEq)]
pub struct KnobGrid {
    /// Horizontal knob.
    pub columns: Knob,
    /// Vertical knob, first position at the bottom.
    pub rows: Knob,
    /// Row by row from the bottom, `rows * columns` of them; NaN for a position without a value.
    pub values: Vec<f64>,
    /// Whether training saw the position; as many as `values`.
    pub seen: Vec<bool>,
    /// What the values are, with a unit: `"ESR"`, `"DC (dBFS)"`.
    pub label: String,
    /// Values to colours.
    pub scale: ValueScale,
}

impl KnobGrid {
    fn check(&self) -> Result<(f64, f64), PlotError> {
        let (rows, columns) = (self.rows.positions.len(), self.columns.positions.len());
        for (what, positions) in [("rows", rows), ("columns", columns)] {
            super::error::check(what, "1 to 100 positions", positions as f64, (1..=100).contains(&positions))?;
        }
        for (what, found) in [("values", self.values.len()), ("seen", self.seen.len())] {
            if found != rows * columns {
                return Err(PlotError::Length { what: what.into(), expected: rows * columns, found });
            }
        }
        let positive = self.values.iter().copied().filter(|v| self.scale == ValueScale::Linear || *v > 0.0);
        extent(positive, 0.0).ok_or_else(|| PlotError::Empty { what: format!("values of {}", self.label) })
    }

    /// Geometric mean (for [`ValueScale::Log`]) or arithmetic mean of the seen, or of the unseen, positions; `None` without any.
    #[must_use]
    pub fn mean(&self, seen: bool) -> Option<f64> {
        let log = self.scale == ValueScale::Log;
        let chosen = self.values.iter().zip(&self.seen).filter(|(v, s)| **s == seen && v.is_finite() && (!log || **v > 0.0));
        let (sum, count) = chosen.fold((0.0, 0.0), |(a, n), (v, _)| (a + if log { v.ln() } else { *v }, n + 1.0));
        (count > 0.0).then(|| if log { (sum / count).exp() } else { sum / count })
    }
}

/// The grid as cells from pale (small) to deep (large), each with its value; dashed frames mark unseen positions.
///
/// # Errors
/// A knob without positions or with more than 100, lengths that do not fit, no finite value (for a log scale: no positive one).
pub fn figure(grid: &KnobGrid) -> Result<Figure, PlotError> {
    let (min, max) = grid.check()?;
    let bar = match grid.scale {
        ValueScale::Linear => Axis::linear(&grid.label, min, max, 5),
        ValueScale::Log => Axis::log(&grid.label, min, max),
    };
    let columns = grid.columns.positions.len();
    let rows = grid.rows.positions.len();
    let x = Axis::categories(&grid.columns.name, &grid.columns.positions);
    let y = Axis::categories(&grid.rows.name, &grid.rows.positions);
    let mut panel = Panel::new("", x, y).height((46.0 * rows as f64).clamp(60.0, 520.0));
    for (i, (&value, &seen)) in grid.values.iter().zip(&grid.seen).enumerate() {
        let (row, column) = ((i / columns) as f64, (i % columns) as f64);
        let place = bar.position(value);
        let fill = if value.is_finite() {
            ColorMap::Tint.at(if place.is_finite() { place } else { 0.0 })
        } else {
            super::color::Rgb(222, 224, 228)
        };
        panel.push(Item::Cell {
            x: (column - 0.5, column + 0.5),
            y: (row - 0.5, row + 0.5),
            fill,
            text: if value.is_nan() { "–".into() } else { short(value) },
            open: !seen,
        });
    }
    panel.color_bar = Some(ColorBar { axis: bar, map: ColorMap::Tint });
    let width = 62.0 * columns as f64 + 190.0;
    Ok(Figure::new(&format!("{} over the knobs", grid.label)).note(&note(grid)).width(width.clamp(420.0, 1200.0)).panel(panel))
}

fn note(grid: &KnobGrid) -> String {
    let mean = |seen| grid.mean(seen).map(|m| format!("{} {}", if seen { "seen" } else { "unseen" }, short(m)));
    let parts: Vec<String> = [mean(true), mean(false)].into_iter().flatten().collect();
    let missing = if grid.values.iter().any(|v| v.is_nan()) { " –: no value." } else { "" };
    let dashed = if grid.seen.iter().all(|s| *s) { "" } else { " Dashed: not in the training set." };
    let kind = if grid.scale == ValueScale::Log { "Geometric mean" } else { "Mean" };
    format!("{kind} over positions: {}.{dashed}{missing}", parts.join(", "))
}

/// Two significant digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return axis::format_value(value);
    }
    let decade = 10f64.powf(value.abs().log10().floor() - 1.0);
    if (100.0..1e4).contains(&value.abs()) {
        axis::format_value(value.round()) // decibels: two digits would make −104 of −100
    } else if (1e-3..1e4).contains(&value.abs()) {
        axis::format_value((value / decade).round() * decade)
    } else {
        format!("{value:.1e}").replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Theme;

    fn grid(values: Vec<f64>) -> KnobGrid {
        let seen = (0..values.len()).map(|i| i % 2 == 0).collect();
        KnobGrid {
            columns: Knob::new("Drive", &(0..values.len()).map(|i| i as f64).collect::<Vec<_>>()),
            rows: Knob::new("Tone", &[0.0]),
            values,
            seen,
            label: "ESR".into(),
            scale: ValueScale::Log,
        }
    }

    fn cells(figure: &Figure) -> Vec<(f64, bool, String)> {
        let cell = |i: &Item| match i {
            Item::Cell { fill, open, text, .. } => Some((fill.luminance(), *open, text.clone())),
            _ => None,
        };
        figure.panels()[0].items.iter().filter_map(cell).collect()
    }

    #[test]
    fn a_larger_error_has_a_deeper_colour() {
        let figure = figure(&grid(vec![1e-4, 1e-3, 5e-3, 0.02, 0.1, 0.7])).unwrap();
        let l: Vec<f64> = cells(&figure).iter().map(|c| c.0).collect();
        assert!(l.windows(2).all(|w| w[1] < w[0]), "{l:?}");
    }

    #[test]
    fn unseen_positions_are_marked_and_averaged_apart() {
        let g = grid(vec![0.01, 0.1, 0.0001, 0.001]);
        assert_eq!(cells(&figure(&g).unwrap()).iter().map(|c| c.1).collect::<Vec<_>>(), [false, true, false, true]);
        assert!((g.mean(true).unwrap() - 0.001).abs() < 1e-15 && (g.mean(false).unwrap() - 0.01).abs() < 1e-15); // geometric
        assert!(figure(&g).unwrap().to_svg(Theme::Light).contains("Geometric mean over positions: seen 0.001, unseen 0.01."));
    }

    #[test]
    fn missing_and_zero_values_are_drawn_and_wrong_sizes_refused() {
        let texts: Vec<String> = cells(&figure(&grid(vec![0.0, f64::NAN, 0.5])).unwrap()).into_iter().map(|c| c.2).collect();
        assert_eq!(texts, ["0", "–", "0.5"]);
        assert!(matches!(figure(&grid(vec![f64::NAN, 0.0])), Err(PlotError::Empty { .. })));
        let mut short = grid(vec![0.1, 0.2]);
        short.seen.pop();
        assert!(matches!(figure(&short), Err(PlotError::Length { expected: 2, found: 1, .. })));
        short.rows.positions.clear();
        assert!(matches!(figure(&short), Err(PlotError::Range { .. })));
    }
}
