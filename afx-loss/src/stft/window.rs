//! Windows.

use core::f64::consts::PI;

/// The shape of an analysis window of `N` frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Window {
    /// `½ - ½ cos(2πn / N)`, periodic, as in `torch.hann_window`.
    #[default]
    Hann,
    /// `½ - ½ cos(2πn / (N - 1))`, as in `numpy.hanning` and PyNeuralFx.
    HannSymmetric,
    /// `0.54 - 0.46 cos(2πn / N)`, periodic.
    Hamming,
    /// `0.42 - 0.5 cos(2πn / N) + 0.08 cos(4πn / N)`, periodic.
    Blackman,
    /// Triangle `1 - |2n / N - 1|`, periodic.
    Bartlett,
    /// Kaiser window with `β = 12`, periodic, as in `torch.kaiser_window`.
    Kaiser,
    /// Ones.
    Rectangular,
}

impl Window {
    /// The window's `frames` values.
    ///
    /// ```
    /// let w = afx_loss::Window::Hann.values(8);
    /// assert!((w[1] - 0.146447).abs() < 1e-6 && w[4] == 1.0);
    /// ```
    pub fn values(self, frames: usize) -> Vec<f64> {
        if frames == 1 {
            return vec![1.0];
        }
        let n = frames as f64;
        let cosine = |i: usize, period: f64, k: f64| (2.0 * PI * k * i as f64 / period).cos();
        let at = |i: usize| match self {
            Window::Hann => 0.5 - 0.5 * cosine(i, n, 1.0),
            Window::HannSymmetric => 0.5 - 0.5 * cosine(i, n - 1.0, 1.0),
            Window::Hamming => 0.54 - 0.46 * cosine(i, n, 1.0),
            Window::Blackman => 0.42 - 0.5 * cosine(i, n, 1.0) + 0.08 * cosine(i, n, 2.0),
            Window::Bartlett => 1.0 - (2.0 * i as f64 / n - 1.0).abs(),
            Window::Kaiser => {
                let t = 2.0 * i as f64 / n - 1.0;
                bessel_i0(12.0 * (1.0 - t * t).max(0.0).sqrt()) / bessel_i0(12.0)
            }
            Window::Rectangular => 1.0,
        };
        (0..frames).map(at).collect()
    }
}

/// Modified Bessel function of the first kind, order 0, by its power series: `Σ ((x/2)^k / k!)²`, all terms positive.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..200 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(window: Window, frames: usize, expected: &[f64]) {
        for (found, expected) in window.values(frames).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{window:?}: {found} {expected}"); // six digits are given
        }
    }

    #[test]
    fn hann_windows_equal_the_published_values() {
        close(Window::Hann, 8, &[0.0, 0.146447, 0.5, 0.853553, 1.0]);
        close(Window::HannSymmetric, 8, &[0.0, 0.188255, 0.611260, 0.950484]);
    }

    #[test]
    fn the_others_equal_torch() {
        close(Window::Hamming, 8, &[0.08, 0.2147309, 0.54, 0.8652691, 1.0]);
        close(Window::Blackman, 8, &[0.0, 0.0664466, 0.34, 0.7735534, 1.0]);
        close(Window::Bartlett, 8, &[0.0, 0.25, 0.5, 0.75, 1.0]);
        close(Window::Kaiser, 8, &[0.0000528, 0.0212784, 0.2156727, 0.6945160, 1.0000000]);
    }
}
