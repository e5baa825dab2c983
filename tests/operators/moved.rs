//! What has arrived: every table and column, the same pages, the same sheets, and no order that was not there.

use std::collections::BTreeMap;

use reqwest::blocking::Client;
use reqwest::redirect::Policy;

use super::place::{House, empty_server, moves, run, texts};
use super::support::service::Service;

/// What does not move: how far migrations are, and the mark itself.
const STAYS: [&str; 2] = ["__diesel_schema_migrations", "relocation"];

/// Table → column → type, as the database tells.
fn columns(database: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let query = if database.starts_with("postgres") {
        "SELECT table_name || ' ' || column_name || ' ' || data_type AS text FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT t.name || ' ' || c.name || ' ' || c.type AS text FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
    };
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in texts(database, query) {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        if !STAYS.contains(&words[0]) {
            found.entry(words[0].to_owned()).or_default().insert(words[1].to_owned(), words[2].to_owned());
        }
    }
    found
}

/// All values of a column, sorted.
fn values(database: &str, table: &str, column: &str, kind: &str) -> Vec<String> {
    let value = match kind {
        "BLOB" => format!("hex(\"{column}\")"),
        "bytea" => format!("upper(encode(\"{column}\", 'hex'))"),
        "boolean" => format!("\"{column}\"::int::text"),
        _ => format!("CAST(\"{column}\" AS TEXT)"),
    };
    let mut values = texts(database, &format!("SELECT COALESCE({value}, 'none') AS text FROM \"{table}\""));
    values.sort();
    values
}

#[test]
fn every_table_and_column_arrives() {
    let house = House::at_rest();
    let server = empty_server();
    let file = house.sqlite_file().to_str().unwrap().to_owned();
    let told = moves(house.data(), &server);
    let (from, to) = (columns(&file), columns(&server));
    let names = |tables: &BTreeMap<String, BTreeMap<String, String>>| -> BTreeMap<String, Vec<String>> {
        tables.iter().map(|(table, columns)| (table.clone(), columns.keys().cloned().collect())).collect()
    };
    assert_eq!(names(&from), names(&to));
    let mut filled = 0;
    for (table, columns) in &from {
        assert!(told.iter().any(|line| line.split_whitespace().next() == Some(table)), "{table} was moved: {told:?}");
        for (column, kind) in columns {
            let before = values(&file, table, column, kind);
            assert_eq!(before, values(&server, table, column, &to[table][column]), "{table}.{column}");
            filled += usize::from(!before.is_empty());
        }
    }
    assert!(filled > 60, "the demonstration has something in {filled} columns");
}

#[test]
fn places_in_the_target_tell_nothing() {
    let house = House::at_rest();
    let server = empty_server();
    moves(house.data(), &server);
    let slips = "SELECT poll_id || ' ' || encode(digest, 'hex') AS text FROM slip ORDER BY poll_id, ctid";
    let slips = texts(&server, slips);
    let by_round = |id: &str| -> Vec<&String> { slips.iter().filter(|slip| slip.starts_with(id)).collect() };
    assert!(slips.len() > 200);
    let rounds: std::collections::BTreeSet<String> =
        slips.iter().map(|slip| format!("{} ", slip.split(' ').next().unwrap())).collect();
    assert!(rounds.len() > 2);
    assert!(rounds.iter().all(|id| by_round(id).is_sorted()), "slips lie in the order of their digests");
}

/// What visitors and a signed-in chair see.
fn seen(service: &Service, sheets: &[String]) -> BTreeMap<String, String> {
    let base = format!("http://{}", service.address);
    let client = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
    let get = |path: &str| {
        let answer = client.get(format!("{base}{path}")).send().unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().unwrap().replace(&service.address.to_string(), "HOST")
    };
    let mut seen = BTreeMap::new();
    for sheet in sheets {
        for path in
            [format!("/sheets/{sheet}.json"), format!("/sheets/{sheet}"), format!("/sheets/{sheet}/openings.json")]
        {
            seen.insert(path.clone(), get(&path));
        }
    }
    seen.insert("keys".into(), get("/.well-known/jwks.json"));
    let form = [("username", "qingdao.shangji"), ("password", "pingjia-demo")];
    let signed_in = client.post(format!("{base}/login")).header("origin", &base).form(&form).send().unwrap();
    assert_eq!(signed_in.status(), 303, "{}", signed_in.text().unwrap());
    seen.insert("desk".into(), text_of(&get(signed_in.headers()["location"].to_str().unwrap())));
    seen
}

/// A page without the tokens of its forms.
fn text_of(page: &str) -> String {
    page.split('<')
        .filter_map(|tag| tag.split_once('>'))
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn the_service_on_the_target_shows_the_same() {
    let house = House::at_rest();
    let file = house.sqlite_file().to_str().unwrap().to_owned();
    let sheets = texts(&file, "SELECT id AS text FROM sheet");
    assert!(sheets.len() > 5);
    let before = seen(&house.serve(None).unwrap(), &sheets);
    let server = empty_server();
    let there = moves(house.data(), &server);
    let after = seen(&house.serve(Some(&server)).unwrap(), &sheets);
    assert_eq!(before, after);
    assert!(before["desk"].contains("晨帆精密机械有限公司工会"), "{}", before["desk"]);

    // The sheet verifies offline, its openings too.
    let sheet = &sheets[0];
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let document = write("sheet.json", &after[&format!("/sheets/{sheet}.json")]);
    let keys = write("jwks.json", &after["keys"]);
    let openings = write("openings.json", &after[&format!("/sheets/{sheet}/openings.json")]);
    let verified = run(&["verify", &document, "--key", &keys, "--openings", &openings]);
    assert_eq!(verified.code, Some(0), "{}", verified.out);

    // New rows get new numbers: a journal line, beside those that came along.
    let last = "SELECT max(id)::text AS text FROM journal";
    let lines: u64 = texts(&server, last)[0].parse().unwrap();
    let renewed = run(&["password", "--data", house.data(), "--database-url", &server, "qingdao.shangji"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.err);
    assert_eq!(texts(&server, last), [(lines + 1).to_string()]);

    // And back to a file; what has happened since goes along.
    let back = tempfile::tempdir().unwrap();
    let target = back.path().join("data");
    assert_ne!(moves(&server, target.to_str().unwrap()), there);
    let lines_back =
        texts(target.join("pingjia.db").to_str().unwrap(), "SELECT CAST(max(id) AS TEXT) AS text FROM journal");
    assert_eq!(lines_back, [(lines + 1).to_string()]);
}
