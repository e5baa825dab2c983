//! A server and a real standby of it: what anybody was thanked for is on both before, and where a standby that follows at a
//! distance did lose ballots, the round stops instead of counting fewer.

use std::fs;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use pingjia::ballot_box::{BoxError, Cast};
use pingjia::domain::paper::Answer;

use crate::people::Round;
use crate::phone::Phone;
use crate::support::postgres::{Cluster, STANDBY};
use crate::support::round::{ballot, cast, close, eventually, nonce, open, paper};
use crate::support::service::House;

/// A server, and perhaps a standby.
pub struct Pair {
    pub first: Cluster,
    heir: Option<Cluster>,
}

impl Pair {
    pub fn new(with_standby: bool) -> Pair {
        let first = Cluster::durable();
        first.run("CREATE DATABASE pingjia");
        let heir = with_standby.then(|| first.standby());
        Pair { first, heir }
    }

    /// The address of the installation's database, wherever it is served.
    pub fn url(&self) -> String {
        match &self.heir {
            Some(heir) => self.first.url_with(heir, "pingjia"),
            None => self.first.url("pingjia"),
        }
    }

    /// From here on no commit is confirmed before the standby has it, where there is one.
    pub fn wait_for_standby(&self) {
        if self.heir.is_some() {
            self.first.set(&format!("synchronous_standby_names = '{STANDBY}'"));
            self.await_first("the standby follows", true, "pg_stat_replication WHERE sync_state = 'sync'");
        }
    }

    /// The server dies for good, and its standby takes its place.
    pub fn fail_over(&self) {
        self.first.stop("immediate");
        self.heir().promote();
    }

    fn heir(&self) -> &Cluster {
        self.heir.as_ref().expect("a pair with a standby")
    }

    /// Waits until the first server finds some, or none.
    fn await_first(&self, what: &str, some: bool, from: &str) {
        eventually(what, || (self.ask_first(&format!("count(*) FROM {from}")) > 0) == some);
    }

    /// A number from the first server.
    fn ask_first(&self, query: &str) -> i64 {
        let number = diesel::dsl::sql::<BigInt>(&format!("(SELECT {query})"));
        diesel::select(number).get_result(&mut self.first.owner()).expect(query)
    }
}

/// What the processes have noted in the vault to have been cast through them, together.
fn noted(house: &House) -> u64 {
    let mut casts = std::collections::BTreeMap::new();
    for entry in fs::read_dir(house.round_in_vault()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some((process, count)) = name.strip_prefix("cast-").and_then(|rest| rest.rsplit_once('-')) {
            let most = casts.entry(process.to_owned()).or_insert(0);
            *most = count.parse::<u64>().unwrap().max(*most);
        }
    }
    casts.values().sum()
}

#[test]
fn where_a_standby_never_had_thanked_ballots_the_round_stops() {
    let servers = Pair::new(true);
    let house = House::on_server(&servers.url());
    let round = Round::open(&house, 60);
    let services = [house.serve(), house.serve()];
    let forms: Vec<_> = round.slips.roll.iter().map(|_| nonce()).collect();
    let vote = |place: usize, at: usize| {
        Phone::default().send(services[at].address, &round.slips.roll[place], &forms[place]).expect("an answer")
    };
    for place in 0..20 {
        assert_eq!(vote(place, place % 2).0, 200);
    }
    servers.await_first(
        "the standby has everything so far",
        true,
        "pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()",
    );
    servers.heir().set("primary_conninfo = ''");
    servers.await_first("the standby hears nothing more", false, "pg_stat_replication");
    for place in 20..40 {
        assert_eq!(vote(place, place % 2).0, 200);
    }
    eventually("each process noted its own", || noted(&house) == 40);

    servers.fail_over();
    let path = format!("/rounds/{}", round.id);
    for service in &services {
        eventually("the round stops", || {
            let page = round.chair.try_get(service.address, &path);
            page.is_some_and(|(_, page)| page.contains("data-stopped") && page.contains("数据库是更早的副本"))
        });
    }
    for (at, place) in [(0, 39), (1, 50)] {
        assert_eq!(vote(place, at), (503, None), "nobody is thanked any more");
    }
    drop(services);
    let ballots = house.ballots();
    assert!(ballots.stopped(round.id).is_some(), "nor after a start");
    let closed = close(&ballots, &house.database(), round.id);
    assert!(matches!(&closed, Err(BoxError::Vault(why)) if why.contains("数据库是更早的副本")), "{closed:?}");
}

#[test]
fn who_sends_again_is_thanked_once_the_standby_has_the_ballot() {
    let servers = Pair::new(true);
    let house = House::on_server(&servers.url());
    let (database, ballots) = (house.database(), house.ballots());
    let round = open(&ballots, &database, &paper(false), 1, 0);
    servers.wait_for_standby();
    servers.heir().stop("fast");
    let (slip, form, says) = (&round.slips.roll[0], nonce(), ballot(&paper(false), Some(Answer::Satisfied)));
    // Sessions that wait for the standby, but for one.
    let waiting = |but: i64| {
        let others = format!("pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> {but}");
        servers.ask_first(&format!("coalesce(max(pid), 0)::bigint FROM {others}"))
    };
    std::thread::scope(|scope| {
        let cast_once = scope.spawn(|| cast(&ballots, round.id, slip, &form, &says));
        eventually("the commit waits", || waiting(0) != 0);
        // The line breaks: the commit stands on the first server, and nobody was told.
        let first = waiting(0);
        servers.first.run(&format!("SELECT pg_terminate_backend({first})"));
        eventually("the next attempt sees the ballot, and waits as well", || waiting(first) != 0);
        assert!(!cast_once.is_finished(), "not thanked: the ballot is on one server only");
        servers.heir().restart("fast");
        // Whoever waited too long sends again.
        let thanked = std::iter::once_with(|| cast_once.join().unwrap())
            .chain(std::iter::repeat_with(|| cast(&ballots, round.id, slip, &form, &says)))
            .take(100)
            .find_map(Result::ok);
        assert!(matches!(thanked, Some(Cast::AlreadyCast(_))), "{thanked:?}");
    });
    servers.fail_over();
    eventually("the same ballot on the other server", || {
        matches!(cast(&ballots, round.id, slip, &form, &says), Ok(Cast::AlreadyCast(_)))
    });
}
