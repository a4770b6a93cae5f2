//! PyNeuralFx file names into a plan.

use super::{Finding, FindingKind, Knob, MAX_CAPTURES, Pair, Plan, Split, knob};
use crate::error::{Error, ErrorKind, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What a file name says: `y_d0_t2.5` is wet with `d` at 0 and `t` at 2.5.
#[derive(Debug, PartialEq)]
struct Named {
    wet: bool,
    /// Knob letters and values in the order of the name.
    knobs: Vec<(String, f32)>,
}

/// `x` or `y`, then letters with a decimal number each, all joined by `_`. `None` for any other stem.
fn named(stem: &str) -> Option<Named> {
    let mut parts = stem.split('_');
    let wet = match parts.next()?.to_ascii_lowercase().as_str() {
        "x" => false,
        "y" => true,
        _ => return None,
    };
    let mut knobs: Vec<(String, f32)> = Vec::new();
    for part in parts {
        let (letters, number) = part.split_at(part.find(|c: char| !c.is_ascii_alphabetic())?);
        // `parse` alone would take "inf", "1e5" and "+1", none of which the naming has.
        let digits = number.strip_prefix('-').unwrap_or(number);
        let plain = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value: f32 = number.parse().ok().filter(|_| plain).filter(|v: &f32| v.is_finite())?;
        if letters.is_empty() || knobs.iter().any(|(name, _)| name == letters) {
            return None;
        }
        knobs.push((letters.to_string(), value));
    }
    Some(Named { wet, knobs })
}

struct File {
    path: PathBuf,
    split: Option<Split>,
    named: Named,
}

pub(super) fn plan(folder: &Path) -> Result<Plan> {
    let mut findings = Vec::new();
    let mut files = Vec::new();
    let splits = [("train", Split::Train), ("valid", Split::Valid), ("validation", Split::Valid), ("test", Split::Test)];
    let splits: Vec<_> = splits.iter().map(|(name, split)| (folder.join(name), Some(*split))).filter(|(path, _)| path.is_dir()).collect();
    let roots = if splits.is_empty() { vec![(folder.to_path_buf(), None)] } else { splits };
    for (root, split) in roots {
        let places = [root.join("x"), root.join("y")];
        let places = if places.iter().all(|p| p.is_dir()) { places.to_vec() } else { vec![root] };
        for place in places {
            list(&place, split, &mut files, &mut findings)?;
        }
    }
    pair(folder, files, findings)
}

/// The WAV files of a folder, sorted by name: the order in which a file system lists them is nobody's.
fn list(folder: &Path, split: Option<Split>, files: &mut Vec<File>, findings: &mut Vec<Finding>) -> Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, "list", e))? {
        let path = entry.map_err(|e| Error::io(folder, "list", e))?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
            paths.push(path);
        }
        if files.len() + paths.len() > 2 * MAX_CAPTURES {
            return Err(Error::new(ErrorKind::TooLarge, "captures", format_args!("at most {MAX_CAPTURES}"), "more").in_file(folder));
        }
    }
    paths.sort();
    for path in paths {
        match path.file_stem().and_then(|s| s.to_str()).and_then(named) {
            Some(named) => files.push(File { path, split, named }),
            None => findings.push(Finding { file: path, kind: FindingKind::Ignored }),
        }
    }
    Ok(())
}

fn pair(folder: &Path, files: Vec<File>, findings: Vec<Finding>) -> Result<Plan> {
    let (wet, dry): (Vec<File>, Vec<File>) = files.into_iter().partition(|f| f.named.wet);
    let Some(first) = wet.first() else {
        let expected = "a dataset.toml, or wet files named like y_d0_t0.wav";
        return Err(Error::new(ErrorKind::Missing, "captures", expected, "none").in_file(folder));
    };
    let letters: Vec<String> = first.named.knobs.iter().map(|(name, _)| name.clone()).collect();
    let dry_controls = dry.iter().map(|file| if file.named.knobs.is_empty() { Ok(Vec::new()) } else { controls(file, &letters) });
    let dry_controls = dry_controls.collect::<Result<Vec<_>>>()?;
    let mut used = vec![false; dry.len()];
    let mut pairs = Vec::new();
    for file in &wet {
        let controls = controls(file, &letters)?;
        // Its own dry file, or the one without knobs.
        let partner = |wanted: &[f32]| dry_controls.iter().zip(&dry).position(|(c, d)| d.split == file.split && c == wanted);
        let Some(partner) = partner(&controls).or_else(|| partner(&[])) else {
            let expected = "a dry file x_... with the same knobs";
            return Err(Error::new(ErrorKind::Missing, "dry file", expected, "none").in_file(&file.path));
        };
        used[partner] = true;
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.split_once('_').map_or("snapshot", |(_, knobs)| knobs).to_string();
        pairs.push(Pair { name, split: file.split, controls, dry: dry[partner].path.clone(), wet: file.path.clone() });
    }
    if let Some(lonely) = used.iter().position(|u| !u) {
        let expected = "a wet file y_... with the same knobs";
        return Err(Error::new(ErrorKind::Missing, "wet file", expected, "none").in_file(&dry[lonely].path));
    }
    let knobs = ranges(&letters, &pairs);
    knob::check_all(&knobs).map_err(|e| e.in_file(folder))?;
    Ok(Plan { folder: folder.to_path_buf(), sample_rate: None, knobs, pairs, findings })
}

/// The values of a file in the order of `letters`.
fn controls(file: &File, letters: &[String]) -> Result<Vec<f32>> {
    let value = |letter: &String| file.named.knobs.iter().find(|(name, _)| name == letter).map(|(_, value)| *value);
    let values: Option<Vec<f32>> = letters.iter().map(value).collect();
    values.filter(|v| v.len() == file.named.knobs.len()).ok_or_else(|| {
        let found: Vec<&str> = file.named.knobs.iter().map(|(name, _)| name.as_str()).collect();
        Error::new(ErrorKind::Mismatch, "knobs in the name", format_args!("{letters:?}"), format_args!("{found:?}")).in_file(&file.path)
    })
}

fn ranges(letters: &[String], pairs: &[Pair]) -> Vec<Knob> {
    let range = |i: usize| {
        let start = (f32::INFINITY, f32::NEG_INFINITY);
        pairs.iter().fold(start, |(low, high), pair| (low.min(pair.controls[i]), high.max(pair.controls[i])))
    };
    letters.iter().enumerate().map(|(i, letter)| Knob::new(letter.clone(), range(i).0, range(i).1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_naming_rules_say() {
        let knobs = |list: &[(&str, f32)]| list.iter().map(|(n, v)| (n.to_string(), *v)).collect::<Vec<_>>();
        assert_eq!(named("x_d0_t4"), Some(Named { wet: false, knobs: knobs(&[("d", 0.0), ("t", 4.0)]) }));
        assert_eq!(named("Y_drive2.5"), Some(Named { wet: true, knobs: knobs(&[("drive", 2.5)]) }));
        assert_eq!(named("y_g-6"), Some(Named { wet: true, knobs: knobs(&[("g", -6.0)]) }));
        assert_eq!(named("x"), Some(Named { wet: false, knobs: vec![] }));
        for other in
            ["", "z_d0", "x_", "x_d", "x_0", "x_d0_d1", "x_d1e5", "x_dinf", "x_d+1", "x_d1.2.3", "x_d.5", "xx_d0", "x_d0 (2)", "x_é1"]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
