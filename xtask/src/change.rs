//! A change of the world: planned, performed, shown on the stage as it goes,
//! and what it means for the exit code.
//!
//! `change/words.rs` knows what of it is news, `change/progress.rs` shows the
//! steps, `change/holder.rs` deals with another hob that is changing the same.
//! Start with [`change`].

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use hob_engine::{
    Applied, Engine, EngineError, FailureKind, Obstacle, ObstacleKind, Outcome, Prepared,
    ServiceState, Verdict, Want,
};
use tokio::sync::mpsc;

use crate::context::Whose;
use crate::error::{Code, Error, Result};
use crate::platform::Announcer;
use crate::stage::Stage;

mod holder;
mod progress;
mod words;

pub use words::{Troubles, Words};

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
    /// Whose containers were there and are other ones, or do something else.
    pub in_place: BTreeSet<hob_engine::Owner>,
    /// Whether resolver and ingress know what is so now, if there are any; what
    /// kept it from them was said.
    pub told: bool,
}

impl Changed {
    /// The exit code of a command that is over with this change: like
    /// [`result`](Self::result), and resolver and ingress have to know.
    pub fn end(&self) -> Result {
        self.result()?;
        match self.told {
            true => Ok(()),
            false => Err(Error::said(Code::Failed)),
        }
    }

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

    /// Whether something failed that is not the user's to mend in the service:
    /// an engine that went away comes back, a full disk gets room.
    pub fn may_mend_itself(&self) -> bool {
        let mut failures = self.applied.failures();
        failures.any(|(_, failure)| !is_the_users(failure.kind))
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
        let recipe = |it: &Obstacle| it.kind == ObstacleKind::Recipe;
        let users = kinds.iter().any(|kind| is_the_users(*kind));
        let code = if users || self.obstacles.iter().any(recipe) {
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

/// Whether the user's own files are to be mended.
fn is_the_users(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Service | FailureKind::Image => true,
        FailureKind::Operation | FailureKind::Prerequisite => false,
    }
}

/// Plans and performs a change, shown on the stage as it goes.
pub async fn change(
    engine: &Engine,
    want: &Want,
    stage: &Stage,
    whose: Whose,
    cancel: impl Future<Output = ()>,
) -> Result<Changed> {
    let mut prepared = prepare(engine, want, stage, LOCK).await?;
    if whose == Whose::Hobs {
        prepared.plan.obstacles.iter_mut().for_each(by_own_verb);
    }
    let changed = perform(engine, want, prepared, stage, &Words::default(), cancel).await;
    if changed.applied.was_interrupted() && !want.services.is_empty() {
        tell_rest(engine, want, stage, whose).await;
    }
    Ok(changed)
}

/// Nobody changes the stack file of hob's own services: their verbs do.
fn by_own_verb(obstacle: &mut Obstacle) {
    let Some(service) = &obstacle.owner.service else {
        return;
    };
    match obstacle.kind {
        ObstacleKind::Taken => {
            let other = format!("`hob {service} up --port PORT` takes another one, from then on");
            obstacle.hints.retain(|it| it.ends_with(" ends it"));
            obstacle.hints.push(other);
        }
        ObstacleKind::Unsupported => {
            let host = format!("`hob {service} up --engine host` runs it on this machine");
            obstacle.hints = vec![host];
        }
        _ => {}
    }
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
    let prepared = prepare(engine, want, stage, lock).await?;
    Ok(perform(engine, want, prepared, stage, words, cancel).await)
}

/// Plans a change, with a limit for another hob's.
pub async fn prepare(
    engine: &Engine,
    want: &Want,
    stage: &Stage,
    lock: Duration,
) -> Result<Prepared> {
    // A session that leaves waits its turn: whoever works is no less than it.
    let down = want.services.is_empty() && want.force;
    let mut interrupting = None;
    let waiting = |holding| interrupting = holder::met(engine, stage, holding, down);
    let prepared = engine
        .prepare(want, lock, waiting)
        .await
        .map_err(engine_error)?;
    // Whoever it was, it is done with this project.
    drop(interrupting);
    Ok(prepared)
}

/// Performs what was planned.
pub async fn perform(
    engine: &Engine,
    want: &Want,
    prepared: Prepared,
    stage: &Stage,
    words: &Words,
    cancel: impl Future<Output = ()>,
) -> Changed {
    let plan = prepared.plan.clone();
    words.obstacles(stage, &plan.obstacles);
    let (told, heard) = mpsc::unbounded_channel();
    let announcer = Announcer::of_change(engine, want);
    let showing = progress::show(engine, &plan, words, stage, heard, announcer.as_ref());
    let applying = async {
        let applied = prepared.apply(&told, cancel).await;
        drop(told);
        applied
    };
    let (applied, told) = tokio::join!(applying, showing);
    let changed = Changed {
        owners: progress::owners(&plan),
        in_place: progress::changed_in_place(&plan),
        obstacles: plan.obstacles,
        applied,
        told,
    };
    tell_what_goes_on(engine, want, stage, &changed).await;
    changed
}

/// Says of services whose new image could not be had that they serve as before.
async fn tell_what_goes_on(engine: &Engine, want: &Want, stage: &Stage, changed: &Changed) {
    let failures = changed.applied.failures();
    let images = failures.filter(|(_, failure)| failure.kind == FailureKind::Image);
    let owners: BTreeSet<_> = images
        .filter_map(|(step, _)| changed.owners.get(step.0))
        .collect();
    if owners.is_empty() {
        return;
    }
    let Ok(states) = engine.services(&want.services).await else {
        return;
    };
    for state in states.iter().filter(|it| owners.contains(&it.owner)) {
        if let Verdict::Up(status) = &state.verdict
            && status.phase.serves()
        {
            stage.say_folded(format!("{} goes on from the image before", state.owner));
        }
    }
}

/// Says what an interrupted change leaves running.
async fn tell_rest(engine: &Engine, want: &Want, stage: &Stage, whose: Whose) {
    let Ok(states) = engine.services(&want.services).await else {
        return;
    };
    let asked: BTreeSet<_> = want.services.iter().map(hob_engine::owner).collect();
    let asked = states.iter().filter(|it| asked.contains(&it.owner));
    let is_up = |it: &&ServiceState| matches!(it.verdict, Verdict::Up(_));
    let (up, others): (Vec<_>, Vec<_>) = asked.partition(is_up);
    let begun = others.into_iter().filter(|it| it.verdict != Verdict::Down);
    let begun: Vec<_> = begun.collect();
    let Some(first) = up.iter().chain(&begun).next() else {
        return;
    };
    let down = match (whose, &first.owner.service) {
        (Whose::Hobs, Some(service)) => format!("`hob {service} down`"),
        _ => "`hob down`".to_owned(),
    };
    let listed = [("still up", &up), ("begun", &begun)].map(|(word, states)| {
        let names: Vec<String> = states.iter().map(|it| it.owner.to_string()).collect();
        (!names.is_empty()).then(|| format!("{word}: {}", names.join(", ")))
    });
    let listed: Vec<String> = listed.into_iter().flatten().collect();
    stage.say_folded(format!(
        "interrupted; {} ({down} ends that)",
        listed.join("; ")
    ));
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
