//! Rectifications: what a sheet asks for, what is reported and checked beside it, and the list of a tree.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::database::schema::{rectification as t, standing};
use pingjia::database::{AnyConnection, DatabaseError};
use pingjia::domain::ids::AccountId;
use pingjia::domain::poll::{Opinion, Poll};
use pingjia::domain::rectification::{Course, Note, Rectification, Refusal, Report, State};
use pingjia::domain::sheet::SheetPayload;
use pingjia::domain::standing::{Class, Rating, Stage};
use pingjia::domain::union::Union;
use pingjia::domain::verdict::{Outcome, TierStanding, Verdict};
use pingjia::store::rectifications::{self, Counts, Filter};
use pingjia::store::{StoreError, journal, polls};
use time::macros::date;
use time::{Date, Duration};

use super::rollup::{certify_with, send_back, sheet_of};
use super::store::{BY, poll, union, write};
use crate::support::installation::Installation;

on_both!(
    a_sheet_that_falls_short_asks_for_rectification,
    it_is_reported_corrected_returned_and_checked,
    nobody_overwrites_what_they_did_not_see,
    a_corrected_sheet_moves_the_deadline_and_nothing_else,
    the_list_shows_what_needs_a_deed_first_and_every_line_once,
    nobody_is_shown_or_counted_outside_the_area,
    what_follows_depends_on_the_sheet_s_own_stage,
    deadlines_of_older_sheets_are_read_at_start,
    what_no_sheet_asks_for_is_gone_after_an_upgrade,
);

const TODAY: Date = date!(2026 - 11 - 21);

fn short_until(due: Option<Date>) -> impl FnOnce(&mut SheetPayload) {
    move |sheet| {
        sheet.assessment.verdict = Verdict::NotMet;
        sheet.follow_up.deadline = due;
    }
}

/// A round that fell short, with this deadline.
fn fallen_short(c: &mut AnyConnection, union: &Union, tag: u32, due: Option<Date>) -> Result<Poll, StoreError> {
    let round = poll(c, union, tag)?;
    certify_with(c, &round, short_until(due))?;
    Ok(polls::load(c, round.id)?.unwrap())
}

fn report(text: &str) -> Report {
    Report { text: text.to_owned(), done_on: TODAY - Duration::days(2), reported_on: TODAY }
}

fn note(text: &str) -> Note {
    Note { text: text.to_owned(), given_on: TODAY }
}

fn change(
    c: &mut AnyConnection,
    poll: &Poll,
    seen: i64,
    step: impl FnOnce(Rectification) -> Result<Rectification, Refusal>,
) -> Result<(), StoreError> {
    rectifications::change(c, poll, seen, "rectification.test", "一步", BY, step)
}

/// The union above accepts the sheet.
fn accept(c: &mut AnyConnection, poll: &Poll) -> Result<(), StoreError> {
    let poll = polls::load(c, poll.id)?.unwrap();
    let opinion = Opinion { accepted: true, text: "同意".to_owned(), by: AccountId(1), given_on: TODAY };
    polls::advance(c, &poll, "poll.accept", "", BY, |phase| phase.report(opinion))
}

fn course(c: &mut AnyConnection, poll: &Poll) -> Course {
    rectifications::load(c, poll.id).unwrap().unwrap().rectification.course
}

fn listed(c: &mut AnyConnection, union: &Union, filter: &Filter) -> Vec<(String, State)> {
    let lines = rectifications::page(c, &union.path, filter, TODAY, None, 100).unwrap();
    lines.into_iter().map(|line| (line.name.clone(), line.state(TODAY))).collect()
}

fn a_sheet_that_falls_short_asks_for_rectification(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (met, short) = (union(c, Some(&root), "甲厂工会")?, union(c, Some(&root), "乙厂工会")?);
        let good = poll(c, &met, 7)?;
        certify_with(c, &good, |_| ())?;
        assert_eq!(rectifications::load(c, good.id)?, None);
        let draft = poll(c, &short, 8)?;
        assert_eq!(rectifications::load(c, draft.id)?, None, "before there is a sheet");
        let round = fallen_short(c, &short, 9, Some(TODAY))?;
        let stored = rectifications::load(c, round.id)?.unwrap();
        assert_eq!(stored.rectification.due, Some(TODAY));
        assert_eq!(stored.rectification.course, Course::UnderWay { returned: None });
        let lines = rectifications::page(c, &root.path, &Filter::default(), TODAY, None, 9)?;
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line.name.as_str(), line.round.poll), ("乙厂工会", round.id));
        assert!(line.sheet.as_ref().is_some_and(|body| body.contains("payload")));
        Ok(())
    });
}

fn it_is_reported_corrected_returned_and_checked(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let round = fallen_short(c, &root, 7, Some(TODAY))?;
        change(c, &round, 0, |asked| asked.report(Stage::Certified, report("改了")))?;
        assert_eq!(course(c, &round), Course::Reported { report: report("改了") });
        change(c, &round, 1, |asked| asked.report(Stage::Accepted, report("改好了")))?;
        change(c, &round, 2, |asked| asked.send_back(Stage::Accepted, note("不具体")))?;
        assert_eq!(course(c, &round), Course::UnderWay { returned: Some((report("改好了"), note("不具体"))) });
        change(c, &round, 3, |asked| asked.report(Stage::Accepted, report("每季度一次")))?;
        assert_eq!(course(c, &round), Course::Reported { report: report("每季度一次") }, "an old word is gone");
        change(c, &round, 4, |asked| asked.check(Stage::Accepted, note("属实")))?;
        assert_eq!(course(c, &round), Course::Checked { report: report("每季度一次"), note: note("属实") });
        let (lines, _) = journal::of_poll(c, round.id, 0)?;
        assert_eq!(lines.iter().filter(|line| line.action == "rectification.test").count(), 5);
        Ok(())
    });
}

fn nobody_overwrites_what_they_did_not_see(house: &Installation) {
    let round = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let round = fallen_short(c, &root, 7, Some(TODAY))?;
        change(c, &round, 0, |asked| asked.report(Stage::Certified, report("改了")))?;
        Ok(round)
    });
    let database = house.database();
    let stale = database.write(|c| change(c, &round, 0, |asked| asked.report(Stage::Certified, report("别的"))));
    assert!(matches!(stale, Err(StoreError::Stale)));
    let refused = database.write(|c| change(c, &round, 1, |asked| asked.check(Stage::Certified, note(""))));
    assert!(matches!(refused, Err(StoreError::Rectification(Refusal::SheetNotAccepted))));
    let (kept, lines) =
        database.read(|c| Ok::<_, DatabaseError>((course(c, &round), journal::of_poll(c, round.id, 0)?.0))).unwrap();
    assert_eq!(kept, Course::Reported { report: report("改了") });
    assert_eq!(lines.iter().filter(|line| line.action == "rectification.test").count(), 1, "nothing is journalled");
}

fn a_corrected_sheet_moves_the_deadline_and_nothing_else(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let round = fallen_short(c, &root, 7, Some(TODAY))?;
        change(c, &round, 0, |asked| asked.report(Stage::Certified, report("改了")))?;
        send_back(c, &round)?;
        let returned = polls::load(c, round.id)?.unwrap();
        let later = TODAY + Duration::days(30);
        let old = returned.phase.sheet().cloned();
        let new = sheet_of(c, &returned, old, short_until(Some(later)))?;
        polls::advance(c, &returned, "poll.correct", "", BY, |phase| phase.correct(new))?;
        let stored = rectifications::load(c, round.id)?.unwrap();
        assert_eq!((stored.rectification.due, stored.version), (Some(later), 1));
        assert_eq!(stored.rectification.course, Course::Reported { report: report("改了") });
        Ok(())
    });
}

fn the_list_shows_what_needs_a_deed_first_and_every_line_once(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        // Days from today; what was reported and what was checked; two of each share a deadline.
        for (n, days) in (0..).zip([9, -3, 0, -3, 9, -1, 2, -20, 30, 30, -5, -5]) {
            let below = union(c, Some(&root), &format!("{n}厂"))?;
            let round = fallen_short(c, &below, 100 + n, Some(TODAY + Duration::days(days)))?;
            if n >= 8 {
                accept(c, &round)?;
                change(c, &round, 0, |asked| asked.report(Stage::Accepted, report("改了")))?;
            }
            if n >= 10 {
                change(c, &round, 1, |asked| asked.check(Stage::Accepted, note("属实")))?;
            }
        }
        let open_end = union(c, Some(&root), "没有期限厂")?;
        fallen_short(c, &open_end, 200, None)?;
        let whole: Vec<String> = listed(c, &root, &Filter::default()).into_iter().map(|(name, _)| name).collect();
        let order =
            ["7厂", "1厂", "3厂", "5厂", "8厂", "9厂", "2厂", "6厂", "0厂", "4厂", "没有期限厂", "10厂", "11厂"];
        assert_eq!(whole, order);
        for size in [1, 2, 3, 5] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let lines = rectifications::page(c, &root.path, &Filter::default(), TODAY, after, size)?;
                let Some(last) = lines.last() else { break };
                after = Some(last.place(TODAY));
                seen.extend(lines.into_iter().map(|line| line.name));
            }
            assert_eq!(seen, order, "pages of {size}");
        }
        let only = |c: &mut AnyConnection, state| {
            let filter = Filter { state: Some(state), ..Filter::default() };
            let found = listed(c, &root, &filter);
            assert!(found.iter().all(|(_, own)| *own == state), "{found:?}");
            found.len()
        };
        assert_eq!(State::ALL.map(|state| only(c, state)), [4, 2, 5, 0, 0, 2]);
        assert_eq!(rectifications::counts(c, &root.path, TODAY)?, Counts { overdue: 4, reported: 2 });
        let tomorrow = TODAY + Duration::days(1);
        assert_eq!(rectifications::counts(c, &root.path, tomorrow)?.overdue, 5, "the day itself still counts");
        let named = Filter { name: "1厂".to_owned(), ..Filter::default() };
        assert_eq!(listed(c, &root, &named).len(), 2);
        let of = |year| Filter { year: Some(year), ..Filter::default() };
        assert_eq!((listed(c, &root, &of(2026)).len(), listed(c, &root, &of(2025)).len()), (13, 0));
        Ok(())
    });
}

fn what_follows_depends_on_the_sheet_s_own_stage(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let past = TODAY - Duration::days(4);
        // Overdue or reported; the sheet is certified, accepted or returned.
        let mut rounds = Vec::new();
        for (n, days) in (0..).zip([3, 2, 1, 3, 2, 1]) {
            let below = union(c, Some(&root), &format!("{n}厂"))?;
            let round = fallen_short(c, &below, 100 + n, Some(TODAY - Duration::days(days)))?;
            if n >= 3 {
                change(c, &round, 0, |asked| asked.report(Stage::Certified, report("改了")))?;
            }
            match n % 3 {
                1 => accept(c, &round)?,
                2 => send_back(c, &round)?,
                _ => {}
            }
            rounds.push(round);
        }
        let expected = [
            ("0厂", State::Overdue),
            ("1厂", State::Overdue),
            ("4厂", State::Reported),
            ("3厂", State::SheetAwaited),
            ("2厂", State::SheetReturned),
            ("5厂", State::SheetReturned),
        ];
        let found = listed(c, &root, &Filter::default());
        assert_eq!(found.iter().map(|(name, state)| (name.as_str(), *state)).collect::<Vec<_>>(), expected);
        assert_eq!(rectifications::counts(c, &root.path, TODAY)?, Counts { overdue: 2, reported: 1 });
        let (mut after, mut seen) = (None, Vec::new());
        while let Some(line) = rectifications::page(c, &root.path, &Filter::default(), TODAY, after, 1)?.pop() {
            after = Some(line.place(TODAY));
            seen.push(line.name);
        }
        assert_eq!(seen, expected.map(|(name, _)| name), "every line once, in whatever stretch it lies");
        let returned = polls::load(c, rounds[2].id)?.unwrap();
        let new = sheet_of(c, &returned, returned.phase.sheet().cloned(), short_until(Some(past)))?;
        polls::advance(c, &returned, "poll.correct", "", BY, |phase| phase.correct(new))?;
        assert_eq!(rectifications::counts(c, &root.path, TODAY)?.overdue, 3, "the corrected sheet is in force");
        Ok(())
    });
}

fn nobody_is_shown_or_counted_outside_the_area(house: &Installation) {
    write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (east, west) = (union(c, Some(&root), "东区总工会")?, union(c, Some(&root), "西区总工会")?);
        let factory = union(c, Some(&east), "东厂工会")?;
        let past = Some(TODAY - Duration::days(1));
        fallen_short(c, &factory, 7, past)?;
        fallen_short(c, &east, 8, past)?;
        let names = |c: &mut AnyConnection, of: &Union| -> Vec<String> {
            listed(c, of, &Filter::default()).into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(c, &root), ["东厂工会", "东区总工会"]);
        assert_eq!(names(c, &east), ["东厂工会"], "never one's own");
        assert!(names(c, &west).is_empty() && names(c, &factory).is_empty());
        let overdue = [&root, &east, &west].map(|of| rectifications::counts(c, &of.path, TODAY).unwrap().overdue);
        assert_eq!(overdue, [2, 1, 0]);
        Ok(())
    });
}

/// Takes the migrations back and does them anew, as on an installation that has certified rounds already.
pub fn migrate_again(c: &mut AnyConnection) {
    macro_rules! sql {
        ($database:literal) => {
            [
                include_str!(concat!("../../migrations/", $database, "/0026_rectification_stage/down.sql")),
                include_str!(concat!("../../migrations/", $database, "/0025_rectification/down.sql")),
                include_str!(concat!("../../migrations/", $database, "/0025_rectification/up.sql")),
                include_str!(concat!("../../migrations/", $database, "/0026_rectification_stage/up.sql")),
            ]
            .concat()
        };
    }
    match c {
        AnyConnection::Postgres(inner) => inner.batch_execute(&sql!("postgres")),
        AnyConnection::Sqlite(inner) => inner.batch_execute(&sql!("sqlite")),
    }
    .unwrap();
}

fn deadlines_of_older_sheets_are_read_at_start(house: &Installation) {
    let (dated, open_end, met) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let (dated, met) = (fallen_short(c, &root, 7, Some(TODAY))?, poll(c, &root, 8)?);
        certify_with(c, &met, |_| ())?;
        let open_end = fallen_short(c, &root, 9, None)?;
        send_back(c, &open_end)?;
        migrate_again(c);
        Ok((dated, open_end, met))
    });
    let again = house.database();
    let due = |poll: &Poll| {
        let stored = again.read(|c| rectifications::load(c, poll.id)).unwrap();
        stored.map(|stored| stored.rectification.due)
    };
    assert_eq!((due(&dated), due(&open_end), due(&met)), (Some(Some(TODAY)), Some(None), None));
}

/// A sheet that falls short of nothing but a tier that was not applied for.
fn short_of_a_tier(sheet: &mut SheetPayload) {
    sheet.assessment.verdict = Verdict::NotMet;
    sheet.assessment.tiers.insert(
        0,
        TierStanding {
            id: "model".to_owned(),
            title: "模范职工之家".to_owned(),
            ballot: Some(Outcome::NotMet),
            indicators: None,
            to_examine: Vec::new(),
        },
    );
    sheet.round.applying_for = None;
}

fn what_no_sheet_asks_for_is_gone_after_an_upgrade(house: &Installation) {
    let (plain, reported, short) = write(house, |c| {
        let root = union(c, None, "市总工会")?;
        let rounds = [poll(c, &root, 7)?, poll(c, &root, 8)?];
        for round in &rounds {
            certify_with(c, round, short_of_a_tier)?;
            assert_eq!(rectifications::load(c, round.id)?, None, "nothing is asked for");
        }
        let short = fallen_short(c, &root, 9, Some(TODAY))?;
        // As an older program classed them, before it made a row for each that had failed.
        let old = Class { stage: Stage::Certified, rating: Some(Rating::NotMet), rate: None }.number();
        diesel::update(standing::table).set(standing::class.eq(old)).execute(c)?;
        migrate_again(c);
        // What was reported since is kept.
        let said = (t::state.eq(1), t::report.eq("改了"), t::done_on.eq("2026-11-19"), t::reported_on.eq("2026-11-21"));
        diesel::update(t::table.find(rounds[1].id.0)).set(said).execute(c)?;
        assert!(t::table.find(rounds[0].id.0).select(t::due).first::<String>(c)?.is_empty(), "made by the migration");
        let [plain, reported] = rounds;
        Ok((plain, reported, short))
    });
    let again = house.database();
    let kept = |poll: &Poll| again.read(|c| rectifications::load(c, poll.id)).unwrap();
    assert_eq!(kept(&plain), None);
    assert_eq!(
        kept(&reported).map(|stored| stored.rectification.course),
        Some(Course::Reported { report: report("改了") })
    );
    assert_eq!(kept(&short).map(|stored| stored.rectification.due), Some(Some(TODAY)));
}
