//! Clipping without a knee.

use super::Curve;
use super::curve::ascending;

/// `f(x)` = `x` held to -1..=1; `f1 = x^2 / 2`, beyond 1 `|x| - 1/2`; `f2 = x^3 / 6`, beyond 1 `±(x^2 / 2 - |x| / 2 + 1/6)`.
///
/// Its means are closed forms that lose nothing in small gaps: good to 1e-15 (1 + `|x|`).
#[derive(Clone, Copy, Debug, Default)]
pub struct HardClip;

#[inline(always)]
fn clip(x: f64) -> f64 {
    x.clamp(-1.0, 1.0)
}

impl Curve for HardClip {
    #[inline]
    fn f(&self, x: f64) -> f64 {
        clip(x)
    }
    #[inline]
    fn f1(&self, x: f64) -> f64 {
        let y = clip(x);
        0.5 * y * y + (x - y).abs()
    }
    #[inline]
    fn f2(&self, x: f64) -> f64 {
        let y = clip(x);
        let beyond = x - y;
        y * y * y / 6.0 + 0.5 * beyond * (beyond.abs() + 1.0)
    }

    /// The difference of `f1`, part by part.
    #[inline]
    fn mean2(&self, [a, b]: [f64; 2], _: [f64; 2]) -> f64 {
        let (p, q) = (clip(a), clip(b));
        if p == q { p } else { (0.5 * (q - p) * (q + p) + ((b - q).abs() - (a - p).abs())) / (b - a) }
    }

    /// `f(x) = x - max(x - 1, 0) + max(-1 - x, 0)`, term by term.
    #[inline]
    fn mean3(&self, x: [f64; 3], _: [f64; 3]) -> f64 {
        let [a, b, c] = ascending(x.map(|x| (x, ()))).map(|(x, ())| x);
        if clip(a) == clip(c) {
            return clip(a);
        }
        clip((a + b + c) / 3.0 - mean_above([a - 1.0, b - 1.0, c - 1.0]) + mean_above([-1.0 - c, -1.0 - b, -1.0 - a]))
    }
}

/// The mean of `max(x, 0)` over the triangle that three numbers in ascending order span; sums of positive terms.
#[inline(always)]
fn mean_above([a, b, c]: [f64; 3]) -> f64 {
    if c <= 0.0 {
        0.0
    } else if a >= 0.0 {
        (a + b + c) / 3.0
    } else if b <= 0.0 {
        c / 3.0 * (c / (c - b)) * (c / (c - a))
    } else {
        (c * c + c * b - a * b * (b / (b - a))) / (3.0 * (c - a))
    }
}
