//! The headers that every answer carries, errors of the server itself included.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use futures_util::future::LocalBoxFuture;

use super::App;
use super::peer::Peer;

/// Nothing but our own files, no script or style inside pages, no framing, forms go home only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Middleware that adds the headers.
#[derive(Clone)]
pub struct SecurityHeaders {
    app: Option<Arc<App>>,
}

impl SecurityHeaders {
    /// HSTS is sent to those only who reach `app` through TLS.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        SecurityHeaders { app: Some(app) }
    }

    /// For a listener that is never encrypted.
    #[must_use]
    pub(super) fn plain() -> Self {
        SecurityHeaders { app: None }
    }
}

impl<S, B> Transform<S, ServiceRequest> for SecurityHeaders
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = WithHeaders<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(WithHeaders { service, app: self.app.clone() }))
    }
}

/// A service whose answers carry the headers.
pub struct WithHeaders<S> {
    service: S,
    app: Option<Arc<App>>,
}

impl<S, B> Service<ServiceRequest> for WithHeaders<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let https = self.app.as_ref().is_some_and(|app| {
            let encrypted = request.app_config().secure() || app.config.is_https();
            encrypted || Peer::told(&app.config, request.peer_addr(), encrypted, request.headers()).https
        });
        let answer = self.service.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            add(response.headers_mut(), https);
            Ok(response)
        })
    }
}

fn add(headers: &mut HeaderMap, https: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()");
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // A page may bring rules of its own for these.
    let rules = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in rules {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
