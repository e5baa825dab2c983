//! OpenSSL as the judge of TLS.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Makes a certificate for 127.0.0.1 and its key.
pub fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=IP:127.0.0.1,DNS:pj.example.cn"])
        .args(["-days", "30"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// `openssl s_client` connected to an address, to be written to and read from.
pub fn client(address: SocketAddr, options: &[&str]) -> Child {
    Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", &address.to_string()])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl runs")
}

/// What `openssl s_client` shows of an exchange: the handshake, then the answer.
pub fn exchange(address: SocketAddr, options: &[&str], request: &str) -> String {
    let mut client = client(address, options);
    // A client that could not shake hands is gone already.
    let _ = client.stdin.take().unwrap().write_all(request.as_bytes());
    String::from_utf8_lossy(&client.wait_with_output().unwrap().stdout).into_owned()
}
