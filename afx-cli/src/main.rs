//! The `afx` command.
use afx_cli::commands;
use clap::Parser;
use std::process::ExitCode;

/// From recordings of an effect at several knob positions to a model that plays with its knobs.
#[derive(Parser)]
#[command(name = "afx", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("afx: {error}");
            ExitCode::from(2)
        }
    }
}
