//! `pingjia rules list | show ID | check FILE`, and the registry that other commands begin with.

mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use super::{note, print};
use crate::domain::rules::{RegistryError, RuleRegistry, RuleSet};
use crate::render::font;

/// Exit code of `check` for a file with faults.
const FAULTY: u8 = 1;

/// The folder of an operator's own rule sets.
#[derive(clap::Args, Debug, Clone, Default)]
pub(super) struct Folder {
    /// 另外采用这个文件夹里的规则集（*.toml）
    #[arg(long, value_name = "DIR", env = "PINGJIA_RULES")]
    pub(super) rules: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    folder: Folder,
}

#[derive(clap::Subcommand)]
enum What {
    /// 列出现有的规则集
    List,
    /// 显示一个规则集的全部规则
    Show {
        /// 规则集的编号，例如 qingdao-2020
        id: String,
        /// 以 JSON 显示
        #[arg(long)]
        json: bool,
    },
    /// 检查一个规则集文件，指出每处错误的行、列和字段
    Check { file: PathBuf },
}

/// The built-in rule sets, and those of a folder (`*.toml`, in the order of their names).
///
/// # Errors
/// When the folder or a file cannot be read, or a rule set has faults.
pub(super) fn registry(folder: Option<&Path>) -> anyhow::Result<RuleRegistry> {
    let registry = RuleRegistry::embedded()?;
    let Some(folder) = folder else { return Ok(registry) };
    let unreadable = || format!("读不到规则集文件夹 {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in &paths {
        files.push((path.display().to_string(), read(path)?));
    }
    Ok(registry.with(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("读不到规则集文件 {}", path.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("规则集文件 {} 不是 UTF-8 文字，请另存为 UTF-8 编码", path.display()))
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = arguments.folder.rules.as_deref();
    match &arguments.what {
        What::List => print(&show::list(&registry(folder)?)),
        What::Show { id, json } => {
            let registry = registry(folder)?;
            let set = registry.require(id)?;
            print(&if *json { serde_json::to_string_pretty(&**set)? } else { show::rule_set(set) });
        }
        What::Check { file } => return check(file, folder),
    }
    Ok(ExitCode::SUCCESS)
}

/// What keeps a sound file from standing beside the others, with the place of the field that says so.
fn beside_others(name: &str, text: &str, reason: &RegistryError) -> String {
    let (field, message) = match reason {
        RegistryError::UnknownParent { parent, .. } => ("parent", format!("上级规则集 {parent} 不存在")),
        RegistryError::OtherScale { parent, item, .. } => {
            let message = format!("上级规则集 {parent} 的项目 {item} 用的是另一种档次，同名的项目要用同样的档次");
            return other_scale(name, text, item, &message);
        }
        RegistryError::Circle { .. } => ("parent", "上级关系成环".to_owned()),
        RegistryError::SameVersion { id, version, .. } => {
            ("version", format!("规则集 {id} 的版本 {version} 已经存在，内容却不同；改动后请提高版本号"))
        }
        RegistryError::Faults { .. } => return reason.to_string(),
    };
    // Both fields stand at the top of a file, before any table, each on a line of its own.
    let is_field = |line: &str| {
        let rest = line.trim_start().strip_prefix(field);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let place = text.lines().position(is_field).map(|line| format!("第{}行 ", line + 1)).unwrap_or_default();
    format!("{name}：{place}{field}：{message}")
}

/// The same for an item: the place of its scale.
fn other_scale(name: &str, text: &str, item: &str, message: &str) -> String {
    let value = |line: &str, field: &str| {
        let rest = line.trim_start().strip_prefix(field)?.trim_start().strip_prefix('=')?;
        Some(rest.trim_start().trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.to_owned())
    };
    let (mut number, mut here) = (0, String::new());
    for (line, text) in (1..).zip(text.lines()) {
        if text.trim_start().starts_with('[') {
            number += usize::from(text.trim_start().starts_with("[[item]]"));
            here.clear();
        }
        if let Some(id) = value(text, "id") {
            here = id;
        }
        if here == item && value(text, "scale").is_some() {
            return format!("{name}：第{line}行 item[{number}].scale：{message}");
        }
    }
    format!("{name}：item：{message}")
}

/// Checks a file by itself and then beside the rule sets that it may inherit from.
fn check(file: &Path, folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let name = file.display().to_string();
    let set = match RuleSet::check(&text) {
        Ok(set) => set,
        Err(findings) => {
            for finding in &findings {
                note(&format!("{name}：{finding}"));
            }
            note(&format!("{name}：共{}处错误", findings.len()));
            return Ok(ExitCode::from(FAULTY));
        }
    };
    let others = match registry(folder) {
        Ok(others) => others,
        Err(reason) => {
            // The file may stand in that very folder; its own faults were told above.
            note(&format!("提示：{reason:#}"));
            RuleRegistry::embedded()?
        }
    };
    let beside = others.with([(name.as_str(), text.as_str())]).and_then(|all| all.check_scales(&set));
    if let Err(reason) = beside {
        note(&beside_others(&name, &text, &reason));
        return Ok(ExitCode::from(FAULTY));
    }
    // Titles, formulas and sources stand on slips and sheets.
    let missing: String = font::missing(&text).into_iter().collect();
    if !missing.is_empty() {
        note(&format!("{name}：这些字符印不出来，请改用别的写法：{missing}"));
        return Ok(ExitCode::from(FAULTY));
    }
    print(&format!(
        "{name}：没有错误。{} {}，{}个类别，{}条规则，摘要 {}",
        set.id,
        set.version,
        set.categories.len(),
        set.rules().count(),
        set.digest
    ));
    Ok(ExitCode::SUCCESS)
}
