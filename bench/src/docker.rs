//! [`Docker`]: the engine's API (version 1.41, which every engine since 20.10
//! speaks) as far as the rows need it. One connection a request, HTTP/1.0, so
//! that an answer ends with its connection. Shares no code with hob, so that
//! what it measures is the engine alone.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::Bench;
use crate::place::{Engine, Place};

/// What every image stands on.
const DEBIAN: &str = "debian:trixie-slim";
/// The image of all services that are measured: Debian and Python.
const DOCKERFILE: &str = "FROM debian:trixie-slim\n\
    RUN apt-get update --quiet --quiet \\\n \
    && apt-get install --quiet --quiet --yes --no-install-recommends python3 \\\n \
    && rm -rf /var/lib/apt/lists/*\n";
/// Its name. It stays for the next run; the tag counts the Dockerfiles it had.
pub const BASE: &str = "hob-bench-base:1";
/// How long a request may take: an image is built in one.
const LIMIT: Duration = Duration::from_secs(280);

/// Why the rows of containers have nothing to say.
pub const MISSING: &str = "skipped: no Docker engine answers at DOCKER_HOST or /var/run/docker.sock; \
     `hob doctor` says what is missing";

/// A Docker engine that answers.
#[derive(Debug, Clone)]
pub struct Docker {
    at: At,
}

#[derive(Debug, Clone)]
enum At {
    Unix(PathBuf),
    Tcp(String),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

/// Both directions of a connection.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Docker {
    /// The engine that `DOCKER_HOST` names, else the machine's; none where
    /// none answers.
    pub fn find() -> Option<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let at = match (host.strip_prefix("tcp://"), host.strip_prefix("unix://")) {
            (Some(authority), _) => At::Tcp(authority.to_owned()),
            (None, Some(path)) => At::Unix(path.into()),
            (None, None) if host.is_empty() => At::Unix("/var/run/docker.sock".into()),
            (None, None) => At::Unix(host.into()),
        };
        let docker = Self { at };
        let answer = docker.request("GET", "/_ping", "application/json", &[]);
        answer
            .is_ok_and(|(status, _)| status == 200)
            .then_some(docker)
    }

    /// Where it is, as `DOCKER_HOST` takes it.
    pub fn host(&self) -> String {
        self.at.to_string()
    }

    /// It as hob's engine.
    pub fn engine(&self) -> Engine {
        Engine::Docker(self.host())
    }

    /// Makes [`BASE`] unless it is there.
    pub fn provide(&self, bench: &Bench) -> Result<()> {
        if self.has_image(BASE)? {
            return Ok(());
        }
        eprintln!("building {BASE}, once …");
        if !self.has_image(DEBIAN)? {
            // To have it, without a registry too, is hob's own job.
            let services = "[services.base]\nsource = \"base\"\nimage = {}\n";
            let place = Place::on(&bench.hob, self.engine(), services)?;
            place.write("base/Dockerfile", &format!("FROM {DEBIAN}\n"))?;
            place.run(&["build"])?;
            place.end()?;
        }
        let mut context = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(DOCKERFILE.len() as u64);
        header.set_mode(0o644);
        context.append_data(&mut header, "Dockerfile", DOCKERFILE.as_bytes())?;
        let context = context.into_inner()?;
        let path = format!("/build?t={BASE}&forcerm=1");
        let (status, said) = self.request("POST", &path, "application/x-tar", &context)?;
        let said = String::from_utf8_lossy(&said);
        if status != 200 || said.contains("\"error\"") {
            bail!("{BASE} does not build: {said}");
        }
        Ok(())
    }

    fn has_image(&self, name: &str) -> Result<bool> {
        let path = format!("/images/{name}/json");
        let (status, _) = self.request("GET", &path, "application/json", &[])?;
        Ok(status == 200)
    }

    /// Makes a container of [`BASE`] and starts it; its id. Its port 80 is
    /// published on loopback, as a service's is.
    pub fn start(&self, command: &[&str], label: &str) -> Result<String> {
        let port = "80/tcp";
        let body = json!({
            "Image": BASE,
            "Cmd": command,
            "Labels": { label: "" },
            "ExposedPorts": { port: {} },
            "HostConfig": { "PortBindings": { port: [{ "HostIp": "127.0.0.1" }] } },
        });
        let made = self.ask("POST", "/containers/create", &body)?;
        let id = made["Id"].as_str().context("a container has no id")?;
        self.ask("POST", &format!("/containers/{id}/start"), &Value::Null)?;
        Ok(id.to_owned())
    }

    /// Stops a container and removes it.
    pub fn end(&self, id: &str) -> Result<()> {
        self.ask("POST", &format!("/containers/{id}/stop?t=5"), &Value::Null)?;
        self.ask("DELETE", &format!("/containers/{id}?v=1"), &Value::Null)?;
        Ok(())
    }

    /// The containers with a label (`NAME` or `NAME=VALUE`).
    pub fn labelled(&self, label: &str) -> Result<Vec<String>> {
        let path =
            format!("/containers/json?all=1&filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
        let listed = self.ask("GET", &path, &Value::Null)?;
        let ids = listed.as_array().into_iter().flatten();
        Ok(ids
            .filter_map(|it| Some(it["Id"].as_str()?.to_owned()))
            .collect())
    }

    /// Removes the containers with a label, running or not.
    pub fn remove(&self, label: &str) -> Result<()> {
        for id in self.labelled(label)? {
            let path = format!("/containers/{id}?force=1&v=1");
            let (status, said) = self.request("DELETE", &path, "application/json", &[])?;
            // Gone already, or on its way.
            if status >= 400 && ![404, 409].contains(&status) {
                bail!("{path}: {status} {}", String::from_utf8_lossy(&said));
            }
        }
        Ok(())
    }

    /// Runs a command in a container and waits for its end.
    pub fn exec(&self, container: &str, command: &[&str]) -> Result<()> {
        let made = self.ask(
            "POST",
            &format!("/containers/{container}/exec"),
            &json!({ "Cmd": command, "AttachStdout": true, "AttachStderr": true }),
        )?;
        let id = made["Id"].as_str().context("an exec has no id")?;
        // Its answer is what the command says, until it ends.
        let begin = json!({ "Detach": false, "Tty": false });
        let path = format!("/exec/{id}/start");
        let begin = begin.to_string();
        let (status, said) = self.request("POST", &path, "application/json", begin.as_bytes())?;
        if status != 200 {
            bail!("{path}: {status} {}", String::from_utf8_lossy(&said));
        }
        let ended = self.ask("GET", &format!("/exec/{id}/json"), &Value::Null)?;
        anyhow::ensure!(
            ended["ExitCode"] == 0,
            "{command:?} ended with {}",
            ended["ExitCode"]
        );
        Ok(())
    }

    /// Asks and expects that all goes well.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let asked = self.request(method, path, "application/json", body.as_bytes());
        let (status, answer) = asked.with_context(|| self.host())?;
        if !(200..400).contains(&status) {
            let said = String::from_utf8_lossy(&answer);
            bail!("{method} {path}: {status} {}", said.trim());
        }
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> io::Result<(u16, Vec<u8>)> {
        let mut stream: Box<dyn Stream> = match &self.at {
            At::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(LIMIT))?;
                Box::new(stream)
            }
            At::Tcp(authority) => {
                let stream = TcpStream::connect(authority)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LIMIT))?;
                Box::new(stream)
            }
        };
        let length = body.len();
        let mut request = format!(
            "{method} /v1.41{path} HTTP/1.0\r\nhost: docker\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        split(&answer).ok_or_else(|| io::Error::other("the engine's answer is no HTTP"))
    }
}

/// The status and the body of a whole answer.
fn split(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, answer[end..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_what_follows_its_head() {
        let answer = b"HTTP/1.0 404 Not Found\r\nserver: x\r\n\r\n{}\r\n\r\n";
        assert_eq!(split(answer), Some((404, b"{}\r\n\r\n".to_vec())));
        assert_eq!(split(b"HTTP/1.0 200 OK\r\n\r\n"), Some((200, Vec::new())));
        assert_eq!(split(b"HTTP/1.0 200 OK\r\nhalf"), None);
    }
}
