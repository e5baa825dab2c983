//! `pingjia move`: a whole installation from one database to another.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::installation::{DATABASE, private_folder};
use super::print;
use crate::database::Address;
use crate::database::transfer::{self, Moved, Progress, Step};

/// 把整套数据从一个数据库搬到另一个（SQLite 与 PostgreSQL 之间，两个方向都可以）
///
/// 地址写 postgres://… 、数据目录，或者 SQLite 文件。先停下所有服务；有评议正在投票、计票或开票时不能搬。
/// 中途断了，原样再运行一次就行。命令行上的地址同一台机器上的人都看得见：数据库密码请放在环境变量
/// PINGJIA_MOVE_FROM、PINGJIA_MOVE_TO 的地址里，或者 ~/.pgpass、PGPASSWORD 里。
#[derive(Args, Debug)]
pub(super) struct Move {
    /// 来源地址
    #[arg(
        long,
        env = "PINGJIA_MOVE_FROM",
        hide_env_values = true,
        value_name = "URL",
        required_unless_present = "reopen",
        requires = "to",
        value_parser = place
    )]
    from: Option<Place>,
    /// 目标地址：空的数据库
    #[arg(
        long,
        env = "PINGJIA_MOVE_TO",
        hide_env_values = true,
        value_name = "URL",
        requires = "from",
        value_parser = place
    )]
    to: Option<Place>,
    /// 放弃搬家：让数据已经搬走的来源重新可以使用（不再用目标时）
    #[arg(long, value_name = "URL", conflicts_with_all = ["from", "to"], value_parser = place)]
    reopen: Option<Place>,
}

/// An address as somebody wrote it.
#[derive(Debug, Clone)]
struct Place(Address);

/// `postgres://…`, a data directory or a SQLite file (`sqlite:` before it is allowed). Never fails: an error here
/// would repeat what was written, and with it a password.
#[expect(clippy::unnecessary_wraps, reason = "the form that clap wants")]
fn place(text: &str) -> Result<Place, String> {
    // Whatever has a scheme but SQLite's, or looks like user and host, is taken for a server; connecting says what is wrong
    // with it. As a file it would be shown, and with it a password.
    let like_a_server = ["://", "@", "password="].iter().any(|sign| text.contains(sign))
        || (text.starts_with("postgres") && text.contains(':'));
    if like_a_server && !text.starts_with("sqlite:") {
        return Ok(Place(Address::Postgres(text.into())));
    }
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
    let path = Path::new(path);
    let is_folder = path.is_dir() || (!path.exists() && path.extension().is_none());
    Ok(Place(Address::Sqlite(if is_folder { path.join(DATABASE) } else { path.to_owned() })))
}

/// Moves, or undoes the mark of a move.
pub(super) fn run(options: &Move) -> Result<()> {
    if let Some(Place(address)) = &options.reopen {
        transfer::reopen(address)?;
        print(&format!("{address} 可以重新使用了。请不要再用搬过去的那个数据库：两边同时用，数据会分成两份。"));
        return Ok(());
    }
    let (Some(Place(from)), Some(Place(to))) = (&options.from, &options.to) else { return Ok(()) };
    if let Address::Sqlite(file) = to
        && let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        private_folder(folder)?;
    }
    let mut bar = Bar::new();
    let moved = transfer::transfer(from, to, &mut |progress| bar.show(progress));
    bar.clear();
    report(from, to, &moved?);
    Ok(())
}

fn report(from: &Address, to: &Address, moved: &Moved) {
    for (table, sum) in &moved.tables {
        print(&format!("  {table:<16}{:>10} 行  {}", sum.rows, sum.digest));
    }
    let how = if moved.was_there { "以前已经搬好" } else { "搬好了" };
    print(&format!("{how}：{from} → {to}"));
    let signed = moved.signed;
    print(&format!(
        "已核对：每张表两边的行数和内容摘要一致；{} 份结果报告单和 {} 份声明的签名都有效。",
        signed.sheets, signed.statements
    ));
    let next = match to {
        Address::Postgres(_) => "把服务的 --database-url 改成新地址，再启动",
        Address::Sqlite(_) => "去掉服务的 --database-url，让 --data 指向新数据库所在的目录，再启动",
    };
    print(&format!(
        "\n接下来：{next}。\n来源没有删除，但已做标记，服务不会再用它。如果要放弃新数据库、回到来源：pingjia move --reopen 来源地址\n{BY_HAND}"
    ));
}

/// What lies outside the database.
const BY_HAND: &str = "
下面这些不在数据库里，没有搬：
  签名密钥（数据目录里的 keys 文件夹）：服务的 --data 不变，就不用动。换目录或换机器，要把整个 keys 文件夹原样移过去，
    否则以后签的报告单会用另一把密钥，核验的人不认得。
  密钥保管目录（--vault）：不变就不用动。里面的封存记录比数据库更可信，要一直跟着这套系统走，不能丢，也不能换成空的。
    换机器就把整个目录移过去，旧机器上的彻底删掉；不要复制成两份。
  自己的规则集（--rules）和配置文件（pingjia.toml）：换机器时一起带走。";

/// How far it is, on a terminal only.
struct Bar {
    on_terminal: bool,
    shown: Option<(Step, String, u64)>,
}

impl Bar {
    const WIDTH: usize = 30;

    fn new() -> Self {
        Bar { on_terminal: stderr().is_terminal(), shown: None }
    }

    /// Draws the bar when it has grown by a hundredth or another table has begun.
    fn show(&mut self, progress: Progress<'_>) {
        let percent = (progress.done * 100).checked_div(progress.total).unwrap_or(100).min(100);
        let is_shown = self.shown.as_ref().is_some_and(|(step, table, shown)| {
            (*step, table.as_str(), *shown) == (progress.step, progress.table, percent)
        });
        if !self.on_terminal || is_shown {
            return;
        }
        self.shown = Some((progress.step, progress.table.to_owned(), percent));
        let full = usize::try_from(percent).unwrap_or(0) * Self::WIDTH / 100;
        let step = match progress.step {
            Step::Copy => "搬运",
            Step::Compare => "核对",
        };
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(Self::WIDTH - full));
        let _ = write!(stderr(), "\r{step} {bar} {percent:>3}%  {}\x1b[K", progress.table);
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
