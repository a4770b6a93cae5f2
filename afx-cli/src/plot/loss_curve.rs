//! Training curves: loss against step or epoch, log scale.
use super::{
    Figure, PlotError,
    axis::{Axis, extent},
    color::Paint,
    item::{Item, Style},
    panel::Panel,
    scene::Anchor,
};

/// One loss over the course of training.
#[derive(Clone, Copy, Debug)]
pub struct LossCurve<'a> {
    /// Name in the legend, e.g. `"validation"`.
    pub label: &'a str,
    /// `(epoch or step, loss)`; a loss that is not positive and finite leaves a gap.
    pub points: &'a [(f64, f64)],
}

/// Loss curves over a common axis `x_label` (`"Epoch"`, `"Step"`); `y_label` names the loss, e.g. `"ESR"`. The least value of the last curve,
/// by custom the validation loss, is marked: that is the checkpoint that one keeps.
///
/// # Errors
/// [`PlotError::Empty`] when no loss is positive and finite.
pub fn figure(curves: &[LossCurve<'_>], x_label: &str, y_label: &str) -> Result<Figure, PlotError> {
    let shown = |p: &&(f64, f64)| p.0.is_finite() && p.1.is_finite() && p.1 > 0.0;
    let all = || curves.iter().flat_map(|c| c.points.iter().filter(shown));
    let empty = || PlotError::Empty { what: "loss curves".into() };
    let (x0, x1) = extent(all().map(|p| p.0), 0.0).ok_or_else(empty)?;
    let (y0, y1) = extent(all().map(|p| p.1), 0.0).ok_or_else(empty)?;
    let mut panel = Panel::new("", Axis::linear(x_label, x0, x1, 8), Axis::log(y_label, y0 / 1.35, y1 * 1.25)).height(300.0);
    for (n, curve) in curves.iter().enumerate() {
        let points = curve.points.iter().map(|&(x, y)| (x, if y > 0.0 { y } else { f64::NAN })).collect();
        panel.line(curve.label, points, Style::series(n));
    }
    let best = curves.last().and_then(|c| c.points.iter().filter(shown).min_by(|a, b| a.1.total_cmp(&b.1)));
    if let (Some(&at), Some(n)) = (best, curves.len().checked_sub(1)) {
        panel.push(Item::Dots { label: String::new(), points: vec![at], paint: Paint::Series(n), radius: 4.5 });
        let (anchor, pad) = if panel.x.position(at.0) > 0.6 { (Anchor::End, -0.012) } else { (Anchor::Start, 0.012) };
        let place = (at.0 + pad * (panel.x.max - panel.x.min), at.1 / (panel.y.max / panel.y.min).powf(0.045));
        let text = format!("best {} at {}", super::axis::format_value(at.1), super::axis::format_value(at.0));
        panel.push(Item::Note { at: place, anchor, paint: Paint::Text, text });
    }
    Ok(Figure::new("Training curves").panel(panel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Theme;

    #[test]
    fn the_best_validation_loss_is_named() {
        let train = [(1.0, 0.5), (2.0, 0.05), (3.0, 0.01)];
        let valid = [(1.0, 0.6), (2.0, 0.07), (3.0, 0.09)];
        let curves = [LossCurve { label: "training", points: &train }, LossCurve { label: "validation", points: &valid }];
        let svg = figure(&curves, "Epoch", "ESR").unwrap().to_svg(Theme::Light);
        assert!(svg.contains("best 0.07 at 2"));
    }

    #[test]
    fn losses_without_a_logarithm_are_gaps_and_none_at_all_is_an_error() {
        let points = [(0.0, 0.0), (1.0, f64::NAN), (2.0, -3.0)];
        assert!(matches!(figure(&[LossCurve { label: "a", points: &points }], "Step", "Loss"), Err(PlotError::Empty { .. })));
        let points = [(0.0, 0.1), (1.0, 0.0), (2.0, 0.1), (3.0, 0.2)];
        assert!(figure(&[LossCurve { label: "a", points: &points }], "Step", "Loss").is_ok());
    }
}
