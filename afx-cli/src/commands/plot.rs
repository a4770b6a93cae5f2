//! `afx plot`.

use super::Error;
use super::knob_pictures::{error_grids, offset_grid};
use super::measured::Measured;
use super::source::Source;
use super::training_log;
use crate::plot::axis::{Axis, extent};
use crate::plot::item::Style;
use crate::plot::loss_curve::LossCurve;
use crate::plot::panel::Panel;
use crate::plot::response::Response;
use crate::plot::{
    Figure, Theme, Trace, aliasing, decay, gain_trace, harmonic_response, loss_curve, response, signal, silence, spectrogram,
    spectrum_difference, static_curve, transfer_curve, waveform,
};
use afx::core::{Adapter, Layer};
use afx::dsp::source::GuitarPhrase;
use afx::io::ModelFile;
use afx::io::dataset::Dataset;
use afx::io::wav::{self, Audio, Format};
use std::path::PathBuf;

/// Seconds of synthesised guitar that models play where no `--input` is given.
const GUITAR_S: f64 = 4.0;
/// Seconds of the sweep.
const SWEEP_S: f64 = 5.0;
/// Peak of the impulses that measure a small-signal response, and the frames that are kept of it.
const IMPULSE: (f32, usize) = (0.01, 8192);
/// Most positions of a knob in the map of offsets.
const MOST_POSITIONS: i64 = 25;

/// Arguments of `afx plot`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model files, which play the analysis signal, and WAV files, which are taken as they are; the first one is the target. For the kind
    /// training, models or their logs
    #[arg(required = true, value_name = "MODEL|WAV")]
    files: Vec<PathBuf>,
    /// What to draw
    #[arg(long, value_enum)]
    kind: Kind,
    /// The picture, .png or .svg
    #[arg(long, value_name = "FILE.png|FILE.svg")]
    out: PathBuf,
    /// A knob of the models in its own unit; others stay at their default
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The recordings that the error grid compares with
    #[arg(long, value_name = "DATASET")]
    data: Option<PathBuf>,
    /// What models play for waveform, spectrum, spectrum-difference and spectrogram; 4 s of synthesised guitar if absent
    #[arg(long, value_name = "DRY.wav")]
    input: Option<PathBuf>,
    /// Also write the analysis signal, to send it through a device whose recording can then be drawn beside a model
    #[arg(long, value_name = "FILE.wav")]
    write_input: Option<PathBuf>,
    /// Peak of the analysis sine
    #[arg(long, value_name = "DBFS", default_value_t = -10.0, allow_negative_numbers = true)]
    level_db: f64,
    /// Frequency of the analysis sine; 100 Hz (1244.5 Hz for aliasing) if absent
    #[arg(long, value_name = "HZ")]
    frequency_hz: Option<f64>,
    /// Positions of each knob in dc-grid
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=MOST_POSITIONS))]
    positions: u8,
    /// Where the waveform begins
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    start: f64,
    /// How much of the waveform is drawn; all if absent
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Light on dark
    #[arg(long)]
    dark: bool,
    /// Pixels of a PNG for each point of the picture
    #[arg(long, default_value_t = 2.0)]
    scale: f64,
}

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Levels of the harmonics of a sine
    HarmonicResponse,
    /// Spectrogram of the answer to a sine sweep: lines that bend down are aliases
    Sweep,
    /// Spectrum of the answer to a high sine, harmonics marked
    Aliasing,
    /// Output against input over a period of a sine
    TransferCurve,
    /// Cold start and offset in silence
    Silence,
    /// A tone, then silence: how the output goes back to rest
    Decay,
    /// Offset in silence over the knobs
    DcGrid,
    /// Error to signal ratio over the knobs of a data set
    ErrorGrid,
    /// Training loss and validation error
    Training,
    /// Average spectrum
    Spectrum,
    /// Average spectra and how they differ from the first
    SpectrumDifference,
    /// Spectrograms side by side
    Spectrogram,
    /// Waveforms and the error
    Waveform,
    /// Output level against input level of a compressor
    StaticCurve,
    /// Gain of a compressor after steps of level
    StepResponse,
    /// Small-signal frequency response, and that of learnt filters; of a WAV file, which is an impulse response
    Response,
}

impl Args {
    /// Draws.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds what the kind cannot draw.
    pub fn run(self) -> Result<(), Error> {
        let png = self.format()?;
        let figure = match self.kind {
            Kind::Training => self.training()?,
            kind => self.draw(kind)?,
        };
        let theme = if self.dark { Theme::Dark } else { Theme::Light };
        let bytes = if png { figure.to_png(theme, self.scale)? } else { figure.to_svg(theme).into_bytes() };
        afx::io::disk::write_atomic(&self.out, &bytes)?;
        Ok(())
    }

    /// Whether the picture is a PNG; refused before anything is computed.
    fn format(&self) -> Result<bool, Error> {
        let ending = self.out.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("png") => Ok(true),
            Some("svg") => Ok(false),
            _ => Err(Error::new(format_args!("--out: expected a name that ends in .png or .svg, found {}", self.out.display()))),
        }
    }

    fn training(&self) -> Result<Figure, Error> {
        let mut named = Vec::new();
        for path in &self.files {
            let log = training_log::log_path(path);
            let curves = training_log::read(&log)?;
            let name = log.file_name().unwrap_or_default().to_string_lossy().trim_end_matches(".log.jsonl").to_owned();
            named.push((format!("{name} loss"), curves.loss));
            named.push((format!("{name} validation ESR"), curves.esr));
        }
        let curves: Vec<LossCurve<'_>> = named.iter().map(|(label, points)| LossCurve { label, points }).collect();
        Ok(loss_curve::figure(&curves, "Step", "Loss, ESR")?)
    }

    fn draw(&self, kind: Kind) -> Result<Figure, Error> {
        let mut sources = self.files.iter().map(|path| Source::open(path, &self.set)).collect::<Result<Vec<_>, _>>()?;
        tell_apart(&self.files, &mut sources);
        if self.set.iter().any(|_| sources.iter().all(|s| s.model().is_none())) {
            return Err(Error::new("--set: expected a model file to set knobs of, found WAV files only"));
        }
        let rate = sources[0].sample_rate; // clap asks for at least one file
        if let Some((path, s)) = self.files.iter().zip(&sources).find(|(_, s)| s.sample_rate != rate) {
            let found = s.sample_rate;
            return Err(Error::new(format_args!(
                "{}: sample rate: expected {rate} Hz, the first file's, found {found} Hz",
                path.display()
            )));
        }
        match kind {
            Kind::DcGrid => {
                let models = sources.iter().map(|s| s.model().map(|(m, k)| (s.label.as_str(), m, k)));
                let models = models.collect::<Option<Vec<_>>>().ok_or_else(|| needs_model("dc-grid"))?;
                offset_grid(&models, usize::from(self.positions))
            }
            Kind::ErrorGrid => self.error_grid(&sources),
            Kind::Response => responses(&sources, rate),
            _ => self.signals(kind, &sources, rate),
        }
    }

    fn error_grid(&self, sources: &[Source]) -> Result<Figure, Error> {
        let path = self.data.as_ref().ok_or_else(|| Error::new("error-grid: expected --data DATASET, found none"))?;
        let [source] = sources else {
            return Err(Error::new(format_args!("error-grid: expected one model file, found {} files", sources.len())));
        };
        let (model, _) = source.model().ok_or_else(|| needs_model("error-grid"))?;
        let (data, findings) = Dataset::open(path)?;
        findings.iter().for_each(|f| eprintln!("warning: {f}"));
        let measured = Measured::new(model, &data)?;
        let (figure, _) = error_grids(&measured)?
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(format_args!("{}: expected a data set with knobs, found none", path.display())))?;
        Ok(figure)
    }

    /// The pictures of one signal from each file.
    fn signals(&self, kind: Kind, sources: &[Source], rate: u32) -> Result<Figure, Error> {
        let input = self.analysis_signal(kind, rate)?;
        if let Some(path) = &self.write_input {
            wav::write(path, &Audio::mono(rate, input.clone()), Format::Float32)?;
        }
        let mut outputs = Vec::new();
        for (path, source) in self.files.iter().zip(sources) {
            let samples = source.answer(&input)?;
            if source.model().is_none() && is_exact(kind) && samples.len() != input.len() {
                let (file, expected, found) = (path.display(), input.len(), samples.len());
                return Err(Error::new(format_args!(
                    "{file}: frames: expected {expected}, the answer to the analysis signal that --write-input writes, found {found}"
                )));
            }
            outputs.push((source.label.as_str(), samples));
        }
        let traces: Vec<Trace<'_>> = outputs.iter().map(|(label, y)| Trace::new(label, y)).collect();
        Ok(match kind {
            Kind::HarmonicResponse => harmonic_response::figure(&traces, &self.harmonic(rate))?,
            Kind::Sweep => spectrogram::figure(&traces, rate, &spectrogram::Settings::default())?,
            Kind::Aliasing => aliasing::figure(&traces, &self.aliasing(rate))?,
            Kind::TransferCurve => transfer_curve::figure(&traces, &self.transfer(rate))?,
            Kind::Silence => silence::figure(&traces, rate)?,
            Kind::Decay => decay::figure(&traces, &[], rate)?,
            Kind::Spectrum => spectra(&traces, rate)?,
            Kind::SpectrumDifference => {
                if traces.len() < 2 {
                    return Err(Error::new("spectrum-difference: expected two files or more, found one"));
                }
                spectrum_difference::figure(&traces, rate)?
            }
            Kind::Spectrogram => {
                let difference = traces.len() > 1;
                spectrogram::figure(&traces, rate, &spectrogram::Settings { difference, ..Default::default() })?
            }
            Kind::StaticCurve => static_curve::figure(&traces, &static_curve::Settings { sample_rate_hz: rate, ..Default::default() })?,
            Kind::StepResponse => gain_trace::figure(&input, &traces, 1.0, rate)?,
            _ => self.waveform(&traces, rate)?,
        })
    }

    /// What models play for a kind.
    fn analysis_signal(&self, kind: Kind, rate: u32) -> Result<Vec<f32>, Error> {
        Ok(match kind {
            Kind::HarmonicResponse => harmonic_response::input(&self.harmonic(rate))?,
            Kind::Sweep => signal::sweep(20.0, 20_000f64.min(0.49 * f64::from(rate)), SWEEP_S, rate)?,
            Kind::Aliasing => aliasing::input(&self.aliasing(rate))?,
            Kind::TransferCurve => transfer_curve::input(&self.transfer(rate))?,
            Kind::Silence => silence::input(rate)?,
            Kind::Decay => decay::input(rate)?,
            Kind::StaticCurve => static_curve::input(&static_curve::Settings { sample_rate_hz: rate, ..Default::default() })?,
            Kind::StepResponse => gain_trace::input(&gain_trace::Step { sample_rate_hz: rate, ..Default::default() })?,
            _ => self.music(rate)?,
        })
    }

    fn music(&self, rate: u32) -> Result<Vec<f32>, Error> {
        let Some(path) = &self.input else {
            return Ok(GuitarPhrase::render(1, f64::from(rate), (GUITAR_S * f64::from(rate)) as usize)?);
        };
        let Audio { sample_rate, channels } = wav::read(path)?;
        if sample_rate != rate {
            return Err(Error::new(format_args!("{}: sample rate: expected {rate} Hz, found {sample_rate} Hz", path.display())));
        }
        Ok(channels.into_iter().next().unwrap_or_default())
    }

    fn gain(&self) -> f64 {
        10f64.powf(self.level_db / 20.0)
    }

    fn harmonic(&self, rate: u32) -> harmonic_response::Settings {
        let frequency_hz = self.frequency_hz.unwrap_or(100.0).round() as u32;
        harmonic_response::Settings { sample_rate_hz: rate, gain: self.gain(), frequency_hz, ..Default::default() }
    }

    fn aliasing(&self, rate: u32) -> aliasing::Settings {
        aliasing::Settings { sample_rate_hz: rate, gain: self.gain(), frequency_hz: self.frequency_hz.unwrap_or(1244.5) }
    }

    fn transfer(&self, rate: u32) -> transfer_curve::Settings {
        let frequency_hz = self.frequency_hz.unwrap_or(100.0);
        transfer_curve::Settings { sample_rate_hz: rate, gain: self.gain(), frequency_hz, ..Default::default() }
    }

    fn waveform(&self, traces: &[Trace<'_>], rate: u32) -> Result<Figure, Error> {
        let frames = |what, seconds: f64| {
            let frames = (seconds * f64::from(rate)).round();
            let longest = traces[0].samples.len() as f64; // there is at least one file
            if (0.0..=longest).contains(&frames) {
                return Ok(frames as usize);
            }
            Err(Error::new(format_args!("{what}: expected 0 to {:.3} s, found {seconds}", longest / f64::from(rate))))
        };
        let settings = waveform::Settings {
            start: frames("--start", self.start)?,
            frames: self.seconds.map_or(Ok(0), |s| frames("--seconds", s))?,
            error: true,
        };
        Ok(waveform::figure(traces, rate, &settings)?)
    }
}

/// Puts the folder before names that are the same.
fn tell_apart(files: &[PathBuf], sources: &mut [Source]) {
    let labels: Vec<String> = sources.iter().map(|s| s.label.clone()).collect();
    for (path, source) in files.iter().zip(sources) {
        let folder = path.parent().and_then(|p| p.file_name()).map(|p| p.to_string_lossy());
        if let Some(folder) = folder.filter(|_| labels.iter().filter(|l| **l == source.label).count() > 1) {
            source.label = format!("{folder}/{}", source.label);
        }
    }
}

/// Whether a recording makes sense for a kind only as the answer to exactly its analysis signal.
fn is_exact(kind: Kind) -> bool {
    matches!(kind, Kind::HarmonicResponse | Kind::Aliasing | Kind::TransferCurve | Kind::StaticCurve | Kind::StepResponse | Kind::Decay)
}

fn needs_model(kind: &str) -> Error {
    Error::new(format_args!("{kind}: expected model files, found a WAV file: knobs cannot be turned in a recording"))
}

/// Average spectra in one panel.
fn spectra(traces: &[Trace<'_>], rate: u32) -> Result<Figure, Error> {
    let spectra = traces.iter().map(|t| spectrum_difference::analyse(t, rate)).collect::<Result<Vec<_>, _>>()?;
    let (_, top) = extent(spectra.iter().flatten().map(|p| p.1), 0.0).unwrap_or((-100.0, 0.0));
    let top = top.max(-150.0) + 5.0;
    let mut panel =
        Panel::new("", Axis::frequency(20.0, (f64::from(rate) / 2.0).min(20_000.0)), Axis::linear("Level (dB)", top - 90.0, top, 6));
    for (n, (trace, spectrum)) in traces.iter().zip(spectra).enumerate() {
        panel.line(trace.label, spectrum, Style::series(n));
    }
    let note = "Average of the whole signal, smoothed over 1/24 octave; a full-scale sine reads 0 dB before smoothing.";
    Ok(Figure::new("Spectrum").note(note).panel(panel.height(280.0)))
}

/// Responses of models for small signals around rest, of the filters that they learnt, and of impulse responses.
fn responses(sources: &[Source], rate: u32) -> Result<Figure, Error> {
    let mut all = Vec::new();
    for source in sources {
        let Some((model, knobs)) = source.model() else {
            all.push(Response::from_impulse(&Trace::new(&source.label, &source.answer(&[])?), rate)?);
            continue;
        };
        // The odd part of the answers to an impulse and its negative: what is constant, and what is even, cancels.
        let answer = |sign: f32| {
            let mut x = signal::impulse(IMPULSE.1)?;
            x[0] = sign * IMPULSE.0;
            source.answer(&x)
        };
        let (up, down) = (answer(1.0)?, answer(-1.0)?);
        let h: Vec<f32> = up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * IMPULSE.0)).collect();
        all.push(Response::from_impulse(&Trace::new(&source.label, &h), rate)?);
        for (name, taps) in learnt_filters(model, knobs)? {
            let label = format!("{}, {name}", source.label);
            all.push(Response::from_impulse(&Trace::new(&label, &taps), rate)?.as_reference());
        }
    }
    Ok(response::figure("Frequency response", &all)?
        .note("Models: small signals around rest, at the knobs given. Dashed: unity gain, and learnt filters."))
}

/// The FIR filters among a model's layers, as they are at these knobs.
fn learnt_filters(model: &ModelFile, knobs: &[f32]) -> Result<Vec<(String, Vec<f32>)>, Error> {
    let parts = model.spec.build()?;
    let layout = Layer::<f32>::layout(&parts.layer);
    let mut params = vec![0.0; Layer::<f32>::params_len(&parts.layer)];
    let mut scratch = vec![0.0; Adapter::<f32>::scratch_len(&parts.adapter)];
    parts.adapter.realize(&model.learnt, &model.normalise(knobs), &mut scratch, &mut params);
    let filters = layout.tensors().iter().filter(|t| t.name == "taps" || t.name.ends_with(".taps"));
    Ok(filters.map(|t| (t.name.clone(), params[t.range()].to_vec())).collect())
}
