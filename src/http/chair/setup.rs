//! Setting a round up, in one form.

use askama::Template;

use super::draft;
use super::slips::MOST_SLIPS;
use crate::domain::account::Act;
use crate::domain::dates::{self, Hour};
use crate::domain::ids::PollId;
use crate::domain::paper::{Paper, Section};
use crate::domain::poll::{Assembly, Facts, Officers, Poll};
use crate::domain::rules::{MetricRule, PaperOptions, Requirements, RuleSet, Tier, Unit, UnknownRule};
use crate::domain::union::{Category, Union};
use crate::http::App;
use crate::http::form::{Filled, date_value};
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::store::polls::{self, NewPoll};
use crate::world;

/// Most pledges on one paper.
const PLEDGES: usize = 20;

/// Years in which rounds are held.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// What the rule set has to say about a union's rounds.
pub(super) struct Guide {
    pub rule_set: String,
    pub category: &'static str,
    pub thresholds: Vec<Threshold>,
    pub tiers: Vec<Tier>,
    pub indicators: Vec<IndicatorField>,
    /// Whether nobody votes but members, so that 应到 cannot exceed 会员总数.
    pub members_only: bool,
}

/// One threshold, for people.
pub(super) struct Threshold {
    pub what: String,
    pub bar: String,
    pub source: String,
}

/// The input for one declared figure.
pub(super) struct IndicatorField {
    pub id: String,
    pub title: String,
    pub is_rate: bool,
    pub numerator: String,
    pub denominator: String,
    pub unit: &'static str,
}

impl From<UnknownRule> for Problem {
    fn from(error: UnknownRule) -> Self {
        Problem::conflict(error.code(), error.to_string(), "请联系上级工会核对本工会的规则集和工会类别。")
    }
}

/// What applies to unions of this category.
pub(super) fn guide(app: &App, set: &RuleSet, category: Category) -> Result<Guide, Problem> {
    let requirements = app.rules.requirements_of(set, category)?;
    Ok(Guide {
        rule_set: set.title.clone(),
        category: category.label(),
        thresholds: thresholds(set, &requirements),
        tiers: set.tiers.clone(),
        indicators: indicators(&requirements),
        members_only: MetricRule::ask_members_alone(&requirements.metrics),
    })
}

fn thresholds(set: &RuleSet, requirements: &Requirements) -> Vec<Threshold> {
    let title = |item: &String| set.item(item).map_or_else(|| item.clone(), |rule| rule.item.title.clone());
    let tier = |id: &str| set.tier(id).map(|tier| tier.title.clone());
    requirements
        .metrics
        .iter()
        .map(|metric| {
            let bar = match metric.comparator {
                crate::domain::verdict::Comparator::AtLeast => "不低于",
                crate::domain::verdict::Comparator::Below => "低于",
            };
            let follows = match (&metric.tier, metric.trigger) {
                (Some(id), _) => tier(id).map(|title| format!("（{title}）")).unwrap_or_default(),
                (None, Some(trigger)) => format!("（触发{}）", trigger.label()),
                (None, None) => String::new(),
            };
            Threshold {
                what: metric.items.iter().map(title).collect::<Vec<_>>().join("；"),
                bar: format!("{bar}{}{follows}", metric.threshold.percentage()),
                source: metric.rule.source.to_string(),
            }
        })
        .collect()
}

fn indicators(requirements: &Requirements) -> Vec<IndicatorField> {
    let mut fields: Vec<IndicatorField> = Vec::new();
    for (indicator, _) in &requirements.standards {
        if !fields.iter().any(|field| field.id == indicator.id) {
            fields.push(IndicatorField {
                id: indicator.id.clone(),
                title: indicator.title.clone(),
                is_rate: indicator.unit == Unit::Rate,
                numerator: indicator.numerator.clone(),
                denominator: indicator.denominator.clone(),
                unit: indicator.unit.label(),
            });
        }
    }
    fields
}

#[derive(Template)]
#[template(path = "chair/setup.html")]
struct SetupPage {
    frame: Frame,
    form: Filled,
    guide: Guide,
    union: Union,
    /// The round that is revised; none for a new one.
    poll: Option<PollId>,
}

impl SetupPage {
    /// The hours that the list offers.
    fn hours() -> impl Iterator<Item = String> {
        (6..=23).map(|hour| hour.to_string())
    }
}

/// The rules of the round that is set up: a new one takes those of its union, a revised one keeps its own.
fn rules<'d>(desk: &'d Desk<'_>, poll: Option<&Poll>) -> Result<(&'d RuleSet, Category), Problem> {
    match poll {
        Some(poll) => Ok((desk.app.office.rule_set(poll)?, poll.category)),
        None => {
            let set = desk.app.rules.require(&desk.who.union.rule_set)?;
            if desk.app.rules.doubts_about(set).is_empty() {
                Ok((set, desk.who.union.category))
            } else {
                Err(unsound(set))
            }
        }
    }
}

/// No new round by a rule set that `pingjia rules check` refuses.
fn unsound(set: &RuleSet) -> Problem {
    let sentence = format!("规则集“{}”有需要改正的地方，暂时不能用它新建评议", set.title);
    let way = "请联系系统管理员，按服务日志的提示改正规则集文件并提高版本号。已经建好的评议照常进行。";
    Problem::conflict("unsound_rule_set", sentence, way)
}

/// `GET /rounds/new`
///
/// # Errors
/// `unsound_rule_set`; when the union's rule set has no rules for its category.
pub fn new_form(desk: &Desk<'_>) -> Answer {
    let today = world::date_in_china(desk.ask.now);
    let last = desk.app.database.read(|c| polls::of_union(c, desk.who.union.id))?.into_iter().next();
    let mut form = Filled::default();
    form.set("year", today.year());
    form.set("title", format!("{}年度会员评议职工之家", today.year()));
    form.set("assembly", "members");
    form.set("begins", date_value(today));
    form.set("ends", date_value(today));
    form.set("chair", &desk.who.account.name);
    if let Some(last) = last {
        form.set("place", &last.facts.place);
        form.set("member_total", last.facts.member_total);
        form.set("expected", last.facts.expected);
    }
    page(desk, form, None)
}

/// `POST /rounds`
///
/// # Errors
/// `unsound_rule_set`; shows the form again with what is wrong.
pub fn create(desk: &Desk<'_>) -> Answer {
    let union = &desk.who.union;
    let (facts, paper, year) = match read(desk, None)? {
        Ok(read) => read,
        Err(form) => return page(desk, form, None),
    };
    let rule_set = desk.app.rules.require(&union.rule_set)?.reference();
    let new = NewPoll { union: union.id, year, category: union.category, rule_set, paper, facts };
    let mut random = || u32::from_be_bytes(world::random_bytes());
    let poll = desk.app.database.write(|c| polls::create(c, &new, &mut random, desk.by()))?;
    Ok(Reply::see_other(format!("/rounds/{}/setup?done=created", poll.id)))
}

/// `GET /rounds/{id}/edit`
///
/// # Errors
/// `NOT_YOURS`, `wrong_phase` once the draft was sent up.
pub fn edit_form(desk: &Desk<'_>) -> Answer {
    let (poll, _) = revisable(desk)?;
    let mut form = filled(&poll);
    form.set("version", poll.version);
    page(desk, form, Some(&poll))
}

/// `POST /rounds/{id}/edit`
///
/// # Errors
/// As [`edit_form`]; `stale` when the round was changed since the form was shown; shows the form again with what is wrong.
pub fn edit(desk: &Desk<'_>) -> Answer {
    let (poll, _) = revisable(desk)?;
    desk.saw(&poll.version).map_err(draft::back(&poll))?;
    let (facts, paper, year) = match read(desk, Some(&poll))? {
        Ok(read) => read,
        Err(mut form) => {
            form.set("year", poll.year);
            return page(desk, form, Some(&poll));
        }
    };
    if year != poll.year {
        let mut form = Filled::of(&desk.ask.form);
        form.refuse("year", format!("年度是{}年，不能修改。年度不对的，请作废本轮，再新建一轮。", poll.year));
        form.set("year", poll.year);
        return page(desk, form, Some(&poll));
    }
    desk.app.database.write(|c| polls::revise(c, &poll, &facts, &paper, desk.by()))?;
    Ok(Reply::see_other(format!("/rounds/{}/setup?done=revised", poll.id)))
}

fn revisable(desk: &Desk<'_>) -> Result<(Poll, Union), Problem> {
    let found = desk.poll(&[Act::Run])?;
    if !found.0.phase.is_revisable() {
        return Err(Problem::from(crate::domain::poll::Refusal::WrongPhase));
    }
    Ok(found)
}

fn page(desk: &Desk<'_>, form: Filled, poll: Option<&Poll>) -> Answer {
    let union = desk.who.union.clone();
    let (set, category) = rules(desk, poll)?;
    let guide = guide(desk.app, set, category)?;
    let is_wrong = form.is_wrong();
    let title = if poll.is_some() { "修改本轮评议" } else { "新建一轮评议" };
    Ok(Reply::page(&SetupPage { frame: desk.frame(title), form, guide, union, poll: poll.map(|poll| poll.id) })?
        .wrong_if(is_wrong))
}

type Read = (Facts, Paper, u16);

fn read(desk: &Desk<'_>, poll: Option<&Poll>) -> Result<Result<Read, Filled>, Problem> {
    let (set, category) = rules(desk, poll)?;
    let guide = guide(desk.app, set, category)?;
    let mut form = Filled::of(&desk.ask.form);
    let year = u16::try_from(form.number("year", 2000, 2100)).unwrap_or(2000);
    let facts = facts(&mut form, &guide);
    if !form.is_wrong() && facts.begins.year().abs_diff(year.into()) > 1 {
        form.refuse("year", format!("年度是{year}年，投票却从{}开始，请核对", dates::in_words(facts.begins)));
    }
    form.printable(["title", "place", "chair", "pledges"]);
    let options = PaperOptions {
        detailed: form.ticked("detailed"),
        pledges: form.lines("pledges", 60, PLEDGES),
        comment: form.ticked("comment"),
    };
    distinct(&mut form, "pledges", &options.pledges);
    let paper = desk.app.rules.paper_of(set, category, &options)?;
    if paper.items.is_empty() {
        form.refuse("pledges", "这一类工会的规则集没有必评项目，请至少选择分项评价或填写一项承诺");
    }
    Ok(if form.is_wrong() { Err(form) } else { Ok((facts, paper, year)) })
}

fn facts(form: &mut Filled, guide: &Guide) -> Facts {
    let title = form.line("title", 40);
    let assembly = match form.value("assembly") {
        "delegates" => Assembly::Delegates,
        "spot_check" => Assembly::SpotCheck,
        "members" => Assembly::Members,
        _ => {
            form.refuse("assembly", "请选择评议形式");
            Assembly::Members
        }
    };
    let place = form.line("place", 60);
    let (begins, ends) = (form.date("begins"), form.date("ends"));
    if begins.is_none() {
        form.refuse("begins", "请填写这一项");
    }
    if ends.is_none() {
        form.refuse("ends", "请填写这一项");
    }
    for (name, day) in [("begins", begins), ("ends", ends)] {
        if day.is_some_and(|day| !YEARS.contains(&day.year())) {
            form.refuse(name, "请核对年份");
        }
    }
    if begins > ends {
        form.refuse("ends", "结束日期不能早于开始日期");
    }
    let ends_at = form.value("ends_at").parse().ok().and_then(Hour::new);
    if ends_at.is_none() && !form.value("ends_at").is_empty() {
        form.refuse("ends_at", "请从列表中选择");
    }
    let member_total = form.number("member_total", 1, 1_000_000);
    let expected = form.number("expected", 1, MOST_SLIPS);
    if guide.members_only && expected > member_total {
        form.refuse("expected", "应到人数不能超过会员总数");
    }
    let chair = closed_up(&form.line("chair", 20));
    let Officers { chief_scrutineer, scrutineers, tellers } = officers(form, &chair);
    let tier = form.value("applying_for").to_owned();
    if !tier.is_empty() && !guide.tiers.iter().any(|known| known.id == tier) {
        form.refuse("applying_for", "请从列表中选择");
    }
    Facts {
        title,
        assembly,
        place,
        begins: begins.unwrap_or(time::Date::MIN),
        ends: ends.unwrap_or(time::Date::MIN),
        ends_at,
        member_total,
        expected,
        chief_scrutineer,
        scrutineers,
        tellers,
        chair,
        applying_for: (!tier.is_empty()).then_some(tier),
        indicators: declared(form, guide),
    }
}

/// Reads who watches the ballot and who counts it; nobody who is judged is among them.
pub(super) fn officers(form: &mut Filled, chair: &str) -> Officers {
    let is_chair = |name: &String| name == chair;
    let chief_scrutineer = closed_up(&form.line("chief_scrutineer", 20));
    if holds_several(&chief_scrutineer) {
        form.refuse("chief_scrutineer", format!("总监票人只有一名；“{chief_scrutineer}”好像是几个人的名字"));
    }
    let mut people = |field| form.lines(field, 20, 20).iter().map(|name| closed_up(name)).collect::<Vec<_>>();
    let (scrutineers, tellers) = (people("scrutineers"), people("tellers"));
    for (field, names) in [("scrutineers", &scrutineers), ("tellers", &tellers)] {
        distinct(form, field, names);
        if let Some(line) = names.iter().find(|line| holds_several(line)) {
            form.refuse(field, format!("每行只写一个人；“{line}”好像是几个人的名字"));
        }
    }
    if tellers.is_empty() {
        form.refuse("tellers", "请至少填写一名计票人");
    }
    if is_chair(&chief_scrutineer) || scrutineers.iter().any(is_chair) {
        form.refuse("chief_scrutineer", "工会主席是被评议的一方，不能担任监票人");
    }
    if tellers.iter().any(is_chair) {
        form.refuse("tellers", "工会主席是被评议的一方，不能担任计票人");
    }
    if tellers.contains(&chief_scrutineer) || scrutineers.iter().any(|name| tellers.contains(name)) {
        form.refuse("tellers", "同一个人不能既监票又计票");
    }
    form.printable(["chief_scrutineer", "scrutineers", "tellers"]);
    Officers { chief_scrutineer, scrutineers, tellers }
}

/// A name of two characters as it is read: printed lists space it out to the width of three, 张　三.
fn closed_up(name: &str) -> String {
    let letters: Vec<char> = name.chars().filter(|letter| !letter.is_whitespace()).collect();
    if letters.len() == 2 && !letters.iter().any(char::is_ascii) { letters.iter().collect() } else { name.to_owned() }
}

/// Whether a line names several people. Names in other scripts have spaces in them, Chinese ones do not, once
/// they are closed up.
fn holds_several(line: &str) -> bool {
    line.contains(['、', '，', ',', '；', ';', '/']) || (!line.is_ascii() && line.contains(char::is_whitespace))
}

/// Fills in those who are named.
pub(super) fn fill_officers(form: &mut Filled, facts: &Facts) {
    form.set("chief_scrutineer", &facts.chief_scrutineer);
    form.set("scrutineers", facts.scrutineers.join("\n"));
    form.set("tellers", facts.tellers.join("\n"));
}

/// Says so when a line is there twice.
fn distinct(form: &mut Filled, name: &str, lines: &[String]) {
    let twice = lines.iter().enumerate().find(|(place, line)| lines.iter().take(*place).any(|other| other == *line));
    if let Some((_, line)) = twice {
        form.refuse(name, format!("“{line}”填了两次"));
    }
}

fn declared(form: &mut Filled, guide: &Guide) -> std::collections::BTreeMap<String, [u64; 2]> {
    let mut declared = std::collections::BTreeMap::new();
    for field in &guide.indicators {
        let (numerator, denominator) = (format!("num_{}", field.id), format!("den_{}", field.id));
        if !form.ticked(&numerator) && !form.ticked(&denominator) {
            continue;
        }
        let figure = form.number(&numerator, 0, 1_000_000_000);
        let base = if field.is_rate { form.number(&denominator, 1, 1_000_000_000) } else { 1 };
        if field.is_rate && figure > base {
            form.refuse(&numerator, "分子不能大于分母");
        }
        declared.insert(field.id.clone(), [figure.into(), base.into()]);
    }
    declared
}

/// The form as it was when the round was stored.
fn filled(poll: &Poll) -> Filled {
    let facts = &poll.facts;
    let mut form = Filled::default();
    form.set("year", poll.year);
    form.set("title", &facts.title);
    form.set(
        "assembly",
        match facts.assembly {
            Assembly::Members => "members",
            Assembly::Delegates => "delegates",
            Assembly::SpotCheck => "spot_check",
        },
    );
    form.set("place", &facts.place);
    form.set("begins", date_value(facts.begins));
    form.set("ends", date_value(facts.ends));
    form.set("ends_at", facts.ends_at.map_or(String::new(), |hour| u8::from(hour).to_string()));
    form.set("member_total", facts.member_total);
    form.set("expected", facts.expected);
    fill_officers(&mut form, facts);
    form.set("chair", &facts.chair);
    form.set("applying_for", facts.applying_for.as_deref().unwrap_or_default());
    for (id, [numerator, denominator]) in &facts.indicators {
        form.set(&format!("num_{id}"), numerator);
        form.set(&format!("den_{id}"), denominator);
    }
    let of = |section| poll.paper.items.iter().filter(move |item| item.section == section);
    if of(Section::Detailed).next().is_some() {
        form.set("detailed", "yes");
    }
    if poll.paper.comment {
        form.set("comment", "yes");
    }
    form.set("pledges", of(Section::Pledges).map(|item| item.title.as_str()).collect::<Vec<_>>().join("\n"));
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    fn officers_of(chief: &str, scrutineers: &str, tellers: &str) -> (Officers, Filled) {
        let fields = [("chief_scrutineer", chief), ("scrutineers", scrutineers), ("tellers", tellers)];
        let mut form = Filled::of(&fields.into_iter().collect());
        (officers(&mut form, "王刚"), form)
    }

    #[test]
    fn a_name_of_two_characters_may_be_spaced_out() {
        let (read, form) = officers_of("李　梅", "赵  丽\n欧阳小红", "钱\u{2003}军\nAnna Li");
        assert!(!form.is_wrong(), "{:?}", form.errors());
        assert_eq!(read.chief_scrutineer, "李梅");
        assert_eq!(
            (read.scrutineers, read.tellers),
            (vec!["赵丽".into(), "欧阳小红".into()], vec!["钱军".into(), "Anna Li".into()])
        );
        let (_, form) = officers_of("李梅", "赵丽\n赵　丽", "王　刚");
        assert!(form.error("scrutineers").is_some_and(|words| words.contains("填了两次")));
        assert!(form.error("tellers").is_some_and(|words| words.contains("不能担任计票人")), "spaced out or not");
    }

    #[test]
    fn each_line_names_one_person_and_so_does_the_chief() {
        for several in ["李梅 赵丽", "李梅、赵丽", "李 梅 丽", "李,梅"] {
            let (_, form) = officers_of(several, "", "钱军");
            assert!(form.error("chief_scrutineer").is_some_and(|words| words.contains("只有一名")), "{several}");
            let (_, form) = officers_of("李梅", several, "钱军");
            assert!(form.error("scrutineers").is_some_and(|words| words.contains("只写一个人")), "{several}");
        }
    }
}
