//! [`Leftover`]: one thing of a project that is still there, as every engine
//! names it.

use std::fmt;

use crate::ledger::{LEDGER_FILE, Ledger};
use crate::lock::LOCK_FILE;
use crate::paths::{LAST_LOGS, Paths, ROOT_FILE, entries};
use crate::{docker, host};

/// One thing that is left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Which one, in words.
    pub what: String,
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftoverKind {
    /// A process of the project's.
    Process,
    /// A port that such a process listens on.
    Port,
    /// A socket in the runtime folder.
    Socket,
    /// A file or folder in the state or runtime folder.
    File,
    /// A line of the ledger about something whose removal was never done.
    Record,
    /// A container of the project's.
    Container,
    /// A network of a stack's.
    Network,
    /// A volume or cache: kept until its removal is asked for.
    Volume,
    /// An image that was built: kept until its removal is asked for.
    Image,
    /// The log of a service's last run: kept until its next one ends, or until
    /// its removal is asked for.
    Log,
}

/// What is in the folders of a project, the same on every engine: sockets,
/// files, records of what was not removed, kept logs.
pub(crate) fn of_folders(paths: &Paths) -> Vec<Leftover> {
    let mut left = Vec::new();
    let mut add = |kind, what: String| left.push(Leftover { kind, what });
    for name in entries(&paths.runtime) {
        let path = paths.runtime.join(&name).display().to_string();
        match name.strip_suffix(".sock") {
            Some(_) => add(LeftoverKind::Socket, path),
            None => add(LeftoverKind::File, path),
        }
    }
    let known = [LEDGER_FILE, LOCK_FILE, ROOT_FILE, LAST_LOGS, "volumes"];
    for name in entries(&paths.state) {
        if !known.contains(&name.as_str()) {
            let path = paths.state.join(name).display().to_string();
            add(LeftoverKind::File, path);
        }
    }
    for service in paths.last_logs() {
        add(LeftoverKind::Log, service.to_string());
    }
    let kept = [host::VOLUME, docker::VOLUME, docker::CACHE, docker::IMAGE];
    for id in Ledger::peek(&paths.state).unwrap_or_default().into_keys() {
        if !kept.contains(&id.kind) {
            add(LeftoverKind::Record, id.to_string());
        }
    }
    left
}

impl LeftoverKind {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Port => "port",
            Self::Socket => "socket",
            Self::File => "file",
            Self::Record => "record",
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
            Self::Log => "log",
        }
    }

    /// Whether it is in an engine of containers.
    #[must_use]
    pub fn is_the_engines(self) -> bool {
        match self {
            Self::Container | Self::Network | Self::Volume | Self::Image => true,
            Self::Process | Self::Port | Self::Socket | Self::File | Self::Record | Self::Log => {
                false
            }
        }
    }

    /// Whether it stays until somebody asks for its removal.
    #[must_use]
    pub fn is_kept(self) -> bool {
        match self {
            Self::Volume | Self::Image | Self::Log => true,
            Self::Process
            | Self::Port
            | Self::Socket
            | Self::File
            | Self::Record
            | Self::Container
            | Self::Network => false,
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.what)
    }
}
