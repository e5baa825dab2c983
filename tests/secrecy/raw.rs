//! Searching raw bytes for secrets.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::truth::Needles;

/// Bytes by which a needle is looked up.
const HEAD: usize = 8;

/// Names of the secrets that stand in these bytes.
pub fn find(needles: &Needles, hay: &[u8]) -> Vec<&'static str> {
    let mut seen = vec![false; 1 << 16];
    let mut heads: HashMap<[u8; HEAD], Vec<&(&'static str, Vec<u8>)>> = HashMap::new();
    for needle in needles {
        let head: [u8; HEAD] = needle.1[..HEAD].try_into().unwrap();
        seen[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
        heads.entry(head).or_default().push(needle);
    }
    let mut found = Vec::new();
    for (place, window) in hay.windows(HEAD).enumerate() {
        if !seen[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
            continue;
        }
        let Some(candidates) = heads.get(window) else { continue };
        found.extend(candidates.iter().filter(|needle| hay[place..].starts_with(&needle.1)).map(|needle| needle.0));
    }
    found
}

/// Searches every file of a folder.
pub fn find_in_folder(needles: &Needles, folder: &Path) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find_in_folder(needles, &path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.extend(find(needles, &bytes).into_iter().map(|name| (name, path.display().to_string())));
        }
    }
    found
}

#[test]
fn the_search_finds_what_is_there() {
    let needles: Needles = vec![("one", b"first secret".to_vec()), ("two", b"first secrecy".to_vec())];
    assert_eq!(find(&needles, b"...first secret..."), ["one"]);
    assert_eq!(find(&needles, b"first secrecy"), ["two"]);
    assert!(find(&needles, b"first secre").is_empty());
}
