//! [`Sending`]: images on their way. Where the registry does not take a layer,
//! the engine tries again a few times, for most of a minute; what it cannot
//! know is looked at meanwhile: a registry that went away is brought up again,
//! and one that cannot keep anything ends the push at once.

#![expect(
    clippy::disallowed_methods,
    reason = "what a push took is measured where it is shown"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use hob_engine::docker::{DockerEngine, ProductionImage, PushAs, PushProgress};
use hob_platform::REGISTRY;
use hob_stack::ServiceId;
use tokio::sync::Notify;

use super::goal::{Goal, tag};
use crate::change::engine_error;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::render::bytes;
use crate::stage::Stage;
use crate::verbs::registry::health::{self, Trouble};
use crate::verbs::registry::names::Names;

/// How many images are sent at once.
const AT_ONCE: usize = 4;

/// Between two looks at a registry that is on its way down, or up.
const LOOK: Duration = Duration::from_millis(200);

pub struct Sending<'a> {
    pub platform: &'a Platform,
    pub containers: &'a DockerEngine,
    pub goal: &'a Goal,
    pub stage: &'a Stage,
    pub names: &'a Names,
    pub state: State,
}

/// How far it is.
#[derive(Default)]
pub struct State {
    progress: Mutex<BTreeMap<String, PushProgress>>,
    sent: Mutex<BTreeSet<ServiceId>>,
    waiting: Notify,
}

impl Sending<'_> {
    /// Sends them all.
    ///
    /// # Errors
    /// The first that any has.
    pub async fn all(&self, images: &[ProductionImage]) -> Result {
        let mut brought_up = false;
        loop {
            let left = images
                .iter()
                .filter(|it| !self.sent().contains(&it.service));
            let left: Vec<&ProductionImage> = left.collect();
            let sending = stream::iter(left).map(|image| self.one(image));
            let sending = sending.buffered(AT_ONCE).collect::<Vec<Result>>();
            let trouble = tokio::select! {
                ended = sending => {
                    let ended: Result = ended.into_iter().collect();
                    return match ended {
                        Ok(()) => Ok(()),
                        Err(error) => Err(self.explained(error).await),
                    };
                }
                trouble = self.trouble() => trouble,
            };
            self.stage.busy(None);
            match trouble {
                Trouble::Gone(_) if !brought_up => {
                    brought_up = true;
                    self.stage
                        .say("the registry went away; it is brought up again");
                    self.platform.up(REGISTRY).await?;
                }
                trouble => return Err(goes_on(Error::from(trouble))),
            }
        }
    }

    async fn one(&self, image: &ProductionImage) -> Result {
        let begun = Instant::now();
        let repository = self.goal.repository(image);
        let by = PushAs {
            repository: &repository,
            tag: tag(image),
            auth: self.goal.auth.as_deref(),
            kept: self.names.keeps(&self.goal.name(image)),
        };
        let name = image.service.to_string();
        let progress = |it: PushProgress| self.goes(&name, Some(it));
        let pushed = self.containers.push(&image.tag, by, progress).await;
        self.goes(&name, None);
        let digest = pushed.map_err(|failure| engine_error(failure.into()))?;
        self.sent().insert(image.service.clone());
        self.goal
            .told(self.stage, image, &digest, Some(begun.elapsed()));
        Ok(())
    }

    /// Waits until the engine does, and there is a reason that goes beyond one
    /// broken connection.
    async fn trouble(&self) -> Trouble {
        if self.goal.local.is_none() {
            return std::future::pending().await;
        }
        self.state.waiting.notified().await;
        loop {
            match health::own(self.platform).await {
                Err(Trouble::Unclear(_)) => tokio::time::sleep(LOOK).await,
                Err(trouble) => return trouble,
                Ok(_) => {
                    if let Some(error) = health::ailment(self.platform).await {
                        return Trouble::Ill(error);
                    }
                    self.state.waiting.notified().await;
                }
            }
        }
    }

    /// The engine's words, and what can be told beyond them.
    async fn explained(&self, mut error: Error) -> Error {
        if self.goal.local.is_none() {
            return error;
        }
        let beneath = match health::own(self.platform).await {
            Err(trouble) => Some(Error::from(trouble)),
            Ok(_) => health::ailment(self.platform).await,
        };
        match beneath {
            Some(beneath) => {
                error.details.push(beneath.message);
                error.hints.extend(beneath.hints);
            }
            None => error.hints.push(health::logs(self.platform)),
        }
        goes_on(error)
    }

    fn goes(&self, service: &str, progress: Option<PushProgress>) {
        let all = &self.state.progress;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Some(progress) => {
                let before = all.insert(service.to_owned(), progress);
                // Each second is told; each time that it waits is looked at.
                if progress.waiting > before.map_or(0, |it| it.waiting) {
                    self.state.waiting.notify_one();
                }
            }
            None => drop(all.remove(service)),
        }
        let words: Vec<String> = all.iter().map(|(name, it)| words(name, it)).collect();
        self.stage
            .busy((!words.is_empty()).then(|| words.join("; ")).as_deref());
    }

    fn sent(&self) -> MutexGuard<'_, BTreeSet<ServiceId>> {
        let sent = self.state.sent.lock();
        sent.unwrap_or_else(PoisonError::into_inner)
    }
}

fn goes_on(error: Error) -> Error {
    error.hint("`hob registry push` goes on from there: what was sent is kept")
}

fn words(service: &str, it: &PushProgress) -> String {
    let PushProgress {
        done,
        layers,
        sent,
        total,
        waiting,
    } = *it;
    if waiting > 0 {
        return format!("pushing {service}: the registry does not take it; waiting to try again");
    }
    let size = match total {
        0 => String::new(),
        total => format!(", {} of {}", bytes(sent), bytes(total)),
    };
    format!("pushing {service}: {done} of {layers} layers{size}")
}
