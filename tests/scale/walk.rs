//! A walk through everything that the service does often: pages of a round, casting, closing, pages of a superior.

use pingjia::ballot_box::{BallotBox, PaperBallot, Teller};
use pingjia::database::{AnyConnection, Database};
use pingjia::domain::account::Role;
use pingjia::domain::digest::Digest;
use pingjia::domain::ids::{PollId, SheetId, UnionId};
use pingjia::domain::poll::{Approval, Phase, Poll};
use pingjia::domain::rectification::State;
use pingjia::domain::slip::PollTag;
use pingjia::domain::standing::{Rating, Stage, Waits};
use pingjia::domain::title;
use pingjia::domain::union::Category;
use pingjia::store::accounts::{self, NewAccount, PasswordDigest};
use pingjia::store::rollup::{self, After, Filter, Sort};
use pingjia::store::sessions::{self, SessionToken};
use pingjia::store::sheets::{self, StoredSheet};
use pingjia::store::unions::{self, NewUnion};
use pingjia::store::{By, StoreError, journal, polls, rectifications, spot_checks, statements, titles};
use time::macros::date;

use crate::support::installation::Installation;
use crate::support::round::{self, CHAIR, NOW};

const BY: By = By { account: Some(CHAIR), at: NOW };
const YEAR: u16 = 2026;

/// Does everything once or more.
pub fn everything(house: &Installation) {
    let database = house.database();
    let ballots = house.start();
    cast_and_close(&ballots, &database);
    enter_paper_and_void(&ballots, &database);
    let do_all = |connection: &mut AnyConnection| -> Result<(), StoreError> {
        tree(connection)?;
        people(connection)?;
        rounds(connection)?;
        for path in ["/1/", "/1/1007/"] {
            area(connection, path)?;
        }
        Ok(())
    };
    database.write(do_all).unwrap();
}

/// The day of a round on phones. More casts than a statement is planned anew for.
fn cast_and_close(ballots: &BallotBox, database: &Database) {
    let paper = round::paper(true);
    let open = round::open(ballots, database, &paper, 40, 2);
    for slip in &open.slips.roll[..30] {
        ballots.slip_state(open.id, slip).unwrap();
        let nonce = round::nonce();
        for _ in 0..2 {
            round::cast(ballots, open.id, slip, &nonce, &round::random_ballot(&paper)).ok();
        }
        ballots.live(open.id).unwrap();
        ballots.turnout(open.id).unwrap();
    }
    ballots.are_issued(open.id, &open.slips.roll).unwrap();
    ballots.void_slips(open.id, &open.slips.spares, CHAIR, NOW).unwrap();
    round::close(ballots, database, open.id).unwrap();
    ballots.openings(&round::load(database, open.id), &paper.items[0].id).unwrap();
    ballots.receipts(open.id).unwrap();
    ballots.comments(open.id).unwrap();
}

/// A round with paper ballots that comes to nothing.
fn enter_paper_and_void(ballots: &BallotBox, database: &Database) {
    let open = round::open(ballots, database, &round::paper(true), 10, 0);
    round::confirm_custody(database, open.id, 10);
    ballots.stop_phones(open.id, CHAIR, NOW).unwrap();
    for (slip, tellers) in open.slips.roll.iter().zip([2, 2, 1]) {
        for teller in [Teller::First, Teller::Second].into_iter().take(tellers) {
            let poll = round::load(database, open.id);
            ballots.enter_paper(&poll, teller, slip, PaperBallot::Invalid).unwrap();
        }
    }
    assert_eq!(ballots.paper_waiting(open.id).unwrap(), 1);
    ballots.void(open.id, round::called_off(), Some(CHAIR), NOW).unwrap();
}

fn tree(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let new = NewUnion {
        superior: Some(UnionId(1)),
        name: "新会".into(),
        credit_code: None,
        category: Category::Enterprise,
        rule_set: "qingdao-2020".into(),
    };
    let union = unions::create(connection, &new, BY)?;
    unions::edit(connection, &union, &union, BY)?;
    unions::load(connection, union.id)?;
    unions::lineage(connection, &union)?;
    unions::with_unions_below(connection, &[UnionId(1), UnionId(1003), union.id])?;
    for path in ["/1/", "/1/1007/"] {
        unions::below(connection, path, 100)?;
        unions::count_below(connection, path)?;
        unions::named(connection, path, &["新会", "示例第777号机械制造有限公司工会"])?;
    }
    Ok(())
}

fn people(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let new = NewAccount { username: "zhao".into(), role: Role::Superior, union: UnionId(1), name: "赵".into() };
    let password = PasswordDigest::of("a-sample-password", &[1; 16])?;
    let account = accounts::create(connection, &new, &password, BY)?;
    accounts::by_username(connection, "zhao")?;
    accounts::load(connection, account.id)?;
    accounts::of_union(connection, account.union)?;
    accounts::names(connection, &[account.id, CHAIR])?;
    accounts::expire_password(connection, account.id)?;
    let token = SessionToken::new([7; 32]);
    sessions::create(connection, &account, &token, NOW)?;
    assert!(sessions::load(connection, &token, NOW)?.is_some());
    sessions::note_use(connection, &token, NOW + sessions::LIFETIME)?;
    sessions::end(connection, &account, &token, NOW)?;
    accounts::set_password(connection, &account, &password, BY)?;
    accounts::set_active(connection, &account, false, BY)
}

fn rounds(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let id = polls::of_union(connection, UnionId(1))?[0].id;
    let mut poll = polls::load(connection, id)?.unwrap();
    poll.phase = Phase::new();
    // Some look-ups of each kind: after five, PostgreSQL may plan without looking at the values.
    for n in 0..8 {
        polls::by_tag(connection, PollTag::from_random(n + 1_050_000))?;
        polls::of_union(connection, UnionId(1002))?;
        journal::of_poll(connection, PollId(1000 + i64::from(n)), 0)?;
        journal::doers(connection, PollId(1500), "poll.open")?;
        let opened = Poll { id: PollId(1500 + i64::from(n)), union: UnionId(1500 + i64::from(n)), ..poll.clone() };
        journal::of_accounts(connection, &opened)?;
        spot_checks::newest(connection, UnionId(1500), 20)?;
        spot_checks::load(connection, UnionId(1500), 1)?;
        sheets::of_poll(connection, PollId(3000))?;
        statements::load(connection, PollId(1500), statements::OPENING)?;
    }
    polls::revise(connection, &poll, &poll.facts, &poll.paper, BY)?;
    let poll = polls::load(connection, id)?.unwrap();
    polls::advance(connection, &poll, "poll.test", "", BY, |_| {
        Ok(Phase::Draft { approval: Approval::Approved { by: CHAIR }, slips: None })
    })?;
    let mut random = [1_048_570, 1_048_571].into_iter().cycle();
    let new = polls::NewPoll {
        union: UnionId(1),
        year: YEAR,
        category: poll.category,
        rule_set: poll.rule_set,
        paper: poll.paper,
        facts: poll.facts,
    };
    polls::create(connection, &new, || random.next().unwrap_or(1), BY)?;
    statements::put(connection, id, statements::OPENING, "{}")?;
    let sheet = SheetId::of(&Digest([9; 32]));
    let body = "{}".to_owned();
    let stored = StoredSheet { id: sheet.clone(), poll: id, union: UnionId(1), year: YEAR, body, replaces: None };
    sheets::insert(connection, &stored)?;
    for _ in 0..8 {
        sheets::load(connection, &sheet)?;
        sheets::successor(connection, &sheet)?;
    }
    Ok(())
}

/// What a superior looks at.
fn area(connection: &mut AnyConnection, path: &str) -> Result<(), StoreError> {
    let filters = [
        Filter::default(),
        Filter { name: "第77".into(), ..Filter::default() },
        Filter { none: true, ..Filter::default() },
        Filter { stage: Some(Stage::Open), ..Filter::default() },
        Filter { rating: Some(Rating::NotMet), ..Filter::default() },
    ];
    for filter in &filters {
        // Parts of names and unions without a round are looked for in the whole area; the root's is every union.
        if path == "/1/" && (filter.none || !filter.name.is_empty()) {
            continue;
        }
        for sort in [Sort::Tree, Sort::Rate, Sort::Turnout] {
            // Sorted and narrowed at once: PostgreSQL may join with all unions; see docs/scale.md.
            if sort != Sort::Tree && *filter != Filter::default() {
                continue;
            }
            let first = rollup::page(connection, path, YEAR, filter, sort, &After::default(), 50)?;
            let Some(last) = first.last() else { continue };
            rollup::page(connection, path, YEAR, filter, sort, &last.place(sort), 50)?;
            let shown: Vec<UnionId> = first.iter().map(|line| line.union.id).collect();
            rollup::other_rounds(connection, &shown, YEAR)?;
            unions::with_unions_below(connection, &shown)?;
        }
    }
    rollup::totals(connection, path, YEAR)?;
    rollup::years(connection)?;
    rollup::waiting_counts(connection, path)?;
    rectify(connection, path)?;
    titled(connection, path)?;
    for what in [Waits::Roll, Waits::Sheet] {
        rollup::waiting(connection, path, what, 50)?;
    }
    // The whole area is read where all of it is drawn from; the root's is every union there is.
    if path != "/1/" {
        for held in [false, true] {
            rollup::grassroots(connection, path, YEAR, held)?;
        }
    }
    Ok(())
}

/// The list of titles of an area, page after page in each state, and narrowed; and those of a union.
fn titled(connection: &mut AnyConnection, path: &str) -> Result<(), StoreError> {
    let today = date!(2026 - 11 - 21);
    titles::counts(connection, path, today)?;
    let every = title::State::ALL.into_iter().map(Some).chain([None]);
    for (state, tier) in every.flat_map(|state| [(state, None), (state, Some("model".to_owned()))]) {
        for name in ["", "第777号"].into_iter().take(if path == "/1/" { 1 } else { 2 }) {
            let filter = titles::Filter { name: name.to_owned(), tier: tier.clone(), state };
            let first = titles::page(connection, path, &filter, today, None, 50)?;
            let Some(last) = first.last() else { continue };
            titles::load(connection, last.stored.id)?;
            titles::page(connection, path, &filter, today, Some(last.place(today)), 50)?;
        }
    }
    for n in 0..8 {
        titles::of_union(connection, UnionId(1003 + n))?;
        titles::results(connection, &[UnionId(1003 + n), UnionId(1013 + n)])?;
        journal::of_union(connection, UnionId(1003 + n), &[titles::GIVE, titles::END], 50)?;
    }
    Ok(())
}

/// The list of an area, page after page in each state, and narrowed.
fn rectify(connection: &mut AnyConnection, path: &str) -> Result<(), StoreError> {
    let today = date!(2026 - 11 - 21);
    rectifications::counts(connection, path, today)?;
    let every = State::ALL.into_iter().map(Some).chain([None]);
    for (state, year) in every.flat_map(|state| [(state, None), (state, Some(YEAR))]) {
        // Parts of names are looked for in the whole area; the root's is every union.
        for name in ["", "第777号"].into_iter().take(if path == "/1/" { 1 } else { 2 }) {
            let filter = rectifications::Filter { name: name.to_owned(), year, state };
            let first = rectifications::page(connection, path, &filter, today, None, 50)?;
            let Some(last) = first.last() else { continue };
            rectifications::page(connection, path, &filter, today, Some(last.place(today)), 50)?;
        }
    }
    // A look-up of rounds: after five, PostgreSQL may plan without looking at the values.
    for n in 0..8 {
        rectifications::of_polls(connection, &[PollId(1003 + n), PollId(1013 + n)])?;
    }
    Ok(())
}
