//! The cubic soft clipper.

use super::Curve;

/// `f(x) = 1.5 (x - x^3 / 3)`, beyond 1 `± 1`; `f1 = 1.5 (x^2 / 2 - x^4 / 12)`, beyond 1 `|x| - 3/8`;
/// `f2 = 1.5 (x^3 / 6 - x^5 / 60)`, beyond 1 `± (x^2 / 2 - 3 |x| / 8 + 1/10)`.
///
/// Small signals are 1.5 times as large behind it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cubic;

impl Curve for Cubic {
    #[inline]
    fn f(&self, x: f64) -> f64 {
        let x = x.clamp(-1.0, 1.0);
        x * (1.5 - 0.5 * x * x)
    }
    #[inline]
    fn f1(&self, x: f64) -> f64 {
        let y = x.clamp(-1.0, 1.0);
        let q = y * y;
        q * (0.75 - 0.125 * q) + (x - y).abs()
    }
    #[inline]
    fn f2(&self, x: f64) -> f64 {
        let y = x.clamp(-1.0, 1.0);
        let (q, beyond) = (y * y, x - y);
        y * q * (0.25 - 0.025 * q) + beyond * (0.5 * beyond.abs() + 0.625)
    }
}
