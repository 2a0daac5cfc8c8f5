//! A change of the world: planned, performed, shown on the stage as it goes,
//! and what it means for the exit code.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hob_engine::{
    Applied, Engine, EngineError, FailureKind, Obstacle, ObstacleKind, Outcome, Progress,
    StepState, Verdict, Want,
};
use hob_wire::{Mode, Phase};
use rustix::process::Signal;
use tokio::sync::mpsc;

use crate::error::{Code, Error, Result};
use crate::render::{Steps, obstacle_lines};
use crate::stage::Stage;
use crate::verbs::dev::folded;
use crate::verbs::dev::peer::{self, Process};

/// Between two looks at what a service is at, and how long one may take.
const LOOK: Duration = Duration::from_millis(200);
/// How long a hob that is interrupted may take before it is ended.
const HEARD: Duration = Duration::from_secs(5);
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
                stage.say(folded(stage, line.clone()));
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

/// Something that is given up with its owner.
#[derive(Default)]
struct Task(Option<tokio::task::JoinHandle<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Plans and performs a change, shown on the stage as it goes.
pub async fn change(
    engine: &Engine,
    want: &Want,
    stage: &Stage,
    cancel: impl Future<Output = ()>,
) -> Result<Changed> {
    if let Some(error) = in_development(engine, want).await {
        return Err(error);
    }
    let changed = change_within(engine, want, stage, LOCK, &Words::default(), cancel).await?;
    if changed.applied.was_interrupted() && !want.services.is_empty() {
        tell_rest(engine, want, stage).await;
    }
    Ok(changed)
}

/// Why services cannot be brought up for good: a dev session has some of
/// them, also when one's agent has just died and is about to be made anew.
async fn in_development(engine: &Engine, want: &Want) -> Option<Error> {
    if want.services.is_empty() || want.mode != Mode::Run {
        return None;
    }
    let asked = |name: &String| want.services.iter().any(|id| id.to_string() == *name);
    for session in peer::sessions(&engine.paths().runtime).await {
        let pid = session.pid;
        // One that does not answer may have any of them.
        let has = match peer::describe(&session).await {
            Some(state) => state.services.into_iter().filter(asked).collect(),
            None => vec!["this project".to_owned()],
        };
        if !has.is_empty() {
            let who = peer::name(pid);
            let error = format!("{who} works with {}", has.join(", "));
            return Some(
                Error::failed(error)
                    .hint("where they answer: `hob status`")
                    .hint("end it: `hob down`, then `hob up`"),
            );
        }
    }
    None
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
    let mut interrupting = Task::default();
    let waiting = |holding: hob_engine::Holding| {
        let who = holding.pid.map_or_else(
            || "another hob".to_owned(),
            |pid| format!("hob (process {pid})"),
        );
        if let Some(pid) = holding.pid.filter(|pid| down && brings_up(*pid)) {
            stage.say(format!("interrupting {who}, which brings services up"));
            interrupting.0 = Some(tokio::spawn(interrupt(pid)));
        } else {
            stage.say(format!("{who} is changing this project; waiting for it"));
        }
    };
    let prepared = engine
        .prepare(want, lock, waiting)
        .await
        .map_err(engine_error)?;
    // Whoever it was, it is done with this project.
    drop(interrupting);
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
    let steps = Mutex::new(Steps::new(&prepared.plan));
    let steps = || steps.lock().unwrap_or_else(PoisonError::into_inner);
    let (told, mut progress) = mpsc::unbounded_channel();
    let showing = async {
        while let Some(one) = progress.recv().await {
            let lines = steps().take(&one);
            if !words.leaves(&one) {
                words.say(stage, lines);
            }
            stage.busy(steps().busy().as_deref());
        }
    };
    // The plan waits for agents; what they are at is theirs to tell.
    let asking = async {
        loop {
            tokio::time::sleep(LOOK).await;
            let awaited = steps().awaited();
            for service in awaited {
                if let Some(phase) = phase_of(engine, &service).await {
                    steps().told(service, phase);
                }
            }
            stage.busy(steps().busy().as_deref());
        }
    };
    let showing = async {
        tokio::select! {
            () = showing => {}
            () = asking, if stage.output().watched => {}
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

/// What an agent is at.
async fn phase_of(engine: &Engine, service: &str) -> Option<Phase> {
    let agent = engine.agent(&service.parse().ok()?).ok()?;
    Some(agent.status(LOOK).await.ok()?.phase)
}

/// Says what an interrupted change leaves running.
async fn tell_rest(engine: &Engine, want: &Want, stage: &Stage) {
    let Ok(states) = engine.services(&want.services).await else {
        return;
    };
    let asked: BTreeSet<_> = want.services.iter().map(hob_engine::owner).collect();
    let up = states.iter().filter(|state| {
        let goes_on = !matches!(state.verdict, Verdict::Down);
        goes_on && asked.contains(&state.owner)
    });
    let names: Vec<String> = up.map(|state| state.owner.to_string()).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        let line = format!("interrupted; still up: {names} (`hob down` ends that)");
        stage.say(folded(stage, line));
    }
}

/// Whether a process is a hob that brings services up: whoever takes them
/// down need not wait for it.
fn brings_up(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let said = |verb: &[u8]| command.split(|byte| *byte == 0).any(|word| word == verb);
    (said(b"up") || said(b"dev")) && !said(b"down")
}

/// Interrupts a hob that brings services up; one that does not hear it is
/// ended.
async fn interrupt(pid: u32) {
    let process = Process::open(i32::try_from(pid).ok());
    // Held by now, so it is the one that was looked at.
    let Some(process) = process.filter(|_| brings_up(pid)) else {
        return;
    };
    process.signal(Signal::INT);
    if !process.ends_within(HEARD).await {
        process.end().await;
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
