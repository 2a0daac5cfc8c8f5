//! [`Sending`]: images on their way. Where the registry does not take a layer,
//! the engine tries again a few times, for most of a minute; what it cannot
//! know is looked at meanwhile: a registry that went away is brought up again,
//! and one that cannot keep anything ends the push at once.

#![expect(
    clippy::disallowed_methods,
    reason = "what a push took is measured where it is shown"
)]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use hob_engine::docker::{DockerEngine, ProductionImage, PushAs, PushProgress};
use hob_platform::REGISTRY;
use hob_stack::ServiceId;
use tokio::sync::Notify;

use super::goal::{Goal, tag};
use super::progress::Progress;
use crate::change::engine_error;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::stage::Stage;
use crate::verbs::registry::health::{self, Trouble};
use crate::verbs::registry::names::Names;

/// How many images are sent at once.
const AT_ONCE: usize = 4;

/// Between two lines of how far it is, where no terminal shows it all the time.
const TOLD: Duration = Duration::from_secs(10);

/// The columns beside what is under way: a mark before it, its time after it.
const BESIDE: usize = 12;

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
pub struct State {
    progress: Mutex<Progress>,
    sent: Mutex<BTreeSet<ServiceId>>,
    waiting: Notify,
}

impl State {
    /// Of so many images.
    pub fn new(count: usize) -> Self {
        Self {
            progress: Mutex::new(Progress::new(count)),
            sent: Mutex::default(),
            waiting: Notify::new(),
        }
    }
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
                never = self.tell() => match never {},
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
        let progress = |at: PushProgress| {
            // Each second is told; each time that it waits is looked at.
            if self.progress().goes(&name, at) {
                self.state.waiting.notify_one();
            }
            self.show();
        };
        let pushed = self.containers.push(&image.tag, by, progress).await;
        self.progress().ended(&name, pushed.is_ok());
        self.show();
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

    /// Has a person at a terminal see how far it is.
    fn show(&self) {
        let columns = self.stage.output().width.saturating_sub(BESIDE);
        let line = self.progress().line(columns);
        self.stage.busy(line.as_deref());
    }

    /// Says it from time to time where there is no terminal.
    async fn tell(&self) -> Infallible {
        loop {
            tokio::time::sleep(TOLD).await;
            let line = self.progress().line(usize::MAX);
            if let Some(line) = line.filter(|_| !self.stage.output().watched) {
                self.stage.say(line);
            }
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        let progress = self.state.progress.lock();
        progress.unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, BTreeSet<ServiceId>> {
        let sent = self.state.sent.lock();
        sent.unwrap_or_else(PoisonError::into_inner)
    }
}

fn goes_on(error: Error) -> Error {
    error.hint("`hob registry push` goes on from there: what was sent is kept")
}
