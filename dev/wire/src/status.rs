//! [`Status`]: what an agent says of itself and its service.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Listen, LogLine, Micros, Mode, Stage};

/// One look at an agent and its service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The agent's process.
    pub agent_pid: u32,
    /// The project's id.
    pub project: String,
    /// `stack/service`.
    pub service: String,
    /// How it is run.
    pub mode: Mode,
    /// Where clients reach it.
    pub listen: Option<Listen>,
    /// The digest that the agent was given with its spec.
    pub spec_digest: String,
    /// Whether [`Request::Start`](crate::Request) has come.
    pub started: bool,
    /// In one word.
    pub phase: Phase,
    /// The newest generation that was accepted.
    pub accepted: u64,
    /// The build that runs now.
    pub building: Option<u64>,
    /// What answers now.
    pub serving: Option<Serving>,
    /// The newest generation that was built, with the digest of its sources.
    pub built: Option<Build>,
    /// Why the accepted generation does not serve; none when it does or is on
    /// its way.
    pub problem: Option<Problem>,
    /// The generation whose process exited with 0 and is not started again: a
    /// job that is done. Only with [`Phase::Stopped`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Whether the service's processes are known to have written files: those
    /// that ran when a change last came, or what they had started, had done so
    /// by then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_files: bool,
    /// Whether the agent is on its way down: it takes nothing any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Whether the agent ends with its container or machine and not by
    /// request: started again, it goes on with what it was told. Only with
    /// [`Phase::Stopped`] or right before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returns: bool,
    /// How often the process ended by itself since the agent began.
    pub crashes: u32,
    /// The dev session that sends changes.
    pub session: Option<SessionInfo>,
    /// When the agent began.
    pub since: Micros,
}

/// The service's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Built or without a build, not told to start: it waits for what it needs.
    Waiting,
    /// Built and told to rest: it starts again at once when it is told to.
    Resting,
    /// A build runs and nothing serves.
    Building,
    /// The first process was started and is not ready yet.
    Starting,
    /// The accepted generation answers.
    Ready,
    /// An older generation answers while a newer one is built or started.
    Updating,
    /// An older generation answers; the accepted one failed.
    Stale,
    /// Nothing answers: the accepted generation failed.
    Failed,
    /// The process ended by itself and is about to be started again.
    Backoff,
    /// Ended by itself for good, as [`Restart`](crate::Restart) says, or on its
    /// way down with its agent.
    Stopped,
}

impl Phase {
    /// Whether requests are answered by the service in this phase.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Ready | Self::Updating | Self::Stale)
    }
}

/// The process that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// What it was built from.
    pub generation: u64,
    /// Its process, also the id of its group.
    pub pid: u32,
    /// When it became ready.
    pub since: Micros,
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its generation.
    pub generation: u64,
    /// The digest of its sources, when the session knew it.
    pub digest: Option<String>,
    /// How long it took, in microseconds; 0 for a service without a build.
    pub took: Micros,
}

/// Why something the user saved does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The generation that it concerns.
    pub generation: u64,
    /// Where it went wrong.
    pub stage: Stage,
    /// One line: `go build failed with exit code 1`.
    pub message: String,
    /// What the program said: the build's output or the last log lines.
    pub output: Vec<LogLine>,
}

/// What a dev session says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// The `stack/service`s that are its own.
    pub services: Vec<String>,
    /// What a person should know of them, one line each.
    pub notes: Vec<String>,
}

/// The session that feeds an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its process.
    pub pid: u32,
    /// Where it listens for [`SessionRequest`](crate::SessionRequest)s.
    pub socket: PathBuf,
}
