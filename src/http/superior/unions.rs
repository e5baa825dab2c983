//! Unions of one's area: the list, one union with its rounds and accounts, creating one below another, and
//! correcting what is known of one.

use askama::Template;

use super::accounts::{looks_after, roles};
use super::words;
use crate::database::DatabaseError;
use crate::domain::account::{Account, Act, Role};
use crate::domain::digest::Digest;
use crate::domain::ids::UnionId;
use crate::domain::import::check_name;
use crate::domain::standing::{Class, Stage};
use crate::domain::union::{Category, Union, check_credit_code};
use crate::http::ask::encoded;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::http::title;
use crate::store::rollup::{self, After, Filter, Sort};
use crate::store::unions::{self, NewUnion};
use crate::store::{StoreError, accounts, polls, titles};
use crate::world::date_in_china;

/// Lines on a page of the list.
const PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "superior/unions.html")]
struct UnionsPage {
    frame: Frame,
    home: Union,
    unions: Vec<Union>,
    name: String,
    next: String,
}

/// `GET /unions`: the unions of the area, for creating and finding; the list of `GET /desk` shows their rounds.
///
/// # Errors
/// Database faults.
pub fn list(desk: &Desk<'_>) -> Answer {
    let home = desk.who.union.clone();
    let query = &desk.ask.query;
    let name: String = query.trimmed("name").chars().take(60).collect();
    let path = query.get("after").chars().filter(|c| c.is_ascii_digit() || *c == '/').collect();
    let filter = Filter { name: name.clone(), ..Filter::default() };
    let after = After { order: 0, path };
    let lines = desk.app.database.read(|c| rollup::page(c, &home.path, 0, &filter, Sort::Tree, &after, PAGE + 1))?;
    let mut unions: Vec<Union> = lines.into_iter().map(|line| line.union).collect();
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = unions.len() > page;
    unions.truncate(page);
    let last = unions.last().filter(|_| more);
    let next = last.map_or(String::new(), |last| format!("name={}&after={}", encoded(&name), encoded(&last.path)));
    Reply::page(&UnionsPage { frame: desk.frame("工会与账号").wide(), home, unions, name, next })
}

struct RoundRow {
    id: i64,
    title: String,
    year: u16,
    tone: &'static str,
    tag: &'static str,
    sheet: String,
}

struct AccountRow {
    id: i64,
    name: String,
    role: &'static str,
    username: String,
    active: bool,
    /// Whether this person may renew or stop it.
    mine: bool,
}

#[derive(Template)]
#[template(path = "superior/union.html")]
struct UnionPage {
    frame: Frame,
    crumbs: Vec<(i64, String)>,
    facts: Vec<(&'static str, String)>,
    rounds: Option<Vec<RoundRow>>,
    /// The titles that it holds, for those who watch over it: class and word of the tag, and a line.
    titles: Vec<(&'static str, &'static str, String)>,
    accounts: Vec<AccountRow>,
    has_below: bool,
    may_edit: bool,
    form: Filled,
    union: Union,
}

impl UnionPage {
    /// The roles in which accounts are made here, each with what it is for.
    fn roles(&self) -> Vec<(Role, &'static str)> {
        let purpose = |role: &Role| match role {
            Role::Superior => "看本级和全部下级",
            Role::Operator => "建立工会和账号，自己不看评议",
            _ => "办理本工会的评议",
        };
        roles(&self.union).iter().map(|role| (*role, purpose(role))).collect()
    }
}

/// `GET /unions/{id}`
///
/// # Errors
/// `NOT_YOURS`.
pub fn show(desk: &Desk<'_>) -> Answer {
    page(desk, desk.union(Act::Administer)?, Filled::default())
}

/// The page of a union, with the form for an account as it was filled in.
///
/// # Errors
/// Database faults.
pub(super) fn page(desk: &Desk<'_>, union: Union, form: Filled) -> Answer {
    let watches = desk.may(Act::Watch, &union);
    let today = date_in_china(desk.ask.now);
    let (lineage, below, people, rounds, held) = desk.app.database.read(|c| -> Result<_, DatabaseError> {
        Ok((
            unions::lineage(c, &union)?,
            unions::with_unions_below(c, &[union.id])?,
            accounts::of_union(c, union.id)?,
            if watches { Some(polls::of_union(c, union.id)?) } else { None },
            if watches { titles::of_union(c, union.id)? } else { Vec::new() },
        ))
    })?;
    let held = held.iter().map(|stored| &stored.title).filter(|title| !title.has_ended());
    let titles =
        held.map(|held| (title::tone(held.state(today)), title::word(held, today), title::in_a_line(held, today)));
    let rounds = rounds.map(|rounds| {
        rounds
            .into_iter()
            .map(|poll| {
                let class = Class { stage: Stage::of(&poll.phase), rating: None, rate: None };
                let (tone, tag) = words::tag(class);
                let sheet = poll.phase.sheet().map(ToString::to_string).unwrap_or_default();
                RoundRow { id: poll.id.0, title: poll.facts.title, year: poll.year, tone, tag, sheet }
            })
            .collect()
    });
    let own = desk.who.account.id;
    let account = |account: Account| AccountRow {
        id: account.id.0,
        mine: looks_after(desk, &union, account.role) && account.id != own,
        name: account.name,
        role: account.role.label(),
        username: account.username,
        active: account.active,
    };
    let is_wrong = form.is_wrong();
    let page = UnionPage {
        frame: desk.frame(&union.name).wide(),
        crumbs: words::crumbs(&desk.who.union, lineage),
        facts: facts(desk, &union),
        rounds,
        titles: titles.collect(),
        accounts: people.into_iter().map(account).collect(),
        has_below: !below.is_empty(),
        may_edit: desk.may(Act::Describe, &union),
        form,
        union,
    };
    let reply = Reply::page(&page)?;
    Ok(reply.wrong_if(is_wrong))
}

fn facts(desk: &Desk<'_>, union: &Union) -> Vec<(&'static str, String)> {
    let rules = desk.app.rules.get(&union.rule_set);
    let code = union.credit_code.clone().map(|code| match check_credit_code(&code) {
        Ok(()) => code,
        Err(oddity) => format!("{code}（提醒：{oddity}）"),
    });
    vec![
        ("工会类别", union.category.label().to_owned()),
        ("规则集", rules.map_or_else(|| union.rule_set.clone(), |set| set.title.clone())),
        ("统一社会信用代码", code.unwrap_or_else(|| "没有填写".to_owned())),
    ]
}

#[derive(Template)]
#[template(path = "superior/union_form.html")]
struct UnionForm {
    frame: Frame,
    /// The line above the heading.
    about: String,
    heading: &'static str,
    /// Where the form goes.
    action: String,
    /// The union above, for a union to be.
    under: String,
    button: &'static str,
    back: String,
    rule_sets: Vec<(String, String)>,
    form: Filled,
}

impl UnionForm {
    const CATEGORIES: [Category; 13] = Category::ALL;
}

/// What a form says about a union.
struct Facts {
    name: String,
    credit_code: Option<String>,
    category: Category,
    rule_set: String,
}

/// Reads the form; no union right below `above` but `own` may have the same name.
fn read(desk: &Desk<'_>, form: &mut Filled, above: Option<&Union>, own: Option<UnionId>) -> Result<Facts, Problem> {
    let name = form.value("name").to_owned();
    if let Err(words) = check_name(&name) {
        form.refuse("name", format!("工会名称{words}"));
    }
    form.printable(["name"]);
    let category = Category::from_code(form.value("category"));
    if category.is_none() {
        form.refuse("category", "请选择工会类别");
    }
    let rule_set = form.value("rule_set").to_owned();
    if desk.app.rules.get(&rule_set).is_none() {
        form.refuse("rule_set", "请选择规则集");
    } else if let Some(Err(words)) = category.map(|category| desk.app.rules.check_union(&rule_set, category)) {
        form.refuse("category", words);
    }
    let code = form.optional("credit_code", 40).to_ascii_uppercase();
    if let (Some(above), None) = (above, form.error("name")) {
        let same = desk.app.database.read(|c| unions::named(c, &above.path, &[name.as_str()]))?;
        if same.iter().any(|union| union.superior == Some(above.id) && Some(union.id) != own) {
            form.refuse("name", format!("{}已经有一个同名的下级工会", above.name));
        }
    }
    // Without a category the form was refused.
    let category = category.unwrap_or(Category::GrassrootsUnion);
    Ok(Facts { name, credit_code: (!code.is_empty()).then_some(code), category, rule_set })
}

/// `GET /unions/new`: `under` in the query names the union above.
///
/// # Errors
/// `NOT_YOURS`.
pub fn new_form(desk: &Desk<'_>) -> Answer {
    let above = above(desk, desk.ask.query.get("under"))?;
    let mut form = Filled::default();
    form.set("rule_set", &above.rule_set);
    new_page(desk, &above, form)
}

/// `POST /unions`
///
/// # Errors
/// `NOT_YOURS`; a wrong form is shown again.
pub fn create(desk: &Desk<'_>) -> Answer {
    let above = above(desk, desk.ask.form.get("under"))?;
    let mut form = Filled::of(&desk.ask.form).called("name", "工会名称");
    let Facts { name, credit_code, category, rule_set } = read(desk, &mut form, Some(&above), None)?;
    if form.is_wrong() {
        return new_page(desk, &above, form);
    }
    let new = NewUnion { superior: Some(above.id), name, credit_code, category, rule_set };
    let union = desk.app.database.write(|c| unions::create(c, &new, desk.by()))?;
    Ok(Reply::see_other(format!("/unions/{}?done=union_created", union.id)))
}

fn new_page(desk: &Desk<'_>, above: &Union, form: Filled) -> Answer {
    form_page(&UnionForm {
        frame: desk.frame("建立下级工会"),
        about: format!("上级工会：{}", above.name),
        heading: "建立下级工会",
        action: "/unions".to_owned(),
        under: above.id.to_string(),
        button: "建立",
        back: "/unions".to_owned(),
        rule_sets: rule_sets(desk),
        form,
    })
}

/// `GET /unions/{id}/edit`
///
/// # Errors
/// `NOT_YOURS`.
pub fn edit_form(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Describe)?;
    let mut form = Filled::default();
    form.set("version", version(&union));
    form.set("name", &union.name);
    form.set("category", union.category.code());
    form.set("rule_set", &union.rule_set);
    form.set("credit_code", union.credit_code.as_deref().unwrap_or_default());
    edit_page(desk, &union, form)
}

/// `POST /unions/{id}/edit`: rounds that exist keep what they were set up with.
///
/// # Errors
/// `NOT_YOURS`; `stale` when somebody changed the union since the form was shown; a wrong form is shown again.
pub fn edit(desk: &Desk<'_>) -> Answer {
    let union = desk.union(Act::Describe)?;
    let stale = || Problem::from(StoreError::Stale).back_to(format!("/unions/{}", union.id), "回到工会资料");
    desk.saw(&version(&union)).map_err(|_| stale())?;
    let above = match union.superior {
        Some(id) => desk.app.database.read(|c| unions::load(c, id))?,
        None => None,
    };
    let mut form = Filled::of(&desk.ask.form).called("name", "工会名称");
    let Facts { name, credit_code, category, rule_set } = read(desk, &mut form, above.as_ref(), Some(union.id))?;
    if name != union.name && desk.app.database.read(|c| polls::under_way(c, union.id))?.is_some() {
        // The opening statement bears the name: a good result could else be signed in the name of another union.
        form.refuse("name", "本工会正在评议，签发结果报告单以后才能改名");
    }
    if form.is_wrong() {
        return edit_page(desk, &union, form);
    }
    let edited = Union { name, credit_code, category, rule_set, ..union.clone() };
    desk.app.database.write(|c| unions::edit(c, &union, &edited, desk.by()))?;
    Ok(Reply::see_other(format!("/unions/{}?done=union_edited", edited.id)))
}

/// What the form that changes a union says of the state it knew.
fn version(union: &Union) -> String {
    let code = union.credit_code.as_deref().unwrap_or_default();
    let facts = [&union.name, union.category.code(), &union.rule_set, code].map(str::as_bytes);
    Digest::labelled("union", &facts).base64url()
}

fn edit_page(desk: &Desk<'_>, union: &Union, form: Filled) -> Answer {
    let place = format!("/unions/{}", union.id);
    form_page(&UnionForm {
        frame: desk.frame("修改工会资料"),
        about: format!("{}。已经新建的评议不受影响。", union.name),
        heading: "修改工会资料",
        action: format!("{place}/edit"),
        under: String::new(),
        button: "保存",
        back: place,
        rule_sets: rule_sets(desk),
        form,
    })
}

fn rule_sets(desk: &Desk<'_>) -> Vec<(String, String)> {
    desk.app.rules.list().map(|set| (set.id.clone(), set.title.clone())).collect()
}

fn form_page(page: &UnionForm) -> Answer {
    let is_wrong = page.form.is_wrong();
    let reply = Reply::page(page)?;
    Ok(reply.wrong_if(is_wrong))
}

/// The union above the one to be: one's own, or the one named, if this person administers it.
pub(super) fn above(desk: &Desk<'_>, named: &str) -> Result<Union, Problem> {
    if named.is_empty() {
        return Ok(desk.who.union.clone());
    }
    let id: UnionId = named.parse().map_err(|_| Problem::NOT_YOURS)?;
    let union = desk.app.database.read(|c| unions::load(c, id))?;
    union.filter(|union| desk.may(Act::Administer, union)).ok_or(Problem::NOT_YOURS)
}
