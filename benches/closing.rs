//! Sealing, and closing and counting a round of a million ballots of four items on SQLite, in processor time and
//! memory, against reading and deleting the same rows in the same run: `cargo bench --bench closing`;
//! `-- --ballots N` for fewer. Prints figures, asserts no time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use diesel::prelude::*;
use pingjia::ballot_box::{BallotBox, measure};
use pingjia::database::schema::sealed_ballot;
use pingjia::database::{Database, DatabaseError, Kind};
use pingjia::domain::ballot::Ballot;
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::{Item, Paper, Scale, Section};
use pingjia::domain::slip::SlipCode;
use support::installation::Installation;
use support::round;

/// Casts in flight while the box is filled.
const TASKS: usize = 512;
/// Rows at a time, as closing has them.
const CHUNK: i64 = 4096;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ballots = arguments.iter().position(|argument| argument == "--ballots");
    let ballots = ballots.and_then(|place| arguments.get(place + 1)).map_or(1_000_000, |text| text.parse().unwrap());
    sealing();
    closing(ballots);
}

/// A ballot of four items from slip and form to sealed row, against the cipher alone on as many bytes.
fn sealing() {
    const TIMES: u32 = 100_000;
    let ballot = round::random_ballot(&paper());
    let cipher = XChaCha20Poly1305::new(&[7; 32].into());
    let (row, plain) = ([1; 32], [2; 52]);
    for turn in 1..=3 {
        let begun = processor();
        measure::seal(&paper(), &ballot, TIMES);
        let sealing = processor() - begun;
        let begun = processor();
        for _ in 0..TIMES {
            let nonce: [u8; 24] = pingjia::world::random_bytes();
            black_box(cipher.encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &row }).unwrap());
        }
        let alone = processor() - begun;
        let each = |seconds: f64| seconds * 1e6 / f64::from(TIMES);
        println!(
            "sealing, round {turn}: {:.2} µs from slip and form to sealed row, {:.2} µs for the cipher alone ({:.1} ×)",
            each(sealing),
            each(alone),
            sealing / alone
        );
    }
}

fn closing(count: u32) {
    let house = Installation::new(Kind::Sqlite);
    let (database, ballots) = (house.database(), house.start());
    let open = round::open(&ballots, &database, &paper(), count, 0);
    let id = open.id;
    fill(&ballots, id, open.slips.roll);
    drop((ballots, database));
    // The same rows once more, to be read and deleted and nothing else.
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("copy.db");
    std::fs::copy(house.sqlite_file(), &file).unwrap();
    let begun = processor();
    read_and_delete(&Database::sqlite(&file).unwrap(), id);
    let bare = processor() - begun;

    let (database, ballots) = (house.database(), house.start());
    let before = memory();
    let begun = (processor(), std::time::Instant::now());
    let opened = round::close(&ballots, &database, id).unwrap();
    let closing = processor() - begun.0;
    assert_eq!(opened.phone, u64::from(count));
    let each = |seconds: f64| seconds * 1e6 / f64::from(count);
    println!(
        "closing {count} ballots of 4 items: {:.2} µs of processor each ({:.1} s by the clock); reading and deleting them alone {:.2} µs; \
         so {:.2} µs for unsealing, counting, sorting and hashing; at most {} MB more memory",
        each(closing),
        begun.1.elapsed().as_secs_f64(),
        each(bare),
        each(closing - bare),
        (memory() - before) >> 20
    );
}

fn paper() -> Paper {
    let item =
        |id: &str| Item { id: id.into(), section: Section::Overall, scale: Scale::Satisfaction, title: id.into() };
    Paper { items: ["home", "union_work", "chair", "spot_check"].map(item).to_vec(), comment: false }
}

fn fill(ballots: &BallotBox, id: PollId, slips: Vec<SlipCode>) {
    let slips = std::sync::Arc::new(std::sync::Mutex::new(slips));
    let says: Vec<Ballot> = (0..64).map(|_| round::random_ballot(&paper())).collect();
    let workers = (0..TASKS).map(|task| {
        let (ballots, slips) = (ballots.clone(), slips.clone());
        let says = says.get(task % says.len()).unwrap().clone();
        async move {
            loop {
                let Some(slip) = slips.lock().unwrap().pop() else { return };
                ballots.cast(id, &slip, &round::nonce(), &says).await.unwrap();
            }
        }
    });
    round::block_on(async {
        let handles: Vec<_> = workers.map(tokio::spawn).collect();
        for handle in handles {
            handle.await.unwrap();
        }
    });
}

fn read_and_delete(database: &Database, id: PollId) {
    let own = || sealed_ballot::table.filter(sealed_ballot::poll_id.eq(id.0));
    let mut last = Vec::new();
    loop {
        let chunk = database.read(|connection| {
            own()
                .filter(sealed_ballot::box_id.gt(&last))
                .order(sealed_ballot::box_id)
                .select((sealed_ballot::box_id, sealed_ballot::sealed))
                .limit(CHUNK)
                .load::<(Vec<u8>, Vec<u8>)>(connection)
                .map_err(DatabaseError::from)
        });
        let Some((end, _)) = chunk.unwrap().pop() else { break };
        last = end;
    }
    loop {
        let deleted = database.write(|connection| {
            let end = own()
                .order(sealed_ballot::box_id)
                .select(sealed_ballot::box_id)
                .offset(CHUNK - 1)
                .first::<Vec<u8>>(connection)
                .optional()?;
            Ok::<_, DatabaseError>(match end {
                Some(end) => diesel::delete(own().filter(sealed_ballot::box_id.le(end))).execute(connection)?,
                None => diesel::delete(own()).execute(connection)?,
            })
        });
        if deleted.unwrap() == 0 {
            return;
        }
    }
}

/// Seconds of processor time of this process so far, in steps of ten milliseconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The most memory of this process so far, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
