//! The front page and the pages that only explain: typing a code by hand, the word on secrecy.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::page::html;
use crate::domain::slip::{SlipCode, SlipCodeError};

#[derive(Template)]
#[template(path = "member/front.html")]
struct FrontPage<'p> {
    typed: &'p str,
    error: &'p str,
}

/// `GET /`: the front page.
pub async fn front() -> HttpResponse {
    html(StatusCode::OK, &FrontPage { typed: "", error: "" })
}

/// A code as typed.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    code: String,
}

/// `POST /code`: leads from a typed code to its ballot. By POST, so that a mistyped code stays out of addresses.
pub async fn typed(form: web::Form<Typed>) -> HttpResponse {
    let error = match SlipCode::parse(&form.code) {
        Ok(slip) => {
            return HttpResponse::SeeOther()
                .insert_header((header::LOCATION, format!("/V/{}", slip.link_form())))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::REFERRER_POLICY, "no-referrer"))
                .finish();
        }
        Err(SlipCodeError::Check) => "有一处输错了。请对着选票，一组一组再看一遍。".to_owned(),
        Err(SlipCodeError::Shape) => match form.code.chars().filter(|c| c.is_alphanumeric()).count() {
            0 => "还没有输入选票码。".to_owned(),
            26 => "有一个字不是选票码里的字。请对着选票再看一遍。".to_owned(),
            count => format!("选票码是 26 位，您输入了 {count} 位。"),
        },
    };
    html(StatusCode::UNPROCESSABLE_ENTITY, &FrontPage { typed: form.code.trim(), error: &error })
}

#[derive(Template)]
#[template(path = "member/secrecy.html")]
struct SecrecyPage;

/// `GET /secrecy`: what is and what is not protected.
pub async fn secrecy() -> HttpResponse {
    html(StatusCode::OK, &SecrecyPage)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;
    use crate::domain::slip::PollTag;

    async fn answer(code: &str) -> (StatusCode, Option<String>, String) {
        let response = typed(web::Form(Typed { code: code.to_owned() })).await;
        let place = response.headers().get(header::LOCATION).map(|place| place.to_str().unwrap().to_owned());
        let status = response.status();
        let body = to_bytes(response.into_body()).await.ok().unwrap();
        (status, place, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn a_typed_code_leads_to_its_ballot() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let (status, place, _) = answer(&format!("  {} ", slip.typing_form().to_lowercase())).await;
        assert_eq!((status, place), (StatusCode::SEE_OTHER, Some(format!("/V/{}", slip.link_form()))));
    }

    #[actix_web::test]
    async fn a_mistyped_code_comes_back_with_what_is_wrong() {
        let slip = SlipCode::from_random(PollTag::from_random(77), 12345);
        let mut wrong = slip.link_form();
        wrong.replace_range(8..9, if &wrong[8..9] == "Z" { "Y" } else { "Z" });
        let (status, place, body) = answer(&wrong).await;
        assert_eq!((status, place), (StatusCode::UNPROCESSABLE_ENTITY, None));
        assert!(body.contains("有一处输错了") && body.contains(&wrong), "what was typed stays in the form");
        assert!(answer("ABC").await.2.contains("您输入了 3 位"));
    }
}
