//! The attack on PostgreSQL: row versions with the transaction that made them (`xmin`) and their place (`ctid`),
//! data directory with dead rows, write-ahead log, dumps, and a log of every statement with its parameters.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use pingjia::ballot_box::Cast;
use pingjia::database::Kind;
use pingjia::domain::ballot::Ballot;
use pingjia::domain::paper::Answer;

use crate::loot::{Loot, Row, Step, published};
use crate::raw::{find, find_in_folder};
use crate::sqlite::assert_no_better_than_chance;
use crate::support::installation::Installation;
use crate::support::postgres::{BINARIES, cluster};
use crate::support::round::{cast, close, nonce, open, paper};
use crate::truth::{Needles, Said, contents, random_answer, random_comment, sealed_rows, truth};

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
        names("SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'".into());
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

/// Database files, write-ahead log, server log and a dump, searched for secrets.
fn searched(url: &str, needles: &Needles) -> Vec<(&'static str, String)> {
    cluster().run("CHECKPOINT");
    let folder = cluster().folder();
    let mut found = find_in_folder(needles, &folder.join("data/base"));
    found.extend(find_in_folder(needles, &folder.join("data/pg_wal")));
    let dump = Command::new(format!("{BINARIES}/pg_dump")).arg(url).output().unwrap();
    assert!(dump.status.success() && dump.stdout.len() > 10_000);
    found.extend(find(needles, &dump.stdout).into_iter().map(|name| (name, "pg_dump".to_owned())));
    found
}

#[test]
fn whoever_has_the_server_learns_nothing() {
    cluster().run("ALTER SYSTEM SET log_statement = 'all'");
    cluster().run("SELECT pg_reload_conf()");
    let house = Installation::new(Kind::Postgres);
    let (database, ballots, paper) = (house.database(), house.start(), paper(true));
    let round = open(&ballots, &database, &paper, BALLOTS, 0);
    let key = fs::read(&house.vault_files(".key")[0]).unwrap();
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
    let url = house.server_url().expect("a server");
    assert_eq!(searched(&url, &never), []);
    assert_eq!(searched(&url, &contents), [], "before the opening");
    let trail: Vec<Step> = versions(&url)
        .into_values()
        .map(|rows| Step { rows, ..Step::default() })
        .filter(|step| !step.spent().is_empty())
        .collect();

    close(&ballots, &database, round.id).unwrap();
    assert_eq!(searched(&url, &never), [], "after the opening");
    for vault in house.vaults() {
        assert_eq!(find_in_folder(&never, &vault), [], "in the vault after the opening");
    }
    let log = fs::read(cluster().folder().join("log")).unwrap();
    assert!(log.windows(15).any(|part| part == b"UPDATE slip SET"), "statements are logged");
    assert_eq!(find(&never, &log), Vec::<&str>::new(), "in the log of statements");
    let comments: Needles = contents.into_iter().filter(|(name, _)| *name == "receipt as text").collect();
    assert_eq!(find(&comments, &log), Vec::<&str>::new(), "in the log of statements");
    let rows: HashSet<Row> = versions(&url).into_values().flatten().collect();
    assert_no_better_than_chance(&truth, &Loot { trail, published: published(&rows) });
}
