//! The front page, where a code may be typed by hand, and the word on secrecy.

use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::slip::{SlipCode, SlipCodeError};
use crate::http::App;
use crate::http::ask::Ask;
use crate::http::page::Frame;
use crate::http::reply::{Answer, Cache, Reply};

/// How long pages that only explain may be kept, in seconds.
const EXPLAINED: u32 = 600;

#[derive(Template)]
#[template(path = "member/front.html")]
struct FrontPage<'p> {
    frame: Frame,
    typed: &'p str,
    error: &'p str,
}

/// `GET /`: the front page.
///
/// # Errors
/// `INTERNAL`.
pub fn front(_: &App, _: &Ask) -> Answer {
    page("", "")
}

fn page(typed: &str, error: &str) -> Answer {
    Reply::page(&FrontPage { frame: Frame::public("会员评家投票"), typed, error })
}

/// `POST /code`: leads from a typed code to its ballot. By POST, so that a mistyped code stays out of addresses.
///
/// # Errors
/// `INTERNAL`.
pub fn typed(_: &App, ask: &Ask) -> Answer {
    let code = ask.form.trimmed("code");
    let error = match SlipCode::parse(code) {
        Ok(slip) => return Ok(Reply::see_other(format!("/V/{}", slip.link_form()))),
        Err(error) => what_is_wrong(code, error),
    };
    Ok(page(code, &error)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn what_is_wrong(code: &str, error: SlipCodeError) -> String {
    match (error, code.chars().filter(|c| c.is_alphanumeric()).count()) {
        (SlipCodeError::Check, _) => "有一处输错了。请对着选票，一组一组再看一遍。".to_owned(),
        (SlipCodeError::Shape, 0) => "还没有输入选票码。".to_owned(),
        (SlipCodeError::Shape, 26) => "有一个字不是选票码里的字。请对着选票再看一遍。".to_owned(),
        (SlipCodeError::Shape, count) => format!("选票码是 26 位，您输入了 {count} 位。"),
    }
}

#[derive(Template)]
#[template(path = "member/secrecy.html")]
struct SecrecyPage {
    frame: Frame,
}

/// `GET /secrecy`: what is and what is not protected.
///
/// # Errors
/// `INTERNAL`.
pub fn secrecy(_: &App, _: &Ask) -> Answer {
    Ok(Reply::page(&SecrecyPage { frame: Frame::public("保密说明") })?.cached(Cache::Public(EXPLAINED)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::slip::PollTag;

    #[test]
    fn a_mistyped_code_is_told_what_is_wrong_with_it() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let mut wrong = slip.link_form();
        wrong.replace_range(8..9, if &wrong[8..9] == "Z" { "Y" } else { "Z" });
        let told = |code: &str| what_is_wrong(code, SlipCode::parse(code).unwrap_err());
        assert!(told(&wrong).contains("有一处输错了"));
        assert!(told("ABC").contains("您输入了 3 位"));
        assert!(told("").contains("还没有输入"));
        assert!(
            told(&slip.link_form().replace(|_: char| true, "票").chars().take(26).collect::<String>())
                .contains("不是选票码里的字")
        );
    }
}
