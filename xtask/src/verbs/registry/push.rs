//! `registry push`: production images, built where something changed, to the
//! registry of this machine or to another one.

#![expect(
    clippy::disallowed_methods,
    reason = "how long it took to find nothing to push is measured where it is shown"
)]

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hob_engine::{Engine, Want};
use hob_stack::{Image as StackImage, ServiceId};
use hob_wire::Mode;

use super::names::{Names, take_away_left};
use crate::change::{Words, change_within, engine_error};
use crate::cli::PushArgs;
use crate::context::{Context, Loading, interrupted};
use crate::error::{Code, Error, Result};
use crate::platform::{Platform, home_error};
use crate::stage::Stage;

mod goal;
mod progress;
mod sending;

use goal::Goal;
use sending::{Sending, State};

/// How many images are asked for at once.
const AT_ONCE: usize = 4;

pub async fn push(context: &Context, platform: &Platform, args: PushArgs) -> Result {
    let begun = Instant::now();
    let mut names = args.names.names;
    let loading = context.load(&names)?;
    if names.is_empty() {
        let stacks = loading.project.stacks.keys();
        names.extend(stacks.map(|stack| format!("{stack}/")));
    }
    let services = built(context, &loading, &names)?;
    let engine = loading.engine(context)?;
    let Some(containers) = engine.containers() else {
        let error = Error::usage("only a Docker engine builds images, and this is the host engine");
        return Err(error.hint("`--engine docker`, once `hob doctor` finds one"));
    };
    let images = containers
        .production_images(&loading.project, &services)
        .await;
    let images = images.map_err(|failure| engine_error(failure.into()))?;
    let goal = Goal::find(context, platform, args.to.as_deref()).await?;
    let collects = || {
        let error = Error::failed("images are taken away from the registry just now");
        error.hint("once more when `hob registry gc` or `rm` is done")
    };
    let locked = platform.home.lock_registry(false).map_err(home_error)?;
    let _locked = locked.ok_or_else(collects)?;
    let there = stream::iter(&images).map(|image| goal.has(image));
    let there: Vec<Option<String>> = there.buffered(AT_ONCE).try_collect().await?;
    let stage = Stage::new(context.output);
    let mut missing = Vec::new();
    for (image, digest) in images.iter().zip(there) {
        match digest {
            Some(digest) => goal.told(&stage, image, &digest, None),
            None => missing.push(image),
        }
    }
    if missing.is_empty() {
        let there = match images.len() {
            1 => "the image is there".to_owned(),
            many => format!("{many} images are there"),
        };
        let took = begun.elapsed().as_secs_f32();
        stage.say(format!(
            "nothing to push: {there}, looked at in {took:.1} s"
        ));
        return Ok(());
    }
    let to_build: BTreeSet<ServiceId> = missing.iter().map(|image| image.service.clone()).collect();
    build(&stage, &loading, &engine, to_build.clone()).await?;
    // What was saved since the first look is in the build, and is sent.
    let missing = containers
        .production_images(&loading.project, &to_build)
        .await
        .map_err(|failure| engine_error(failure.into()))?;
    take_away_left(&platform.home, containers).await?;
    let wanted = missing.iter().map(|image| goal.name(image));
    let names = Names::note(&platform.home, containers, wanted).await?;
    let sending = Sending {
        platform,
        containers,
        goal: &goal,
        stage: &stage,
        names: &names,
        state: State::new(missing.len()),
    };
    let sent = tokio::select! {
        sent = sending.all(&missing) => sent,
        () = interrupted() => {
            stage.busy(None);
            stage.say("interrupted; what was sent is kept, and another push goes on from there");
            Err(Error::said(Code::Interrupted))
        }
    };
    stage.busy(None);
    let taken_away = names.take_away(containers).await;
    sent.and(taken_away)
}

/// The services that are asked for whose production image is built.
fn built(context: &Context, loading: &Loading, names: &[String]) -> Result<BTreeSet<ServiceId>> {
    let mut services = BTreeSet::new();
    for id in loading.select(names)? {
        let service = loading.project.service(&id);
        match service.and_then(|it| it.image.as_ref()) {
            Some(StackImage::Built(_)) => {
                services.insert(id);
            }
            Some(StackImage::Named(named)) => {
                context
                    .output
                    .say(format!("· {id} is {named}, which others push"));
            }
            None => context
                .output
                .say(format!("· {id} has no image of its own")),
        }
    }
    if services.is_empty() {
        let error = Error::usage("nothing that was asked for has an image that hob builds");
        return Err(error.hint("`image = {}` in a service's table builds its Dockerfile"));
    }
    Ok(services)
}

async fn build(
    stage: &Stage,
    loading: &Loading,
    engine: &Engine,
    services: BTreeSet<ServiceId>,
) -> Result {
    let mut want = Want::up(loading.project.clone(), services, Mode::Run);
    want.built = true;
    let words = Words::default();
    let lock = crate::change::LOCK;
    let changed = change_within(engine, &want, stage, lock, &words, interrupted()).await?;
    changed.result()
}
