//! The attack on PostgreSQL: row versions with the transaction that made them (`xmin`) and their place (`ctid`),
//! data directory with dead rows, pages and write-ahead log taken apart (`wal.rs`), dumps, every statistics view, and a log
//! of every statement with its parameters and times; after the closing the vault as well. Two stores that leak show
//! that the attack works.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::process::Command;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use pingjia::ballot_box::Cast;
use pingjia::domain::ballot::Ballot;
use pingjia::domain::paper::Answer;
use pingjia::world;

use crate::leaky::best;
use crate::loot::{Loot, Published, Row, Step, published};
use crate::raw::{find, find_in_folder};
use crate::sqlite::assert_no_better_than_chance;
use crate::support::postgres::{BINARIES, Cluster};
use crate::support::round::{cast, close, nonce, open, paper};
use crate::support::service::House;
use crate::truth::{self, Needles, Said, Truth, contents, random_answer, random_comment, sealed_rows, truth};
use crate::wal;

const BALLOTS: u32 = 400;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    transaction: i64,
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Every row of every table by the transaction that wrote it; the last column is the row's place in its file.
fn versions(url: &str) -> BTreeMap<i64, Vec<Row>> {
    let mut connection = PgConnection::establish(url).unwrap();
    let mut names = |sql: String| -> Vec<String> {
        let names: Vec<Name> = diesel::sql_query(sql).load(&mut connection).unwrap();
        names.into_iter().map(|name| name.name).collect()
    };
    let tables =
        names("SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'".into());
    let tables: Vec<(String, Vec<String>)> = tables
        .into_iter()
        .map(|table| {
            let columns = names(format!(
                "SELECT CASE data_type WHEN 'bytea' THEN format('%I', column_name) \
                 ELSE format('convert_to(%I::text, ''UTF8'')', column_name) END AS name \
                 FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
            ));
            (table, columns)
        })
        .collect();
    let mut found: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for (table, columns) in tables {
        let columns: Vec<String> = columns.iter().map(|name| format!("coalesce(encode({name}, 'hex'), '')")).collect();
        let place = "lpad(to_hex((ctid::text::point)[0]::bigint * 65536 + (ctid::text::point)[1]::bigint), 12, '0')";
        let sql = format!(
            "SELECT xmin::text::bigint AS transaction, {} || '.' || {place} AS line FROM {table}",
            columns.join(" || '.' || ")
        );
        for version in diesel::sql_query(sql).load::<Version>(&mut connection).unwrap() {
            let columns = version.line.split('.').map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap());
            let row = Row { table: table.clone(), columns: columns.collect() };
            found.entry(version.transaction).or_default().push(row);
        }
    }
    found
}

/// A server that hides nothing, with a database on it whose owner looks into pages and statistics.
fn watched(name: &str) -> (Cluster, String) {
    let server = Cluster::talkative();
    server.run(&format!("CREATE DATABASE {name}"));
    let url = server.url(name);
    let mut owner = PgConnection::establish(&url).unwrap();
    owner
        .batch_execute(
            "CREATE SCHEMA watch; CREATE EXTENSION pageinspect SCHEMA watch; CREATE EXTENSION pg_stat_statements SCHEMA watch",
        )
        .unwrap();
    (server, url)
}

/// Everything that the server's statistics say, as text.
fn statistics(url: &str) -> Vec<u8> {
    let mut owner = PgConnection::establish(url).unwrap();
    let views: Vec<Name> = diesel::sql_query(
        "SELECT format('%I.%I', schemaname, viewname) AS name FROM pg_views \
         WHERE viewname LIKE 'pg\\_stat%' OR viewname IN ('pg_prepared_statements', 'pg_locks', 'pg_stats')",
    )
    .load(&mut owner)
    .unwrap();
    assert!(views.len() > 30 && views.iter().any(|view| view.name.ends_with("pg_stat_statements")), "{}", views.len());
    let mut said = Vec::new();
    for view in views {
        let sql = format!("SELECT coalesce(string_agg(v::text, ' '), '') AS name FROM {} AS v", view.name);
        let text: Name = diesel::sql_query(sql).get_result(&mut owner).unwrap();
        said.extend_from_slice(text.name.as_bytes());
    }
    assert!(said.windows(15).any(|part| part == b"UPDATE slip SET"), "statements are in the statistics");
    said
}

/// Database files, write-ahead log, statistics and a dump, searched for secrets.
fn searched(server: &Cluster, url: &str, needles: &Needles) -> Vec<(&'static str, String)> {
    server.run("CHECKPOINT");
    let folder = server.folder();
    let mut found = find_in_folder(needles, &folder.join("data"));
    let dump = Command::new(format!("{BINARIES}/pg_dump")).arg(url).output().unwrap();
    assert!(dump.status.success() && dump.stdout.len() > 10_000);
    found.extend(find(needles, &dump.stdout).into_iter().map(|name| (name, "pg_dump".to_owned())));
    found.extend(find(needles, &statistics(url)).into_iter().map(|name| (name, "statistics".to_owned())));
    found
}

/// The commits that spent slips, with all that pages tell of them now.
fn trail(url: &str) -> BTreeMap<i64, Step> {
    let mut steps: BTreeMap<i64, Step> =
        versions(url).into_iter().map(|(transaction, rows)| (transaction, Step { rows, ..Step::default() })).collect();
    steps.retain(|_, step| !step.spent().is_empty());
    wal::add_pages(&mut steps, &mut PgConnection::establish(url).unwrap());
    steps
}

#[test]
fn whoever_has_the_server_learns_nothing() {
    let (server, url) = watched("pingjia");
    let house = House::on_server(&url);
    let (database, ballots, paper) = (house.database(), house.ballots(), paper(true));
    let round = open(&ballots, &database, &paper, BALLOTS, 0);
    let key = fs::read_dir(house.round_in_vault()).unwrap().map(|entry| entry.unwrap().path());
    let key = key.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let key = fs::read(key).unwrap();
    let said: Vec<Said> = round
        .slips
        .roll
        .iter()
        .map(|slip| {
            let (home, comment, nonce) = (random_answer(), random_comment(), nonce());
            let fields = [
                ("home", home.map_or("", Answer::code)),
                ("awareness", "know"),
                ("comment", comment.as_deref().unwrap_or_default()),
            ];
            let ballot = Ballot::parse(&paper, fields).unwrap();
            let thanked = cast(&ballots, round.id, slip, &nonce, &ballot);
            let Ok(Cast::Cast(receipt)) = thanked else { panic!("{thanked:?}") };
            Said { slip: slip.clone(), nonce, home, comment, receipt: receipt.0 }
        })
        .collect();
    let (truth, never) = truth(&key, round.id, &said, &sealed_rows(&database));
    let contents = contents(&truth);
    assert_eq!(searched(&server, &url, &never), []);
    assert_eq!(searched(&server, &url, &contents), [], "before the opening");
    let log = || fs::read(server.folder().join("log")).unwrap();
    assert_eq!(find(&contents, &log()), Vec::<&str>::new(), "in the log of statements before the opening");
    let mut steps = trail(&url);
    let files = wal::files(&mut PgConnection::establish(&url).unwrap());

    close(&ballots, &database, round.id).unwrap();
    assert_eq!(searched(&server, &url, &never), [], "after the opening");
    assert_eq!(find_in_folder(&never, &house.vault()), [], "in the vault after the opening");
    let log = log();
    assert!(log.windows(15).any(|part| part == b"UPDATE slip SET"), "statements are logged");
    assert!(log.windows(9).any(|part| part == b"duration:") && log.windows(5).any(|part| part == b"$1 = "));
    assert_eq!(find(&never, &log), Vec::<&str>::new(), "in the log of statements");
    let receipts: Needles = contents.into_iter().filter(|(name, _)| *name == "receipt as text").collect();
    assert_eq!(find(&receipts, &log), Vec::<&str>::new(), "in the log of statements");
    let rows: HashSet<Row> = versions(&url).into_values().flatten().collect();
    wal::add(&mut steps, &files, &server.folder().join("data"));
    let deleted = |step: &Step| step.rows.iter().any(|row| row.table == "DELETE of sealed_ballot in the log");
    assert!(steps.values().all(|step| deleted(step) && step.size > 0), "the attacker sees every row go");
    assert_no_better_than_chance(&truth, &Loot { trail: steps.into_values().collect(), published: published(&rows) });
}

/// What is wrong with a store on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Leak {
    /// The answer in plain text beside the slip it belongs to only by the transaction that wrote both.
    SameTransaction,
    /// All sealed and published in random order; but the sealed rows are deleted one by one as they are published.
    DeletedInOrder,
}

fn leaky(leak: Leak) -> [f64; 2] {
    const MEMBERS: usize = 160;
    let (server, url) = watched("leaky");
    let mut store = PgConnection::establish(&url).unwrap();
    store
        .batch_execute(
            "CREATE TABLE slip (poll_id BIGINT, digest BYTEA, state SMALLINT, PRIMARY KEY (poll_id, digest));
             CREATE TABLE sealed_ballot (id BYTEA PRIMARY KEY, sealed BYTEA);
             CREATE TABLE sealed_comment (id BYTEA PRIMARY KEY);
             CREATE TABLE ballot (id BYTEA PRIMARY KEY, home SMALLINT);
             CREATE TABLE padding AS SELECT n FROM generate_series(1, 2000) AS s (n)",
        )
        .unwrap();
    let hex = |bytes: &[u8]| format!("'\\x{}'", data_encoding::HEXLOWER.encode(bytes));
    let ballot = |_| truth::Ballot {
        digest: world::random_bytes::<32>().to_vec(),
        home: Answer::to_byte(random_answer()),
        comment: None,
        receipt: world::random_bytes(),
        opening: world::random_bytes(),
    };
    let truth = Truth { ballots: (0..MEMBERS).map(ballot).collect() };
    for ballot in &truth.ballots {
        store.batch_execute(&format!("INSERT INTO slip VALUES (1, {}, 0)", hex(&ballot.digest))).unwrap();
    }
    let mut sealed = Vec::new();
    for ballot in &truth.ballots {
        let id = world::random_bytes::<32>();
        let insert = match leak {
            Leak::SameTransaction => format!("INSERT INTO ballot VALUES ({}, {})", hex(&id), ballot.home),
            Leak::DeletedInOrder => format!("INSERT INTO sealed_ballot VALUES ({}, {})", hex(&id), hex(&[7; 90])),
        };
        let spend = format!("UPDATE slip SET state = 1 WHERE digest = {}", hex(&ballot.digest));
        store.batch_execute(&format!("BEGIN; {spend}; {insert}; COMMIT")).unwrap();
        sealed.push((ballot.opening, id));
    }
    let mut steps = trail(&url);
    let files = wal::files(&mut store);
    let mut openings: Vec<([u8; 32], u8)> = truth.ballots.iter().map(|ballot| (ballot.opening, ballot.home)).collect();
    openings.sort_unstable();
    sealed.sort_unstable();
    for (_, id) in &sealed {
        store.batch_execute(&format!("DELETE FROM sealed_ballot WHERE id = {}", hex(id))).unwrap();
    }
    wal::add(&mut steps, &files, &server.folder().join("data"));
    let published = Published { openings, ..Published::default() };
    let [answers, _, _, order] = best(&truth, &Loot { trail: steps.into_values().collect(), published });
    [answers, order]
}

#[test]
fn plain_text_in_the_same_transaction_on_postgresql_is_found_out() {
    let [answers, _] = leaky(Leak::SameTransaction);
    assert!(answers >= 0.9, "{answers}");
}

#[test]
fn sealed_rows_deleted_in_the_order_of_publication_are_found_out() {
    let [answers, order] = leaky(Leak::DeletedInOrder);
    assert!(answers >= 0.9 && order >= 0.9, "{answers} {order}");
}
