//! The wait for one process, from its start until nothing of it is left.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hob_wire::LogLine;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::log::Tail;
use crate::machine::{Exit, Input, RunId};
use crate::process::{Running, describe};

/// What one process said last.
pub type LastWords = Arc<Mutex<Tail>>;

/// The lines, oldest first.
pub fn words(tail: &LastWords) -> Vec<LogLine> {
    tail.lock().unwrap_or_else(PoisonError::into_inner).lines()
}

/// Waits for one process until it is gone with all that it started.
pub struct Watcher {
    /// Its number.
    pub run: RunId,
    /// Between TERM and KILL.
    pub grace: Duration,
    /// What it says.
    pub tail: LastWords,
    /// Where its end is told.
    pub inputs: mpsc::UnboundedSender<Input>,
}

impl Watcher {
    /// Ends the process at the first word from `end`; tells `Exited` when it
    /// is gone with all that it started.
    pub async fn watch(self, mut running: Running, mut end: mpsc::UnboundedReceiver<()>) {
        let began = Instant::now();
        let (status, killed) = tokio::select! {
            status = running.ended() => (status, false),
            _ = end.recv() => match running.end(self.grace).await {
                Ok((status, killed)) => (Ok(status), killed),
                Err(error) => (Err(error), false),
            },
        };
        let uptime = began.elapsed();
        // From here on no probe may find it ready any more.
        end.close();
        let rest = running.clear(Instant::now() + self.grace).await;
        let exit = Exit {
            message: match &status {
                Ok(status) => describe(*status),
                Err(error) => format!("could not be waited for: {error}"),
            },
            code: status.as_ref().ok().and_then(code),
            success: status.is_ok_and(|status| status.success()),
            killed,
            left: rest.found,
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
            tail: words(&self.tail),
        };
        let _ = self.inputs.send(Input::Exited {
            run: self.run,
            exit,
        });
    }
}

/// As shells tell it.
fn code(status: &std::process::ExitStatus) -> Option<u8> {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = status.signal().map(|signal| 128 + signal);
    u8::try_from(status.code().or(signal)?).ok()
}
