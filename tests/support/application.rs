//! The application in the test's own process, configured as an operator has it, on an address of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use pingjia::ballot_box::BallotBox;
use pingjia::config::{Config, Front};
use pingjia::database::Database;
use pingjia::domain::rules::RuleRegistry;
use pingjia::http::member::rounds::Rounds;
use pingjia::http::throttle::{Pace, Throttle};
use pingjia::http::{self, App};
use pingjia::office::Office;
use pingjia::signing::SigningKeys;

/// A running application.
pub struct Application {
    pub office: Office,
    pub base: String,
    /// What ends it.
    pub handle: ServerHandle,
}

/// Serves this database and box. Signing keys are in the folder `data`. For the limits on guesses no time passes, so
/// that a slow machine guesses no slower than a fast one.
pub fn serve(database: Database, ballot_box: BallotBox, vaults: &[PathBuf], data: &Path) -> Application {
    serve_by(RuleRegistry::embedded().unwrap(), database, ballot_box, vaults, data)
}

/// The same by rule sets of somebody's own.
pub fn serve_by(
    rules: RuleRegistry,
    database: Database,
    ballot_box: BallotBox,
    vaults: &[PathBuf],
    data: &Path,
) -> Application {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let office = Office {
        database,
        ballot_box,
        keys: Arc::new(SigningKeys::load_or_create(data).unwrap()),
        rules: Arc::new(rules),
        url: base.clone(),
    };
    let config = Config {
        listen: listener.local_addr().unwrap(),
        data: data.to_owned(),
        database_url: None,
        vaults: vaults.to_vec(),
        rules: None,
        public_url: base.clone(),
        front: Front::default(),
    };
    let standing = Pace::of(|| Duration::ZERO);
    let mut app = App::new(config, office.clone()).unwrap();
    (app.throttle, app.rounds) = (Throttle::by(&standing), Rounds::by(&standing));
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        System::new().block_on(async move {
            let server = http::run(app, listener, 1024).unwrap();
            send.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    Application { office, base, handle: receive.recv().unwrap() }
}
