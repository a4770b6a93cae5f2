//! What the `afx` command is made of: pictures of a model's behaviour and the report that shows them.
//!
//! - [`plot`]: analysis signals, the figures the field uses, and their SVG and PNG renderings; no window system, no system font.
//! - [`commands`]: the subcommands; [`scores`]: the metrics they print.
//! - [`report`]: one self-contained HTML page of tables, figures and players.
/// `println!` to a reader who may have left: a closed pipe is no reason to panic.
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($part)*);
    }};
}

/// [`say!`] without the line break.
#[macro_export]
macro_rules! say_part {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($part)*);
    }};
}

pub mod commands;
pub mod plot;
pub mod report;
pub mod scores;
