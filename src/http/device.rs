//! The mark of a browser that a person has signed in with: guesses made elsewhere in their name do not stop it.
//!
//! The mark is bound to username and password digest, so it needs no record, holds for every process on the database,
//! and ends with the password. It opens nothing: it only counts attempts apart.

use actix_web::cookie::{Cookie, SameSite};
use subtle::ConstantTimeEq as _;

use super::App;
use super::problem::Problem;
use super::session;
use crate::store::accounts::PasswordDigest;
use crate::world;

/// How long a browser is remembered.
const REMEMBERED: time::Duration = time::Duration::days(180);

/// The name of the cookie that holds the mark.
#[must_use]
pub(super) fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-pj_device" } else { "pj_device" }
}

/// The mark for a browser that has just signed in.
#[must_use]
pub(super) fn cookie(https: bool, username: &str, digest: &PasswordDigest) -> Cookie<'static> {
    let browser = data_encoding::BASE64URL_NOPAD.encode(&world::random_bytes::<16>());
    let proof = proof(&browser, username, digest);
    Cookie::build(cookie_name(https), format!("{browser}.{proof}"))
        .path("/")
        .http_only(true)
        .secure(https)
        .same_site(SameSite::Lax)
        .max_age(REMEMBERED)
        .finish()
}

/// The browser that the mark names, when this person has signed in with it.
///
/// # Errors
/// Database faults.
pub(super) fn knows(app: &App, mark: &str, username: &str) -> Result<Option<String>, Problem> {
    let Some((browser, given)) = mark.split_once('.') else { return Ok(None) };
    let Some((_, digest)) = session::find(app, username)? else { return Ok(None) };
    let fits = bool::from(given.as_bytes().ct_eq(proof(browser, username, &digest).as_bytes()));
    Ok(fits.then(|| browser.to_owned()))
}

fn proof(browser: &str, username: &str, digest: &PasswordDigest) -> String {
    digest.bound("device", &[browser.as_bytes(), username.as_bytes()]).base64url()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_for_one_person_and_one_password() {
        let digest = |password: &str, salt: u8| PasswordDigest::of(password, &[salt; 16]).unwrap();
        let (old, new) = (digest("one", 1), digest("one", 2));
        assert_eq!(proof("b", "wang", &old), proof("b", "wang", &old));
        assert_ne!(proof("b", "wang", &old), proof("b", "li", &old));
        assert_ne!(proof("b", "wang", &old), proof("c", "wang", &old));
        assert_ne!(proof("b", "wang", &old), proof("b", "wang", &new), "a new password ends it");
    }
}
