//! `roll`: a new version of a service in the place of the one that serves,
//! without a failed request at the ingress.

use std::collections::BTreeSet;

use hob_engine::{Engine, Rollout, Scope, Verdict, Version, named, owner};
use hob_stack::{Project, Service, ServiceId};
use hob_wire::Mode;

use crate::change::engine_error;
use crate::cli::{RollArgs, Strategy};
use crate::context::{Context, Interrupts, Loading};
use crate::error::{Code, Error, Result};
use crate::render::data;
use crate::stage::Stage;
use crate::versions::{self, Moves, Update};

pub async fn roll(context: &Context, args: RollArgs) -> Result {
    let loading = context.load(std::slice::from_ref(&args.service))?;
    let id = meant(context, &loading, &args.service)?;
    let files = &*loading.project;
    let service = files.service(&id).ok_or_else(|| no_service(&id))?;
    let engine = loading.engine(context)?;
    let stage = Stage::new(context.output);
    if args.abort {
        return abort(&engine, &stage, files, service).await;
    }
    versions::can_be_updated(service)?;
    weights_grow(&args)?;
    let lock = versions::locked(context, &engine).await?;
    // The first one has what was begun undone.
    let (mut first, mut second) = (Interrupts::listen(), Interrupts::listen());
    let twice = async {
        second.next().await;
        second.next().await;
    };
    let (from, to) = tokio::select! {
        updated = perform(&args, &stage, &engine, (files, service), &mut first) => {
            lock.remove();
            updated?
        }
        () = twice => {
            let error = "left as it is: the next `hob up` or `hob roll` finishes or undoes it";
            return Err(Error::new(Code::Interrupted, error));
        }
    };
    if context.output.json {
        let value = serde_json::json!({ "service": id, "from": from, "to": to });
        context.output.value(&data::line("roll", value))?;
    }
    Ok(())
}

/// Updates a service, from and to which version.
async fn perform(
    args: &RollArgs,
    stage: &Stage,
    engine: &Engine,
    (files, service): (&Project, &Service),
    interrupts: &mut Interrupts,
) -> Result<(Version, Version)> {
    let id = &service.id;
    versions::settle_all(engine, stage, files).await?;
    let mut update = Update::find(engine, stage, files, service)?;
    is_up(engine, files, service, update.rollout()).await?;
    versions::ingress_is_up(engine).await?;
    let from = update.rollout().current().clone();
    let to = match (args.back, &args.to) {
        (true, _) => before(update.rollout(), id)?,
        (false, Some(to)) => to.clone(),
        (false, None) => update.next(),
    };
    if to == from {
        let error = format!("version {to} of {id} is the one that serves");
        return Err(Error::usage(error).hint(format!("`hob roll {}`", id.service)));
    }
    let is_known = update.rollout().previous() == Some(&to);
    if to == Version::first() && !is_known {
        let error =
            format!("version 1 of {id} is what was up before the first update, and is gone");
        let name = &id.service;
        return Err(Error::usage(error).hint(format!("`hob roll {name}` makes one of its files")));
    }
    let moves = moves(args);
    if is_known {
        update.back(to.clone(), &moves, interrupts.next()).await?;
    } else {
        let offset = args.ports.port_offset.unwrap_or(0);
        let forward = update.forward(to.clone(), &moves, offset, interrupts.next());
        forward.await?;
    }
    Ok((from, to))
}

/// The service that a name means, whichever version of it was named.
fn meant(context: &Context, loading: &Loading, name: &str) -> Result<ServiceId> {
    let rollouts = versions::known(&loading.engine(context)?)?;
    let known = loading.project.services().map(|it| it.id.clone());
    let names = rollouts.iter().flat_map(|(id, rollout)| {
        let versions = rollout.versions().into_iter();
        versions.filter_map(|version| named(id, version))
    });
    let names: BTreeSet<ServiceId> = known.chain(names).collect();
    let one = match loading.one(name) {
        Ok(id) => id,
        Err(error) => {
            let selected = hob_stack::select(&names, &[name.to_owned()]);
            match selected.as_deref() {
                Ok([id]) => id.clone(),
                _ => return Err(error),
            }
        }
    };
    Ok(match rollouts.find(&one) {
        Some((id, _, _)) => id.clone(),
        None => one,
    })
}

fn no_service(id: &ServiceId) -> Error {
    Error::usage(format!("no stack file has {id}"))
}

/// Whether what is said of weights is no contradiction.
fn weights_grow(args: &RollArgs) -> Result {
    let weights = &args.weights;
    if args.strategy == Strategy::BlueGreen && !weights.is_empty() {
        let error = "blue-green moves requests all at once, and `--weights` says step by step";
        return Err(Error::usage(error).hint("leave one of them out"));
    }
    let falling = weights.windows(2).find(|pair| pair[0] >= pair[1]);
    if let Some([before, after]) = falling {
        let mut sorted = weights.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let sorted: Vec<String> = sorted.iter().map(ToString::to_string).collect();
        let error =
            format!("each weight is more than the one before, and {after} after {before} is not");
        return Err(Error::usage(error).hint(format!("`--weights {}`", sorted.join(","))));
    }
    Ok(())
}

fn moves(args: &RollArgs) -> Moves {
    let usual = match args.strategy {
        Strategy::Rolling if !args.back => vec![50],
        Strategy::Rolling | Strategy::BlueGreen => Vec::new(),
    };
    Moves {
        percents: match args.weights.is_empty() {
            true => usual,
            false => args.weights.clone(),
        },
        pause: args.pause.into(),
    }
}

/// That it runs in production form, and that nobody is told where.
async fn is_up(engine: &Engine, files: &Project, service: &Service, rollout: &Rollout) -> Result {
    let name = &service.id.service;
    let states = engine.services(&BTreeSet::new()).await;
    let states = states.map_err(engine_error)?;
    let mode = |id: &ServiceId| {
        let owner = owner(id);
        let state = states.iter().find(|it| it.owner == owner);
        match state.map(|it| &it.verdict) {
            Some(Verdict::Up(status)) => Some(status.mode),
            _ => None,
        }
    };
    let current = named(&service.id, rollout.current());
    match current.as_ref().and_then(mode) {
        Some(Mode::Run) => {}
        Some(Mode::Dev) => {
            let error = format!("{name} runs from its sources, where each save is an update");
            let hint = format!("`hob down {name}`, then `hob up {name}` has its production form");
            return Err(Error::usage(error).hint(hint));
        }
        None => {
            let on = engine.name();
            let error = format!("{name} is not up on the engine {on}");
            return Err(Error::failed(error).hint(format!("`hob up {name} --engine {on}`")));
        }
    }
    if engine.has_names() {
        return Ok(());
    }
    let rollouts = versions::known(engine)?;
    let stands_for = |id: &ServiceId| {
        let current = rollouts.of(id).map(Rollout::current);
        current.map_or_else(|| Some(id.clone()), |it| named(id, it))
    };
    let told = files.services().find(|it| {
        let mut others = it.needs.iter().chain(&it.wants);
        let is_up = || stands_for(&it.id).as_ref().and_then(mode).is_some();
        others.any(|other| *other == service.id) && is_up()
    });
    match told {
        None => Ok(()),
        Some(told) => {
            let told = &told.id.service;
            let error = format!("{told} was told the port of {name}, and a version has its own");
            Err(Error::usage(error)
                .hint("`--engine docker`, where neighbours find it by name")
                .hint(format!("`hob down {told}`, and `hob up {told}` afterwards")))
        }
    }
}

fn before(rollout: &Rollout, id: &ServiceId) -> Result<Version> {
    let previous = rollout.previous().cloned();
    previous.ok_or_else(|| {
        let error = format!("there is no version of {id} before {}", rollout.current());
        Error::failed(error).hint(format!("`hob roll {}` makes one of its files", id.service))
    })
}

/// Stops an update that is under way, or undoes one that was killed. What has
/// moved all requests is not taken back, by this no more than by Ctrl-C: it
/// comes to its end.
async fn abort(engine: &Engine, stage: &Stage, files: &Project, service: &Service) -> Result {
    let id = &service.id;
    let rollouts = versions::known(engine)?;
    let Some(found) = rollouts.of(id).filter(|it| it.step().is_some()) else {
        let error = format!("no update of {id} is under way");
        return Err(Error::failed(error).hint(format!(
            "`hob roll {} --back` has the version before",
            id.service
        )));
    };
    let scope = Scope::Services(BTreeSet::from([owner(id)]));
    let taken = versions::taken(engine, stage, &scope).await?;
    let from_another = taken.from_another;
    let mut update = Update::find(engine, stage, files, service)?;
    update.settle_after_another().await?;
    taken.release();
    let rollout = update.rollout();
    // Whoever was at it may have moved them before it heard of this.
    if found.is_committed() || rollout.current() != found.current() {
        let back = match rollout.previous() {
            Some(_) => format!(
                ": `hob roll {} --back` returns to the version before",
                id.service
            ),
            None => String::new(),
        };
        stage.say(format!(
            "the update was finished, since all requests had moved{back}"
        ));
    } else if from_another {
        let current = named(id, rollout.current()).unwrap_or_else(|| id.clone());
        stage.say(format!("{current} goes on"));
    }
    Ok(())
}
