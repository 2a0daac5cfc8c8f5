//! The agent: one small program beside each service. It builds, starts,
//! checks, swaps, drains and reaps, owns the service's port through the front
//! and keeps the service's log. It outlives the command that started it.
//!
//! `machine` decides (pure), `supervisor` performs, `server` talks to
//! clients; `agent` is the loop between them. Start reading at [`run`], then
//! `machine`.

#![expect(
    clippy::disallowed_methods,
    reason = "this room is the outside: processes, files, ports, the clock"
)]

mod agent;
mod builder;
mod descendants;
mod door;
mod environment;
mod feed;
pub mod foreground;
mod home;
mod kept;
pub mod log;
mod machine;
mod options;
mod port;
mod probe;
mod proc;
mod process;
mod publish;
mod server;
mod supervisor;
mod usage;
mod user;
pub mod visit;
mod watcher;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_front::Gate;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::agent::{Agent, Signals};
use crate::log::{Log, now};
use crate::machine::AgentFacts;
pub use crate::options::{Options, Owner, Tcp};
use crate::publish::Publisher;
use crate::server::Shared;
use crate::supervisor::Supervisor;

/// How long a client may take to read its last answer.
const FAREWELL: Duration = Duration::from_secs(1);

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
    let alone = home::lock(options)?;
    home::out(options)?;
    let guarded = options.own.is_some();
    let port = match &options.tcp {
        Some(tcp) => Some(
            door::Port::open(tcp, guarded)
                .await
                .map_err(failed("listen over TCP with the token of", &tcp.token_file))?,
        ),
        None => None,
    };
    // The last of the doors: whoever finds it finds the others open.
    let listener = home::listen(options)?;
    let log_folder = home::log(&options.state);
    let log_bytes = hob_wire::Limits::default().log_bytes;
    let log = Log::open_for(&log_folder, log_bytes, options.own)
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
    let mut doors = JoinSet::new();
    if let Some(port) = port {
        doors.spawn(port.serve(shared.clone()));
    }
    doors.spawn(door::socket(listener, shared, guarded));
    let (inputs, fed_back) = mpsc::unbounded_channel();
    let supervisor = Supervisor::new(publisher, Gate::new(), log, options.out(), inputs);
    let mut agent = Agent::new(supervisor, options.keep.then(|| options.state.clone()));
    agent.go_on().await;
    agent.work(from_clients, fed_back, signals).await;
    agent.leave(&options.socket, alone).await;
    // Those who wait for the end get their answer before the process goes.
    drop(farewell);
    let _ = tokio::time::timeout(FAREWELL, said.recv()).await;
    doors.abort_all();
    Ok(())
}
