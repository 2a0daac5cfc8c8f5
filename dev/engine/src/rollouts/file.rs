//! Where rollouts are kept: a file in the project's state folder, put in place
//! as a whole.

#![expect(
    clippy::disallowed_methods,
    reason = "the file of rollouts is this module's own"
)]

use std::io;
use std::path::{Path, PathBuf};

use super::Rollouts;
use crate::paths::write_closed;

/// The name of an engine's file in the project's state folder.
pub(super) fn rollouts_file(engine: &str) -> String {
    format!("versions-{engine}.json")
}

/// Whether a file of a state folder is an engine's.
pub(crate) fn is_rollouts_file(name: &str) -> bool {
    name.starts_with("versions-") && name.ends_with(".json")
}

/// The name of the lock that an update holds from its first step to its last.
pub const UPDATES_LOCK: &str = "updates.lock";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RolloutsError {
    /// The operating system refused.
    #[error("cannot {doing} {}: {why}", path.display())]
    Io {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// It is none.
    #[error("{} is not what hob wrote: {why}", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// Where and what.
        why: serde_json::Error,
    },
}

impl Rollouts {
    /// Those of a project with this state folder on an engine; none where there
    /// is no file.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn load(state: &Path, engine: &str) -> Result<Self, RolloutsError> {
        let path = state.join(rollouts_file(engine));
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|why| RolloutsError::Garbled { path, why })
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(why) => {
                let doing = "read";
                Err(RolloutsError::Io { doing, path, why })
            }
        }
    }

    /// Keeps them in this state folder, which exists; without any the file
    /// goes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, state: &Path, engine: &str) -> Result<(), RolloutsError> {
        let path = state.join(rollouts_file(engine));
        let stored = match self.is_empty() {
            true => match std::fs::remove_file(&path) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
                _ => Ok(()),
            },
            false => {
                let text = serde_json::to_vec_pretty(self).map_err(io::Error::other);
                text.and_then(|text| write_closed(&path, &text))
            }
        };
        let doing = "write";
        stored.map_err(|why| RolloutsError::Io { doing, path, why })
    }
}
