//! Where an echo is read.

use super::DelayLine;
use afx_core::{Ramp, Scalar};

/// A crossfade from one time to another takes that long.
const FADE_MS: f64 = 30.0;
/// Two of these, one behind the other, slow a tape's motor down.
const MOTOR_MS: f64 = 50.0;
/// The most frames a frame by which a tape's time changes: the pitch falls by an octave at most, and rises by a fifth.
const SLIP: f64 = 0.5;

/// A time that moves without a click.
#[derive(Clone, Debug)]
pub(super) enum Head {
    /// Two times of whole frames and the fade between them. A time that comes meanwhile waits for its end.
    Fade { now: usize, next: usize, asked: usize, fade: Ramp, start: Ramp },
    /// A time that glides, and the pitch with it: how far the motor and the head behind it still have to go.
    Glide { asked: f64, motor: f64, head: f64, weight: f64 },
}

impl Head {
    pub(super) fn fading(frames: f64, sample_rate_hz: f64) -> Self {
        let (now, start) = (round(frames), Ramp::new(0.0, FADE_MS, sample_rate_hz));
        Head::Fade { now, next: now, asked: now, fade: start, start }
    }

    pub(super) fn gliding(frames: f64, sample_rate_hz: f64) -> Self {
        let weight = 1.0 - Scalar::exp(-1e3 / (MOTOR_MS * sample_rate_hz));
        Head::Glide { asked: frames, motor: 0.0, head: 0.0, weight }
    }

    /// The time to go to.
    pub(super) fn set(&mut self, frames: f64) {
        match self {
            Head::Fade { asked, .. } => *asked = round(frames),
            Head::Glide { asked, motor, head, .. } => {
                let further = frames - *asked;
                (*asked, *motor, *head) = (frames, *motor + further, *head + further);
            }
        }
    }

    /// At the time that was set last, at once.
    pub(super) fn arrive(&mut self) {
        match self {
            Head::Fade { now, next, asked, .. } => (*now, *next) = (*asked, *asked),
            Head::Glide { motor, head, .. } => (*motor, *head) = (0.0, 0.0),
        }
    }

    /// One frame on.
    #[inline(always)]
    pub(super) fn advance(&mut self) {
        match self {
            Head::Fade { now, next, asked, fade, start } => {
                if now == next {
                    if asked == next {
                        return;
                    }
                    (*next, *fade) = (*asked, *start);
                    fade.set(1.0);
                }
                if !fade.advance() {
                    *now = *next;
                }
            }
            Head::Glide { motor, head, weight, .. } => {
                *motor -= (*motor * *weight).clamp(-SLIP, SLIP);
                *head -= (*head - *motor) * *weight;
                // So that it comes to rest, by a step that no one hears.
                if motor.abs().max(head.abs()) < 1e-9 {
                    (*motor, *head) = (0.0, 0.0);
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn read<T: Scalar>(&self, line: &DelayLine<T>) -> T {
        match self {
            Head::Fade { now, next, fade, .. } => {
                let from = line.read(*now);
                if now == next { from } else { from + (line.read(*next) - from) * T::from_f64(fade.value()) }
            }
            Head::Glide { asked, head, .. } => line.read_at(*asked - *head),
        }
    }
}

/// To whole frames; times are positive.
fn round(frames: f64) -> usize {
    (frames + 0.5) as usize
}
