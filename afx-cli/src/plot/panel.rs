//! A panel: two axes and what is drawn between them.
use super::{
    axis::Axis,
    bitmap::Bitmap,
    color::{ColorMap, Paint, Rgb, SERIES},
    font::{self, Weight},
    scene::{Anchor, Area, Mark, Text},
};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Colour.
    pub paint: Paint,
    /// Stroke width.
    pub width: f64,
    /// 0 to 1.
    pub opacity: f64,
    /// Length of dashes; 0 for a solid line.
    pub dash: f64,
}

impl Style {
    /// The n-th series: its colour, 1.6 wide; dashed once the colours repeat.
    #[must_use]
    pub fn series(n: usize) -> Self {
        Self { paint: Paint::Series(n), width: 1.6, opacity: 1.0, dash: if n >= SERIES { 5.0 } else { 0.0 } }
    }

    /// The same with another width.
    #[must_use]
    pub const fn width(mut self, width: f64) -> Self {
        self.width = width;
        self
    }

    /// A thin dashed line in the colour of notes: references such as "input = output".
    #[must_use]
    pub const fn reference() -> Self {
        Self { paint: Paint::Muted, width: 1.0, opacity: 0.9, dash: 4.0 }
    }
}

/// Something drawn in a panel, in the units of its axes.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A polyline; it breaks where a point is not finite.
    Line {
        /// Name in the legend; none if empty.
        label: String,
        /// Points.
        points: Vec<(f64, f64)>,
        /// Look.
        style: Style,
    },
    /// A polyline that is coloured from its first point to its last.
    Gradient {
        /// Points.
        points: Vec<(f64, f64)>,
        /// Colours.
        map: ColorMap,
    },
    /// A cross at each point.
    Crosses {
        /// Name in the legend; none if empty.
        label: String,
        /// Points.
        points: Vec<(f64, f64)>,
        /// Colour.
        paint: Paint,
    },
    /// A disc at each point.
    Dots {
        /// Name in the legend; none if empty.
        label: String,
        /// Points.
        points: Vec<(f64, f64)>,
        /// Colour.
        paint: Paint,
        /// Radius in picture units.
        radius: f64,
    },
    /// A stem from the bottom to each point, with a disc on it.
    Stems {
        /// Name in the legend; none if empty.
        label: String,
        /// Points.
        points: Vec<(f64, f64)>,
        /// Colour.
        paint: Paint,
        /// Sideways shift in picture units, so that two series stand side by side.
        shift: f64,
    },
    /// A shaded range of x.
    Band {
        /// Left end.
        from: f64,
        /// Right end.
        to: f64,
        /// Colour.
        paint: Paint,
        /// 0 to 1.
        opacity: f64,
    },
    /// An image over a rectangle of the axes.
    Image {
        /// Left and right.
        x: (f64, f64),
        /// Bottom and top.
        y: (f64, f64),
        /// Pixels.
        bitmap: Bitmap,
    },
    /// A filled cell with a text in it and, if `open`, a frame inside its border.
    Cell {
        /// Left and right.
        x: (f64, f64),
        /// Bottom and top.
        y: (f64, f64),
        /// Fill.
        fill: Rgb,
        /// What stands in it.
        text: String,
        /// Marked, e.g. as a knob position that training has not seen.
        open: bool,
    },
    /// A text at a point.
    Note {
        /// Place.
        at: (f64, f64),
        /// Which end of the text stands there.
        anchor: Anchor,
        /// Colour.
        paint: Paint,
        /// The text.
        text: String,
    },
}

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
        let widest = self.y.ticks.iter().map(|t| font::width(&t.label, TICK, Weight::Regular)).fold(0.0, f64::max);
        widest + 9.0 + if self.y.label.is_empty() { 0.0 } else { 20.0 }
    }

    /// Space that the colour bar and the last tick label need on the right.
    pub(crate) fn right(&self) -> f64 {
        let overhang = self.x.ticks.last().map_or(0.0, |t| font::width(&t.label, TICK, Weight::Regular) / 2.0);
        self.color_bar.as_ref().map_or(overhang.max(6.0), |bar| {
            let widest = bar.axis.ticks.iter().map(|t| font::width(&t.label, TICK, Weight::Regular)).fold(0.0, f64::max);
            12.0 + 12.0 + 7.0 + widest + 23.0
        })
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
        for tick in self.y.ticks.iter().filter(|t| !t.label.is_empty()) {
            let y = area.y + area.height * (1.0 - self.y.position(tick.value));
            paths.push(vec![(left - 4.0, y), (left, y)]);
            marks.push(text(left - 7.0, y + 4.0, TICK, Anchor::End, Paint::Muted, &tick.label));
        }
        marks.push(Mark::Line { paths, paint: Paint::Frame, width: 1.0, opacity: 1.0, dash: 0.0 });
        if !self.x.label.is_empty() {
            marks.push(text(area.x + area.width / 2.0, bottom + 34.0, LABEL, Anchor::Middle, Paint::Text, &self.x.label));
        }
        if !self.y.label.is_empty() {
            let widest = self.y.ticks.iter().map(|t| font::width(&t.label, TICK, Weight::Regular)).fold(0.0, f64::max);
            marks.push(upwards(left - widest - 16.0, area.y + area.height / 2.0, &self.y.label));
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
        let mut widest: f64 = 0.0;
        for tick in self.axis.ticks.iter().filter(|t| !t.label.is_empty()) {
            let y = area.y + area.height * (1.0 - self.axis.position(tick.value));
            marks.push(text(x + 19.0, y + 4.0, TICK, Anchor::Start, Paint::Muted, &tick.label));
            widest = widest.max(font::width(&tick.label, TICK, Weight::Regular));
        }
        marks.push(upwards(x + 19.0 + widest + 18.0, area.y + area.height / 2.0, &self.axis.label));
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
    // a reader without Noto Sans may set SVG text in a wider face
    KEY + 5.0 + 1.08 * font::width(label, TICK + 0.5, Weight::Regular) + 16.0
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

fn crosses(points: &[(f64, f64)], paint: Paint, marks: &mut Vec<Mark>) {
    const R: f64 = 3.6;
    let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
    let paths = finite.flat_map(|&(x, y)| [vec![(x - R, y - R), (x + R, y + R)], vec![(x - R, y + R), (x + R, y - R)]]).collect();
    marks.push(Mark::Line { paths, paint, width: 1.7, opacity: 1.0, dash: 0.0 });
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

/// A line in at most 96 strokes of one colour each.
fn gradient(points: &[(f64, f64)], map: ColorMap, marks: &mut Vec<Mark>) {
    let chunk = points.len().div_ceil(96).max(2);
    let last = points.len().saturating_sub(1).max(1) as f64;
    for start in (0..points.len()).step_by(chunk) {
        let end = (start + chunk + 1).min(points.len()); // shares a point with the next stroke
        let color = map.at((start + end) as f64 / 2.0 / last);
        let paths = unbroken(&points[start..end]);
        if !paths.is_empty() {
            marks.push(Mark::Line { paths, paint: Paint::Fixed(color), width: 1.8, opacity: 1.0, dash: 0.0 });
        }
    }
}

/// The runs of at least two finite points.
fn unbroken(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    points.split(|p| !(p.0.is_finite() && p.1.is_finite())).filter(|run| run.len() > 1).map(<[_]>::to_vec).collect()
}

/// Keeps the first, lowest, highest and last point of each half unit of x: what the eye sees of a long line that runs rightwards.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let rightwards = points.windows(2).all(|w| w[1].0 >= w[0].0);
    if points.len() < 1500 || !rightwards {
        return points.to_vec();
    }
    let column = |p: &(f64, f64)| (2.0 * p.0).floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let index = |pick: fn(f64, f64) -> bool| (1..group.len()).fold(0, |best, i| if pick(group[i].1, group[best].1) { i } else { best });
        let mut chosen = [0, index(|a, b| a < b), index(|a, b| a > b), group.len() - 1];
        chosen.sort_unstable();
        kept.extend(chosen.iter().enumerate().filter(|&(k, i)| k == 0 || chosen[k - 1] != *i).map(|(_, &i)| group[i]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_every_column_s_extremes() {
        let points: Vec<(f64, f64)> =
            (0..20_000).map(|i| (f64::from(i) * 0.01, if i == 7_777 { 99.0 } else { f64::from(i % 7) })).collect();
        let kept = thin(&points);
        assert!(kept.len() <= 4 * 401 && kept.contains(&(77.77, 99.0)) && kept.windows(2).all(|w| w[1].0 >= w[0].0));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[19_999]));
    }

    #[test]
    fn a_line_breaks_where_a_point_is_not_finite() {
        let runs = unbroken(&[(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, f64::INFINITY), (5.0, 0.0), (6.0, 0.0)]);
        assert_eq!(runs, [vec![(0.0, 0.0), (1.0, 1.0)], vec![(5.0, 0.0), (6.0, 0.0)]]);
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
