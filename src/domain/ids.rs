//! Every id is a type of its own, so that a union is never mistaken for a round.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    };
}

id!(
    /// A trade union in the tree of unions.
    UnionId
);
id!(
    /// A person who signs in.
    AccountId
);
id!(
    /// One round of 会员评家: one union, one paper, one ballot box.
    PollId
);
id!(
    /// A title that a union was given.
    TitleId
);

/// A certified result sheet, named by the first 80 bits of its payload's digest in lower-case base32:
/// the name cannot be guessed before publication and cannot be given to another sheet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SheetId(String);

impl SheetId {
    /// The id of the sheet whose canonical payload has this digest.
    #[must_use]
    pub fn of(payload_digest: &super::digest::Digest) -> Self {
        let head = payload_digest.0.get(..10).unwrap_or_default();
        SheetId(data_encoding::BASE32_NOPAD.encode(head).to_ascii_lowercase())
    }

    /// The id as it stands in a link: sixteen characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SheetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not sixteen characters of lower-case base32.
#[derive(Debug, thiserror::Error)]
#[error("not a sheet id")]
pub struct NotASheetId;

impl FromStr for SheetId {
    type Err = NotASheetId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        if fits { Ok(SheetId(text.to_owned())) } else { Err(NotASheetId) }
    }
}
