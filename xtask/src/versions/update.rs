//! [`Update`]: one service on its way from a version to another, step by step.
//!
//! Each step is noted before it is taken ([`Rollout`]), so that whoever comes
//! after a hob that was killed brings the service to rest ([`Update::settle`]).

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hob_engine::{
    ClientError, Engine, Rollout, Rollouts, Scope, UpdateStep, Verdict, Version, Want, named, owner,
};
use hob_platform::INGRESS;
use hob_stack::{Project, Service, ServiceId};
use hob_wire::{Mode, Request, Status};

use super::{put_in_place, rollouts_error};
use crate::change::{change, engine_error};
use crate::error::{Code, Error, Result};
use crate::platform::{self, Announcer, Beside, Found};
use crate::stage::Stage;

/// How long an agent may take to say how its service is, and between two looks
/// at one that gets a part of the requests.
const ANSWER: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);

/// How long an agent may take beyond the limits of its service.
const SLACK: Duration = Duration::from_secs(10);

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
        let rollouts = Rollouts::load(&engine.paths().state).map_err(rollouts_error)?;
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

    /// What the agent of a version says; none unless it is up.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn status(&self, version: &Version) -> Result<Option<Status>> {
        let id = self.id(version)?;
        let states = self.engine.services(&BTreeSet::from([id.clone()])).await;
        let states = states.map_err(engine_error)?;
        let owner = owner(&id);
        let state = states.into_iter().find(|it| it.owner == owner);
        Ok(match state.map(|it| it.verdict) {
            Some(Verdict::Up(status)) => Some(*status),
            _ => None,
        })
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
        let changed = change(self.engine, &want, self.stage, &mut cancel).await;
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
        let id = self.id(&to)?;
        // A hob that was killed may have cut it off.
        let is_there = self.known_as(&id, false).await?;
        if !is_there || self.status(&to).await?.is_none() {
            let error = format!("{id} is not there any more");
            let name = &self.service.id.service;
            return Err(Error::failed(error)
                .hint(format!("`hob roll {name}` makes a version of its files")));
        }
        self.step(|rollout| rollout.begin(to.clone()))?;
        self.stage.say(format!("{id} comes back"));
        tokio::pin!(cancel);
        let came = tokio::select! {
            came = self.wake(&id) => came,
            () = &mut cancel => Err(Error::said(Code::Interrupted)),
        };
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
            self.undo().await?;
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
        let id = self.id(&to)?;
        self.known_as(&id, true).await?;
        self.serves(&id).await?;
        for percent in &moves.percents {
            self.step(|rollout| rollout.move_to(*percent))?;
            self.tell().await?;
            self.stage
                .say(format!("{percent} of 100 requests go to {id}"));
            let end = tokio::time::Instant::now() + moves.pause;
            while tokio::time::Instant::now() < end {
                tokio::time::sleep(LOOK.min(moves.pause)).await;
                self.serves(&id).await?;
            }
        }
        Ok(())
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
        self.stage.say(format!("{current} goes on; {id} is undone"));
        Ok(())
    }

    /// Finishes or undoes what a hob that was killed left half done, and says
    /// so.
    ///
    /// # Errors
    /// Something could not be done.
    pub async fn settle_after_another(&mut self) -> Result {
        match self.rollout.step() {
            None => return Ok(()),
            Some(UpdateStep::Leaving { .. }) => {
                let current = self.id(self.rollout.current())?;
                self.stage.say(format!(
                    "an update to {current} was not finished; it is now"
                ));
                return self.settle().await;
            }
            Some(UpdateStep::Starting { .. } | UpdateStep::Moving { .. }) => {}
        }
        self.stage.say("an update was not finished; it is undone");
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
        let committed = matches!(self.rollout.step(), Some(UpdateStep::Leaving { .. }));
        if committed {
            self.stage.say(format!("all requests go to {current}"));
        }
        let leaving = rest.resting.iter().chain(&rest.gone);
        for version in leaving {
            self.drain(version).await?;
        }
        let mut gone = rest.gone.clone();
        if let Some(version) = &rest.resting {
            if self.lay_down(version).await? {
                let id = self.id(version)?;
                if committed {
                    let name = &self.service.id.service;
                    self.stage
                        .say(format!("{id} rests: `hob roll {name} --back` has it again"));
                }
            } else {
                self.rollout.forget_previous();
                gone.push(version.clone());
            }
        }
        let gone = gone.iter().map(|it| Ok(owner(&self.id(it)?)));
        let gone = gone.collect::<Result<BTreeSet<_>>>()?;
        if !gone.is_empty() {
            let want = Want::down(Scope::Services(gone));
            let changed = change(self.engine, &want, self.stage, std::future::pending()).await?;
            changed.result()?;
        }
        self.step(Rollout::finish)
    }

    /// Has the ingress and the resolver know what is so now.
    async fn tell(&self) -> Result {
        match Announcer::find(self.engine, Some(self.files)) {
            Some(announcer) => announcer.tell().await,
            None => Ok(()),
        }
    }

    /// Waits until a version that gets no new requests has none any more, for
    /// as long as the service gives it.
    async fn drain(&self, version: &Version) -> Result {
        let status = self.status(version).await?;
        let listen = status.and_then(|status| status.listen);
        let Some(listen) = listen else {
            return Ok(());
        };
        let Ok(home) = platform::home(self.engine.environment()) else {
            return Ok(());
        };
        if let Found::Up(ingress) = Beside::find(self.engine, &home, INGRESS).await {
            let limit = Duration::from(self.service.limits.drain);
            if !ingress.drain(listen.addr.port(), limit).await? {
                let (id, seconds) = (self.id(version)?, limit.as_secs());
                self.stage.say(format!(
                    "{id} still has requests after {seconds} s (`drain` of its limits)"
                ));
            }
        }
        Ok(())
    }

    /// Has a version rest, and no neighbour find it. Where a new process would
    /// be another one than this, it goes on and gets no requests. Whether there
    /// is anything to come back.
    async fn lay_down(&self, version: &Version) -> Result<bool> {
        let id = self.id(version)?;
        let is_there = self.known_as(&id, false).await?;
        if !is_there || self.status(version).await?.is_none() {
            return Ok(false);
        }
        if !self.engine.is_whole(self.service) {
            return Ok(true);
        }
        let limits = &self.service.limits;
        let limit = Duration::from(limits.drain) + Duration::from(limits.grace) + SLACK;
        let agent = self.engine.agent(&id).map_err(engine_error)?;
        match agent.tell(&Request::Rest, limit).await {
            Ok(()) => Ok(true),
            Err(ClientError::Gone { .. }) => Ok(false),
            Err(error) => Err(Error::failed(format!("{id}: {error}"))),
        }
    }

    /// Has a version that rests run again, until it is ready.
    async fn wake(&self, id: &ServiceId) -> Result {
        let agent = self.engine.agent(id).map_err(engine_error)?;
        let limits = &self.service.limits;
        let limit = Duration::from(limits.ready) + SLACK;
        let failed = |error: ClientError| {
            Error::new(Code::Service, format!("{id}: {error}")).hint(format!("`hob logs {id}`"))
        };
        let status = agent.status(ANSWER).await.map_err(failed)?;
        if status.phase.serves() {
            return Ok(());
        }
        let waking = async {
            let mut connection = agent.open(&Request::Restart, limit).await?;
            loop {
                match connection.receiver.next().await? {
                    Some(hob_wire::Reply::Done) => return Ok(()),
                    Some(_) => {}
                    None => {
                        let place = id.to_string();
                        return Err(ClientError::Gone { place });
                    }
                }
            }
        };
        let woken = tokio::time::timeout(limit, waking).await;
        woken
            .unwrap_or_else(|_| {
                let place = id.to_string();
                Err(ClientError::Silent { place, limit })
            })
            .map_err(failed)
    }

    /// Has neighbours find a version by the service's name, or not; whether
    /// there is anything of it.
    async fn known_as(&self, id: &ServiceId, as_the_service: bool) -> Result<bool> {
        let service = &self.service.id.service;
        let mut names = Vec::new();
        if id.service != *service {
            names.push(id.service.as_str());
        }
        if as_the_service {
            names.push(service.as_str());
        }
        let known = self.engine.know_as(id, &names).await;
        known.map_err(engine_error)
    }

    /// That a version answers.
    async fn serves(&self, id: &ServiceId) -> Result {
        let agent = self.engine.agent(id).map_err(engine_error)?;
        let status = agent.status(ANSWER).await.map_err(|error| {
            Error::new(Code::Service, format!("{id}: {error}")).hint(format!("`hob logs {id}`"))
        })?;
        if status.phase.serves() {
            return Ok(());
        }
        let problem = status.problem.map(|it| it.message);
        let problem = problem.unwrap_or_else(|| "its process ended".to_owned());
        let error = format!("{id} does not answer any more: {problem}");
        Err(Error::new(Code::Service, error).hint(format!("`hob logs {id}`")))
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
        let state = &self.engine.paths().state;
        self.rollouts
            .set(self.service.id.clone(), self.rollout.clone());
        self.rollouts.store(state).map_err(rollouts_error)
    }
}
