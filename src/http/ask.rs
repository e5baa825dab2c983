//! What was asked: a request read once at the door, with size, time and form checked.

use std::net::IpAddr;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, web};
use futures_util::{FutureExt as _, StreamExt as _};
use time::OffsetDateTime;

use super::device;
use super::multipart;
use super::peer::Peer;
use super::problem::Problem;
use crate::config::Config;
use crate::store::sessions::SessionToken;

/// The fields of a form or query in the order they came. The same name may come twice.
#[derive(Clone, Default)]
pub struct Fields {
    /// Name, value, next name, …: one piece of memory, however many there are.
    text: String,
    /// Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text strictly: every escape is two hexadecimal digits and
    /// every name and value is UTF-8.
    ///
    /// # Errors
    /// `MALFORMED_FORM`.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut ends = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut end = || decode(parts.next().unwrap_or_default(), &mut bytes);
            ends.push((end()?, end()?));
        }
        let text = String::from_utf8(bytes).map_err(|_| Problem::MALFORMED_FORM)?;
        // Halves of a character may fit together, but are no text each.
        let whole = ends.iter().all(|(name, value)| text.is_char_boundary(*name) && text.is_char_boundary(*value));
        if whole { Ok(Fields { text, ends }) } else { Err(Problem::MALFORMED_FORM) }
    }

    /// The first field of this name, empty if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.iter().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    /// The first field of this name without spaces around it.
    #[must_use]
    pub fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    /// Whether there is a field of this name that is not empty, as of a ticked box.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// All values of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.text.as_str();
        let mut begin = 0;
        self.ends.iter().filter_map(move |(name, value)| {
            let (name_text, after) = rest.split_at_checked(name - begin)?;
            let (value_text, after) = after.split_at_checked(value - name)?;
            (rest, begin) = (after, *value);
            Some((name_text, value_text))
        })
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut all = Fields::default();
        for (name, value) in fields {
            all.text.push_str(name.as_ref());
            let end = all.text.len();
            all.text.push_str(value.as_ref());
            all.ends.push((end, all.text.len()));
        }
        all
    }
}

/// Text as part of an address: everything but plain letters and digits escaped.
#[must_use]
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Puts the meant bytes at the end of `bytes` and says where they end.
fn decode(text: &[u8], bytes: &mut Vec<u8>) -> Result<usize, Problem> {
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Problem::MALFORMED_FORM) };
                u8::try_from(high * 16 + low).map_err(|_| Problem::MALFORMED_FORM)?
            }
            other => *other,
        });
    }
    Ok(bytes.len())
}

/// A request as handlers see it. It holds secrets (codes in paths, passwords in forms) and does not print.
#[derive(Clone)]
pub struct Ask {
    pub now: OffsetDateTime,
    pub query: Fields,
    /// Empty for GET.
    pub form: Fields,
    /// The file that was uploaded with the form; empty if there is none.
    pub file: Vec<u8>,
    /// The asker prefers JSON to a page.
    pub wants_json: bool,
    /// The asker's address, for throttling only: never logged, never stored.
    pub address: Option<IpAddr>,
    /// The way to the asker is encrypted.
    pub https: bool,
    /// Path with query, to come back to after signing in.
    pub target: String,
    pub(super) session: Option<SessionToken>,
    /// The mark of a browser that somebody has signed in with; as it came.
    pub(super) device: Option<String>,
    params: Vec<(String, String)>,
}

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);

impl Ask {
    /// Reads a request with a body of at most `limit` bytes.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, `BODY_TOO_SLOW`, `NOT_A_FORM`, `MALFORMED_FORM`.
    pub async fn read(
        request: &HttpRequest,
        payload: web::Payload,
        limit: usize,
        config: &Config,
    ) -> Result<Self, Problem> {
        let mut ask = Ask::head(request, config)?;
        if *request.method() == Method::POST {
            let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            if declared.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > limit) {
                return Err(Problem::BODY_TOO_LARGE);
            }
            let mut coming = pin!(collect(payload, limit));
            // Mostly it came with the head, and there is nothing to wait for.
            let body = match coming.as_mut().now_or_never() {
                Some(body) => body?,
                None => tokio::time::timeout(BODY_TIME, coming).await.map_err(|_| Problem::BODY_TOO_SLOW)??,
            };
            let kind = header_text(request, &header::CONTENT_TYPE);
            if let Some(boundary) = multipart::boundary(kind) {
                (ask.form, ask.file) = multipart::parse(&body, boundary)?;
                return Ok(ask);
            }
            if !body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
                return Err(Problem::NOT_A_FORM);
            }
            ask.form = Fields::parse(&body)?;
        }
        Ok(ask)
    }

    /// Reads everything but the body.
    ///
    /// # Errors
    /// `MALFORMED_FORM` when the query is none.
    pub fn head(request: &HttpRequest, config: &Config) -> Result<Self, Problem> {
        let peer = Peer::of(request, config);
        Ok(Ask {
            now: crate::world::now(),
            query: Fields::parse(request.query_string().as_bytes())?,
            form: Fields::default(),
            file: Vec::new(),
            wants_json: wants_json(request),
            address: peer.address,
            https: peer.https,
            target: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            session: session(request, peer.https),
            device: cookie(request, device::cookie_name(peer.https)),
            params: params(request),
        })
    }

    /// A part of the path, as a typed value.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is not of that type.
    pub fn param<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let value = self.params.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_str());
        value.and_then(|value| value.parse().ok()).ok_or(Problem::NOT_FOUND)
    }
}

/// The named parts of the path; of a ballot's, which the router does not take apart, the code behind its beginning.
fn params(request: &HttpRequest) -> Vec<(String, String)> {
    let path = request.match_info();
    let rest = path.unprocessed().strip_prefix('/').filter(|rest| !rest.contains('/'));
    let named = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    named.chain(rest.map(|code| ("code".to_owned(), code.to_owned()))).collect()
}

async fn collect(mut payload: web::Payload, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::MALFORMED_FORM)?;
        if body.len() + chunk.len() > limit {
            return Err(Problem::BODY_TOO_LARGE);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn header_text<'r>(request: &'r HttpRequest, name: &header::HeaderName) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether a program asks, and not a browser.
#[must_use]
pub(super) fn wants_json(request: &HttpRequest) -> bool {
    let accept = header_text(request, &header::ACCEPT);
    (accept.contains("application/json") || accept.contains("application/problem+json"))
        && !accept.contains("text/html")
}

/// The session that the cookie names. Over TLS only the cookie counts that no neighbouring host can set.
pub(super) fn session(request: &HttpRequest, https: bool) -> Option<SessionToken> {
    SessionToken::parse(&cookie(request, super::session::cookie_name(https))?)
}

/// What a cookie says. Members have none, and their requests are not searched for any.
fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    request
        .headers()
        .contains_key(header::COOKIE)
        .then(|| request.cookie(name))?
        .map(|cookie| cookie.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly_and_keep_repeated_fields() {
        let fields = Fields::parse("a=1&b=%E6%BB%A1+x&a=2&&c".as_bytes()).unwrap();
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "满 x"), ("a", "2"), ("c", "")]);
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "2"]);
        let halves = "a=%E6%BB&b=%A1";
        for broken in ["a=%", "a=%4", "a=%zz", "a=%FF", halves] {
            assert_eq!(Fields::parse(broken.as_bytes()).err().map(|p| p.code), Some("malformed_form"), "{broken}");
        }
    }
}
