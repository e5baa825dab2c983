//! By what an installation knows its own things again, whichever process looks: the mark of its vault, the thumbprints
//! of its signing keys. And how far it has read its sheets anew.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::schema::installation;
use super::{AnyConnection, DatabaseError};

/// The mark of the vault folders.
pub const VAULT: &str = "vault";
/// Thumbprint of the Ed25519 key that signs.
pub const SIGNING_KEY: &str = "signing_key";
/// Thumbprint of the SM2 key that signs beside it, where there is one.
pub const SIGNING_KEY_SM2: &str = "signing_key_sm2";
/// While sheets are to be read anew ([`super::reading`]): the round behind which they are.
pub(super) const SHEETS_TO_READ: &str = "sheets_to_read";

/// Keeps other processes from looking until the transaction ends: of several that start at once, one decides. On SQLite
/// the write transaction does so already.
///
/// # Errors
/// Database faults.
pub fn hold(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(inner) = connection {
        inner.batch_execute("LOCK TABLE installation IN ACCESS EXCLUSIVE MODE")?;
    }
    Ok(())
}

/// What is known under this name.
///
/// # Errors
/// Database faults.
pub fn load(connection: &mut AnyConnection, name: &str) -> Result<Option<String>, DatabaseError> {
    Ok(installation::table.find(name).select(installation::value).first(connection).optional()?)
}

/// Writes down what is known under this name; `None` forgets it.
///
/// # Errors
/// Database faults.
pub fn put(connection: &mut AnyConnection, name: &str, value: Option<&str>) -> Result<(), DatabaseError> {
    diesel::delete(installation::table.find(name)).execute(connection)?;
    if let Some(value) = value {
        diesel::insert_into(installation::table)
            .values((installation::name.eq(name), installation::value.eq(value)))
            .execute(connection)?;
    }
    Ok(())
}
