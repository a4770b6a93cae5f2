//! The embedded typeface: how wide a line of text is, and its outlines.
use std::sync::OnceLock;
use ttf_parser::{Face, OutlineBuilder};

/// Weight of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Upright.
    #[default]
    Regular,
    /// Titles.
    Bold,
}

/// Noto Sans (SIL Open Font License 1.1) in `weight`.
fn face(weight: Weight) -> &'static Face<'static> {
    static REGULAR: OnceLock<Face<'static>> = OnceLock::new();
    static BOLD: OnceLock<Face<'static>> = OnceLock::new();
    // Parsing a constant: `both_weights_parse` runs it, so it cannot fail on another machine.
    let parse = |data| Face::parse(data, 0).expect("the embedded font parses");
    match weight {
        Weight::Regular => REGULAR.get_or_init(|| parse(notosans::REGULAR_TTF)),
        Weight::Bold => BOLD.get_or_init(|| parse(notosans::BOLD_TTF)),
    }
}

/// Advance width of `text` set at `size` units per em, without kerning; a character that the font lacks takes the width of its box glyph.
#[must_use]
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let units: f64 = text.chars().map(|c| f64::from(advance(face, c))).sum();
    units * size / f64::from(face.units_per_em())
}

fn advance(face: &Face<'_>, c: char) -> u16 {
    face.glyph_index(c).and_then(|id| face.glyph_hor_advance(id)).or_else(|| face.glyph_hor_advance(ttf_parser::GlyphId(0))).unwrap_or(0)
}

/// Sends the outlines of `text` to `sink`, baseline at `(0, 0)`, y downwards, `size` units per em.
pub(crate) fn outline(text: &str, size: f64, weight: Weight, sink: &mut dyn OutlineBuilder) {
    let face = face(weight);
    let scale = size / f64::from(face.units_per_em());
    let mut pen = 0.0;
    for c in text.chars() {
        let id = face.glyph_index(c).unwrap_or(ttf_parser::GlyphId(0));
        let mut placed = Placed { sink, scale: scale as f32, pen: pen as f32 };
        let _bounds = face.outline_glyph(id, &mut placed); // `None` for a space: nothing to draw
        pen += f64::from(advance(face, c)) * scale;
    }
}

/// Font units to picture units.
struct Placed<'a> {
    sink: &'a mut dyn OutlineBuilder,
    scale: f32,
    pen: f32,
}

impl Placed<'_> {
    fn x(&self, x: f32) -> f32 {
        self.pen + self.scale * x
    }
    fn y(&self, y: f32) -> f32 {
        -self.scale * y
    }
}

impl OutlineBuilder for Placed<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.sink.move_to(self.x(x), self.y(y));
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.sink.line_to(self.x(x), self.y(y));
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.sink.quad_to(self.x(x1), self.y(y1), self.x(x), self.y(y));
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.sink.curve_to(self.x(x1), self.y(y1), self.x(x2), self.y(y2), self.x(x), self.y(y));
    }
    fn close(&mut self) {
        self.sink.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_parse_and_bold_is_wider() {
        let (regular, bold) = (width("Harmonic response", 12.0, Weight::Regular), width("Harmonic response", 12.0, Weight::Bold));
        assert!(regular > 60.0 && bold > regular, "{regular} {bold}");
    }

    #[test]
    fn every_character_that_our_labels_use_is_in_the_font() {
        for c in "0123456789abcxyzABCXYZ−+×·°µτΔ²³∞≤≥–—…%()[]/<>&\"'".chars() {
            assert!(face(Weight::Regular).glyph_index(c).is_some(), "{c:?}");
        }
    }
}
