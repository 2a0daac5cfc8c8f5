//! A change of the world: planned, performed, shown on the stage as it goes,
//! and what it means for the exit code.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hob_engine::{
    Applied, Engine, EngineError, FailureKind, Obstacle, ObstacleKind, Outcome, Progress,
    StepState, Want,
};
use tokio::sync::mpsc;

use crate::error::{Code, Error, Result};
use crate::render::{Steps, obstacle_lines};
use crate::stage::Stage;

/// How long another hob's change is waited for.
pub const LOCK: Duration = Duration::from_secs(120);

/// How a change of the world ended.
pub struct Changed {
    /// What was in the way of some services.
    pub obstacles: Vec<Obstacle>,
    /// How each step ended.
    pub applied: Applied,
    /// Whose each step was.
    pub owners: Vec<hob_engine::Owner>,
}

impl Changed {
    /// Whether everything that was asked for is there.
    pub fn is_done(&self) -> bool {
        self.obstacles.is_empty() && self.applied.is_done()
    }

    /// Whether something of these services was not done, or it was all
    /// interrupted.
    pub fn concerns(&self, services: &BTreeSet<hob_engine::Owner>) -> bool {
        let blocked = self.obstacles.iter().any(|it| services.contains(&it.owner));
        let undone = self
            .applied
            .outcomes
            .iter()
            .zip(&self.owners)
            .any(|(outcome, owner)| {
                !matches!(outcome, Outcome::Done { .. }) && services.contains(owner)
            });
        blocked || undone || self.applied.was_interrupted()
    }

    /// The exit code that it means; everything was said already.
    pub fn result(&self) -> Result {
        if self.is_done() {
            return Ok(());
        }
        if self.applied.was_interrupted() {
            return Err(Error::said(Code::Interrupted));
        }
        let kinds: Vec<FailureKind> = self
            .applied
            .failures()
            .map(|(_, failure)| failure.kind)
            .collect();
        let missing = |it: &Obstacle| it.kind == ObstacleKind::Missing;
        let code = if kinds.contains(&FailureKind::Service) {
            Code::Service
        } else if kinds.contains(&FailureKind::Operation) {
            Code::Failed
        } else if kinds.contains(&FailureKind::Prerequisite) || self.obstacles.iter().any(missing) {
            Code::Missing
        } else {
            Code::Failed
        };
        Err(Error::said(code))
    }
}

/// What is said of a change, and what was said of the one before.
#[derive(Debug, Default)]
pub struct Words {
    /// Lines that need not be said again.
    known: BTreeSet<String>,
    /// Whether somebody else tells how services fail.
    told_elsewhere: bool,
    said: Mutex<BTreeSet<String>>,
}

impl Words {
    /// Without what agents tell themselves, and without what is known.
    pub fn beside_agents(known: BTreeSet<String>) -> Self {
        Self {
            known,
            told_elsewhere: true,
            said: Mutex::default(),
        }
    }

    /// The lines of this change.
    pub fn into_said(self) -> BTreeSet<String> {
        self.said
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, stage: &Stage, lines: Vec<String>) {
        for line in lines {
            if !self.known.contains(&line) {
                stage.say(&line);
            }
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.insert(line);
        }
    }

    /// Whether what happened is told elsewhere.
    fn leaves(&self, progress: &Progress) -> bool {
        let StepState::Ended(Outcome::Failed(failure)) = &progress.state else {
            return false;
        };
        self.told_elsewhere && failure.kind == FailureKind::Service
    }
}

/// Plans and performs a change, shown on the stage as it goes.
pub async fn change(
    engine: &Engine,
    want: &Want,
    stage: &Stage,
    cancel: impl Future<Output = ()>,
) -> Result<Changed> {
    change_within(engine, want, stage, LOCK, &Words::default(), cancel).await
}

/// The same with a limit for another hob's change, and a say in the words.
pub async fn change_within(
    engine: &Engine,
    want: &Want,
    stage: &Stage,
    lock: Duration,
    words: &Words,
    cancel: impl Future<Output = ()>,
) -> Result<Changed> {
    let down = want.services.is_empty();
    let waiting = |holding: hob_engine::Holding| {
        let who = holding.pid.map_or_else(
            || "another hob".to_owned(),
            |pid| format!("hob (process {pid})"),
        );
        if let Some(pid) = holding.pid.filter(|pid| down && brings_up(*pid)) {
            stage.say(format!("interrupting {who}, which brings services up"));
            interrupt(pid);
        } else {
            stage.say(format!("{who} is changing this project; waiting for it"));
        }
    };
    let prepared = engine
        .prepare(want, lock, waiting)
        .await
        .map_err(engine_error)?;
    let obstacles = prepared.plan.obstacles.clone();
    for obstacle in &obstacles {
        words.say(stage, obstacle_lines(obstacle));
    }
    let owners = prepared
        .plan
        .steps
        .iter()
        .map(|step| step.resource.owner())
        .collect();
    let mut steps = Steps::new(&prepared.plan);
    let (told, mut progress) = mpsc::unbounded_channel();
    let showing = async {
        while let Some(one) = progress.recv().await {
            let lines = steps.take(&one);
            if !words.leaves(&one) {
                words.say(stage, lines);
            }
            stage.busy(steps.busy().as_deref());
        }
    };
    let applying = async {
        let applied = prepared.apply(&told, cancel).await;
        drop(told);
        applied
    };
    let (applied, ()) = tokio::join!(applying, showing);
    stage.busy(None);
    Ok(Changed {
        obstacles,
        applied,
        owners,
    })
}

/// Whether a process is a hob that brings services up: whoever takes them
/// down need not wait for it.
fn brings_up(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let said = |verb: &[u8]| command.split(|byte| *byte == 0).any(|word| word == verb);
    (said(b"up") || said(b"dev")) && !said(b"down")
}

fn interrupt(pid: u32) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}

/// An error of the engine, for people.
pub fn engine_error(error: EngineError) -> Error {
    match error {
        EngineError::Observe(failure) => {
            let mut shown = Error::failed(failure.message).details(failure.output);
            shown.hints = failure.hints;
            shown
        }
        other => Error::from(anyhow::Error::from(other)),
    }
}
