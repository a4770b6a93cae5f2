//! Learnable finite impulse response.

use afx_core::simd::{Kernel, Simd};
use afx_core::{ALIGN, Differentiable, Layer, Layout, Moving, Scalar, kernels, places};

/// A causal filter whose impulse response is learnt: `y[n] = Σ_k taps[k] x[n - k]`, one channel.
///
/// In front of a cell it takes up the latency of a recording (the seeds' "latency recognition") and any linear coloration.
///
/// - `taps`: `[taps]`, the newest sample first; the first values are a unit impulse at tap 0.
/// - Real-time: `process` allocates nothing. For impulse responses of more than about a hundred taps that nobody
///   learns use `afx_dsp::Convolver`.
///
/// A layer also plays by itself, here an impulse response that nobody learns:
///
/// ```
/// use afx_core::Layer;
/// use afx_models::Fir;
///
/// let response = [0.5f32, 0.25, 0.125];
/// let fir = Fir { taps: response.len() };
/// let mut params = vec![0.0; Layer::<f32>::params_len(&fir)]; // longer than the taps: room that vector loads may touch
/// params[..response.len()].copy_from_slice(&response);
/// let mut memory = vec![0.0; Layer::<f32>::state_len(&fir)];
/// let mut y = [0.0; 4];
/// fir.process(&params, &mut memory, &[1.0, 0.0, 0.0, 0.0], &mut y);
/// assert_eq!(y, [0.5, 0.25, 0.125, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Fir {
    /// Length of the impulse response, at least 1.
    pub taps: usize,
}

/// Frames filtered at a time.
const BLOCK: usize = 64;

impl Fir {
    /// Samples of history.
    fn history(&self) -> usize {
        self.taps.saturating_sub(1)
    }
}

impl<T: Scalar> Layer<T> for Fir {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn fits(&self) -> bool {
        self.taps > 0
    }
    fn layout(&self) -> Layout {
        Layout::new().tensor("taps", &[self.taps])
    }
    fn params_len(&self) -> usize {
        let [_, len] = places([self.taps]);
        len
    }
    fn initialize(&self, _: &mut dyn FnMut() -> f64, params: &mut [T]) {
        params.fill(T::ZERO);
        params[0] = T::ONE;
    }
    /// The last samples, the oldest first, room for a block after them, and room to run over.
    fn state_len(&self) -> usize {
        self.history() + BLOCK + ALIGN
    }
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        self.process_gliding(Moving::still(params), state, x, y);
    }
    fn glides(&self) -> bool {
        true
    }
    fn process_gliding(&self, mut params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        let history = self.history();
        let mut room = [T::ZERO; BLOCK];
        for (x, y) in x.chunks(BLOCK).zip(y.chunks_mut(BLOCK)) {
            state[history..history + x.len()].copy_from_slice(x);
            T::dispatch(Filter { taps: &params.start[..self.taps], line: state, y });
            if let Some(slope) = params.slope {
                let room = &mut room[..y.len()];
                T::dispatch(Filter { taps: &slope[..self.taps], line: state, y: room });
                params.add(y, room, 1);
                params = params.later(y.len());
            }
            state.copy_within(x.len()..x.len() + history, 0);
            // Whatever lies beyond the history must not outlive the block: the memory is the history alone.
            state[history..].fill(T::ZERO);
        }
    }
}

/// `y` from a line of history and input.
struct Filter<'a, T> {
    taps: &'a [T],
    line: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Filter<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, s: S) {
        let newest = self.taps.len() - 1;
        let mut at = 0;
        while at < self.y.len() {
            let mut sum = s.splat(T::ZERO);
            for (k, tap) in self.taps.iter().enumerate() {
                sum = s.mul_add(s.load(&self.line[at + newest - k..]), s.splat(*tap), sum);
            }
            let end = (at + S::N).min(self.y.len());
            s.store_partial(sum, &mut self.y[at..end]);
            at += S::N;
        }
    }
}

impl<T: Scalar> Differentiable<T> for Fir {
    /// History and input.
    fn tape_len(&self, frames: usize) -> usize {
        self.history() + frames
    }
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let history = self.history();
        tape[..history].copy_from_slice(&state[..history]);
        tape[history..history + x.len()].copy_from_slice(x);
        self.process(params, state, x, y);
    }
    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        let history = self.history();
        for k in 0..self.taps {
            dparams[k] += kernels::dot(&tape[history - k..history - k + x.len()], dy);
            if let Some(dx) = dx.get_mut(..x.len().saturating_sub(k)) {
                kernels::add_scaled(dx, params[k], &dy[k.min(dy.len())..]);
            }
        }
    }
}
