//! [`Spec`]: everything an agent needs to know to run one service.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a service is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sources, builds on save, the front before the process.
    Dev,
    /// The production build; the process owns its port, no front.
    Run,
}

/// What passes through a service's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1 and HTTP/2 without TLS, request by request.
    Http,
    /// gRPC, HTTP/2 without TLS that is known beforehand: for an agent bytes,
    /// connection by connection, for the ingress calls.
    Grpc,
    /// Bytes, connection by connection.
    Tcp,
}

/// How the new process takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Swap {
    /// The new one is ready before the old one is told to go.
    Overlap,
    /// The old one ends first; requests are held between.
    Exclusive,
}

/// When a process that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// With backoff, however it ended.
    Always,
    /// Only when its exit code was not 0 or a signal ended it.
    OnFailure,
    /// Never; it is shown as ended.
    Never,
}

/// A program and its arguments.
///
/// `$OUT` in an argument stands for the generation's own output folder and
/// `$PORT` for the port that the process is to listen on; the agent fills
/// both in (`$$` is a dollar). No shell is involved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program, then its arguments; never empty.
    pub argv: Vec<String>,
    /// The working folder.
    pub cwd: PathBuf,
    /// Variables of this program only, over those of [`Spec::env`].
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// When a started process counts as ready to serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// It answers a GET of this path with 200 to 399.
    Http(String),
    /// Its port accepts a connection.
    Tcp,
    /// This program exits with 0 (it sees the process's environment).
    Command(Program),
    /// As soon as it runs: for programs without a port.
    Started,
}

/// Where a secret's value comes from. The value itself never travels here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// The file's text, without a trailing line break, read at each start.
    File(PathBuf),
    /// A variable of the agent's own environment.
    Env(String),
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub u64);

impl From<Duration> for std::time::Duration {
    fn from(value: Duration) -> Self {
        Self::from_millis(value.0)
    }
}

/// The end of each wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Until a started process is ready.
    pub ready: Duration,
    /// For which a request is held before it is answered 503.
    pub hold: Duration,
    /// For which the old process may finish the requests it has.
    pub drain: Duration,
    /// Between TERM and KILL.
    pub grace: Duration,
    /// Of one build; none when absent.
    pub build: Option<Duration>,
    /// Bytes of the log kept on disk, in two halves.
    pub log_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ready: Duration(30_000),
            hold: Duration(30_000),
            drain: Duration(10_000),
            grace: Duration(5_000),
            build: None,
            log_bytes: 8 << 20,
        }
    }
}

/// The address that a service's clients use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The address; its port is never 0.
    pub addr: SocketAddr,
    /// What passes through it.
    pub protocol: Protocol,
}

/// All that an agent is told of its service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The project's id.
    pub project: String,
    /// The project's folder on the user's machine.
    pub root: PathBuf,
    /// `stack/service`.
    pub service: String,
    /// How it is run.
    pub mode: Mode,
    /// Where its clients reach it; none for a program without a port. In
    /// `dev` the front listens here, in `run` the process itself.
    pub listen: Option<Listen>,
    /// Where the front, or in `run` the process, really listens, when clients
    /// reach it elsewhere: the port inside of a container that is published at
    /// [`listen`](Self::listen). The same as that when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<SocketAddr>,
    /// The address that the process is told to bind as `HOST`.
    pub host: IpAddr,
    /// The build, if it has one.
    pub build: Option<Program>,
    /// The process.
    pub run: Program,
    /// The whole environment of build and process, but for `PORT`, `HOST`,
    /// `OUT`, the secrets and hob's marks, which the agent adds. Nothing is
    /// inherited unless [`inherit`](Self::inherit) says so.
    pub env: BTreeMap<String, String>,
    /// Whether build and process get the agent's own environment under `env`:
    /// what an image says of itself (`PATH`). hob's own variables (`HOB_…`)
    /// are not among it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherit: bool,
    /// Who build and process run as: `uid`, `uid:gid`, `name` or `name:group`,
    /// looked up in the `/etc/passwd` and `/etc/group` that the agent sees. The
    /// agent's own user when absent; any other one needs an agent that is root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Variables filled from secrets, for the process only.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// When it is ready.
    pub ready: Ready,
    /// How a new process takes over.
    pub swap: Swap,
    /// What follows when it ends by itself.
    pub restart: Restart,
    /// Whether browsers are told to reload.
    pub live_reload: bool,
    /// The limits of every wait.
    pub limits: Limits,
    /// The folder that the agent may fill: `out/<build>/`, `log/`.
    pub state: PathBuf,
}

impl Spec {
    /// Where it listens, as its own machine or container sees it.
    #[must_use]
    pub fn binds(&self) -> Option<SocketAddr> {
        let listen = self.listen?;
        Some(self.bind.unwrap_or(listen.addr))
    }

    /// The service's name without its stack.
    #[must_use]
    pub fn name(&self) -> &str {
        self.service.rsplit('/').next().unwrap_or(&self.service)
    }
}
