//! 随机抽查: draws a sample of the grassroots unions of the area by a published seed, so that anyone can draw it again.
//!
//! Every candidate gets SHA-256 over the label `spot-check`, the seed and its id; the smallest are drawn. The
//! journal keeps the seed, the digest of the list of candidates and the names of the drawn.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::words;
use crate::database::journal::{self, Entry};
use crate::domain::digest::Digest;
use crate::domain::ids::UnionId;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::{StoreError, journal as reading, rollup};
use crate::world;

/// The action under which a draw stands in the journal.
const ACTION: &str = "spot_check.draw";
/// Most unions of one draw.
const MOST: u32 = 500;
/// Draws on the page.
const SHOWN: i64 = 200;

/// A draw as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Draw {
    year: u16,
    /// Only unions whose round of the year is certified.
    held_only: bool,
    /// 128 random bits in hexadecimal.
    seed: String,
    candidates: usize,
    /// SHA-256 over the ids of the candidates in ascending order.
    list: Digest,
    /// Id and name of each drawn union, in the order of the draw.
    drawn: Vec<(i64, String)>,
}

/// The candidates in the order of a seed.
fn order(seed: &str, mut candidates: Vec<(i64, String)>) -> Vec<(i64, String)> {
    candidates
        .sort_by_cached_key(|(id, _)| Digest::labelled("spot-check", &[seed.as_bytes(), id.to_string().as_bytes()]).0);
    candidates
}

fn list_digest(candidates: &[(i64, String)]) -> Digest {
    let mut ids: Vec<i64> = candidates.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    let text: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Digest::labelled("spot-check-list", &[text.join(",").as_bytes()])
}

impl Draw {
    fn new(seed: String, year: u16, held_only: bool, candidates: Vec<(i64, String)>, count: usize) -> Self {
        let (number, list) = (candidates.len(), list_digest(&candidates));
        let mut drawn = order(&seed, candidates);
        drawn.truncate(count);
        Draw { year, held_only, seed, candidates: number, list, drawn }
    }

    /// Whether the same seed draws the same unions from the candidates of today; none if these are others.
    fn again(&self, candidates: Vec<(i64, String)>) -> Option<bool> {
        if list_digest(&candidates) != self.list {
            return None;
        }
        let again = Draw::new(self.seed.clone(), self.year, self.held_only, candidates, self.drawn.len());
        let ids = |draw: &Draw| draw.drawn.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        Some(ids(&again) == ids(self))
    }
}

struct PastDraw {
    id: i64,
    when: String,
    who: String,
    draw: Draw,
}

#[derive(Template)]
#[template(path = "superior/spot_checks.html")]
struct SpotChecksPage {
    frame: Frame,
    home: String,
    form: Filled,
    draws: Vec<PastDraw>,
}

#[derive(Template)]
#[template(path = "superior/spot_check.html")]
struct SpotCheckPage {
    frame: Frame,
    home: String,
    past: PastDraw,
    again: Option<bool>,
}

/// `GET /spot-checks`
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    let mut form = Filled::default();
    form.set("year", world::date_in_china(desk.ask.now).year());
    form.set("count", 10);
    page(desk, form)
}

fn page(desk: &Desk<'_>, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let home = desk.who.union.name.clone();
    let draws = draws(desk)?;
    let reply = Reply::page(&SpotChecksPage { frame: desk.frame("随机抽查").wide(), home, form, draws })?;
    Ok(if is_wrong { reply.with_status(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY) } else { reply })
}

fn draws(desk: &Desk<'_>) -> Result<Vec<PastDraw>, Problem> {
    let records = desk.app.database.read(|c| reading::of_union(c, desk.who.union.id, ACTION, SHOWN))?;
    let past = |record: reading::Record| {
        let draw = serde_json::from_str(&record.line.detail).ok()?;
        Some(PastDraw {
            id: record.id,
            when: words::moment(record.line.at),
            who: record.line.who.unwrap_or_default(),
            draw,
        })
    };
    Ok(records.into_iter().filter_map(past).collect())
}

fn candidates(desk: &Desk<'_>, year: u16, held_only: bool) -> Result<Vec<(i64, String)>, Problem> {
    let unions = desk.app.database.read(|c| rollup::grassroots(c, &desk.who.union.path, year, held_only))?;
    Ok(unions.into_iter().map(|(UnionId(id), name)| (id, name)).collect())
}

/// `POST /spot-checks`: draws, and writes the draw into the journal.
///
/// # Errors
/// A wrong form is shown again.
pub fn draw(desk: &Desk<'_>) -> Answer {
    let mut form = Filled::of(&desk.ask.form);
    let count = form.number("count", 1, MOST);
    let year = u16::try_from(form.number("year", 2000, 2200)).unwrap_or_default();
    let held_only = form.ticked("held_only");
    if form.is_wrong() {
        return page(desk, form);
    }
    let candidates = candidates(desk, year, held_only)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if candidates.len() < count {
        form.refuse("count", format!("符合条件的基层工会只有{}家", candidates.len()));
        return page(desk, form);
    }
    let seed = data_encoding::HEXLOWER.encode(&world::random_bytes::<16>());
    let draw = Draw::new(seed, year, held_only, candidates, count);
    let detail = serde_json::to_string(&draw).map_err(|error| Problem::internal(&error))?;
    desk.app.database.write(|c| -> Result<(), StoreError> {
        let entry = Entry {
            at: desk.ask.now,
            account: Some(desk.who.account.id),
            union: Some(desk.who.union.id),
            poll: None,
            action: ACTION,
            detail: &detail,
        };
        Ok(journal::write(c, &entry)?)
    })?;
    let newest = draws(desk)?.into_iter().find(|past| past.draw.seed == draw.seed).map(|past| past.id);
    Ok(Reply::see_other(newest.map_or("/spot-checks".to_owned(), |id| format!("/spot-checks/{id}?done=drawn"))))
}

/// `GET /spot-checks/{id}`: a draw of one's own union, drawn again.
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let id: i64 = desk.ask.param("id")?;
    let past = draws(desk)?.into_iter().find(|past| past.id == id).ok_or(Problem::NOT_YOURS)?;
    let again = past.draw.again(candidates(desk, past.draw.year, past.draw.held_only)?);
    let home = desk.who.union.name.clone();
    Reply::page(&SpotCheckPage { frame: desk.frame("随机抽查名单").wide(), home, past, again })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(ids: std::ops::Range<i64>) -> Vec<(i64, String)> {
        ids.map(|id| (id, format!("{id}厂工会"))).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_unions_whatever_their_order() {
        let draw = Draw::new("ab".to_owned(), 2026, false, candidates(1..200), 20);
        let mut reversed = candidates(1..200);
        reversed.reverse();
        assert_eq!(draw.again(reversed), Some(true));
        assert_eq!(draw.again(candidates(1..199)), None, "another list");
        let other = Draw::new("ac".to_owned(), 2026, false, candidates(1..200), 20);
        assert_ne!(other.drawn, draw.drawn);
        let mut tampered = draw;
        tampered.drawn.swap(0, 1);
        assert_eq!(tampered.again(candidates(1..200)), Some(false));
    }

    #[test]
    fn every_union_is_drawn_about_equally_often() {
        let mut times = [0u32; 10];
        for seed in 0..2000 {
            for (id, _) in Draw::new(seed.to_string(), 2026, false, candidates(0..10), 3).drawn {
                times[usize::try_from(id).unwrap()] += 1;
            }
        }
        assert!(times.iter().all(|count| (500..700).contains(count)), "{times:?}");
    }
}
