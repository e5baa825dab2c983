//! The write-ahead log of PostgreSQL as `pg_waldump` tells it, and the pages of tables as `pageinspect` does: order
//! and size of every record, and every version of every row, dead ones included.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::loot::{Row, Step};
use crate::support::postgres::BINARIES;

/// One record about a row.
struct Record {
    transaction: i64,
    length: usize,
    /// File of the table, page and place in it, where the record names them.
    row: Option<(String, u64)>,
    kind: &'static str,
}

/// Every record in the log, in its order.
fn records(data: &Path) -> Vec<Record> {
    let mut segments: Vec<String> = std::fs::read_dir(data.join("pg_wal"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() == 24)
        .collect();
    segments.sort();
    let mut dump = Command::new(format!("{BINARIES}/pg_waldump"));
    // It ends with a complaint where the log ends: that is no fault.
    let output =
        dump.current_dir(data.join("pg_wal")).arg(&segments[0]).arg(segments.last().unwrap()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Record> = text.lines().filter_map(record).collect();
    assert!(found.len() > 1000, "the log is read: {}", String::from_utf8_lossy(&output.stderr));
    found
}

fn record(line: &str) -> Option<Record> {
    let after = |mark: &str| Some(line.split_once(mark)?.1.trim_start());
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok();
    let length = after("len (rec/tot):")?.split_once('/')?.1.trim_start();
    let kind =
        ["INSERT", "HOT_UPDATE", "UPDATE", "DELETE"].into_iter().find(|kind| line.contains(&format!("desc: {kind}")));
    // An update names the place of the new version last.
    let offset = after("new off").or_else(|| after("off ")).and_then(number);
    let place = after("blkref #0: rel ").and_then(|rel| {
        let (path, rest) = rel.split_once(' ')?;
        let page = number(rest.trim_start().strip_prefix("blk ")?)?;
        Some((path.rsplit('/').next()?.to_owned(), page * 65536 + offset?))
    });
    Some(Record {
        transaction: i64::try_from(number(after("tx:")?)?).ok()?,
        length: usize::try_from(number(length)?).ok()?,
        row: place.filter(|_| line.starts_with("rmgr: Heap ")),
        kind: kind.unwrap_or(""),
    })
}

#[derive(QueryableByName)]
struct File {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    file: String,
}

/// Names of tables by the names of their files.
pub fn files(connection: &mut PgConnection) -> BTreeMap<String, String> {
    let sql = "SELECT relname::text AS name, pg_relation_filenode(oid)::text AS file FROM pg_class \
               WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let files: Vec<File> = diesel::sql_query(sql).load(connection).unwrap();
    files.into_iter().map(|file| (file.file, file.name)).collect()
}

/// Adds to each commit what the log tells of it and of what later became of its rows: sizes, and the rank of every
/// record that touches a row of it, whichever transaction wrote it.
pub fn add(steps: &mut BTreeMap<i64, Step>, files: &BTreeMap<String, String>, data: &Path) {
    // Place of a row in its file → the commit that wrote it. The last column of a row is its place.
    let mut owner: BTreeMap<(String, u64), i64> = BTreeMap::new();
    for (transaction, step) in &*steps {
        for row in &step.rows {
            let place = row.columns.last().unwrap().iter().fold(0, |place, byte| place * 256 + u64::from(*byte));
            owner.insert((row.table.clone(), place), *transaction);
        }
    }
    for (rank, record) in records(data).into_iter().enumerate() {
        if let Some(step) = steps.get_mut(&record.transaction) {
            step.size += record.length;
        }
        let Some((file, place)) = record.row else { continue };
        let Some(table) = files.get(&file) else { continue };
        // The record that made the row is the trail itself.
        let Some(writer) = owner.get(&(table.clone(), place)).filter(|writer| **writer != record.transaction) else {
            continue;
        };
        let name = format!("{} of {table} in the log", record.kind);
        let seen = Row { table: name, columns: vec![rank.to_be_bytes().to_vec()] };
        steps.get_mut(writer).expect("known").rows.push(seen);
    }
}

#[derive(QueryableByName)]
struct Item {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = Text)]
    line: String,
}

/// Adds the headers of all versions of rows as they lie in the pages, dead ones included.
pub fn add_pages(steps: &mut BTreeMap<i64, Step>, connection: &mut PgConnection) {
    for table in ["slip", "sealed_ballot", "sealed_comment"] {
        let sql = format!(
            "SELECT coalesce(t_xmin::text::bigint, 0) AS transaction, \
             concat_ws('.', lpad(to_hex(page), 8, '0'), lpad(to_hex(lp::int), 4, '0'), lpad(to_hex(lp_off::int), 4, '0'), \
             lpad(to_hex(t_infomask), 8, '0'), lpad(to_hex(t_infomask2), 8, '0')) AS line \
             FROM generate_series(0, pg_relation_size('{table}') / 8192 - 1) AS s (page), \
             LATERAL watch.heap_page_items(watch.get_raw_page('{table}', page::int)) WHERE t_xmin IS NOT NULL"
        );
        for item in diesel::sql_query(sql).load::<Item>(connection).unwrap() {
            let Some(step) = steps.get_mut(&item.transaction) else { continue };
            let columns = item.line.split('.').map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap());
            step.rows.push(Row { table: format!("page of {table}"), columns: columns.collect() });
        }
    }
}

#[test]
fn records_are_read() {
    let line = "rmgr: Heap        len (rec/tot):     54/    54, tx:        734, lsn: 0/01530F28, prev 0/01530EF0, \
                desc: DELETE off 5 flags 0x00 KEYS_UPDATED , blkref #0: rel 1663/5/16397 blk 2";
    let deleted = record(line).unwrap();
    assert_eq!((deleted.transaction, deleted.length, deleted.kind), (734, 54, "DELETE"));
    assert_eq!(deleted.row, Some(("16397".to_owned(), 2 * 65536 + 5)));
    let line = "rmgr: Heap        len (rec/tot):     72/    72, tx:        735, lsn: 0/01530F60, prev 0/01530F28, \
                desc: HOT_UPDATE off 1 xmax 735 flags 0x00 ; new off 3 xmax 0, blkref #0: rel 1663/5/16390 blk 7";
    assert_eq!(record(line).unwrap().row, Some(("16390".to_owned(), 7 * 65536 + 3)));
}
