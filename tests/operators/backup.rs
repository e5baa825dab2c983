//! Backups: all that an installation needs, or nothing.

use std::fs;
use std::path::Path;

use super::place::{House, run};

fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { names.extend(files(&path)) } else { names.push(path.to_str().unwrap().to_owned()) }
    }
    names.sort();
    names
}

#[test]
fn keys_that_were_replaced_are_in_a_backup_too() {
    let house = House::at_rest();
    let rotated = run(&["keys", "--data", house.data(), "rotate"]);
    assert_eq!(rotated.code, Some(0), "{}", rotated.err);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let made = run(&["backup", "--data", house.data(), copy.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let keys = |place: &Path| -> Vec<(String, Vec<u8>)> {
        let place = place.join("keys");
        let name = |file: &String| file.strip_prefix(place.to_str().unwrap()).unwrap().to_owned();
        files(&place).iter().map(|file| (name(file), fs::read(file).unwrap())).collect()
    };
    let (own, copied) = (keys(Path::new(house.data())), keys(&copy));
    assert!(own.iter().any(|(name, _)| name.contains("retired")), "older sheets are checked by it");
    assert_eq!(copied, own);
}

#[test]
fn a_backup_that_failed_leaves_nothing_that_looks_like_one() {
    let house = House::at_rest();
    let mut bytes = fs::read(house.sqlite_file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[8192..middle].fill(0xa5);
    fs::write(house.sqlite_file(), bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let made = run(&["backup", "--data", house.data(), copy.to_str().unwrap()]);
    assert_eq!(made.code, Some(2), "{}", made.out);
    assert!(!copy.exists(), "{}", made.err);
}
