//! A write-ahead log that leaves in long stretches. SQLite hands every page of a commit to the operating system in two
//! pieces, header and page, and for a group of casts that is a third of all the work there is. A connection opened at
//! [`address`] gathers the pieces in memory and writes them when SQLite asks for the sync that the commit waits for
//! anyway. Everything else, and every other file, goes straight to SQLite's own file system.
//!
//! Why that is safe: SQLite shows pages of the log to other connections only after that sync (`synchronous = FULL`),
//! and promises nothing of them before. What was gathered but never synced belongs to a commit that failed and is dropped
//! with the file. So whoever uses such a connection closes it after a failure, and keeps SQLite from writing pages
//! before their commit (`cache_spill = OFF`), or they would be written over those of somebody else.
#![allow(unsafe_code, reason = "SQLite's interface to file systems is one of C")]

use std::ffi::{CStr, c_int, c_void};
use std::fmt::Write as _;
use std::mem::size_of;
use std::sync::OnceLock;
use std::{ptr, slice};

use libsqlite3_sys as ffi;

use super::DatabaseError;

/// The name of this file system.
const NAME: &CStr = c"pingjia-gathering";

/// Bytes gathered at most; SQLite's own file system takes less than 128 KB at once.
const MOST: usize = 64 * 1024;

/// A file of the log. SQLite's own file stands behind it in the same piece of memory.
#[repr(C)]
struct Log {
    /// What SQLite takes it for.
    file: ffi::sqlite3_file,
    gathered: *mut Gathered,
}

/// What is still to be written.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// Where its first byte goes.
    at: i64,
}

/// SQLite's own file system.
struct Own(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite keeps its own file system for as long as the program runs, never changes it, and calls it from all
// threads itself.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

static OWN: OnceLock<Option<Own>> = OnceLock::new();

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The address, as SQLite reads it, of the file at this path with a log that is gathered.
///
/// # Errors
/// `Connect` when SQLite does not take the file system in.
pub(super) fn address(path: &str) -> Result<String, DatabaseError> {
    if OWN.get_or_init(register).is_none() {
        return Err(DatabaseError::Connect("SQLite has no file system".to_owned()));
    }
    let mut address = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => address.push(char::from(byte)),
            other => {
                let _ = write!(address, "%{other:02X}");
            }
        }
    }
    address.push_str("?vfs=");
    address.push_str(&NAME.to_string_lossy());
    Ok(address)
}

/// Takes SQLite's own file system, and registers a copy of it that opens logs otherwise.
fn register() -> Option<Own> {
    // SAFETY: SQLite starts itself at the first call. What it returns lives as long as the program.
    let own = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if own.is_null() {
        return None;
    }
    // SAFETY: it is not null, and nobody changes it.
    let mut copy = unsafe { *own };
    copy.zName = NAME.as_ptr();
    copy.szOsFile += c_int::try_from(size_of::<Log>()).ok()?;
    copy.xOpen = Some(open);
    // SAFETY: the copy is complete and, being leaked, lives as long as the program.
    let done = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(Box::new(copy)), 0) };
    (done == ffi::SQLITE_OK).then_some(Own(own))
}

/// SQLite's own file behind a log.
///
/// # Safety
/// `file` was opened by [`open`] as a log.
unsafe fn own(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the caller's promise; room for both was asked for in `szOsFile`.
    unsafe { file.cast::<Log>().add(1).cast() }
}

/// Calls a method of SQLite's own file behind a log.
macro_rules! own {
    ($file:ident . $method:ident ( $($argument:expr),* )) => {{
        let own = own($file);
        match (*(*own).pMethods).$method {
            Some(method) => method(own, $($argument),*),
            None => ffi::SQLITE_IOERR,
        }
    }};
}

/// A method that does what SQLite's own file does, after all that was gathered is written.
macro_rules! written_first {
    ($name:ident = $method:ident ( $($argument:ident: $type:ty),* )) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite calls this with a log that `open` opened, and with what its own file expects.
            unsafe {
                match flush(file) {
                    ffi::SQLITE_OK => own!(file.$method($($argument),*)),
                    failed => failed,
                }
            }
        }
    };
}

/// A method that does what SQLite's own file does.
macro_rules! passed_on {
    ($name:ident = $method:ident ( $($argument:ident: $type:ty),* )) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite calls this with a log that `open` opened, and with what its own file expects.
            unsafe { own!(file.$method($($argument),*)) }
        }
    };
}

written_first!(read = xRead(into: *mut c_void, length: c_int, at: i64));
written_first!(truncate = xTruncate(size: i64));
written_first!(sync = xSync(flags: c_int));
written_first!(file_size = xFileSize(size: *mut i64));
passed_on!(lock = xLock(level: c_int));
passed_on!(unlock = xUnlock(level: c_int));
passed_on!(check_reserved_lock = xCheckReservedLock(held: *mut c_int));
passed_on!(file_control = xFileControl(operation: c_int, argument: *mut c_void));
passed_on!(sector_size = xSectorSize());
passed_on!(device_characteristics = xDeviceCharacteristics());

/// Opens a log that is gathered, and any other file as SQLite does.
unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some(Some(Own(system))) = OWN.get() else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: SQLite hands in memory of `szOsFile` bytes for the file, and the rest as its own file system expects.
    unsafe {
        let Some(open) = (**system).xOpen else { return ffi::SQLITE_CANTOPEN };
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            return open(*system, name, file, flags, out_flags);
        }
        // A file without methods is one that SQLite does not close.
        let closed = Log { file: ffi::sqlite3_file { pMethods: ptr::null() }, gathered: ptr::null_mut() };
        file.cast::<Log>().write(closed);
        let opened = open(*system, name, own(file), flags, out_flags);
        if opened == ffi::SQLITE_OK {
            (*file.cast::<Log>()).gathered = Box::into_raw(Box::default());
            (*file).pMethods = &raw const METHODS;
        }
        opened
    }
}

/// Closes a log. What was not synced is dropped.
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a log once, and does not use it after that.
    unsafe {
        drop(Box::from_raw((*file.cast::<Log>()).gathered));
        own!(file.xClose())
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, length: c_int, at: i64) -> c_int {
    let Ok(size) = usize::try_from(length) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: SQLite calls this with a log that `open` opened, from one thread at a time, and with so many bytes.
    unsafe {
        if !gathered(file).takes(size, at) {
            let written = flush(file);
            if written != ffi::SQLITE_OK {
                return written;
            }
            if size > MOST {
                return own!(file.xWrite(from, length, at));
            }
            gathered(file).at = at;
        }
        gathered(file).bytes.extend_from_slice(slice::from_raw_parts(from.cast(), size));
    }
    ffi::SQLITE_OK
}

/// Writes what was gathered. After a failure it is dropped: the commit that it belongs to fails.
///
/// # Safety
/// `file` was opened by [`open`] as a log, and no other thread uses it.
unsafe fn flush(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let gathered = gathered(file);
        let Ok(length @ 1..) = c_int::try_from(gathered.bytes.len()) else { return ffi::SQLITE_OK };
        let written = own!(file.xWrite(gathered.bytes.as_ptr().cast(), length, gathered.at));
        gathered.bytes.clear();
        written
    }
}

/// What a log has gathered.
///
/// # Safety
/// `file` was opened by [`open`] as a log, no other thread uses it, and what this returned before is not used any more.
unsafe fn gathered<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Gathered {
    // SAFETY: the caller's promise; `open` put it there, and only `close` takes it away.
    unsafe { &mut *(*file.cast::<Log>()).gathered }
}

impl Gathered {
    /// Whether these bytes belong right behind what is here, and there is room.
    fn takes(&self, size: usize, at: i64) -> bool {
        let end = i64::try_from(self.bytes.len()).ok().and_then(|length| self.at.checked_add(length));
        end == Some(at) && self.bytes.len() + size <= MOST
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;
    use diesel::dsl::sql;
    use diesel::sql_types::BigInt;
    use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};

    use super::*;
    use crate::database::{AnyConnection, Database};

    fn count(connection: &mut SqliteConnection) -> i64 {
        diesel::select(sql::<BigInt>("(SELECT count(*) FROM thing)")).get_result(connection).unwrap()
    }

    fn sqlite(connection: AnyConnection) -> SqliteConnection {
        match connection {
            AnyConnection::Sqlite(inner) => inner,
            AnyConnection::Postgres(_) => panic!("a file"),
        }
    }

    #[test]
    fn the_address_names_file_and_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("票 箱%20?a=b#c.db");
        let address = address(file.to_str().unwrap()).unwrap();
        SqliteConnection::establish(&address).unwrap().batch_execute("CREATE TABLE thing (x)").unwrap();
        assert!(file.exists(), "{address}");
        assert!(SqliteConnection::establish(&address.replace("gathering", "nobody's")).is_err(), "the name is read");
    }

    #[test]
    fn others_see_what_is_committed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let (mut writer, mut other) =
            (sqlite(database.connect_to_cast().unwrap()), sqlite(database.connect().unwrap()));
        // From a row to more than is gathered at once, and more than a page.
        writer.batch_execute("CREATE TABLE thing (x BLOB)").unwrap();
        let mut there = 0;
        for (rows, bytes) in [(1, 1), (1000, 100), (40, 200_000), (3, 5)] {
            writer.batch_execute("BEGIN IMMEDIATE").unwrap();
            for _ in 0..rows {
                writer.batch_execute(&format!("INSERT INTO thing VALUES (randomblob({bytes}))")).unwrap();
            }
            assert_eq!((count(&mut writer), count(&mut other)), (there + rows, there));
            writer.batch_execute("COMMIT").unwrap();
            there += rows;
            assert_eq!(count(&mut other), there);
            // Somebody else writes in between, and a transaction is given up.
            other.batch_execute("INSERT INTO thing VALUES (randomblob(9000))").unwrap();
            there += 1;
            writer.batch_execute("BEGIN IMMEDIATE; DELETE FROM thing; ROLLBACK").unwrap();
            assert_eq!((count(&mut writer), count(&mut other)), (there, there));
        }
        drop((writer, other));
        let mut later = sqlite(database.connect().unwrap());
        assert_eq!(count(&mut later), there);
        let sound: String = diesel::select(sql::<diesel::sql_types::Text>("(SELECT * FROM pragma_integrity_check)"))
            .get_result(&mut later)
            .unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn what_was_not_synced_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("db")).unwrap();
        let mut writer = sqlite(database.connect_to_cast().unwrap());
        writer.batch_execute("CREATE TABLE thing (x BLOB); INSERT INTO thing VALUES (1)").unwrap();
        writer.batch_execute("BEGIN IMMEDIATE; INSERT INTO thing VALUES (randomblob(100000))").unwrap();
        drop(writer);
        assert_eq!(count(&mut sqlite(database.connect().unwrap())), 1);
    }
}
