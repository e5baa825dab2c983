//! Starting: several processes at once on an empty database, on a machine with nothing but libc.

use std::fs;
use std::process::Command;

use super::place::{House, empty_server, texts};
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
