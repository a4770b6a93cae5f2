//! Numbers with Fourier transforms.

use afx_core::Scalar;
use alloc::sync::Arc;
use rustfft::{Fft, FftNum, FftPlanner};

/// A number that can be transformed: `f32` or `f64`.
pub trait FourierScalar: Scalar + FftNum {
    /// Plans the complex transforms of `frames` numbers, forward and back.
    ///
    /// A method of the two types, so that the transforms are compiled in this crate and not again in every crate that uses it.
    fn plan(frames: usize) -> [Arc<dyn Fft<Self>>; 2];
}

macro_rules! transformed {
    ($($t:ty),*) => {$(
        impl FourierScalar for $t {
            fn plan(frames: usize) -> [Arc<dyn Fft<Self>>; 2] {
                let mut planner = FftPlanner::new();
                [planner.plan_fft_forward(frames), planner.plan_fft_inverse(frames)]
            }
        }
    )*};
}
transformed!(f32, f64);
