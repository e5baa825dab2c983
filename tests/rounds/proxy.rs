//! Behind nginx, set up as `docs/nginx.conf` says.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::round::prepared;
use crate::service::{PASSWORD, Service};
use crate::support::round::eventually;
use crate::support::service::request;
use crate::support::tls::{certificate, client, exchange};

/// nginx in front of a service. Ended when it is dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg("-QUIT").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Nginx {
    /// The sample with the addresses, names and files of this test in it; its logs go to `folder`.
    fn before(service: &Service, folder: &Path) -> Self {
        let (address, plain) = (free(), free());
        let (certificate, key) = certificate(folder, "pj.example.cn");
        let sample = fs::read_to_string("docs/nginx.conf").unwrap();
        let server = sample
            .replace("listen 443 ssl", &format!("listen {address} ssl"))
            .replace("listen 80;", &format!("listen {plain};"))
            .replace("/etc/ssl/pingjia.crt", certificate.to_str().unwrap())
            .replace("/etc/ssl/private/pingjia.key", key.to_str().unwrap())
            .replace("http://127.0.0.1:8080;", &format!("{};", service.base));
        let log = |name: &str| folder.join(name).display().to_string();
        let user = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
        let user = if user.trim() == "0" { "user root;" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", log(name)))
            .concat();
        let whole = format!(
            "{user} pid {}; error_log {} info; events {{}}\nhttp {{ access_log {} combined;\n{temporary}{server} }}",
            log("pid"),
            log("error.log"),
            log("access.log")
        );
        fs::write(folder.join("nginx.conf"), whole).unwrap();
        let nginx = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let mut command = Command::new(nginx);
        command.args(["-g", "daemon off;", "-p"]).arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        let child = command.stderr(Stdio::null()).spawn().expect("nginx runs");
        let nginx = Nginx { child, address };
        eventually("nginx answers", || exchange(address, &[], &request("GET", "/healthz", "")).contains(" 200 "));
        nginx
    }
}

#[test]
fn nginx_as_documented_hides_codes_and_lets_streams_through() {
    let service = Service::new();
    let (poll, codes) = prepared(&service);
    service.person("jia-chair").step(&format!("/rounds/{poll}/open"), &[]);
    let folder = tempfile::tempdir().unwrap();
    let nginx = Nginx::before(&service, folder.path());
    let ask = |method: &str, path: &str, form: &str, cookie: &str| {
        let request =
            request(method, path, form).replace("Host: test", &format!("Host: pj.example.cn\r\nCookie: {cookie}"));
        exchange(nginx.address, &[], &request)
    };
    let fields = format!("username=jia-chair&password={}", pingjia::http::ask::encoded(PASSWORD));
    let answer = ask("POST", "/login", &fields, "");
    assert!(answer.to_lowercase().contains("strict-transport-security"), "the proxy's word on https: {answer}");
    let cookie = answer.split("__Host-pj_session=").nth(1).expect(&answer).split(';').next().unwrap();
    let cookie = format!("__Host-pj_session={cookie}");

    // A stream: the first state at once, the next when a ballot is cast, both while the connection is open.
    let mut stream = client(nginx.address, &[]);
    let events = request("GET", &format!("/rounds/{poll}/events"), "")
        .replace("Host: test", &format!("Host: pj.example.cn\r\nCookie: {cookie}"));
    stream.stdin.as_mut().unwrap().write_all(events.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream.stdout.take().unwrap()).lines().map_while(Result::ok).take(500);
    let first = lines.find(|line| line.starts_with("data: ")).expect("the first state");
    assert!(first.contains("\"spent\":0"), "{first}");
    let path = format!("/V/{}", codes[0]);
    let form = ask("GET", &path, "", "");
    let nonce = form.split("name=\"n\" value=\"").nth(1).expect(&form).split('"').next().unwrap();
    assert!(ask("POST", &path, &format!("n={nonce}&home=satisfied&step=cast"), "").contains("data-receipt"));
    let next = lines.find(|line| line.starts_with("data: ")).expect("the next state");
    assert!(next.contains("\"spent\":1"), "{next}");
    stream.kill().unwrap();
    stream.wait().unwrap();

    // The service is gone for a moment: nginx would write the whole request into its error log.
    drop(service);
    eventually("nginx finds nobody", || ask("GET", &path, "", "").contains(" 502 "));
    ask("GET", "/help", "", "");
    eventually("the log is written", || logged(folder.path()).contains("/help"));
    let logged = logged(folder.path());
    assert!(logged.contains("POST /login"), "{logged}");
    assert!(!logged.contains("/V/") && !logged.contains(&codes[0]), "no slip code in the logs of the proxy: {logged}");
}

fn logged(folder: &Path) -> String {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    read("access.log") + &read("error.log")
}
