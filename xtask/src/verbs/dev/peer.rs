//! Dev sessions of other processes, asked over their sockets: what they work
//! with, what a person should know of it, and that they end.
//!
//! A process is known by the other end of its socket, or by what it runs, and
//! held by a descriptor: its number may be another one's a moment later.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use hob_engine::{ServiceState, Verdict};
use hob_wire::{Hello, Reply, SessionInfo, SessionRequest, SessionState, decode, encode};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

/// How long a session may take to answer a question.
const ANSWER: Duration = Duration::from_secs(2);
/// How long one that is to end may take to say that it heard it.
const HEARD: Duration = Duration::from_secs(5);
/// How long a process that is not itself is given at each step of its end.
const STEP: Duration = Duration::from_secs(2);
/// How long a session may take to end with its services.
const END: Duration = Duration::from_secs(60);
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(10);

/// What a session says of itself; none when it does not answer in time.
pub async fn describe(session: &SessionInfo) -> Option<SessionState> {
    let asking = async {
        let mut stream = open(session, &SessionRequest::Describe).await.ok()?;
        answer(&mut stream).await
    };
    match timeout(ANSWER, asking).await.ok()?? {
        Reply::Session(state) => Some(state),
        _ => None,
    }
}

/// What the dev sessions of these services have to say of them.
pub async fn notes(seen: &[ServiceState]) -> Vec<String> {
    let mut notes = Vec::new();
    for session in of_services(seen) {
        notes.extend(describe(session).await.unwrap_or_default().notes);
    }
    notes
}

/// The sessions of these services, each once.
fn of_services(seen: &[ServiceState]) -> Vec<&SessionInfo> {
    let mut sessions: Vec<&SessionInfo> = Vec::new();
    for state in seen {
        if let Verdict::Up(status) = &state.verdict
            && let Some(session) = &status.session
            && !sessions.contains(&session)
        {
            sessions.push(session);
        }
    }
    sessions
}

/// A session for people: its process, and the terminal where it runs.
pub fn name(pid: u32) -> String {
    let input = std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap_or_default();
    let terminal = input.to_str().filter(|input| {
        let starts = |start| input.starts_with(start);
        starts("/dev/pts/") || starts("/dev/tty")
    });
    let at = terminal.map_or_else(String::new, |terminal| format!(" at {terminal}"));
    format!("the dev session of process {pid}{at}")
}

/// The sessions whose sockets are in a project's folder and have somebody
/// behind them.
pub async fn sessions(runtime: &Path) -> Vec<SessionInfo> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runtime).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| {
            let number = name.strip_prefix("session-")?.strip_suffix(".sock")?;
            number.parse().ok()
        });
        let Some(pid) = pid else { continue };
        let socket = entry.path();
        if UnixStream::connect(&socket).await.is_ok() {
            found.push(SessionInfo { pid, socket });
        }
    }
    found
}

/// Asks a session to end and waits until it has. One that does not hear it is
/// woken up, told to go, and killed in the end; `say` is told of that.
pub async fn end(session: &SessionInfo, say: impl Fn(String)) {
    let Ok(mut stream) = open(session, &SessionRequest::Quit).await else {
        return;
    };
    let cred = stream.get_ref().peer_cred().ok();
    let process = Process::open(cred.and_then(|cred| cred.pid()));
    if timeout(HEARD, answer(&mut stream)).await.is_err() {
        let Some(process) = &process else { return };
        let pid = session.pid;
        say(format!(
            "the dev session of process {pid} does not answer; waking it up"
        ));
        process.signal(Signal::CONT);
        if timeout(STEP, answer(&mut stream)).await.is_err() {
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

async fn open(
    session: &SessionInfo,
    request: &SessionRequest,
) -> io::Result<BufReader<UnixStream>> {
    let mut stream = UnixStream::connect(&session.socket).await?;
    stream.write_all(&encode(&Hello::current())).await?;
    stream.write_all(&encode(request)).await?;
    Ok(BufReader::new(stream))
}

async fn answer(stream: &mut BufReader<UnixStream>) -> Option<Reply> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await.ok()?;
    decode(&line).ok()
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

    /// Wakes it up, tells it to go, and kills it when it does not.
    pub async fn end(&self) {
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        if !self.ends_within(STEP).await {
            self.signal(Signal::KILL);
            self.ends_within(STEP).await;
        }
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
