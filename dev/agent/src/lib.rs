//! The agent: one small program beside each service. It builds, starts,
//! checks, swaps, drains and reaps, owns the service's port through the front
//! and keeps the service's log. It outlives the command that started it.
//!
//! `machine` decides (pure), `supervisor` performs, `server` talks to
//! clients. Start reading at [`run`], then `machine`.

#![expect(
    clippy::disallowed_methods,
    reason = "this room is the outside: processes, files, ports, the clock"
)]

mod builder;
mod descendants;
mod environment;
mod feed;
pub mod foreground;
pub mod log;
mod machine;
mod port;
mod probe;
mod process;
mod publish;
mod server;
mod supervisor;
mod watcher;

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hob_front::Gate;
use hob_wire::{EventKind, SessionInfo, Spec};
use rustix::fs::{FlockOperation, Mode};
use rustix::process::umask;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::log::{Log, now};
use crate::machine::{AgentFacts, Input};
use crate::publish::Publisher;
use crate::server::{Command, Shared, serve};
use crate::supervisor::Supervisor;

/// How long a client may take to read its last answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// What an agent is told on its command line; everything else comes with the
/// first [`Request::Configure`](hob_wire::Request).
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's id.
    pub project: String,
    /// `stack/service`.
    pub service: String,
    /// Where it listens for requests.
    pub socket: PathBuf,
    /// The folder that it may fill.
    pub state: PathBuf,
}

impl Options {
    /// Reads `--project ID --root DIR --service STACK/SERVICE --socket PATH
    /// --state DIR`; none when something is missing or unknown. It is hob that
    /// types this, never a person; the folder is for people who read `ps`.
    #[must_use]
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let (mut project, mut service, mut socket, mut state) = (None, None, None, None);
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            let value = args.next()?;
            match name.to_str()? {
                "--project" => project = Some(value.into_string().ok()?),
                "--service" => service = Some(value.into_string().ok()?),
                "--socket" => socket = Some(value.into()),
                "--state" => state = Some(value.into()),
                "--root" => {}
                _ => return None,
            }
        }
        Some(Self {
            project: project?,
            service: service?,
            socket: socket?,
            state: state?,
        })
    }
}

/// Why an agent could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something it needs cannot be had.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// There is one already.
    #[error("an agent for {service} runs already (it holds {path})")]
    Twice {
        /// Its service.
        service: String,
        /// Its lock.
        path: PathBuf,
    },
}

/// Runs the agent until it is told to shut down (by request, TERM or INT).
///
/// # Errors
/// Its socket or state folder cannot be had, or another agent serves them.
pub fn run(options: &Options) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start the runtime of", &options.socket))?;
    runtime.block_on(agent(options))
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + use<'a> {
    move |source| Error::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

async fn agent(options: &Options) -> Result<(), Error> {
    // A session of its own: a terminal's Ctrl-C is not for it. It fails only
    // for a group leader, which is on its own already.
    let _ = rustix::process::setsid();
    descendants::adopt_orphans();
    descendants::mark(&options.project, &options.service);
    // Before anybody can know of this agent and tell it to go.
    let signals = Signals::new().map_err(failed("hear signals for", &options.socket))?;
    let alone = lock(options)?;
    // Output of an agent that was killed.
    let _ = fs::remove_dir_all(options.state.join("out"));
    let listener = listen(&options.socket)?;
    let log_folder = options.state.join("log");
    let log = Log::open(&log_folder, hob_wire::Limits::default().log_bytes)
        .map_err(failed("open the log in", &log_folder))?;
    let facts = AgentFacts {
        pid: std::process::id(),
        project: options.project.clone(),
        service: options.service.clone(),
        since: now(),
    };
    let publisher = Publisher::new(facts);
    let (commands, from_clients) = mpsc::unbounded_channel();
    let (farewell, mut said) = mpsc::channel(1);
    let shared = Shared {
        commands,
        replies: publisher.replies(),
        view: publisher.view(),
        log: log.clone(),
        farewell: farewell.downgrade(),
    };
    let server = tokio::spawn(serve(listener, shared));
    let (inputs, fed_back) = mpsc::unbounded_channel();
    let supervisor = Supervisor::new(publisher, Gate::new(), log, options.state.clone(), inputs);
    let mut agent = Agent {
        supervisor,
        front: None,
    };
    agent.work(from_clients, fed_back, signals).await;
    agent.leave(&options.socket, alone).await;
    // Those who wait for the end get their answer before the process goes.
    drop(farewell);
    let _ = tokio::time::timeout(FAREWELL, said.recv()).await;
    server.abort();
    Ok(())
}

/// The lock ends with the process, however that ends.
fn lock(options: &Options) -> Result<File, Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&options.state)
        .map_err(failed("make the folder", &options.state))?;
    // Logs are in it, and it may have been there.
    fs::set_permissions(&options.state, Permissions::from_mode(0o700))
        .map_err(failed("protect", &options.state))?;
    let path = options.state.join("agent.lock");
    let file = File::create(&path).map_err(failed("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Twice {
            service: options.service.clone(),
            path,
        }),
        Err(error) => Err(failed("lock", &path)(error.into())),
    }
}

fn listen(socket: &Path) -> Result<UnixListener, Error> {
    if let Some(folder) = socket.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("make the folder", folder))?;
    }
    // The lock is held: whoever made it is gone.
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the old socket", socket)(error));
        }
        _ => {}
    }
    // Nobody else's from its first moment on.
    let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let listener = UnixListener::bind(socket);
    umask(before);
    let listener = listener.map_err(failed("listen on", socket))?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))
        .map_err(failed("protect", socket))?;
    Ok(listener)
}

struct Signals {
    term: Signal,
    interrupt: Signal,
    child: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }
}

struct Agent {
    supervisor: Supervisor,
    front: Option<Front>,
}

struct Front {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Agent {
    /// The loop: one thing after the other until the machine says that all is
    /// over.
    async fn work(
        &mut self,
        mut from_clients: mpsc::UnboundedReceiver<Command>,
        mut fed_back: mpsc::UnboundedReceiver<Input>,
        mut signals: Signals,
    ) {
        let mut first_answers = self.supervisor.gate.first_answers();
        let mut troubles = self.supervisor.gate.trouble();
        while !self.supervisor.over {
            tokio::select! {
                Some(input) = fed_back.recv() => self.supervisor.take(input),
                Some(command) = from_clients.recv() => self.obey(command).await,
                Some((generation, at)) = first_answers.recv() => self.answered(generation, at),
                Some(trouble) = troubles.recv() => self.supervisor.refused(&trouble),
                _ = signals.term.recv() => self.shut_down(),
                _ = signals.interrupt.recv() => self.shut_down(),
                _ = signals.child.recv() => descendants::reap(),
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Input(Input::Shutdown) => self.shut_down(),
            Command::Input(input) => self.supervisor.take(input),
            Command::Configure {
                spec,
                digest,
                answer,
            } => {
                let result = self.admit(&spec).await;
                if result.is_ok() {
                    self.supervisor.take(Input::Configure { spec, digest });
                }
                // The client may have gone.
                let _ = answer.send(result);
            }
            Command::Restart { answer } => {
                let run = self.supervisor.machine.next_run();
                self.supervisor.take(Input::Restart);
                let _ = answer.send(run);
            }
            Command::Attach { info, answer } => {
                let _ = answer.send(self.attach(info));
            }
            Command::Detach => self.set_session(None),
        }
    }

    /// From here on nothing is accepted any more; what is in flight may end.
    fn shut_down(&mut self) {
        if let Some(stop) = self.front.as_mut().and_then(|front| front.stop.take()) {
            // The front may have ended by itself.
            let _ = stop.send(());
        }
        self.supervisor.take(Input::Shutdown);
    }

    fn attach(&mut self, info: SessionInfo) -> Result<(), SessionInfo> {
        if let Some(other) = self.supervisor.publisher.session() {
            return Err(other.clone());
        }
        self.set_session(Some(info));
        Ok(())
    }

    fn set_session(&mut self, session: Option<SessionInfo>) {
        let supervisor = &mut self.supervisor;
        supervisor.publisher.set_session(session);
        supervisor.publisher.look(&supervisor.machine);
    }

    /// Whether a spec can be taken; the first one opens the front.
    async fn admit(&mut self, spec: &Spec) -> Result<(), String> {
        if self.supervisor.machine.leaving() {
            return Err("the agent is going down".into());
        }
        if let Some(before) = self.supervisor.machine.spec() {
            let other = [
                (before.service != spec.service, "service"),
                (before.mode != spec.mode, "mode"),
                (before.listen != spec.listen, "port"),
                (before.live_reload != spec.live_reload, "`live_reload`"),
                (before.limits.hold != spec.limits.hold, "`limits.hold`"),
            ];
            // The front is what it is from its first day on.
            return match other.into_iter().find(|(other, _)| *other) {
                Some((_, what)) => Err(format!("its {what} changes: make it anew")),
                None => Ok(()),
            };
        }
        let Some(listen) = spec.listen.filter(|_| spec.mode == hob_wire::Mode::Dev) else {
            return Ok(());
        };
        let listener = TcpListener::bind(listen.addr)
            .await
            .map_err(|error| format!("cannot listen on {}: {error}", listen.addr))?;
        let config = hob_front::Config {
            hold_limit: spec.limits.hold.into(),
            live_reload: spec.live_reload,
            ..hob_front::Config::new(spec.name(), listen.protocol)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = self.supervisor.gate.clone();
        let task = tokio::spawn(hob_front::serve(listener, gate, config, async {
            // A dropped sender means the same.
            let _ = stopped.await;
        }));
        self.front = Some(Front {
            task,
            stop: Some(stop),
        });
        Ok(())
    }

    /// The first answer of a generation has left the front.
    fn answered(&mut self, generation: u64, at: Instant) {
        let machine = &self.supervisor.machine;
        let Some((mut waterfall, ready)) = machine.waterfall_of(generation) else {
            return;
        };
        let ago = u64::try_from(at.elapsed().as_micros()).unwrap_or(0);
        waterfall.answered = Some(now().saturating_sub(ago).saturating_sub(ready));
        self.supervisor.emit(EventKind::FirstAnswer { waterfall });
    }

    /// Gives everything back: port, socket, whatever still runs below.
    async fn leave(mut self, socket: &Path, alone: File) {
        if let Some(front) = self.front.take() {
            // It was told to stop; its connections have a limit.
            let _ = front.task.await;
        }
        self.supervisor.clear().await;
        let _ = fs::remove_file(socket);
        // Before anybody hears of the end: the next agent may come at once.
        drop(alone);
        self.supervisor.publisher.over();
    }
}
