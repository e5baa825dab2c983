//! Whether the vault is the one that belongs to the database. Its folders carry a mark, a folder whose name is the whole
//! of it, that the database knows; without it an unmounted disk, a mistyped path or another installation's vault
//! would pass for an empty one, and rounds opened there would be out of reach for every other process.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use diesel::dsl::max;
use diesel::prelude::*;

use super::api::BoxError;
use super::vault::{Fault, OWNER, Vault, private_folder, sync_folder};
use crate::database::schema::poll;
use crate::database::{Database, DatabaseError, installation};

/// Holds the vault folders against the database. The first process of a new installation makes and marks them; every
/// later one only looks.
pub(super) fn recognise(database: &Database, vault: &Vault) -> Result<(), BoxError> {
    database.write(|connection| {
        installation::hold(connection)?;
        let known = installation::load(connection, installation::VAULT)?;
        let mut marks = Vec::new();
        for folder in vault.folders() {
            marks.push((folder, mark(folder).map_err(|error| Fault::at(folder, "读不出来", &error))?));
        }
        if let Some(known) = known {
            return Ok(marks.iter().try_for_each(|(folder, mark)| compare(folder, mark, &known))?);
        }
        if let Some(id) = vault.places()?.into_keys().next() {
            return Err(Fault(format!(
                "数据库里还没有数据，保管处里却已经有评议（第 {id} 轮等）：请核对 --data 和数据库地址，可能写成了另一个数据库"
            ))
            .into());
        }
        let mut found =
            marks.iter().filter_map(|(_, mark)| if let Mark::Is(id) = mark { Some(id.clone()) } else { None });
        let id = found.next().unwrap_or_else(|| data_encoding::HEXLOWER.encode(&crate::world::random_bytes::<16>()));
        for (folder, mark) in &marks {
            match mark {
                Mark::Is(_) => compare(folder, mark, &id)?,
                Mark::Missing | Mark::None => {
                    make(folder, &id).map_err(|error| Fault::at(folder, "不能建立", &error))?;
                }
            }
        }
        Ok(installation::put(connection, installation::VAULT, Some(&id))?)
    })
}

/// Says in the log when the vault knows of rounds that the database has not: it is a copy from before them, and whoever
/// votes in them with a slip in hand is told that there is no such round.
pub(super) fn report_lost_rounds(database: &Database, vault: &Vault) -> Result<(), BoxError> {
    for poll in missing(database, vault)? {
        let reason = "保管处有这一轮的记录，数据库里却没有这一轮：数据库是更早的副本，请恢复更新的备份";
        tracing::error!(poll, reason, "a round is missing");
    }
    Ok(())
}

/// Rounds in the vault that are younger than the youngest in the database. The vault is read first: meanwhile another
/// process may open one.
fn missing(database: &Database, vault: &Vault) -> Result<BTreeSet<i64>, BoxError> {
    let known = vault.places()?;
    let youngest = poll::table.select(max(poll::id));
    let youngest = database.read(|connection| Ok::<_, DatabaseError>(youngest.first::<Option<i64>>(connection)?))?;
    Ok(known.into_keys().map(|id| id.0).filter(|id| Some(*id) > youngest).collect())
}

/// What a folder says that it is.
enum Mark {
    /// There is no such folder.
    Missing,
    /// It has no mark.
    None,
    Is(String),
}

fn mark(folder: &Path) -> io::Result<Mark> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Mark::Missing),
        entries => entries?,
    };
    for entry in entries {
        if let Some(id) = entry?.file_name().to_str().and_then(|name| name.strip_prefix(OWNER)) {
            return Ok(Mark::Is(id.to_owned()));
        }
    }
    Ok(Mark::None)
}

fn compare(folder: &Path, mark: &Mark, known: &str) -> Result<(), Fault> {
    let folder = folder.display();
    match mark {
        Mark::Is(id) if id == known => Ok(()),
        Mark::Is(_) => {
            Err(Fault(format!("保管处 {folder} 属于另一套系统，与这个数据库不是一套：请核对 --vault 和数据库地址")))
        }
        Mark::Missing => Err(Fault(format!(
            "保管处 {folder} 不存在：可能磁盘没有挂载，或者目录写错了。其余的保管处完好时，可以先不写这一个"
        ))),
        Mark::None => Err(Fault(format!(
            "保管处 {folder} 里没有本系统的标记 {OWNER}{known}：可能磁盘没有挂载，或者目录写错了。\
             要添加镜像，请先把原来的保管处整个复制过去；保管处已经全部丢失时，在空目录里新建一个名为 {OWNER}{known} 的文件夹，\
             再启动（正在进行的各轮只能作废重来）"
        ))),
    }
}

fn make(folder: &Path, id: &str) -> io::Result<()> {
    private_folder().recursive(true).create(folder)?;
    private_folder().recursive(true).create(folder.join(format!("{OWNER}{id}")))?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_marked_once_and_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let [a, b, c] = ["a", "deep/b", "c"].map(|name| folder.path().join(name));
        let vault = |folders: &[&std::path::PathBuf]| Vault::new(folders.iter().map(|&f| f.clone()).collect()).unwrap();
        let refused = |vault: &Vault| recognise(&database, vault).unwrap_err().to_string();
        recognise(&database, &vault(&[&a, &b])).unwrap();
        recognise(&database, &vault(&[&a, &b])).unwrap();
        recognise(&database, &vault(&[&b])).unwrap();

        assert!(refused(&vault(&[&a, &c])).contains("不存在"));
        assert!(!c.exists(), "nothing is made where something is missing");
        fs::create_dir(&c).unwrap();
        assert!(refused(&vault(&[&a, &c])).contains("没有本系统的标记"));
        fs::create_dir(c.join("vault-00")).unwrap();
        assert!(refused(&vault(&[&a, &c])).contains("另一套系统"));

        // A database from before its first start, or a new one beside an old vault.
        let younger = Database::sqlite(&folder.path().join("younger")).unwrap();
        recognise(&younger, &vault(&[&a])).unwrap();
        recognise(&younger, &vault(&[&a, &b])).unwrap();
        let foreign = recognise(&younger, &vault(&[&c])).unwrap_err().to_string();
        assert!(foreign.contains("另一套系统"), "{foreign}");
    }

    #[test]
    fn rounds_that_only_the_vault_knows_are_missed() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        let vault = Vault::new(vec![a.clone(), b.clone()]).unwrap();
        recognise(&database, &vault).unwrap();
        assert!(missing(&database, &vault).unwrap().is_empty());
        for lost in [a.join("poll-7-8KQ2M"), b.join("poll-7-8KQ2M"), b.join("poll-12-AAAAA"), b.join("poll-notes")] {
            fs::create_dir(lost).unwrap();
        }
        assert!(missing(&database, &vault).unwrap().into_iter().eq([7, 12]));
    }
}
