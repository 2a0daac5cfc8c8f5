//! What the agent tells: its status after each change, events, and the view
//! that waiting requests look at.

use std::sync::Arc;

use hob_wire::{Event, EventKind, Micros, Phase, Reply, SessionInfo, Status};
use tokio::sync::{broadcast, watch};

use crate::log::now;
use crate::machine::{AgentFacts, Machine, RunId};

/// For how long an agent has only just begun.
const YOUNG: Micros = 60_000_000;

/// The state as waiting requests need it.
#[derive(Debug, Clone)]
pub struct View {
    /// The state as it is told.
    pub status: Status,
    /// The process that answers.
    pub serving: Option<RunId>,
    /// Whether a process runs or is about to.
    pub runs: bool,
    /// The agent's work is done.
    pub over: bool,
}

/// The agent's voice.
pub struct Publisher {
    facts: AgentFacts,
    session: Option<SessionInfo>,
    writes_files: bool,
    /// Whether no session has come yet.
    alone: bool,
    returns: bool,
    replies: broadcast::Sender<Arc<Reply>>,
    view: watch::Sender<View>,
}

impl Publisher {
    /// A publisher that has told nothing but the state before any spec.
    pub fn new(facts: AgentFacts) -> Self {
        let status = Machine::default().status(&facts);
        let view = View {
            status,
            serving: None,
            runs: false,
            over: false,
        };
        Self {
            facts,
            session: None,
            writes_files: false,
            alone: true,
            returns: false,
            replies: broadcast::channel(8192).0,
            view: watch::channel(view).0,
        }
    }

    /// Who the agent is.
    pub fn facts(&self) -> &AgentFacts {
        &self.facts
    }

    /// `stack/service`.
    pub fn service(&self) -> &str {
        &self.facts.service
    }

    /// The session that sends changes.
    pub fn session(&self) -> Option<&SessionInfo> {
        self.session.as_ref()
    }

    /// From when on the first session of an agent that has only just begun has
    /// missed what the service said; none for any other one.
    pub fn missed(&mut self) -> Option<Micros> {
        let first = std::mem::replace(&mut self.alone, false);
        let young = now().saturating_sub(self.facts.since) < YOUNG;
        (first && young).then_some(self.facts.since)
    }

    /// Sets it; told with the next [`Publisher::look`].
    pub fn set_session(&mut self, session: Option<SessionInfo>) {
        self.session = session;
    }

    /// Whether the service's processes are known to have written files; told
    /// with the next [`Publisher::look`].
    pub fn set_writes_files(&mut self, wrote: bool) {
        self.writes_files = wrote;
    }

    /// The agent goes on once it is started again; told with the next
    /// [`Publisher::look`].
    pub fn set_returns(&mut self) {
        self.returns = true;
    }

    /// A feed of all that is told from now on.
    pub fn replies(&self) -> broadcast::Sender<Arc<Reply>> {
        self.replies.clone()
    }

    /// The state, now and after each change.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// Tells the state if it changed.
    pub fn look(&mut self, machine: &Machine) {
        let mut status = machine.status(&self.facts);
        status.session = self.session.clone();
        status.writes_files = self.writes_files;
        status.returns = self.returns;
        let before = self.view.borrow().status.clone();
        let view = View {
            serving: machine.serving_run(),
            runs: machine.runs(),
            over: false,
            status,
        };
        if before.phase != view.status.phase {
            self.phase(view.status.phase);
        }
        if before != view.status {
            self.send(Reply::Status(Box::new(view.status.clone())));
        }
        self.view.send_replace(view);
    }

    fn phase(&self, phase: Phase) {
        let service = self.facts.service.clone();
        self.event(Event {
            at: now(),
            service,
            kind: EventKind::Phase(phase),
        });
    }

    /// Tells that the agent's work is done.
    pub fn over(&self) {
        self.view.send_modify(|view| view.over = true);
    }

    /// Tells an event.
    pub fn event(&self, event: Event) {
        self.send(Reply::Event(event));
    }

    fn send(&self, reply: Reply) {
        // Nobody may be watching.
        let _ = self.replies.send(Arc::new(reply));
    }
}
