//! The subcommands: each a struct of arguments and a `run`.

pub mod demo;
mod demo_report;
pub mod evaluate;
pub mod export;
pub mod import;
mod inside;
pub mod inspect;
mod knob_pictures;
mod measured;
pub mod plot;
pub mod render;
pub mod report;
mod report_pictures;
mod source;
mod spectral_pictures;
pub mod train;
mod training_log;

use afx::core::Layer;
use afx::io::ModelFile;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a person may ask for.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Synthesise an overdrive, train models of it, and write a report: needs no file
    Demo(demo::Args),
    /// Train a model on recordings at several knob positions
    Train(train::Args),
    /// Send a WAV file through a model, with moving knobs
    Render(render::Args),
    /// Compare two WAV files, or two folders of them
    Evaluate(evaluate::Args),
    /// Show what a model file holds
    Inspect(inspect::Args),
    /// Make a model file of another program's: .nam, RTNeural, AIDA-X, GuitarML, PyTorch
    Import(import::Args),
    /// Write a model at one position of its knobs for another program's player: .nam, or RTNeural's JSON
    Export(export::Args),
    /// Draw what models or recordings do, as PNG or SVG
    Plot(plot::Args),
    /// Write a page about a model: tables, pictures, players
    Report(report::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// A message of one line.
    pub fn run(self) -> Result<(), Error> {
        match self {
            Command::Demo(args) => args.run(),
            Command::Train(args) => args.run(),
            Command::Render(args) => args.run(),
            Command::Evaluate(args) => args.run(),
            Command::Inspect(args) => args.run(),
            Command::Import(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Plot(args) => args.run(),
            Command::Report(args) => args.run(),
        }
    }
}

/// Refuses an `output` that is one of the files to be read, by whatever way.
fn keep<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Error> {
    // What cannot be resolved is not there yet, or cannot be read: that is for the reader to say.
    let Ok(place) = output.canonicalize() else { return Ok(()) };
    match inputs.into_iter().find(|input| input.canonicalize().is_ok_and(|i| i == place)) {
        Some(input) => {
            Err(Error::new(format_args!("{}: output: expected another file than {}, found the same", output.display(), input.display())))
        }
        None => Ok(()),
    }
}

/// Reads a model that is to be played: a channel goes in and one comes out, whichever commands do it.
fn read_model(path: &Path) -> Result<ModelFile, Error> {
    let model = ModelFile::read(path)?;
    match (Layer::<f32>::inputs(&model.spec.layer), Layer::<f32>::outputs(&model.spec.layer)) {
        (1, 1) => Ok(model),
        (i, o) => Err(Error::new(format_args!("{}: model: expected 1 input and 1 output, found {i} and {o}", path.display()))),
    }
}

/// On one line: line breaks and other control characters, which may come from a file, become spaces.
fn one_line(text: impl fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a command failed, on one line.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// A message; line breaks and other control characters become spaces.
    pub fn new(message: impl fmt::Display) -> Self {
        Error(one_line(message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Error::new(error)
    }
}
