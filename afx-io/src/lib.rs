#![cfg_attr(docsrs, feature(doc_cfg))]
//! Files for audio effect models: WAV, weights, data sets and knob automation.
//!
//! Every reader works in three steps: a read bounded by the file's size, a typed parse, and a plan in checked arithmetic
//! that is compared with the bytes at hand before anything is allocated. Every writer replaces the whole file or nothing.
//! A refusal is one [`Error`] that names file, field, what was expected and what was found.

mod about;
pub mod csv;
pub mod dataset;
pub mod disk;
mod error;
pub mod exchange;
mod model;
pub mod tensors;
mod voice;
pub mod wav;

pub use about::About;
pub use error::{Error, ErrorKind, Result};
pub use model::{ModelFile, VERSION};
pub use voice::ModelVoice;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
