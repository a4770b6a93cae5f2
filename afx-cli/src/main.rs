//! The `afx` command.
use afx_cli::commands;
use clap::{Parser, error::ErrorKind};
use std::process::ExitCode;

/// From recordings of an effect at several knob positions to a model that plays with its knobs.
#[derive(Parser)]
#[command(name = "afx", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => cli.command.run().map(|()| 0),
        Err(usage) if usage.use_stderr() && usage.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(commands::Error::new(without_usage(&usage.to_string())))
        }
        Err(usage) => {
            let unprinted = usage.print().err().filter(|e| !usage.use_stderr() && e.kind() != std::io::ErrorKind::BrokenPipe);
            match unprinted {
                Some(error) => Err(commands::Error::new(format_args!("standard output: write: expected success, found {error}"))),
                None => Ok(usage.exit_code()),
            }
        }
    };
    match done.and_then(|code| afx_cli::printed().map(|()| code)) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(2)),
        Err(error) => {
            afx_cli::warn(format_args!("afx: {error}"));
            ExitCode::from(2)
        }
    }
}

/// What is wrong with a command line, and what would be right, without the usage that clap shows below it.
fn without_usage(message: &str) -> String {
    let lines = message.lines().map(str::trim).take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more information"));
    let text = lines.filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).replace(" tip: ", "; ")
}
