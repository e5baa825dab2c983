//! The plans of all statements: from PostgreSQL's log, and from SQLite by asking.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, SqliteConnection};
use serde_json::Value;

/// Makes the server log the plan of every statement of new sessions on this database.
pub fn log_all(database: &str) -> String {
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_buffers", "on"),
        ("auto_explain.log_nested_statements", "on"),
    ];
    let set = settings.map(|(name, value)| format!("ALTER DATABASE {database} SET {name} = '{value}';"));
    format!("LOAD 'auto_explain'; {}", set.concat())
}

/// What the server did for one statement.
pub struct Plan(Value);

impl Plan {
    pub fn statement(&self) -> String {
        self.0["Query Text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// How long it took on the server.
    pub fn milliseconds(&self) -> f64 {
        self.0["Plan"]["Actual Total Time"].as_f64().unwrap()
    }

    /// Pages read, from memory or not.
    pub fn pages(&self) -> u64 {
        ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|kind| self.0["Plan"][kind].as_u64()).sum()
    }

    /// Which of these tables it reads from end to end, and the statement: by itself, or through an index of which nothing is
    /// asked (its first row alone is no whole table).
    pub fn whole_table(&self, big: &[&str]) -> Option<String> {
        let whole = |node: &&Value| {
            let kind = name_of(node, "Node Type");
            let through_index = ["Index Scan", "Index Only Scan"].contains(&kind) && node["Index Cond"].is_null();
            (kind == "Seq Scan" || (through_index && rows_read(node) > 1.0))
                && big.contains(&name_of(node, "Relation Name"))
        };
        let node = self.nodes().into_iter().find(whole)?;
        Some(format!("{}: {}", name_of(node, "Relation Name"), self.statement()))
    }

    /// What is asked of the index at each scan of this table.
    pub fn conditions(&self, table: &str) -> Vec<&str> {
        let scans =
            |node: &&Value| name_of(node, "Relation Name") == table && name_of(node, "Node Type").ends_with("Scan");
        self.nodes().into_iter().filter(scans).map(|node| name_of(node, "Index Cond")).collect()
    }

    /// The indexes that it goes through.
    pub fn indexes(&self) -> Vec<&str> {
        self.nodes().into_iter().map(|node| name_of(node, "Index Name")).filter(|name| !name.is_empty()).collect()
    }

    fn nodes(&self) -> Vec<&Value> {
        let mut nodes = vec![&self.0["Plan"]];
        let mut seen = 0;
        while let Some(node) = nodes.get(seen) {
            seen += 1;
            nodes.extend(node["Plans"].as_array().into_iter().flatten());
        }
        nodes
    }
}

fn name_of<'p>(node: &'p Value, key: &str) -> &'p str {
    node[key].as_str().unwrap_or_default()
}

/// Rows that a scan came across, whether they fitted or not.
fn rows_read(node: &Value) -> f64 {
    let of = |key: &str| node[key].as_f64().unwrap_or_default();
    (of("Actual Rows") + of("Rows Removed by Filter")) * of("Actual Loops")
}

/// The plans that were written to the log after its first `before` bytes.
pub fn logged(log: &Path, before: u64) -> Vec<Plan> {
    let mut file = fs::File::open(log).unwrap();
    file.seek(SeekFrom::Start(before)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    // The lines of a plan follow its first, each after a tab.
    let mut plans = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.ends_with(" plan:") {
            let mut json = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                json.push_str(line);
            }
            plans.push(Plan(serde_json::from_str(&json).expect("a plan is JSON")));
        }
    }
    plans
}

static RECORDED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Recorder;

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds:").next().unwrap_or_default().trim().to_owned();
            RECORDED.lock().unwrap().insert(statement);
        }
    }
}

/// Records the statements of all connections that are made from now on.
pub fn record() {
    set_default_instrumentation(|| Some(Box::new(Recorder))).unwrap();
}

/// What was recorded and has a plan; ends the recording.
pub fn recorded() -> Vec<String> {
    set_default_instrumentation(|| None).unwrap();
    let planned = |statement: &String| {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| statement.starts_with(word))
    };
    RECORDED.lock().unwrap().iter().filter(|statement| planned(statement)).cloned().collect()
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Which of these tables SQLite would read from end to end, and the statement.
pub fn scans(connection: &mut SqliteConnection, statement: &str, big: &[&str]) -> Option<String> {
    let steps: Vec<Step> =
        diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(connection).expect(statement);
    // Nothing is read for no ids; and the first row of an index is the answer where nothing is asked of it.
    if statement.contains("(1=0)") || (statement.contains(" LIMIT ") && !statement.contains(" WHERE ")) {
        return None;
    }
    let scanned = |step: &Step| {
        let table = step.detail.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        table.is_some_and(|table| big.contains(&table))
    };
    steps.iter().find(|step| scanned(step)).map(|step| format!("{}: {statement}", step.detail))
}
