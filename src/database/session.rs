//! What every connection to PostgreSQL says first, and what a server must promise before it is used.

use std::borrow::Cow;

use diesel::RunQueryDsl as _;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;

use super::DatabaseError;

/// How long to wait for a server that does not answer, unless the address says otherwise: without these a host that
/// is switched off, or a cable that is pulled, would be waited for as long as the operating system does, a quarter of
/// an hour.
const PATIENCE: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "20000"),
];

/// The address with the waiting times that it does not name itself.
pub(super) fn patient(url: &str) -> Cow<'_, str> {
    let named = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut patient = Cow::Borrowed(url);
    for (name, value) in PATIENCE {
        if !named.split('&').any(|parameter| parameter.split('=').next() == Some(name)) {
            let sign = if patient.contains('?') { '&' } else { '?' };
            patient = Cow::Owned(format!("{patient}{sign}{name}={value}"));
        }
    }
    patient
}

/// Pins `synchronous_commit` for the session, so that nobody can change it under it; sets READ COMMITTED, whatever the
/// server's own choice, because who holds a lock must see what was committed before it was given; and refuses a server
/// on which a commit would not be on the disk when it answers, which takes no writes (a standby, an archive), or whose
/// database cannot hold Chinese.
///
/// # Errors
/// `NotDurable`, `ReadOnly`, `Encoding`, and faults of the connection.
pub(super) fn examine(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let (synchronous, read_only, encoding, _) = diesel::select((
        sql::<Text>("set_config('synchronous_commit', current_setting('synchronous_commit'), false)"),
        sql::<Text>("current_setting('transaction_read_only')"),
        sql::<Text>("current_setting('server_encoding')"),
        sql::<Text>("set_config('default_transaction_isolation', 'read committed', false)"),
    ))
    .get_result::<(String, String, String, String)>(connection)?;
    if encoding != "UTF8" {
        return Err(DatabaseError::Encoding(encoding));
    }
    if synchronous == "off" || synchronous == "local" {
        return Err(DatabaseError::NotDurable(synchronous));
    }
    if read_only == "off" { Ok(()) } else { Err(DatabaseError::ReadOnly) }
}

/// Whether the server syncs its files at all.
///
/// # Errors
/// Faults of the connection.
pub fn syncs(connection: &mut PgConnection) -> Result<bool, DatabaseError> {
    let fsync = diesel::select(sql::<Text>("current_setting('fsync')")).get_result::<String>(connection)?;
    Ok(fsync != "off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_the_waiting_times_that_it_names() {
        let patient = patient("postgres://db/pingjia?connect_timeout=2&sslmode=disable");
        assert!(patient.starts_with("postgres://db/pingjia?connect_timeout=2&sslmode=disable&keepalives_idle=10&"));
        assert_eq!(patient.matches("connect_timeout").count(), 1);
        assert!(
            super::patient("postgres://db/pingjia")
                .starts_with("postgres://db/pingjia?connect_timeout=5&keepalives_idle")
        );
    }
}
