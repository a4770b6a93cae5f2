//! Maps from frames to frames, and their derivatives.

use crate::{Layout, Moving, Role, Scalar};
use core::ops::Range;

/// A causal map from frames to frames. Its numbers and its memory live outside it.
///
/// Frames are interleaved: `x` holds `frames * inputs` numbers, `y` holds `frames * outputs`. Parameters are one slice of
/// `layout().len()` numbers, memory is one slice of `state_len()` numbers; a layer is only sizes. So one set of parameters serves
/// any number of channels, a hypernetwork can write it, and saving, clipping, flushing and comparing are loops written once.
///
/// Real-time: everything but `layout` is free of allocation, locks and system calls, takes any number of frames, and gives the same
/// bits however a signal is cut into calls.
///
/// # Panics
/// When a slice is shorter than the sizes above say: a programming error, never a matter of the values in it.
pub trait Layer<T: Scalar>: Send + Sync {
    /// Numbers in an input frame.
    fn inputs(&self) -> usize;
    /// Numbers in an output frame.
    fn outputs(&self) -> usize;
    /// Names, shapes, offsets and affine maps of the parameters.
    fn layout(&self) -> Layout;
    /// Length of the parameter slice, `layout().len()`, without building the layout.
    fn params_len(&self) -> usize;
    /// Length of the memory.
    fn state_len(&self) -> usize;
    /// Maps `x` to `y` and moves the memory on.
    fn process(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]);

    /// Whether no size is zero and the parts, if it has any, fit one another. Asked once, when an effect is built.
    fn fits(&self) -> bool {
        self.inputs() > 0 && self.outputs() > 0
    }

    /// First values of the parameters before training; `uniform` draws from `[-1, 1)`.
    ///
    /// Unless the layer says otherwise, a [`Role::Scale`] is 1 and its shift 0, every other affine map uniform within
    /// `±1 / sqrt(columns)`, and everything else zero. Allocates.
    fn initialize(&self, uniform: &mut dyn FnMut() -> f64, params: &mut [T]) {
        let layout = self.layout();
        params.fill(T::ZERO);
        for map in layout.affine_maps() {
            let weight = &layout.tensors()[map.weight];
            if map.role == Role::Scale {
                params[weight.range()].fill(T::ONE);
                continue;
            }
            let columns = weight.len() / weight.shape.last().copied().unwrap_or(1).max(1);
            let bound = 1.0 / (columns.max(1) as f64).sqrt();
            for tensor in [Some(weight), map.bias.map(|b| &layout.tensors()[b])].into_iter().flatten() {
                params[tensor.range()].fill_with(|| T::from_f64(bound * uniform()));
            }
        }
    }

    /// The memory of a stream that has not begun: zeros, unless the layer says otherwise.
    fn reset(&self, params: &[T], state: &mut [T]) {
        let _ = params;
        state.fill(T::ZERO);
    }

    /// [`Layer::process`] of two streams that share the parameters; both have as many frames.
    ///
    /// The provided body runs one after the other. A recurrent layer overlaps them, which hides the wait from one frame to the
    /// next; the results are the same to the bit.
    fn process_pair(&self, params: &[T], state: [&mut [T]; 2], x: [&[T]; 2], y: [&mut [T]; 2]) {
        let ([s0, s1], [x0, x1], [y0, y1]) = (state, x, y);
        self.process(params, s0, x0, y0);
        self.process(params, s1, x1, y1);
    }

    /// Whether [`Layer::process_gliding`] follows parameters that move. Without a recurrence that smooths them, steps of parameters are steps of
    /// the output: convolutional layers and whatever has no memory say yes.
    fn glides(&self) -> bool {
        false
    }
    /// [`Layer::process`] while the parameters move. Only a layer that [`Layer::glides`] is asked.
    ///
    /// The provided body, for a layer without parameters, plays those of the line's start.
    fn process_gliding(&self, params: Moving<'_, T>, state: &mut [T], x: &[T], y: &mut [T]) {
        self.process(params.start, state, x, y);
    }
    /// Zeros for numbers of the memory too small to matter, and whether all of them are finite. Who plays asks once in a while, so that neither
    /// subnormal numbers nor an accident lasts.
    ///
    /// The provided body looks at every number with [`kernels::flush`](crate::kernels::flush); a layer leaves out what it writes before it
    /// reads.
    fn flush(&self, state: &mut [T]) -> bool {
        crate::kernels::flush(state)
    }

    /// Frames by which the output lags the input on purpose.
    fn latency(&self) -> usize {
        0
    }

    /// Whether all that one frame leaves to the next is numbers that a recurrence feeds back; `part` is called with the place of each row of them in
    /// the memory. A memory of another kind, such as a line of past frames, says no, and what `part` was called with means nothing.
    ///
    /// With these parts as they were some other time ago than a frame, the layer plays at another sample rate. The provided body says yes of a
    /// layer without memory.
    fn feedback(&self, part: &mut dyn FnMut(Range<usize>)) -> bool {
        let _ = part;
        self.state_len() == 0
    }

    /// Brings the memory to rest: what it tends to under silence, so that playing starts without a pop. From [`Layer::reset`]; the result
    /// depends on the parameters alone. A layer of more than 256 inputs or outputs stays where [`Layer::reset`] leaves it.
    fn settle(&self, params: &[T], state: &mut [T]) {
        let (silence, mut out) = ([T::ZERO; ROOM], [T::ZERO; ROOM]);
        self.reset(params, state);
        if self.inputs().max(self.outputs()) <= ROOM {
            self.rest(params, state, &silence[..self.inputs()], &mut out[..self.outputs()]);
        }
    }

    /// Brings the memory from where it is to where it tends to while the input stays at the frame `x`, and `y` to the output there.
    ///
    /// The provided body plays that frame until no number of the memory moves by more than `1e-6` in 64 frames, at most
    /// [`SETTLE_FRAMES`] of them. A layer that can solve for its resting state does better.
    fn rest(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
        play_until_still(self, params, state, x, y);
    }
}

/// The body that [`Layer::rest`] provides, for layers that want to start from it.
pub fn play_until_still<T: Scalar, L: Layer<T> + ?Sized>(layer: &L, params: &[T], state: &mut [T], x: &[T], y: &mut [T]) {
    let tolerance = T::from_f64(1e-6);
    let mut before = fingerprint(state);
    for _ in 0..SETTLE_FRAMES / 64 {
        for _ in 0..64 {
            layer.process(params, state, x, y);
        }
        let after = fingerprint(state);
        if before.iter().zip(&after).all(|(a, b)| (*a - *b).abs() <= tolerance) {
            return;
        }
        before = after;
    }
}

/// The widest frame that [`Layer::settle`] has room for, on a stack that may be a microcontroller's.
const ROOM: usize = 256;

/// Sums of the memory's numbers in 64 groups: moves when any of them moves, short of an exact cancellation.
fn fingerprint<T: Scalar>(state: &[T]) -> [T; 64] {
    let mut sums = [T::ZERO; 64];
    for row in state.chunks(64) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += *value;
        }
    }
    sums
}

/// The most frames that the provided body of [`Layer::rest`] plays.
pub const SETTLE_FRAMES: usize = 8192;

/// A layer with a vector-Jacobian product, written by hand beside the forward pass.
pub trait Differentiable<T: Scalar>: Layer<T> {
    /// Length of the tape for a segment of `frames` frames.
    fn tape_len(&self, frames: usize) -> usize;

    /// [`Layer::process`], leaving on `tape` what [`Differentiable::backward`] needs. The tape need not be cleared before.
    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]);

    /// Adds `dy^T ∂y/∂x` into `dx` and `dy^T ∂y/∂params` into `dparams`, given the `x`, `y` and `tape` of the forward pass.
    ///
    /// The derivative ends at the start of the segment (truncated back-propagation through time). `dx` may be empty where it is
    /// not wanted. The tape is used up.
    fn backward(&self, params: &[T], x: &[T], y: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]);
}
