//! The engine of containers: one container a service, its agent as PID 1.
//!
//! Owns what "a service is up" means in Docker. A stack is a network in which
//! its services find each other by name. A service is an image that it runs
//! from, a folder of this machine that its agent fills, a volume for each of
//! its kept folders and caches, and the container. Everything carries labels
//! (`labels.rs`), by which it is found again; names are for people only.
//!
//! `observe.rs` looks, `lower.rs` (pure) says what is wanted, `perform.rs`
//! acts; `prove.rs` lists what is left. Start with [`DockerEngine`].

mod agents;
mod alias;
mod bases;
mod body;
mod client;
mod containers;
mod direct;
pub mod endpoint;
mod facts;
mod found;
mod gather;
mod held;
mod images;
mod labels;
mod lower;
mod observe;
mod perform;
pub(crate) mod probe;
mod program;
mod prove;
mod push;
mod services;
mod spec;
mod tidy;
mod visit;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use hob_stack::{Project, Service};
use hob_wire::Mode;

use crate::change::Lower;
use crate::paths::Paths;
use crate::resource::{DesiredSet, Kind, Observed, ResourceId};
use crate::setup::Setup;
use crate::want::Want;

pub use direct::Currency;
pub use endpoint::{Refusal, Resolved};
pub use facts::DockerFacts;
pub use hob_builder::PushProgress;
pub use lower::lower;
pub use push::{ProductionImage, PushAs};
pub use spec::{ContainerSpec, DockerSpec};
pub use visit::{Input, Said, Terminal, Visit};

pub(crate) use lower::is_as_its_image_says;
pub(crate) use services::projects;

/// The network of a stack.
pub const NETWORK: Kind = Kind::new("network");
/// An image that hob builds.
pub const IMAGE: Kind = Kind::new("image");
/// An image that is there or pulled, never built from a stack's Dockerfile and
/// never removed.
pub const BASE: Kind = Kind::new("base image");
/// The program of agents, built by the engine and taken out of its image.
pub const AGENT_PROGRAM: Kind = Kind::new("agent program");
/// The folder of this machine that an agent fills.
pub const FOLDER: Kind = Kind::new("container folder");
/// A kept folder of a service.
pub const VOLUME: Kind = Kind::new("container volume");
/// A cache of a service.
pub const CACHE: Kind = Kind::new("cache");
/// The container of a service.
pub const CONTAINER: Kind = Kind::new("container");

/// How the engine is reached and what else the user said of it.
#[derive(Debug, Clone)]
pub struct DockerSetup {
    /// What every engine is told.
    pub setup: Setup,
    /// Where it answers.
    pub resolved: Resolved,
    /// The group of the user that calls.
    pub gid: u32,
}

/// Services as containers of a Docker engine.
#[derive(Debug)]
pub struct DockerEngine {
    setup: Setup,
    gid: u32,
    client: client::Client,
    /// The programs that containers of this project run from, as they were
    /// last seen.
    programs: Mutex<BTreeSet<String>>,
    /// The program that was built for this project, if it was looked at.
    built: Mutex<Option<String>>,
    /// Held by who lays a program out for containers: all of them want it at
    /// once.
    laying_out: tokio::sync::Mutex<()>,
    /// The base images that are being made.
    bases: bases::Bases<hob_builder::base::BaseError>,
}

impl DockerEngine {
    /// The engine of one project. Connects to nothing yet.
    ///
    /// # Errors
    /// The place cannot be one of an engine.
    pub fn new(setup: DockerSetup) -> Result<Self, crate::Failure> {
        Ok(Self {
            client: client::Client::new(setup.resolved)?,
            gid: setup.gid,
            setup: setup.setup,
            programs: Mutex::default(),
            built: Mutex::default(),
            laying_out: tokio::sync::Mutex::default(),
            bases: bases::Bases::default(),
        })
    }

    /// What it was told.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
}

impl Lower for DockerEngine {
    fn lower(&self, want: &Want, found: &Observed<Self::Facts>) -> DesiredSet<Self::Spec> {
        lower(&self.setup, want, &found.facts)
    }

    fn place(&self) -> (&Path, &Paths, u32) {
        (&self.setup.root, &self.setup.paths, self.setup.uid)
    }

    fn kinds(&self) -> &'static [Kind] {
        const {
            &[
                NETWORK,
                IMAGE,
                BASE,
                AGENT_PROGRAM,
                FOLDER,
                VOLUME,
                CACHE,
                CONTAINER,
            ]
        }
    }

    fn lingers(&self) -> Duration {
        Duration::from_secs(3)
    }

    fn tidy(&self) {
        self.take_away_dead();
    }
}

/// The files and folders of this machine whose change gives the service another
/// image while it is up in this mode; none when it has no image that is built,
/// or one that takes all of its sources: those are mounted, and a save of them
/// is built in the container. A Dockerfile that cannot be read counts by itself.
#[must_use]
pub fn image_files(project: &Project, service: &Service, mode: Mode) -> BTreeSet<PathBuf> {
    let Some(recipe) = lower::recipe(project, service, mode) else {
        return BTreeSet::new();
    };
    let watched = hob_builder::watched(&recipe);
    let watched = watched.unwrap_or_else(|_| vec![recipe.dockerfile]);
    match watched.iter().any(|path| service.source.starts_with(path)) {
        true => BTreeSet::new(),
        false => watched.into_iter().collect(),
    }
}

/// The container of a service.
fn container(stack: &str, service: &str) -> ResourceId {
    ResourceId::of_service(stack, service, CONTAINER)
}

/// The folder of a service's agent.
fn folder(stack: &str, service: &str) -> ResourceId {
    ResourceId::of_service(stack, service, FOLDER)
}

/// The network of a stack.
fn network(stack: &str) -> ResourceId {
    ResourceId::of_stack(stack, NETWORK)
}
