//! [`DockerFacts`]: what the lowering has to know of this machine and of the
//! engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hob_stack::ServiceId;

use super::program::Layout;

/// What was found about the services that are asked for.
#[derive(Debug, Clone, Default)]
pub struct DockerFacts {
    /// The port on this machine of every service that has one: fixed ones with
    /// their offset, automatic ones chosen. A fixed one that its offset takes
    /// past 65535 is not in it.
    pub ports: BTreeMap<ServiceId, u16>,
    /// Variables that secrets are taken from and that neither the caller nor a
    /// container has.
    pub unset: BTreeMap<ServiceId, BTreeSet<String>>,
    /// The digest of each source tree that is mounted in mode `run`; or why it
    /// could not be read.
    pub sources: BTreeMap<ServiceId, Result<String, String>>,
    /// What each service's image would be built from; or why it cannot be.
    pub builds: BTreeMap<ServiceId, Result<Build, Unbuildable>>,
    /// The images of this project that are there, by resource name, with their
    /// service and mode.
    pub images: BTreeSet<crate::ResourceId>,
    /// The user and group that services work as on mounted sources.
    pub user: (u32, u32),
    /// The program that agents are run from.
    pub program: Option<Result<Layout, Unbuildable>>,
    /// Whether agents are spoken to over a port.
    pub over_tcp: bool,
    /// Whether the engine runs as the caller, in a network of its own.
    pub rootless: bool,
    /// The user and group that agents give their files to.
    pub own: (u32, u32),
    /// Which folder each that a service mounts is: one that was made anew in the
    /// place of another is seen by no container that has the other.
    pub mounted: BTreeMap<PathBuf, String>,
    /// The secret files, and the folders of such, that are there.
    pub there: BTreeSet<PathBuf>,
}

/// What an image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The fingerprint of all of it.
    pub digest: String,
    /// The images that it begins from.
    pub froms: Vec<String>,
}

/// Why something cannot be built, with what to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuildable {
    /// Whether a Dockerfile or what it takes is in error.
    pub is_recipe: bool,
    /// One line.
    pub reason: String,
    /// What to type next.
    pub hints: Vec<String>,
}
