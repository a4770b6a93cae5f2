//! The `afx` command, run as a person would.
mod common;
mod contract;
mod demo;
mod evaluate;
mod exchange;
mod plot;
mod report;
mod train;
