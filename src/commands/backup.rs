//! `pingjia backup`: a consistent copy of a running SQLite installation, without the vault.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use super::installation::{Place, private_folder};
use crate::database::{Database, DatabaseError, Kind};

/// 备份数据库和签名密钥（服务不用停）；不含投票密钥，那个不能备份
#[derive(Args, Debug)]
pub(super) struct Backup {
    #[command(flatten)]
    place: Place,
    /// 备份放进这个新目录
    target: PathBuf,
}

/// Writes the copy into a new folder that must not exist yet.
pub(super) fn backup(options: &Backup) -> Result<()> {
    if options.target.exists() {
        bail!("{} 已经存在，请换一个新目录", options.target.display());
    }
    let database = options.place.existing_database()?;
    if database.kind() == Kind::Postgres {
        bail!("PostgreSQL 数据库请用 pg_dump 备份；签名密钥在 {} 里", options.place.data.join("keys").display());
    }
    private_folder(&options.target)?;
    if let Err(error) = fill(options, &database) {
        // Half a backup must not be taken for one.
        fs::remove_dir_all(&options.target).with_context(|| format!("{error:#}；没有做完的备份也删不掉"))?;
        return Err(error.context("备份没有做成，没有留下任何文件"));
    }
    println!("备份完成：{}", options.target.display());
    println!("投票密钥不在备份里：开着的投票只能靠密钥保管目录本身（和它的镜像）。");
    Ok(())
}

fn fill(options: &Backup, database: &Database) -> Result<()> {
    let copy = options.target.join("pingjia.db");
    let path = copy.to_str().context("目录名不是 UTF-8")?;
    database.read(|connection| -> Result<(), DatabaseError> {
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(connection)?;
        Ok(())
    })?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
    sync(&copy)?;
    copy_folder(&options.place.data.join("keys"), &options.target.join("keys"))?;
    sync(&options.target)?;
    // The folder's own name stands in the one above it.
    options.target.canonicalize()?.parent().map_or(Ok(()), sync)
}

/// What is said to be backed up must outlast the next power failure. A file, or a folder with the names in it.
fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).with_context(|| path.display().to_string())
}

/// Copies a folder with the folders in it: keys that were replaced are among them, and older sheets are checked by those.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    private_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
            sync(&to)?;
        }
    }
    sync(to)
}
