//! The page as a whole, made of the gallery's figures.
use super::*;
use crate::plot::gallery;

fn report() -> String {
    let riff = gallery::plucks();
    let players = Players::new("Riff, drive 0.6", 48_000, 1).unwrap().clip("input", &riff).unwrap();
    let players = players.clip("device", &gallery::device(&riff, 4.0)).unwrap().clip("GRU-16", &gallery::model(&riff, 4.0)).unwrap();
    let table = Table::new(
        "Mean over knob positions; bold: best of its row.",
        &["Metric", "GRU-16, seen", "GRU-16, unseen", "TCN, seen", "TCN, unseen"],
    )
    .metric("ESR", &[0.0042, 0.0061, 0.0055, 0.0093], Better::Lower)
    .metric("MR-STFT", &[0.31, 0.35, 0.30, 0.41], Better::Lower)
    .metric("SI-SDR (dB)", &[23.7, 22.1, 22.6, 20.3], Better::Higher);
    let card = Card::new()
        .entry("Architecture", "GRU, 16 hidden units, hypernetwork")
        .entry("Knobs", "Drive 0–1, Tone 0–1")
        .entry("Sample rate", "48 kHz");
    let mut pictures = Section::new("Behaviour");
    let mut folded = Section::new("More figures");
    for (name, figure) in gallery::drawn() {
        if name.ends_with("detail") || name.ends_with("log") {
            folded = folded.figure(figure, "");
        } else {
            pictures = pictures.figure(figure, "Synthetic device and a flawed model of it.");
        }
    }
    Report::new("Synthetic overdrive: GRU-16")
        .subtitle("Trained on 13 of 25 knob positions")
        .section(Section::new("Summary").table(table))
        .section(Section::new("Listen").text("Switch while it plays: the position stays.").players(players))
        .section(pictures.details(folded))
        .section(Section::new("Model card").card(card))
        .to_html()
}

#[test]
fn the_page_refers_to_nothing_outside_itself() {
    let html = report();
    gallery::keep("report.html", html.as_bytes());
    let namespaces = ["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"];
    let rest = namespaces.iter().fold(html.clone(), |text, uri| text.replace(uri, ""));
    for pattern in ["http:", "https:", "//fonts", "@import", "<link", "<iframe", "src=\"/", "file:"] {
        assert!(!rest.contains(pattern), "{pattern}");
    }
    let sources: Vec<&str> = rest.split("src=\"").skip(1).map(|s| &s[..5]).collect();
    assert!(sources.len() == 3 && sources.iter().all(|s| *s == "data:"));
    assert!(html.len() < 4_000_000, "{} bytes", html.len()); // three clips of 2 s are 770 kB of it
}

#[test]
fn equal_reports_are_equal_bytes() {
    assert!(report() == report());
}

#[test]
fn every_element_that_opens_closes_in_order() {
    let html = report();
    let mut open: Vec<&str> = Vec::new();
    let body = html.replace("<!DOCTYPE html>", "");
    let script = body.find("<script>").unwrap();
    for piece in body[..script].split('<').skip(1) {
        let tag = &piece[..piece.find('>').unwrap()];
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    assert_eq!(open, ["html", "body"]);
}

#[test]
fn text_from_outside_never_becomes_markup() {
    let evil = "</title></style><script>alert('&\"')</script>";
    let players = Players::new(evil, 48_000, 1).unwrap().clip(evil, &[0.0]).unwrap();
    let section = Section::new(evil).text(evil).table(Table::new(evil, &[evil]).row(vec![evil.into(), evil.into()])).players(players);
    let section = section.card(Card::new().entry(evil, evil)).details(Section::new(evil));
    let html = Report::new(evil).subtitle(evil).section(section).to_html();
    assert!(!html.contains("<script>alert") && html.matches("<script>").count() == 1);
    assert!(html.matches("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)").count() >= 12);
}
