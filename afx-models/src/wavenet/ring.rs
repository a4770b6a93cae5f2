//! The last frames of several channels.

use super::planes::Seen;
use crate::conv::BLOCK;
use afx_core::simd::{Kernel, Simd};
use afx_core::{ALIGN, Scalar};

/// The last frames of several channels, each in a ring of its own, a plane, whose first block stands once more behind its end: any block of
/// frames of a channel lies in one piece. Kernels whose lanes are frames read and write it.
///
/// The slice begins with the place where the next frame goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    /// Frames before the newest that are asked for.
    pub span: usize,
    pub channels: usize,
}

impl Ring {
    /// Frames in a ring: whole blocks, so that blocks lie at the starts of vectors as long as only whole ones come.
    pub fn frames(&self) -> usize {
        (self.span + BLOCK).next_multiple_of(BLOCK)
    }

    /// Numbers from one channel to the next; those of dilations that are powers of two would otherwise share their places in the cache.
    pub fn stride(&self) -> usize {
        self.frames() + BLOCK + ALIGN
    }

    /// Length of the slice.
    pub fn len(&self) -> usize {
        ALIGN + self.channels * self.stride()
    }

    /// Where the next frame goes. A memory that is not ours to trust may hold anything.
    fn place<T: Scalar>(&self, memory: &[T]) -> usize {
        if self.span == 0 { 0 } else { memory[0].to_f64() as usize % self.frames() }
    }

    /// Its slice at the start of `memory`, of which the rest stays.
    pub fn open<'m, T: Scalar>(self, memory: &mut &'m mut [T]) -> Line<'m, T> {
        let (own, rest) = core::mem::take(memory).split_at_mut(self.len());
        *memory = rest;
        Line { ring: self, at: self.place(own), memory: own }
    }

    /// The last [`Ring::span`] frames of each channel, the oldest first, to the start of planes of `stride` numbers.
    pub fn history<T: Scalar>(&self, memory: &[T], to: &mut [T], stride: usize) {
        let (at, ring) = (self.place(memory), self.frames());
        let oldest = (at + ring - self.span) % ring;
        let straight = self.span.min(ring - oldest);
        for (from, to) in memory[ALIGN..].chunks_exact(self.stride()).zip(to.chunks_mut(stride)) {
            to[..straight].copy_from_slice(&from[oldest..oldest + straight]);
            to[straight..self.span].copy_from_slice(&from[..self.span - straight]);
        }
    }

    /// [`kernels::flush`](afx_core::kernels::flush) of the newest block of each channel: whoever asks once in as many frames has every number seen.
    pub fn flush<T: Scalar>(&self, memory: &mut [T]) -> bool {
        if self.span == 0 {
            return true; // written before it is read
        }
        if !memory[0].is_finite() {
            return false;
        }
        let first = (self.place(memory) + self.frames() - BLOCK) % self.frames();
        let finite = T::dispatch(Flush { planes: &mut memory[ALIGN..], stride: self.stride(), first });
        let (end, ring) = (first + BLOCK, self.frames());
        if end > ring || first < BLOCK {
            for plane in memory[ALIGN..].chunks_exact_mut(self.stride()) {
                if end > ring {
                    plane.copy_within(ring..end, 0);
                }
                if first < BLOCK {
                    plane.copy_within(first..BLOCK, ring + first);
                }
            }
        }
        finite
    }
}

/// [`kernels::flush`](afx_core::kernels::flush) of one block of each plane, with one look at them all.
struct Flush<'a, T> {
    planes: &'a mut [T],
    stride: usize,
    first: usize,
}

impl<T: Scalar> Kernel<T> for Flush<'_, T> {
    type Out = bool;
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) -> bool {
        let (zero, c) = (s.splat(T::ZERO), s.splat(T::from_f64(1e-23)));
        let mut odd = zero;
        for plane in self.planes.chunks_exact_mut(self.stride) {
            for values in plane[self.first..self.first + BLOCK].chunks_exact_mut(S::N) {
                let v = s.load(values);
                odd = s.mul_add(v, zero, odd);
                s.store(s.sub(s.add(v, c), c), values);
            }
        }
        s.sum(odd) == T::ZERO
    }
}

/// A ring, its memory and where a block of frames begins.
pub(super) struct Line<'m, T> {
    pub ring: Ring,
    pub memory: &'m mut [T],
    pub at: usize,
}

impl<T: Scalar> Line<'_, T> {
    /// Where the block goes, and the stride of the planes there.
    pub fn to(&mut self) -> (&mut [T], usize) {
        (&mut self.memory[ALIGN + self.at..], self.ring.stride())
    }

    /// What taps see of the block and what was before it.
    pub fn seen(&self, taps: usize, dilation: usize) -> Seen<'_, T> {
        let (x, stride) = (&self.memory[ALIGN..], self.ring.stride());
        Seen { x, stride, channels: self.ring.channels, taps, dilation, first: self.at, ring: self.ring.frames() }
    }

    /// Takes up the frames, at most [`BLOCK`], that were written to [`Line::to`]. What a vector wrote behind them does no harm: it replaced
    /// frames that nobody asks for.
    pub fn close(&mut self, frames: usize) {
        if self.ring.span == 0 {
            return;
        }
        let (at, ring) = (self.at, self.ring.frames());
        let next = at + frames;
        if at < BLOCK || next > ring {
            for plane in self.memory[ALIGN..].chunks_exact_mut(self.ring.stride()) {
                if at < BLOCK {
                    plane.copy_within(at..next.min(BLOCK), ring + at);
                }
                if next > ring {
                    plane.copy_within(ring..next, 0);
                }
            }
        }
        self.memory[0] = T::from_usize(next % ring);
    }

    /// Every frame becomes the one that was written to [`Line::to`].
    pub fn fill(&mut self) {
        for plane in self.memory[ALIGN..].chunks_exact_mut(self.ring.stride()) {
            plane.fill(plane[self.at]);
        }
        self.memory[..ALIGN].fill(T::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn a_window_of_any_age_holds_the_frames_that_went_in() {
        for span in [1, 5, 63, 64, 65, 130] {
            let ring = Ring { span, channels: 2 };
            let mut memory = vec![0.0f64; ring.len()];
            let signal: Vec<f64> = (0..900).map(|n| 1.0 + f64::from(n)).collect();
            let mut done = 0;
            for n in [1, 64, 3, 63, 64, 17, 40, 64, 2].into_iter().cycle().take(20) {
                let mut line = ring.open(&mut &mut memory[..]);
                let (to, stride) = line.to();
                for channel in 0..2 {
                    to[channel * stride..][..BLOCK].fill(f64::NAN); // a vector runs over
                    to[channel * stride..][..n].copy_from_slice(&signal[done..done + n]);
                }
                line.close(n);
                done += n;
                let seen = line.seen(span + 1, 1);
                for back in 0..=span {
                    for (t, found) in seen.x[stride + seen.start(back)..][..n].iter().enumerate() {
                        let expected = (done - n + t).checked_sub(back).map_or(0.0, |n| signal[n]);
                        assert_eq!(*found, expected, "{back} of {span} frames back, {done} frames in");
                    }
                }
                let mut history = vec![0.0; 2 * span];
                ring.history(&memory, &mut history, span);
                for (t, found) in history[span..].iter().enumerate() {
                    assert_eq!(*found, (done + t).checked_sub(span).map_or(0.0, |n| signal[n]));
                }
            }
            assert!(done > 600);
        }
    }

    fn push(ring: Ring, memory: &mut [f32], frames: &[f32]) {
        for x in frames.chunks(BLOCK) {
            let mut line = ring.open(&mut &mut *memory);
            line.to().0[..x.len()].copy_from_slice(x);
            line.close(x.len());
        }
    }

    #[test]
    fn what_is_small_or_no_number_is_found_wherever_it_went() {
        for before in 0..200 {
            let ring = Ring { span: 10, channels: 1 };
            let mut memory = vec![0.0f32; ring.len()];
            push(ring, &mut memory, &vec![1.0; before]);
            push(ring, &mut memory, &[1e-35, 1.0]);
            assert!(ring.flush(&mut memory));
            assert!(memory.iter().all(|v| *v == 0.0 || *v >= 1.0), "{before}");
            push(ring, &mut memory, &[f32::NAN]);
            assert!(!ring.flush(&mut memory));
        }
    }
}
