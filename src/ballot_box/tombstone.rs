//! The tombstone of a round that is over: its phase and, where it was counted, the blocks and the opening statement. It
//! outranks a database that was restored from an older copy. That a round is void outranks that it was counted.
//!
//! Eight bytes: length of the header. The header, JSON: phase, and kind and length of each block. The blocks.
//! SHA-256 of all that.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::api::BoxError;
use super::close::openings_kind;
use super::issue::{advance, held, note};
use super::rows::{self, Head};
use super::shared::Shared;
use super::vault::{Fault, TOMBSTONE};
use crate::database::DatabaseError;
use crate::domain::poll::Phase;

const DIGEST: u64 = 32;
/// Under what kind the opening statement lies among the blocks; tombstones of earlier versions have none.
const OPENING: &str = "opening";

#[derive(Serialize, Deserialize)]
struct Header {
    phase: Phase,
    blocks: Vec<(String, u64)>,
}

/// A tombstone whose digest was checked.
pub(super) struct Tombstone {
    header: Header,
    blocks: io::Take<BufReader<File>>,
}

impl Tombstone {
    pub(super) fn is_void(&self) -> bool {
        matches!(self.header.phase, Phase::Void { .. })
    }
}

/// Whether the round's place in a folder has yet to get this tombstone. A counted round never takes the place of a void
/// one; what cannot be read is put right. A void round needs none where its place is lost, with everything that the
/// tombstone could outrank.
fn is_wanted(home: &Path, phase: &Phase) -> bool {
    let void = matches!(phase, Phase::Void { .. });
    match File::open(home.join(TOMBSTONE)) {
        Ok(file) => open(file).map_or(true, |there| void && !there.is_void()),
        Err(_) => !void || home.exists(),
    }
}

/// Whether every folder has this tombstone of the round, which is over, that wants it.
pub(super) fn stands(shared: &Shared, head: &Head) -> bool {
    !shared.vault.homes(&head.place).any(|home| is_wanted(&home, &head.phase))
}

/// Puts the tombstone of the round, which is over, into every vault folder that has yet to get it.
pub(super) fn write(shared: &Shared, head: &Head) -> Result<(), BoxError> {
    let kinds = kinds(head);
    let mut blocks = Vec::with_capacity(kinds.len() + 1);
    for kind in &kinds {
        let length = shared.database.read(|connection| rows::block_length(connection, head.id, kind))?;
        blocks.push((kind.clone(), length.ok_or_else(|| missing(kind))?));
    }
    let opening = match head.phase.opened() {
        Some(_) => shared.database.read(|connection| rows::opening_statement(connection, head.id))?,
        None => None,
    };
    if let Some(opening) = &opening {
        blocks.push((OPENING.to_owned(), u64::try_from(opening.len()).unwrap_or(u64::MAX)));
    }
    // An older copy of the database lacks the sheet, so a tombstone that is late leads back to before it.
    let header = serde_json::to_vec(&Header { phase: head.phase.clone().as_opened(), blocks })
        .map_err(|error| DatabaseError::Row(format!("phase of a round: {error}")))?;
    let wants = |home: &Path| is_wanted(home, &head.phase);
    shared.vault.write_tombstone(&head.place, wants, |out| {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            out.write_all(bytes).map_err(broken)
        };
        put(&u64::try_from(header.len()).unwrap_or(u64::MAX).to_be_bytes())?;
        put(&header)?;
        for kind in &kinds {
            put(&block(shared, head, kind)?)?;
        }
        put(opening.as_deref().unwrap_or_default().as_bytes())?;
        out.write_all(&hash.finalize()).map_err(broken)?;
        Ok::<_, BoxError>(())
    })
}

/// The blocks of a counted round.
fn kinds(head: &Head) -> Vec<String> {
    if head.phase.opened().is_none() {
        return Vec::new();
    }
    let items = head.paper.items.iter().map(|item| openings_kind(&item.id));
    items.chain(["receipts".to_owned(), "comments".to_owned()]).collect()
}

fn block(shared: &Shared, head: &Head, kind: &str) -> Result<Vec<u8>, BoxError> {
    let block = shared.database.read(|connection| rows::block(connection, head.id, kind))?;
    block.ok_or_else(|| missing(kind).into())
}

fn missing(kind: &str) -> DatabaseError {
    DatabaseError::Row(format!("the block {kind} of a closed round is missing"))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands behind `map_err`")]
fn broken(error: io::Error) -> BoxError {
    Fault(format!("封存记录不能读写：{error}")).into()
}

/// The tombstone of the round, if a folder holds one that can be read: where they differ, the one that says void.
pub(super) fn find(shared: &Shared, head: &Head) -> Result<Option<Tombstone>, BoxError> {
    let mut found = None;
    let mut damaged = None;
    for file in shared.vault.tombstones(&head.place) {
        match file.map_err(BoxError::from).and_then(open) {
            Ok(tombstone) if found.is_none() || tombstone.is_void() => found = Some(tombstone),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(poll = head.id.0, %error, "a tombstone of this round is damaged");
                damaged = Some(error);
            }
        }
    }
    match (found, damaged) {
        (None, Some(error)) => Err(error),
        (found, _) => Ok(found),
    }
}

/// Reads a tombstone up to its blocks.
fn open(mut file: File) -> Result<Tombstone, BoxError> {
    let length = check(&mut file)?;
    file.rewind().map_err(broken)?;
    let mut blocks = BufReader::new(file).take(length);
    let mut size = [0; 8];
    blocks.read_exact(&mut size).map_err(broken)?;
    let header = read(&mut blocks, u64::from_be_bytes(size))?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| broken(error.into()))?;
    Ok(Tombstone { header, blocks })
}

/// Brings the round in the database to where the tombstone says that it is.
pub(super) fn restore(shared: &Shared, head: &Head, tombstone: Tombstone, at: OffsetDateTime) -> Result<(), BoxError> {
    let Tombstone { header, mut blocks } = tombstone;
    shared.database.write(|connection| {
        let now = held(connection, head.id)?;
        if now.version != head.version {
            return Err(BoxError::Stale);
        }
        for (kind, length) in &header.blocks {
            let block = read(&mut blocks, *length)?;
            if kind == OPENING {
                let body = String::from_utf8(block).map_err(|_| broken(io::ErrorKind::InvalidData.into()))?;
                rows::put_opening_statement(connection, head.id, &body)?;
            } else {
                rows::put_block(connection, head.id, kind, &block)?;
            }
        }
        advance(connection, head, &header.phase)?;
        note(connection, head, None, at, "poll.restored", "")?;
        Ok(())
    })?;
    tracing::warn!(poll = head.id.0, "an older copy of this round was brought up to date from its tombstone");
    Ok(())
}

fn read(file: &mut impl io::Read, length: u64) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(broken)?;
    if u64::try_from(bytes.len()).ok() == Some(length) {
        Ok(bytes)
    } else {
        Err(broken(io::ErrorKind::UnexpectedEof.into()))
    }
}

/// Checks the digest at the end and gives the length before it.
fn check(file: &mut File) -> Result<u64, BoxError> {
    let length = file.metadata().map_err(broken)?.len().checked_sub(DIGEST);
    let length = length.ok_or_else(|| broken(io::ErrorKind::UnexpectedEof.into()))?;
    let mut hash = Sha256::new();
    io::copy(&mut BufReader::new((&*file).take(length)), &mut HashWriter(&mut hash)).map_err(broken)?;
    file.seek(SeekFrom::Start(length)).map_err(broken)?;
    let mut written = [0; 32];
    file.read_exact(&mut written).map_err(broken)?;
    let computed: [u8; 32] = hash.finalize().into();
    if computed == written { Ok(length) } else { Err(broken(io::ErrorKind::InvalidData.into())) }
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
