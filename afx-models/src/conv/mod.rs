//! What convolutional cells share.

mod line;
mod product;

pub(crate) use line::{BLOCK, Line};
pub(crate) use product::{Product, Taps, transpose};
