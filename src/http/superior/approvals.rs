//! What waits for a superior, oldest first.

use askama::Template;

use super::words;
use crate::database::DatabaseError;
use crate::domain::standing::Waits;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::reply::{Answer, Reply};
use crate::store::rectifications::{self, Counts};
use crate::store::rollup::{self, Waiting};
use crate::world::date_in_china;

/// Lines of each list. Whoever has more waiting works them off from the oldest.
const LIMIT: i64 = 100;

struct Item {
    poll: i64,
    union: i64,
    name: String,
    title: String,
    expected: u64,
    since: String,
}

#[derive(Template)]
#[template(path = "superior/approvals.html")]
struct ApprovalsPage {
    frame: Frame,
    rectify: Counts,
    lists: [(&'static str, &'static str, u64, Vec<Item>); 2],
}

/// `GET /approvals`
///
/// # Errors
/// Database faults.
pub fn show(desk: &Desk<'_>) -> Answer {
    let path = &desk.who.union.path;
    let (rolls, sheets, counts, rectify) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        Ok((
            rollup::waiting(c, path, Waits::Roll, LIMIT)?,
            rollup::waiting(c, path, Waits::Sheet, LIMIT)?,
            rollup::waiting_counts(c, path)?,
            rectifications::counts(c, path, date_in_china(desk.ask.now))?,
        ))
    })?;
    let lists = [
        ("参评名册待批准", "没有等待批准的名册。", counts.0, items(rolls)),
        ("结果报告单待批复", "没有等待批复的结果报告单。", counts.1, items(sheets)),
    ];
    Reply::page(&ApprovalsPage { frame: desk.frame("待办").wide(), rectify, lists })
}

fn items(waiting: Vec<Waiting>) -> Vec<Item> {
    waiting
        .into_iter()
        .map(|item| Item {
            poll: item.poll.0,
            union: item.union.0,
            name: item.name,
            title: item.title,
            expected: item.expected,
            since: item.since.map(words::moment).unwrap_or_default(),
        })
        .collect()
}
