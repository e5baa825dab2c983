//! Rounds to test with: a union, an account, a round whose electorate is approved, and what a test does to it.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, BoxError, Cast, CastRefusal, IssuedSlips};
use pingjia::database::schema::{account, poll, trade_union};
use pingjia::database::{Database, DatabaseError, phase};
use pingjia::domain::ballot::Ballot;
use pingjia::domain::digest::Digest;
use pingjia::domain::ids::{AccountId, PollId, UnionId};
use pingjia::domain::paper::{Answer, Item, Paper, Scale, Section};
use pingjia::domain::poll::{Approval, Assembly, Custody, Facts, Opened, Opening, Phase, Poll, RuleSetRef, VoidReason};
use pingjia::domain::slip::{FormNonce, PollTag, SlipCode};
use pingjia::domain::union::Category;
use pingjia::world;
use rand::RngExt as _;
use time::macros::{date, datetime};
use time::{Date, OffsetDateTime};

pub const CHAIR: AccountId = AccountId(1);
pub const SCRUTINEER: AccountId = AccountId(2);
pub const NOW: OffsetDateTime = datetime!(2026-11-20 09:00 +8);
const TODAY: Date = date!(2026 - 11 - 20);

/// A paper of two items, with or without a comment.
pub fn paper(comment: bool) -> Paper {
    let item =
        |id: &str, scale, title: &str| Item { id: id.into(), section: Section::Overall, scale, title: title.into() };
    let items =
        vec![item("home", Scale::Satisfaction, "职工之家建设"), item("awareness", Scale::Awareness, "服务政策")];
    Paper { items, comment }
}

/// Inserts a union with a round whose electorate is approved.
pub fn draft(database: &Database, paper: &Paper) -> PollId {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let tag = PollTag::from_random(count);
    database
        .write(|connection| {
            let union = diesel::insert_into(trade_union::table)
                .values((
                    trade_union::path.eq(format!("/{count}/")),
                    trade_union::name.eq("青岛试点机械厂工会"),
                    trade_union::category.eq(Category::Enterprise.code()),
                    trade_union::rule_set.eq("qingdao-2020"),
                ))
                .returning(trade_union::id)
                .get_result::<i64>(connection)?;
            for name in ["chair", "scrutineer"] {
                diesel::insert_into(account::table)
                    .values((
                        account::username.eq(format!("{name}{count}")),
                        account::password_hash.eq(""),
                        account::role.eq(name),
                        account::union_id.eq(union),
                        account::name.eq("王主席"),
                        account::active.eq(true),
                    ))
                    .execute(connection)?;
            }
            let approved = Phase::Draft { approval: Approval::Approved { by: CHAIR }, slips: None };
            let id = diesel::insert_into(poll::table)
                .values((
                    poll::tag.eq(tag.as_str()),
                    poll::union_id.eq(union),
                    poll::year.eq(2026),
                    poll::category.eq(Category::Enterprise.code()),
                    poll::rule_set_id.eq("qingdao-2020"),
                    poll::rule_set_version.eq("1"),
                    poll::rule_set_digest.eq(Digest([0; 32]).to_string()),
                    poll::paper.eq(serde_json::to_string(paper).expect("a paper is JSON")),
                    poll::facts.eq(serde_json::to_string(&facts()).expect("facts are JSON")),
                    poll::phase.eq(approved.code()),
                    poll::phase_data.eq(phase::written(&approved)?),
                    poll::version.eq(1),
                ))
                .returning(poll::id)
                .get_result::<i64>(connection)?;
            Ok::<_, DatabaseError>(PollId(id))
        })
        .expect("the round is inserted")
}

/// By which rules a round is held.
pub fn rule_set() -> RuleSetRef {
    RuleSetRef { id: "qingdao-2020".into(), version: "1".into(), digest: Digest([0; 32]) }
}

/// What a round is set up with.
pub fn facts() -> Facts {
    Facts {
        title: "2026年度会员评议职工之家".into(),
        assembly: Assembly::Members,
        place: "职工之家".into(),
        begins: TODAY,
        ends: TODAY,
        ends_at: None,
        member_total: 100,
        expected: 100,
        chief_scrutineer: "李监票".into(),
        scrutineers: Vec::new(),
        tellers: vec!["赵计票".into(), "钱计票".into()],
        chair: "王主席".into(),
        applying_for: None,
        indicators: std::collections::BTreeMap::new(),
    }
}

/// The round as it stands in the database.
pub fn load(database: &Database, id: PollId) -> Poll {
    database
        .read(|connection| {
            let (tag, paper, phase_data, version) = poll::table
                .find(id.0)
                .select((poll::tag, poll::paper, poll::phase_data, poll::version))
                .first::<(String, String, String, i64)>(connection)?;
            Ok::<_, DatabaseError>(Poll {
                id,
                tag: PollTag::parse(&tag).expect("a tag"),
                union: UnionId(1),
                year: 2026,
                category: Category::Enterprise,
                rule_set: rule_set(),
                paper: serde_json::from_str(&paper).expect("a paper"),
                facts: facts(),
                phase: phase::read(&phase_data)?,
                version,
            })
        })
        .expect("the round is there")
}

/// Puts the round into the phase that `step` makes of its present one, as the rest of the house would.
pub fn change(database: &Database, id: PollId, step: impl Fn(Phase) -> Phase) {
    let poll = load(database, id);
    let next = step(poll.phase);
    let swapped = database.write(|connection| phase::swap(connection, id, poll.version, &next));
    assert!(swapped.expect("the phase is stored"), "nobody else changes the round");
}

/// Sets the custody down and has it confirmed.
pub fn confirm_custody(database: &Database, id: PollId, handed_out: u32) {
    let custody = Custody { present: handed_out, handed_out, spoiled: 0, unused: 0, confirmed_by: None };
    change(database, id, |phase| phase.count_custody(custody).unwrap().confirm_custody(SCRUTINEER).unwrap());
}

/// A round that is open for casting, and its slips.
pub struct Open {
    pub id: PollId,
    pub slips: IssuedSlips,
    pub opening: Opening,
}

/// Opens a round with this many slips.
pub fn open(ballots: &BallotBox, database: &Database, paper: &Paper, roll: u32, spares: u32) -> Open {
    let id = draft(database, paper);
    let slips = ballots.issue_slips(&load(database, id), roll, spares, CHAIR, NOW).expect("slips are issued");
    let opening = ballots
        .open(&load(database, id), CHAIR, NOW, |opening| Ok(format!("opening {}", opening.roll_root)))
        .expect("the box opens");
    Open { id, slips, opening }
}

/// Confirms the hand-out of all slips of the roll, closes phones and box.
pub fn close(ballots: &BallotBox, database: &Database, id: PollId) -> Result<Opened, BoxError> {
    let poll = load(database, id);
    if let Phase::Open { opening, .. } = &poll.phase {
        confirm_custody(database, id, opening.slips.roll);
        ballots.stop_phones(id, CHAIR, NOW)?;
    }
    ballots.close(&load(database, id), CHAIR, NOW)
}

/// Why a round is called off.
pub fn called_off() -> VoidReason {
    VoidReason::CalledOff { text: "改期".into(), by: CHAIR }
}

/// A new form.
pub fn nonce() -> FormNonce {
    FormNonce(world::random_bytes())
}

/// A ballot that says this of the home, and that its awareness is given.
pub fn ballot(paper: &Paper, home: Option<Answer>) -> Ballot {
    Ballot::from_answers(paper, vec![home, Some(Answer::Know)]).expect("a ballot on this paper")
}

/// A ballot with random answers.
pub fn random_ballot(paper: &Paper) -> Ballot {
    let mut rng = world::rng();
    let answers = paper.items.iter().map(|item| {
        let offered = item.scale.answers();
        offered.get(rng.random_range(0..=offered.len())).copied()
    });
    Ballot::from_answers(paper, answers.collect()).expect("a ballot on this paper")
}

/// Casts and waits for the answer.
pub fn cast(
    ballots: &BallotBox,
    id: PollId,
    slip: &SlipCode,
    nonce: &FormNonce,
    ballot: &Ballot,
) -> Result<Cast, CastRefusal> {
    block_on(ballots.cast(id, slip, nonce, ballot))
}

/// Runs one future to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

/// Waits until `ready` holds; a test that never comes there fails instead of hanging.
pub fn eventually(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if ready() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("never came about: {what}");
}
