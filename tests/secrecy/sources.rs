//! The sources: no log line, no panic and no Debug output may carry what a member holds or says.

use std::fs;
use std::path::{Path, PathBuf};

use pingjia::domain::ballot::Ballot;
use pingjia::domain::slip::Receipt;
use pingjia::world;

use crate::support::round::{load, nonce, open, paper};
use crate::support::service::House;

/// Names that stand for secrets in the code of the box and of the member's pages.
const SECRETS: &[&str] = &[
    "slip", "nonce", "receipt", "seed", "ballot", "answers", "comment", "ticket", "form", "sealed", "key", "job", "row",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The arguments of a macro call that begins here, without its string literals.
fn arguments(call: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut said = String::new();
    for character in call.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' if depth == 1 => break,
            ')' => depth -= 1,
            _ => {}
        }
        if !quoted {
            said.push(character);
        }
    }
    said
}

/// What each log statement of a source names.
fn logged(code: &str) -> Vec<String> {
    let levels = ["error!(", "warn!(", "info!(", "debug!(", "trace!(", "_span!("];
    levels.iter().flat_map(|level| code.match_indices(level)).map(|(place, _)| arguments(&code[place..])).collect()
}

#[test]
fn no_log_statement_names_a_secret() {
    assert_eq!(
        logged(r#"x; tracing::warn!(poll = id.0, "the slip (here)"); nonce"#),
        ["warn!(poll = id.0, \"\""].map(|s| s.replace("\"\"", "\""))
    );
    let mut files = Vec::new();
    for folder in ["src/ballot_box", "src/http", "src/domain", "src/store", "src/database"] {
        sources(Path::new(folder), &mut files);
    }
    let mut statements = 0;
    let mut wrong = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        for said in logged(code) {
            statements += 1;
            let words: Vec<&str> = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
            if SECRETS.iter().any(|secret| words.contains(secret)) {
                wrong.push(format!("{}: {said}", file.display()));
            }
        }
        for forbidden in ["println!(", "dbg!(", "eprint!("] {
            if code.contains(forbidden) {
                wrong.push(format!("{}: {forbidden}", file.display()));
            }
        }
    }
    assert!(statements > 10, "log statements are found: {statements}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn debug_output_shows_no_secret() {
    let house = House::new();
    let (database, ballots) = (house.database(), house.ballots());
    let paper = paper(true);
    let round = open(&ballots, &database, &paper, 1, 1);
    let (slip, nonce) = (&round.slips.roll[0], nonce());
    let receipt = slip.seed(round.id, &nonce).receipt(round.id);
    let ballot = Ballot::parse(&paper, [("home", "satisfied"), ("comment", "食堂很好")]).unwrap();
    let shown = format!(
        "{slip:?} {:?} {nonce:?} {receipt:?} {ballot:?} {:?} {:?}",
        round.slips,
        slip.seed(round.id, &nonce),
        ballots.slip_state(round.id, slip)
    );
    let body = slip.link_form()[6..].to_owned();
    let secrets =
        [body, nonce.text(), receipt.to_string(), "Satisfied".to_owned(), "satisfied".to_owned(), "食堂".to_owned()];
    for secret in secrets {
        assert!(!shown.contains(&secret), "{shown}");
    }
    assert_eq!(format!("{:?}", Receipt(world::random_bytes())), format!("{:?}", Receipt(world::random_bytes())));
    assert!(format!("{:?}", load(&database, round.id).paper).contains("home"), "what is public is shown");
}
