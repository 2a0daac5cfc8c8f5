//! The session's loop: one `select!` that feeds the reducer; the shell
//! performs what it says. Start with [`run`].

use std::path::PathBuf;
use std::sync::Arc;

use hob_stack::ServiceId;
use hob_wire::{Event, SessionInfo, Status};
use tokio::sync::mpsc;

use crate::ground::Ground;
use crate::message::{Command, End, Input, Told};
use crate::reducer::Session;
use crate::shell::{Shell, ShellSetup};
use crate::socket::listen;
use crate::sources::Sources;

/// What the user is shown.
#[derive(Debug, Clone)]
pub enum Shown {
    /// The session's own words.
    Told(Told),
    /// An agent's event.
    Event(Event),
    /// An agent's state.
    Status(Box<Status>),
    /// What was known of a service's agent is no longer so.
    Lost(ServiceId),
    /// The session's services from now on.
    Services(Vec<ServiceId>),
    /// Something about the watching of a service's files.
    Watch(ServiceId, String),
}

/// What the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Asks for something.
    Command(Command),
    /// Wants to leave.
    Leave,
}

/// How a session is to be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it listens for requests; the folder is there and private.
    pub socket: PathBuf,
    /// Whether its services outlive it.
    pub keep: bool,
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its socket.
    #[error("cannot listen on {path}: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Its files.
    #[error("cannot watch the sources: {0}")]
    Watch(#[from] hob_watch::Error),
}

/// Runs a session until the user leaves or its services are gone.
///
/// # Errors
/// It could not begin.
pub async fn run<G: Ground>(
    ground: Arc<G>,
    setup: Setup,
    keys: &mut mpsc::UnboundedReceiver<Key>,
    shown: mpsc::UnboundedSender<Shown>,
) -> Result<End, Error> {
    let (asked_in, mut asked) = mpsc::unbounded_channel();
    // It goes last: whoever asked for the end waits for that.
    let _socket = listen(&setup.socket, asked_in).map_err(|source| Error::Socket {
        path: setup.socket.clone(),
        source,
    })?;
    let (events_in, mut events) = mpsc::unbounded_channel();
    let sources = Sources::start(ground.watched(), ground.stack_files(), events_in)?;
    let (inputs_in, mut inputs) = mpsc::unbounded_channel();
    let (linked_in, mut linked) = mpsc::unbounded_channel();
    let (plans, mut planned) = mpsc::unbounded_channel();
    let (reread_in, mut reread) = mpsc::unbounded_channel();
    let mut shell = Shell::new(ShellSetup {
        session: Session::new(sources.watching(), setup.keep),
        ground,
        info: SessionInfo {
            pid: std::process::id(),
            socket: setup.socket,
        },
        sources,
        inputs: inputs_in,
        linked: linked_in,
        reread: reread_in,
        plans,
        shown,
    });
    shell.begin();
    loop {
        if let Some(end) = shell.ended() {
            return Ok(end);
        }
        let input = tokio::select! {
            // A save comes before everything else.
            biased;
            Some(event) = events.recv() => match shell.watched(event) {
                Some(input) => input,
                None => continue,
            },
            Some(key) = keys.recv() => match key {
                Key::Command(command) => Input::Command(command),
                Key::Leave => Input::Leave,
            },
            Some(input) = inputs.recv() => input,
            Some((number, told)) = planned.recv() => match shell.planned(number, told) {
                Some(input) => input,
                None => continue,
            },
            Some(told) = linked.recv() => match shell.linked(told) {
                Some(input) => input,
                None => continue,
            },
            Some((number, step)) = reread.recv() => match shell.reread(number, step) {
                Some(input) => input,
                None => continue,
            },
            Some(asked) = asked.recv() => shell.asked(asked),
        };
        shell.take(input);
    }
}
