//! The direction of imports between the houses, read off the source.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// Which houses each house may use. `world` (clock and randomness) and `config` are edges of their own.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("database", &["domain"]),
    ("ballot_box", &["database", "domain", "world"]),
    ("store", &["database", "domain", "world"]),
    ("render", &["domain"]),
    ("signing", &["domain", "world"]),
    ("verify", &["render", "domain"]),
    ("office", &["ballot_box", "store", "signing", "domain", "database", "world"]),
    ("http", &["office", "ballot_box", "store", "render", "domain", "database", "signing", "config", "world"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn house_of(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// What stands before the tests of a source, without comments.
fn code_of(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The houses that a source names as `crate::<house>`.
fn houses_named(code: &str) -> Vec<String> {
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn houses_import_only_in_the_allowed_direction() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 20, "the sources are found");
    let mut wrong = Vec::new();
    for file in files {
        let house = house_of(&file);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == house) else { continue };
        for used in houses_named(&code_of(&file)) {
            if used != house && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_touches_nothing_outside_itself() {
    let forbidden =
        ["std::fs", "std::net", "std::env", "std::process", "diesel", "actix", "tokio", "rand::", "now_utc"];
    let mut files = Vec::new();
    sources(Path::new("src/domain"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let code = code_of(&file);
        wrong.extend(
            forbidden.iter().filter(|word| code.contains(*word)).map(|word| format!("{}: {word}", file.display())),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let mut names: Vec<_> =
            fs::read_dir(format!("migrations/{database}")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
