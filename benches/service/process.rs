//! Servers as processes of their own, kept to one core, and what they used of it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::service::Service;

/// A command that runs on the first core only.
pub fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Keeps this process to a core.
pub fn keep_to(core: usize) {
    let kept =
        Command::new("taskset").args(["-a", "-c", "-p", &core.to_string(), &std::process::id().to_string()]).output();
    if !kept.is_ok_and(|kept| kept.status.success()) {
        println!("(not kept to a core of its own: the figures are rough)");
    }
}

/// A running server. Killed when it is dropped.
pub struct Server {
    kind: Kind,
    pub address: SocketAddr,
}

enum Kind {
    Service(Service),
    Peer(Child),
}

impl Server {
    /// The program itself.
    pub fn service(command: Command) -> Self {
        let service = Service::start(command).expect("the service starts");
        Server { address: service.address, kind: Kind::Service(service) }
    }

    /// This benchmark as another server.
    pub fn peer(arguments: &[&OsStr]) -> Self {
        let mut command = pinned(&std::env::current_exe().unwrap());
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { address: line.trim().parse().expect("an address"), kind: Kind::Peer(child) }
    }

    pub fn id(&self) -> u32 {
        match &self.kind {
            Kind::Service(service) => service.id(),
            Kind::Peer(child) => child.id(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Kind::Peer(child) = &mut self.kind {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Seconds of processor time that a process has used so far, all its threads together.
pub fn processor(id: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}

/// The most memory that a process has held so far, in bytes.
pub fn peak_memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
