//! Titles of Homes: given, reviewed and ended, what results mean for them, and the list of a tree.

use pingjia::database::{AnyConnection, DatabaseError};
use pingjia::domain::ids::TitleId;
use pingjia::domain::rules::RuleRegistry;
use pingjia::domain::sheet::SheetPayload;
use pingjia::domain::title::{Course, End, Evaluation, Refusal, State, Terms, Title};
use pingjia::domain::union::{Category, Union};
use pingjia::domain::verdict::Verdict;
use pingjia::store::titles::{self, Counts, Filter, Stored};
use pingjia::store::{StoreError, journal};
use time::macros::date;
use time::{Date, Duration};

use super::rollup::certify_with;
use super::store::{BY, poll, union, write};
use crate::support::installation::Installation;

on_both!(
    a_title_is_given_reviewed_and_ended,
    a_title_is_put_down_once,
    nobody_overwrites_what_they_did_not_see,
    results_count_from_the_day_on_which_it_was_given,
    the_list_shows_what_needs_a_deed_first_and_every_line_once,
    nobody_is_shown_or_counted_outside_the_area,
);

const TODAY: Date = date!(2026 - 11 - 21);

fn rules() -> RuleRegistry {
    RuleRegistry::embedded().unwrap()
}

fn shandong(rules: &RuleRegistry) -> Terms<'_> {
    rules.title_terms("shandong-2018", Category::GrassrootsUnion)
}

fn titled(label: &str, given_on: Date, terms: &Terms<'_>) -> Title {
    let tier = terms.tiers.iter().find(|tier| tier.title == label).map(|tier| tier.id.clone());
    Title::given(label.to_owned(), tier, "市总工会".to_owned(), given_on, terms)
}

fn change(
    c: &mut AnyConnection,
    id: TitleId,
    seen: i64,
    step: impl FnOnce(Title) -> Result<Title, Refusal>,
) -> Result<(), StoreError> {
    titles::change(c, id, seen, "title.test", "一步", BY, step)
}

fn stored(c: &mut AnyConnection, id: TitleId) -> Stored {
    titles::load(c, id).unwrap().unwrap()
}

fn a_title_is_given_reviewed_and_ended(house: &Installation) {
    let rules = rules();
    let terms = shandong(&rules);
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let title = titled("模范职工之家", TODAY - Duration::days(1200), &terms);
        let id = titles::give(c, &root, &title, BY)?;
        assert_eq!(stored(c, id), Stored { id, union: root.id, title, version: 0 });
        change(c, id, 0, |title| title.fail(TODAY, TODAY + Duration::days(90), "场地".to_owned(), &terms))?;
        let failed =
            Course::Correcting { failed_on: TODAY, until: TODAY + Duration::days(90), why: "场地".to_owned() };
        assert_eq!(stored(c, id).title.course, failed);
        change(c, id, 1, |title| title.confirm(TODAY, &terms))?;
        let confirmed = stored(c, id).title;
        assert_eq!(confirmed.course, Course::Held { review: Some(date!(2029 - 11 - 21)) });
        assert_eq!(confirmed.confirmed_on, Some(TODAY));
        assert_eq!(titles::held(c, &root.path)?, [(root.id, confirmed)]);
        change(c, id, 2, |title| title.end(TODAY, End::Revoked, "不达标".to_owned()))?;
        assert_eq!(
            stored(c, id).title.course,
            Course::Ended { on: TODAY, how: End::Revoked, why: "不达标".to_owned() }
        );
        assert!(titles::held(c, &root.path)?.is_empty());
        let later = titled("合格职工之家", TODAY, &terms);
        titles::give(c, &root, &later, BY)?;
        let labels: Vec<String> = titles::of_union(c, root.id)?.into_iter().map(|own| own.title.label).collect();
        assert_eq!(labels, ["合格职工之家", "模范职工之家"], "what is held comes first");
        let lines = journal::of_union(c, root.id, &[titles::GIVE, "title.test"], 99)?;
        let actions: Vec<&str> = lines.iter().map(|line| line.action.as_str()).collect();
        assert_eq!(actions, ["title.give", "title.test", "title.test", "title.test", "title.give"]);
        assert_eq!(lines[1].detail, "模范职工之家，一步");
        Ok(())
    });
}

fn a_title_is_put_down_once(house: &Installation) {
    let rules = rules();
    let terms = shandong(&rules);
    let title = titled("模范职工之家", TODAY, &terms);
    let root = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        titles::give(c, &root, &title, BY)?;
        titles::give(c, &root, &Title { named_by: "省总工会".to_owned(), ..title.clone() }, BY)?;
        let other = union(c, Some(&root), "甲厂工会")?;
        titles::give(c, &other, &title, BY)?;
        Ok(root)
    });
    let again = house.database().write(|c| titles::give(c, &root, &title, BY));
    assert!(matches!(again, Err(StoreError::SameTitle)));
    write(house, |c| {
        let first = titles::of_union(c, root.id)?.into_iter().find(|own| own.title == title).unwrap();
        change(c, first.id, 0, |title| title.end(TODAY, End::Revoked, "不达标".to_owned()))?;
        titles::give(c, &root, &title, BY)?;
        Ok(())
    });
}

fn nobody_overwrites_what_they_did_not_see(house: &Installation) {
    let rules = rules();
    let terms = shandong(&rules);
    let (root, id) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let id = titles::give(c, &root, &titled("模范职工之家", TODAY, &terms), BY)?;
        change(c, id, 0, |title| title.confirm(TODAY, &terms))?;
        Ok((root, id))
    });
    let database = house.database();
    let stale = database.write(|c| change(c, id, 0, |title| title.end(TODAY, End::Revoked, "旧".to_owned())));
    assert!(matches!(stale, Err(StoreError::Stale)));
    let early = TODAY - Duration::days(1);
    let refused = database.write(|c| change(c, id, 1, |title| title.confirm(early, &terms)));
    assert!(matches!(refused, Err(StoreError::Title(Refusal::TooEarly))));
    let nowhere = database.write(|c| change(c, TitleId(id.0 + 1), 0, |title| title.confirm(TODAY, &terms)));
    assert!(matches!(nowhere, Err(StoreError::NoSuchTitle)));
    let lines = database.read(|c| journal::of_union(c, root.id, &["title.test"], 99)).unwrap();
    assert_eq!(lines.len(), 1, "nothing is journalled");
}

/// A result of the year 2026, counted on a day.
fn result(c: &mut AnyConnection, of: &Union, tag: u32, verdict: Verdict, on: Date) -> Result<(), StoreError> {
    let round = poll(c, of, tag)?;
    certify_with(c, &round, |sheet: &mut SheetPayload| {
        sheet.assessment.verdict = verdict;
        sheet.round.closed_on = on;
    })
}

fn results_count_from_the_day_on_which_it_was_given(house: &Installation) {
    let rules = rules();
    let chaoyang = rules.title_terms("chaoyang-2013", Category::Enterprise);
    let apart = shandong(&rules);
    write(house, |c| {
        let root = union(c, None, "区总工会")?;
        let factory = union(c, Some(&root), "甲厂工会")?;
        let before = titles::give(c, &factory, &titled("职工之家", TODAY - Duration::days(9), &chaoyang), BY)?;
        let other = titles::give(c, &factory, &titled("合格职工之家", TODAY - Duration::days(9), &apart), BY)?;
        let said = |c: &mut AnyConnection, id| stored(c, id).title.evaluation;
        assert_eq!((said(c, before), said(c, other)), (Evaluation::Sound, Evaluation::Apart));
        result(c, &factory, 7, Verdict::NotMet, TODAY)?;
        assert_eq!((said(c, before), said(c, other)), (Evaluation::FellShort, Evaluation::Apart));
        let counts = titles::counts(c, &root.path, TODAY)?;
        assert_eq!(counts, Counts { in_question: 1, ..Counts::default() });
        let same_day = titles::give(c, &factory, &titled("先进之家", TODAY, &chaoyang), BY)?;
        let after = titles::give(c, &factory, &titled("模范之家", TODAY + Duration::DAY, &chaoyang), BY)?;
        let both = (said(c, same_day), said(c, after));
        assert_eq!(both, (Evaluation::FellShort, Evaluation::Sound), "what was known when it was given says nothing");
        change(c, same_day, 0, |title| title.end(TODAY, End::Revoked, "会员不满意".to_owned()))?;
        result(c, &factory, 8, Verdict::CannotAssess, TODAY)?;
        result(c, &factory, 9, Verdict::Met, TODAY)?;
        assert_eq!((said(c, before), said(c, same_day)), (Evaluation::Sound, Evaluation::FellShort), "ended, it rests");
        let results = titles::results(c, &[root.id, factory.id])?;
        assert_eq!(results.len(), 1, "one of a year");
        Ok(())
    });
}

fn listed(c: &mut AnyConnection, of: &Union, filter: &Filter) -> Vec<(String, State)> {
    let lines = titles::page(c, &of.path, filter, TODAY, None, 100).unwrap();
    lines.into_iter().map(|line| (line.union.name, line.stored.title.state(TODAY))).collect()
}

fn the_list_shows_what_needs_a_deed_first_and_every_line_once(house: &Installation) {
    let rules = rules();
    let (terms, chaoyang) = (shandong(&rules), rules.title_terms("chaoyang-2013", Category::Enterprise));
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let year = Duration::days(365);
        let mut ids = Vec::new();
        // Days ago; the three years of the last are over today, those of the one before tomorrow.
        for (n, given_on) in (0..).zip([
            TODAY - year,
            TODAY - year * 4,
            TODAY - year * 4,
            TODAY - year * 5,
            TODAY - year * 2,
            TODAY - year * 2,
            TODAY - year * 2,
            date!(2023 - 11 - 22),
            date!(2023 - 11 - 21),
        ]) {
            let below = union(c, Some(&root), &format!("{n}厂"))?;
            let label = if n == 0 { "先进职工之家" } else { "模范职工之家" };
            ids.push(titles::give(c, &below, &titled(label, given_on, &terms), BY)?);
        }
        let fail = |c: &mut AnyConnection, id, days| {
            change(c, id, 0, |title| title.fail(TODAY - year, TODAY + Duration::days(days), "场地".to_owned(), &terms))
        };
        fail(c, ids[4], 0)?;
        fail(c, ids[5], -1)?;
        change(c, ids[6], 0, |title| title.end(TODAY, End::Mistaken, "重复".to_owned()))?;
        let short = union(c, Some(&root), "朝阳厂")?;
        titles::give(c, &short, &titled("职工之家", TODAY - year, &chaoyang), BY)?;
        result(c, &short, 7, Verdict::NotMet, TODAY)?;
        let sound = union(c, Some(&root), "不复核厂")?;
        titles::give(c, &sound, &titled("职工之家", TODAY - year, &chaoyang), BY)?;

        let whole: Vec<String> = listed(c, &root, &Filter::default()).into_iter().map(|(name, _)| name).collect();
        let order = ["3厂", "1厂", "2厂", "8厂", "5厂", "朝阳厂", "4厂", "7厂", "0厂", "不复核厂", "6厂"];
        assert_eq!(whole, order);
        for size in [1, 2, 3, 5] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let lines = titles::page(c, &root.path, &Filter::default(), TODAY, after, size)?;
                let Some(last) = lines.last() else { break };
                after = Some(last.place(TODAY));
                seen.extend(lines.into_iter().map(|line| line.union.name));
            }
            assert_eq!(seen, order, "pages of {size}");
        }
        let only = |c: &mut AnyConnection, state| {
            let found = listed(c, &root, &Filter { state: Some(state), ..Filter::default() });
            assert!(found.iter().all(|(_, own)| *own == state), "{found:?}");
            found.len()
        };
        assert_eq!(State::ALL.map(|state| only(c, state)), [4, 1, 1, 1, 3, 1]);
        let counted = Counts { review_due: 4, expired: 1, in_question: 1 };
        assert_eq!(titles::counts(c, &root.path, TODAY)?, counted);
        assert_eq!(titles::counts(c, &root.path, TODAY + Duration::DAY)?.review_due, 5);
        assert_eq!(titles::counts(c, &root.path, TODAY + Duration::DAY)?.expired, 2, "the last day still counts");
        let of = |c: &mut AnyConnection, tier: &str| {
            listed(c, &root, &Filter { tier: Some(tier.to_owned()), ..Filter::default() }).len()
        };
        assert_eq!([of(c, "advanced"), of(c, "model"), of(c, "")], [1, 8, 2]);
        assert_eq!(listed(c, &root, &Filter { name: "朝".to_owned(), ..Filter::default() }).len(), 1);
        Ok(())
    });
}

fn nobody_is_shown_or_counted_outside_the_area(house: &Installation) {
    let rules = rules();
    let terms = shandong(&rules);
    let (root, east, west) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (east, west) = (union(c, Some(&root), "东区总工会")?, union(c, Some(&root), "西区总工会")?);
        let factory = union(c, Some(&east), "东厂工会")?;
        let due = titled("模范职工之家", TODAY - Duration::days(1200), &terms);
        titles::give(c, &factory, &due, BY)?;
        titles::give(c, &east, &due, BY)?;
        Ok((root, east, west))
    });
    let look = |of: &Union| {
        let found = house.database().read(|c| -> Result<_, DatabaseError> {
            Ok((
                listed(c, of, &Filter::default()).len(),
                titles::counts(c, &of.path, TODAY)?.review_due,
                titles::held(c, &of.path)?.len(),
            ))
        });
        found.unwrap()
    };
    assert_eq!(look(&root), (2, 2, 2));
    assert_eq!(look(&east), (1, 1, 2), "in the list never one's own");
    assert_eq!(look(&west), (0, 0, 0));
}
