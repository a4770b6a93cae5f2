//! The number a signal and a model are made of.

use crate::simd::Kernel;
use core::fmt::Debug;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A real number: `f32`, `f64`, or a type of your own such as a dual number.
///
/// Arithmetic and a handful of elementary functions, exact to the last digits of the type. Approximations with a stated
/// error bound live in [`crate::activation`] and in the vector kernels.
///
/// A type of your own needs the arithmetic operators, the conversions and the five functions without a body; every vector
/// kernel then runs on it, one lane wide.
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Send
    + Sync
    + 'static
{
    /// The additive identity.
    const ZERO: Self;
    /// The multiplicative identity.
    const ONE: Self;

    /// The nearest representable value.
    fn from_f64(value: f64) -> Self;
    /// The value as `f64`; a dual number gives its real part.
    fn to_f64(self) -> f64;

    /// Natural exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;

    /// Hyperbolic tangent.
    fn tanh(self) -> Self {
        let e = (self.abs() * Self::from_f64(-2.0)).exp();
        let t = (Self::ONE - e) / (Self::ONE + e);
        if self < Self::ZERO { -t } else { t }
    }
    /// Logistic function `1 / (1 + exp(-x))`.
    fn sigmoid(self) -> Self {
        let half = Self::from_f64(0.5);
        half + half * (self * half).tanh()
    }
    /// Absolute value; `-x` for negative `x`, `x` otherwise.
    fn abs(self) -> Self {
        if self < Self::ZERO { -self } else { self }
    }
    /// `self * a + b`; fused where the hardware makes that free, never emulated in software.
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool {
        self.to_f64().is_finite()
    }
    /// The value from an index or a count.
    fn from_usize(value: usize) -> Self {
        Self::from_f64(value as f64)
    }

    /// Whether the type is `f32`, so that [`Scalar::singles`] gives the numbers. A constant, because generic code asks before it is compiled:
    /// a crate whose kernels are large can keep those for `f32` in functions that are not generic, which are compiled with it and not again
    /// with every crate that calls them.
    const SINGLE: bool = false;
    /// The same numbers, where the type is `f32`.
    #[inline(always)]
    fn singles(_: &[Self]) -> Option<&[f32]> {
        None
    }
    /// [`Scalar::singles`], to be written to.
    #[inline(always)]
    fn singles_mut(_: &mut [Self]) -> Option<&mut [f32]> {
        None
    }

    /// Runs a vector kernel with the widest instructions this machine offers for the type; one lane unless overridden.
    #[inline]
    fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Out {
        kernel.call(crate::simd::One::new())
    }
    /// [`Scalar::dispatch`] for vectors of about `width` numbers, with no more lanes than that needs.
    #[inline]
    fn dispatch_width<K: Kernel<Self>>(width: usize, kernel: K) -> K::Out {
        let _ = width;
        Self::dispatch(kernel)
    }
    /// [`Scalar::dispatch_width`] for two streams, beside each other in one vector where there is room.
    #[inline]
    fn dispatch_pair<K: Kernel<Self>>(width: usize, kernel: K) -> K::Out {
        Self::dispatch_width(width, kernel)
    }
}

macro_rules! scalar {
    ($t:ty, $dispatch:path, $width:path, $pair:path, { $($single:tt)* }) => {
        impl Scalar for $t {
            $($single)*
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline]
            fn exp(self) -> Self {
                num_traits::Float::exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                num_traits::Float::ln(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                num_traits::Float::sqrt(self)
            }
            #[inline]
            fn sin(self) -> Self {
                num_traits::Float::sin(self)
            }
            #[inline]
            fn cos(self) -> Self {
                num_traits::Float::cos(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                num_traits::Float::tanh(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                num_traits::Float::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                num_traits::Float::is_finite(self)
            }
            #[inline]
            fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Out {
                $dispatch(kernel)
            }
            #[inline]
            fn dispatch_width<K: Kernel<Self>>(width: usize, kernel: K) -> K::Out {
                $width(width, kernel)
            }
            #[inline]
            fn dispatch_pair<K: Kernel<Self>>(width: usize, kernel: K) -> K::Out {
                $pair(width, kernel)
            }
        }
    };
}

#[inline]
fn one<K: Kernel<f64>>(kernel: K) -> K::Out {
    kernel.call(crate::simd::One::new())
}
#[inline]
fn one_width<K: Kernel<f64>>(_: usize, kernel: K) -> K::Out {
    one(kernel)
}

scalar!(f32, crate::simd::dispatch, crate::simd::dispatch_width, crate::simd::dispatch_pair, {
    const SINGLE: bool = true;
    #[inline(always)]
    fn singles(numbers: &[f32]) -> Option<&[f32]> {
        Some(numbers)
    }
    #[inline(always)]
    fn singles_mut(numbers: &mut [f32]) -> Option<&mut [f32]> {
        Some(numbers)
    }
});
scalar!(f64, one, one_width, one_width, {});
