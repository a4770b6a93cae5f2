//! A plan into audio, with every check on the way.

use super::lag::phase_lag;
use super::{Capture, Dataset, Finding, FindingKind, Knob, OpenOptions, Pair, Plan, estimate_lag};
use crate::error::{Error, ErrorKind, Result};
use crate::wav::{self, Audio};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// -80 dBFS: above the last bits of a 16 bit file with dither, below any playing.
const SILENCE: f32 = 1e-4;
/// The largest 16 bit integer is 0.99997, so this is "at full scale" in every format and scale.
const FULL_SCALE: f32 = 0.9999;
/// Shorter runs at full scale occur in music that was normalised to it.
const CLIP_RUN: usize = 4;
/// Below it two signals have nothing to do with each other.
const UNRELATED: f32 = 0.05;
/// Above it the lag and its sign can be believed.
const RELATED: f32 = 0.2;

pub(super) fn load(plan: Plan, options: OpenOptions) -> Result<(Dataset, Vec<Finding>)> {
    let mut loader = Loader {
        options,
        sample_rate: plan.sample_rate,
        channels: None,
        files: HashMap::new(),
        shared: Shared::default(),
        findings: plan.findings,
    };
    check_controls(&plan.knobs, &plan.pairs)?;
    repeated_positions(&plan.pairs, &mut loader.findings)?;
    constant_knobs(&plan.knobs, &plan.pairs, &plan.folder, &mut loader.findings);
    let captures = plan.pairs.into_iter().map(|pair| loader.capture(pair)).collect::<Result<Vec<_>>>()?;
    // The plan has at least one pair, so a rate is known by now.
    let sample_rate = loader.sample_rate.ok_or_else(|| Error::new(ErrorKind::Missing, "captures", "at least one", "none"))?;
    Ok((Dataset { sample_rate, knobs: plan.knobs, captures }, loader.findings))
}

struct Loader {
    options: OpenOptions,
    sample_rate: Option<u32>,
    /// Dry and wet channel counts of the first capture.
    channels: Option<(usize, usize)>,
    /// Dry files already read.
    files: HashMap<PathBuf, Arc<[Vec<f32>]>>,
    shared: Shared,
    findings: Vec<Finding>,
}

impl Loader {
    fn capture(&mut self, pair: Pair) -> Result<Capture> {
        let mut dry = self.dry(&pair.dry)?;
        let mut wet = self.read(&pair.wet)?.channels;
        self.check_channels(&pair, dry.len(), wet.len())?;
        let (dry_frames, wet_frames) = (dry[0].len(), wet[0].len());
        if dry_frames != wet_frames {
            self.check_lengths(&pair, dry_frames, wet_frames)?;
            let frames = dry_frames.min(wet_frames);
            wet.iter_mut().for_each(|c| c.truncate(frames));
            if frames < dry_frames {
                dry = self.shared.share(dry.iter().map(|c| c[..frames].to_vec()).collect());
            }
        }
        if is_silent(&dry) {
            return Err(Error::new(ErrorKind::Silent, "dry audio", "a sample above -80 dBFS", "silence").in_file(&pair.dry));
        }
        self.silence(&pair, &wet);
        let lag = self.lag(&pair, &dry[0], &wet[0]);
        Ok(Capture { name: pair.name, split: pair.split, controls: pair.controls, dry, wet, lag, wet_file: Some(pair.wet) })
    }

    fn dry(&mut self, path: &Path) -> Result<Arc<[Vec<f32>]>> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        let audio = self.read(path)?;
        let dry = self.shared.share(audio.channels);
        self.files.insert(path.to_path_buf(), dry.clone());
        Ok(dry)
    }

    fn read(&mut self, path: &Path) -> Result<Audio> {
        // Training cannot use what is not a number, whatever the options of a single file say.
        let options = wav::ReadOptions { accept_non_finite: false, ..self.options.wav };
        let audio = wav::read_with(path, options)?;
        let expected = *self.sample_rate.get_or_insert(audio.sample_rate);
        if audio.sample_rate != expected {
            let found = format!("{} Hz", audio.sample_rate);
            return Err(Error::new(ErrorKind::Mismatch, "sample rate", format_args!("{expected} Hz"), found).in_file(path));
        }
        if audio.frames() == 0 {
            return Err(Error::new(ErrorKind::OutOfRange, "frames", "at least 1", 0).in_file(path));
        }
        if let Some((runs, first_frame)) = clipped(&audio.channels) {
            self.findings.push(Finding { file: path.to_path_buf(), kind: FindingKind::Clipped { runs, first_frame } });
        }
        Ok(audio)
    }

    fn check_channels(&mut self, pair: &Pair, dry: usize, wet: usize) -> Result<()> {
        let (inputs, outputs) = *self.channels.get_or_insert((dry, wet));
        for (file, expected, found) in [(&pair.dry, inputs, dry), (&pair.wet, outputs, wet)] {
            if expected != found {
                let expected = format!("{expected} as in the first capture");
                return Err(Error::new(ErrorKind::Mismatch, "channels", expected, found).in_file(file));
            }
        }
        Ok(())
    }

    fn check_lengths(&mut self, pair: &Pair, dry_frames: usize, wet_frames: usize) -> Result<()> {
        let tolerance = f64::from(self.options.length_tolerance_s) * f64::from(self.sample_rate.unwrap_or(0));
        let difference = dry_frames.abs_diff(wet_frames) as f64;
        if difference <= tolerance {
            let kind = FindingKind::LengthsDiffer { dry_frames, wet_frames };
            self.findings.push(Finding { file: pair.wet.clone(), kind });
            return Ok(());
        }
        let expected = format!("{dry_frames} frames, give or take {} s", self.options.length_tolerance_s);
        Err(Error::new(ErrorKind::Mismatch, "length", expected, format_args!("{wet_frames} frames")).in_file(&pair.wet))
    }

    fn silence(&mut self, pair: &Pair, wet: &[Vec<f32>]) {
        let channels = wet.len();
        let silent: Vec<usize> = (0..channels).filter(|&c| is_silent(&wet[c..=c])).collect();
        let mut report = |kind| self.findings.push(Finding { file: pair.wet.clone(), kind });
        if silent.len() == channels {
            return report(FindingKind::SilentWet);
        }
        silent.into_iter().for_each(|channel| report(FindingKind::SilentChannel { channel, channels }));
    }

    fn lag(&mut self, pair: &Pair, dry: &[f32], wet: &[f32]) -> Option<super::Lag> {
        if is_silent(&[wet]) {
            return None;
        }
        let mut report = |kind| self.findings.push(Finding { file: pair.wet.clone(), kind });
        let rate = self.sample_rate.unwrap_or(0) as f32;
        // A cast from float saturates, so any option gives some number of frames.
        let max_lag = (self.options.max_lag_s * rate) as usize;
        let lag = estimate_lag(dry, wet, max_lag)?;
        let strength = lag.correlation.abs();
        if strength < UNRELATED {
            report(FindingKind::Unrelated(lag));
        }
        if strength >= RELATED {
            let off = |frames: i32| frames < -2 || frames as f32 > self.options.lag_tolerance_s * rate;
            // A filter without delay of its own moves the correlation by its group delay, but not the phases.
            if off(lag.frames) && phase_lag(dry, wet, max_lag).is_none_or(off) {
                report(FindingKind::Misaligned(lag));
            }
            if lag.correlation < 0.0 {
                report(FindingKind::Inverted(lag));
            }
        }
        Some(lag)
    }
}

/// Audio that is held once, however many files say the same.
#[derive(Default)]
pub(super) struct Shared(Vec<Arc<[Vec<f32>]>>);

impl Shared {
    pub(super) fn share(&mut self, channels: Vec<Vec<f32>>) -> Arc<[Vec<f32>]> {
        if let Some(same) = self.0.iter().find(|known| known[..] == channels[..]) {
            return same.clone();
        }
        let new: Arc<[Vec<f32>]> = channels.into();
        self.0.push(new.clone());
        new
    }
}

fn check_controls(knobs: &[Knob], pairs: &[Pair]) -> Result<()> {
    for pair in pairs {
        if let Some((knob, value)) = knobs.iter().zip(&pair.controls).find(|(knob, value)| !knob.contains(**value)) {
            let field = format!("capture {:?}: {}", pair.name, knob.name);
            let expected = format!("{} to {}", knob.min, knob.max);
            return Err(Error::new(ErrorKind::OutOfRange, field, expected, value).in_file(&pair.wet));
        }
    }
    Ok(())
}

/// Two captures with equal controls are a finding; with an equal name too, or the same wet file, one of them is a mistake.
fn repeated_positions(pairs: &[Pair], findings: &mut Vec<Finding>) -> Result<()> {
    let mut seen: HashMap<_, &Pair> = HashMap::new();
    let mut names: HashMap<_, &Pair> = HashMap::new();
    let mut wets: HashMap<&Path, &Pair> = HashMap::new();
    for pair in pairs {
        if wets.insert(&pair.wet, pair).is_some() {
            return Err(Error::new(ErrorKind::Duplicate, "wet file", "one capture of it", "two").in_file(&pair.wet));
        }
        if names.insert((pair.split, &pair.name), pair).is_some() {
            let found = format!("two called {:?}", pair.name);
            return Err(Error::new(ErrorKind::Duplicate, "captures", "different names", found).in_file(&pair.wet));
        }
        // Adding zero makes -0 and 0 the same position.
        let position: Vec<u32> = pair.controls.iter().map(|v| (v + 0.0).to_bits()).collect();
        if let Some(other) = seen.insert((pair.split, position), pair) {
            findings.push(Finding { file: pair.wet.clone(), kind: FindingKind::SamePosition { other: other.name.clone() } });
        }
    }
    Ok(())
}

fn constant_knobs(knobs: &[Knob], pairs: &[Pair], folder: &Path, findings: &mut Vec<Finding>) {
    for (i, knob) in knobs.iter().enumerate() {
        if pairs.windows(2).all(|w| w[0].controls[i] == w[1].controls[i]) {
            findings.push(Finding { file: folder.to_path_buf(), kind: FindingKind::ConstantKnob { knob: knob.name.clone() } });
        }
    }
}

fn is_silent(channels: &[impl AsRef<[f32]>]) -> bool {
    channels.iter().all(|c| c.as_ref().iter().all(|x| x.abs() < SILENCE))
}

/// How many runs at full scale, and where the first one starts.
fn clipped(channels: &[Vec<f32>]) -> Option<(usize, usize)> {
    let mut found: Option<(usize, usize)> = None;
    for samples in channels {
        let side = |x: f32| if x.abs() < FULL_SCALE { 0 } else { x.signum() as i8 };
        let mut start = 0;
        for run in samples.chunk_by(|a, b| side(*a) == side(*b)) {
            if run.len() >= CLIP_RUN && side(run[0]) != 0 {
                let (runs, first) = found.unwrap_or((0, start));
                found = Some((runs + 1, first.min(start)));
            }
            start += run.len();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_of_four_at_one_rail_count_as_clipping() {
        let c = |x: &[f32]| clipped(&[x.to_vec()]);
        assert_eq!(c(&[0.0, 1.0, 1.0, 1.0, 0.0]), None);
        assert_eq!(c(&[1.0, -1.0, 1.0, -1.0, 1.0]), None);
        assert_eq!(c(&[0.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]), Some((2, 1)));
        assert_eq!(c(&[0.99; 100]), None);
        assert_eq!(c(&[32767.0 / 32768.0; 5]), Some((1, 0)));
        assert_eq!(clipped(&[vec![0.0, 0.0, 1.5, 1.5, 1.5, 1.5], vec![-2.0; 6]]), Some((2, 0)));
    }
}
