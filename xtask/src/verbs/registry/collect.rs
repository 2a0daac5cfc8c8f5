//! `registry gc`: old images go, and what nobody needs any more is freed.

use std::time::Duration;

use hob_engine::ProjectRef;
use hob_platform::{Locked, REGISTRY};
use hob_registry::gc::Protected;
use hob_registry::{Client, gc};
use hob_stack::EngineChoice;
use serde_json::json;

use super::names::take_away_left;
use super::{alone, health, list, shown};
use crate::change::engine_error;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Inside, Platform, inside_locked};
use crate::render::{bytes, data};

/// How long the registry may take to collect.
const COLLECTING: Duration = Duration::from_secs(600);

/// Runs in the registry's place; says how many KiB it held before and after, and
/// how many are of pushes that are under way.
const COLLECT: &str = r#"
here=/usr/local/lib/hob
[ -f "$here/serve.sh" ] || here=.
held() { du -sk "$VOLUME_DATA" | cut -f1; }
before=$(held)
# What was begun to be sent and is not sent any more goes: nobody else takes it
# away before a week is over. The registry has open what it is being sent, but
# for the time between two requests: hob's own pushes are kept away, others are
# not. Where nobody can tell what it has open, a minute is a long time.
young=5
[ -d /proc/self/fd ] || young=60
uploads() { find "$VOLUME_DATA" -type d -path '*/_uploads/*' -prune -print; }
is_sent() {
    case $(ls -l /proc/[0-9]*/fd 2>/dev/null) in
    *"/_uploads/${1##*/}/"*) true ;;
    *) false ;;
    esac
}
touched() { find "$1" -exec stat -c %Y {} + 2>/dev/null | sort -n | tail -n 1; }
# Says which may be of a moment ago.
sweep() {
    uploads | while IFS= read -r upload; do
        ! is_sent "$upload" || continue
        at=$(touched "$upload")
        [ -n "$at" ] || continue
        if [ "$(($(date +%s) - at))" -lt "$young" ]; then
            echo "$upload"
        else
            rm -rf "$upload"
        fi
    done
}
collect() {
    tries=$young
    while [ -n "$(sweep)" ] && [ "$tries" -gt 0 ]; do
        sleep 1
        tries=$((tries - 1))
    done
    # It looks there even when no layer ever came through.
    mkdir -p "$VOLUME_DATA/docker/registry/v2/blobs" 2>/dev/null
    exec sh "$here/serve.sh" garbage-collect
}
# Standard input is open while somebody waits for this, and keeps pushes away;
# nothing may be taken away after that.
exec 3<&0
collect >&2 3<&- &
collecting=$!
{ read -r _ <&3; kill -KILL "$collecting"; } >/dev/null 2>&1 &
waiting=$!
wait "$collecting"
ended=$?
kill "$waiting" 2>/dev/null
[ "$ended" = 0 ] || exit "$ended"
sent=$(uploads | while IFS= read -r upload; do
    ! is_sent "$upload" || du -sk "$upload"
done | awk '{ sent += $1 } END { print sent + 0 }')
echo "$before $(held) $sent"
"#;

pub async fn collect(context: &Context, platform: &Platform, keep: usize, dry_run: bool) -> Result {
    // A layer that is just being pushed has no image yet, and would go.
    let alone = alone(platform)?;
    let client = health::own(platform).await?;
    let listing = match client.list().await {
        Ok(listing) => listing,
        Err(error) => return Err(health::explained(platform, &error).await),
    };
    let plan = gc(&listing, keep, &protected(platform, &listing).await?);
    show(context, &plan)?;
    if dry_run {
        context.output.say("nothing was removed");
        return list::unreadable(&listing);
    }
    delete(&client, &plan).await?;
    context.output.say(free(platform, &alone).await?.words());
    list::unreadable(&listing)
}

/// What the registry holds, in KiB.
struct Held {
    before: u64,
    after: u64,
    /// What of that after is of pushes that are under way, none of them hob's.
    sent: u64,
}

impl Held {
    fn words(&self) -> String {
        let freed = bytes(self.before.saturating_sub(self.after) * 1024);
        let held = bytes(self.after * 1024);
        match self.sent {
            0 => format!("{freed} are free again, {held} are held"),
            sent => format!(
                "{freed} are free again, {held} are held, {} of it by pushes that somebody else \
                 has under way",
                bytes(sent * 1024)
            ),
        }
    }
}

/// What goes and what stays, and why.
fn show(context: &Context, plan: &gc::Plan) -> Result {
    if !context.output.json {
        let lines = plan.to_string();
        return Ok(lines
            .lines()
            .try_for_each(|line| context.output.data(line))?);
    }
    let going = plan
        .delete
        .iter()
        .map(|it| (&it.repository, &it.digest, &it.tags, false));
    let staying = plan
        .keep
        .iter()
        .map(|it| (&it.repository, &it.digest, &it.tags, true));
    for (repository, digest, tags, stays) in going.chain(staying) {
        let tags: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
        let image = json!({
            "repository": repository.as_str(),
            "digest": digest.as_str(),
            "tags": tags,
            "stays": stays,
        });
        context.output.value(&data::line("collected", image))?;
    }
    Ok(())
}

async fn delete(client: &Client, plan: &gc::Plan) -> Result {
    for it in &plan.delete {
        let deleted = client.delete(&it.repository, &it.digest).await;
        deleted.map_err(|error| shown(&error))?;
    }
    Ok(())
}

/// What runs here, of all projects, whichever engine the registry is on.
async fn protected(platform: &Platform, listing: &hob_registry::Listing) -> Result<Protected> {
    let mut protected = Protected::default();
    let loading = platform.context.load(&[])?;
    let chosen = loading.engine(&platform.context)?;
    let engine = match chosen.containers() {
        Some(_) => chosen,
        None => {
            let project = ProjectRef::from(&*loading.project);
            chosen
                .beside(EngineChoice::Auto, project)
                .map_err(engine_error)?
        }
    };
    let Some(containers) = engine.containers() else {
        return Ok(protected);
    };
    take_away_left(&platform.home, containers).await?;
    let failed = |failure: hob_engine::Failure| engine_error(failure.into());
    let running = containers.running_images().await.map_err(failed)?;
    for repository in &listing.repositories {
        for tag in repository.manifests.iter().flat_map(|it| &it.tags) {
            if let Some(by) = running.get(tag.as_str()) {
                let named = (repository.repository.clone(), tag.clone());
                protected.tags.insert(named, by.clone());
            }
        }
    }
    Ok(protected)
}

/// What the registry held before and after. No hob pushes until it is over, even
/// when this program ends before.
async fn free(platform: &Platform, alone: &Locked) -> Result<Held> {
    let program = platform.context.surroundings()?.executable.program;
    let place = Inside {
        program: &program,
        project: platform.home.root(),
        engine: platform.engine_of(REGISTRY).await?,
        service: REGISTRY,
        limit: COLLECTING,
    };
    let ended = inside_locked(&place, COLLECT, Some(alone)).await?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let numbers: Vec<u64> = said.split_whitespace().flat_map(str::parse).collect();
    match (ended.status.success(), &numbers[..]) {
        (true, &[before, after, sent]) => Ok(Held {
            before,
            after,
            sent,
        }),
        _ => {
            let words = String::from_utf8_lossy(&ended.stderr);
            let words: Vec<String> = words.lines().map(str::to_owned).collect();
            let last = words.len().saturating_sub(10);
            Err(Error::failed("the registry did not free what is gone")
                .details(words[last..].to_vec()))
        }
    }
}
