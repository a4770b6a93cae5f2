//! The report of `afx demo`.

use super::Error;
use super::demo::{Recordings, Sweep, Trained, index, is_seen, positions};
use super::source::play;
use crate::plot::loss_curve::LossCurve;
use crate::plot::{Figure, Trace, harmonic_response, knob_grid, loss_curve, silence, spectrogram, transfer_curve, waveform};
use crate::report::{Better, Card, Players, Report, Section, Table};
use crate::scores::Scores;
use afx::core::Processor;
use afx::dsp::circuit::SynthOd;

/// The knob position that pictures and players show: one that training did not see.
const SHOWN: (usize, usize) = (2, 2);
/// Seconds of a player.
const PLAYED_S: usize = 5;

/// The page.
///
/// # Errors
/// When a picture cannot be drawn.
pub(super) fn report(recordings: &Recordings, trained: &[Trained], sweep: &Sweep) -> Result<String, Error> {
    let rate = recordings.sample_rate;
    let shown = Shown::new(recordings, trained)?;
    let mut page = Report::new("An overdrive with two knobs, learnt")
        .subtitle("SynthOD, a circuit with drive and tone, recorded at 20 of 25 knob positions; every number and sound below is of audio that no model was trained on.")
        .section(summary(trained))
        .section(listen(recordings, &shown, sweep)?);
    let mut accuracy = Section::new("Where it is right and where not");
    for model in trained {
        let caption = format!("{}: error to signal ratio over the knobs; dashed cells were never seen in training.", model.file.name);
        accuracy = accuracy.figure(&grid(model)?, &caption);
    }
    page = page.section(accuracy);
    let loss: Vec<LossCurve<'_>> = trained.iter().map(|m| LossCurve { label: &m.file.name, points: &m.curves.loss }).collect();
    let esr: Vec<LossCurve<'_>> = trained.iter().map(|m| LossCurve { label: &m.file.name, points: &m.curves.esr }).collect();
    let curves = loss_curve::pair(&loss, &esr, "Step", ("Training loss", "Validation ESR"))?;
    page = page
        .section(Section::new("Training").figure(&curves, "Training loss and validation ESR; the model is the one of the marked step."));
    let traces = shown.traces();
    let wave = waveform::Settings { start: loudest(&shown.device, rate as usize / 50), frames: rate as usize / 50, error: true };
    page = page.section(
        Section::new("Waveform and spectrum at an unseen position")
            .figure(&waveform::figure(&traces, rate, &wave)?, "20 ms around the loudest moment.")
            .figure(
                &spectrogram::figure(&traces[..2], rate, &spectrogram::Settings { difference: true, ..Default::default() })?,
                "Spectrograms and their difference.",
            ),
    );
    page = page.section(behaviour(recordings, trained)?);
    Ok(page.section(card(trained, recordings)).to_html())
}

/// Device and models on the test audio at the shown position.
struct Shown {
    device: Vec<f32>,
    models: Vec<(String, Vec<f32>)>,
}

impl Shown {
    fn new(recordings: &Recordings, trained: &[Trained]) -> Result<Self, Error> {
        let models = trained
            .iter()
            .map(|m| Ok((m.file.name.clone(), play(&m.file, &recordings.test_dry, &[SHOWN.0 as f32, SHOWN.1 as f32])?)))
            .collect::<Result<_, Error>>()?;
        Ok(Shown { device: recordings.test_wet[index(SHOWN.0, SHOWN.1)].clone(), models })
    }

    fn traces(&self) -> Vec<Trace<'_>> {
        let models = self.models.iter().map(|(name, y)| Trace::new(name, y));
        std::iter::once(Trace::new("device", &self.device)).chain(models).collect()
    }
}

/// Where the loudest stretch of `frames` begins.
fn loudest(x: &[f32], frames: usize) -> usize {
    let energy = |c: &[f32]| c.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let best = x.chunks_exact(frames.max(1)).enumerate().max_by(|a, b| energy(a.1).total_cmp(&energy(b.1)));
    best.map_or(0, |(i, _)| i * frames.max(1))
}

fn summary(trained: &[Trained]) -> Section {
    let names: Vec<String> =
        trained.iter().flat_map(|m| [format!("{}, seen knobs", m.file.name), format!("{}, unseen", m.file.name)]).collect();
    let columns: Vec<&str> = std::iter::once("Metric").chain(names.iter().map(String::as_str)).collect();
    let means: Vec<Scores> = trained.iter().flat_map(|m| [m.mean(true), m.mean(false)]).collect();
    let rows: Vec<_> = means.iter().map(Scores::rows).collect();
    let mut table = Table::new("Means over knob positions, on unseen audio", &columns);
    for (i, (name, _)) in rows[0].iter().enumerate() {
        let values: Vec<f64> = rows.iter().map(|r| r[i].1.unwrap_or(f64::NAN)).collect();
        table = table.metric(name, &values, Better::Lower);
    }
    Section::new("Accuracy").table(table)
}

fn listen(recordings: &Recordings, shown: &Shown, sweep: &Sweep) -> Result<Section, Error> {
    let frames = (PLAYED_S * recordings.sample_rate as usize).min(recordings.test_dry.len());
    let mut ab = Players::new("Drive 2, tone 2: never seen in training", recordings.sample_rate, 1)?
        .clip("dry", &recordings.test_dry[..frames])?
        .clip("device", &shown.device[..frames])?;
    for (name, y) in &shown.models {
        ab = ab.clip(name, &y[..frames])?;
    }
    let moving =
        Players::new("Both knobs moving: drive from 0 to 4, tone swinging", recordings.sample_rate, 1)?.clip("model", &sweep.output)?;
    Ok(Section::new("Listen").players(ab).players(moving))
}

fn grid(model: &Trained) -> Result<Figure, Error> {
    let knob = |name: &str| knob_grid::Knob::new(name, &[0.0, 1.0, 2.0, 3.0, 4.0]);
    let grid = knob_grid::KnobGrid {
        columns: knob("tone"),
        rows: knob("drive"),
        values: model.cells.iter().map(|c| c.esr.unwrap_or(f64::NAN)).collect(),
        seen: positions().iter().map(is_seen).collect(),
        label: "ESR".into(),
        scale: knob_grid::ValueScale::Log,
    };
    Ok(knob_grid::figure(&grid)?)
}

/// Device and first model on analysis signals.
fn behaviour(recordings: &Recordings, trained: &[Trained]) -> Result<Section, Error> {
    let rate = recordings.sample_rate;
    let knobs = [SHOWN.0 as f32, SHOWN.1 as f32];
    let device = |x: &[f32]| SynthOd::render(x, f64::from(rate), f64::from(knobs[0]) / 4.0, f64::from(knobs[1]) / 4.0);
    let both = |x: &[f32]| -> Result<(Vec<f32>, Vec<f32>), Error> { Ok((device(x)?, play(&trained[0].file, x, &knobs)?)) };
    let name = trained[0].file.name.as_str();
    let harmonic = harmonic_response::Settings { sample_rate_hz: rate, frequency_hz: 440, gain: 0.5, ..Default::default() };
    let (y, p) = both(&harmonic_response::input(&harmonic)?)?;
    let harmonics = harmonic_response::figure(&[Trace::new("device", &y), Trace::new(name, &p)], &harmonic)?;
    let transfer = transfer_curve::Settings { sample_rate_hz: rate, frequency_hz: 480.0, gain: 0.5, ..Default::default() };
    let (y, p) = both(&transfer_curve::input(&transfer)?)?;
    let curve = transfer_curve::figure(&[Trace::new("device", &y), Trace::new(name, &p)], &transfer)?;
    let quiet = silence::input(rate)?;
    let mut idle = Vec::new();
    for model in trained {
        let mut voice = model.file.voice(1)?;
        let mut y = vec![0.0; quiet.len()];
        voice.process(&[&quiet], &mut [&mut y]);
        idle.push((model.file.name.as_str(), y));
    }
    let idle: Vec<Trace<'_>> = idle.iter().map(|(name, y)| Trace::new(name, y)).collect();
    Ok(Section::new("Behaviour at the same position")
        .figure(&harmonics, "Harmonics of a 440 Hz sine.")
        .figure(&curve, "Output against input; colour is time.")
        .figure(&silence::figure(&idle, rate)?, "Two seconds of silence from a cold start: no pop, and how large the offset is."))
}

fn card(trained: &[Trained], recordings: &Recordings) -> Section {
    let mut card = Card::new()
        .entry("Device", "SynthOD: an overdrive circuit, trapezoidal rule at 8 times the sample rate")
        .entry("Knobs", "drive 0 to 4, tone 0 to 4")
        .entry(
            "Learnt from",
            &format!(
                "{} s at each of 20 knob positions, {} Hz",
                recordings.dry.len() / recordings.sample_rate as usize,
                recordings.sample_rate
            ),
        )
        .entry("Tested on", &format!("{} s of other audio at all 25", recordings.test_dry.len() / recordings.sample_rate as usize));
    for model in trained {
        let text = format!("{} parameters, {} steps", model.file.parameters(), model.file.training["steps"]);
        card = card.entry(&model.file.name, &text);
    }
    Section::new("Model card").card(card)
}
