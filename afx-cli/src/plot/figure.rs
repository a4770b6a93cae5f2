//! A figure: a title and one or more panels in a grid, rendered to SVG or PNG.
use super::{
    PlotError,
    color::{Paint, Theme},
    font::{self, Weight},
    panel::{self, Panel, WIDER},
    raster,
    scene::{Anchor, Area, Mark, Scene, Text},
    svg,
};

/// A title, an optional note below it, and panels in rows; a last row that is short is stretched.
///
/// ```
/// use afx_cli::plot::{Figure, Theme, axis::Axis, item::Style, panel::Panel};
///
/// let mut panel = Panel::new("", Axis::linear("Input", -1.0, 1.0, 4), Axis::linear("Output", -1.0, 1.0, 4));
/// panel.line("tanh", (-50..=50).map(|i| f64::from(i) / 50.0).map(|x| (x, x.tanh())).collect(), Style::series(0));
/// let svg = Figure::new("A curve").panel(panel).to_svg(Theme::Light);
/// assert!(svg.contains("A curve"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    title: String,
    note: String,
    width: f64,
    columns: usize,
    panels: Vec<Panel>,
}

const PAD: f64 = 16.0;
const GAP: f64 = 22.0;
const TITLE: f64 = 16.0;
const NOTE: f64 = 12.0;

impl Figure {
    /// A figure without panels, 860 units wide.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.into(), note: String::new(), width: 860.0, columns: 1, panels: Vec::new() }
    }

    /// With a sentence under the title.
    #[must_use]
    pub fn note(mut self, note: &str) -> Self {
        self.note = note.into();
        self
    }

    /// With another title.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Self {
        self.title = title.into();
        self
    }

    /// With another width, clamped to 240..=4000 units.
    #[must_use]
    pub fn width(mut self, width: f64) -> Self {
        self.width = if width.is_nan() { self.width } else { width.clamp(240.0, 4000.0) };
        self
    }

    /// With `columns` panels a row (at least one).
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// With one more panel.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The panels.
    #[must_use]
    pub fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// The figure as text: a stand-alone SVG document, which may also stand in HTML as it is.
    #[must_use]
    pub fn to_svg(&self, theme: Theme) -> String {
        svg::render(&self.scene(), theme)
    }

    /// The figure as a PNG of `scale` pixels per unit; 2 suits screens and print.
    ///
    /// # Errors
    /// [`PlotError::Size`] when `scale` gives a side of 0 or of more than [`super::bitmap::MAX_SIDE`] pixels.
    pub fn to_png(&self, theme: Theme, scale: f64) -> Result<Vec<u8>, PlotError> {
        raster::render(&self.scene(), theme, scale)
    }

    /// All marks of the figure, placed.
    #[must_use]
    pub fn scene(&self) -> Scene {
        let mut marks = Vec::new();
        let mut y = self.heading(&mut marks);
        let columns = self.columns.min(self.panels.len()).max(1);
        let cell = (self.width - 2.0 * PAD - GAP * (columns - 1) as f64) / columns as f64;
        let margin = |side: fn(&Panel) -> f64| {
            let widest = |c| self.panels.iter().skip(c).step_by(columns).map(side).fold(0.0, f64::max);
            (0..columns).map(widest).collect::<Vec<_>>()
        };
        let (left, right) = (margin(Panel::left), margin(Panel::right));
        let inner: Vec<f64> = (0..columns).map(|c| (cell - left[c] - right[c]).max(40.0)).collect();
        let end = self.width - PAD - right[columns - 1];
        for row in self.panels.chunks(columns) {
            let top = row.iter().zip(&inner).map(|(p, w)| p.top(*w)).fold(0.0, f64::max);
            let height = row.iter().map(|p| p.height).fold(0.0, f64::max);
            let bottom = row.iter().map(Panel::bottom).fold(0.0, f64::max);
            for (c, panel) in row.iter().enumerate() {
                let x = PAD + c as f64 * (cell + GAP) + left[c];
                let width = if c + 1 == row.len() { end - x } else { inner[c] }; // the last panel of a short row takes the rest of it
                panel.draw(Area { x, y: y + top, width, height: panel.height }, &mut marks);
            }
            y += top + height + bottom + PAD;
        }
        Scene { width: self.width, height: (y + 2.0).ceil(), description: self.description(), marks }
    }

    /// Title and note; returns where the panels begin.
    fn heading(&self, marks: &mut Vec<Mark>) -> f64 {
        let mut y = PAD;
        if !self.title.is_empty() {
            y += TITLE;
            let text = Text {
                x: PAD,
                y,
                size: TITLE,
                anchor: Anchor::Start,
                weight: Weight::Bold,
                upwards: false,
                paint: Paint::Text,
                text: self.title.clone(),
            };
            marks.push(Mark::Text(text));
            y += 8.0;
        }
        for line in wrap(&self.note, self.width - 2.0 * PAD) {
            y += NOTE + 2.0;
            marks.push(panel::text(PAD, y, NOTE, Anchor::Start, Paint::Muted, &line));
            y += 3.0;
        }
        y + 6.0
    }

    fn description(&self) -> String {
        let parts = [self.title.as_str(), self.note.as_str()];
        let mut text: Vec<&str> = parts.into_iter().filter(|t| !t.is_empty()).collect();
        text.extend(self.panels.iter().map(|p| p.title.as_str()).filter(|t| !t.is_empty()));
        text.join(". ")
    }
}

/// Breaks `text` at spaces into lines no wider than `width`.
fn wrap(text: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if WIDER * (font::width(line, NOTE, Weight::Regular) + font::width(word, NOTE, Weight::Regular)) + 4.0 < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
