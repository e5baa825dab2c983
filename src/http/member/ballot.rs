//! The ballot: shown to whoever holds an unspent slip, cast by a POST that may safely be sent again.

use std::sync::Arc;

use actix_web::http::StatusCode;

use super::page::{self, Filled};
use super::rounds::{Round, Rounds, Shown};
use super::words::{self, Word};
use crate::ballot_box::{Cast, CastRefusal, SlipState};
use crate::domain::ballot::{Ballot, BallotRefusal};
use crate::domain::slip::{FormNonce, SlipCode};
use crate::http::App;
use crate::http::ask::{Ask, Fields};
use crate::http::problem::Problem;
use crate::http::reply::Answer;
use crate::world;

/// A form as it was sent: what belongs to the form itself, and what goes on the ballot.
struct Form {
    nonce: FormNonce,
    step: Step,
    sent: Fields,
}

/// Fields that belong to the form itself. The page's script brings every form to the same length with the last.
const OWN_FIELDS: [&str; 3] = ["n", "step", "pad"];

/// What the member wants done with the form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Cast it if nothing is blank, else ask.
    Ask,
    /// Cast it; blank items abstain.
    Cast,
    /// Show it again to be filled in.
    Back,
}

/// `GET /V/{code}`: the ballot, or why there is none. Spends nothing.
///
/// # Errors
/// `INTERNAL`.
pub fn show(app: &App, ask: &Ask) -> Answer {
    let slip = match SlipCode::parse(&ask.param::<String>("code")?) {
        Ok(slip) => slip,
        Err(error) => return page::word(&words::mistyped(error), None),
    };
    match why_not(app, &slip) {
        Ok(Ok(shown)) => page::empty(&shown, &slip, &FormNonce(world::random_bytes()), ask.takes_gzip),
        Ok(Err((word, round))) => page::word(&word, round.as_deref()),
        Err(_) => page::word(&words::unavailable(&slip.link_form()), None),
    }
}

/// The round in which this slip can be cast now, or why it cannot, with the round as far as it is known.
#[expect(clippy::type_complexity, reason = "a fault of ours, else a refusal, else the round")]
fn why_not(app: &App, slip: &SlipCode) -> Result<Result<Arc<Shown>, (Word, Option<Arc<Round>>)>, Problem> {
    let Some(shown) = app.rounds.find(&app.database, slip.tag())? else {
        return Ok(Err((words::unknown_round(), None)));
    };
    let round = shown.round.clone();
    if let Some(why) = words::about_phase(&round.poll) {
        return Ok(Err((why, Some(round))));
    }
    if app.ballot_box.stopped(round.poll.id).is_some() {
        return Ok(Err((words::paused(&slip.link_form()), Some(round))));
    }
    let state = app.ballot_box.slip_state(round.poll.id, slip)?;
    if state == SlipState::Unknown && !app.rounds.note_unknown(&round) {
        return Ok(Err((words::slow_down(), Some(round))));
    }
    Ok(match words::about_slip(state) {
        Some(why) => Err((why, Some(round))),
        None => Ok(shown),
    })
}

/// `POST /V/{code}`: casts the ballot. The same form may be sent any number of times; the answer is the page
/// itself, so that neither choice nor receipt ever stands in an address.
///
/// # Errors
/// `INTERNAL`.
pub async fn cast(app: Arc<App>, ask: Ask) -> Answer {
    let gzip = ask.takes_gzip;
    let slip = match SlipCode::parse(&ask.param::<String>("code")?) {
        Ok(slip) => slip,
        Err(error) => return page::word(&words::mistyped(error), None),
    };
    let round = match Rounds::to_cast_in(&app, slip.tag()).await {
        Ok(Some(round)) => round,
        Ok(None) => return page::word(&words::unknown_round(), None),
        Err(_) => return page::word(&words::unavailable(&slip.link_form()), None),
    };
    match Form::read(ask.form) {
        Some(form) => submit(&app, &round, &slip, &form, gzip).await,
        None => page::word(&words::bad_form(&slip.link_form()), Some(&round)),
    }
}

async fn submit(app: &Arc<App>, round: &Round, slip: &SlipCode, form: &Form, gzip: bool) -> Answer {
    let ballot = match Ballot::parse(&round.poll.paper, form.ballot_fields()) {
        Ok(ballot) => ballot,
        Err(BallotRefusal::CommentTooLong) => return shorten(round, slip, form),
        Err(refusal) => return page::word(&words::bad_ballot(&refusal, &slip.link_form()), Some(round)),
    };
    match form.step {
        Step::Back => {
            let filled = Filled { ballot: Some(&ballot), comment: form.comment(), refused: "" };
            page::ballot(StatusCode::OK, round, slip, &form.nonce, filled)
        }
        Step::Ask if !ballot.blanks().is_empty() => page::blanks(round, slip, &ballot, &form.all_fields()),
        Step::Ask | Step::Cast => match app.ballot_box.cast(round.poll.id, slip, &form.nonce, &ballot).await {
            Ok(Cast::Cast(receipt) | Cast::AlreadyCast(receipt)) => page::thanks(round.poll.tag, receipt, gzip),
            Err(refusal) => refused(app, round, slip, form, refusal).await,
        },
    }
}

async fn refused(app: &Arc<App>, round: &Round, slip: &SlipCode, form: &Form, refusal: CastRefusal) -> Answer {
    // What is final is said of the round as it is now; a form that may be sent again waits for no look at it.
    let anew = match words::about_cast(refusal, &round.poll) {
        Some(_) => Rounds::find_aside(app, slip.tag()).await.ok().flatten(),
        None => None,
    };
    let round = anew.as_deref().unwrap_or(round);
    if refusal == CastRefusal::UnknownSlip && !app.rounds.note_unknown(round) {
        return page::word(&words::slow_down(), Some(round));
    }
    match words::about_cast(refusal, &round.poll) {
        Some(word) => page::word(&word, Some(round)),
        None => page::again(round, slip, words::try_again(refusal), &form.all_fields()),
    }
}

/// The comment is too long: the form comes back with everything in it.
fn shorten(round: &Round, slip: &SlipCode, form: &Form) -> Answer {
    let answers = form.ballot_fields().filter(|(name, _)| *name != "comment");
    match Ballot::parse(&round.poll.paper, answers) {
        Ok(ballot) => {
            let refused = "意见超过了 200 字。请删短一些，再按“投票”。您选好的都还在。";
            let filled = Filled { ballot: Some(&ballot), comment: form.comment(), refused };
            page::ballot(StatusCode::UNPROCESSABLE_ENTITY, round, slip, &form.nonce, filled)
        }
        Err(refusal) => page::word(&words::bad_ballot(&refusal, &slip.link_form()), Some(round)),
    }
}

impl Form {
    /// Takes the fields of the form itself out; `None` without exactly one well-formed nonce, or with a step that
    /// no form of ours names.
    fn read(sent: Fields) -> Option<Self> {
        let [nonce] = sent.all("n").collect::<Vec<_>>()[..] else { return None };
        let nonce = FormNonce::parse(nonce)?;
        let mut step = Step::Ask;
        for named in sent.all("step") {
            step = match named {
                "back" => Step::Back,
                "cast" => Step::Cast,
                _ => return None,
            };
        }
        Some(Form { nonce, step, sent })
    }

    /// Answers and comment.
    fn ballot_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sent.iter().filter(|(name, _)| !OWN_FIELDS.contains(name))
    }

    fn comment(&self) -> &str {
        self.ballot_fields().find(|(name, _)| *name == "comment").map_or("", |(_, comment)| comment)
    }

    /// Everything that has to be sent again for the same submission.
    fn all_fields(&self) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> =
            self.ballot_fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        fields.push(("n".to_owned(), self.nonce.text()));
        if self.step == Step::Cast {
            fields.push(("step".to_owned(), "cast".to_owned()));
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_exactly_one_nonce() {
        let nonce = FormNonce([7; 32]).text();
        let read = |fields: &[(&str, &str)]| Form::read(fields.iter().copied().collect());
        let form = read(&[("home", "satisfied"), ("n", &nonce)]).unwrap();
        let answers =
            |form: &Form| form.ballot_fields().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        assert!(form.step == Step::Ask && answers(&form) == ["home=satisfied"]);
        assert!(read(&[("home", "satisfied")]).is_none(), "none");
        assert!(read(&[("n", "forged")]).is_none(), "not 256 bits");
        assert!(read(&[("n", &nonce), ("n", &nonce)]).is_none(), "two");
        let padded = read(&[("home", "satisfied"), ("n", &nonce), ("pad", "000")]).unwrap();
        assert_eq!(answers(&padded), answers(&form), "what fills a form up is no part of the ballot");
    }

    #[test]
    fn only_the_word_cast_casts() {
        let nonce = FormNonce([7; 32]).text();
        let step = |word: &str| Form::read([("n", nonce.as_str()), ("step", word)].into_iter().collect());
        assert!(step("cast").is_some_and(|form| form.step == Step::Cast));
        assert!(step("back").is_some_and(|form| form.step == Step::Back));
        for word in ["", "Cast", "caste", "yes"] {
            assert!(step(word).is_none(), "{word}");
        }
    }

    #[test]
    fn what_is_sent_again_is_the_same_submission() {
        let nonce = FormNonce([7; 32]).text();
        let sent: Fields = [("home", "satisfied"), ("n", &nonce), ("step", "cast")].into_iter().collect();
        let again: Fields = Form::read(sent).unwrap().all_fields().into_iter().collect();
        let mut fields: Vec<_> = again.iter().collect();
        fields.sort_unstable();
        assert_eq!(fields, [("home", "satisfied"), ("n", nonce.as_str()), ("step", "cast")]);
    }
}
