//! The command line, one file per command.

mod assess;
mod backup;
mod demo;
mod installation;
mod keys;
mod move_;
mod rules;
mod serve;
mod settings;
mod setup;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// 评家：会员评议职工之家的无记名投票系统
#[derive(Parser)]
#[command(name = "pingjia", version, about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// 运行服务
    Serve(installation::ServiceOptions),
    Demo(demo::Demo),
    Setup(setup::Setup),
    Password(setup::Password),
    Backup(backup::Backup),
    Move(move_::Move),
    /// 按规则集评定一份计票数据（JSON），打印评定结果
    Assess(assess::Arguments),
    /// 查看和检查规则集
    Rules(rules::Arguments),
    /// 核验结果报告单：不需要服务，也不需要数据库
    Verify(verify::Arguments),
    /// 签名密钥：查看、添加国密密钥、更换
    Keys(keys::Arguments),
}

/// Runs the command that the arguments name. Commands with a contract of their own on exit codes answer with
/// one; for the others a failure is 2, with the reason on standard error.
#[must_use]
pub fn run() -> ExitCode {
    log_to_stderr();
    let arguments = match settings::with_file(&CommandLine::command(), std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(error) => return failed(&error),
    };
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => return explained(&error),
    };
    let outcome = match line.command {
        Command::Serve(options) => serve::serve(options),
        Command::Demo(options) => demo::demo(&options),
        Command::Setup(options) => setup::setup(&options),
        Command::Password(options) => setup::password(&options),
        Command::Backup(options) => backup::backup(&options),
        Command::Move(options) => move_::run(&options),
        Command::Assess(arguments) => assess::run(&arguments),
        Command::Rules(arguments) => match rules::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Verify(arguments) => return verify::run(&arguments),
        Command::Keys(arguments) => return keys::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// What clap says to arguments that it does not understand, or to `--help`. An address that stands in the wrong place is
/// repeated without its password.
fn explained(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let says = error.to_string();
    let words = says.split_inclusive(char::is_whitespace).map(|word| match word.split_once('@') {
        Some((before, after)) if before.contains(':') => {
            format!("{}:***@{after}", before.split(':').next().unwrap_or_default())
        }
        _ if word.contains("password=") => "*** ".to_owned(),
        _ => word.to_owned(),
    });
    eprint!("{}", words.collect::<String>());
    ExitCode::from(2)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("{error:#}");
    ExitCode::from(2)
}

/// Log lines go to standard error; `PINGJIA_LOG` chooses how many (`info` without it). Other crates say no more than
/// `info` whatever it chooses: at `trace` actix writes down how long each form was, and so what was ticked in it.
fn log_to_stderr() {
    let chosen = EnvFilter::try_from_env("PINGJIA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let discreet = filter_fn(|line| *line.level() <= Level::INFO || line.target().starts_with(env!("CARGO_PKG_NAME")));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(discreet);
    tracing_subscriber::registry().with(chosen).with(lines).init();
}

/// Prints to standard output. A reader who went away (`| head`) is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
}

/// Says something on standard error, beside the answer on standard output.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
