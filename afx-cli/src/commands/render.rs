//! `afx render`.

use super::Error;
use afx::core::Processor;
use afx::io::ModelFile;
use afx::io::csv::Automation;
use afx::io::dataset::Knob;
use afx::io::wav::{self, Audio, Format};
use std::path::PathBuf;

/// Arguments of `afx render`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file
    model: PathBuf,
    /// The audio to process, at the model's sample rate unless an option says otherwise; every channel goes through the same model
    input: PathBuf,
    /// Where the result goes, 32-bit float, at the sample rate of the input
    output: PathBuf,
    /// A knob in its own unit; others stay at their default
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Knob moves: CSV with the header `time_s,<knob>,...`, a row per change
    #[arg(long, value_name = "FILE.csv")]
    automate: Option<PathBuf>,
    /// Have the model play at so many times its sample rate, for fewer aliases; takes as many times as long
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16), allow_negative_numbers = true)]
    oversample: u32,
    /// Take audio of another sample rate than the model's: it is converted there and back
    #[arg(long)]
    resample: bool,
    /// Take audio of another sample rate and have the model itself play at that, as in a plugin without latency
    #[arg(long, conflicts_with_all = ["oversample", "resample"])]
    without_latency: bool,
    /// Frames per block; the result is the same for any
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    block: u32,
}

impl Args {
    /// Renders.
    ///
    /// # Errors
    /// When a file cannot be read or written, its sample rate is not the model's and no option takes it, or is one that the model cannot play at, or
    /// a knob is unknown or out of range.
    pub fn run(self) -> Result<(), Error> {
        super::keep(&self.output, std::iter::once(&self.model).chain(&self.automate))?;
        let model = super::read_model(&self.model)?;
        let knobs = knob_values(&model, &self.set)?;
        // A knob that the automation does not name stays where it was set.
        let set: Vec<Knob> = model.knobs.iter().zip(&knobs).map(|(k, v)| Knob { default: *v, ..k.clone() }).collect();
        let automation = self.automate.as_ref().map(|path| Automation::read(path, &set)).transpose()?;
        let input = wav::read(&self.input)?;
        if input.sample_rate != model.sample_rate && !self.resample && !self.without_latency {
            let (file, expected, found) = (self.input.display(), model.sample_rate, input.sample_rate);
            return Err(Error::new(format_args!("{file}: sample rate: expected {expected} Hz, the model's, found {found} Hz")));
        }
        let mut voice = self.voice(&model, &input).map_err(|e| {
            // What can be wrong with a model is wrong at its own rate, too.
            let file = if input.sample_rate == model.sample_rate { &self.model } else { &self.input };
            Error::new(format_args!("{}: {e}", file.display()))
        })?;
        let output = render(&model, &mut *voice, &input, &knobs, automation.as_ref(), self.block as usize);
        wav::write(&self.output, &output, Format::Float32)?;
        Ok(())
    }

    /// What plays the model at the input's sample rate.
    fn voice(&self, model: &ModelFile, input: &Audio) -> Result<Box<dyn Processor<f32>>, Error> {
        let channels = input.channels.len().max(1);
        Ok(if self.without_latency {
            Box::new(model.voice_without_latency(input.sample_rate, channels)?)
        } else if input.sample_rate == model.sample_rate && self.oversample == 1 {
            Box::new(model.voice(channels)?)
        } else {
            Box::new(model.voice_oversampled(self.oversample, input.sample_rate, channels)?)
        })
    }
}

/// The knobs' defaults, changed by `NAME=VALUE` settings, in knob units.
///
/// # Errors
/// When a setting is no `NAME=VALUE`, its knob is unknown, or the value lies beyond the knob's stops.
pub fn knob_values(model: &ModelFile, settings: &[String]) -> Result<Vec<f32>, Error> {
    let mut values: Vec<f32> = model.knobs.iter().map(|k| k.default).collect();
    for setting in settings {
        let (name, value) =
            setting.split_once('=').ok_or_else(|| Error::new(format_args!("--set: expected NAME=VALUE, found {setting}")))?;
        let names = || model.knobs.iter().map(|k| k.name.as_str()).collect::<Vec<_>>().join(", ");
        let i = model
            .knobs
            .iter()
            .position(|k| k.name == name)
            .ok_or_else(|| Error::new(format_args!("--set: expected one of the knobs {}, found {name}", names())))?;
        let knob = &model.knobs[i];
        match value.parse::<f32>() {
            Ok(value) if knob.contains(value) => values[i] = value,
            _ => return Err(Error::new(format_args!("--set {name}: expected {} to {}, found {value}", knob.min, knob.max))),
        }
    }
    Ok(values)
}

/// `input` through `voice`, which plays `model`: starts at rest at `knobs` (in knob units), or where the automation is at time 0, and follows the
/// automation. The result begins where the input does, whatever the latency.
pub fn render(
    model: &ModelFile,
    voice: &mut dyn Processor<f32>,
    input: &Audio,
    knobs: &[f32],
    automation: Option<&Automation>,
    block: usize,
) -> Audio {
    let (latency, heard) = (voice.latency(), input.frames());
    let frames = heard + latency;
    let mut output = Audio { sample_rate: input.sample_rate, channels: vec![vec![0.0; frames]; input.channels.len()] };
    let moves = automation.into_iter().flat_map(|a| a.frames(input.sample_rate));
    let moves = moves.map(|(at, values)| (usize::try_from(at).unwrap_or(usize::MAX), model.normalise(&values)));
    let mut moves = moves.peekable();
    voice.set_controls(&model.normalise(knobs));
    while let Some((_, values)) = moves.next_if(|(at, _)| *at == 0) {
        voice.set_controls(&values);
    }
    voice.reset();
    let silence = vec![0.0; latency];
    let mut done = 0;
    while done < frames {
        while let Some((_, values)) = moves.next_if(|(at, _)| *at <= done) {
            voice.set_controls(&values);
        }
        // The last frames of the result come out while silence goes in.
        let played = done >= heard;
        let limit = if played { frames } else { heard };
        let end = (done + block.max(1)).min(limit).min(moves.peek().map_or(frames, |(at, _)| *at));
        let silent = played.then(|| &silence[done - heard..end - heard]);
        let x: Vec<&[f32]> = input.channels.iter().map(|c| silent.unwrap_or_else(|| &c[done..end])).collect();
        let mut y: Vec<&mut [f32]> = output.channels.iter_mut().map(|c| &mut c[done..end]).collect();
        voice.process(&x, &mut y);
        done = end;
    }
    for channel in &mut output.channels {
        channel.drain(..latency);
    }
    output
}
