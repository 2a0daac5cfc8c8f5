//! Dev sessions as other processes meet them: found by their sockets in the
//! project's runtime folder, and asked over these.
//!
//! Owns the name of such a socket and the words of the asking side. Ends no
//! session and knows no service. Start with [`sessions`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_wire::{Hello, Mode, Reply, SessionInfo, SessionRequest, SessionState, decode, encode};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::resource::{Level, Observed, ObservedResource, ResourceId};
use crate::want::Want;

/// How long a session may take to say what it works with.
const ANSWER: Duration = Duration::from_secs(2);

/// The socket of the dev session that is this process.
pub(crate) fn socket(runtime: &Path, pid: u32) -> PathBuf {
    runtime.join(format!("session-{pid}.sock"))
}

/// The sessions whose sockets are in a project's runtime folder and have
/// somebody behind them.
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
    found.sort_by_key(|session| session.pid);
    found
}

/// A session for people: its process, and the terminal where it runs.
#[must_use]
pub fn session_name(pid: u32) -> String {
    let input = std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap_or_default();
    let terminal = input.to_str().filter(|input| {
        let starts = |start| input.starts_with(start);
        starts("/dev/pts/") || starts("/dev/tty")
    });
    let at = terminal.map_or_else(String::new, |terminal| format!(" at {terminal}"));
    format!("the dev session of process {pid}{at}")
}

/// What a session says of itself; none when it does not answer within two
/// seconds.
pub async fn describe(session: &SessionInfo) -> Option<SessionState> {
    let asking = async {
        let request = SessionRequest::Describe;
        let mut asked = AskedSession::open(session, &request).await.ok()?;
        asked.answer().await
    };
    match timeout(ANSWER, asking).await.ok()?? {
        Reply::Session(state) => Some(state),
        _ => None,
    }
}

/// A service that a session may work with.
pub(crate) struct MaybeIn {
    /// Its agent, as the engine names it.
    pub(crate) agent: ResourceId,
    /// Whether nobody answers for an agent that was there.
    pub(crate) silent: bool,
}

/// Marks the agents of services that dev sessions have as busy, for whoever
/// wants them for good: a session makes the agent of its service anew when that
/// dies. Sessions settle among themselves, at the agents, which of them has a
/// service. A service that is to come is busy as much as one that is there.
pub(crate) async fn in_sessions<F>(
    runtime: &Path,
    want: &Want,
    services: Vec<MaybeIn>,
    observed: &mut Observed<F>,
) {
    if want.services.is_empty() || want.mode != Mode::Run {
        return;
    }
    for session in sessions(runtime).await {
        let who = session_name(session.pid);
        let state = describe(&session).await;
        for service in &services {
            let (has, who) = match &state {
                Some(state) => {
                    let name = service.agent.owner().to_string();
                    (state.services.contains(&name), who.clone())
                }
                // It may have any that nobody else answers for.
                None => (service.silent, format!("{who} does not answer and maybe")),
            };
            if has {
                let id = service.agent.clone();
                let absent = || ObservedResource::at(Level::Absent);
                let resource = observed.resources.entry(id).or_insert_with(absent);
                resource.busy.get_or_insert(who);
            }
        }
    }
}

/// A session that was asked something.
#[derive(Debug)]
pub struct AskedSession {
    stream: BufReader<UnixStream>,
}

impl AskedSession {
    /// Asks.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(session: &SessionInfo, request: &SessionRequest) -> io::Result<Self> {
        let mut stream = UnixStream::connect(&session.socket).await?;
        stream.write_all(&encode(&Hello::current())).await?;
        stream.write_all(&encode(request)).await?;
        let stream = BufReader::new(stream);
        Ok(Self { stream })
    }

    /// The next answer; none when the session went away or says nothing of
    /// use. Waits without a limit.
    pub async fn answer(&mut self) -> Option<Reply> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.ok()?;
        decode(&line).ok()
    }

    /// The process at the other end, as the kernel knows it.
    #[must_use]
    pub fn process(&self) -> Option<i32> {
        self.stream.get_ref().peer_cred().ok()?.pid()
    }
}
