//! Moving a whole installation from one database to another.
//!
//! Both databases are held alone from the first look to the end. On SQLite the file is locked exclusively: nobody
//! else can even have it open. On PostgreSQL the tables are locked against every writer, one snapshot is read
//! (REPEATABLE READ), a running service is found by its connections and a starting one waits.
//!
//! Everything is copied in one transaction of the target, and compared with the source before it ends: an
//! interruption leaves nothing behind but the mark `arriving`, which keeps the target from being served. At the end
//! the source gets the mark `left` before the target loses its own: at no moment may both be served.
//!
//! Rows go in the order of their keys. Keys of slips and receipts are digests, so that the place of a row in the
//! target tells nothing, and what the source told by its places (which slip was spent when) is gone.

mod ready;
mod row;
mod side;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use ready::{Signed, Waiting};
pub use row::Sum;
use row::{Batch, Summing, each};
use side::Side;
use table::Table;

use super::address::Address;
use super::connection::DatabaseError;
use super::relocation::Mark;

/// Why nothing was moved. A target that was begun stays marked and is not served.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("来源和目标是同一个数据库：{0}")]
    Same(Address),
    #[error("{0} 正被另一个 pingjia move 使用，或者来源和目标是同一个数据库")]
    SameOrMoving(Address),
    #[error("{0} 里没有评家的数据：请核对来源地址")]
    NothingThere(Address),
    #[error("{0} 还有程序在使用：请先停下所有评家服务（和打开着它的其他程序），再搬")]
    InUse(Address),
    #[error("{0} 不能独占：可能还有程序在使用（请先停下所有评家服务），也可能这个数据库用户没有权限（要用表的所有者）")]
    NotHeld(Address, #[source] DatabaseError),
    #[error("{0} 的表是旧版本的：请先用本程序启动一次服务（会自动升级），停下以后再搬")]
    OldTables(Address),
    #[error("{0} 由更新版本的程序用过：请换用那个版本的 pingjia 来搬")]
    NewTables(Address),
    #[error("{0} 里有别的程序的表：请换一个空数据库")]
    SomebodyElses(Address),
    #[error("{0} 里已经有数据，而且和来源不一样：请换一个空数据库；没有覆盖任何东西")]
    NotEmpty(Address),
    #[error("{0} 只搬进来一半，不能当来源：请先把它搬完")]
    SourceArriving(Address),
    #[error("{0} 的数据已经搬走，不能再搬一次；要重新使用它，请运行 pingjia move --reopen")]
    SourceLeft(Address),
    #[error("{0} 没有搬走的标记，不需要恢复")]
    NotLeft(Address),
    #[error("有评议还没有结束，不能搬：{}", list(.0))]
    Rounds(Vec<Waiting>),
    #[error("还有封存的选票没有清理完（{0}）：请启动服务，等几分钟再停下，然后再搬")]
    SealedLeft(String),
    #[error("两边的表不一样：{0}")]
    TablesDiffer(String),
    #[error("不认识的表结构：{0}")]
    UnknownType(String),
    #[error("表 {table} 搬过去以后和来源不一样（来源 {from} 行，目标 {to} 行）；目标没有保留任何东西")]
    Differs { table: String, from: u64, to: u64 },
    #[error("签名文件核对不通过（{0}）：来源数据库里的内容被改动过；目标没有保留任何东西")]
    Signature(String),
    #[error("不能建立 {0}：{1}")]
    Folder(PathBuf, std::io::Error),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

fn list(rounds: &[Waiting]) -> String {
    const SHOWN: usize = 20;
    let line = |round: &Waiting| format!("\n  {}《{}》{}", round.union, round.title, round.why);
    let more = rounds.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("\n  还有 {more} 轮"));
    rounds.iter().take(SHOWN).map(line).chain(more).collect::<Vec<_>>().concat()
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    pub step: Step,
    pub table: &'a str,
    /// Rows done and to be done in this step, of all tables.
    pub done: u64,
    pub total: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Copy,
    Compare,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Tables by name, the same in both databases.
    pub tables: Vec<(String, Sum)>,
    pub signed: Signed,
    /// The target held everything already: an earlier move had come so far.
    pub was_there: bool,
}

/// Copies everything from one database into another that is empty, and leaves the first one marked.
///
/// # Errors
/// See [`MoveError`].
pub fn transfer(from: &Address, to: &Address, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Moved, MoveError> {
    if is_same_file(from, to) {
        return Err(MoveError::Same(to.clone()));
    }
    let mut source = Side::source(from)?;
    let source_mark = source.marked()?;
    if source_mark == Some(Mark::Arriving) {
        return Err(MoveError::SourceArriving(from.clone()));
    }
    ready::rounds_are_at_rest(&mut source.connection)?;
    for table in source.tables.iter().filter(|table| ready::is_sealed(&table.name)) {
        if !table.is_empty(&mut source.connection)? {
            return Err(MoveError::SealedLeft(table.name.clone()));
        }
    }
    let mut target = Side::target(to)?;
    let tables = pairs(source.tables.clone(), target.tables.clone())?;
    let mut work = Work { tables, total: 0, done: 0, progress };
    for table in &source.tables {
        work.total += table.count(&mut source.connection)?;
    }
    let target_mark = target.marked()?;
    let is_empty = target.is_empty()?;
    if !is_empty {
        let tables = work.compare_all(&mut source, &mut target)?.ok_or_else(|| MoveError::NotEmpty(to.clone()))?;
        return finish(source, target, tables, true);
    }
    if source_mark == Some(Mark::Left) && target_mark != Some(Mark::Arriving) {
        return Err(MoveError::SourceLeft(from.clone()));
    }
    target.mark_first(Mark::Arriving, to)?;
    let tables = work.copy_all(&mut source, &mut target)?;
    target.set_sequences()?;
    finish(source, target, tables, false)
}

/// Lets a database be served again whose data had been moved elsewhere, when the other one is given up.
///
/// # Errors
/// `NotLeft` for one that bears no such mark, and as [`transfer`].
pub fn reopen(address: &Address) -> Result<(), MoveError> {
    let mut side = Side::source(address)?;
    if side.marked()? != Some(Mark::Left) {
        return Err(MoveError::NotLeft(address.clone()));
    }
    side.mark(None)?;
    side.commit()
}

/// Signatures are checked in the target; then the source is closed, and only then the target opened.
fn finish(mut source: Side, mut target: Side, tables: Vec<(String, Sum)>, was_there: bool) -> Result<Moved, MoveError> {
    let signed = ready::signatures_hold(&mut target.connection)?;
    source.mark(Some(Mark::Left))?;
    target.mark(None)?;
    source.commit()?;
    target.commit()?;
    Ok(Moved { tables, signed, was_there })
}

fn is_same_file(from: &Address, to: &Address) -> bool {
    match (from, to) {
        (Address::Sqlite(from), Address::Sqlite(to)) => match (from.canonicalize(), to.canonicalize()) {
            (Ok(from), Ok(to)) => from == to,
            _ => from == to,
        },
        (Address::Postgres(from), Address::Postgres(to)) => from == to,
        _ => false,
    }
}

/// The same table on both sides, in the order of the target: those that others point to come first.
fn pairs(from: Vec<Table>, to: Vec<Table>) -> Result<Vec<(Table, Table)>, MoveError> {
    let differ = |name: String| MoveError::TablesDiffer(name);
    let mut from: BTreeMap<String, Table> = from.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut pairs = Vec::with_capacity(to.len());
    for to in to {
        let like = from.remove(&to.name).filter(|from| from.is_like(&to));
        pairs.push((like.ok_or_else(|| differ(to.name.clone()))?, to));
    }
    from.into_keys().next().map_or(Ok(pairs), |left| Err(differ(left)))
}

/// Tables of both sides, and how far the rows are.
struct Work<'a> {
    tables: Vec<(Table, Table)>,
    total: u64,
    done: u64,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

impl Work<'_> {
    /// Copies every table and compares what arrived.
    fn copy_all(&mut self, source: &mut Side, target: &mut Side) -> Result<Vec<(String, Sum)>, MoveError> {
        let tables = std::mem::take(&mut self.tables);
        let mut sums = Vec::with_capacity(tables.len());
        for (from, to) in &tables {
            let mut sum = Summing::new(from);
            let mut batch = Batch::new(to);
            let query = from.select(&source.connection);
            each(&mut source.connection, &query, |row| {
                sum.add(&row);
                batch.push(row);
                self.step(Step::Copy, to);
                if batch.is_full() { batch.insert(&mut target.connection) } else { Ok::<_, DatabaseError>(()) }
            })?;
            batch.insert(&mut target.connection)?;
            sums.push((to.name.clone(), sum.finish()));
        }
        self.done = 0;
        for ((_, table), (_, from)) in tables.iter().zip(&sums) {
            let to = self.sum(table, &mut target.connection)?;
            if to != *from {
                return Err(MoveError::Differs { table: table.name.clone(), from: from.rows, to: to.rows });
            }
        }
        Ok(sums)
    }

    /// The sums of all tables, if they are the same on both sides.
    fn compare_all(&mut self, source: &mut Side, target: &mut Side) -> Result<Option<Vec<(String, Sum)>>, MoveError> {
        let tables = std::mem::take(&mut self.tables);
        self.total *= 2;
        let mut sums = Vec::with_capacity(tables.len());
        for (from, to) in &tables {
            let sum = self.sum(from, &mut source.connection)?;
            if self.sum(to, &mut target.connection)? != sum {
                return Ok(None);
            }
            sums.push((to.name.clone(), sum));
        }
        Ok(Some(sums))
    }

    fn sum(&mut self, table: &Table, connection: &mut super::AnyConnection) -> Result<Sum, DatabaseError> {
        let mut sum = Summing::new(table);
        let query = table.select(connection);
        each(connection, &query, |row| {
            sum.add(&row);
            self.step(Step::Compare, table);
            Ok::<_, DatabaseError>(())
        })?;
        Ok(sum.finish())
    }

    fn step(&mut self, step: Step, table: &Table) {
        self.done += 1;
        (self.progress)(Progress { step, table: &table.name, done: self.done, total: self.total });
    }
}
