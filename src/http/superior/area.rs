//! The first page of a superior: its area on one screen, with totals, chart, filters and drill-down.

use askama::Template;

use super::figures::Figures;
use super::words;
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::dates::in_words;
use crate::domain::ids::UnionId;
use crate::domain::standing::{Rating, Stage};
use crate::domain::union::Union;
use crate::domain::verdict::Outcome;
use crate::http::App;
use crate::http::ask::{Fields, encoded};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::public::view::Drawn;
use crate::http::reply::{Answer, Reply};
use crate::render::chart::Chart;
use crate::store::rectifications::{self, Counts};
use crate::store::rollup::{self, After, Filter, Line, Sort, Totals};
use crate::store::{titles, unions};
use crate::world;

/// Lines on a page.
const PAGE: i64 = 50;

/// What the address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    /// The union that heads the area shown, if it is not one's own.
    pub under: Option<UnionId>,
    pub year: u16,
    pub filter: Filter,
    pub sort: Sort,
    pub after: After,
}

impl Search {
    /// Reads a query. What cannot be understood is left out: a link that was cut still leads to a page.
    pub fn of(query: &Fields, this_year: u16) -> Self {
        let stage = query.get("stage");
        Search {
            under: query.get("under").parse().ok(),
            year: query.get("year").parse().ok().filter(|year| (2000..=2200).contains(year)).unwrap_or(this_year),
            filter: Filter {
                name: query.trimmed("name").chars().take(60).collect(),
                stage: Stage::ALL.into_iter().find(|known| known.code() == stage),
                rating: Rating::ALL.into_iter().find(|known| known.code() == query.get("outcome")),
                none: stage == "none",
            },
            sort: match query.get("sort") {
                "rate" => Sort::Rate,
                "turnout" => Sort::Turnout,
                _ => Sort::Tree,
            },
            after: After {
                order: query.get("order").parse().unwrap_or(0),
                path: query.get("after").chars().filter(|c| c.is_ascii_digit() || *c == '/').collect(),
            },
        }
    }

    /// The query that asks for the same, from its beginning.
    pub fn query(&self) -> String {
        let mut parts = vec![format!("year={}", self.year)];
        if let Some(under) = self.under {
            parts.push(format!("under={under}"));
        }
        if !self.filter.name.is_empty() {
            parts.push(format!("name={}", encoded(&self.filter.name)));
        }
        if self.filter.none {
            parts.push("stage=none".to_owned());
        } else if let Some(stage) = self.filter.stage {
            parts.push(format!("stage={}", stage.code()));
        }
        if let Some(rating) = self.filter.rating {
            parts.push(format!("outcome={}", rating.code()));
        }
        match self.sort {
            Sort::Tree => {}
            Sort::Rate => parts.push("sort=rate".to_owned()),
            Sort::Turnout => parts.push("sort=turnout".to_owned()),
        }
        parts.join("&")
    }

    /// The query of the page that follows this line.
    fn next(&self, last: &Line) -> String {
        let after = last.place(self.sort);
        format!("{}&order={}&after={}", self.query(), after.order, encoded(&after.path))
    }

    /// The query for the whole area in this year.
    fn whole(&self) -> Search {
        Search { filter: Filter::default(), sort: Sort::Tree, after: After::default(), ..self.clone() }
    }
}

/// The area that a search is about, if this person may watch it.
///
/// # Errors
/// `NOT_YOURS`.
pub(super) fn area(desk: &Desk<'_>, search: &Search) -> Result<Union, Problem> {
    let Some(id) = search.under else { return Ok(desk.who.union.clone()) };
    let union = desk.app.database.read(|c| unions::load(c, id))?;
    union.filter(|union| desk.may(Act::Watch, union)).ok_or(Problem::NOT_YOURS)
}

/// One line of the table.
struct Row {
    id: i64,
    name: String,
    category: &'static str,
    /// Link to the area that it heads; empty where there is none.
    below: String,
    /// Link to the round; empty where there is none.
    round: String,
    tone: &'static str,
    tag: &'static str,
    /// The stage, where the tag shows the rating.
    stage: &'static str,
    /// Rounds of the year beside the one shown.
    others: u64,
    turnout: String,
    turnout_part: String,
    rate: String,
    rate_part: String,
    threshold: String,
    sheet: String,
}

/// A figure that leads to the unions it counts.
struct Tile {
    label: &'static str,
    count: u64,
    query: String,
}

/// A coverage target of the rule set.
struct Target {
    statement: String,
    /// The last day by which it should be reached, or empty.
    by: String,
    /// How the area stands towards it.
    word: &'static str,
    source: String,
}

/// Coverage held against the rule set's targets.
struct CoverageView {
    done: u64,
    all: u64,
    display: String,
    targets: Vec<Target>,
}

#[derive(Template)]
#[template(path = "superior/area.html")]
struct AreaPage {
    frame: Frame,
    crumbs: Vec<(i64, String)>,
    head: Union,
    search: Search,
    years: Vec<u16>,
    rolls: u64,
    sheets: u64,
    rectify: Counts,
    titles: titles::Counts,
    unions: u64,
    /// 总工会, of which no round is missed.
    unjudged: u64,
    tiles: Vec<Tile>,
    coverage: CoverageView,
    chart: Drawn,
    rows: Vec<Row>,
    next: String,
    is_first: bool,
    filtered: bool,
    start: String,
}

impl AreaPage {
    const STAGES: [Stage; 12] = Stage::ALL;
    const RATINGS: [Rating; 6] = Rating::ALL;

    fn is_stage(&self, stage: Stage) -> bool {
        self.search.filter.stage == Some(stage)
    }

    fn is_rating(&self, rating: Rating) -> bool {
        self.search.filter.rating == Some(rating)
    }
}

/// The superior's `GET /desk`.
///
/// # Errors
/// `NOT_YOURS` for an area that is not one's own.
pub fn show(desk: &Desk<'_>) -> Answer {
    let today = world::date_in_china(desk.ask.now);
    let this_year = u16::try_from(today.year()).unwrap_or(2026);
    let search = Search::of(&desk.ask.query, this_year);
    let head = area(desk, &search)?;
    let database = &desk.app.database;
    let totals = database.read(|c| rollup::totals(c, &head.path, search.year))?;
    let (lines, lineage, below, others, years, (rolls, sheets), (rectify, titles)) =
        database.read(|c| -> Result<_, DatabaseError> {
            let lines = rollup::page(c, &head.path, search.year, &search.filter, search.sort, &search.after, PAGE + 1)?;
            let all: Vec<UnionId> = lines.iter().map(|line| line.union.id).collect();
            let ids: Vec<UnionId> = all.iter().copied().filter(|id| *id != head.id).collect();
            Ok((
                lines,
                unions::lineage(c, &head)?,
                unions::with_unions_below(c, &ids)?,
                rollup::other_rounds(c, &all, search.year)?,
                rollup::years(c)?,
                rollup::waiting_counts(c, &desk.who.union.path)?,
                (
                    rectifications::counts(c, &desk.who.union.path, today)?,
                    titles::counts(c, &desk.who.union.path, today)?,
                ),
            ))
        })?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = lines.get(page - 1).filter(|_| lines.len() > page).map_or(String::new(), |last| search.next(last));
    let mut rows: Vec<Row> =
        lines.into_iter().take(page).map(|line| row(desk.app, line, &search, &below)).collect::<Result<_, _>>()?;
    for row in &mut rows {
        row.others = others.iter().find(|(id, _)| id.0 == row.id).map_or(0, |(_, count)| *count);
    }
    let chart = chart(&totals, search.year);
    let page = AreaPage {
        frame: desk.frame("下级工会评议情况").wide(),
        crumbs: words::crumbs(&desk.who.union, lineage),
        years: words::years(years, today, Some(search.year)),
        rolls,
        sheets,
        rectify,
        titles,
        unions: totals.unions,
        unjudged: totals.unjudged,
        tiles: tiles(&totals, &search),
        coverage: coverage(desk.app, &head, &totals, today),
        chart: Drawn::new(&chart).map_err(|error| Problem::internal(&error))?,
        rows,
        next,
        is_first: search.after.path.is_empty(),
        filtered: search.filter != Filter::default(),
        start: search.query(),
        head,
        search,
    };
    Reply::page(&page)
}

fn row(app: &App, line: Line, search: &Search, below: &[UnionId]) -> Result<Row, Problem> {
    let union = line.union;
    let round = line.round.as_ref().map(|round| round.poll.to_string()).unwrap_or_default();
    let figures =
        Figures::of(union.category, line.round, |poll| app.ballot_box.turnout(poll).map(|turnout| turnout.spent))?;
    let turnout = figures.returned.zip(figures.expected);
    let rate = figures.rate.map(|rate| words::deciding(&rate)).unwrap_or_default();
    Ok(Row {
        id: union.id.0,
        category: union.category.label(),
        below: if below.contains(&union.id) {
            Search { under: Some(union.id), ..search.whole() }.query()
        } else {
            String::new()
        },
        name: union.name,
        round,
        tone: figures.tone,
        tag: figures.tag,
        stage: figures.stage,
        others: 0,
        turnout: turnout.map(|(returned, expected)| words::rate(returned, expected)).unwrap_or_default(),
        turnout_part: turnout.map(|(returned, expected)| format!("{returned} / {expected}")).unwrap_or_default(),
        rate: rate.0,
        rate_part: figures.rate.map(|rate| format!("{} ÷ {}", rate.numerator, rate.base)).unwrap_or_default(),
        threshold: rate.1,
        sheet: figures.sheet,
    })
}

fn tiles(totals: &Totals, search: &Search) -> Vec<Tile> {
    let whole = search.whole();
    let rated = |label, rating: Rating| Tile {
        label,
        count: totals.count(|class| class.rating == Some(rating)),
        query: Search { filter: Filter { rating: Some(rating), ..Filter::default() }, ..whole.clone() }.query(),
    };
    let staged = |label, stage: Stage| Tile {
        label,
        count: totals.count(|class| class.stage == stage),
        query: Search { filter: Filter { stage: Some(stage), ..Filter::default() }, ..whole.clone() }.query(),
    };
    // Few rule sets have tiers: without any union that fell short of one, nothing is said of it.
    let short_of_tier = Some(rated(Rating::ShortOfTier.label(), Rating::ShortOfTier)).filter(|tile| tile.count > 0);
    let first = std::iter::once(rated("达标", Rating::Met)).chain(short_of_tier);
    let rest = [
        rated("未达标", Rating::NotMet),
        rated("未达标且需整顿", Rating::Overhaul),
        rated("无效", Rating::Invalid),
        rated("无法评定", Rating::CannotAssess),
        staged("投票中", Stage::Open),
        staged("已作废", Stage::Void),
        Tile {
            label: "没有评议",
            count: totals.none(),
            query: Search { filter: Filter { none: true, ..Filter::default() }, ..whole }.query(),
        },
    ];
    first.chain(rest).collect()
}

/// Outcomes in the order of charts and roll-ups: the ratings, then what has none.
pub(super) fn outcomes(totals: &Totals) -> Vec<(String, u64)> {
    let mut outcomes: Vec<(String, u64)> = Rating::ALL
        .into_iter()
        .map(|rating| (rating, totals.count(|class| class.rating == Some(rating))))
        .filter(|(rating, count)| *rating != Rating::ShortOfTier || *count > 0)
        .map(|(rating, count)| (rating.label().to_owned(), count))
        .collect();
    let going = totals.count(|class| class.rating.is_none() && class.stage != Stage::Void);
    outcomes.push(("进行中".to_owned(), going));
    outcomes.push((Stage::Void.label().to_owned(), totals.count(|class| class.stage == Stage::Void)));
    outcomes.push(("没有评议".to_owned(), totals.none()));
    outcomes
}

/// The chart of an area.
pub(super) fn chart(totals: &Totals, year: u16) -> Chart {
    Chart::RollUp {
        title: format!("{year}年度会员评家结果"), outcomes: outcomes(totals), rates: totals.rates()
    }
}

fn coverage(app: &App, head: &Union, totals: &Totals, today: time::Date) -> CoverageView {
    let (done, all) = (totals.grassroots_held, totals.grassroots);
    let mut targets = Vec::new();
    if let Some(set) = app.rules.get(&head.rule_set) {
        for target in set.coverage_targets(head.category, today) {
            let counted = target.indicators.iter().any(|indicator| indicator == "evaluation_coverage");
            let word = match target.outcome(done, all) {
                _ if !counted => "这里不统计",
                Outcome::Met if target.indicators.len() > 1 => "会员评家一项已达到",
                Outcome::Met => "已达到",
                Outcome::NotMet => "还没有达到",
                Outcome::CannotAssess => "无法计算",
            };
            targets.push(Target {
                statement: target.rule.statement.clone(),
                by: target.by.map(in_words).unwrap_or_default(),
                word,
                source: format!("{}（{}）", target.rule.source, target.rule.id),
            });
        }
    }
    CoverageView { done, all, display: words::rate(done, all), targets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_survives_its_own_link() {
        let text = "year=2025&under=7&name=%E7%94%B2%E5%8E%82%26&stage=open&outcome=met&sort=rate";
        let search = Search::of(&Fields::parse(text.as_bytes()).unwrap(), 2026);
        assert_eq!((search.year, search.under, search.filter.name.as_str()), (2025, Some(UnionId(7)), "甲厂&"));
        let again = Search::of(&Fields::parse(search.query().as_bytes()).unwrap(), 2026);
        assert_eq!(again, search);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        let text = "year=99999&under=x&stage=%27&sort=drop&order=z&after=%27/1/x";
        let search = Search::of(&Fields::parse(text.as_bytes()).unwrap(), 2026);
        assert_eq!((search.year, search.under, search.sort), (2026, None, Sort::Tree));
        assert_eq!(search.after, After { order: 0, path: "/1/".to_owned() });
        assert_eq!(search.filter, Filter::default());
    }
}
