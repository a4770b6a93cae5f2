//! A panel: two axes and what is drawn between them.
use super::{
    axis::{Axis, Tick},
    color::{ColorMap, Paint, Rgb},
    font::{self, Weight},
    item::{Item, Style},
    scene::{Anchor, Area, Mark, Text},
    stroke::{crosses, gradient, thin, unbroken},
};

/// A scale of colours beside a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorBar {
    /// What the colours mean; range and ticks.
    pub axis: Axis,
    /// Colours from `axis.min` to `axis.max`.
    pub map: ColorMap,
}

/// Two axes and what is drawn between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Heading; may be empty.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Items, first painted first.
    pub items: Vec<Item>,
    /// Scale of colours on the right.
    pub color_bar: Option<ColorBar>,
    /// Height of the drawing area in picture units.
    pub height: f64,
}

const TICK: f64 = 11.0;
const LABEL: f64 = 12.0;
const HEAD: f64 = 13.0;
const ROW: f64 = 19.0;
const KEY: f64 = 20.0;
/// A reader without Noto Sans sets SVG text in a wider face, such as DejaVu Sans: room for that.
pub(crate) const WIDER: f64 = 1.13;
/// Least distance between the baselines of tick labels that stand above each other.
const LEADING: f64 = 12.0;

impl Panel {
    /// An empty panel, 240 units high.
    #[must_use]
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, items: Vec::new(), color_bar: None, height: 240.0 }
    }

    /// With another height of the drawing area.
    #[must_use]
    pub const fn height(mut self, height: f64) -> Self {
        self.height = height;
        self
    }

    /// Adds an item.
    pub fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Adds a line.
    pub fn line(&mut self, label: &str, points: Vec<(f64, f64)>, style: Style) {
        self.push(Item::Line { label: label.into(), points, style });
    }

    /// Space that the y axis needs on the left.
    pub(crate) fn left(&self) -> f64 {
        widest_label(&self.y) + 9.0 + if self.y.label.is_empty() { 0.0 } else { 20.0 }
    }

    /// Space that the colour bar and the last tick label need on the right.
    pub(crate) fn right(&self) -> f64 {
        let overhang = self.x.ticks.last().map_or(0.0, |t| font::width(&t.label, TICK, Weight::Regular) / 2.0);
        self.color_bar.as_ref().map_or(overhang.max(6.0), |bar| 12.0 + 12.0 + 7.0 + widest_label(&bar.axis) + 23.0)
    }

    /// Space for heading and legend above the drawing area, when that is `width` wide.
    pub(crate) fn top(&self, width: f64) -> f64 {
        let rows = self.legend_rows(width);
        let first_beside_title = rows.first().is_some_and(|row| row_width(row) + self.title_width() + 24.0 <= width);
        let lines = match (self.title.is_empty(), rows.len()) {
            (true, n) => n,
            (false, n) => {
                if first_beside_title {
                    n
                } else {
                    n + 1
                }
            }
        };
        if lines == 0 { 6.0 } else { ROW * lines as f64 + 4.0 }
    }

    /// Space for ticks and label below.
    pub(crate) fn bottom(&self) -> f64 {
        20.0 + if self.x.label.is_empty() { 0.0 } else { 18.0 }
    }

    fn title_width(&self) -> f64 {
        font::width(&self.title, HEAD, Weight::Bold)
    }

    /// Legend entries broken into rows of at most `width`.
    fn legend_rows(&self, width: f64) -> Vec<Vec<(&str, &Item)>> {
        let mut rows: Vec<Vec<(&str, &Item)>> = Vec::new();
        for item in &self.items {
            let (Item::Line { label, .. } | Item::Crosses { label, .. } | Item::Dots { label, .. } | Item::Stems { label, .. }) = item
            else {
                continue;
            };
            if label.is_empty() {
                continue;
            }
            let entry = (label.as_str(), item);
            match rows.last_mut() {
                Some(row) if row_width(row) + entry_width(label) <= width => row.push(entry),
                _ => rows.push(vec![entry]),
            }
        }
        rows
    }

    /// Draws the panel around the drawing area `area`.
    pub(crate) fn draw(&self, area: Area, marks: &mut Vec<Mark>) {
        let mut inside = Vec::new();
        self.grid(area, &mut inside);
        self.items.iter().for_each(|item| self.item(item, area, &mut inside));
        marks.push(Mark::Clip { area, marks: inside });
        self.frame(area, marks);
        self.head(area, marks);
        if let Some(bar) = &self.color_bar {
            bar.draw(area, marks);
        }
    }

    fn at(&self, area: Area, (x, y): (f64, f64)) -> (f64, f64) {
        // Far outside the clip is as good as infinity, and keeps both renderers' arithmetic exact.
        let limit = |v: f64| v.clamp(-10.0, 11.0);
        (area.x + area.width * limit(self.x.position(x)), area.y + area.height * (1.0 - limit(self.y.position(y))))
    }

    fn grid(&self, area: Area, marks: &mut Vec<Mark>) {
        let (mut minor, mut major) = (Vec::new(), Vec::new());
        for tick in self.x.ticks.iter().filter(|_| self.x.grid) {
            let x = area.x + area.width * self.x.position(tick.value);
            if tick.label.is_empty() { &mut minor } else { &mut major }.push(vec![(x, area.y), (x, area.y + area.height)]);
        }
        for tick in self.y.ticks.iter().filter(|_| self.y.grid) {
            let y = area.y + area.height * (1.0 - self.y.position(tick.value));
            if tick.label.is_empty() { &mut minor } else { &mut major }.push(vec![(area.x, y), (area.x + area.width, y)]);
        }
        for (paths, paint) in [(minor, Paint::MinorGrid), (major, Paint::Grid)] {
            if !paths.is_empty() {
                marks.push(Mark::Line { paths, paint, width: 1.0, opacity: 1.0, dash: 0.0 });
            }
        }
    }

    fn frame(&self, area: Area, marks: &mut Vec<Mark>) {
        let (left, right, top, bottom) = (area.x, area.x + area.width, area.y, area.y + area.height);
        let mut paths = vec![vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]];
        let mut last_end = f64::NEG_INFINITY;
        for tick in self.x.ticks.iter().filter(|t| !t.label.is_empty()) {
            let x = area.x + area.width * self.x.position(tick.value);
            paths.push(vec![(x, bottom), (x, bottom + 4.0)]);
            let half = font::width(&tick.label, TICK, Weight::Regular) / 2.0;
            if x - half > last_end + 4.0 {
                marks.push(text(x, bottom + 16.0, TICK, Anchor::Middle, Paint::Muted, &tick.label));
                last_end = x + half;
            }
        }
        for (tick, y) in stacked(&self.y, area) {
            paths.push(vec![(left - 4.0, y), (left, y)]);
            marks.push(text(left - 7.0, y + 4.0, TICK, Anchor::End, Paint::Muted, &tick.label));
        }
        marks.push(Mark::Line { paths, paint: Paint::Frame, width: 1.0, opacity: 1.0, dash: 0.0 });
        if !self.x.label.is_empty() {
            marks.push(text(area.x + area.width / 2.0, bottom + 34.0, LABEL, Anchor::Middle, Paint::Text, &self.x.label));
        }
        if !self.y.label.is_empty() {
            marks.push(upwards(left - widest_label(&self.y) - 16.0, area.y + area.height / 2.0, &self.y.label));
        }
    }

    fn head(&self, area: Area, marks: &mut Vec<Mark>) {
        let top = self.top(area.width);
        let mut y = area.y - top + 13.0;
        let rows = self.legend_rows(area.width);
        if !self.title.is_empty() {
            let mut title = Text::label(area.x, y, HEAD, &self.title);
            title.weight = Weight::Bold;
            marks.push(Mark::Text(title));
            let beside = rows.first().is_some_and(|row| row_width(row) + self.title_width() + 24.0 <= area.width);
            if !beside {
                y += ROW;
            }
        }
        for row in rows {
            let mut x = area.x + area.width - row_width(&row);
            for (label, item) in row {
                key(item, x, y - 4.0, marks);
                marks.push(text(x + KEY + 5.0, y, TICK + 0.5, Anchor::Start, Paint::Text, label));
                x += entry_width(label);
            }
            y += ROW;
        }
    }

    fn item(&self, item: &Item, area: Area, marks: &mut Vec<Mark>) {
        let place = |points: &[(f64, f64)]| points.iter().map(|&p| self.at(area, p)).collect::<Vec<_>>();
        match item {
            Item::Line { points, style, .. } => {
                let paths: Vec<_> = unbroken(&place(points)).into_iter().map(|path| thin(&path)).collect();
                marks.push(Mark::Line { paths, paint: style.paint, width: style.width, opacity: style.opacity, dash: style.dash });
            }
            Item::Gradient { points, map } => gradient(&place(points), *map, marks),
            Item::Crosses { points, paint, .. } => crosses(&place(points), *paint, marks),
            Item::Dots { points, paint, radius, .. } => {
                let finite = place(points).into_iter().filter(|p| p.0.is_finite() && p.1.is_finite());
                marks.extend(finite.map(|(x, y)| Mark::Disc { x, y, radius: *radius, paint: *paint }));
            }
            Item::Stems { points, paint, shift, .. } => {
                let bottom = area.y + area.height;
                for (x, y) in place(points).into_iter().filter(|p| p.0.is_finite() && p.1.is_finite()) {
                    let paths = vec![vec![(x + shift, bottom), (x + shift, y)]];
                    marks.push(Mark::Line { paths, paint: *paint, width: 2.0, opacity: 0.85, dash: 0.0 });
                    marks.push(Mark::Disc { x: x + shift, y, radius: 3.2, paint: *paint });
                }
            }
            Item::Band { from, to, paint, opacity } => {
                let (a, b) = (self.at(area, (*from, self.y.min)).0, self.at(area, (*to, self.y.min)).0);
                if a.is_finite() && b.is_finite() {
                    let area = Area { x: a.min(b), y: area.y, width: (b - a).abs(), height: area.height };
                    marks.push(Mark::Rect { area, paint: *paint, opacity: *opacity });
                }
            }
            Item::Image { x, y, bitmap } => marks.push(Mark::Image { area: self.cell(area, *x, *y), bitmap: bitmap.clone() }),
            Item::Cell { x, y, fill, text, open } => draw_cell(self.cell(area, *x, *y), *fill, text, *open, marks),
            Item::Note { at, anchor, paint, text: note } => {
                let (x, y) = self.at(area, *at);
                marks.push(text(x, y, TICK, *anchor, *paint, note));
            }
        }
    }

    fn cell(&self, area: Area, x: (f64, f64), y: (f64, f64)) -> Area {
        let ((left, bottom), (right, top)) = (self.at(area, (x.0, y.0)), self.at(area, (x.1, y.1)));
        Area { x: left, y: top, width: right - left, height: bottom - top }
    }
}

/// Width of the widest tick label.
fn widest_label(axis: &Axis) -> f64 {
    WIDER * axis.ticks.iter().map(|t| font::width(&t.label, TICK, Weight::Regular)).fold(0.0, f64::max)
}

/// The labelled ticks of a vertical axis with their places, from the bottom; one that would touch the label below is left out.
fn stacked(axis: &Axis, area: Area) -> Vec<(&Tick, f64)> {
    let mut last = f64::INFINITY;
    let labelled = axis.ticks.iter().filter(|t| !t.label.is_empty());
    let all = labelled.map(|tick| (tick, area.y + area.height * (1.0 - axis.position(tick.value))));
    all.filter(|(_, y)| {
        let fits = *y <= last - LEADING;
        if fits {
            last = *y;
        }
        fits
    })
    .collect()
}

impl ColorBar {
    fn draw(&self, area: Area, marks: &mut Vec<Mark>) {
        const STEPS: usize = 64;
        let x = area.x + area.width + 12.0;
        let step = area.height / STEPS as f64;
        for (i, color) in self.map.palette(STEPS).into_iter().rev().enumerate() {
            // half a unit of overlap, or a reader's antialiasing shows seams
            let cell = Area { x, y: area.y + i as f64 * step, width: 12.0, height: if i + 1 < STEPS { step + 0.5 } else { step } };
            marks.push(Mark::Rect { area: cell, paint: Paint::Fixed(color), opacity: 1.0 });
        }
        for (tick, y) in stacked(&self.axis, area) {
            marks.push(text(x + 19.0, y + 4.0, TICK, Anchor::Start, Paint::Muted, &tick.label));
        }
        marks.push(upwards(x + 19.0 + widest_label(&self.axis) + 18.0, area.y + area.height / 2.0, &self.axis.label));
    }
}

impl Text {
    fn label(x: f64, y: f64, size: f64, text: &str) -> Self {
        Self { x, y, size, anchor: Anchor::Start, weight: Weight::Regular, upwards: false, paint: Paint::Text, text: text.into() }
    }
}

/// An upright text.
pub(crate) fn text(x: f64, y: f64, size: f64, anchor: Anchor, paint: Paint, text: &str) -> Mark {
    Mark::Text(Text { anchor, paint, ..Text::label(x, y, size, text) })
}

/// An axis label that reads upwards, centred at `y`.
fn upwards(x: f64, y: f64, text: &str) -> Mark {
    Mark::Text(Text { anchor: Anchor::Middle, upwards: true, ..Text::label(x, y, LABEL, text) })
}

fn entry_width(label: &str) -> f64 {
    KEY + 5.0 + WIDER * font::width(label, TICK + 0.5, Weight::Regular) + 16.0
}

fn row_width(row: &[(&str, &Item)]) -> f64 {
    row.iter().map(|(label, _)| entry_width(label)).sum::<f64>() - 16.0
}

/// The sample of an item's look that stands before its name.
fn key(item: &Item, x: f64, y: f64, marks: &mut Vec<Mark>) {
    match item {
        Item::Line { style, .. } => {
            let paths = vec![vec![(x, y), (x + KEY, y)]];
            marks.push(Mark::Line {
                paths,
                paint: style.paint,
                width: style.width.max(2.0),
                opacity: style.opacity.max(0.6),
                dash: style.dash,
            });
        }
        Item::Crosses { paint, .. } => crosses(&[(x + KEY / 2.0, y)], *paint, marks),
        Item::Dots { paint, radius, .. } => marks.push(Mark::Disc { x: x + KEY / 2.0, y, radius: *radius, paint: *paint }),
        Item::Stems { paint, .. } => marks.push(Mark::Disc { x: x + KEY / 2.0, y, radius: 3.6, paint: *paint }),
        _ => {}
    }
}

fn draw_cell(area: Area, fill: Rgb, label: &str, open: bool, marks: &mut Vec<Mark>) {
    let gap = Area { x: area.x + 1.0, y: area.y + 1.0, width: (area.width - 2.0).max(0.5), height: (area.height - 2.0).max(0.5) };
    marks.push(Mark::Rect { area: gap, paint: Paint::Fixed(fill), opacity: 1.0 });
    let ink = Paint::Fixed(fill.ink());
    if open {
        let (l, r, t, b) = (gap.x + 3.5, gap.x + gap.width - 3.5, gap.y + 3.5, gap.y + gap.height - 3.5);
        let paths = vec![vec![(l, t), (r, t), (r, b), (l, b), (l, t)]];
        marks.push(Mark::Line { paths, paint: ink, width: 1.3, opacity: 0.75, dash: 3.0 });
    }
    if font::width(label, TICK, Weight::Regular) < area.width - 8.0 && area.height >= 14.0 {
        marks.push(text(area.x + area.width / 2.0, area.y + area.height / 2.0 + 4.0, TICK, Anchor::Middle, ink, label));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowded_ticks_lose_labels_rather_than_overlap() {
        let axis = Axis::linear("", 0.0, 1.0, 40);
        let area = Area { x: 0.0, y: 0.0, width: 100.0, height: 60.0 };
        let places: Vec<f64> = stacked(&axis, area).iter().map(|(_, y)| *y).collect();
        assert!((4..=6).contains(&places.len()), "{places:?}");
        assert!(places.windows(2).all(|w| w[0] - w[1] >= LEADING));
    }

    #[test]
    fn a_long_legend_wraps_and_reserves_its_rows() {
        let mut panel = Panel::new("Title", Axis::linear("", 0.0, 1.0, 3), Axis::linear("", 0.0, 1.0, 3));
        let one = panel.top(300.0);
        for n in 0..6 {
            panel.line(&format!("a fairly long series name {n}"), vec![(0.0, 0.0), (1.0, 1.0)], Style::series(n));
        }
        assert!(panel.top(300.0) >= one + 5.0 * ROW);
    }
}
