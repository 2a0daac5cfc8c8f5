//! `up`: services in their production form, left running.

mod names;

use std::collections::BTreeSet;

use hob_engine::{Engine, Owner, Verdict, Want};
use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use crate::change::{Changed, Words, change, engine_error};
use crate::cli::UpArgs;
use crate::context::{Context, Interrupts, owners};
use crate::error::Result;
use crate::platform::{self, Door, addresses};
use crate::render::{address, data};
use crate::stage::Stage;
use crate::versions::{self, can_be_updated};

pub async fn up(context: &Context, args: UpArgs) -> Result {
    up_or_say(context, args, Some("everything is up already")).await
}

/// The same, and what to say where there is nothing to do.
pub async fn up_or_say(context: &Context, args: UpArgs, idle: Option<&str>) -> Result {
    let files = context.load(&args.names.names)?;
    let engine = files.engine(context)?;
    versions::settle(context, &engine, &files.project).await?;
    let files_alone = files.project.clone();
    let loading = files.with_versions(context)?;
    let services = loading.closure(&args.names.names, args.only)?;
    loading.fits(&services, args.ports.port_offset)?;
    let stage = Stage::new(context.output);
    let mut want = Want::up(
        loading.project.clone(),
        services.iter().cloned().collect(),
        Mode::Run,
    );
    want.port_offset = args.ports.port_offset.unwrap_or(0);
    let door = Door {
        context,
        engine: &engine,
        project: &loading.project,
        services: &want.services,
        port_offset: want.port_offset,
        quietly: false,
    };
    let mut interrupts = Interrupts::listen();
    door.stand(&stage, &Words::default(), interrupts.next())
        .await?;
    let changed = change(&engine, &want, &stage, context.whose, interrupts.next()).await?;
    // What was said until here is written before what follows.
    drop(stage);
    let is_idle = changed.obstacles.is_empty() && changed.applied.outcomes.is_empty();
    if let Some(idle) = idle.filter(|_| is_idle) {
        context.output.say(idle);
    }
    tell(context, &changed, &BTreeSet::new())?;
    let asked: BTreeSet<_> = services.iter().cloned().collect();
    let mut states = engine.services(&asked).await.map_err(engine_error)?;
    let owners = owners(&services);
    states.retain(|state| owners.contains(&state.owner));
    let doors = addresses(context, &loading.project)?;
    let mut shown = Vec::new();
    for state in states {
        if context.output.json {
            context.output.value(&data::status(&state, context.whose))?;
        } else if let Verdict::Up(status) = state.verdict
            && let Some(listen) = status.listen.filter(|_| status.phase.serves())
            // What was left to somebody else is not up for good.
            && changed.obstacles.iter().all(|it| it.owner != state.owner)
        {
            let (id, place) = (state.owner, address(&listen));
            context.output.say(format!("{id} answers on {place}"));
            let doors = doors.get(&id.to_string()).into_iter().flatten();
            for address in doors {
                context.output.say(format!("  {address}"));
                shown.push(address);
            }
        }
    }
    if let Some(words) = names::needed(context, shown) {
        context.output.say(words);
    }
    tell_of_gaps(context, &engine, &files_alone, &changed)?;
    let asked = loading.required(&args.names.names)?;
    if changed.concerns(&asked) {
        return changed.result();
    }
    if !changed.is_done() {
        context
            .output
            .say("what was asked for is up; what it only wants is not");
        return Ok(());
    }
    changed.end()
}

/// What requests may have met, and how they need not have.
fn tell_of_gaps(context: &Context, engine: &Engine, files: &Project, changed: &Changed) -> Result {
    let home = platform::home(engine.environment())?;
    let has_ingress = home.settings().is_ok_and(|it| it.http_port.is_some());
    let rollouts = versions::known(engine)?;
    let changed = changed.in_place.iter().filter_map(|owner| {
        let id: ServiceId = owner.to_string().parse().ok()?;
        let of = rollouts.find(&id).map_or(&id, |(of, _, _)| of);
        files.service(of).filter(|it| can_be_updated(it).is_ok())
    });
    let names: Vec<&str> = changed.map(|it| it.id.service.as_str()).collect();
    if let (true, Some(first)) = (has_ingress, names.first()) {
        let names = names.join(", ");
        context.output.say(format!(
            "{names} changed in place, which requests may have met: \
             `hob roll {first}` brings a change without a gap"
        ));
    }
    Ok(())
}

/// How a change ended for each service, for programs; of these it is known
/// that it was done without a step.
pub fn tell(context: &Context, changed: &Changed, done: &BTreeSet<Owner>) -> Result {
    if context.output.json {
        let steps = changed.owners.iter().zip(&changed.applied.outcomes);
        let results = data::Results::of(&changed.obstacles, steps);
        for line in results.and_done(done).lines() {
            context.output.value(&line)?;
        }
    }
    Ok(())
}
