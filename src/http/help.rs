//! Help inside the product, one page per kind of person.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::member::html;

#[derive(Template)]
#[template(path = "help/index.html")]
struct Index;

#[derive(Template)]
#[template(path = "help/members.html")]
struct Members;

#[derive(Template)]
#[template(path = "help/chairs.html")]
struct Chairs;

#[derive(Template)]
#[template(path = "help/scrutineers.html")]
struct Scrutineers;

#[derive(Template)]
#[template(path = "help/superiors.html")]
struct Superiors;

#[derive(Template)]
#[template(path = "help/operators.html")]
struct Operators;

/// `GET /help`
pub async fn index() -> HttpResponse {
    html(StatusCode::OK, &Index)
}

/// `GET /help/{who}`; an unknown reader is led to the index.
pub async fn page(who: web::Path<String>) -> HttpResponse {
    match who.as_str() {
        "members" => html(StatusCode::OK, &Members),
        "chairs" => html(StatusCode::OK, &Chairs),
        "scrutineers" => html(StatusCode::OK, &Scrutineers),
        "superiors" => html(StatusCode::OK, &Superiors),
        "operators" => html(StatusCode::OK, &Operators),
        _ => html(StatusCode::NOT_FOUND, &Index),
    }
}
