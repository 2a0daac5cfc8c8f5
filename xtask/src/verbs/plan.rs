//! `plan`: what `dev`, `up` or `down` would do, and why.

use hob_engine::{Scope, Want};
use hob_wire::Mode;

use crate::change::engine_error;
use crate::cli::{PlanArgs, Purpose};
use crate::context::{Context, owners};
use crate::error::Result;
use crate::render::obstacles_lines;

pub async fn plan(context: &Context, args: PlanArgs) -> Result {
    let loading = context.load(&args.names.names)?.with_versions(context)?;
    let engine = loading.engine(context)?;
    let mut want = match args.purpose {
        Purpose::Down => Want::down(Scope::Services(owners(&loading.select(&args.names.names)?))),
        Purpose::Dev | Purpose::Up => {
            let services = loading.closure(&args.names.names, args.only)?;
            loading.fits(&services, args.ports.port_offset)?;
            let mode = if args.purpose == Purpose::Dev {
                Mode::Dev
            } else {
                Mode::Run
            };
            Want::up(
                loading.project.clone(),
                services.into_iter().collect(),
                mode,
            )
        }
    };
    want.port_offset = args.ports.port_offset.unwrap_or(0);
    let plan = engine.preview(&want).await.map_err(engine_error)?;
    context.output.say(format!(
        "on the {} engine, because {}",
        engine.name(),
        engine.reason()
    ));
    if context.output.json {
        for step in &plan.steps {
            let after: Vec<usize> = step.after.iter().map(|after| after.step.0).collect();
            context.output.value(&serde_json::json!({
            "protocol": hob_wire::PROTOCOL,
            "step": {
                "id": step.id.0, "verb": step.verb, "resource": step.resource.to_string(),
                "because": step.cause, "after": after, "label": step.label,
            }}))?;
        }
        for obstacle in &plan.obstacles {
            context.output.value(&serde_json::json!({
            "protocol": hob_wire::PROTOCOL,
            "obstacle": {
                "service": obstacle.owner.to_string(), "reason": obstacle.reason,
                "hints": obstacle.hints,
            }}))?;
        }
        return Ok(());
    }
    let text = plan.to_text();
    if plan.is_empty() {
        context.output.say("there is nothing to do");
    } else if !text.is_empty() {
        context.output.data(text.trim_end())?;
    }
    for line in obstacles_lines(&plan.obstacles) {
        context.output.say(line);
    }
    Ok(())
}
