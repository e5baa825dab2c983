//! `pingjia serve`: runs the service.

use std::net::TcpListener;

use anyhow::{Context, Result};

use super::installation::{ServiceOptions, open_service};
use crate::http::{self, App};

/// Opens the installation and serves it until stopped.
pub(super) fn serve(options: ServiceOptions) -> Result<()> {
    let config = options.config()?;
    let listener = TcpListener::bind(config.listen).with_context(|| format!("不能监听 {}", config.listen))?;
    let app = open_service(config)?;
    run(app, listener)
}

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(app: App, listener: TcpListener) -> Result<()> {
    actix_web::rt::System::new().block_on(async move { http::run(app, listener)?.await })?;
    Ok(())
}
