#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

pub use afx_core as core;
pub use afx_dsp as dsp;
pub use afx_io as io;
pub use afx_loss as loss;
pub use afx_models as models;
pub use afx_train as train;

/// What a plugin author and a researcher type most: `use afx::prelude::*;`.
///
/// To play: [`ModelFile`], [`Processor`], [`Voice`]. To build: [`ModelSpec`], [`Conditioned`], [`Layer`], [`Adapter`], [`Scalar`].
/// To train: [`Dataset`], [`Capture`], [`Knob`], [`Material`], [`Config`], [`Trainer`], [`Event`], [`Loss`], [`Differentiable`].
pub mod prelude {
    pub use afx_core::{Adapter, Conditioned, Differentiable, Layer, Processor, Scalar, Voice};
    pub use afx_io::ModelFile;
    pub use afx_io::dataset::{Capture, Dataset, Knob};
    pub use afx_loss::Loss;
    pub use afx_models::ModelSpec;
    pub use afx_train::{Config, Event, Material, Trainer};
}
