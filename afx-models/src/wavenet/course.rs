//! What a block leaves behind.

use super::ring::Line;
use crate::conv::BLOCK;
use afx_core::{ALIGN, Scalar};

/// Planes begin and end at multiples of so many numbers.
pub(super) fn rounded(frames: usize) -> usize {
    frames.next_multiple_of(ALIGN)
}

/// Numbers from one plane of so many frames to the next: an odd number of the cache's lines, lest all planes share their places there.
pub(super) fn apart(frames: usize) -> usize {
    rounded(frames) | ALIGN
}

/// What becomes of the frames that enter the lines.
pub(super) enum Course<'a, T> {
    /// They are taken up.
    Play,
    /// Every frame of a line becomes the one that enters it.
    Rest,
    /// They are taken up, and copied to a tape: in the order of the calls planes of `room` numbers, before those of a line as many as it
    /// remembers. Behind the frames zeros follow up to a multiple of 16.
    Record {
        /// All of the record, and what the calls of this block left of it.
        tape: &'a mut [T],
        used: usize,
        /// The block's first frame.
        first: usize,
        room: usize,
    },
}

/// `frames` frames of each plane to planes of another stride, `at` from their starts, and zeros behind them.
fn copy<T: Scalar>(from: &[T], from_stride: usize, to: &mut [T], stride: usize, at: usize, frames: usize) {
    for (from, to) in from.chunks(from_stride).zip(to.chunks_exact_mut(stride)) {
        to[at..at + frames].copy_from_slice(&from[..frames]);
        to[at + frames..at + rounded(frames)].fill(T::ZERO);
    }
}

impl<'a, T: Scalar> Course<'a, T> {
    /// The same, where the numbers are in single precision.
    pub fn single(self) -> Option<Course<'a, f32>> {
        Some(match self {
            Course::Play => Course::Play,
            Course::Rest => Course::Rest,
            Course::Record { tape, used, first, room } => Course::Record { tape: T::singles_mut(tape)?, used, first, room },
        })
    }

    /// The frames that were written to a line.
    pub fn take_up(&mut self, line: &mut Line<'_, T>, frames: usize) {
        match self {
            Course::Rest => return line.fill(),
            Course::Play => {}
            Course::Record { tape, used, first, room } => {
                let (ring, at) = (line.ring, *first + line.ring.span);
                let stride = ring.span + *room;
                let (from, from_stride) = line.to();
                copy(from, from_stride, &mut tape[*used..*used + ring.channels * stride], stride, at, frames);
                *used += ring.channels * stride;
            }
        }
        line.close(frames);
    }

    /// Planes of a block.
    pub fn keep(&mut self, planes: &[T], frames: usize) {
        if let Course::Record { tape, used, first, room } = self {
            let len = planes.len() / BLOCK * *room;
            copy(planes, BLOCK, &mut tape[*used..*used + len], *room, *first, frames);
            *used += len;
        }
    }

    /// Where so many planes of the block go, and their stride; [`Course::kept`] follows.
    pub fn place(&mut self) -> Option<(&mut [T], usize)> {
        match self {
            Course::Record { tape, used, first, room } => Some((&mut tape[*used + *first..], *room)),
            _ => None,
        }
    }

    /// `planes` planes were written to [`Course::place`].
    pub fn kept(&mut self, planes: usize, frames: usize) {
        if let Course::Record { tape, used, first, room } = self {
            for plane in tape[*used..*used + planes * *room].chunks_exact_mut(*room) {
                plane[*first + frames..*first + rounded(frames)].fill(T::ZERO);
            }
            *used += planes * *room;
        }
    }

    /// The next block begins so many frames later.
    pub fn go_on(&mut self, frames: usize) {
        if let Course::Record { used, first, .. } = self {
            (*used, *first) = (0, *first + frames);
        }
    }
}
