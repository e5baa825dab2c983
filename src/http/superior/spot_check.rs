//! 随机抽查: draws a sample of the grassroots unions of the area, and shows what was drawn.

use askama::Template;

use super::words;
use crate::database::DatabaseError;
use crate::domain::ids::UnionId;
use crate::domain::spot_check::Draw;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::spot_checks::{self, Record};
use crate::store::{StoreError, rollup};
use crate::world;

/// Most unions of one draw.
const MOST: u32 = 500;
/// Draws on the page.
const SHOWN: i64 = 200;

struct PastDraw {
    id: i64,
    when: String,
    who: String,
    draw: Draw,
}

impl PastDraw {
    fn of(record: Record) -> Self {
        let Record { id, at, who, draw } = record;
        PastDraw { id, when: words::moment(at), who: who.unwrap_or_default(), draw }
    }
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
    /// Whoever draws until the list pleases is told from whoever draws once.
    times: i64,
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
    let draws = desk.app.database.read(|c| spot_checks::newest(c, desk.who.union.id, SHOWN))?;
    let draws = draws.into_iter().map(PastDraw::of).collect();
    let reply = Reply::page(&SpotChecksPage { frame: desk.frame("随机抽查").wide(), home, form, draws })?;
    Ok(reply.wrong_if(is_wrong))
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
    let id = desk
        .app
        .database
        .write(|c| -> Result<i64, StoreError> { Ok(spot_checks::create(c, desk.who.union.id, &draw, desk.by())?) })?;
    Ok(Reply::see_other(format!("/spot-checks/{id}?done=drawn")))
}

/// `GET /spot-checks/{id}`: a draw of one's own union, drawn again.
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let id: i64 = desk.ask.param("id")?;
    let own = desk.who.union.id;
    let (record, times) = desk
        .app
        .database
        .read(|c| Ok::<_, DatabaseError>((spot_checks::load(c, own, id)?, spot_checks::drawn_until(c, own, id)?)))?;
    let past = record.map(PastDraw::of).ok_or(Problem::NOT_YOURS)?;
    let again = past.draw.again(candidates(desk, past.draw.year, past.draw.held_only)?);
    let home = desk.who.union.name.clone();
    Reply::page(&SpotCheckPage { frame: desk.frame("随机抽查名单").wide(), home, past, times, again })
}
