//! A flat list of marks in picture units (1 unit = 1 CSS pixel), y downwards: what both renderers draw.
use super::{bitmap::Bitmap, color::Paint, font::Weight};

/// Where a text's position lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Position of the anchor.
    pub x: f64,
    /// Baseline.
    pub y: f64,
    /// Units per em.
    pub size: f64,
    /// Which end `x` names.
    pub anchor: Anchor,
    /// Regular or bold.
    pub weight: Weight,
    /// Reads upwards instead of rightwards.
    pub upwards: bool,
    /// Colour.
    pub paint: Paint,
    /// The characters.
    pub text: String,
}

/// A rectangle's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// One thing on the paper.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A filled rectangle.
    Rect {
        /// Place.
        area: Area,
        /// Fill.
        paint: Paint,
        /// 0 to 1.
        opacity: f64,
    },
    /// Open polylines with one stroke.
    Line {
        /// Polylines of at least two points.
        paths: Vec<Vec<(f64, f64)>>,
        /// Stroke.
        paint: Paint,
        /// Stroke width.
        width: f64,
        /// 0 to 1.
        opacity: f64,
        /// Length of dashes and gaps; 0 for a solid line.
        dash: f64,
    },
    /// A filled polygon.
    Polygon {
        /// Corners.
        points: Vec<(f64, f64)>,
        /// Fill.
        paint: Paint,
        /// 0 to 1.
        opacity: f64,
    },
    /// A disc.
    Disc {
        /// Centre, x.
        x: f64,
        /// Centre, y.
        y: f64,
        /// Radius.
        radius: f64,
        /// Fill.
        paint: Paint,
    },
    /// A text.
    Text(Text),
    /// An image stretched over an area.
    Image {
        /// Place.
        area: Area,
        /// Pixels.
        bitmap: Bitmap,
    },
    /// Marks that are cut off at the edges of an area.
    Clip {
        /// What stays visible.
        area: Area,
        /// The marks inside.
        marks: Vec<Mark>,
    },
}

/// A picture: its size, a sentence that describes it to a screen reader, and its marks in painting order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in units.
    pub width: f64,
    /// Height in units.
    pub height: f64,
    /// Accessible name.
    pub description: String,
    /// Marks, first painted first.
    pub marks: Vec<Mark>,
}
