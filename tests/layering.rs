//! The direction of imports between the houses, read off the source.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// Which houses each house may use. The edges stand around them: `world` (clock and randomness), `config` (what the
/// command line said, the address of the database among it), and `commands`, above everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("world", &[]),
    ("database", &["domain"]),
    ("config", &["database"]),
    ("ballot_box", &["database", "domain", "world"]),
    ("store", &["database", "domain", "world"]),
    ("render", &["domain"]),
    ("signing", &["domain", "world"]),
    ("verify", &["render", "domain"]),
    ("office", &["ballot_box", "store", "signing", "domain", "database", "world"]),
    ("http", &["office", "ballot_box", "store", "render", "domain", "database", "signing", "config", "world"]),
    (
        "commands",
        &[
            "http",
            "office",
            "ballot_box",
            "store",
            "render",
            "domain",
            "database",
            "signing",
            "verify",
            "config",
            "world",
        ],
    ),
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

/// How deep in the house a source lies: from `src/render/chart/pen.rs` two steps up lead to the house, three out of it.
fn depth_of(file: &Path) -> usize {
    let inside = file.strip_prefix("src").unwrap();
    inside.components().count() - usize::from(inside.ends_with("mod.rs"))
}

/// The first names of a path or of each path in braces: `a::b` gives a, `{a::{b, c}, d}` gives a and d.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let Some(list) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let (mut names, mut open, mut begun) = (Vec::new(), 0, 0);
    for (place, character) in list.char_indices() {
        match character {
            '{' => open += 1,
            ',' | '}' if open == 0 => {
                names.push(name(list[begun..place].trim_start()));
                begun = place + 1;
                if character == '}' {
                    break;
                }
            }
            '}' => open -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The houses that a source names, as `crate::<house>` or by as many `super::` as lead out of its own. (From a module
/// within a file they lead one step less far.)
fn houses_named(code: &str, depth: usize) -> Vec<String> {
    let mut names: Vec<String> = code.split("crate::").skip(1).flat_map(first_names).collect();
    let mut rest = code;
    while let Some((_, after)) = rest.split_once("super::") {
        let path = after.trim_start_matches("super::");
        let steps = 1 + (after.len() - path.len()) / "super::".len();
        if steps >= depth {
            let is_house = |name: &String| MAY_USE.iter().any(|(house, _)| house == name);
            names.extend(first_names(path).into_iter().filter(is_house));
        }
        rest = path;
    }
    names
}

#[test]
fn houses_import_only_in_the_allowed_direction() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 20, "the sources are found");
    let mut wrong = Vec::new();
    for file in files {
        let house = house_of(&file);
        if ["lib", "main"].contains(&house.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == house) else {
            wrong.push(format!("{} is in no house", file.display()));
            continue;
        };
        for used in houses_named(&code_of(&file), depth_of(&file)) {
            if used != house && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_way_to_name_a_house_is_read() {
    let depth = |file: &str| depth_of(Path::new(file));
    assert_eq!(
        ["src/office.rs", "src/render/mod.rs", "src/render/qr.rs", "src/render/chart/mod.rs"].map(depth),
        [1, 1, 2, 2]
    );
    for (code, depth, named) in [
        ("use crate::store::polls;", 2, vec!["store"]),
        ("let x = crate::http::run(crate::world::now());", 1, vec!["http", "world"]),
        ("use crate::{store::{polls, sheets}, http};", 2, vec!["store", "http"]),
        ("use super::super::http::page;", 2, vec!["http"]),
        ("use super::super::{http::page, store};", 2, vec!["http", "store"]),
        ("use super::page; use super::super::page;", 3, vec![]),
        ("use super::http;", 1, vec!["http"]),
    ] {
        assert_eq!(houses_named(code, depth), named, "{code}");
    }
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
