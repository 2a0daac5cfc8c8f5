//! [`Engine`]: the one that was chosen, and what it is asked for.
//!
//! `engine/choice.rs` chooses it; the order of a change is `change.rs`'s. What an
//! engine is asked for beyond a change is told apart here.

mod choice;
mod version;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hob_stack::ServiceId;
use tokio::sync::mpsc;

use crate::agent::{AgentClient, AgentWire};
use crate::apply::{Applied, Progress, apply};
use crate::change::{Lower, Work, planned};
use crate::docker::DockerEngine;
use crate::host::HostEngine;
use crate::ledger::{Ledger, LedgerError};
use crate::leftover::{Leftover, LeftoverKind};
use crate::lock::{Holding, LOCK_FILE, LockError};
use crate::paths::{LOG_FOLDER, Paths, PathsError};
use crate::plan::Plan;
use crate::setup::{ProjectRef, Setup};
use crate::want::Want;
use crate::world::Failure;

pub use choice::{Known, Surroundings};

/// A change could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The project's folders cannot be told or made.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// Another hob changes the project.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The engine could not look.
    #[error(transparent)]
    Observe(#[from] Failure),
}

/// Where the services of one project run.
#[derive(Debug, Clone)]
pub struct Engine {
    driver: Driver,
    reason: String,
}

#[derive(Debug, Clone)]
enum Driver {
    Host(Arc<HostEngine>),
    Docker(Arc<DockerEngine>),
}

impl Engine {
    /// Its name: `host`, `docker`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.driver {
            Driver::Host(_) => "host",
            Driver::Docker(_) => "docker",
        }
    }

    /// Why it is this one, in words that follow a "because".
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The project's folders.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        match &self.driver {
            Driver::Host(host) => &host.setup().paths,
            Driver::Docker(docker) => &docker.setup().paths,
        }
    }

    /// The environment of the caller.
    #[must_use]
    pub fn environment(&self) -> &std::collections::BTreeMap<String, String> {
        &self.setup().environment
    }

    /// The program that runs as hob.
    #[must_use]
    pub fn program(&self) -> &std::path::Path {
        &self.setup().executable.program
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> ProjectRef {
        ProjectRef {
            id: self.setup().project.clone(),
            root: self.setup().root.clone(),
        }
    }

    /// The number of the caller's user.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.setup().uid
    }

    fn setup(&self) -> &Setup {
        match &self.driver {
            Driver::Host(host) => host.setup(),
            Driver::Docker(docker) => docker.setup(),
        }
    }

    /// The plan for `want` as things are now, for people to read: nothing is
    /// locked and nothing changed.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn preview(&self, want: &Want) -> Result<Plan<()>, EngineError> {
        match &self.driver {
            Driver::Host(host) => Ok(planned(&**host, want).await?.0.outline()),
            Driver::Docker(docker) => Ok(planned(&**docker, want).await?.0.outline()),
        }
    }

    /// Locks the project, looks, and plans. `waiting` is called once when
    /// another hob has the lock, which is waited for up to `limit`.
    ///
    /// # Errors
    /// The lock was not free in time, or the engine could not look.
    pub async fn prepare(
        &self,
        want: &Want,
        limit: Duration,
        waiting: impl FnMut(Holding),
    ) -> Result<Prepared, EngineError> {
        match &self.driver {
            Driver::Host(host) => {
                let work = Work::prepare(host, want, limit, waiting).await?;
                Ok(Prepared {
                    plan: work.plan.outline(),
                    work: Prepare::Host(work),
                })
            }
            Driver::Docker(docker) => {
                let work = Work::prepare(docker, want, limit, waiting).await?;
                Ok(Prepared {
                    plan: work.plan.outline(),
                    work: Prepare::Docker(work),
                })
            }
        }
    }

    /// The agent of a service, whether it is there or not.
    ///
    /// # Errors
    /// The ledger, which knows where it is reached, cannot be read.
    pub fn agent(&self, id: &ServiceId) -> Result<AgentClient, EngineError> {
        match &self.driver {
            Driver::Host(host) => Ok(host.agent_of(id)?),
            Driver::Docker(docker) => Ok(docker.agent_of(id)),
        }
    }

    /// A connection to the agent of a service, on which nothing was said yet.
    ///
    /// # Errors
    /// The agent is not there, or nobody knows where.
    pub async fn connect(&self, id: &ServiceId) -> std::io::Result<AgentWire> {
        let agent = self.agent(id).map_err(std::io::Error::other)?;
        agent.connect().await
    }

    /// Every service that something is known of, with what its agent says;
    /// those of `asked` are in it in any case.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn services(
        &self,
        asked: &std::collections::BTreeSet<ServiceId>,
    ) -> Result<Vec<crate::ServiceState>, EngineError> {
        match &self.driver {
            Driver::Host(host) => Ok(host.services(asked).await?),
            Driver::Docker(docker) => Ok(docker.services(asked).await?),
        }
    }

    /// Where the process that answers for a service runs, and with what, of
    /// which its agent says `status`; none when there is none, or nobody can
    /// tell. What runs in a container is entered instead
    /// ([`containers`](Self::containers)).
    #[must_use]
    pub fn inside(&self, status: &hob_wire::Status) -> Option<crate::Inside> {
        match &self.driver {
            Driver::Host(host) => host.inside(status),
            Driver::Docker(_) => None,
        }
    }

    /// The engine of containers, for what only containers have.
    #[must_use]
    pub fn containers(&self) -> Option<&DockerEngine> {
        match &self.driver {
            Driver::Host(_) => None,
            Driver::Docker(docker) => Some(docker),
        }
    }

    /// Whether this process of this machine changes the project right now.
    #[must_use]
    pub fn is_changed_by(&self, pid: u32) -> bool {
        crate::lock::holds(&self.paths().state, LOCK_FILE, pid)
    }

    /// What the agent of a service would be told, or why it cannot run here.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn spec(
        &self,
        want: &Want,
        id: &ServiceId,
    ) -> Result<Result<hob_wire::Spec, crate::Obstacle>, EngineError> {
        match &self.driver {
            Driver::Host(host) => Ok(host.spec(want, id).await?),
            Driver::Docker(docker) => Ok(docker.spec(want, id).await?),
        }
    }

    /// The processes of this machine's own that are a service's, its agent's
    /// among them, whether that lives or not: their next plan ends what is left.
    /// What is in a container is not among them.
    #[must_use]
    pub fn processes_of(&self, id: &ServiceId) -> std::collections::BTreeSet<u32> {
        match &self.driver {
            Driver::Host(host) => host.processes_of(id),
            Driver::Docker(_) => std::collections::BTreeSet::new(),
        }
    }

    /// Ends every process of these services at once, without a grace. What
    /// they leave is for the next plan.
    pub async fn kill(&self, services: &std::collections::BTreeSet<ServiceId>) {
        match &self.driver {
            Driver::Host(host) => host.kill(services).await,
            Driver::Docker(docker) => docker.kill(services).await,
        }
    }

    /// Makes the project's folders, closed to everybody else.
    ///
    /// # Errors
    /// They cannot be made, or somebody else made them.
    pub fn make_folders(&self) -> Result<(), PathsError> {
        let setup = match &self.driver {
            Driver::Host(host) => host.setup(),
            Driver::Docker(docker) => docker.setup(),
        };
        setup.paths.make(&setup.root, setup.uid)
    }

    /// The folder that a service's agent fills, whether it is there or not.
    #[must_use]
    pub fn agent_folder(&self, stack: &str, service: &str) -> PathBuf {
        match &self.driver {
            Driver::Host(_) => self.paths().service(stack, service),
            Driver::Docker(_) => self.paths().container(stack, service),
        }
    }

    /// The folder of a service's stored log, and whether it is that of its
    /// last run: kept until its next one.
    #[must_use]
    pub fn logs_folder(&self, id: &ServiceId) -> (PathBuf, bool) {
        let (stack, service) = (id.stack.as_str(), id.service.as_str());
        let now = self.agent_folder(stack, service).join(LOG_FOLDER);
        let last = self.paths().last_log(stack, service);
        match !now.is_dir() && last.is_dir() {
            true => (last, true),
            false => (now, false),
        }
    }

    /// The services that have a log of their last run.
    #[must_use]
    pub fn last_logs(&self) -> Vec<ServiceId> {
        self.paths().last_logs()
    }

    /// Whether something that is left is on this engine: files are on this
    /// machine, whichever engine they are of.
    #[must_use]
    pub fn has(&self, left: &Leftover) -> bool {
        match (&self.driver, left.kind) {
            (_, LeftoverKind::Log) => false,
            (_, LeftoverKind::Record) => self.has_record(&left.what),
            (
                Driver::Host(_),
                LeftoverKind::Process | LeftoverKind::Port | LeftoverKind::Volume,
            ) => true,
            (Driver::Host(_), _) => !self.is_contained(),
            (Driver::Docker(_), kind) => kind.is_the_engines() || self.is_contained(),
        }
    }

    /// Whether a record of the ledger is of one of its resources.
    fn has_record(&self, what: &str) -> bool {
        let kinds = match &self.driver {
            Driver::Host(host) => host.kinds(),
            Driver::Docker(docker) => docker.kinds(),
        };
        let records = Ledger::peek(&self.paths().state).unwrap_or_default();
        let mut own = records.keys().filter(|id| kinds.contains(&id.kind));
        own.any(|id| id.to_string() == what)
    }

    /// Whether the project's folders hold something of containers.
    fn is_contained(&self) -> bool {
        let paths = self.paths();
        paths.containers().is_dir() || paths.programs().is_dir()
    }

    /// What can be told of it without asking an engine of containers.
    #[must_use]
    pub fn prove_here(&self) -> Vec<Leftover> {
        match &self.driver {
            Driver::Host(host) => host.prove(),
            Driver::Docker(docker) => crate::leftover::of_folders(&docker.setup().paths),
        }
    }

    /// Everything of the project that is there, running services and what is
    /// kept included.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn prove(&self) -> Result<Vec<Leftover>, Failure> {
        match &self.driver {
            Driver::Host(host) => Ok(host.prove()),
            Driver::Docker(docker) => docker.prove().await,
        }
    }
}

/// A planned change, with the right to perform it.
#[derive(Debug)]
pub struct Prepared {
    /// What it will do; the same as is performed.
    pub plan: Plan<()>,
    work: Prepare,
}

#[derive(Debug)]
enum Prepare {
    Host(Work<HostEngine>),
    Docker(Work<DockerEngine>),
}

impl Prepared {
    /// Performs the plan, then lets others at the project; when nothing of it
    /// is left, its state and runtime folders are gone, too. See
    /// [`apply()`](crate::apply()).
    pub async fn apply(
        self,
        progress: &mpsc::UnboundedSender<Progress>,
        cancel: impl Future<Output = ()>,
    ) -> Applied {
        match self.work {
            Prepare::Host(work) => performed(work, progress, cancel).await,
            Prepare::Docker(work) => performed(work, progress, cancel).await,
        }
    }
}

async fn performed<W: Lower>(
    work: Work<W>,
    progress: &mpsc::UnboundedSender<Progress>,
    cancel: impl Future<Output = ()>,
) -> Applied {
    let applied = apply(&work.plan, &work.world, &work.ledger, progress, cancel).await;
    work.close();
    applied
}
