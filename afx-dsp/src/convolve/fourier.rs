//! Numbers with Fourier transforms.

use afx_core::Scalar;
use alloc::sync::Arc;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftNum, FftPlanner};

/// A number that can be transformed: `f32` or `f64`.
pub trait FourierScalar: Scalar {
    /// Plans the complex transforms of `frames` numbers.
    ///
    /// A method of the two types, so that the transforms are compiled in this crate and not again in every crate that uses it.
    #[doc(hidden)]
    fn plan(frames: usize) -> Arc<dyn Transforms<Self>>;
}

/// The complex transforms of one length, in place and not scaled. Nobody else can name it: what computes them is this crate's affair.
pub trait Transforms<T>: Send + Sync {
    /// Numbers of scratch that they need.
    fn scratch_len(&self) -> usize;
    fn forward(&self, numbers: &mut [Complex<T>], scratch: &mut [Complex<T>]);
    fn inverse(&self, numbers: &mut [Complex<T>], scratch: &mut [Complex<T>]);
}

impl<T: FftNum> Transforms<T> for [Arc<dyn Fft<T>>; 2] {
    fn scratch_len(&self) -> usize {
        self.iter().map(|fft| fft.get_inplace_scratch_len()).max().unwrap_or(0)
    }
    fn forward(&self, numbers: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self[0].process_with_scratch(numbers, scratch);
    }
    fn inverse(&self, numbers: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self[1].process_with_scratch(numbers, scratch);
    }
}

macro_rules! transformed {
    ($($t:ty),*) => {$(
        impl FourierScalar for $t {
            fn plan(frames: usize) -> Arc<dyn Transforms<Self>> {
                let mut planner = FftPlanner::new();
                Arc::new([planner.plan_fft_forward(frames), planner.plan_fft_inverse(frames)])
            }
        }
    )*};
}
transformed!(f32, f64);
