use super::lag::Lag;
use crate::error::one_line;
use core::fmt::{self, Display};
use std::path::PathBuf;

/// Something about a data set that does not stop training but that its owner should know. Prints on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The file, or the folder where it concerns the whole set.
    pub file: PathBuf,
    /// What was found.
    pub kind: FindingKind,
}

/// What a [`Finding`] says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FindingKind {
    /// Dry and wet differ in length; the longer one was cut.
    LengthsDiffer {
        /// Frames of the dry file.
        dry_frames: usize,
        /// Frames of the wet file.
        wet_frames: usize,
    },
    /// No sample reaches -80 dBFS: a muted channel, or a knob that turns the effect off.
    SilentWet,
    /// One of several wet channels is silent, as [`FindingKind::SilentWet`]; the others are not.
    SilentChannel {
        /// Which, counted from 0.
        channel: usize,
        /// Of how many.
        channels: usize,
    },
    /// Runs of samples at full scale: the converter or the export clipped, and the model will learn that too.
    Clipped {
        /// How many runs.
        runs: usize,
        /// Where the first one starts.
        first_frame: usize,
    },
    /// Another capture of the same split has the same knob positions.
    SamePosition {
        /// The name of that capture.
        other: String,
    },
    /// The wet file is late (a latency that was not compensated, which the model would have to spend memory on) or early (not causal).
    Misaligned(Lag),
    /// The wet file follows the dry one upside down: a swapped cable, or an effect that inverts.
    Inverted(Lag),
    /// The wet file resembles the dry one at no lag: a wrong pair, or an effect that moves all frequencies.
    Unrelated(Lag),
    /// A knob has the same value in all captures; nothing can be learnt about it.
    ConstantKnob {
        /// The name of the knob.
        knob: String,
    },
    /// A WAV file whose name says neither dry nor wet, or has something other than knobs in it.
    Ignored,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        one_line(f, &self.file.to_string_lossy())?;
        f.write_str(": ")?;
        match &self.kind {
            FindingKind::LengthsDiffer { dry_frames, wet_frames } => {
                write!(f, "{wet_frames} frames against {dry_frames} dry ones; the longer file was cut")
            }
            FindingKind::SilentWet => f.write_str("silent: nothing reaches -80 dBFS"),
            FindingKind::SilentChannel { channel, channels } => {
                let side = match (channel, channels) {
                    (0, 2) => " (left)",
                    (1, 2) => " (right)",
                    _ => "",
                };
                write!(f, "channel {channel}{side} is silent: nothing in it reaches -80 dBFS")
            }
            FindingKind::Clipped { runs, first_frame } => write!(f, "clipped: {runs} runs at full scale, the first at frame {first_frame}"),
            FindingKind::SamePosition { other } => {
                f.write_str("same knob positions as capture ")?;
                one_line(f, other)
            }
            FindingKind::Misaligned(lag) if lag.frames < 0 => {
                write!(f, "{} frames early against the dry file: no causal model can follow", lag.frames.unsigned_abs())
            }
            FindingKind::Misaligned(lag) => write!(f, "{} frames late against the dry file", lag.frames),
            FindingKind::Inverted(lag) => write!(f, "polarity is inverted (correlation {:.2})", lag.correlation),
            FindingKind::Unrelated(lag) => write!(f, "does not follow the dry file (best correlation {:.2})", lag.correlation),
            FindingKind::ConstantKnob { knob } => {
                f.write_str("the same value everywhere for knob ")?;
                one_line(f, knob)
            }
            FindingKind::Ignored => f.write_str("ignored: expected a name like x_d0_t0.wav or y_d0_t0.wav"),
        }
    }
}
