//! afx-loss

pub mod metrics;
