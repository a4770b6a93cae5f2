//! The frame of the page: its head, style and script.
use super::escape::escape;
use crate::plot::Theme;

/// The whole document around `body`, which is markup already.
pub(super) fn html(title: &str, subtitle: &str, body: &str) -> String {
    let (title, subtitle) = (escape(title), escape(subtitle));
    let dark = crate::plot::svg_style_rules(".afx-figure", Theme::Dark);
    let subtitle = if subtitle.is_empty() { String::new() } else { format!("<p class=\"subtitle\">{subtitle}</p>\n") };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<meta name=\"generator\" content=\"afx\">\n\
         <title>{title}</title>\n<style>\n{STYLE}@media (prefers-color-scheme: dark) {{\n{dark}}}\n</style>\n</head>\n<body>\n\
         <header><h1>{title}</h1>\n{subtitle}</header>\n<main>\n{body}</main>\n\
         <footer>Made with afx.</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// Nothing is loaded; inline style, script, images and sound are what there is.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; media-src data:";
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("players.js");
