//! `up`: services in their production form, left running.

use std::collections::BTreeSet;

use hob_engine::{Verdict, Want};
use hob_wire::Mode;

use crate::change::{change, engine_error};
use crate::cli::UpArgs;
use crate::context::{Context, interrupted, owners};
use crate::error::Result;
use crate::stage::Stage;

pub async fn up(context: &Context, args: UpArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let services = loading.closure(&args.names.names, args.only)?;
    let engine = loading.engine(context)?;
    let stage = Stage::new(context.output);
    let mut want = Want::up(
        loading.project.clone(),
        services.iter().cloned().collect(),
        Mode::Run,
    );
    want.port_offset = args.ports.port_offset.unwrap_or(0);
    let changed = change(&engine, &want, &stage, interrupted()).await?;
    // What was said until here is written before what follows.
    drop(stage);
    if changed.obstacles.is_empty() && changed.applied.outcomes.is_empty() {
        context.output.say("everything is up already");
    }
    let asked: BTreeSet<_> = services.iter().cloned().collect();
    let mut states = engine.services(&asked).await.map_err(engine_error)?;
    let owners = owners(&services);
    states.retain(|state| owners.contains(&state.owner));
    for state in states {
        let Verdict::Up(status) = state.verdict else {
            continue;
        };
        let id = state.owner;
        if context.output.json {
            context.output.value(&crate::render::status_json(&status))?;
        } else if let Some(listen) = status.listen.filter(|_| status.phase.serves()) {
            context.output.say(format!(
                "{id} answers on {}",
                crate::render::address(&listen)
            ));
        }
    }
    let asked = loading.required(&args.names.names)?;
    if changed.concerns(&asked) {
        return changed.result();
    }
    if !changed.is_done() {
        context
            .output
            .say("what was asked for is up; what it only wants is not");
    }
    Ok(())
}
