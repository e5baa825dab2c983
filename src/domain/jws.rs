//! Signed statements: JWS in general JSON serialisation (RFC 7515, section 7.2.1), each with one Ed25519
//! signature and, where the operator has set it up, a second one by SM2.
//!
//! A statement has one sequence of bytes: the document is canonical JSON (RFC 8785), so is its payload, so is
//! every protected header, and there are no unprotected ones. Each header is exactly `alg`, `jwk`, `kid`.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canonical::{self, CanonicalError};
use super::digest::Digest;
use super::jwk::{Algorithm, Jwk, KeySet, PublicKey, SM2_ID};

/// A secret key beside its public half. Both kinds wipe themselves from memory when dropped.
pub struct SecretKey {
    kind: SecretKind,
    public: PublicKey,
}

enum SecretKind {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Sm2(Box<sm2::SecretKey>),
}

/// Why bytes are not a signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    #[error("the document: {0}")]
    Document(CanonicalError),
    #[error("the document has not the members of a statement: {0}")]
    Members(String),
    #[error("not base64url without padding")]
    Base64,
    #[error("the payload: {0}")]
    Payload(CanonicalError),
    /// A header with other members than `alg`, `jwk` and `kid`, or an unknown algorithm; `crit` is among those.
    #[error("a signature's header: {0}")]
    Header(String),
    #[error("the first signature must be Ed25519, a second one SM2, and no more")]
    Signatures,
    /// Signing failed.
    #[error("could not sign")]
    Signing,
}

/// One signature of a statement, read but not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key that the header carries; `kid` is its thumbprint.
    pub key: PublicKey,
    protected: String,
    bytes: Vec<u8>,
}

/// A statement that has been read. Reading does not verify: see [`Statement::forged`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    payload: Value,
    payload_text: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    payload: String,
    signatures: Vec<SignatureMembers>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureMembers {
    protected: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    jwk: Jwk,
    kid: String,
}

impl SecretKey {
    /// An Ed25519 key.
    #[must_use]
    pub fn ed25519(key: ed25519_dalek::SigningKey) -> Self {
        let public = PublicKey::Ed25519(key.verifying_key());
        SecretKey { kind: SecretKind::Ed25519(Box::new(key)), public }
    }

    /// An SM2 key.
    ///
    /// # Errors
    /// `Signing` when the key cannot sign under the default identifier.
    pub fn sm2(key: sm2::SecretKey) -> Result<Self, JwsError> {
        let point = key.public_key().to_sec1_bytes();
        let public = sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_ID, &point).map_err(|_| JwsError::Signing)?;
        Ok(SecretKey { kind: SecretKind::Sm2(Box::new(key)), public: PublicKey::Sm2(Box::new(public)) })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JwsError> {
        match &self.kind {
            SecretKind::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                Ok(key.sign(message).to_vec())
            }
            SecretKind::Sm2(key) => {
                use sm2::dsa::signature::Signer as _;
                let signer = sm2::dsa::SigningKey::new(SM2_ID, key).map_err(|_| JwsError::Signing)?;
                let signature: sm2::dsa::Signature = signer.try_sign(message).map_err(|_| JwsError::Signing)?;
                Ok(signature.to_der().to_vec())
            }
        }
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({}, …)", self.public().thumbprint())
    }
}

impl Statement {
    /// Signs `payload` with every key in turn and prints the statement.
    ///
    /// # Errors
    /// `Payload` when it has no canonical form, `Signing` when a key fails.
    pub fn sign(payload: &impl Serialize, keys: &[&SecretKey]) -> Result<String, JwsError> {
        let payload = BASE64URL_NOPAD.encode(canonical::to_string(payload).map_err(JwsError::Payload)?.as_bytes());
        let mut signatures = Vec::with_capacity(keys.len());
        for key in keys {
            let public = key.public();
            let header =
                Header { alg: public.algorithm().name().to_owned(), jwk: public.bare_jwk(), kid: public.thumbprint() };
            let header = canonical::to_string(&header).map_err(JwsError::Document)?;
            let protected = BASE64URL_NOPAD.encode(header.as_bytes());
            let signature = BASE64URL_NOPAD.encode(&key.sign(&signing_input(&protected, &payload))?);
            signatures.push(SignatureMembers { protected, signature });
        }
        canonical::to_string(&Document { payload, signatures }).map_err(JwsError::Document)
    }

    /// Reads a statement, and nothing that is spelt in any other way than [`Statement::sign`] spells it.
    ///
    /// # Errors
    /// See [`JwsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, JwsError> {
        let document = canonical::parse(bytes).map_err(JwsError::Document)?;
        let document: Document =
            serde_json::from_value(document).map_err(|error| JwsError::Members(error.to_string()))?;
        let payload = canonical::parse(&decode(&document.payload)?).map_err(JwsError::Payload)?;
        let signatures =
            document.signatures.into_iter().map(Signature::read).collect::<Result<Vec<Signature>, JwsError>>()?;
        let algorithms: Vec<Algorithm> = signatures.iter().map(|signature| signature.key.algorithm()).collect();
        match algorithms.as_slice() {
            [Algorithm::EdDsa] | [Algorithm::EdDsa, Algorithm::Sm2Sm3] => {
                Ok(Statement { payload, payload_text: document.payload, signatures })
            }
            _ => Err(JwsError::Signatures),
        }
    }

    /// What is stated.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.payload
    }

    /// SHA-256 over the canonical bytes of the payload: the name of what is stated, whoever signed it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::sha256(&decode(&self.payload_text).unwrap_or_default())
    }

    /// The signatures in order.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Whether this signature of the statement was made by the key in its header.
    #[must_use]
    pub fn holds(&self, signature: &Signature) -> bool {
        signature.key.verifies(&signing_input(&signature.protected, &self.payload_text), &signature.bytes)
    }

    /// The thumbprints of the keys in the headers, in order.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        self.signatures.iter().map(|signature| signature.key.thumbprint()).collect()
    }

    /// Whether all signatures hold, none was added or taken away from those that the payload announces by the thumbprints
    /// of their keys, and all are by keys of this set.
    #[must_use]
    pub fn stands(&self, announced: &[String], keys: &KeySet) -> bool {
        let known = self.signatures.iter().all(|signature| keys.contains(&signature.key));
        known && !self.forged() && self.signers() == announced
    }

    /// Whether any of the signatures was not made by the key in its header.
    #[must_use]
    pub fn forged(&self) -> bool {
        !self.signatures.iter().all(|signature| self.holds(signature))
    }
}

impl Signature {
    fn read(members: SignatureMembers) -> Result<Self, JwsError> {
        let refuse = |why: &dyn std::fmt::Display| JwsError::Header(why.to_string());
        let header = canonical::parse(&decode(&members.protected)?).map_err(|error| refuse(&error))?;
        let plain_key = header.get("jwk").cloned();
        let header: Header = serde_json::from_value(header).map_err(|error| refuse(&error))?;
        let key = PublicKey::try_from(&header.jwk).map_err(|error| refuse(&error))?;
        if plain_key != serde_json::to_value(key.bare_jwk()).ok() {
            return Err(refuse(&"`jwk` holds more than the required members"));
        }
        if header.kid != key.thumbprint() {
            return Err(refuse(&"`kid` is not the key's thumbprint"));
        }
        if Algorithm::from_name(&header.alg) != Some(key.algorithm()) {
            return Err(refuse(&"`alg` does not fit the key"));
        }
        Ok(Signature { key, bytes: decode(&members.signature)?, protected: members.protected })
    }
}

/// RFC 7515, 5.1: what the signature is over.
fn signing_input(protected: &str, payload: &str) -> Vec<u8> {
    format!("{protected}.{payload}").into_bytes()
}

fn decode(text: &str) -> Result<Vec<u8>, JwsError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JwsError::Base64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// Keys for tests: made of fixed bytes, worthless.
    pub(crate) fn keys() -> [SecretKey; 2] {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        [SecretKey::ed25519(ed25519), SecretKey::sm2(sm2::SecretKey::from_slice(&[2; 32]).unwrap()).unwrap()]
    }

    fn statement(both: bool) -> String {
        let [ed25519, sm2] = keys();
        let payload = json!({"format": "test/1", "text": "职工之家", "count": 3});
        if both { Statement::sign(&payload, &[&ed25519, &sm2]) } else { Statement::sign(&payload, &[&ed25519]) }
            .unwrap()
    }

    #[test]
    fn signature_of_rfc_8037_appendix_a_4() {
        let key = PublicKey::ed25519(&decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap()).unwrap();
        let input = signing_input("eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        let signature =
            decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg").unwrap();
        assert!(key.verifies(&input, &signature));
        let secret: [u8; 32] = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap().try_into().unwrap();
        let secret = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&secret));
        assert_eq!(secret.sign(&input).unwrap(), signature);
    }

    #[test]
    fn statements_survive_printing() {
        for both in [false, true] {
            let text = statement(both);
            let read = Statement::parse(text.as_bytes()).unwrap();
            assert!(!read.forged());
            assert_eq!(read.payload()["text"], "职工之家");
            assert_eq!(read.signatures().len(), if both { 2 } else { 1 });
            assert_eq!(
                read.digest(),
                Digest::sha256("{\"count\":3,\"format\":\"test/1\",\"text\":\"职工之家\"}".as_bytes())
            );
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let text = statement(true).into_bytes();
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[place] ^= 1 << bit;
                let accepted = Statement::parse(&changed).is_ok_and(|read| !read.forged());
                assert!(!accepted, "byte {place}, bit {bit}");
            }
        }
    }

    /// A statement whose first header was changed, signed anew over the changed header.
    fn with_header(change: impl Fn(&mut Value)) -> Result<Statement, JwsError> {
        let [key, _] = keys();
        let mut document: Value = serde_json::from_str(&statement(false)).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut header = canonical::parse(&decode(&text(&document["signatures"][0]["protected"])).unwrap()).unwrap();
        change(&mut header);
        let protected = BASE64URL_NOPAD.encode(canonical::to_string(&header).unwrap().as_bytes());
        let signature = key.sign(&signing_input(&protected, &text(&document["payload"]))).unwrap();
        document["signatures"][0] = json!({"protected": protected, "signature": BASE64URL_NOPAD.encode(&signature)});
        Statement::parse(canonical::to_string(&document).unwrap().as_bytes())
    }

    #[test]
    fn headers_are_exactly_three_members() {
        assert!(!with_header(|_| ()).unwrap().forged());
        let refused: [&dyn Fn(&mut Value); 9] = [
            &|header| header["crit"] = json!(["exp"]),
            &|header| header["b64"] = json!(false),
            &|header| header["typ"] = json!("JOSE"),
            &|header| header["alg"] = json!("none"),
            &|header| header["alg"] = json!(Algorithm::Sm2Sm3.name()),
            &|header| header["kid"] = json!("another"),
            &|header| header["jwk"]["kid"] = header["kid"].clone(),
            &|header| header["jwk"]["d"] = json!("AA"),
            &|header| header["jwk"] = Value::Null,
        ];
        for (place, change) in refused.iter().enumerate() {
            assert!(matches!(with_header(change), Err(JwsError::Header(_))), "change {place}");
        }
    }

    #[test]
    fn documents_have_no_other_members_and_no_other_number_of_signatures() {
        let change = |change: &dyn Fn(&mut Value)| {
            let mut document: Value = serde_json::from_str(&statement(true)).unwrap();
            change(&mut document);
            Statement::parse(canonical::to_string(&document).unwrap().as_bytes())
        };
        assert!(change(&|_| ()).is_ok());
        assert!(matches!(change(&|d| d["header"] = json!({})), Err(JwsError::Members(_))));
        assert!(matches!(change(&|d| d["signatures"][0]["header"] = json!({"kid": "x"})), Err(JwsError::Members(_))));
        assert_eq!(change(&|d| d["signatures"] = json!([])), Err(JwsError::Signatures));
        assert_eq!(change(&|d| d["signatures"][0] = d["signatures"][1].clone()), Err(JwsError::Signatures));
        assert_eq!(change(&|d| d["signatures"].as_array_mut().unwrap().reverse()), Err(JwsError::Signatures));
        assert_eq!(change(&|d| d["payload"] = json!("e30=")), Err(JwsError::Base64));
        assert!(matches!(change(&|d| d["payload"] = json!("eyB9")), Err(JwsError::Payload(_))), "white space");
    }

    #[test]
    fn secrets_do_not_print() {
        let [ed25519, sm2] = keys();
        let shown = format!("{ed25519:?} {sm2:?}");
        assert!(shown.contains(&sm2.public().thumbprint()) && shown.len() < 140, "{shown}");
    }
}
