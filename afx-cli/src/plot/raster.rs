//! Scene to pixels.
use super::{
    PlotError,
    bitmap::{Bitmap, check_side, encode_png},
    color::{Paint, Theme},
    font,
    scene::{Anchor, Area, Mark, Scene, Text},
};
use tiny_skia as skia;

/// An RGB PNG of the scene, `scale` pixels per unit.
pub(super) fn render(scene: &Scene, theme: Theme, scale: f64) -> Result<Vec<u8>, PlotError> {
    let (width, height) = ((scene.width * scale).round(), (scene.height * scale).round());
    check_side(width, height)?;
    let (w, h) = (width as u32, height as u32);
    let mut canvas = skia::Pixmap::new(w, h).ok_or(PlotError::Size { width, height })?;
    let paper = Paint::Background.resolve(theme);
    canvas.fill(skia::Color::from_rgba8(paper.0, paper.1, paper.2, 255));
    let mut painter = Painter { canvas, theme, scale: scale as f32, mask: None };
    scene.marks.iter().for_each(|mark| painter.draw(mark));
    let rgb: Vec<u8> = painter.canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(); // opaque: premultiplied = straight
    encode_png(w, h, None, &rgb)
}

struct Painter {
    canvas: skia::Pixmap,
    theme: Theme,
    scale: f32,
    mask: Option<skia::Mask>,
}

impl Painter {
    /// A mark that has no area or no finite place is skipped, as in SVG.
    fn draw(&mut self, mark: &Mark) {
        match mark {
            Mark::Rect { area, paint, opacity } => {
                if let Some(rect) = rect(*area) {
                    self.fill(&skia::PathBuilder::from_rect(rect), *paint, *opacity);
                }
            }
            Mark::Line { paths, paint, width, opacity, dash } => self.stroke(paths, *paint, *width, *opacity, *dash),
            Mark::Polygon { points, paint, opacity } => {
                let mut path = skia::PathBuilder::new();
                trace(&mut path, points);
                path.close();
                self.fill_builder(path, *paint, *opacity);
            }
            Mark::Disc { x, y, radius, paint } => {
                if let Some(path) = skia::PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                    self.fill(&path, *paint, 1.0);
                }
            }
            Mark::Text(text) => self.text(text),
            Mark::Image { area, bitmap } => self.image(*area, bitmap),
            Mark::Clip { area, marks } => self.clip(*area, marks),
        }
    }

    fn transform(&self) -> skia::Transform {
        skia::Transform::from_scale(self.scale, self.scale)
    }

    fn ink(&self, paint: Paint, opacity: f64) -> skia::Paint<'static> {
        let rgb = paint.resolve(self.theme);
        let mut ink = skia::Paint { anti_alias: true, ..skia::Paint::default() };
        ink.set_color_rgba8(rgb.0, rgb.1, rgb.2, (255.0 * opacity.clamp(0.0, 1.0)).round() as u8);
        ink
    }

    fn fill(&mut self, path: &skia::Path, paint: Paint, opacity: f64) {
        let (ink, transform) = (self.ink(paint, opacity), self.transform());
        self.canvas.fill_path(path, &ink, skia::FillRule::Winding, transform, self.mask.as_ref());
    }

    fn fill_builder(&mut self, path: skia::PathBuilder, paint: Paint, opacity: f64) {
        if let Some(path) = path.finish() {
            self.fill(&path, paint, opacity);
        }
    }

    fn stroke(&mut self, paths: &[Vec<(f64, f64)>], paint: Paint, width: f64, opacity: f64, dash: f64) {
        let mut builder = skia::PathBuilder::new();
        paths.iter().for_each(|points| trace(&mut builder, points));
        let Some(path) = builder.finish() else { return };
        let dash = (dash > 0.0).then(|| skia::StrokeDash::new(vec![dash as f32; 2], 0.0)).flatten();
        let stroke = skia::Stroke {
            width: width as f32,
            line_cap: skia::LineCap::Round,
            line_join: skia::LineJoin::Round,
            dash,
            ..skia::Stroke::default()
        };
        let (ink, transform) = (self.ink(paint, opacity), self.transform());
        self.canvas.stroke_path(&path, &ink, &stroke, transform, self.mask.as_ref());
    }

    fn text(&mut self, text: &Text) {
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5,
            Anchor::End => -1.0,
        } * font::width(&text.text, text.size, text.weight);
        let mut outline = Outline(skia::PathBuilder::new());
        font::outline(&text.text, text.size, text.weight, &mut outline);
        let place = skia::Transform::from_translate(text.x as f32, text.y as f32);
        let turn = if text.upwards { skia::Transform::from_row(0.0, -1.0, 1.0, 0.0, 0.0, 0.0) } else { skia::Transform::identity() };
        let along = skia::Transform::from_translate(shift as f32, 0.0);
        if let Some(path) = outline.0.finish().and_then(|path| path.transform(place.pre_concat(turn).pre_concat(along))) {
            self.fill(&path, text.paint, 1.0);
        }
    }

    fn image(&mut self, area: Area, bitmap: &Bitmap) {
        let size = skia::IntSize::from_wh(bitmap.width(), bitmap.height());
        let Some(pixmap) = size.and_then(|size| skia::Pixmap::from_vec(bitmap.rgba(), size)) else { return };
        let (sx, sy) = (area.width / f64::from(bitmap.width()), area.height / f64::from(bitmap.height()));
        let place = skia::Transform::from_row(sx as f32, 0.0, 0.0, sy as f32, area.x as f32, area.y as f32);
        let paint = skia::PixmapPaint { quality: skia::FilterQuality::Bilinear, ..skia::PixmapPaint::default() };
        self.canvas.draw_pixmap(0, 0, pixmap.as_ref(), &paint, self.transform().pre_concat(place), self.mask.as_ref());
    }

    /// Clips do not nest in our figures: an inner one replaces the outer one for its marks.
    fn clip(&mut self, area: Area, marks: &[Mark]) {
        let (Some(rect), Some(mut mask)) = (rect(area), skia::Mask::new(self.canvas.width(), self.canvas.height())) else { return };
        mask.fill_path(&skia::PathBuilder::from_rect(rect), skia::FillRule::Winding, false, self.transform());
        let outer = self.mask.replace(mask);
        marks.iter().for_each(|mark| self.draw(mark));
        self.mask = outer;
    }
}

fn rect(area: Area) -> Option<skia::Rect> {
    skia::Rect::from_xywh(area.x as f32, area.y as f32, area.width as f32, area.height as f32)
}

fn trace(path: &mut skia::PathBuilder, points: &[(f64, f64)]) {
    for (i, &(x, y)) in points.iter().enumerate() {
        if i == 0 { path.move_to(x as f32, y as f32) } else { path.line_to(x as f32, y as f32) }
    }
}

/// Glyph outlines into a path.
struct Outline(skia::PathBuilder);

impl ttf_parser::OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.0.close();
    }
}
