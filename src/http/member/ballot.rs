//! The ballot: shown to whoever holds an unspent slip, cast by a POST that may safely be sent again.

use std::sync::Arc;

use actix_web::dev::{Payload, UrlEncoded};
use actix_web::error::UrlencodedError;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::desk::{Desk, Round};
use super::page::{self, Filled};
use super::words::{self, Word};
use crate::ballot_box::{Cast, SlipState};
use crate::domain::ballot::{Ballot, BallotRefusal};
use crate::domain::slip::{FormNonce, SlipCode};
use crate::world;

/// Longest form in bytes: a paper of forty items and a comment of 200 characters take a third of it.
const FORM_LIMIT: usize = 16 * 1024;

/// A form as it was sent: what belongs to the form itself, and what goes on the ballot.
struct Form {
    nonce: FormNonce,
    step: Step,
    /// Answers and comment.
    fields: Vec<(String, String)>,
}

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
pub async fn show(desk: web::Data<Desk>, code: web::Path<String>) -> HttpResponse {
    let slip = match SlipCode::parse(&code) {
        Ok(slip) => slip,
        Err(error) => return page::word(&words::mistyped(error), None),
    };
    let link = slip.link_form();
    match web::block(move || find(&desk, slip)).await {
        Ok(Ok(Found::Ballot(round, slip))) => {
            let nonce = FormNonce(world::random_bytes());
            page::ballot(StatusCode::OK, &round, &slip, &nonce, Filled::default())
        }
        Ok(Ok(Found::Word(word, round))) => page::word(&word, round.as_deref()),
        Ok(Err(())) | Err(_) => page::word(&words::unavailable(&link), None),
    }
}

/// What a slip code leads to.
enum Found {
    Ballot(Arc<Round>, SlipCode),
    Word(Box<Word>, Option<Arc<Round>>),
}

fn find(desk: &Desk, slip: SlipCode) -> Result<Found, ()> {
    let failed = |error: &dyn std::fmt::Display| tracing::error!(%error, "a slip could not be looked up");
    let word = |word, round| Ok(Found::Word(Box::new(word), round));
    let Some(round) = desk.round(slip.tag()).map_err(|error| failed(&error))? else {
        return word(words::unknown_round(), None);
    };
    if let Some(why) = words::about_phase(&round.poll) {
        return word(why, Some(round));
    }
    let state = desk.ballot_box.slip_state(round.poll.id, &slip).map_err(|error| failed(&error))?;
    if state == SlipState::Unknown && !desk.note_unknown(&round) {
        return word(words::slow_down(), Some(round));
    }
    match words::about_slip(state) {
        Some(why) => word(why, Some(round)),
        None => Ok(Found::Ballot(round, slip)),
    }
}

/// `POST /V/{code}`: casts the ballot. The same form may be sent any number of times; the answer is the page
/// itself, so that neither choice nor receipt ever stands in an address.
pub async fn cast(
    desk: web::Data<Desk>,
    code: web::Path<String>,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let slip = match SlipCode::parse(&code) {
        Ok(slip) => slip,
        Err(error) => return page::word(&words::mistyped(error), None),
    };
    let looked_up = {
        let (desk, tag) = (desk.clone(), slip.tag());
        web::block(move || desk.round(tag)).await
    };
    let round = match looked_up {
        Ok(Ok(Some(round))) => round,
        Ok(Ok(None)) => return page::word(&words::unknown_round(), None),
        Ok(Err(_)) | Err(_) => return page::word(&words::unavailable(&slip.link_form()), None),
    };
    match read_form(&request, body.into_inner(), &slip.link_form()).await {
        Ok(form) => submit(&desk, &round, &slip, &form).await,
        Err(word) => page::word(&word, Some(&round)),
    }
}

async fn submit(desk: &Desk, round: &Round, slip: &SlipCode, form: &Form) -> HttpResponse {
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
        Step::Ask | Step::Cast => match desk.ballot_box.cast(round.poll.id, slip, &form.nonce, &ballot).await {
            Ok(Cast::Cast(receipt) | Cast::AlreadyCast(receipt)) => page::thanks(round.poll.tag, receipt),
            Err(refusal) => refused(desk, round, slip, form, refusal),
        },
    }
}

fn refused(
    desk: &Desk,
    round: &Round,
    slip: &SlipCode,
    form: &Form,
    refusal: crate::ballot_box::CastRefusal,
) -> HttpResponse {
    if refusal == crate::ballot_box::CastRefusal::UnknownSlip && !desk.note_unknown(round) {
        return page::word(&words::slow_down(), Some(round));
    }
    match words::about_cast(refusal, &round.poll) {
        Some(word) => page::word(&word, Some(round)),
        None => page::again(slip, words::try_again(refusal), &form.all_fields()),
    }
}

/// The comment is too long: the form comes back with everything in it.
fn shorten(round: &Round, slip: &SlipCode, form: &Form) -> HttpResponse {
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
    fn ballot_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn comment(&self) -> &str {
        self.ballot_fields().find(|(name, _)| *name == "comment").map_or("", |(_, comment)| comment)
    }

    /// Everything that has to be sent again for the same submission.
    fn all_fields(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        fields.push(("n".to_owned(), self.nonce.text()));
        if self.step == Step::Cast {
            fields.push(("step".to_owned(), "cast".to_owned()));
        }
        fields
    }
}

async fn read_form(request: &HttpRequest, mut body: Payload, link: &str) -> Result<Form, Word> {
    let sent = UrlEncoded::<Vec<(String, String)>>::new(request, &mut body).limit(FORM_LIMIT).await;
    let refuse = |status, code| words::bad_form(status, code, link);
    let sent = sent.map_err(|error| match error {
        UrlencodedError::Overflow { .. } => refuse(StatusCode::PAYLOAD_TOO_LARGE, "form_too_large"),
        UrlencodedError::ContentType => refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "form_type"),
        _ => refuse(StatusCode::BAD_REQUEST, "form_malformed"),
    })?;
    sort_fields(sent).ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "form_nonce"))
}

/// Takes the fields of the form itself out; `None` without exactly one well-formed nonce.
fn sort_fields(sent: Vec<(String, String)>) -> Option<Form> {
    let mut nonces = Vec::new();
    let mut step = Step::Ask;
    let mut fields = Vec::with_capacity(sent.len());
    for (name, value) in sent {
        match name.as_str() {
            "n" => nonces.push(FormNonce::parse(&value)?),
            "step" if value == "back" => step = Step::Back,
            "step" => step = Step::Cast,
            _ => fields.push((name, value)),
        }
    }
    let nonce = nonces.pop()?;
    nonces.is_empty().then_some(Form { nonce, step, fields })
}
