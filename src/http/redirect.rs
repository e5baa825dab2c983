//! The plain listener beside TLS: leads whoever looks for a page to the encrypted address, and takes no form.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::{Method, header};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};

use super::App;
use super::ask::wants_json;
use super::headers::SecurityHeaders;
use super::page::Frame;
use super::problem::Problem;
use super::reply::Reply;

/// Connections at most: nobody stays long.
pub(super) const CONNECTIONS: usize = 1024;

/// Serves the plain listener until the service stops. The address led to is always the public one, whatever name
/// was asked for. A form that came here has already been read by whoever listens in: it is refused, not passed on,
/// so that nobody takes this for a way.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn run(app: &Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let mut stopping = app.stopping();
    let app = app.clone();
    let server = HttpServer::new(move || {
        let serving = app.clone();
        ActixApp::new().wrap(SecurityHeaders::plain()).default_service(web::route().to(move |request: HttpRequest| {
            let answer = answer(&request, &serving.config.public_url);
            async move { answer }
        }))
    })
    .workers(1)
    .max_connections(CONNECTIONS)
    .client_request_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(5))
    .shutdown_timeout(1)
    .shutdown_signal(async move {
        let _ = stopping.changed().await;
    })
    .listen(listener)?;
    Ok(server.run())
}

fn answer(request: &HttpRequest, public_url: &str) -> HttpResponse {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let place = format!("{public_url}{path}");
        let moved = Reply::bytes("text/plain; charset=utf-8", "");
        return moved
            .with_status(actix_web::http::StatusCode::MOVED_PERMANENTLY)
            .header(header::LOCATION, place)
            .into_http();
    }
    let problem = Problem::NOT_ENCRYPTED.back_to(public_url.to_owned(), "打开加密的网址");
    let reply = problem.reply(Frame::public(""));
    if wants_json(request) { reply.for_programs().into_http() } else { reply.into_http() }
}
