//! All routes, in one table: method, path, who may call it, handler.

use std::sync::Arc;

use actix_web::http::Method;
use futures_util::future::LocalBoxFuture;

use super::ask::Ask;
use super::chair::{draft, officers, packets, people, poster, setup, slips};
use super::gate::Desk;
use super::member::{ballot, front, receipts};
use super::problem::Problem;
use super::reply::Answer;
use super::superior::{
    accounts, approvals, exports, import, opening, oversight, rectification, spot_check, title, titles, unions,
};
use super::{App, assets, desk, help, public, round, session};
use crate::domain::account::Role;

/// The address of a ballot.
pub(super) const BALLOT: &str = "/V/{code}";

/// Largest body of an ordinary form.
pub(super) const FORM: usize = 64 * 1024;
/// Largest body of a ballot: forty items and a comment of 200 characters take a third of it.
const BALLOT_FORM: usize = 16 * 1024;

/// Largest table of unions: two thousand lines as a form escapes them.
const TABLE_OF_UNIONS: usize = 4 * 1024 * 1024;

const SUPERIOR: Access = Access::Roles(&[Role::Superior]);
const ADMINISTERS: Access = Access::Roles(&[Role::Superior, Role::Operator]);

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Anybody with an account.
    SignedIn,
    /// These roles only.
    Roles(&'static [Role]),
}

impl Access {
    /// Whether somebody of this role may call it.
    #[must_use]
    pub fn admits(self, role: Role) -> bool {
        match self {
            Access::Public | Access::SignedIn => true,
            Access::Roles(roles) => roles.contains(&role),
        }
    }
}

/// What serves a route. The kind of handler says whether it may be public: a [`Desk`] exists only behind the
/// login.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Runs on a thread that may wait for the database.
    Public(fn(&App, &Ask) -> Answer),
    /// Runs on the event loop and must not block it.
    Async(fn(Arc<App>, Ask) -> LocalBoxFuture<'static, Answer>),
    /// Behind the login; runs on a thread that may wait for the database.
    Desk(fn(&Desk<'_>) -> Answer),
}

/// One route.
#[derive(Clone)]
pub struct Endpoint {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// Largest body in bytes.
    pub limit: usize,
    /// What members use on their way to the box and after it: it leaves no line in the log, because a line for each would
    /// be a list of the moments at which they came.
    pub quiet: bool,
    pub handler: Handler,
}

const fn public(method: Method, path: &'static str, limit: usize, quiet: bool, handler: Handler) -> Endpoint {
    Endpoint { method, path, access: Access::Public, limit, quiet, handler }
}

const fn get(path: &'static str, handler: fn(&App, &Ask) -> Answer) -> Endpoint {
    public(Method::GET, path, 0, false, Handler::Public(handler))
}

const fn post_async(path: &'static str, handler: fn(Arc<App>, Ask) -> LocalBoxFuture<'static, Answer>) -> Endpoint {
    public(Method::POST, path, FORM, false, Handler::Async(handler))
}

const fn member_get(path: &'static str, handler: fn(&App, &Ask) -> Answer) -> Endpoint {
    public(Method::GET, path, 0, true, Handler::Public(handler))
}

const fn member_post(path: &'static str, handler: fn(&App, &Ask) -> Answer) -> Endpoint {
    public(Method::POST, path, FORM, true, Handler::Public(handler))
}

const fn desk_get(path: &'static str, access: Access, handler: fn(&Desk<'_>) -> Answer) -> Endpoint {
    Endpoint { method: Method::GET, path, access, limit: 0, quiet: false, handler: Handler::Desk(handler) }
}

const fn desk_post(path: &'static str, access: Access, handler: fn(&Desk<'_>) -> Answer) -> Endpoint {
    Endpoint { method: Method::POST, path, access, limit: FORM, quiet: false, handler: Handler::Desk(handler) }
}

const CHAIR: Access = Access::Roles(&[Role::Chair]);
const SCRUTINEER: Access = Access::Roles(&[Role::Scrutineer]);
const TELLER: Access = Access::Roles(&[Role::Teller]);
/// Who looks after the slips.
const WATCH_SLIPS: Access = Access::Roles(&[Role::Chair, Role::Scrutineer]);
/// Who confirms a result.
const JUDGES: Access = Access::Roles(&[Role::Scrutineer, Role::Teller]);
/// Who sees a round of their own union while it goes on.
const ATTEND: Access = Access::Roles(&[Role::Chair, Role::Scrutineer, Role::Teller]);

const fn table_post(path: &'static str, access: Access, handler: fn(&Desk<'_>) -> Answer) -> Endpoint {
    Endpoint {
        method: Method::POST,
        path,
        access,
        limit: TABLE_OF_UNIONS,
        quiet: false,
        handler: Handler::Desk(handler),
    }
}

/// Every route of the service.
#[must_use]
pub fn table() -> &'static [Endpoint] {
    static TABLE: &[Endpoint] = &[
        // Members.
        member_get("/", front::front),
        member_post("/code", front::typed),
        member_get(BALLOT, ballot::show),
        public(Method::POST, BALLOT, BALLOT_FORM, true, Handler::Async(|app, ask| Box::pin(ballot::cast(app, ask)))),
        member_get("/secrecy", front::secrecy),
        member_get("/receipts", receipts::form),
        member_post("/receipts", receipts::look_up),
        get("/help", help::index),
        get("/help/{who}", help::page),
        // Everyone: certified sheets and what it takes to check them.
        get("/sheets", public::ask_sheet),
        get("/sheets/{id}.json", public::sheet_json),
        get("/sheets/{id}.pdf", public::sheet_pdf),
        get("/sheets/{id}.xlsx", public::sheet_workbook),
        get("/sheets/{id}/chart.png", public::chart),
        get("/sheets/{id}/openings.json", public::openings),
        get("/sheets/{id}/opinion.json", public::opinion_json),
        get("/sheets/{id}/opinion.pdf", public::opinion_pdf),
        get("/sheets/{id}", public::sheet),
        get("/.well-known/jwks.json", public::keys),
        get("/healthz", public::health),
        // A union's rounds and people, and a round in preparation.
        desk_get("/people", CHAIR, people::list),
        desk_post("/people", CHAIR, people::create),
        desk_post("/people/{account}/password", CHAIR, people::renew),
        desk_post("/people/{account}/active", CHAIR, people::set_active),
        desk_get("/rounds/new", CHAIR, setup::new_form),
        desk_post("/rounds", CHAIR, setup::create),
        desk_get("/rounds/{id}/setup", ATTEND, draft::show),
        desk_get("/rounds/{id}/edit", CHAIR, setup::edit_form),
        desk_post("/rounds/{id}/edit", CHAIR, setup::edit),
        desk_get("/rounds/{id}/officers", CHAIR, officers::form),
        desk_post("/rounds/{id}/officers", CHAIR, officers::change),
        desk_post("/rounds/{id}/ask", CHAIR, draft::ask),
        desk_post("/rounds/{id}/slips", CHAIR, slips::issue),
        Endpoint {
            method: Method::POST,
            path: "/rounds/{id}/slips/file",
            access: CHAIR,
            limit: slips::CODES_LIMIT,
            quiet: false,
            handler: Handler::Desk(slips::file),
        },
        Endpoint {
            method: Method::POST,
            path: "/rounds/{id}/slips/packets",
            access: CHAIR,
            limit: slips::CODES_LIMIT,
            quiet: false,
            handler: Handler::Desk(packets::file),
        },
        desk_get("/rounds/{id}/poster", CHAIR, poster::show),
        desk_get("/rounds/{id}/poster.pdf", CHAIR, poster::pdf),
        desk_get("/rounds/{id}/open", CHAIR, draft::open_form),
        desk_post("/rounds/{id}/open", CHAIR, draft::open),
        // A running round: chair, scrutineers and tellers of its union.
        desk_get("/rounds/{id}", ATTEND, round::show),
        desk_get("/rounds/{id}/events", ATTEND, round::events),
        desk_post("/rounds/{id}/custody", CHAIR, round::custody),
        desk_post("/rounds/{id}/custody/confirm", SCRUTINEER, round::confirm_custody),
        desk_get("/rounds/{id}/void-slips", WATCH_SLIPS, round::void_slips_form),
        desk_post("/rounds/{id}/void-slips", WATCH_SLIPS, round::void_slips),
        desk_get("/rounds/{id}/stop", CHAIR, round::stop_form),
        desk_post("/rounds/{id}/stop", CHAIR, round::stop),
        desk_get("/rounds/{id}/paper", TELLER, round::paper_form),
        desk_post("/rounds/{id}/paper", TELLER, round::paper),
        desk_get("/rounds/{id}/paper/drop", SCRUTINEER, round::drop_form),
        desk_post("/rounds/{id}/paper/drop", SCRUTINEER, round::drop_entries),
        desk_get("/rounds/{id}/close", CHAIR, round::close_form),
        desk_post("/rounds/{id}/close", CHAIR, round::close),
        desk_post("/rounds/{id}/result/confirm", JUDGES, round::confirm_result),
        desk_get("/rounds/{id}/certify", CHAIR, round::certify_form),
        desk_post("/rounds/{id}/certify", CHAIR, round::certify),
        desk_post("/rounds/{id}/rectification", CHAIR, round::report_rectification),
        desk_get("/rounds/{id}/void", CHAIR, round::void_form),
        desk_post("/rounds/{id}/void", CHAIR, round::void),
        // The superior's area, and the unions and accounts in it.
        desk_get("/desk", Access::SignedIn, desk::desk),
        desk_get("/desk/rollup.pdf", SUPERIOR, exports::pdf),
        desk_get("/desk/rollup.xlsx", SUPERIOR, exports::xlsx),
        desk_get("/approvals", SUPERIOR, approvals::show),
        desk_get("/oversight/{id}", SUPERIOR, oversight::show),
        desk_get("/oversight/{id}/opening.json", SUPERIOR, opening::file),
        desk_post("/oversight/{id}/roll", SUPERIOR, oversight::decide_roll),
        desk_post("/oversight/{id}/opinion", SUPERIOR, oversight::decide_sheet),
        desk_post("/oversight/{id}/void", SUPERIOR, oversight::void),
        desk_post("/oversight/{id}/rectification", SUPERIOR, rectification::decide),
        desk_get("/rectification", SUPERIOR, rectification::list),
        desk_get("/titles", SUPERIOR, titles::list),
        desk_get("/titles/{id}", SUPERIOR, title::show),
        desk_post("/titles/{id}", SUPERIOR, title::decide),
        desk_get("/spot-checks", SUPERIOR, spot_check::list),
        desk_post("/spot-checks", SUPERIOR, spot_check::draw),
        desk_get("/spot-checks/{id}", SUPERIOR, spot_check::show),
        desk_get("/unions", ADMINISTERS, unions::list),
        desk_post("/unions", ADMINISTERS, unions::create),
        desk_get("/unions/new", ADMINISTERS, unions::new_form),
        desk_get("/unions/import", ADMINISTERS, import::form),
        table_post("/unions/import", ADMINISTERS, import::preview),
        desk_get("/unions/import/sample.csv", ADMINISTERS, import::sample),
        desk_get("/unions/import/sample.xlsx", ADMINISTERS, import::sample_workbook),
        table_post("/unions/import/confirm", ADMINISTERS, import::confirm),
        desk_get("/unions/{id}", ADMINISTERS, unions::show),
        desk_get("/unions/{id}/titles", SUPERIOR, title::of_union),
        desk_post("/unions/{id}/titles", SUPERIOR, title::give),
        desk_get("/unions/{id}/edit", ADMINISTERS, unions::edit_form),
        desk_post("/unions/{id}/edit", ADMINISTERS, unions::edit),
        desk_post("/unions/{id}/accounts", ADMINISTERS, accounts::create),
        desk_post("/unions/{id}/accounts/{account}/password", ADMINISTERS, accounts::renew),
        desk_post("/unions/{id}/accounts/{account}/active", ADMINISTERS, accounts::set_active),
        // Files, which the pages of members are drawn with as well, and the login.
        member_get("/assets/{hash}/{file}", assets::serve),
        get("/login", session::form),
        post_async("/login", |app, ask| Box::pin(session::log_in(app, ask))),
        desk_post("/logout", Access::SignedIn, session::log_out),
        desk_get("/password", Access::SignedIn, session::password_form),
        desk_post("/password", Access::SignedIn, session::change_password),
    ];
    TABLE
}

/// The named parts of a path, and what stands in their place.
pub type Params = Vec<(&'static str, String)>;

/// The endpoint that serves `method` at `path`. HEAD is served as GET. Of two paths of the table that fit the first counts.
///
/// # Errors
/// `NOT_FOUND` where no path of the table fits, `METHOD_NOT_ALLOWED` where one does and is not for that method.
pub fn find(method: &Method, path: &str) -> Result<(&'static Endpoint, Params), Problem> {
    let mut fitting = table().iter().filter_map(|endpoint| Some((endpoint.path, params(endpoint.path, path)?)));
    let (pattern, params) = fitting.next().ok_or(Problem::NOT_FOUND)?;
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let endpoint = table().iter().find(|endpoint| endpoint.path == pattern && endpoint.method == *method);
    Ok((endpoint.ok_or(Problem::METHOD_NOT_ALLOWED)?, params))
}

/// What stands in the named parts of `pattern` if `path` fits it: a part is a whole segment but for what follows its
/// name in the pattern, and is never empty.
fn params(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|part| part.split_once('}')) {
                Some((name, ending)) => {
                    let value = given.strip_suffix(ending).filter(|value| !value.is_empty())?;
                    params.push((name, super::ask::decoded(value)?));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_endpoint() {
        let found = |method: &Method, path: &str| {
            find(method, path).map(|(endpoint, params)| (endpoint.path, params)).map_err(|problem| problem.code)
        };
        let code = |code: &str| vec![("code", code.to_owned())];
        assert_eq!(found(&Method::POST, "/V/EYW3E-015A"), Ok((BALLOT, code("EYW3E-015A"))));
        assert_eq!(found(&Method::HEAD, "/V/EYW3E%2D015A"), Ok((BALLOT, code("EYW3E-015A"))), "escapes are undone");
        assert_eq!(found(&Method::GET, "/rounds/new"), Ok(("/rounds/new", vec![])), "not a round called new");
        let id = |id: &str| vec![("id", id.to_owned())];
        assert_eq!(found(&Method::GET, "/sheets/7.pdf"), Ok(("/sheets/{id}.pdf", id("7"))));
        assert_eq!(found(&Method::GET, "/sheets/7"), Ok(("/sheets/{id}", id("7"))));
        for nowhere in
            ["", "/V", "/V/", "/V/A/", "/V/A/B", "/sheets/", "/sheets/.pdf/", "/Rounds/new", "/V/%FF", "/V/%2"]
        {
            assert_eq!(found(&Method::GET, nowhere), Err("not_found"), "{nowhere}");
        }
        assert_eq!(found(&Method::PUT, "/V/A"), Err("method_not_allowed"));
        assert_eq!(found(&Method::GET, "/logout"), Err("method_not_allowed"));
    }

    #[test]
    fn every_route_declares_who_may_call_it() {
        for (place, endpoint) in table().iter().enumerate() {
            let behind_login = matches!(endpoint.handler, Handler::Desk(_));
            assert_eq!(endpoint.access != Access::Public, behind_login, "{}", endpoint.path);
            assert!(!matches!(endpoint.access, Access::Roles([])), "{} is for nobody", endpoint.path);
            assert!(!(endpoint.quiet && behind_login), "{} is for members", endpoint.path);
            let again = table()
                .iter()
                .skip(place + 1)
                .any(|other| other.path == endpoint.path && other.method == endpoint.method);
            assert!(!again, "{} {} is registered once", endpoint.method, endpoint.path);
        }
    }
}
