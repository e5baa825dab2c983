//! Where a database is, and how to connect to it. A password in an address is never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;

use super::connection::{AnyConnection, DatabaseError, Kind};
use super::{gathering, relocation, session};

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresUrl),
}

/// The bundled library comes without TLS, which would need a library of the system.
const NO_TLS: &str = "到数据库服务器的连接本程序不加密：请去掉 sslmode=…，数据库与本程序放在同一可信内网，或者在两台机器之间建加密隧道\
     （WireGuard、stunnel 等，见 docs/postgres.md）";

/// `postgres://…`, as somebody wrote it: connecting checks it. It may hold a password, so that neither `Debug` nor
/// `Display` shows all of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

/// The name under which connections are listed by PostgreSQL: `pingjia move` sees by it who is at work.
pub(super) const POSTGRES_NAME: &str = "SET application_name = 'pingjia'; SET client_min_messages = warning;";
/// What a page at random costs beside one in order: on today's disks little more. With the server's own figure, made
/// for spinning ones, a count over an index would read the table instead.
const POSTGRES_COSTS: &str = "SET random_page_cost = 1.1;";
const POSTGRES_TIMEOUTS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '15s'; \
     SET idle_in_transaction_session_timeout = '60s';";

/// What a connection says to SQLite first. secure_delete: what is deleted is overwritten. FULL: a commit is on the
/// disk before it returns. The log is carried over by [`super::checkpoint`]; SQLite's own way is only for when that thread
/// cannot.
pub(super) const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 15000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
     PRAGMA wal_autocheckpoint = 100000;";

impl Address {
    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Address::Sqlite(_) => Kind::Sqlite,
            Address::Postgres(_) => Kind::Postgres,
        }
    }

    /// A connection as every part of the program uses it. On PostgreSQL it is refused by a database whose data were moved
    /// away since the service started: `pingjia move` finds a service by its connections, and one may just have none. (An
    /// SQLite file cannot be moved while anybody has it open.)
    pub(super) fn connect(&self) -> Result<AnyConnection, DatabaseError> {
        let postgres = [POSTGRES_NAME, POSTGRES_COSTS, POSTGRES_TIMEOUTS].concat();
        let mut connection = self.connect_with(SQLITE_SETTINGS, &postgres)?;
        if self.kind() == Kind::Postgres {
            relocation::may_be_served(&mut connection)?;
        }
        Ok(connection)
    }

    /// A connection that waits for PostgreSQL as long as it takes.
    pub(super) fn connect_patiently(&self) -> Result<AnyConnection, DatabaseError> {
        self.connect_with(SQLITE_SETTINGS, POSTGRES_NAME)
    }

    /// A connection whose part of SQLite's write-ahead log is gathered: see [`super::gathering`].
    pub(super) fn connect_gathering(&self) -> Result<AnyConnection, DatabaseError> {
        match self {
            Address::Sqlite(file) => {
                let settings = [SQLITE_SETTINGS, "PRAGMA cache_spill = OFF;"].concat();
                establish(&gathering::address(text(file)?)?, &settings)
            }
            Address::Postgres(_) => self.connect(),
        }
    }

    /// A connection that says this to the database first.
    pub(super) fn connect_with(&self, sqlite: &str, postgres: &str) -> Result<AnyConnection, DatabaseError> {
        match self {
            Address::Sqlite(file) => establish(text(file)?, sqlite),
            Address::Postgres(url) => {
                let failed = |error: &dyn fmt::Display| DatabaseError::Connect(error.to_string());
                url.check().map_err(|why| failed(&why))?;
                let failed =
                    |error: &dyn fmt::Display| DatabaseError::Connect(url.without_password(&error.to_string()));
                let mut inner = PgConnection::establish(&session::patient(&url.0)).map_err(|error| {
                    // The server lets nobody in without TLS, or the environment asks for it (PGSSLMODE).
                    let about_tls = ["no encryption", "SSL support is not compiled in"];
                    let says = error.to_string();
                    if about_tls.iter().any(|words| says.contains(words)) { failed(&NO_TLS) } else { failed(&error) }
                })?;
                inner.batch_execute(postgres).map_err(|error| failed(&error))?;
                session::examine(&mut inner)?;
                Ok(AnyConnection::Postgres(inner))
            }
        }
    }
}

fn text(path: &Path) -> Result<&str, DatabaseError> {
    path.to_str().ok_or_else(|| DatabaseError::Connect("the path is not UTF-8".to_owned()))
}

/// A connection to SQLite that says `settings` first.
fn establish(address: &str, settings: &str) -> Result<AnyConnection, DatabaseError> {
    let failed = |error: &dyn fmt::Display| DatabaseError::Connect(error.to_string());
    let mut inner = SqliteConnection::establish(address).map_err(|error| failed(&error))?;
    inner.batch_execute(settings).map_err(|error| failed(&error))?;
    Ok(AnyConnection::Sqlite(inner))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sqlite(file) => write!(f, "{}", file.display()),
            Address::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl From<String> for PostgresUrl {
    fn from(text: String) -> Self {
        PostgresUrl(text)
    }
}

impl From<&str> for PostgresUrl {
    fn from(text: &str) -> Self {
        PostgresUrl(text.to_owned())
    }
}

/// The parts of an address; borrowed from it.
struct Parts<'a> {
    /// User, and password where there is one, before the host.
    user: Option<&'a str>,
    hosts: &'a str,
    /// Database and parameters, with the `/` or `?` they begin with.
    rest: &'a str,
}

/// Passwords below so many characters occur in messages by chance.
const SHORT: usize = 4;

impl PostgresUrl {
    fn after_scheme(text: &str) -> Option<&str> {
        text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let text = Self::after_scheme(&self.0)?;
        let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        Some(Parts { user, hosts, rest })
    }

    /// Refuses what the library would take apart in another way than the writer meant: it would then name pieces of
    /// a password in its errors.
    fn check(&self) -> Result<(), &'static str> {
        const SPELL: &str =
            "数据库地址写得不对：应为 postgres://用户:密码@主机:端口/数据库；汉字和特殊字符要写成 %XX，例如 @ 写成 %40";
        let parts = self.parts().ok_or("数据库地址应以 postgres:// 开头")?;
        let printable = self.0.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte));
        let escaped = self
            .0
            .split('%')
            .skip(1)
            .all(|after| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
        let one_at = !parts.user.unwrap_or_default().contains('@') && !parts.rest.contains('@');
        let ports = parts.hosts.split(',').all(|host| {
            let port = host
                .rsplit_once(']')
                .map_or_else(|| host.split_once(':').map(|(_, port)| port), |(_, after)| after.strip_prefix(':'));
            port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        });
        let parameters = parts.parameters().all(|pair| pair.split_once('=').is_some_and(|(key, _)| !key.is_empty()));
        if !(printable && escaped && one_at && ports && parameters) {
            return Err(SPELL);
        }
        let encrypted = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"];
        if parts.parameters().any(|pair| encrypted.contains(&pair)) { Err(NO_TLS) } else { Ok(()) }
    }

    /// Passwords in the address, as written.
    fn passwords(&self) -> Vec<&str> {
        let Some(parts) = self.parts() else { return Vec::new() };
        let before_host = parts.user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
        let parameters = parts.parameters().filter_map(|pair| pair.split_once('='));
        let secret = parameters.filter(|(key, _)| key.contains("password")).map(|(_, value)| value);
        before_host.into_iter().chain(secret).filter(|password| !password.is_empty()).collect()
    }

    /// A message of the library without the passwords of this address.
    fn without_password(&self, message: &str) -> String {
        // Masking a very short one would show by its place which letters it has.
        if self.passwords().iter().any(|password| unescaped(password).chars().count() < SHORT) {
            return "连接不上（密码太短，为了不泄露它，不显示详细原因）".to_owned();
        }
        self.passwords().into_iter().fold(message.to_owned(), |message, password| {
            message.replace(password, "***").replace(&unescaped(password), "***")
        })
    }
}

impl<'a> Parts<'a> {
    fn parameters(&self) -> impl Iterator<Item = &'a str> {
        self.rest.split_once('?').map(|(_, parameters)| parameters).into_iter().flat_map(|all| all.split('&'))
    }
}

/// `%41` → `A`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One that is not well formed may hold its password anywhere.
        let Some(parts) = self.parts().filter(|_| self.check().is_ok()) else { return f.write_str("postgres://***") };
        let (scheme, _) = self.0.split_once("://").unwrap_or_default();
        let user = parts.user.map(|user| match user.split_once(':') {
            Some((user, _)) => format!("{user}:***@"),
            None => format!("{user}@"),
        });
        let (database, parameters) = parts.rest.split_once('?').unwrap_or((parts.rest, ""));
        write!(f, "{scheme}://{}{}{database}", user.unwrap_or_default(), parts.hosts)?;
        for (place, pair) in parameters.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = if key.contains("password") { "***" } else { value };
            write!(f, "{}{key}={value}", if place == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://pj:s3cret@db:5432/pingjia", "postgres://pj:***@db:5432/pingjia"),
            (
                "postgresql://pj:s3%40ret@[::1]:5432,b/x?sslmode=disable",
                "postgresql://pj:***@[::1]:5432,b/x?sslmode=disable",
            ),
            ("postgres:///x?host=/run/pg&user=pj&password=s3cret", "postgres:///x?host=/run/pg&user=pj&password=***"),
            ("postgres://db/pingjia", "postgres://db/pingjia"),
            ("postgres://pj:s3/cret@db/x", "postgres://***"),
        ] {
            let url = PostgresUrl::from(url);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{:?}", Address::Postgres(url)), format!("Postgres({shown})"));
        }
        assert_eq!(PostgresUrl::from("postgres://pj:p@db/pj").to_string(), "postgres://pj:***@db/pj");
        assert!(!PostgresUrl::from("postgres://pj:p@db/x").without_password("accepting on port 1").contains("ort"));
        let url = PostgresUrl::from("postgres://pj:s3%40ret@db/x");
        assert_eq!(url.without_password("tried s3@ret and s3%40ret"), "tried *** and ***");
    }

    #[test]
    fn an_address_that_would_be_taken_apart_wrongly_is_refused() {
        for wrong in [
            "postgres://pj:s3/cret@db/x",
            "postgres://pj:s3?cret@db/x",
            "postgres://pj:s3#cret@db/x",
            "postgres://pj:s3@cret@db/x",
            "postgres://pj:s3 cret@db/x",
            "postgres://pj:s3%cret@db/x",
            "postgres://pj:s3密@db/x",
            "postgres://pj:s3cret/x",
            "postgres://db/x?s3cret",
            "mysql://pj:s3cret@db/x",
        ] {
            let error = Address::Postgres(wrong.into()).connect().err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{wrong} was taken"));
            assert!(error.contains("数据库地址") && !error.contains("s3"), "{wrong}: {error}");
        }
        let encrypted = PostgresUrl::from("postgres://db/x?sslmode=verify-full").check();
        assert!(encrypted.is_err_and(|why| why.contains("隧道")), "and the library does not know it");
        assert_eq!(PostgresUrl::from("postgres://db/x?sslmode=disable").check(), Ok(()));
        let unreachable = Address::Postgres("postgres://pj:s3cret@127.0.0.1:1/x?connect_timeout=2".into()).connect();
        let error = unreachable.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("127.0.0.1") && !error.contains("s3cret"), "{error}");
    }
}
