//! Other processes of hob's: what a person should know of their dev sessions,
//! and that they end.
//!
//! A process is known by the other end of its socket, or by the lock that it
//! holds, and held by a descriptor: its number may be another one's a moment
//! later.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use hob_engine::{AskedSession, describe, sessions};
use hob_wire::{SessionInfo, SessionRequest};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{sleep, timeout};

/// How long one that is to end may take to say that it heard it.
const HEARD: Duration = Duration::from_secs(5);
/// How long a process that is not itself is given at each step of its end.
const STEP: Duration = Duration::from_secs(2);
/// How long a session may take to end with its services.
const END: Duration = Duration::from_secs(60);
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(10);

/// What the dev sessions of a project that have any of these services have to
/// say: also while nothing of these is up.
pub async fn notes(runtime: &Path, services: &BTreeSet<String>) -> Vec<String> {
    let mut notes = Vec::new();
    for session in sessions(runtime).await {
        let state = describe(&session).await.unwrap_or_default();
        if state.services.iter().any(|it| services.contains(it)) {
            notes.extend(state.notes);
        }
    }
    notes
}

/// Asks a session to end and waits until it has. One that does not hear it is
/// woken up, told to go, and killed in the end; `say` is told of that.
pub async fn end(session: &SessionInfo, say: impl Fn(String)) {
    let Ok(mut asked) = AskedSession::open(session, &SessionRequest::Quit).await else {
        return;
    };
    let process = Process::open(asked.process());
    if timeout(HEARD, asked.answer()).await.is_err() {
        let Some(process) = &process else { return };
        let pid = session.pid;
        say(format!(
            "the dev session of process {pid} does not answer; waking it up"
        ));
        process.signal(Signal::CONT);
        if timeout(STEP, asked.answer()).await.is_err() {
            say(format!("it does not; ending process {pid}"));
            return process.end().await;
        }
    }
    // Its socket goes last.
    let gone = async {
        while session.socket.exists() && process.as_ref().is_none_or(|it| !it.is_over()) {
            sleep(LOOK).await;
        }
    };
    // One that takes longer loses its services all the same.
    let _ = timeout(END, gone).await;
}

/// A process that is to end, and no other one of its number.
pub struct Process {
    descriptor: OwnedFd,
}

impl Process {
    /// The process that has this number now, if there is one.
    pub fn open(pid: Option<i32>) -> Option<Self> {
        let descriptor = pidfd_open(Pid::from_raw(pid?)?, PidfdFlags::empty()).ok()?;
        Some(Self { descriptor })
    }

    /// It may have ended by itself.
    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.descriptor, signal);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        let descriptor = self.descriptor.as_fd();
        let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        rustix::event::poll(&mut polled, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// Wakes it up, tells it to go, and kills it when it does not; each only
    /// while `is_it` says that it is still the one to end.
    pub async fn end_while(&self, is_it: impl Fn() -> bool) {
        for signals in [&[Signal::CONT, Signal::TERM][..], &[Signal::KILL]] {
            if !is_it() {
                return;
            }
            signals.iter().for_each(|signal| self.signal(*signal));
            if self.ends_within(STEP).await {
                return;
            }
        }
    }

    /// The same for a process that is the one to end however long it lives.
    pub async fn end(&self) {
        self.end_while(|| true).await;
    }

    /// Whether it ends in this time.
    pub async fn ends_within(&self, limit: Duration) -> bool {
        let over = async {
            while !self.is_over() {
                sleep(LOOK).await;
            }
        };
        timeout(limit, over).await.is_ok()
    }
}

/// A hob that has something in its hands and is interrupted, and ended when it
/// does not hear that; given up with its owner.
pub struct Interrupting(tokio::task::JoinHandle<()>);

impl Drop for Interrupting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Interrupting {
    /// The process is pinned before it is looked at, and looked at before each
    /// signal: a number alone may be a stranger's by now, and one that gave up
    /// what it `holds` is let alone.
    pub fn begin(pid: u32, heard: Duration, holds: impl Fn() -> bool + Send + 'static) -> Self {
        Self(tokio::spawn(async move {
            let Some(process) = Process::open(i32::try_from(pid).ok()) else {
                return;
            };
            if !holds() {
                return;
            }
            process.signal(Signal::INT);
            if !process.ends_within(heard).await {
                process.end_while(holds).await;
            }
        }))
    }
}
