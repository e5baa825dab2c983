//! A form as it was filled in: shown again with what was typed and, beside each field, what is wrong with it.

use std::collections::BTreeMap;

use time::Date;

use super::ask::Fields;
use super::labels;
use crate::domain::dates;
use crate::domain::text::is_unseen;
use crate::render::font;

/// What was typed, and what is wrong with it.
#[derive(Clone, Default)]
pub struct Filled {
    values: BTreeMap<String, String>,
    errors: Vec<(String, String)>,
    /// Fields that this form calls otherwise than others do.
    called: Vec<(&'static str, &'static str)>,
}

impl Filled {
    /// The fields of a form as they came.
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "form_token") {
            values.entry(name.to_owned()).or_insert_with(|| value.replace("\r\n", "\n"));
        }
        Filled { values, ..Filled::default() }
    }

    /// Fills in a field.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over numbers and text alike")]
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.values.insert(name.to_owned(), value.to_string());
    }

    /// What stands in a field, without spaces around it.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value.trim())
    }

    /// Whether a box is ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    /// Whether this is the choice made.
    #[must_use]
    pub fn chosen(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(field, _)| field == name).map(|(_, words)| words.as_str())
    }

    /// Everything that is wrong, in the order of the form: field and words.
    #[must_use]
    pub fn errors(&self) -> &[(String, String)] {
        &self.errors
    }

    /// Says what this form calls a field.
    #[must_use]
    pub fn called(mut self, name: &'static str, label: &'static str) -> Self {
        self.called.push((name, label));
        self
    }

    /// Everything that is wrong, each with the field that it is about: `名称：请填写这一项`.
    #[must_use]
    pub fn summary(&self) -> Vec<(&str, String)> {
        let named = |(field, words): &(String, String)| {
            let own = self.called.iter().find(|(name, _)| name == field).map(|(_, label)| *label);
            match own.or_else(|| labels::label(field)) {
                Some(label) if !words.contains(label) => format!("{label}：{words}"),
                _ => words.clone(),
            }
        };
        self.errors.iter().map(|error| (error.0.as_str(), named(error))).collect()
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Says what is wrong with a field; the first word on it stays.
    pub fn refuse(&mut self, name: &str, words: impl Into<String>) {
        if self.error(name).is_none() {
            self.errors.push((name.to_owned(), words.into()));
        }
    }

    /// A line of text of 1 to `longest` characters.
    pub fn line(&mut self, name: &str, longest: usize) -> String {
        let text = self.value(name).to_owned();
        if text.is_empty() {
            self.refuse(name, "请填写这一项");
        }
        self.optional(name, longest)
    }

    /// Text of at most `longest` characters, or nothing.
    pub fn optional(&mut self, name: &str, longest: usize) -> String {
        let text = self.value(name).to_owned();
        if text.chars().count() > longest {
            self.refuse(name, format!("不能超过{longest}个字"));
        }
        self.refuse_unseen(name);
        text
    }

    /// One entry a line, empty lines left out; each of at most `longest` characters, at most `most` of them.
    pub fn lines(&mut self, name: &str, longest: usize, most: usize) -> Vec<String> {
        let lines: Vec<String> =
            self.value(name).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if lines.len() > most {
            self.refuse(name, format!("最多{most}行"));
        }
        if lines.iter().any(|line| line.chars().count() > longest) {
            self.refuse(name, format!("每行不能超过{longest}个字"));
        }
        self.refuse_unseen(name);
        lines
    }

    /// Refuses fields with characters that cannot be printed on slips and sheets.
    pub fn printable<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            if let Some(words) = unprintable(self.value(name)) {
                self.refuse(name, words);
            }
        }
    }

    /// Refuses characters that nobody sees, and that may turn the order of those that one sees.
    fn refuse_unseen(&mut self, name: &str) {
        let mut unseen: Vec<String> = Vec::new();
        for character in self.value(name).chars().filter(|c| is_unseen(*c)) {
            let code = format!("U+{:04X}", u32::from(character));
            if !unseen.contains(&code) {
                unseen.push(code);
            }
        }
        if !unseen.is_empty() {
            self.refuse(name, format!("含有看不见的字符，请删去后重新输入：{}", unseen.join("、")));
        }
    }

    /// A whole number of these bounds; full-width digits are understood.
    pub fn number(&mut self, name: &str, least: u32, most: u32) -> u32 {
        let digits: String = self.value(name).chars().map(ascii_digit).collect();
        match digits.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => number,
            // Digits only that do not fit are a number all the same.
            outcome
                if outcome.is_ok() || (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())) =>
            {
                self.refuse(name, format!("应在{least}到{most}之间"));
                least
            }
            _ => {
                self.refuse(name, if digits.is_empty() { "请填写这一项" } else { "请填写整数" });
                least
            }
        }
    }

    /// A day as browsers send it (`2026-09-30`), or nothing.
    pub fn date(&mut self, name: &str) -> Option<Date> {
        let text = self.value(name).to_owned();
        if text.is_empty() {
            return None;
        }
        let read = dates::read(&text);
        if read.is_none() {
            self.refuse(name, "请按“年-月-日”填写，例如 2026-09-30");
        }
        read
    }
}

fn ascii_digit(c: char) -> char {
    match u32::from(c) {
        wide @ 0xFF10..=0xFF19 => char::from_digit(wide - 0xFF10, 10).unwrap_or(c),
        _ => c,
    }
}

/// A day as browsers want it in a date field.
#[must_use]
pub fn date_value(day: Date) -> String {
    dates::written(day)
}

/// What is wrong with text that no font of ours can print: every such character, with its code.
#[must_use]
pub fn unprintable(text: &str) -> Option<String> {
    let missing: Vec<String> =
        font::missing(text).into_iter().map(|c| format!("“{c}”（U+{:04X}）", u32::from(c))).collect();
    (!missing.is_empty()).then(|| format!("这些字符印不出来，请改用别的写法：{}", missing.join("、")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn filled(name: &str, value: &str) -> Filled {
        Filled::of(&[(name, value)].into_iter().collect())
    }

    #[test]
    fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
        let mut form = filled("expected", "很多");
        form.number("expected", 1, 10);
        assert_eq!((form.value("expected"), form.error("expected")), ("很多", Some("请填写整数")));
        let mut form = filled("expected", "11");
        form.number("expected", 1, 10);
        assert_eq!(form.error("expected"), Some("应在1到10之间"));
        let mut form = filled("expected", "99999999999");
        form.number("expected", 1, 10);
        assert_eq!(form.error("expected"), Some("应在1到10之间"), "however long");
        assert_eq!(filled("n", "１2").number("n", 1, 20), 12, "full-width digits are understood");
        let mut form = filled("title", " ");
        form.line("title", 5);
        form.line("num_rate", 5);
        form.refuse("place", "地点太远");
        let said = [("title", "名称：请填写这一项"), ("num_rate", "请填写这一项"), ("place", "地点太远")];
        assert_eq!(form.summary(), said.map(|(field, words)| (field, words.to_owned())), "each names its field, once");
        let mut union = filled("name", "").called("name", "工会名称");
        union.line("name", 5);
        assert_eq!(union.summary(), [("name", "工会名称：请填写这一项".to_owned())]);
    }

    #[test]
    fn characters_that_nobody_sees_are_named_and_refused() {
        for (text, code) in [("张\0三", "U+0000"), ("张\u{202e}三", "U+202E"), ("张\u{200b}三", "U+200B")] {
            let read: [fn(&mut Filled); 3] = [
                |form| drop(form.line("name", 20)),
                |form| drop(form.optional("name", 20)),
                |form| drop(form.lines("name", 20, 20)),
            ];
            for read in read {
                let mut form = filled("name", text);
                read(&mut form);
                assert!(form.error("name").is_some_and(|words| words.contains(code)), "{code}");
            }
        }
        let mut form = filled("name", "一行\n又一行");
        assert_eq!(form.optional("name", 20), "一行\n又一行");
        assert!(!form.is_wrong());
    }

    #[test]
    fn characters_that_cannot_be_printed_are_named() {
        let mut form = filled("name", "张三\u{1f600}");
        form.printable(["name", "title"]);
        assert!(form.error("name").is_some_and(|words| words.contains('\u{1f600}')));
        assert_eq!(form.error("title"), None);
        let mut form = filled("name", "张三（Zhang），2026年\n第二行");
        form.printable(["name"]);
        assert!(!form.is_wrong());
    }

    #[test]
    fn dates_are_read_as_browsers_send_them() {
        let day = date!(2026 - 02 - 03);
        assert_eq!(filled("d", &date_value(day)).date("d"), Some(day));
        let mut form = filled("d", "2026-02-30");
        assert_eq!(form.date("d"), None);
        assert!(form.error("d").is_some());
        assert_eq!(filled("d", "").date("d"), None);
    }
}
