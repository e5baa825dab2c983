//! Processes that must not serve: on a server that would forget, with a vault or keys that are not those of the others.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use diesel::RunQueryDsl as _;
use pingjia::database::{AnyConnection, Database, DatabaseError};

use crate::people::Round;
use crate::phone::Phone;
use crate::support::postgres::{Cluster, cluster};
use crate::support::round::{eventually, nonce};
use crate::support::service::{House, Service};

struct Place {
    house: House,
    name: String,
}

impl Place {
    fn new() -> Self {
        let name = cluster().create();
        Place { house: House::on_server(&cluster().url(&name)), name }
    }

    fn set(&self, setting: &str) {
        cluster().run(&format!("ALTER DATABASE {} SET {setting}", self.name));
    }

    fn reset(&self) {
        cluster().run(&format!("ALTER DATABASE {} RESET ALL", self.name));
    }

    fn end_sessions(&self) {
        let name = &self.name;
        cluster().run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    /// The command that serves, with another vault or data directory.
    fn with(&self, data: Option<PathBuf>, vaults: &[PathBuf]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &cluster().url(&self.name), "--data"]);
        command.arg(data.unwrap_or_else(|| self.house.data())).env("NO_COLOR", "1");
        command.env_remove("PINGJIA_LOG").env_remove("PINGJIA_VAULT");
        for vault in vaults {
            command.arg("--vault").arg(vault);
        }
        command
    }
}

/// Why it does not serve.
fn refused(command: Command) -> String {
    Service::start(command).err().expect("it does not serve")
}

#[test]
fn a_server_that_would_forget_or_takes_no_writes_is_refused() {
    let place = Place::new();
    place.house.serve().stop();
    for (setting, words) in [
        ("synchronous_commit = off", "同步提交（synchronous_commit = off）"),
        ("synchronous_commit = local", "同步提交（synchronous_commit = local）"),
        ("default_transaction_read_only = on", "只能读、不能写"),
    ] {
        place.set(setting);
        let said = refused(place.house.command());
        assert!(said.contains(words), "{setting}: {said}");
        place.reset();
    }
    // What is set on the server later does not reach sessions that are there; and new ones are refused.
    let round = Round::open(&place.house, 3);
    let service = place.house.serve();
    let mut phone = Phone::default();
    let mut say = |slip: usize, form| phone.send(service.address, &round.slips.roll[slip], form).expect("an answer");
    let form = nonce();
    assert_eq!(say(0, &form).0, 200);
    for setting in ["synchronous_commit = off", "default_transaction_read_only = on"] {
        place.set(setting);
        place.end_sessions();
        let (status, receipt) = say(1, &form);
        assert_eq!((status, receipt), (503, None), "not thanked under {setting}");
        place.reset();
    }
    eventually("it goes on", || say(1, &form).0 == 200);
    service.stop();
}

#[test]
fn a_session_keeps_its_promise_whatever_is_set_on_the_server_later() {
    let server = Cluster::durable();
    server.run("CREATE DATABASE pinned");
    // Who holds a lock would not see what was committed before it was given.
    server.run("ALTER DATABASE pinned SET default_transaction_isolation = 'repeatable read'");
    let database = Database::postgres(&server.url("pinned")).unwrap();
    let setting = |session: &mut AnyConnection, name: &str| {
        let AnyConnection::Postgres(inner) = session else { panic!("on PostgreSQL") };
        let shown = diesel::dsl::sql::<diesel::sql_types::Text>(&format!("current_setting('{name}')"));
        diesel::select(shown).get_result::<String>(inner).unwrap()
    };
    let mut session = database.connect().unwrap();
    assert_eq!(setting(&mut session, "transaction_isolation"), "read committed");
    server.set("synchronous_commit = off");
    eventually("new sessions are refused", || matches!(database.connect(), Err(DatabaseError::NotDurable(_))));
    assert_eq!(setting(&mut session, "synchronous_commit"), "on");
}

#[test]
fn a_vault_that_is_not_that_of_the_others_is_refused() {
    let place = Place::new();
    let other = Place::new();
    let first = place.house.serve();
    other.house.serve().stop();
    let vault = place.house.vault();
    let at = |name: &str| place.house.folder().join(name);
    fs::create_dir(at("empty")).unwrap();
    for (vaults, words) in [
        (vec![at("missing")], "不存在"),
        (vec![at("empty")], "没有本系统的标记"),
        (vec![vault.clone(), at("empty")], "没有本系统的标记"),
        (vec![other.house.vault()], "属于另一套系统"),
    ] {
        let said = refused(place.with(None, &vaults));
        assert!(said.contains("打不开投票箱") && said.contains(words), "{said}");
    }
    assert!(!at("missing").exists());
    assert_eq!(fs::read_dir(at("empty")).unwrap().count(), 0, "nothing is made in a foreign folder");
    Service::start(place.with(None, &[vault])).unwrap().stop();
    first.stop();
}

#[test]
fn a_key_that_was_altered_stops_its_round_in_every_process() {
    let place = Place::new();
    let round = Round::open(&place.house, 4);
    let services = [place.house.serve(), place.house.serve()];
    let form = nonce();
    let say = |service: &Service, slip: usize| {
        Phone::default().send(service.address, &round.slips.roll[slip], &form).expect("an answer")
    };
    assert_eq!((say(&services[0], 0).0, say(&services[1], 1).0), (200, 200));
    let key = fs::read_dir(place.house.round_in_vault()).unwrap().map(|entry| entry.unwrap().path());
    let key = key.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let good = fs::read(&key).unwrap();
    fs::write(&key, [7; 32]).unwrap();
    for service in &services {
        eventually("the round is stopped", || say(service, 2) == (503, None));
        service.says("密钥与本轮不符");
    }
    fs::write(&key, good).unwrap();
    for (place, service) in services.iter().enumerate() {
        eventually("the round goes on", || say(service, 2 + place).0 == 200);
    }
    for service in services {
        service.stop();
    }
}

#[test]
fn keys_that_are_not_those_of_the_others_are_refused() {
    let place = Place::new();
    place.house.serve().stop();
    let elsewhere = place.house.folder().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let served = |data: &PathBuf| Service::start(place.with(Some(data.clone()), &[place.house.vault()]));
    let said = served(&elsewhere).err().expect("it does not serve");
    assert!(said.contains("没有签名密钥") && said.contains("pingjia keys register"), "{said}");
    assert!(!elsewhere.join("keys").exists(), "no key is made beside the one that is known");

    let keys = |action: &[&str], data: &PathBuf| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
        let done = command.arg("keys").args(action).arg("--data").arg(data).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    keys(&["show"], &elsewhere);
    let said = served(&elsewhere).err().expect("it does not serve");
    assert!(said.contains("不是这个数据库登记的那一把"), "{said}");

    // A key that follows from the known one is taken; the one before it is then refused.
    let old = place.house.folder().join("old");
    let data = place.house.data();
    assert!(Command::new("cp").arg("-a").args([&data, &old]).status().unwrap().success());
    keys(&["rotate"], &data);
    served(&data).unwrap().stop();
    assert!(served(&old).err().expect("it does not serve").contains("不是这个数据库登记的那一把"));
    keys(&["sm2"], &data);
    served(&data).unwrap().stop();
    fs::rename(data.join("keys/sm2.pem"), data.join("keys/sm2.away")).unwrap();
    assert!(served(&data).err().expect("it does not serve").contains("国密密钥"));

    // All is lost: the operator says so.
    keys(&["register", "--database-url", &cluster().url(&place.name)], &elsewhere);
    served(&elsewhere).unwrap().stop();
}
