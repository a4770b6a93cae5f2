//! What can be drawn in a panel, in the units of its axes.
use super::{
    bitmap::Bitmap,
    color::{ColorMap, Paint, Rgb, SERIES},
    scene::Anchor,
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
