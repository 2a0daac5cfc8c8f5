//! A hob that has the project in its hands while somebody wants everything
//! down: it is interrupted, and ended when it does not hear that.

use std::time::Duration;

use hob_engine::{Engine, Holding};

use crate::peer::Interrupting;
use crate::stage::Stage;

/// How long a hob that is interrupted may take before it is ended.
const HEARD: Duration = Duration::from_secs(5);

/// Says who is waited for; interrupts it if it brings services up and the caller
/// takes them `down`.
pub fn met(engine: &Engine, stage: &Stage, holding: Holding, down: bool) -> Option<Interrupting> {
    let who = holding.pid.map_or_else(
        || "another hob".to_owned(),
        |pid| format!("hob (process {pid})"),
    );
    let Some(pid) = holding.pid.filter(|pid| down && brings_up(*pid)) else {
        stage.say(format!("{who} is changing this project; waiting for it"));
        return None;
    };
    stage.say(format!("interrupting {who}, which brings services up"));
    let engine = engine.clone();
    let holds = move || engine.is_changed_by(pid);
    Some(Interrupting::begin(pid, HEARD, holds))
}

/// Whether a process that has the lock brings services up: whoever takes them
/// down need not wait for it.
fn brings_up(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let said = |verb: &[u8]| command.split(|byte| *byte == 0).any(|word| word == verb);
    (said(b"up") || said(b"start") || said(b"dev")) && !(said(b"down") || said(b"stop"))
}
