//! [`DockerSpec`]: what the engine needs to know of one resource to act.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_stack::Network;
use hob_wire::Spec;

use super::program::Layout;
use crate::resource::{Digest, Identity, ResourceId};

/// What the engine needs to know of one resource.
#[derive(Debug, Clone)]
pub enum DockerSpec {
    /// A network, a volume or a cache: its name and labels say all.
    Named,
    /// A folder of this machine to make, closed to others.
    Folder(PathBuf),
    /// An image to have: pulled, or made from a Debian mirror.
    Base(BaseSpec),
    /// An image to build.
    Image(Box<ImageSpec>),
    /// A program to take out of an image.
    Program(Box<ProgramSpec>),
    /// A container to run.
    Container(Box<ContainerSpec>),
}

/// An image that is not built from a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSpec {
    /// Its name.
    pub image: String,
    /// What says that it is this one, for people: `base` of hob.toml.
    pub named_by: String,
    /// The Debian mirrors that it may be made from.
    pub mirrors: Vec<String>,
}

/// An image to build.
#[derive(Debug, Clone)]
pub struct ImageSpec {
    /// From what.
    pub recipe: hob_builder::Recipe,
    /// Its tag.
    pub tag: String,
    /// The digest of all that it is built from, which its tag promises; none
    /// where the tag promises something else.
    pub digest: Option<String>,
}

/// A program to take out of the image that it was built in.
#[derive(Debug, Clone)]
pub struct ProgramSpec {
    /// Its own name as a resource.
    pub id: ResourceId,
    /// The image, by tag.
    pub image: String,
    /// Where it goes.
    pub program: Layout,
}

/// A container and what its agent is told.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Its own name as a resource.
    pub id: ResourceId,
    /// The image, by tag or name.
    pub image: String,
    /// The names by which others in the network know it, its own first.
    pub aliases: Vec<String>,
    /// What it shares.
    pub network: Network,
    /// The folders that it sees.
    pub mounts: Vec<Mounted>,
    /// Folders in memory, with their options (see tmpfs(5)).
    pub memory: BTreeMap<String, String>,
    /// The address of this machine that it is to have.
    pub listen: Option<SocketAddr>,
    /// Where its port is published by the engine, and the port.
    pub publish: Option<(SocketAddr, u16)>,
    /// Whether its root file system is read-only.
    pub read_only: bool,
    /// Whether the health check of its image is left in force.
    pub health: bool,
    /// Whether its agent is spoken to over a port.
    pub over_tcp: bool,
    /// The program of its agent.
    pub program: Layout,
    /// The user and group that the agent gives its files to.
    pub own: (u32, u32),
    /// What it was made with and its agent does not tell.
    pub traits: Identity,
    /// What it was made to depend on.
    pub needs: Vec<ResourceId>,
    /// Secrets from variables of the caller: the file that each is written to,
    /// in the agent's folder, and the variable. The values are taken when it is
    /// written.
    pub secret_variables: BTreeMap<String, String>,
    /// Whether the image says what is run, where and by whom: that is filled
    /// into [`spec`](Self::spec) once the image is there.
    pub as_the_image_says: bool,
    /// What its agent is told to run.
    pub spec: Spec,
    /// The fingerprint of all that its process depends on.
    pub digest: Digest,
    /// For how long it may take to end.
    pub stop: std::time::Duration,
}

/// One folder that a container sees.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mounted {
    /// What it sees.
    pub source: Source,
    /// Where it sees it.
    pub target: PathBuf,
    /// Whether it may only read it.
    pub read_only: bool,
}

/// What a container sees.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A folder or file of this machine.
    Here(PathBuf),
    /// A volume, by name.
    Volume(String),
}
