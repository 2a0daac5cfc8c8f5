//! One build: runs the program into a new output folder, keeps what it says,
//! ends it whole when it is superseded.
//!
//! What a build that came to its end has left running is left alone until the
//! agent goes: compilers keep servers between builds (Gradle, Kotlin, .NET,
//! sccache), and without them each save would pay for a new one. Of a build
//! that is given up, or over its limit, nothing is left.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hob_wire::{LogLine, Stream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::log::{Log, now};
use crate::machine::BuildResult;
use crate::process::{Launch, Running, Sink, describe};
use crate::user::User;

/// A build's words are kept back for this long: most builds are done by then,
/// and what a superseded build said is never shown. A longer one streams.
const QUIET: Duration = Duration::from_secs(1);
/// More bytes are not kept back, so that they are not kept in memory.
const HELD_BYTES: usize = 1 << 20;
/// Lines kept for the problem; the compiler's first words matter most.
const KEPT: usize = 400;
/// Bytes of them: a problem travels in one line of the protocol.
const KEPT_BYTES: usize = 128 << 10;

/// What a build has said so far.
struct Words {
    held: Vec<LogLine>,
    held_bytes: usize,
    kept: Vec<LogLine>,
    kept_bytes: usize,
    streaming: bool,
    log: Log,
}

impl Words {
    fn add(&mut self, line: LogLine) {
        self.kept_bytes += line.text.len();
        if self.kept.len() < KEPT && self.kept_bytes <= KEPT_BYTES {
            self.kept.push(line.clone());
        }
        if self.streaming {
            self.log.write(line);
            return;
        }
        self.held_bytes += line.text.len() + size_of::<LogLine>();
        self.held.push(line);
        if self.held_bytes > HELD_BYTES {
            self.release();
        }
    }

    fn release(&mut self) {
        self.streaming = true;
        for line in self.held.drain(..) {
            self.log.write(line);
        }
    }
}

/// Runs a build to its end; `cancel` ends it at once.
pub async fn build(
    launch: Launch,
    shown: String,
    out: &Path,
    generation: u64,
    limit: Option<Duration>,
    log: Log,
    mut cancel: oneshot::Receiver<()>,
) -> BuildResult {
    let words = Words {
        held: Vec::new(),
        held_bytes: 0,
        kept: Vec::new(),
        kept_bytes: 0,
        streaming: false,
        log,
    };
    let words = Arc::new(Mutex::new(words));
    let lock = || words.lock().unwrap_or_else(PoisonError::into_inner);
    let sink: Sink = {
        let words = words.clone();
        Arc::new(move |stream, text| {
            let line = LogLine {
                at: now(),
                stream,
                generation,
                text,
            };
            words
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(line);
        })
    };
    let failed = |message: String| {
        let mut words = lock();
        words.release();
        BuildResult::Failed {
            message,
            output: std::mem::take(&mut words.kept),
        }
    };
    if let Err(error) = User::make_folder(launch.user.as_ref(), out) {
        return failed(format!("cannot make {}: {error}", out.display()));
    }
    let mut running = match Running::spawn(&launch, (Stream::Build, Stream::Build), &sink) {
        Ok(running) => running,
        Err(error) => return failed(explain_spawn(&launch, &error)),
    };
    let began = Instant::now();
    let far = Duration::from_secs(365 * 24 * 3600);
    let mut streaming = false;
    let status = loop {
        tokio::select! {
            status = running.ended() => break status,
            _ = &mut cancel => {
                // KILL at once: nobody wants what it would still do.
                return match running.end(Duration::ZERO).await {
                    Ok(_) | Err(_) => BuildResult::Cancelled,
                };
            }
            () = sleep(QUIET.saturating_sub(began.elapsed())), if !streaming => {
                streaming = true;
                lock().release();
            }
            () = sleep(limit.unwrap_or(far).saturating_sub(began.elapsed())) => {
                // Whatever its end was, it is over its limit.
                let _ = running.end(Duration::ZERO).await;
                let limit = limit.unwrap_or(far).as_secs_f32();
                return failed(format!("`{shown}` took longer than {limit} s (`limits.build`)"));
            }
        }
    };
    running.leave().await;
    match status {
        Ok(status) if status.success() => {
            lock().release();
            BuildResult::Built
        }
        Ok(status) => failed(format!("`{shown}` {}", describe(status))),
        Err(error) => failed(format!("`{shown}` could not be waited for: {error}")),
    }
}

/// Why a program could not be started, in one line with what to do about it.
pub fn explain_spawn(launch: &Launch, error: &std::io::Error) -> String {
    let program = launch.argv.first().map_or("", String::as_str);
    if !launch.cwd.is_dir() {
        return format!(
            "cannot start `{program}`: its folder {} is not there",
            launch.cwd.display()
        );
    }
    let path = Path::new(program);
    match error.kind() {
        std::io::ErrorKind::NotFound if path.exists() => {
            format!(
                "cannot start `{program}`: what its first line or its linking names is not installed"
            )
        }
        std::io::ErrorKind::NotFound if path.is_absolute() => {
            format!(
                "cannot start `{program}`: there is no such file; does `build` make it in `$OUT`?"
            )
        }
        std::io::ErrorKind::NotFound => {
            format!("cannot start `{program}`: it is not installed; try `hob doctor`")
        }
        std::io::ErrorKind::PermissionDenied if launch.user.is_some() => {
            let user = launch.user.as_ref().map_or(0, |user| user.uid);
            let folder = launch.cwd.display();
            format!(
                "cannot start `{program}` as user {user}: {error}; the user must reach it and its folder {folder}, and it must be executable"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("cannot start `{program}`: it is not executable; try `chmod +x {program}`")
        }
        _ => format!("cannot start `{program}`: {error}"),
    }
}
