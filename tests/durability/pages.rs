//! The chair opens the box through the pages, and the binary is killed at each of its calls to the disk in turn: between
//! any two steps. Afterwards the page says how it stands, and the closing has gone on by itself or goes on by the same
//! button: of the next start, or of another process on the same PostgreSQL.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use pingjia::store::sessions::{self, SessionToken};
use pingjia::store::{StoreError, accounts};
use pingjia::world;

use crate::closing::Template;
use crate::support::round::{CHAIR, eventually};
use crate::support::service::{Answer, House, Service, ask, request};

/// Calls by which something is made durable, put in its place or taken away.
const CALLS: [&str; 5] = ["fdatasync", "fsync", "rename", "ftruncate", "unlink"];

/// The chair, signed in.
struct Chair(SessionToken);

impl Chair {
    fn sign_in(house: &House) -> Self {
        let token = SessionToken::new(world::random_bytes());
        let signed_in = house.database().write(|c| -> Result<(), StoreError> {
            let account = accounts::load(c, CHAIR)?.expect("the chair of the round");
            sessions::create(c, &account, &token, world::now())?;
            Ok(())
        });
        signed_in.unwrap();
        Chair(token)
    }

    fn with_cookie(&self, request: &str) -> String {
        request.replacen("Host: test\r\n", &format!("Host: test\r\nCookie: pj_session={}\r\n", self.0.text()), 1)
    }

    fn get(&self, address: SocketAddr, path: &str) -> Answer {
        ask(address, &self.with_cookie(&request("GET", path, ""))).unwrap()
    }

    /// Presses the button; none when the service went away over it.
    fn press(&self, address: SocketAddr, path: &str) -> Option<Answer> {
        let form = format!("form_token={}", self.0.form_token());
        ask(address, &self.with_cookie(&request("POST", path, &form))).ok()
    }
}

/// Kills the service at the call of this name and number in any of its threads.
fn kill_at_call(service: &Service, call: &str, number: usize) -> Child {
    let mut strace = Command::new("strace")
        .args(["-f", "-p", &service.id().to_string(), "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"])
        .arg(format!("inject={call}:signal=SIGKILL:when={number}"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is installed and may trace");
    let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
    let attached = said.by_ref().map(Result::unwrap).find(|line| line.contains("attached"));
    assert!(attached.is_some(), "strace follows the service");
    std::thread::spawn(move || said.for_each(drop));
    strace
}

/// The service is there again: the page knows how it stands, and everything ends well.
fn goes_on(template: &Template, chair: &Chair) {
    let round = format!("/rounds/{}", template.id);
    let close = format!("{round}/close");
    let service = template.house.serve();
    let page = chair.get(service.address, &round);
    assert_eq!(page.status, 200);
    if page.body.contains("data-phase=\"counting\"") {
        assert!(page.body.contains(&format!("href=\"{close}\"")), "nothing was done, and the button is there");
        assert_eq!(chair.press(service.address, &close).expect("an answer").status, 303);
    } else {
        assert!(page.body.contains("data-phase=\"closed\""), "gone on by itself: {}", page.body);
    }
    let page = chair.get(service.address, &round);
    assert!(page.body.contains("已销毁") && !page.body.contains("data-stopped"), "{}", page.body);
    service.stop();
    template.check_end();
}

#[test]
fn the_chair_opens_the_box_while_the_service_is_killed_at_every_call() {
    let template = Template::new(12, false);
    let chair = Chair::sign_in(&template.house);
    template.keep();
    let close = format!("/rounds/{}/close", template.id);
    let mut found = Vec::new();
    for call in CALLS {
        for number in 1.. {
            template.bring_back();
            let service = template.house.serve();
            let mut strace = kill_at_call(&service, call, number);
            let answered = chair.press(service.address, &close);
            let done = answered.is_some_and(|answer| answer.status == 303);
            service.kill();
            strace.wait().unwrap();
            if done {
                break;
            }
            found.push(template.check_between());
            goes_on(&template, &chair);
        }
    }
    println!("the kills found: {found:?}");
    let steps = ["before the count", "counted", "tombstone written", "key destroyed", "destruction noted", "all done"];
    for step in steps {
        assert!(found.contains(&step), "no kill came there: {step}");
    }
}

/// Where a process is killed that closes a round on PostgreSQL.
enum Kill {
    /// At the call to the disk of this name and number: the vault's, as the server has the rest.
    Call(&'static str, usize),
    /// While it waits for this table, which somebody holds in this mode.
    Wait(&'static str, &'static str),
}

/// The chair presses the button at a process that does not live to answer.
fn killed(template: &Template, chair: &Chair, service: Service, kill: &Kill) -> &'static str {
    let (address, close) = (service.address, format!("/rounds/{}/close", template.id));
    match kill {
        Kill::Call(call, number) => {
            let mut strace = kill_at_call(&service, call, *number);
            let answered = chair.press(address, &close);
            assert!(answered.is_none(), "no such call: {call} {number}");
            strace.wait().unwrap();
            template.check_between()
        }
        Kill::Wait(table, mode) => {
            let mut holder = PgConnection::establish(&template.server_url()).unwrap();
            holder.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN {mode} MODE")).unwrap();
            let mut watcher = PgConnection::establish(&template.server_url()).unwrap();
            let waits = "SELECT 1 / count(*) FROM pg_stat_activity WHERE datname = current_database() \
                         AND wait_event_type = 'Lock'";
            std::thread::scope(|scope| {
                let pressed = scope.spawn(|| chair.press(address, &close));
                eventually("the closing waits", || watcher.batch_execute(waits).is_ok());
                service.kill();
                assert!(pressed.join().unwrap().is_none());
            });
            template.check_between()
        }
    }
}

#[test]
fn another_process_goes_on_where_one_was_killed() {
    let template = Template::on_server(12);
    let chair = Chair::sign_in(&template.house);
    template.keep();
    let round = format!("/rounds/{}", template.id);
    let kills = [
        ("before the closing", Kill::Wait("journal", "ACCESS EXCLUSIVE")),
        ("before the count", Kill::Wait("opened_block", "ACCESS EXCLUSIVE")),
        ("counted", Kill::Call("fsync", 1)),
        ("tombstone written", Kill::Call("ftruncate", 1)),
        // Draft and folder of the tombstone, the key three times, its folder.
        ("key destroyed", Kill::Call("fsync", 6)),
        ("destruction noted", Kill::Wait("sealed_ballot", "SHARE")),
    ];
    for (step, kill) in kills {
        template.bring_back();
        let (one, other) = (template.house.serve(), template.house.serve());
        assert_eq!(killed(&template, &chair, one, &kill), step);
        let page = chair.get(other.address, &round);
        let button = format!("href=\"{round}/close\"");
        assert_eq!(page.body.contains(&button), step != "destruction noted", "{step}: {}", page.body);
        if page.body.contains(&button) {
            let pressed = chair.press(other.address, &format!("{round}/close")).expect("an answer");
            assert_eq!(pressed.status, 303, "{step}: {}", pressed.body);
        }
        let page = chair.get(other.address, &round);
        assert!(page.body.contains("data-phase=\"closed\"") && page.body.contains("已销毁"), "{step}: {}", page.body);
        other.stop();
        // What is left is tidied at the next start.
        if step == "destruction noted" { template.check_end() } else { template.check_done() }
    }
}
