//! The last frames of a signal.

use afx_core::{ALIGN, Scalar, kernels};

/// Frames that enter a [`Line`] at a time.
pub(crate) const BLOCK: usize = 64;

/// The last frames of a signal, in a slice of somebody's memory: a ring, whose first block stands once more behind its end, so that any
/// block of frames lies in one piece.
///
/// The slice begins with the place where the next frame goes, a small whole number.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    /// Frames before the newest that are asked for.
    pub span: usize,
    /// Numbers in a frame.
    pub width: usize,
}

impl Line {
    /// Frames in the ring.
    pub fn ring(&self) -> usize {
        self.span + BLOCK
    }

    /// Length of the slice: the place, the ring with its first block again, and room to run over.
    pub fn len(&self) -> usize {
        ALIGN + ((self.ring() + BLOCK) * self.width).next_multiple_of(ALIGN) + ALIGN
    }

    /// About [`Line::len`], of sizes that may be anything: it does not wrap.
    pub fn numbers(&self) -> usize {
        self.span.saturating_add(2 * BLOCK).saturating_mul(self.width)
    }

    /// Where the next frame goes. A memory that is not ours to trust may hold anything.
    fn place<T: Scalar>(&self, memory: &[T]) -> usize {
        memory[0].to_f64() as usize % self.ring()
    }

    /// Takes up at most [`BLOCK`] frames; the ring, and the first one's place in it.
    pub fn push<'m, T: Scalar>(&self, memory: &'m mut [T], x: &[T]) -> (&'m [T], usize) {
        let (width, ring) = (self.width, self.ring());
        let (at, frames) = (self.place(memory), x.len() / width);
        let line = &mut memory[ALIGN..];
        let (straight, around) = x.split_at(frames.min(ring - at) * width);
        line[at * width..][..straight.len()].copy_from_slice(straight);
        line[..around.len()].copy_from_slice(around);
        // What was written to the first block stands behind the end as well, and what was written behind the end is there already.
        if at < BLOCK {
            let again = frames.min(BLOCK - at) * width;
            line.copy_within(at * width..at * width + again, (ring + at) * width);
        }
        line.copy_within(..around.len(), ring * width);
        let next = at + frames;
        memory[0] = T::from_usize(if next >= ring { next - ring } else { next });
        (&memory[ALIGN..], at)
    }

    /// Takes up any number of frames.
    pub fn extend<T: Scalar>(&self, memory: &mut [T], x: &[T]) {
        for x in x.chunks(BLOCK * self.width) {
            self.push(memory, x);
        }
    }

    /// Every frame becomes `x`.
    pub fn fill<T: Scalar>(&self, memory: &mut [T], x: &[T]) {
        memory.fill(T::ZERO);
        for frame in memory[ALIGN..][..(self.ring() + BLOCK) * self.width].chunks_exact_mut(self.width) {
            frame.copy_from_slice(x);
        }
    }

    /// The last [`Line::span`] frames, the oldest first, into `to`.
    pub fn history<T: Scalar>(&self, memory: &[T], to: &mut [T]) {
        // The oldest is a block behind the place where the next one goes.
        let (width, ring) = (self.width, self.ring());
        let oldest = (self.place(memory) + BLOCK) % ring;
        let straight = self.span.min(ring - oldest) * width;
        let line = &memory[ALIGN..];
        to[..straight].copy_from_slice(&line[oldest * width..][..straight]);
        to[straight..self.span * width].copy_from_slice(&line[..self.span * width - straight]);
    }

    /// [`kernels::flush`] of the newest block: whoever asks once in as many frames has every number seen.
    pub fn flush<T: Scalar>(&self, memory: &mut [T]) -> bool {
        let (width, ring) = (self.width, self.ring());
        let place = self.place(memory);
        if !memory[0].is_finite() {
            return false;
        }
        let line = &mut memory[ALIGN..];
        let first = (place + ring - BLOCK) % ring;
        let straight = BLOCK.min(ring - first);
        let mut finite = kernels::flush(&mut line[first * width..(first + straight) * width]);
        finite &= kernels::flush(&mut line[..(BLOCK - straight) * width]);
        line.copy_within(..BLOCK * width, ring * width);
        finite
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn a_window_of_any_age_holds_the_frames_that_went_in() {
        for (span, width) in [(0, 1), (1, 3), (5, 2), (64, 1), (130, 2)] {
            let line = Line { span, width };
            let mut memory = vec![0.0f64; line.len()];
            let signal: Vec<f64> = (0..700 * width).map(|n| 1.0 + n as f64).collect();
            let mut done = 0;
            for frames in [1, 64, 3, 63, 64, 17, 40, 64, 2].iter().cycle() {
                let Some(x) = signal.get(done * width..(done + frames) * width) else { break };
                let (ring, at) = line.push(&mut memory, x);
                for back in 0..=span {
                    let first = (at + line.ring() - back) % line.ring();
                    for (t, found) in ring[first * width..][..frames * width].iter().enumerate() {
                        let expected = (done * width + t).checked_sub(back * width).map_or(0.0, |n| signal[n]);
                        assert_eq!(*found, expected, "{back} of {span} frames back, {done} frames in");
                    }
                }
                done += frames;
                let mut history = vec![0.0; span * width];
                line.history(&memory, &mut history);
                for (t, found) in history.iter().enumerate() {
                    let expected = (done * width + t).checked_sub(span * width).map_or(0.0, |n| signal[n]);
                    assert_eq!(*found, expected);
                }
            }
            assert!(done > 500);
        }
    }

    #[test]
    fn what_is_small_or_no_number_is_found_wherever_it_went() {
        for before in 0..150 {
            let line = Line { span: 10, width: 1 };
            let mut memory = vec![0.0f32; line.len()];
            line.extend(&mut memory, &vec![1.0; before]);
            line.push(&mut memory, &[1e-35, 1.0]);
            assert!(line.flush(&mut memory));
            assert!(memory.iter().all(|v| *v == 0.0 || *v >= 1.0), "{before}");
            line.push(&mut memory, &[f32::NAN]);
            assert!(!line.flush(&mut memory));
        }
    }
}
