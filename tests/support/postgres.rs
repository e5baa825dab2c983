//! A private PostgreSQL server from Debian's packages: in a temporary folder, reached through a socket there,
//! gone when the test program ends however it ends.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

pub const BINARIES: &str = "/usr/lib/postgresql/15/bin";

/// What a standby calls itself.
pub const STANDBY: &str = "heir";

/// Runs the server until standard input closes, that is until the test program is gone, then removes it.
const KEEPER: &str = r#"
"$1/pg_ctl" start -w -t 60 -D "$2/data" -l "$2/log" -o "-k $2 $3" >/dev/null 2>&1 </dev/null
cat >/dev/null
"$1/pg_ctl" stop -w -m immediate -D "$2/data" >/dev/null 2>&1
rm -rf "$2"
"#;

/// Quick and forgetful: for tests that do not restart the server.
const QUICK: &str = "-c listen_addresses= -c max_connections=300 -c autovacuum=off -c shared_buffers=64MB -c fsync=off";
/// As an operator has it, but for what a restart on a busy machine needs.
const DURABLE: &str = "-c listen_addresses= -c max_connections=200 -c shared_buffers=128MB";

/// Tells whoever has it as much as a server can: every statement with its parameters, statistics, times of commits, and a
/// write-ahead log that is kept.
const TALKATIVE: &str = "-c listen_addresses= -c max_connections=100 -c autovacuum=off -c fsync=off -c shared_buffers=64MB \
    -c log_statement=all -c log_min_duration_statement=0 -c log_parameter_max_length=-1 -c log_connections=on \
    -c shared_preload_libraries=pg_stat_statements -c track_commit_timestamp=on -c wal_level=logical -c wal_keep_size=2GB";

/// A running server.
pub struct Cluster {
    folder: PathBuf,
    /// User and group that the server runs as, where they are not our own.
    other: Option<(u32, u32)>,
    /// Holds the keeper's standard input open.
    _keeper: Child,
}

/// The server of this test program.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(QUICK))
}

impl Cluster {
    /// A server of one's own that syncs, as an operator has it; gone when it is dropped.
    pub fn durable() -> Cluster {
        Cluster::start(DURABLE)
    }

    /// A server of one's own that hides nothing from its owner.
    pub fn talkative() -> Cluster {
        Cluster::start(TALKATIVE)
    }

    fn start(settings: &str) -> Cluster {
        assert!(
            Path::new(BINARIES).join("initdb").exists(),
            "these tests need PostgreSQL 15: apt-get install postgresql (looked in {BINARIES})"
        );
        Cluster::raise(settings, |data| {
            let mut initdb = Command::new(format!("{BINARIES}/initdb"));
            initdb.arg("-D").arg(data);
            initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]);
            initdb
        })
    }

    /// A server that follows this one, under the name [`STANDBY`].
    pub fn standby(&self) -> Cluster {
        let source = format!("host={} user=postgres application_name={STANDBY}", self.folder.display());
        Cluster::raise(DURABLE, |data| {
            let mut copy = Command::new(format!("{BINARIES}/pg_basebackup"));
            copy.arg("-D").arg(data).args(["-d", &source, "-R", "-X", "stream", "-c", "fast", "--no-sync"]);
            copy
        })
    }

    /// Runs a server on the data directory that a command makes.
    fn raise(settings: &str, make: impl FnOnce(&Path) -> Command) -> Cluster {
        let folder = tempfile::Builder::new().prefix("pingjia-pg-").tempdir().expect("a temporary folder").keep();
        // initdb refuses to run as root.
        let other = (number(&["-u"]) == 0).then(|| (number(&["-u", "postgres"]), number(&["-g", "postgres"])));
        if let Some((user, group)) = other {
            chown(&folder, Some(user), Some(group)).expect("the folder can be given to postgres");
        }
        let mut make = make(&folder.join("data"));
        run_as(&mut make, other);
        let made = make.current_dir("/tmp").output().expect("it runs");
        assert!(made.status.success(), "{make:?}: {}", String::from_utf8_lossy(&made.stderr));
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "sh", BINARIES])
            .arg(&folder)
            .arg(settings)
            .current_dir("/tmp")
            .stdin(Stdio::piped());
        keeper.process_group(0);
        run_as(&mut keeper, other);
        let keeper = keeper.spawn().expect("sh runs");
        let cluster = Cluster { folder, other, _keeper: keeper };
        cluster.await_ready();
        cluster
    }

    fn await_ready(&self) {
        let begun = Instant::now();
        while PgConnection::establish(&self.url("postgres")).is_err() {
            if begun.elapsed() > Duration::from_secs(30) {
                let mut log = String::new();
                let _ = fs::File::open(self.folder.join("log")).and_then(|mut file| file.read_to_string(&mut log));
                panic!("PostgreSQL did not start: {log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Restarts the server, or starts it again: `fast` ends every session, `immediate` is a crash. Returns when it answers.
    pub fn restart(&self, mode: &str) {
        self.control(&["restart", "-m", mode]);
        self.await_ready();
    }

    /// Ends the server, and keeps what it holds.
    pub fn stop(&self, mode: &str) {
        self.control(&["stop", "-m", mode]);
    }

    /// Makes a standby the server that takes writes.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    fn control(&self, what: &[&str]) {
        let mut control = Command::new(format!("{BINARIES}/pg_ctl"));
        control.args(what).args(["-w", "-t", "60", "-D"]).arg(self.folder.join("data"));
        if what.first() == Some(&"restart") {
            control.arg("-l").arg(self.folder.join("log"));
        }
        run_as(control.current_dir("/tmp"), self.other);
        let done = control.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.expect("pg_ctl runs").success(), "{what:?}");
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=postgres", self.folder.display())
    }

    /// The address of a database that is served by whichever of this server and its standby takes writes.
    pub fn url_with(&self, standby: &Cluster, database: &str) -> String {
        let hosts = format!("{},{}", self.folder.display(), standby.folder.display());
        format!("postgres:///{database}?host={hosts}&user=postgres&target_session_attrs=read-write")
    }

    /// A new, empty database: its name.
    pub fn create(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        name
    }

    /// Where data directory (`data`) and log lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A copy of a database that nobody is connected to.
    pub fn copy(&self, from: &str, to: &str) {
        self.run(&format!("CREATE DATABASE {to} TEMPLATE {from}"));
    }

    /// Puts a database away, whoever is connected to it.
    pub fn drop(&self, name: &str) {
        self.run(&format!("DROP DATABASE {name} WITH (FORCE)"));
    }

    /// Changes a setting of the whole server, as an operator does while it runs: the sessions learn it in a moment.
    pub fn set(&self, setting: &str) {
        self.run(&format!("ALTER SYSTEM SET {setting}"));
        self.run("SELECT pg_reload_conf()");
    }

    /// Runs a statement as the server's owner.
    pub fn run(&self, sql: &str) {
        self.owner().batch_execute(sql).expect(sql);
    }

    /// A session of the server's owner.
    pub fn owner(&self) -> PgConnection {
        PgConnection::establish(&self.url("postgres")).expect("the server answers")
    }
}

fn run_as(command: &mut Command, other: Option<(u32, u32)>) {
    if let Some((user, group)) = other {
        command.uid(user).gid(group);
    }
}

fn number(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("the user postgres exists")
}
