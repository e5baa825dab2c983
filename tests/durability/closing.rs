//! The service is killed while it opens the box: whatever step that finds, the next start goes on from there, and
//! nothing is counted twice, lost, or published before the count stands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pingjia::ballot_box::Cast;
use pingjia::domain::ids::PollId;
use pingjia::domain::poll::{Opened, Phase};
use pingjia::domain::slip::Receipt;
use pingjia::domain::tally::Tally;
use pingjia::world;
use rand::RngExt as _;

use crate::ledger::counts;
use crate::support::postgres::cluster;
use crate::support::round::*;
use crate::support::service::House;

/// Enough for the sealed rows to be deleted in more than one chunk.
const BALLOTS: u32 = 4500;

/// A round that is about to be closed, kept to be brought back for each kill.
pub struct Template {
    pub house: House,
    /// Name of the database on the PostgreSQL server; none for SQLite.
    server: Option<String>,
    pub id: PollId,
    tally: Tally,
    receipts: Vec<Receipt>,
}

impl Template {
    /// With this many ballots; `begun` when the closing was killed right after it began.
    pub fn new(count: u32, begun: bool) -> Self {
        Template::within(House::new(), None, count, begun)
    }

    /// The same on PostgreSQL, before the closing.
    pub fn on_server(count: u32) -> Self {
        let name = cluster().create();
        Template::within(House::on_server(&cluster().url(&name)), Some(name), count, false)
    }

    fn within(house: House, server: Option<String>, count: u32, begun: bool) -> Self {
        let paper = paper(true);
        let (database, ballots) = (house.database(), house.ballots());
        let round = open(&ballots, &database, &paper, count, 0);
        let mut tally = Tally::empty(&paper);
        let says: Vec<_> = round.slips.roll.iter().map(|slip| (slip, nonce(), random_ballot(&paper))).collect();
        let casts = says.iter().map(|(slip, nonce, ballot)| {
            tally.add(ballot.answers());
            ballots.cast(round.id, slip, nonce, ballot)
        });
        let thanked = block_on(futures_util::future::join_all(casts.collect::<Vec<_>>()));
        let mut receipts: Vec<Receipt> = thanked
            .into_iter()
            .map(|cast| match cast {
                Ok(Cast::Cast(receipt)) => receipt,
                other => panic!("{other:?}"),
            })
            .collect();
        receipts.sort_unstable();
        confirm_custody(&database, round.id, count);
        ballots.stop_phones(round.id, CHAIR, NOW).unwrap();
        drop(ballots);
        if begun {
            change(&database, round.id, |phase| phase.begin_closing().unwrap());
        }
        drop(database);
        let template = Template { house, server, id: round.id, tally, receipts };
        template.keep();
        template
    }

    /// Address of the database on the PostgreSQL server.
    pub fn server_url(&self) -> String {
        cluster().url(self.server.as_ref().expect("a round on the server"))
    }

    /// Keeps the round as it is now. No service may run.
    pub fn keep(&self) {
        self.house.rest();
        for (from, to) in places(&self.house) {
            let _ = fs::remove_dir_all(&to);
            copy(&from, &to);
        }
        if let Some(name) = &self.server {
            replace(name, &kept(name));
        }
    }

    /// The round again as it was kept.
    pub fn bring_back(&self) {
        self.house.rest();
        for (from, to) in places(&self.house) {
            fs::remove_dir_all(&from).unwrap();
            copy(&to, &from);
        }
        if let Some(name) = &self.server {
            replace(&kept(name), name);
        }
    }

    fn vault_files(&self, ending: &str) -> usize {
        let names = fs::read_dir(self.house.round_in_vault())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(ending)).count()
    }

    /// What must hold after a kill at any moment. Gives the step that the kill found.
    pub fn check_between(&self) -> &'static str {
        let database = self.house.database();
        let (keys, tombstones) = (self.vault_files(".key"), self.vault_files("tombstone"));
        let (spent, sealed, _) = counts(&database, self.id);
        assert_eq!(spent, i64::try_from(self.receipts.len()).unwrap());
        match load(&database, self.id).phase {
            phase @ (Phase::Counting { .. } | Phase::Closing { .. }) => {
                assert_eq!((keys, tombstones, sealed), (1, 0, spent), "nothing goes before the count stands");
                if matches!(phase, Phase::Counting { .. }) { "before the closing" } else { "before the count" }
            }
            Phase::Closed { opened, .. } => {
                self.check_result(&opened);
                assert!(keys == 1 || tombstones == 1, "the key goes after the tombstone is there");
                assert!(!opened.key_destroyed || keys == 0, "said to be destroyed only when it is");
                assert!(sealed == spent || opened.key_destroyed, "sealed rows go after the key");
                match (tombstones, keys, opened.key_destroyed, sealed) {
                    (0, ..) => "counted",
                    (_, 1, ..) => "tombstone written",
                    (_, _, false, _) => "key destroyed",
                    (_, _, true, 0) => "all done",
                    _ => "destruction noted",
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn check_result(&self, opened: &Opened) {
        let count = u64::try_from(self.receipts.len()).unwrap();
        assert_eq!((&opened.tally, opened.phone, opened.paper), (&self.tally, count, 0));
    }

    /// One more start, left alone: everything is done. The service serves once it has closed the round.
    pub fn check_end(&self) {
        self.house.serve().stop();
        self.check_done();
    }

    /// Everything is done. No service may run.
    pub fn check_done(&self) {
        let database = self.house.database();
        let Phase::Closed { opened, .. } = load(&database, self.id).phase else { panic!("closed by the start") };
        self.check_result(&opened);
        assert!(opened.key_destroyed);
        assert_eq!((self.vault_files(".key"), self.vault_files("tombstone")), (0, 1));
        assert_eq!((counts(&database, self.id).1, counts(&database, self.id).2), (0, 0));
        drop(database);
        assert_eq!(self.house.ballots().receipts(self.id).unwrap().unwrap(), self.receipts);
    }
}

/// Database and vault, each with the place of its copy.
fn places(house: &House) -> [(PathBuf, PathBuf); 2] {
    [(house.data(), house.folder().join("data-kept")), (house.vault(), house.folder().join("vault-kept"))]
}

/// Name of the copy of a database on the server.
fn kept(name: &str) -> String {
    format!("{name}_kept")
}

/// Puts a copy of a database on the server in the place of another; whoever is still connected is cut off.
fn replace(from: &str, to: &str) {
    cluster().run(&format!("DROP DATABASE IF EXISTS {to} WITH (FORCE)"));
    cluster().run(&format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{from}'"));
    cluster().copy(from, to);
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}

/// Starts the service and kills it when `moment` has come.
fn kill_at(house: &House, mut moment: impl FnMut() -> bool) {
    let mut child = house.command().stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !moment() {
        assert_eq!(child.try_wait().unwrap(), None, "it does not end by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_closing_killed_at_any_step_goes_on_from_there() {
    let template = Template::new(BALLOTS, true);
    let seen = |ending: &'static str, count| {
        let template = &template;
        move || template.vault_files(ending) == count
    };
    // Killed the moment something is seen in the vault: the tombstone's draft, the tombstone, the key gone.
    let mut found = vec![template.check_between()];
    // A step that was too quick to be seen is passed over when the key is gone.
    let nothing = template.vault_files("");
    let draft = || template.vault_files("") > nothing || template.vault_files(".key") == 0;
    let moments: [Box<dyn FnMut() -> bool>; 3] =
        [Box::new(draft), Box::new(seen("tombstone", 1)), Box::new(seen(".key", 0))];
    for moment in moments {
        template.bring_back();
        kill_at(&template.house, moment);
        found.push(template.check_between());
        template.check_end();
    }
    // Killed again and again at random moments, until it is done.
    template.bring_back();
    let mut rng = world::rng();
    for _ in 0..6 {
        let pause = Duration::from_millis(rng.random_range(100..1500));
        kill_at(&template.house, || {
            std::thread::sleep(pause);
            true
        });
        found.push(template.check_between());
    }
    template.check_end();
    println!("the kills found: {found:?}");
}
