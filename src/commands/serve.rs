//! `pingjia serve`: runs the service.

use std::net::TcpListener;

use anyhow::{Context, Result};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

use super::installation::{ServiceOptions, open_service};
use crate::http::{self, App};
use crate::store::unions;

/// Opens the installation and serves it until stopped.
pub(super) fn serve(options: ServiceOptions) -> Result<()> {
    let config = options.config()?;
    let listener = TcpListener::bind(config.listen).with_context(|| format!("不能监听 {}", config.listen))?;
    let app = open_service(config)?;
    if app.database.read(|connection| unions::below(connection, "/", 1))?.is_empty() {
        tracing::warn!("数据库里还没有工会：请先运行 pingjia setup；已经登记过的，请核对 --data 和数据库地址");
    }
    run(app, listener)
}

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(app: App, listener: TcpListener) -> Result<()> {
    keep_memory_private();
    let files = open_files();
    actix_web::rt::System::new().block_on(async move { http::run(app, listener, files)?.await })?;
    Ok(())
}

/// Ballots pass through memory in the clear, and so do the codes of slips: no core dump shows it, and no other program of
/// the same user may look into it.
fn keep_memory_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let core = setrlimit(Resource::Core, none);
    if let Err(error) = core.and(set_dumpable_behavior(DumpableBehavior::NotDumpable)) {
        tracing::warn!(%error, "the memory of this process is not kept from core dumps");
    }
}

/// How many files and connections this process may have open: as many as the system grants, which is far more than it
/// begins with, and a hall of phones needs.
fn open_files() -> usize {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files stays as it was");
    }
    getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}
