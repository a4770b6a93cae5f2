//! Artificial reverberation.
//!
//! | | what | sounds like |
//! |---|---|---|
//! | [`FeedbackDelayNetwork`] | delays that feed one another through an orthogonal matrix | a room whose decay is set in seconds, low and high frequencies apart |
//! | [`Plate`] | Dattorro's figure of eight with modulated allpasses | a studio's plate: dense at once, slowly moving |
//! | [`Freeverb`] | eight combs and four allpasses a channel, Jezar's | the sound of many plugins since 2000 |
//!
//! All are [`Processor`](afx_core::Processor)s of two channels that play the reverberation alone: a [`Mix`](afx_core::Mix) around them adds the dry
//! signal. For the sound of a real room there is [`Convolver`](crate::Convolver). What was heard fades to exact silence; knobs glide.

mod allpass;
mod fdn;
mod freeverb;
mod plate;

pub use fdn::FeedbackDelayNetwork;
pub use freeverb::Freeverb;
pub use plate::Plate;

use crate::heard;
use afx_core::Scalar;

/// A reverberator of two channels, a frame at a time.
trait Stereo<T> {
    fn frame(&mut self, x: [T; 2]) -> [T; 2];
}

/// One channel in is both; one channel out is the left one. Further outputs are silent.
fn play<T: Scalar>(reverb: &mut impl Stereo<T>, input: &[&[T]], output: &mut [&mut [T]]) {
    let lengths = input.iter().map(|x| x.len()).chain(output.iter().map(|y| y.len()));
    let frames = lengths.min().unwrap_or(0);
    for n in 0..frames {
        let sample = |c: usize| input.get(c).or(input.first()).map_or(T::ZERO, |x| heard(x[n]));
        let y = reverb.frame([sample(0), sample(1)]);
        for (c, out) in output.iter_mut().enumerate() {
            out[n] = if c < 2 && !input.is_empty() { y[c] } else { T::ZERO };
        }
    }
}
