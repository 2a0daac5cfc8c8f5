//! `status`: what runs, where, and why not.

#![expect(clippy::disallowed_methods, reason = "ages count back from now")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hob_engine::{ServiceState, Verdict};
use hob_stack::ServiceId;

use crate::change::engine_error;
use crate::cli::StatusArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::peer;
use crate::render::{data, note, status_table};
use crate::running::Running;

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
        return show(context, &seen, &peer::notes(&seen).await);
    }
    let mut before: Option<Vec<ServiceState>> = None;
    let watching = async {
        loop {
            let seen = look(&running, &asked, all).await?;
            if before.as_ref() != Some(&seen) {
                if context.output.watched && !context.output.json {
                    // Nothing to lose if it cannot be cleared.
                    let _ = console::Term::stdout().clear_screen();
                }
                show(context, &seen, &peer::notes(&seen).await)?;
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

/// Those that are up first, then the others.
async fn look(
    running: &Running<'_>,
    asked: &BTreeSet<ServiceId>,
    all: bool,
) -> Result<Vec<ServiceState>> {
    let wanted =
        |state: &ServiceState| all || asked.iter().any(|id| hob_engine::owner(id) == state.owner);
    let states = running.engine.services(asked).await;
    let mut states = states.map_err(engine_error)?;
    states.retain(wanted);
    states.sort_by_key(|state| !matches!(state.verdict, Verdict::Up(_)));
    Ok(states)
}

fn show(context: &Context, seen: &[ServiceState], notes: &[String]) -> Result {
    if context.output.json {
        for state in seen {
            context.output.value(&data::status(state))?;
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
    for note in seen.iter().filter_map(note) {
        context.output.say(note);
    }
    for note in notes {
        context.output.say(note);
    }
    Ok(())
}
