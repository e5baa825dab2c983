//! Accounts of chairs and superiors in one's area: created with a password that is shown once, renewed, stopped.

use askama::Template;

use super::unions;
use crate::database::AnyConnection;
use crate::domain::account::{Account, Act, Role};
use crate::domain::ids::AccountId;
use crate::domain::import::{check_name, check_username};
use crate::domain::union::Union;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::{By, StoreError};
use crate::world;

/// The roles whose accounts are made from above. Scrutineers and tellers are named by the chair.
pub(super) const ROLES: [Role; 2] = [Role::Chair, Role::Superior];

/// A password to be handed to a person, once.
pub(in crate::http) struct OneTime {
    pub union: String,
    pub name: String,
    pub role: &'static str,
    pub username: String,
    pub password: String,
}

#[derive(Template)]
#[template(path = "superior/passwords.html")]
pub(in crate::http) struct PasswordsPage {
    pub frame: Frame,
    pub heading: String,
    pub passwords: Vec<OneTime>,
    /// Where to go on.
    pub back: String,
}

/// Twelve characters without look-alikes in groups of four: 58 bits, to be changed at the first login.
pub(in crate::http) fn one_time_password() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 12] = world::random_bytes();
    let letters: Vec<char> =
        bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).map(|byte| char::from(*byte)).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Creates an account whose password somebody else knows: it has to be changed at the first login.
///
/// # Errors
/// `UsernameTaken`.
pub(in crate::http) fn create_temporary(
    connection: &mut AnyConnection,
    new: &NewAccount,
    digest: &PasswordDigest,
    by: By,
) -> Result<Account, StoreError> {
    let account = accounts::create(connection, new, digest, by)?;
    accounts::expire_password(connection, account.id)?;
    Ok(account)
}

/// `POST /unions/{id}/accounts`
///
/// # Errors
/// `NOT_YOURS`; a wrong form is shown again.
pub fn create(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Administer)?;
    let mut form = Filled::of(&desk.ask.form);
    let role = ROLES.into_iter().find(|role| role.code() == form.value("role"));
    if role.is_none() {
        form.refuse("role", "请选择岗位");
    }
    let (name, username) = (form.value("name").to_owned(), form.value("username").to_owned());
    if let Err(words) = check_name(&name) {
        form.refuse("name", format!("姓名{words}"));
    }
    if let Err(words) = check_username(&username) {
        form.refuse("username", words);
    }
    let (Some(role), false) = (role, form.is_wrong()) else { return unions::page(desk, union, form) };
    let password = one_time_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    let new = NewAccount { username, role, union: union.id, name };
    match desk.app.database.write(|c| create_temporary(c, &new, &digest, desk.by())) {
        Ok(account) => show(desk, &union, &account, password, "账号已建立"),
        Err(error @ StoreError::UsernameTaken) => {
            form.refuse("username", error.to_string());
            unions::page(desk, union, form)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /unions/{id}/accounts/{account}/password`: a new password, shown once; the old one ends at once.
///
/// # Errors
/// `NOT_YOURS`.
pub fn renew(desk: &Desk<'_>) -> Answer {
    let (union, account) = account(desk)?;
    let password = one_time_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    desk.app.database.write(|c| -> Result<(), StoreError> {
        accounts::set_password(c, &account, &digest, desk.by())?;
        accounts::expire_password(c, account.id)
    })?;
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

/// The account of the path, if it is of a union that this person administers, of a role made from above, and
/// not their own.
fn account(desk: &Desk<'_>) -> Result<(Union, Account), Problem> {
    let union = desk.union(Act::Administer)?;
    let id: AccountId = desk.ask.param("account")?;
    let account = desk.app.database.read(|c| accounts::load(c, id))?;
    let account = account.filter(|account| account.union == union.id && ROLES.contains(&account.role));
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
    let one_time = OneTime {
        union: union.name.clone(),
        name: account.name.clone(),
        role: account.role.label(),
        username: account.username.clone(),
        password,
    };
    Reply::page(&PasswordsPage {
        frame: desk.frame(heading),
        heading: heading.to_owned(),
        passwords: vec![one_time],
        back: format!("/unions/{}", union.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, other) = (one_time_password(), one_time_password());
        assert_ne!(one, other);
        assert_eq!(one.len(), 14);
        assert!(one.chars().all(|c| c == '-' || (c.is_ascii_alphanumeric() && !"lo01".contains(c))), "{one}");
    }
}
