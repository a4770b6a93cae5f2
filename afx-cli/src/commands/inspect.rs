//! `afx inspect`.

use super::{Error, one_line};
use afx::io::ModelFile;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `afx inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file
    model: PathBuf,
    /// Print JSON: sample_rate, model, parameters, knobs, about, training
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints what the file holds.
    ///
    /// # Errors
    /// When it is no model file.
    pub fn run(self) -> Result<(), Error> {
        let model = ModelFile::read(&self.model)?;
        if self.json {
            crate::say!("{:#}", describe(&model));
            return Ok(());
        }
        crate::say!("{}: {} parameters, {} Hz", one_line(&model.name), model.parameters(), model.sample_rate);
        for knob in &model.knobs {
            let unit = one_line(spaced(&knob.unit));
            crate::say!("  knob {}: {} to {}{unit}, default {}", knob.name, knob.min, knob.max, knob.default);
        }
        if let Ok(serde_json::Value::Object(about)) = serde_json::to_value(&model.about) {
            for (key, value) in about {
                crate::say!("  {key}: {}", value.as_str().map_or_else(|| value.to_string(), one_line));
            }
        }
        for tensor in model.layout()?.tensors() {
            crate::say!("  {} {:?}", tensor.name, tensor.shape);
        }
        if let Some(training) = model.training.as_object() {
            for (key, value) in training {
                crate::say!("  {}: {value}", one_line(key));
            }
        }
        Ok(())
    }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

/// The JSON of `afx inspect --json`.
pub fn describe(model: &ModelFile) -> serde_json::Value {
    let knobs = model.knobs.iter().map(|k| json!({"name": k.name, "min": k.min, "max": k.max, "default": k.default, "unit": k.unit}));
    json!({
        "sample_rate": model.sample_rate,
        "model": model.name,
        "parameters": model.parameters(),
        "knobs": knobs.collect::<Vec<_>>(),
        "about": model.about,
        "training": model.training,
    })
}
