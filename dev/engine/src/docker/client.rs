//! [`Client`]: the engine's API, and its errors in words.
//!
//! Owns how it is connected to and what an error of it means for people. The
//! API is spoken by bollard; images are built over the same place by
//! `hob-builder`.

use std::path::PathBuf;

use bollard::errors::Error;
use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use hob_stack::DockerEndpoint;
use tokio::sync::OnceCell;

use super::endpoint::Resolved;
use crate::world::{Failure, FailureKind};

/// Seconds until the engine has to begin its answer: longer than any stop.
const ANSWER: u64 = 300;

/// An engine that may or may not be there.
#[derive(Debug)]
pub(super) struct Client {
    docker: Docker,
    negotiated: OnceCell<Docker>,
    version: OnceCell<SystemVersion>,
    pub(super) resolved: Resolved,
}

impl Client {
    /// A client of this place. Connects to nothing yet.
    pub(super) fn new(resolved: Resolved) -> Result<Self, Failure> {
        let docker = connect(&resolved, API_DEFAULT_VERSION);
        let docker = docker.map_err(|error| unreachable(&resolved, &error))?;
        Ok(Self {
            docker,
            negotiated: OnceCell::new(),
            version: OnceCell::new(),
            resolved,
        })
    }

    /// The API in a version that both sides speak.
    pub(super) async fn api(&self) -> Result<&Docker, Failure> {
        let negotiated = || async {
            let Some((major, minor)) = hob_builder::api_version(&self.endpoint()).await else {
                return self.docker.clone().negotiate_version().await;
            };
            let theirs = ClientVersion {
                major_version: major,
                minor_version: minor,
            };
            if theirs < *API_DEFAULT_VERSION {
                return connect(&self.resolved, &theirs);
            }
            Ok(self.docker.clone())
        };
        let api = self.negotiated.get_or_try_init(negotiated).await;
        api.map_err(|error| self.failure("speak to it", error))
    }

    /// What the engine says that it is, asked once: engines start other
    /// programs to say it.
    pub(super) async fn version(&self) -> Result<&SystemVersion, Failure> {
        let api = self.api().await?;
        let version = self.version.get_or_try_init(|| api.version()).await;
        version.map_err(|error| self.failure("say its version", error))
    }

    /// Where images are built.
    pub(super) fn endpoint(&self) -> hob_builder::Endpoint {
        match &self.resolved.endpoint {
            DockerEndpoint::Unix(path) => hob_builder::Endpoint::Unix(PathBuf::from(path)),
            DockerEndpoint::Tcp(authority) => hob_builder::Endpoint::Tcp(authority.clone()),
        }
    }

    /// The same place in one word, whichever way a path leads there.
    pub(super) fn place(&self) -> String {
        match &self.resolved.endpoint {
            DockerEndpoint::Unix(path) => std::fs::canonicalize(path)
                .unwrap_or_else(|_| PathBuf::from(path))
                .display()
                .to_string(),
            DockerEndpoint::Tcp(authority) => authority.clone(),
        }
    }

    /// An error of the engine while it was asked to `doing`: `make the
    /// network x`.
    pub(super) fn failure(&self, doing: &str, error: Error) -> Failure {
        match error {
            Error::DockerResponseServerError { message, .. } => {
                let message = message.trim().replace('\n', " ");
                Failure::operation(format!("the Docker engine cannot {doing}: {message}"))
            }
            Error::HyperLegacyError { .. }
            | Error::HyperResponseError { .. }
            | Error::SocketNotFoundError(_)
            | Error::RequestTimeoutError
            | Error::IOError { .. } => unreachable(&self.resolved, &error),
            other => Failure::operation(format!("the Docker engine cannot {doing}: {other}")),
        }
    }
}

fn connect(resolved: &Resolved, version: &ClientVersion) -> Result<Docker, Error> {
    match &resolved.endpoint {
        DockerEndpoint::Unix(path) => {
            let path = path.to_string_lossy();
            Docker::connect_with_unix(&path, ANSWER, version)
        }
        DockerEndpoint::Tcp(authority) => {
            let address = format!("tcp://{authority}");
            Docker::connect_with_http(&address, ANSWER, version)
        }
    }
}

/// The status of an answer that was an error, if there was an answer.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine says that it has no such thing.
pub(super) fn is_unknown(error: &Error) -> bool {
    status(error) == Some(404)
}

fn unreachable(resolved: &Resolved, error: &Error) -> Failure {
    let why = source(error);
    let mut failure = Failure::operation(format!(
        "no Docker engine answers at {} ({}): {why}",
        resolved.endpoint, resolved.whence
    ));
    failure.kind = FailureKind::Prerequisite;
    failure
        .hint("`hob doctor` says what is missing")
        .hint("`--engine host` does without containers")
}

/// The innermost reason: what the operating system said.
fn source(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
