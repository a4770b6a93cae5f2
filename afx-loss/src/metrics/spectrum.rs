//! Windows and real transforms in `f64` for the metrics.

use core::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Shape of an analysis window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// `0.5 - 0.5 cos(2πn / (N - 1))`, as `numpy.hanning`.
    HannSymmetric,
}

impl Window {
    /// The window's samples.
    pub(super) fn samples(self, frames: usize) -> Vec<f64> {
        let hann = |period: f64| (0..frames).map(|n| 0.5 - 0.5 * (TAU * n as f64 / period).cos()).collect();
        match self {
            Self::HannSymmetric => hann((frames as f64 - 1.0).max(1.0)),
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
        let plan = RealFftPlanner::new().plan_fft_forward(n_fft);
        let (frame, spectrum, scratch) = (plan.make_input_vec(), plan.make_output_vec(), plan.make_scratch_vec());
        Self { plan, window: window.samples(n_fft), frame, spectrum, scratch }
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
