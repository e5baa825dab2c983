//! Accounts made for somebody else: their passwords are shown once and have to be changed at the first login.

use askama::Template;

use super::form::Filled;
use super::gate::Desk;
use super::page::Frame;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::database::AnyConnection;
use crate::domain::account::{Account, Role};
use crate::domain::import::{check_name, check_username};
use crate::domain::union::Union;
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::{By, StoreError};
use crate::world;

/// A password to be handed to a person, once.
pub struct OneTime {
    pub union: String,
    pub name: String,
    pub role: &'static str,
    pub username: String,
    pub password: String,
}

#[derive(Template)]
#[template(path = "superior/passwords.html")]
pub struct PasswordsPage {
    pub frame: Frame,
    pub heading: String,
    pub passwords: Vec<OneTime>,
    /// Where to go on.
    pub back: String,
}

/// Twelve characters without look-alikes in groups of four: 58 bits, to be changed at the first login.
#[must_use]
pub fn one_time_password() -> String {
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
pub fn create_temporary(
    connection: &mut AnyConnection,
    new: &NewAccount,
    digest: &PasswordDigest,
    by: By,
) -> Result<Account, StoreError> {
    let account = accounts::create(connection, new, digest, by)?;
    accounts::expire_password(connection, account.id)?;
    Ok(account)
}

/// Creates the account that the form asks for, in one of `roles`, with a password for its first login. `None`
/// when something in the form is wrong: it says what.
///
/// # Errors
/// Database faults.
pub fn create(
    desk: &Desk<'_>,
    union: &Union,
    roles: &[Role],
    form: &mut Filled,
) -> Result<Option<(Account, String)>, Problem> {
    let role = roles.iter().copied().find(|role| role.code() == form.value("role"));
    if role.is_none() {
        form.refuse("role", "请选择岗位");
    }
    let (name, username) = (form.value("name").to_owned(), form.value("username").to_owned());
    if let Err(words) = check_name(&name) {
        form.refuse("name", format!("姓名{words}"));
    }
    // It is printed below opinions.
    form.printable(["name"]);
    if let Err(words) = check_username(&username) {
        form.refuse("username", words);
    }
    let (Some(role), false) = (role, form.is_wrong()) else { return Ok(None) };
    let password = one_time_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    let new = NewAccount { username, role, union: union.id, name };
    match desk.app.database.write(|c| create_temporary(c, &new, &digest, desk.by())) {
        Ok(account) => Ok(Some((account, password))),
        Err(error @ StoreError::UsernameTaken) => {
            form.refuse("username", error.to_string());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the account a new password for one login; the old one ends at once.
///
/// # Errors
/// Database faults.
pub fn renew(desk: &Desk<'_>, account: &Account) -> Result<String, Problem> {
    let password = one_time_password();
    let digest = PasswordDigest::of(&password, &world::random_bytes())?;
    desk.app.database.write(|c| -> Result<(), StoreError> {
        accounts::set_password(c, account, &digest, desk.by())?;
        accounts::expire_password(c, account.id)
    })?;
    Ok(password)
}

/// The page that shows the password, for the only time.
///
/// # Errors
/// Faults of the template.
pub fn show(
    desk: &Desk<'_>,
    union: &Union,
    account: &Account,
    password: String,
    heading: &str,
    back: String,
) -> Answer {
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
        back,
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
