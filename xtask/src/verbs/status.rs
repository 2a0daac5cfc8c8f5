//! `status`: what runs, where, and why not.

#![expect(clippy::disallowed_methods, reason = "ages count back from now")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use hob_engine::{Owner, Rollouts, Usage, Verdict};
use hob_stack::ServiceId;

use crate::change::engine_error;
use crate::cli::StatusArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::peer;
use crate::platform::{closed_doors, on_two_engines};
use crate::render::{Seen, data, lost_version, note, status_table};
use crate::running::Running;
use crate::versions;

/// How long an agent may take to say what its service uses.
const ANSWER: Duration = Duration::from_secs(1);

/// Between two looks of `--watch`.
const LOOK: Duration = Duration::from_millis(250);

pub async fn status(context: &Context, args: StatusArgs) -> Result {
    let running = context.running()?;
    let names = &args.names.names;
    let all = names.is_empty();
    let asked: BTreeSet<ServiceId> = if all {
        running.services()
    } else {
        running.select(names).await?.into_iter().collect()
    };
    if !args.watch {
        let seen = look(&running, &asked, all).await?;
        let rollouts = rollouts(&running);
        let notes = notes(&running, &seen, &asked, &rollouts).await;
        return show(context, &seen, &rollouts, &notes);
    }
    let mut before: Option<Vec<Seen>> = None;
    let watching = async {
        loop {
            let seen = look(&running, &asked, all).await?;
            if before.as_ref() != Some(&seen) {
                if context.output.watched && !context.output.json {
                    // Nothing to lose if it cannot be cleared.
                    let _ = console::Term::stdout().clear_screen();
                }
                let rollouts = rollouts(&running);
                let notes = notes(&running, &seen, &asked, &rollouts).await;
                show(context, &seen, &rollouts, &notes)?;
                before = Some(seen);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        result = watching => result,
        () = interrupted() => Err(Error::said(Code::Interrupted)),
    }
}

/// What the sessions of these services have to say, which versions of them get
/// requests, which engine their names lead to, and which doors of their stacks
/// are closed.
async fn notes(
    running: &Running<'_>,
    seen: &[Seen],
    asked: &BTreeSet<ServiceId>,
    rollouts: &Rollouts,
) -> Vec<String> {
    let services = seen.iter().map(|it| it.state.owner.to_string()).collect();
    let mut notes = peer::notes(&running.engine.paths().runtime, &services).await;
    notes.extend(versions::notes(rollouts, asked));
    let up = seen.iter().filter(|it| it.state.verdict != Verdict::Down);
    let up: BTreeSet<&Owner> = up.map(|it| &it.state.owner).collect();
    notes.extend(on_two_engines(&running.engine, &up));
    let stacks = up.iter().map(|it| it.stack.to_string()).collect();
    notes.extend(closed_doors(&running.engine, &stacks).await);
    notes
}

/// Those that are up first, then the others.
async fn look(running: &Running<'_>, asked: &BTreeSet<ServiceId>, all: bool) -> Result<Vec<Seen>> {
    let versions = versions::of(&running.rollouts, asked);
    let is_of = |ids: &BTreeSet<ServiceId>, state: &hob_engine::ServiceState| {
        ids.iter().any(|id| hob_engine::owner(id) == state.owner)
    };
    let wanted = |state: &hob_engine::ServiceState| {
        let is_version = state.verdict != Verdict::Down && is_of(&versions, state);
        all || is_of(asked, state) || is_version
    };
    let states = running.engine.services(asked).await;
    let mut states = states.map_err(engine_error)?;
    states.retain(wanted);
    states.sort_by_key(|state| !matches!(state.verdict, Verdict::Up(_)));
    let seen = states.into_iter().map(|state| async {
        let usage = match &state.verdict {
            Verdict::Up(status) => usage(running, &status.service).await,
            _ => None,
        };
        Seen { state, usage }
    });
    Ok(join_all(seen).await)
}

/// What a service uses; none where its agent does not say so soon.
async fn usage(running: &Running<'_>, service: &str) -> Option<Usage> {
    let agent = running.engine.agent(&service.parse().ok()?).ok()?;
    agent.usage(ANSWER).await.ok()
}

fn rollouts(running: &Running<'_>) -> Rollouts {
    // What cannot be read was told when it was read first.
    versions::known(&running.engine).unwrap_or_default()
}

fn show(context: &Context, seen: &[Seen], rollouts: &Rollouts, notes: &[String]) -> Result {
    if context.output.json {
        for state in seen {
            context.output.value(&data::seen(state, context.whose))?;
        }
        for note in notes {
            context
                .output
                .value(&data::line("note", note.as_str().into()))?;
        }
        return Ok(());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    for line in status_table(seen, now) {
        context.output.data(line)?;
    }
    let lost = |it: &Seen| match rollouts.aside(&it.state.owner) {
        Some(service) => lost_version(&it.state, service),
        None => note(&it.state, context.whose),
    };
    for note in seen.iter().filter_map(lost) {
        context.output.say(note);
    }
    for note in notes {
        context.output.say(note);
    }
    Ok(())
}
