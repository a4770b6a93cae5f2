//! Windows and real transforms in `f64` for the metrics.

use core::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Shape of an analysis window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// All ones.
    Rectangular,
    /// `0.5 - 0.5 cos(2πn / (N - 1))`, as `numpy.hanning`.
    HannSymmetric,
    /// `0.5 - 0.5 cos(2πn / N)`, as `torch.hann_window`.
    HannPeriodic,
}

impl Window {
    /// The window's samples.
    pub(super) fn samples(self, frames: usize) -> Vec<f64> {
        let hann = |period: f64| (0..frames).map(|n| 0.5 - 0.5 * (TAU * n as f64 / period).cos()).collect();
        match self {
            Self::Rectangular => vec![1.0; frames],
            Self::HannSymmetric => hann((frames as f64 - 1.0).max(1.0)),
            Self::HannPeriodic => hann(frames as f64),
        }
    }
}

/// Windowed real transform of one frame, its plan and scratch.
pub(super) struct Stft {
    plan: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Stft {
    /// A transform of `n_fft` frames with a window as long.
    pub(super) fn new(n_fft: usize, window: Window) -> Self {
        Self::with_window(window.samples(n_fft))
    }

    /// A transform as long as its window.
    pub(super) fn with_window(window: Vec<f64>) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(window.len());
        let (frame, spectrum, scratch) = (plan.make_input_vec(), plan.make_output_vec(), plan.make_scratch_vec());
        Self { plan, window, frame, spectrum, scratch }
    }

    /// Spectrum of the frame, bins 0 to n_fft / 2, not normalised. `x` is `n_fft` long.
    pub(super) fn spectrum(&mut self, x: &[f64]) -> &[Complex<f64>] {
        for ((frame, x), w) in self.frame.iter_mut().zip(x).zip(&self.window) {
            *frame = x * w;
        }
        let done = self.plan.process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "the buffers were made by the plan");
        &self.spectrum
    }
}

/// Inverse of a real transform, its plan and scratch.
pub(super) struct InverseStft {
    plan: Arc<dyn ComplexToReal<f64>>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl InverseStft {
    /// An inverse transform to `n_fft` frames.
    pub(super) fn new(n_fft: usize) -> Self {
        let plan = RealFftPlanner::new().plan_fft_inverse(n_fft);
        let (spectrum, frame, scratch) = (plan.make_input_vec(), plan.make_output_vec(), plan.make_scratch_vec());
        Self { plan, frame, spectrum, scratch }
    }

    /// The frame whose spectrum is `z`, normalised by `1 / n_fft`; imaginary parts at DC and Nyquist are dropped.
    pub(super) fn frame(&mut self, z: &[Complex<f64>]) -> &[f64] {
        self.spectrum.copy_from_slice(z);
        self.spectrum[0].im = 0.0;
        if self.frame.len().is_multiple_of(2)
            && let Some(nyquist) = self.spectrum.last_mut()
        {
            nyquist.im = 0.0;
        }
        let done = self.plan.process_with_scratch(&mut self.spectrum, &mut self.frame, &mut self.scratch);
        debug_assert!(done.is_ok(), "the buffers were made by the plan and the ends are real");
        let scale = 1.0 / self.frame.len() as f64;
        self.frame.iter_mut().for_each(|v| *v *= scale);
        &self.frame
    }
}

/// Spectrum of a whole signal of any length, bins 0 to N / 2, no window, not normalised.
pub(super) fn whole_spectrum(x: &[f64]) -> Vec<Complex<f64>> {
    Stft::new(x.len(), Window::Rectangular).spectrum(x).to_vec()
}

/// The signal with `pad` frames mirrored at each end, the end samples not repeated; the signal is longer than `pad`.
pub(super) fn reflected(x: &[f64], pad: usize) -> Vec<f64> {
    let head = (1..=pad).rev();
    let tail = (1..=pad).map(|n| x.len() - 1 - n);
    head.map(|n| x[n]).chain(x.iter().copied()).chain(tail.map(|n| x[n])).collect()
}
