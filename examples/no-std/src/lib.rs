#![no_std]
//! A conditioned effect without an operating system, with weights in flash.
//!
//! Needs an allocator at start-up, none afterwards. `effect.rs` is the third program of the README, word for word.

mod effect;

pub use effect::{Effect, effect, interrupt};

/// A synthetic overdrive, knob drive, at 48 kHz: an ESR of 0.04 in the middle of the knob, 0.25 and 0.14 at its ends. The learnt numbers in the order of the adapter's layout, gaps included, as they lie in flash.
pub static LEARNT: [f32; LEARNT_LEN] = include!("learnt.in");

/// How many numbers that is.
pub const LEARNT_LEN: usize = 368;
