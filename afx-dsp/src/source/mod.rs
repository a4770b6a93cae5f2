//! Signals to feed a device with: seeded, and the same to the bit on every machine.
//!
//! Nothing here uses a library's elementary functions, whose last digits differ between platforms: two people who name a seed
//! train on the same samples.

mod exact;
mod phrase;
mod rng;
mod score;
mod string;

pub use phrase::GuitarPhrase;
pub use rng::Rng;
pub use string::{Gesture, Pluck, PluckedString};
