//! Functions of one number, as vectors.

use afx_core::Scalar;
use afx_core::simd::Simd;

/// A function of every number, one by one: what stands between the affine maps of a [`WaveNet`](crate::WaveNet).
///
/// Those that Neural Amp Modeler knows. In `f32` all of them are made of the same arithmetic on every instruction set.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Pointwise {
    /// Hyperbolic tangent; in `f32` the one of [`afx_core::activation`].
    Tanh,
    /// `1 / (1 + exp(-x))`; in `f32` the one of [`afx_core::activation`].
    Sigmoid,
    /// `x`, or 0 where negative.
    Relu,
    /// `x`, or `slope x` where negative.
    LeakyRelu {
        /// Slope of the negative side.
        slope: f32,
    },
    /// `x` between `low` and `high`, straight lines beyond.
    HardTanh {
        /// Where the lower line begins.
        low: f32,
        /// Where the upper line begins.
        high: f32,
        /// Slope of the lower line.
        low_slope: f32,
        /// Slope of the upper line.
        high_slope: f32,
    },
    /// `x sigmoid(x)`.
    Silu,
    /// `x h` with `h = (x + 3) / 6` between 0 and 1.
    HardSwish,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `(1 + x / (1 + |x|)) / 2`.
    Softsigmoid,
}

/// No number of it is NaN where a layer fits.
impl Eq for Pointwise {}

impl Pointwise {
    /// Whether its numbers are finite.
    pub(crate) fn fits(self) -> bool {
        match self {
            Pointwise::LeakyRelu { slope } => slope.is_finite(),
            Pointwise::HardTanh { low, high, low_slope, high_slope } => {
                low <= high && [low, high, low_slope, high_slope].iter().all(|v| v.is_finite())
            }
            _ => true,
        }
    }

    /// Whether [`Pointwise::slope`] wants `y` in place of `x`.
    pub(crate) fn keeps_output(self) -> bool {
        matches!(self, Pointwise::Tanh | Pointwise::Sigmoid)
    }

    /// `y = f(x)`
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, s: S, x: S::V) -> S::V {
        let (zero, one) = (s.splat(S::T::ZERO), s.splat(S::T::ONE));
        match self {
            Pointwise::Tanh => s.tanh(x),
            Pointwise::Sigmoid => s.sigmoid(x),
            Pointwise::Relu => s.select(zero, x, zero, x),
            Pointwise::LeakyRelu { slope } => s.select(x, zero, x, s.mul(constant(s, slope), x)),
            Pointwise::HardTanh { low, high, low_slope, high_slope } => {
                let (low, high) = (constant(s, low), constant(s, high));
                let below = s.mul_add(s.sub(x, low), constant(s, low_slope), low);
                let above = s.mul_add(s.sub(x, high), constant(s, high_slope), high);
                s.select(low, x, below, s.select(x, high, above, x))
            }
            Pointwise::Silu => s.mul(x, s.sigmoid(x)),
            Pointwise::HardSwish => s.mul(x, hard_sigmoid(s, x)),
            Pointwise::Softsign => s.div(x, s.add(one, size(s, x))),
            Pointwise::Softsigmoid => {
                let half = constant(s, 0.5);
                s.mul_add(half, s.div(x, s.add(one, size(s, x))), half)
            }
        }
    }

    /// What [`Pointwise::slope`] and [`Pointwise::output`] want to be kept.
    #[inline(always)]
    pub(crate) fn kept<S: Simd>(self, x: S::V, y: S::V) -> S::V {
        if self.keeps_output() { y } else { x }
    }

    /// `f(x)` of what was kept.
    #[inline(always)]
    pub(crate) fn output<S: Simd>(self, s: S, kept: S::V) -> S::V {
        if self.keeps_output() { kept } else { self.apply(s, kept) }
    }

    /// `f'(x)` of what was kept.
    #[inline(always)]
    pub(crate) fn slope<S: Simd>(self, s: S, kept: S::V) -> S::V {
        let (zero, one) = (s.splat(S::T::ZERO), s.splat(S::T::ONE));
        match self {
            Pointwise::Tanh => s.sub(one, s.mul(kept, kept)),
            Pointwise::Sigmoid => s.mul(kept, s.sub(one, kept)),
            Pointwise::Relu => s.select(kept, zero, one, zero),
            Pointwise::LeakyRelu { slope } => s.select(kept, zero, one, constant(s, slope)),
            Pointwise::HardTanh { low, high, low_slope, high_slope } => {
                let inside = s.select(kept, constant(s, high), constant(s, high_slope), one);
                s.select(constant(s, low), kept, constant(s, low_slope), inside)
            }
            Pointwise::Silu => {
                let g = s.sigmoid(kept);
                s.mul(g, s.mul_add(kept, s.sub(one, g), one))
            }
            Pointwise::HardSwish => {
                let (three, sixth) = (constant(s, 3.0), s.splat(S::T::from_f64(1.0 / 6.0)));
                let inside = s.mul(s.add(s.add(kept, kept), three), sixth);
                s.select(s.sub(zero, three), kept, zero, s.select(kept, three, one, inside))
            }
            Pointwise::Softsign => {
                let d = s.add(one, size(s, kept));
                s.div(one, s.mul(d, d))
            }
            Pointwise::Softsigmoid => {
                let d = s.add(one, size(s, kept));
                s.div(constant(s, 0.5), s.mul(d, d))
            }
        }
    }
}

#[inline(always)]
fn constant<S: Simd>(s: S, value: f32) -> S::V {
    s.splat(S::T::from_f64(f64::from(value)))
}

/// `|x|`
#[inline(always)]
fn size<S: Simd>(s: S, x: S::V) -> S::V {
    let minus = s.sub(s.splat(S::T::ZERO), x);
    s.select(minus, x, minus, x)
}

/// `(x + 3) / 6` between 0 and 1.
#[inline(always)]
fn hard_sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let (zero, one) = (s.splat(S::T::ZERO), s.splat(S::T::ONE));
    let h = s.mul(s.add(x, constant(s, 3.0)), s.splat(S::T::from_f64(1.0 / 6.0)));
    s.select(zero, h, zero, s.select(h, one, one, h))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use afx_core::simd::One;

    pub(crate) const ALL: [Pointwise; 9] = [
        Pointwise::Tanh,
        Pointwise::Sigmoid,
        Pointwise::Relu,
        Pointwise::LeakyRelu { slope: 0.25 },
        Pointwise::HardTanh { low: -1.0, high: 0.5, low_slope: 0.125, high_slope: 0.0 },
        Pointwise::Silu,
        Pointwise::HardSwish,
        Pointwise::Softsign,
        Pointwise::Softsigmoid,
    ];

    #[test]
    fn every_function_is_that_of_its_formula() {
        let formulas: [fn(f64) -> f64; 9] = [
            f64::tanh,
            |x| 1.0 / (1.0 + (-x).exp()),
            |x| x.max(0.0),
            |x| if x > 0.0 { x } else { 0.25 * x },
            |x| if x < -1.0 { (x + 1.0) * 0.125 - 1.0 } else { x.min(0.5) },
            |x| x / (1.0 + (-x).exp()),
            |x| x * ((x + 3.0) / 6.0).clamp(0.0, 1.0),
            |x| x / (1.0 + x.abs()),
            |x| 0.5 * (1.0 + x / (1.0 + x.abs())),
        ];
        let s = One::<f64>::new();
        for (f, formula) in ALL.into_iter().zip(formulas) {
            for x in (-40..=40).map(|i| f64::from(i) * 0.11) {
                let y = f.apply(s, x);
                assert!((y - formula(x)).abs() < 1e-15, "{f:?} of {x}: {y}");
                let kept = f.kept::<One<f64>>(x, y);
                assert_eq!(f.output(s, kept), y);
                let numeric = (formula(x + 1e-6) - formula(x - 1e-6)) / 2e-6;
                assert!((f.slope(s, kept) - numeric).abs() < 1e-7 || x == 0.0, "slope of {f:?} at {x}: {numeric}");
            }
            assert!(f.apply(s, f64::NAN).is_nan(), "{f:?}");
        }
    }
}
