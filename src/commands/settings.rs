//! The settings file: what stands in it counts where neither the command line nor the environment says anything.
//! Its keys are the long options of `pingjia serve`; a new option is a new key without anything to be done here.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{Args, Command};
use toml::{Table, Value};

use crate::domain::rules::unknown;

/// Looked for in the working directory when nobody names a file.
const DEFAULT: &str = "pingjia.toml";
/// The option that names the file; commands that have it read one.
const CONFIG: &str = "config";
/// The command whose options are the keys.
const SERVE: &str = "serve";

/// Where the settings are.
#[derive(Args, Debug, Clone, Default)]
pub(super) struct SettingsFile {
    /// 配置文件；不填则用当前目录下的 pingjia.toml（如果有）
    #[arg(long, env = "PINGJIA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The arguments with those options added, right after the name of the command, that only the file gives.
///
/// # Errors
/// A file that cannot be read, is no TOML, or has keys or values that are none. No error shows a value.
pub(super) fn with_file(line: &Command, mut given: Vec<OsString>) -> Result<Vec<OsString>> {
    let Some(command) = given.get(1).and_then(|name| line.find_subcommand(name)) else { return Ok(given) };
    if !command.get_arguments().any(|argument| argument.get_id() == CONFIG) {
        return Ok(given);
    }
    // Errors are for the reading that follows this one.
    let Ok(matches) = line.clone().ignore_errors(true).try_get_matches_from(&given) else { return Ok(given) };
    let Some((_, matches)) = matches.subcommand() else { return Ok(given) };
    let Some((file, settings)) = read(matches.get_one::<PathBuf>(CONFIG))? else { return Ok(given) };
    let known: Vec<&str> = line.find_subcommand(SERVE).map(keys).unwrap_or_default();
    let mut added = Vec::new();
    for (key, value) in &settings {
        if !known.contains(&key.as_str()) {
            bail!("配置文件 {}：{}", file.display(), unknown(key, known.iter().copied()));
        }
        let said = command.get_arguments().find(|argument| argument.get_long() == Some(key)).map(|argument| {
            matches!(
                matches.value_source(argument.get_id().as_str()),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            )
        });
        // None: an option of the service that this command does not have.
        if said == Some(false) {
            let options = options(key, value);
            added.extend(
                options.with_context(|| {
                    format!("配置文件 {}：{key} 的值应为文字、数、真假，或文字的列表", file.display())
                })?,
            );
        }
    }
    given.splice(2..2, added);
    Ok(given)
}

fn keys(command: &Command) -> Vec<&str> {
    command
        .get_arguments()
        .filter(|argument| argument.get_id() != CONFIG)
        .filter_map(|argument| argument.get_long())
        .collect()
}

/// The file that is named, or the one in the working directory if there is one.
fn read(named: Option<&PathBuf>) -> Result<Option<(PathBuf, Table)>> {
    let file = named.map_or(Path::new(DEFAULT), PathBuf::as_path);
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => return Ok(None),
        text => text.with_context(|| format!("读不到配置文件 {}", file.display()))?,
    };
    // The error as a whole would show the line, and perhaps a password on it.
    let settings = text.parse::<Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        anyhow::anyhow!("配置文件 {} 第 {line} 行不是正确的 TOML", file.display())
    })?;
    let holds_password = settings.get("database-url").and_then(Value::as_str).is_some_and(|url| url.contains(':'));
    if holds_password && fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
        tracing::warn!("配置文件 {} 里有数据库地址，别人也能读：请运行 chmod 600", file.display());
    }
    Ok(Some((file.to_owned(), settings)))
}

/// `--key=value`, once per value; nothing for a switch that is off. None for a value of another type.
fn options(key: &str, value: &Value) -> Option<Vec<OsString>> {
    let option = |text: &str| OsString::from(format!("--{key}={text}"));
    match value {
        Value::String(text) => Some(vec![option(text)]),
        Value::Integer(number) => Some(vec![option(&number.to_string())]),
        Value::Boolean(true) => Some(vec![format!("--{key}").into()]),
        Value::Boolean(false) => Some(Vec::new()),
        Value::Array(values) => values.iter().map(|value| value.as_str().map(option)).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    const EXAMPLE: &str = include_str!("../../docs/pingjia.example.toml");

    fn line() -> Command {
        crate::commands::CommandLine::command()
    }

    /// The arguments that come of a file and a command line.
    fn reading(settings: &str, given: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        fs::write(&file, settings).unwrap();
        let (command, rest) = given.split_once(' ').unwrap_or((given, ""));
        let mut words = vec!["pingjia".into(), command.into(), OsString::from(format!("--config={}", file.display()))];
        words.extend(rest.split_whitespace().map(OsString::from));
        let all = with_file(&line(), words)?;
        Ok(all.iter().map(|word| word.to_str().unwrap().to_owned()).filter(|word| !word.contains("--config")).collect())
    }

    fn refused(settings: &str) -> String {
        format!("{:#}", reading(settings, "serve").unwrap_err())
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let settings = "listen = \"127.0.0.1:9\"\nvault = [\"a\", \"b\"]\n";
        assert_eq!(
            reading(settings, "serve --data d").unwrap(),
            ["pingjia", "serve", "--listen=127.0.0.1:9", "--vault=a", "--vault=b", "--data", "d"]
        );
        assert_eq!(
            reading(settings, "serve --listen=127.0.0.1:8 --vault c").unwrap(),
            ["pingjia", "serve", "--listen=127.0.0.1:8", "--vault", "c"]
        );
        assert_eq!(
            reading(settings, "password somebody").unwrap(),
            ["pingjia", "password", "somebody"],
            "has no such options"
        );
        assert_eq!(reading("data = \"d\"", "keys show").unwrap(), ["pingjia", "keys", "--data=d", "show"]);
        assert_eq!(reading("data = \"d\"", "keys show --data e").unwrap(), ["pingjia", "keys", "show", "--data", "e"]);
    }

    #[test]
    fn what_the_file_cannot_say_is_named_and_no_value_is_shown() {
        assert!(refused("databse-url = \"s3cret\"").contains("“databse-url”，是不是 database-url？"));
        assert!(refused("config = \"s3cret\"").contains("不认识“config”"));
        assert!(refused("database-url = { url = \"s3cret\" }").contains("database-url 的值"));
        let broken = refused("listen = \"127.0.0.1:9\"\ndatabase-url = \"s3cret");
        assert!(broken.contains("第 2 行"), "{broken}");
        for settings in
            ["databse-url = \"s3cret\"", "database-url = [1]", "database-url = \"s3cret", "database-url s3cret"]
        {
            assert!(!refused(settings).contains("s3cret"), "{settings}");
        }
    }

    #[test]
    fn the_example_has_every_option_and_is_taken() {
        // Lines of one `#` are settings put out of use; explanations have two.
        let settings: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .fold(String::new(), |all, line| all + if line.starts_with('#') { "" } else { line } + "\n");
        let table: Table = settings.parse().unwrap();
        let line = line();
        let known = keys(line.find_subcommand(SERVE).unwrap());
        for key in &known {
            assert!(table.contains_key(*key), "docs/pingjia.example.toml says nothing of {key}");
        }
        assert!(EXAMPLE.parse::<Table>().unwrap().is_empty(), "all of it is put out of use");
        let words = reading(&settings, "serve").unwrap();
        line.try_get_matches_from(words).unwrap();
    }
}
