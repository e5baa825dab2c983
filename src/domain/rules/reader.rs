//! Reads tables of a TOML file field by field, noting every fault with its line, column and field.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;
use time::{Date, Month};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::Word;
use crate::domain::verdict::Fraction;

/// A fault in a rule set's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// E.g. `metric[2].threshold`; empty for a fault in the notation itself.
    pub field: String,
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "第{}行第{}列", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, "：{}", self.message)
    }
}

/// Collects findings over one file.
pub(super) struct Findings<'i> {
    text: &'i str,
    list: RefCell<Vec<Finding>>,
    /// What is refused by newer checks alone.
    doubts: RefCell<Vec<Finding>>,
    /// Names given so far, each with what it names.
    names: RefCell<BTreeSet<(&'static str, String)>>,
}

impl<'i> Findings<'i> {
    pub(super) fn new(text: &'i str) -> Self {
        Findings { text, list: RefCell::default(), doubts: RefCell::default(), names: RefCell::default() }
    }

    pub(super) fn note(&self, span: &Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.list.borrow_mut().push(self.finding(span, field.into(), message.into()));
    }

    fn doubt(&self, span: &Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.doubts.borrow_mut().push(self.finding(span, field.into(), message.into()));
    }

    fn finding(&self, span: &Range<usize>, field: String, message: String) -> Finding {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Finding { line, column, field, message }
    }

    /// The faults and the doubts, each in the order of the file.
    pub(super) fn into_sorted(self) -> (Vec<Finding>, Vec<Finding>) {
        let sorted = |mut list: Vec<Finding>| {
            list.sort();
            list.dedup();
            list
        };
        (sorted(self.list.into_inner()), sorted(self.doubts.into_inner()))
    }
}

/// Where a field stands, for faults that are found later.
#[derive(Debug, Clone)]
pub(super) struct Place {
    field: String,
    span: Range<usize>,
}

/// One table: fields are taken out of it one by one; what is left at the end is unknown.
pub(super) struct Reader<'f, 'i> {
    findings: &'f Findings<'i>,
    path: String,
    span: Range<usize>,
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'f, 'i> Reader<'f, 'i> {
    pub(super) fn new(findings: &'f Findings<'i>, path: String, table: Spanned<DeTable<'i>>) -> Self {
        let span = table.span();
        Reader { findings, path, span, table: table.into_inner(), known: Vec::new() }
    }

    /// The full name of a field of this table.
    pub(super) fn path(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// Notes a fault of the whole table.
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.findings.note(&self.span, self.path.clone(), message);
    }

    /// Notes a doubt about the whole table.
    pub(super) fn doubt(&self, message: impl Into<String>) {
        self.findings.doubt(&self.span, self.path.clone(), message);
    }

    /// Notes a fault of one field.
    pub(super) fn fault_at(&self, span: &Range<usize>, field: &str, message: impl Into<String>) {
        self.findings.note(span, self.path(field), message);
    }

    /// Notes a doubt about one field.
    pub(super) fn doubt_at(&self, span: &Range<usize>, field: &str, message: impl Into<String>) {
        self.findings.doubt(span, self.path(field), message);
    }

    /// Where a field stands that has not been taken yet; the table's own place without it.
    pub(super) fn place(&self, field: &str) -> Place {
        let field_path = if self.has(field) { self.path(field) } else { self.path.clone() };
        Place { field: field_path, span: self.span_of(field) }
    }

    /// Notes a doubt at a place that was kept.
    pub(super) fn doubt_in(&self, place: &Place, message: impl Into<String>) {
        self.findings.doubt(&place.span, place.field.clone(), message);
    }

    fn take(&mut self, field: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(field);
        self.table.remove(field)
    }

    fn require<T>(&self, field: &'static str, value: Option<T>, was_there: bool) -> Option<T> {
        if value.is_none() && !was_there {
            self.fault(format!("缺少字段 {field}"));
        }
        value
    }

    fn read<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        convert: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<(T, Range<usize>)> {
        let value = self.take(field)?;
        let converted = convert(value.get_ref());
        if converted.is_none() {
            self.fault_at(&value.span(), field, format!("应为{expected}，写的是{}", kind(value.get_ref())));
        }
        converted.map(|converted| (converted, value.span()))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    pub(super) fn optional_text(&mut self, field: &'static str) -> Option<String> {
        let (text, span) = self.read(field, "文字", |value| value.as_str().map(str::to_owned))?;
        if text.trim().is_empty() {
            self.fault_at(&span, field, "不能为空");
        }
        Some(text)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Option<String> {
        let there = self.has(field);
        let text = self.optional_text(field);
        self.require(field, text, there)
    }

    pub(super) fn flag(&mut self, field: &'static str) -> bool {
        self.read(field, "true 或 false", DeValue::as_bool).is_some_and(|(value, _)| value)
    }

    pub(super) fn optional_number(&mut self, field: &'static str) -> Option<u64> {
        self.read(field, "不小于0的整数", number).map(|(value, _)| value)
    }

    pub(super) fn number(&mut self, field: &'static str) -> Option<u64> {
        let there = self.has(field);
        let number = self.optional_number(field);
        self.require(field, number, there)
    }

    /// A number within a range; `None` without the field.
    pub(super) fn number_within(&mut self, field: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (value, span) = self.read(field, "不小于0的整数", number)?;
        if !range.contains(&value) {
            self.fault_at(&span, field, format!("应在{}和{}之间", range.start(), range.end()));
            return None;
        }
        Some(value)
    }

    /// `[numerator, denominator]`, or a plain number for anything but rates.
    pub(super) fn optional_fraction(&mut self, field: &'static str, up_to_one: bool) -> Option<Fraction> {
        let value = self.take(field)?;
        let span = value.span();
        let (num, den) = match value.get_ref() {
            DeValue::Integer(_) if !up_to_one => (number(value.get_ref()), Some(1)),
            DeValue::Array(pair) => {
                let mut parts = pair.iter().map(|part| number(part.get_ref()));
                let both = (parts.next().flatten(), parts.next().flatten());
                if parts.next().is_some() { (None, None) } else { both }
            }
            _ => (None, None),
        };
        let (Some(num), Some(den)) = (num, den) else {
            self.fault_at(&span, field, "应为分数 [分子, 分母]，两个不小于0的整数，例如 [9, 10]");
            return None;
        };
        let Some(fraction) = Fraction::new(num, den) else {
            self.fault_at(&span, field, "分母不能为0");
            return None;
        };
        if up_to_one && num > den {
            self.fault_at(&span, field, format!("比率不能大于1（写的是 {num}/{den}）"));
            return None;
        }
        Some(fraction)
    }

    pub(super) fn fraction(&mut self, field: &'static str, up_to_one: bool) -> Option<Fraction> {
        let there = self.has(field);
        let fraction = self.optional_fraction(field, up_to_one);
        self.require(field, fraction, there)
    }

    /// A word out of its list.
    pub(super) fn optional_word<W: Word>(&mut self, field: &'static str) -> Option<W> {
        let (text, span) = self.read(field, "文字", |value| value.as_str().map(str::to_owned))?;
        let word = W::ALL.iter().copied().find(|word| word.code() == text);
        if word.is_none() {
            self.fault_at(&span, field, unknown(&text, W::ALL.iter().map(|word| word.code())));
        }
        word
    }

    pub(super) fn word<W: Word>(&mut self, field: &'static str) -> Option<W> {
        let there = self.has(field);
        let word = self.optional_word(field);
        self.require(field, word, there)
    }

    /// A list of texts, each with its place. No field: an empty list.
    pub(super) fn texts(&mut self, field: &'static str) -> Vec<Spanned<String>> {
        let Some((values, _)) =
            self.read(field, "文字的列表 [\"…\", \"…\"]", |value| value.as_array().cloned())
        else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        for value in &values {
            match value.get_ref().as_str() {
                Some(text) => texts.push(Spanned::new(value.span(), text.to_owned())),
                None => self.fault_at(&value.span(), field, format!("应为文字，写的是{}", kind(value.get_ref()))),
            }
        }
        texts
    }

    /// A list of words out of their list.
    pub(super) fn words<W: Word>(&mut self, field: &'static str) -> Vec<W> {
        let mut words = Vec::new();
        for text in self.texts(field) {
            if let Some(word) = W::ALL.iter().copied().find(|word| word.code() == text.get_ref()) {
                words.push(word);
            } else {
                let message = unknown(text.get_ref(), W::ALL.iter().map(|word| word.code()));
                self.fault_at(&text.span(), field, message);
            }
        }
        words
    }

    /// A calendar date, written without quotation marks.
    pub(super) fn optional_date(&mut self, field: &'static str) -> Option<Date> {
        let (date, _) = self.read(field, "日期，例如 2014-12-31，不加引号", |value| {
            let date = value.as_datetime()?.date?;
            let month = Month::try_from(date.month).ok()?;
            Date::from_calendar_date(i32::from(date.year), month, date.day).ok()
        })?;
        Some(date)
    }

    /// A table of its own under this name.
    pub(super) fn table(&mut self, field: &'static str) -> Option<Reader<'f, 'i>> {
        let value = self.take(field)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Reader::new(self.findings, self.path(field), Spanned::new(span, table))),
            other => {
                self.fault_at(&span, field, format!("应为表 [{field}]，写的是{}", kind(&other)));
                None
            }
        }
    }

    /// The tables of a list `[[field]]`, in their order.
    pub(super) fn tables(&mut self, field: &'static str) -> Vec<Reader<'f, 'i>> {
        let Some(value) = self.take(field) else { return Vec::new() };
        let span = value.span();
        let DeValue::Array(array) = value.into_inner() else {
            self.fault_at(&span, field, format!("应为表的列表 [[{field}]]"));
            return Vec::new();
        };
        let mut readers = Vec::new();
        for (place, element) in (1..).zip(array) {
            let span = element.span();
            let path = format!("{}[{place}]", self.path(field));
            match element.into_inner() {
                DeValue::Table(table) => readers.push(Reader::new(self.findings, path, Spanned::new(span, table))),
                other => self.findings.note(&span, path, format!("应为表，写的是{}", kind(&other))),
            }
        }
        readers
    }

    /// Notes a fault when this name was given before to a thing of the same kind.
    pub(super) fn once(&self, kind: &'static str, name: &str, span: &Range<usize>, field: &str) {
        if !self.findings.names.borrow_mut().insert((kind, name.to_owned())) {
            self.fault_at(span, field, format!("“{name}”重复"));
        }
    }

    /// Where the table begins.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where a field stands that has not been taken yet; the table's own place without it.
    pub(super) fn span_of(&self, field: &str) -> Range<usize> {
        self.table.get(field).map_or_else(|| self.span(), Spanned::span)
    }

    /// Notes what is left over. Call it after the last field was taken.
    pub(super) fn finish(self) {
        for (key, _) in &self.table {
            let name = key.get_ref();
            let message = format!("没有这个字段；{}", unknown(name, self.known.iter().copied()));
            self.findings.note(&key.span(), self.path(name), message);
        }
    }
}

fn number(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("文字“{text}”"),
        DeValue::Integer(number) => format!("整数 {number}"),
        DeValue::Float(number) => format!("小数 {number}"),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(date) => format!("日期 {date}"),
        DeValue::Array(_) => "列表".to_owned(),
        DeValue::Table(_) => "表".to_owned(),
    }
}

/// Says that a word is unknown, which one may have been meant, and which there are.
#[must_use]
pub fn unknown<'a>(text: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = known.clone().map(|word| (distance(text, word), word)).min().filter(|(far, _)| *far <= 2);
    let all = known.collect::<Vec<_>>().join("、");
    if all.is_empty() {
        return format!("不认识“{text}”；这里还没有定义任何一个");
    }
    match near {
        Some((_, word)) => format!("不认识“{text}”，是不是 {word}？可用的有：{all}"),
        None => format!("不认识“{text}”；可用的有：{all}"),
    }
}

/// Levenshtein distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in (1..).zip(one.chars()) {
        let mut left = above;
        let mut next = vec![left];
        for (b, pair) in other.iter().zip(row.windows(2)) {
            let [diagonal, up] = pair else { continue };
            left = (diagonal + usize::from(a != *b)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("treshold", "threshold"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
        assert!(unknown("treshold", ["items", "threshold"].into_iter()).contains("是不是 threshold"));
        assert!(!unknown("zzz", ["items", "threshold"].into_iter()).contains("是不是"));
    }
}
