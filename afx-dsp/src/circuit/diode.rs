//! The equation that every circuit with an antiparallel diode pair comes down to.

use afx_core::Scalar;

/// The root `x` of `a x + b sinh x = c`, the voltage over a diode pair in units of its `n V_t`.
///
/// `a > 0`, `b > 0`. The left side is odd and strictly increasing, so there is one root, between 0 and
/// `min(|c| / a, asinh(|c| / b))` on the side of `c`. Halley's method from a warm start; a step longer than 1 restarts from
/// that bound, from where the iteration falls monotonically. The error after a step `d` is below `d^3 / 4`, because the second
/// and third derivative never exceed the first; a step below 2e-5 is therefore the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiodePair {
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// Steps after which the iteration ends in any case; the tests show that 8 suffice from anywhere.
const MAX_STEPS: usize = 12;

impl DiodePair {
    /// The root, from the guess `warm`, which may be anything.
    #[inline]
    pub(super) fn solve(self, c: f64, warm: f64) -> f64 {
        self.solve_counted(c, warm).0
    }

    /// The root without a guess.
    #[inline]
    pub(crate) fn solve_from_bound(self, c: f64) -> f64 {
        self.solve(c, self.bound(c))
    }

    /// [`DiodePair::solve`] with the number of steps it took.
    #[inline]
    pub(super) fn solve_counted(self, c: f64, warm: f64) -> (f64, usize) {
        let mut x = warm;
        let (mut sinh, mut cosh) = sinh_cosh(x);
        for step in 1..=MAX_STEPS {
            let bent = self.b * sinh;
            let (value, slope) = (self.a * x + bent - c, self.a + self.b * cosh);
            let d = -2.0 * value * slope / (2.0 * slope * slope - value * bent);
            let length = d.abs();
            if length <= 1.0 / 16.0 {
                x += d;
                if length < 2e-5 {
                    return (x, step);
                }
                (sinh, cosh) = turn(sinh, cosh, d);
            } else {
                // the first step from a stale guess may overshoot without bound; later ones come from above and do not
                x = if step == 1 && (length > 1.0 || length.is_nan()) { self.bound(c) } else { x + d.clamp(-2.0, 2.0) };
                (sinh, cosh) = sinh_cosh(x);
            }
        }
        (x, MAX_STEPS)
    }

    /// The bound on the far side of the root.
    #[cold]
    fn bound(self, c: f64) -> f64 {
        let s = c.abs();
        let z = s / self.b;
        let bound = (s / self.a).min(Scalar::ln(z + Scalar::sqrt(z * z + 1.0)));
        if c < 0.0 { -bound } else { bound }
    }
}

#[inline(always)]
pub(crate) fn sinh_cosh(x: f64) -> (f64, f64) {
    // below 0.3 the difference of the exponentials loses digits that the sum of the series keeps
    if x.abs() < 0.3 {
        return turn(0.0, 1.0, x);
    }
    let up = Scalar::exp(x);
    let down = 1.0 / up;
    (0.5 * (up - down), 0.5 * (up + down))
}

/// `sinh` and `cosh` a step `d` further, by their addition theorem; series to 1e-17 for `|d| <= 0.3`.
#[inline(always)]
fn turn(sinh: f64, cosh: f64, d: f64) -> (f64, f64) {
    let q = d * d;
    let s = d * (1.0 + q * (1.0 / 6.0 + q * (1.0 / 120.0 + q * (1.0 / 5040.0 + q * (1.0 / 362_880.0 + q / 39_916_800.0)))));
    let c = 1.0 + q * (0.5 + q * (1.0 / 24.0 + q * (1.0 / 720.0 + q * (1.0 / 40_320.0 + q / 3_628_800.0))));
    (sinh * c + cosh * s, cosh * c + sinh * s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Bisection to the last digit.
    fn bisect(pair: DiodePair, c: f64) -> f64 {
        let (mut low, mut high) = (0.0, pair.bound(c.abs()));
        for _ in 0..200 {
            let x: f64 = 0.5 * (low + high);
            if pair.a * x + pair.b * x.sinh() < c.abs() { low = x } else { high = x }
        }
        c.signum() * high
    }

    fn pairs() -> Vec<DiodePair> {
        // from 4 kHz to 10 MHz and from 1 kOhm to 1 MOhm with the diodes and capacitors of the circuits here, and beyond
        [1.0, 1.001, 1.05, 2.0, 6.0, 100.0, 1e4]
            .iter()
            .flat_map(|&a| [1e-7, 1e-4, 2.8e-3, 0.1, 2.0, 100.0].map(|b| DiodePair { a, b }))
            .collect()
    }

    #[test]
    fn the_root_is_found_from_any_guess_in_at_most_eight_steps() {
        let mut worst = 0;
        for pair in pairs() {
            for exponent in -12..=9 {
                for sign in [-1.0, 1.0] {
                    let c = sign * 10f64.powi(exponent) * 1.7;
                    let root = bisect(pair, c);
                    for warm in
                        [0.0, root, -root, root + 0.01, root - 0.3, root + 3.0, 29.0, -31.0, 400.0, -800.0, 1e9, f64::NAN, f64::INFINITY]
                    {
                        let (x, steps) = pair.solve_counted(c, warm);
                        // the residual of c near 1e9 is known to 1e-16 relative, which the slope turns into less than 1e-14 of x
                        assert!((x - root).abs() <= 1e-13 * (1.0 + root.abs()), "{pair:?} c {c} from {warm}: {x} for {root}");
                        worst = worst.max(steps);
                    }
                }
            }
        }
        assert!(worst <= 8, "{worst} steps");
    }

    #[test]
    fn hyperbolic_functions_agree_with_the_library() {
        for n in -400..=400 {
            let x = n as f64 * 0.05 + 0.0137;
            let (s, c) = sinh_cosh(x);
            // a few ulp of exp and of the quotient
            assert!((s / x.sinh() - 1.0).abs() < 1e-15 * 4.0 && (c / x.cosh() - 1.0).abs() < 1e-15 * 4.0, "{x}");
        }
    }
}
