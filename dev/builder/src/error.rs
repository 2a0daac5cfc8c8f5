//! What a failed build says: one line, the output that led there, where in
//! the Dockerfile, and what to do.

use std::path::PathBuf;

/// Whose matter a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The Dockerfile, the context or a command in it: the user's own.
    Recipe,
    /// The engine, the disk or the network failed at it.
    Operation,
    /// Something has to be installed or started first.
    Prerequisite,
}

/// Why there is no image.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// Whose matter it is.
    pub kind: Kind,
    /// One line, lower case, without a full stop.
    pub message: String,
    /// The last lines of the failing step, at most [`BuildError::OUTPUT`].
    pub output: Vec<String>,
    /// The Dockerfile as the recipe names it.
    pub dockerfile: PathBuf,
    /// The line of the instruction that failed, from 1.
    pub line: Option<usize>,
    /// What to type or change next, commands in backticks.
    pub hints: Vec<String>,
}

impl BuildError {
    /// How many lines of output an error keeps.
    pub const OUTPUT: usize = 40;

    pub(crate) fn new(
        kind: Kind,
        dockerfile: impl Into<PathBuf>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            output: Vec::new(),
            dockerfile: dockerfile.into(),
            line: None,
            hints: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
