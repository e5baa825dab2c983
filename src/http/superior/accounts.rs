//! Accounts in one's area: those of chairs, superiors and system administrators created with a password that is shown
//! once; these and those of scrutineers and tellers renewed and stopped.

use super::unions;
use crate::domain::account::{Account, Act, Role};
use crate::domain::ids::AccountId;
use crate::domain::union::Union;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::one_time;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::accounts;

/// The roles whose accounts are made from above in this union. Scrutineers and tellers are named by the chair; a system
/// administrator looks after a whole tree, from its root.
pub(super) fn roles(union: &Union) -> &'static [Role] {
    const ROLES: &[Role] = &[Role::Chair, Role::Superior];
    const OF_ROOT: &[Role] = &[Role::Chair, Role::Superior, Role::Operator];
    if union.superior.is_none() { OF_ROOT } else { ROLES }
}

/// `POST /unions/{id}/accounts`
///
/// # Errors
/// `NOT_YOURS`; a wrong form is shown again.
pub fn create(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Administer)?;
    let mut form = Filled::of(&desk.ask.form);
    match one_time::create(desk, &union, roles(&union), &mut form)? {
        Some((account, password)) => show(desk, &union, &account, password, "账号已建立"),
        None => unions::page(desk, union, form),
    }
}

/// `POST /unions/{id}/accounts/{account}/password`: a new password, shown once; the old one ends at once.
///
/// # Errors
/// `NOT_YOURS`.
pub fn renew(desk: &Desk<'_>) -> Answer {
    let (union, account) = account(desk)?;
    let password = one_time::renew(desk, &account)?;
    show(desk, &union, &account, password, "密码已重设")
}

/// `POST /unions/{id}/accounts/{account}/active`: lets the person sign in, or no longer.
///
/// # Errors
/// `NOT_YOURS`, `own_account`, `stale`.
pub fn set_active(desk: &Desk<'_>) -> Answer {
    let (union, account) = account(desk)?;
    let active = desk.ask.form.get("active") == "1";
    desk.app.database.write(|c| accounts::set_active(c, &account, active, desk.by()))?;
    let done = if active { "account_on" } else { "account_off" };
    Ok(Reply::see_other(format!("/unions/{}?done={done}", union.id)))
}

/// Whether this person looks after accounts of this role in a union that they administer. Scrutineers and tellers are
/// looked after by the union above alone: it is their own union's count that they watch, whose chair may be a superior as
/// well, and whoever keeps the machine gets into no round.
pub(super) fn looks_after(desk: &Desk<'_>, union: &Union, role: Role) -> bool {
    match role {
        Role::Scrutineer | Role::Teller => desk.may(Act::Oversee, union),
        Role::Chair | Role::Superior | Role::Operator => true,
    }
}

/// The account of the path, if this person looks after it and it is not their own.
fn account(desk: &Desk<'_>) -> Result<(Union, Account), Problem> {
    let union = desk.union(Act::Administer)?;
    let id: AccountId = desk.ask.param("account")?;
    let account = desk.app.database.read(|c| accounts::load(c, id))?;
    let account = account.filter(|account| account.union == union.id && looks_after(desk, &union, account.role));
    let account = account.ok_or(Problem::NOT_YOURS)?;
    if account.id == desk.who.account.id {
        return Err(Problem::conflict(
            "own_account",
            "不能停用或重设自己的账号",
            "修改自己的密码请点页面右上角自己的姓名；停用请由另一位管理人员办理。",
        ));
    }
    Ok((union, account))
}

fn show(desk: &Desk<'_>, union: &Union, account: &Account, password: String, heading: &str) -> Answer {
    one_time::show(desk, union, account, password, heading, format!("/unions/{}", union.id))
}
