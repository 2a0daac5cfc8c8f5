//! Performs what the machine decides: builds, processes, the gate, the clock;
//! and feeds back what came of it.
//!
//! Decides nothing. Everything happens on one thread, one [`Input`] after the
//! other. `launch.rs` starts processes, `tell.rs` speaks to people.

mod launch;
mod tell;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hob_front::{Gate, Target, Trouble};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::builder::build;
use crate::descendants;
use crate::environment;
use crate::home;
use crate::log::{Log, now};
use crate::machine::{BuildId, BuildResult, Effect, GateMove, Input, Machine, RunId};
use crate::process::signal_group;
use crate::publish::Publisher;
use crate::user::User;
use crate::watcher::LastWords;

/// A process that refused a connection is looked at again after this time.
const DEAF: Duration = Duration::from_secs(1);

/// The hands of the machine.
pub struct Supervisor {
    pub(crate) machine: Machine,
    pub(crate) publisher: Publisher,
    pub(crate) gate: Gate,
    log: Log,
    out: PathBuf,
    inputs: mpsc::UnboundedSender<Input>,
    builds: HashMap<BuildId, oneshot::Sender<()>>,
    runs: HashMap<RunId, Hold>,
    /// Whether the machine has said that all is over.
    pub(crate) over: bool,
    /// The process that last refused a connection: told of once.
    refused: Option<RunId>,
    /// Whether the user was told that the service listens beyond loopback.
    exposure_told: bool,
}

/// A process that some task waits for.
struct Hold {
    pid: u32,
    addr: Option<SocketAddr>,
    build: BuildId,
    /// As they were read at its start: its probe sees the same.
    secrets: BTreeMap<String, String>,
    /// As it was found at its start, for the same reason.
    user: Option<User>,
    tail: LastWords,
    end: mpsc::UnboundedSender<()>,
    /// Ends its grace.
    hurry: Arc<Notify>,
}

impl Supervisor {
    /// A supervisor without anything to do yet, whose builds go below `out`;
    /// what happens comes back through `inputs`.
    pub fn new(
        publisher: Publisher,
        gate: Gate,
        log: Log,
        out: PathBuf,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> Self {
        Self {
            machine: Machine::default(),
            publisher,
            gate,
            log,
            out,
            inputs,
            builds: HashMap::new(),
            runs: HashMap::new(),
            over: false,
            refused: None,
            exposure_told: false,
        }
    }

    /// Takes an input to its end: the machine's answer is performed and told.
    pub fn take(&mut self, input: Input) {
        if let Input::Ready(run) = &input {
            self.look_at_exposure(*run);
        }
        let gone = match &input {
            Input::Exited { run, .. } => Some(*run),
            _ => None,
        };
        if let Input::BuildDone { id, .. } = &input {
            self.builds.remove(id);
        }
        if let Input::Configure { spec, .. } = &input {
            self.log.limit(spec.limits.log_bytes);
        }
        let before = match &input {
            Input::Change(_) => Some(self.runs.values().map(|hold| hold.pid).collect::<Vec<_>>()),
            _ => None,
        };
        for effect in self.machine.step(now(), input) {
            self.perform(effect);
        }
        if let Some(run) = gone {
            self.runs.remove(&run);
        }
        if let Some(before) = before.filter(|before| !before.is_empty()) {
            // After the build was begun, which waits for nothing.
            let wrote = before.into_iter().any(descendants::wrote_files);
            self.publisher.set_writes_files(wrote);
        }
        self.publisher.look(&self.machine);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Build { id, generation } => self.build(id, generation),
            Effect::CancelBuild(id) => {
                if let Some(cancel) = self.builds.remove(&id) {
                    // It may have ended by itself just now.
                    let _ = cancel.send(());
                }
            }
            Effect::Spawn {
                run,
                build,
                generation,
            } => self.spawn(run, build, generation),
            Effect::Probe(run) => self.probe(run),
            Effect::Drain(run) => self.drain(run),
            Effect::Terminate(run) => {
                if let Some(hold) = self.runs.get(&run) {
                    // It may have ended by itself just now.
                    let _ = hold.end.send(());
                }
            }
            Effect::Kill(run) => {
                if let Some(hold) = self.runs.get(&run) {
                    hold.hurry.notify_one();
                }
            }
            Effect::Signal(run) => {
                if let Some(hold) = self.runs.get(&run) {
                    signal_group(hold.pid, Signal::HUP);
                }
            }
            Effect::Backoff { token, delay_ms } => {
                self.later(
                    Duration::from_millis(delay_ms),
                    Input::BackoffOver { token },
                );
            }
            Effect::Discard(id) => {
                let out = self.out(id);
                // It may be large. What cannot be removed goes with the agent.
                tokio::task::spawn_blocking(move || std::fs::remove_dir_all(out));
            }
            Effect::Gate(to) => self.move_gate(to),
            Effect::Emit(kind) => self.emit(kind),
            Effect::Exit => self.over = true,
        }
    }

    fn later(&self, delay: Duration, input: Input) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            sleep(delay).await;
            // The agent may be gone by then.
            let _ = inputs.send(input);
        });
    }

    fn out(&self, id: BuildId) -> PathBuf {
        self.out.join(id.0.to_string())
    }

    fn build(&mut self, id: BuildId, generation: u64) {
        let Some(spec) = self.machine.spec() else {
            return;
        };
        let Some(program) = &spec.build else { return };
        let out = self.out(id);
        let launch = environment::build(spec, program, &out, &format!("build-{}", id.0));
        let launch = match environment::user(spec) {
            Ok(user) => launch.run_by(user),
            Err(error) => {
                let result = BuildResult::Failed {
                    message: error.to_string(),
                    output: Vec::new(),
                };
                // Not taken at once: the machine is still at its last input.
                let _ = self.inputs.send(Input::BuildDone { id, result });
                return;
            }
        };
        let limit = spec.limits.build.map(Duration::from);
        let shown = environment::shown(program);
        let (log, inputs) = (self.log.clone(), self.inputs.clone());
        let (cancel, cancelled) = oneshot::channel();
        self.builds.insert(id, cancel);
        tokio::spawn(async move {
            let result = build(launch, shown, &out, generation, limit, log, cancelled).await;
            let _ = inputs.send(Input::BuildDone { id, result });
        });
    }

    /// The front was refused a connection. A process that is about to crash
    /// refuses some, and one that starts itself anew; one that goes on
    /// refusing is worth a word.
    pub fn refused(&mut self, trouble: &Trouble) {
        let addr = trouble.target.addr;
        let run = self.runs.iter().find(|(_, hold)| hold.addr == Some(addr));
        let Some(run) = run.map(|(run, _)| *run) else {
            return;
        };
        if self.refused.replace(run) == Some(run) {
            return;
        }
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            sleep(DEAF).await;
            if let Err(error) = TcpStream::connect(addr).await {
                let message = format!(
                    "its process runs, but accepts no connection on its `$PORT` ({addr}): {error}"
                );
                let _ = inputs.send(Input::Deaf { run, message });
            }
        });
    }

    fn drain(&mut self, run: RunId) {
        let Some(hold) = self.runs.get(&run) else {
            return;
        };
        let limit = self
            .machine
            .spec()
            .map_or(Duration::ZERO, |spec| spec.limits.drain.into());
        let (gate, inputs, addr) = (self.gate.clone(), self.inputs.clone(), hold.addr);
        tokio::spawn(async move {
            if let Some(addr) = addr {
                // Past the limit it goes whether it has drained or not.
                let _ = timeout(limit, gate.drained(addr)).await;
            }
            let _ = inputs.send(Input::Drained(run));
        });
    }

    fn move_gate(&mut self, to: GateMove) {
        let addr = |run: RunId| self.runs.get(&run).and_then(|hold| hold.addr);
        match to {
            GateMove::Open { run, generation } => {
                if let Some(addr) = addr(run) {
                    self.gate.open(Target { addr, generation });
                }
            }
            GateMove::Hold(reason) => self.gate.hold(reason),
            GateMove::Fail(problem) => self.gate.fail(self.failure(problem)),
            GateMove::Badge(problem) => {
                let failure = problem.map(|problem| self.failure(problem));
                self.gate.badge(failure);
            }
            GateMove::Reload(generation) => self.gate.reload(generation),
            GateMove::Close(run) => {
                if let Some(addr) = addr(run) {
                    self.gate.close(addr);
                }
            }
        }
    }

    /// Ends whatever is left at the agent's own end.
    pub async fn clear(&mut self) {
        descendants::kill_all().await;
        home::clear_out(&self.out);
    }
}
