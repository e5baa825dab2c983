//! The attack on SQLite, through the binary: copies of database, write-ahead log and shared memory taken while a
//! slow round goes on, logs at the most verbose level, backups; and after the closing the vault as well.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use diesel::prelude::*;
use diesel::sql_types::Text;
use pingjia::domain::paper::{Answer, Scale};
use pingjia::domain::poll::Phase;

use crate::attack::claims;
use crate::chance::Judge;
use crate::loot::{Loot, Row, Step, difference, published};
use crate::raw::{find, find_in_folder};
use crate::support::round::{self, Open, confirm_custody, load, open, paper};
use crate::support::service::{Form, House, Service};
use crate::truth::{Needles, Said, Truth, contents, random_answer, random_comment, sealed_rows, truth};

const BALLOTS: u32 = 400;
/// Casts between two looks of the attacker.
const LOOK: usize = 4;
/// Bytes before each page in the write-ahead log.
const FRAME: usize = 24;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Every row of every table.
pub fn rows_of(file: &Path) -> HashSet<Row> {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let mut lines = |sql: String| -> Vec<String> {
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut connection).unwrap();
        lines.into_iter().map(|line| line.line).collect()
    };
    let mut rows = HashSet::new();
    for table in lines("SELECT name AS line FROM sqlite_master WHERE type = 'table'".to_owned()) {
        let columns = lines(format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY cid"));
        let columns: Vec<String> = columns.iter().map(|name| format!("ifnull(hex({name}), '')")).collect();
        for line in lines(format!("SELECT {} AS line FROM {table}", columns.join(" || '.' || "))) {
            let columns = line.split('.').map(|hex| data_encoding::HEXUPPER.decode(hex.as_bytes()).unwrap()).collect();
            rows.insert(Row { table: table.clone(), columns });
        }
    }
    rows
}

/// Looks at copies of the files now and then, and takes the write-ahead log apart into commits.
pub struct Spy {
    file: PathBuf,
    folder: tempfile::TempDir,
    /// The database as of the last commit seen, and its rows.
    image: Vec<u8>,
    rows: HashSet<Row>,
    /// Salts of the log and how much of it was seen.
    seen: (Vec<u8>, usize),
    steps: Vec<Step>,
}

impl Spy {
    pub fn new(file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut spy = Spy {
            file: file.to_owned(),
            folder,
            image: Vec::new(),
            rows: HashSet::new(),
            seen: (Vec::new(), 0),
            steps: Vec::new(),
        };
        spy.look();
        spy.steps.clear();
        spy
    }

    /// Takes what was committed since the last look.
    pub fn look(&mut self) {
        let image = fs::read(&self.file).unwrap();
        let log = fs::read(format!("{}-wal", self.file.display())).unwrap_or_default();
        let salts = log.get(16..24).unwrap_or_default().to_vec();
        if self.seen.0 != salts || self.image.is_empty() {
            // A new log: what the old one held last is in the database by now.
            self.image = image;
            self.seen = (salts.clone(), 32);
            self.commit(0);
        }
        let Some(size) = log.get(8..12) else { return };
        let page = usize::try_from(u32::from_be_bytes(size.try_into().unwrap())).unwrap();
        let mut begun = self.seen.1;
        let mut place = begun;
        while let Some(frame) = log.get(place..place + FRAME + page)
            && frame[8..16] == salts
        {
            let word =
                |from: usize| usize::try_from(u32::from_be_bytes(frame[from..from + 4].try_into().unwrap())).unwrap();
            let (number, pages) = (word(0), word(4));
            let end = number * page;
            self.image.resize(self.image.len().max(end), 0);
            self.image[end - page..end].copy_from_slice(&frame[FRAME..]);
            place += FRAME + page;
            if pages > 0 {
                self.image.truncate(pages * page);
                self.commit(place - begun);
                begun = place;
                self.seen.1 = place;
            }
        }
    }

    /// One commit is complete: what did it change?
    fn commit(&mut self, size: usize) {
        let copy = self.folder.path().join("copy.db");
        // The copy is complete: it needs no write-ahead log.
        self.image[18..20].copy_from_slice(&[1, 1]);
        fs::write(&copy, &self.image).unwrap();
        let rows = rows_of(&copy);
        self.steps.push(Step { rows: difference(&self.rows, &rows), size, logged: 0 });
        self.rows = rows;
    }

    /// The commits that spent slips.
    pub fn trail(self) -> Vec<Step> {
        self.steps.into_iter().filter(|step| !step.spent().is_empty()).collect()
    }
}

/// A slow round held by the binary, under attack.
struct Attacked {
    house: House,
    round: Open,
    key: Vec<u8>,
    forms: Vec<Form>,
    says: Vec<(Option<Answer>, Option<String>)>,
    thanked: Vec<[u8; 15]>,
    /// All that was logged.
    log: String,
    logged: HashMap<Vec<u8>, usize>,
}

fn serve(house: &House) -> Service {
    let mut command = house.command();
    command.env("PINGJIA_LOG", "trace");
    Service::start(command).unwrap()
}

fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

fn form_of(
    slip: &pingjia::domain::slip::SlipCode,
    home: Option<Answer>,
    comment: Option<&str>,
    service: &Service,
) -> Form {
    let says = format!(
        "home={}&awareness=know&comment={}",
        home.map_or("", Answer::code),
        comment.map_or(String::new(), encoded)
    );
    Form::fetch(service.address, slip, &says).unwrap()
}

impl Attacked {
    fn new() -> Self {
        let house = House::new();
        let (database, ballots) = (house.database(), house.ballots());
        let round = open(&ballots, &database, &paper(true), BALLOTS + 20, 0);
        let key = fs::read_dir(house.round_in_vault()).unwrap().map(|entry| entry.unwrap().path());
        let key = key.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
        let key = fs::read(key).unwrap();
        drop((database, ballots));
        Attacked {
            house,
            round,
            key,
            forms: Vec::new(),
            says: Vec::new(),
            thanked: Vec::new(),
            log: String::new(),
            logged: HashMap::new(),
        }
    }

    /// Everybody votes, one after the other, while the attacker looks on.
    fn vote(&mut self, service: &Service, spy: &mut Spy) {
        let mut sizes = HashSet::new();
        for place in 0..usize::try_from(BALLOTS).unwrap() {
            let slip = &self.round.slips.roll[place];
            let (home, comment) = (random_answer(), random_comment());
            let form = form_of(slip, home, comment.as_deref(), service);
            let before = service.logged();
            let answer = form.send(service.address).unwrap();
            self.logged.insert(slip.digest(self.round.id).0.to_vec(), service.logged() - before);
            self.thanked.push(answer.receipt().expect("thanked").0);
            sizes.insert(answer.body.len());
            self.forms.push(form);
            self.says.push((home, comment));
            if place % LOOK == LOOK - 1 {
                spy.look();
            }
            if place == usize::try_from(BALLOTS / 2).unwrap() {
                self.keep("middle");
                self.back_up("backup-middle");
            }
        }
        assert_eq!(sizes.len(), 1, "every thank-you has the same size: {sizes:?}");
    }

    /// Copies the data directory as it stands.
    fn keep(&self, name: &str) {
        // Connections of a pool that was dropped close when they please, and the last takes the log away: it must not be
        // one of theirs in the middle of the copy.
        let _open = self.house.database();
        let to = self.house.folder().join("kept").join(name);
        fs::create_dir_all(&to).unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.house.data()).arg(&to).status().unwrap();
        assert!(copied.success());
    }

    fn back_up(&self, name: &str) {
        let to = self.house.folder().join("kept").join(name);
        let mut backup = Command::new(env!("CARGO_BIN_EXE_pingjia"));
        backup.arg("backup").arg("--data").arg(self.house.data()).arg(to).env("PINGJIA_LOG", "trace");
        let output = backup.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Whoever has a slip, or even the member's own form, and sends it with guessed answers is told the same for every guess.
    fn guess(&self, service: &Service, place: usize) {
        let own = &self.forms[place];
        for nonce in [own.nonce.clone(), round::nonce()] {
            let mut told = HashSet::new();
            for guess in Scale::Satisfaction.answers().iter().map(|answer| answer.code()).chain([""]) {
                let says = format!("home={guess}&awareness=know");
                let answer = Form { slip: own.slip.clone(), nonce: nonce.clone(), says }.send(service.address).unwrap();
                told.insert((answer.status, answer.body));
            }
            assert_eq!(told.len(), 1, "no guess is told from another");
        }
    }

    /// The truth, and all that may stand nowhere: forms, key, secrets of ballots.
    fn truth(&self) -> (Truth, Needles) {
        let said = self.forms.iter().zip(&self.says).zip(&self.thanked);
        let said = said.map(|((form, (home, comment)), receipt)| Said {
            slip: form.slip.clone(),
            nonce: form.nonce.clone(),
            home: *home,
            comment: comment.clone(),
            receipt: *receipt,
        });
        truth(&self.key, self.round.id, &said.collect::<Vec<_>>(), &sealed_rows(&self.house.database()))
    }
}

/// Everything that the attacker claims is no truer than chance.
pub fn assert_no_better_than_chance(truth: &Truth, loot: &Loot) {
    let one = |step: &Step, table: &str| step.rows.iter().filter(|row| row.table == table).count() == 1;
    let tables = ["sealed_ballot", "sealed_comment"];
    let alone = loot.trail.iter().filter(|step| step.spent().len() == 1 && tables.iter().all(|table| one(step, table)));
    let alone = alone.count();
    assert!(alone * 10 >= truth.ballots.len() * 9, "the attacker sees whose sealed rows are whose: {alone}");
    let claims = claims(loot);
    assert!(claims.len() > 2000, "{} claims", claims.len());
    let judge = Judge::new(truth);
    for (how, claim) in &claims {
        let score = judge.score(claim);
        assert!(score.limit < 0.85, "the bound means something: {score:?}, {how}");
        assert!(score.share <= score.limit, "better than chance: {score:?}, {how}");
    }
}

#[test]
fn whoever_has_everything_but_the_vault_learns_nothing() {
    let mut attacked = Attacked::new();
    let id = attacked.round.id;
    attacked.keep("before");
    let service = serve(&attacked.house);
    let mut spy = Spy::new(&attacked.house.sqlite_file());
    let begun = service.logged();
    attacked.vote(&service, &mut spy);
    let log = service.log();
    let said: Vec<&str> = log[begun..].lines().filter(|line| !line.contains("actix_server")).collect();
    assert_eq!(said, [""; 0], "but for its start, the most verbose log says nothing while members vote");
    for place in [0, 7, 133] {
        attacked.guess(&service, place);
    }
    attacked.keep("voted");
    attacked.back_up("backup-voted");
    attacked.log.push_str(&service.stop());
    let (truth, never) = attacked.truth();
    let contents = contents(&truth);
    let kept = attacked.house.folder().join("kept");
    assert_eq!(find_in_folder(&never, &kept), [], "in files and backups");
    assert_eq!(find_in_folder(&contents, &kept), [], "in files and backups before the opening");

    // The box is opened by the binary, at the most verbose level too; now the attacker has the vault as well.
    let database = attacked.house.database();
    confirm_custody(&database, id, BALLOTS + 20);
    attacked.house.ballots().stop_phones(id, round::CHAIR, round::NOW).unwrap();
    round::change(&database, id, |phase| phase.begin_closing().unwrap());
    drop(database);
    let service = serve(&attacked.house);
    for place in [0, 7, 133] {
        attacked.guess(&service, place);
    }
    attacked.log.push_str(&service.stop());
    assert!(matches!(load(&attacked.house.database(), id).phase, Phase::Closed { .. }));
    attacked.keep("closed");
    attacked.back_up("backup-closed");
    assert_eq!(find_in_folder(&never, &kept), [], "in files and backups after the opening");
    assert_eq!(find_in_folder(&never, &attacked.house.vault()), [], "in the vault after the opening");

    let log = attacked.log.as_bytes();
    assert!(attacked.log.matches("listen=").count() == 2, "this is the log of both: {}", attacked.log);
    let answers: Needles = ["satisfied", "dont_know"].map(|word| ("answer", word.into())).into();
    for needles in [&never, &contents, &answers] {
        assert_eq!(find(needles, log), Vec::<&str>::new(), "in the log");
    }
    let mut trail = spy.trail();
    for step in &mut trail {
        step.logged = step.spent().iter().map(|slip| attacked.logged[*slip]).sum();
    }
    let loot = Loot { trail, published: published(&rows_of(&attacked.house.sqlite_file())) };
    assert_eq!(loot.published.receipts.len(), truth.ballots.len());
    assert_no_better_than_chance(&truth, &loot);
}
