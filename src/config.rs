//! One documented configuration, parsed once at the command line and passed down.

mod front;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use front::{Front, Network, TlsFiles};

use crate::database::PostgresUrl;

/// How the service runs. Every field is an option of `pingjia serve` and an environment variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// The data directory: SQLite file, signing keys.
    pub data: PathBuf,
    /// `postgres://…`; SQLite in the data directory without it.
    pub database_url: Option<PostgresUrl>,
    /// Folders of the vault. Default: `<data>-vault` beside the data directory.
    pub vaults: Vec<PathBuf>,
    /// A folder of further rule sets (`*.toml`), beside those that are built in.
    pub rules: Option<PathBuf>,
    /// The address that members reach, e.g. `https://pj.example.cn`: links and QR codes begin with it.
    pub public_url: String,
    /// TLS, and the proxies in front.
    pub front: Front,
}

impl Config {
    /// Whether members reach the service through TLS: decides secure cookies and HSTS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
