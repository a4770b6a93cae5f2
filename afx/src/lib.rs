//! Neural and classical audio effect modelling.

pub use afx_core as core;
pub use afx_dsp as dsp;
pub use afx_io as io;
pub use afx_loss as loss;
pub use afx_models as models;
pub use afx_train as train;
