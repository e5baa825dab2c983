//! Two processes that publish at the same moment: what the server is told, and what the vault notes.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use pingjia::ballot_box::LIVE_STEP;
use pingjia::database::Kind;
use pingjia::domain::paper::Answer;

use crate::support::installation::Installation;
use crate::support::round::*;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Text)]
    query: String,
}

/// Whoever comes second to publish waits before the tally is noted or sent: the server's log would keep it.
#[test]
fn a_tally_is_sent_only_while_its_place_is_held() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots) = (house.database(), house.start());
    let round = open(&ballots, &database, &paper(false), 600, 0);
    let mut other = PgConnection::establish(&house.server_url().expect("on a server")).unwrap();
    other.batch_execute("BEGIN; SELECT * FROM live_state FOR UPDATE").unwrap();
    let mut owner = PgConnection::establish(&house.server_url().expect("on a server")).unwrap();
    let says = ballot(&paper(false), Some(Answer::Satisfied));
    let mut slips = round.slips.roll.iter();
    let waiting = loop {
        let slip = slips.next().expect("somebody publishes long before the last ballot");
        cast(&ballots, round.id, slip, &nonce(), &says).unwrap();
        if slips.len() < 540 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let waiting: Vec<Waiting> = diesel::sql_query(
            "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .load(&mut owner)
        .unwrap();
        if let Some(waiting) = waiting.into_iter().next() {
            break waiting.query;
        }
    };
    assert!(waiting.contains("FOR UPDATE") && !waiting.contains("UPDATE \"live_state\""), "{waiting}");
    let noted = house.vault_files("");
    assert!(noted.iter().all(|file| !file.file_name().unwrap().to_str().unwrap().starts_with("shown")), "{noted:?}");
    other.batch_execute("ROLLBACK").unwrap();
    eventually("the tally is published", || {
        ballots.live(round.id).unwrap().is_some_and(|live| live.count >= LIVE_STEP)
    });
}
