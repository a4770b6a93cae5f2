//! What the `afx` command is made of: pictures of a model's behaviour and the report that shows them.
//!
//! - [`plot`]: analysis signals, the figures the field uses, and their SVG and PNG renderings; no window system, no system font.
//! - [`commands`]: the subcommands; [`scores`]: the metrics they print.
//! - [`report`]: one self-contained HTML page of tables, figures and players.
pub mod commands;
pub mod plot;
pub mod report;
pub mod scores;
