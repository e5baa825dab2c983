//! The web: pages and routes for members, chairs, scrutineers, tellers and superiors.
//!
//! Architecture Invariant: every route stands in [`routes::table`] with who may call it, and is served by
//! [`gate`], which enforces that before the handler runs. GET changes nothing. Handlers answer with a
//! [`reply::Reply`] or a [`problem::Problem`]; nothing else leaves the house.

pub mod ask;
pub mod assets;
pub mod chair;
mod declared;
mod der;
pub mod desk;
mod device;
mod download;
pub mod form;
pub mod gate;
pub mod headers;
pub mod help;
mod idle;
pub mod kept;
mod labels;
pub mod member;
mod multipart;
pub mod one_time;
mod origin;
pub mod page;
pub mod peer;
pub mod problem;
pub mod public;
mod redirect;
pub mod reply;
pub mod request;
pub mod round;
pub mod routes;
pub mod session;
mod stencil;
pub mod superior;
pub mod throttle;
mod title;
pub mod tls;

use std::convert::Infallible;
use std::future::ready;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_service::{fn_factory_with_config, fn_service};
use actix_web::HttpServer;
use actix_web::dev::{AppConfig, Server};
use futures_util::FutureExt as _;
use tokio::sync::watch;

use self::request::Request;
use crate::ballot_box::BallotBox;
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::domain::rules::RuleRegistry;
use crate::office::Office;
use crate::signing::SigningKeys;
use crate::store::accounts::PasswordDigest;

/// Threads that may wait for the database at the same time, for each thread that serves; it has no more than eight
/// connections for all. Each costs memory, and the moment in which hundreds begin costs a crowd more than waiting does.
const BLOCKING: usize = 16;

/// Files that are written to just anybody at the same time.
const PUBLIC_DOWNLOADS: usize = 8;

/// Files that are kept back for database and vault, however many connections there are: without them the ballot box would
/// have to stop.
const OWN_FILES: usize = 256;

/// Connections that each thread takes at most. Whoever comes later waits for a place.
fn places(files: usize, threads: usize, redirects: bool) -> usize {
    let others = OWN_FILES + if redirects { redirect::CONNECTIONS } else { 0 };
    (files.saturating_sub(others) / threads.max(1)).clamp(16, 25_000)
}

/// Everything a handler may need.
pub struct App {
    pub config: Config,
    pub database: Database,
    pub ballot_box: BallotBox,
    pub keys: Arc<SigningKeys>,
    pub rules: Arc<RuleRegistry>,
    pub office: Office,
    pub throttle: throttle::Throttle,
    /// Rounds as members ask for them, and the guard over slip codes.
    pub rounds: member::rounds::Rounds,
    /// Charts of sheets as pictures.
    pub charts: kept::Kept<(crate::domain::ids::SheetId, public::Picture), { 8 << 20 }>,
    /// Sheets as PDF and as workbooks, by what they are made from.
    pub printed: kept::Kept<crate::domain::digest::Digest, { 16 << 20 }>,
    /// Places for files that are written to just anybody.
    pub(crate) public_downloads: download::Places,
    /// When each session was last used.
    pub(crate) idle: idle::Idle,
    pub(crate) password_checks: throttle::PasswordChecks,
    /// What the password of an unknown username is held against, so that both take the same time.
    pub(crate) nobody: PasswordDigest,
    stopping: watch::Sender<bool>,
}

impl App {
    /// The application over an opened database and a started ballot box.
    ///
    /// # Errors
    /// When the password hash function does not work.
    pub fn new(config: Config, office: Office) -> Result<Self, DatabaseError> {
        Ok(App {
            config,
            database: office.database.clone(),
            ballot_box: office.ballot_box.clone(),
            keys: office.keys.clone(),
            rules: office.rules.clone(),
            office,
            throttle: throttle::Throttle::default(),
            rounds: member::rounds::Rounds::default(),
            charts: kept::Kept::default(),
            printed: kept::Kept::default(),
            public_downloads: download::Places::new(PUBLIC_DOWNLOADS),
            idle: idle::Idle::default(),
            password_checks: throttle::PasswordChecks::default(),
            nobody: PasswordDigest::of("nobody", &crate::world::random_bytes())?,
            stopping: watch::Sender::new(false),
        })
    }

    /// Turns true when the service stops: streams end then, or stopping would wait for them.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// Serves `app` on `listener` until SIGINT or SIGTERM, then answers what is in flight and ends. With TLS when the
/// configuration has a certificate, and with the plain listener beside it that leads there. The process may have so many
/// `files` open, connections among them.
///
/// # Errors
/// When a listener, the certificate or its key cannot be used.
pub fn run(app: App, listener: TcpListener, files: usize) -> std::io::Result<Server> {
    let listen = listener.local_addr()?;
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let app = Arc::new(app);
    let (serving, signalled) = (app.clone(), app.clone());
    let server = HttpServer::new(move || {
        let app = serving.clone();
        fn_factory_with_config(move |config: AppConfig| {
            let (app, encrypted) = (app.clone(), config.secure());
            let serve = move |mut head: actix_http::Request| {
                let (app, payload) = (app.clone(), head.take_payload());
                gate::serve(app, Request::new(head, encrypted), payload).map(Ok::<_, Infallible>)
            };
            ready(Ok::<_, ()>(fn_service(serve)))
        })
    })
    .workers(threads)
    .max_connections(places(files, threads, app.config.front.redirect.is_some()))
    .worker_max_blocking_threads(BLOCKING)
    .client_request_timeout(Duration::from_secs(15))
    .client_disconnect_timeout(Duration::from_secs(5))
    .tls_handshake_timeout(Duration::from_secs(10))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(20)
    .shutdown_signal(async move {
        stop_signal().await;
        signalled.stopping.send_replace(true);
    });
    if let Some(address) = app.config.front.redirect {
        actix_web::rt::spawn(redirect::run(&app, TcpListener::bind(address)?)?);
    }
    let server = match &app.config.front.tls {
        None => server.listen(listener)?,
        Some(files) => {
            let certificate = tls::Certificate::open(files, &app.config.public_url).map_err(std::io::Error::other)?;
            let config = certificate.server_config()?;
            actix_web::rt::spawn(certificate.keep_fresh());
            server.listen_rustls_0_23(listener, config)?
        }
    };
    tracing::info!(%listen, "serving");
    Ok(server.run())
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
