//! A filter read at any place between two samples.

use super::low_pass::LowPass;
use crate::{DspError, audible};
use afx_core::simd::{Kernel, Simd};
use afx_core::{Aligned, Scalar};

/// The widest vector's lanes: rows of taps have a multiple of it.
const LANES: usize = 16;
/// The most taps in a table: 4 MiB in `f32`.
const NUMBERS: usize = 1 << 20;

/// From one rate to another, by a row of taps for each place that an output has between two inputs.
///
/// Time is counted in ticks of the least common multiple of both rates: an input lasts `phases` of them.
#[derive(Clone, Debug)]
pub(super) struct Polyphase<T: Scalar> {
    /// `phases` rows of `width` taps, those of the oldest samples first.
    table: Aligned<T>,
    width: usize,
    phases: usize,
    /// From output to output, in whole inputs and in ticks beyond them.
    step: [usize; 2],
}

impl<T: Scalar> Polyphase<T> {
    /// `y(t) = Σ x[k] h(t - k / from_hz - reach) / from_hz`; an input lasts `phases` ticks, an output `step`.
    pub(super) fn new(phases: usize, step: usize, from_hz: f64, filter: &LowPass) -> Result<Self, DspError> {
        let taps = (2.0 * filter.reach_s * from_hz) as usize + 1;
        let width = taps.next_multiple_of(LANES);
        let found = phases as f64 * width as f64;
        if found > NUMBERS as f64 {
            return Err(DspError::OutOfRange { name: "taps for inner_hz and outer_hz", expected: "at most 1048576", found });
        }
        let mut table = Aligned::zeros(phases * width);
        for (phase, row) in table.chunks_exact_mut(width).enumerate() {
            for (age, tap) in row.iter_mut().rev().enumerate() {
                let t_s = (age as f64 + phase as f64 / phases as f64) / from_hz - filter.reach_s;
                *tap = T::from_f64(filter.at(t_s) / from_hz);
            }
        }
        Ok(Polyphase { table, width, phases, step: [step / phases, step % phases] })
    }

    /// Past samples that a line begins with.
    pub(super) fn past(&self) -> usize {
        self.width
    }

    /// `first`: ticks from the line's first new sample to the first output, at least `-phases`. The line must reach up to the last output.
    pub(super) fn process(&self, line: &[T], first: isize, out: &mut [T]) {
        let ticks = first.saturating_add_unsigned(self.phases).max(0) as usize;
        T::dispatch(Rows { filter: self, line, index: ticks / self.phases, phase: ticks % self.phases, out });
    }
}

/// Each output is `Σ_i row[i] line[index + i]` in the same order of additions, however many there are in a call.
struct Rows<'a, T: Scalar> {
    filter: &'a Polyphase<T>,
    line: &'a [T],
    index: usize,
    phase: usize,
    out: &'a mut [T],
}

impl<'a, T: Scalar> Rows<'a, T> {
    /// The taps and the samples of the next output.
    #[inline(always)]
    fn next(&mut self) -> (&'a [T], &'a [T]) {
        let Polyphase { table, width, phases, step: [whole, part] } = self.filter;
        let pair = (&table[self.phase * width..][..*width], &self.line[self.index..][..*width]);
        self.phase += part;
        self.index += whole;
        if self.phase >= *phases {
            self.phase -= phases;
            self.index += 1;
        }
        pair
    }

    /// The sums of `M` outputs, lane by lane.
    #[inline(always)]
    fn sums<S: Simd<T = T>, const M: usize>(&mut self, simd: S) -> [S::V; 4] {
        let mut sums = [simd.splat(T::ZERO); 4];
        let mut pairs = [(&[][..], &[][..]); M];
        for pair in &mut pairs {
            *pair = self.next();
        }
        for i in (0..self.filter.width).step_by(S::N) {
            for (sum, (taps, samples)) in sums.iter_mut().zip(pairs) {
                *sum = simd.mul_add(simd.load(&taps[i..]), simd.load(&samples[i..]), *sum);
            }
        }
        sums
    }
}

impl<T: Scalar> Kernel<T> for Rows<'_, T> {
    type Out = ();

    #[inline(always)]
    fn call<S: Simd<T = T>>(mut self, simd: S) {
        let out = core::mem::take(&mut self.out);
        let mut fours = out.chunks_exact_mut(4);
        for four in &mut fours {
            four.copy_from_slice(&simd.sum4(self.sums::<S, 4>(simd)).map(audible));
        }
        for y in fours.into_remainder() {
            *y = audible(simd.sum4(self.sums::<S, 1>(simd))[0]);
        }
    }
}
