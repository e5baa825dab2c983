//! Starting: several processes at once on an empty database, on a machine with nothing but libc.

use std::fs;
use std::process::Command;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::place::{House, empty_server, texts};
use super::support::postgres::cluster;
use super::support::service::{Service, get};

const PROCESSES: usize = 6;

/// As many services at once, all serving.
fn start_together(house: &House, database: Option<&str>) -> Vec<Service> {
    std::thread::scope(|scope| {
        let start = || scope.spawn(|| house.serve(database).unwrap_or_else(|log| panic!("{log}")));
        let threads: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn several_processes_begin_an_empty_database_together() {
    for kind in ["postgres", "sqlite"] {
        let house = House::empty();
        let server = (kind == "postgres").then(empty_server);
        let services = start_together(&house, server.as_deref());
        for service in &services {
            assert_eq!(get(service.address, "/healthz").unwrap().status, 200);
        }
        let database = server.unwrap_or_else(|| house.sqlite_file().to_str().unwrap().to_owned());
        let applied = texts(&database, "SELECT version AS text FROM __diesel_schema_migrations ORDER BY version");
        let mut known: Vec<String> = fs::read_dir(format!("migrations/{kind}"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().split('_').next().unwrap().to_owned())
            .collect();
        known.sort();
        assert_eq!(applied, known, "each migration once");
    }
}

#[test]
fn the_program_needs_libc_and_nothing_else() {
    let listed = Command::new("ldd").arg(env!("CARGO_BIN_EXE_pingjia")).output().expect("ldd runs");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let libraries: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(libraries.iter().any(|library| library.starts_with("libc.so")), "{listed}");
    let allowed = ["linux-vdso.so", "libc.so", "libm.so", "libgcc_s.so", "/lib64/ld-linux", "/lib/ld-linux"];
    for library in libraries {
        assert!(allowed.iter().any(|allowed| library.starts_with(allowed)), "{library} is no part of libc:\n{listed}");
    }
}

#[test]
fn a_rule_set_that_newer_checks_refuse_does_not_stop_the_service() {
    let (house, rules) = (House::empty(), tempfile::tempdir().unwrap());
    let old = include_str!("../../src/rules/shandong-2018.toml")
        .replacen("version = \"1.1.0\"", "version = \"01.2.0\"", 1)
        .replacen("date = \"2018-06-14\"", "date = \"2018年6月\"", 1);
    fs::write(rules.path().join("old.toml"), old).unwrap();
    let service = Service::start({
        let mut command = house.command(None);
        command.env("PINGJIA_RULES", rules.path());
        command
    });
    let service = service.unwrap_or_else(|log| panic!("{log}"));
    let log = service.log();
    assert!(log.contains("shandong-2018 1.2.0：") && log.contains("document.date：应为年"), "{log}");
    assert_eq!(get(service.address, "/healthz").unwrap().status, 200);
}

#[test]
fn a_database_that_a_newer_program_used_is_left_alone() {
    for server in [None, Some(empty_server())] {
        let house = House::empty();
        house.serve(server.as_deref()).unwrap().kill();
        let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
        match &server {
            None => house.sql(newer),
            Some(url) => PgConnection::establish(url).unwrap().batch_execute(newer).unwrap(),
        }
        let log = house.serve(server.as_deref()).err().expect("it ends");
        assert!(log.contains("更新版本"), "{log}");
    }
}

#[test]
fn a_database_that_holds_no_chinese_is_refused() {
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("without_chinese_{}", encoding.to_lowercase());
        cluster().run(&format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"));
        let log = House::empty().serve(Some(&cluster().url(&name))).err().expect("it ends");
        assert!(log.contains(encoding) && log.contains("UTF8"), "{log}");
    }
}

#[test]
fn a_role_that_may_read_and_write_rows_is_enough_once_there_are_tables() {
    let house = House::empty();
    let server = empty_server();
    house.serve(Some(&server)).unwrap().kill();
    let mut owner = PgConnection::establish(&server).unwrap();
    let rights = "CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO clerk";
    owner.batch_execute(rights).unwrap();
    let service = house.serve(Some(&server.replace("user=postgres", "user=clerk"))).unwrap();
    assert_eq!(get(service.address, "/healthz").unwrap().status, 200);
}
