//! Whole buffers at another rate, latency removed.

use super::{Downsampler, Factor, HalfBand, Oversampler, Upsampler};
use afx_core::Scalar;
use alloc::vec;
use alloc::vec::Vec;

/// `x` at `factor` times its rate, linear phase: sample `factor * n` of the result lies at the instant of `x[n]`.
///
/// The result holds `factor * x.len()` samples. Beyond its ends `x` counts as silence.
pub fn interpolate<T: Scalar>(x: &[T], factor: Factor) -> Vec<T> {
    let mut up = Upsampler::new(factor, HalfBand::LinearPhase);
    let delay = up.group_delay_samples() as usize;
    let tail = vec![T::ZERO; delay.div_ceil(factor.get())];
    let mut y = vec![T::ZERO; (x.len() + tail.len()) * factor.get()];
    let (head, rest) = y.split_at_mut(x.len() * factor.get());
    up.process(x, head);
    up.process(&tail, rest);
    y.drain(..delay);
    y.truncate(x.len() * factor.get());
    y
}

/// `x` at `1 / factor` of its rate, linear phase: sample `n` of the result lies at the instant of `x[factor * n]`.
///
/// The result holds `x.len() / factor` samples, rounded up. Beyond its ends `x` counts as silence.
pub fn decimate<T: Scalar>(x: &[T], factor: Factor) -> Vec<T> {
    let mut down = Downsampler::new(factor, HalfBand::LinearPhase);
    let (step, delay) = (factor.get(), down.group_delay_samples() as usize);
    // silence in front makes the delay a whole number of frames, silence behind brings the last frame out
    let front = delay.next_multiple_of(step) - delay;
    let (frames, skipped) = (x.len().div_ceil(step), (delay + front) / step);
    let mut padded = vec![T::ZERO; (frames + skipped) * step];
    padded[front..front + x.len()].copy_from_slice(x);
    let mut y = vec![T::ZERO; frames + skipped];
    down.process(&padded, &mut y);
    y.drain(..skipped);
    y
}

/// Runs `f` over `x` at `factor` times its rate, linear phase, and removes the latency: the result is as long as `x` and
/// lies on top of it.
///
/// `f` sees consecutive pieces as in [`Oversampler::process`], followed by enough silence to bring the last frame out.
pub fn render_at<T: Scalar>(x: &[T], factor: Factor, mut f: impl FnMut(&mut [T])) -> Vec<T> {
    let mut oversampler = Oversampler::new(factor, HalfBand::LinearPhase);
    let latency = oversampler.latency_frames();
    let mut y = Vec::with_capacity(x.len() + latency);
    y.extend_from_slice(x);
    y.resize(x.len() + latency, T::ZERO);
    oversampler.process_in_place(&mut y, &mut f);
    y.drain(..latency);
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pulse with nothing above the pass band: its rate can change without loss.
    fn pulse(t: f64) -> f64 {
        (-0.5 * (t / 3.0) * (t / 3.0)).exp()
    }

    #[test]
    fn interpolation_and_decimation_keep_the_instants() {
        for factor in Factor::ALL {
            let step = factor.get();
            let x: Vec<f64> = (0..200).map(|n| pulse(n as f64 - 100.0)).collect();
            let high: Vec<f64> = (0..200 * step).map(|n| pulse(n as f64 / step as f64 - 100.0)).collect();
            let up = interpolate(&x, factor);
            let down = decimate(&high, factor);
            let both = render_at(&x, factor, |_| {});
            assert_eq!((up.len(), down.len(), both.len()), (high.len(), x.len(), x.len()));
            // four stages of 0.7e-6 ripple and stop band on a pulse of height 1
            assert!(up.iter().zip(&high).all(|(a, b)| (a - b).abs() < 3e-6), "{factor:?}");
            assert!(down.iter().zip(&x).all(|(a, b)| (a - b).abs() < 3e-6), "{factor:?}");
            assert!(both.iter().zip(&x).all(|(a, b)| (a - b).abs() < 6e-6), "{factor:?}");
        }
    }

    #[test]
    fn lengths_that_are_no_multiple_round_up_and_nothing_gives_nothing() {
        assert_eq!(decimate(&[1.0_f64; 17], Factor::X8).len(), 3);
        assert!(decimate::<f32>(&[], Factor::X8).is_empty());
        assert!(interpolate::<f32>(&[], Factor::X8).is_empty());
        assert!(render_at::<f32>(&[], Factor::X8, |_| {}).is_empty());
    }
}
