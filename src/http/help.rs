//! Help inside the product, one page per kind of person.

use actix_web::http::StatusCode;
use askama::Template;

use super::App;
use super::ask::Ask;
use super::page::Frame;
use super::reply::{Answer, Cache, Reply};

/// How long help may be kept, in seconds.
const KEPT: u32 = 600;

macro_rules! pages {
    ($($name:ident = $path:literal;)+) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name {
            frame: Frame,
        }
    )+};
}

pages! {
    Index = "help/index.html";
    Members = "help/members.html";
    Chairs = "help/chairs.html";
    Scrutineers = "help/scrutineers.html";
    Superiors = "help/superiors.html";
    Operators = "help/operators.html";
}

/// `GET /help`
///
/// # Errors
/// `INTERNAL`.
pub fn index(_: &App, _: &Ask) -> Answer {
    Ok(Reply::page(&Index { frame: Frame::public("帮助") })?.cached(Cache::Public(KEPT)))
}

/// `GET /help/{who}`; an unknown reader is led to the index.
///
/// # Errors
/// `INTERNAL`.
pub fn page(_: &App, ask: &Ask) -> Answer {
    let who: String = ask.param("who")?;
    let reply = match who.as_str() {
        "members" => Reply::page(&Members { frame: Frame::public("会员怎样投票") }),
        "chairs" => Reply::page(&Chairs { frame: Frame::public("工会主席帮助") }),
        "scrutineers" => Reply::page(&Scrutineers { frame: Frame::public("监票人、计票人帮助") }),
        "superiors" => Reply::page(&Superiors { frame: Frame::public("上级工会帮助") }),
        "operators" => Reply::page(&Operators { frame: Frame::public("系统管理员帮助") }),
        _ => return Ok(Reply::page(&Index { frame: Frame::public("帮助") })?.with_status(StatusCode::NOT_FOUND)),
    };
    Ok(reply?.cached(Cache::Public(KEPT)))
}
