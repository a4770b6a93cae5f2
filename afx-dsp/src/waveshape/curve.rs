//! A static curve, and its mean over what two or three samples span.

/// A memoryless nonlinearity with the two antiderivatives that take its aliases away.
///
/// `f1' = f` and `f2' = f1`; their constants are free. All three are finite for finite arguments, and `f1` and `f2` continuous.
///
/// ```
/// use afx_dsp::waveshape::{Adaa, Curve, Waveshaper};
///
/// /// A wave folder.
/// #[derive(Clone)]
/// struct Fold;
///
/// impl Curve for Fold {
///     fn f(&self, x: f64) -> f64 {
///         x.sin()
///     }
///     fn f1(&self, x: f64) -> f64 {
///         -x.cos()
///     }
///     fn f2(&self, x: f64) -> f64 {
///         -x.sin()
///     }
/// }
///
/// let mut folder = Waveshaper::new(Fold, Adaa::Second, 48e3)?;
/// let mut block: [f32; 64] = core::array::from_fn(|n| 5.0 * (0.1 * n as f32).sin());
/// folder.process_in_place(&mut block);
/// # assert!(block[5] > 0.5 && block.iter().all(|y| y.abs() < 1.0));
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
pub trait Curve: Send {
    /// The curve.
    fn f(&self, x: f64) -> f64;
    /// Its antiderivative.
    fn f1(&self, x: f64) -> f64;
    /// The antiderivative of that.
    fn f2(&self, x: f64) -> f64;

    /// The mean of the curve between two arguments, given `f1` at both: the divided difference of `f1`.
    ///
    /// With `s = 1 + |x|`, the division is off by about `1e-16 s / gap` where `f1` is no larger than `s`, the curve in the middle of the gap
    /// by `f'' gap^2 / 24`: below a gap of 1e-5 `s`, where both are about 1e-11, the middle takes over. Next to a corner it is off by up to
    /// an eighth of the gap. A curve with a closed form that divides by no small gap has a body of its own.
    #[inline]
    fn mean2(&self, x: [f64; 2], f1: [f64; 2]) -> f64 {
        let (gap, middle) = (x[1] - x[0], 0.5 * (x[0] + x[1]));
        if gap.abs() < 1e-5 * (1.0 + middle.abs()) { self.f(middle) } else { (f1[1] - f1[0]) / gap }
    }

    /// The mean of the curve over the triangle that three arguments span, that is over all their weighted means, given `f2` at each:
    /// twice the second divided difference of `f2` (Hermite and Genocchi). It is the same in any order; in ascending order the last
    /// division is by the widest gap.
    ///
    /// Between two arguments closer than 1e-3 `s` the mean of `f1` is taken at Gauss's two points, off by `f''' gap^4 / 4320`; with all three
    /// within 2e-5 `s` it is the curve at their mean. The error is below 2e-9 for curves whose derivatives are a few units, and below 2e-5
    /// next to a corner passed in steps of less than 1e-3.
    #[inline]
    fn mean3(&self, x: [f64; 3], f2: [f64; 3]) -> f64 {
        let [a, b, c] = ascending([0, 1, 2].map(|i| (x[i], f2[i])));
        let (width, s) = (c.0 - a.0, 1.0 + b.0.abs());
        if width < 2e-5 * s {
            return self.f((a.0 + b.0 + c.0) / 3.0);
        }
        let mean = |p: (f64, f64), q: (f64, f64)| {
            let gap = q.0 - p.0;
            if gap < 1e-3 * s {
                let (middle, away) = (0.5 * (p.0 + q.0), gap * GAUSS);
                0.5 * (self.f1(middle - away) + self.f1(middle + away))
            } else {
                (q.1 - p.1) / gap
            }
        };
        2.0 * (mean(b, c) - mean(a, b)) / width
    }
}

/// How far Gauss's two points lie from the middle of a gap of 1: `1 / sqrt 12`.
const GAUSS: f64 = 0.288_675_134_594_812_9;

/// Three numbers, and what goes with them, in order.
#[inline(always)]
pub(super) fn ascending<P>([a, b, c]: [(f64, P); 3]) -> [(f64, P); 3] {
    let sort = |p: (f64, P), q: (f64, P)| if q.0 < p.0 { (q, p) } else { (p, q) };
    let (a, b) = sort(a, b);
    let (b, c) = sort(b, c);
    let (a, b) = sort(a, b);
    [a, b, c]
}
