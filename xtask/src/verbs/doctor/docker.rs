//! Looks for the Docker engine that is meant, and asks it for its version.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use hob_engine::docker::endpoint::{Disk, Resolved, SOCKET, resolve};
use hob_engine::machine::tools;
use hob_stack::{DockerEndpoint, EngineChoice, Project};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::facts::{Docker, Found, Need, Silence};
use crate::context::Context;
use crate::error::Result;

/// How long an engine may take to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// The most that is read of its answer, in bytes.
const LENGTH: u64 = 64 << 10;
/// There wherever systemd runs; see sd_booted(3).
pub(super) const SYSTEMD: &str = "/run/systemd/system";

/// The engine that is meant; none where the host engine was asked for.
///
/// # Errors
/// `HOB_ENGINE` names no engine.
pub async fn docker(
    context: &Context,
    project: Option<&Project>,
    images: bool,
) -> Result<Option<Docker>> {
    let config = project.map(|project| &project.config);
    let need = match context.choice(config)? {
        EngineChoice::Host => return Ok(None),
        EngineChoice::Docker => Need::Asked,
        EngineChoice::Auto if images => Need::Useful,
        EngineChoice::Auto => Need::Nobody,
    };
    let environment = &context.environment;
    let configured = config.and_then(|config| config.docker.as_ref());
    let found = match resolve(environment, configured, &Disk) {
        Err(refusal) => Found::Refused {
            reason: refusal.reason,
            hints: refusal.hints,
        },
        Ok(Resolved { endpoint, whence }) => match version(&endpoint).await {
            Ok(version) => Found::Answers {
                endpoint,
                whence,
                version,
            },
            Err(why) => Found::Silent {
                ours: is_ours(&endpoint, environment),
                endpoint,
                whence,
                why,
            },
        },
    };
    let path = environment.get("PATH");
    let path = tools::path_with_system(path).or_else(|| path.cloned());
    let name = |variable: &str| environment.get(variable).filter(|it| !it.is_empty());
    Ok(Some(Docker {
        need,
        found,
        installed: which::which_in("dockerd", path.as_ref(), "/").is_ok(),
        systemd: Path::new(SYSTEMD).is_dir(),
        user: name("USER").or_else(|| name("LOGNAME")).cloned(),
    }))
}

/// Whether this machine's own engine listens there, or could be told to: the
/// sockets below a user's folders are those of rootless engines and of Docker
/// Desktop.
fn is_ours(endpoint: &DockerEndpoint, environment: &BTreeMap<String, String>) -> bool {
    let DockerEndpoint::Unix(socket) = endpoint else {
        return false;
    };
    let below = |variable: &str| {
        let folder = environment.get(variable).filter(|it| !it.is_empty());
        folder.is_some_and(|folder| socket.starts_with(folder))
    };
    socket == Path::new(SOCKET) || !(below("HOME") || below("XDG_RUNTIME_DIR"))
}

/// What an engine says of its version.
///
/// # Errors
/// It says nothing within [`LIMIT`], or nothing that can be read.
pub async fn version(endpoint: &DockerEndpoint) -> std::result::Result<String, Silence> {
    match tokio::time::timeout(LIMIT, ask(endpoint)).await {
        Ok(answer) => answer,
        Err(_) => Err(Silence::Other(format!(
            "no answer within {} s",
            LIMIT.as_secs()
        ))),
    }
}

async fn ask(endpoint: &DockerEndpoint) -> std::result::Result<String, Silence> {
    let silence = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => Silence::Denied,
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Silence::NotThere,
        _ => Silence::Other(error.to_string()),
    };
    let answer = match endpoint {
        DockerEndpoint::Unix(path) => say(UnixStream::connect(path).await.map_err(silence)?).await,
        DockerEndpoint::Tcp(address) => {
            say(TcpStream::connect(address).await.map_err(silence)?).await
        }
    };
    let answer = answer.map_err(silence)?;
    read(&answer).ok_or_else(|| Silence::Other("what answers there is no Docker engine".to_owned()))
}

/// One question in HTTP/1.0, whose answer ends with the connection.
async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    stream
        .write_all(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(LENGTH).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The version in an answer.
fn read(answer: &str) -> Option<String> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head.split(' ').nth(1)? != "200" {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let version = body.get("Version")?.as_str()?;
    let clean = version.chars().filter(|char| !char.is_control());
    Some(clean.take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_a_good_answer_alone() {
        let check = |answer: &str, expected: Option<&str>| {
            assert_eq!(read(answer).as_deref(), expected, "{answer:?}");
        };
        check(
            "HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"Version\":\"20.10.24\"}\n",
            Some("20.10.24"),
        );
        check("HTTP/1.0 500 No\r\n\r\n{\"Version\":\"1\"}", None);
        check("HTTP/1.0 200 OK\r\n\r\n<html>", None);
        check("HTTP/1.0 200 OK\r\n\r\n{}", None);
        check("SSH-2.0-OpenSSH\r\n", None);
        check("", None);
    }

    #[test]
    fn a_users_own_sockets_are_not_this_machines() {
        let environment = BTreeMap::from([
            ("HOME".to_owned(), "/home/me".to_owned()),
            ("XDG_RUNTIME_DIR".to_owned(), "/run/user/7".to_owned()),
        ]);
        let ours = |text: &str| is_ours(&text.parse().expect("an address"), &environment);
        assert!(ours(SOCKET) && ours("/run/other/docker.sock"));
        assert!(!ours("/run/user/7/docker.sock"));
        assert!(!ours("/home/me/.docker/run/docker.sock"));
        assert!(!ours("tcp://127.0.0.1:2375"));
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_or_left_behind_is_no_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("docker.sock");
        let endpoint = DockerEndpoint::Unix(path.clone());
        assert_eq!(version(&endpoint).await, Err(Silence::NotThere));
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        assert_eq!(version(&endpoint).await, Err(Silence::NotThere));
    }
}
