//! The dev sessions of what goes down: they end first, so that they neither
//! see their services die nor bring them up again.
//!
//! They are found by their sockets, and say themselves which services they
//! have: an agent that died or hangs could not say whose it is.

use std::collections::BTreeSet;

use hob_engine::{Engine, Owner, Scope, Verdict, describe, owner, session_name, sessions};
use hob_wire::SessionInfo;

use crate::change::engine_error;
use crate::context::Context;
use crate::error::Result;
use crate::peer;

/// Ends the sessions whose services are all in `scope`. Says which services
/// that were there they had.
pub async fn end(context: &Context, engine: &Engine, scope: &Scope) -> Result<BTreeSet<Owner>> {
    let mut ended = BTreeSet::new();
    for session in sessions(&engine.paths().runtime).await {
        if session.pid == std::process::id() {
            continue;
        }
        let services = match describe(&session).await {
            Some(state) => parsed(&state.services),
            None => by_agents(engine, &session).await?,
        };
        // One that says nothing, and of which nothing is known, goes with all.
        let known = !services.is_empty() && services.iter().all(|it| scope.contains(it));
        if !known && !matches!(scope, Scope::Project) {
            continue;
        }
        let pid = session.pid;
        context.output.say(format!("ending {}", session_name(pid)));
        // One that does not end loses its services all the same.
        let there = |it: &Owner| {
            let service = it.service.as_deref().unwrap_or_default();
            engine.agent_folder(&it.stack, service).is_dir()
        };
        ended.extend(services.into_iter().filter(there));
        peer::end(&session, |words| context.output.say(words)).await;
    }
    Ok(ended)
}

fn parsed(names: &[String]) -> BTreeSet<Owner> {
    let ids = names.iter().filter_map(|name| name.parse().ok());
    ids.map(|id| owner(&id)).collect()
}

/// The services whose agents say that this session has them.
async fn by_agents(engine: &Engine, session: &SessionInfo) -> Result<BTreeSet<Owner>> {
    let states = engine.services(&BTreeSet::new()).await;
    let states = states.map_err(engine_error)?;
    let of_it = states.into_iter().filter_map(|state| match state.verdict {
        Verdict::Up(status) => {
            let has = status.session.is_some_and(|it| it.pid == session.pid);
            has.then_some(state.owner)
        }
        _ => None,
    });
    Ok(of_it.collect())
}
