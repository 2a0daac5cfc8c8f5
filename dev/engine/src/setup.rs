//! [`Setup`]: what every engine is told of the machine and the project; and
//! [`ProjectRef`], which project that is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hob_stack::Project;

use crate::paths::Paths;

/// The program that has the hidden verbs `agent`, `serve-files` and `visit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// The program, absolute.
    pub program: PathBuf,
    /// Arguments before the verb.
    pub args: Vec<String>,
    /// The sources that it was compiled from, absolute, if they may be there.
    pub sources: Option<PathBuf>,
}

/// What an engine is told of the machine and the project.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The project's id.
    pub project: String,
    /// The project's folder.
    pub root: PathBuf,
    /// Its state and sockets.
    pub paths: Paths,
    /// The program to run agents with.
    pub executable: Executable,
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// The number of the user that calls.
    pub uid: u32,
}

/// The project that an engine serves, as far as it is known: of one whose
/// folder is gone, there is only what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRef {
    /// Its id.
    pub id: String,
    /// Its folder.
    pub root: PathBuf,
}

impl From<&Project> for ProjectRef {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id.to_string(),
            root: project.root.clone(),
        }
    }
}
