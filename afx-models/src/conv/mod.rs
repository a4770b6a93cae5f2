//! What convolutional cells share.

mod block;
mod line;
mod product;

pub(crate) use block::{Block, Blocks, pieces};
pub(crate) use line::{BLOCK, Line};
pub(crate) use product::{Product, Taps, transpose};
