//! Signing the result sheet, and the corrected one after the union above returned it.

use actix_web::http::StatusCode;
use askama::Template;
use time::{Date, Duration};

use super::{back, done, round_in, show};
use crate::domain::account::Act;
use crate::domain::dates;
use crate::domain::ids::PollId;
use crate::domain::poll::{Phase, Poll, Refusal};
use crate::domain::rectification::Deadline;
use crate::domain::sheet::{FollowUp, Publication, SheetPayload};
use crate::domain::verdict::Metric;
use crate::http::form::{Filled, date_value};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::office::{Closing, OfficeError};
use crate::render::sheet_document::rate_name;
use crate::world::date_in_china;

/// Longest text, in characters.
const TEXT: usize = 500;
/// Longest name, in characters.
const NAME: usize = 40;
/// Last year in which anything can be due.
const LAST_YEAR: i32 = 2100;
/// Days after the count within which publication is to be expected.
const PUBLICATION: i64 = 366;

#[derive(Template)]
#[template(path = "round/certify.html")]
struct CertifyPage<'p> {
    frame: Frame,
    id: PollId,
    form: Filled,
    /// Why nothing was signed, though the form is right.
    refused: Option<&'p Problem>,
    /// What the union above said when it returned the sheet.
    returned: Option<&'p str>,
    verdict: String,
    /// Whether a rectification has to be set down.
    required: bool,
    rate: String,
    /// What the rule sets say of the period, and for whom, where they name one; a later day is taken all the same.
    usual: String,
}

/// What is signed: a counted round, or a returned sheet anew.
fn may_certify(phase: &Phase) -> bool {
    matches!(phase, Phase::Closed { .. }) || matches!(phase, Phase::Reported { opinion, .. } if !opinion.accepted)
}

/// `GET /rounds/{id}/certify`
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, `KeyNotDestroyed`, `ResultNotConfirmed`.
pub fn certify_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], may_certify)?;
    ready(desk, &poll)?;
    let sheet = sheet(desk, &poll)?;
    let mut form = Filled::default();
    let FollowUp { problems, rectification, responsible, deadline } = &sheet.follow_up;
    form.set("problems", problems);
    form.set("rectification", rectification);
    form.set("responsible", responsible);
    form.set("deadline", deadline.map(date_value).unwrap_or_default());
    form.set("way", &sheet.publication.way);
    form.set("published_on", date_value(sheet.publication.on.unwrap_or_else(|| date_in_china(desk.ask.now))));
    page(desk, &poll, &sheet, form, None)
}

fn page(desk: &Desk<'_>, poll: &Poll, sheet: &SheetPayload, form: Filled, refused: Option<&Problem>) -> Answer {
    let status = match refused {
        Some(problem) => problem.status,
        None if form.is_wrong() => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let returned = match &poll.phase {
        Phase::Reported { opinion, .. } => Some(opinion.text.as_str()),
        _ => None,
    };
    let page = CertifyPage {
        frame: desk.frame(if returned.is_some() { "更正结果报告单" } else { "签发结果报告单" }),
        id: poll.id,
        form,
        refused,
        returned,
        verdict: sheet.conclusion(),
        required: sheet.demands_rectification(),
        rate: rate(sheet),
        usual: usual_deadline(desk, poll).as_ref().map(in_words).unwrap_or_default(),
    };
    let reply = Reply::page(&page)?.with_status(status);
    Ok(match refused {
        Some(problem) => reply.refusing(problem.code, &problem.sentence, &problem.way),
        None => reply,
    })
}

/// The rate that decided, by its name: 工会主席履职满意率 85.50%.
fn rate(sheet: &SheetPayload) -> String {
    let named = |metric: &Metric| Some(format!("{} {}", rate_name(sheet, metric), metric.display.as_ref()?));
    sheet.deciding().and_then(named).unwrap_or_default()
}

fn usual_deadline(desk: &Desk<'_>, poll: &Poll) -> Option<Deadline> {
    let rules = &desk.app.rules;
    rules.rectification_deadline(rules.at(&poll.rule_set)?, poll.category, date_in_china(desk.ask.now))
}

/// The rule itself, so that it says for whom it is meant, and what it comes to from today on.
fn in_words(deadline: &Deadline) -> String {
    let Deadline { latest, months, rule } = deadline;
    let (id, source, latest) = (&rule.id, &rule.source, dates::in_words(*latest));
    format!("{}从今天算起{months}个月，到{latest}；其他情况，文件没有规定期限。依据：{source}（{id}）", rule.statement)
}

/// Nothing is signed before the key is gone and a scrutineer, not only a teller, has confirmed the result.
fn ready(desk: &Desk<'_>, poll: &Poll) -> Result<(), Problem> {
    if !matches!(poll.phase, Phase::Closed { .. }) {
        return Ok(());
    }
    desk.app.office.may_certify(poll).map(drop).map_err(back(poll.id))
}

/// The sheet as it would be signed now, or the one that was returned.
fn sheet(desk: &Desk<'_>, poll: &Poll) -> Result<SheetPayload, Problem> {
    match poll.phase.sheet() {
        Some(returned) => show::signed(desk, returned),
        None => desk.app.office.preview(poll, desk.by()).map_err(back(poll.id)),
    }
}

/// `POST /rounds/{id}/certify`: signs and sends up.
///
/// # Errors
/// `NOT_YOURS`, `WrongPhase`, whatever keeps a sheet from being made; wrong entries, `KeyNotDestroyed` and
/// `ResultNotConfirmed` show the form again with what was written.
pub fn certify(desk: &Desk<'_>) -> Answer {
    let (poll, _) = round_in(desk, &[Act::Run], may_certify)?;
    let sheet = sheet(desk, &poll)?;
    let mut form = Filled::of(&desk.ask.form);
    let counted_on = poll.phase.opened().map(|opened| opened.closed_on);
    let closing = read(&mut form, sheet.demands_rectification(), date_in_china(desk.ask.now), counted_on);
    if form.is_wrong() {
        return page(desk, &poll, &sheet, form, None);
    }
    let office = &desk.app.office;
    let corrects = poll.phase.sheet().is_some();
    let signed =
        if corrects { office.correct(&poll, &closing, desk.by()) } else { office.certify(&poll, &closing, desk.by()) };
    match signed {
        Ok(_) => Ok(done(poll.id, if corrects { "corrected" } else { "certified" })),
        Err(OfficeError::Refused(refusal @ (Refusal::KeyNotDestroyed | Refusal::ResultNotConfirmed))) => {
            page(desk, &poll, &sheet, form, Some(&refusal.into()))
        }
        Err(error) => Err(back(poll.id)(error)),
    }
}

fn read(form: &mut Filled, required: bool, today: Date, counted_on: Option<Date>) -> Closing {
    if required {
        for name in ["problems", "rectification", "responsible", "deadline"] {
            if form.value(name).is_empty() {
                form.refuse(name, "没有达标或者需要整顿的，必须填写这一项");
            }
        }
    }
    let follow_up = FollowUp {
        problems: form.optional("problems", TEXT),
        rectification: form.optional("rectification", TEXT),
        responsible: form.optional("responsible", NAME),
        deadline: form.date("deadline"),
    };
    if let Some(deadline) = follow_up.deadline {
        if deadline < today {
            form.refuse("deadline", "整改期限已经过去，请重新填写");
        } else if deadline.year() > LAST_YEAR {
            form.refuse("deadline", "整改期限太远，请核对年份");
        }
    }
    let publication = Publication { way: form.line("way", NAME * 2), on: form.date("published_on") };
    match (publication.on, counted_on) {
        (None, _) => form.refuse("published_on", "请填写公布日期"),
        (Some(on), Some(counted)) if on < counted => form.refuse("published_on", "公布日期不能早于开票日期"),
        (Some(on), _) if on > today + Duration::days(PUBLICATION) => {
            form.refuse("published_on", "公布日期太远，请核对");
        }
        _ => {}
    }
    form.printable(["problems", "rectification", "responsible", "way"]);
    Closing { follow_up, publication }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn read_with(fields: &[(&str, &str)], required: bool) -> (Filled, Closing) {
        let mut form = Filled::of(&fields.iter().copied().collect());
        let counted = Some(date!(2026 - 11 - 20));
        let closing = read(&mut form, required, date!(2026 - 11 - 21), counted);
        (form, closing)
    }

    #[test]
    fn publication_is_asked_for_and_rectification_where_the_verdict_asks() {
        let public = [("way", "公告栏"), ("published_on", "2026-11-21")];
        assert!(!read_with(&public, false).0.is_wrong());
        let (form, _) = read_with(&public, true);
        assert_eq!(form.errors().len(), 4, "what must be done, by whom, until when");
        assert!(read_with(&[], false).0.error("way").is_some());
    }

    #[test]
    fn the_rate_that_decided_is_named() {
        let mut sheet = crate::domain::sheet::sample::Sample::new().sheet(&[]);
        assert_eq!(rate(&sheet), "职工之家满意率 91.30%");
        let fell_short = sheet.assessment.metrics.last_mut().unwrap();
        fell_short.outcome = crate::domain::verdict::Outcome::NotMet;
        (fell_short.id, fell_short.display) = ("satisfaction.chair".to_owned(), Some("85.50%".to_owned()));
        sheet.assessment.verdict = crate::domain::verdict::Verdict::NotMet;
        assert_eq!(rate(&sheet), "chair满意率 85.50%", "an item that is not on this sheet");
        sheet.assessment.metrics.clear();
        assert_eq!(rate(&sheet), "");
    }

    #[test]
    fn a_long_rectification_is_taken() {
        let (form, closing) =
            read_with(&[("way", "公告栏"), ("published_on", "2026-11-21"), ("deadline", "2027-09-30")], false);
        assert!(!form.is_wrong(), "{:?}", form.errors());
        assert_eq!(closing.follow_up.deadline, Some(date!(2027 - 09 - 30)));
    }

    #[test]
    fn a_period_is_told_with_its_clause_and_for_whom() {
        let rules = crate::domain::rules::RuleRegistry::embedded().unwrap();
        let set = rules.get("qingdao-2020").unwrap();
        let category = crate::domain::union::Category::Enterprise;
        let deadline = rules.rectification_deadline(set, category, date!(2026 - 11 - 21)).unwrap();
        assert_eq!(
            in_words(&deadline),
            "获得称号、复核不合格的职工之家限期整改，期限一般不超过六个月。从今天算起6个月，到2027年5月21日；\
             其他情况，文件没有规定期限。依据：《关于新时代职工之家建设的十条意见》第五条（SD-5.8）"
        );
    }

    #[test]
    fn what_cannot_be_printed_is_not_signed() {
        for name in ["problems", "rectification", "responsible", "way"] {
            let mut fields = vec![(name, "好\u{1f600}"), ("published_on", "2026-11-21")];
            if name != "way" {
                fields.push(("way", "公告栏"));
            }
            let (form, _) = read_with(&fields, false);
            assert_eq!(form.errors().len(), 1);
            assert!(form.error(name).is_some_and(|words| words.contains('\u{1f600}')), "{name}");
        }
    }

    #[test]
    fn days_that_cannot_be_are_refused_and_kept() {
        let wrong = [
            ("deadline", "2026-11-20"),
            ("deadline", "2101-01-01"),
            ("published_on", "2026-11-19"),
            ("published_on", "2028-01-01"),
            ("published_on", "2026-02-30"),
        ];
        for (name, value) in wrong {
            let mut fields = vec![("way", "公告栏"), (name, value)];
            if name == "deadline" {
                fields.push(("published_on", "2026-11-21"));
            }
            let (form, _) = read_with(&fields, false);
            assert!(form.error(name).is_some(), "{name} {value}");
            assert_eq!(form.value(name), value);
        }
    }
}
