//! `down`: takes services down, and proves on demand that nothing is left.

use std::collections::BTreeSet;

use hob_engine::{Engine, Scope, Want};
use hob_wire::SessionInfo;

use crate::change::{change, engine_error};
use crate::cli::DownArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::render::data;
use crate::stage::Stage;
use crate::verbs::dev::peer;

mod all;

pub async fn down(context: &Context, args: DownArgs) -> Result {
    if args.all {
        return all::all(context, &args).await;
    }
    let running = context.running()?;
    let scope = running.scope(&args.names.names).await?;
    take_down(context, &running.engine, scope, &args).await
}

async fn take_down(context: &Context, engine: &Engine, scope: Scope, args: &DownArgs) -> Result {
    let ended = end_sessions(context, engine, &scope).await?;
    let mut want = Want::down(scope);
    want.volumes = args.volumes;
    let stage = Stage::new(context.output);
    let changed = change(engine, &want, &stage, interrupted()).await?;
    // What was said until here is written before what follows.
    drop(stage);
    if changed.is_done() && changed.applied.outcomes.is_empty() && !ended {
        context.output.say("nothing is up");
    }
    super::up::tell(context, &changed)?;
    changed.result()?;
    if args.prove {
        prove(context, engine, args.volumes)
    } else {
        Ok(())
    }
}

/// A dev session whose services are all going ends first, so that it does not
/// see them die.
///
/// Says whether there was one.
async fn end_sessions(context: &Context, engine: &Engine, scope: &Scope) -> Result<bool> {
    let states = engine
        .services(&BTreeSet::new())
        .await
        .map_err(engine_error)?;
    let mut sessions: Vec<(SessionInfo, bool)> = Vec::new();
    for state in &states {
        let hob_engine::Verdict::Up(status) = &state.verdict else {
            continue;
        };
        let Some(session) = &status.session else {
            continue;
        };
        let going = scope.contains(&state.owner);
        match sessions
            .iter_mut()
            .find(|(known, _)| known.pid == session.pid)
        {
            Some((_, whole)) => *whole &= going,
            None => sessions.push((session.clone(), going)),
        }
    }
    let mut ended = false;
    for (session, whole) in sessions {
        if whole && session.pid != std::process::id() {
            context
                .output
                .say(format!("ending the dev session of process {}", session.pid));
            // One that does not end loses its services all the same.
            peer::end(&session, |words| context.output.say(words)).await;
            let of_it = |status: &hob_wire::Status| {
                status
                    .session
                    .as_ref()
                    .is_some_and(|it| it.pid == session.pid)
            };
            for state in &states {
                if let hob_engine::Verdict::Up(status) = &state.verdict
                    && of_it(status)
                {
                    let mark = console::style("✓").green();
                    context
                        .output
                        .say(format!("{mark} {} is down", state.owner));
                }
            }
            ended = true;
        }
    }
    Ok(ended)
}

fn prove(context: &Context, engine: &Engine, volumes: bool) -> Result {
    let is_kept = |it: &hob_engine::host::Leftover| {
        !volumes && it.kind == hob_engine::host::LeftoverKind::Volume
    };
    let (kept, left): (Vec<_>, Vec<_>) = engine.prove().into_iter().partition(is_kept);
    for leftover in &left {
        if context.output.json {
            let value =
                serde_json::json!({ "kind": leftover.kind.as_str(), "what": leftover.what });
            context.output.value(&data::line("leftover", value))?;
        } else {
            context
                .output
                .data(format!("{} {}", leftover.kind.as_str(), leftover.what))?;
        }
    }
    if left.is_empty() {
        context
            .output
            .say("nothing is left: no process, port, socket or file carries this project's mark");
        for volume in kept {
            let hint = "`hob down --volumes` removes it";
            context
                .output
                .say(format!("kept: volume {} ({hint})", volume.what));
        }
        for service in engine.last_logs() {
            let hint = "`hob logs` shows it, `hob down --volumes` removes it";
            context
                .output
                .say(format!("kept: the last log of {service} ({hint})"));
        }
        return Ok(());
    }
    Err(Error::new(
        Code::Failed,
        format!("{} things are left", left.len()),
    ))
}
