//! The log that an operator keeps: no list of the moments at which members came, however much is asked of it.

use crate::support::service::{House, Service, ask, get, request};

/// Everything that members ask for on their way to the box and after it, and what their pages are drawn with.
fn come(service: &Service) {
    let front = get(service.address, "/").unwrap().body;
    let asset = front.split('"').find(|address| address.starts_with("/assets/")).expect("a style");
    assert_eq!(get(service.address, asset).unwrap().status, 200);
    for path in ["/V/ABC", "/secrecy", "/receipts"] {
        get(service.address, path).unwrap();
    }
    let forms = [("/code", "code=ABC"), ("/V/ABC", "home=satisfied"), ("/receipts", "round=ABCDE&receipt=ABC")];
    for (path, form) in forms {
        ask(service.address, &request("POST", path, form)).unwrap();
    }
}

/// The requests of which the log says something, in order.
fn logged(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains("answered"));
    lines
        .map(|line| line.split("route=").nth(1).expect("a route").split(['}', ' ']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn members_leave_no_line_in_the_log() {
    let house = House::new();
    for level in ["info", "debug", "trace"] {
        let mut command = house.command();
        command.env("PINGJIA_LOG", level);
        let service = Service::start(command).unwrap();
        get(service.address, "/login").unwrap();
        come(&service);
        get(service.address, "/help").unwrap();
        let log = service.stop();
        assert_eq!(logged(&log), ["\"/login\"", "\"/help\""], "the test would see them: {log}");
        let told = log.lines().filter(|line| line.contains("request") && !line.contains("answered"));
        assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{level}");
    }
}
