//! What the attacker holds.

use std::collections::HashSet;

/// A row of any table: its columns as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub table: String,
    pub columns: Vec<Vec<u8>>,
}

impl Row {
    /// The digest of the slip that this row says is spent.
    pub fn spent_slip(&self) -> Option<&[u8]> {
        (self.table == "slip" && self.columns[2] == b"1").then(|| self.columns[1].as_slice())
    }
}

/// What one commit changed.
#[derive(Default)]
pub struct Step {
    /// Rows that were not there before, or not so.
    pub rows: Vec<Row>,
    /// Bytes that the commit brought into the write-ahead log.
    pub size: usize,
    /// Bytes logged meanwhile.
    pub logged: usize,
}

impl Step {
    /// The slips spent by it.
    pub fn spent(&self) -> Vec<&[u8]> {
        self.rows.iter().filter_map(Row::spent_slip).collect()
    }
}

/// Blocks that came out of the box, in their stored order.
#[derive(Default)]
pub struct Published {
    /// Openings of the item `home` with the answer's byte.
    pub openings: Vec<([u8; 32], u8)>,
    pub receipts: Vec<[u8; 15]>,
    pub comments: Vec<String>,
}

/// Everything but the truth.
pub struct Loot {
    /// Commits that spent slips, in their order.
    pub trail: Vec<Step>,
    pub published: Published,
}

/// The rows that `after` has and `before` has not.
pub fn difference(before: &HashSet<Row>, after: &HashSet<Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = after.difference(before).cloned().collect();
    rows.sort_unstable_by(|a, b| (&a.table, &a.columns).cmp(&(&b.table, &b.columns)));
    rows
}

/// The published blocks among the rows of a database.
pub fn published(rows: &HashSet<Row>) -> Published {
    let block = |kind: &str| {
        let row = rows.iter().find(|row| row.table == "opened_block" && row.columns[1] == kind.as_bytes());
        row.map(|row| row.columns[2].clone()).expect("the round is closed")
    };
    let entry = |entry: &[u8; 33]| (entry[..32].try_into().unwrap(), entry[32]);
    Published {
        openings: block("openings.home").as_chunks::<33>().0.iter().map(entry).collect(),
        receipts: block("receipts").as_chunks::<15>().0.to_vec(),
        comments: serde_json::from_slice(&block("comments")).unwrap(),
    }
}
