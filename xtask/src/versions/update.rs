//! [`Update`]: one service on its way from a version to another, step by step.
//!
//! Each step is noted before it is taken ([`Rollout`]), so that whoever comes
//! after a hob that was killed brings the service to rest ([`Update::settle`]).

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hob_engine::{Engine, Rollout, Rollouts, Scope, UpdateStep, Version, Want, named, owner};
use hob_platform::INGRESS;
use hob_stack::{Project, Service, ServiceId};
use hob_wire::Mode;

use super::instance::{Drained, Instance, Laid};
use super::{known, put_in_place, rollouts_error};
use crate::change::{LOCK, Words, change_within};
use crate::error::{Code, Error, Result};
use crate::platform::{self, Announcer, Beside, Found};
use crate::stage::Stage;

/// Between two looks at a version that gets a part of the requests.
const LOOK: Duration = Duration::from_millis(100);

/// That there is somebody who moves requests.
///
/// # Errors
/// There is nobody, or it does not say so.
pub async fn ingress_is_up(engine: &Engine) -> Result {
    let home = platform::home(engine.environment())?;
    match Beside::settled(engine, &home, INGRESS).await {
        Found::Up(_) => Ok(()),
        Found::Down | Found::Left(_) | Found::Fails | Found::Unknown => {
            let error = "requests come to versions by the ingress, which is not up";
            Err(Error::failed(error).hint("`hob ingress up`"))
        }
    }
}

/// One service on its way.
pub struct Update<'a> {
    engine: &'a Engine,
    stage: &'a Stage,
    /// The project as its files have it.
    files: &'a Project,
    service: &'a Service,
    rollouts: Rollouts,
    rollout: Rollout,
}

/// How requests come to a new version.
#[derive(Debug, Clone)]
pub struct Moves {
    /// How many of a hundred, one after the other, before all of them.
    pub percents: Vec<u8>,
    /// How long each of these lasts.
    pub pause: Duration,
}

impl<'a> Update<'a> {
    /// A service of these files, however far an update of it has come.
    ///
    /// # Errors
    /// What is known of its versions cannot be read.
    pub fn find(
        engine: &'a Engine,
        stage: &'a Stage,
        files: &'a Project,
        service: &'a Service,
    ) -> Result<Self> {
        let rollouts = known(engine)?;
        let rollout = rollouts.of(&service.id).cloned().unwrap_or_default();
        Ok(Self {
            engine,
            stage,
            files,
            service,
            rollouts,
            rollout,
        })
    }

    /// How far it has come.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// The next number that no service of the stack goes by.
    pub fn next(&self) -> Version {
        let stack = self.files.stacks.get(&self.service.id.stack);
        let names = stack.into_iter().flat_map(|it| it.services.keys().cloned());
        self.rollout
            .next(&self.service.id.service, &names.collect())
    }

    /// Brings a new version up beside the current one and moves all requests to
    /// it. What does not come up is undone.
    ///
    /// # Errors
    /// It does not become ready, or something could not be done.
    pub async fn forward(
        &mut self,
        to: Version,
        moves: &Moves,
        port_offset: u16,
        cancel: impl Future<Output = ()>,
    ) -> Result {
        let id = self.id(&to)?;
        let current = self.id(self.rollout.current())?;
        let mut project = self.files.clone();
        project
            .put_beside(&self.service.id, &id.service)
            .map_err(|error| {
                Error::usage(error.to_string()).hint("another version: `--to VERSION`")
            })?;
        put_in_place(&self.rollouts, &mut project)?;
        self.step(|rollout| rollout.begin(to.clone()))?;
        self.stage.say(format!("{id} comes up beside {current}"));
        let mut want = Want::up(Arc::new(project), BTreeSet::from([id.clone()]), Mode::Run);
        want.port_offset = port_offset;
        tokio::pin!(cancel);
        let words = Words::default();
        let changed =
            change_within(self.engine, &want, self.stage, LOCK, &words, &mut cancel).await;
        let came = changed.and_then(|changed| changed.result());
        self.go_on(came, moves, cancel).await
    }

    /// Has the version before come back and moves all requests to it.
    ///
    /// # Errors
    /// It is not there any more, or does not become ready.
    pub async fn back(
        &mut self,
        to: Version,
        moves: &Moves,
        cancel: impl Future<Output = ()>,
    ) -> Result {
        let instance = self.instance(&to)?;
        self.step(|rollout| rollout.begin(to.clone()))?;
        let id = &instance.id;
        self.stage.say(format!("{id} comes back"));
        tokio::pin!(cancel);
        let came = tokio::select! {
            came = instance.wake() => came,
            () = &mut cancel => Err(Error::said(Code::Interrupted)),
        };
        let name = &self.service.id.service;
        let gone = || {
            let error = Error::failed(format!("{id} is not there any more"));
            error.hint(format!("`hob roll {name}` makes a version of its files"))
        };
        let came = came.and_then(|is_there| is_there.then_some(()).ok_or_else(gone));
        self.go_on(came, moves, cancel).await
    }

    /// From a version that is ready, or failed, to the end.
    async fn go_on(
        &mut self,
        came: Result,
        moves: &Moves,
        cancel: impl Future<Output = ()>,
    ) -> Result {
        let moved = match came {
            Ok(()) => tokio::select! {
                moved = self.move_requests(moves) => moved,
                () = cancel => Err(Error::said(Code::Interrupted)),
            },
            failed => failed,
        };
        if let Err(error) = moved {
            error.complain();
            let code = error.code;
            if let Err(undoing) = self.undo().await {
                if undoing.message != error.message {
                    undoing.complain();
                }
                self.stage
                    .say("it is left half done: the next `hob up` or `hob roll` undoes it");
                return Err(Error::said(undoing.code));
            }
            return Err(Error::said(code));
        }
        self.step(Rollout::commit)?;
        self.settle().await
    }

    /// Gives what comes up its part of the requests, and more step by step.
    async fn move_requests(&mut self, moves: &Moves) -> Result {
        let Some(UpdateStep::Starting { to }) = self.rollout.step().cloned() else {
            return Ok(());
        };
        let instance = self.instance(&to)?;
        let id = &instance.id;
        instance.known_as(true).await?;
        instance.serves().await?;
        for percent in &moves.percents {
            self.step(|rollout| rollout.move_to(*percent))?;
            self.tell().await?;
            ingress_is_up(self.engine).await?;
            self.stage
                .say(format!("{percent} of 100 requests go to {id}"));
            let end = tokio::time::Instant::now() + moves.pause;
            while tokio::time::Instant::now() < end {
                tokio::time::sleep(LOOK.min(moves.pause)).await;
                instance.serves().await?;
                ingress_is_up(self.engine).await?;
            }
        }
        // What is committed is not taken back.
        ingress_is_up(self.engine).await
    }

    /// Takes back what was not committed, and says so.
    pub async fn undo(&mut self) -> Result {
        let Some(UpdateStep::Starting { to } | UpdateStep::Moving { to, .. }) =
            self.rollout.step().cloned()
        else {
            return Ok(());
        };
        let (id, current) = (self.id(&to)?, self.id(self.rollout.current())?);
        self.step(Rollout::undo)?;
        self.settle().await?;
        let status = self.instance(self.rollout.current())?.status().await?;
        let goes_on = match status.filter(|it| !it.phase.serves()) {
            Some(_) => format!("{current}, which does not answer, is as it was"),
            None => format!("{current} goes on"),
        };
        self.stage.say(format!("{goes_on}; {id} is undone"));
        Ok(())
    }

    /// Finishes or undoes what a hob that was killed left half done, and says
    /// so.
    ///
    /// # Errors
    /// Something could not be done.
    pub async fn settle_after_another(&mut self) -> Result {
        if self.rollout.step().is_none() {
            return Ok(());
        }
        if self.rollout.is_committed() {
            let current = self.id(self.rollout.current())?;
            self.stage.say(format!(
                "an update to {current} was not finished; finishing it"
            ));
            return self.settle().await;
        }
        self.stage.say("an update was not finished; undoing it");
        self.undo().await
    }

    /// Brings the service to rest: requests go where they are to go, and what
    /// gets none any more ends what it has, and rests or goes.
    ///
    /// # Errors
    /// Something could not be done; the next one tries again.
    pub async fn settle(&mut self) -> Result {
        let Some(rest) = self.rollout.rest() else {
            return Ok(());
        };
        self.tell().await?;
        let current = self.id(self.rollout.current())?;
        let committed = self.rollout.is_committed();
        if committed {
            self.stage.say(match ingress_is_up(self.engine).await {
                Ok(()) => format!("all requests go to {current}"),
                Err(_) => format!(
                    "the ingress is not up: all requests go to {current} once it is \
                     (`hob ingress up`)"
                ),
            });
        }
        let leaving = rest.resting.iter().chain(&rest.undone);
        for version in leaving {
            let instance = self.instance(version)?;
            if let Drained::Not(limit) = instance.drain().await? {
                let (id, seconds) = (&instance.id, limit.as_secs());
                self.stage.say(format!(
                    "{id} still has requests after {seconds} s (`drain` of its limits)"
                ));
            }
        }
        let mut gone: BTreeSet<&Version> = rest.gone.iter().collect();
        if let Some(version) = &rest.resting {
            let instance = self.instance(version)?;
            let back = format!("`hob roll {} --back`", self.service.id.service);
            let id = &instance.id;
            let words = match instance.lay_down().await? {
                Laid::Rests => Some(format!("{id} rests: {back} has it again")),
                Laid::GoesOn => Some(format!(
                    "{id} goes on without requests, since it reads its sources: {back}"
                )),
                Laid::IsGone => {
                    self.rollout.forget_previous();
                    gone.insert(version);
                    None
                }
            };
            if let Some(words) = words.filter(|_| committed) {
                self.stage.say(words);
            }
        }
        if let Some(undone) = &rest.undone {
            self.take_down(undone, false, &Words::default()).await?;
        }
        for version in gone {
            // What is kept of the first one is the service's own.
            let with_all = *version != Version::first();
            let words = Words::troubles_alone();
            self.take_down(version, with_all, &words).await?;
        }
        self.step(Rollout::finish)
    }

    async fn take_down(&self, version: &Version, with_all: bool, words: &Words) -> Result {
        let scope = Scope::Services(BTreeSet::from([owner(&self.id(version)?)]));
        let mut want = Want::down(scope);
        want.volumes = with_all;
        let never = std::future::pending();
        let changed = change_within(self.engine, &want, self.stage, LOCK, words, never).await?;
        changed.result()
    }

    /// Has the ingress and the resolver know what is so now.
    async fn tell(&self) -> Result {
        match Announcer::find(self.engine, Some(self.files)) {
            Some(announcer) => announcer.tell().await,
            // It may go on with what it read last, of which nothing may go.
            None => Err(Error::failed("what the ingress reads is gone").hint("`hob ingress up`")),
        }
    }

    fn instance(&self, version: &Version) -> Result<Instance<'a>> {
        Ok(Instance::new(self.engine, self.service, self.id(version)?))
    }

    /// The name that a version goes by.
    fn id(&self, version: &Version) -> Result<ServiceId> {
        named(&self.service.id, version).ok_or_else(|| {
            let (service, limit) = (&self.service.id.service, hob_stack::LABEL_LIMIT);
            let error = format!("`{service}-{version}` has more than {limit} characters");
            Error::usage(error).hint("a shorter version: `--to VERSION`")
        })
    }

    /// Notes a step before it is taken.
    fn step(&mut self, change: impl FnOnce(&mut Rollout)) -> Result {
        change(&mut self.rollout);
        self.rollouts
            .set(self.service.id.clone(), self.rollout.clone());
        let kept = self.engine.keep_rollouts(&self.rollouts);
        kept.map_err(rollouts_error)
    }
}
