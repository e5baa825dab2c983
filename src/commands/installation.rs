//! Where an installation keeps its things, and the options that say so: shared by all commands that open one.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::keys;
use super::rules::{Folder, registry};
use super::settings::SettingsFile;
use crate::ballot_box::{BallotBox, Options};
use crate::config::{Config, Front, Network, TlsFiles};
use crate::database::{Address, Database, PostgresUrl};
use crate::http::App;
use crate::office::Office;

/// Casts that may wait for the disk before further ones are asked to try again.
const QUEUE_LIMIT: usize = 4096;
/// The SQLite database in the data directory.
pub(super) const DATABASE: &str = "pingjia.db";

/// Where the database is.
#[derive(Args, Debug, Clone)]
pub(super) struct Place {
    #[command(flatten)]
    pub settings: SettingsFile,
    /// 数据目录：SQLite 数据库和签名密钥放在这里
    #[arg(long, env = "PINGJIA_DATA", default_value = "pingjia-data", value_name = "DIR")]
    pub data: PathBuf,
    /// PostgreSQL 地址（postgres://…）；不填则使用数据目录里的 SQLite
    #[arg(long, env = "PINGJIA_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<PostgresUrl>,
}

impl Place {
    /// Opens the database, creating the data directory (mode 0700) if need be.
    pub(super) fn database(&self) -> Result<Database> {
        open_database(&self.data, self.database_url.as_ref())
    }

    /// Opens the database of an installation that must be there already, creating nothing.
    pub(super) fn existing_database(&self) -> Result<Database> {
        if self.database_url.is_some() {
            return connect(&self.data, self.database_url.as_ref());
        }
        existing_folder(&self.data)?;
        if !self.data.join(DATABASE).is_file() {
            bail!("{} 里没有数据库 {DATABASE}：请核对 --data", self.data.display());
        }
        connect(&self.data, None)
    }
}

/// Everything that `pingjia serve` is told.
#[derive(Args, Debug, Clone)]
pub(super) struct ServiceOptions {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub folder: Folder,
    /// 监听地址
    #[arg(long, env = "PINGJIA_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// 密钥保管目录，可以多次给出（互为镜像）；默认在数据目录旁边
    #[arg(long = "vault", env = "PINGJIA_VAULT", value_delimiter = ',', value_name = "DIR")]
    pub vaults: Vec<PathBuf>,
    /// 会员访问的网址，例如 https://pj.example.cn；选票上的链接由它开头
    #[arg(long, env = "PINGJIA_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub front: FrontOptions,
}

/// TLS and proxies.
#[derive(Args, Debug, Clone, Default)]
pub(super) struct FrontOptions {
    /// 证书文件（PEM，含中间证书）：给出后服务自己提供 https
    #[arg(long, env = "PINGJIA_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// 证书的私钥文件（PEM）
    #[arg(long, env = "PINGJIA_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// 另开一个不加密的监听地址（例如 0.0.0.0:80），把来访者引到 https 网址
    #[arg(long, env = "PINGJIA_REDIRECT_LISTEN", value_name = "ADDR")]
    pub redirect_listen: Option<SocketAddr>,
    /// 前面的反向代理的地址或网段，可以多次给出；只有它们送来的 X-Forwarded-For 和 X-Forwarded-Proto 才算数。不填则只信本机
    #[arg(long = "trusted-proxy", env = "PINGJIA_TRUSTED_PROXY", value_delimiter = ',', value_name = "ADDR")]
    pub trusted_proxies: Vec<Network>,
}

impl FrontOptions {
    fn front(self) -> Front {
        let tls = self.tls_cert.zip(self.tls_key).map(|(certificate, key)| TlsFiles { certificate, key });
        Front { tls, redirect: self.redirect_listen, trusted_proxies: self.trusted_proxies }
    }
}

impl ServiceOptions {
    /// The configuration these options mean.
    pub(super) fn config(self) -> Result<Config> {
        let front = self.front.front();
        let scheme = if front.tls.is_some() { "https" } else { "http" };
        let public_url = self.public_url.unwrap_or_else(|| format!("{scheme}://{}", self.listen));
        let public_url = public_url.trim_end_matches('/').to_owned();
        let host = public_url.strip_prefix("https://").or_else(|| public_url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
            bail!("--public-url 应为不带路径的网址，例如 https://pj.example.cn，而不是 {public_url}");
        }
        let https = public_url.starts_with("https://");
        if front.tls.is_some() && !https {
            bail!("给了证书，--public-url 就应以 https:// 开头，而不是 {public_url}");
        }
        if front.redirect.is_some() && !https {
            bail!("--redirect-listen 要把来访者引到 https 网址：请用 --public-url 给出以 https:// 开头的网址");
        }
        let vaults = if self.vaults.is_empty() { vec![beside(&self.place.data)?] } else { self.vaults };
        Ok(Config {
            listen: self.listen,
            data: self.place.data,
            database_url: self.place.database_url,
            rules: self.folder.rules,
            vaults,
            public_url,
            front,
        })
    }
}

/// The default vault: a folder beside the data directory, never in it, so that a copy of the data directory
/// does not hold the keys.
fn beside(data: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(data).with_context(|| format!("数据目录 {}", data.display()))?;
    let mut name = absolute.file_name().context("数据目录不能是根目录")?.to_owned();
    name.push("-vault");
    Ok(absolute.with_file_name(name))
}

/// Opens the database of an installation, creating the data directory if need be.
pub(super) fn open_database(data: &Path, database_url: Option<&PostgresUrl>) -> Result<Database> {
    private_folder(data)?;
    connect(data, database_url)
}

/// Refuses a data directory that is not there, for commands that must not begin a new one by mistake.
pub(super) fn existing_folder(data: &Path) -> Result<()> {
    if !data.is_dir() {
        bail!("没有找到数据目录 {}：请核对 --data", data.display());
    }
    Ok(())
}

fn connect(data: &Path, database_url: Option<&PostgresUrl>) -> Result<Database> {
    let address = match database_url {
        None => Address::Sqlite(data.join(DATABASE)),
        Some(url) => Address::Postgres(url.clone()),
    };
    Database::open(&address).context("打不开数据库")
}

/// Opens everything that the service needs: database, keys, vault, rule sets.
pub(super) fn open_service(config: Config) -> Result<App> {
    let database = open_database(&config.data, config.database_url.as_ref())?;
    let options = Options { vaults: config.vaults.clone(), queue_limit: QUEUE_LIMIT };
    let office = Office {
        keys: Arc::new(keys::recognise(&database, &config.data).context("打不开签名密钥")?),
        ballot_box: BallotBox::start(database.clone(), options).context("打不开投票箱")?,
        database,
        rules: Arc::new(registry(config.rules.as_deref())?),
        url: config.public_url.clone(),
    };
    for doubt in office.rules.doubts() {
        tracing::warn!(%doubt, "a rule set that newer checks refuse: used for the rounds that rest on it, not for new ones");
    }
    Ok(App::new(config, office)?)
}

/// Creates the folder for its owner alone, unless it exists.
pub(super) fn private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if !folder.is_dir() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("不能创建目录 {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_vault_lies_beside_the_data_directory() {
        assert_eq!(beside(Path::new("/srv/pingjia")).unwrap(), Path::new("/srv/pingjia-vault"));
        assert!(beside(Path::new("/")).is_err());
    }

    #[test]
    fn a_mistyped_data_directory_stays_uncreated() {
        let folder = tempfile::tempdir().unwrap();
        let place = |data: PathBuf| Place { settings: SettingsFile::default(), data, database_url: None };
        let mistyped = place(folder.path().join("pingija"));
        let refused = mistyped.existing_database().err().unwrap().to_string();
        assert!(refused.contains("没有找到数据目录"), "{refused}");
        assert!(place(folder.path().into()).existing_database().is_err(), "a folder without a database");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
        mistyped.database().unwrap();
        assert!(mistyped.existing_database().is_ok());
    }

    #[test]
    fn public_urls_have_no_path() {
        let options = |url: &str| ServiceOptions {
            folder: Folder::default(),
            place: Place { settings: SettingsFile::default(), data: "d".into(), database_url: None },
            listen: "127.0.0.1:1".parse().unwrap(),
            vaults: vec!["v".into()],
            public_url: Some(url.to_owned()),
            front: FrontOptions::default(),
        };
        assert_eq!(options("https://pj.cn/").config().unwrap().public_url, "https://pj.cn");
        for wrong in ["pj.cn", "https://", "https://pj.cn/x", "ftp://pj.cn"] {
            assert!(options(wrong).config().is_err(), "{wrong}");
        }
    }
}
