//! The gate that every request passes: reads it, checks who asks and where the form comes from, runs the
//! handler away from the event loop, and turns whatever happens into an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_http::body::BoxBody;
use actix_http::{Payload, Response};
use actix_web::http::Method;
use actix_web::web;
use futures_util::FutureExt as _;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use tracing::Instrument as _;

use super::App;
use super::ask::{Ask, session};
use super::idle;
use super::origin;
use super::page::Frame;
use super::peer::Peer;
use super::problem::Problem;
use super::reply::{Answer, Reply};
use super::request::Request;
use super::routes::{self, Access, BALLOT, Endpoint, FORM, Handler, Params};
use crate::domain::account::{Account, Act, may};
use crate::domain::ids::{PollId, UnionId};
use crate::domain::poll::Poll;
use crate::domain::union::Union;
use crate::store::sessions::{Session, SessionToken};
use crate::store::{By, StoreError, polls, unions};

/// The person who asks.
#[derive(Debug, Clone)]
pub struct Who {
    pub account: Account,
    /// Their union.
    pub union: Union,
}

/// What a handler behind the login gets: the person is known, their role fits the route, and a form that
/// changes something comes from a page of this very session.
pub struct Desk<'a> {
    pub app: &'a Arc<App>,
    pub ask: &'a Ask,
    pub who: Who,
    token: SessionToken,
}

impl Desk<'_> {
    /// The frame of a page for this person, with the word on what was just done.
    #[must_use]
    pub fn frame(&self, title: &str) -> Frame {
        let mut frame = Frame::signed_in(title, &self.who, &self.token);
        frame.done = super::session::done(self.ask.query.get("done"));
        frame
    }

    /// Who and when, for the journal.
    #[must_use]
    pub fn by(&self) -> By {
        By { account: Some(self.who.account.id), at: self.ask.now }
    }

    /// Whether this person may do `act` to `union`.
    #[must_use]
    pub fn may(&self, act: Act, union: &Union) -> bool {
        may(self.who.account.role, &self.who.union, act, union)
    }

    /// The union named by the path's `{id}`, if this person may do `act` to it.
    ///
    /// # Errors
    /// `NOT_YOURS` otherwise.
    pub fn union(&self, act: Act) -> Result<Union, Problem> {
        let id: UnionId = self.ask.param("id")?;
        let union = self.app.database.read(|c| unions::load(c, id))?;
        union.filter(|union| self.may(act, union)).ok_or(Problem::NOT_YOURS)
    }

    /// The round named by the path's `{id}` and its union, if this person may do one of `acts` to it.
    ///
    /// # Errors
    /// `NOT_YOURS` otherwise.
    pub fn poll(&self, acts: &[Act]) -> Result<(Poll, Union), Problem> {
        let id: PollId = self.ask.param("id")?;
        let found = self.app.database.read(|c| -> Result<_, Problem> {
            let Some(poll) = polls::load(c, id)? else { return Ok(None) };
            Ok(unions::load(c, poll.union)?.map(|union| (poll, union)))
        })?;
        found.filter(|(_, union)| acts.iter().any(|act| self.may(*act, union))).ok_or(Problem::NOT_YOURS)
    }

    /// Whether the page whose form was sent showed what is to be changed as it is now: its field `version` says which state
    /// of it the page knew, so that nobody overwrites what somebody else changed meanwhile, or agrees to what they never saw.
    ///
    /// # Errors
    /// `Stale` otherwise.
    pub fn saw(&self, version: &impl ToString) -> Result<(), StoreError> {
        if self.ask.form.get("version") == version.to_string() { Ok(()) } else { Err(StoreError::Stale) }
    }

    pub(super) fn token(&self) -> &SessionToken {
        &self.token
    }
}

/// Serves one request: as the table of routes has it, or with a refusal.
pub async fn serve(app: Arc<App>, request: Request, payload: Payload) -> Response<BoxBody> {
    let peer = Peer::of(&request, &app.config);
    let reply = match routes::find(request.method(), request.path()) {
        Ok((endpoint, params)) => serve_endpoint(app, endpoint, params, &request, payload, peer).await,
        Err(problem) => {
            // Members have no frame.
            let known = !request.path().starts_with("/V/");
            problem.reply(if known { frame_of(&app, &request, peer).await } else { Frame::public("") })
        }
    };
    let reply = if request.wants_json() { reply.for_programs() } else { reply.unless_known(&request) };
    // A stream would keep the connection of a HEAD busy for nothing.
    let reply = if *request.method() == Method::HEAD { reply.without_stream() } else { reply };
    reply.into_http(peer.https, request.takes_gzip())
}

async fn serve_endpoint(
    app: Arc<App>,
    endpoint: &'static Endpoint,
    params: Params,
    request: &Request,
    payload: Payload,
    peer: Peer,
) -> Reply {
    // The pattern only: paths carry slip codes. Of a quiet one nothing is said: a line for each would list the moments at
    // which members came, and one more line than ballots tells whose had blanks.
    let span = if endpoint.quiet {
        tracing::Span::none()
    } else {
        tracing::info_span!("request", method = %request.method(), route = endpoint.path)
    };
    async {
        let answer = answer(app.clone(), endpoint, params, request, payload, peer);
        let answer = AssertUnwindSafe(answer).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(Problem::internal(&"a handler panicked")));
        let refused = answer.as_ref().err().map(|problem| problem.code);
        let reply = match answer {
            Ok(reply) => reply,
            Err(problem) => {
                let problem = lead_back(problem, endpoint, request.path());
                let known = endpoint.access != Access::Public;
                problem.reply(if known { frame_of(&app, request, peer).await } else { Frame::public("") })
            }
        };
        if !endpoint.quiet {
            tracing::info!(status = reply.status().as_u16(), refused, "answered");
        }
        reply
    }
    .instrument(span)
    .await
}

/// The frame for whoever is signed in, for pages that come about before anybody was let in.
async fn frame_of(app: &Arc<App>, request: &Request, peer: Peer) -> Frame {
    let Some(token) = session(request, peer.https) else { return Frame::public("") };
    let app = app.clone();
    let looked = web::block(move || {
        let session = idle::signed_in(&app, &token, crate::world::now()).ok()??;
        Some(Frame::signed_in("", &Who { account: session.account, union: session.union }, &token))
    });
    looked.await.ok().flatten().unwrap_or_else(|| Frame::public(""))
}

/// A form that was refused leads back to the page it stands on, where that page has an address of its own.
fn lead_back(problem: Problem, endpoint: &Endpoint, path: &str) -> Problem {
    if endpoint.method != Method::POST || endpoint.access != Access::Public {
        return problem;
    }
    let foreign = problem.code == Problem::FOREIGN_FORM.code;
    if endpoint.path == BALLOT {
        return ballot_refused(problem).back_to(path.to_owned(), "回到选票");
    }
    let page = |other: &&Endpoint| other.path == endpoint.path && other.method == Method::GET;
    let place = if routes::table().iter().any(|other| page(&other)) { path } else { "/" };
    if foreign {
        Problem { way: "请重新打开页面后再提交。".into(), ..problem }.back_to(place.to_owned(), "重新打开页面")
    } else if problem.back.0 == "/" && place != "/" {
        problem.back_to(place.to_owned(), "回到刚才的页面")
    } else {
        problem
    }
}

/// A ballot that was refused at the door was not cast; after a fault of ours, nobody can say.
fn ballot_refused(problem: Problem) -> Problem {
    if problem.status.is_server_error() {
        return Problem {
            sentence: "系统出了点问题，还不能确定投成没有".into(),
            way: "请返回上一页，把同一张选票再提交一次。不管提交几次，一张选票只算一票。".into(),
            ..problem
        };
    }
    let way = "这次没有投成，选票没有被用掉。请回到选票，重新选好再投。";
    Problem { way: way.into(), ..problem }
}

async fn answer(
    app: Arc<App>,
    endpoint: &'static Endpoint,
    params: Params,
    request: &Request,
    payload: Payload,
    peer: Peer,
) -> Answer {
    let posted = endpoint.method == Method::POST;
    if posted {
        origin::check(request, endpoint.path, &app.config.public_url)?;
    }
    if matches!(endpoint.handler, Handler::Desk(_)) && endpoint.limit > FORM {
        // What is long is read of nobody who may not send it.
        let (app, token) = (app.clone(), session(request, peer.https).ok_or(Problem::SIGN_IN)?);
        let known = web::block(move || person(&app, endpoint, &token, crate::world::now()).map(drop)).await;
        known.map_err(|error| Problem::internal(&error))??;
    }
    let ask = Ask::read(request, payload, endpoint.limit, params, peer).await?;
    let work: Box<dyn FnOnce() -> Answer + Send> = match endpoint.handler {
        Handler::Public(handler) => Box::new(move || handler(&app, &ask)),
        Handler::Async(handler) => return handler(app, ask).await,
        Handler::Desk(handler) => {
            // To come back to after signing in.
            let target = request.target().to_owned();
            Box::new(move || {
                let desk = match admit(&app, endpoint, &ask, posted) {
                    // A page may be come back to after signing in; a form may not.
                    Err(problem) if problem == Problem::SIGN_IN && !posted && !ask.wants_json => {
                        return Ok(Reply::see_other(super::session::login_address(&target)));
                    }
                    Err(problem) if problem == Problem::OWN_PASSWORD && !posted && !ask.wants_json => {
                        return Ok(Reply::see_other("/password?done=own_password"));
                    }
                    other => other?,
                };
                let answer = handler(&desk);
                if posted {
                    app.rounds.forget();
                }
                answer
            })
        }
    };
    let span = tracing::Span::current();
    web::block(move || span.in_scope(work)).await.unwrap_or_else(|_| Err(Problem::internal(&"a handler panicked")))
}

/// Lets the person in, if there is one, their role fits, and the form is of this session.
fn admit<'a>(app: &'a Arc<App>, endpoint: &Endpoint, ask: &'a Ask, posted: bool) -> Result<Desk<'a>, Problem> {
    let token = ask.session.clone().ok_or(Problem::SIGN_IN)?;
    let session = person(app, endpoint, &token, ask.now)?;
    let given = ask.form.get("form_token");
    if posted && !bool::from(given.as_bytes().ct_eq(token.form_token().as_bytes())) {
        return Err(Problem::FOREIGN_FORM);
    }
    if posted {
        idle::note(app, &token, &session, ask.now)?;
    }
    Ok(Desk { app, ask, who: Who { account: session.account, union: session.union }, token })
}

/// Who is signed in with this token, if the route is for them.
fn person(app: &App, endpoint: &Endpoint, token: &SessionToken, now: OffsetDateTime) -> Result<Session, Problem> {
    let session = idle::signed_in(app, token, now)?.ok_or(Problem::SIGN_IN)?;
    if !endpoint.access.admits(session.account.role) {
        return Err(Problem::WRONG_ROLE);
    }
    let to_own_password = matches!(endpoint.path, "/password" | "/logout");
    if session.account.must_change && !to_own_password {
        return Err(Problem::OWN_PASSWORD);
    }
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_ballot_leads_back_to_the_ballot() {
        let posted = |path: &str| {
            let mut table = routes::table().iter();
            table.find(|endpoint| endpoint.path == path && endpoint.method == Method::POST).unwrap()
        };
        let problems = [Problem::FOREIGN_FORM, Problem::MALFORMED_FORM, Problem::NOT_A_FORM, Problem::BODY_TOO_LARGE];
        for problem in problems {
            let led = lead_back(problem, posted(BALLOT), "/V/ABC");
            assert_eq!(led.back.0, "/V/ABC");
            assert!(led.way.contains("这次没有投成") && !led.way.contains("工作台"), "{}", led.code);
        }
        let fault = lead_back(Problem::INTERNAL, posted(BALLOT), "/V/ABC");
        assert!(fault.sentence.contains("不能确定") && !fault.way.contains("没有投成"));
        assert_eq!(lead_back(Problem::FOREIGN_FORM, posted("/login"), "/login").back.0, "/login");
    }
}
