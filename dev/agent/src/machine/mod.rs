//! The agent's decisions: a pure reducer from [`Input`]s to [`Effect`]s.
//!
//! Owns the state of one service: which build runs, which process starts,
//! serves or retires, and why the newest save does not serve. It never waits,
//! reads a clock, touches a process or a socket; [`crate::supervisor`] does
//! that and feeds back what came of it. Start at [`Machine::step`].
//!
//! `builds.rs` decides about saves and builds, `runs.rs` about processes,
//! `ends.rs` about their ends, `troubles.rs` about what failed and what goes on
//! in its place; `state.rs` holds the data and says how it looks
//! from outside.

mod builds;
mod ends;
#[cfg(test)]
mod properties;
mod runs;
mod state;
#[cfg(test)]
mod tests;
mod troubles;

use hob_wire::{Change, EventKind, LogLine, Micros, Spec};

pub use state::{AgentFacts, Machine};

/// A build, counted from the agent's start; also the name of its output folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildId(pub u64);

/// A process, counted from the agent's start; 0 stands for none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// What came in.
#[derive(Debug, Clone)]
pub enum Input {
    /// Run this from now on.
    Configure { spec: Box<Spec>, digest: String },
    /// What it needs is there.
    Start,
    /// A new process from what is built.
    Restart,
    /// No process until one is asked for.
    Rest,
    /// What runs is to read its files anew.
    Signal,
    /// End everything.
    Shutdown,
    /// Sources changed.
    Change(Change),
    /// The sources of this generation have this digest.
    Digest { generation: u64, digest: String },
    /// A build ended.
    BuildDone { id: BuildId, result: BuildResult },
    /// A process was started.
    Spawned {
        run: RunId,
        pid: u32,
        port: Option<u16>,
    },
    /// A process could not be started.
    SpawnFailed { run: RunId, message: String },
    /// A process is ready.
    Ready(RunId),
    /// A process was not ready within the limit.
    NotReady {
        run: RunId,
        message: String,
        tail: Vec<LogLine>,
    },
    /// A process has no ordinary request any more, or its time is up.
    Drained(RunId),
    /// A process that runs has accepted no connection for a while.
    Deaf { run: RunId, message: String },
    /// A process and all of its group are gone.
    Exited { run: RunId, exit: Exit },
    /// It is time to start a crashed process again.
    BackoffOver { token: u64 },
}

/// How a build ended.
#[derive(Debug, Clone)]
pub enum BuildResult {
    /// Its output folder is complete.
    Built,
    /// It failed, with the compiler's words.
    Failed {
        message: String,
        output: Vec<LogLine>,
    },
    /// It was ended at the machine's word.
    Cancelled,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Exit {
    /// `exited with code 2`, `ended by signal 11`.
    pub message: String,
    /// Its exit code; 128 and the signal that ended it.
    pub code: Option<u8>,
    /// Whether it exited with code 0.
    pub success: bool,
    /// Whether the agent had to kill it.
    pub killed: bool,
    /// Whether it ended by itself and what it had started went on without it.
    pub left: bool,
    /// How long it ran, in milliseconds.
    pub uptime_ms: u64,
    /// Its last lines.
    pub tail: Vec<LogLine>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Build into a new output folder.
    Build { id: BuildId, generation: u64 },
    /// End the build's process group; `BuildDone` follows.
    CancelBuild(BuildId),
    /// Start a process from a build; `Spawned` or `SpawnFailed` follows.
    Spawn {
        run: RunId,
        build: BuildId,
        generation: u64,
    },
    /// Ask a process whether it is ready; `Ready` or `NotReady` follows.
    Probe(RunId),
    /// Wait until a process has no ordinary request, within the drain limit;
    /// `Drained` follows.
    Drain(RunId),
    /// TERM, after the grace KILL; `Exited` follows.
    Terminate(RunId),
    /// KILL at once to what was told to end before; `Exited` follows.
    Kill(RunId),
    /// HUP.
    Signal(RunId),
    /// `BackoffOver` after this time.
    Backoff { token: u64, delay_ms: u64 },
    /// Nothing needs this build's output any more.
    Discard(BuildId),
    /// Move the gate.
    Gate(GateMove),
    /// Tell those who watch.
    Emit(EventKind),
    /// The agent's work is done.
    Exit,
}

/// What becomes of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateMove {
    /// They go to this process.
    Open { run: RunId, generation: u64 },
    /// They wait.
    Hold(String),
    /// They are answered 503 with this.
    Fail(hob_wire::Problem),
    /// Pages that the old process serves show this, or nothing any more.
    Badge(Option<hob_wire::Problem>),
    /// Browsers reload, nothing else changes.
    Reload(u64),
    /// All connections to this process are dropped.
    Close(RunId),
}

impl Machine {
    /// Takes one input at a time (microseconds since the epoch) and says what
    /// to do about it.
    pub fn step(&mut self, now: Micros, input: Input) -> Vec<Effect> {
        self.now = now;
        match input {
            Input::Configure { spec, digest } => self.configure(*spec, digest),
            Input::Start => self.begin(),
            Input::Restart => self.restart(),
            Input::Rest => self.rest(),
            Input::Signal => self.signal(),
            Input::Shutdown => self.shutdown(),
            Input::Change(change) => self.change(change),
            Input::Digest { generation, digest } => self.learn_digest(generation, digest),
            Input::BuildDone { id, result } => self.build_done(id, result),
            Input::Spawned { run, pid, port } => self.spawned(run, pid, port),
            Input::SpawnFailed { run, message } => self.spawn_failed(run, message),
            Input::Ready(run) => self.ready(run),
            Input::NotReady { run, message, tail } => self.not_ready(run, message, tail),
            Input::Drained(run) => self.drained(run),
            Input::Deaf { run, message } => self.deaf(run, message),
            Input::Exited { run, exit } => self.exited(run, exit),
            Input::BackoffOver { token } => self.backoff_over(token),
        }
        std::mem::take(&mut self.effects)
    }
}
