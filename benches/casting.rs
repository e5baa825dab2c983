//! Durable votes per second through the ballot box on SQLite, without HTTP: `cargo bench --bench casting`.
//! Prints figures, asserts no time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pingjia::ballot_box::BallotBox;
use pingjia::database::Kind;
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::Answer;
use pingjia::domain::slip::SlipCode;
use support::installation::Installation;
use support::round;

const SLIPS: u32 = 20_000;

fn main() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = Installation::new(kind);
        let (database, ballots) = (house.database(), house.start());
        for tasks in [1, 16, 64, 256] {
            let open = round::open(&ballots, &database, &round::paper(false), SLIPS, 0);
            let slips = if tasks == 1 { 2_000 } else { open.slips.roll.len() };
            let slips: Arc<[SlipCode]> = open.slips.roll.get(..slips).unwrap().into();
            let (begun, busy) = (Instant::now(), processor());
            let mut times = run(&ballots, open.id, &slips, tasks);
            let rate = slips.len() as f64 / begun.elapsed().as_secs_f64();
            let each = processor().saturating_sub(busy).as_micros() as f64 / slips.len() as f64;
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).unwrap().as_micros();
            println!(
                "{kind:?} {tasks:>4} tasks: {rate:>8.0} votes/s, {each:.1} µs of processor each, p50 {} µs, p99 {} µs",
                at(50),
                at(99)
            );
            let begun = Instant::now();
            round::close(&ballots, &database, open.id).unwrap();
            println!("{kind:?} closing and counting {}: {} ms", slips.len(), begun.elapsed().as_millis());
        }
    }
}

/// Casts every slip once from this many tasks on one thread; gives how long each took.
fn run(ballots: &BallotBox, id: PollId, slips: &Arc<[SlipCode]>, tasks: usize) -> Vec<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    let say = round::ballot(&round::paper(false), Some(Answer::Satisfied));
    let workers = (0..tasks).map(|_| {
        let (ballots, slips, next, say) = (ballots.clone(), slips.clone(), next.clone(), say.clone());
        async move {
            let mut times = Vec::new();
            while let Some(slip) = slips.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                ballots.cast(id, slip, &round::nonce(), &say).await.unwrap();
                times.push(begun.elapsed());
            }
            times
        }
    });
    round::block_on(async {
        let handles: Vec<_> = workers.map(tokio::spawn).collect();
        let mut times = Vec::new();
        for handle in handles {
            times.extend(handle.await.unwrap());
        }
        times
    })
}

/// Processor time of this process so far, in steps of ten milliseconds.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
