//! One child process and all that it starts: spawned in a group of its own
//! with a stated environment, its output read line by line, ended whole.
//!
//! Nothing here decides when; that is [`crate::machine`]'s.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hob_wire::Stream;
use rustix::fs::{Gid, Uid};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::descendants::{self, Rest};
use crate::user::User;

/// A longer line is cut into pieces of this many bytes.
const LINE: usize = 16 << 10;
/// How long output is waited for after a process ended: a daemon that it left
/// behind may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Takes each line of output. It is called in the order of the stream.
pub type Sink = Arc<dyn Fn(Stream, String) + Send + Sync>;

/// What to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program and its arguments, nothing left to expand.
    pub argv: Vec<String>,
    /// The working folder.
    pub cwd: PathBuf,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The value of [`hob_wire::MARK_RUN`], which tells this process's
    /// descendants from others.
    pub mark: String,
    /// Who it runs as; this process's own user when absent.
    pub user: Option<User>,
}

impl Launch {
    /// The same for somebody else, with what a login would set where the
    /// environment does not say.
    #[must_use]
    pub fn run_by(mut self, user: Option<User>) -> Self {
        let said = |name: &str| self.env.iter().any(|(known, _)| known == name);
        let variables = user.iter().flat_map(User::variables);
        let missing: Vec<_> = variables
            .filter(|(name, _)| !said(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.env.extend(missing);
        self.user = user;
        self
    }
}

/// Both ends of a pipe for what a child says. It belongs to the child's user,
/// who may open it again by its name: servers log to `/dev/stdout`.
fn outlet(user: Option<&User>) -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        rustix::fs::fchown(&write, Some(uid), Some(gid))?;
    }
    Ok((pipe::Receiver::from_owned_fd(read)?, write))
}

/// A child that was started.
pub struct Running {
    child: Child,
    pid: u32,
    mark: String,
    readers: Vec<JoinHandle<()>>,
    /// Told when no grace is left.
    hurry: Arc<Notify>,
    /// Whether somebody has seen to its end.
    over: bool,
}

impl Running {
    /// Starts a program. `streams` names what standard output and standard
    /// error are told as.
    ///
    /// # Errors
    /// The program or the folder is not there, or may not be used.
    pub fn spawn(launch: &Launch, streams: (Stream, Stream), sink: &Sink) -> io::Result<Self> {
        let (program, args) = launch
            .argv
            .split_first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"))?;
        let mut command = Command::new(program);
        if let Some(user) = &launch.user {
            // Root's other groups go with it; the standard library sees to it.
            command.uid(user.uid).gid(user.gid);
        }
        let (out, out_of) = outlet(launch.user.as_ref())?;
        let (err, err_of) = outlet(launch.user.as_ref())?;
        let child = command
            .args(args)
            .current_dir(&launch.cwd)
            .env_clear()
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .env(hob_wire::MARK_RUN, &launch.mark)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::from(out_of))
            .stderr(Stdio::from(err_of))
            .spawn()?;
        // It holds the ends of the pipes that are the child's.
        drop(command);
        let pid = child.id().unwrap_or_default();
        descendants::own(pid);
        let readers = vec![
            tokio::spawn(read_lines(out, streams.0, sink.clone())),
            tokio::spawn(read_lines(err, streams.1, sink.clone())),
        ];
        Ok(Self {
            child,
            pid,
            mark: launch.mark.clone(),
            readers,
            hurry: Arc::default(),
            over: false,
        })
    }

    /// The process, also the id of its group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the grace of [`end`](Self::end) and [`clear`](Self::clear), which
    /// may have begun, when it is told.
    pub fn hurry(&self) -> Arc<Notify> {
        Arc::clone(&self.hurry)
    }

    /// Waits until the process itself has ended; may be dropped and called
    /// again.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the process and all that it started: TERM to the group, KILL to
    /// what is left after `grace`. Says whether anything had to be killed.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub async fn end(&mut self, grace: Duration) -> io::Result<(ExitStatus, bool)> {
        signal_group(self.pid, Signal::TERM);
        let mut end = Instant::now() + grace;
        let mut killed = false;
        let in_time = tokio::select! {
            status = self.child.wait() => Some(status?),
            () = tokio::time::sleep_until(end) => None,
            () = self.hurry.notified() => {
                end = Instant::now();
                None
            }
        };
        let status = match in_time {
            Some(status) => status,
            None => {
                killed = true;
                signal_group(self.pid, Signal::KILL);
                self.child.wait().await?
            }
        };
        killed |= self.clear(end).await.killed;
        Ok((status, killed))
    }

    /// Ends what a process that is gone has left behind, and reads its last
    /// words. Says what that was.
    pub async fn clear(&mut self, end: Instant) -> Rest {
        let rest = descendants::end(self.pid, &self.mark, end, &self.hurry).await;
        self.last_words().await;
        for reader in self.readers.drain(..) {
            reader.abort();
        }
        self.let_go();
        rest
    }

    /// Reads the last words of a process that is gone and leaves what it left
    /// behind alone: it may still speak.
    pub async fn leave(&mut self) {
        self.last_words().await;
        self.readers.clear();
        self.let_go();
    }

    async fn last_words(&mut self) {
        let all = async {
            for reader in &mut self.readers {
                // It ends with the stream and is cancelled by nobody else.
                let _ = reader.await;
            }
        };
        // The time-out is the answer to a pipe that somebody else holds.
        if tokio::time::timeout(LAST_WORDS, all).await.is_ok() {
            self.readers.clear();
        }
    }

    fn let_go(&mut self) {
        self.over = true;
        descendants::disown(self.pid);
    }
}

impl Drop for Running {
    /// Whoever waited for it has given up: it does not outlive that.
    fn drop(&mut self) {
        if !self.over {
            if self.child.id().is_some() {
                signal_group(self.pid, Signal::KILL);
            }
            self.let_go();
        }
    }
}

/// Sends a signal to a process group; a group that is gone is no error.
pub fn signal_group(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // ESRCH: it has ended in the meantime, which was the aim.
        let _ = kill_process_group(pid, signal);
    }
}

/// `exited with code 2`, `ended by signal 11 (SEGV)`.
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => match signal_name(signal) {
            Some(name) => format!("was ended by signal {signal} ({name})"),
            None => format!("was ended by signal {signal}"),
        },
        (None, None) => "ended".into(),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match Signal::from_named_raw(signal)? {
        Signal::HUP => "HUP",
        Signal::INT => "INT",
        Signal::ILL => "ILL",
        Signal::ABORT => "ABRT",
        Signal::FPE => "FPE",
        Signal::KILL => "KILL",
        Signal::SEGV => "SEGV",
        Signal::PIPE => "PIPE",
        Signal::TERM => "TERM",
        Signal::BUS => "BUS",
        Signal::TRAP => "TRAP",
        _ => return None,
    })
}

async fn read_lines(source: impl AsyncRead + Unpin, stream: Stream, sink: Sink) {
    let mut reader = BufReader::with_capacity(LINE, source);
    let mut line: Vec<u8> = Vec::new();
    loop {
        let buffer = match reader.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(buffer) => buffer,
        };
        let room = LINE - line.len();
        let (taken, whole) = match buffer.iter().take(room).position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len().min(room), false),
        };
        line.extend_from_slice(&buffer[..taken]);
        reader.consume(taken);
        if whole {
            sink(stream, text(&line));
            line.clear();
        } else if line.len() >= LINE {
            let rest = line.split_off(whole_characters(&line));
            sink(stream, text(&line));
            line = rest;
        }
    }
    if !line.is_empty() {
        sink(stream, text(&line));
    }
}

/// The length without a character that is not whole yet.
fn whole_characters(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        // No error length: the text ends in the middle of a character.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        Ok(_) | Err(_) => text.len(),
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}
