//! A resistor and two antiparallel diodes to ground.

use super::{Curve, odd};
use crate::circuit::{DiodeClip, DiodePair, sinh_cosh};

/// The clipper of [`DiodeClip`] without its capacitor, in volts: `v` of `x = v + 2 R Is sinh(v / nVt)`, with `R`, `Is` and `nVt` as there.
///
/// With `z = v / nVt` and `b = 2 R Is / nVt`, in units of `nVt`, its square and its cube:
///
/// ```text
/// x  = z + b sinh z
/// f1 = z^2 / 2 + b (z sinh z - cosh z + 1)
/// f2 = z^3 / 6 + b (z^2 sinh z / 2 - sinh z + z) + b^2 (z cosh 2z / 4 - 3 sinh 2z / 8 + sinh z - z / 2)
/// ```
///
/// which are the integrals of `z dx` and `f1 dx`, `dx = (1 + b cosh z) dz`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Diodes;

const B: f64 = 2.0 * DiodeClip::R * DiodeClip::IS / DiodeClip::N_VT;
const N_VT: f64 = DiodeClip::N_VT;

/// The size of the voltage, in units of `nVt`.
#[inline]
fn root(x: f64) -> f64 {
    DiodePair { a: 1.0, b: B }.solve_from_bound(x.abs() / N_VT)
}

impl Curve for Diodes {
    #[inline]
    fn f(&self, x: f64) -> f64 {
        odd(N_VT * root(x), x)
    }
    #[inline]
    fn f1(&self, x: f64) -> f64 {
        let z = root(x);
        N_VT * N_VT * area(z, sinh_cosh(z), x)
    }
    #[inline]
    fn f2(&self, x: f64) -> f64 {
        let z = root(x);
        let (sinh, cosh) = sinh_cosh(z);
        let first = 0.5 * z * z * sinh - sinh + z;
        // cosh 2z = 1 + 2 sinh^2, sinh 2z = 2 sinh cosh
        let second = z * (0.5 * sinh * sinh - 0.25) - 0.75 * sinh * cosh + sinh;
        let size = z * z * z / 6.0 + B * (first + B * second) + area(z, (sinh, cosh), x) * rest(z, sinh, x);
        odd(N_VT * N_VT * N_VT * size, x)
    }
}

/// By how much the rounded root misses `x`, which counts where `sinh z` is steep.
#[inline(always)]
fn rest(z: f64, sinh: f64, x: f64) -> f64 {
    x.abs() / N_VT - (z + B * sinh)
}

/// `f1`, with what the root misses.
#[inline(always)]
fn area(z: f64, (sinh, cosh): (f64, f64), x: f64) -> f64 {
    0.5 * z * z + B * (z * sinh - cosh + 1.0) + z * rest(z, sinh, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diodes_have_the_values_of_a_solution_in_forty_digits() {
        // the first antiderivative equals quadrature of the voltage, the second quadrature of the first
        let anchors = [
            (0.3, 0.296169776879967444, 0.0448196571474623861, 0.00449178291293581806),
            (1.0, 0.515436430389852585, 0.360648846080649461, 0.138732670584538763),
            (4.5, 0.609794904774053969, 2.38192637001099291, 4.85315522258321398),
        ];
        for (x, v, f1, f2) in anchors {
            for (found, expected) in [(Diodes.f(x), v), (Diodes.f1(x), f1), (Diodes.f2(x), f2)] {
                assert!((found / expected - 1.0).abs() < 1e-15, "{x} V: {found} for {expected}");
            }
            assert_eq!([Diodes.f(-x), Diodes.f1(-x), Diodes.f2(-x)], [-Diodes.f(x), Diodes.f1(x), -Diodes.f2(x)]);
        }
        assert_eq!([Diodes.f(0.0), Diodes.f1(0.0), Diodes.f2(0.0)], [0.0; 3]);
        assert!(Diodes.f(1e13) < 2.0 && Diodes.f2(1e13).is_finite()); // 41.6 nVt
    }
}
