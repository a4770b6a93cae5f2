//! `afx report`.

use super::Error;
use super::knob_pictures::error_grids;
use super::measured::{Cell, Measured};
use super::report_pictures::{Shown, behaviour, pictures};
use super::training_log;
use crate::plot::axis::format_value;
use crate::plot::loss_curve::{self, LossCurve};
use crate::report::{Better, Card, Cell as TableCell, Players, Report, Section, Table};
use crate::scores::Scores;
use afx::core::Processor;
use afx::io::dataset::{Dataset, Finding};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// The most rows of the table of recordings that stay unfolded.
const ROWS: usize = 12;

/// What a log that shows nothing means.
const LEFT_OUT: &str = "the loss curve is left out";

/// Arguments of `afx report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file
    model: PathBuf,
    /// Recordings of the device: a folder as `afx train` takes it; its test part is measured, without one its validation part, or else all of it
    #[arg(long, value_name = "DATASET")]
    data: PathBuf,
    /// The folder for report.html and metrics.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Args {
    /// Measures, draws, writes.
    ///
    /// # Errors
    /// When model or data cannot be read or do not fit each other, or the folder cannot be written.
    pub fn run(self) -> Result<(), Error> {
        let model = super::read_model(&self.model)?;
        let (data, findings) = Dataset::open(&self.data)?;
        findings.iter().for_each(|f| crate::warn(format_args!("warning: {f}")));
        let measured = Measured::new(&model, &data, &self.data)?;
        let log = training_log::log_path(&self.model);
        // The model is what is reported on; a log that has nothing to show is no reason against it.
        let read = || training_log::read(&log).map_err(|e| crate::warn(format_args!("warning: {e}; {LEFT_OUT}"))).ok();
        let curves = if log.is_file() { read() } else { None };
        let html = page(&measured, &findings, curves.as_ref())?.to_html();
        let metrics = format!("{:#}\n", metrics(&measured));
        std::fs::create_dir_all(&self.out)
            .map_err(|e| Error::new(format_args!("{}: create: expected success, found {e}", self.out.display())))?;
        afx::io::disk::write_atomic(&self.out.join("metrics.json"), metrics.as_bytes())?;
        afx::io::disk::write_atomic(&self.out.join("report.html"), html.as_bytes())?;
        crate::say!("wrote {}", self.out.join("report.html").display());
        Ok(())
    }
}

/// What scripts read.
fn metrics(m: &Measured<'_>) -> Value {
    let controls = |values: &[f32]| -> Map<String, Value> {
        m.data.knobs.iter().zip(values).map(|(k, v)| (k.name.clone(), json!(v.to_string().parse::<f64>().ok()))).collect()
    };
    let recording =
        |c: &Cell<'_>| json!({"name": c.capture.name, "controls": controls(&c.capture.controls), "seen": c.seen, "scores": c.scores});
    let table = m.esr();
    let by_knob = m.data.knobs.iter().enumerate().map(|(i, knob)| {
        let rows = table.by_knob(i).into_iter().map(|(value, esr)| json!({"value": value, "worst_esr": esr}));
        (knob.name.clone(), Value::Array(rows.collect()))
    });
    json!({
        "model": m.model.name,
        "parameters": m.model.parameters(),
        "sample_rate": m.model.sample_rate,
        "channels": m.channels(),
        "part": m.part.key(),
        "mean": m.mean(),
        "worst": m.ranked().last().map(|c| recording(c)),
        "worst_by_knob": by_knob.collect::<Map<_, _>>(),
        "recordings": m.cells.iter().map(recording).collect::<Vec<_>>(),
    })
}

/// The whole page.
fn page(m: &Measured<'_>, findings: &[Finding], curves: Option<&super::train::Curves>) -> Result<Report, Error> {
    let ranked = m.ranked();
    // `Measured::new` refuses data in which no recording has an ESR.
    let (Some(best), Some(worst)) = (ranked.first(), ranked.last()) else {
        return Err(Error::new("data set: expected recordings with sound, found none"));
    };
    let mut shown = vec![("the best", Shown::new(m, best)?)];
    if ranked.len() > 1 {
        shown.push(("the worst", Shown::new(m, worst)?));
    }
    let about = m.about_channels().map(|text| format!(" {text}")).unwrap_or_default();
    let mut page = Report::new(&m.model.name)
        .subtitle(&format!("{} {}{about}", recordings(m), m.part.text()))
        .section(summary(m, best, worst))
        .section(listen(m, &shown)?);
    if !m.data.knobs.is_empty() {
        page = page.section(over_knobs(m)?);
    }
    if let Some((which, last)) = shown.last() {
        let title =
            if shown.len() > 1 { format!("Device and model at {which} position: {}", last.place) } else { "Device and model".into() };
        let mut section = pictures(m, &title, last)?;
        for (which, other) in &shown[..shown.len() - 1] {
            section = section.details(pictures(m, &format!("The same at {which} position: {}", other.place), other)?);
        }
        page = page.section(section);
    }
    page = page.section(behaviour(m, &shown)?);
    if let Some(curves) = curves {
        let [loss, esr] = [&curves.loss, &curves.esr].map(|points| [LossCurve { label: "", points }]);
        match loss_curve::pair(&loss, &esr, "Step", ("Training loss", "Validation ESR")) {
            Ok(figure) => page = page.section(Section::new("Training").figure(&figure, "Training loss and validation error by step.")),
            Err(e) => crate::warn(format_args!("warning: training log: {e}; {LEFT_OUT}")),
        }
    }
    Ok(page.section(card(m, findings)?))
}

fn recordings(m: &Measured<'_>) -> String {
    let frames: usize = m.cells.iter().map(|c| c.capture.frames()).sum();
    let seconds = frames as f64 / f64::from(m.data.sample_rate);
    let count = m.cells.len();
    format!("{count} recording{}, {seconds:.0} s in all.", if count == 1 { "" } else { "s" })
}

/// Means over all recordings, the best and the worst; and the poster's columns.
fn summary(m: &Measured<'_>, best: &Cell<'_>, worst: &Cell<'_>) -> Section {
    let mean = m.mean();
    let unseen: Vec<Scores> = m.cells.iter().filter(|c| !c.seen).map(|c| c.scores.clone()).collect();
    let mut columns = vec![("mean".to_owned(), mean.clone())];
    if !unseen.is_empty() && unseen.len() < m.cells.len() {
        let seen: Vec<Scores> = m.cells.iter().filter(|c| c.seen).map(|c| c.scores.clone()).collect();
        columns.push(("mean, seen knobs".into(), Scores::mean(&seen)));
        columns.push(("mean, unseen knobs".into(), Scores::mean(&unseen)));
    }
    if m.cells.len() > 1 {
        columns.push((format!("best: {}", m.place(best)), best.scores.clone()));
        columns.push((format!("worst: {}", m.place(worst)), worst.scores.clone()));
    }
    let headings: Vec<&str> = std::iter::once("Metric").chain(columns.iter().map(|(name, _)| name.as_str())).collect();
    let rows: Vec<_> = columns.iter().map(|(_, s)| s.all_rows()).collect();
    let (mut short, mut long) = (Table::new("", &headings), Table::new("", &headings));
    for (i, (name, _)) in rows[0].iter().enumerate() {
        let values: Vec<f64> = rows.iter().map(|r| r[i].1.unwrap_or(f64::NAN)).collect();
        let main = ["ESR", "ESR (dB)", "MAE", "MR-STFT", "SI-SDR (dB), more is better", "Loudness error (LU)", "DC"];
        let table = if main.contains(name) { &mut short } else { &mut long };
        *table = table.clone().metric(name, &values, Better::Neither);
    }
    let mut poster = Table::new("The columns of the HyperRNN poster, means", &["Column", "true units", "", "as published", ""]);
    for c in mean.poster() {
        let number = |v: Option<f64>| TableCell::from(format_value(v.unwrap_or(f64::NAN)).as_str());
        poster = poster.row(vec![c.name.into(), number(c.value), c.unit.into(), number(c.published), c.published_unit.into()]);
    }
    Section::new("Accuracy")
        .table(short)
        .details(Section::new("All metrics").table(long))
        .details(Section::new("As in the literature").table(poster))
}

fn listen(m: &Measured<'_>, shown: &[(&str, Shown)]) -> Result<Section, Error> {
    let mut section = Section::new("Listen")
        .text("Switch while it plays: the position stays. Once a player has the focus, keys 1, 2 and 3 choose and space plays.");
    for (which, s) in shown {
        let which = if shown.len() > 1 { format!("{} ({which}, ", s.place) } else { format!("{} (", s.place) };
        let title = format!("{which}ESR {})", format_value(short(s.esr)));
        let [dry, device, model] = s.played();
        let players = Players::new(&title, m.data.sample_rate, s.played_channels())?;
        section = section.players(players.clip("dry", &dry)?.clip("device", &device)?.clip("model", &model)?);
    }
    Ok(section)
}

/// Three significant digits.
pub(super) fn short(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Maps, the worst at each value of each knob, and a row a recording.
fn over_knobs(m: &Measured<'_>) -> Result<Section, Error> {
    let mut section = Section::new("Over the knobs");
    // One position has no map.
    let maps = if m.cells.len() > 1 { error_grids(m)? } else { Vec::new() };
    for (figure, caption) in maps {
        section = section.figure(&figure, &caption);
    }
    let all = positions(m);
    section = if m.cells.len() > ROWS { section.details(Section::new("Every recording").table(all)) } else { section.table(all) };
    let table = m.esr();
    for (i, knob) in m.data.knobs.iter().enumerate() {
        let caption = format!("Worst ESR at each value of {}, over all values of the other knobs", knob.name);
        let mut worst = Table::new(&caption, &[&knob.name, "worst ESR"]);
        for (value, esr) in table.by_knob(i) {
            let value = (value as f32).to_string();
            worst = worst.row(vec![value.as_str().into(), format_value(short(esr)).as_str().into()]);
        }
        section = section.details(Section::new(&format!("Worst case of {}", knob.name)).table(worst));
    }
    Ok(section)
}

/// A row a recording.
fn positions(m: &Measured<'_>) -> Table {
    let names = ["ESR", "L1", "STFT", "LUFS", "CF", "RMS", "Transient"];
    let knobs = m.data.knobs.iter().map(|k| k.name.as_str());
    let headings: Vec<&str> = std::iter::once("Recording").chain(knobs).chain(names).collect();
    let mut table = Table::new("Every recording; the loudness error in LU, errors of crest factor and RMS in dB", &headings);
    for cell in &m.cells {
        let number = |v: Option<f64>| TableCell::from(format_value(v.map_or(f64::NAN, short)).as_str());
        let name = format!("{}{}", cell.capture.name, if cell.seen { "" } else { " (unseen knobs)" });
        let controls = cell.capture.controls.iter().map(|v| TableCell::from(v.to_string().as_str()));
        let scores = std::iter::once(cell.scores.esr).chain(cell.scores.poster().map(|c| c.value)).map(number);
        table = table.row(std::iter::once(TableCell::from(name.as_str())).chain(controls).chain(scores).collect());
    }
    table
}

/// What the model is, where it comes from, where it fails.
fn card(m: &Measured<'_>, findings: &[Finding]) -> Result<Section, Error> {
    let model = m.model;
    let knob = |k: &afx::io::dataset::Knob| {
        let unit = if k.unit.is_empty() { String::new() } else { format!(" {}", k.unit) };
        format!("{} {} to {}{unit}, default {}", k.name, k.min, k.max, k.default)
    };
    let knobs: Vec<String> = model.knobs.iter().map(knob).collect();
    let mut card = Card::new()
        .entry("Model", &model.name)
        .entry("Parameters", &model.parameters().to_string())
        .entry("Sample rate", &format!("{} Hz", model.sample_rate))
        .entry("Latency", &format!("{} frames", model.voice(1)?.latency()))
        .entry("Knobs", &if knobs.is_empty() { "none".to_owned() } else { knobs.join("; ") })
        .entry("Data", &format!("{} {}", recordings(m), m.part.text()));
    if let Some(about) = m.about_channels() {
        card = card.entry("Channels", &about);
    }
    if let Some(worst) = m.ranked().last().filter(|_| m.cells.len() > 1) {
        card = card.entry("Worst at", &format!("{}: ESR {}", m.place(worst), format_value(short(worst.scores.esr.unwrap_or(f64::NAN)))));
    }
    for (key, value) in model.training.as_object().into_iter().flatten().filter(|(key, _)| *key != "config") {
        let name = format!("Training, {}", key.replace('_', " ").replace("esr", "ESR"));
        let value = match value.as_f64().filter(|_| !value.is_i64() && !value.is_u64()) {
            Some(number) => format_value(short(number)),
            None => value.as_str().map_or(value.to_string(), str::to_owned),
        };
        card = card.entry(&name, &value);
    }
    for finding in findings {
        // The folder is the measurer's business; the file and what is odd about it are the reader's.
        let file = finding.file.file_name().unwrap_or_default().to_string_lossy();
        let text = finding.to_string();
        let text = text.rsplit_once(&*file).map_or(text.as_str(), |(_, what)| what);
        card = card.entry("Note on the data", &format!("{file}{text}"));
    }
    Ok(Section::new("Model card").card(card))
}
