//! `afx import`.

use super::{Error, one_line};
use afx::io::exchange::Import;
use std::path::PathBuf;

/// Arguments of `afx import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .nam file, a JSON of RTNeural, AIDA-X, GuitarML or Proteus, or a PyTorch state dict as safetensors or JSON; told by its content
    input: PathBuf,
    /// Where the model goes, a name that ends in .safetensors
    output: PathBuf,
    /// What to call it, in place of what the file says
    #[arg(long)]
    name: Option<String>,
    /// Frames per second, in place of what the file says; a file that says nothing has 48000, one of GuitarML's 44100
    #[arg(long, value_name = "HZ")]
    sample_rate: Option<u32>,
    /// Name of a knob, once for each in their order; else knob 1, knob 2 and so on
    #[arg(long = "knob", value_name = "NAME")]
    knobs: Vec<String>,
    /// Which model of a .nam container, counted from 0; else the largest
    #[arg(long, value_name = "N")]
    submodel: Option<usize>,
}

impl Args {
    /// Reads one file and writes the other.
    ///
    /// # Errors
    /// When the input is no model that can be played, or a file cannot be read or written.
    pub fn run(self) -> Result<(), Error> {
        super::keep(&self.output, [&self.input])?;
        if self.output.extension().is_none_or(|e| e != "safetensors") {
            let found = self.output.display();
            return Err(Error::new(format_args!("output: expected a name that ends in .safetensors, found {found}")));
        }
        let import =
            Import { name: self.name.unwrap_or_default(), sample_rate: self.sample_rate, knobs: self.knobs, submodel: self.submodel };
        let model = import.read(&self.input)?;
        model.write(&self.output)?;
        let (name, source) = (one_line(&model.name), one_line(&model.about.source));
        crate::say!("{name}: {source}, {} parameters, {} Hz", model.parameters(), model.sample_rate);
        for knob in &model.knobs {
            crate::say!("  knob {}: {} to {}, default {}", knob.name, knob.min, knob.max, knob.default);
        }
        Ok(())
    }
}
