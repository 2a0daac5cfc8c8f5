//! What an agent was told, kept for the next one in its place (`--keep`).
//!
//! When a container, its engine or the machine starts again, so does the
//! service, without hob. The file is `spec.json` in the state folder; secrets
//! are never in it, only where they come from. Whoever can write there could
//! say what runs, so it is believed only when it is the agent's own user's and
//! nobody else may write it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hob_wire::{PROTOCOL, Spec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// A longer file is none of the agent's.
const LIMIT: u64 = hob_wire::LINE_LIMIT as u64;

/// What an agent was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Of the agent that kept it.
    protocol: u32,
    /// The digest that came with the spec.
    pub digest: String,
    /// Whether it was told to start.
    pub started: bool,
    /// What it was told to run.
    pub spec: Box<Spec>,
}

/// What every version has.
#[derive(Deserialize)]
struct Version {
    protocol: u32,
}

/// Why there is nothing to go on with although there is a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Somebody else may have written it.
    #[error("{0}")]
    Strange(&'static str),
    /// It is none of this agent's.
    #[error("it does not hold what an agent keeps: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it is of version {0} of the protocol, not {PROTOCOL}")]
    Version(u32),
}

impl Kept {
    /// What an agent was told just now.
    pub fn new(spec: Box<Spec>, digest: String, started: bool) -> Self {
        Self {
            protocol: PROTOCOL,
            digest,
            started,
            spec,
        }
    }

    /// Keeps it in the state folder; either all of it is there or the one
    /// before it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, state: &Path) -> io::Result<()> {
        let (path, next) = (path(state), state.join("spec.json.new"));
        remove(&next)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&next)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(next, path)
    }

    /// What the agent before was told; none when it kept nothing.
    ///
    /// # Errors
    /// What is there is not to be believed, or of another version.
    pub fn load(state: &Path) -> Result<Option<Self>, Error> {
        // A pipe would hold up everything.
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path(state), how, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(Error::Strange("it is a link")),
            Err(error) => return Err(io::Error::from(error).into()),
        };
        check(&file)?;
        let mut text = Vec::new();
        file.take(LIMIT).read_to_end(&mut text)?;
        let Version { protocol } = serde_json::from_slice(&text)?;
        if protocol != PROTOCOL {
            return Err(Error::Version(protocol));
        }
        Ok(Some(serde_json::from_slice(&text)?))
    }
}

/// Forgets what was kept.
///
/// # Errors
/// It cannot be removed.
pub fn forget(state: &Path) -> io::Result<()> {
    remove(&path(state))
}

fn path(state: &Path) -> PathBuf {
    state.join("spec.json")
}

fn check(file: &File) -> Result<(), Error> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(Error::Strange("it is no regular file"));
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::Strange("it belongs to another user than the agent"));
    }
    if about.mode() & 0o022 != 0 {
        return Err(Error::Strange("others may write it"));
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
