//! The plain listener beside TLS: leads whoever looks for a page to the encrypted address, and takes no form.

use std::convert::Infallible;
use std::future::ready;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_service::fn_service;
use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::http::{Method, StatusCode, header};

use super::App;
use super::page::Frame;
use super::problem::Problem;
use super::reply::Reply;
use super::request::Request;

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
        let app = app.clone();
        fn_service(move |head: actix_http::Request| {
            let reply = answer(&Request::new(head, false), &app.config.public_url);
            ready(Ok::<_, Infallible>(reply.into_http(false, false)))
        })
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

fn answer(request: &Request, public_url: &str) -> Reply {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let place = format!("{public_url}{}", request.target());
        let moved = Reply::bytes("text/plain; charset=utf-8", "");
        return moved.with_status(StatusCode::MOVED_PERMANENTLY).header(header::LOCATION, place);
    }
    let problem = Problem::NOT_ENCRYPTED.back_to(public_url.to_owned(), "打开加密的网址");
    let reply = problem.reply(Frame::public(""));
    if request.wants_json() { reply.for_programs() } else { reply }
}
