//! TLS in the program itself: certificate and key from files, checked before use and read again when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig, version};
use time::OffsetDateTime;
use tokio::signal::unix::{SignalKind, signal};

use super::der;
use crate::config::TlsFiles;
use crate::world;

/// How often the files are looked at for a new certificate.
const LOOK: Duration = Duration::from_mins(1);
/// From when on the log says every day that the certificate runs out.
const SOON: time::Duration = time::Duration::days(14);

/// Why certificate and key cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("读不到{what} {}：{}", path.display(), why(cause))]
    Unreadable { what: &'static str, path: PathBuf, cause: io::Error },
    #[error("{} 里没有证书：应是 PEM 格式，有“BEGIN CERTIFICATE”一行", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} 里的证书已损坏，请重新取得", .0.display())]
    BrokenCertificate(PathBuf),
    #[error("{} 里没有私钥：应是 PEM 格式，有“BEGIN PRIVATE KEY”一行", .0.display())]
    NoKey(PathBuf),
    #[error("{} 里的私钥有口令保护，服务用不了：请先用 openssl pkey -in 原文件 -out 新文件 去掉口令", .0.display())]
    LockedKey(PathBuf),
    #[error("{} 里的私钥用不了：已损坏，或者不是 RSA、ECDSA、Ed25519 私钥", .0.display())]
    UnusableKey(PathBuf),
    #[error("证书 {} 和私钥 {} 不是一对，请核对文件；证书文件里本站的证书应排在最前", .0.display(), .1.display())]
    Mismatch(PathBuf, PathBuf),
    #[error("证书 {} 已于{}过期，请换新证书", .0.display(), day(*.1))]
    Expired(PathBuf, OffsetDateTime),
    #[error("证书 {} 要到{}才生效，请核对证书和本机时间", .0.display(), day(*.1))]
    NotYet(PathBuf, OffsetDateTime),
}

fn why(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "文件不存在".to_owned(),
        io::ErrorKind::PermissionDenied => "没有读取权限".to_owned(),
        io::ErrorKind::IsADirectory => "这是目录，不是文件".to_owned(),
        _ => cause.to_string(),
    }
}

fn day(at: OffsetDateTime) -> String {
    let date = world::date_in_china(at);
    format!("{}年{}月{}日", date.year(), u8::from(date.month()), date.day())
}

/// A certificate that fits its key and is valid now.
struct Pair {
    certified: Arc<CertifiedKey>,
    ends: OffsetDateTime,
}

fn load(files: &TlsFiles, now: OffsetDateTime) -> Result<Pair, TlsError> {
    let read =
        |what, path: &Path| fs::read(path).map_err(|cause| TlsError::Unreadable { what, path: path.to_owned(), cause });
    let (at, key_at) = (&files.certificate, &files.key);
    let chain = read("证书文件", at)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::BrokenCertificate(at.clone()))?;
    let first = chain.first().ok_or_else(|| TlsError::NoCertificate(at.clone()))?;
    let (begins, ends) = der::validity(first).ok_or_else(|| TlsError::BrokenCertificate(at.clone()))?;
    let text = zeroize::Zeroizing::new(read("私钥文件", key_at)?);
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        _ if text.windows(9).any(|words| words == b"ENCRYPTED") => TlsError::LockedKey(key_at.clone()),
        PemError::NoItemsFound => TlsError::NoKey(key_at.clone()),
        _ => TlsError::UnusableKey(key_at.clone()),
    })?;
    let key = ring::sign::any_supported_type(&key).map_err(|_| TlsError::UnusableKey(key_at.clone()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => return Err(TlsError::Mismatch(at.clone(), key_at.clone())),
        Err(_) => return Err(TlsError::BrokenCertificate(at.clone())),
    }
    if now < begins {
        return Err(TlsError::NotYet(at.clone(), begins));
    }
    if now >= ends {
        return Err(TlsError::Expired(at.clone(), ends));
    }
    Ok(Pair { certified: Arc::new(certified), ends })
}

/// Says what is not wrong enough to stop: a key that others may read, a certificate for another name.
fn warn(files: &TlsFiles, pair: &Pair, public_url: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(&files.key).map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let file = files.key.display();
        tracing::warn!("私钥文件 {file} 别的用户也能读，请改为只有服务账号可读：chmod 600");
    }
    let host = super::peer::host_of(public_url);
    let host = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(host, _)| host);
    let named = ServerName::try_from(host.trim_matches(['[', ']'])).is_ok_and(|name| {
        let end = pair.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
        end.is_ok_and(|end| rustls::client::verify_server_name(&end, &name).is_ok())
    });
    if !named {
        tracing::warn!("证书不是给 {host} 的，浏览器会警告会员；请核对证书和 --public-url");
    }
}

/// The certificate in use; the files are read again when they change.
pub struct Certificate {
    files: TlsFiles,
    public_url: String,
    now: Arc<Now>,
}

/// What new connections get.
#[derive(Debug)]
struct Now(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Now {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Certificate {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn open(files: &TlsFiles, public_url: &str) -> Result<Self, TlsError> {
        let pair = load(files, world::now())?;
        warn(files, &pair, public_url);
        tracing::info!(ends = %pair.ends.date(), "TLS certificate in use");
        let now = Arc::new(Now(RwLock::new(pair.certified)));
        Ok(Certificate { files: files.clone(), public_url: public_url.to_owned(), now })
    }

    /// TLS 1.2 and 1.3 with this certificate.
    ///
    /// # Errors
    /// When the cryptography cannot be set up.
    pub fn server_config(&self) -> io::Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(io::Error::other)?;
        Ok(builder.with_no_client_auth().with_cert_resolver(self.now.clone()))
    }

    /// Looks at the files every minute, and at once on SIGHUP. Files that cannot be used are reported, and the
    /// certificate stays as it was. Never returns.
    pub async fn keep_fresh(self) {
        let mut seen = self.stamp();
        let mut told = OffsetDateTime::UNIX_EPOCH;
        let mut hangups = signal(SignalKind::hangup()).ok();
        loop {
            let asked = match &mut hangups {
                Some(hangups) => tokio::select! {
                    _ = hangups.recv() => true,
                    () = tokio::time::sleep(LOOK) => false,
                },
                None => {
                    tokio::time::sleep(LOOK).await;
                    false
                }
            };
            let stamp = self.stamp();
            if asked || stamp != seen {
                seen = stamp;
                self.renew();
            }
            if world::now() - told > time::Duration::DAY {
                told = world::now();
                self.remind(told);
            }
        }
    }

    fn renew(&self) {
        match load(&self.files, world::now()) {
            Ok(pair) => {
                warn(&self.files, &pair, &self.public_url);
                tracing::info!(ends = %pair.ends.date(), "TLS certificate renewed");
                *self.now.0.write().unwrap_or_else(PoisonError::into_inner) = pair.certified;
            }
            Err(error) => tracing::error!("新证书不能用，仍用原来的证书：{error}"),
        }
    }

    fn remind(&self, at: OffsetDateTime) {
        let now = self.now.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let ends = now.end_entity_cert().ok().and_then(|end| der::validity(end)).map(|(_, ends)| ends);
        if let Some(ends) = ends.filter(|ends| *ends - at < SOON) {
            tracing::warn!("证书到{}为止，请换新证书；文件换好后服务会自己读取", day(ends));
        }
    }

    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.files.certificate, &self.files.key]
            .map(|path| fs::metadata(path).ok().and_then(|about| Some((about.modified().ok()?, about.len()))))
    }
}
