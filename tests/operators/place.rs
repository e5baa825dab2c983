//! Installations to move: copies of the demonstration, all its rounds at rest, and where they go.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use diesel::prelude::*;
use diesel::sql_types::Text;
use pingjia::ballot_box::{BallotBox, Options};
use pingjia::database::Database;
use pingjia::domain::ids::PollId;
use pingjia::domain::poll::VoidReason;
use pingjia::store::polls;
use pingjia::world;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::installation::copy_folder;
use crate::support::postgres::cluster;
use crate::support::round::CHAIR;
use crate::support::service::Service;

/// The program, told nothing by the environment of the tests.
pub fn pingjia(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
    command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null());
    for name in ["CONFIG", "LOG", "VAULT", "DATA", "DATABASE_URL", "LISTEN", "PUBLIC_URL", "RULES"] {
        command.env_remove(format!("PINGJIA_{name}"));
    }
    command
}

/// What a command printed, and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

pub fn run(arguments: &[&str]) -> Ran {
    ended(&pingjia(arguments).output().unwrap())
}

pub fn ended(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// `pingjia move` that succeeds: the lines of its tables.
pub fn moves(from: &str, to: &str) -> Vec<String> {
    let ran = run(&["move", "--from", from, "--to", to]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("keys 文件夹") && ran.out.contains("密钥保管目录"), "{}", ran.out);
    assert_eq!(ran.err, "", "no bar where there is no terminal");
    ran.out.lines().filter(|line| line.contains(" 行  ")).map(str::to_owned).collect()
}

/// `pingjia move` that is refused: why.
pub fn refused(from: &str, to: &str) -> String {
    let ran = run(&["move", "--from", from, "--to", to]);
    assert_eq!(ran.code, Some(2), "{}", ran.out);
    ran.err
}

/// A data directory with its vault in it.
pub struct House {
    folder: TempDir,
}

/// The demonstration as it is, with a round open and one being counted.
fn demonstration() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let made = || {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut command = pingjia(&["demo", "--listen", "127.0.0.1:0", "--json", "--data"]);
        let mut child = command.arg(&data).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(line.contains("base_url"), "the demonstration is ready: {line}");
        std::fs::write(folder.path().join("told.json"), line).unwrap();
        folder
    };
    FOLDER.get_or_init(made).path()
}

/// The line that the demonstration printed when it was ready.
pub fn told() -> Value {
    serde_json::from_slice(&std::fs::read(demonstration().join("told.json")).unwrap()).unwrap()
}

impl House {
    /// The demonstration as it is.
    pub fn busy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&demonstration().join("data"), folder.path());
        House { folder }
    }

    /// The demonstration with every round at rest: counted, void, or a draft with slips.
    pub fn at_rest() -> Self {
        static FOLDER: OnceLock<House> = OnceLock::new();
        let rested = FOLDER.get_or_init(|| {
            let house = House::busy();
            let database = house.database();
            let ballots =
                BallotBox::start(database.clone(), Options { vaults: vec![house.vault()], queue_limit: 64 }).unwrap();
            let load = |id: PollId| database.read(|c| polls::load(c, id)).unwrap().unwrap();
            let rounds: Vec<i64> = database
                .read(|c| -> Result<_, pingjia::database::DatabaseError> {
                    Ok(pingjia::database::schema::poll::table.select(pingjia::database::schema::poll::id).load(c)?)
                })
                .unwrap();
            for id in rounds.into_iter().map(PollId) {
                let reason = VoidReason::CalledOff { text: "停止".into(), by: CHAIR };
                match load(id).phase.code() {
                    "open" => ballots.void(id, reason, None, world::now()).unwrap(),
                    "counting" => ballots.close(&load(id), CHAIR, world::now()).map(drop).unwrap(),
                    _ => {}
                }
            }
            let draft = rested_draft(&database);
            ballots.issue_slips(&load(draft), 60, 5, CHAIR, world::now()).unwrap();
            house
        });
        let folder = tempfile::tempdir().unwrap();
        copy_folder(rested.folder.path(), folder.path());
        House { folder }
    }

    /// A data directory with nothing in it.
    pub fn empty() -> Self {
        House { folder: tempfile::tempdir().unwrap() }
    }

    pub fn data(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub fn vault(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    pub fn sqlite_file(&self) -> PathBuf {
        self.folder.path().join("pingjia.db")
    }

    fn database(&self) -> Database {
        Database::sqlite(&self.sqlite_file()).unwrap()
    }

    /// Changes the database behind everybody's back.
    pub fn sql(&self, sql: &str) {
        let mut connection = SqliteConnection::establish(self.sqlite_file().to_str().unwrap()).unwrap();
        diesel::connection::SimpleConnection::batch_execute(&mut connection, sql).expect(sql);
    }

    /// The command that serves these keys and this vault; on a database server if one is named.
    pub fn command(&self, database: Option<&str>) -> Command {
        let mut command = pingjia(&["serve", "--listen", "127.0.0.1:0", "--data", self.data(), "--vault"]);
        command.arg(self.vault());
        if let Some(url) = database {
            command.args(["--database-url", url]);
        }
        command
    }

    pub fn serve(&self, database: Option<&str>) -> Result<Service, String> {
        Service::start(self.command(database))
    }
}

/// A round that is approved and not yet opened.
fn rested_draft(database: &Database) -> PollId {
    use pingjia::database::schema::poll;
    let drafts: Vec<(i64, String)> = database
        .read(|c| -> Result<_, pingjia::database::DatabaseError> {
            Ok(poll::table.filter(poll::phase.eq("draft")).select((poll::id, poll::phase_data)).load(c)?)
        })
        .unwrap();
    PollId(drafts.into_iter().find(|(_, data)| data.contains("approved")).unwrap().0)
}

/// A new, empty database on the server: its address.
pub fn empty_server() -> String {
    cluster().url(&cluster().create())
}

/// Everything that a query of one text column says.
pub fn texts(database: &str, query: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let query = diesel::sql_query(query);
    let rows: Vec<Row> = if database.starts_with("postgres") {
        query.load(&mut PgConnection::establish(database).unwrap()).unwrap()
    } else {
        query.load(&mut SqliteConnection::establish(database).unwrap()).unwrap()
    };
    rows.into_iter().map(|row| row.text).collect()
}
