//! Moving: both directions, what is refused, and what an interruption leaves.

use std::process::{Child, Command, Stdio};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use super::place::{House, empty_server, moves, pingjia, refused, run, texts};
use super::support::days::day;
use super::support::round::eventually;
use super::support::service::{ask, request};

#[test]
fn a_busy_installation_stays_where_it_is() {
    let house = House::busy();
    let target = empty_server();
    let why = refused(house.data(), &target);
    let title = format!("《{}年度会员评议职工之家》", &day(0)[..4]);
    assert!(why.contains(&format!("晨帆精密机械有限公司工会{title}正在投票：等投票结束")), "{why}");
    assert!(why.contains(&format!("银杏街道工会{title}正在计票：录完")), "{why}");
    assert_eq!(
        texts(&target, "SELECT relname::text AS text FROM pg_class WHERE relname = 'poll'"),
        [""; 0],
        "untouched"
    );
    // One in the middle of being opened, one whose key is not known to be gone.
    house.sql("UPDATE poll SET phase = 'void', phase_data = '{\"phase\":\"void\",\"reason\":{\"why\":\"called_off\",\"text\":\"改期\",\"by\":1}}' WHERE phase IN ('open', 'counting')");
    let why = refused(house.data(), &target);
    assert!(why.contains("还有封存的选票没有清理完（sealed_ballot）"), "{why}");
    house.sql("DELETE FROM sealed_ballot; DELETE FROM sealed_comment; DELETE FROM paper_entry");
    house.sql("UPDATE poll SET phase_data = replace(phase_data, '\"key_destroyed\":true', '\"key_destroyed\":false') WHERE phase = 'closed'");
    let why = refused(house.data(), &target);
    assert!(why.contains("密钥还没有销毁完：启动服务"), "{why}");
    assert!(house.serve(None).is_ok(), "a refused move changes nothing");
}

/// On a terminal a bar says how far it is; the last word stays, and the bar goes.
#[test]
fn on_a_terminal_a_bar_grows_to_the_end() {
    let house = House::at_rest();
    let (program, from, to) = (env!("CARGO_BIN_EXE_pingjia"), house.data(), empty_server());
    let command = format!("'{program}' move --from '{from}' --to '{to}'");
    let moved = Command::new("script").args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
    let shown = String::from_utf8(moved.stdout).unwrap();
    assert!(moved.status.success(), "{shown}");
    for step in ["搬运", "核对"] {
        let bars: Vec<&str> = shown.split('\r').filter(|line| line.starts_with(step)).collect();
        let percent = |bar: &&str| bar.split('%').next().unwrap().rsplit(' ').next().unwrap().parse::<usize>().unwrap();
        let percents: Vec<usize> = bars.iter().map(percent).collect();
        assert!(percents.len() > 3 && percents.is_sorted() && percents.last() == Some(&100), "{step}: {percents:?}");
        for (bar, percent) in bars.iter().zip(percents) {
            let parts = ["█", "░"].map(|part| bar.matches(part).count());
            assert_eq!(parts, [percent * 30 / 100, 30 - percent * 30 / 100], "{bar}");
        }
    }
    let (_, last) = shown.rsplit_once("\r\u{1b}[K").expect("the bar is cleared away");
    assert!(last.contains("搬好了") && !last.contains('█'), "{last}");
}

#[test]
fn a_service_at_work_keeps_its_database() {
    let house = House::at_rest();
    let other = tempfile::tempdir().unwrap();
    let service = house.serve(None).unwrap();
    let why = refused(house.data(), other.path().to_str().unwrap());
    assert!(why.contains("还有程序在使用：请先停下"), "{why}");
    service.kill();
    let server = empty_server();
    moves(house.data(), &server);
    let service = house.serve(Some(&server)).unwrap();
    let why = refused(&server, other.path().to_str().unwrap());
    assert!(why.contains("还有程序在使用：请先停下"), "{why}");
    let why = refused(house.data(), &server);
    assert!(why.contains("还有程序在使用：请先停下"), "as a target too: {why}");
    service.kill();
}

#[test]
fn a_service_that_was_cut_off_meanwhile_does_not_come_back_to_what_was_moved_away() {
    let house = House::at_rest();
    let server = empty_server();
    moves(house.data(), &server);
    let service = house.serve(Some(&server)).unwrap();
    let login = request("POST", "/login", "username=qingdao.shangji&password=wrong");
    assert_eq!(ask(service.address, &login).unwrap().status, 401);
    // What a move leaves that found no session of this service, its line being broken.
    let mut owner = PgConnection::establish(&server).unwrap();
    owner.batch_execute("INSERT INTO relocation (state) VALUES ('left')").unwrap();
    owner
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    assert_eq!(ask(service.address, &login).unwrap().status, 503);
    service.says("pingjia move");
}

#[test]
fn targets_and_sources_that_will_not_do() {
    let house = House::at_rest();
    let data = house.data();
    let why = refused(data, house.sqlite_file().to_str().unwrap());
    assert!(why.contains("来源和目标是同一个数据库"), "{why}");
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let why = refused(nothing.to_str().unwrap(), data);
    assert!(why.contains("没有评家的数据") && !nothing.exists(), "{why}");
    // Another installation; another program's tables; a later program's.
    let other = House::at_rest();
    other.sql("UPDATE trade_union SET name = name || '（另）'");
    let why = refused(data, other.data());
    assert!(why.contains("已经有数据，而且和来源不一样") && why.contains("没有覆盖"), "{why}");
    let server = empty_server();
    PgConnection::establish(&server).unwrap().batch_execute("CREATE TABLE theirs (id INT)").unwrap();
    assert!(refused(data, &server).contains("别的程序的表"));
    let empty = empty_server();
    assert!(refused(&empty, data).contains("没有评家的数据"));
    house.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    assert!(refused(data, &empty).contains("更新版本的程序"));
    house.sql("DELETE FROM __diesel_schema_migrations WHERE version IN ('9999', '0005')");
    assert!(refused(data, &empty).contains("旧版本的：请先用本程序启动一次服务"));
    // The same server by two addresses.
    other.sql("UPDATE trade_union SET name = name");
    moves(other.data(), &empty);
    let why = refused(&empty, &format!("{empty}&connect_timeout=9"));
    assert!(why.contains("来源和目标是同一个数据库"), "{why}");
}

#[test]
fn what_was_altered_is_not_moved() {
    let house = House::at_rest();
    // The last character of a signature, which is base64.
    house.sql("UPDATE sheet SET body = substr(body, 1, length(body) - 6) || 'AAA' || substr(body, -3) WHERE id = (SELECT min(id) FROM sheet)");
    let server = empty_server();
    let why = refused(house.data(), &server);
    assert!(why.contains("签名文件核对不通过"), "{why}");
    assert_eq!(texts(&server, "SELECT count(*)::text AS text FROM trade_union"), ["0"], "nothing was kept");
    assert!(house.serve(None).is_ok(), "the source is as it was");
    // A column that the tables of this program do not have is never left behind silently.
    let house = House::at_rest();
    house.sql("ALTER TABLE account ADD COLUMN badge TEXT");
    assert!(refused(house.data(), &server).contains("两边的表不一样：account"));
    house.sql("ALTER TABLE account DROP COLUMN badge; CREATE TABLE badge (id INTEGER PRIMARY KEY) STRICT");
    assert!(refused(house.data(), &server).contains("两边的表不一样：badge"));
}

#[test]
fn what_arrives_otherwise_than_it_left_is_found_out() {
    let house = House::at_rest();
    let server = empty_server();
    // Tables that are there already, with nothing in them, will do; one of them changes what it is given.
    run(&["password", "--database-url", &server, "nobody"]);
    let trigger = "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN NEW.detail := left(NEW.detail, 3); RETURN NEW; END $$; \
         CREATE TRIGGER cut BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION cut()";
    let mut owner = PgConnection::establish(&server).unwrap();
    owner.batch_execute(trigger).unwrap();
    let why = refused(house.data(), &server);
    assert!(why.contains("表 journal 搬过去以后和来源不一样") && why.contains("没有保留任何东西"), "{why}");
    assert_eq!(texts(&server, "SELECT count(*)::text AS text FROM journal"), ["0"]);
    assert!(house.serve(None).is_ok() && house.serve(Some(&server)).is_err());
    owner.batch_execute("DROP TRIGGER cut ON journal").unwrap();
    // Killed between the two commits: neither is served, and the next move finishes.
    house.sql("INSERT INTO relocation (state) VALUES ('left')");
    assert!(house.serve(None).is_err());
    moves(house.data(), &server);
    assert!(house.serve(Some(&server)).is_ok());
}

/// A move that is killed once `is_under_way` says so.
fn killed(from: &str, to: &str, mut is_under_way: impl FnMut() -> bool) {
    let mut child: Child =
        pingjia(&["move", "--from", from, "--to", to]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("a move under way", || is_under_way() || child.try_wait().unwrap().is_some());
    assert!(child.try_wait().unwrap().is_none(), "it was killed before it ended");
    child.kill().unwrap();
    child.wait().unwrap();
}

const MANY: u32 = 60_000;

/// A draft with so many slips that moving takes its time.
fn long_house() -> House {
    let house = House::at_rest();
    house.sql(&format!(
        "INSERT INTO slip (poll_id, digest, state) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
         SELECT (SELECT max(id) FROM poll WHERE phase = 'draft'), randomblob(32), i % 3 FROM n"
    ));
    house
}

#[test]
fn a_move_that_was_killed_is_finished_by_the_next() {
    let house = long_house();
    let server = empty_server();
    let size = "SELECT COALESCE(pg_relation_size(to_regclass('slip')), 0)::text AS text";
    killed(house.data(), &server, || texts(&server, size)[0].parse::<u64>().unwrap() > 1_000_000);
    let why = house.serve(Some(&server)).err().expect("half a database is not served");
    assert!(why.contains("只搬了一半") && why.contains("原样再运行一次"), "{why}");
    assert!(refused(&server, house.data()).contains("只搬进来一半"));
    let there = moves(house.data(), &server);
    let gone = house.serve(None).err().expect("the source is not served any more");
    assert!(gone.contains("已经搬到别处") && gone.contains("move --reopen"), "{gone}");

    // And back, into a new file.
    let back = House::at_rest();
    std::fs::remove_file(back.sqlite_file()).unwrap();
    let log = back.sqlite_file().with_extension("db-wal");
    killed(&server, back.data(), || log.metadata().is_ok_and(|log| log.len() > 1_000_000));
    let why = back.serve(None).err().expect("half a database is not served");
    assert!(why.contains("只搬了一半"), "{why}");
    assert_eq!(moves(&server, back.data()), there, "every table has the same digest again");
    assert_eq!(
        texts(back.sqlite_file().to_str().unwrap(), "SELECT count(*) || '' AS text FROM slip WHERE state = 2").len(),
        1
    );
    assert!(back.serve(None).is_ok());
}

#[test]
fn a_move_can_be_repeated_and_given_up() {
    let house = House::at_rest();
    let server = empty_server();
    let there = moves(house.data(), &server);
    let again = run(&["move", "--from", house.data(), "--to", &server]);
    assert!(again.code == Some(0) && again.out.contains("以前已经搬好"), "{}{}", again.out, again.err);
    assert!(refused(house.data(), &empty_server()).contains("已经搬走，不能再搬一次"));
    let given_up = run(&["move", "--reopen", house.data()]);
    assert_eq!(given_up.code, Some(0), "{}", given_up.err);
    assert!(house.serve(None).is_ok());
    assert!(run(&["move", "--reopen", house.data()]).err.contains("没有搬走的标记"));
    // Back into what it came from: nothing has changed since, so that only the marks change places.
    let service = house.serve(None).unwrap();
    service.kill();
    moves(house.data(), &server);
    assert_eq!(moves(&server, house.data()), there);
    assert!(house.serve(None).is_ok());
    assert!(house.serve(Some(&server)).is_err());
}

#[test]
fn a_table_laid_out_in_partitions_moves_both_ways() {
    let house = House::at_rest();
    let server = empty_server();
    run(&["password", "--database-url", &server, "nobody"]);
    let laid_out = "DROP TABLE slip; \
         CREATE TABLE slip (poll_id BIGINT NOT NULL, digest BYTEA NOT NULL, state SMALLINT NOT NULL, \
             PRIMARY KEY (poll_id, digest)) PARTITION BY HASH (poll_id); \
         CREATE TABLE slip_0 PARTITION OF slip FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE slip_1 PARTITION OF slip FOR VALUES WITH (MODULUS 2, REMAINDER 1)";
    PgConnection::establish(&server).unwrap().batch_execute(laid_out).unwrap();
    let there = moves(house.data(), &server);
    let parts = "SELECT (SELECT count(*) FROM slip_0) + (SELECT count(*) FROM slip_1) || '' AS text";
    let parts = texts(&server, parts);
    assert!(parts != ["0"] && parts == texts(&server, "SELECT count(*) || '' AS text FROM slip"), "{parts:?}");
    house.serve(Some(&server)).unwrap().kill();

    let back = House::empty();
    assert_eq!(moves(&server, back.data()), there, "every table has the same digest again");
}
