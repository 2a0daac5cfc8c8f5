//! [`Gate`]: where requests go now, as told by whoever supervises the process.
//!
//! Owns the one lock under which "pick the target" and "count the request"
//! are a single step, so that [`Gate::drained`] never resolves between them.
//! Never touches a socket and never decides anything by itself: `open`,
//! `hold`, `fail` are somebody else's word. Start with [`Gate::open`].

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, mpsc, watch};

use crate::backend::{Backend, Flight};

/// Where requests are sent: a process that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The save that it was built from.
    pub generation: u64,
}

/// Why a generation does not serve, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The generation that failed.
    pub generation: u64,
    /// The headline: `goapi failed to build`.
    pub title: String,
    /// One line: `go build failed with exit code 1`.
    pub message: String,
    /// The compiler's words or the last log lines, ANSI colours included.
    pub output: Vec<String>,
}

/// Told when a connection to the current target was refused: whoever owns the
/// process may want to look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The target that did not accept.
    pub target: Target,
    /// The system's words.
    pub message: String,
}

/// The handle through which requests are routed, held or refused. Clones share
/// one state. A new gate holds.
#[derive(Debug, Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Goes up with each change; what waits subscribes to it.
    version: watch::Sender<u64>,
    /// Told when a backend's last flight ends.
    landed: Arc<Notify>,
    /// Distinguishes this gate from one of an earlier process, so that a page
    /// of that one reloads whatever the numbers say.
    boot: u64,
    /// The newest generation whose first answer was announced.
    announced: AtomicU64,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    generation: u64,
    badge: Option<Arc<Failure>>,
    /// Targets that get no new requests but may have old ones.
    retired: Vec<Arc<Backend>>,
    first: Vec<mpsc::UnboundedSender<(u64, Instant)>>,
    trouble: Vec<mpsc::Sender<Trouble>>,
}

#[derive(Debug)]
enum Phase {
    Held(Arc<str>),
    Open(Arc<Backend>),
    Failed(Arc<Failure>),
    Shut,
}

/// What a request is told when it asks for a target.
#[derive(Debug)]
pub(crate) enum Pick {
    /// Go there; counted from now on.
    Go(Flight),
    /// Wait for the gate to change; the reason.
    Wait(Arc<str>),
    /// Nothing will serve until the next save.
    Failed(Arc<Failure>),
    /// The front is ending.
    Shut,
}

/// The gate's state at one moment, for browsers and people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// `held`, `open`, `failed` or `shut`.
    pub(crate) state: &'static str,
    pub(crate) boot: u64,
    pub(crate) generation: u64,
    /// Why requests are held.
    pub(crate) reason: Option<Arc<str>>,
    /// What failed: nothing serves, or (with `open` and `held`) an older
    /// process does.
    pub(crate) failure: Option<Arc<Failure>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A gate that holds: no target is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    phase: Phase::Held("the first process is not ready yet".into()),
                    generation: 0,
                    badge: None,
                    retired: Vec::new(),
                    first: Vec::new(),
                    trouble: Vec::new(),
                }),
                version: watch::Sender::new(0),
                landed: Arc::new(Notify::new()),
                // 53 bits, so that a script's number holds it exactly.
                boot: RandomState::new().build_hasher().finish() >> 11,
                announced: AtomicU64::new(0),
            }),
        }
    }

    /// Sends new requests, and the held ones, to `target`. Browsers whose page
    /// is of an older generation reload. A badge for this generation or an
    /// older one goes away. The earlier target keeps the requests that it has
    /// until [`close`](Self::close). Opening the very target that was open
    /// before a hold takes up its connections again.
    pub fn open(&self, target: Target) {
        self.change(|state| {
            let known = match &state.phase {
                Phase::Open(backend) if backend.target == target => Some(Arc::clone(backend)),
                _ => {
                    let found = state.retired.iter().position(|b| b.target == target);
                    found.map(|at| state.retired.swap_remove(at))
                }
            };
            let backend = known
                .unwrap_or_else(|| Arc::new(Backend::new(target, Arc::clone(&self.shared.landed))));
            state.generation = backend.label();
            state.badge = state
                .badge
                .take()
                .filter(|badge| badge.generation > target.generation);
            state.set(Phase::Open(backend));
        });
    }

    /// Makes new requests wait, for `reason` (said to a client whose wait
    /// passes the limit: `goapi is being restarted`).
    pub fn hold(&self, reason: String) {
        self.change(|state| state.set(Phase::Held(reason.into())));
    }

    /// No process serves and none will until something changes: new and held
    /// requests are answered 503 at once, pages with the failure's words.
    pub fn fail(&self, failure: Failure) {
        self.change(|state| state.set(Phase::Failed(Arc::new(failure))));
    }

    /// An older process goes on serving although the last save failed:
    /// browsers show it in the page's corner. `None` takes it away.
    pub fn badge(&self, failure: Option<Failure>) {
        self.change(|state| state.badge = failure.map(Arc::new));
    }

    /// Browsers reload although the process stays; its answers are of this
    /// generation from now on.
    pub fn reload(&self, generation: u64) {
        self.change(|state| {
            state.generation = generation;
            if let Phase::Open(backend) = &state.phase {
                backend.set_label(generation);
            }
        });
    }

    /// Resolves when no ordinary request is in flight on the process at this
    /// address. Upgraded connections and event streams do not count; a TCP
    /// connection does as long as it is open.
    ///
    /// The address names the process: a generation may have had several (a
    /// restart), and may have been given a newer number since. Where a new
    /// target listens on an address that an old one had, the old one is meant.
    pub async fn drained(&self, addr: SocketAddr) {
        let backends = self.of(addr);
        loop {
            let landed = self.shared.landed.notified();
            let mut landed = std::pin::pin!(landed);
            // Listens before it looks, so that no landing is missed.
            landed.as_mut().enable();
            if backends.iter().all(|backend| backend.flights() == 0) {
                return;
            }
            landed.await;
        }
    }

    /// Drops every connection to the process at this address: the pooled
    /// ones, streams, and what is still in flight. Which target is meant
    /// follows [`drained`](Self::drained).
    pub fn close(&self, addr: SocketAddr) {
        for backend in self.of(addr) {
            backend.close();
        }
        self.lock().retired.retain(|backend| !backend.is_closed());
    }

    /// Tells when the first response head of each generation came from its
    /// process, beginning with those that come after this call.
    #[must_use]
    pub fn first_answers(&self) -> mpsc::UnboundedReceiver<(u64, Instant)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().first.push(sender);
        receiver
    }

    /// Tells when the current target did not accept a connection. Holds one
    /// message; more of them before it is read say nothing new.
    #[must_use]
    pub fn trouble(&self) -> mpsc::Receiver<Trouble> {
        let (sender, receiver) = mpsc::channel(1);
        self.lock().trouble.push(sender);
        receiver
    }

    /// What [`drained`](Self::drained) and [`close`](Self::close) mean.
    fn of(&self, addr: SocketAddr) -> Vec<Arc<Backend>> {
        let state = self.lock();
        let mut found: Vec<_> = state
            .retired
            .iter()
            .filter(|backend| backend.target.addr == addr)
            .cloned()
            .collect();
        if let (true, Phase::Open(backend)) = (found.is_empty(), &state.phase) {
            if backend.target.addr == addr {
                found.push(Arc::clone(backend));
            }
        }
        found
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.lock());
        self.shared.version.send_modify(|version| *version += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; were it so, the state is
        // whole after each assignment.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the rest of the front.
impl Gate {
    /// Picks the target and counts the request, in one step.
    pub(crate) fn pick(&self) -> Pick {
        match &self.lock().phase {
            Phase::Open(backend) => Pick::Go(Flight::begin(backend)),
            Phase::Held(reason) => Pick::Wait(Arc::clone(reason)),
            Phase::Failed(failure) => Pick::Failed(Arc::clone(failure)),
            Phase::Shut => Pick::Shut,
        }
    }

    /// Changes whenever the gate does.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    pub(crate) fn look(&self) -> Look {
        let state = self.lock();
        let (name, reason, failure) = match &state.phase {
            Phase::Open(_) => ("open", None, state.badge.clone()),
            Phase::Held(reason) => ("held", Some(Arc::clone(reason)), state.badge.clone()),
            Phase::Failed(failure) => ("failed", None, Some(Arc::clone(failure))),
            Phase::Shut => ("shut", None, None),
        };
        Look {
            state: name,
            boot: self.shared.boot,
            generation: state.generation,
            reason,
            failure,
        }
    }

    /// Ends all: held requests are answered, nothing new is sent anywhere.
    pub(crate) fn shut(&self) {
        self.change(|state| state.set(Phase::Shut));
    }

    /// Drops every connection to every target.
    pub(crate) fn close_all(&self) {
        for backend in self.lock().retired.drain(..) {
            backend.close();
        }
    }

    /// A response head of this generation has come.
    pub(crate) fn answered(&self, generation: u64) {
        let announced = &self.shared.announced;
        if announced.load(Ordering::Relaxed) >= generation
            || announced.fetch_max(generation, Ordering::Relaxed) >= generation
        {
            return;
        }
        let now = tokio::time::Instant::now().into_std();
        self.lock()
            .first
            .retain(|first| first.send((generation, now)).is_ok());
    }

    /// The current target refused a connection.
    pub(crate) fn refused(&self, target: Target, error: &std::io::Error) {
        let mut state = self.lock();
        let current = matches!(&state.phase, Phase::Open(b) if b.target == target);
        if current {
            state.trouble.retain(|sender| {
                let message = error.to_string();
                let told = sender.try_send(Trouble { target, message });
                !matches!(told, Err(mpsc::error::TrySendError::Closed(_)))
            });
        }
    }
}

impl State {
    fn set(&mut self, phase: Phase) {
        if matches!(self.phase, Phase::Shut) {
            return;
        }
        let old = std::mem::replace(&mut self.phase, phase);
        if let Phase::Open(old) = old {
            let stays = matches!(&self.phase, Phase::Open(new) if Arc::ptr_eq(new, &old));
            if !stays {
                self.retired.push(old);
            }
        }
    }
}
