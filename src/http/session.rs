//! Signing in and out, and one's own password.

use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use actix_web::web;
use askama::Template;

use super::App;
use super::ask::{Ask, encoded};
use super::device;
use super::gate::Desk;
use super::page::Frame;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use crate::database::DatabaseError;
use crate::domain::account::Account;
use crate::domain::text::is_unseen;
use crate::store::accounts::{self, PasswordDigest};
use crate::store::sessions::{self, SessionToken};
use crate::world;

/// Address of the page to sign in on.
pub(super) const LOGIN: &str = "/login";
/// The session cookie over plain HTTP.
pub const COOKIE: &str = "pj_session";
/// The session cookie over TLS: the prefix binds it to this host.
pub const SECURE_COOKIE: &str = "__Host-pj_session";

/// The name of the session cookie.
#[must_use]
pub(super) fn cookie_name(https: bool) -> &'static str {
    if https { SECURE_COOKIE } else { COOKIE }
}

/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 10;
/// Longest password, in bytes.
const PASSWORD_MAX: usize = 256;
/// Longest username, in bytes.
const USERNAME_MAX: usize = 64;

#[derive(Template)]
#[template(path = "account/login.html")]
struct LoginPage<'a> {
    frame: Frame,
    username: &'a str,
    next: &'a str,
    error: Option<&'static str>,
}

/// `GET /login`
///
/// # Errors
/// None of its own.
pub fn form(_: &App, ask: &Ask) -> Answer {
    let mut frame = Frame::public("登录");
    frame.done = done(ask.query.get("done"));
    login_page(&LoginPage { frame, username: "", next: local(ask.query.get("next")), error: None })
}

/// The only page whose form no token protects: browsers tell where it comes from, if they may.
fn login_page(page: &LoginPage<'_>) -> Answer {
    Ok(Reply::page(page)?.header(header::REFERRER_POLICY, "same-origin".to_owned()))
}

/// `POST /login`
///
/// # Errors
/// `TOO_MANY_ATTEMPTS`, `SIGN_IN_BUSY`; a wrong name or password shows the form again.
pub async fn log_in(app: Arc<App>, ask: Ask) -> Answer {
    let username = ask.form.trimmed("username").to_owned();
    let password = ask.form.get("password").to_owned();
    if username.len() > USERNAME_MAX || password.len() > PASSWORD_MAX {
        return wrong(&ask, "");
    }
    let known = match ask.device.clone() {
        Some(mark) => {
            let (app, username) = (app.clone(), username.clone());
            let looked = web::block(move || device::knows(&app, &mark, &username)).await;
            looked.map_err(|error| Problem::internal(&error))??
        }
        None => None,
    };
    match &known {
        Some(browser) => app.throttle.known(browser)?,
        None => app.throttle.sign_in(&username, ask.address)?,
    }
    let turn = app.password_checks.turn(known.is_some()).await?;
    let work = move || {
        let _turn = turn;
        check_and_begin(&app, &ask, &username, &password)
    };
    web::block(work).await.map_err(|error| Problem::internal(&error))?
}

fn check_and_begin(app: &App, ask: &Ask, username: &str, password: &str) -> Answer {
    let found = find(app, username)?;
    let (account, digest) = match found {
        Some((account, digest)) => (Some(account), digest),
        None => (None, app.nobody.clone()),
    };
    let fits = digest.fits(password);
    let Some(account) = account.filter(|account| fits && account.active) else { return wrong(ask, username) };
    let token = SessionToken::new(world::random_bytes());
    app.database.write(|c| {
        // Whoever was signed in with this browser is so no longer.
        if let Some(before) = &ask.session
            && let Some(session) = sessions::load(c, before, ask.now)?
        {
            sessions::end(c, &session.account, before, ask.now)?;
        }
        sessions::create(c, &account, &token, ask.now)
    })?;
    let next = local(ask.form.get("next"));
    let place = if next.is_empty() { "/desk" } else { next };
    let cookie = session_cookie(ask, token.text(), sessions::LIFETIME.whole_seconds());
    Ok(Reply::see_other(place).cookie(cookie).cookie(device::cookie(ask.https, username, &digest)))
}

/// The account with this username, and its password. No username has characters in it that nobody sees, and a database may
/// refuse to be asked for some.
///
/// # Errors
/// Database faults.
pub(super) fn find(app: &App, username: &str) -> Result<Option<(Account, PasswordDigest)>, DatabaseError> {
    if username.chars().any(is_unseen) {
        return Ok(None);
    }
    app.database.read(|c| accounts::by_username(c, username))
}

fn wrong(ask: &Ask, username: &str) -> Answer {
    if ask.wants_json {
        return Err(Problem {
            status: StatusCode::UNAUTHORIZED,
            ..Problem::invalid("wrong_password", "用户名或密码不对", "请核对后再试。")
        });
    }
    let page = LoginPage {
        frame: Frame::public("登录"),
        username,
        next: local(ask.form.get("next")),
        error: Some("用户名或密码不对，请核对后再试。忘记密码请联系本工会主席或上级工会重设。"),
    };
    Ok(login_page(&page)?.with_status(StatusCode::UNAUTHORIZED))
}

/// `POST /logout`
///
/// # Errors
/// Database faults.
pub fn log_out(desk: &Desk<'_>) -> Answer {
    desk.app.database.write(|c| sessions::end(c, &desk.who.account, desk.token(), desk.ask.now))?;
    // Browsers keep whole pages for the way back, even those that must not be stored; this makes them forget. The page
    // that is just being left may escape it: desk.js keeps that one out of sight.
    let forget = header::HeaderName::from_static("clear-site-data");
    let reply = Reply::see_other("/login?done=logged_out").header(forget, "\"cache\"".to_owned());
    Ok(reply.cookie(session_cookie(desk.ask, String::new(), 0)))
}

fn session_cookie(ask: &Ask, value: String, seconds: i64) -> Cookie<'static> {
    Cookie::build(cookie_name(ask.https), value)
        .path("/")
        .http_only(true)
        .secure(ask.https)
        .same_site(SameSite::Lax)
        .max_age(time::Duration::seconds(seconds))
        .finish()
}

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    frame: Frame,
    username: String,
    error: Option<(&'static str, &'static str)>,
}

impl PasswordPage {
    const FIELDS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("old_password", "原密码", "current-password"),
        ("new_password", "新密码（至少10个字符）", "new-password"),
        ("repeated", "再输入一次新密码", "new-password"),
    ];

    fn wrong(&self, field: &str) -> Option<&'static str> {
        self.error.filter(|(name, _)| *name == field).map(|(_, words)| words)
    }
}

/// `GET /password`
///
/// # Errors
/// None of its own.
pub fn password_form(desk: &Desk<'_>) -> Answer {
    password_page(desk, None)
}

fn password_page(desk: &Desk<'_>, error: Option<(&'static str, &'static str)>) -> Answer {
    let username = desk.who.account.username.clone();
    let is_wrong = error.is_some();
    Ok(Reply::page(&PasswordPage { frame: desk.frame("修改密码"), username, error })?.wrong_if(is_wrong))
}

/// `POST /password`: signs the person out everywhere and here in again.
///
/// # Errors
/// A wrong old or a weak new password shows the form again.
pub fn change_password(desk: &Desk<'_>) -> Answer {
    let form = &desk.ask.form;
    let account = &desk.who.account;
    let new = form.get("new_password");
    if let Err(problem) = desk.app.throttle.known(&format!("account {}", account.id)) {
        return Err(problem.back_to("/password", "返回"));
    }
    let stored = desk.app.database.read(|c| accounts::by_username(c, &account.username))?;
    if !stored.is_some_and(|(_, digest)| digest.fits(form.get("old_password"))) {
        return password_page(desk, Some(("old_password", "原密码不对")));
    }
    if new.chars().count() < PASSWORD_MIN || new.len() > PASSWORD_MAX {
        return password_page(desk, Some(("new_password", "新密码至少10个字符")));
    }
    if is_guessable(new, &account.username) {
        return password_page(desk, Some(("new_password", "新密码不能全是空格，也不能和用户名一样或只多一个数字")));
    }
    if new != form.get("repeated") {
        return password_page(desk, Some(("repeated", "两次输入的新密码不一样")));
    }
    let digest = PasswordDigest::of(new, &world::random_bytes())?;
    let token = SessionToken::new(world::random_bytes());
    desk.app.database.write(|c| {
        accounts::set_password(c, account, &digest, desk.by())?;
        sessions::create(c, account, &token, desk.ask.now)
    })?;
    let cookie = session_cookie(desk.ask, token.text(), sessions::LIFETIME.whole_seconds());
    let mark = device::cookie(desk.ask.https, &account.username, &digest);
    Ok(Reply::see_other("/desk?done=password").cookie(cookie).cookie(mark))
}

/// Whether a password is blank, or the username with at most one digit after it.
fn is_guessable(password: &str, username: &str) -> bool {
    let (password, username) = (password.trim().to_lowercase(), username.to_lowercase());
    password.is_empty()
        || password == username
        || password.strip_suffix(|c: char| c.is_numeric()).is_some_and(|rest| rest == username)
}

/// The login page that leads on to `target`.
pub(super) fn login_address(target: &str) -> String {
    format!("/login?next={}", encoded(target))
}

/// A place of ours to go to, or nothing.
fn local(place: &str) -> &str {
    let ours = place.starts_with('/')
        && !place.starts_with("//")
        && place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours { place } else { "" }
}

/// The word on what was just done, by the code that a redirect carries.
pub(super) fn done(code: &str) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("logged_out", "您已退出登录。"),
        ("own_password", "第一次登录，请先把一次性密码改成自己的密码。"),
        ("password", "密码已修改，其他地方的登录已全部退出。"),
        ("created", "本轮评议已新建，请核对。"),
        ("revised", "已修改，请再核对一遍。"),
        ("officers", "监票人、计票人已更换。"),
        ("asked", "已提请上级工会批准参评名册。"),
        ("opened", "投票已经开始。"),
        ("custody", "选票去向已保存，请监票人确认。"),
        ("custody_confirmed", "选票去向已确认。"),
        ("entries_dropped", "只有一名计票人录入的纸质选票，录入已取消。"),
        ("phones_stopped", "手机投票已停止，可以录入纸质选票。"),
        ("closed", "开票完成。"),
        ("result_confirmed", "结果已确认。"),
        ("certified", "结果报告单已签发，并送到上级工会。"),
        ("corrected", "更正后的结果报告单已签发，并送到上级工会。"),
        ("rectification_reported", "整改情况已送到上级工会，等待复查。"),
        ("rectification_checked", "整改已复查，工会主席会看到意见。"),
        ("rectification_returned", "整改情况已退回，工会主席会看到理由。"),
        ("title_given", "称号已登记。"),
        ("title_confirmed", "已登记复核合格。"),
        ("title_failed", "已登记复核不合格，限期整改。"),
        ("title_ended", "已登记，这项称号不再计入现有称号。"),
        ("voided", "本轮评议已作废。"),
        ("roll_approved", "名册已批准，工会可以制作选票了。"),
        ("roll_returned", "名册已退回，工会主席会看到理由。"),
        ("sheet_accepted", "已同意，意见已签名并附在结果报告单后面。"),
        ("sheet_returned", "结果报告单已退回，意见已签名；工会更正后会重新报送。"),
        ("union_created", "工会已建立。"),
        ("union_edited", "工会资料已修改。"),
        ("account_off", "账号已停用，并已退出登录。"),
        ("account_on", "账号已恢复使用。"),
        ("drawn", "抽查名单已抽出，种子和名单已记录。"),
    ];
    WORDS.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_the_username_again() {
        for guessable in ["          ", "\u{3000}\u{3000}", "haixing-gonghui", "HaiXing-GongHui ", "haixing-gonghui7"] {
            assert!(is_guessable(guessable, "haixing-gonghui"), "{guessable}");
        }
        for own in ["haixing-gonghui-2026-mima", "一个够长的测试密码", "haixing-gonghu"] {
            assert!(!is_guessable(own, "haixing-gonghui"), "{own}");
        }
    }

    #[test]
    fn nobody_is_led_away() {
        assert_eq!(local("/rounds/5?done=x"), "/rounds/5?done=x");
        for foreign in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\nb"] {
            assert_eq!(local(foreign), "", "{foreign}");
        }
        assert_eq!(login_address("/rounds/5?a=b"), "/login?next=/rounds/5%3Fa%3Db");
    }
}
