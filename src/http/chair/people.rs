//! The scrutineers and tellers of a union, created by its chair with a password that is shown once.

use actix_web::http::StatusCode;
use askama::Template;

use crate::domain::account::{Account, Role};
use crate::domain::ids::AccountId;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::one_time;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::accounts;

/// The roles that a chair names.
const ROLES: [Role; 2] = [Role::Scrutineer, Role::Teller];

#[derive(Template)]
#[template(path = "chair/people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Account>,
    form: Filled,
}

fn page(desk: &Desk<'_>, form: Filled) -> Answer {
    let all = desk.app.database.read(|c| accounts::of_union(c, desk.who.union.id))?;
    let people = all.into_iter().filter(|account| ROLES.contains(&account.role)).collect();
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(Reply::page(&PeoplePage { frame: desk.frame("监票人与计票人"), people, form })?.with_status(status))
}

/// `GET /people`
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    page(desk, Filled::default())
}

/// `POST /people`: a new account; its password is shown once.
///
/// # Errors
/// Shows the form again with what is wrong.
pub fn create(desk: &Desk<'_>) -> Answer {
    let mut form = Filled::of(&desk.ask.form);
    match one_time::create(desk, &desk.who.union, &ROLES, &mut form)? {
        Some((account, password)) => once(desk, &account, password, "账号已建立"),
        None => page(desk, form),
    }
}

fn once(desk: &Desk<'_>, account: &Account, password: String, heading: &str) -> Answer {
    one_time::show(desk, &desk.who.union, account, password, heading, "/people".to_owned())
}

/// The account of the path, if it is a scrutineer or teller of this very union.
fn person(desk: &Desk<'_>) -> Result<Account, Problem> {
    let id: AccountId = desk.ask.param("account")?;
    let found = desk.app.database.read(|c| accounts::load(c, id))?;
    let ours = |account: &Account| account.union == desk.who.union.id && ROLES.contains(&account.role);
    found.filter(ours).ok_or(Problem::NOT_YOURS)
}

/// `POST /people/{account}/password`: a new one-time password; the old one ends at once.
///
/// # Errors
/// `NOT_YOURS`.
pub fn renew(desk: &Desk<'_>) -> Answer {
    let account = person(desk)?;
    let password = one_time::renew(desk, &account)?;
    once(desk, &account, password, "密码已重设")
}

/// `POST /people/{account}/active`: lets the person sign in, or no longer.
///
/// # Errors
/// `NOT_YOURS`, `stale`.
pub fn set_active(desk: &Desk<'_>) -> Answer {
    let account = person(desk)?;
    let active = desk.ask.form.get("active") == "1";
    desk.app.database.write(|c| accounts::set_active(c, &account, active, desk.by()))?;
    Ok(Reply::see_other(if active { "/people?done=account_on" } else { "/people?done=account_off" }))
}
