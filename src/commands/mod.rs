//! The command line, one file per command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// 评家：会员评议职工之家的无记名投票系统
#[derive(Parser)]
#[command(name = "pingjia", version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    match CommandLine::parse().command {}
}
