//! Versions of services that were updated without a gap: put in place wherever
//! a project's files are read, and what an update left half done.
//!
//! `verbs/roll.rs` makes them. Start with [`known`].

use std::collections::BTreeSet;
use std::time::Duration;

use hob_engine::{
    Engine, EngineError, Holding, LockError, ProjectLock, Rollout, Rollouts, RolloutsError, Scope,
    Want, named, owner,
};
use hob_stack::{Project, Publish, Service, ServiceId, VersionError};
use hob_wire::Protocol;

use crate::change::{change, engine_error};
use crate::context::{Context, interrupted};
use crate::error::{Error, Result};
use crate::stage::Stage;

mod instance;
mod taking;
mod update;

pub use taking::taken;
pub use update::{Moves, Update, ingress_is_up};

/// How long an update by somebody else is waited for.
const UPDATE: Duration = Duration::from_secs(300);

/// The versions of the services of an engine's project.
///
/// # Errors
/// The file is not to be used.
pub fn known(engine: &Engine) -> Result<Rollouts> {
    engine.rollouts().map_err(rollouts_error)
}

/// Whether two versions of a service can run beside each other.
///
/// # Errors
/// They cannot: why, and what to do instead.
pub fn can_be_updated(service: &Service) -> Result {
    let id = &service.id;
    let cannot = |why: String, hint: &str| {
        let error = format!("{id} cannot have two versions beside each other: {why}");
        Err(Error::usage(error).hint(hint))
    };
    if service.port.is_none() || service.protocol == Protocol::Tcp {
        let hint = "`hob up` and `hob restart` start it anew";
        return cannot(
            "the ingress has no requests of HTTP for it".to_owned(),
            hint,
        );
    }
    if let Some(Publish::Fixed(port)) = service.publish {
        let hint = "`publish = \"auto\"`, and reach it by its name at the ingress";
        return cannot(format!("both would have the port {port}"), hint);
    }
    if let Some(volume) = service.volumes.keys().next() {
        let hint = "`hob up` and `hob restart` start it anew";
        return cannot(format!("both would write into its volume `{volume}`"), hint);
    }
    Ok(())
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
        RolloutsError::Garbled { path, .. } => shown.hint(format!(
            "`hob down` ends all versions and takes {} away",
            path.display()
        )),
        RolloutsError::Io { .. } => shown,
    }
}

/// All versions of the services that any of these is one of.
pub fn of(rollouts: &Rollouts, ids: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
    let found = ids.iter().filter_map(|id| rollouts.find(id));
    let services = found.map(|(service, _, _)| service.clone()).collect();
    rollouts.names(&services)
}

/// Which version of these services gets requests, and whose update has not come
/// to its end.
pub fn notes(rollouts: &Rollouts, asked: &BTreeSet<ServiceId>) -> Vec<String> {
    let found = asked.iter().filter_map(|id| rollouts.find(id));
    let found: BTreeSet<&ServiceId> = found.map(|(id, _, _)| id).collect();
    let found = found
        .into_iter()
        .filter_map(|id| Some((id, rollouts.of(id)?)));
    let note = |(id, rollout): (&ServiceId, &Rollout)| {
        let shares = rollout.shares().into_iter();
        let shares = shares.filter_map(|(version, percent)| Some((named(id, version)?, percent)));
        let mut shares: Vec<String> = match shares.collect::<Vec<_>>().as_slice() {
            [(only, _)] => vec![format!("requests for {id} go to {only}")],
            several => several
                .iter()
                .map(|(version, percent)| {
                    format!("{percent} of 100 requests for {id} go to {version}")
                })
                .collect(),
        };
        if rollout.is_committed() {
            shares.push(format!(
                "an update of {id} is about to end, or was killed: the next `hob up` or `hob \
                 roll` finishes it"
            ));
        } else if rollout.step().is_some() {
            shares.push(format!(
                "an update of {id} is under way: `hob roll {} --abort` undoes it; or it was \
                 killed: the next `hob up` or `hob roll` undoes it, too",
                id.service
            ));
        }
        shares
    };
    found.flat_map(note).collect()
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
            owners.extend(all.iter().chain([id]).map(owner));
        }
    }
    Scope::Services(owners)
}

/// Forgets the versions of the services of a scope, all of which are down.
///
/// # Errors
/// The file cannot be read or written.
pub fn forget(engine: &Engine, scope: &Scope) -> Result {
    let rollouts = match scope {
        // Whatever stands there, nothing is up that it could be about.
        Scope::Project => Rollouts::default(),
        Scope::Stacks(_) | Scope::Services(_) => {
            let mut rollouts = known(engine)?;
            if !rollouts.forget(scope) {
                return Ok(());
            }
            rollouts
        }
    };
    engine.keep_rollouts(&rollouts).map_err(rollouts_error)
}

/// The right to update services of the project. Somebody else's update is
/// waited for.
///
/// # Errors
/// It does not end in time.
pub async fn locked(context: &Context, engine: &Engine) -> Result<ProjectLock> {
    let waiting = |holder| {
        context.output.say(format!(
            "{holder} updates a service of this project; waiting for it \
             (`hob roll SERVICE --abort` ends that at once)"
        ));
    };
    let locked = engine.lock_updates(UPDATE, waiting).await;
    locked.map_err(|error| match error {
        EngineError::Lock(LockError::Held { holder, limit }) => locked_error(holder, limit),
        other => engine_error(other),
    })
}

fn locked_error(holder: Holding, limit: Duration) -> Error {
    let seconds = limit.as_secs();
    let error = format!("{holder} updates a service and was not done within {seconds} s");
    Error::failed(error).hint("`hob roll SERVICE --abort` ends its update")
}

/// Finishes or undoes the updates that hobs which were killed left half done;
/// one that is under way is waited for.
///
/// # Errors
/// Something could not be done, or it does not end in time.
pub async fn settle(context: &Context, engine: &Engine, files: &Project) -> Result {
    let half_done = known(engine)?;
    if !half_done.iter().any(|(_, it)| it.step().is_some()) {
        return Ok(());
    }
    let lock = locked(context, engine).await?;
    settle_all(engine, &Stage::new(context.output), files).await?;
    lock.remove();
    Ok(())
}

/// The same for whoever has the right to.
///
/// # Errors
/// Something could not be done.
pub async fn settle_all(engine: &Engine, stage: &Stage, files: &Project) -> Result {
    for (id, _) in known(engine)?.iter() {
        // What its file no longer has goes down like any other.
        if let Some(service) = files.service(id) {
            let mut update = Update::find(engine, stage, files, service)?;
            update.settle_after_another().await?;
        }
    }
    Ok(())
}

/// Has services run as their files have them again: all versions of them go.
///
/// # Errors
/// They do not.
pub async fn end(context: &Context, engine: &Engine, services: &[ServiceId]) -> Result {
    if known(engine)?.is_empty() {
        return Ok(());
    }
    let lock = locked(context, engine).await?;
    let rollouts = known(engine)?;
    let updated = services.iter().filter(|id| rollouts.of(id).is_some());
    let updated: BTreeSet<ServiceId> = updated.cloned().collect();
    if !updated.is_empty() {
        let names = rollouts.names(&updated);
        let all = Scope::Services(names.iter().map(owner).collect());
        let (want, stage) = (Want::down(all), Stage::new(context.output));
        let changed = change(engine, &want, &stage, context.whose, interrupted()).await?;
        changed.result()?;
        forget(
            engine,
            &Scope::Services(updated.iter().map(owner).collect()),
        )?;
    }
    lock.remove();
    Ok(())
}
