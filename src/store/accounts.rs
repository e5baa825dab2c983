//! People who sign in. Passwords are kept as argon2id hashes only.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use diesel::prelude::*;

use super::{By, StoreError, is_duplicate};
use crate::database::schema::{account as t, session};
use crate::database::{AnyConnection, DatabaseError, journal};
use crate::domain::account::{Account, Role};
use crate::domain::digest::Digest;
use crate::domain::ids::{AccountId, UnionId};

/// An account to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    pub username: String,
    pub role: Role,
    pub union: UnionId,
    pub name: String,
}

/// A password as stored: argon2id in PHC form.
#[derive(Clone)]
pub struct PasswordDigest(String);

impl PasswordDigest {
    /// Hashes a password. Slow on purpose: do it outside a transaction.
    ///
    /// # Errors
    /// `Row` if the hash function refuses, which it does for no password within our limits.
    pub fn of(password: &str, salt: &[u8; 16]) -> Result<Self, DatabaseError> {
        let hash = Argon2::default()
            .hash_password_with_salt(password.as_bytes(), salt)
            .map_err(|error| DatabaseError::Row(format!("password hash: {error}")))?;
        Ok(PasswordDigest(hash.to_string()))
    }

    /// Whether this is the password. Slow on purpose.
    #[must_use]
    pub fn fits(&self, password: &str) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// A digest that only whoever has this stored form can make, and that another password changes.
    #[must_use]
    pub fn bound(&self, label: &str, parts: &[&[u8]]) -> Digest {
        let all: Vec<&[u8]> = std::iter::once(self.0.as_bytes()).chain(parts.iter().copied()).collect();
        Digest::labelled(label, &all)
    }
}

type Row = (i64, String, String, i64, String, bool, bool);

type Columns = (t::id, t::username, t::role, t::union_id, t::name, t::active, t::must_change);

const COLUMNS: Columns = (t::id, t::username, t::role, t::union_id, t::name, t::active, t::must_change);

fn account_of((id, username, role, union, name, active, must_change): Row) -> Result<Account, DatabaseError> {
    let role = Role::from_code(&role).ok_or_else(|| DatabaseError::Row(format!("role of account {id}: {role}")))?;
    Ok(Account { id: AccountId(id), username, role, union: UnionId(union), name, active, must_change })
}

/// Creates an account. Journals.
///
/// # Errors
/// `UsernameTaken`.
pub fn create(
    connection: &mut AnyConnection,
    new: &NewAccount,
    password: &PasswordDigest,
    by: By,
) -> Result<Account, StoreError> {
    let inserted: QueryResult<i64> = diesel::insert_into(t::table)
        .values((
            t::username.eq(&new.username),
            t::password_hash.eq(&password.0),
            t::role.eq(new.role.code()),
            t::union_id.eq(new.union.0),
            t::name.eq(&new.name),
            t::active.eq(true),
            t::must_change.eq(false),
        ))
        .returning(t::id)
        .get_result(connection);
    let id = inserted.map_err(|error| if is_duplicate(&error) { StoreError::UsernameTaken } else { error.into() })?;
    let account = Account {
        id: AccountId(id),
        username: new.username.clone(),
        role: new.role,
        union: new.union,
        name: new.name.clone(),
        active: true,
        must_change: false,
    };
    note(connection, &account, "account.create", by)?;
    Ok(account)
}

/// The account with this username, and its password, for signing in.
///
/// # Errors
/// Database faults.
pub fn by_username(
    connection: &mut AnyConnection,
    username: &str,
) -> Result<Option<(Account, PasswordDigest)>, DatabaseError> {
    let row: Option<(Row, String)> =
        t::table.filter(t::username.eq(username)).select((COLUMNS, t::password_hash)).first(connection).optional()?;
    row.map(|(row, hash)| Ok((account_of(row)?, PasswordDigest(hash)))).transpose()
}

/// The account with this id.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, id: AccountId) -> Result<Option<Account>, DatabaseError> {
    t::table.find(id.0).select(COLUMNS).first::<Row>(connection).optional()?.map(account_of).transpose()
}

/// The accounts of a union, by role and name.
///
/// # Errors
/// Database faults.
pub fn of_union(connection: &mut AnyConnection, union: UnionId) -> Result<Vec<Account>, DatabaseError> {
    let rows: Vec<Row> =
        t::table.filter(t::union_id.eq(union.0)).select(COLUMNS).order((t::role, t::id)).load(connection)?;
    rows.into_iter().map(account_of).collect()
}

/// The names of these accounts, for lists of who confirmed.
///
/// # Errors
/// Database faults.
pub fn names(connection: &mut AnyConnection, ids: &[AccountId]) -> Result<Vec<String>, DatabaseError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    Ok(t::table.filter(t::id.eq_any(ids)).select(t::name).order(t::id).load(connection)?)
}

/// Sets a new password and signs the person out everywhere. Journals.
///
/// # Errors
/// `Stale` when the account is gone.
pub fn set_password(
    connection: &mut AnyConnection,
    account: &Account,
    password: &PasswordDigest,
    by: By,
) -> Result<(), StoreError> {
    let changed = diesel::update(t::table.filter(t::id.eq(account.id.0)))
        .set((t::password_hash.eq(&password.0), t::must_change.eq(false)))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::Stale);
    }
    end_sessions(connection, account.id)?;
    note(connection, account, "account.password", by)
}

/// Makes the person choose a password of their own at the next login: for passwords that somebody else set.
///
/// # Errors
/// Database faults.
pub fn expire_password(connection: &mut AnyConnection, account: AccountId) -> Result<(), StoreError> {
    diesel::update(t::table.filter(t::id.eq(account.0))).set(t::must_change.eq(true)).execute(connection)?;
    Ok(())
}

/// Lets the person sign in, or no longer; in that case signs them out everywhere. Journals.
///
/// # Errors
/// `Stale` when the account is in that state already.
pub fn set_active(connection: &mut AnyConnection, account: &Account, active: bool, by: By) -> Result<(), StoreError> {
    let changed = diesel::update(t::table.filter(t::id.eq(account.id.0)).filter(t::active.eq(!active)))
        .set(t::active.eq(active))
        .execute(connection)?;
    if changed != 1 {
        return Err(StoreError::Stale);
    }
    if !active {
        end_sessions(connection, account.id)?;
    }
    note(connection, account, if active { "account.activate" } else { "account.deactivate" }, by)
}

fn end_sessions(connection: &mut AnyConnection, account: AccountId) -> Result<(), DatabaseError> {
    diesel::delete(session::table.filter(session::account_id.eq(account.0))).execute(connection)?;
    Ok(())
}

fn note(connection: &mut AnyConnection, account: &Account, action: &str, by: By) -> Result<(), StoreError> {
    let entry = journal::Entry {
        at: by.at,
        account: by.account,
        union: Some(account.union),
        poll: None,
        action,
        detail: &account.username,
    };
    Ok(journal::write(connection, &entry)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_stored() {
        let digest = PasswordDigest::of("正确的密码12", &[7; 16]).unwrap();
        assert!(digest.fits("正确的密码12") && !digest.fits("正确的密码13"));
        assert!(digest.0.starts_with("$argon2id$"), "{}", digest.0);
    }
}
