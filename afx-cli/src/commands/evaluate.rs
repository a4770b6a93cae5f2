//! `afx evaluate`.

use super::Error;
use crate::scores::Scores;
use afx::io::wav;
use std::path::PathBuf;

/// Arguments of `afx evaluate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it should sound like
    target: PathBuf,
    /// What the model made
    prediction: PathBuf,
    /// Print JSON, one key a metric
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Compares.
    ///
    /// # Errors
    /// When a file cannot be read, or the two differ in sample rate, channels or length.
    pub fn run(self) -> Result<(), Error> {
        let (target, prediction) = (wav::read(&self.target)?, wav::read(&self.prediction)?);
        let file = self.prediction.display();
        let same = |what: &str, expected: usize, found: usize| {
            if expected == found {
                return Ok(());
            }
            Err(Error::new(format_args!("{file}: {what}: expected {expected}, the target's, found {found}")))
        };
        same("sample rate", target.sample_rate as usize, prediction.sample_rate as usize)?;
        same("channels", target.channels.len(), prediction.channels.len())?;
        same("frames", target.frames(), prediction.frames())?;
        if target.frames() == 0 {
            return Err(Error::new(format_args!("{}: frames: expected at least 1, found 0", self.target.display())));
        }
        let channels = target.channels.iter().zip(&prediction.channels);
        let scores: Vec<Scores> = channels.map(|(t, p)| Scores::of(p, t, target.sample_rate)).collect();
        let scores = Scores::mean(&scores);
        if self.json {
            println!("{:#}", serde_json::to_value(&scores)?);
        } else {
            for (name, value) in scores.rows() {
                println!("{name:<28}{}", value.map_or("-".into(), |v| format!("{v:.6}")));
            }
        }
        Ok(())
    }
}
