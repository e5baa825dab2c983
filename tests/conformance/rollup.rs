//! What a union above sees of its tree.

use std::sync::OnceLock;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::database::schema::{installation, standing};
use pingjia::database::{AnyConnection, Kind};
use pingjia::domain::account::Role;
use pingjia::domain::ids::{AccountId, SheetId};
use pingjia::domain::jws::{SecretKey, Statement};
use pingjia::domain::poll::{Officers, Opinion, Phase, Poll};
use pingjia::domain::sheet::SheetPayload;
use pingjia::domain::standing::{Class, RateClass, Rating, Stage, Waits};
use pingjia::domain::union::{Category, Union};
use pingjia::domain::verdict::{Comparator, Fraction, Metric, Outcome, RateKind, TierStanding, Verdict};
use pingjia::store::rollup::{After, Filter, RoundLine, Sort};
use pingjia::store::sheets::{self, StoredSheet};
use pingjia::store::{By, StoreError, polls, rollup, unions};
use time::Duration;
use time::macros::date;

use super::rectification::migrate_again;
use super::store::{BY, poll, union, write};
use crate::support::installation::Installation;
use crate::support::round;

on_both!(
    the_screen_shows_every_union_with_its_round_of_the_year,
    nobody_misses_a_round_of_a_union_that_looks_after_others,
    before_a_result_the_newest_round_that_is_not_void_is_shown,
    a_certified_round_is_shown_until_another_is_certified,
    pages_follow_each_other_without_gap_or_repetition,
    a_part_of_a_name_is_found_as_it_is_written,
    the_grassroots_are_those_of_the_area,
    what_an_older_program_read_is_read_anew_at_the_next_start,
    the_rate_that_decided_is_read_anew_too,
);

const YEAR: u16 = 2026;

/// The phase of a round that was counted.
fn closed() -> Phase {
    static CLOSED: OnceLock<Phase> = OnceLock::new();
    let count = || {
        let house = Installation::new(Kind::Sqlite);
        let (database, ballots) = (house.database(), house.start());
        let open = round::open(&ballots, &database, &round::paper(true), 4, 0);
        for slip in &open.slips.roll {
            round::cast(&ballots, open.id, slip, &round::nonce(), &round::random_ballot(&round::paper(true))).unwrap();
        }
        round::close(&ballots, &database, open.id).unwrap();
        round::change(&database, open.id, |phase| phase.confirm_result(round::SCRUTINEER).unwrap());
        round::load(&database, open.id).phase
    };
    CLOSED.get_or_init(count).clone()
}

/// Certifies the golden sheet, whose result is `met`, for this round.
fn certify(c: &mut AnyConnection, poll: &Poll) -> Result<(), StoreError> {
    certify_with(c, poll, |_| ())
}

/// The same with changes, which are signed as well.
pub fn certify_with(
    c: &mut AnyConnection,
    poll: &Poll,
    change: impl FnOnce(&mut SheetPayload),
) -> Result<(), StoreError> {
    let sheet = sheet_of(c, poll, None, change)?;
    polls::advance(c, poll, "poll.certify", "", BY, |_| closed().certify(sheet, &[Role::Scrutineer]))
}

/// Stores the golden sheet as one of this round.
pub fn sheet_of(
    c: &mut AnyConnection,
    poll: &Poll,
    replaces: Option<SheetId>,
    change: impl FnOnce(&mut SheetPayload),
) -> Result<SheetId, StoreError> {
    let golden = Statement::parse(include_bytes!("../golden/sheet.json")).unwrap();
    let mut sheet = SheetPayload::read(golden.payload()).unwrap();
    sheet.round.poll = poll.id;
    change(&mut sheet);
    let id = sheet.id().unwrap();
    let key = SecretKey::ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
    let body = Statement::sign(&sheet, &[&key]).unwrap();
    let stored = StoredSheet { id: id.clone(), poll: poll.id, union: poll.union, year: poll.year, body, replaces };
    sheets::insert(c, &stored)?;
    Ok(id)
}

/// The union above does not accept the sheet.
pub fn send_back(c: &mut AnyConnection, poll: &Poll) -> Result<(), StoreError> {
    let poll = polls::load(c, poll.id)?.unwrap();
    let opinion =
        Opinion { accepted: false, text: "补正".to_owned(), by: AccountId(1), given_on: date!(2026 - 11 - 22) };
    polls::advance(c, &poll, "poll.return", "", BY, |phase| phase.report(opinion))
}

fn shown(c: &mut AnyConnection, path: &str, filter: &Filter, sort: Sort) -> Vec<String> {
    let lines = rollup::page(c, path, YEAR, filter, sort, &After::default(), 100).unwrap();
    lines.into_iter().map(|line| line.union.name).collect()
}

/// The round that stands beside this union.
fn line(c: &mut AnyConnection, union: &Union) -> RoundLine {
    let lines = rollup::page(c, &union.path, YEAR, &Filter::default(), Sort::Tree, &After::default(), 1).unwrap();
    lines[0].round.clone().unwrap()
}

fn the_screen_shows_every_union_with_its_round_of_the_year(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (held, idle) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        let foreign = union(c, None, "外市")?;
        poll(c, &foreign, 8)?;
        let round = poll(c, &held, 7)?;
        assert_eq!(line(c, &held).class.stage, Stage::Draft);
        assert_eq!(rollup::waiting_counts(c, &root.path)?, (0, 0));
        polls::advance(c, &round, "poll.ask", "", BY, Phase::ask_approval)?;
        assert_eq!(rollup::waiting_counts(c, &root.path)?, (1, 0));
        let waiting = rollup::waiting(c, &root.path, Waits::Roll, 9)?;
        assert!(matches!(&waiting[..], [one] if one.name == "甲厂工会" && one.since == Some(BY.at)));
        assert_eq!(rollup::waiting(c, &held.path, Waits::Roll, 9)?, [], "never one's own");

        let asked = polls::load(c, round.id)?.unwrap();
        let officers = Officers {
            chief_scrutineer: "甲".to_owned(),
            scrutineers: vec!["乙".to_owned()],
            tellers: vec!["丙".to_owned()],
        };
        polls::name_officers(c, &asked, &officers, By { at: BY.at + Duration::DAY, ..BY })?;
        let waiting = rollup::waiting(c, &root.path, Waits::Roll, 9)?;
        assert_eq!(waiting[0].since, Some(BY.at), "since it was sent up, whatever was written later");

        let asked = polls::load(c, round.id)?.unwrap();
        certify(c, &asked)?;
        let now = line(c, &held);
        assert_eq!((now.class.stage, now.class.rating), (Stage::Certified, Some(Rating::Met)));
        assert!(now.rate.is_some() && now.sheet.is_some() && now.returned.is_some());
        assert_eq!(rollup::waiting_counts(c, &root.path)?, (0, 1));
        let later = By { at: BY.at + Duration::days(3), ..BY };
        polls::note(c, &round, "rectification.report", "", later)?;
        let waiting = rollup::waiting(c, &root.path, Waits::Sheet, 9)?;
        assert_eq!(waiting[0].since, Some(BY.at), "a word on rectification makes no sheet wait less");

        let any = Filter::default();
        assert_eq!(shown(c, &root.path, &any, Sort::Tree), ["市总工会", "甲厂工会", "乙厂工会"]);
        assert_eq!(shown(c, &idle.path, &any, Sort::Tree), ["乙厂工会"]);
        for sort in [Sort::Rate, Sort::Turnout] {
            assert_eq!(shown(c, &root.path, &any, sort), ["甲厂工会"]);
        }
        let none = Filter { none: true, ..Filter::default() };
        assert_eq!(shown(c, &root.path, &none, Sort::Rate), ["市总工会", "乙厂工会"]);
        let met = Filter { rating: Some(Rating::Met), ..Filter::default() };
        for sort in [Sort::Tree, Sort::Rate, Sort::Turnout] {
            assert_eq!(shown(c, &root.path, &met, sort), ["甲厂工会"]);
        }
        let open = Filter { stage: Some(Stage::Open), ..Filter::default() };
        assert!(shown(c, &root.path, &open, Sort::Tree).is_empty());
        assert!(rollup::page(c, &root.path, 2025, &met, Sort::Tree, &After::default(), 9)?.is_empty());

        let totals = rollup::totals(c, &root.path, YEAR)?;
        assert_eq!((totals.unions, totals.grassroots, totals.grassroots_held), (3, 3, 1));
        assert_eq!((totals.none(), totals.count(|class| class.stage.is_held())), (2, 1));
        assert_eq!(totals.rates().len(), 1);
        let lines = rollup::page(c, &root.path, YEAR, &any, Sort::Tree, &After::default(), 9)?;
        assert_eq!(rollup::Totals::of(&lines), totals, "the totals of all lines are those of the area");
        assert_eq!(rollup::years(c)?, Some((YEAR, YEAR)));
        send_back(c, &round)?;
        assert_eq!(line(c, &held).class.stage, Stage::SheetReturned);
        Ok(())
    });
}

fn nobody_misses_a_round_of_a_union_that_looks_after_others(house: &Installation) {
    write(house, |c| {
        let mut root = union(c, None, "市总工会")?;
        let (held, idle) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        poll(c, &held, 7)?;
        let (any, none) = (Filter::default(), Filter { none: true, ..Filter::default() });
        assert_eq!(rollup::totals(c, &root.path, YEAR)?.none(), 2);
        for category in [Category::GeneralUnion, Category::CountyUnion] {
            let above = Union { category, ..root.clone() };
            unions::edit(c, &root, &above, BY)?;
            root = above;
            let totals = rollup::totals(c, &root.path, YEAR)?;
            assert_eq!((totals.unions, totals.unjudged, totals.none()), (3, 1, 1), "{category:?}");
            assert_eq!(shown(c, &root.path, &none, Sort::Tree), [&*idle.name]);
            let lines = rollup::page(c, &root.path, YEAR, &any, Sort::Tree, &After::default(), 9)?;
            assert_eq!(rollup::Totals::of(&lines), totals, "the totals of all lines are those of the area");
        }
        poll(c, &root, 9)?;
        let totals = rollup::totals(c, &root.path, YEAR)?;
        assert_eq!((totals.unjudged, totals.none()), (0, 1), "one that holds a round counts");
        assert_eq!(rollup::totals(c, &root.path, 2025)?.unjudged, 1, "in the year of the round");
        Ok(())
    });
}

fn before_a_result_the_newest_round_that_is_not_void_is_shown(house: &Installation) {
    write(house, |c| {
        assert_eq!(rollup::years(c)?, None, "before there is a round");
        let root = union(c, None, "市总工会")?;
        let (first, second) = (poll(c, &root, 7)?, poll(c, &root, 8)?);
        assert_eq!(line(c, &root).poll, second.id);
        polls::advance(c, &second, "poll.void", "", BY, |phase| phase.void(round::called_off()))?;
        assert_eq!(line(c, &root).poll, first.id);
        polls::advance(c, &first, "poll.void", "", BY, |phase| phase.void(round::called_off()))?;
        assert_eq!(line(c, &root).poll, second.id);
        assert_eq!(rollup::totals(c, &root.path, YEAR)?.count(|class| class.stage == Stage::Void), 1);
        Ok(())
    });
}

fn a_certified_round_is_shown_until_another_is_certified(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let shown = |c: &mut AnyConnection| {
            let held = rollup::totals(c, "/", YEAR).unwrap().count(|class| class.stage.is_held());
            (line(c, &root).poll, held)
        };
        let first = poll(c, &root, 7)?;
        certify(c, &first)?;
        assert_eq!(rollup::other_rounds(c, &[root.id], YEAR)?, []);
        let second = poll(c, &root, 8)?;
        assert_eq!(shown(c), (first.id, 1), "a draft hides no result");
        assert_eq!(rollup::other_rounds(c, &[root.id], YEAR)?, [(root.id, 1)]);
        assert_eq!(rollup::other_rounds(c, &[root.id], 2025)?, []);
        send_back(c, &first)?;
        assert_eq!(shown(c), (first.id, 1), "nor a sheet that was returned");
        certify(c, &second)?;
        assert_eq!(shown(c), (second.id, 1), "one round of the year counts");
        Ok(())
    });
}

fn pages_follow_each_other_without_gap_or_repetition(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        for n in 0..23 {
            let below = union(c, Some(&root), &format!("{n}厂"))?;
            let round = poll(c, &below, 100 + n)?;
            if n % 2 == 0 {
                certify(c, &round)?;
            }
        }
        for (sort, all) in [(Sort::Tree, 24), (Sort::Rate, 12), (Sort::Turnout, 12)] {
            let (mut after, mut seen) = (After::default(), Vec::new());
            loop {
                let lines = rollup::page(c, &root.path, YEAR, &Filter::default(), sort, &after, 5)?;
                let Some(last) = lines.last() else { break };
                after = last.place(sort);
                seen.extend(lines.into_iter().map(|line| line.union.id));
            }
            let mut unique = seen.clone();
            unique.sort();
            unique.dedup();
            assert_eq!((seen.len(), unique.len()), (all, all), "{sort:?}");
        }
        Ok(())
    });
}

fn a_part_of_a_name_is_found_as_it_is_written(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let names = ["Haier海尔工会", "HAIER_2厂", "100%厂", "100厂", r"A\B厂"];
        for (name, tag) in names.into_iter().zip(7..) {
            let below = union(c, Some(&root), name)?;
            let round = poll(c, &below, tag)?;
            certify(c, &round)?;
        }
        let expected: [(&str, &[&str]); 8] = [
            ("haier", &names[..2]),
            ("ha\0i\u{200b}er海", &names[..1]),
            ("HaIeR海", &names[..1]),
            ("r_", &names[1..2]),
            ("0%", &names[2..3]),
            ("a\\b", &names[4..]),
            ("%厂_", &[]),
            ("", &names),
        ];
        // Searched for in the tree, by rate, and among those without a round.
        for (part, found) in expected {
            let rated = Filter { name: part.to_owned(), rating: Some(Rating::Met), ..Filter::default() };
            for sort in [Sort::Tree, Sort::Rate] {
                assert_eq!(shown(c, &root.path, &rated, sort), found, "{part} {sort:?}");
            }
            let any = Filter { name: part.to_owned(), ..Filter::default() };
            let mut all = shown(c, &root.path, &any, Sort::Tree);
            all.retain(|name| *name != root.name);
            assert_eq!(all, found, "{part}");
        }
        Ok(())
    });
}

fn the_grassroots_are_those_of_the_area(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (held, idle) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        let street = union(c, Some(&root), "街道总工会")?;
        unions::edit(c, &street, &Union { category: Category::TownshipUnion, ..street.clone() }, BY)?;
        let round = poll(c, &held, 7)?;
        certify(c, &round)?;
        let of = |union: &Union| (union.id, union.name.clone());
        assert_eq!(rollup::grassroots(c, &root.path, YEAR, false)?, [of(&held), of(&idle)], "its head is none of them");
        assert_eq!(rollup::grassroots(c, &root.path, YEAR, true)?, [of(&held)]);
        assert_eq!(rollup::grassroots(c, &root.path, 2025, true)?, []);
        // Coverage counts by the category of today.
        unions::edit(c, &held, &Union { category: Category::TownshipUnion, ..held.clone() }, BY)?;
        assert_eq!(rollup::grassroots(c, &root.path, YEAR, true)?, []);
        Ok(())
    });
}

fn what_an_older_program_read_is_read_anew_at_the_next_start(house: &Installation) {
    let (heads, lost) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let mut heads = Vec::new();
        // More than one batch. The rate that decided is an awareness rate, held against a floor.
        for n in 0..205 {
            let below = union(c, Some(&root), &format!("{n}厂"))?;
            let round = poll(c, &below, 100 + n)?;
            certify_with(c, &round, |sheet| {
                sheet.assessment.verdict = Verdict::NotMet;
                let last = sheet.assessment.metrics.last_mut().unwrap();
                (last.id, last.outcome) = ("awareness".to_owned(), Outcome::NotMet);
                (last.comparator, last.threshold) = (Comparator::Below, Fraction::new(7, 10).unwrap());
            })?;
            heads.push(below);
        }
        // As it was written before kinds and comparators were told apart; one sheet can no longer be read.
        let known = RateClass { kind: RateKind::Satisfaction, comparator: Comparator::AtLeast, twentieths: 17 };
        let old = Class { stage: Stage::Certified, rating: Some(Rating::NotMet), rate: Some(known) };
        diesel::update(standing::table).set(standing::class.eq(old.number())).execute(c)?;
        let lost = line(c, &heads[3]);
        diesel::sql_query(format!("UPDATE sheet SET body = 'x' WHERE poll_id = {}", lost.poll)).execute(c)?;
        migrate_again(c);
        assert_eq!(line(c, &heads[0]).rate.map(|rate| rate.kind), Some(RateKind::Satisfaction));
        Ok((heads, lost))
    });
    // Several processes that start at once.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| house.database());
        }
    });
    let database = house.database();
    let shown = |union: &Union| database.read(|c| Ok::<_, StoreError>(line(c, union))).unwrap();
    for head in heads.iter().filter(|head| head.id != heads[3].id) {
        let rate = shown(head).rate.map(|rate| (rate.kind, rate.comparator));
        assert_eq!(rate, Some((RateKind::Awareness, Comparator::Below)), "{}", head.name);
    }
    assert_eq!(shown(&heads[3]).class, lost.class, "what is known of it stays");
    let left: Vec<String> = database
        .read(|c| {
            let left = installation::table.filter(installation::name.eq("sheets_to_read"));
            left.select(installation::value).load(c).map_err(StoreError::from)
        })
        .unwrap();
    assert!(left.is_empty(), "the next start has nothing to read");
}

fn the_rate_that_decided_is_read_anew_too(house: &Installation) {
    let (head, void) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (head, void) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        let round = poll(c, &void, 8)?;
        certify_with(c, &round, |sheet| {
            sheet.assessment.verdict = Verdict::Invalid;
            for metric in &mut sheet.assessment.metrics {
                metric.outcome = Outcome::CannotAssess;
            }
        })?;
        let round = poll(c, &head, 7)?;
        certify_with(c, &round, |sheet| {
            let tier = |id: &str| TierStanding {
                id: id.to_owned(),
                title: String::new(),
                ballot: Some(Outcome::Met),
                indicators: None,
                to_examine: Vec::new(),
            };
            sheet.round.applying_for = Some("trusted".to_owned());
            sheet.assessment.tiers = vec![tier("model"), tier("trusted")];
            let lower = Metric { threshold: Fraction::new(17, 20).unwrap(), ..sheet.assessment.metrics[0].clone() };
            let upper = Metric { threshold: Fraction::new(9, 10).unwrap(), ..lower.clone() };
            sheet.assessment.metrics = vec![lower, upper];
        })?;
        let known = RateClass { kind: RateKind::Satisfaction, comparator: Comparator::AtLeast, twentieths: 18 };
        let class = |union: &Union, rating| {
            let class = Class { stage: Stage::Certified, rating: Some(rating), rate: Some(known) };
            (standing::table.filter(standing::union_id.eq(union.id.0)), standing::class.eq(class.number()))
        };
        let part = (standing::numerator.eq(21), standing::base.eq(23), standing::rate.eq(9130));
        let older = (part, standing::threshold_num.eq(17), standing::threshold_den.eq(20));
        diesel::update(standing::table).set(older).execute(c)?;
        for (rows, class) in [class(&head, Rating::Met), class(&void, Rating::Invalid)] {
            diesel::update(rows).set(class).execute(c)?;
        }
        assert_eq!(line(c, &void).rate.map(|rate| rate.base), Some(23), "as an older program read it");
        match c {
            AnyConnection::Postgres(inner) => {
                inner.batch_execute(include_str!("../../migrations/postgres/0028_sheets_again/up.sql"))?;
            }
            AnyConnection::Sqlite(inner) => {
                inner.batch_execute(include_str!("../../migrations/sqlite/0028_sheets_again/up.sql"))?;
            }
        }
        Ok((head, void))
    });
    let rates =
        house.database().read(|c| Ok::<_, StoreError>([&head, &void].map(|union| line(c, union).rate))).unwrap();
    assert_eq!(rates.map(|rate| rate.map(|rate| rate.threshold)), [Fraction::new(9, 10), None]);
}
