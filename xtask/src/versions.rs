//! Versions of services that were updated without a gap: put in place wherever
//! a project's files are read, and what an update left half done.
//!
//! `verbs/roll.rs` makes them. Start with [`known`].

use std::collections::BTreeSet;
use std::time::Duration;

use hob_engine::{
    Engine, EngineError, Holding, Homes, LockError, ProjectLock, Rollouts, RolloutsError, Scope,
    Want, named, owner,
};
use hob_stack::{Project, ProjectId, ServiceId, VersionError};
use rustix::process::{Pid, Signal, kill_process};

use crate::change::{change, engine_error};
use crate::context::{Context, interrupted};
use crate::error::{Error, Result};
use crate::stage::Stage;

mod instance;
mod update;

pub use update::{Moves, Update};

/// How long an update by somebody else is waited for.
const UPDATE: Duration = Duration::from_secs(300);

/// How long one that was told to stop may take to undo what it did.
const STOP: Duration = Duration::from_secs(120);

/// The versions of a project's services.
///
/// # Errors
/// Where that is cannot be told, or the file is not to be used.
pub fn known(context: &Context, project: &ProjectId) -> Result<Rollouts> {
    let uid = rustix::process::getuid().as_raw();
    let homes = Homes::of(&context.environment, uid);
    let homes = homes.map_err(|error| Error::failed(error.to_string()))?;
    Rollouts::load(&homes.project(project.as_str()).state).map_err(rollouts_error)
}

/// Has the services of a project run as the versions that stand for them.
///
/// # Errors
/// Its files have a service of such a name by now.
pub fn put_in_place(rollouts: &Rollouts, project: &mut Project) -> Result {
    rollouts.apply(project).map_err(|error| match &error {
        VersionError::Taken(id) => Error::usage(format!(
            "{error}, and a version of another one goes by that name"
        ))
        .hint(format!(
            "`hob down {}/` ends all versions, or name it otherwise",
            id.stack
        )),
        VersionError::NoService(_) => Error::usage(error.to_string()),
    })
}

pub fn rollouts_error(error: RolloutsError) -> Error {
    let shown = Error::failed(error.to_string());
    match error {
        RolloutsError::Garbled { path, .. } => {
            shown.hint(format!("`rm {}`, then `hob down`", path.display()))
        }
        RolloutsError::Io { .. } => shown,
    }
}

/// All versions of the services that any of these is one of.
pub fn of(rollouts: &Rollouts, ids: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
    let found = ids.iter().filter_map(|id| rollouts.find(id));
    let services = found.map(|(service, _, _)| service.clone()).collect();
    rollouts.names(&services)
}

/// The same scope with all versions of its services.
pub fn widened(scope: Scope, rollouts: &Rollouts) -> Scope {
    let Scope::Services(mut owners) = scope else {
        return scope;
    };
    for (id, rollout) in rollouts.iter() {
        let names = |it: &hob_engine::Version| named(id, it);
        let stands = names(rollout.current());
        let is_meant = stands
            .iter()
            .chain([id])
            .any(|it| owners.contains(&owner(it)));
        if is_meant {
            let all = rollouts.names(&BTreeSet::from([id.clone()]));
            owners.extend(all.iter().map(owner));
        }
    }
    Scope::Services(owners)
}

/// The right to update services of the project, taken from whoever has it: that
/// is told to stop, and undoes what it did.
///
/// # Errors
/// It does not stop in time.
pub async fn taken(engine: &Engine) -> Result<(ProjectLock, Option<u32>)> {
    let mut told = None;
    let tell = |holding: Holding| {
        told = holding.pid;
        let pid = holding.pid.and_then(|it| i32::try_from(it).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It may have come to its end just now.
            let _ = kill_process(pid, Signal::INT);
        }
    };
    let lock = engine.lock_updates(STOP, tell).await;
    Ok((lock.map_err(engine_error)?, told))
}

/// Forgets the versions of the services of a scope, all of which are down.
///
/// # Errors
/// The file cannot be read or written.
pub fn forget(engine: &Engine, scope: &Scope) -> Result {
    let state = &engine.paths().state;
    // Whatever stands there, nothing is up that it could be about.
    if *scope == Scope::Project {
        return Rollouts::default().store(state).map_err(rollouts_error);
    }
    let mut rollouts = Rollouts::load(state).map_err(rollouts_error)?;
    if rollouts.is_empty() {
        return Ok(());
    }
    rollouts.forget(scope);
    rollouts.store(state).map_err(rollouts_error)
}

/// The right to update services of the project. Somebody else's update is
/// waited for.
///
/// # Errors
/// It does not end in time.
pub async fn locked(context: &Context, engine: &Engine) -> Result<ProjectLock> {
    let waiting = |holder| {
        context.output.say(format!(
            "{holder} updates a service of this project; waiting for it"
        ));
    };
    let locked = engine.lock_updates(UPDATE, waiting).await;
    locked.map_err(|error| match error {
        EngineError::Lock(LockError::Held { holder, limit }) => {
            let seconds = limit.as_secs();
            let error = format!("{holder} updates a service and was not done within {seconds} s");
            Error::failed(error).hint("`hob roll SERVICE --abort` undoes its update")
        }
        other => engine_error(other),
    })
}

/// Finishes or undoes the updates that hobs which were killed left half done;
/// one that is under way is waited for.
///
/// # Errors
/// Something could not be done, or it does not end in time.
pub async fn settle(context: &Context, engine: &Engine, files: &Project) -> Result {
    if !is_half_done(engine)? {
        return Ok(());
    }
    let lock = locked(context, engine).await?;
    let stage = Stage::new(context.output);
    let rollouts = Rollouts::load(&engine.paths().state).map_err(rollouts_error)?;
    for (id, _) in rollouts.iter() {
        // What its file no longer has goes down like any other.
        if let Some(service) = files.service(id) {
            let mut update = Update::find(engine, &stage, files, service)?;
            update.settle_after_another().await?;
        }
    }
    lock.remove();
    Ok(())
}

fn is_half_done(engine: &Engine) -> Result<bool> {
    let rollouts = Rollouts::load(&engine.paths().state).map_err(rollouts_error)?;
    Ok(rollouts.iter().any(|(_, rollout)| rollout.step().is_some()))
}

/// Has services run as their files have them again: all versions of them go.
///
/// # Errors
/// They do not.
pub async fn end(context: &Context, engine: &Engine, services: &[ServiceId]) -> Result {
    let rollouts = Rollouts::load(&engine.paths().state).map_err(rollouts_error)?;
    let updated = services.iter().filter(|id| rollouts.of(id).is_some());
    let updated: BTreeSet<ServiceId> = updated.cloned().collect();
    if updated.is_empty() {
        return Ok(());
    }
    let lock = locked(context, engine).await?;
    let names = rollouts.names(&updated);
    let scope = Scope::Services(names.iter().map(owner).collect());
    let stage = Stage::new(context.output);
    let want = Want::down(scope.clone());
    change(engine, &want, &stage, context.whose, interrupted())
        .await?
        .result()?;
    let updated = Scope::Services(updated.iter().map(owner).collect());
    forget(engine, &updated)?;
    lock.remove();
    Ok(())
}
