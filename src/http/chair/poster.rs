//! The poster of a round: as a page, and as PDF for A3 and A4.

use askama::Template;

use crate::domain::account::Act;
use crate::domain::poll::Poll;
use crate::domain::union::Union;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::reply::{Answer, Reply};
use crate::render::poster::{PaperSize, Poster, PosterText};

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
        closes: poll.facts.closes(),
        place: poll.facts.place.clone(),
        contact: format!("总监票人 {}", poll.facts.chief_scrutineer),
        public_url: desk.app.config.public_url.clone(),
    }
}

/// `GET /rounds/{id}/poster`
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let poster = poster_of(desk, &poll, &union);
    let (text, svg) = (poster.text(), poster.qr_svg()?);
    Reply::page(&PosterPage { frame: desk.frame("宣传海报"), poll, poster, text, svg })
}

/// `GET /rounds/{id}/poster.pdf`
///
/// # Errors
/// `NOT_YOURS`.
pub fn pdf(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let size = if desk.ask.query.get("size") == "a3" { PaperSize::A3 } else { PaperSize::A4 };
    let pdf = poster_of(desk, &poll, &union).pdf(size)?;
    Ok(Reply::file("application/pdf", &format!("poster-{}.pdf", poll.tag), pdf))
}
