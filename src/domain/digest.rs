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
        // What belongs to a ballot is short, and hashed in one go in half the time.
        let mut short = [0; SHORT];
        let mut free = short.as_mut_slice();
        let all_fits = each_piece(label, parts, |piece| {
            let (place, rest) = std::mem::take(&mut free).split_at_mut_checked(piece.len())?;
            place.copy_from_slice(piece);
            free = rest;
            Some(())
        });
        if all_fits.is_some() {
            let length = SHORT - free.len();
            return Digest::sha256(short.get(..length).unwrap_or_default());
        }
        let mut hash = Sha256::new();
        let _: Option<()> = each_piece(label, parts, |piece| {
            hash.update(piece);
            Some(())
        });
        Digest(hash.finalize().into())
    }

    /// Its hexadecimal characters in groups of eight, to be compared by eye.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        self.0.chunks(4).map(|bytes| HEXLOWER.encode(bytes)).collect()
    }

    /// Base64url without padding, as in JSON Web Keys.
    #[must_use]
    pub fn base64url(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

/// Bytes of an input that is put together before it is hashed.
const SHORT: usize = 192;

/// Hands out label and parts, each behind its length, until `take` has no room.
fn each_piece(label: &str, parts: &[&[u8]], mut take: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        take(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes())?;
        take(part)?;
    }
    Some(())
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
    fn inputs_of_any_length_are_hashed_as_described() {
        for length in (0..=SHORT + 8).chain([10_000]) {
            let (first, second) = (vec![1; length / 3], vec![2; length - length / 3]);
            let mut input = Vec::new();
            for part in [b"label".as_slice(), &first, &second] {
                input.extend_from_slice(&(part.len() as u64).to_be_bytes());
                input.extend_from_slice(part);
            }
            assert_eq!(Digest::labelled("label", &[&first, &second]), Digest::sha256(&input), "{length} bytes");
        }
    }

    #[test]
    fn sha256_is_the_standard_one() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::sha256(b"abc").to_string(), abc);
        assert_eq!(abc.parse::<Digest>().unwrap(), Digest::sha256(b"abc"));
        let groups = Digest::sha256(b"abc").groups();
        assert_eq!((groups.len(), groups.concat().as_str()), (8, abc));
    }
}
