//! TLS in the program itself, seen by OpenSSL.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::round::eventually;
use crate::support::service::{House, Service, get, request};
use crate::support::tls::{certificate, exchange};

fn command(house: &House, certificate: &Path, key: &Path) -> Command {
    let mut command = house.command();
    command.args(["--public-url", "https://127.0.0.1", "--tls-cert"]).arg(certificate).arg("--tls-key").arg(key);
    command
}

#[test]
fn pages_are_served_over_tls_12_and_13_and_nothing_older() {
    let house = House::new();
    let (certificate, key) = certificate(house.folder(), "ours");
    let service = Service::start(command(&house, &certificate, &key)).unwrap();
    for (option, protocol) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let shown = exchange(service.address, &[option], &request("GET", "/login", ""));
        assert!(shown.contains(protocol) && shown.contains("HTTP/1.1 200 OK"), "{shown}");
        assert!(shown.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{shown}");
    }
    for old in ["-tls1", "-tls1_1"] {
        let shown = exchange(service.address, &[old, "-cipher", "ALL:@SECLEVEL=0"], &request("GET", "/", ""));
        assert!(!shown.contains("HTTP/1.1"), "{old}: {shown}");
    }
    let refused = request("POST", "/login", "username=a&password=b").replace("Host:", "Origin: null\r\nHost:");
    assert!(exchange(service.address, &[], &refused).contains("HTTP/1.1 403"), "signing in from a foreign page");
    assert!(get(service.address, "/").is_err(), "no plain answer on the encrypted port");
}

#[test]
fn a_session_over_tls_has_the_cookie_that_no_neighbour_can_set() {
    let house = House::new();
    let (certificate, key) = certificate(house.folder(), "ours");
    let setup = Command::new(env!("CARGO_BIN_EXE_pingjia"))
        .args(["setup", "--union", "市总工会", "--rule-set", "qingdao-2020", "--name", "张三", "--data"])
        .arg(house.data())
        .output()
        .unwrap();
    let told = String::from_utf8(setup.stdout).unwrap();
    let mut password = told.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    let password = password.rfind(|word| word.len() >= 14).expect(&told);
    let service = Service::start(command(&house, &certificate, &key)).unwrap();
    let shown =
        exchange(service.address, &[], &request("POST", "/login", &format!("username=admin&password={password}")));
    let cookie = shown.lines().find(|line| line.contains("pj_session")).expect(&shown);
    for part in ["__Host-pj_session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let token = cookie.split("pj_session=").nth(1).unwrap().split(';').next().unwrap();
    let with = |cookie: &str| request("GET", "/password", "").replace("Host:", &format!("Cookie: {cookie}\r\nHost:"));
    let signed_in = exchange(service.address, &[], &with(&format!("__Host-pj_session={token}")));
    assert!(signed_in.contains("HTTP/1.1 200"), "{signed_in}");
    let tossed = exchange(service.address, &[], &with(&format!("pj_session={token}")));
    assert!(tossed.contains("HTTP/1.1 303"), "the name that a neighbouring host could set is not read: {tossed}");
}

#[test]
fn a_new_certificate_is_taken_up_and_a_broken_one_is_not() {
    let house = House::new();
    let (certificate_file, key_file) = certificate(house.folder(), "first");
    let (second, second_key) = certificate(house.folder(), "second");
    let service = Service::start(command(&house, &certificate_file, &key_file)).unwrap();
    let served = || exchange(service.address, &["-showcerts"], &request("GET", "/", ""));
    let hang_up = || {
        assert!(Command::new("kill").arg("-HUP").arg(service.id().to_string()).status().unwrap().success());
    };
    assert!(served().contains("CN = first"));
    fs::copy(&second, &certificate_file).unwrap();
    hang_up();
    eventually("the mismatch is reported", || service.log().contains("不是一对"));
    assert!(served().contains("CN = first"), "the old one stays in use");
    fs::copy(&second_key, &key_file).unwrap();
    hang_up();
    eventually("the new certificate is served", || served().contains("CN = second"));
    assert!(service.stop().contains("TLS certificate renewed"));
}

#[test]
fn files_that_cannot_be_used_are_named_in_chinese() {
    let house = House::new();
    let folder = house.folder();
    let (good, key) = certificate(folder, "good");
    let (_, other_key) = certificate(folder, "other");
    let expired = folder.join("expired.crt");
    let mut sign = Command::new("openssl");
    sign.args(["x509", "-days", "-1", "-in"]).arg(&good).arg("-signkey").arg(&key).arg("-out").arg(&expired);
    assert!(sign.status().unwrap().success());
    let (empty, text) = (folder.join("empty.crt"), folder.join("text.key"));
    fs::write(&empty, "").unwrap();
    fs::write(&text, "no key").unwrap();
    let locked = folder.join("locked.key");
    let mut lock = Command::new("openssl");
    lock.args(["pkey", "-aes256", "-passout", "pass:abcd", "-in"]).arg(&key).arg("-out").arg(&locked);
    assert!(lock.status().unwrap().success());
    let missing = folder.join("missing.crt");
    for (certificate, key, words) in [
        (&missing, &key, "文件不存在"),
        (&good, &missing, "文件不存在"),
        (&empty, &key, "里没有证书"),
        (&good, &text, "里没有私钥"),
        (&good, &locked, "口令保护"),
        (&good, &other_key, "不是一对"),
        (&expired, &key, "过期"),
        (&folder.to_owned(), &key, "这是目录"),
    ] {
        let refused = Service::start(command(&house, certificate, key)).err().expect(words);
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let alone = { house.command() }.arg("--tls-cert").arg(&good).output().unwrap();
    assert_eq!(alone.status.code(), Some(2));
    let mut plain = house.command();
    plain.args(["--public-url", "http://a.cn", "--tls-cert"]).arg(&good).arg("--tls-key").arg(&key);
    assert!(Service::start(plain).err().unwrap().contains("https://"));
}

#[test]
fn a_key_that_others_can_read_and_a_foreign_name_are_warned_of() {
    let house = House::new();
    let (certificate, key) = certificate(house.folder(), "ours");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let mut foreign = house.command();
    foreign.args(["--public-url", "https://vote.example.cn:8443", "--tls-cert"]).arg(&certificate);
    let service = Service::start({
        foreign.arg("--tls-key").arg(&key);
        foreign
    })
    .unwrap();
    let log = service.stop();
    assert!(log.contains("chmod 600") && log.contains("证书不是给 vote.example.cn 的"), "{log}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let log = Service::start(command(&house, &certificate, &key)).unwrap().stop();
    assert!(!log.contains("chmod 600") && !log.contains("证书不是给"), "{log}");
}

#[test]
fn the_plain_listener_leads_to_the_encrypted_address_and_takes_no_form() {
    let house = House::new();
    let (certificate, key) = certificate(house.folder(), "ours");
    let plain = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = command(&house, &certificate, &key);
    let service = Service::start({
        command.args(["--redirect-listen", &plain.to_string()]);
        command
    })
    .unwrap();
    eventually("the plain listener answers", || get(plain, "/").is_ok());
    let moved = get(plain, "/login?next=/desk").unwrap();
    assert_eq!(moved.status, 301);
    let head = moved.head.to_lowercase();
    assert!(head.contains("location: https://127.0.0.1/login?next=/desk"), "never by the Host header: {head}");
    assert!(head.contains("cache-control: no-store") && !head.contains("strict-transport"), "{head}");
    let code = "ABCDEFGH";
    let posted = crate::support::service::ask(plain, &request("POST", &format!("/V/{code}"), "n=1&step=cast"));
    let posted = posted.unwrap();
    assert_eq!(posted.status, 403);
    assert!(posted.body.contains("没有加密") && posted.body.contains("https://127.0.0.1"), "{}", posted.body);
    assert!(!posted.head.to_lowercase().contains("\r\nlocation:"));
    assert!(!service.stop().contains(code), "no path in the log");
}
