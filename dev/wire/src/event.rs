//! [`Event`]: what an agent tells while it works. The same lines are what
//! `--json` prints.

use serde::{Deserialize, Serialize};

use crate::{Micros, Phase};

/// Something that happened to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Micros,
    /// `stack/service`.
    pub service: String,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The build of a generation began.
    BuildStarted {
        /// The generation.
        generation: u64,
        /// When the save was noticed.
        noticed: Micros,
    },
    /// A newer save ended this build.
    BuildSuperseded {
        /// The generation that was given up.
        generation: u64,
        /// The one that took its place.
        by: u64,
    },
    /// The build succeeded.
    Built {
        /// The generation.
        generation: u64,
        /// Microseconds.
        took: Micros,
    },
    /// A process was started.
    Started {
        /// The generation.
        generation: u64,
        /// The process.
        pid: u32,
        /// The port it was told to listen on.
        port: Option<u16>,
    },
    /// The process is ready and the front has moved to it.
    Swapped {
        /// How the save went, step by step.
        waterfall: Waterfall,
    },
    /// The first answer of a generation left the front.
    FirstAnswer {
        /// How the save went, the answer included.
        waterfall: Waterfall,
    },
    /// The old process of a generation is gone.
    Retired {
        /// The generation.
        generation: u64,
        /// Whether its grace ran out and it was killed.
        killed: bool,
    },
    /// A generation will not serve.
    Failed {
        /// The generation.
        generation: u64,
        /// Where it went wrong.
        stage: Stage,
        /// One line.
        message: String,
        /// The program's own words.
        output: Vec<LogLine>,
        /// The generation that goes on serving.
        serving: Option<u64>,
    },
    /// The process ended by itself.
    Crashed {
        /// Its generation.
        generation: u64,
        /// One line: `exited with code 2`, `ended by signal 11`.
        message: String,
        /// Its exit code; 128 and the signal that ended it, as shells tell it.
        /// None when nobody knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
        /// Milliseconds until it is started again; none when it is not.
        retry_ms: Option<u64>,
    },
    /// Browsers were told to reload, without a new process.
    Reloaded {
        /// The generation.
        generation: u64,
    },
    /// The service listens beyond loopback although the stack does not say so.
    Exposed {
        /// The address that was found.
        addr: String,
    },
    /// The state changed.
    Phase(Phase),
    /// A line of output.
    Log(LogLine),
    /// Something for people to know.
    Note(String),
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was read.
    pub at: Micros,
    /// Where it came from.
    pub stream: Stream,
    /// The generation that wrote it.
    pub generation: u64,
    /// The text without its line break; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// Where a line of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The process's standard output.
    Out,
    /// The process's standard error.
    Err,
    /// The build, both streams.
    Build,
    /// hob itself.
    Hob,
}

/// Where a generation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It did not build.
    Build,
    /// It did not start, or ended before it was ready.
    Start,
    /// It was not ready within the limit.
    Ready,
    /// It served, then ended by itself.
    Crash,
}

/// A save's way to its first answer, each step in microseconds since the
/// one before it; a step that was not needed is 0. A process that was only
/// started again has nothing but its readiness and its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waterfall {
    /// The generation.
    pub generation: u64,
    /// From the first file event to the agent's start of the build.
    pub noticed: Micros,
    /// The build.
    pub built: Micros,
    /// From the build's end to the process's start.
    pub started: Micros,
    /// From the process's start to its readiness; the front moves at its end.
    pub ready: Micros,
    /// From there to the first byte of the first answer.
    pub answered: Option<Micros>,
}

impl Waterfall {
    /// Whether a process was started again without a save.
    #[must_use]
    pub fn is_restart(&self) -> bool {
        self.noticed == 0 && self.built == 0 && self.started == 0
    }

    /// From the first file event to the last step that is known.
    #[must_use]
    pub fn total(&self) -> Micros {
        self.noticed + self.built + self.started + self.ready + self.answered.unwrap_or(0)
    }
}
