//! An installation for one test: a database of either kind, a vault of two folders, and boxes started on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use pingjia::ballot_box::{BallotBox, BoxError, Options};
use pingjia::database::{Database, Kind};
use tempfile::TempDir;

use super::postgres::cluster;

/// Database and vault of one test.
pub struct Installation {
    folder: TempDir,
    /// Name of the database on the PostgreSQL server; none for SQLite.
    server: Option<String>,
    /// How many there are of it.
    backups: AtomicU32,
}

impl Installation {
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = (kind == Kind::Postgres).then(|| cluster().create());
        Installation { folder, server, backups: AtomicU32::new(0) }
    }

    /// Another connection pool to the database, as another process would have.
    pub fn database(&self) -> Database {
        self.server
            .as_ref()
            .map_or_else(|| Database::sqlite(&self.sqlite_file()), |name| Database::postgres(&cluster().url(name)))
            .expect("the database opens")
    }

    pub fn kind(&self) -> Kind {
        if self.server.is_some() { Kind::Postgres } else { Kind::Sqlite }
    }

    /// Address of the database on the PostgreSQL server.
    pub fn server_url(&self) -> Option<String> {
        self.server.as_ref().map(|name| cluster().url(name))
    }

    pub fn sqlite_file(&self) -> PathBuf {
        self.folder.path().join("pingjia.sqlite")
    }

    /// Both folders of the vault.
    pub fn vaults(&self) -> [PathBuf; 2] {
        ["vault-a", "vault-b"].map(|name| self.folder.path().join(name))
    }

    /// A box on this database and vault, as a started service has it.
    pub fn start(&self) -> BallotBox {
        self.try_start(self.database()).expect("the box starts")
    }

    pub fn try_start(&self, database: Database) -> Result<BallotBox, BoxError> {
        BallotBox::start(database, Options { vaults: self.vaults().to_vec(), queue_limit: 4096 })
    }

    /// Files in both vault folders whose name ends so.
    pub fn vault_files(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = self.vaults().to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the vault can be read") {
                let path = entry.expect("the vault can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// A backup of the database. No box may run.
    pub fn back_up(&self) -> Backup {
        let number = self.backups.fetch_add(1, Ordering::Relaxed);
        if let Some(name) = &self.server {
            let copy = format!("{name}_backup{number}");
            cluster().copy(name, &copy);
            return Backup::Server(copy);
        }
        let copy = self.folder.path().join(format!("backup{number}"));
        fs::create_dir(&copy).expect("a folder for the backup");
        copy_sqlite(self.folder.path(), &copy);
        Backup::Folder(copy)
    }

    /// Puts a backup in the place of the database. No box may run.
    pub fn restore(&self, backup: &Backup) {
        match (backup, &self.server) {
            (Backup::Server(copy), Some(name)) => {
                cluster().drop(name);
                cluster().copy(copy, name);
            }
            (Backup::Folder(copy), None) => {
                for name in SQLITE_FILES {
                    let _ = fs::remove_file(self.folder.path().join(name));
                }
                copy_sqlite(copy, self.folder.path());
            }
            _ => panic!("a backup of the other database"),
        }
    }
}

const SQLITE_FILES: [&str; 3] = ["pingjia.sqlite", "pingjia.sqlite-wal", "pingjia.sqlite-shm"];

fn copy_sqlite(from: &Path, to: &Path) {
    for name in SQLITE_FILES {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("the database can be copied");
        }
    }
}

/// A copy of a database at one moment.
pub enum Backup {
    Folder(PathBuf),
    Server(String),
}

/// A copy of the vault at one moment.
pub struct VaultCopy(TempDir);

impl Installation {
    /// A copy of both vault folders, such as no operator may ever make.
    pub fn copy_vault(&self) -> VaultCopy {
        let copy = tempfile::tempdir().expect("a temporary folder");
        for vault in self.vaults() {
            copy_folder(&vault, &copy.path().join(vault.file_name().expect("a name")));
        }
        VaultCopy(copy)
    }

    /// Puts back those files of the copy whose name ends so.
    pub fn put_back(&self, copy: &VaultCopy, ending: &str) {
        for vault in self.vaults() {
            let from = copy.0.path().join(vault.file_name().expect("a name"));
            for round in fs::read_dir(&from).expect("the copy can be read") {
                let round = round.expect("the copy can be read").path();
                for file in fs::read_dir(&round).expect("the copy can be read") {
                    let file = file.expect("the copy can be read").path();
                    if file.to_string_lossy().ends_with(ending) {
                        let to = vault.join(file.strip_prefix(&from).expect("within the copy"));
                        fs::copy(&file, to).expect("the file can be put back");
                    }
                }
            }
        }
    }
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, target).expect("the file can be copied");
        }
    }
}
