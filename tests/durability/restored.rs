//! An old copy of the database beside a newer vault, through the binary: lost ballots stop the round, and what is
//! closed stays closed.

use std::fs;
use std::path::Path;
use std::process::Command;

use pingjia::ballot_box::BoxError;

use crate::ledger::{Ledger, SAYS};
use crate::support::postgres::{BINARIES, cluster};
use crate::support::round::{close, load, open, paper};
use crate::support::service::{Form, House, get};

fn copy_data(from: &Path, to: &Path) {
    for name in ["pingjia.db", "pingjia.db-wal", "pingjia.db-shm"] {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn an_old_database_beside_a_newer_vault_is_noticed() {
    let house = House::new();
    let (database, ballots) = (house.database(), house.ballots());
    let round = open(&ballots, &database, &paper(true), 20, 0);
    drop((database, ballots));
    let kept = house.folder().join("kept");
    fs::create_dir(&kept).unwrap();
    let mut ledger = Ledger::default();
    let cast = |ledger: &mut Ledger, address, place: usize| ledger.cast(address, &round.slips.roll[place], SAYS);

    let service = house.serve();
    cast(&mut ledger, service.address, 0);
    service.stop();
    copy_data(&house.data(), &kept);
    let service = house.serve();
    (1..6).for_each(|place| cast(&mut ledger, service.address, place));
    service.stop();

    // Five thanked ballots are missing in the old copy.
    let newer = house.folder().join("newer");
    fs::create_dir(&newer).unwrap();
    copy_data(&house.data(), &newer);
    copy_data(&kept, &house.data());
    let service = house.serve();
    let refused = Form::new(&round.slips.roll[7], SAYS).send(service.address).unwrap();
    assert_eq!((refused.status, refused.receipt()), (503, None));
    assert!(refused.body.contains("投票箱暂时停用"), "{}", refused.body);
    let lost = ledger.thanked[3].0.send(service.address).unwrap();
    assert_eq!((lost.status, lost.receipt()), (503, None), "nobody is thanked over a database that lost ballots");
    let log = service.stop();
    assert!(log.contains("更早的副本"), "the operator is told why: {log}");
    let (database, ballots) = (house.database(), house.ballots());
    let refused = close(&ballots, &database, round.id);
    assert!(matches!(refused, Err(BoxError::Vault(_))), "{refused:?}");
    drop((database, ballots));

    // The newer copy is restored, and everything goes on.
    copy_data(&newer, &house.data());
    let service = house.serve();
    ledger.resend(service.address, 0);
    cast(&mut ledger, service.address, 7);
    service.stop();
    let opened = ledger.close(&house, round.id).unwrap();

    // Closed; and the copy from before the closing comes back.
    copy_data(&kept, &house.data());
    let service = house.serve();
    let late = Form::new(&round.slips.roll[9], SAYS).send(service.address).unwrap();
    assert_eq!((late.status, late.receipt()), (410, None));
    ledger.resend(service.address, 0);
    let page = get(service.address, &format!("/V/{}", round.slips.roll[9].link_form())).unwrap();
    assert!(!page.body.contains("name=\"n\""), "no form is shown for a closed round");
    service.stop();
    assert_eq!(load(&house.database(), round.id).phase.opened(), Some(&opened));
    ledger.check_result(&opened, &house.ballots().receipts(round.id).unwrap().unwrap());
}

/// A dump of the server's database, put into a new one by the commands of `docs/postgres.md`.
fn restored(dump: &Path) -> String {
    let new = cluster().url(&cluster().create());
    let mut restore = Command::new(format!("{BINARIES}/pg_restore"));
    restore.args(["--exit-on-error", "--no-owner", &format!("--dbname={new}")]).arg(dump);
    assert!(restore.status().unwrap().success());
    new
}

#[test]
fn a_dump_of_the_server_goes_on_or_stops_by_the_mark() {
    let old = cluster().url(&cluster().create());
    let house = House::on_server(&old);
    let (database, ballots) = (house.database(), house.ballots());
    let round = open(&ballots, &database, &paper(true), 20, 0);
    drop((database, ballots));
    let mut ledger = Ledger::default();
    let cast = |ledger: &mut Ledger, address, place: usize| ledger.cast(address, &round.slips.roll[place], SAYS);
    let service = house.serve();
    (0..3).for_each(|place| cast(&mut ledger, service.address, place));
    let dump = house.folder().join("pingjia.dump");
    let mut command = Command::new(format!("{BINARIES}/pg_dump"));
    command.arg("--format=custom").arg(format!("--file={}", dump.display())).arg(&old);
    assert!(command.status().unwrap().success(), "the service need not stop");
    service.stop();

    // Nothing was cast since: the round goes on.
    let house = house.beside(&restored(&dump));
    let service = house.serve();
    ledger.resend(service.address, 0);
    cast(&mut ledger, service.address, 3);
    service.stop();

    // The same dump once more: a thanked ballot is missing.
    let newer = house.database();
    let house = house.beside(&restored(&dump));
    let service = house.serve();
    let refused = Form::new(&round.slips.roll[7], SAYS).send(service.address).unwrap();
    assert_eq!((refused.status, refused.receipt()), (503, None));
    let log = service.stop();
    assert!(log.contains("更早的副本"), "the operator is told why: {log}");
    ledger.check(&newer, round.id);
}
