//! `pingjia keys`: the signing keys of an installation.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::installation::existing_folder;
use super::settings::SettingsFile;
use crate::signing::{KeysError, SigningKeys};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    _settings: SettingsFile,
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
            eprintln!("{why}");
            ExitCode::from(1)
        }
    }
}

fn act(arguments: &Arguments) -> Result<String, KeysError> {
    match arguments.action {
        Action::Show => {}
        Action::Sm2 => SigningKeys::create_sm2(&arguments.data)?,
        Action::Rotate => SigningKeys::rotate(&arguments.data)?,
    }
    SigningKeys::load_or_create(&arguments.data).map(|keys| keys.jwks())
}
