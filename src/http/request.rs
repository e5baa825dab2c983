//! A request as it came in, before anything in it is believed.

use std::net::SocketAddr;

use actix_http::HttpMessage as _;
use actix_http::header::{self, HeaderMap, HeaderName};
use actix_web::cookie::Cookie;
use actix_web::http::Method;

/// The head of a request, and whether it came encrypted. Its path may hold a slip's code: it does not print.
pub struct Request {
    head: actix_http::Request,
    encrypted: bool,
}

impl Request {
    /// The request as a listener took it; `encrypted` says whether that listener has TLS.
    #[must_use]
    pub fn new(head: actix_http::Request, encrypted: bool) -> Self {
        Request { head, encrypted }
    }

    /// What is to be done.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.head.method()
    }

    /// The path, with escapes as they came.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// What follows the path's question mark; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.head.uri().query().unwrap_or_default()
    }

    /// Path with query.
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.uri().path_and_query().map_or("", |target| target.as_str())
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// One header, empty if there is none or it is no text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> &str {
        self.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What a cookie says.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
        let mut cookies =
            lines.flat_map(|line| line.split(';')).filter_map(|cookie| Cookie::parse_encoded(cookie).ok());
        cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }

    /// Who is at the other end of the connection: the asker, or a proxy.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.head.peer_addr()
    }

    /// Whether the connection itself is encrypted.
    #[must_use]
    pub fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether a program asks, and not a browser.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        let accept = self.header(&header::ACCEPT);
        (accept.contains("application/json") || accept.contains("application/problem+json"))
            && !accept.contains("text/html")
    }

    /// Whether the answer may be compressed.
    #[must_use]
    pub fn takes_gzip(&self) -> bool {
        self.header(&header::ACCEPT_ENCODING).split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let never = matches!(weight.trim().trim_start_matches("q=").parse(), Ok(0.0_f32));
            name.trim().eq_ignore_ascii_case("gzip") && !never
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn with(name: HeaderName, value: &str) -> Request {
        Request::new(TestRequest::get().insert_header((name, value)).to_request(), false)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let request = with(header::COOKIE, "a=1; broken; pj=x%20y; b=2");
        assert_eq!(request.cookie("pj").as_deref(), Some("x y"));
        assert_eq!(request.cookie("b").as_deref(), Some("2"));
        assert_eq!(request.cookie("p"), None);
    }

    #[test]
    fn who_takes_no_gzip_gets_none() {
        for (says, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("", false),
            ("deflate", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
        ] {
            assert_eq!(with(header::ACCEPT_ENCODING, says).takes_gzip(), takes, "{says}");
        }
    }

    #[test]
    fn a_browser_is_no_program() {
        assert!(with(header::ACCEPT, "application/json").wants_json());
        assert!(!with(header::ACCEPT, "text/html,application/json;q=0.9").wants_json());
    }
}
