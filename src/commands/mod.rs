//! The command line, one file per command.

mod keys;
mod verify;

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
enum Command {
    /// 核验结果报告单：不需要服务，也不需要数据库
    Verify(verify::Arguments),
    /// 签名密钥：查看、添加国密密钥、更换
    Keys(keys::Arguments),
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    match CommandLine::parse().command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
    }
}
