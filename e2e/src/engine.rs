//! [`Engine`]: where the tests' services run, and all that a test may see of
//! the difference.
//!
//! `HOB_E2E_ENGINE=host|docker` says it, `host` where nothing does. A module
//! of tests whose name starts with `host_` or `docker_` holds on that engine
//! alone; every other one holds on both, and asks here for what differs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::containers::{self, Client};
use crate::processes::{self, Marked};
use crate::programs::service_program;

/// What every image stands on. To have it is hob's own job.
const DEBIAN: &str = "debian:trixie-slim";

/// The image that services without an image of their own run in, in Docker:
/// Debian and what the tests' stacks use.
const DOCKERFILE: &str = "FROM debian:trixie-slim\n\
    RUN apt-get update --quiet --quiet \\\n \
    && apt-get install --quiet --quiet --yes --no-install-recommends ca-certificates python3 \\\n \
    && rm -rf /var/lib/apt/lists/*\n";

/// Where the test service lies beside the sources of a service in Docker.
const BESIDE: &str = "hob-e2e-service";

/// An engine of hob's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Supervised processes of this machine.
    Host,
    /// Containers.
    Docker,
}

impl Engine {
    /// The engine of this run of the tests.
    ///
    /// # Panics
    /// `HOB_E2E_ENGINE` has a word that is no engine's.
    #[must_use]
    pub fn of_this_run() -> Self {
        match std::env::var("HOB_E2E_ENGINE").as_deref() {
            Err(_) | Ok("" | "host") => Self::Host,
            Ok("docker") => Self::Docker,
            Ok(other) => panic!("HOB_E2E_ENGINE is `{other}`; host and docker are engines"),
        }
    }

    /// Its name, as `--engine` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Docker => "docker",
        }
    }

    /// What a service is to the engine, in plans.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Host => "agent",
            Self::Docker => "container",
        }
    }

    /// Host and port at which one service reaches another one that publishes
    /// this port and listens on 80 inside.
    #[must_use]
    pub fn address(self, service: &str, published: u16) -> (String, u16) {
        match self {
            Self::Host => ("127.0.0.1".to_owned(), published),
            Self::Docker => (service.to_owned(), self.inner_port(published)),
        }
    }

    /// The port that belongs to a service where it runs, for one that
    /// publishes this port and names 80 as its own.
    #[must_use]
    pub fn inner_port(self, published: u16) -> u16 {
        match self {
            Self::Host => published,
            Self::Docker => 80,
        }
    }

    /// The program of the test service as a stack file names it. What runs in
    /// a container sees its sources and nothing else of this machine.
    #[must_use]
    pub fn service_program(self) -> PathBuf {
        match self {
            Self::Host => service_program(),
            Self::Docker => Path::new(".").join(BESIDE),
        }
    }

    /// What `hob.toml` of a test's project says.
    #[must_use]
    pub fn project_file(self) -> Option<String> {
        (self == Self::Docker).then(|| format!("base = \"{}\"\n", base()))
    }

    /// Makes a source folder ready for running the test service in it.
    pub(crate) fn provide(self, sources: &Path) {
        let beside = sources.join(BESIDE);
        if self == Self::Docker && !beside.exists() {
            link(&service_program(), &beside);
        }
    }

    /// All processes of a project's services and their agents, by the numbers
    /// that this machine knows them by.
    #[must_use]
    pub fn marked(self, client: &Client, root: &Path) -> Vec<Marked> {
        match self {
            Self::Host => processes::marked(root),
            Self::Docker => contained(client, root),
        }
    }

    /// The agent of a service.
    #[must_use]
    pub fn agent(self, client: &Client, root: &Path, service: &str) -> Option<u32> {
        match self {
            Self::Host => processes::agent(root, service),
            Self::Docker => {
                let all = client.containers_of(&project_id(root));
                let mut all = all.into_iter();
                all.find(|it| it.service() == service)?.pid
            }
        }
    }

    /// The number that this machine knows a process of a service by.
    #[must_use]
    pub fn process(self, client: &Client, root: &Path, service: &str, inside: u32) -> Option<u32> {
        match self {
            Self::Host => Some(inside),
            Self::Docker => contained(client, root)
                .into_iter()
                .find(|it| it.service == service && processes::innermost(it.pid) == Some(inside))
                .map(|it| it.pid),
        }
    }

    /// What the engine still has of a project, kept volumes and images aside
    /// unless they are asked for. The host's processes and files are looked at elsewhere.
    #[must_use]
    pub fn left(self, client: &Client, root: &Path, kept: bool) -> Vec<String> {
        match self {
            Self::Host => Vec::new(),
            Self::Docker => client.left(&project_id(root), kept),
        }
    }

    /// Removes everything that the engine has of a project.
    pub(crate) fn remove_all(self, client: &Client, root: &Path) {
        if self == Self::Docker {
            client.remove_all(&project_id(root));
        }
    }
}

/// The id of the project in this folder, whose path is canonical: 12 digits
/// of the BLAKE3 hash of its path, as the label `hob.project` has them.
#[must_use]
pub fn project_id(root: &Path) -> String {
    let hash = blake3::hash(root.as_os_str().as_encoded_bytes());
    hash.to_hex()[..12].to_owned()
}

/// The name of the base image; it is made by whoever asks first and tagged
/// with the digest of what it is made from.
///
/// # Panics
/// It cannot be made.
#[must_use]
pub fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(|| {
        let digest = blake3::hash(DOCKERFILE.as_bytes()).to_hex();
        let name = format!("{}:{}", containers::BASE, &digest[..12]);
        let client = Client::new();
        if !client.has_image(&name) {
            if !client.has_image(DEBIAN) {
                let world = crate::World::bare();
                world.stack(
                    "base",
                    "version = 1\n[services.base]\nsource = \"base\"\nimage = {}\n",
                );
                world.write("stacks/base/base/Dockerfile", &format!("FROM {DEBIAN}\n"));
                world.hob(["build"]).good();
            }
            client.build(&name, DOCKERFILE);
        }
        name
    })
}

/// The processes of a project's containers: those in the PID namespace of a
/// container's first process.
fn contained(client: &Client, root: &Path) -> Vec<Marked> {
    let containers = client.containers_of(&project_id(root));
    let spaces: Vec<(PathBuf, String)> = containers
        .iter()
        .filter_map(|it| Some((processes::namespace(it.pid?)?, it.service())))
        .collect();
    let mut found: Vec<Marked> = processes::all()
        .filter(|pid| processes::is_alive(*pid))
        .filter_map(|pid| {
            let space = processes::namespace(pid)?;
            let (_, service) = spaces.iter().find(|(it, _)| *it == space)?;
            Some(Marked {
                pid,
                service: service.clone(),
                command: processes::command(pid),
            })
        })
        .collect();
    found.sort_by_key(|it| it.pid);
    found
}

/// The same file at a second place; a copy where they are on two disks.
fn link(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to).unwrap();
    }
}
