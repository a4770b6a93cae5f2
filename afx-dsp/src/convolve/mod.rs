//! Convolution with impulse responses of any length, without latency: cabinets, rooms, reverberation.
//!
//! A direct filter answers at once for the first 128 taps. The rest is cut into partitions that grow with their distance, of 64, 512 and
//! 4096 taps, and each is multiplied by the spectra of the input (Gardner, "Efficient convolution without input-output delay", JAES 43(3),
//! 1995). A partition of `L` taps lies at least `2 L` taps behind, so its stage has `L` samples of time for the work of a block; it does an
//! equal share of that every 64 samples, pieces of a Fourier transform among it, so that no block of audio costs much more than the others.

mod columns;
mod direct;
mod fourier;
mod stage;

pub use fourier::FourierScalar;

use crate::{DspError, audible, heard};
use afx_core::ALIGN;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use direct::Direct;
use stage::Stage;

/// Samples from one share of the stages' work to the next.
const BLOCK: usize = 64;
/// Taps in a partition of each stage; a stage begins twice as many taps from the start.
const STAGES: [usize; 3] = [BLOCK, 8 * BLOCK, 64 * BLOCK];
/// Taps of the direct filter.
const HEAD: usize = 2 * STAGES[0];
/// Samples of the past that it needs.
const PAST: usize = HEAD - 1;
/// The longest impulse response.
const MAX_TAPS: usize = 1 << 24;

/// One channel convolved with an impulse response: `y[n] = Σ_k impulse_response[k] x[n - k]`, with no latency.
///
/// What a convolver keeps of its impulse response is shared by its clones, so a second channel costs only its own past. Either takes two numbers
/// a tap, and a channel at most 34,000 more. The sample rate of the impulse response is the sample rate that it plays at.
///
/// Real-time: everything but `new` and `clone` allocates nothing, and any split of a signal into blocks gives the same bits. The work is
/// spread evenly over time for blocks of 64 samples and more; in shorter ones, every 64th sample brings it.
///
/// NaN, infinities and samples beyond 1e10 count as silence. When the impulse response has ended, and 8192 samples more, the output is
/// exactly 0.
///
/// Another impulse response without a click: a second convolver, in an [`afx_core::Swap`].
///
/// ```
/// use afx_dsp::Convolver;
///
/// let room: Vec<f32> = (0..24_000).map(|n| (-(n as f32) / 4_000.0).exp() * if n % 7 == 0 { 0.5 } else { 0.0 }).collect();
/// let mut left = Convolver::new(&room)?;
/// let mut right = left.clone();
/// let mut click = vec![0.0; 24_000];
/// click[0] = 1.0;
/// left.process_in_place(&mut click);
/// assert!(click.iter().zip(&room).all(|(y, h)| (y - h).abs() < 1e-6));
/// # let mut silence = [0.0; 100];
/// # right.process_in_place(&mut silence);
/// # assert_eq!(silence, [0.0; 100]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone)]
pub struct Convolver<T: FourierScalar> {
    taps: usize,
    head: Arc<[T]>,
    /// Past samples, the present block, and room for vectors that run over.
    line: Vec<T>,
    /// How much of the present block has been heard.
    at: usize,
    stages: Vec<Stage<T>>,
}

impl<T: FourierScalar> fmt::Debug for Convolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Convolver").field("taps", &self.taps).finish_non_exhaustive()
    }
}

impl<T: FourierScalar> Convolver<T> {
    /// At rest. Transforms the impulse response, some milliseconds a second of it: not on the audio thread.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for an impulse response that is empty, longer than `2^24` taps, or has a tap that is not a number or beyond 1e10.
    pub fn new(impulse_response: &[T]) -> Result<Self, DspError> {
        let taps = impulse_response.len();
        if !(1..=MAX_TAPS).contains(&taps) {
            return Err(DspError::OutOfRange { name: "impulse_response", expected: "1 to 16777216 taps", found: taps as f64 });
        }
        if let Some(odd) = impulse_response.iter().map(|&tap| tap.to_f64()).find(|tap| !(-1e10..=1e10).contains(tap)) {
            return Err(DspError::OutOfRange { name: "impulse_response", expected: "taps within 1e10", found: odd });
        }
        let impulse_response: Vec<T> = impulse_response.iter().map(|&tap| audible(tap)).collect();
        let (head, _) = impulse_response.split_at(HEAD.min(taps));
        let stages = STAGES.iter().enumerate().filter_map(|(n, &frames)| {
            let end = STAGES.get(n + 1).map_or(taps, |next| taps.min(2 * next));
            let own = impulse_response.get(2 * frames..end).filter(|own| !own.is_empty())?;
            Some(Stage::new(frames, own))
        });
        Ok(Convolver { taps, head: head.into(), line: vec![T::ZERO; PAST + BLOCK + ALIGN], at: 0, stages: stages.collect() })
    }

    /// Length of the impulse response.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Frames by which the output is late: none.
    pub fn latency_frames(&self) -> usize {
        0
    }

    /// Forgets the past, in the time of a block.
    pub fn reset(&mut self) {
        self.line.fill(T::ZERO);
        self.at = 0;
        self.stages.iter_mut().for_each(Stage::reset);
    }

    /// Convolves the samples that both `x` and `y` hold.
    pub fn process(&mut self, x: &[T], y: &mut [T]) {
        let frames = x.len().min(y.len());
        y[..frames].copy_from_slice(&x[..frames]);
        self.process_in_place(&mut y[..frames]);
    }

    /// [`Self::process`] in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        let mut done = 0;
        while done < samples.len() {
            let frames = (BLOCK - self.at).min(samples.len() - done);
            self.some(&mut samples[done..done + frames]);
            done += frames;
        }
    }

    /// At most what the present block has left.
    fn some(&mut self, samples: &mut [T]) {
        let from = PAST + self.at;
        let present = from..from + samples.len();
        for (line, &x) in self.line[present.clone()].iter_mut().zip(&*samples) {
            *line = heard(x);
        }
        T::dispatch(Direct { taps: &self.head, line: &self.line[from + 1 - self.head.len()..], y: samples });
        for stage in &mut self.stages {
            stage.exchange(&self.line[present.clone()], samples);
        }
        samples.iter_mut().for_each(|y| *y = audible(*y));
        self.at += samples.len();
        if self.at == BLOCK {
            self.at = 0;
            self.line.copy_within(BLOCK..BLOCK + PAST, 0);
            for stage in &mut self.stages {
                stage.advance();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_block_is_much_more_work_than_another() {
        for taps in [2_000, 48_000, 240_000] {
            let mut convolver = Convolver::new(&vec![0.5f32; taps]).unwrap();
            let mut block = || {
                let cost = |stage: &mut Stage<f32>| {
                    stage.exchange(&[0.0; BLOCK], &mut [0.0; BLOCK]);
                    stage.advance()
                };
                350 + convolver.stages.iter_mut().map(cost).sum::<usize>() // and the direct filter, on the scale of the stages
            };
            let blocks: Vec<usize> = (0..3 * STAGES[2] / BLOCK).map(|_| block()).skip(STAGES[2] / BLOCK).collect();
            let (worst, mean) = (blocks.iter().max().unwrap(), blocks.iter().sum::<usize>() / blocks.len());
            assert!(worst * 2 <= mean * 3, "{taps} taps: {worst} beside {mean}");
        }
    }

    /// Memory that the system finds when it is first touched is a system call on the audio thread. (Here and not in `tests/`, where the
    /// allocator that counts touches all of it.)
    #[cfg(target_os = "linux")]
    #[test]
    fn all_memory_is_there_before_the_first_block() {
        let faults = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            stat.rsplit(')').next().unwrap().split_whitespace().nth(7).unwrap().parse::<u64>().unwrap() // minflt
        };
        let mut convolver = Convolver::new(&vec![0.5f32; 200_000]).unwrap();
        convolver.process_in_place(&mut [0.5; BLOCK]);
        let before = faults();
        (0..200_000 / BLOCK).for_each(|_| convolver.process_in_place(&mut [0.5; BLOCK]));
        let found = faults() - before;
        assert!(found < 20, "{found} page faults"); // 200,000 taps have a past of 391 pages
    }
}
