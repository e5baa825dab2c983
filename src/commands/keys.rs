//! `pingjia keys`: the signing keys of an installation.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::installation::{Place, existing_folder};
use super::settings::SettingsFile;
use crate::database::installation::{self, SIGNING_KEY, SIGNING_KEY_SM2};
use crate::database::{AnyConnection, Database, PostgresUrl};
use crate::signing::SigningKeys;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    settings: SettingsFile,
    /// 数据目录
    #[arg(long, global = true, env = "PINGJIA_DATA", default_value = "pingjia-data")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum Action {
    /// 打印公钥（JWK 集）；没有密钥时先生成
    Show,
    /// 添加国密 SM2 密钥：此后签发的报告单有第二个签名（SM2/SM3），重启服务后生效
    Sm2,
    /// 更换 Ed25519 密钥：旧公钥继续公布，旧报告单仍可核验，重启服务后生效
    Rotate,
    /// 把现在的签名密钥登记为这个数据库的签名密钥：仅在旧密钥已经丢失或停用时使用
    Register {
        /// PostgreSQL 地址（postgres://…）；不填则使用数据目录里的 SQLite
        #[arg(long, env = "PINGJIA_DATABASE_URL", value_name = "URL", hide_env_values = true)]
        database_url: Option<PostgresUrl>,
    },
}

/// The signing keys of the installation that this database belongs to. Of several processes every one must sign with the
/// same keys: the first start writes down which, and whoever comes with others is refused, unless they follow from
/// those by `rotate` or `sm2`.
///
/// # Errors
/// Keys that are missing, damaged or not those of the installation.
pub(super) fn recognise(database: &Database, data: &Path) -> Result<SigningKeys> {
    database.write(|connection| {
        installation::hold(connection)?;
        let known = installation::load(connection, SIGNING_KEY)?;
        let known_sm2 = installation::load(connection, SIGNING_KEY_SM2)?;
        if known.is_some() && !SigningKeys::exist(data) {
            bail!("{} 里没有签名密钥，而这个数据库已经登记过。{SHARED}", data.join("keys").display());
        }
        let keys = SigningKeys::load_or_create(data)?;
        let own_sm2 = keys.thumbprints().into_iter().nth(1);
        if known.as_deref().is_some_and(|known| known != keys.thumbprint() && !keys.has_retired(known)) {
            bail!("{} 里的签名密钥不是这个数据库登记的那一把。{SHARED}", data.join("keys").display());
        }
        if known_sm2.is_some() && known_sm2 != own_sm2 {
            bail!("{} 里的国密密钥不是这个数据库登记的那一把，或者没有。{SHARED}", data.join("keys").display());
        }
        if known.as_deref() != Some(&keys.thumbprint()) || known_sm2 != own_sm2 {
            register(connection, &keys)?;
        }
        Ok(keys)
    })
}

/// What to do about keys that are not those of the installation.
const SHARED: &str = "各个服务进程必须使用同一个密钥文件夹：请把 --data 指向共享的数据目录；\
    旧密钥确实已经丢失时，先运行 pingjia keys register";

fn register(connection: &mut AnyConnection, keys: &SigningKeys) -> Result<()> {
    installation::put(connection, SIGNING_KEY, Some(&keys.thumbprint()))?;
    Ok(installation::put(connection, SIGNING_KEY_SM2, keys.thumbprints().get(1).map(String::as_str))?)
}

/// Runs the command: 2 without a data directory, 1 when the keys cannot be used or written.
pub fn run(arguments: &Arguments) -> ExitCode {
    if let Err(why) = existing_folder(&arguments.data) {
        eprintln!("{why:#}");
        return ExitCode::from(2);
    }
    match act(arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why:#}");
            ExitCode::from(1)
        }
    }
}

fn act(arguments: &Arguments) -> Result<String> {
    match &arguments.action {
        Action::Show => {}
        Action::Sm2 => SigningKeys::create_sm2(&arguments.data)?,
        Action::Rotate => SigningKeys::rotate(&arguments.data)?,
        Action::Register { database_url } => {
            let (settings, data) = (arguments.settings.clone(), arguments.data.clone());
            let place = Place { settings, data, database_url: database_url.clone() };
            let keys = SigningKeys::load_or_create(&arguments.data)?;
            place.existing_database()?.write(|connection| register(connection, &keys))?;
        }
    }
    Ok(SigningKeys::load_or_create(&arguments.data)?.jwks())
}
