//! Digital filters whose magnitude is the analogue one's up to half the sample rate.

use super::{BiquadCoefficients, FilterShape, FilterSpec};
use afx_core::Scalar;
use core::f64::consts::{LN_10, PI};

/// The denominator of a filter, without its leading 1.
#[derive(Clone, Copy)]
struct Poles {
    a: [f64; 2],
}

impl Poles {
    /// Those of `s² + 2 damping w s + w²`, sampled: an impulse rings with them as it does there.
    fn new(w: f64, damping: f64) -> Self {
        let decay = Scalar::exp(-damping * w);
        let real = if damping <= 1.0 {
            decay * Scalar::cos(w * Scalar::sqrt(1.0 - damping * damping))
        } else {
            let spread = w * Scalar::sqrt(damping * damping - 1.0);
            0.5 * (Scalar::exp(spread - damping * w) + Scalar::exp(-spread - damping * w))
        };
        Poles { a: [-2.0 * real, decay * decay] }
    }

    /// `A` of `|A(w)|² = A_0 p_0 + A_1 p_1 + A_2 p_2`.
    fn powers(self) -> [f64; 3] {
        let [a1, a2] = self.a;
        let (even, odd) = (1.0 + a2, a1);
        [(even + odd) * (even + odd), (even - odd) * (even - odd), -4.0 * a2]
    }
}

/// `p_0 = cos²(w / 2)`, `p_1 = sin²(w / 2)`, `p_2 = 4 p_0 p_1`.
fn places(w: f64) -> [f64; 3] {
    let p1 = Scalar::sin(0.5 * w) * Scalar::sin(0.5 * w);
    [1.0 - p1, p1, 4.0 * p1 * (1.0 - p1)]
}

fn dot(a: [f64; 3], p: [f64; 3]) -> f64 {
    a[0] * p[0] + a[1] * p[1] + a[2] * p[2]
}

fn root(x: f64) -> f64 {
    Scalar::sqrt(x.max(0.0))
}

/// The zeros of least phase with `|B(w)|² = B_0 p_0 + B_1 p_1 + B_2 p_2`.
fn zeros([b0, b1, b2]: [f64; 3]) -> [f64; 3] {
    let (even, odd) = (root(b0), root(b1));
    let sum = 0.5 * (even + odd);
    let first = 0.5 * (sum + root(sum * sum + b2));
    [first, 0.5 * (even - odd), -b2 / (4.0 * first)]
}

/// Vicanek 2016, "Matched second order digital filters": poles are sampled, zeros are those with which the magnitude is the analogue one's at 0 and at
/// the filter's frequency, where that of the band-pass and the bell also has its top. Shelves are the analogue ones at 0, half the sample rate
/// and the frequency; cuts are boosts turned upside down, so that both lose nothing to one another.
///
/// Only for frequencies of 1e-4 of the sample rate and more: below that the digits go, and the bilinear transform is the analogue filter.
pub(super) fn coefficients(spec: FilterSpec) -> BiquadCoefficients {
    let w = 2.0 * spec.half_angle;
    let inverse = match spec.shape {
        FilterShape::Bell | FilterShape::LowShelf => spec.gain_db < 0.0,
        FilterShape::HighShelf => spec.gain_db > 0.0,
        _ => false,
    };
    let gain_db = if inverse { -spec.gain_db } else { spec.gain_db };
    let gain = Scalar::exp(gain_db * (LN_10 / 20.0));
    let damping = 0.5 / spec.q;
    let (poles, b) = match spec.shape {
        FilterShape::LowPass => {
            let (poles, p) = (Poles::new(w, damping), places(w));
            let a = poles.powers();
            let b1 = (spec.q * spec.q * dot(a, p) - a[0] * p[0]) / p[1];
            let first = 0.5 * (root(a[0]) + root(b1));
            (poles, [first, root(a[0]) - first, 0.0])
        }
        FilterShape::HighPass => {
            let (poles, p) = (Poles::new(w, damping), places(w));
            let first = spec.q * root(dot(poles.powers(), p)) / (4.0 * p[1]);
            (poles, [first, -2.0 * first, first])
        }
        FilterShape::BandPass => {
            let (poles, p) = (Poles::new(w, damping), places(w));
            let a = poles.powers();
            let slope = a[1] - a[0] + 4.0 * (p[0] - p[1]) * a[2];
            let b2 = (dot(a, p) - slope * p[1]) / (4.0 * p[1] * p[1]);
            let b1 = slope + 4.0 * (p[1] - p[0]) * b2;
            let middle = -0.5 * root(b1);
            let first = 0.5 * (root(b2 + middle * middle) - middle);
            (poles, [first, middle, -first - middle].map(|b| spec.q * b))
        }
        FilterShape::Notch | FilterShape::AllPass => {
            let poles = Poles::new(w, damping);
            let [a1, a2] = poles.a;
            if spec.shape == FilterShape::AllPass {
                (poles, [a2, a1, 1.0])
            } else {
                let middle = -2.0 * Scalar::cos(w);
                let level = (1.0 + a1 + a2) / (2.0 + middle);
                (poles, [level, level * middle, level])
            }
        }
        FilterShape::Bell => {
            let (poles, p) = (Poles::new(w, damping / Scalar::sqrt(gain)), places(w));
            let a = poles.powers();
            let power = gain * gain;
            let slope = power * (a[1] - a[0] + 4.0 * (p[0] - p[1]) * a[2]);
            let b2 = (power * dot(a, p) - slope * p[1] - a[0]) / (4.0 * p[1] * p[1]);
            let b1 = slope + a[0] + 4.0 * (p[1] - p[0]) * b2;
            (poles, zeros([a[0], b1, b2]))
        }
        FilterShape::LowShelf | FilterShape::HighShelf => {
            // A low shelf that lifts and a high one that lowers both have their poles below the frequency.
            let lift = if spec.shape == FilterShape::LowShelf { gain } else { 1.0 / gain };
            let fourth = Scalar::sqrt(Scalar::sqrt(lift));
            let poles = Poles::new(w / fourth, damping);
            let (a, match_at) = (poles.powers(), w.min(0.7 * PI));
            // Over s² + s ω / (f q) + ω² / f²: f² (s² + s f ω / q + f² ω²), which is `lift` at 0; the high shelf is that divided by it.
            let level = if spec.shape == FilterShape::LowShelf { 1.0 } else { gain };
            let magnitude = |at: f64| {
                let (s, f) = (at / w, fourth);
                let power = |zero: f64| {
                    let real = zero * zero - s * s;
                    real * real + s * s * zero * zero / (spec.q * spec.q)
                };
                level * level * power(f) / power(1.0 / f)
            };
            let p = places(match_at);
            let (b0, b1) = (a[0] * level * level * lift * lift, a[1] * magnitude(PI));
            let b2 = (dot(a, p) * magnitude(match_at) - b0 * p[0] - b1 * p[1]) / p[2];
            (poles, zeros([b0, b1, b2]))
        }
    };
    let a = poles.a;
    let level = matches!(spec.shape, FilterShape::Bell | FilterShape::LowShelf | FilterShape::HighShelf);
    if level && gain_db == 0.0 {
        // A wire, and not one to nine digits.
        BiquadCoefficients { b: [1.0, a[0], a[1]], a }
    } else if inverse {
        BiquadCoefficients { b: [1.0 / b[0], a[0] / b[0], a[1] / b[0]], a: [b[1] / b[0], b[2] / b[0]] }
    } else {
        BiquadCoefficients { b, a }
    }
}

/// `[g, k]` and `[m_x, m_b, m_l]` of the state-variable filter that has these coefficients.
pub(super) fn state_variable(coefficients: BiquadCoefficients) -> ([f64; 2], [f64; 3]) {
    let BiquadCoefficients { b, a: [a1, a2] } = coefficients;
    let (at_zero, at_half) = (1.0 + a1 + a2, 1.0 - a1 + a2);
    let g = root(at_zero / at_half);
    let k = 2.0 * (1.0 - a2) / (at_half * g);
    let direct = (b[0] - b[1] + b[2]) / at_half;
    let low = (b[0] + b[1] + b[2]) / at_zero - direct;
    let band = ((b[0] - direct) * 4.0 / at_half - low * g * g) / g;
    ([g, k], [direct, band, low])
}
