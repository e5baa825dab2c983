//! Backups: all that an installation needs, or nothing.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use pingjia::domain::slip::SlipCode;

use super::place::{House, pingjia, run, told};
use crate::support::installation::copy_folder;
use crate::support::service::{Form, Service};

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

/// Slips of the open round that nobody has used.
fn unspent() -> Vec<SlipCode> {
    let told = told();
    let open = told["polls"].as_array().unwrap().iter().find(|poll| poll["phase"] == "open").unwrap().clone();
    let links = open["ballot_links"].as_array().unwrap().iter();
    links.map(|link| SlipCode::parse(link.as_str().unwrap()).expect("a code")).collect()
}

/// The sheets that were signed before the backup hold by the keys that this service publishes.
fn sheets_verify(address: SocketAddr, folder: &Path) {
    let file = |path: &str, name: &str| {
        let place = folder.join(name);
        let answer = reqwest::blocking::get(format!("http://{address}{path}")).unwrap();
        fs::write(&place, answer.error_for_status().unwrap().bytes().unwrap()).unwrap();
        place.to_str().unwrap().to_owned()
    };
    let keys = file("/.well-known/jwks.json", "jwks.json");
    let told = told();
    let sheets: Vec<&str> =
        told["polls"].as_array().unwrap().iter().filter_map(|poll| poll["sheet"].as_str()).collect();
    for id in &sheets[..2] {
        let sheet = file(&format!("/sheets/{id}.json"), "sheet.json");
        let openings = file(&format!("/sheets/{id}/openings.json"), "openings.json");
        let verified = run(&["verify", &sheet, "--key", &keys, "--openings", &openings]);
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    }
}

#[test]
fn a_backup_of_an_open_round_goes_on_or_stops_by_the_mark() {
    const SAYS: &str = "comment=%E5%A5%BD";
    let (house, slips, folder) = (House::busy(), unspent(), tempfile::tempdir().unwrap());
    let copy = folder.path().join("copy");
    let service = house.serve(None).unwrap();
    let before = Form::fetch(service.address, &slips[0], SAYS).unwrap();
    let receipt = before.thanked(service.address);
    let made = run(&["backup", "--data", house.data(), copy.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    service.stop();
    // As the help says: the copy becomes the data directory, the vault stays where it is.
    let restored = |name: &str| {
        let data = folder.path().join(name);
        copy_folder(&copy, &data);
        let mut command = pingjia(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap(), "--vault"]);
        command.arg(house.vault());
        Service::start(command).unwrap()
    };

    // Nothing was cast since: the round goes on.
    let service = restored("first");
    assert_eq!(before.thanked(service.address), receipt, "thanked before, and thanked the same");
    let since = Form::fetch(service.address, &slips[1], SAYS).unwrap();
    since.thanked(service.address);
    sheets_verify(service.address, folder.path());
    service.stop();

    // The same copy once more: a ballot is missing that somebody was thanked for.
    let service = restored("second");
    for form in [&since, &Form::new(&slips[2], SAYS)] {
        let refused = form.send(service.address).unwrap();
        assert_eq!((refused.status, refused.receipt()), (503, None));
        assert!(refused.body.contains("投票箱暂时停用"), "{}", refused.body);
    }
    sheets_verify(service.address, folder.path());
    let log = service.stop();
    assert!(log.contains("更早的副本"), "the operator is told why: {log}");
}
