//! The area of a superior as files: a table of its unions with totals, as PDF and as a workbook.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::area::{self, Search};
use super::figures::Figures;
use super::words;
use crate::database::DatabaseError;
use crate::domain::dates;
use crate::domain::ids::{PollId, UnionId};
use crate::domain::title::Title;
use crate::http::gate::Desk;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::render::rollup_pdf::{RollUpRow, RollUpSheet};
use crate::render::workbook;
use crate::store::rollup::{self, Line, Totals};
use crate::store::titles;
use crate::world;

/// Most lines of the PDF.
const PDF_LINES: usize = 5_000;
/// Most lines of the workbook.
const WORKBOOK_LINES: usize = 20_000;

/// `GET /desk/rollup.pdf`, with the filters of `GET /desk`.
///
/// # Errors
/// `NOT_YOURS`, `too_many_lines`.
pub fn pdf(desk: &Desk<'_>) -> Answer {
    let sheet = sheet(desk, PDF_LINES)?;
    let missing: String = sheet.missing().into_iter().collect();
    if !missing.is_empty() {
        return Err(Problem::invalid(
            "missing_characters",
            format!("名称里有字库没有的字，印不出来：{missing}"),
            "可以改下载 Excel 表，或请系统管理员补充字库。",
        ));
    }
    let file = sheet.pdf().map_err(|error| Problem::internal(&error))?;
    Ok(Reply::file("application/pdf", "rollup.pdf", file))
}

/// `GET /desk/rollup.xlsx`, with the filters of `GET /desk`.
///
/// # Errors
/// `NOT_YOURS`, `too_many_lines`.
pub fn xlsx(desk: &Desk<'_>) -> Answer {
    let sheet = sheet(desk, WORKBOOK_LINES)?;
    let file = workbook::roll_up(&sheet).map_err(|error| Problem::internal(&error))?;
    Ok(Reply::file(workbook::KIND, "rollup.xlsx", file))
}

fn sheet(desk: &Desk<'_>, most: usize) -> Result<RollUpSheet, Problem> {
    let today = world::date_in_china(desk.ask.now);
    let mut search = Search::of(&desk.ask.query, u16::try_from(today.year()).unwrap_or_default());
    search.after = rollup::After::default();
    let head = area::area(desk, &search)?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX) + 1;
    let (lines, held) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        let lines = rollup::page(c, &head.path, search.year, &search.filter, search.sort, &search.after, limit)?;
        Ok((lines, titles::held(c, &head.path)?))
    })?;
    let mut titled: BTreeMap<UnionId, Vec<Title>> = BTreeMap::new();
    for (union, title) in held {
        titled.entry(union).or_default().push(title);
    }
    if lines.len() > most {
        return Err(Problem::invalid(
            "too_many_lines",
            format!("符合条件的工会超过{most}家，一个文件放不下"),
            "请先按阶段、结论或下级地区筛选，再下载。",
        )
        .back_to(format!("/desk?{}", search.query()), "返回"));
    }
    let casting = lines.iter().filter_map(|line| line.round.as_ref()).filter(|round| round.class.stage.is_casting());
    let casting: Vec<PollId> = casting.map(|round| round.poll).collect();
    let spent = desk.app.ballot_box.spent_of(&casting)?;
    Ok(RollUpSheet {
        title: format!("{}年度会员评家情况汇总表", search.year),
        as_of: format!("截至{}", words::moment_on_paper(desk.ask.now)),
        outcomes: area::outcomes(&Totals::of(&lines)),
        rows: lines.into_iter().map(|line| row(line, &spent, &titled)).collect(),
        date: today,
        superior: head.name,
    })
}

fn row(line: Line, spent: &BTreeMap<PollId, u64>, titled: &BTreeMap<UnionId, Vec<Title>>) -> RollUpRow {
    let Ok(figures) =
        Figures::of::<Infallible>(line.union.category, line.round, |poll| Ok(spent.get(&poll).copied().unwrap_or(0)));
    let held = titled.get(&line.union.id).map_or(&[][..], Vec::as_slice);
    let listed = |of: fn(&Title) -> String| held.iter().map(of).collect::<Vec<_>>().join("；");
    RollUpRow {
        union_name: line.union.name,
        category: line.union.category.label().to_owned(),
        expected: figures.expected,
        present: figures.present,
        issued: figures.issued,
        returned: figures.returned,
        valid: figures.valid,
        rate: figures.rate,
        outcome: figures.tag.to_owned(),
        sheet: figures.sheet,
        titles: listed(|title| format!("{}（{}）", title.label, title.named_by)),
        titled_on: listed(|title| dates::in_words(title.given_on)),
    }
}
