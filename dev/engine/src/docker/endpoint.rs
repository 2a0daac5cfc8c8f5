//! Where the Docker engine answers.

use std::fmt;
use std::path::PathBuf;

/// Where an engine is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A unix socket.
    Unix(PathBuf),
    /// `host:port`, without TLS.
    Tcp(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

/// A place, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The place.
    pub place: Place,
    /// Who named it: `DOCKER_HOST`.
    pub whence: String,
}

/// A place that hob does not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// What to type next.
    pub hints: Vec<String>,
}

impl From<Refusal> for crate::Failure {
    fn from(refusal: Refusal) -> Self {
        let mut failure = Self::operation(refusal.reason);
        failure.hints = refusal.hints;
        failure
    }
}

/// Where the engine is.
pub fn find(
    environment: &std::collections::BTreeMap<String, String>,
    configured: Option<&hob_stack::DockerEndpoint>,
) -> Result<Resolved, Refusal> {
    let _ = configured;
    let text = environment.get("DOCKER_HOST").cloned();
    let (text, whence) = match text {
        Some(text) => (text, "DOCKER_HOST"),
        None => ("unix:///var/run/docker.sock".to_owned(), "the usual place"),
    };
    let path = text.trim_start_matches("unix://");
    Ok(Resolved {
        place: Place::Unix(PathBuf::from(path)),
        whence: whence.to_owned(),
    })
}

/// Whether an engine answers.
pub fn answers(place: &Place) -> Result<(), String> {
    use std::io::{Read as _, Write as _};
    let Place::Unix(path) = place else {
        return Err("not yet".to_owned());
    };
    let mut stream =
        std::os::unix::net::UnixStream::connect(path).map_err(|error| error.to_string())?;
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(2)));
    stream
        .write_all(b"GET /_ping HTTP/1.0\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.contains("200 OK") {
        Ok(())
    } else {
        Err("it gave no answer of an engine".to_owned())
    }
}
