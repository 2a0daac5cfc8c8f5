//! A hob that has the project in its hands while somebody wants everything
//! down: it is interrupted, and ended when it does not hear that.

use std::time::Duration;

use hob_engine::{Engine, Holding};
use rustix::process::Signal;

use crate::peer::Process;
use crate::stage::Stage;

/// How long a hob that is interrupted may take before it is ended.
const HEARD: Duration = Duration::from_secs(5);

/// An interrupting, which is given up with its owner.
#[derive(Default)]
pub struct Interrupting(Option<tokio::task::JoinHandle<()>>);

impl Drop for Interrupting {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Interrupting {
    /// Says who is waited for; interrupts it if it brings services up and the
    /// caller takes them `down`.
    pub fn begin(engine: &Engine, stage: &Stage, holding: Holding, down: bool) -> Self {
        let who = holding.pid.map_or_else(
            || "another hob".to_owned(),
            |pid| format!("hob (process {pid})"),
        );
        let Some(pid) = holding.pid.filter(|pid| down && brings_up(*pid)) else {
            stage.say(format!("{who} is changing this project; waiting for it"));
            return Self(None);
        };
        stage.say(format!("interrupting {who}, which brings services up"));
        Self(Some(tokio::spawn(interrupt(engine.clone(), pid))))
    }
}

/// Whether a process that has the lock brings services up: whoever takes them
/// down need not wait for it.
fn brings_up(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let said = |verb: &[u8]| command.split(|byte| *byte == 0).any(|word| word == verb);
    (said(b"up") || said(b"start") || said(b"dev")) && !(said(b"down") || said(b"stop"))
}

/// Interrupts a hob; one that does not hear it is ended. It is pinned before
/// it is looked at, and looked at before each signal: a number alone may be a
/// stranger's by now, and one that gave the lock up is let alone.
async fn interrupt(engine: Engine, pid: u32) {
    let Some(process) = Process::open(i32::try_from(pid).ok()) else {
        return;
    };
    let holds = || engine.is_changed_by(pid);
    if !holds() {
        return;
    }
    process.signal(Signal::INT);
    if !process.ends_within(HEARD).await {
        process.end_while(holds).await;
    }
}
