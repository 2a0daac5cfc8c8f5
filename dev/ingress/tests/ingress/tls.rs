//! Certificates and connections with TLS, both by the program `openssl`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hob_ingress::{Certificate, FilePath};
use tokio::io::{AsyncRead, AsyncWrite};

/// The program, or how to get it.
fn program() -> PathBuf {
    let Ok(program) = which::which("openssl") else {
        panic!("openssl is not installed; `apt-get install -y openssl` installs it");
    };
    program
}

/// A certificate for some hosts, signed by itself.
pub(crate) fn pair(folder: &Path, hosts: &[&str]) -> Certificate {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
    let certificate = folder.join("certificate.pem");
    let key = folder.join("key.pem");
    let output = Command::new(program())
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=hob"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-addext", &format!("subjectAltName={}", hosts.join(","))])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Certificate {
        certificate: FilePath::new(certificate).unwrap(),
        key: FilePath::new(key).unwrap(),
    }
}

/// A connection with TLS to a host, which ends when it is dropped.
pub(crate) fn connect(
    addr: SocketAddr,
    host: &str,
    alpn: &str,
    trusted: &Certificate,
) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static {
    let mut child = tokio::process::Command::new(program())
        .args(["s_client", "-quiet", "-verify_return_error"])
        .args(["-connect", &addr.to_string(), "-alpn", alpn])
        .args(["-servername", host, "-verify_hostname", host, "-CAfile"])
        .arg(trusted.certificate.as_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (output, input) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    // It ends with its input; the runtime reaps it.
    tokio::spawn(async move { child.wait().await });
    tokio::io::join(output, input)
}
