//! A large installation, made by the server itself from one round that is a template.

use std::fmt::Write as _;

use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use pingjia::domain::ids::PollId;
use pingjia::domain::slip::PollTag;
use pingjia::domain::standing::{Class, RateClass, Rating, Stage};

/// How much of everything.
pub struct Size {
    pub unions: i64,
    /// Every union holds one round in each.
    pub years: i64,
    /// Rounds that are open now.
    pub open: i64,
    /// Slips of each of these. A third of them is spent.
    pub slips: i64,
}

/// Ids below are those of the template and of what a test makes by itself.
const FIRST: i64 = 1000;
/// Unions right below the root; all others are below one of these.
const DISTRICTS: i64 = 100;

/// Fills the database of the template round. Union 1, whose path is `/1/`, heads all others.
pub fn fill(connection: &mut PgConnection, size: &Size, template: PollId) {
    let Size { unions, years, open, slips } = size;
    let rounds = unions * years;
    let class =
        |stage, rating, rate: Option<u8>| Class { stage, rating, rate: rate.map(RateClass::satisfaction) }.number();
    let (opened, accepted) = (class(Stage::Open, None, None), class(Stage::Accepted, Some(Rating::Met), Some(19)));
    let failed = |stage| class(stage, Some(Rating::NotMet), Some(15));
    let (waiting, judged, returned) = (failed(Stage::Certified), failed(Stage::Accepted), failed(Stage::SheetReturned));
    let asked = class(Stage::RollAsked, None, None);
    let round = format!("{FIRST} + n AS poll_id, {FIRST} + n % {unions} AS union_id, 2026 - n / {unions} AS year");
    let path = format!(
        "CASE WHEN u < {DISTRICTS} THEN '/1/' || {FIRST} + u || '/' \
         ELSE '/1/' || {FIRST} + u % {DISTRICTS} || '/' || {FIRST} + u || '/' END"
    );
    let statements = [
        "UPDATE trade_union SET path = '/1/' WHERE id = 1".to_owned(),
        format!(
            "INSERT INTO trade_union (id, superior_id, path, name, category, rule_set)
             SELECT {FIRST} + u, CASE WHEN u < {DISTRICTS} THEN 1 ELSE {FIRST} + u % {DISTRICTS} END, {path},
                    '示例第' || u || '号机械制造有限公司工会',
                    CASE WHEN u < {DISTRICTS} THEN 'county_union' ELSE 'enterprise' END, 'qingdao-2020'
             FROM generate_series(0, {unions} - 1) u"
        ),
        format!(
            "INSERT INTO account (id, username, password_hash, role, union_id, name, active)
             SELECT {FIRST} + n, 'user' || n, '', 'chair', {FIRST} + n, '王主席', TRUE FROM generate_series(0, {unions} - 1) n"
        ),
        format!(
            "INSERT INTO session SELECT sha256(n::text::bytea), {FIRST} + n, 4000000000 + n FROM generate_series(0, {unions} - 1) n"
        ),
        format!(
            "INSERT INTO poll (id, tag, union_id, year, category, rule_set_id, rule_set_version, rule_set_digest, paper, facts, phase, phase_data, version)
             SELECT poll_id, {tag}, r.union_id, r.year, category, rule_set_id, rule_set_version, rule_set_digest, paper, facts,
                    CASE WHEN n < {open} THEN 'open' ELSE 'reported' END, phase_data, version
             FROM (SELECT n, {round} FROM generate_series(0, {rounds} - 1) n) r, poll WHERE poll.id = {template}",
            tag = tag("n")
        ),
        format!(
            "INSERT INTO standing (poll_id, union_id, year, current, path, class, grassroots, waits, moved, expected, present, issued, returned, valid, sheet_id, numerator, base, threshold_num, threshold_den, rate, turnout)
             SELECT {FIRST} + n, {FIRST} + u, 2026 - n / {unions}, TRUE, {path},
                    CASE WHEN n < {open} THEN {opened} WHEN n < {unions} AND n % 100 = 7 THEN {asked}
                         WHEN n % 10 = 3 THEN CASE ({FIRST} + n) / 10 % 8 WHEN 0 THEN {waiting} WHEN 1 THEN {returned} ELSE {judged} END
                         ELSE {accepted} END,
                    u >= {DISTRICTS}, CASE WHEN n >= {open} AND n < {unions} AND n % 100 = 7 THEN 1 ELSE 0 END,
                    n, 120, 110, 118, 110, 109, 'abcdefghijklmnop', 100, 109, 9, 10, 9000 + n % 1000, 9000 + n % 777
             FROM (SELECT n, n % {unions} AS u FROM generate_series(0, {rounds} - 1) n) r"
        ),
        // Every tenth round fell short: one of eight of these is under way or overdue, of one the sheet was returned, one waits
        // for the check, five are checked.
        format!(
            "INSERT INTO rectification (poll_id, year, path, due, state, report, done_on, reported_on, note, noted_on, version, stage)
             SELECT poll_id, year, path, to_char(date '2026-01-01' + (poll_id % 730)::int, 'YYYY-MM-DD'), greatest(least(k - 1, 2), 0),
                    CASE WHEN k > 1 THEN '已整改' END, CASE WHEN k > 1 THEN '2026-01-01' END, CASE WHEN k > 1 THEN '2026-01-01' END,
                    CASE WHEN k > 2 THEN '属实' END, CASE WHEN k > 2 THEN '2026-01-02' END, 0, class / 1000
             FROM (SELECT poll_id, year, path, class, poll_id / 10 % 8 AS k FROM standing WHERE class IN ({waiting}, {returned}, {judged})) r"
        ),
        // Every third union holds a title: of ten of these one failed its review, two have lost it.
        format!(
            "INSERT INTO title (union_id, path, label, tier, named_by, given_on, state, due, failed_on, ending, reason, evaluation, version)
             SELECT {FIRST} + u, {path}, '模范职工之家', 'model', '市总工会', '2024-01-01', k,
                    to_char(date '2025-06-01' + (u % 1400)::int, 'YYYY-MM-DD'), CASE WHEN k = 1 THEN '2025-05-01' END,
                    CASE WHEN k = 2 THEN 'revoked' END, CASE WHEN k > 0 THEN '不合格' END, u % 3, 0
             FROM (SELECT u, greatest(u / 3 % 10 - 7, 0) AS k FROM generate_series(0, {unions} - 1, 3) u) r"
        ),
        format!(
            "INSERT INTO sheet SELECT translate(left(md5(n::text), 16), '0189', 'ghij'), {FIRST} + n, {FIRST} + n % {unions}, 2026 - n / {unions}, '{{}}',
                    CASE WHEN n % 50 = 0 THEN translate(left(md5((n + 1)::text), 16), '0189', 'ghij') END
             FROM generate_series({open}, {rounds} - 1) n"
        ),
        format!("INSERT INTO statement SELECT {FIRST} + n, 'opening', '{{}}' FROM generate_series(0, {rounds} - 1) n"),
        format!(
            "INSERT INTO journal (at, account_id, union_id, poll_id, action, detail)
             SELECT 1700000000 + n, {FIRST} + n % {unions}, {FIRST} + n % {unions}, {FIRST} + n % {rounds}, 'poll.open', ''
             FROM generate_series(0, 2 * {rounds} - 1) n"
        ),
        format!("INSERT INTO live_state SELECT {FIRST} + n, 0, '{{}}' FROM generate_series(0, {open} - 1) n"),
        format!("INSERT INTO opened_block SELECT {FIRST} + n, 'receipts', '' FROM generate_series({open}, {rounds} - 1) n"),
        format!(
            "INSERT INTO slip SELECT {FIRST} + p, sha256((p || '/' || s)::bytea), CASE WHEN s % 3 = 0 THEN 1 ELSE 0 END
             FROM generate_series(0, {open} - 1) p, generate_series(1, {slips}) s"
        ),
        format!(
            "INSERT INTO sealed_ballot SELECT {FIRST} + p, sha256((p || '-' || s)::bytea), sha256('')
             FROM generate_series(0, {open} - 1) p, generate_series(1, {slips} / 3) s"
        ),
        format!(
            "INSERT INTO sealed_comment SELECT {FIRST} + p, sha256((p || '_' || s)::bytea), sha256('')
             FROM generate_series(0, {open} - 1) p, generate_series(1, {slips} / 3) s"
        ),
        format!(
            "INSERT INTO paper_entry SELECT {FIRST} + p, sha256((p || '/' || s)::bytea), 1, sha256('')
             FROM generate_series(0, {open} - 1) p, generate_series(1, 10) s"
        ),
    ];
    for statement in &statements {
        connection.batch_execute(statement).expect(statement);
    }
    // What the server does by itself after a while. At rounds it last looked when none was open: ten thousand that open on
    // one day are too few among a million for it to look again.
    for statement in [
        "VACUUM ANALYZE",
        "UPDATE poll SET phase = 'not yet' WHERE phase = 'open'",
        "ANALYZE poll",
        "UPDATE poll SET phase = 'open' WHERE phase = 'not yet'",
        "VACUUM",
    ] {
        connection.batch_execute(statement).expect(statement);
    }
}

/// SQL for a tag of its own for each number: the tags that [`PollTag::from_random`] makes.
fn tag(number: &str) -> String {
    let alphabet: String = (0..32).map(|n| PollTag::from_random(n).to_string().remove(0)).collect();
    let mut sql = String::new();
    // Ids of tags drawn by tests lie below 2^20.
    for place in 0..5 {
        let bar = if place == 0 { "" } else { " || " };
        write!(sql, "{bar}substr('{alphabet}', ((({number} + 1048576) >> {}) & 31)::int + 1, 1)", 5 * place).unwrap();
    }
    sql
}
