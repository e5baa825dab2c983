//! How pages speak of titles, for superiors and for the union that holds them.

use time::Date;

use crate::domain::dates::in_words;
use crate::domain::title::{Course, State, Terms, Title};

/// Days before a 复核 from which pages say how far it is away.
const NEAR: i64 = 90;

/// The class of the tag of a state.
pub(super) fn tone(state: State) -> &'static str {
    match state {
        State::Expired | State::InQuestion => "bad",
        State::ReviewDue | State::Correcting => "warn",
        State::Held => "ok",
        State::Ended => "",
    }
}

/// The word on where it stands: how it ended, if it did.
pub(super) fn word(title: &Title, today: Date) -> &'static str {
    match &title.course {
        Course::Ended { how, .. } => how.label(),
        _ => title.state(today).label(),
    }
}

/// The next day that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub day: String,
    /// What happens on it; nothing more of a title that has ended.
    pub what: &'static str,
    /// How far it is away, if that is not far.
    pub distance: String,
}

/// The next day that matters; all empty where there is none.
pub(super) fn due(title: &Title, today: Date) -> Due {
    let Some(day) = title.due() else { return Due::default() };
    let left = (day - today).whole_days();
    let distance = match left {
        0 => "就在今天".to_owned(),
        1..=NEAR => format!("还有{left}天"),
        i64::MIN..0 => format!("已过{}天", left.abs()),
        _ => String::new(),
    };
    let (what, distance) = match &title.course {
        Course::Held { .. } => ("复核", distance),
        Course::Correcting { .. } => ("整改到期", distance),
        Course::Ended { .. } => ("", String::new()),
    };
    Due { day: in_words(day), what, distance }
}

/// What the rules would have done now.
pub(super) struct Advice {
    pub words: String,
    /// The rule in our own words, and where it stands.
    pub statement: String,
    pub source: String,
}

/// What the rules say is to be done with a title now.
pub(super) fn advice(title: &Title, terms: &Terms<'_>, today: Date) -> Option<Advice> {
    let found = title.advice(terms, today)?;
    let revoke = |must: &str| format!("{must}由命名单位（{}）撤销", title.named_by);
    let words = match title.state(today) {
        State::Expired | State::InQuestion => revoke(if found.as_a_rule { "可以" } else { "应当" }),
        State::ReviewDue => "应当复核".to_owned(),
        _ => "限期整改".to_owned(),
    };
    let rule = &found.rule;
    Some(Advice { words, statement: rule.statement.clone(), source: format!("{}（{}）", rule.source, rule.id) })
}

/// A title that is held, in a line for the union itself.
pub(super) fn in_a_line(title: &Title, today: Date) -> String {
    let Due { day, what, distance } = due(title, today);
    let told =
        [format!("{day}{what}"), distance].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("，");
    let told = if told.is_empty() { told } else { format!("；{told}") };
    format!("{}（{}，{}命名{told}）", title.label, title.named_by, in_words(title.given_on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rules::RuleRegistry;
    use crate::domain::title::{End, Evaluation};
    use crate::domain::union::Category;
    use time::macros::date;

    const GIVEN: Date = date!(2023 - 11 - 30);

    fn titled(terms: &Terms<'_>) -> Title {
        Title::given("先进职工之家".to_owned(), Some("advanced".to_owned()), "市总工会".to_owned(), GIVEN, terms)
    }

    #[test]
    fn the_day_is_said_and_how_far_it_is_away() {
        let rules = RuleRegistry::embedded().unwrap();
        let terms = rules.title_terms("shandong-2018", Category::GrassrootsUnion);
        let title = titled(&terms);
        let said = |title: &Title, today| {
            let Due { day, what, distance } = due(title, today);
            (format!("{day}{what}"), distance)
        };
        let review = "2026年11月30日复核".to_owned();
        assert_eq!(said(&title, date!(2026 - 08 - 01)), (review.clone(), String::new()), "far away");
        assert_eq!(said(&title, date!(2026 - 11 - 20)), (review.clone(), "还有10天".to_owned()));
        assert_eq!(said(&title, date!(2026 - 11 - 30)), (review.clone(), "就在今天".to_owned()));
        assert_eq!(said(&title, date!(2026 - 12 - 03)), (review, "已过3天".to_owned()));
        let line = "先进职工之家（市总工会，2023年11月30日命名；2026年11月30日复核，还有10天）";
        assert_eq!(in_a_line(&title, date!(2026 - 11 - 20)), line);
        let failed = title.clone().fail(date!(2026 - 12 - 01), date!(2027 - 06 - 01), String::new(), &terms).unwrap();
        assert_eq!(said(&failed, date!(2027 - 06 - 02)), ("2027年6月1日整改到期".to_owned(), "已过1天".to_owned()));
        let advice = advice(&failed, &terms, date!(2027 - 06 - 02)).unwrap();
        assert_eq!(advice.words, "应当由命名单位（市总工会）撤销");
        assert!(advice.source.ends_with("第五条（SD-5.8）"), "{}", advice.source);
        let ended = title.end(date!(2026 - 12 - 01), End::Replaced, String::new()).unwrap();
        assert_eq!((word(&ended, GIVEN), said(&ended, GIVEN)), ("已改授", ("2026年12月1日".to_owned(), String::new())));
    }

    #[test]
    fn where_no_review_is_named_none_is_said() {
        let rules = RuleRegistry::embedded().unwrap();
        let terms = rules.title_terms("chaoyang-2013", Category::Enterprise);
        let title = titled(&terms);
        assert_eq!(in_a_line(&title, GIVEN), "先进职工之家（市总工会，2023年11月30日命名）");
        let short = Title { evaluation: Evaluation::FellShort, ..title };
        assert_eq!(advice(&short, &terms, GIVEN).unwrap().words, "可以由命名单位（市总工会）撤销");
    }
}
