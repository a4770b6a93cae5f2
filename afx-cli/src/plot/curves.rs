//! Any figure of merit against any quantity: aliasing ratios over frequency or gain, errors over one knob.
use super::{
    Figure, PlotError,
    axis::{Axis, extent},
    color::Paint,
    item::{Item, Style},
    panel::Panel,
};

/// A named curve with a dot at each point.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// Name in the legend.
    pub label: &'a str,
    /// Points; one that is not finite leaves a gap.
    pub points: &'a [(f64, f64)],
}

/// How an axis spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Equal steps.
    Linear,
    /// Equal ratios; values of 0 or less are gaps.
    Log,
    /// Hertz, log, with ticks at 20, 50, 100, ...
    Frequency,
}

/// All curves in one panel; `x` and `y` are labels with their spread.
///
/// # Errors
/// [`PlotError::Empty`] without a point that both axes can show.
pub fn figure(title: &str, curves: &[Curve<'_>], x: (&str, Spread), y: (&str, Spread)) -> Result<Figure, PlotError> {
    let fits = |value: f64, spread| value.is_finite() && (spread == Spread::Linear || value > 0.0);
    let points = || curves.iter().flat_map(|c| c.points).filter(|p| fits(p.0, x.1) && fits(p.1, y.1));
    let empty = || PlotError::Empty { what: format!("curves of {title:?}") };
    let axis = |(label, spread): (&str, Spread), range: (f64, f64)| {
        let mut axis = match spread {
            Spread::Linear => Axis::linear(label, range.0, range.1, 7),
            Spread::Log => Axis::log(label, range.0 / 1.1, range.1 * 1.1),
            Spread::Frequency => Axis::frequency(range.0 / 1.05, range.1 * 1.05),
        };
        axis.label = label.into();
        axis
    };
    let margin = |spread| if spread == Spread::Linear { 0.04 } else { 0.0 };
    let x_axis = axis(x, extent(points().map(|p| p.0), margin(x.1)).ok_or_else(empty)?);
    let y_axis = axis(y, extent(points().map(|p| p.1), margin(y.1)).ok_or_else(empty)?);
    let mut panel = Panel::new("", x_axis, y_axis).height(280.0);
    for (n, curve) in curves.iter().enumerate() {
        let gap = |p: &(f64, f64)| if fits(p.0, x.1) && fits(p.1, y.1) { *p } else { (f64::NAN, f64::NAN) };
        let shown: Vec<(f64, f64)> = curve.points.iter().map(gap).collect();
        panel.line(curve.label, shown.clone(), Style::series(n));
        panel.push(Item::Dots { label: String::new(), points: shown, paint: Paint::Series(n), radius: 2.6 });
    }
    Ok(Figure::new(title).panel(panel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_an_axis_cannot_show_are_gaps() {
        let points = [(100.0, 1.0), (0.0, 2.0), (200.0, f64::NAN), (400.0, 3.0)];
        let figure = figure("t", &[Curve { label: "a", points: &points }], ("f", Spread::Frequency), ("v", Spread::Linear)).unwrap();
        let Item::Line { points, .. } = &figure.panels()[0].items[0] else { panic!("a line comes first") };
        assert_eq!(points.iter().map(|p| p.0.is_finite()).collect::<Vec<_>>(), [true, false, false, true]);
        assert!(super::figure("t", &[Curve { label: "a", points: &[(1.0, -1.0)] }], ("x", Spread::Linear), ("y", Spread::Log)).is_err());
    }
}
