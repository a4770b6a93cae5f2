//! What the `afx` command is made of: pictures of a model's behaviour and the report that shows them.
//!
//! - [`plot`]: analysis signals, the figures the field uses, and their SVG and PNG renderings; no window system, no system font.
//! - [`commands`]: the subcommands; [`scores`]: the metrics they print.
//! - [`report`]: one self-contained HTML page of tables, figures and players.
//! - [`say!`], [`say_part!`], [`warn`]: what a command prints, without a panic where nobody reads it; [`printed`]: whether all of it was.

/// `println!` that never panics: see [`printed`].
#[macro_export]
macro_rules! say {
    () => { $crate::print(format_args!("\n")) };
    ($($part:tt)*) => { $crate::print(format_args!("{}\n", format_args!($($part)*))) };
}

/// [`say!`] without the line break.
#[macro_export]
macro_rules! say_part {
    ($($part:tt)*) => { $crate::print(format_args!($($part)*)) };
}

pub mod commands;
pub mod plot;
pub mod report;
pub mod scores;

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

/// Why something could not be printed.
static UNPRINTED: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output; a failure is kept for [`printed`]. What [`say!`] calls.
pub fn print(text: fmt::Arguments<'_>) {
    keep(io::stdout().write_fmt(text));
}

fn keep(result: io::Result<()>) {
    // A reader who has left has seen what he wanted.
    if let Some(error) = result.err().filter(|e| e.kind() != io::ErrorKind::BrokenPipe) {
        let _ = UNPRINTED.set(error); // the first reason is the one to tell
    }
}

/// Whether all that was printed so far has reached standard output, or a reader who has left.
///
/// # Errors
/// What the system said, for example that the disk is full.
pub fn printed() -> Result<(), commands::Error> {
    keep(io::stdout().flush());
    match UNPRINTED.get() {
        None => Ok(()),
        Some(error) => Err(commands::Error::new(format_args!("standard output: write: expected success, found {error}"))),
    }
}

/// A line on standard error; line breaks and other control characters in it become spaces. Where nobody reads that, nothing happens.
pub fn warn(line: impl fmt::Display) {
    let line = format!("{}\n", commands::Error::new(line));
    let _ = io::stderr().write_all(line.as_bytes()); // there is no other place to complain
}
