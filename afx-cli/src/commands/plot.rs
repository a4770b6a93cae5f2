//! `afx plot`.

use super::Error;
use super::inside::hidden_norm;
use super::knob_pictures::{error_grids, offset_grid};
use super::measured::Measured;
use super::source::{Source, is_wav};
use super::spectral_pictures::{responses, spectra};
use super::training_log;
use crate::plot::loss_curve::LossCurve;
use crate::plot::trace::non_finite_note;
use crate::plot::{
    Figure, PlotError, Theme, Trace, aliasing, aliasing_curve, axis, decay, gain_trace, harmonic_response, level_curve, loss_curve, signal,
    silence, spectrogram, spectrum_difference, static_curve, transfer_curve, transfer_density, waveform,
};
use afx::dsp::source::GuitarPhrase;
use afx::io::dataset::{Dataset, estimate_lag};
use afx::io::wav::{self, Audio, Format};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Seconds of synthesised guitar that models play where no `--input` is given.
const GUITAR_S: f64 = 4.0;
/// Where the sweep begins, and where it ends if the sample rate allows.
const SWEEP_HZ: (f64, f64) = (20.0, 20_000.0);
/// Seconds of the sweep.
const SWEEP_S: f64 = 5.0;
/// Peak of the analysis sine, dBFS.
const LEVEL_DB: f64 = -10.0;
/// Levels that an analysis sine may have.
const LEVELS_DB: (f64, f64) = (-200.0, 60.0);
/// Most positions of a knob.
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
    /// What models play for waveform, spectrum, spectrum-difference, spectrogram, transfer-density and level-curve; 4 s of synthesised
    /// guitar if absent. With a recording, transfer-density and level-curve need what was played into the device
    #[arg(long, value_name = "DRY.wav")]
    input: Option<PathBuf>,
    /// Also write the analysis signal, to send it through a device whose recording can then be drawn beside a model
    #[arg(long, value_name = "FILE.wav")]
    write_input: Option<PathBuf>,
    /// Peak of the analysis sine; -10 (0 for sweep) if absent
    #[arg(long, value_name = "DBFS", allow_negative_numbers = true)]
    level_db: Option<f64>,
    /// Frequency of the analysis sine; 100 Hz (1244.5 Hz for aliasing and aliasing-curve) if absent
    #[arg(long, value_name = "HZ", allow_negative_numbers = true)]
    frequency_hz: Option<f64>,
    /// Draw each model at several positions of this knob, from stop to stop
    #[arg(long, value_name = "KNOB")]
    vary: Option<String>,
    /// Positions of each knob in dc-grid, and of the knob of --vary
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..=MOST_POSITIONS), allow_negative_numbers = true)]
    positions: u8,
    /// Take the delay of the sine out of a transfer curve, so that a loop shows memory beyond a lag
    #[arg(long)]
    align: bool,
    /// Where the waveform begins
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, allow_negative_numbers = true)]
    start: f64,
    /// How much of the waveform is drawn; all if absent
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// Light on dark
    #[arg(long)]
    dark: bool,
    /// Pixels of a PNG for each point of the picture
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
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
    /// Aliasing ratios (ASNR, ASR, NMR) against frequency and against input level
    AliasingCurve,
    /// Output against input over a period of a sine
    TransferCurve,
    /// Output against input over a whole recording, and the mean
    TransferDensity,
    /// Cold start and offset in silence
    Silence,
    /// A tone, then silence: how the output and the hidden state of a model go back to rest
    Decay,
    /// Cold start and offset in silence over the knobs
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
    /// Output level against input level over a whole recording
    LevelCurve,
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
        if let Some(level) = self.level_db.filter(|l| !(LEVELS_DB.0..=LEVELS_DB.1).contains(l)) {
            let (low, high) = LEVELS_DB;
            return Err(Error::new(format_args!("--level-db: expected {low} to {high} dBFS, found {level}")));
        }
        if let Some(hz) = self.frequency_hz.filter(|hz| !(*hz > 0.0 && *hz < 1e6)) {
            return Err(Error::new(format_args!("--frequency-hz: expected above 0 and below half the sample rate, found {hz}")));
        }
        for output in std::iter::once(&self.out).chain(&self.write_input) {
            super::keep(output, self.files.iter().chain(&self.input))?;
        }
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
            if is_wav(path) {
                return Err(Error::new(format_args!("{}: expected a model or its .log.jsonl, found a WAV file", path.display())));
            }
            let log = training_log::log_path(path);
            let curves = training_log::read(&log)?;
            let name = log.file_name().unwrap_or_default().to_string_lossy().trim_end_matches(".log.jsonl").to_owned();
            named.push((name, curves));
        }
        let losses: Vec<LossCurve<'_>> = named.iter().map(|(label, c)| LossCurve { label, points: &c.loss }).collect();
        let errors: Vec<LossCurve<'_>> = named.iter().map(|(label, c)| LossCurve { label, points: &c.esr }).collect();
        Ok(loss_curve::pair(&losses, &errors, "Step", ("Training loss", "Validation ESR"))?)
    }

    fn draw(&self, kind: Kind) -> Result<Figure, Error> {
        let mut sources = self.files.iter().map(|path| Source::open(path, &self.set)).collect::<Result<Vec<_>, _>>()?;
        if let Some((path, s)) = self.files.iter().zip(&sources).find(|(_, s)| s.sample_rate != sources[0].sample_rate) {
            let (file, expected, found) = (path.display(), sources[0].sample_rate, s.sample_rate);
            return Err(Error::new(format_args!("{file}: sample rate: expected {expected} Hz, the first file's, found {found} Hz")));
        }
        tell_apart(&self.files, &mut sources);
        if self.set.iter().any(|_| sources.iter().all(|s| s.model().is_none())) {
            return Err(Error::new("--set: expected a model file to set knobs of, found WAV files only"));
        }
        if let Some(knob) = &self.vary {
            if matches!(kind, Kind::DcGrid | Kind::ErrorGrid) {
                return Err(Error::new("--vary: expected a kind that draws one knob position, found a grid over the knobs"));
            }
            let (several, positions) = (sources.len() > 1, usize::from(self.positions));
            let varied = sources.into_iter().map(|s| s.varied(knob, positions, several)).collect::<Result<Vec<_>, _>>()?;
            sources = varied.into_iter().flatten().collect();
        }
        let rate = sources[0].sample_rate; // clap asks for at least one file
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
        findings.iter().for_each(|f| crate::warn(format_args!("warning: {f}")));
        let measured = Measured::new(model, &data, path)?;
        let (figure, _) = error_grids(&measured)?
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(format_args!("{}: expected a data set with knobs, found none", path.display())))?;
        Ok(figure)
    }

    /// The pictures of one signal from each file.
    fn signals(&self, kind: Kind, sources: &[Source], rate: u32) -> Result<Figure, Error> {
        if let Some(wav) = sources.iter().find(|s| s.model().is_none())
            && matches!(kind, Kind::TransferDensity | Kind::LevelCurve)
            && self.input.is_none()
        {
            return Err(Error::new(format_args!(
                "{}: expected --input DRY.wav, what was played into the device of this recording, found none",
                wav.file.display()
            )));
        }
        let input = self.analysis_signal(kind, rate)?;
        if let Some(path) = &self.write_input {
            wav::write(path, &Audio::mono(rate, input.clone()), Format::Float32)?;
        }
        let mut outputs = Vec::new();
        let answers = sources.par_iter().map(|s| s.answer(&input)).collect::<Result<Vec<_>, _>>()?;
        for (source, samples) in sources.iter().zip(answers) {
            if source.model().is_none() && is_exact(kind) && samples.len() != input.len() {
                let (file, expected, found) = (source.file.display(), input.len(), samples.len());
                return Err(Error::new(format_args!(
                    "{file}: frames: expected {expected}, the answer to the analysis signal that --write-input writes, found {found}"
                )));
            }
            let least = fewest(kind, rate);
            if samples.len() < least {
                let (file, found) = (self.length_of(source).display(), samples.len());
                return Err(Error::new(format_args!("{file}: frames: expected at least {least} for this picture, found {found}")));
            }
            outputs.push((source.label.as_str(), samples));
        }
        let traces: Vec<Trace<'_>> = outputs.iter().map(|(label, y)| Trace::new(label, y)).collect();
        Ok(match kind {
            Kind::HarmonicResponse => harmonic_response::figure(&traces, &self.harmonic(rate))?,
            Kind::Sweep => self.sweep(&traces, rate)?,
            Kind::Aliasing => aliasing::figure(&traces, &self.aliasing(rate))?,
            Kind::AliasingCurve => aliasing_curve::figure(&traces, &self.aliasing_curve(rate))?,
            Kind::TransferCurve => transfer_curve::figure(&traces, &self.transfer(rate))?,
            Kind::TransferDensity => {
                transfer_density::figure(&input, &traces, lag(&input, &traces, rate)).map_err(|e| self.about_input(e))?
            }
            Kind::LevelCurve => level_curve::figure(&input, &traces, lag(&input, &traces, rate), rate).map_err(|e| self.about_input(e))?,
            Kind::Silence => silence::figure(&traces, rate)?,
            Kind::Decay => after_the_tone(&input, sources, &traces, rate)?,
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
            _ => self.waveform(&traces, rate, self.length_of(&sources[0]))?,
        })
    }

    /// What models play for a kind.
    fn analysis_signal(&self, kind: Kind, rate: u32) -> Result<Vec<f32>, Error> {
        Ok(match kind {
            Kind::HarmonicResponse => harmonic_response::input(&self.harmonic(rate))?,
            Kind::Sweep => {
                let gain = self.sweep_gain() as f32;
                signal::sweep(SWEEP_HZ.0, sweep_end(rate), SWEEP_S, rate)?.iter().map(|x| gain * x).collect()
            }
            Kind::Aliasing => aliasing::input(&self.aliasing(rate))?,
            Kind::AliasingCurve => aliasing_curve::input(&self.aliasing_curve(rate))?,
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

    /// The file that says how long an answer is: a model's is as long as what it plays, where a person brought that.
    fn length_of<'a>(&'a self, source: &'a Source) -> &'a Path {
        self.input.as_ref().filter(|_| source.model().is_some()).unwrap_or(&source.file)
    }

    /// Names the file that a person brought.
    fn about_input(&self, error: PlotError) -> Error {
        match &self.input {
            Some(path) => Error::new(format_args!("{}: {error}", path.display())),
            None => error.into(),
        }
    }

    fn gain(&self) -> f64 {
        10f64.powf(self.level_db.unwrap_or(LEVEL_DB) / 20.0)
    }

    fn sweep_gain(&self) -> f64 {
        10f64.powf(self.level_db.unwrap_or(0.0) / 20.0)
    }

    fn sweep(&self, traces: &[Trace<'_>], rate: u32) -> Result<Figure, Error> {
        let settings = spectrogram::Settings { difference: traces.len() > 1, ..Default::default() };
        let level = axis::format_value(self.level_db.unwrap_or(0.0));
        let (from, to) = (SWEEP_HZ.0, axis::format_value(sweep_end(rate) / 1000.0));
        let note = format!(
            "Answer to a sweep from {from} Hz to {to} kHz in {SWEEP_S} s at {level} dBFS: lines that bend down from the top are aliases, level lines offsets or \
             oscillation. {}",
            non_finite_note(traces)
        );
        Ok(spectrogram::figure(traces, rate, &settings)?.titled("Sine sweep").note(&note))
    }

    fn aliasing_curve(&self, rate: u32) -> aliasing_curve::Settings {
        aliasing_curve::Settings {
            sample_rate_hz: rate,
            level_db: self.level_db.unwrap_or(LEVEL_DB),
            frequency_hz: self.frequency_hz.unwrap_or(1244.5),
            ..Default::default()
        }
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
        transfer_curve::Settings { sample_rate_hz: rate, gain: self.gain(), frequency_hz, align: self.align, ..Default::default() }
    }

    /// `file` is what the first trace is as long as.
    fn waveform(&self, traces: &[Trace<'_>], rate: u32, file: &Path) -> Result<Figure, Error> {
        let rate_hz = f64::from(rate);
        let frames = |seconds: f64| (seconds * rate_hz).round();
        let total = traces[0].samples.len() as f64; // there is at least one file
        let refuse = |option: &str, expected: &str, frames: f64, found: f64| {
            let (file, seconds) = (file.display(), frames / rate_hz);
            Err(Error::new(format_args!("{option}: expected {expected} {seconds:.3} s of {file}, found {found}")))
        };
        let start = frames(self.start);
        if !(0.0..total).contains(&start) {
            return refuse("--start", "at least 0, less than the", total, self.start);
        }
        let left = total - start;
        if let Some(seconds) = self.seconds.filter(|s| !(1.0..=left).contains(&frames(*s))) {
            return refuse("--seconds", "a frame or more, at most the remaining", left, seconds);
        }
        let settings = waveform::Settings { start: start as usize, frames: self.seconds.map_or(0, |s| frames(s) as usize), error: true };
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

/// Levels of the outputs, and the norms of the models' hidden states.
fn after_the_tone(input: &[f32], sources: &[Source], traces: &[Trace<'_>], rate: u32) -> Result<Figure, Error> {
    let models = sources.iter().filter_map(|s| s.model().map(|(m, k)| (s.label.as_str(), m, k)));
    let norms = models.map(|(label, model, knobs)| Ok((label, hidden_norm(model, knobs, input)?)));
    let norms = norms.collect::<Result<Vec<_>, Error>>()?;
    let norms: Vec<(&str, &[(f64, f64)])> = norms.iter().map(|(label, points)| (*label, points.as_slice())).collect();
    Ok(decay::figure(traces, &norms, rate)?)
}

/// Where the sweep ends.
fn sweep_end(rate: u32) -> f64 {
    SWEEP_HZ.1.min(0.49 * f64::from(rate))
}

/// The delay of the first trace, up to 100 ms; the others are taken to have the same.
fn lag(input: &[f32], traces: &[Trace<'_>], rate: u32) -> i32 {
    estimate_lag(input, traces[0].samples, rate as usize / 10).map_or(0, |l| l.frames)
}

/// The fewest frames that a picture can be made of: a window of its transform, or the time that it shows.
fn fewest(kind: Kind, rate: u32) -> usize {
    match kind {
        Kind::Spectrum | Kind::SpectrumDifference => spectrum_difference::N_FFT,
        Kind::Spectrogram | Kind::Sweep => spectrogram::Settings::default().n_fft,
        Kind::Silence => rate as usize / 20,
        Kind::LevelCurve => (level_curve::BLOCK_S * f64::from(rate)).ceil() as usize,
        _ => 1,
    }
}

/// Whether a recording makes sense for a kind only as the answer to exactly its analysis signal.
fn is_exact(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::HarmonicResponse
            | Kind::Aliasing
            | Kind::AliasingCurve
            | Kind::TransferCurve
            | Kind::StaticCurve
            | Kind::StepResponse
            | Kind::Decay
    )
}

fn needs_model(kind: &str) -> Error {
    Error::new(format_args!("{kind}: expected model files, found a WAV file: knobs cannot be turned in a recording"))
}
