//! The first screen of a superior over 100,000 unions with 100,000 and with 1,000,000 rounds, on both databases:
//! `cargo bench --bench rollup`. Prints figures and, for PostgreSQL, the plans; asserts no time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use pingjia::database::{AnyConnection, Database, DatabaseError, Kind};
use pingjia::domain::standing::{Class, RateClass, Rating, Stage};
use pingjia::domain::union::{Category, Union};
use pingjia::render::chart::{Chart, PAGE_WIDTH};
use pingjia::store::rollup::{self, After, Filter, Sort};
use pingjia::store::unions;
use support::installation::Installation;

/// Ten districts of twenty towns of 499 enterprises, and their city: 100,001 unions or so.
const UNIONS: i64 = 100_000;
const LAST_YEAR: u16 = 2026;

fn main() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let house = Installation::new(kind);
        let database = house.database();
        plant(&database);
        for years in [1, 10] {
            hold(&database, years);
            println!("{kind:?}, {UNIONS} unions, {} rounds", i64::from(years) * UNIONS);
            measure(&database);
        }
        if kind == Kind::Postgres {
            explain(&database);
        }
    }
}

/// Runs a statement written for both databases.
fn run(database: &Database, statement: &str) {
    database
        .write(|connection| -> Result<(), DatabaseError> {
            match connection {
                AnyConnection::Sqlite(inner) => inner.batch_execute(statement)?,
                AnyConnection::Postgres(inner) => {
                    inner.batch_execute(&format!("SET LOCAL statement_timeout = 0; {statement}"))?;
                }
            }
            Ok(())
        })
        .unwrap();
}

/// The tree: union 1 heads all; 2 to 11 are districts; 12 to 211 towns; the rest are enterprises.
fn plant(database: &Database) {
    run(
        database,
        &format!(
            "INSERT INTO trade_union (id, superior_id, path, name, category, rule_set)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {UNIONS})
             SELECT i,
                    CASE WHEN i = 1 THEN NULL WHEN i <= 11 THEN 1 WHEN i <= 211 THEN 2 + (i % 10) ELSE 12 + (i % 200) END,
                    CASE WHEN i = 1 THEN '/1/' WHEN i <= 11 THEN '/1/' || i || '/'
                         WHEN i <= 211 THEN '/1/' || (2 + (i % 10)) || '/' || i || '/'
                         ELSE '/1/' || (2 + ((12 + (i % 200)) % 10)) || '/' || (12 + (i % 200)) || '/' || i || '/' END,
                    '示例第' || i || '号机械制造有限公司工会',
                    CASE WHEN i = 1 THEN 'general_union' WHEN i <= 11 THEN 'county_union' WHEN i <= 211 THEN 'township_union'
                         ELSE 'enterprise' END,
                    'qingdao-2020'
             FROM n"
        ),
    );
}

/// Rounds for every union in so many years, the last of which is [`LAST_YEAR`]; in each a mix of stages.
fn hold(database: &Database, years: u16) {
    let class =
        |stage, rating, rate: Option<u8>| Class { stage, rating, rate: rate.map(RateClass::satisfaction) }.number();
    let met = |twentieths| class(Stage::Accepted, Some(Rating::Met), Some(twentieths));
    let mix = [
        met(20),
        met(19),
        met(19),
        met(18),
        class(Stage::Certified, Some(Rating::NotMet), Some(17)),
        class(Stage::Certified, Some(Rating::Overhaul), Some(12)),
        class(Stage::Open, None, None),
        class(Stage::RollAsked, None, None),
        class(Stage::Draft, None, None),
        class(Stage::Void, None, None),
    ];
    // What is past is finished.
    let past = mix.map(|number| match Class::from_number(number) {
        Some(class) if class.rating.is_some() || class.stage == Stage::Void => number,
        _ => met(18),
    });
    let cases = |mix: &[i32]| {
        let cases: Vec<String> =
            mix.iter().enumerate().map(|(place, class)| format!("WHEN {place} THEN {class}")).collect();
        cases.join(" ")
    };
    let (first, last) = if years == 1 { (LAST_YEAR, LAST_YEAR) } else { (LAST_YEAR + 1 - years, LAST_YEAR - 1) };
    for year in first..=last {
        let cases = cases(if year == LAST_YEAR { &mix } else { &past });
        let waits = if year == LAST_YEAR { "CASE WHEN id % 10 = 7 THEN 1 ELSE 0 END" } else { "0" };
        let offset = i64::from(LAST_YEAR - year) * UNIONS;
        run(
            database,
            &format!(
                "INSERT INTO poll (id, tag, union_id, year, category, rule_set_id, rule_set_version, rule_set_digest, paper, facts, phase, phase_data, version)
                 SELECT {offset} + id, 't' || ({offset} + id), id, {year}, category, rule_set, '1', '', '', '', 'draft', '', 0 FROM trade_union;
                 INSERT INTO standing (poll_id, union_id, year, current, path, class, grassroots, waits, moved, expected, present, issued, returned, valid, sheet_id, numerator, base, threshold_num, threshold_den, rate, turnout)
                 SELECT {offset} + id, id, {year}, TRUE, path, CASE id % 10 {cases} END, category = 'enterprise',
                        {waits}, id, 120, 110, 118, 110, 109, 'abcdefghijklmnop', 100, 109, 9, 10, 9000 + id % 1000, 9000
                 FROM trade_union;"
            ),
        );
    }
    // What PostgreSQL does by itself after a while; SQLite is used without statistics.
    if let AnyConnection::Postgres(inner) = &mut database.connect().unwrap() {
        inner.batch_execute("SET statement_timeout = 0").unwrap();
        inner.batch_execute("VACUUM ANALYZE").unwrap();
    }
}

fn best<T>(what: &str, mut work: impl FnMut() -> T) -> T {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..9 {
        let begun = Instant::now();
        last = Some(work());
        times.push(begun.elapsed());
    }
    times.sort();
    let median: Duration = times.get(4).copied().unwrap_or_default();
    println!("  {what:<44} median {:>7.2} ms", median.as_secs_f64() * 1000.0);
    last.unwrap()
}

fn measure(database: &Database) {
    let read = |path: &str, filter: &Filter, sort: Sort, after: &After| {
        database.read(|c| rollup::page(c, path, LAST_YEAR, filter, sort, after, 51)).unwrap()
    };
    let (any, start) = (Filter::default(), After::default());
    best("first screen: totals, page, years, waiting, chart", || {
        let totals = database.read(|c| rollup::totals(c, "/1/", LAST_YEAR)).unwrap();
        assert_eq!(totals.unions, u64::try_from(UNIONS).unwrap());
        assert_eq!(totals.none(), 0);
        let lines = read("/1/", &any, Sort::Tree, &start);
        assert_eq!(lines.len(), 51);
        let ids: Vec<_> = lines.iter().map(|line| line.union.id).collect();
        database.read(|c| unions::with_unions_below(c, &ids)).unwrap();
        database.read(rollup::years).unwrap();
        database.read(|c| rollup::waiting_counts(c, "/1/")).unwrap();
        let outcomes = vec![("达标".to_owned(), totals.count(|class| class.rating == Some(Rating::Met)))];
        Chart::RollUp { title: "结果".to_owned(), outcomes, rates: totals.rates() }.svg(PAGE_WIDTH).unwrap()
    });
    best("  of these, totals of everything", || database.read(|c| rollup::totals(c, "/1/", LAST_YEAR)).unwrap());
    best("  of these, a page", || read("/1/", &any, Sort::Tree, &start));
    best("totals of a town", || database.read(|c| rollup::totals(c, "/1/3/21/", LAST_YEAR)).unwrap());
    let middle = After { order: 0, path: "/1/5/33/50000/".to_owned() };
    best("a page in the middle", || read("/1/", &any, Sort::Tree, &middle));
    best("the lowest rates", || read("/1/", &any, Sort::Rate, &start));
    let overhaul = Filter { rating: Some(Rating::Overhaul), ..Filter::default() };
    best("those to be overhauled", || read("/1/", &overhaul, Sort::Tree, &start));
    best("nobody without a round", || read("/1/", &Filter { none: true, ..Filter::default() }, Sort::Tree, &start));
    best("one name among all", || {
        read("/1/", &Filter { name: "第99999号".to_owned(), ..Filter::default() }, Sort::Tree, &start)
    });
    best("waiting, oldest first", || {
        // The rounds of this data set have no facts to be read: the counts stand for the list.
        database.read(|c| rollup::waiting_counts(c, "/1/")).unwrap()
    });
    let head = Union {
        id: pingjia::domain::ids::UnionId(1),
        superior: None,
        path: "/1/".to_owned(),
        name: String::new(),
        credit_code: None,
        category: Category::GeneralUnion,
        rule_set: String::new(),
    };
    best("breadcrumbs", || database.read(|c| unions::lineage(c, &head)).unwrap());
}

/// PostgreSQL's plans for totals and page.
fn explain(database: &Database) {
    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let area = |table: &str| format!("{table}.path >= '/1/' AND {table}.path < '/10'");
    for query in [
        format!(
            "SELECT class, grassroots, count(*) FROM standing WHERE year = 2026 AND current = TRUE AND {} GROUP BY class, grassroots",
            area("standing")
        ),
        format!("SELECT count(*) FROM trade_union WHERE {}", area("trade_union")),
        format!(
            "SELECT * FROM trade_union LEFT JOIN standing ON standing.union_id = trade_union.id AND standing.year = 2026 AND standing.current = TRUE WHERE {} ORDER BY trade_union.path LIMIT 51",
            area("trade_union")
        ),
    ] {
        println!("{query}");
        let plan: Vec<Plan> = database
            .read(|c| -> Result<_, DatabaseError> {
                Ok(diesel::sql_query(format!("EXPLAIN (ANALYZE, COSTS OFF) {query}")).load(c)?)
            })
            .unwrap();
        for line in plan {
            println!("    {}", line.line);
        }
    }
}
