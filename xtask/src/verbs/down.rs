//! `down`: takes services down, and proves on demand that nothing is left.

use std::collections::BTreeSet;

use hob_engine::{Engine, Leftover, LeftoverKind, Owner, Scope, Verdict, Want};

use crate::change::{change, engine_error};
use crate::cli::DownArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::render::data;
use crate::stage::Stage;
use crate::versions;

mod all;
mod kept;
mod sessions;

pub async fn down(context: &Context, args: DownArgs) -> Result {
    if args.all {
        return all::all(context, &args).await;
    }
    let running = context.running()?;
    let scope = running.scope(&args.names.names).await?;
    let scope = versions::widened(scope, &running.rollouts);
    let files = running.project.as_deref();
    let engines = context.engines(running.reference(), files).await?;
    take_down(context, &engines, &scope, &args).await
}

/// Takes services down on each of these engines, and proves it when all of them
/// are: they have folders of the project in common.
async fn take_down(
    context: &Context,
    engines: &[Engine],
    scope: &Scope,
    args: &DownArgs,
) -> Result {
    let mut worst = Ok(());
    for engine in engines {
        if engines.len() > 1 {
            context
                .output
                .say(format!("on the engine {}:", engine.name()));
        }
        if let Err(error) = take_down_on(context, engine, scope.clone(), args).await {
            error.complain();
            worst = Err(Error::said(error.code));
        }
    }
    let proven = engines.iter().filter(|_| args.prove && worst.is_ok());
    for engine in proven.collect::<Vec<_>>() {
        if let Err(error) = prove(context, engine, args).await {
            error.complain();
            worst = Err(Error::said(error.code));
        }
    }
    worst
}

async fn take_down_on(context: &Context, engine: &Engine, scope: Scope, args: &DownArgs) -> Result {
    // Whoever updates something of it would bring it up again.
    let taken = match engine.may_be_updated() {
        true => Some(versions::taken(engine, &Stage::new(context.output), &scope).await?),
        false => None,
    };
    // An update may have begun since, and this engine may have others.
    let scope = match versions::known(engine) {
        Ok(rollouts) => versions::widened(scope, &rollouts),
        Err(error) => {
            error.complain();
            scope
        }
    };
    let mut gone = sessions::end(context, engine, &scope).await?;
    let mut want = Want::down(scope.clone());
    want.volumes = args.volumes;
    let stage = Stage::new(context.output);
    let changed = change(engine, &want, &stage, context.whose, interrupted()).await?;
    // What was said until here is written before what follows.
    drop(stage);
    if changed.is_done() && changed.applied.outcomes.is_empty() && gone.is_empty() {
        context.output.say("nothing is up");
    }
    // A session that ends may leave its services up, and then they were taken
    // down, and told of, in steps.
    gone.retain(|owner| !changed.owners.contains(owner));
    let gone = down_of(engine, gone).await?;
    let mark = console::style("✓").green();
    for owner in &gone {
        context.output.say(format!("{mark} {owner} is down"));
    }
    super::up::tell(context, &changed, &gone)?;
    changed.result()?;
    versions::forget(engine, &scope)?;
    if let Some(taken) = taken {
        taken.release();
    }
    changed.end()
}

/// Those of these services of which nothing runs.
async fn down_of(engine: &Engine, mut services: BTreeSet<Owner>) -> Result<BTreeSet<Owner>> {
    if !services.is_empty() {
        let states = engine.services(&BTreeSet::new()).await;
        let states = states.map_err(engine_error)?;
        for state in states.iter().filter(|it| it.verdict != Verdict::Down) {
            services.remove(&state.owner);
        }
    }
    Ok(services)
}

/// Names one thing that is left.
fn show(context: &Context, kind: LeftoverKind, what: &str) -> Result {
    let kind = kind.as_str();
    if context.output.json {
        let value = serde_json::json!({ "kind": kind, "what": what });
        context.output.value(&data::line("leftover", value))?;
    } else {
        context.output.data(format!("{kind} {what}"))?;
    }
    Ok(())
}

async fn prove(context: &Context, engine: &Engine, args: &DownArgs) -> Result {
    let volumes = args.volumes;
    let other = args.all || context.global.project.is_some();
    let is_kept = |it: &Leftover| !volumes && it.kind.is_kept();
    let (kept, left): (Vec<_>, Vec<_>) = engine
        .prove()
        .await
        .map_err(|failure| engine_error(failure.into()))?
        .into_iter()
        .partition(is_kept);
    for leftover in &left {
        show(context, leftover.kind, &leftover.what)?;
    }
    if left.is_empty() {
        let looked_for = match (engine.containers(), volumes) {
            (None, _) => "process, port, socket or file",
            (Some(_), false) => "container, network, socket or file",
            (Some(_), true) => "container, network, volume, image, socket or file",
        };
        context.output.say(format!(
            "nothing is left: no {looked_for} carries this project's mark"
        ));
        let lines = kept::of_project(&engine.project(), kept, other);
        lines.iter().for_each(|line| context.output.say(line));
        return Ok(());
    }
    Err(Error::new(
        Code::Failed,
        match left.len() {
            1 => "one thing is left".to_owned(),
            many => format!("{many} things are left"),
        },
    )
    .hint("`hob down --prove` once more looks again, and ends what it can"))
}
