//! [`Leftover`]: one thing of a project that is still there, as every engine
//! names it.

use std::fmt;

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
    /// A volume: kept until its removal is asked for.
    Volume,
    /// The log of a service's last run: kept until its next one ends, or until
    /// its removal is asked for.
    Log,
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
            Self::Volume => "volume",
            Self::Log => "log",
        }
    }

    /// Whether it stays until somebody asks for its removal.
    #[must_use]
    pub fn is_kept(self) -> bool {
        match self {
            Self::Volume | Self::Log => true,
            Self::Process | Self::Port | Self::Socket | Self::File | Self::Record => false,
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.what)
    }
}
