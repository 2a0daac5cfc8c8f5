//! [`Obstacle`]: why a service cannot be brought to where it is wanted.
//!
//! Owns the type and its words. An obstacle stops one service and those that
//! need it; the rest of a plan goes on.

use std::fmt;

use crate::Owner;

/// Why a service is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The service.
    pub owner: Owner,
    /// What sort of reason.
    pub kind: ObstacleKind,
    /// The reason in one line, the service's name not included.
    pub reason: String,
    /// What to type next.
    pub hints: Vec<String>,
}

/// The sorts of reasons; the exit code follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObstacleKind {
    /// Something that is needed is not installed.
    Missing,
    /// Somebody else has what the service must have alone.
    Taken,
    /// Somebody works with it right now.
    Busy,
    /// The engine cannot run it.
    Unsupported,
    /// What its image is built from is in error.
    Recipe,
    /// It waits for itself.
    Cycle,
    /// What it needs cannot be brought up.
    Blocked,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.owner, self.reason)?;
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}
