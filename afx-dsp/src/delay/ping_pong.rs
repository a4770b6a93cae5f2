//! An echo that goes from side to side.

use super::settings::{Loop, Settings};
use crate::{DspError, heard};
use afx_core::{Processor, Scalar};

/// An echo of two channels whose repeats are left, right, left: the mean of both inputs goes to the left line, what the left one gives back to
/// the right one, and back. Dry, each side keeps its own.
///
/// Time, knobs and [tape](PingPong::on_tape) are those of [`Delay`](super::Delay), one setting for both sides.
///
/// Real-time: nothing allocates. A `reset` takes as long as it takes to fill the memory of twice the longest time.
///
/// ```
/// use afx_core::Processor;
/// use afx_dsp::delay::PingPong;
///
/// let mut echo = PingPong::<f32>::new(48e3, 1000.0)?;
/// echo.set_time_ms(1.0)?;
/// echo.set_feedback(0.5)?;
/// echo.set_wet(1.0)?;
/// echo.reset();
/// let (mut click, mut left, mut right) = ([0.0; 200], [0.0; 200], [0.0; 200]);
/// click[0] = 1.0;
/// echo.process(&[&click, &click], &mut [&mut left, &mut right]);
/// assert_eq!([left[48], left[96], left[144]], [1.0, 0.0, 0.25]);
/// assert_eq!([right[48], right[96], right[144]], [0.0, 0.5, 0.0]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PingPong<T: Scalar> {
    echo: Settings,
    sides: [Loop<T>; 2],
}

impl<T: Scalar> PingPong<T> {
    /// At rest: a quarter of the longest time, feedback 0.4, dry 1, wet 0.5, both filters out of the loop.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, or a longest time that is not 2 to 2^24 frames.
    pub fn new(sample_rate_hz: f64, max_ms: f64) -> Result<Self, DspError> {
        let echo = Settings::new(sample_rate_hz, max_ms)?;
        Ok(PingPong { sides: [Loop::new(&echo)?, Loop::new(&echo)?], echo })
    }

    /// The same on tape, as [`Delay::on_tape`](super::Delay::on_tape) has it.
    #[must_use]
    pub fn on_tape(mut self) -> Self {
        self.echo.on_tape();
        self
    }

    echo_settings!();
}

/// Six knobs, as [`Delay`](super::Delay) has them. A single input is both sides' input, and its channel the left one.
impl<T: Scalar> Processor<T> for PingPong<T> {
    fn process(&mut self, input: &[&[T]], output: &mut [&mut [T]]) {
        let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
        let frames = lengths.min().unwrap_or(0);
        let count = input.len().min(2);
        let half = T::from_f64(0.5);
        for n in 0..frames {
            let x = match *input {
                [] => [T::ZERO; 2],
                [x] => [heard(x[n]); 2],
                [left, right, ..] => [heard(left[n]), heard(right[n])],
            };
            self.echo.advance();
            let [left, right] = &mut self.sides;
            let (left_echo, from_left) = left.read(&self.echo);
            let (right_echo, from_right) = right.read(&self.echo);
            left.write(half * (x[0] + x[1]) + from_right, &self.echo);
            right.write(from_left, &self.echo);
            let echoes = [left_echo, right_echo];
            for (c, y) in output.iter_mut().enumerate() {
                y[n] = if c < count { self.echo.mix(x[c], echoes[c]) } else { T::ZERO };
            }
        }
    }
    fn set_controls(&mut self, controls: &[T]) {
        self.echo.turn(controls);
    }
    fn reset(&mut self) {
        self.echo.arrive();
        self.sides.iter_mut().for_each(Loop::reset);
    }
    fn latency(&self) -> usize {
        0
    }
}
