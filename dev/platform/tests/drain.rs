//! `serve.sh drain`: how the ingress is waited for until it has no connection
//! to a port any more.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// Runs it with a `sleep` that takes ten times as long as it is told to.
fn drain(seconds: u32, port: u16) -> ExitStatus {
    let folder = tempfile::tempdir().unwrap();
    let slow = folder.path().join("sleep");
    std::fs::write(&slow, "#!/bin/sh\nexec /bin/sleep 0.5\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&slow, mode).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../images/ingress/serve.sh");
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.arg(script).arg("drain");
    command.args([seconds.to_string(), port.to_string()]);
    command.env("PATH", format!("{}:{path}", folder.path().display()));
    command.status().unwrap()
}

#[test]
fn the_limit_is_one_of_time_however_long_a_look_takes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let open = TcpStream::connect(addr).unwrap();
    let began = Instant::now();
    let still_open = drain(2, addr.port());
    let took = began.elapsed();
    assert_eq!(still_open.code(), Some(3));
    // Twenty looks a second by count took ten times that.
    let limits = Duration::from_secs(2)..Duration::from_secs(10);
    assert!(limits.contains(&took), "{took:?}");
    drop(open);
    drop(listener.accept());
    assert_eq!(drain(60, addr.port()).code(), Some(0));
}
