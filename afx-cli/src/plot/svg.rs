//! Scene to SVG text.
use super::{
    bitmap::Bitmap,
    color::{Paint, Theme},
    font::Weight,
    scene::{Anchor, Area, Mark, Scene, Text},
};
use crate::report::{base64, escape::escape};
use core::fmt::Write;

/// The picture as a stand-alone SVG 1.1 document without a prologue, so that it can also stand in HTML.
///
/// Colours are presentation attributes beside class names: a style sheet of the page may override them. Clips are nested `svg` elements and
/// images data URIs, so that the document holds no identifier and refers to nothing outside.
pub(super) fn render(scene: &Scene, theme: Theme) -> String {
    let mut out = String::new();
    let (w, h) = (number(scene.width), number(scene.height));
    let label = escape(&scene.description);
    push(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" class=\"afx-figure\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-label=\"{label}\" font-family=\"'Noto Sans','Helvetica Neue',Arial,sans-serif\">\n"
        ),
    );
    let paper = Area { x: 0.0, y: 0.0, width: scene.width, height: scene.height };
    mark(&mut out, &Mark::Rect { area: paper, paint: Paint::Background, opacity: 1.0 }, theme);
    scene.marks.iter().for_each(|m| mark(&mut out, m, theme));
    out.push_str("</svg>\n");
    out
}

/// Writing into a `String` cannot fail.
fn push(out: &mut String, args: core::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(args);
}

fn mark(out: &mut String, mark: &Mark, theme: Theme) {
    match mark {
        Mark::Rect { area, paint, opacity } => {
            push(out, format_args!("<rect {} {}{}/>\n", place(*area), fill(*paint, theme), opacity_attribute("fill-opacity", *opacity)));
        }
        Mark::Line { paths, paint, width, opacity, dash } => {
            let dash = if *dash > 0.0 { format!(" stroke-dasharray=\"{0} {0}\"", number(*dash)) } else { String::new() };
            push(
                out,
                format_args!(
                    "<path d=\"{}\" fill=\"none\" {} stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{}{dash}/>\n",
                    path_data(paths),
                    stroke(*paint, theme),
                    number(*width),
                    opacity_attribute("stroke-opacity", *opacity),
                ),
            );
        }
        Mark::Polygon { points, paint, opacity } => {
            let data = path_data(core::slice::from_ref(points));
            push(out, format_args!("<path d=\"{data}Z\" {}{}/>\n", fill(*paint, theme), opacity_attribute("fill-opacity", *opacity)));
        }
        Mark::Disc { x, y, radius, paint } => {
            push(
                out,
                format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n", number(*x), number(*y), number(*radius), fill(*paint, theme)),
            );
        }
        Mark::Text(text) => write_text(out, text, theme),
        Mark::Image { area, bitmap } => write_image(out, *area, bitmap),
        Mark::Clip { area, marks } => {
            let view = [area.x, area.y, area.width, area.height].map(number).join(" ");
            push(out, format_args!("<svg {} viewBox=\"{view}\">\n", place(*area)));
            marks.iter().for_each(|m| self::mark(out, m, theme));
            out.push_str("</svg>\n");
        }
    }
}

fn write_text(out: &mut String, text: &Text, theme: Theme) {
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.weight == Weight::Bold { " font-weight=\"bold\"" } else { "" };
    let (x, y) = (number(text.x), number(text.y));
    let place = if text.upwards { format!("transform=\"translate({x} {y}) rotate(-90)\"") } else { format!("x=\"{x}\" y=\"{y}\"") };
    let (size, fill, body) = (number(text.size), fill(text.paint, theme), escape(&text.text));
    push(out, format_args!("<text {place} font-size=\"{size}\"{anchor}{weight} {fill}>{body}</text>\n"));
}

fn write_image(out: &mut String, area: Area, bitmap: &Bitmap) {
    // A bitmap was checked when it was made; should the encoder still refuse, the panel stays empty.
    let data = bitmap.to_png().map(|png| base64::encode(&png)).unwrap_or_default();
    let uri = format!("data:image/png;base64,{data}");
    push(out, format_args!("<image {} preserveAspectRatio=\"none\" href=\"{uri}\"/>\n", place(area)));
}

fn place(area: Area) -> String {
    let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(number);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

fn fill(paint: Paint, theme: Theme) -> String {
    let class = paint.class().map(|c| format!("class=\"f-{c}\" ")).unwrap_or_default();
    format!("{class}fill=\"{}\"", paint.resolve(theme).hex())
}

fn stroke(paint: Paint, theme: Theme) -> String {
    let class = paint.class().map(|c| format!("class=\"k-{c}\" ")).unwrap_or_default();
    format!("{class}stroke=\"{}\"", paint.resolve(theme).hex())
}

fn opacity_attribute(name: &str, opacity: f64) -> String {
    if opacity >= 1.0 { String::new() } else { format!(" {name}=\"{}\"", number(opacity)) }
}

/// `M x y L x y ...` with relative steps in tenths of a unit, which a reader cannot see and which halve the file.
fn path_data(paths: &[Vec<(f64, f64)>]) -> String {
    let mut out = String::new();
    let tenths = |v: f64| (10.0 * v).round() as i64;
    for path in paths {
        let mut previous: Option<(i64, i64)> = None;
        for &(x, y) in path {
            let (x, y) = (tenths(x), tenths(y));
            let (command, dx, dy) = match previous {
                None => ("M", x, y),
                Some((px, py)) => ("l", x - px, y - py),
            };
            push(&mut out, format_args!("{command}{} {}", number(dx as f64 / 10.0), number(dy as f64 / 10.0)));
            previous = Some((x, y));
        }
    }
    out
}

/// At most two decimals, no trailing zeros, no negative zero.
pub(super) fn number(value: f64) -> String {
    let text = format!("{:.2}", if value.is_finite() { value } else { 0.0 });
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Style rules that repaint every role for `theme` under `selector`.
pub(crate) fn style_rules(selector: &str, theme: Theme) -> String {
    let mut out = String::new();
    for role in Paint::ROLES {
        if let Some(class) = role.class() {
            let color = role.resolve(theme).hex();
            push(&mut out, format_args!("{selector} .f-{class}{{fill:{color}}}{selector} .k-{class}{{stroke:{color}}}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_exotic() {
        assert_eq!([0.0, -0.001, 1.5, 10.0, 1.239, f64::NAN, f64::INFINITY].map(number).join(" "), "0 0 1.5 10 1.24 0 0");
    }

    #[test]
    fn paths_are_relative_and_do_not_drift() {
        let path: Vec<(f64, f64)> = (0..1000).map(|i| (0.04 * f64::from(i), 0.0)).collect();
        let data = path_data(&[path]);
        let end: f64 = data.split('l').skip(1).map(|step| step.split(' ').next().unwrap().parse::<f64>().unwrap()).sum();
        assert!((end - 39.96).abs() < 0.06, "{end}"); // half a tenth of rounding at the last point, however many steps
    }
}
