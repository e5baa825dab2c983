//! Who is at the other end, and whether the way there is encrypted: the connection itself says so, or a proxy that is
//! trusted. Nobody else's word counts.
//!
//! Of the two families of headers only `X-Forwarded-…` is read: a proxy that sets one family and lets the other
//! (`Forwarded`, RFC 7239) pass through would let strangers write their own.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use super::request::Request;
use crate::config::Config;

static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The other end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// For throttling only: never logged, never stored.
    pub address: Option<IpAddr>,
    /// Whether cookies are for encrypted connections only, and the browser is told to stay with them.
    pub https: bool,
}

impl Peer {
    /// Who asked.
    #[must_use]
    pub fn of(request: &Request, config: &Config) -> Self {
        Peer::told(config, request.peer(), request.encrypted(), request.headers())
    }

    /// The same from the parts of a request.
    fn told(config: &Config, peer: Option<SocketAddr>, encrypted: bool, headers: &HeaderMap) -> Self {
        let https = encrypted || config.is_https();
        let Some(peer) = peer.map(|peer| peer.ip()) else { return Peer { address: None, https } };
        if !config.front.trusts(peer) {
            return Peer { address: Some(peer), https };
        }
        let proto = last(headers, &PROTO).next();
        Peer {
            address: Some(client(config, peer, headers)),
            https: https || proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }
}

/// The nearest address that is no proxy of ours. Entries to its left are hearsay.
fn client(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut nearest = peer;
    for entry in last(headers, &header::X_FORWARDED_FOR) {
        let Some(address) = address(entry) else { break };
        nearest = address;
        if !config.front.trusts(address) {
            break;
        }
    }
    nearest
}

/// The entries of a header that is a list, the last one first.
fn last<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines: Vec<&str> = headers.get_all(name).filter_map(|line| line.to_str().ok()).collect();
    lines.into_iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// An address, with or without a port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_matches(['[', ']']);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Host, and port where there is one, of an address like `https://pj.example.cn`.
#[must_use]
pub(super) fn host_of(url: &str) -> &str {
    url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Front;
    use actix_web::http::header::HeaderValue;

    fn config(public_url: &str, proxies: &[&str]) -> Config {
        Config {
            listen: "127.0.0.1:8080".parse().unwrap(),
            data: "d".into(),
            database_url: None,
            vaults: Vec::new(),
            rules: None,
            public_url: public_url.to_owned(),
            front: Front {
                trusted_proxies: proxies.iter().map(|proxy| proxy.parse().unwrap()).collect(),
                ..Front::default()
            },
        }
    }

    fn told(config: &Config, peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let peer = Peer::told(config, Some(SocketAddr::new(peer.parse().unwrap(), 9)), false, &map);
        (peer.address.unwrap().to_string(), peer.https)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let plain = config("http://pj.example.cn", &["10.0.0.0/8"]);
        let says = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        assert_eq!(told(&plain, "10.0.0.1", &says), ("203.0.113.9".to_owned(), true));
        assert_eq!(told(&plain, "192.0.2.1", &says), ("192.0.2.1".to_owned(), false));
        assert_eq!(told(&plain, "127.0.0.1", &says), ("127.0.0.1".to_owned(), false), "others were named");
        assert_eq!(told(&config("http://a", &[]), "127.0.0.1", &says), ("203.0.113.9".to_owned(), true));
        let rfc = [("forwarded", "for=203.0.113.9;proto=https")];
        assert_eq!(told(&plain, "10.0.0.1", &rfc), ("10.0.0.1".to_owned(), false), "the other family is not read");
    }

    #[test]
    fn what_strangers_put_before_the_proxies_is_hearsay() {
        let plain = config("http://pj.example.cn", &["10.0.0.0/8"]);
        let chain = [("x-forwarded-for", "1.2.3.4, 203.0.113.9, 10.0.0.7")];
        assert_eq!(told(&plain, "10.0.0.1", &chain).0, "203.0.113.9");
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.9:4711")];
        assert_eq!(told(&plain, "10.0.0.1", &lines).0, "203.0.113.9", "several lines are one list");
        assert_eq!(told(&plain, "10.0.0.1", &[("x-forwarded-for", "unknown")]).0, "10.0.0.1");
        assert_eq!(told(&plain, "10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]")]).0, "2001:db8::1");
        let proto = [("x-forwarded-proto", "https, http")];
        assert!(!told(&plain, "10.0.0.1", &proto).1, "the nearest proxy's word");
    }

    #[test]
    fn an_encrypted_public_address_needs_no_word() {
        assert!(told(&config("https://pj.example.cn", &[]), "192.0.2.1", &[]).1);
        assert_eq!(host_of("https://pj.example.cn:8443"), "pj.example.cn:8443");
    }
}
