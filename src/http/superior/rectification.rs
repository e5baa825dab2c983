//! 整改: what the unions of the area have to put right after a result that fell short, and the check of what they report.

use askama::Template;
use time::Date;

use super::{due, oversight, words};
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::dates;
use crate::domain::ids::PollId;
use crate::domain::poll;
use crate::domain::rectification::{Course, Note, Rectification, State};
use crate::domain::standing::Stage;
use crate::domain::verdict::Comparator;
use crate::http::ask::Fields;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::round::rectification as shown;
use crate::store::rectifications::{self, Counts, Filter, Line, Place};
use crate::store::{StoreError, rollup};
use crate::world::date_in_china;

/// Lines on a page.
const PAGE: usize = 50;
/// Characters of problems and measures in a line; the rest stands on the page of the round.
const SHORT: usize = 40;

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Search {
    filter: Filter,
    after: Option<Place>,
}

impl Search {
    /// Reads a query.
    fn of(query: &Fields) -> Self {
        Search {
            filter: Filter {
                name: due::name(query),
                year: query.get("year").parse().ok().filter(|year| (2000..=2200).contains(year)),
                state: due::state(query),
            },
            after: due::after(query),
        }
    }

    /// The query that asks for the same, from its beginning.
    fn query(&self) -> String {
        let Filter { name, year, state } = &self.filter;
        due::query(*state, year.map(|year| format!("year={year}")), name)
    }

    /// The query of the page that follows this place.
    fn next(&self, place: Place) -> String {
        due::next(self.query(), place)
    }
}

/// One line of the table.
struct Row {
    poll: PollId,
    union: i64,
    name: String,
    year: u16,
    outcome: (&'static str, &'static str),
    /// Rate, and threshold or floor with its name; empty where no rate decided.
    rate: String,
    threshold: String,
    problems: String,
    measures: String,
    responsible: String,
    due: String,
    state: State,
    tone: &'static str,
    distance: String,
    /// Whether what was reported last was returned.
    returned: bool,
}

#[derive(Template)]
#[template(path = "superior/rectifications.html")]
struct RectificationsPage {
    frame: Frame,
    home: String,
    search: Search,
    years: Vec<u16>,
    counts: Counts,
    rows: Vec<Row>,
    next: String,
    start: String,
    filtered: bool,
}

impl RectificationsPage {
    const STATES: [State; 6] = State::ALL;

    fn is_state(&self, state: State) -> bool {
        self.search.filter.state == Some(state)
    }

    fn is_year(&self, year: u16) -> bool {
        self.search.filter.year == Some(year)
    }
}

/// `GET /rectification`
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    let search = Search::of(&desk.ask.query);
    let today = date_in_china(desk.ask.now);
    let path = &desk.who.union.path;
    let (lines, counts, years) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        Ok((
            rectifications::page(c, path, &search.filter, today, search.after, PAGE + 1)?,
            rectifications::counts(c, path, today)?,
            rollup::years(c)?,
        ))
    })?;
    let last = lines.get(PAGE - 1).filter(|_| lines.len() > PAGE);
    let next = last.map_or(String::new(), |last| search.next(last.place(today)));
    let rows = lines.into_iter().take(PAGE).map(|line| row(line, today)).collect::<Result<_, _>>()?;
    let page = RectificationsPage {
        frame: desk.frame("整改").wide(),
        home: desk.who.union.name.clone(),
        years: words::years(years, today, search.filter.year),
        counts,
        rows,
        next,
        start: search.query(),
        filtered: search.filter != Filter::default(),
        search,
    };
    Reply::page(&page)
}

fn row(line: Line, today: Date) -> Result<Row, Problem> {
    let plan = line.sheet.as_deref().map(shown::plan).transpose()?.unwrap_or_default();
    let (rate, bar) = line.round.rate.as_ref().map(words::deciding).unwrap_or_default();
    let is_floor = line.round.rate.is_some_and(|rate| rate.comparator == Comparator::Below);
    let (rectification, stage, state) = (&line.rectification, line.round.class.stage, line.state(today));
    Ok(Row {
        poll: line.round.poll,
        union: line.union.0,
        name: line.name,
        year: line.year,
        outcome: words::tag(line.round.class),
        rate,
        threshold: if is_floor { bar } else { format!("门槛 {bar}") },
        problems: short(&plan.problems),
        measures: short(&plan.rectification),
        responsible: plan.responsible,
        due: rectification.due.map(dates::in_words).unwrap_or_default(),
        state,
        tone: shown::tone(rectification, stage, today),
        distance: shown::distance(rectification, today),
        returned: matches!(rectification.course, Course::UnderWay { returned: Some(_) }),
    })
}

/// The beginning of a text, on one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// `POST /oversight/{id}/rectification`: records the check of what was reported, or returns it with a reason.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase` where nothing is to be rectified, refusals of the rectification, `stale`; without a reason the
/// page is shown again.
pub fn decide(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Oversee])?;
    let back = |problem: Problem| problem.back_to(format!("/oversight/{}", poll.id), "回到本轮评议");
    let stored = desk.app.database.read(|c| rectifications::load(c, poll.id))?;
    let stored = stored.ok_or_else(|| back(poll::Refusal::WrongPhase.into()))?;
    let stage = Stage::of(&poll.phase);
    stored.rectification.may_check(stage).map_err(|refusal| back(refusal.into()))?;
    desk.saw(&stored.version).map_err(|stale| back(stale.into()))?;
    let (checked, text) = match (desk.ask.form.get("decision"), oversight::reason(&desk.ask.form)) {
        ("check" | "return", Err(words)) => return oversight::page(desk, poll, union, words),
        ("check", Ok(text)) => (true, if text.is_empty() { "整改属实。".to_owned() } else { text }),
        ("return", Ok(text)) if text.is_empty() => {
            return oversight::page(desk, poll, union, oversight::WITHOUT_REASON.to_owned());
        }
        ("return", Ok(text)) => (false, text),
        _ => return oversight::page(desk, poll, union, "请选择“已复查”或“退回”。".to_owned()),
    };
    let note = Note { text: text.clone(), given_on: date_in_china(desk.ask.now) };
    let (action, done) = if checked {
        ("rectification.check", "rectification_checked")
    } else {
        ("rectification.return", "rectification_returned")
    };
    let step = |rectification: Rectification| {
        if checked { rectification.check(stage, note) } else { rectification.send_back(stage, note) }
    };
    let changed =
        desk.app.database.write(|c| rectifications::change(c, &poll, stored.version, action, &text, desk.by(), step));
    changed.map_err(|error: StoreError| back(error.into()))?;
    Ok(Reply::see_other(format!("/oversight/{}?done={done}", poll.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn search(text: &str) -> Search {
        Search::of(&Fields::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_search_survives_its_own_link() {
        let asked = search("state=overdue&year=2025&name=%E7%94%B2%E5%8E%82%26");
        assert_eq!(asked.filter.name, "甲厂&");
        assert_eq!(search(&asked.query()), asked);
        for due in [Some(date!(2026 - 05 - 03)), None] {
            let place = Place { state: State::Overdue, due, row: 17 };
            for from in [asked.clone(), Search::default()] {
                assert_eq!(search(&from.next(place)), Search { after: Some(place), ..from });
            }
        }
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        for text in ["state=%27&year=x&after=overdue.2026-02-30.1", "after=overdue.2026-05-03", "after=."] {
            assert_eq!(search(text), Search::default(), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(short("书屋\n图书旧"), "书屋 图书旧");
        let cut = short(&"长".repeat(41));
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (41, true));
        assert_eq!(short(&"长".repeat(40)).chars().count(), 40);
    }
}
