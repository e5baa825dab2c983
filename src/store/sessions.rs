//! Sessions: an opaque random token in the person's cookie, of which the database keeps the hash only.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime};

use super::{By, StoreError, accounts, unions};
use crate::database::schema::session as t;
use crate::database::{AnyConnection, DatabaseError, journal};
use crate::domain::account::Account;
use crate::domain::digest::Digest;
use crate::domain::ids::AccountId;
use crate::domain::union::Union;

/// How long a person stays signed in. A round's day is shorter.
pub const LIFETIME: Duration = Duration::hours(12);

/// How old the note of a session's last use becomes before it is written anew.
const NOTED: Duration = Duration::minutes(10);

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub account: Account,
    /// Their union.
    pub union: Union,
    /// When it was last used, as far as that was noted: see [`note_use`].
    pub last_used: OffsetDateTime,
}

impl Session {
    /// Whether its use at this moment is to be noted.
    #[must_use]
    pub fn is_to_be_noted(&self, at: OffsetDateTime) -> bool {
        at - self.last_used >= NOTED
    }
}

/// 256 random bits that stand for a signed-in person. Only its hash is stored.
#[derive(Clone)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// The token of these random bits.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        SessionToken(random)
    }

    /// The token as it stands in the cookie.
    #[must_use]
    pub fn text(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads a cookie; `None` unless it is 256 bits in base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(SessionToken)
    }

    /// The token that every form of this session carries.
    #[must_use]
    pub fn form_token(&self) -> String {
        Digest::labelled("form", &[&self.0]).base64url()
    }

    fn hash(&self) -> Digest {
        Digest::labelled("session", &[&self.0])
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Signs an account in, and clears away sessions that have run out. Journals.
///
/// # Errors
/// Database faults.
pub fn create(
    connection: &mut AnyConnection,
    account: &Account,
    token: &SessionToken,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    diesel::delete(t::table.filter(t::expires_at.lt(at.unix_timestamp()))).execute(connection)?;
    diesel::insert_into(t::table)
        .values((
            t::token_hash.eq(token.hash().0.to_vec()),
            t::account_id.eq(account.id.0),
            t::expires_at.eq((at + LIFETIME).unix_timestamp()),
            t::last_used.eq(at.unix_timestamp()),
        ))
        .execute(connection)?;
    note(connection, account, "session.begin", By { account: Some(account.id), at })
}

/// Who is signed in with this token; `None` if it is unknown, has run out, or the account is no longer active. Reads
/// only.
///
/// # Errors
/// Database faults.
pub fn load(
    connection: &mut AnyConnection,
    token: &SessionToken,
    at: OffsetDateTime,
) -> Result<Option<Session>, DatabaseError> {
    let found: Option<(i64, i64)> = t::table
        .find(token.hash().0.to_vec())
        .filter(t::expires_at.gt(at.unix_timestamp()))
        .select((t::account_id, t::last_used))
        .first(connection)
        .optional()?;
    let Some((id, last_used)) = found else { return Ok(None) };
    let last_used = OffsetDateTime::from_unix_timestamp(last_used)
        .map_err(|error| DatabaseError::Row(format!("last use of a session: {error}")))?;
    let Some(account) = accounts::load(connection, AccountId(id))?.filter(|account| account.active) else {
        return Ok(None);
    };
    Ok(unions::load(connection, account.union)?.map(|union| Session { account, union, last_used }))
}

/// Notes that a session is in use, so that every process of the service knows it. No line in the journal: it is neither
/// of a round nor of the business.
///
/// # Errors
/// Database faults.
pub fn note_use(connection: &mut AnyConnection, token: &SessionToken, at: OffsetDateTime) -> Result<(), DatabaseError> {
    let session = t::table.find(token.hash().0.to_vec()).filter(t::last_used.lt(at.unix_timestamp()));
    diesel::update(session).set(t::last_used.eq(at.unix_timestamp())).execute(connection)?;
    Ok(())
}

/// Signs this session out. Journals.
///
/// # Errors
/// Database faults.
pub fn end(
    connection: &mut AnyConnection,
    account: &Account,
    token: &SessionToken,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    diesel::delete(t::table.filter(t::token_hash.eq(token.hash().0.to_vec()))).execute(connection)?;
    note(connection, account, "session.end", By { account: Some(account.id), at })
}

fn note(connection: &mut AnyConnection, account: &Account, action: &str, by: By) -> Result<(), StoreError> {
    let entry =
        journal::Entry { at: by.at, account: by.account, union: Some(account.union), poll: None, action, detail: "" };
    Ok(journal::write(connection, &entry)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_cookie_and_do_not_print() {
        let token = SessionToken::new([9; 32]);
        assert_eq!(SessionToken::parse(&token.text()).unwrap().0, token.0);
        assert!(SessionToken::parse("short").is_none());
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }
}
