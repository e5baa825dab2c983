//! Public keys as JSON Web Keys (RFC 7517, RFC 8037), their thumbprints (RFC 7638) and key sets.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::canonical;
use super::digest::Digest;

/// The default distinguishing identifier of SM2 signatures (GM/T 0009-2012, section 10).
pub const SM2_ID: &str = "1234567812345678";

/// How a statement is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// SM2 with SM3 and the default identifier; the signature is the DER `SEQUENCE { r, s }` of GM/T 0009-2012.
    Sm2Sm3,
}

impl Algorithm {
    /// The value of `alg`. No name for SM2 is registered with IANA, and JOSE libraries that know it disagree on
    /// one; RFC 7515 (4.1.1) then asks for a collision-resistant name, which the algorithm's object identifier is.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Sm2Sm3 => "urn:oid:1.2.156.10197.1.501",
        }
    }

    /// The algorithm with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Algorithm::EdDsa, Algorithm::Sm2Sm3].into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// What people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "Ed25519",
            Algorithm::Sm2Sm3 => "SM2/SM3",
        }
    }
}

/// A public key that signatures are checked with.
#[derive(Debug, Clone)]
pub enum PublicKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    Sm2(Box<sm2::dsa::VerifyingKey>),
}

/// Why bytes are not a key that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key type or curve that is neither Ed25519 nor SM2.
    #[error("neither an Ed25519 nor an SM2 key")]
    Unknown,
    /// Coordinates of the wrong length, not on the curve, of small order or not in canonical form.
    #[error("not a valid public key")]
    Invalid,
    /// `kid` is not the thumbprint.
    #[error("the key id is not the key's RFC 7638 thumbprint")]
    Kid,
}

/// A JSON Web Key: public parts only. Unknown members are ignored, as RFC 7517 asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    pub kty: String,
    pub crv: String,
    pub x: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes. Stricter than RFC 8032: a key of small order, or one whose bytes are
    /// not the canonical ones for its point, is refused.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Invalid)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Invalid)?;
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        if canonical && !key.is_weak() { Ok(PublicKey::Ed25519(key)) } else { Err(KeyError::Invalid) }
    }

    /// An SM2 key from its coordinates.
    ///
    /// # Errors
    /// `Invalid` when they are not 32 bytes each or no point of the curve.
    pub fn sm2(x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != 32 || y.len() != 32 {
            return Err(KeyError::Invalid);
        }
        let point = [&[4], x, y].concat();
        let key = sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, &point).map_err(|_| KeyError::Invalid)?;
        Ok(PublicKey::Sm2(Box::new(key)))
    }

    /// The algorithm that this key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Ed25519(_) => Algorithm::EdDsa,
            PublicKey::Sm2(_) => Algorithm::Sm2Sm3,
        }
    }

    /// The key with its required members only: what the thumbprint is made of and what signatures carry.
    #[must_use]
    pub fn bare_jwk(&self) -> Jwk {
        let jwk = |kty: &str, crv: &str, x: &[u8], y: Option<&[u8]>| Jwk {
            kty: kty.to_owned(),
            crv: crv.to_owned(),
            x: BASE64URL_NOPAD.encode(x),
            y: y.map(|y| BASE64URL_NOPAD.encode(y)),
            kid: None,
            alg: None,
            usage: None,
        };
        match self {
            PublicKey::Ed25519(key) => jwk("OKP", "Ed25519", key.as_bytes(), None),
            PublicKey::Sm2(key) => {
                let point = key.to_sec1_bytes();
                let x = point.get(1..33).unwrap_or_default();
                jwk("EC", "SM2", x, Some(point.get(33..).unwrap_or_default()))
            }
        }
    }

    /// The key as published: with `kid`, `alg` and `use`.
    #[must_use]
    pub fn jwk(&self) -> Jwk {
        Jwk {
            kid: Some(self.thumbprint()),
            alg: Some(self.algorithm().name().to_owned()),
            usage: Some("sig".to_owned()),
            ..self.bare_jwk()
        }
    }

    /// RFC 7638: SHA-256 over the canonical form of the required members, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members = canonical::to_string(&self.bare_jwk()).unwrap_or_default();
        Digest::sha256(members.as_bytes()).base64url()
    }

    /// Whether `signature` is this key's over `message`. Ed25519 is checked strictly: S < L, canonical R, no
    /// points of small order. SM2 takes the one DER form of a signature only.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            PublicKey::Sm2(key) => {
                use sm2::dsa::signature::Verifier as _;
                sm2::dsa::Signature::from_der(signature)
                    .is_ok_and(|read| read.to_der().as_bytes() == signature && key.verify(message, &read).is_ok())
            }
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bare_jwk() == other.bare_jwk()
    }
}

impl Eq for PublicKey {}

impl TryFrom<&Jwk> for PublicKey {
    type Error = KeyError;

    fn try_from(jwk: &Jwk) -> Result<Self, KeyError> {
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyError::Invalid);
        let key = match (jwk.kty.as_str(), jwk.crv.as_str(), &jwk.y) {
            ("OKP", "Ed25519", None) => PublicKey::ed25519(&bytes(&jwk.x)?)?,
            ("EC", "SM2", Some(y)) => PublicKey::sm2(&bytes(&jwk.x)?, &bytes(y)?)?,
            _ => return Err(KeyError::Unknown),
        };
        if jwk.kid.as_ref().is_some_and(|kid| *kid != key.thumbprint()) {
            return Err(KeyError::Kid);
        }
        Ok(key)
    }
}

/// A JWK set (RFC 7517, section 5): the keys that somebody trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Vec<PublicKey>);

/// The text is not a JWK set with at least one key of ours in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("not a JWK set: {0}")]
    Json(String),
    #[error("key {place} of the set: {why}")]
    Key { place: usize, why: KeyError },
    #[error("no Ed25519 or SM2 key in the set")]
    Empty,
}

impl KeySet {
    /// A set of these keys.
    #[must_use]
    pub fn of(keys: Vec<PublicKey>) -> Self {
        KeySet(keys)
    }

    /// Reads a JWK set, or a single JWK. Keys of other kinds are passed over, as RFC 7517 asks.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let json = |error: serde_json::Error| KeySetError::Json(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(text).map_err(json)?;
        let members = match value.get("keys") {
            Some(serde_json::Value::Array(members)) => members.clone(),
            Some(_) => return Err(KeySetError::Json("`keys` is not a list".to_owned())),
            None => vec![value],
        };
        let mut keys = Vec::new();
        for (place, member) in members.into_iter().enumerate() {
            let kind = |name: &str| member.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            let ours = matches!(
                (kind("kty").as_deref(), kind("crv").as_deref()),
                (Some("OKP"), Some("Ed25519")) | (Some("EC"), Some("SM2"))
            );
            if !ours {
                continue;
            }
            let jwk: Jwk = serde_json::from_value(member).map_err(json)?;
            keys.push(PublicKey::try_from(&jwk).map_err(|why| KeySetError::Key { place, why })?);
        }
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(KeySet(keys)) }
    }

    /// The set as published at `/.well-known/jwks.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        canonical::to_string(&Set { keys: self.0.iter().map(PublicKey::jwk).collect() }).unwrap_or_default()
    }

    /// Whether this very key is in the set.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains(key)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.2.
    const RFC_8037_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn key(text: &str) -> Result<PublicKey, KeySetError> {
        KeySet::parse(text.as_bytes()).map(|set| set.keys()[0].clone())
    }

    #[test]
    fn thumbprint_of_rfc_8037_appendix_a_3() {
        assert_eq!(key(RFC_8037_KEY).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn sets_are_read_strictly_but_pass_over_foreign_keys() {
        let set = format!(r#"{{"keys":[{{"kty":"RSA","n":"AQ","e":"AQAB"}},{RFC_8037_KEY}]}}"#);
        let set = KeySet::parse(set.as_bytes()).unwrap();
        assert_eq!(set.keys().len(), 1);
        assert_eq!(KeySet::parse(set.to_json().as_bytes()).unwrap(), set);
        for refused in [
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"RSA"}]}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","kid":"x","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"EC","crv":"SM2","x":"AQ","y":"AQ"}"#,
        ] {
            assert!(KeySet::parse(refused.as_bytes()).is_err(), "{refused}");
        }
    }

    #[test]
    fn ed25519_signatures_of_rfc_8032_and_wycheproof() {
        // RFC 8032, 7.1, test 2.
        let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let key = PublicKey::ed25519(&public).unwrap();
        let signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ));
        assert!(key.verifies(&[0x72], &signature));
        assert!(!key.verifies(&[0x73], &signature));

        // S + L is the same scalar: accepted by lax verifiers, a second spelling of the signature.
        let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut malleable = signature.clone();
        let mut carry = 0u16;
        for (digit, added) in malleable[32..].iter_mut().zip(&order) {
            let sum = u16::from(*digit) + u16::from(*added) + carry;
            *digit = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!key.verifies(&[0x72], &malleable), "S must be below L");

        // Too short, too long, all zero, R of small order.
        assert!(!key.verifies(&[0x72], &signature[..63]));
        assert!(!key.verifies(&[0x72], &[&signature[..], &[0]].concat()));
        assert!(!key.verifies(&[0x72], &[0; 64]));
        let identity = hex("0100000000000000000000000000000000000000000000000000000000000000");
        assert!(!key.verifies(&[0x72], &[&identity[..], &[0; 32]].concat()));
    }

    #[test]
    fn points_of_small_order_and_in_other_spellings_are_no_keys() {
        let small_order = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            // y ≥ p: other spellings of y = 0 and y = 1, and −0.
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0100000000000000000000000000000000000000000000000000000000000080",
        ];
        for bytes in small_order {
            assert_eq!(PublicKey::ed25519(&hex(bytes)), Err(KeyError::Invalid), "{bytes}");
        }
        // y = p + k for every k < 19: a second spelling of y = k, never a key.
        for k in 0..19u8 {
            let mut bytes = [0xff; 32];
            bytes[0] = 0xed + k;
            bytes[31] = 0x7f;
            assert_eq!(PublicKey::ed25519(&bytes), Err(KeyError::Invalid), "p + {k}");
        }
        let off_curve = hex("0200000000000000000000000000000000000000000000000000000000000000");
        assert_eq!(PublicKey::ed25519(&off_curve), Err(KeyError::Invalid));
        assert_eq!(PublicKey::ed25519(&[1; 31]), Err(KeyError::Invalid));
    }

    #[test]
    fn sm2_takes_one_spelling_of_a_signature() {
        use sm2::dsa::signature::Signer as _;
        let secret = sm2::SecretKey::from_slice(&[7; 32]).unwrap();
        let signer = sm2::dsa::SigningKey::new(SM2_ID, &secret).unwrap();
        let key = PublicKey::Sm2(Box::new(signer.verifying_key().clone()));
        let signature: sm2::dsa::Signature = signer.sign(b"sheet");
        let der = signature.to_der().to_vec();
        assert!(key.verifies(b"sheet", &der));
        assert!(!key.verifies(b"sheer", &der));
        assert!(!key.verifies(b"sheet", &signature.to_vec()), "raw r ‖ s is another form");
        assert!(!key.verifies(b"sheet", &[&der[..], &[0]].concat()));
        let mut long_form = vec![0x30, 0x81, der[1]];
        long_form.extend_from_slice(&der[2..]);
        assert!(!key.verifies(b"sheet", &long_form));
        assert_eq!(PublicKey::try_from(&key.jwk()), Ok(key));
    }
}
