//! The wait for a service: until its agent says that it is ready, is done, or
//! will not be ready.
//!
//! Owns what a status means for `up`. An agent tries a process that ends
//! before it is ready again and again, more and more rarely, for as long as it
//! lives; whoever waits here is told after a while instead. Start with
//! [`ready`].

use std::time::Duration;

use hob_wire::{Event, EventKind, Phase, Problem, Reply, Request, Stage, Status};
use tokio::time::Instant;

use super::told::Told;
use super::{ClientError, fixed};
use crate::world::Failure;

/// A process that ended so often in a row before it was ready will not be.
const OFTEN: u32 = 3;

/// For how long it is tried nevertheless: what it wants without needing it may
/// be starting beside it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an agent may take to be connected to.
const CONNECT: Duration = Duration::from_secs(10);

/// Waits until the agent says that its service is ready, or that it will not
/// be.
pub(super) async fn ready(agent: &Told<'_>, limit: Duration) -> Result<(), Failure> {
    let client = &agent.client;
    let mut last = None;
    let watching = async {
        let mut connection = client
            .open(&Request::Watch { logs: false }, CONNECT)
            .await?;
        let mut crashes = Crashes::default();
        loop {
            let next = connection.receiver.next();
            let reply = match crashes.end(agent.spec.limits.ready.into()) {
                Some(end) => match tokio::time::timeout_at(end, next).await {
                    Ok(reply) => reply?,
                    Err(_) => return Ok(Err(crashes.failure(&agent.spec.service))),
                },
                None => next.await?,
            };
            match reply {
                Some(Reply::Status(status)) => {
                    if let Some(verdict) = verdict(&status, agent) {
                        return Ok(verdict);
                    }
                    last = Some(status.phase);
                    crashes.see(*status, Instant::now());
                }
                Some(Reply::Event(event)) => crashes.hear(&event, Instant::now()),
                Some(_) => {}
                None => break,
            }
        }
        Err(ClientError::Gone {
            place: client.place(),
        })
    };
    match tokio::time::timeout(limit, watching).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(error)) => Err(agent.explained(error)),
        Err(_) => Err(Failure::service(format!(
            "it was not ready within {} s: {}",
            limit.as_secs(),
            last.map_or("its agent said nothing", in_words),
        ))),
    }
}

/// How often a process ended before it was ready, in a row.
#[derive(Debug, Default)]
struct Crashes {
    times: u32,
    since: Option<Instant>,
    problem: Option<Problem>,
}

impl Crashes {
    /// When the wait is over unless something else is heard until then; none
    /// while nothing ended.
    fn end(&self, ready: Duration) -> Option<Instant> {
        let patience = match self.times {
            OFTEN.. => ready.min(PATIENCE),
            _ => ready,
        };
        Some(self.since? + patience)
    }

    fn see(&mut self, status: Status, now: Instant) {
        match status.phase {
            // Something else is tried now.
            Phase::Building => *self = Self::default(),
            Phase::Backoff => {
                self.times = self.times.max(1);
                self.since.get_or_insert(now);
                self.problem = status.problem;
            }
            _ => {}
        }
    }

    fn hear(&mut self, event: &Event, now: Instant) {
        let again = match &event.kind {
            EventKind::Failed { stage, .. } => *stage == Stage::Start,
            EventKind::Crashed { retry_ms, .. } => retry_ms.is_some(),
            _ => false,
        };
        if again {
            self.times += 1;
            self.since.get_or_insert(now);
        }
    }

    fn failure(&self, service: &str) -> Failure {
        match &self.problem {
            Some(problem) => told(problem, service),
            None => Failure::service("its process ends again and again"),
        }
    }
}

/// What a status says about the end of the wait; none while it goes on.
fn verdict(status: &Status, agent: &Told<'_>) -> Option<Result<(), Failure>> {
    // An address that it may keep was not told anew.
    if fixed::unaddressed(&status.spec_digest) != fixed::unaddressed(agent.digest.as_str()) {
        let message = "somebody else told its agent something new meanwhile";
        return Some(Err(Failure::operation(message)));
    }
    match status.phase {
        Phase::Ready => Some(Ok(())),
        Phase::Stopped if status.done.is_some() => Some(Ok(())),
        Phase::Stale | Phase::Failed | Phase::Stopped => {
            Some(Err(match (&status.problem, status.phase) {
                (Some(problem), _) => told(problem, &status.service),
                (None, Phase::Stopped) => Failure::service("it ended"),
                (None, _) => Failure::service("it failed"),
            }))
        }
        Phase::Waiting
        | Phase::Resting
        | Phase::Building
        | Phase::Starting
        | Phase::Updating
        | Phase::Backoff => None,
    }
}

fn told(problem: &Problem, service: &str) -> Failure {
    let lines = problem.output.iter().map(|line| line.text.clone());
    let failure = Failure::service(problem.message.clone()).output(lines.collect());
    match problem.stage {
        Stage::Build => failure,
        Stage::Start | Stage::Ready | Stage::Crash => {
            failure.hint(format!("`hob logs {service}` shows all of it"))
        }
    }
}

fn in_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "it waits for what it needs",
        Phase::Resting => "it was told to rest",
        Phase::Building => "its build still runs",
        Phase::Starting => "its process runs and does not answer",
        Phase::Updating => "an older generation still answers",
        Phase::Backoff => "its process ends again and again",
        Phase::Ready | Phase::Stale | Phase::Failed | Phase::Stopped => {
            "its state changed too late"
        }
    }
}
