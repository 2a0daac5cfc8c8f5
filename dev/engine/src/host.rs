//! The engine of this machine: one agent process a service, no container.
//!
//! Owns what "a service is up" means here. A service is a folder that its
//! agent fills, a folder for each volume, and the agent itself, which is told
//! its spec over a unix socket and owns the processes. What a killed agent
//! leaves behind are its remains: processes that carry its marks, a socket.
//!
//! `observe.rs` looks, `lower.rs` (pure) says what is wanted, `perform.rs`
//! acts; `prove.rs` lists what is left. Start with [`HostEngine`].

mod candidates;
mod direct;
mod environment;
mod facts;
mod gather;
mod leaders;
mod lower;
mod observe;
mod perform;
mod prove;
mod services;
mod tidy;

use std::path::{Path, PathBuf};

use crate::change::Lower;
use crate::paths::Paths;
use crate::resource::{DesiredSet, Digest, Kind, Observed, ResourceId};
use crate::setup::Setup;
use crate::want::Want;

pub use facts::HostFacts;
pub use lower::lower;
pub(crate) use services::agents_in;

/// The folder that an agent fills: builds, logs.
pub const FOLDER: Kind = Kind::new("folder");
/// The folder of a volume.
pub const VOLUME: Kind = Kind::new("volume");
/// The process that supervises a service.
pub const AGENT: Kind = Kind::new("agent");
/// What is left of an agent that is gone: everything that carries its marks.
pub const REMAINS: Kind = Kind::new("remains");
/// Processes of an earlier agent, beside a present one.
pub const ORPHANS: Kind = Kind::new("orphans");

/// The file in an agent's folder that takes what it says outside of its log.
pub const AGENT_ERRORS: &str = "agent.err";

/// The trait of an agent: whether the secrets in its environment are the
/// caller's. Their values are compared when it is observed, and only there.
const TRAIT_SECRETS: &str = "secret environment";

/// The fact of an agent in the ledger: its socket.
const FACT_SOCKET: &str = "socket";
/// The fact of an agent in the ledger: its service's port.
const FACT_PORT: &str = "port";
/// The fact of an agent in the ledger: the milliseconds that it may take to
/// end.
const FACT_STOP: &str = "stop-ms";

/// Services as supervised processes of this user on this machine.
#[derive(Debug)]
pub struct HostEngine {
    setup: Setup,
}

/// What the engine needs to know of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSpec {
    /// A folder to make, closed to others.
    Folder(PathBuf),
    /// An agent to run.
    Agent(Box<AgentSpec>),
}

/// An agent and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSpec {
    /// What it is told to run.
    pub spec: hob_wire::Spec,
    /// The fingerprint of all that its process depends on.
    pub digest: Digest,
    /// Where it listens.
    pub socket: PathBuf,
    /// Variables of the caller that it keeps because secrets are taken from
    /// them. Only names: the values are taken when it is started.
    pub secret_variables: Vec<String>,
}

impl HostEngine {
    /// The engine of one project.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self { setup }
    }

    /// What it was told.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
}

impl Lower for HostEngine {
    fn lower(&self, want: &Want, found: &Observed<Self::Facts>) -> DesiredSet<Self::Spec> {
        lower(&self.setup, want, &found.facts)
    }

    fn place(&self) -> (&Path, &Paths, u32) {
        (&self.setup.root, &self.setup.paths, self.setup.uid)
    }

    fn kinds(&self) -> &'static [Kind] {
        const { &[FOLDER, VOLUME, AGENT, REMAINS, ORPHANS] }
    }

    fn lingers(&self) -> std::time::Duration {
        // Its own hands do it.
        std::time::Duration::ZERO
    }

    fn tidy(&self) {
        self.take_away_dead();
    }
}

/// The agent of a service.
fn agent(stack: &str, service: &str) -> ResourceId {
    ResourceId::of_service(stack, service, AGENT)
}

/// The folder of a service's agent.
fn folder(stack: &str, service: &str) -> ResourceId {
    ResourceId::of_service(stack, service, FOLDER)
}
