//! The `afx` command, run as a person would.
mod common;
mod evaluate;
mod plot;
mod report;
