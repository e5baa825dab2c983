//! `cargo bench --bench verify`: how fast published openings are read, recounted and held against their digests.
//! Goal: one million openings per second on one core. Processor time is what counts on a shared machine.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, clippy::indexing_slicing, reason = "a benchmark")]

use std::time::Instant;

use pingjia::domain::digest::Digest;
use pingjia::domain::openings::{OpeningBlock, entry};
use pingjia::domain::openings_file::{recount, write};
use pingjia::domain::paper::{Answer, Item, Paper, Scale, Section};
use pingjia::domain::slip::Receipt;

const BALLOTS: u32 = 250_000;

/// Nanoseconds that this thread has spent on a processor (Linux).
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn main() {
    let item =
        |id: &str| Item { id: id.into(), section: Section::Overall, scale: Scale::Satisfaction, title: id.into() };
    let paper = Paper { items: ["a", "b", "c", "d"].map(item).to_vec(), comment: false };
    let answers = [None, Some(Answer::Satisfied), Some(Answer::BasicallySatisfied), Some(Answer::Dissatisfied)];
    let block = |item: &Item| {
        let numbered = |n: u32| {
            let opening = Digest::labelled(item.id.as_str(), &[&n.to_be_bytes()]);
            entry(&opening, answers[usize::from(opening.0[31]) % answers.len()])
        };
        OpeningBlock::of((0..BALLOTS).map(numbered).collect())
    };
    let mut receipts: Vec<Receipt> = (0..BALLOTS)
        .map(|n| Receipt(Digest::labelled("receipt", &[&n.to_be_bytes()]).0[..15].try_into().unwrap()))
        .collect();
    receipts.sort_unstable();
    let mut file = Vec::new();
    let start = Instant::now();
    write(&mut file, &Digest::sha256(b""), &paper, |item| Ok(block(item)), &receipts).unwrap();
    let openings = f64::from(BALLOTS) * paper.items.len() as f64;
    println!("{openings} openings, {} MB; made in {:.2} s", file.len() >> 20, start.elapsed().as_secs_f64());
    // Hashing alone, as a yardstick of the machine: 33 bytes per opening.
    let hashed = |bytes: &[u8]| {
        let start = Instant::now();
        std::hint::black_box(Digest::sha256(bytes));
        bytes.len() as f64 / 33.0 / start.elapsed().as_secs_f64()
    };
    for round in 1..=3 {
        let (start, processor) = (Instant::now(), processor_time());
        let counted = recount(&file[..], &paper).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let busy = (processor_time() - processor) / 1e9;
        assert_eq!(counted.items.len(), 4);
        println!(
            "round {round}: {:.2} million openings per processor second ({busy:.2} s, {seconds:.2} s by the clock, \
             with {BALLOTS} receipts); hashing alone {:.1} million/s",
            openings / busy / 1e6,
            hashed(&file[..33 << 20]) / 1e6
        );
    }
}
