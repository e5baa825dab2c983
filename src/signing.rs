//! The keys that sign statements, on disk: `<data>/keys/ed25519.pem`, made at the first start; `sm2.pem`, which
//! the operator may add; and `retired/`, the public halves of keys that signed earlier sheets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use serde::Serialize;
use sm2::pkcs8::LineEnding;
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::jwk::{KeySet, PublicKey};
use crate::domain::jws::{JwsError, SecretKey, Statement};
use crate::world;

const ED25519: &str = "ed25519.pem";
const SM2: &str = "sm2.pem";
const RETIRED: &str = "retired";

/// The signing keys of an installation.
#[derive(Debug)]
pub struct SigningKeys {
    ed25519: SecretKey,
    sm2: Option<SecretKey>,
    retired: Vec<PublicKey>,
}

/// What is wrong with the folder of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("签名密钥文件夹无法使用：{path}：{why}")]
    Folder { path: PathBuf, why: io::Error },
    #[error("{path} 不是 PKCS#8 PEM 格式的{kind}私钥")]
    NotAKey { path: PathBuf, kind: &'static str },
    #[error("{path} 不是退役公钥（JWK）：{why}")]
    NotRetired { path: PathBuf, why: String },
    #[error("{path} 已经存在，没有改动")]
    Exists { path: PathBuf },
}

impl SigningKeys {
    /// Loads the keys in `<data>/keys`, making the Ed25519 key if there is none yet. Processes that start at the
    /// same moment end up with the same key: only one creates the file, the others read it.
    ///
    /// # Errors
    /// `Folder` when it cannot be read or written; `NotAKey` or `NotRetired` for a file that is damaged: such a
    /// file is never replaced.
    pub fn load_or_create(data: &Path) -> Result<Self, KeysError> {
        let folder = folder(data)?;
        let path = folder.join(ED25519);
        let ed25519 = loop {
            match read(&path)? {
                Some(pem) => break parse_ed25519(&pem, &path)?,
                None => match create(&path, new_ed25519_pem(&path)?.as_bytes()) {
                    Ok(()) | Err(KeysError::Exists { .. }) => {}
                    Err(error) => return Err(error),
                },
            }
        };
        let path = folder.join(SM2);
        let sm2 = read(&path)?.map(|pem| parse_sm2(&pem, &path)).transpose()?;
        Ok(SigningKeys { ed25519, sm2, retired: read_retired(&folder.join(RETIRED))? })
    }

    /// Whether there is a key to load.
    #[must_use]
    pub fn exist(data: &Path) -> bool {
        data.join("keys").join(ED25519).exists()
    }

    /// Whether the key of this thumbprint signed here once and was retired.
    #[must_use]
    pub fn has_retired(&self, thumbprint: &str) -> bool {
        self.retired.iter().any(|key| key.thumbprint() == thumbprint)
    }

    /// Makes an SM2 key for the second signature. It is used from the next start of the service on.
    ///
    /// # Errors
    /// `Exists` when there is one, `Folder` when it cannot be written.
    pub fn create_sm2(data: &Path) -> Result<(), KeysError> {
        let path = folder(data)?.join(SM2);
        let key = loop {
            let mut bytes = world::random_bytes::<32>();
            // A number of 32 bytes that is no key: once in 2³² draws.
            let key = sm2::SecretKey::from_slice(&bytes);
            bytes.zeroize();
            if let Ok(key) = key {
                break key;
            }
        };
        let pem =
            key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeysError::NotAKey { path: path.clone(), kind: "SM2" })?;
        create(&path, pem.as_bytes())
    }

    /// Retires the Ed25519 key and makes a new one, used from the next start of the service on. The old public
    /// key stays published, so that old sheets still verify; the old secret is gone.
    ///
    /// # Errors
    /// As [`SigningKeys::load_or_create`].
    pub fn rotate(data: &Path) -> Result<(), KeysError> {
        let old = Self::load_or_create(data)?;
        let folder = folder(data)?;
        let retired = folder.join(RETIRED);
        fs::create_dir_all(&retired).map_err(|why| KeysError::Folder { path: retired.clone(), why })?;
        let public = old.ed25519.public();
        let path = retired.join(format!("{}.json", public.thumbprint()));
        match create(&path, KeySet::of(vec![public.clone()]).to_json().as_bytes()) {
            Ok(()) | Err(KeysError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        sync_folder(&folder)?;
        let path = folder.join(ED25519);
        let temporary = write_temporary(&path, new_ed25519_pem(&path)?.as_bytes())?;
        fs::rename(&temporary, &path).map_err(|why| KeysError::Folder { path, why })?;
        sync_folder(&folder)
    }

    /// Signs `payload` with every key: the statement as it is stored, published and sent.
    ///
    /// # Errors
    /// See [`Statement::sign`].
    pub fn sign(&self, payload: &impl Serialize) -> Result<String, JwsError> {
        let keys: Vec<&SecretKey> = std::iter::once(&self.ed25519).chain(&self.sm2).collect();
        Statement::sign(payload, &keys)
    }

    /// The thumbprints of the keys that sign, in the order of their signatures: a sheet names them as its issuer's.
    #[must_use]
    pub fn thumbprints(&self) -> Vec<String> {
        std::iter::once(&self.ed25519).chain(&self.sm2).map(|key| key.public().thumbprint()).collect()
    }

    /// The thumbprint of the Ed25519 key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.ed25519.public().thumbprint()
    }

    /// All public keys, retired ones included.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        let signing = std::iter::once(&self.ed25519).chain(&self.sm2).map(SecretKey::public);
        KeySet::of(signing.chain(&self.retired).cloned().collect())
    }

    /// The JWK set for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.key_set().to_json()
    }
}

fn folder(data: &Path) -> Result<PathBuf, KeysError> {
    let folder = data.join("keys");
    fs::create_dir_all(&folder).map_err(|why| KeysError::Folder { path: folder.clone(), why })?;
    Ok(folder)
}

fn new_ed25519_pem(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let secret_key = world::random_bytes::<32>();
    // Without the public key: OpenSSL 3.0 does not read the newer form that carries it (RFC 5958).
    let mut pair = KeypairBytes { secret_key, public_key: None };
    let pem = pair.to_pkcs8_pem(LineEnding::LF);
    pair.secret_key.zeroize();
    pem.map_err(|_| KeysError::NotAKey { path: path.to_owned(), kind: " Ed25519 " })
}

fn parse_ed25519(pem: &str, path: &Path) -> Result<SecretKey, KeysError> {
    let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem);
    key.map(SecretKey::ed25519).map_err(|_| KeysError::NotAKey { path: path.to_owned(), kind: " Ed25519 " })
}

fn parse_sm2(pem: &str, path: &Path) -> Result<SecretKey, KeysError> {
    let not_a_key = || KeysError::NotAKey { path: path.to_owned(), kind: " SM2 " };
    SecretKey::sm2(sm2::SecretKey::from_pkcs8_pem(pem).map_err(|_| not_a_key())?).map_err(|_| not_a_key())
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, KeysError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(KeysError::Folder { path: path.to_owned(), why }),
    }
}

fn read_retired(folder: &Path) -> Result<Vec<PublicKey>, KeysError> {
    let fault = |why| KeysError::Folder { path: folder.to_owned(), why };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(fault(why)),
    };
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(fault)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut keys = Vec::new();
    for path in paths {
        let text = fs::read(&path).map_err(fault)?;
        let set =
            KeySet::parse(&text).map_err(|why| KeysError::NotRetired { path: path.clone(), why: why.to_string() })?;
        keys.extend_from_slice(set.keys());
    }
    Ok(keys)
}

/// Writes a file that is there whole or not at all, readable by its owner only, and never replaces one.
fn create(path: &Path, contents: &[u8]) -> Result<(), KeysError> {
    let temporary = write_temporary(path, contents)?;
    let linked = fs::hard_link(&temporary, path);
    let removed = fs::remove_file(&temporary);
    match linked.and(removed) {
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("."))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeysError::Exists { path: path.to_owned() }),
        Err(why) => Err(KeysError::Folder { path: path.to_owned(), why }),
    }
}

fn write_temporary(path: &Path, contents: &[u8]) -> Result<PathBuf, KeysError> {
    let suffix = data_encoding::HEXLOWER.encode(&world::random_bytes::<8>());
    let temporary = path.with_extension(format!("{suffix}.tmp"));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().map_err(|why| KeysError::Folder { path: temporary.clone(), why })?;
    Ok(temporary)
}

fn sync_folder(folder: &Path) -> Result<(), KeysError> {
    let sync = File::open(folder).and_then(|folder| folder.sync_all());
    sync.map_err(|why| KeysError::Folder { path: folder.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_key_is_made_once_and_kept() {
        let data = tempfile::tempdir().unwrap();
        let thumbprints: Vec<String> = std::thread::scope(|scope| {
            let start = || SigningKeys::load_or_create(data.path()).unwrap().thumbprint();
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(thumbprints.iter().all(|thumbprint| *thumbprint == thumbprints[0]), "{thumbprints:?}");
        let files: Vec<_> = fs::read_dir(data.path().join("keys")).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1, "no temporary file stays");
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_refused_and_never_replaced() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("keys")).unwrap();
        for name in [ED25519, SM2] {
            let path = data.path().join("keys").join(name);
            fs::write(&path, "damaged").unwrap();
            assert!(matches!(SigningKeys::load_or_create(data.path()), Err(KeysError::NotAKey { .. })));
            assert_eq!(fs::read_to_string(&path).unwrap(), "damaged");
            fs::remove_file(path).unwrap();
            SigningKeys::load_or_create(data.path()).unwrap();
        }
    }

    #[test]
    fn a_second_signature_where_the_operator_set_it_up() {
        let data = tempfile::tempdir().unwrap();
        let payload = json!({"format": "test/1"});
        let one = SigningKeys::load_or_create(data.path()).unwrap().sign(&payload).unwrap();
        assert_eq!(Statement::parse(one.as_bytes()).unwrap().signatures().len(), 1);
        SigningKeys::create_sm2(data.path()).unwrap();
        assert!(matches!(SigningKeys::create_sm2(data.path()), Err(KeysError::Exists { .. })));
        let keys = SigningKeys::load_or_create(data.path()).unwrap();
        let two = Statement::parse(keys.sign(&payload).unwrap().as_bytes()).unwrap();
        let signers: Vec<String> = two.signatures().iter().map(|signature| signature.key.thumbprint()).collect();
        assert_eq!(signers, keys.thumbprints());
        assert!(!two.forged() && signers.len() == 2);
    }

    #[test]
    fn retired_keys_stay_published() {
        let data = tempfile::tempdir().unwrap();
        let old = SigningKeys::load_or_create(data.path()).unwrap();
        let sheet = Statement::parse(old.sign(&json!({})).unwrap().as_bytes()).unwrap();
        SigningKeys::rotate(data.path()).unwrap();
        let new = SigningKeys::load_or_create(data.path()).unwrap();
        assert_ne!(new.thumbprint(), old.thumbprint());
        let published = KeySet::parse(new.jwks().as_bytes()).unwrap();
        assert!(published.contains(&sheet.signatures()[0].key));
        assert_eq!(published.keys().len(), 2);
    }
}
