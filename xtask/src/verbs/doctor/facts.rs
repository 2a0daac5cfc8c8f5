//! [`Facts`]: what was found, without a judgement. Data and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_resolver::Domain;
use hob_resolver::check::Reach;
use hob_stack::DockerEndpoint;

/// All that `doctor` and `setup` decide by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kernel and its limits.
    pub machine: Machine,
    /// How something could be installed.
    pub installer: Installer,
    /// Where hob keeps state and sockets.
    pub folders: Vec<Folder>,
    /// Why it cannot be told where.
    pub homeless: Option<String>,
    /// The project, if there is one here.
    pub project: Option<Stacks>,
    /// The Docker engine; none where the host engine was asked for.
    pub docker: Option<Docker>,
    /// The programs that somebody calls, each once, in order.
    pub programs: Vec<Program>,
    /// The published ports, in order.
    pub ports: Vec<Port>,
    /// This machine's resolver, where hob's own was ever asked for.
    pub names: Option<Names>,
    /// The ingress's certificate authority, where it was ever asked for.
    pub certificates: Option<Certificates>,
    /// What surrounds the services, where any of it was ever asked for.
    pub own: Vec<Own>,
    /// The names that lead to another project, each with what to do about it.
    pub shadowed: Vec<String>,
    /// The services that others than this machine reach, and should not.
    pub exposed: Vec<Exposed>,
    /// What earlier runs left behind.
    pub leftovers: Vec<Leftovers>,
}

/// The ingress's certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// What it says of itself.
    pub about: hob_authority::About,
    /// Its last day.
    pub until: String,
    /// The domains that are wanted.
    pub domains: BTreeSet<String>,
    /// Whether it may sign for them, for some time to come.
    pub does: bool,
    /// Whether HTTPS is asked for.
    pub served: bool,
    /// What was noted of its being trusted.
    pub noted: Option<hob_authority::trust::Noted>,
    /// Who keeps lists of authorities here.
    pub stores: hob_authority::trust::Stores,
}

/// One of the services that surround those of all projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// `registry`, `ingress`.
    pub name: &'static str,
    /// Its port on loopback.
    pub port: u16,
    /// How it is.
    pub found: OwnFound,
}

/// How such a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnFound {
    /// It does its work.
    Answers {
        /// The bytes that it can still keep, where it keeps any.
        free: Option<u64>,
    },
    /// It is not up.
    Down {
        /// Who has its port, in words.
        holder: Option<String>,
    },
    /// It is up, or is to be, and does not do its work.
    Ill {
        /// Why, in one line.
        why: String,
        /// What to type.
        hint: String,
    },
}

/// A program that others than this machine reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// Its service.
    pub service: String,
    /// Its name.
    pub program: String,
    /// Where it listens.
    pub address: String,
}

/// Who answers this machine's questions for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// What was found of it.
    pub facts: hob_resolver::Facts,
    /// The domains that are wanted.
    pub domains: BTreeSet<Domain>,
    /// Where hob's own listens.
    pub server: SocketAddr,
    /// Whether that is up: whoever listens there is it.
    pub is_up: bool,
    /// What came of a question in each domain that it sends here.
    pub reach: Vec<(Domain, Reach)>,
}

/// The kernel and its limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its release: `6.1.0-18-amd64`.
    pub kernel: String,
    /// What of `/proc` cannot be read.
    pub unreadable: Option<String>,
    /// `RLIMIT_NOFILE`, soft and hard; none is no limit.
    pub open_files: (Option<u64>, Option<u64>),
    /// `fs.inotify.max_user_watches`; none where the kernel has no inotify.
    pub watches: Option<Limit>,
    /// `fs.inotify.max_user_instances`.
    pub instances: Option<Limit>,
}

/// A number that the kernel allows each user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub allowed: u64,
    /// How many of them this user's processes have.
    pub used: u64,
}

/// How something could be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installer {
    /// Whether hob runs as root.
    pub root: bool,
    /// Whether `sudo` is there.
    pub sudo: bool,
    /// Whether `apt-get` is there.
    pub apt: bool,
    /// Whether apt has an index of packages.
    pub index: bool,
    /// Whether `sysctl` is there.
    pub sysctl: bool,
    /// Whether systemd runs, which starts what packages bring.
    pub systemd: bool,
}

/// A folder that hob writes to, or the nearest one above it that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// `state folder`, `runtime folder`.
    pub name: &'static str,
    /// Where it is, or will be made.
    pub path: PathBuf,
    /// What is there now: itself, or a folder above it.
    pub there: PathBuf,
    /// The owner's number, when it is not the caller.
    pub foreign: Option<u32>,
    /// Whether the caller may write to what is there.
    pub writable: bool,
    /// Whether programs may be run from it.
    pub noexec: bool,
    /// Bytes that an ordinary user can still write.
    pub free_bytes: u64,
    /// Files that can still be made; none where the file system has no limit.
    pub free_files: Option<u64>,
    /// The variable that moves it.
    pub variable: &'static str,
    /// Why it is not where that variable says.
    pub note: Option<String>,
}

/// What the stack files say, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// The project's folder.
    pub root: PathBuf,
    /// The errors in them.
    pub errors: usize,
    /// The warnings in them.
    pub warnings: usize,
    /// The services that were looked at.
    pub services: Vec<String>,
    /// Those that only a container could run.
    pub image_only: Vec<String>,
    /// Those that serve files.
    pub file_services: Vec<String>,
    /// nginx's version, if it is installed.
    pub nginx: Option<String>,
    /// Variables that secrets come from and that are not set, with the
    /// services that want them.
    pub unset: BTreeMap<String, Vec<String>>,
    /// The folders that `dev` watches.
    pub watched: u64,
}

/// The Docker engine that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docker {
    /// Who has a use for it.
    pub need: Need,
    /// What came of asking it.
    pub found: Found,
    /// Whether `dockerd` is there.
    pub installed: bool,
    /// Whether systemd runs, which starts it.
    pub systemd: bool,
    /// The caller's name.
    pub user: Option<String>,
}

impl Docker {
    /// Whether services will be containers of it.
    pub fn is_taken(&self) -> bool {
        match (self.need, &self.found) {
            (Need::Asked, _) => true,
            (Need::Useful, found) => matches!(found, Found::Answers { .. }),
            (Need::Nobody, _) => false,
        }
    }
}

/// Who has a use for the Docker engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The caller or the project asks for it.
    Asked,
    /// Services have images; without it they run on this machine.
    Useful,
    /// Nobody.
    Nobody,
}

/// What came of asking the Docker engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It says its version.
    Answers {
        /// Where it is.
        endpoint: DockerEndpoint,
        /// What named it, in words.
        whence: String,
        /// Its version.
        version: String,
    },
    /// The one that is named is none that hob can speak to.
    Refused {
        /// Why.
        reason: String,
        /// What to do about it.
        hints: Vec<String>,
    },
    /// It does not answer.
    Silent {
        /// Where it was looked for.
        endpoint: DockerEndpoint,
        /// What named it, in words.
        whence: String,
        /// Why it does not.
        why: Silence,
        /// Whether this machine's own engine listens there, or could.
        ours: bool,
    },
}

/// Why an engine does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// Nothing listens there.
    NotThere,
    /// The caller may not ask it.
    Denied,
    /// Anything else, in words.
    Other(String),
}

/// One program that somebody calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Its name, as it is called.
    pub name: String,
    /// Where it was found.
    pub path: Option<PathBuf>,
    /// What it says of its version.
    pub version: Option<String>,
    /// The Debian package that brings it.
    pub package: Option<String>,
    /// Who calls it; empty for what is only good to have.
    pub users: Vec<String>,
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// `127.0.0.1:20010`.
    pub address: String,
    /// The service that it is for.
    pub service: String,
    /// Who has it.
    pub held: Held,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Nobody.
    Free,
    /// A service of this project.
    Ours(String),
    /// Somebody else, in words, with what to type.
    Foreign(String, Option<String>),
}

/// What earlier runs of one project left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// The project's folder.
    pub root: PathBuf,
    /// Its state.
    pub state: PathBuf,
    /// Whether the project is still there.
    pub there: bool,
    /// Processes whose agent is gone, or whose project is.
    pub processes: usize,
    /// Volumes: data that was meant to be kept.
    pub volumes: usize,
    /// Everything else: sockets, files, records.
    pub others: usize,
}
