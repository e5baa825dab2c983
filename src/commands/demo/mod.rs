//! `pingjia demo`: sample unions, people and rounds of all five jurisdictions, held through the same code as
//! real ones, and served.

mod data;
mod rounds;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use super::installation::{open_service, private_folder};
use crate::config::{Config, Front};
use crate::world;

/// 用示例数据运行（全部虚构）：五个地区的工会、账号和各阶段的评议
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// 监听地址
    #[arg(long, env = "PINGJIA_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    listen: SocketAddr,
    /// 空的数据目录；不填则用新的临时目录
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// 准备好后输出一行 JSON，供程序读取
    #[arg(long)]
    json: bool,
}

/// What `--json` prints; a contract with other programs.
#[derive(Debug, Serialize)]
struct Ready {
    base_url: String,
    accounts: Vec<SampleAccount>,
    polls: Vec<SamplePoll>,
}

#[derive(Debug, Serialize)]
struct SampleAccount {
    role: &'static str,
    username: String,
    password: &'static str,
    /// Name of the union, for people.
    union: String,
}

#[derive(Debug, Serialize)]
struct SamplePoll {
    id: String,
    union: String,
    rule_set: String,
    category: &'static str,
    phase: &'static str,
    year: u16,
    /// Links of unspent slips, in rounds that are open.
    ballot_links: Vec<String>,
    /// Name of the certified sheet: `/sheets/{sheet}`.
    sheet: Option<String>,
    /// How far the rectification is of which something was reported: `reported`, `returned` or `checked`.
    rectification: Option<&'static str>,
}

/// The password of every sample account.
const PASSWORD: &str = "pingjia-demo";

/// Fills the data directory and serves it until stopped.
pub(super) fn demo(options: &Demo) -> Result<()> {
    // The address is taken first: the links in the sample data begin with it.
    let listener = std::net::TcpListener::bind(options.listen)
        .with_context(|| format!("不能监听 {}，可以用 --listen 换一个端口", options.listen))?;
    let listen = listener.local_addr()?;
    let data = data_folder(options.data.as_ref())?;
    let config = Config {
        listen,
        vaults: vec![data.join("vault")],
        data: data.clone(),
        database_url: None,
        rules: None,
        public_url: format!("http://{listen}"),
        front: Front::default(),
    };
    let app = open_service(config)?;
    if !options.json {
        eprintln!("正在准备示例数据 …");
    }
    let ready = rounds::fill(&app.office)?;
    if options.json {
        println!("{}", serde_json::to_string(&ready)?);
    } else {
        introduce(&ready, &data);
    }
    super::serve::run(app, listener)
}

fn data_folder(asked: Option<&PathBuf>) -> Result<PathBuf> {
    let folder = asked.cloned().unwrap_or_else(|| {
        let random = data_encoding::HEXLOWER.encode(&world::random_bytes::<6>());
        std::env::temp_dir().join(format!("pingjia-demo-{random}"))
    });
    private_folder(&folder)?;
    if folder.read_dir()?.next().is_some() {
        bail!("{} 不是空目录；示例数据只放进空目录", folder.display());
    }
    Ok(folder)
}

fn introduce(ready: &Ready, data: &std::path::Path) {
    println!("\n评家示例已经运行：{}\n", ready.base_url);
    println!("数据在 {}；所有账号的密码都是 {PASSWORD}\n", data.display());
    for account in &ready.accounts {
        println!("  {:<22}{:<12}{}", account.username, account.role, account.union);
    }
    println!("\n各轮评议：");
    for poll in &ready.polls {
        println!("  {:<4}{:<11}{:<16}{}", poll.id, poll.phase, poll.rule_set, poll.union);
    }
    if let Some(open) = ready.polls.iter().find(|poll| !poll.ballot_links.is_empty()) {
        println!("\n正在投票的一轮，可以用这些链接投票（每个一次）：");
        for link in open.ballot_links.iter().take(5) {
            println!("  {link}");
        }
    }
    println!("\n按 Ctrl+C 结束。");
}
