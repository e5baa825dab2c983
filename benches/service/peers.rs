//! What the service is held against: a handler that does nothing but read the form and hash it, and one that
//! commits every vote by itself through a pool of connections.

use std::net::TcpListener;
use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use pingjia::database::schema::{poll, sealed_ballot, slip};
use pingjia::domain::digest::Digest;
use pingjia::domain::slip::SlipCode;

type Fields = web::Form<Vec<(String, String)>>;

/// Bytes of a sealed ballot of four items.
const SEALED: usize = 92;

/// Reads the form, hashes it, answers.
pub fn bare() {
    let factory = || {
        App::new().route(
            "/V/{code}",
            web::post().to(|code: web::Path<String>, form: Fields| async move {
                HttpResponse::Ok().content_type("text/html; charset=utf-8").body(receipt(&code, &form))
            }),
        )
    };
    serve(|listener| HttpServer::new(factory).listen(listener).unwrap().run());
}

fn receipt(code: &str, form: &Fields) -> String {
    let mut text = code.to_owned();
    for (name, value) in form.iter() {
        text.push_str(name);
        text.push_str(value);
    }
    format!("<p data-receipt=\"{}\">", Digest::sha256(text.as_bytes()))
}

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Pragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let same = "PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        connection.batch_execute(same).map_err(diesel::r2d2::Error::QueryError)
    }
}

/// One transaction per request through a pool of eight connections.
pub fn single(folder: &Path) {
    let manager = ConnectionManager::<SqliteConnection>::new(folder.join("pingjia.db").to_str().unwrap());
    let pool = Pool::builder()
        .max_size(8)
        .connection_timeout(std::time::Duration::from_mins(1))
        .connection_customizer(Box::new(Pragmas))
        .build(manager)
        .unwrap();
    let factory = move || {
        let pool = pool.clone();
        App::new().route(
            "/V/{code}",
            web::post().to(move |code: web::Path<String>, form: Fields| {
                let pool = pool.clone();
                async move {
                    let receipt = receipt(&code, &form);
                    let code = SlipCode::parse(&code).unwrap();
                    web::block(move || vote(&mut pool.get().unwrap(), &code)).await.unwrap();
                    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(receipt)
                }
            }),
        )
    };
    serve(|listener| HttpServer::new(factory).listen(listener).unwrap().run());
}

fn vote(connection: &mut SqliteConnection, code: &SlipCode) {
    AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE").unwrap();
    let id: i64 = poll::table.filter(poll::tag.eq(code.tag().as_str())).select(poll::id).first(connection).unwrap();
    let digest = code.digest(pingjia::domain::ids::PollId(id));
    let row = slip::table.find((id, digest.0.as_slice()));
    let spent = diesel::update(row).filter(slip::state.eq(0)).set(slip::state.eq(1)).execute(connection).unwrap();
    assert_eq!(spent, 1, "an unspent slip");
    let mut sealed = [0; SEALED];
    sealed[..32].copy_from_slice(&pingjia::world::random_bytes::<32>());
    let key: [u8; 32] = pingjia::world::random_bytes();
    let row = (
        sealed_ballot::poll_id.eq(id),
        sealed_ballot::box_id.eq(key.as_slice()),
        sealed_ballot::sealed.eq(sealed.as_slice()),
    );
    diesel::insert_into(sealed_ballot::table).values(row).execute(connection).unwrap();
    AnsiTransactionManager::commit_transaction(connection).unwrap();
}

fn serve(start: impl FnOnce(TcpListener) -> actix_web::dev::Server) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    actix_web::rt::System::new().block_on(async { start(listener).await }).unwrap();
}
