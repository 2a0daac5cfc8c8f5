//! What it takes to have one version of a service beside another.

use std::time::Duration;

use hob_stack::{Form, Service, ServiceId};
use hob_wire::Mode;

use super::{Driver, Engine, EngineError};
use crate::docker;
use crate::lock::{self, Holding, ProjectLock};
use crate::rollouts::{Rollouts, RolloutsError, UPDATES_LOCK};

impl Engine {
    /// The right to update services of the project, from the first step to the
    /// last. `waiting` is called once when another hob has it.
    ///
    /// # Errors
    /// It was not free within `limit`, or the project's folders cannot be made.
    pub async fn lock_updates(
        &self,
        limit: Duration,
        waiting: impl FnMut(Holding),
    ) -> Result<ProjectLock, EngineError> {
        self.make_folders()?;
        let state = &self.paths().state;
        Ok(ProjectLock::acquire(state, UPDATES_LOCK, limit, waiting).await?)
    }

    /// Whether somebody may be updating a service of the project, or was killed
    /// while doing so.
    #[must_use]
    pub fn may_be_updated(&self) -> bool {
        self.paths().state.join(UPDATES_LOCK).is_file()
    }

    /// Whether this process holds that right.
    #[must_use]
    pub fn is_updated_by(&self, pid: u32) -> bool {
        lock::holds(&self.paths().state, UPDATES_LOCK, pid)
    }

    /// The versions of the project's services on this engine.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn rollouts(&self) -> Result<Rollouts, RolloutsError> {
        Rollouts::load(&self.paths().state, self.name())
    }

    /// Keeps them, in the project's folders.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep_rollouts(&self, rollouts: &Rollouts) -> Result<(), RolloutsError> {
        rollouts.store(&self.paths().state, self.name())
    }

    /// Has a running service known by these names alone where neighbours find
    /// it by name; whether there is anything of it that could be. On this machine
    /// they do not: they are told its port.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn know_as(&self, id: &ServiceId, names: &[&str]) -> Result<bool, EngineError> {
        match &self.driver {
            Driver::Host(_) => Ok(true),
            Driver::Docker(docker) => Ok(docker.know_as(id, names).await?),
        }
    }

    /// Whether neighbours find a service by name, whichever version of it
    /// runs.
    #[must_use]
    pub fn has_names(&self) -> bool {
        matches!(self.driver, Driver::Docker(_))
    }

    /// Whether a process of this service in production form reads nothing that
    /// may change by its next start: it is of an image, or was built.
    #[must_use]
    pub fn is_whole(&self, service: &Service) -> bool {
        let form = &service.run_form;
        let built = matches!(form, Form::Program { build: Some(_), .. });
        match &self.driver {
            Driver::Host(_) => built,
            Driver::Docker(_) => built || docker::is_as_its_image_says(service, Mode::Run),
        }
    }
}
