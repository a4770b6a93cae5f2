//! What `afx report` plays and draws: device beside model on recordings, the model by itself on analysis signals.

use super::Error;
use super::knob_pictures::offset_grid;
use super::measured::{Cell, Measured, play_channels};
use super::source::play;
use crate::plot::{
    Figure, Trace, aliasing_curve, harmonic_response, level_curve, signal, silence, spectrogram, spectrum_difference, static_curve,
    transfer_curve, transfer_density, waveform,
};
use crate::report::Section;
use afx::io::dataset::estimate_lag;

/// Seconds of a player.
const PLAYED_S: usize = 5;
/// Positions of each knob in the map of offsets.
const OFFSET_POSITIONS: usize = 5;
/// Peak of the analysis sines: -10 dBFS.
const GAIN: f64 = 0.316_227_766;
/// Most channels of a player.
const STEREO: usize = 2;

/// What players and pictures show of one recording: all its channels.
pub(super) struct Shown {
    pub place: String,
    pub esr: f64,
    knobs: Vec<f32>,
    dry: Vec<Vec<f32>>,
    device: Vec<Vec<f32>>,
    model: Vec<Vec<f32>>,
    /// The channel that pictures show.
    channel: usize,
    /// Frames by which the device is late.
    lag: i32,
    /// What players play, and the spectrogram shows: the loudest [`PLAYED_S`] seconds.
    excerpt: std::ops::Range<usize>,
}

impl Shown {
    /// Plays the recording through the model.
    ///
    /// # Errors
    /// When the model's parts do not fit.
    pub fn new(m: &Measured<'_>, cell: &Cell<'_>) -> Result<Self, Error> {
        let rate = m.data.sample_rate as usize;
        let (dry, device) = (cell.capture.dry.to_vec(), cell.capture.wet.clone());
        let model = play_channels(m.model, cell.capture, &cell.knobs)?;
        let channel = device.iter().position(|y| y.iter().any(|v| *v != 0.0)).unwrap_or(0);
        let frames = (PLAYED_S * rate).min(cell.capture.frames());
        let start = loudest(&device[channel][..cell.capture.frames()], frames, rate);
        // The data set measures the first channel.
        let lag = match channel {
            0 => cell.capture.lag,
            _ => estimate_lag(&dry[if dry.len() == 1 { 0 } else { channel }], &device[channel], rate / 10),
        };
        Ok(Shown {
            place: m.place(cell),
            esr: cell.scores.esr.unwrap_or(f64::NAN),
            knobs: cell.knobs.clone(),
            dry,
            device,
            model,
            channel,
            lag: lag.map_or(0, |l| l.frames),
            excerpt: start..start + frames,
        })
    }

    /// Channels of the players: more than two are heard as the one that is drawn.
    pub fn played_channels(&self) -> u16 {
        if self.device.len() == STEREO { STEREO as u16 } else { 1 }
    }

    /// Dry, device and model, interleaved.
    pub fn played(&self) -> [Vec<f32>; 3] {
        [&self.dry, &self.device, &self.model].map(|channels| {
            let at = |c: usize| &channels[if channels.len() == 1 { 0 } else { c }][self.excerpt.clone()];
            if self.device.len() == STEREO {
                at(0).iter().zip(at(1)).flat_map(|(l, r)| [*l, *r]).collect()
            } else {
                at(self.channel).to_vec()
            }
        })
    }

    fn dry(&self) -> &[f32] {
        &self.dry[if self.dry.len() == 1 { 0 } else { self.channel }]
    }

    /// Device and model, whole.
    fn traces<'a>(&'a self, name: &'a str) -> [Trace<'a>; 2] {
        [Trace::new("device", &self.device[self.channel]), Trace::new(name, &self.model[self.channel])]
    }

    /// Device and model, the excerpt.
    fn excerpts<'a>(&'a self, name: &'a str) -> [Trace<'a>; 2] {
        self.traces(name).map(|t| Trace::new(t.label, &t.samples[self.excerpt.clone()]))
    }
}

/// Where the loudest stretch of `frames` begins, in steps of `step`; `frames` is at most the length.
fn loudest(x: &[f32], frames: usize, step: usize) -> usize {
    let energy = |start: &usize| x[*start..*start + frames].iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    let starts = (0..=x.len() - frames).step_by(step.max(1));
    starts.map(|s| (s, energy(&s))).fold((0, -1.0), |best, at| if at.1 > best.1 { at } else { best }).0
}

/// Device and model on one recording: waveform, spectra, transfer, levels, spectrograms.
pub(super) fn pictures(m: &Measured<'_>, title: &str, s: &Shown) -> Result<Section, Error> {
    let (rate, name) = (m.data.sample_rate, m.model.name.as_str());
    let (whole, excerpt) = (s.traces(name), s.excerpts(name));
    let frames = (rate as usize / 50).min(excerpt[0].samples.len());
    let wave = waveform::Settings { start: loudest(excerpt[0].samples, frames, frames), frames, error: true };
    let spectrograms = spectrogram::Settings { difference: true, ..Default::default() };
    let mut section = Section::new(title)
        .figure(&waveform::figure(&excerpt, rate, &wave)?, "20 ms around the loudest moment.")
        .figure(&spectrum_difference::figure(&whole, rate)?, "Long-term average spectra, and the model's difference from the device.");
    // A recording whose dry side is silent all along, or all but, has neither transfer nor levels.
    if let Ok(figure) = transfer_density::figure(s.dry(), &whole, s.lag) {
        section = section.figure(
            &figure,
            "How often each output sample answers each input sample: the wider the cloud, the more the effect filters or remembers.",
        );
    }
    if let Ok(figure) = level_curve::figure(s.dry(), &whole, s.lag, rate) {
        section = section.figure(&figure, "Level in against level out: a compressor or a saturation bends the line.");
    }
    Ok(section.figure(&spectrogram::figure(&excerpt, rate, &spectrograms)?, "Spectrograms of what the players play, and their difference."))
}

/// The model alone on analysis signals, at the knobs of the last of `shown`; its aliases at those of each.
pub(super) fn behaviour(m: &Measured<'_>, shown: &[(&str, Shown)]) -> Result<Section, Error> {
    let (rate, name) = (m.model.sample_rate, m.model.name.as_str());
    let Some((_, last)) = shown.last() else { return Ok(Section::new("The model by itself")) };
    let answer = |x: &[f32]| play(m.model, x, &last.knobs);
    let harmonic = harmonic_response::Settings { sample_rate_hz: rate, gain: GAIN, ..Default::default() };
    let harmonics = answer(&harmonic_response::input(&harmonic)?)?;
    let transfer = transfer_curve::Settings { sample_rate_hz: rate, gain: GAIN, ..Default::default() };
    let curve = answer(&transfer_curve::input(&transfer)?)?;
    let quiet = answer(&silence::input(rate)?)?;
    let trace = |y| [Trace::new(name, y)];
    let place = if m.data.knobs.is_empty() {
        String::new()
    } else {
        format!(" Unless a picture says otherwise, its knobs stand at {}.", last.place)
    };
    let mut section = Section::new("The model by itself")
        .text(&format!("Answers to analysis signals, of which the data set holds no recording.{place}"))
        .figure(&harmonic_response::figure(&trace(&harmonics), &harmonic)?, "Harmonics of a 100 Hz sine.")
        .figure(&transfer_curve::figure(&trace(&curve), &transfer)?, "Output against input; colour is time.")
        .figure(&silence::figure(&trace(&quiet), rate)?, "Two seconds of silence from a cold start.");
    if !m.model.knobs.is_empty() {
        let grid: Figure = offset_grid(&[(name, m.model, &last.knobs)], OFFSET_POSITIONS)?;
        section = section.figure(&grid, "Offset for silence and pop of a cold start over the knobs; −90 dBFS and less is inaudible.");
    }
    Ok(section.figure(&aliases(m, shown)?, "Aliasing ratios over frequency and level.").details(levels_and_sweep(m, last)?))
}

/// The aliasing ratios at every place that is shown.
fn aliases(m: &Measured<'_>, shown: &[(&str, Shown)]) -> Result<Figure, Error> {
    let settings = aliasing_curve::Settings { sample_rate_hz: m.model.sample_rate, ..Default::default() };
    let input = aliasing_curve::input(&settings)?;
    let several = shown.len() > 1 && !m.data.knobs.is_empty();
    let mut outputs = Vec::new();
    for (_, s) in shown.iter().rev().take(if several { shown.len() } else { 1 }) {
        outputs.push((if several { s.place.as_str() } else { m.model.name.as_str() }, play(m.model, &input, &s.knobs)?));
    }
    let traces: Vec<Trace<'_>> = outputs.iter().map(|(label, y)| Trace::new(label, y)).collect();
    Ok(aliasing_curve::figure(&traces, &settings)?)
}

/// Static curve and sweep.
fn levels_and_sweep(m: &Measured<'_>, shown: &Shown) -> Result<Section, Error> {
    let (rate, name) = (m.model.sample_rate, m.model.name.as_str());
    let stairs = static_curve::Settings { sample_rate_hz: rate, ..Default::default() };
    let levels = play(m.model, &static_curve::input(&stairs)?, &shown.knobs)?;
    let end = 20_000f64.min(0.49 * f64::from(rate));
    let sweep = play(m.model, &signal::sweep(20.0, end, 5.0, rate)?, &shown.knobs)?;
    let spectrogram = spectrogram::figure(&[Trace::new(name, &sweep)], rate, &spectrogram::Settings::default())?.titled("Sine sweep");
    Ok(Section::new("Static curve and sweep")
        .figure(&static_curve::figure(&[Trace::new(name, &levels)], &stairs)?, "Output level against input level of a 1 kHz sine.")
        .figure(&spectrogram, "Answer to a full-scale sweep: lines that bend down from the top are aliases."))
}
