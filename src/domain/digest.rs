//! SHA-256 over labelled, length-prefixed parts: the one hash function of the ballot box.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// 256 bits out of SHA-256. Written as lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Plain SHA-256 of `bytes`, as any other program computes it.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Digest(Sha256::digest(bytes).into())
    }

    /// `H(label, parts…)`: SHA-256 over the label and the parts, each preceded by its length in eight
    /// big-endian bytes. Two different lists of parts never give the same input.
    #[must_use]
    pub fn labelled(label: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Digest(hash.finalize().into())
    }

    /// Base64url without padding, as in JSON Web Keys.
    #[must_use]
    pub fn base64url(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 64 lower-case hexadecimal characters.
#[derive(Debug, thiserror::Error)]
#[error("not a digest of 64 lower-case hexadecimal characters")]
pub struct NotADigest;

impl std::str::FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NotADigest)?;
        bytes.try_into().map(Digest).map_err(|_| NotADigest)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_slide_into_each_other() {
        assert_ne!(Digest::labelled("slip", &[b"ab", b"c"]), Digest::labelled("slip", &[b"a", b"bc"]));
        assert_ne!(Digest::labelled("slip", &[b"a"]), Digest::labelled("seed", &[b"a"]));
    }

    #[test]
    fn sha256_is_the_standard_one() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::sha256(b"abc").to_string(), abc);
        assert_eq!(abc.parse::<Digest>().unwrap(), Digest::sha256(b"abc"));
    }
}
