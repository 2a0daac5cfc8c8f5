//! [`Want`]: what a caller asks an engine for, in the project's words.

use std::collections::BTreeSet;
use std::sync::Arc;

use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use crate::resource::{Owner, Scope};

/// What a caller asks for.
#[derive(Debug, Clone)]
pub struct Want {
    /// What may be touched.
    pub scope: Scope,
    /// What the project's files say; none when only what is left of a project
    /// is to be taken down.
    pub project: Option<Arc<Project>>,
    /// What is to be up: with all that these services need, unless the user
    /// asked for them alone. Empty to take the scope down.
    pub services: BTreeSet<ServiceId>,
    /// How they are run.
    pub mode: Mode,
    /// Added to every fixed port, over the project's own offset.
    pub port_offset: u16,
    /// Whether volumes that are not asked for are removed.
    pub volumes: bool,
    /// The asking session's process: its own services are not busy to it.
    pub session: Option<u32>,
    /// Whether they run in the foreground of the caller: what ends is not
    /// started again.
    pub foreground: bool,
    /// Whether their agents are to be told what to run and not to run it: for
    /// a person who goes inside. Nothing is published.
    pub idle: bool,
    /// Whether only their images are to be there: nothing else of them is
    /// touched.
    pub built: bool,
    /// Whether services are changed although another session works with them.
    pub force: bool,
}

impl Want {
    /// These services up, and nothing else touched.
    #[must_use]
    pub fn up(project: Arc<Project>, services: BTreeSet<ServiceId>, mode: Mode) -> Self {
        Self {
            scope: Scope::Services(services.iter().map(owner).collect()),
            project: Some(project),
            services,
            mode,
            port_offset: 0,
            volumes: false,
            session: None,
            foreground: false,
            idle: false,
            built: false,
            force: false,
        }
    }

    /// Nothing of this scope up; whoever works with it.
    #[must_use]
    pub fn down(scope: Scope) -> Self {
        Self {
            scope,
            project: None,
            services: BTreeSet::new(),
            mode: Mode::Run,
            port_offset: 0,
            volumes: false,
            session: None,
            foreground: false,
            idle: false,
            built: false,
            force: true,
        }
    }
}

/// The owner that a service's resources name.
#[must_use]
pub fn owner(id: &ServiceId) -> Owner {
    Owner {
        stack: id.stack.to_string(),
        service: Some(id.service.to_string()),
    }
}
