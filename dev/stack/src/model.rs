//! The always-valid model: what a project asks for, with every path absolute,
//! every name resolved and every default and inheritance filled in, so that
//! no later code checks again.
//!
//! Holds data and nothing else. Start with [`Project`], then [`Service`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use hob_ingress::PathPrefix;
use hob_wire::{ChangeAction, Limits, Protocol, Restart, SecretSource, Swap};
use serde::Serialize;

use crate::docker_endpoint::DockerEndpoint;
use crate::image_name::ImageName;
use crate::names::{Port, ProjectId, ServiceId, ServiceName, StackName, VolumeName};

/// A folder with `stacks/` and what its files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, canonical.
    pub root: PathBuf,
    /// The id that marks everything that is made for it.
    pub id: ProjectId,
    /// `hob.toml`, or its defaults.
    pub config: Config,
    /// The stacks that have no error.
    pub stacks: BTreeMap<StackName, Stack>,
}

/// `hob.toml`: what holds for the whole project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Where services run.
    pub engine: EngineChoice,
    /// Added to every fixed `publish` port.
    pub port_offset: u16,
    /// Variables that every service takes over from the caller's environment.
    pub pass_env: Vec<String>,
    /// The image that `ARG BASE` of each Dockerfile gets, and that services
    /// without an image of their own run in.
    pub base: ImageName,
    /// Debian mirrors that the base is made from where it cannot be pulled,
    /// the first one first: URLs with `http` or `https`. Debian's own when
    /// empty.
    pub mirrors: Vec<String>,
    /// The domains below which stacks and services have names.
    pub domains: BTreeSet<String>,
    /// Where the Docker engine is spoken to; looked for when absent.
    pub docker: Option<DockerEndpoint>,
    /// How agents in containers are spoken to; chosen by what works when
    /// absent.
    pub agents_over: Option<AgentsOver>,
    /// Where the agent in a container comes from; when absent, hob's own
    /// program on the same platform and a built one elsewhere.
    pub agent: Option<AgentProgram>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            engine: EngineChoice::default(),
            port_offset: 0,
            pass_env: Vec::new(),
            base: ImageName::default(),
            mirrors: Vec::new(),
            // Nobody out there has a name below it (RFC 2606).
            domains: BTreeSet::from(["test".to_owned()]),
            docker: None,
            agents_over: None,
            agent: None,
        }
    }
}

/// How agents in containers are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentsOver {
    /// A Unix socket in a mounted folder.
    Socket,
    /// A loopback port and a token.
    Tcp,
}

/// Where the agent in a container comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentProgram {
    /// hob's own program, mounted.
    Own,
    /// Built inside a container for the engine's platform.
    Built,
}

/// Which engine the project asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// The best one that is there.
    #[default]
    Auto,
    /// Supervised processes on this machine.
    Host,
    /// Containers of a Docker engine.
    Docker,
}

impl EngineChoice {
    /// Each engine that there may be.
    pub const EACH: [Self; 2] = [Self::Docker, Self::Host];
}

/// One `stack.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stack {
    /// Its name, which is also its folder's.
    pub name: StackName,
    /// `stack.toml`, absolute.
    pub file: PathBuf,
    /// The folder that it stands in, absolute.
    pub dir: PathBuf,
    /// Its own door at hob's ingress, which is brought up with it.
    pub ingress: Option<Door>,
    /// Its services.
    pub services: BTreeMap<ServiceName, Service>,
}

/// What the ingress is asked to be for a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    /// Where on loopback it answers for the stack alone,
    /// [`Config::port_offset`] not yet added.
    pub port: Option<Port>,
}

/// One program of a stack: how it is built, run, checked and published.
///
/// What concerns one mode only stands in [`run_form`](Self::run_form) and
/// [`dev_form`](Self::dev_form); everything else holds in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its stack and name.
    pub id: ServiceId,
    /// The name by which neighbours know it: its own, or that of the service
    /// that it is a version of.
    #[serde(skip)]
    pub known_as: ServiceName,
    /// The folder of its sources, absolute; it existed when the file was read.
    pub source: PathBuf,
    /// The port inside a container; a service without one has no port.
    pub port: Option<Port>,
    /// Where the port is published on [`address`](Self::address). Present only
    /// together with [`port`](Self::port).
    pub publish: Option<Publish>,
    /// Where a published port listens. Anything but loopback is the user's
    /// explicit word.
    pub address: IpAddr,
    /// What passes through the port.
    pub protocol: Protocol,
    /// The paths that the ingress leads to it at the stack's own name, each in
    /// this stack alone, in the file's order. Present only for a service that
    /// speaks HTTP at a [`port`](Self::port).
    #[serde(serialize_with = "crate::routes::serialize")]
    pub routes: Vec<PathPrefix>,
    /// Services of the same stack that are ready before this one starts, in
    /// the file's order.
    pub needs: Vec<ServiceId>,
    /// Services of the same stack that are told to this one and ordered before
    /// it, but not required. Disjoint from [`needs`](Self::needs).
    pub wants: Vec<ServiceId>,
    /// When it counts as ready in mode `run`.
    pub ready: Ready,
    /// Its variables in mode `run`.
    pub env: BTreeMap<String, String>,
    /// Variables taken over from the caller's environment, those of
    /// [`Config::pass_env`] not included.
    pub pass_env: Vec<String>,
    /// Variables filled from a file (absolute) or from the agent's
    /// environment. The values are never read here.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Kept folders: name to the absolute path inside a container.
    pub volumes: BTreeMap<VolumeName, PathBuf>,
    /// What of this machine it reads in both modes, by name.
    pub mounts: BTreeMap<VolumeName, BindMount>,
    /// What its container shares.
    pub network: Network,
    /// Where its image comes from in mode `run`.
    pub image: Option<Image>,
    /// Whether the root file system of its container is read-only in mode
    /// `run`.
    pub read_only: bool,
    /// What follows when it ends by itself.
    pub restart: Restart,
    /// The end of each wait in mode `run`.
    pub limits: Limits,
    /// Program to Debian package, said when the program is missing.
    pub packages: BTreeMap<String, String>,
    /// How it is built and run in mode `run`.
    pub run_form: Form,
    /// How it is built and run in mode `dev`, what it inherits filled in.
    pub dev_form: DevForm,
}

/// A service in mode `dev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevForm {
    /// How it is built and run.
    pub form: Form,
    /// When it counts as ready.
    pub ready: Ready,
    /// Its variables: the service's with those of `dev` over them.
    pub env: BTreeMap<String, String>,
    /// Where its image comes from.
    pub image: Option<Image>,
    /// The end of each wait.
    pub limits: Limits,
    /// How a new process takes over.
    pub swap: Swap,
    /// Whether browsers reload after a save.
    pub live_reload: bool,
    /// Paths inside the container that are kept in a volume.
    pub cache: Vec<PathBuf>,
    /// Files and folders besides the source whose change counts, absolute.
    pub watch: Vec<PathBuf>,
    /// Gitignore-style patterns of what is not watched, relative to the source.
    pub ignore: Vec<String>,
    /// What a change asks for; the first rule with a path that matches wins,
    /// and [`ChangeAction::Rebuild`] is what no rule matches.
    pub on_change: Vec<OnChange>,
}

/// A folder or file of this machine that a service reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindMount {
    /// Where it is, absolute; it existed when the file was read.
    pub from: PathBuf,
    /// Where a container sees it, absolute.
    pub to: PathBuf,
}

/// What a container shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// A network with the other services of its stack.
    #[default]
    Stack,
    /// The network of this machine: the process listens where it is published.
    Host,
}

/// How a service comes to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A program.
    Program {
        /// What builds it, never empty; none when nothing is to be built.
        build: Option<Vec<String>>,
        /// What runs it, never empty. `$OUT` and `$PORT` in both are left for
        /// the agent, and `$$` is a dollar.
        run: Vec<String>,
    },
    /// hob serves a folder's files.
    Files {
        /// The folder, absolute.
        root: PathBuf,
    },
    /// Only its image knows how to run it: it needs an engine with containers.
    #[serde(rename = "image-only")]
    ImageOnly,
}

/// Where a port is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// On this port, [`Config::port_offset`] not yet added.
    Fixed(Port),
    /// On a free one that hob picks.
    Auto,
}

/// When a started process counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// It answers a GET of this path with 200 to 399. Its service has a port.
    Http(String),
    /// Its port accepts a connection. Its service has a port.
    Tcp,
    /// As soon as it runs.
    Started,
    /// This program, never empty, exits with 0.
    Command(Vec<String>),
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Image {
    /// It is built.
    Built(Recipe),
    /// It is there already, or pulled; never built.
    Named(ImageName),
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// The Dockerfile, absolute; it existed when the file was read.
    pub dockerfile: PathBuf,
    /// The folder that is sent to the engine, absolute; it existed, too.
    pub context: PathBuf,
    /// The stage; the last one when absent.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
}

/// One rule of what a change asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnChange {
    /// Gitignore-style patterns relative to the source, at least one.
    pub paths: Vec<String>,
    /// What a change of a matching path asks for.
    pub action: ChangeAction,
}

impl Project {
    /// The service of this id.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.stacks.get(&id.stack)?.services.get(&id.service)
    }

    /// All services, in the order of their ids.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.stacks.values().flat_map(|s| s.services.values())
    }
}
