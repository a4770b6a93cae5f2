//! `afx export`.

use super::Error;
use super::render::knob_values;
use afx::io::ModelFile;
use afx::io::exchange::Export;
use std::path::PathBuf;

/// Arguments of `afx export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file
    model: PathBuf,
    /// Where it goes: .nam for an LSTM, a WaveNet or a filter; .json or .aidax for RTNeural's and AIDA-X's players: an LSTM,
    /// a GRU, a convolution or a filter
    output: PathBuf,
    /// A knob in its own unit; the file has the model at this one position. Others are at their default
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Args {
    /// Writes the file.
    ///
    /// # Errors
    /// When the format has no place for the model, a knob is unknown or out of range, or a file cannot be read or written.
    pub fn run(self) -> Result<(), Error> {
        super::keep(&self.output, [&self.model])?;
        let Some(export) = Export::of_name(&self.output) else {
            let found = self.output.display();
            return Err(Error::new(format_args!("output: expected a name that ends in .nam, .json or .aidax, found {found}")));
        };
        let model = ModelFile::read(&self.model)?;
        let values = knob_values(&model, &self.set)?;
        Ok(export.write(&self.output, &model, &values)?)
    }
}
