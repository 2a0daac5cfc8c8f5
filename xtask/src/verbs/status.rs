//! `status`: what runs, where, and why not.

#![expect(clippy::disallowed_methods, reason = "ages count back from now")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hob_engine::{Engine, Verdict};
use hob_stack::ServiceId;
use hob_wire::Status;

use crate::change::engine_error;
use crate::cli::StatusArgs;
use crate::context::{Context, interrupted};
use crate::error::Result;
use crate::render::{status_json, status_table};

/// Between two looks of `--watch`.
const LOOK: Duration = Duration::from_millis(250);

pub async fn status(context: &Context, args: StatusArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let asked: BTreeSet<ServiceId> = if args.names.names.is_empty() {
        loading
            .project
            .services()
            .map(|service| service.id.clone())
            .collect()
    } else {
        loading.select(&args.names.names)?.into_iter().collect()
    };
    let engine = loading.engine(context)?;
    let all = args.names.names.is_empty();
    if !args.watch {
        let seen = look(&engine, &asked, all).await?;
        return show(context, &seen);
    }
    let mut before = Seen::default();
    let watching = async {
        loop {
            let seen = look(&engine, &asked, all).await?;
            if seen.differs(&before) {
                if context.output.watched && !context.output.json {
                    // Nothing to lose if it cannot be cleared.
                    let _ = console::Term::stdout().clear_screen();
                }
                show(context, &seen)?;
                before = seen;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        result = watching => result,
        () = interrupted() => Ok(()),
    }
}

#[derive(Default)]
struct Seen {
    up: Vec<Status>,
    /// Name and state of what has no agent.
    down: Vec<String>,
    notes: Vec<String>,
}

impl Seen {
    fn differs(&self, other: &Self) -> bool {
        self.up != other.up || self.down != other.down || self.notes != other.notes
    }
}

async fn look(engine: &Engine, asked: &BTreeSet<ServiceId>, all: bool) -> Result<Seen> {
    let mut seen = Seen::default();
    for state in engine.services(asked).await.map_err(engine_error)? {
        let wanted = |id: &ServiceId| hob_engine::owner(id) == state.owner;
        if !all && !asked.iter().any(wanted) {
            continue;
        }
        match state.verdict {
            Verdict::Up(status) => seen.up.push(*status),
            Verdict::Down => seen.down.push(state.owner.to_string()),
            Verdict::Remains(count) => {
                seen.down.push(state.owner.to_string());
                seen.notes.push(format!(
                    "{}: its agent is gone and {count} of its processes are left; `hob down` ends them",
                    state.owner
                ));
            }
            Verdict::Broken(why) => {
                seen.down.push(state.owner.to_string());
                seen.notes
                    .push(format!("{}: {why}; `hob up` makes it anew", state.owner));
            }
        }
    }
    Ok(seen)
}

fn show(context: &Context, seen: &Seen) -> Result {
    if context.output.json {
        for status in &seen.up {
            context.output.value(&status_json(status))?;
        }
        for service in &seen.down {
            context.output.value(&serde_json::json!({
                "protocol": hob_wire::PROTOCOL, "down": service }))?;
        }
        return Ok(());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    for line in status_table(&seen.up, &seen.down, now) {
        context.output.data(line)?;
    }
    for note in &seen.notes {
        context.output.say(note);
    }
    Ok(())
}
