//! 称号: who in the area holds which title, what waits for its 复核 first.

use std::collections::BTreeSet;

use askama::Template;
use time::Date;

use super::{due, words};
use crate::database::DatabaseError;
use crate::domain::dates::in_words;
use crate::domain::ids::{PollId, UnionId};
use crate::domain::rules::{RuleRegistry, Tier};
use crate::domain::standing::Class;
use crate::domain::title::{State, met_in_a_row};
use crate::http::ask::{Fields, encoded};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::reply::{Answer, Reply};
use crate::http::title::{self, Advice, Due};
use crate::store::titles::{self, Counts, Filter, Line, Place};
use crate::world::date_in_china;

/// Lines on a page.
const PAGE: usize = 50;
/// What the address calls titles that are none of the rules' grades.
pub(super) const OTHER: &str = "other";

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Search {
    filter: Filter,
    after: Option<Place>,
}

impl Search {
    /// Reads a query.
    fn of(query: &Fields) -> Self {
        let tier: String = query.trimmed("tier").chars().take(60).filter(char::is_ascii_graphic).collect();
        Search {
            filter: Filter {
                name: due::name(query),
                tier: (!tier.is_empty()).then(|| if tier == OTHER { String::new() } else { tier }),
                state: due::state(query),
            },
            after: due::after(query),
        }
    }

    /// The query that asks for the same, from its beginning.
    fn query(&self) -> String {
        let Filter { name, tier, state } = &self.filter;
        let tier = tier.as_deref().map(|tier| if tier.is_empty() { OTHER.to_owned() } else { encoded(tier) });
        due::query(*state, tier.map(|tier| format!("tier={tier}")), name)
    }

    /// The query of the page that follows this place.
    fn next(&self, place: Place) -> String {
        due::next(self.query(), place)
    }
}

/// One line of the table.
struct Row {
    id: i64,
    union: i64,
    name: String,
    label: String,
    named_by: String,
    given_on: String,
    state: State,
    tone: &'static str,
    word: &'static str,
    due: Due,
    advice: Option<Advice>,
    /// The last result: year, round, class and words of its tag.
    result: Option<(u16, PollId, &'static str, &'static str)>,
    /// How long the title was kept and results were good in a row; empty where no rule asks for it.
    streak: String,
}

#[derive(Template)]
#[template(path = "superior/titles.html")]
struct TitlesPage {
    frame: Frame,
    home: String,
    search: Search,
    tiers: Vec<(String, String)>,
    counts: Counts,
    rows: Vec<Row>,
    next: String,
    start: String,
    filtered: bool,
}

impl TitlesPage {
    const STATES: [State; 6] = State::ALL;

    fn is_state(&self, state: State) -> bool {
        self.search.filter.state == Some(state)
    }

    fn is_tier(&self, tier: &str) -> bool {
        self.search.filter.tier.as_deref() == Some(if tier == OTHER { "" } else { tier })
    }
}

/// `GET /titles`
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    let search = Search::of(&desk.ask.query);
    let today = date_in_china(desk.ask.now);
    let path = &desk.who.union.path;
    let (lines, counts, results) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        let lines = titles::page(c, path, &search.filter, today, search.after, PAGE + 1)?;
        let unions: BTreeSet<UnionId> = lines.iter().map(|line| line.union.id).collect();
        let results = titles::results(c, &unions.into_iter().collect::<Vec<_>>())?;
        Ok((lines, titles::counts(c, path, today)?, results))
    })?;
    let last = lines.get(PAGE - 1).filter(|_| lines.len() > PAGE);
    let next = last.map_or(String::new(), |last| search.next(last.place(today)));
    let of = |union: UnionId| -> Vec<(u16, PollId, Class)> {
        let own = results.iter().filter(|(of, ..)| *of == union);
        own.map(|(_, year, poll, class)| (*year, *poll, *class)).collect()
    };
    let rules = &desk.app.rules;
    let page = TitlesPage {
        frame: desk.frame("职工之家称号").wide(),
        home: desk.who.union.name.clone(),
        tiers: tiers(rules),
        counts,
        rows: lines.into_iter().take(PAGE).map(|line| row(rules, &of(line.union.id), line, today)).collect(),
        next,
        start: search.query(),
        filtered: search.filter != Filter::default(),
        search,
    };
    Reply::page(&page)
}

/// The grades of all rule sets, each once.
fn tiers(rules: &RuleRegistry) -> Vec<(String, String)> {
    let mut tiers: Vec<&Tier> = Vec::new();
    for tier in rules.list().flat_map(|set| &set.tiers) {
        if !tiers.iter().any(|known| known.id == tier.id) {
            tiers.push(tier);
        }
    }
    let other = (OTHER.to_owned(), "其他称号".to_owned());
    tiers.into_iter().map(|tier| (tier.id.clone(), tier.title.clone())).chain([other]).collect()
}

fn row(rules: &RuleRegistry, results: &[(u16, PollId, Class)], line: Line, today: Date) -> Row {
    let terms = rules.title_terms(&line.union.rule_set, line.union.category);
    let held = &line.stored.title;
    let result = results.first().map(|(year, poll, class)| {
        let (tone, word) = words::tag(*class);
        (*year, *poll, tone, word)
    });
    let met = met_in_a_row(&results.iter().map(|(year, _, class)| (*year, *class)).collect::<Vec<_>>());
    let streak = held.streak(&terms, today).map_or(String::new(), |streak| {
        let enough = if streak.years >= streak.asked { format!("，已满{}年", streak.asked) } else { String::new() };
        let met = if met > 0 { format!("，连续{met}年评议达标") } else { String::new() };
        format!("已保持{}年{enough}{met}", streak.years)
    });
    Row {
        id: line.stored.id.0,
        union: line.union.id.0,
        name: line.union.name,
        state: held.state(today),
        tone: title::tone(held.state(today)),
        word: title::word(held, today),
        due: title::due(held, today),
        advice: title::advice(held, &terms, today),
        result,
        streak,
        given_on: in_words(held.given_on),
        label: line.stored.title.label,
        named_by: line.stored.title.named_by,
    }
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
        let asked = search("state=review_due&tier=model&name=%E7%94%B2%E5%8E%82%26");
        assert_eq!((asked.filter.name.as_str(), asked.filter.tier.as_deref()), ("甲厂&", Some("model")));
        assert_eq!(search(&asked.query()), asked);
        let other = search("tier=other");
        assert_eq!(other.filter.tier.as_deref(), Some(""));
        assert_eq!(search(&other.query()), other);
        for due in [Some(date!(2026 - 05 - 03)), None] {
            let place = Place { state: State::Held, due, row: 17 };
            for from in [asked.clone(), Search::default()] {
                assert_eq!(search(&from.next(place)), Search { after: Some(place), ..from });
            }
        }
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        for text in ["state=%27&tier=%E4%B8%80", "after=held.2026-02-30.1", "after=held.2026-05-03", "after=."] {
            assert_eq!(search(text), Search::default(), "{text}");
        }
    }
}
