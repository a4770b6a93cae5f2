//! A signal's past.

use super::sinc::{Sinc, TAPS};
use crate::DspError;
use afx_core::Scalar;
use alloc::vec::Vec;

/// How a [`DelayLine`] is read between two of its samples; [the table](super) says what each loses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Interpolation {
    /// A straight line between two samples.
    Linear,
    /// The cubic polynomial through four samples, Lagrange's of third order.
    #[default]
    Lagrange,
    /// 32 samples under a sinc in Kaiser's window: flat to 0.001 dB up to 5/12 of the sample rate, 20 kHz at 48.
    Sinc,
}

impl Interpolation {
    /// The shortest delay: the samples on the newer side must have been written.
    pub fn least_frames(self) -> usize {
        match self {
            Self::Linear => 1,
            Self::Lagrange => 2,
            Self::Sinc => TAPS / 2,
        }
    }
}

/// The last samples of a signal, in a ring whose length is a power of two.
///
/// A delay counts from the sample that is about to be written: what [`DelayLine::read`] gives of 1 was written last. So a loop reads, then
/// writes, and takes exactly as many frames as it reads back:
///
/// ```
/// use afx_dsp::delay::{DelayLine, Interpolation};
///
/// let mut line = DelayLine::<f32>::new(1000, Interpolation::Lagrange)?;
/// let mut samples = [0.0; 10];
/// samples[0] = 1.0;
/// for sample in &mut samples {
///     *sample += 0.5 * line.read(3); // line.read_at(3.2) reads between two samples
///     line.write(*sample);
/// }
/// assert_eq!(samples, [1.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.125]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
///
/// What is written is kept as it is: an effect keeps NaN and infinities out, and lets what decays end in 0.
///
/// Real-time: nothing allocates but the constructor.
#[derive(Clone, Debug)]
pub struct DelayLine<T: Scalar> {
    /// `mask + 1` samples, and behind them the first [`TAPS`] again, so that neighbours always lie side by side.
    samples: Vec<T>,
    mask: usize,
    /// Where the next sample goes.
    next: usize,
    longest: usize,
    interpolation: Interpolation,
    sinc: Option<Sinc<T>>,
}

/// The longest line: 350 s at 48 kHz, 64 MiB in `f32`.
const LONGEST: usize = 1 << 24;

impl<T: Scalar> DelayLine<T> {
    /// Silence, of which `max_frames` can be read back.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] where `max_frames` is less than [`Interpolation::least_frames`] or more than 2^24.
    pub fn new(max_frames: usize, interpolation: Interpolation) -> Result<Self, DspError> {
        if !(interpolation.least_frames()..=LONGEST).contains(&max_frames) {
            let expected = match interpolation {
                Interpolation::Linear => "1 to 16777216",
                Interpolation::Lagrange => "2 to 16777216",
                Interpolation::Sinc => "16 to 16777216",
            };
            return Err(DspError::OutOfRange { name: "max_frames", expected, found: max_frames as f64 });
        }
        let length = (max_frames + TAPS).next_power_of_two();
        let sinc = (interpolation == Interpolation::Sinc).then(Sinc::new);
        Ok(DelayLine { samples: alloc::vec![T::ZERO; length + TAPS], mask: length - 1, next: 0, longest: max_frames, interpolation, sinc })
    }

    /// The longest delay.
    pub fn max_frames(&self) -> usize {
        self.longest
    }

    /// How it is read between samples.
    pub fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// The next sample.
    #[inline(always)]
    pub fn write(&mut self, x: T) {
        self.samples[self.next] = x;
        if self.next < TAPS {
            self.samples[self.mask + 1 + self.next] = x;
        }
        self.next = (self.next + 1) & self.mask;
    }

    /// The sample written that many writes ago, held to 1 to [`DelayLine::max_frames`].
    #[inline(always)]
    pub fn read(&self, frames: usize) -> T {
        self.samples[self.next.wrapping_sub(frames.clamp(1, self.longest)) & self.mask]
    }

    /// Between two samples, held to [`Interpolation::least_frames`] to [`DelayLine::max_frames`]; NaN is the least. Whole delays are exact.
    #[inline(always)]
    pub fn read_at(&self, frames: f64) -> T {
        let least = self.interpolation.least_frames() as f64;
        let frames = if frames > least { frames.min(self.longest as f64) } else { least };
        let whole = frames as usize;
        let part = frames - whole as f64;
        match (self.interpolation, &self.sinc) {
            (Interpolation::Linear, _) => {
                let pair = self.window::<2>(whole + 1);
                pair[1] + (pair[0] - pair[1]) * T::from_f64(part)
            }
            (Interpolation::Sinc, Some(sinc)) => sinc.read(self.window::<TAPS>(whole + TAPS / 2), part),
            _ => lagrange(self.window::<4>(whole + 2), T::from_f64(part)),
        }
    }

    /// `N` samples, of which the first was written `oldest` writes ago.
    #[inline(always)]
    fn window<const N: usize>(&self, oldest: usize) -> &[T] {
        &self.samples[self.next.wrapping_sub(oldest) & self.mask..][..N]
    }

    /// Silence again. Takes as long as it takes to fill the memory.
    pub fn reset(&mut self) {
        self.samples.fill(T::ZERO);
        self.next = 0;
    }
}

/// The cubic through four samples, oldest first, `part` of the way from the third to the second.
#[inline(always)]
fn lagrange<T: Scalar>(samples: &[T], part: T) -> T {
    let (one, two, sixth) = (T::ONE, T::from_f64(2.0), T::from_f64(1.0 / 6.0));
    let half = T::from_f64(0.5);
    let (before, after, beyond) = (part + one, one - part, two - part);
    let outer = part * sixth;
    let newest = -(outer * after * beyond);
    let newer = half * before * after * beyond;
    let older = half * part * before * beyond;
    let oldest = -(outer * before * after);
    (samples[3] * newest + samples[2] * newer) + (samples[1] * older + samples[0] * oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;
    use std::vec;

    const ALL: [Interpolation; 3] = [Interpolation::Linear, Interpolation::Lagrange, Interpolation::Sinc];

    #[test]
    fn whole_delays_give_back_what_was_written_to_the_bit() {
        for interpolation in ALL {
            let mut line = DelayLine::<f32>::new(100, interpolation).unwrap();
            let x: Vec<f32> = (0..1000).map(|n| (0.3 * n as f32).sin() + 0.1).collect();
            for n in 0..x.len() {
                for frames in [1, 2, 16, 17, 50, 99, 100] {
                    let expected = if n >= frames { x[n - frames] } else { 0.0 };
                    assert_eq!(line.read(frames), expected, "{interpolation:?}, {frames} at {n}");
                    if frames >= interpolation.least_frames() {
                        assert_eq!(line.read_at(frames as f64), expected, "{interpolation:?}, {frames} at {n}");
                    }
                }
                line.write(x[n]);
            }
            line.reset();
            assert!((1..=100).all(|frames| line.read(frames) == 0.0));
        }
    }

    /// `(magnitude in dB, delay in frames)` at a frequency, from the line's impulse response.
    fn response(line: &mut DelayLine<f64>, frames: f64, frequency_hz: f64) -> (f64, f64) {
        line.reset();
        let w = TAU * frequency_hz / 48e3;
        let (mut re, mut im) = (0.0, 0.0);
        line.write(1.0);
        for n in 1..120 {
            let angle = w * (f64::from(n) - frames); // relative to the delay that is wanted
            let h = line.read_at(frames);
            (re, im) = (re + h * angle.cos(), im - h * angle.sin());
            line.write(0.0);
        }
        (20.0 * re.hypot(im).log10(), frames - im.atan2(re) / w)
    }

    /// As computed with another program: half a sample is where all of them lose most.
    #[test]
    fn magnitudes_half_way_between_samples_are_those_of_the_reference() {
        let frequencies = [1e3, 5e3, 10e3, 15e3, 20e3];
        let linear = [-0.019, -0.474, -2.011, -5.105, -11.74];
        let lagrange = [0.0, -0.036, -0.534, -2.526, -8.414];
        for (interpolation, expected, digit) in [(Interpolation::Linear, linear, 5e-3), (Interpolation::Lagrange, lagrange, 6e-4)] {
            let mut line = DelayLine::new(100, interpolation).unwrap();
            for (frequency_hz, expected) in frequencies.into_iter().zip(expected) {
                let (found, delay) = response(&mut line, 40.5, frequency_hz);
                assert!((found - expected).abs() < digit, "{interpolation:?} at {frequency_hz} Hz: {found} dB");
                assert!((delay - 40.5).abs() < 1e-9, "symmetric taps delay by half a sample exactly: {delay}");
            }
        }
    }

    #[test]
    fn the_sinc_is_flat_to_20_khz_and_late_by_what_was_asked_anywhere_between_samples() {
        let mut line = DelayLine::new(100, Interpolation::Sinc).unwrap();
        let (mut off, mut late) = (0.0f64, 0.0f64);
        for n in 0..=100 {
            let frames = 40.0 + f64::from(n) / 101.0 + 1e-4;
            for k in 1..=40 {
                let (db, delay) = response(&mut line, frames, 500.0 * f64::from(k));
                off = off.max(db.abs());
                late = late.max((delay - frames).abs());
            }
        }
        assert!(off < 1e-3 && late < 2e-4, "{off} dB, {late} frames");
    }

    #[test]
    fn what_cannot_be_read_is_held_to_what_can() {
        for interpolation in ALL {
            let mut line = DelayLine::<f64>::new(64, interpolation).unwrap();
            (0..500).for_each(|n| line.write(f64::from(n)));
            let least = interpolation.least_frames();
            for (frames, expected) in [(f64::NAN, least), (-5.0, least), (0.0, least), (64.5, 64), (f64::INFINITY, 64)] {
                assert_eq!(line.read_at(frames), 500.0 - expected as f64, "{interpolation:?}: {frames}");
            }
            assert_eq!([line.read(0), line.read(65), line.read(usize::MAX)], [499.0, 436.0, 436.0]);
            let refused = |max_frames| DelayLine::<f64>::new(max_frames, interpolation).map(|_| ()).unwrap_err();
            assert!(matches!(refused(least - 1), DspError::OutOfRange { name: "max_frames", .. }));
            assert!(matches!(refused(usize::MAX), DspError::OutOfRange { name: "max_frames", .. }));
            assert_eq!(DelayLine::<f64>::new(least, interpolation).unwrap().max_frames(), least);
        }
    }

    /// A straight line is a straight line to all of them, the whole way around the ring.
    #[test]
    fn neighbours_are_found_across_the_end_of_the_ring() {
        for interpolation in ALL {
            let mut line = DelayLine::<f64>::new(96, interpolation).unwrap();
            for n in 0..1000 {
                line.write(f64::from(n));
                for frames in [16.25, 33.5, 95.75] {
                    if n > 200 {
                        let expected = f64::from(n) + 1.0 - frames;
                        let found = line.read_at(frames);
                        assert!((found - expected).abs() < 2e-3, "{interpolation:?}, {frames} at {n}: {found}, not {expected}");
                    }
                }
            }
        }
        let ramp: Vec<f64> = vec![3.0, 2.0, 1.0, 0.0];
        assert!((lagrange(&ramp, 0.25) - 1.25).abs() < 1e-15);
    }
}
