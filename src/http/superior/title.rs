//! The titles of one union: put down when they are given, and what happens to each afterwards.

use askama::Template;
use time::Date;
use time::macros::date;

use super::titles::OTHER;
use super::words::{self, JournalRow};
use crate::database::DatabaseError;
use crate::domain::account::Act;
use crate::domain::dates::in_words;
use crate::domain::ids::TitleId;
use crate::domain::title::{Course, End, Refusal, Terms, Title};
use crate::domain::union::Union;
use crate::http::form::{Filled, date_value};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::title::{self, Advice, Due};
use crate::store::titles::{self, Stored};
use crate::store::{StoreError, journal, unions};
use crate::world::date_in_china;

/// Longest name of a title and of the body that gave it, and longest reason, in characters.
const NAME: usize = 60;
const REASON: usize = 500;
/// Lines of the journal.
const LINES: i64 = 200;
/// No Home has a title from before there were unions to give one.
const EARLIEST: Date = date!(1949 - 10 - 01);

/// A title as its pages show it.
struct View {
    id: i64,
    label: String,
    tone: &'static str,
    word: &'static str,
    facts: Vec<(&'static str, String)>,
    advice: Option<Advice>,
    /// The rule that asks how long it was kept, once it was kept long enough.
    kept: Option<(u32, String)>,
    ended: bool,
}

impl View {
    fn of(stored: &Stored, terms: &Terms<'_>, today: Date) -> Self {
        let held = &stored.title;
        let Due { day, distance, .. } = title::due(held, today);
        let due = if distance.is_empty() { day } else { format!("{day}（{distance}）") };
        let mut facts = vec![("命名单位", held.named_by.clone()), ("命名日期", in_words(held.given_on))];
        if let Some(on) = held.confirmed_on {
            facts.push(("上次复核合格", in_words(on)));
        }
        match &held.course {
            Course::Held { .. } => facts.push(("下次复核", due)),
            Course::Correcting { failed_on, why, .. } => {
                facts.extend([("复核不合格", in_words(*failed_on)), ("整改期限", due), ("不合格的理由", why.clone())]);
            }
            Course::Ended { why, .. } => facts.extend([("终止日期", due), ("终止的理由", why.clone())]),
        }
        let streak = held.streak(terms, today);
        if let Some(streak) = streak {
            facts.push(("连续保持", format!("{}年", streak.years)));
        }
        facts.retain(|(_, value)| !value.is_empty());
        let kept = streak.filter(|streak| streak.years >= streak.asked);
        View {
            id: stored.id.0,
            label: held.label.clone(),
            tone: title::tone(held.state(today)),
            word: title::word(held, today),
            facts,
            advice: title::advice(held, terms, today),
            kept: kept.map(|streak| {
                let rule = streak.rule;
                (streak.asked, format!("{}{}（{}）", rule.statement, rule.source, rule.id))
            }),
            ended: held.has_ended(),
        }
    }
}

#[derive(Template)]
#[template(path = "superior/union_titles.html")]
struct UnionTitlesPage {
    frame: Frame,
    crumbs: Vec<(i64, String)>,
    union: Union,
    titles: Vec<View>,
    /// The grades of the rules: id and title.
    tiers: Vec<(String, String)>,
    may_give: bool,
    form: Filled,
    journal: Vec<JournalRow>,
}

/// `GET /unions/{id}/titles`
///
/// # Errors
/// `NOT_YOURS`.
pub fn of_union(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Watch)?;
    let mut form = Filled::default();
    form.set("named_by", &desk.who.union.name);
    union_page(desk, union, form)
}

fn union_page(desk: &Desk<'_>, union: Union, form: Filled) -> Answer {
    let today = date_in_china(desk.ask.now);
    let terms = desk.app.rules.title_terms(&union.rule_set, union.category);
    let actions = [titles::GIVE, titles::CONFIRM, titles::FAIL, titles::END];
    let (lineage, stored, lines) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        Ok((
            unions::lineage(c, &union)?,
            titles::of_union(c, union.id)?,
            journal::of_union(c, union.id, &actions, LINES)?,
        ))
    })?;
    let wrong = form.is_wrong();
    let page = UnionTitlesPage {
        frame: desk.frame(&format!("{} 称号", union.name)).wide(),
        crumbs: words::crumbs(&desk.who.union, lineage),
        titles: stored.iter().map(|stored| View::of(stored, &terms, today)).collect(),
        tiers: terms.tiers.iter().map(|tier| (tier.id.clone(), tier.title.clone())).collect(),
        may_give: desk.may(Act::Oversee, &union),
        form,
        journal: words::journal(lines),
        union,
    };
    Ok(Reply::page(&page)?.wrong_if(wrong))
}

/// `POST /unions/{id}/titles`: puts down a title that the union was given.
///
/// # Errors
/// `NOT_YOURS`; wrong entries show the form again.
pub fn give(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Oversee)?;
    let terms = desk.app.rules.title_terms(&union.rule_set, union.category);
    let mut form = Filled::of(&desk.ask.form);
    let Some(title) = read(&mut form, &terms, date_in_china(desk.ask.now)) else {
        return union_page(desk, union, form);
    };
    match desk.app.database.write(|c| titles::give(c, &union, &title, desk.by())) {
        Err(error @ StoreError::SameTitle) => {
            form.refuse("tier", error.to_string());
            union_page(desk, union, form)
        }
        given => {
            given?;
            Ok(Reply::see_other(format!("/unions/{}/titles?done=title_given", union.id)))
        }
    }
}

/// Reads a title; none when something is wrong with it.
fn read(form: &mut Filled, terms: &Terms<'_>, today: Date) -> Option<Title> {
    let chosen = form.value("tier").to_owned();
    let tier = terms.tiers.iter().find(|tier| tier.id == chosen);
    let label = match tier {
        Some(tier) => tier.title.clone(),
        None if chosen == OTHER || terms.tiers.is_empty() => form.line("label", NAME),
        None => {
            form.refuse("tier", "请选择一项称号");
            String::new()
        }
    };
    let named_by = form.line("named_by", NAME);
    let given_on = day(form, "given_on", "请填写命名日期", today);
    let given_on = given_on.filter(|_| !form.is_wrong())?;
    Some(Title::given(label, tier.map(|tier| tier.id.clone()), named_by, given_on, terms))
}

/// A day that has come; none when there is none, or something is wrong with it.
fn day(form: &mut Filled, name: &str, missing: &str, today: Date) -> Option<Date> {
    let day = form.date(name);
    match day {
        None => form.refuse(name, missing),
        Some(on) if on > today => form.refuse(name, "这一天还没有到"),
        Some(on) if on < EARLIEST => form.refuse(name, "请核对年份"),
        Some(_) => {}
    }
    day
}

#[derive(Template)]
#[template(path = "superior/title.html")]
struct TitlePage {
    frame: Frame,
    crumbs: Vec<(i64, String)>,
    union: Union,
    view: View,
    version: i64,
    may_decide: bool,
    /// Whether the rules know a 复核, and whether one may fail now.
    may_confirm: bool,
    may_fail: bool,
    /// Months that the rules give for putting right, in words; empty where they name none.
    term: String,
    form: Filled,
}

impl TitlePage {
    const ENDS: [(End, &str); 3] = [
        (End::Revoked, "命名单位撤销称号"),
        (End::Replaced, "改授其他称号，这一项不再保留"),
        (End::Mistaken, "登记有误，这一项不算"),
    ];
}

/// `GET /titles/{id}`
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    let (stored, union) = title_of(desk, Act::Watch)?;
    let mut form = Filled::default();
    form.set("decided_on", date_value(date_in_china(desk.ask.now)));
    title_page(desk, &stored, union, form)
}

/// The title named by the path's `{id}` and its union, if this person may do `act` to it.
fn title_of(desk: &Desk<'_>, act: Act) -> Result<(Stored, Union), Problem> {
    let id: TitleId = desk.ask.param("id")?;
    let found = desk.app.database.read(|c| -> Result<_, Problem> {
        let Some(stored) = titles::load(c, id)? else { return Ok(None) };
        Ok(unions::load(c, stored.union)?.map(|union| (stored, union)))
    })?;
    found.filter(|(_, union)| desk.may(act, union)).ok_or(Problem::NOT_YOURS)
}

fn title_page(desk: &Desk<'_>, stored: &Stored, union: Union, form: Filled) -> Answer {
    let today = date_in_china(desk.ask.now);
    let terms = desk.app.rules.title_terms(&union.rule_set, union.category);
    let lineage = desk.app.database.read(|c| unions::lineage(c, &union))?;
    let view = View::of(stored, &terms, today);
    let months = terms.correction.and_then(|rule| rule.months);
    let wrong = form.is_wrong();
    let page = TitlePage {
        frame: desk.frame(&format!("{} {}", union.name, view.label)).wide(),
        crumbs: words::crumbs(&desk.who.union, lineage),
        version: stored.version,
        may_decide: !view.ended && desk.may(Act::Oversee, &union),
        may_confirm: terms.review.is_some(),
        may_fail: terms.review.is_some() && matches!(stored.title.course, Course::Held { .. }),
        term: months.map_or(String::new(), |months| format!("{months}个月")),
        form,
        view,
        union,
    };
    Ok(Reply::page(&page)?.wrong_if(wrong))
}

/// What happened to a title.
enum Step {
    Confirm,
    Fail { until: Date, why: String },
    End { how: End, why: String },
}

/// `POST /titles/{id}`: puts down that a title passed its 复核, failed it, or ended.
///
/// # Errors
/// `NOT_YOURS`, refusals of the title, `stale`; wrong entries show the form again.
pub fn decide(desk: &Desk<'_>) -> Answer {
    let (stored, union) = title_of(desk, Act::Oversee)?;
    let place = format!("/titles/{}", stored.id);
    let back = |problem: Problem| problem.back_to(place.clone(), "回到这项称号");
    desk.saw(&stored.version).map_err(|stale| back(stale.into()))?;
    let terms = desk.app.rules.title_terms(&union.rule_set, union.category);
    let mut form = Filled::of(&desk.ask.form);
    let Some((on, step)) = read_step(&mut form, &terms, date_in_china(desk.ask.now)) else {
        return title_page(desk, &stored, union, form);
    };
    let (action, done, detail) = told(on, &step);
    let taken = |title: Title| match step {
        Step::Confirm => title.confirm(on, &terms),
        Step::Fail { until, why } => title.fail(on, until, why, &terms),
        Step::End { how, why } => title.end(on, how, why),
    };
    let changed =
        desk.app.database.write(|c| titles::change(c, stored.id, stored.version, action, &detail, desk.by(), taken));
    match changed {
        Ok(()) => Ok(Reply::see_other(format!("{place}?done={done}"))),
        Err(StoreError::Title(refusal @ (Refusal::TooEarly | Refusal::TermTooEarly))) => {
            form.refuse(if refusal == Refusal::TooEarly { "decided_on" } else { "until" }, refusal.to_string());
            title_page(desk, &stored, union, form)
        }
        Err(error) => Err(back(error.into())),
    }
}

/// What the journal calls a step, the code of the word on what was done, and the details.
fn told(on: Date, step: &Step) -> (&'static str, &'static str, String) {
    let on = in_words(on);
    match step {
        Step::Confirm => (titles::CONFIRM, "title_confirmed", on),
        Step::Fail { until, why } => (titles::FAIL, "title_failed", format!("{on}，整改到{}：{why}", in_words(*until))),
        Step::End { how, why } => (titles::END, "title_ended", format!("{}，{on}：{why}", how.label())),
    }
}

/// Years that a term for putting right may run: the rules speak of half a year.
const FURTHEST: i32 = 5;

/// Reads what happened and when; none when something is wrong with it.
fn read_step(form: &mut Filled, terms: &Terms<'_>, today: Date) -> Option<(Date, Step)> {
    let decision = form.value("decision").to_owned();
    let on = day(form, "decided_on", "请填写办理日期", today);
    let step = match (decision.as_str(), End::from_code(&decision)) {
        ("confirm", _) => Some(Step::Confirm),
        ("fail", _) => {
            let why = form.line("why", REASON);
            let until = form.date("until").or_else(|| terms.term(on?));
            match until.zip(on) {
                None => form.refuse("until", "请填写整改期限"),
                // A mistyped year, or a day put in for "without limit".
                Some((until, on)) if until.year() > on.year() + FURTHEST => {
                    form.refuse("until", "这个期限太远了，请核对年份")
                }
                Some(_) => {}
            }
            until.map(|until| Step::Fail { until, why })
        }
        (_, Some(how)) => Some(Step::End { how, why: form.line("why", REASON) }),
        _ => {
            form.refuse("decision", "请选择办理什么");
            None
        }
    };
    on.zip(step).filter(|_| !form.is_wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rules::RuleRegistry;
    use crate::domain::union::Category;

    const TODAY: Date = date!(2026 - 11 - 21);

    fn form(fields: &[(&str, &str)]) -> Filled {
        Filled::of(&fields.iter().copied().collect())
    }

    #[test]
    fn a_title_has_a_name_a_body_and_a_day() {
        let rules = RuleRegistry::embedded().unwrap();
        let shandong = rules.title_terms("qingdao-2020", Category::Enterprise);
        let read_with = |tier: &str, label: &str, by: &str, on: &str, terms: &Terms<'_>| {
            let mut form = form(&[("tier", tier), ("label", label), ("named_by", by), ("given_on", on)]);
            let title = read(&mut form, terms, TODAY);
            assert_eq!(title.is_none(), form.is_wrong());
            (title.map(|title| (title.label, title.tier)), form.errors().first().map(|(field, _)| field.clone()))
        };
        let good = read_with("model", "", "省总工会", "2024-05-01", &shandong);
        assert_eq!(good.0, Some(("模范职工之家".to_owned(), Some("model".to_owned()))));
        let own = read_with("other", "新时代职工信赖的职工之家", "市总工会", "2024-05-01", &shandong);
        assert_eq!(own.0, Some(("新时代职工信赖的职工之家".to_owned(), None)));
        for (tier, label, by, on, wrong) in [
            ("", "", "市总工会", "2024-05-01", "tier"),
            ("trusted", "", "市总工会", "2024-05-01", "tier"),
            ("other", " ", "市总工会", "2024-05-01", "label"),
            ("model", "", "", "2024-05-01", "named_by"),
            ("model", "", "市总\u{200b}工会", "2024-05-01", "named_by"),
            ("model", "", "市总工会", "", "given_on"),
            ("model", "", "市总工会", "2026-11-22", "given_on"),
            ("model", "", "市总工会", "2026-02-30", "given_on"),
            ("model", "", "市总工会", "0024-05-01", "given_on"),
        ] {
            assert_eq!(read_with(tier, label, by, on, &shandong).1.as_deref(), Some(wrong), "{tier} {by} {on}");
        }
        let chaoyang = rules.title_terms("chaoyang-2013", Category::Enterprise);
        assert!(read_with("", "职工之家", "区总工会", "2024-05-01", &chaoyang).0.is_some(), "no grades, any name");
    }

    #[test]
    fn a_step_has_a_day_and_what_it_takes_away_a_reason() {
        let rules = RuleRegistry::embedded().unwrap();
        let terms = rules.title_terms("shandong-2018", Category::GrassrootsUnion);
        let read_with = |decision: &str, on: &str, until: &str, why: &str| {
            let fields = [("decision", decision), ("decided_on", on), ("until", until), ("why", why)];
            let mut form = form(&fields);
            let step = read_step(&mut form, &terms, TODAY);
            (step, form.errors().first().map(|(field, _)| field.clone()).unwrap_or_default())
        };
        let term = |until| match read_with("fail", "2026-11-20", until, "不达标").0 {
            Some((_, Step::Fail { until, .. })) => Some(until),
            _ => None,
        };
        assert_eq!(term(""), Some(date!(2027 - 05 - 20)), "as the rules say");
        assert_eq!(term("2027-01-31"), Some(date!(2027 - 01 - 31)), "or shorter");
        assert!(matches!(read_with("confirm", "2026-11-21", "", "").0, Some((TODAY, Step::Confirm))));
        let revoked = read_with("revoked", "2026-11-21", "", "逾期未整改").0;
        assert!(matches!(revoked, Some((_, Step::End { how: End::Revoked, .. }))));
        for (decision, on, why, wrong) in [
            ("", "2026-11-21", "", "decision"),
            ("confirm", "", "", "decided_on"),
            ("confirm", "2026-11-22", "", "decided_on"),
            ("fail", "2026-11-21", "", "why"),
            ("revoked", "2026-11-21", " ", "why"),
        ] {
            let (step, field) = read_with(decision, on, "", why);
            assert!(step.is_none() && field == wrong, "{decision} {on}: {field}");
        }
    }
}
