//! The JSON-lines log that `afx train` writes beside a model.

use super::Error;
use super::train::Curves;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The longest log that is read: millions of steps.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// Where the log of `path` is: itself, or beside the model that it is.
pub(super) fn log_path(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e == "jsonl") { path.to_path_buf() } else { path.with_extension("log.jsonl") }
}

/// Reads the validations of a log: training loss and validation ESR by step.
///
/// # Errors
/// When it cannot be read, a line is no JSON object, nothing in it is a validation, or no loss or error is a number above zero.
pub(super) fn read(path: &Path) -> Result<Curves, Error> {
    let bytes = afx::io::disk::read_bounded(path, MAX_BYTES)?;
    let bad = |line: usize, expected: &str, found: &str| {
        Error::new(format_args!("{}: line {line}: expected {expected}, found {found}", path.display()))
    };
    let mut curves = Curves::default();
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, l)| !l.trim_ascii().is_empty()) {
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            // A training that was killed, or still runs, leaves half a last line.
            Err(_) if i + 1 == lines.len() && i > 0 => continue,
            Err(e) => return Err(bad(i + 1, "a JSON object", &e.to_string())),
        };
        if value["event"] != "validation" {
            continue;
        }
        let step = value["step"].as_f64().ok_or_else(|| bad(i + 1, "a number named step", &value["step"].to_string()))?;
        curves.loss.extend(value["loss"].as_f64().map(|loss| (step, loss)));
        curves.esr.extend(value["validation_esr"].as_f64().map(|esr| (step, esr)));
    }
    if curves.esr.is_empty() {
        return Err(Error::new(format_args!("{}: log: expected validations, found none", path.display())));
    }
    for (name, curve) in [("loss", &curves.loss), ("validation_esr", &curves.esr)] {
        if !curve.iter().any(|(_, value)| *value > 0.0) {
            return Err(Error::new(format_args!("{}: {name}: expected a number above zero, found none", path.display())));
        }
    }
    Ok(curves)
}
