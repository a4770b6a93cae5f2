//! Stereo width.

use crate::error::sample_rate;
use crate::{DspError, audible, heard};
use afx_core::{Processor, Ramp, Scalar};

/// How far apart two channels are: with `m = (l + r) / √2`, `s = (l - r) / √2` and a width `w`, `m' = 2 (1 - w) m` and `s' = 2 w s`, which comes to
/// `l' = l + (1 - 2 w) r` and `r' = r + (1 - 2 w) l`.
///
/// - One knob: from -1, the sum on both sides, by 0, as they came to the bit, to 1, the difference on both sides. It glides over 20 ms.
/// - One channel in is both. Further outputs are silent.
/// - Real-time: nothing allocates.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::Width;
///
/// let mut width = Width::new(48e3)?;
/// width.set_width(0.0);
/// Processor::<f32>::reset(&mut width);
/// let (mut left, mut right) = ([0.0], [0.0]);
/// width.process(&[&[0.25f32], &[0.5]], &mut [&mut left, &mut right]);
/// assert_eq!((left, right), ([0.75], [0.75]));
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Width {
    width: Ramp,
}

impl Width {
    /// At 0.5, where both channels are as they came.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz.
    pub fn new(sample_rate_hz: f64) -> Result<Self, DspError> {
        Ok(Width { width: Ramp::new(0.5, 20.0, sample_rate(sample_rate_hz)?) })
    }

    /// The width, held to 0 to 1; NaN is ignored.
    pub fn set_width(&mut self, width: f64) {
        self.width.set(width);
    }
}

impl<T: Scalar> Processor<T> for Width {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
        let frames = lengths.min().unwrap_or(0);
        for n in 0..frames {
            self.width.advance();
            let across = T::from_f64(1.0 - 2.0 * self.width.value());
            let sample = |c: usize| input.get(c).or(input.first()).map_or(T::ZERO, |x| heard(x[n]));
            let x = [sample(0), sample(1)];
            for (c, y) in output.iter_mut().enumerate() {
                y[n] = if c < 2 { audible(x[c] + across * x[1 - c]) } else { T::ZERO };
            }
        }
    }
    fn set_controls(&mut self, controls: &[T]) {
        if let Some(width) = controls.first() {
            self.width.set(0.5 + 0.5 * width.to_f64());
        }
    }
    fn reset(&mut self) {
        self.width.arrive();
    }
    fn latency(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_and_side_are_weighed_as_defined_and_half_a_width_changes_no_bit() {
        let (left, right) = ([0.3f64, -0.8, 0.1], [0.7, 0.2, -0.4]);
        for width in [0.0, 0.2, 0.5, 1.0] {
            let mut effect = Width::new(48e3).unwrap();
            Processor::<f64>::set_controls(&mut effect, &[2.0 * width - 1.0]);
            Processor::<f64>::reset(&mut effect);
            let (mut a, mut b, mut c) = ([0.0; 3], [0.0; 3], [1.0; 3]);
            effect.process(&[&left, &right], &mut [&mut a, &mut b, &mut c]);
            for n in 0..3 {
                let root = 2.0f64.sqrt();
                let (m, s) = (2.0 * (1.0 - width) * (left[n] + right[n]) / root, 2.0 * width * (left[n] - right[n]) / root);
                assert!((a[n] - (m + s) / root).abs() < 1e-15 && (b[n] - (m - s) / root).abs() < 1e-15 && c[n] == 0.0);
            }
            assert!(width != 0.5 || (a, b) == (left, right));
        }
    }

    #[test]
    fn it_glides() {
        let mut effect = Width::new(48e3).unwrap();
        effect.set_width(1.0);
        effect.set_width(f64::NAN);
        let (x, mut a, mut b) = ([0.5f64; 2000], [0.0; 2000], [0.0; 2000]);
        effect.process(&[&x], &mut [&mut a, &mut b]);
        assert!(a == b && a[1999] == 0.0 && a.windows(2).all(|w| (0.0..1e-3).contains(&(w[0] - w[1]))));
        assert!(Width::new(f64::NAN).is_err());
    }
}
