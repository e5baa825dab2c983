//! The program as a process of its own: a data directory beside its vault, served, asked over HTTP and killed.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pingjia::ballot_box::{BallotBox, Options};
use pingjia::database::Database;
use pingjia::domain::slip::{FormNonce, Receipt, SlipCode};
use tempfile::TempDir;

use super::round::{eventually, nonce};

/// An installation as an operator has it: a data directory with SQLite, the vault beside it; or PostgreSQL, with a
/// data directory that all its processes share.
pub struct House {
    folder: TempDir,
    /// Address of the PostgreSQL database.
    server: Option<String>,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("data")).expect("a data directory");
        House { folder, server: None }
    }

    /// An installation on the PostgreSQL database at `url`.
    pub fn on_server(url: &str) -> Self {
        House { server: Some(url.to_owned()), ..House::new() }
    }

    /// The same folders beside another database.
    pub fn beside(self, url: &str) -> Self {
        House { server: Some(url.to_owned()), ..self }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the program looks for it when nobody says otherwise.
    pub fn vault(&self) -> PathBuf {
        self.folder.path().join("data-vault")
    }

    /// Where the only round of this installation has its place in the vault.
    pub fn round_in_vault(&self) -> PathBuf {
        let places =
            fs::read_dir(self.vault()).expect("the vault can be read").map(|entry| entry.expect("an entry").path());
        let mut rounds =
            places.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("poll-")));
        rounds.next().expect("the round's folder")
    }

    pub fn sqlite_file(&self) -> PathBuf {
        self.data().join("pingjia.db")
    }

    /// The database, opened by the test.
    pub fn database(&self) -> Database {
        let database =
            self.server.as_ref().map_or_else(|| Database::sqlite(&self.sqlite_file()), |url| Database::postgres(url));
        database.expect("the database opens")
    }

    /// The box, in the test's own process: to prepare and to close rounds while no service runs.
    pub fn ballots(&self) -> BallotBox {
        let options = Options { vaults: vec![self.vault()], queue_limit: 8192 };
        BallotBox::start(self.database(), options).expect("the box starts")
    }

    /// Waits until nothing of the test's own holds the SQLite files, before they are copied or replaced: connections of a
    /// pool that was dropped close when they please, and the last one takes the log with it, by its name.
    pub fn rest(&self) {
        let data = self.data();
        let held = || {
            let files = fs::read_dir("/proc/self/fd").expect("the files that this process holds");
            files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file.starts_with(&data))
        };
        eventually("the database is closed", || !held());
    }

    /// `pingjia serve` on this installation, ready.
    pub fn serve(&self) -> Service {
        Service::start(self.command()).expect("the service starts")
    }

    /// The command that serves this installation on a free port.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pingjia"));
        self.arguments(&mut command);
        // As behind a load balancer: one address, whichever process serves.
        command.env("PINGJIA_PUBLIC_URL", "http://test");
        command
    }

    /// Adds what `pingjia` is told to serve this installation.
    pub fn arguments(&self, command: &mut Command) {
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data());
        command.env("NO_COLOR", "1").env_remove("PINGJIA_LOG").env_remove("PINGJIA_VAULT");
        if let Some(url) = &self.server {
            command.args(["--database-url", url]);
        }
    }
}

/// A running service. Killed when it is dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts it and waits until it serves; its log where it ends instead.
    pub fn start(mut command: Command) -> Result<Service, String> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
        let log = Arc::new(Mutex::new(String::new()));
        let (reader, listens) = read_log(child.stderr.take().expect("a log"), log.clone());
        let Ok(address) = listens.recv() else {
            child.wait().expect("it ended");
            return Err(log.lock().expect("the log").clone());
        };
        Ok(Service { child, address, log, reader: Some(reader) })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Waits until it has logged this: its log is read aside, and an answer may come before the line about it.
    pub fn says(&self, words: &str) {
        eventually(&format!("the log says {words}"), || self.log().contains(words));
    }

    /// How many bytes it has logged so far.
    pub fn logged(&self) -> usize {
        self.log.lock().expect("the log").len()
    }

    /// SIGKILL, from one instruction to the next.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ended");
    }

    /// SIGTERM: it answers what is in flight, notes the turnout and ends. Its whole log.
    pub fn stop(mut self) -> String {
        let stopped = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status().expect("kill runs");
        assert!(stopped.success());
        self.child.wait().expect("it ended");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read");
        }
        self.log()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gathers the log and passes on the address that the service says it listens on.
fn read_log(from: impl io::Read + Send + 'static, log: Arc<Mutex<String>>) -> (JoinHandle<()>, Receiver<SocketAddr>) {
    let (found, listens) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let address = line.split("listen=").nth(1).and_then(|rest| rest.trim().parse().ok());
            {
                let mut log = log.lock().expect("the log");
                log.push_str(&line);
                log.push('\n');
            }
            if let Some(address) = address {
                let _ = found.send(address);
            }
        }
    });
    (reader, listens)
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// What the page says first.
    pub fn heading(&self) -> &str {
        self.body.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next()).unwrap_or_default()
    }

    /// The receipt of a thank-you page.
    pub fn receipt(&self) -> Option<Receipt> {
        let (_, rest) = self.body.split_once("data-receipt=\"")?;
        assert_eq!(self.status, 200, "a receipt stands on a thank-you page only");
        Some(Receipt::parse(rest.split('"').next()?).expect("a receipt"))
    }
}

/// Asks for a page.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    ask(address, &request("GET", path, ""))
}

/// The bytes of a request.
pub fn request(method: &str, path: &str, form: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// Sends a request and reads the whole answer; one that is cut short is an error.
pub fn ask(address: SocketAddr, request: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(2)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if length != Some(body.len()) {
        return Err(cut());
    }
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// A ballot form that somebody filled in.
#[derive(Clone)]
pub struct Form {
    pub slip: SlipCode,
    pub nonce: FormNonce,
    /// The answers, as sent.
    pub says: String,
}

impl Form {
    /// A form as the page has it, filled in without having been fetched: any nonce is valid.
    pub fn new(slip: &SlipCode, says: &str) -> Self {
        Form { slip: slip.clone(), nonce: nonce(), says: says.to_owned() }
    }

    /// A form fetched from the service.
    pub fn fetch(address: SocketAddr, slip: &SlipCode, says: &str) -> io::Result<Self> {
        let page = get(address, &format!("/V/{}", slip.link_form()))?;
        let (_, rest) = page.body.split_once("name=\"n\" value=\"").unwrap_or_else(|| panic!("no form: {page:?}"));
        let nonce = rest.split('"').next().and_then(FormNonce::parse).expect("a nonce");
        Ok(Form { slip: slip.clone(), nonce, says: says.to_owned() })
    }

    pub fn request(&self) -> String {
        let form = format!("{}&n={}&step=cast", self.says, self.nonce.text());
        request("POST", &format!("/V/{}", self.slip.link_form()), &form)
    }

    pub fn send(&self, address: SocketAddr) -> io::Result<Answer> {
        ask(address, &self.request())
    }

    /// Sends it and wants to be thanked.
    pub fn thanked(&self, address: SocketAddr) -> Receipt {
        let answer = self.send(address).expect("an answer");
        answer.receipt().unwrap_or_else(|| panic!("no thank-you but {} {}", answer.status, answer.heading()))
    }
}
