//! `pingjia assess`: reads a count, prints its assessment. Exit 0 whatever the verdict, 2 for bad input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::rules::{Folder, registry};
use super::{note, print};
use crate::domain::count::Count;
use crate::domain::verdict::{assess, warning_text, warnings_in_full};

/// More than any count needs.
const LARGEST_INPUT: u64 = 16 << 20;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// 计票数据文件；不写或写 - 则从标准输入读
    file: Option<PathBuf>,
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    print(&assessed(arguments)?);
    Ok(())
}

fn assessed(arguments: &Arguments) -> anyhow::Result<String> {
    let registry = registry(arguments.folder.rules.as_deref())?;
    let text = read(arguments.file.as_deref())?;
    let count: Count = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| anyhow::anyhow!("{}", unreadable(&error)))?;
    let assessment = assess(&registry, &count)?;
    let lineage = registry.lineage_of(registry.require(&count.rule_set)?, count.category)?;
    for warning in warnings_in_full(&assessment.warnings, &count, &lineage) {
        note(&warning_text(&warning));
    }
    Ok(serde_json::to_string_pretty(&assessment)?)
}

/// Where and why the count is not one, with the place before the reason.
fn unreadable(error: &serde_json::Error) -> String {
    let (line, column, text) = (error.line(), error.column(), error.to_string());
    let place = format!(" at line {line} column {column}");
    format!("计票数据第{line}行第{column}列：{}", text.strip_suffix(&place).unwrap_or(&text))
}

fn read(file: Option<&Path>) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    match file.filter(|file| file.as_os_str() != "-") {
        None => std::io::stdin().lock().take(LARGEST_INPUT + 1).read_to_end(&mut bytes).context("读不到标准输入")?,
        Some(file) => {
            let open = std::fs::File::open(file).with_context(|| format!("打不开文件 {}", file.display()))?;
            open.take(LARGEST_INPUT + 1)
                .read_to_end(&mut bytes)
                .with_context(|| format!("读不到文件 {}", file.display()))?
        }
    };
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_INPUT) {
        bail!("计票数据超过16兆字节");
    }
    String::from_utf8(bytes).context("计票数据不是 UTF-8 编码的文字")
}
