//! Short-time Fourier transform with a hand-written adjoint.

mod transform;
mod window;

pub use transform::{Stft, StftSettings};
pub use window::Window;
