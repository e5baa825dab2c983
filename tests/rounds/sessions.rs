//! A session that is used at one process holds at all of them; one that lies unused ends at all of them.

use diesel::prelude::*;
use pingjia::database::schema::session;
use pingjia::store::StoreError;
use pingjia::world;
use time::Duration;

use crate::round::prepared;
use crate::service::Service;
use crate::support::round::eventually;

/// As if every session had been used last so long ago, as far as the database knows.
fn leave_unused(service: &Service, ago: Duration) -> i64 {
    let last_used = (world::now() - ago).unix_timestamp();
    let set = diesel::update(session::table).set(session::last_used.eq(last_used));
    service.database.write(|c| -> Result<_, StoreError> { Ok(set.execute(c)?) }).unwrap();
    last_used
}

fn noted(service: &Service) -> i64 {
    let last = session::table.select(diesel::dsl::max(session::last_used));
    service.database.read(|c| -> Result<Option<i64>, StoreError> { Ok(last.first(c)?) }).unwrap().unwrap()
}

#[test]
fn what_is_used_at_one_process_is_used_at_the_other() {
    let mut service = Service::new();
    let other = service.beside();
    let chair = service.person("jia-chair");
    let elsewhere = chair.at(&other);
    let long_ago = leave_unused(&service, Duration::hours(3));
    assert_eq!(elsewhere.get("/desk").status, 303, "a process that has not seen it");
    assert_eq!(chair.get("/desk").status, 200, "one that has");
    assert_eq!(noted(&service), long_ago, "a look writes nothing");

    assert_eq!(chair.post("/password", &[]).status, 422);
    assert!(noted(&service) > long_ago);
    assert_eq!(elsewhere.get("/desk").status, 200);
    assert_eq!(elsewhere.post("/password", &[]).status, 422);
}

#[test]
fn a_round_on_show_keeps_its_session_in_use() {
    let mut service = Service::new();
    let (poll, _) = prepared(&service);
    let elsewhere = service.beside();
    let chair = service.person("jia-chair");
    leave_unused(&service, Duration::hours(3));
    let stream = chair.head_of(&format!("/rounds/{poll}/events"));
    assert_eq!(stream.status(), 200);
    eventually("its use is noted", || chair.at(&elsewhere).get("/desk").status == 200);
    let long_ago = leave_unused(&service, Duration::hours(3));
    eventually("and goes on being noted", || noted(&service) > long_ago);
    drop(stream);
}
