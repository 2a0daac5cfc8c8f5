//! [`Instance`]: one version of a service, as it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use hob_engine::{AgentClient, ClientError, Engine, Verdict, owner};
use hob_platform::INGRESS;
use hob_stack::{Service, ServiceId};
use hob_wire::{Request, Status};

use crate::change::engine_error;
use crate::error::{Code, Error, Result};
use crate::platform::{self, Beside, Found};

/// How long an agent may take to say how its service is.
const ANSWER: Duration = Duration::from_secs(2);

/// How long an agent may take beyond the limits of its service.
const SLACK: Duration = Duration::from_secs(10);

/// One version of a service.
pub struct Instance<'a> {
    engine: &'a Engine,
    /// The service, as its file has it.
    service: &'a Service,
    /// The name that the version goes by.
    pub id: ServiceId,
}

/// How its requests came to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// There are none any more.
    Wholly,
    /// There still are some after the time that the service gives them.
    Not(Duration),
}

/// What became of one that gets no requests any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Laid {
    /// Its process ended, and starts again when it is to come back.
    Rests,
    /// It runs: a new process would be another one than this.
    GoesOn,
    /// There is nothing of it.
    IsGone,
}

impl<'a> Instance<'a> {
    pub fn new(engine: &'a Engine, service: &'a Service, id: ServiceId) -> Self {
        Self {
            engine,
            service,
            id,
        }
    }

    /// What its agent says; none unless it is up.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn status(&self) -> Result<Option<Status>> {
        let asked = BTreeSet::from([self.id.clone()]);
        let states = self.engine.services(&asked).await;
        let states = states.map_err(engine_error)?;
        let owner = owner(&self.id);
        let state = states.into_iter().find(|it| it.owner == owner);
        Ok(match state.map(|it| it.verdict) {
            Some(Verdict::Up(status)) => Some(*status),
            _ => None,
        })
    }

    /// That it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn serves(&self) -> Result {
        let status = self.agent()?.status(ANSWER).await;
        let status = status.map_err(|error| self.failed(error))?;
        if status.phase.serves() {
            return Ok(());
        }
        let problem = status.problem.map(|it| it.message);
        let problem = problem.unwrap_or_else(|| "its process ended".to_owned());
        Err(self.failed(format!("it does not answer any more: {problem}")))
    }

    /// Has neighbours find it by the service's name, or not; whether there is
    /// anything of it.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn known_as(&self, as_the_service: bool) -> Result<bool> {
        let (own, service) = (&self.id.service, &self.service.id.service);
        let names = [(own, own != service), (service, as_the_service)];
        let names = names.into_iter().filter(|(_, is_one)| *is_one);
        let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
        let known = self.engine.know_as(&self.id, &names).await;
        known.map_err(engine_error)
    }

    /// Waits until it has no request from the ingress any more, for as long as
    /// the service gives it. It gets no new ones.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn drain(&self) -> Result<Drained> {
        let status = self.status().await?;
        let Some(listen) = status.and_then(|status| status.listen) else {
            return Ok(Drained::Wholly);
        };
        let home = platform::home(self.engine.environment())?;
        let Found::Up(ingress) = Beside::settled(self.engine, &home, INGRESS).await else {
            return Ok(Drained::Wholly);
        };
        let limit = Duration::from(self.service.limits.drain);
        Ok(match ingress.drain(listen.addr.port(), limit).await? {
            true => Drained::Wholly,
            false => Drained::Not(limit),
        })
    }

    /// Has it rest, and no neighbour find it.
    ///
    /// # Errors
    /// It does not end within its limits, or the engine refuses.
    pub async fn lay_down(&self) -> Result<Laid> {
        let is_there = self.known_as(false).await?;
        if !is_there || self.status().await?.is_none() {
            return Ok(Laid::IsGone);
        }
        if !self.engine.is_whole(self.service) {
            return Ok(Laid::GoesOn);
        }
        let limits = &self.service.limits;
        let limit = Duration::from(limits.drain) + Duration::from(limits.grace) + SLACK;
        match self.agent()?.tell(&Request::Rest, limit).await {
            Ok(()) => Ok(Laid::Rests),
            Err(ClientError::Gone { .. }) => Ok(Laid::IsGone),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Has it run again when it rests, until it is ready. Whether there is
    /// anything of it.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn wake(&self) -> Result<bool> {
        // A hob that was killed may have cut it off.
        let is_there = self.known_as(false).await?;
        let status = self.status().await?;
        let Some(status) = status.filter(|_| is_there) else {
            return Ok(false);
        };
        if status.phase.serves() {
            return Ok(true);
        }
        let limit = Duration::from(self.service.limits.ready) + SLACK;
        match self.agent()?.restart(limit).await {
            Ok(()) => Ok(true),
            Err(ClientError::Silent { .. }) => {
                let seconds = limit.as_secs();
                Err(self.failed(format!("it was not ready within {seconds} s")))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn agent(&self) -> Result<AgentClient> {
        self.engine.agent(&self.id).map_err(engine_error)
    }

    fn failed(&self, why: impl std::fmt::Display) -> Error {
        let id = &self.id;
        Error::new(Code::Service, format!("{id}: {why}")).hint(format!("`hob logs {id}`"))
    }
}
