//! Slips: issued, shown once, and turned into files without being stored; the poster.

use askama::Template;

use super::draft;
use crate::domain::account::Act;
use crate::domain::dates;
use crate::domain::poll::Poll;
use crate::domain::slip::SlipCode;
use crate::domain::union::Union;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::render::poster::{PaperSize, Poster, PosterText};
use crate::render::slips::{CodeFile, CsvEncoding, SlipOptions, SlipSheet};

/// Most slips that are drawn on the page itself; more only come as a file.
const DRAWN: usize = 300;

/// Largest form that carries codes: 28 bytes a slip, for rounds of up to 300,000.
pub const CODES_LIMIT: usize = 8 * 1024 * 1024;

/// One slip on the page.
struct Slip {
    svg: String,
    typing: String,
}

#[derive(Template)]
#[template(path = "chair/slips.html")]
struct SlipsPage {
    frame: Frame,
    poll: Poll,
    union: String,
    address: String,
    slips: Vec<Slip>,
    /// All codes, to be posted back for files.
    codes: String,
    roll: usize,
    spares: usize,
    closes: String,
}

fn sheet<'a>(desk: &'a Desk<'_>, poll: &'a Poll, union: &'a Union, closes: &'a str) -> SlipSheet<'a> {
    SlipSheet {
        title: &poll.facts.title,
        union_name: &union.name,
        closes,
        public_url: &desk.app.config.public_url,
        paper: &poll.paper,
        options: SlipOptions::default(),
    }
}

/// `POST /rounds/{id}/slips`: issues slips, replacing any issued before, and shows their codes for the only time.
///
/// # Errors
/// `NOT_YOURS`, `not_approved`, `wrong_phase`, `slip_count`, and characters that cannot be printed.
pub fn issue(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let mut form = Filled::of(&desk.ask.form);
    let spares = form.number("spares", 0, poll.facts.expected.max(100));
    if form.is_wrong() {
        return draft::page(desk, poll, union, form);
    }
    let closes = dates::in_words(poll.facts.ends);
    let sheet = sheet(desk, &poll, &union, &closes);
    let missing: String = sheet.missing().into_iter().collect();
    if !missing.is_empty() {
        let sentence = format!("选票上有打印不出的字：{missing}");
        return Err(draft::back(&poll)(Problem::conflict(
            "missing_glyphs",
            sentence,
            "请作废本轮，换用常用字后重新建立。",
        )));
    }
    sheet.per_page().map_err(draft::back(&poll))?;
    let issued = desk
        .app
        .ballot_box
        .issue_slips(&poll, poll.facts.expected, spares, desk.who.account.id, desk.ask.now)
        .map_err(draft::back(&poll))?;
    let all: Vec<&SlipCode> = issued.roll.iter().chain(&issued.spares).collect();
    let slips = if all.len() <= DRAWN {
        all.iter()
            .map(|slip| Ok(Slip { svg: sheet.code_svg(slip)?, typing: slip.typing_form() }))
            .collect::<Result<_, Problem>>()?
    } else {
        Vec::new()
    };
    Reply::page(&SlipsPage {
        frame: desk.frame("打印选票").wide(),
        union: union.name.clone(),
        address: desk.app.config.public_url.clone(),
        slips,
        codes: all.iter().map(|slip| slip.link_form()).collect::<Vec<_>>().join(" "),
        roll: issued.roll.len(),
        spares: issued.spares.len(),
        closes: closes.clone(),
        poll: poll.clone(),
    })
}

/// `POST /rounds/{id}/slips/file`: the codes that the page posts back, as a file. Stores nothing.
///
/// # Errors
/// `NOT_YOURS`, `foreign_slip` when a code is none of this round.
pub fn file(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let form = &desk.ask.form;
    let slips = form
        .get("codes")
        .split_ascii_whitespace()
        .map(|code| SlipCode::parse(code).ok().filter(|slip| slip.tag() == poll.tag))
        .collect::<Option<Vec<_>>>()
        .filter(|slips| !slips.is_empty())
        .ok_or_else(|| {
            Problem::invalid(
                "foreign_slip",
                "提交的内容里有不是本轮选票的选票码",
                "请回到本轮评议的页面，重新制作选票。",
            )
            .back_to(format!("/rounds/{}/setup", poll.id), "回到本轮评议")
        })?;
    let closes = dates::in_words(poll.facts.ends);
    let sheet = sheet(desk, &poll, &union, &closes);
    let name = format!("slips-{}", poll.tag);
    let mut bytes = Vec::new();
    match form.get("format") {
        "zip" => {
            sheet.write_zip(&slips, CodeFile::Svg, |_| {}, &mut bytes)?;
            Ok(Reply::file("application/zip", &format!("{name}.zip"), bytes))
        }
        "csv" => {
            sheet.write_csv(&slips, CsvEncoding::Utf8, &mut bytes)?;
            Ok(Reply::file("text/csv; charset=utf-8", &format!("{name}.csv"), bytes))
        }
        _ => {
            sheet.write_pdf(&slips, |_| {}, &mut bytes)?;
            Ok(Reply::file("application/pdf", &format!("{name}.pdf"), bytes))
        }
    }
}

#[derive(Template)]
#[template(path = "chair/poster.html")]
struct PosterPage {
    frame: Frame,
    poll: Poll,
    poster: Poster,
    text: PosterText,
    svg: String,
}

fn poster_of(desk: &Desk<'_>, poll: &Poll, union: &Union) -> Poster {
    Poster {
        title: poll.facts.title.clone(),
        union_name: union.name.clone(),
        closes: dates::in_words(poll.facts.ends),
        place: poll.facts.place.clone(),
        contact: format!("总监票人 {}", poll.facts.chief_scrutineer),
        public_url: desk.app.config.public_url.clone(),
    }
}

/// `GET /rounds/{id}/poster`
///
/// # Errors
/// `NOT_YOURS`.
pub fn poster(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let poster = poster_of(desk, &poll, &union);
    let (text, svg) = (poster.text(), poster.qr_svg()?);
    Reply::page(&PosterPage { frame: desk.frame("宣传海报"), poll, poster, text, svg })
}

/// `GET /rounds/{id}/poster.pdf`
///
/// # Errors
/// `NOT_YOURS`.
pub fn poster_pdf(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let size = if desk.ask.query.get("size") == "a3" { PaperSize::A3 } else { PaperSize::A4 };
    let pdf = poster_of(desk, &poll, &union).pdf(size)?;
    Ok(Reply::file("application/pdf", &format!("poster-{}.pdf", poll.tag), pdf))
}
