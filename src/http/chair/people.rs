//! The scrutineers and tellers of a union, created by its chair with a password that is shown once. While a round is
//! under way, nobody who has an account gets another password here, but from the union above.

use askama::Template;

use crate::database::DatabaseError;
use crate::domain::account::{Account, Role};
use crate::domain::ids::AccountId;
use crate::domain::poll::Poll;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::one_time;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::{accounts, polls};

/// The roles that a chair names.
const ROLES: [Role; 2] = [Role::Scrutineer, Role::Teller];

#[derive(Template)]
#[template(path = "chair/people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Account>,
    under_way: Option<Poll>,
    form: Filled,
}

fn page(desk: &Desk<'_>, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let (frame, people, under_way) = (desk.frame("监票人与计票人"), people(desk)?, under_way(desk)?);
    Ok(Reply::page(&PeoplePage { frame, people, under_way, form })?.wrong_if(is_wrong))
}

/// The scrutineers and tellers of this union.
fn people(desk: &Desk<'_>) -> Result<Vec<Account>, Problem> {
    let mut all = desk.app.database.read(|c| accounts::of_union(c, desk.who.union.id))?;
    all.retain(|account| ROLES.contains(&account.role));
    Ok(all)
}

/// The round of this person's union that is under way, if there is one.
fn under_way(desk: &Desk<'_>) -> Result<Option<Poll>, DatabaseError> {
    desk.app.database.read(|c| polls::under_way(c, desk.who.union.id))
}

/// `GET /people`
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    page(desk, Filled::default())
}

/// `POST /people`: a new account; its password is shown once. While a round is under way, not for somebody who has one.
///
/// # Errors
/// Shows the form again with what is wrong.
pub fn create(desk: &Desk<'_>) -> Answer {
    let mut form = Filled::of(&desk.ask.form);
    let letters = |name: &str| name.split_whitespace().collect::<String>();
    let name = letters(form.value("name"));
    if under_way(desk)?.is_some() && people(desk)?.iter().any(|account| letters(&account.name) == name) {
        let words = format!("{name}已经有账号。评议进行期间不另建账号；忘了密码，请上级工会重设");
        form.refuse("name", words);
    }
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
/// `NOT_YOURS`, `round_under_way`.
pub fn renew(desk: &Desk<'_>) -> Answer {
    let account = person(desk)?;
    if let Some(poll) = under_way(desk)? {
        let sentence = format!("《{}》正在进行，监票人、计票人的密码不能由本工会重设", poll.facts.title);
        let way = "请告诉上级工会是谁忘了密码。上级工会在“工会与账号”里打开本工会，重设密码，直接交给本人。";
        return Err(Problem::conflict("round_under_way", sentence, way).back_to("/people", "回到监票人与计票人"));
    }
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
