//! `up`: services in their production form, left running.

use hob_engine::Want;
use hob_wire::Mode;

use crate::cli::UpArgs;
use crate::context::{Context, interrupted};
use crate::error::Result;
use crate::ground::{change, status_of};
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
    for id in &services {
        let Some(status) = status_of(&engine, id).await else {
            continue;
        };
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
