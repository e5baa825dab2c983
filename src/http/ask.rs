//! What was asked: a request read once at the door, with size, time and form checked.

use std::net::IpAddr;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use actix_http::Payload;
use actix_web::http::{Method, header};
use futures_util::{FutureExt as _, StreamExt as _};
use time::OffsetDateTime;

use super::device;
use super::multipart;
use super::peer::Peer;
use super::problem::Problem;
use super::request::Request;
use super::routes::Params;
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
            let mut end = || decode(parts.next().unwrap_or_default(), b' ', &mut bytes);
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

/// A part of a path with its escapes undone; `None` when they are none, or no text.
pub(super) fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    decode(part.as_bytes(), b'+', &mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

/// Puts the meant bytes at the end of `bytes` and says where they end. A `plus` stands for itself, but for a space in forms.
fn decode(text: &[u8], plus: u8, bytes: &mut Vec<u8>) -> Result<usize, Problem> {
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => plus,
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
    /// The answer may be compressed.
    pub takes_gzip: bool,
    /// The asker's address, for throttling only: never logged, never stored.
    pub address: Option<IpAddr>,
    /// The way to the asker is encrypted.
    pub https: bool,
    pub(super) session: Option<SessionToken>,
    /// The mark of a browser that somebody has signed in with; as it came.
    pub(super) device: Option<String>,
    params: Params,
}

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);

impl Ask {
    /// Reads a request with a body of at most `limit` bytes, of which the route told `params` and the connection `peer`.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`, `BODY_TOO_SLOW`, `NOT_A_FORM`, `MALFORMED_FORM`.
    pub async fn read(
        request: &Request,
        payload: Payload,
        limit: usize,
        params: Params,
        peer: Peer,
    ) -> Result<Self, Problem> {
        let mut ask = Ask {
            now: crate::world::now(),
            query: Fields::parse(request.query().as_bytes())?,
            form: Fields::default(),
            file: Vec::new(),
            wants_json: request.wants_json(),
            takes_gzip: request.takes_gzip(),
            address: peer.address,
            https: peer.https,
            session: session(request, peer.https),
            device: request.cookie(device::cookie_name(peer.https)),
            params,
        };
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
            let kind = request.header(&header::CONTENT_TYPE);
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

    /// A part of the path, as a typed value.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is not of that type.
    pub fn param<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let value = self.params.iter().find(|(param, _)| *param == name).map(|(_, value)| value.as_str());
        value.and_then(|value| value.parse().ok()).ok_or(Problem::NOT_FOUND)
    }
}

async fn collect(mut payload: Payload, limit: usize) -> Result<Vec<u8>, Problem> {
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

/// The session that the cookie names. Over TLS only the cookie counts that no neighbouring host can set.
pub(super) fn session(request: &Request, https: bool) -> Option<SessionToken> {
    SessionToken::parse(&request.cookie(super::session::cookie_name(https))?)
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
