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
    let mut panel = panel(curves, extent_of(curves)?, x_label, y_label)?.height(300.0);
    if let Some(n) = curves.len().checked_sub(1) {
        mark_best(&mut panel, &curves[n], n);
    }
    Ok(Figure::new("Training curves").panel(panel))
}

/// Training losses above, validation errors below, for each model one of either in the same colour; the least validation error of each is marked.
///
/// # Errors
/// [`PlotError::Empty`] when no loss, or no validation error, is positive and finite.
pub fn pair(losses: &[LossCurve<'_>], validations: &[LossCurve<'_>], x_label: &str, labels: (&str, &str)) -> Result<Figure, PlotError> {
    let (a, b) = (extent_of(losses)?, extent_of(validations)?);
    let both = (a.0.min(b.0), a.1.max(b.1));
    let mut top = panel(losses, both, "", labels.0)?.height(170.0);
    let mut bottom = panel(validations, both, x_label, labels.1)?.height(200.0);
    (top.title, bottom.title) = (labels.0.into(), labels.1.into());
    (top.y.label, bottom.y.label) = ("Loss".into(), "ESR".into());
    for (n, curve) in validations.iter().enumerate() {
        mark_best(&mut bottom, curve, n);
    }
    Ok(Figure::new("Training curves").panel(top).panel(bottom))
}

/// What a logarithmic axis can show.
fn shown(p: &&(f64, f64)) -> bool {
    p.0.is_finite() && p.1.is_finite() && p.1 > 0.0
}

fn extent_of(curves: &[LossCurve<'_>]) -> Result<(f64, f64), PlotError> {
    let steps = curves.iter().flat_map(|c| c.points.iter().filter(shown)).map(|p| p.0);
    extent(steps, 0.0).ok_or_else(|| PlotError::Empty { what: "loss curves".into() })
}

/// The curves over steps `x0` to `x1`, with room for the dot of a best value at either end and for its note below.
fn panel(curves: &[LossCurve<'_>], (x0, x1): (f64, f64), x_label: &str, y_label: &str) -> Result<Panel, PlotError> {
    let values = curves.iter().flat_map(|c| c.points.iter().filter(shown)).map(|p| p.1);
    let (y0, y1) = extent(values, 0.0).ok_or_else(|| PlotError::Empty { what: "loss curves".into() })?;
    let (margin, below) = (0.012 * (x1 - x0), (y1 / y0).powf(0.12).max(1.35));
    let mut panel = Panel::new("", Axis::linear(x_label, x0 - margin, x1 + margin, 8), Axis::log(y_label, y0 / below, y1 * 1.25));
    for (n, curve) in curves.iter().enumerate() {
        let points = curve.points.iter().map(|&(x, y)| (x, if y > 0.0 { y } else { f64::NAN })).collect();
        panel.line(curve.label, points, Style::series(n));
    }
    Ok(panel)
}

fn mark_best(panel: &mut Panel, curve: &LossCurve<'_>, n: usize) {
    let Some(&at) = curve.points.iter().filter(shown).min_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    panel.push(Item::Dots { label: String::new(), points: vec![at], paint: Paint::Series(n), radius: 4.5 });
    let (anchor, pad) = if panel.x.position(at.0) > 0.6 { (Anchor::End, -0.012) } else { (Anchor::Start, 0.012) };
    let place = (at.0 + pad * (panel.x.max - panel.x.min), at.1 / (panel.y.max / panel.y.min).powf(0.045));
    let text = format!("best {} at {}", super::axis::format_value(at.1), super::axis::format_value(at.0));
    panel.push(Item::Note { at: place, anchor, paint: Paint::Text, text });
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
    fn a_pair_marks_the_best_of_every_model() {
        let (a, b) = ([(1.0, 0.5), (2.0, 0.05)], [(1.0, 0.4), (2.0, 0.45)]);
        let curves = [LossCurve { label: "a", points: &a }, LossCurve { label: "b", points: &b }];
        let svg = pair(&curves, &curves, "Step", ("Training loss", "Validation ESR")).unwrap().to_svg(Theme::Light);
        assert!(svg.contains("best 0.05 at 2") && svg.contains("best 0.4 at 1"));
        assert!(pair(&curves, &[], "Step", ("", "")).is_err());
    }

    #[test]
    fn the_note_of_the_best_value_stands_above_the_frame() {
        for least in [0.3, 1e-2, 1e-4, 1e-8] {
            let curves = [LossCurve { label: "a", points: &[(1.0, 1.0), (2.0, least)] }];
            let figure = pair(&curves, &curves, "Step", ("Training loss", "Validation ESR")).unwrap();
            let panel = &figure.panels()[1];
            let note = panel.items.iter().find_map(|item| if let Item::Note { at, .. } = item { Some(at.1) } else { None }).unwrap();
            let above = panel.height * panel.y.position(note);
            assert!((3.0..30.0).contains(&above), "{least}: a baseline {above} above the frame");
        }
    }

    #[test]
    fn losses_without_a_logarithm_are_gaps_and_none_at_all_is_an_error() {
        let points = [(0.0, 0.0), (1.0, f64::NAN), (2.0, -3.0)];
        assert!(matches!(figure(&[LossCurve { label: "a", points: &points }], "Step", "Loss"), Err(PlotError::Empty { .. })));
        let points = [(0.0, 0.1), (1.0, 0.0), (2.0, 0.1), (3.0, 0.2)];
        assert!(figure(&[LossCurve { label: "a", points: &points }], "Step", "Loss").is_ok());
    }
}
