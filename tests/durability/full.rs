//! The disk is full, or read-only for a while: nobody is thanked for what could not be written, and once there is
//! room again everything goes on with the same forms.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use pingjia::domain::ids::PollId;
use pingjia::domain::slip::SlipCode;

use crate::ledger::{Ledger, SAYS};
use crate::support::round::{eventually, open, paper};
use crate::support::service::{Form, House, Service};

/// A prepared installation, and the slips still to be used.
struct Hall {
    house: House,
    id: PollId,
    slips: std::vec::IntoIter<SlipCode>,
    ledger: Ledger,
}

impl Hall {
    fn in_house(house: House) -> Self {
        let (database, ballots) = (house.database(), house.ballots());
        let round = open(&ballots, &database, &paper(true), 1500, 0);
        Hall { house, id: round.id, slips: round.slips.roll.into_iter(), ledger: Ledger::default() }
    }

    /// Casts one ballot; says whether it was thanked. If not, it was told to try again.
    fn cast(&mut self, service: &Service) -> bool {
        let form = Form::new(&self.slips.next().expect("slips are left"), SAYS);
        let answer = form.send(service.address).unwrap();
        if let Some(receipt) = answer.receipt() {
            self.ledger.thanked.push((form, receipt));
        } else {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.head.to_ascii_lowercase().contains("retry-after"));
            assert!(answer.body.contains(&form.nonce.text()), "the filled form is kept alive");
            self.ledger.unsure.push(form);
        }
        answer.status == 200
    }

    /// Casts until nothing more can be written, and a few more.
    fn cast_until_refused(&mut self, service: &Service) {
        let mut refused = 0;
        while refused < 3 {
            refused += u32::from(!self.cast(service));
        }
    }

    /// There is room again: what was refused is sent again, new ballots are cast, the round closes.
    fn goes_on(mut self, service: Service) {
        self.ledger.resend(service.address, 0);
        assert!((0..5).all(|_| self.cast(&service)), "everything goes on");
        self.ledger.check(&self.house.database(), self.id);
        service.kill();
        let service = self.house.serve();
        self.ledger.resend(service.address, 0);
        service.stop();
        self.ledger.close(&self.house, self.id).unwrap();
    }
}

/// A limit on the size of each file stands for a full disk: any user can set it.
#[test]
fn no_thanks_for_what_no_longer_fits_into_a_file() {
    let mut hall = Hall::in_house(House::new());
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_pingjia")]);
    hall.house.arguments(&mut command);
    let service = Service::start(command).unwrap();
    assert!((0..5).all(|_| hall.cast(&service)));
    let log = fs::metadata(hall.house.sqlite_file().with_extension("db-wal")).unwrap().len();
    let limit = |bytes: &str| {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &service.id().to_string(), &format!("--fsize={bytes}:")]);
        assert!(prlimit.status().expect("prlimit runs").success());
    };
    limit(&(log + 100_000).to_string());
    hall.cast_until_refused(&service);
    assert!(hall.ledger.thanked.len() > 5, "what still fitted was taken");
    limit("unlimited");
    hall.goes_on(service);
}

/// A file system in memory, of its own size.
struct Mount(PathBuf);

impl Mount {
    fn new(place: PathBuf, size: &str) -> Self {
        fs::create_dir_all(&place).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "none", place.to_str().unwrap()]);
        Mount(place)
    }

    fn remount(&self, how: &str) {
        mount(&["-o", &format!("remount,{how}"), self.0.to_str().unwrap()]);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str]) {
    assert!(Command::new("mount").args(arguments).status().expect("mount runs").success());
}

#[test]
#[ignore = "mounts a file system of its own, as root: cargo test --test durability full -- --ignored"]
fn no_thanks_over_a_full_disk() {
    let house = House::new();
    let _disk = Mount::new(house.data(), "6m");
    let filler = house.data().join("filler");
    let mut hall = Hall::in_house(house);
    let service = hall.house.serve();
    assert!((0..5).all(|_| hall.cast(&service)));
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    hall.cast_until_refused(&service);
    service.kill();
    // It may start on a full disk or not; it thanks nobody whom it cannot count.
    if let Ok(service) = Service::start(hall.house.command()) {
        hall.cast_until_refused(&service);
        fs::remove_file(&filler).unwrap();
        hall.goes_on(service);
    } else {
        fs::remove_file(&filler).unwrap();
        let service = hall.house.serve();
        hall.goes_on(service);
    }
}

#[test]
#[ignore = "mounts file systems of its own, as root: cargo test --test durability full -- --ignored"]
fn read_only_moments_of_vault_and_database() {
    let house = House::new();
    let disk = Mount::new(house.data(), "16m");
    let vault = Mount::new(house.vault(), "1m");
    let mut hall = Hall::in_house(house);
    let service = hall.house.serve();
    assert!((0..5).all(|_| hall.cast(&service)));

    // The turnout can no longer be noted in the vault: the round stops. Whoever was thanked before that is counted.
    vault.remount("ro");
    let mut stopped = false;
    eventually("the round stops", || {
        stopped = stopped || !hall.cast(&service);
        stopped
    });
    service.says("不能记录投票数");
    vault.remount("rw");
    let address = service.address;
    eventually("the round goes on", || hall.ledger.unsure[0].send(address).unwrap().receipt().is_some());
    hall.ledger.resend(address, 0);
    assert!(hall.cast(&service));
    service.kill();

    // The database cannot be written at all.
    disk.remount("ro");
    if let Ok(service) = Service::start(hall.house.command()) {
        assert!(!hall.cast(&service), "nothing was written, so nobody is thanked");
    }
    disk.remount("rw");
    let service = hall.house.serve();
    hall.goes_on(service);
}
