//! An echo.

use super::settings::{Loop, Settings};
use crate::{DspError, heard};
use afx_core::{Mono, Scalar};

/// An echo of one channel; [the page above](super) has the equations.
///
/// A new time neither clicks nor moves the pitch: the old time fades into it within 30 ms. On [tape](Delay::on_tape) it glides there, and the
/// pitch with it. All levels and filters glide over 20 ms.
///
/// Knobs: time (the square of the part turned, of the longest), feedback, dry, wet, low-pass, high-pass; all but the time go from one end of
/// what their setters take to the other, the filters by octaves.
///
/// Real-time: nothing allocates. A `reset` takes as long as it takes to fill the memory of the longest time.
///
/// ```
/// use afx_core::{Channels, Processor};
/// use afx_dsp::delay::Delay;
///
/// let mut echo = Delay::<f32>::new(48e3, 1000.0)?;
/// echo.set_time_ms(375.0)?;
/// echo.set_feedback(0.5)?;
/// echo.set_low_pass_hz(3e3)?; // each echo is darker than the one before
/// let mut stereo = Channels::new(echo, 2);
/// stereo.reset(); // there at once; while it plays it takes 20 to 30 ms
/// let (x, mut left, mut right) = ([0.5; 64], [0.0; 64], [0.0; 64]);
/// stereo.process(&[&x, &x], &mut [&mut left, &mut right]);
/// # Ok::<(), afx_dsp::DspError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delay<T: Scalar> {
    echo: Settings,
    channel: Loop<T>,
}

impl<T: Scalar> Delay<T> {
    /// At rest: a quarter of the longest time, feedback 0.4, dry 1, wet 0.5, both filters out of the loop.
    ///
    /// # Errors
    /// [`DspError::OutOfRange`] for a sample rate outside 1 kHz to 100 MHz, or a longest time that is not 2 to 2^24 frames.
    pub fn new(sample_rate_hz: f64, max_ms: f64) -> Result<Self, DspError> {
        let echo = Settings::new(sample_rate_hz, max_ms)?;
        Ok(Delay { channel: Loop::new(&echo)?, echo })
    }

    /// The same on tape: `tanh` of all that is written, so that no level is above 1, and times between frames that glide, by half a frame a
    /// frame at most. While the time grows the pitch falls, by an octave at most; while it shrinks the pitch rises, by a fifth. What is
    /// written loses a little treble each time round unless the time is one of whole frames ([`Interpolation`](super::Interpolation)).
    #[must_use]
    pub fn on_tape(mut self) -> Self {
        self.echo.on_tape();
        self
    }

    echo_settings!();

    /// Forgets all sound, and puts the time and all levels where they were last set to.
    pub fn reset(&mut self) {
        self.echo.arrive();
        self.channel.reset();
    }

    /// Echoes the samples, in place.
    pub fn process_in_place(&mut self, samples: &mut [T]) {
        for sample in samples {
            let x = heard(*sample);
            self.echo.advance();
            let (echo, back) = self.channel.read(&self.echo);
            self.channel.write(x + back, &self.echo);
            *sample = self.echo.mix(x, echo);
        }
    }
}

/// Six knobs, from -1 to 1: time, feedback, dry, wet, low-pass, high-pass.
impl<T: Scalar> Mono<T> for Delay<T> {
    fn process_in_place(&mut self, samples: &mut [T]) {
        self.process_in_place(samples);
    }
    fn reset(&mut self) {
        self.reset();
    }
    fn set_controls(&mut self, controls: &[T]) {
        self.echo.turn(controls);
    }
}
