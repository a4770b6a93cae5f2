//! Eight lanes of the `wide` crate: SSE2, NEON, simd128 or plain scalar code, whichever the build enables.

use super::{Kernel, Simd, sealed};
use crate::activation::rational;
use wide::f32x8;

/// The portable token: always available, chosen when compiling.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl sealed::Sealed for Portable {}

impl Simd for Portable {
    type T = f32;
    type V = f32x8;
    const N: usize = 8;
    const VECTORS: bool = cfg!(any(target_feature = "sse2", target_feature = "neon", target_feature = "simd128"));
    #[inline(always)]
    fn splat(self, value: f32) -> f32x8 {
        f32x8::splat(value)
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> f32x8 {
        let mut lanes = [0.0; 8];
        lanes.copy_from_slice(&from[..8]);
        f32x8::from(lanes)
    }
    #[inline(always)]
    fn store(self, v: f32x8, to: &mut [f32]) {
        to[..8].copy_from_slice(v.as_array());
    }
    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> f32x8 {
        let mut lanes = [0.0; 8];
        let n = from.len().min(8);
        lanes[..n].copy_from_slice(&from[..n]);
        f32x8::from(lanes)
    }
    #[inline(always)]
    fn store_partial(self, v: f32x8, to: &mut [f32]) {
        let n = to.len().min(8);
        to[..n].copy_from_slice(&v.as_array()[..n]);
    }
    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: f32x8, b: f32x8) -> f32x8 {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: f32x8, b: f32x8) -> f32x8 {
        a * b
    }
    #[inline(always)]
    fn div(self, a: f32x8, b: f32x8) -> f32x8 {
        a / b
    }
    #[inline(always)]
    fn mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn select(self, a: f32x8, b: f32x8, yes: f32x8, no: f32x8) -> f32x8 {
        a.simd_gt(b).select(yes, no)
    }
    #[inline(always)]
    fn sum(self, v: f32x8) -> f32 {
        let a = v.as_array();
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    fn tanh(self, v: f32x8) -> f32x8 {
        rational::tanh(self, clamp(v))
    }
    #[inline(always)]
    fn half_tanh(self, v: f32x8) -> f32x8 {
        rational::half_tanh(self, clamp_double(v))
    }
    #[inline(always)]
    fn vectorize<K: Kernel<f32>>(self, kernel: K) -> K::Out {
        // A function of its own, as it is where the instructions must be enabled.
        #[inline(never)]
        fn go<K: Kernel<f32>>(kernel: K) -> K::Out {
            kernel.call(Portable)
        }
        go(kernel)
    }
}

// `fast_clamp` keeps a NaN in every one of its forms; a pair of `fast_max` and `fast_min` does so in one order of the operands with SSE2, in
// the other with simd128 and in plain code.
#[inline(always)]
fn clamp(v: f32x8) -> f32x8 {
    v.fast_clamp(f32x8::splat(-rational::LIMIT), f32x8::splat(rational::LIMIT))
}
#[inline(always)]
fn clamp_double(v: f32x8) -> f32x8 {
    v.fast_clamp(f32x8::splat(-2.0 * rational::LIMIT), f32x8::splat(2.0 * rational::LIMIT))
}
