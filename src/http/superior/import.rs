//! Importing unions from a table: read, shown with every fault by its line, then created all or none.

use std::collections::BTreeMap;

use askama::Template;

use super::unions::above;
use super::worksheet::{self, Unreadable};
use crate::database::AnyConnection;
use crate::domain::account::Role;
use crate::domain::ids::UnionId;
use crate::domain::import::{COLUMNS, Import, ImportLine, MAX_ACCOUNTS, MAX_LINES, Remark};
use crate::domain::union::{Category, Union};
use crate::http::App;
use crate::http::form::unprintable;
use crate::http::gate::Desk;
use crate::http::one_time::{OneTime, PasswordsPage, create_temporary, one_time_password};
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::render::workbook;
use crate::store::accounts::{self, NewAccount, PasswordDigest};
use crate::store::unions::{self, NewUnion};
use crate::store::{By, StoreError};
use crate::world;

/// Lines of the preview: enough to see that the columns are right.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "superior/import.html")]
struct ImportPage {
    frame: Frame,
    above: Union,
    text: String,
    /// Whether something was sent to be looked at.
    read: bool,
    import: Import,
    ready: bool,
    accounts: usize,
}

impl ImportPage {
    const COLUMNS: [&str; 7] = COLUMNS;
    const MAX_LINES: usize = MAX_LINES;
    const MAX_ACCOUNTS: usize = MAX_ACCOUNTS;
    const SHOWN: usize = SHOWN;
    const CATEGORIES: [Category; 13] = Category::ALL;
}

/// `GET /unions/import`: `under` in the query names the union below which to create them.
///
/// # Errors
/// `NOT_YOURS`.
pub fn form(desk: &Desk<'_>) -> Answer {
    let above = above(desk, desk.ask.query.get("under"))?;
    page(desk, above, String::new(), None)
}

/// The lines of the sample.
const SAMPLE: [[&str; COLUMNS.len()]; 2] = [
    ["示例街道总工会", "乡镇（街道）工会", "", "", "", "", ""],
    ["示例机械厂工会", "企业工会", "示例街道总工会", "", "", "张三", "shili-zhang"],
];

/// `GET /unions/import/sample.csv`: the columns with two lines, as Excel opens it.
///
/// # Errors
/// None of its own.
pub fn sample(_: &Desk<'_>) -> Answer {
    let lines = std::iter::once(COLUMNS).chain(SAMPLE).map(|cells| cells.join(",") + "\r\n");
    Ok(Reply::file("text/csv; charset=utf-8", "unions.csv", format!("\u{feff}{}", lines.collect::<String>())))
}

/// `GET /unions/import/sample.xlsx`: the same as a workbook, in cells that keep what is written into them.
///
/// # Errors
/// `INTERNAL`.
pub fn sample_workbook(desk: &Desk<'_>) -> Answer {
    let book = workbook::form("工会", &COLUMNS, &SAMPLE, world::date_in_china(desk.ask.now));
    Ok(Reply::file(workbook::KIND, "unions.xlsx", book.map_err(|error| Problem::internal(&error))?))
}

/// `POST /unions/import`: shows what the table says. Changes nothing.
///
/// # Errors
/// `NOT_YOURS`, `encoding`, `workbook`.
pub fn preview(desk: &Desk<'_>) -> Answer {
    let above = above(desk, desk.ask.form.get("under"))?;
    let file = &desk.ask.file;
    let back = |problem: Problem| problem.back_to("/unions/import", "返回");
    let text = if file.is_empty() {
        desk.ask.form.get("text").trim_start_matches('\u{feff}').to_owned()
    } else if worksheet::is_workbook(file) {
        match worksheet::read(file) {
            Ok(text) => text,
            Err(Unreadable::File(what, way)) => return Err(back(Problem::invalid("workbook", what, way))),
            Err(Unreadable::Cells(errors)) => {
                return page(desk, above, String::new(), Some(Import { errors, ..Import::default() }));
            }
        }
    } else {
        let way = "请存成 Excel 工作簿（.xlsx），或者“CSV UTF-8（逗号分隔）”，再上传。";
        decode(file).ok_or_else(|| back(Problem::invalid("encoding", "文件的文字无法识别", way)))?
    };
    let import = look_up(desk, &above, &text)?.0;
    page(desk, above, text, Some(import))
}

/// `POST /unions/import/confirm`: creates everything, or, if anything is wrong by now, nothing.
///
/// # Errors
/// `NOT_YOURS`; with faults the preview is shown again.
pub fn confirm(desk: &Desk<'_>) -> Answer {
    let above = above(desk, desk.ask.form.get("under"))?;
    let text = desk.ask.form.get("text").to_owned();
    let (import, _) = look_up(desk, &above, &text)?;
    if !import.errors.is_empty() {
        return page(desk, above, text, Some(import));
    }
    // Hashing takes long on purpose: before the transaction.
    let mut digests = BTreeMap::new();
    for (_, username) in import.lines.iter().filter_map(|line| line.chair.as_ref()) {
        let password = one_time_password();
        let digest = PasswordDigest::of(&password, &world::random_bytes())?;
        digests.insert(username.clone(), (password, digest));
    }
    let created = desk.app.database.write(|c| -> Result<_, StoreError> {
        let (import, places) = resolve(c, desk.app, &above, &text)?;
        if !import.errors.is_empty() {
            return Ok(Err(import));
        }
        create(c, &above, &import.lines, &places, &digests, desk.by()).map(Ok)
    });
    match created? {
        Err(import) => page(desk, above, text, Some(import)),
        Ok(count) => {
            let passwords = import
                .lines
                .into_iter()
                .filter_map(|line| {
                    let (name, username) = line.chair?;
                    let (password, _) = digests.remove(&username)?;
                    Some(OneTime { union: line.name, name, role: Role::Chair.label(), username, password })
                })
                .collect();
            let heading = format!("已建立{count}个工会");
            Reply::page(&PasswordsPage {
                frame: desk.frame(&heading).wide(),
                heading,
                passwords,
                back: "/unions".into(),
            })
        }
    }
}

fn page(desk: &Desk<'_>, above: Union, text: String, import: Option<Import>) -> Answer {
    let (read, import) = (import.is_some(), import.unwrap_or_default());
    let wrong = !import.errors.is_empty();
    let page = ImportPage {
        frame: desk.frame("成批导入下级工会").wide(),
        above,
        text,
        read,
        ready: read && !wrong,
        accounts: import.lines.iter().filter(|line| line.chair.is_some()).count(),
        import,
    };
    let reply = Reply::page(&page)?;
    Ok(reply.wrong_if(wrong))
}

/// UTF-8, or what Chinese Excel writes: GB18030.
fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let (text, _, wrong) = encoding_rs::GB18030.decode(bytes);
    (!wrong).then(|| text.into_owned())
}

/// Where a union is to be created.
enum Place {
    /// Below a union that exists.
    Existing(UnionId, String),
    /// Below the union of an earlier line.
    Line(usize),
}

fn look_up(desk: &Desk<'_>, above: &Union, text: &str) -> Result<(Import, Vec<Place>), Problem> {
    Ok(desk.app.database.read(|c| resolve(c, desk.app, above, text))?)
}

/// Reads the table and finds superiors, rule sets and usernames; adds what is wrong.
fn resolve(
    connection: &mut AnyConnection,
    app: &App,
    above: &Union,
    text: &str,
) -> Result<(Import, Vec<Place>), StoreError> {
    let mut import = Import::read(text);
    let mut names: Vec<&str> = import.lines.iter().map(|line| line.name.as_str()).collect();
    names.extend(import.lines.iter().filter_map(|line| line.superior.as_deref()));
    names.sort_unstable();
    names.dedup();
    let mut known: BTreeMap<String, Vec<Union>> = BTreeMap::new();
    for union in unions::named(connection, &above.path, &names)? {
        known.entry(union.name.clone()).or_default().push(union);
    }
    let mut places = Vec::new();
    let mut wrong: Vec<Remark> = Vec::new();
    let mut earlier: BTreeMap<String, usize> = BTreeMap::new();
    // Rule sets of the lines so far: later lines may inherit them.
    let mut rule_sets: Vec<String> = Vec::new();
    for (index, line) in import.lines.iter_mut().enumerate() {
        let mut refuse = |words: String| wrong.push(Remark { line: line.line, words });
        if let Some(words) = unprintable(&line.name) {
            refuse(format!("工会名称“{}”里，{words}", line.name));
        }
        if let Some((name, _)) = &line.chair
            && let Some(words) = unprintable(name)
        {
            refuse(format!("主席姓名“{name}”里，{words}"));
        }
        let place = match place(line.superior.as_deref(), above, &known, &earlier) {
            Ok(place) => place,
            Err(words) => {
                refuse(words);
                rule_sets.push(above.rule_set.clone());
                continue;
            }
        };
        if let Place::Existing(id, _) = &place {
            let same = known.get(&line.name).into_iter().flatten().any(|union| union.superior == Some(*id));
            if same {
                refuse(format!("“{}”已经建立过，同一上级下面不能同名", line.name));
            }
        }
        if earlier.insert(line.name.clone(), index).is_some() {
            refuse(format!("工会名称“{}”在表里重复", line.name));
        }
        if let Some(wanted) = &line.rule_set {
            let mut sets = app.rules.list();
            match sets.find(|set| set.id == *wanted || set.title == *wanted || set.jurisdiction == *wanted) {
                Some(set) => line.rule_set = Some(set.id.clone()),
                None => refuse(format!("没有规则集“{wanted}”")),
            }
        }
        let rule_set = line.rule_set.clone().or_else(|| match &place {
            Place::Existing(_, inherited) => Some(inherited.clone()),
            Place::Line(index) => rule_sets.get(*index).cloned(),
        });
        let rule_set = rule_set.unwrap_or_else(|| above.rule_set.clone());
        if app.rules.get(&rule_set).is_some()
            && let Err(words) = app.rules.check_union(&rule_set, line.category)
        {
            refuse(words);
        }
        rule_sets.push(rule_set);
        if let Some((_, username)) = &line.chair
            && accounts::by_username(connection, username)?.is_some()
        {
            refuse(format!("用户名“{username}”已经有人使用"));
        }
        places.push(place);
    }
    import.errors.extend(wrong);
    import.errors.sort_by_key(|error| error.line);
    Ok((import, places))
}

fn place(
    superior: Option<&str>,
    above: &Union,
    known: &BTreeMap<String, Vec<Union>>,
    earlier: &BTreeMap<String, usize>,
) -> Result<Place, String> {
    let Some(name) = superior.filter(|name| *name != above.name) else {
        return Ok(Place::Existing(above.id, above.rule_set.clone()));
    };
    match (known.get(name).map(Vec::as_slice), earlier.get(name)) {
        (None | Some([]), Some(line)) => Ok(Place::Line(*line)),
        (Some([union]), None) => Ok(Place::Existing(union.id, union.rule_set.clone())),
        (None | Some([]), None) => Err(format!("没有找到上级工会“{name}”；它要么已经在您的范围内，要么写在前面的行里")),
        _ => Err(format!("名叫“{name}”的工会不止一个，分不清是哪一个")),
    }
}

fn create(
    connection: &mut AnyConnection,
    above: &Union,
    lines: &[ImportLine],
    places: &[Place],
    digests: &BTreeMap<String, (String, PasswordDigest)>,
    by: By,
) -> Result<usize, StoreError> {
    let mut created: Vec<Union> = Vec::with_capacity(lines.len());
    for (line, place) in lines.iter().zip(places) {
        let (superior, inherited) = match place {
            Place::Existing(id, rule_set) => (*id, rule_set.clone()),
            Place::Line(index) => created
                .get(*index)
                .map_or((above.id, above.rule_set.clone()), |union| (union.id, union.rule_set.clone())),
        };
        let new = NewUnion {
            superior: Some(superior),
            name: line.name.clone(),
            credit_code: line.credit_code.clone(),
            category: line.category,
            rule_set: line.rule_set.clone().unwrap_or(inherited),
        };
        let union = unions::create(connection, &new, by)?;
        if let Some((name, username)) = &line.chair
            && let Some((_, digest)) = digests.get(username)
        {
            let new = NewAccount { username: username.clone(), role: Role::Chair, union: union.id, name: name.clone() };
            create_temporary(connection, &new, digest, by)?;
        }
        created.push(union);
    }
    Ok(created.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_chinese_excel_are_read() {
        let (bytes, _, _) = encoding_rs::GB18030.encode("工会名称,工会类别\r\n青岛㛃工会,企业工会");
        assert_eq!(decode(&bytes).unwrap(), "工会名称,工会类别\r\n青岛㛃工会,企业工会");
        assert_eq!(decode("\u{feff}工会".as_bytes()).unwrap(), "工会");
        assert_eq!(decode(&[0xff, 0xff, 0x00]), None);
    }
}
