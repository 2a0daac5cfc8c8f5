//! `registry push`: production images, built where something changed, to the
//! registry of this machine or to another one.

#![expect(
    clippy::disallowed_methods,
    reason = "what a push took is measured where it is shown"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::style;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hob_engine::docker::{DockerEngine, ProductionImage, PushProgress};
use hob_engine::{Engine, Want};
use hob_registry::{Client, Image, Reference, credentials, image_reference};
use hob_stack::{Image as StackImage, ServiceId};
use hob_wire::Mode;
use serde_json::json;

use super::{client, shown};
use crate::change::{Words, change_within, engine_error};
use crate::cli::PushArgs;
use crate::context::{Context, Loading, interrupted};
use crate::error::{Code, Error, Result};
use crate::platform::{Platform, home_error};
use crate::render::{bytes, data};
use crate::stage::Stage;

/// How many images are sent at once.
const AT_ONCE: usize = 4;

/// The part of a digest that is a tag: as the engine's own names have it.
const TAG: usize = 16;

pub async fn push(context: &Context, platform: &Platform, args: PushArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let services = built(context, &loading, &args.names.names)?;
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
        let error = Error::failed("the registry is being collected just now");
        error.hint("once more when `hob registry gc` is done")
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
        return Ok(());
    }
    let to_build: BTreeSet<ServiceId> = missing.iter().map(|image| image.service.clone()).collect();
    build(&stage, &loading, &engine, to_build.clone()).await?;
    // What was saved since the first look is in the build, and is sent.
    let missing = containers
        .production_images(&loading.project, &to_build)
        .await
        .map_err(|failure| engine_error(failure.into()))?;
    let pushing = Pushing {
        containers,
        goal: &goal,
        stage: &stage,
        progress: Mutex::default(),
    };
    let sent = stream::iter(&missing).map(|image| pushing.one(image));
    let sent: Vec<Result> = tokio::select! {
        sent = sent.buffered(AT_ONCE).collect() => sent,
        () = interrupted() => {
            stage.busy(None);
            for image in missing.iter().filter(|_| goal.local.is_some()) {
                // The next push takes them away, too.
                let _ = containers.unname(&goal.repository(image), tag(image)).await;
            }
            let error = Error::said(Code::Interrupted);
            stage.say("interrupted; what was sent is kept, and another push goes on from there");
            return Err(error);
        }
    };
    stage.busy(None);
    sent.into_iter().collect()
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

/// Where images go.
struct Goal {
    /// The registry, as it stands before a repository: `127.0.0.1:5000`.
    authority: String,
    /// It can be asked what it has.
    local: Option<Client>,
    /// Who pushes, as the engine tells the registry. A secret.
    auth: Option<String>,
}

impl Goal {
    async fn find(context: &Context, platform: &Platform, to: Option<&str>) -> Result<Self> {
        let Some(to) = to else {
            let client = client(platform)?;
            if client.ping().await.is_err() {
                platform.up(hob_platform::REGISTRY).await?;
                client.ping().await.map_err(|error| shown(&error))?;
            }
            return Ok(Self {
                authority: client.authority().to_string(),
                local: Some(client),
                auth: None,
            });
        };
        let folder = docker_folder(context);
        let host = to.split('/').next().unwrap_or(to);
        let who = credentials(&folder, host).await.map_err(|error| {
            let mut shown = Error::failed(error.to_string());
            shown.hints = error.hints();
            shown
        })?;
        Ok(Self {
            authority: to.trim_end_matches('/').to_owned(),
            local: None,
            auth: who.map(|who| who.to_header()),
        })
    }

    fn repository(&self, image: &ProductionImage) -> String {
        format!("{}/{}", self.authority, image.service)
    }

    /// The digest of what the registry has of it already.
    async fn has(&self, image: &ProductionImage) -> Result<Option<String>> {
        let Some(client) = &self.local else {
            return Ok(None);
        };
        let (stack, service) = (image.service.stack.as_str(), image.service.service.as_str());
        let wrong = |error: hob_registry::NameError| Error::failed(error.to_string());
        let Image {
            repository, tag, ..
        } = image_reference(client.authority(), stack, service, tag(image)).map_err(wrong)?;
        let digest = client.head(&repository, &Reference::Tag(tag)).await;
        Ok(digest
            .map_err(|error| shown(&error))?
            .map(|it| it.to_string()))
    }

    /// What the registry has now; it took so long, or was there already.
    fn told(&self, stage: &Stage, image: &ProductionImage, digest: &str, took: Option<Duration>) {
        let repository = self.repository(image);
        if stage.output().json {
            let pushed = json!({
                "service": image.service.to_string(),
                "image": format!("{repository}:{}", tag(image)),
                "digest": digest,
                "sent": took.is_some(),
            });
            return stage.value(data::line("pushed", pushed));
        }
        stage.say(match took {
            Some(took) => {
                let after = style(format!("after {:.1} s", took.as_secs_f32())).dim();
                format!("{} {repository}@{digest} {after}", style("✓").green())
            }
            None => {
                let mark = style("·").dim();
                format!("{mark} {repository}@{digest} is there already")
            }
        });
    }
}

/// The tag of what an image is built from: the same files, the same tag.
fn tag(image: &ProductionImage) -> &str {
    &image.digest[..TAG.min(image.digest.len())]
}

/// Where Docker's own client keeps logins.
fn docker_folder(context: &Context) -> PathBuf {
    let said = |name: &str| context.environment.get(name).map(PathBuf::from);
    let home = || said("HOME").unwrap_or_default().join(".docker");
    said("DOCKER_CONFIG").unwrap_or_else(home)
}

struct Pushing<'a> {
    containers: &'a DockerEngine,
    goal: &'a Goal,
    stage: &'a Stage,
    progress: Mutex<BTreeMap<String, PushProgress>>,
}

impl Pushing<'_> {
    async fn one(&self, image: &ProductionImage) -> Result {
        let begun = Instant::now();
        let repository = self.goal.repository(image);
        let auth = self.goal.auth.as_deref();
        let name = image.service.to_string();
        let progress = |it: PushProgress| self.goes(&name, Some(it));
        let pushed = self
            .containers
            .push(&image.tag, &repository, tag(image), auth, progress)
            .await;
        self.goes(&name, None);
        let digest = pushed.map_err(|failure| engine_error(failure.into()))?;
        self.goal
            .told(self.stage, image, &digest, Some(begun.elapsed()));
        Ok(())
    }

    fn goes(&self, service: &str, progress: Option<PushProgress>) {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Some(progress) => all.insert(service.to_owned(), progress),
            None => all.remove(service),
        };
        let words: Vec<String> = all.iter().map(|(name, it)| words(name, it)).collect();
        self.stage
            .busy((!words.is_empty()).then(|| words.join("; ")).as_deref());
    }
}

fn words(service: &str, it: &PushProgress) -> String {
    let PushProgress {
        done,
        layers,
        sent,
        total,
    } = *it;
    let size = match total {
        0 => String::new(),
        total => format!(", {} of {}", bytes(sent), bytes(total)),
    };
    format!("pushing {service}: {done} of {layers} layers{size}")
}
