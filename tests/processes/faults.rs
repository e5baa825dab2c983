//! Faults of the server in the middle of a cast, injected for real: what may pass is tried again, without losing or
//! doubling a vote; what does not is answered, and the same form counts later.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::ballot_box::{Cast, CastRefusal};
use pingjia::database::schema::{sealed_ballot, slip};
use pingjia::database::{Database, DatabaseError, Kind};
use pingjia::domain::ids::PollId;
use pingjia::domain::paper::Answer;

use crate::support::installation::Installation;
use crate::support::postgres::{Cluster, cluster};
use crate::support::round::*;

/// A session of an outsider on the database of an installation.
fn outsider(house: &Installation) -> PgConnection {
    PgConnection::establish(&house.server_url().unwrap()).unwrap()
}

/// Spent slips and sealed ballots.
fn counts(database: &Database, id: PollId) -> (i64, i64) {
    let counts = database.read(|c| {
        let spent = slip::table.filter(slip::poll_id.eq(id.0)).filter(slip::state.eq(1)).count().get_result(c)?;
        let sealed = sealed_ballot::table.filter(sealed_ballot::poll_id.eq(id.0)).count().get_result(c)?;
        Ok::<_, DatabaseError>((spent, sealed))
    });
    counts.unwrap()
}

/// Makes the next `times` inserts of a ballot fail with this code, by `when` (the trigger's moment).
fn inject(house: &Installation, kind: &str, when: &str, times: usize, act: &str) {
    // A sequence keeps its count when the transaction is rolled back.
    let sql = format!(
        "DROP SEQUENCE IF EXISTS faults CASCADE; CREATE SEQUENCE faults;
         CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('faults') <= {times} THEN {act}; END IF;
             RETURN NEW;
         END $$;
         DROP TRIGGER IF EXISTS fault ON sealed_ballot;
         CREATE {kind} TRIGGER fault {when} FOR EACH ROW EXECUTE FUNCTION fault();"
    );
    outsider(house).batch_execute(&sql).unwrap();
}

const AT_INSERT: (&str, &str) = ("", "BEFORE INSERT ON sealed_ballot");
/// Within COMMIT, before it is done.
const AT_COMMIT: (&str, &str) = ("CONSTRAINT", "AFTER INSERT ON sealed_ballot DEFERRABLE INITIALLY DEFERRED");

#[test]
fn faults_that_pass_are_not_seen() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(true));
    // Serialization, deadlock, shutdown and crash of the server, lock and statement timeouts, too many connections,
    // a full disk, and the session ended outright.
    let codes = ["40001", "40P01", "57P01", "57P02", "55P03", "57014", "53300", "53100"];
    let raised = codes.map(|code| format!("RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'"));
    let acts: Vec<String> =
        raised.into_iter().chain(["PERFORM pg_terminate_backend(pg_backend_pid())".to_owned()]).collect();
    let round = open(&ballots, &database, &paper, u32::try_from(acts.len() * 2).unwrap(), 0);
    let mut slips = round.slips.roll.iter();
    let mut cast_so_far = 0;
    for act in &acts {
        for (kind, when) in [AT_INSERT, AT_COMMIT] {
            inject(&house, kind, when, 3, act);
            let (slip, form) = (slips.next().unwrap(), nonce());
            let thanked = cast(&ballots, round.id, slip, &form, &ballot(&paper, Some(Answer::Satisfied)));
            let Ok(Cast::Cast(receipt)) = thanked else { panic!("{act}, {when}: {thanked:?}") };
            cast_so_far += 1;
            assert_eq!(counts(&database, round.id), (cast_so_far, cast_so_far), "{act}, {when}");
            let again = cast(&ballots, round.id, slip, &form, &ballot(&paper, None));
            assert_eq!(again, Ok(Cast::AlreadyCast(receipt)));
        }
    }
    assert_eq!(i64::try_from(close(&ballots, &database, round.id).unwrap().phone).unwrap(), cast_so_far);
}

#[test]
fn a_fault_that_stays_is_answered_and_the_form_counts_later() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(true));
    let round = open(&ballots, &database, &paper, 2, 0);
    let say = ballot(&paper, Some(Answer::Satisfied));
    // A row that is wrong stays wrong: no second attempt.
    inject(&house, AT_INSERT.0, AT_INSERT.1, 1, "RAISE EXCEPTION 'injected' USING ERRCODE = '23514'");
    let form = nonce();
    assert_eq!(cast(&ballots, round.id, &round.slips.roll[0], &form, &say), Err(CastRefusal::Unavailable));
    assert_eq!(counts(&database, round.id), (0, 0));
    assert!(matches!(cast(&ballots, round.id, &round.slips.roll[0], &form, &say), Ok(Cast::Cast(_))));
    // One that may pass and does not: bounded.
    inject(&house, AT_INSERT.0, AT_INSERT.1, 1_000_000, "RAISE EXCEPTION 'injected' USING ERRCODE = '40001'");
    assert_eq!(cast(&ballots, round.id, &round.slips.roll[1], &form, &say), Err(CastRefusal::Unavailable));
    outsider(&house).batch_execute("DROP TRIGGER fault ON sealed_ballot").unwrap();
    assert!(matches!(cast(&ballots, round.id, &round.slips.roll[1], &form, &say), Ok(Cast::Cast(_))));
    assert_eq!(counts(&database, round.id), (2, 2));
}

/// Where the proxy loses the connection: a cast is one statement, committed as it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// The server never hears of it.
    Before,
    /// The server commits; its answer is lost.
    After,
}

/// Stands between the box and the server and loses the next casts.
struct Proxy {
    folder: tempfile::TempDir,
    /// How many casts are still to be lost.
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    fn new(server: &Cluster, cut: Cut) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let behind = server.folder().join(".s.PGSQL.5432");
        let cuts = Arc::new(AtomicUsize::new(0));
        let left = cuts.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = UnixStream::connect(&behind).unwrap();
                pass(client, server, cut, left.clone());
            }
        });
        Proxy { folder, cuts }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=postgres", self.folder.path().display())
    }
}

fn pass(client: UnixStream, server: UnixStream, cut: Cut, left: Arc<AtomicUsize>) {
    let lost = Arc::new(AtomicBool::new(false));
    let hang_up = |ends: &[&UnixStream; 2]| ends.iter().for_each(|end| drop(end.shutdown(std::net::Shutdown::Both)));
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let losing = lost.clone();
    std::thread::spawn(move || {
        let (mut buffer, mut is_writer) = (vec![0; 1 << 16], false);
        while let Ok(read @ 1..) = from_client.read(&mut buffer) {
            // The writer tells itself by its settings; what it then binds and executes first is a cast.
            is_writer |= buffer[..read].windows(15).any(|part| part == b"plan_cache_mode");
            if is_writer
                && buffer[0] == b'B'
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
            {
                if cut == Cut::Before {
                    break;
                }
                losing.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        hang_up(&[&from_client, &to_server]);
    });
    let (mut from_server, mut to_client) = (server, client);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_server.read(&mut buffer) {
            if lost.load(Ordering::SeqCst) || to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        hang_up(&[&from_server, &to_client]);
    });
}

#[test]
fn a_commit_whose_answer_is_lost_counts_once() {
    for cut in [Cut::Before, Cut::After] {
        let house = Installation::new(Kind::Postgres);
        let (database, paper) = (house.database(), paper(true));
        let round = {
            let ballots = house.start();
            open(&ballots, &database, &paper, 12, 0)
        };
        let proxy = Proxy::new(cluster(), cut);
        let name = house.server_url().unwrap();
        let name = name.trim_start_matches("postgres:///").split('?').next().unwrap();
        let ballots = house.try_start(Database::postgres(&proxy.url(name)).unwrap()).unwrap();
        for (place, slip) in round.slips.roll.iter().enumerate() {
            proxy.cuts.store(place % 3 + 1, Ordering::SeqCst);
            let form = nonce();
            let thanked = cast(&ballots, round.id, slip, &form, &ballot(&paper, Some(Answer::Satisfied)));
            let receipt = match (cut, thanked) {
                (Cut::Before, Ok(Cast::Cast(receipt))) | (Cut::After, Ok(Cast::AlreadyCast(receipt))) => receipt,
                other => panic!("{other:?}"),
            };
            let count = i64::try_from(place + 1).unwrap();
            assert_eq!(counts(&database, round.id), (count, count), "{cut:?}");
            assert_eq!(cast(&ballots, round.id, slip, &form, &ballot(&paper, None)), Ok(Cast::AlreadyCast(receipt)));
            let other = cast(&ballots, round.id, slip, &nonce(), &ballot(&paper, None));
            assert_eq!(other, Err(CastRefusal::SlipSpent));
        }
        drop(ballots);
        assert_eq!(close(&house.start(), &database, round.id).unwrap().phone, 12);
    }
}

#[test]
fn a_server_that_goes_back_is_noticed_though_nobody_votes() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(false));
    let round = open(&ballots, &database, &paper, 6, 0);
    for slip in &round.slips.roll {
        cast(&ballots, round.id, slip, &nonce(), &ballot(&paper, Some(Answer::Satisfied))).unwrap();
    }
    eventually("the turnout is noted", || !house.vault_files("mark-00000000000000000006").is_empty());
    outsider(&house).batch_execute("UPDATE slip SET state = 0").unwrap();
    eventually("the round stops", || ballots.stopped(round.id).is_some_and(|why| why.contains("数据库中只有0张")));
}

#[test]
fn a_server_that_lost_what_two_processes_cast_since_they_counted_is_noticed() {
    let house = Installation::new(Kind::Postgres);
    let database = house.database();
    let (one, other) = (house.start(), house.start());
    let round = open(&one, &database, &paper(false), 10, 0);
    for (place, slip) in round.slips.roll.iter().enumerate() {
        let ballots = if place < 4 { &one } else { &other };
        cast(ballots, round.id, slip, &nonce(), &ballot(&paper(false), Some(Answer::Satisfied))).unwrap();
    }
    drop((one, other));
    // As if the last count had been when there were eight: neither knew what the other cast since.
    let is_mark = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mark-"));
    for mark in house.vault_files("").into_iter().filter(is_mark) {
        std::fs::rename(&mark, mark.with_file_name("mark-00000000000000000008")).unwrap();
    }
    let lost = "UPDATE slip SET state = 0 WHERE digest = (SELECT digest FROM slip ORDER BY 1 LIMIT 1); \
                DELETE FROM sealed_ballot WHERE box_id = (SELECT box_id FROM sealed_ballot ORDER BY 1 LIMIT 1)";
    outsider(&house).batch_execute(lost).unwrap();
    let why = house.start().stopped(round.id).expect("a thanked ballot is missing");
    assert!(why.contains("只有9张") && why.contains("至少有10张"), "{why}");
}

#[test]
fn who_sends_again_is_thanked_after_a_commit_too() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(false));
    let round = open(&ballots, &database, &paper, 6, 0);
    let (slip, form, say) = (&round.slips.roll[0], nonce(), ballot(&paper, Some(Answer::Satisfied)));
    let mut outsider = outsider(&house);
    let mut place = || -> String {
        let place = diesel::dsl::sql::<diesel::sql_types::Text>("pg_current_wal_insert_lsn()::text");
        diesel::select(place).get_result(&mut outsider).unwrap()
    };
    cast(&ballots, round.id, slip, &form, &say).unwrap();
    let mut places = vec![place()];
    for _ in 0..3 {
        assert!(matches!(cast(&ballots, round.id, slip, &form, &say), Ok(Cast::AlreadyCast(_))));
        places.push(place());
    }
    places.dedup();
    assert_eq!(places.len(), 4, "the log grows with each thanks, and a commit waits for what grows");
}

#[test]
fn sessions_ended_without_pause_cost_no_vote() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(false));
    let round = open(&ballots, &database, &paper, 150, 0);
    let done = AtomicBool::new(false);
    let mut executioner = outsider(&house);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                            WHERE datname = current_database() AND pid <> pg_backend_pid()";
                executioner.batch_execute(kill).unwrap();
                std::thread::sleep(Duration::from_millis(80));
            }
        });
        for chunk in round.slips.roll.chunks(30) {
            let say = ballot(&paper, Some(Answer::Satisfied));
            let casts: Vec<_> = chunk.iter().map(|slip| (slip, nonce())).collect();
            let sent = casts.iter().map(|(slip, form)| ballots.cast(round.id, slip, form, &say));
            for (thanked, (slip, form)) in block_on(futures_util::future::join_all(sent)).into_iter().zip(&casts) {
                let mut thanked = thanked;
                for _ in 0..100 {
                    if thanked != Err(CastRefusal::Unavailable) {
                        break;
                    }
                    thanked = cast(&ballots, round.id, slip, form, &say);
                }
                assert!(thanked.is_ok(), "{thanked:?}");
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    let database = house.database();
    assert_eq!(counts(&database, round.id), (150, 150));
    assert_eq!(close(&house.start(), &database, round.id).unwrap().phone, 150);
}

#[test]
fn a_round_that_is_being_changed_holds_up_no_other() {
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(false));
    let (busy, other) = (open(&ballots, &database, &paper, 3, 0), open(&ballots, &database, &paper, 3, 0));
    let mut holder = outsider(&house);
    let lock = 0x7069_6e67_0000_0000_i64 + busy.id.0;
    holder.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({lock})")).unwrap();
    let say = ballot(&paper, Some(Answer::Satisfied));
    let (slip, form) = (&busy.slips.roll[0], nonce());
    block_on(async {
        let waiting = ballots.cast(busy.id, slip, &form, &say);
        tokio::pin!(waiting);
        for slip in &other.slips.roll {
            let form = nonce();
            tokio::select! {
                biased;
                early = &mut waiting => panic!("cast in a round that is held: {early:?}"),
                thanked = ballots.cast(other.id, slip, &form, &say) => assert!(matches!(thanked, Ok(Cast::Cast(_))), "{thanked:?}"),
            }
        }
        holder.batch_execute("COMMIT").unwrap();
        assert!(matches!(waiting.await, Ok(Cast::Cast(_))));
    });
    // A slip that another session holds: the lock times out, and the cast is tried again.
    holder.batch_execute("BEGIN; SELECT 1 FROM slip FOR UPDATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| cast(&ballots, busy.id, &busy.slips.roll[1], &form, &say));
        let failures = "SELECT 1 / (xact_rollback > 0)::int FROM pg_stat_database WHERE datname = current_database()";
        let mut watcher = outsider(&house);
        let before = "SELECT pg_stat_reset()";
        watcher.batch_execute(before).unwrap();
        eventually("a lock that timed out", || watcher.batch_execute(failures).is_ok());
        holder.batch_execute("COMMIT").unwrap();
        assert!(matches!(waiting.join().unwrap(), Ok(Cast::Cast(_))));
    });
    assert_eq!((counts(&database, busy.id), counts(&database, other.id)), ((2, 2), (3, 3)));
}

#[test]
fn the_pool_finds_the_server_again_after_a_restart() {
    let server = Cluster::durable();
    server.run("CREATE DATABASE pool");
    let database = Database::postgres(&server.url("pool")).unwrap();
    let look = || database.read(|c| Ok::<_, DatabaseError>(diesel::sql_query("SELECT 1").execute(c)?));
    for mode in ["fast", "immediate"] {
        // All connections of the pool are there, and all are broken.
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    database
                        .read(|c| Ok::<_, DatabaseError>(diesel::sql_query("SELECT pg_sleep(0.2)").execute(c)?))
                        .unwrap()
                });
            }
        });
        server.restart(mode);
        for _ in 0..20 {
            look().unwrap();
        }
    }
}
