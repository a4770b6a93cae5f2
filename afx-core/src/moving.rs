//! Parameters on their way.

use crate::Scalar;
use crate::simd::{Kernel, Simd};

/// Parameters that move in a straight line: in frame `t` of a call each is `start + (first + t) * slope`.
///
/// What is linear in its parameters, as every sum of a convolution, is so at every frame with two sums: that of the starts, and that of the slopes
/// times the frame's number, [`Moving::add`].
#[derive(Clone, Copy, Debug)]
pub struct Moving<'a, T> {
    /// Where the line starts, laid out as the layer's [`Layout`](crate::Layout) says.
    pub start: &'a [T],
    /// What each moves by in a frame, laid out alike; none at rest.
    pub slope: Option<&'a [T]>,
    /// Frames from the start of the line to the first one of the call.
    pub first: usize,
}

impl<'a, T: Scalar> Moving<'a, T> {
    /// Parameters at rest.
    pub fn still(params: &'a [T]) -> Self {
        Moving { start: params, slope: None, first: 0 }
    }

    /// Those from `place` on.
    pub fn at(self, place: usize) -> Self {
        Moving { start: &self.start[place..], slope: self.slope.map(|slope| &slope[place..]), ..self }
    }

    /// The same in a call that begins so many frames later.
    pub fn later(self, frames: usize) -> Self {
        Moving { first: self.first + frames, ..self }
    }

    /// Adds `(first + t) * z` to frame `t` of `y`, whose frames and those of `z` have `width` numbers.
    pub fn add(self, y: &mut [T], z: &[T], width: usize) {
        if width == 1 {
            let frames = y.len();
            return self.add_planes(frames, (y, frames), (z, frames));
        }
        T::dispatch_width(width, Frames { first: self.first, y, z, width });
    }

    /// [`Moving::add`] of several channels that lie side by side, each `frames` numbers long and so many numbers behind the one before.
    pub fn add_planes(self, frames: usize, (y, stride): (&mut [T], usize), (z, z_stride): (&[T], usize)) {
        T::dispatch_width(frames, Planes { first: self.first, frames, y, stride, z, z_stride });
    }
}

struct Frames<'a, T> {
    first: usize,
    y: &'a mut [T],
    z: &'a [T],
    width: usize,
}

impl<T: Scalar> Kernel<T> for Frames<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        for (t, (y, z)) in self.y.chunks_exact_mut(self.width).zip(self.z.chunks_exact(self.width)).enumerate() {
            let weight = T::from_usize(self.first + t);
            for (y, z) in y.iter_mut().zip(z) {
                *y += weight * *z;
            }
        }
    }
}

struct Planes<'a, T> {
    first: usize,
    frames: usize,
    y: &'a mut [T],
    stride: usize,
    z: &'a [T],
    z_stride: usize,
}

/// Frames whose numbers are made at a time.
const BLOCK: usize = 64;

impl<T: Scalar> Kernel<T> for Planes<'_, T> {
    type Out = ();
    #[inline(always)]
    fn call<S: Simd<T = T>>(self, _: S) {
        let mut weights = [T::ZERO; BLOCK];
        for at in (0..self.frames).step_by(BLOCK) {
            let end = self.frames.min(at + BLOCK);
            for (t, weight) in weights.iter_mut().enumerate() {
                *weight = T::from_usize(self.first + at + t);
            }
            for (y, z) in self.y.chunks_mut(self.stride).zip(self.z.chunks(self.z_stride)) {
                for ((y, z), weight) in y[at..end].iter_mut().zip(&z[at..end]).zip(&weights) {
                    *y += *weight * *z;
                }
            }
        }
    }
}
