//! What a stranger may send, byte by byte: too much, too slowly, or two things at once; the service goes on.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::service::{House, get};

/// Sends bytes and reads what comes until the service hangs up; an endless wait fails the test.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    // The service may have hung up before everything was sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the service holds on to the connection: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

#[test]
fn too_much_is_refused_and_the_service_goes_on() {
    let house = House::new();
    let service = house.serve();
    let head = |lines: &str| format!("POST /V/ABC HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let long = head(&format!("X-Long: {}\r\n", "a".repeat(300_000)));
    assert!(matches!(status(&send(service.address, long.as_bytes())), "" | "400" | "431"), "a long header");
    let many = head(&"X-Many: a\r\n".repeat(500));
    assert!(matches!(status(&send(service.address, many.as_bytes())), "" | "400" | "431"), "many headers");
    let promised = head(&format!("{form}Content-Length: 99999999\r\n"));
    assert_eq!(status(&send(service.address, promised.as_bytes())), "413", "refused before it is sent");
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let chunked = head(&format!("{form}Transfer-Encoding: chunked\r\n")) + &chunk.repeat(3) + "0\r\n\r\n";
    assert_eq!(status(&send(service.address, chunked.as_bytes())), "413", "refused as soon as it is too much");
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "a".repeat(200_000));
    assert!(matches!(status(&send(service.address, path.as_bytes())), "" | "414" | "431"), "a long path");
    assert_eq!(get(service.address, "/").unwrap().status, 200);
}

#[test]
fn what_is_long_is_read_of_nobody_who_is_not_signed_in() {
    let service = House::new().serve();
    for path in ["/unions/import", "/rounds/1/slips/file", "/rounds/1/slips/packets"] {
        // The body never comes: who waited for it would wait a minute, and answer otherwise.
        let promised = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: application/json\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000000\r\n\r\n"
        );
        let answer = send(service.address, promised.as_bytes());
        assert!(status(&answer) == "401" && answer.contains("\"code\":\"sign_in\""), "{path}: {answer}");
    }
}

#[test]
fn requests_that_can_be_read_in_two_ways_are_refused() {
    let house = House::new();
    let service = house.serve();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ] {
        let two = format!("POST /login HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n{hidden}");
        let answer = send(service.address, two.as_bytes());
        assert_eq!((status(&answer), answer.matches("HTTP/1.1 ").count()), ("400", 1), "{lines}: {answer}");
    }
    let traced = send(service.address, b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Secret: s\r\n\r\n");
    assert!(status(&traced) == "405" && !traced.contains("X-Secret"), "{traced}");
}

#[test]
fn whoever_sends_slowly_is_hung_up_on_and_disturbs_nobody() {
    let house = House::new();
    let service = house.serve();
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = TcpStream::connect(service.address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(service.address, "/").unwrap().status, 200, "served beside three hundred slow ones");
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the service hangs up by itself");
        assert_eq!(status(&answer), "408", "{answer}");
    }
}
