//! What is answered: made by handlers, turned into HTTP in one place.

use std::borrow::Cow;
use std::pin::Pin;

use actix_http::Response;
use actix_http::body::{BodyStream, BoxBody, SizedStream};
use actix_http::encoding::Encoder;
use actix_web::cookie::Cookie;
use actix_web::http::header::{ContentEncoding, HeaderMap, HeaderValue};
use actix_web::http::{StatusCode, header};
use askama::Template;
use bytes::Bytes;
use futures_util::Stream;

use super::headers;
use super::problem::Problem;
use super::request::Request;
use super::stencil::Stencil;
use crate::domain::digest::Digest;

/// What every handler returns.
pub type Answer = Result<Reply, Problem>;

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// By nobody, not even the browser: ballots, everything behind the login.
    NoStore,
    /// By anybody for so many seconds: public pages of things that do not change.
    Public(u32),
    /// For good: its address changes with its content.
    Immutable,
}

/// A stream of chunks that leave as they come.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

enum Body {
    Whole(Bytes),
    Stream(Chunks),
}

/// An answer.
pub struct Reply {
    status: StatusCode,
    kind: Cow<'static, str>,
    body: Body,
    /// Of a stream, where it is known.
    length: Option<u64>,
    cache: Cache,
    /// What the content is made of, where that says as much as the content itself.
    content: Option<Digest>,
    headers: Vec<(header::HeaderName, Cow<'static, str>)>,
    cookies: Vec<Cookie<'static>>,
    /// What a page of refusal says, for programs.
    refusal: Option<Box<Refusal>>,
}

/// A refusal as programs read it (RFC 9457), with members of our own that stay: `code`, `message`, `way_forward`.
#[derive(serde::Serialize)]
struct Refusal {
    r#type: &'static str,
    title: String,
    status: u16,
    detail: String,
    code: String,
    message: String,
    way_forward: String,
}

impl Reply {
    /// A page.
    ///
    /// # Errors
    /// `INTERNAL` when the template fails, which it does for no data of ours.
    pub fn page(template: &impl Template) -> Answer {
        let html = template.render().map_err(|error| Problem::internal(&error))?;
        Ok(Reply::bytes("text/html; charset=utf-8", html))
    }

    /// A page whose gaps are filled with these words; see [`Stencil::filled`]. Compressed already where that is wished.
    #[must_use]
    pub(super) fn filled(stencil: &Stencil, words: &[&str], gzip: bool) -> Self {
        let page = if gzip { stencil.filled_gzip(words) } else { stencil.filled(words) };
        let coding = if gzip { "gzip" } else { "identity" };
        Reply::bytes("text/html; charset=utf-8", page)
            .header(header::CONTENT_ENCODING, coding)
            .header(header::VARY, "accept-encoding")
    }

    /// Bytes of some kind.
    #[must_use]
    pub fn bytes(kind: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        Reply {
            status: StatusCode::OK,
            kind: kind.into(),
            body: Body::Whole(body.into()),
            length: None,
            cache: Cache::NoStore,
            content: None,
            headers: Vec::new(),
            cookies: Vec::new(),
            refusal: None,
        }
    }

    /// JSON.
    ///
    /// # Errors
    /// `INTERNAL` when the value cannot be written as JSON.
    pub fn json(value: &impl serde::Serialize) -> Answer {
        let json = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
        Ok(Reply::bytes("application/json; charset=utf-8", json))
    }

    /// A file to save under this name (ASCII).
    #[must_use]
    pub fn file(kind: impl Into<Cow<'static, str>>, name: &str, body: impl Into<Bytes>) -> Self {
        Reply::bytes(kind, body).named(name)
    }

    /// The same to be saved under this name (ASCII).
    #[must_use]
    pub(super) fn named(self, name: &str) -> Self {
        self.header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
    }

    /// The same stream with its length, which must be right.
    #[must_use]
    pub(super) fn of_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// Go and GET that instead: the answer to every POST that changed something.
    #[must_use]
    pub fn see_other(place: impl Into<String>) -> Self {
        Reply::bytes("text/plain; charset=utf-8", "")
            .with_status(StatusCode::SEE_OTHER)
            .header(header::LOCATION, place.into())
    }

    /// A stream that must not wait in buffers on its way.
    #[must_use]
    pub fn stream(kind: impl Into<Cow<'static, str>>, chunks: Chunks) -> Self {
        let mut reply = Reply::bytes(kind, "")
            .header(header::CONTENT_ENCODING, "identity")
            .header(header::HeaderName::from_static("x-accel-buffering"), "no");
        reply.body = Body::Stream(chunks);
        reply
    }

    /// The same stream, whose content is another only where this digest is.
    #[must_use]
    pub(super) fn made_of(mut self, content: Digest) -> Self {
        self.content = Some(content);
        self
    }

    /// The same with a tag of its content, where it may be kept; nothing but the tag for whoever has it already.
    #[must_use]
    pub(super) fn unless_known(mut self, request: &Request) -> Self {
        if self.cache == Cache::NoStore || self.status != StatusCode::OK {
            return self;
        }
        let content = match (&self.content, &self.body) {
            (Some(content), _) => *content,
            (None, Body::Whole(body)) => Digest::labelled("etag", &[body]),
            (None, Body::Stream(_)) => return self,
        };
        // Weak: the same content may leave compressed or not.
        let tag = format!("W/\"{}\"", content.base64url());
        let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|tags| tags.to_str().ok());
        if known.into_iter().flat_map(|tags| tags.split(',')).any(|known| known.trim() == tag) {
            self.status = StatusCode::NOT_MODIFIED;
            self.body = Body::Whole(Bytes::new());
        }
        self.header(header::ETAG, tag)
    }

    /// The same with nothing in the place of a stream.
    #[must_use]
    pub(super) fn without_stream(mut self) -> Self {
        if matches!(self.body, Body::Stream(_)) {
            self.body = Body::Whole(Bytes::new());
        }
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with the status of a form that comes back because something in it is wrong, if it is.
    #[must_use]
    pub fn wrong_if(self, is_wrong: bool) -> Self {
        if is_wrong { self.with_status(StatusCode::UNPROCESSABLE_ENTITY) } else { self }
    }

    /// The same, marked as a page of refusal: programs read this instead. The status must stand already.
    #[must_use]
    pub fn refusing(mut self, code: &str, sentence: &str, way: &str) -> Self {
        self.refusal = Some(Box::new(Refusal {
            r#type: "about:blank",
            title: sentence.to_owned(),
            status: self.status.as_u16(),
            detail: way.to_owned(),
            code: code.to_owned(),
            message: sentence.to_owned(),
            way_forward: way.to_owned(),
        }));
        self
    }

    /// A page of refusal turned into JSON for a program; every other answer as it is.
    #[must_use]
    pub(super) fn for_programs(mut self) -> Self {
        if let Some(json) = self.refusal.take().and_then(|refusal| serde_json::to_vec(&refusal).ok()) {
            self.kind = "application/problem+json".into();
            self.body = Body::Whole(json.into());
        }
        self
    }

    /// The same with another cache rule. The rule is `NoStore` unless said otherwise.
    #[must_use]
    pub fn cached(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: Cookie<'static>) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The status, for logs.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// As HTTP, with the headers that every answer carries; `https` says whether it goes out encrypted, `gzip` whether it
    /// may be compressed.
    pub(super) fn into_http(self, https: bool, gzip: bool) -> Response<BoxBody> {
        let gzip = gzip && is_compressible(&self.kind);
        let body = match (self.body, self.length) {
            (Body::Whole(bytes), _) => BoxBody::new(bytes),
            (Body::Stream(chunks), Some(length)) => BoxBody::new(SizedStream::new(length, chunks)),
            (Body::Stream(chunks), None) => BoxBody::new(BodyStream::new(chunks)),
        };
        let mut response = Response::with_body(self.status, body);
        let cache = match self.cache {
            Cache::NoStore => "no-store".into(),
            Cache::Public(seconds) => format!("public, max-age={seconds}").into(),
            Cache::Immutable => "public, max-age=31536000, immutable".into(),
        };
        let standing = [(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, cache)];
        let map = response.headers_mut();
        for (name, value) in standing.into_iter().chain(self.headers) {
            put(map, name, value);
        }
        for cookie in self.cookies {
            if let Ok(cookie) = HeaderValue::try_from(cookie.encoded().to_string()) {
                map.append(header::SET_COOKIE, cookie);
            }
        }
        headers::add(map, https);
        // What is compressed already, or is not to be, says so.
        if gzip && !map.contains_key(header::CONTENT_ENCODING) {
            let compressed = |head: &mut _, body| BoxBody::new(Encoder::response(ContentEncoding::Gzip, head, body));
            response = response.map_body(compressed);
        }
        response
    }
}

/// Pictures are compressed already, but for drawings.
fn is_compressible(kind: &str) -> bool {
    !kind.starts_with("image/") || kind.starts_with("image/svg")
}

/// A value that no header can hold is left out.
fn put(headers: &mut HeaderMap, name: header::HeaderName, value: Cow<'static, str>) {
    let value = match value {
        Cow::Borrowed(text) => HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes())),
        Cow::Owned(text) => HeaderValue::from_maybe_shared(Bytes::from(text)),
    };
    if let Ok(value) = value {
        headers.insert(name, value);
    }
}
